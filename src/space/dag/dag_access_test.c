/* dag_access_test.c - a dag that lists its members: who reads, who writes, who does not. */
#include "base/slice.h"
#include "check.h"
#include "codec/cbor.h"
#include "space/dag/dag_sim.h"

#include <stdlib.h>

#define NODES 3
#define QUICK "{\"heads_ms\":500,\"heads_max_ms\":4000,\"heartbeat_ms\":1000}"

static struct sim_config world_config(const struct space_access *access)
{
    return (struct sim_config){ .seed = 5,
                                .nodes = NODES,
                                .delay = PANDO_MSEC(4),
                                .config_json = QUICK,
                                .access = access };
}

/* Nodes 0 and 2 write, node 1 reads. The keys follow from the seed. */
static struct sim *world(struct space_access *access)
{
    struct sim_config config = world_config(NULL);
    struct sim *probe = sim_new(&config);
    struct pando_buf json;
    buf_init(&json, 4096);
    CHECK_OK(buf_printf(&json, "{"));
    for (uint32_t i = 0; i < NODES; i++) {
        char id[PEER_ID_TEXT_MAX];
        peer_id_print(&probe->nodes[i].peer_id, id);
        CHECK_OK(buf_printf(&json, "%s\"%s\":\"%s\"", i == 0 ? "" : ",", id,
                            i == 1 ? "read" : "write"));
    }
    CHECK_OK(buf_printf(&json, "}"));
    sim_free(probe);
    CHECK_OK(space_access_parse(buf_view(&json), access, NULL));
    buf_deinit(&json);
    config = world_config(access);
    struct sim *s = sim_new(&config);
    sim_link_all(s);
    return s;
}

static void end(struct sim *s)
{
    sim_check(s, true);
    CHECK_STR(s->violation == NULL ? "" : s->violation, "");
    sim_free(s);
}

static struct index_counts counts(struct sim *s, uint32_t node)
{
    return index_counts(sim_dag(s, node)->host.tables);
}

static bool has_author(struct sim *s, uint32_t node, const struct pando_key *key)
{
    struct index_cursor cursor = index_authors_of(key);
    struct index_author found;
    return index_next_author(sim_dag(s, node)->host.tables, &cursor, &found);
}

static void a_reader_gets_everything_and_writes_nothing(void **state)
{
    (void)state;
    static struct space_access access;
    struct sim *s = world(&access);
    for (uint32_t n = 0; n < 20; n++)
        CHECK_OK(sim_ask(s, n % 2 * 2, "append", "{\"body\":1}", PANDO_SEC(5)));
    CHECK_EQ(sim_ask(s, 1, "append", "{\"body\":1}", PANDO_SEC(5)), PANDO_REFUSED);
    CHECK_OK(buf_append(&s->reply.text, slice_of("", 1)));
    CHECK(strstr((const char *)s->reply.text.ptr, "no write role") != NULL);
    CHECK_EQ(sim_ask(s, 1, "append_many", "{\"count\":3,\"size\":64}", PANDO_SEC(5)),
             PANDO_REFUSED);
    sim_run_for(s, PANDO_SEC(10));
    CHECK(sim_converged(s));
    CHECK(counts(s, 1).events >= 20);
    for (uint32_t n = 0; n < NODES; n++) {
        /* Not even an announcement or a heartbeat: it would be refused everywhere. */
        CHECK(!has_author(s, n, &s->nodes[1].key));
        CHECK(map_find(&sim_dag(s, n)->beats, &s->nodes[1].key) == NULL);
        CHECK_EQ(sim_dag(s, n)->totals.refused[DAG_REFUSE_ROLE], 0);
    }
    CHECK(map_find(&sim_dag(s, 1)->beats, &s->nodes[0].key) != NULL);
    CHECK_EQ(s->faults, 0);
    end(s);
}

/* EVENTS with one event of whoever holds `secret`. */
static struct bytes *message_of(struct sim *s, const struct crypto_secret *secret)
{
    uint8_t body[16], block[1024], message[2048];
    struct wire_writer w = wire_write(body, sizeof body);
    cbor_put_uint(&w, 7);
    struct event ev = { .space = s->space,
                        .author = crypto_public(secret),
                        .seq = 1,
                        .time = 1790000000000,
                        .kind = EVENT_DATA,
                        .body = wire_written(&w) };
    CHECK_OK(event_sign(&ev, secret, block, sizeof block));
    w = wire_write(message, sizeof message);
    dag_wire_put_list(&w, &s->space, DAG_EVENTS, 0, false, 1);
    dag_wire_put_block(&w, ev.block);
    struct bytes *bytes = bytes_copy(wire_written(&w));
    CHECK(bytes != NULL);
    return bytes;
}

static void give_by_channel(struct sim *s, uint32_t to, uint32_t from, struct bytes *message)
{
    const struct dag *d = sim_dag(s, to);
    for (size_t i = 0; i < d->peers_len; i++)
        if (peer_id_equal(&d->peers[i].id, &s->nodes[from].peer_id))
            sim_give(s, to,
                     &(struct space_input){ .kind = SPACE_MESSAGE,
                                            .peer = d->peers[i].handle,
                                            .channel = DAG_SYNC,
                                            .bytes = message });
}

/* By gossip and by the channel of a member that relays what it should have refused. */
static void events_without_the_role_are_stored_nowhere(void **state)
{
    (void)state;
    static struct space_access access;
    struct sim *s = world(&access);
    const uint8_t seed[32] = { 0xee, 1 };
    struct crypto_secret stranger;
    crypto_secret_from_seed(seed, &stranger);
    const struct crypto_secret *authors[] = { &stranger, &s->nodes[1].secret };
    sim_run_for(s, PANDO_SEC(2));
    for (size_t i = 0; i < 2; i++) {
        struct bytes *message = message_of(s, authors[i]);
        const struct pando_key key = crypto_public(authors[i]);
        const uint64_t faults = s->faults;
        sim_inject(s, 0, bytes_view(message));
        sim_run_for(s, PANDO_SEC(1));
        CHECK_EQ(sim_dag(s, 0)->totals.refused[DAG_REFUSE_ROLE], 2 * i + 1);
        give_by_channel(s, 0, 2, message);
        sim_run_for(s, PANDO_SEC(10));
        CHECK_EQ(sim_dag(s, 0)->totals.refused[DAG_REFUSE_ROLE], 2 * i + 2);
        CHECK_EQ(s->faults, faults + 1); /* by gossip the verdict says it */
        for (uint32_t n = 0; n < NODES; n++)
            CHECK(!has_author(s, n, &key));
        for (uint32_t n = 1; n < NODES; n++)
            CHECK_EQ(sim_dag(s, n)->totals.refused[DAG_REFUSE_ROLE], 0);
        bytes_unref(message);
    }
    CHECK(sim_converged(s));
    end(s);
}

static void the_refusal_is_counted_for_the_operator(void **state)
{
    (void)state;
    static struct space_access access;
    struct space_metric rows[128];
    struct sim *s = world(&access);
    struct bytes *message = message_of(s, &s->nodes[1].secret);
    sim_inject(s, 2, bytes_view(message));
    sim_run_for(s, PANDO_SEC(1));
    bytes_unref(message);
    const size_t len = dag_metrics(sim_dag(s, 2), rows, 128);
    double counted = -1;
    for (size_t i = 0; i < len; i++)
        if (strcmp(rows[i].name, "refused_role_total") == 0)
            counted = rows[i].value;
    CHECK(counted > 0.5 && counted < 1.5);
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_reader_gets_everything_and_writes_nothing),
        TEST(events_without_the_role_are_stored_nowhere),
        TEST(the_refusal_is_counted_for_the_operator),
    };
    if (crypto_init() != PANDO_OK)
        return 1;
    return CHECK_RUN(tests);
}
