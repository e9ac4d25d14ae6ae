/* dag_test.c - what people can ask of a dag, and what its limits do. */
#include "base/slice.h"
#include "check.h"
#include "codec/car.h"
#include "codec/cbor.h"
#include "codec/multibase.h"
#include "space/dag/dag_sim.h"

#include <stdlib.h>

#define QUICK "{\"heads_ms\":500,\"heads_max_ms\":4000}"

static struct sim *world(uint32_t nodes, const char *config)
{
    const struct sim_config c = {
        .seed = 3, .nodes = nodes, .delay = PANDO_MSEC(4), .config_json = config
    };
    return sim_new(&c);
}

static const char *ask(struct sim *s, uint32_t node, const char *verb, const char *json)
{
    CHECK_OK(sim_ask(s, node, verb, json, PANDO_SEC(20)));
    CHECK_OK(buf_append(&s->reply.text, slice_of("", 1)));
    return (const char *)s->reply.text.ptr;
}

/* Nothing was broken on the way. */
static void end(struct sim *s)
{
    sim_check(s, true);
    CHECK_STR(s->violation == NULL ? "" : s->violation, "");
    sim_free(s);
}

static void take_text(const char *json, const char *key, char *ret, size_t cap)
{
    char pattern[40];
    snprintf(pattern, sizeof pattern, "\"%s\":\"", key);
    const char *at = strstr(json, pattern);
    CHECK(at != NULL);
    at += strlen(pattern);
    const size_t len = strcspn(at, "\"");
    CHECK(len < cap);
    memcpy(ret, at, len);
    ret[len] = 0;
}

static void an_appended_event_can_be_shown_and_listed(void **state)
{
    (void)state;
    struct sim *s = world(1, QUICK);
    char id[80], args[120];
    const char *text = ask(s, 0, "append", "{\"body\":{\"hello\":[1,null,\"w\"]}}");
    CHECK(strstr(text, "\"seq\":1") != NULL);
    take_text(text, "id", id, sizeof id);
    snprintf(args, sizeof args, "{\"id\":\"%s\"}", id);
    text = ask(s, 0, "show", args);
    CHECK(strstr(text, "\"body\":{\"hello\":[1,null,\"w\"]}") != NULL);
    CHECK(strstr(text, "\"height\":0") != NULL);
    (void)ask(s, 0, "append", "{\"kind\":\"blob\",\"body\":2}");
    text = ask(s, 0, "ls", "{}");
    CHECK(strstr(text, "\"kind\":\"blob\"") < strstr(text, "\"kind\":\"data\""));
    text = ask(s, 0, "ls", "{\"kind\":\"data\"}");
    CHECK(strstr(text, "\"kind\":\"blob\"") == NULL);
    text = ask(s, 0, "ls", "{\"limit\":1}");
    CHECK(strstr(text, "\"next\":1") != NULL);
    text = ask(s, 0, "stats", "");
    CHECK(strstr(text, "\"total_events\":2,\"head_count\":1") != NULL);
    text = ask(s, 0, "heads", "{}");
    CHECK(strstr(text, "\"count\":1") != NULL);
    text = ask(s, 0, "vector", "{}");
    CHECK(strstr(text, "\"seq\":2") != NULL);
    end(s);
}

static void wrong_calls_are_told_what_is_wrong(void **state)
{
    (void)state;
    struct sim *s = world(1, QUICK);
    const struct pando_span soon = PANDO_SEC(1);
    CHECK_EQ(sim_ask(s, 0, "nonsense", "{}", soon), PANDO_NOT_FOUND);
    CHECK_EQ(sim_ask(s, 0, "stats", "[1", soon), PANDO_MALFORMED);
    CHECK_EQ(sim_ask(s, 0, "show", "{\"id\":\"x\"}", soon), PANDO_INVALID);
    CHECK_EQ(sim_ask(s, 0, "append_many", "{}", soon), PANDO_INVALID);
    CHECK_EQ(sim_ask(s, 0, "append", "{\"kind\":\"heartbeat\",\"body\":1}", soon),
             PANDO_UNSUPPORTED);
    CHECK_EQ(sim_ask(s, 0, "append", "{\"cbor\":\"GAE\"}", soon), PANDO_MALFORMED);
    CHECK_EQ(
        sim_ask(
            s, 0, "blob_get",
            "{\"id\":\"bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e\"}",
            soon),
        PANDO_NOT_FOUND);
    CHECK_EQ(sim_dag(s, 0)->ops_len, 0);
    end(s);
}

static void many_events_give_many_ids(void **state)
{
    (void)state;
    struct sim *s = world(1, QUICK);
    const char *text = ask(s, 0, "append_many", "{\"events\":[\"AQI\",\"AwQ=\"]}");
    CHECK(strstr(text, "{\"ids\":[\"bafy") == text);
    CHECK(strstr(text, "\"count\":2}") != NULL);
    text = ask(s, 0, "append_many", "{\"count\":500,\"size\":100,\"quiet\":true}");
    CHECK(strstr(text, "\"seq\":502") != NULL);
    CHECK_EQ(index_counts(sim_dag(s, 0)->host.tables).events, 502);
    end(s);
}

static void an_export_is_an_archive_of_everything(void **state)
{
    (void)state;
    struct sim *s = world(1, QUICK);
    struct car_reader r;
    struct car_section section;
    struct cid root;
    (void)ask(s, 0, "append_many", "{\"count\":900,\"size\":200,\"quiet\":true}");
    CHECK_OK(sim_ask(s, 0, "export", "{}", PANDO_SEC(20)));
    CHECK_OK(car_open(buf_view(&s->reply.text), crypto_sha256, &r));
    CHECK(car_next_root(&r, &root));
    size_t count = 0;
    while (car_next(&r, &section)) {
        struct event ev;
        CHECK_OK(event_decode(section.data, &ev));
        CHECK_EQ(ev.seq, ++count);
    }
    CHECK_EQ(r.status, PANDO_OK);
    CHECK_EQ(count, 900);
    end(s);
}

static void a_watcher_sees_what_becomes_durable(void **state)
{
    (void)state;
    struct sim *s = world(1, QUICK);
    (void)ask(s, 0, "append", "{\"body\":1}");
    sim_call(s, 0, "watch", "{\"since\":0}");
    const uint64_t token = s->watched;
    sim_run_for(s, PANDO_MSEC(50));
    CHECK(strstr((const char *)s->reply.text.ptr, "\"seq\":1,") != NULL);
    sim_call(s, 0, "append", "{\"body\":2}");
    s->watched = token;
    buf_reset(&s->reply.text);
    sim_run_for(s, PANDO_MSEC(50));
    CHECK(strstr((const char *)s->reply.text.ptr, "\"seq\":2,") != NULL);
    CHECK(!s->reply.done);
    struct dag *d = sim_dag(s, 0);
    CHECK_EQ(d->ops_len, 1);
    CHECK(dag_op_cancel(d, token));
    CHECK_EQ(d->ops_len, 0);
    end(s);
}

/* Put a body of `len` bytes at a node; the CID that it answers with. */
static void put_body(struct sim *s, uint32_t node, const uint8_t *body, size_t len,
                     char ret_cid[static 80])
{
    const size_t cap = len * 4 / 3 + 64;
    char *json = malloc(cap);
    CHECK(json != NULL);
    strcpy(json, "{\"data\":\"");
    CHECK_OK(multibase_encode(MULTIBASE_64, slice_of(body, len), json + 9, cap - 16));
    strcat(json, "\"}");
    const char *text = ask(s, node, "blob_put", json);
    take_text(text, "cid", ret_cid, 80);
    free(json);
}

/* Two nodes; the body is far larger than a message, one chunk occurs twice. */
static void a_blob_travels_in_chunks(void **state)
{
    (void)state;
    struct sim *s = world(2, QUICK);
    enum { SIZE = 700000 };
    uint8_t *body = malloc(SIZE);
    char cid[80], args[160];
    CHECK(body != NULL);
    for (size_t i = 0; i < SIZE; i++)
        body[i] = (uint8_t)(i < 2 * BLOB_CHUNK_SIZE ? i % 251 % 128 : i * i >> 7);
    memcpy(body + BLOB_CHUNK_SIZE, body, BLOB_CHUNK_SIZE);
    put_body(s, 0, body, SIZE, cid);
    CHECK(strncmp(cid, "bafy", 4) == 0);
    sim_link_all(s);
    snprintf(args, sizeof args, "{\"id\":\"%s\",\"raw\":true}", cid);
    CHECK_OK(sim_ask(s, 1, "blob_get", args, PANDO_SEC(20)));
    CHECK_EQ(s->reply.text.len, SIZE);
    CHECK_MEM(s->reply.text.ptr, body, SIZE);
    sim_partition(s, 1); /* from its own store now */
    sim_run_for(s, PANDO_SEC(1));
    snprintf(args, sizeof args, "{\"id\":\"%s\",\"fetch\":false}", cid);
    const char *text = ask(s, 1, "blob_get", args);
    CHECK(strstr(text, "\"size\":700000") != NULL);
    free(body);
    end(s);
}

enum { WHOLE_SIZE = 2 * BLOB_CHUNK_SIZE + 5000 };

static uint8_t *whole_body(uint8_t salt)
{
    uint8_t *body = malloc(WHOLE_SIZE);
    CHECK(body != NULL);
    for (size_t i = 0; i < WHOLE_SIZE; i++)
        body[i] = (uint8_t)(i * i >> 9) ^ salt;
    return body;
}

/* The arguments that ask for a body by the hash of all its bytes. */
static void ask_whole(const uint8_t *body, bool fetch, char ret_args[static 160])
{
    char cid[CID_SHA256_TEXT_SIZE];
    const struct pando_id whole = crypto_sha256(slice_of(body, WHOLE_SIZE));
    cid_text_sha256(CID_RAW, &whole, cid);
    snprintf(ret_args, 160, "{\"id\":\"%s\",\"raw\":true,\"fetch\":%s}", cid,
             fetch ? "true" : "false");
}

/* Both after a restart: what leads from the hash to the list is in the journal. */
static void a_large_body_is_found_by_the_hash_of_the_whole(void **state)
{
    (void)state;
    struct sim *s = world(2, QUICK);
    uint8_t *body = whole_body(0);
    char cid[80], args[160];
    put_body(s, 0, body, WHOLE_SIZE, cid);
    sim_crash(s, 0);
    sim_restart(s, 0);
    ask_whole(body, false, args);
    CHECK_EQ(sim_ask(s, 1, "blob_get", args, PANDO_SEC(20)), PANDO_NOT_FOUND);
    sim_link_all(s);
    ask_whole(body, true, args);
    CHECK_OK(sim_ask(s, 1, "blob_get", args, PANDO_SEC(20)));
    CHECK_EQ(s->reply.text.len, WHOLE_SIZE);
    CHECK_MEM(s->reply.text.ptr, body, WHOLE_SIZE);
    sim_run_for(s, PANDO_SEC(1));
    sim_partition(s, 1);
    sim_crash(s, 1);
    sim_restart(s, 1);
    ask_whole(body, false, args);
    CHECK_OK(sim_ask(s, 1, "blob_get", args, PANDO_SEC(20)));
    CHECK_EQ(s->reply.text.len, WHOLE_SIZE);
    CHECK_MEM(s->reply.text.ptr, body, WHOLE_SIZE);
    CHECK_EQ(s->faults, 0);
    free(body);
    end(s);
}

/* Node 0 says that another body's list is this one's; node 2 has the true one. */
static void a_peer_that_lies_about_a_body_is_found_out(void **state)
{
    (void)state;
    struct sim *s = world(3, QUICK);
    uint8_t *body = whole_body(0), *other = whole_body(1);
    char cid[80], args[160];
    struct blob_ref lie;
    const struct pando_id whole = crypto_sha256(slice_of(body, WHOLE_SIZE));
    put_body(s, 0, other, WHOLE_SIZE, cid);
    CHECK_OK(blob_ref_parse(cid, &lie));
    CHECK_OK(dag_whole_stage(sim_dag(s, 0), &whole, &lie.id, NULL));
    sim_run_for(s, PANDO_SEC(1));
    sim_link(s, 0, 1, true);
    sim_run_for(s, PANDO_SEC(1));
    ask_whole(body, true, args);
    CHECK_EQ(sim_ask(s, 1, "blob_get", args, PANDO_SEC(25)), PANDO_UNAVAILABLE);
    CHECK_EQ(s->faults, 1);
    put_body(s, 2, body, WHOLE_SIZE, cid);
    sim_link(s, 1, 2, true);
    sim_run_for(s, PANDO_SEC(1));
    CHECK_OK(sim_ask(s, 1, "blob_get", args, PANDO_SEC(25)));
    CHECK_MEM(s->reply.text.ptr, body, WHOLE_SIZE);
    CHECK_EQ(sim_dag(s, 1)->ops_len, 0);
    free(body);
    free(other);
    end(s);
}

static void a_small_blob_is_its_own_chunk(void **state)
{
    (void)state;
    struct sim *s = world(2, QUICK);
    const char *text = ask(s, 0, "blob_put", "{\"data\":\"aGVsbG8gd29ybGQ=\"}");
    CHECK(strstr(text, "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e") !=
          NULL);
    sim_link_all(s);
    text =
        ask(s, 1, "blob_get",
            "{\"id\":\"bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e\"}");
    CHECK(strstr(text, "\"data\":\"aGVsbG8gd29ybGQ\"") != NULL);
    end(s);
}

static void a_blob_that_nobody_has_is_given_up(void **state)
{
    (void)state;
    struct sim *s = world(3, QUICK);
    sim_link_all(s);
    sim_run_for(s, PANDO_SEC(1));
    CHECK_EQ(
        sim_ask(
            s, 1, "blob_get",
            "{\"id\":\"bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e\"}",
            PANDO_SEC(20)),
        PANDO_UNAVAILABLE);
    CHECK(sim_dag(s, 1)->blob_fetch.asked_total <= 4);
    end(s);
}

static void nodes_announce_beat_and_leave(void **state)
{
    (void)state;
    struct sim *s = world(
        2, "{\"heartbeat_ms\":1000,\"addresses\":[\"/ip4/10.0.0.1/udp/9000/quic-v1\"]}");
    sim_link_all(s);
    sim_run_for(s, PANDO_SEC(5));
    const char *text = ask(s, 0, "ls", "{\"kind\":\"announce\"}");
    CHECK(strstr(text, "\"addresses\":[\"/ip4/10.0.0.1/udp/9000/quic-v1\"]") != NULL);
    CHECK(strstr(text, "\"capabilities\":[\"receipt\",\"federation\"]") != NULL);
    CHECK(strstr(text, "\"total\":2") != NULL);
    text = ask(s, 0, "nodes", "{}");
    CHECK(strstr(text, "\"uptime\":") != NULL);
    /* heartbeats stay outside: two announcements are all there is */
    CHECK_EQ(index_counts(sim_dag(s, 0)->host.tables).events, 2);
    CHECK(sim_dag(s, 0)->totals.beats >= 2);
    sim_give(s, 1, &(struct space_input){ .kind = SPACE_STOPPING });
    sim_run_for(s, PANDO_SEC(2));
    text = ask(s, 0, "ls", "{\"kind\":\"leave\"}");
    CHECK(strstr(text, "Graceful shutdown") != NULL);
    end(s);
}

/* A check in the manner of a receipt's: {"k": key, "s": signature over "inner"}. */
static enum dag_body_verdict check_body(void *ctx, enum event_kind kind,
                                        const struct pando_id *space,
                                        const struct pando_key *author,
                                        struct pando_slice body,
                                        struct space_verify_item *ret_item,
                                        uint8_t scratch[DAG_INNER_MAX])
{
    struct wire_reader r = wire_read(body);
    (void)ctx;
    (void)space;
    (void)author;
    if (kind != EVENT_RECEIPT)
        return DAG_BODY_OK;
    if (cbor_get_map(&r, 2) != 2)
        return DAG_BODY_BAD;
    cbor_expect_key(&r, "k");
    const struct pando_slice key = cbor_get_bytes(&r, 32);
    cbor_expect_key(&r, "s");
    const struct pando_slice sig = cbor_get_bytes(&r, 64);
    if (!wire_read_done(&r) || key.len != 32 || sig.len != 64)
        return DAG_BODY_BAD;
    memcpy(ret_item->key.bytes, key.ptr, 32);
    memcpy(ret_item->sig.bytes, sig.ptr, 64);
    memcpy(scratch, "inner", 5);
    ret_item->signed_bytes = slice_of(scratch, 5);
    return DAG_BODY_SIGNED;
}

/* As the node hands bytes over, run until the answer is there. */
static enum pando_status put(struct sim *s, uint32_t node, const char *verb,
                             struct pando_slice bytes)
{
    struct bytes *copy = bytes_copy(bytes);
    s->watched = ++s->next_token;
    buf_reset(&s->reply.text);
    s->reply.done = false;
    sim_give(s, node,
             &(struct space_input){
                 .kind = SPACE_PUT, .token = s->watched, .verb = verb, .bytes = copy });
    bytes_unref(copy);
    sim_run_for(s, PANDO_SEC(1));
    CHECK(s->reply.done);
    return s->reply.status;
}

static struct pando_slice signed_body(bool forged, uint8_t cbor[static 128])
{
    const uint8_t seed[32] = { 77 };
    struct crypto_secret secret;
    crypto_secret_from_seed(seed, &secret);
    const struct pando_key key = crypto_public(&secret);
    struct pando_sig sig = crypto_sign(&secret, slice_text("inner"));
    sig.bytes[3] ^= forged;
    struct wire_writer w = wire_write(cbor, 128);
    cbor_put_map(&w, 2);
    cbor_put_key(&w, "k");
    cbor_put_bytes(&w, SLICE_OF(key));
    cbor_put_key(&w, "s");
    cbor_put_bytes(&w, SLICE_OF(sig));
    return wire_written(&w);
}

/* The arguments that name what the last put was answered with. */
static void id_args(const struct sim *s, char *ret, size_t cap)
{
    char id[65];
    CHECK_EQ(s->reply.text.len, 32);
    CHECK_OK(multibase_encode(MULTIBASE_16, buf_view(&s->reply.text), id, sizeof id));
    snprintf(ret, cap, "{\"id\":\"%s\"}", id);
}

static void a_receipt_is_verified_inside_too(void **state)
{
    (void)state;
    struct sim *s = world(2, QUICK);
    const struct dag_check check = { NULL, check_body };
    uint8_t bytes[128];
    char args[100];
    space_dag_set_check(sim_dag(s, 1), &check);
    sim_link_all(s);
    sim_run_for(s, PANDO_SEC(1));
    CHECK_OK(put(s, 0, "receipt", signed_body(false, bytes)));
    id_args(s, args, sizeof args);
    CHECK(strstr(ask(s, 1, "receipt_show", args), "\"kind\":\"receipt\"") != NULL);
    CHECK_EQ(index_counts(sim_dag(s, 1)->host.tables).receipts, 1);
    /* node 0 has no check and lets it in; node 1 must not believe it */
    const struct pando_slice forged = signed_body(true, bytes);
    CHECK_OK(put(s, 0, "receipt", forged));
    sim_run_for(s, PANDO_SEC(2));
    CHECK_EQ(index_counts(sim_dag(s, 0)->host.tables).receipts, 2);
    CHECK_EQ(index_counts(sim_dag(s, 1)->host.tables).receipts, 1);
    CHECK(sim_dag(s, 1)->totals.refused[DAG_REFUSE_FORGED] >= 1);
    /* and the node with the check refuses to sign one itself */
    CHECK_EQ(put(s, 1, "receipt", forged), PANDO_REFUSED);
    CHECK_EQ(put(s, 1, "receipt", slice_text("\x01")), PANDO_REFUSED);
    CHECK_EQ(put(s, 1, "receipts", forged), PANDO_UNSUPPORTED);
    end(s);
}

static void what_the_node_puts_twice_is_kept_once(void **state)
{
    (void)state;
    struct sim *s = world(1, QUICK);
    const struct pando_slice body = slice_text("hello world");
    const struct pando_id id = crypto_sha256(body);
    CHECK_OK(put(s, 0, "blob", body));
    CHECK_EQ(s->reply.text.len, sizeof id);
    CHECK_MEM(s->reply.text.ptr, &id, sizeof id);
    const uint64_t before = journal_durable(sim_dag(s, 0)->host.journal);
    CHECK_OK(put(s, 0, "blob", body));
    CHECK_MEM(s->reply.text.ptr, &id, sizeof id);
    CHECK_EQ(journal_durable(sim_dag(s, 0)->host.journal), before);
    CHECK(strstr(ask(s, 0, "blob_put", "{\"data\":\"aGVsbG8gd29ybGQ=\"}"), "\"size\":11") !=
          NULL);
    CHECK_EQ(journal_durable(sim_dag(s, 0)->host.journal), before);
    end(s);
}

static void a_flood_is_shed_and_comes_by_the_stream(void **state)
{
    (void)state;
    struct sim *s =
        world(2, "{\"rate\":10,\"burst\":20,\"heads_ms\":500,\"heads_max_ms\":1000}");
    sim_link_all(s);
    sim_run_for(s, PANDO_SEC(1));
    (void)ask(s, 0, "append_many", "{\"count\":200,\"size\":40}");
    sim_run_for(s, PANDO_SEC(5));
    CHECK(sim_dag(s, 1)->totals.refused[DAG_REFUSE_RATE] > 0);
    CHECK(sim_converged(s));
    end(s);
}

static void a_failed_store_is_said_and_outlived(void **state)
{
    (void)state;
    struct sim *s = world(1, QUICK);
    sim_give(s, 0, &(struct space_input){ .kind = SPACE_STORE_FAIL, .status = PANDO_IO });
    CHECK_EQ(sim_ask(s, 0, "append", "{\"body\":1}", PANDO_SEC(1)), PANDO_UNAVAILABLE);
    sim_give(s, 0, &(struct space_input){ .kind = SPACE_STORE_BACK });
    CHECK(strstr(ask(s, 0, "append", "{\"body\":1}"), "\"seq\":1") != NULL);
    end(s);
}

static void config_names_what_it_refuses(void **state)
{
    (void)state;
    struct dag_config config;
    struct pando_buf addresses;
    struct pando_err err;
    buf_init(&addresses, 1000);
    CHECK_OK(dag_config_load(slice_text("{\"rate\":7}"), &config, &addresses, &err));
    CHECK_EQ(config.rate, 7);
    CHECK_EQ(dag_config_load(slice_text("{\"rat\":7}"), &config, &addresses, &err),
             PANDO_INVALID);
    CHECK(strstr(err.text, "\"rat\"") != NULL);
    CHECK_EQ(dag_config_load(slice_text("{\"rate\":0}"), &config, &addresses, &err),
             PANDO_INVALID);
    CHECK(strstr(err.text, "from 1 to") != NULL);
    buf_deinit(&addresses);
}

static void metrics_and_status_say_what_is(void **state)
{
    (void)state;
    struct sim *s = world(1, QUICK);
    struct space_metric rows[80];
    char text[400];
    (void)ask(s, 0, "append", "{\"body\":1}");
    const size_t len = space_dag_ops.metrics(s->nodes[0].instance, rows, 80);
    CHECK(len > 20 && len < 80);
    CHECK_STR(rows[0].name, "events_total");
    CHECK_EQ(rows[0].value, 1);
    CHECK(space_dag_ops.status(s->nodes[0].instance, text, sizeof text) > 0);
    CHECK(strstr(text, "\"dag_events\":1,\"dag_heads\":1") == text);
    CHECK_EQ(space_dag_ops.status(s->nodes[0].instance, text, 10), 0);
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_appended_event_can_be_shown_and_listed),
        TEST(wrong_calls_are_told_what_is_wrong),
        TEST(many_events_give_many_ids),
        TEST(an_export_is_an_archive_of_everything),
        TEST(a_watcher_sees_what_becomes_durable),
        TEST(a_blob_travels_in_chunks),
        TEST(a_large_body_is_found_by_the_hash_of_the_whole),
        TEST(a_peer_that_lies_about_a_body_is_found_out),
        TEST(a_small_blob_is_its_own_chunk),
        TEST(a_blob_that_nobody_has_is_given_up),
        TEST(nodes_announce_beat_and_leave),
        TEST(a_receipt_is_verified_inside_too),
        TEST(what_the_node_puts_twice_is_kept_once),
        TEST(a_flood_is_shed_and_comes_by_the_stream),
        TEST(a_failed_store_is_said_and_outlived),
        TEST(config_names_what_it_refuses),
        TEST(metrics_and_status_say_what_is),
    };
    if (crypto_init() != PANDO_OK)
        return 1;
    return CHECK_RUN(tests);
}
