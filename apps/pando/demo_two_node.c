/* demo_two_node.c - the seed's "Two-Node Federation Demo", for real, and one step beyond.
 *
 * Two nodes link; a capsule runs on one and its receipt is in both dags within
 * milliseconds; the link is cut, both sides go on, and after it is healed they are equal
 * again; a receipt that was tampered with is refused. Each claim is checked.
 */
#include "apps/pando/demo.h"

#include "apps/pando/output.h"
#include "base/slice.h"
#include "demo_capsule.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_MS 60000

struct sides {
    struct demo *d;
    json_int_t events;
    json_int_t receipts;
};

static bool linked(const json_t *status, void *ctx)
{
    (void)ctx;
    return json_integer_value(json_object_get(status, "connected_peers")) == 1;
}

static bool unlinked(const json_t *status, void *ctx)
{
    (void)ctx;
    return json_integer_value(json_object_get(status, "connected_peers")) == 0;
}

static bool knows_two(const json_t *status, void *ctx)
{
    (void)ctx;
    return json_integer_value(json_object_get(status, "node_count")) == 2;
}

static json_int_t member(struct demo *d, size_t i, const char *key)
{
    json_t *status = demo_ask(d, i, "status", "{}", NULL);
    const json_int_t value = json_integer_value(json_object_get(status, key));
    json_decref(status);
    return value;
}

static bool has_events(const json_t *status, void *ctx)
{
    const struct sides *want = ctx;
    return json_integer_value(json_object_get(status, "dag_events")) == want->events &&
           json_integer_value(json_object_get(status, "receipt_count")) == want->receipts;
}

static void print_side_by_side(struct demo *d)
{
    static const struct {
        const char *label, *key;
    } rows[] = { { "Connected Peers", "connected_peers" },
                 { "DAG Events", "dag_events" },
                 { "DAG Heads", "dag_heads" },
                 { "Receipt Count", "receipt_count" },
                 { "Node Count", "node_count" } };
    json_t *a = demo_ask(d, 0, "status", "{}", NULL), *b = demo_ask(d, 1, "status", "{}", NULL);
    (void)printf("   %-18s %12s %12s\n", "", d->nodes[0].name, d->nodes[1].name);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        (void)printf("   %-18s %12lld %12lld\n", rows[i].label,
                     (long long)json_integer_value(json_object_get(a, rows[i].key)),
                     (long long)json_integer_value(json_object_get(b, rows[i].key)));
    json_decref(a);
    json_decref(b);
}

/* Run the hello capsule on a node; its answer is a new reference. */
static json_t *run_hello(struct demo *d, size_t i, const char *input)
{
    struct pando_err err = { 0 };
    json_t *args = json_pack("{s:o,s:s}", "capsule",
                             base64_json(slice_of(demo_capsule, demo_capsule_len)), "input_text", input);
    char *text = args == NULL ? NULL : json_dumps(args, JSON_COMPACT);
    json_t *answer = text == NULL ? NULL : demo_ask(d, i, "exec.run", text, &err);
    if (answer == NULL)
        (void)printf("   exec.run: %s\n", err.text);
    free(text);
    json_decref(args);
    return answer;
}

static void print_run(const json_t *answer)
{
    struct pando_buf out;
    buf_init(&out, 1u << 20);
    const char *base64 = json_string_value(json_object_get(answer, "output"));
    const json_t *metrics = json_object_get(answer, "metrics");
    if (base64 != NULL && base64_bytes(base64, &out) == PANDO_OK)
        (void)printf("   output:  %.*s\n", (int)out.len, (const char *)out.ptr);
    (void)printf("   receipt: %s\n   metrics: fuel %lld, memory %lld KiB, %lld us\n",
                 json_string_value(json_object_get(answer, "receipt_id")),
                 (long long)json_integer_value(json_object_get(metrics, "fuel_used")),
                 (long long)json_integer_value(json_object_get(metrics, "memory_bytes")) / 1024,
                 (long long)json_integer_value(json_object_get(metrics, "duration_us")));
    buf_deinit(&out);
}

/* Ask the other node for one event until it has it: the time from the acknowledgement. */
static bool arrives(struct demo *d, size_t i, const char *event, uint64_t *ret_us)
{
    char args[160];
    const uint64_t start = demo_now_us();
    (void)snprintf(args, sizeof args, "{\"id\":\"%.100s\"}", event);
    do {
        json_t *shown = demo_ask(d, i, "dag.show", args, NULL);
        *ret_us = demo_now_us() - start;
        json_decref(shown);
        if (shown != NULL)
            return true;
    } while (*ret_us < LIMIT_MS * 1000u);
    return false;
}

static enum pando_status step_link(struct demo *d, struct pando_err *reterr)
{
    char peer[32];
    uint64_t us;
    demo_step(d, "Two nodes start; the second one knows the first one's address.");
    enum pando_status st = demo_start(d, 0, "node1", 9000, NULL, reterr);
    if (st != PANDO_OK)
        return st;
    (void)snprintf(peer, sizeof peer, "127.0.0.1:%u", d->nodes[0].port);
    st = demo_start(d, 1, "node2", (uint16_t)(d->nodes[0].port + 1), peer, reterr);
    if (st != PANDO_OK)
        return st;
    const bool up = demo_wait(d, 1, "status", linked, NULL, LIMIT_MS, &us);
    (void)demo_check(d, up, "linked over QUIC, identities proved by certificate");
    const bool known = demo_wait(d, 0, "status", knows_two, NULL, LIMIT_MS, &us) &&
                       demo_wait(d, 1, "status", knows_two, NULL, LIMIT_MS, &us);
    (void)demo_check(d, known, "announcements were exchanged: each node knows of two");
    print_side_by_side(d);
    return PANDO_OK;
}

static json_t *step_run(struct demo *d)
{
    uint64_t us = 0;
    demo_step(d, "A capsule runs on node1; its signed receipt goes to both dags.");
    json_t *answer = run_hello(d, 0, "{\"name\":\"test\"}");
    if (!demo_check(d, answer != NULL, "the capsule ran and its receipt is durable on node1"))
        return NULL;
    print_run(answer);
    const char *event = json_string_value(json_object_get(answer, "event_id"));
    const bool came = event != NULL && arrives(d, 1, event, &us);
    (void)demo_check(d, came,
                     "the receipt was durable and readable on node2 %.1f ms after its acknowledgement",
                     (double)us / 1000.0);
    print_side_by_side(d);
    (void)demo_check(d, member(d, 0, "dag_events") == member(d, 1, "dag_events") &&
                            member(d, 1, "receipt_count") == 1,
                     "DAG statistics show the same counts on both nodes");
    return answer;
}

static void step_partition(struct demo *d)
{
    uint64_t us;
    demo_step(d, "The link is cut; both sides go on alone; then it is healed.");
    json_t *cut = demo_ask(d, 0, "link.cut", "{\"peer\":\"all\"}", NULL);
    json_decref(cut);
    (void)demo_check(d, cut != NULL && demo_wait(d, 1, "status", unlinked, NULL, LIMIT_MS, &us),
                     "node2 has no peer any more");
    const json_int_t events = member(d, 0, "dag_events");
    for (unsigned k = 0; k < 3; k++) {
        json_t *a = run_hello(d, 0, "{\"name\":\"left\"}"), *b = run_hello(d, 1, "{\"name\":\"right\"}");
        (void)demo_check(d, a != NULL && b != NULL, "run %u on each side, receipts durable there", k + 1);
        json_decref(a);
        json_decref(b);
    }
    print_side_by_side(d);
    (void)demo_check(d, member(d, 0, "dag_events") == events + 3 && member(d, 1, "dag_events") == events + 3,
                     "each side has its own three receipts only");
    json_t *heal = demo_ask(d, 0, "link.heal", "{}", NULL);
    json_decref(heal);
    struct sides want = { d, events + 6, 7 };
    const bool equal = demo_wait(d, 0, "status", has_events, &want, LIMIT_MS, &us) &&
                       demo_wait(d, 1, "status", has_events, &want, LIMIT_MS, &us);
    (void)demo_check(d, heal != NULL && equal, "healed: both nodes hold all events again");
    json_t *a = demo_ask(d, 0, "dag.heads", "{}", NULL), *b = demo_ask(d, 1, "dag.heads", "{}", NULL);
    (void)demo_check(d, a != NULL && json_equal(a, b), "and the same heads");
    json_decref(a);
    json_decref(b);
    print_side_by_side(d);
}

/* The answer's receipt with one number changed. */
static bool is_refused(struct demo *d, json_t *receipt)
{
    json_t *args = json_pack("{s:O}", "receipt", receipt);
    char *text = json_dumps(args, JSON_COMPACT);
    json_t *verdict = demo_ask(d, 1, "receipt.verify", text, NULL);
    const bool refused = verdict == NULL || !json_is_true(json_object_get(verdict, "valid"));
    json_decref(verdict);
    json_decref(args);
    free(text);
    return refused;
}

static bool is_replayed(struct demo *d, const char *receipt_id)
{
    char args[200];
    (void)snprintf(args, sizeof args, "{\"receipt\":\"%.100s\",\"replay\":true}", receipt_id);
    json_t *verdict = demo_ask(d, 1, "receipt.verify", args, NULL);
    const json_t *replay = json_object_get(verdict, "replay");
    const bool same = json_is_true(json_object_get(verdict, "valid")) &&
                      json_is_true(json_object_get(replay, "matches"));
    json_decref(verdict);
    return same;
}

static void step_verify(struct demo *d, json_t *answer)
{
    demo_step(d, "node2 verifies node1's receipt: by signature, by running it again, and a forged one.");
    json_t *receipt = json_object_get(answer, "receipt");
    const char *id = json_string_value(json_object_get(answer, "receipt_id"));
    (void)demo_check(d, receipt != NULL && !is_refused(d, receipt), "the genuine receipt is accepted");
    (void)demo_check(d, id != NULL && is_replayed(d, id),
                     "run again on node2 (capsule fetched from node1): same output, same fuel");
    const json_int_t nonce = json_integer_value(json_object_get(receipt, "nonce"));
    (void)json_object_set_new(receipt, "nonce", json_integer(nonce + 1));
    (void)json_object_del(receipt, "id");
    (void)demo_check(d, receipt != NULL && is_refused(d, receipt), "the tampered receipt is refused");
}

static void step_stop(struct demo *d)
{
    uint64_t us;
    demo_step(d, "Both nodes stop; each says farewell first.");
    const json_int_t events = member(d, 0, "dag_events");
    (void)demo_check(d, demo_stop(d, 1), "node2 stopped cleanly");
    struct sides want = { d, events + 1, 7 };
    (void)demo_check(d, demo_wait(d, 0, "status", has_events, &want, LIMIT_MS, &us),
                     "node1 holds node2's leave event");
    (void)demo_check(d, demo_stop(d, 0), "node1 stopped cleanly");
}

enum pando_status demo_two_node(struct demo *d, struct pando_err *reterr)
{
    (void)printf("Two-node federation demo: real processes, folder %s\n", d->dir);
    const enum pando_status st = step_link(d, reterr);
    if (st != PANDO_OK)
        return st;
    json_t *answer = step_run(d);
    if (answer != NULL) {
        step_partition(d);
        step_verify(d, answer);
        step_stop(d);
    }
    json_decref(answer);
    (void)printf("\n%s\n", d->failed == 0 ? "Every step held." : "Not every step held.");
    return PANDO_OK;
}
