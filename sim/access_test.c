/* access_test.c - a stranger whose own checks were taken out meets a space of members.
 *
 * Node 0 writes, node 1 reads, node 2 is not listed. Its program would refuse to open the
 * space, so the test opens another one there and gives it the space's id: from then on node
 * 2 says that it holds the space, subscribes its topic, opens its channels and signs events
 * for it, as an attacker's program may. Safety: it gets nothing, and what it signs is stored
 * nowhere else. Liveness: the members go on.
 */
#include "base/slice.h"
#include "check.h"
#include "codec/cbor.h"
#include "node/state.h"
#include "sim/state.h"
#include "space/dag/engine.h"

static void ask(struct sim *s, uint32_t node, const char *verb, const char *args,
                struct pando_buf *ret)
{
    const enum pando_status st = sim_ask(s, node, verb, args, ret);
    if (st != PANDO_OK)
        CHECK_NOTE("node %u, %s: %s\n", node, verb, (const char *)ret->ptr);
    CHECK_OK(st);
}

static void create(struct sim *s, uint32_t node, const char *access)
{
    char args[600];
    struct pando_buf body;
    buf_init(&body, 1u << 20);
    (void)snprintf(args, sizeof args, "{\"name\":\"lab\",\"access\":%s}", access);
    ask(s, node, "space.create", args, &body);
    buf_deinit(&body);
}

static struct node_space *lab(struct sim *s, uint32_t node)
{
    struct node_space *space = space_by_name(sim_node(s, node), "lab", "dag");
    CHECK(space != NULL);
    return space;
}

/* Nodes 0 and 1 are members, node 2 pretends to be one. */
static struct sim *world(uint64_t seed)
{
    char ids[2][PEER_ID_TEXT_MAX], access[400];
    const struct sim_config config = sim_config_default(seed, 3);
    struct sim *s = sim_new(&config);
    for (size_t i = 0; i < 2; i++)
        peer_id_print(&s->nodes[i].id, ids[i]);
    (void)snprintf(access, sizeof access, "{\"%s\":\"write\",\"%s\":\"read\"}", ids[0],
                   ids[1]);
    for (uint32_t i = 0; i < 3; i++)
        for (uint32_t j = 0; j < i; j++)
            sim_connect(s, i, j);
    sim_start_all(s);
    create(s, 0, access);
    create(s, 1, access);
    create(s, 2, "\"open\"");
    struct node_space *false_one = lab(s, 2);
    const struct node_space *true_one = lab(s, 0);
    struct dag *d = false_one->instance;
    false_one->id = d->host.space = true_one->id;
    memcpy(false_one->hex, true_one->hex, sizeof false_one->hex);
    memcpy(false_one->topic, true_one->topic, sizeof false_one->topic);
    pubsub_join_space(sim_node(s, 2), false_one);
    protocols_push(sim_node(s, 2));
    sim_run_for(s, PANDO_SEC(5));
    return s;
}

static size_t met(struct sim *s, uint32_t node)
{
    const struct node *n = sim_node(s, node);
    const uint32_t slot = lab(s, node)->slot;
    size_t met = 0;
    for (uint32_t i = 0; i < n->peers_max; i++)
        if (n->peers[i].used) {
            const struct peer_space *ps = &n->peers[i].spaces[slot];
            met += ps->shared;
            for (size_t c = 0; c < DAG_CHANNELS && !ps->shared; c++)
                CHECK_EQ(ps->in[c], 0); /* its streams were reset */
        }
    return met;
}

static bool holds(struct sim *s, uint32_t node, const char *what)
{
    uint32_t found = 0;
    struct index_cursor cursor = { .begun = false };
    struct index_author author;
    struct dag *d = lab(s, node)->instance;
    while (index_next_author(d->host.tables, &cursor, &author)) {
        uint64_t positions[INDEX_FORKS_MAX];
        for (uint64_t seq = 1; seq <= author.seq; seq++) {
            const size_t len =
                index_find_seq(d->host.tables, author.author, seq, positions);
            for (size_t i = 0; i < len; i++) {
                struct event ev;
                struct bytes *bytes = dag_read_event(d, positions[i], &ev);
                CHECK(bytes != NULL);
                found += memmem(ev.body.ptr, ev.body.len, what, strlen(what)) != NULL;
                bytes_unref(bytes);
            }
        }
    }
    return found > 0;
}

static void append(struct sim *s, uint32_t node, const char *text)
{
    char args[200];
    struct pando_buf body;
    buf_init(&body, 1u << 20);
    (void)snprintf(args, sizeof args,
                   "{\"space\":\"lab\",\"kind\":\"data\",\"body\":\"%s\"}", text);
    ask(s, node, "dag.append", args, &body);
    buf_deinit(&body);
}

/* An event that the stranger signed for the space, by gossip and on every channel that it
 * has opened. */
static void say(struct sim *s)
{
    uint8_t body[64], block[1024], message[2048];
    struct node *n = sim_node(s, 2);
    struct node_space *space = lab(s, 2);
    struct wire_writer w = wire_write(body, sizeof body);
    cbor_put_text(&w, slice_text("of a stranger"));
    struct event ev = { .space = space->id,
                        .author = crypto_public(&s->nodes[2].secret),
                        .seq = 1,
                        .time = n->ports.wall(n->ports.ctx).ms,
                        .kind = EVENT_DATA,
                        .body = wire_written(&w) };
    CHECK_OK(event_sign(&ev, &s->nodes[2].secret, block, sizeof block));
    w = wire_write(message, sizeof message);
    dag_wire_put_list(&w, &space->id, DAG_EVENTS, 0, false, 1);
    dag_wire_put_block(&w, ev.block);
    struct bytes *bytes = bytes_copy(wire_written(&w));
    CHECK(bytes != NULL);
    pubsub_publish_space(n, space, bytes);
    for (uint32_t i = 0; i < n->peers_max; i++)
        if (n->peers[i].used)
            channels_send(n, space,
                          &(struct space_effect){ .kind = SPACE_SEND,
                                                  .peer = i,
                                                  .channel = DAG_SYNC,
                                                  .bytes = bytes_ref(bytes) });
    bytes_unref(bytes);
    s->nodes[2].dirty = true;
    sim_turn(&s->nodes[2]);
}

static void a_stranger_gets_nothing_and_leaves_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct sim *s = world(seed);
        CHECK_EQ(node_look(sim_node(s, 2)).peers, 2);
        append(s, 0, "for members");
        say(s);
        sim_run_for(s, PANDO_SEC(20));
        append(s, 0, "for members again");
        sim_run_for(s, PANDO_SEC(20));
        CHECK(holds(s, 0, "for members again"));
        CHECK(holds(s, 1, "for members") && holds(s, 1, "for members again"));
        const struct dag *outside = lab(s, 2)->instance;
        CHECK_EQ(outside->totals.received, 0);
        CHECK_EQ(outside->totals.sync_received, 0);
        for (uint32_t i = 0; i < 2; i++) {
            CHECK(!holds(s, i, "of a stranger"));
            CHECK_EQ(met(s, i), 1);
            CHECK(gossip_count(sim_node(s, i)->gossip)->unwanted > 0); /* it did try */
        }
        CHECK_STR(sim_error(s) == NULL ? "" : sim_error(s), "");
        sim_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_stranger_gets_nothing_and_leaves_nothing),
    };
    if (crypto_init() != PANDO_OK)
        return 1;
    return CHECK_RUN(tests);
}
