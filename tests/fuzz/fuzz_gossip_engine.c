/* Property: no script of inputs, hostile RPCs among them, brings the router's tables out
 * of step with each other, makes it send what does not decode, or deliver a message
 * twice. The data is a program: an opcode, its operands, the next opcode. */
#include "base/assert.h"
#include "base/slice.h"
#include "proto/gossipsub/gossip_internal.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PEERS = 5, TOPICS = 6, HANDLES = 32, DELIVERED = 64 };

struct machine {
    struct gossip *g;
    struct pando_time now;
    bool up[PEERS];
    uint64_t handles[HANDLES];
    uint32_t handles_len;
    struct pando_id delivered[DELIVERED]; /* of topics without signatures */
    uint32_t delivered_len;
};

static struct pando_sig sign(void *ctx, struct pando_slice message)
{
    (void)ctx;
    struct pando_sig sig = { { 0 } };
    const struct pando_id hash = crypto_sha256(message);
    memcpy(sig.bytes, hash.bytes, sizeof hash.bytes);
    return sig;
}

static struct peer_id id_of(uint8_t peer)
{
    const struct pando_key key = { { peer } };
    return peer_id_from_key(&key);
}

static uint32_t population(const struct gossip *g, const uint64_t *bits)
{
    uint32_t len = 0, cursor = 0, peer;
    while (bits_next(bits, g->words, &cursor, &peer)) {
        PANDO_ASSERT(g->peers[peer].up);
        len++;
    }
    return len;
}

static void check_topics(const struct gossip *g)
{
    uint32_t used = 0, remembered = 0, held = 0;
    for (uint32_t i = 0; i < TOPICS; i++) {
        const struct gossip_topic *t = &g->topics[i];
        used += t->used;
        PANDO_ASSERT(population(g, t->peers) == t->peers_len);
        PANDO_ASSERT(population(g, t->mesh) == t->mesh_len);
        PANDO_ASSERT(population(g, t->fanout) == t->fanout_len);
        PANDO_ASSERT(population(g, t->told) == t->told_len);
        PANDO_ASSERT(t->subscribed || t->mesh_len == 0);
        for (size_t w = 0; w < g->words; w++) {
            PANDO_ASSERT((t->mesh[w] & ~t->peers[w]) == 0);
            PANDO_ASSERT((t->fanout[w] & ~t->peers[w]) == 0);
            PANDO_ASSERT((t->fresh[w] & ~t->mesh[w]) == 0);
            PANDO_ASSERT((t->graft_due[w] & ~t->mesh[w]) == 0);
            PANDO_ASSERT((t->prune_due[w] & t->mesh[w]) == 0);
        }
        remembered += t->peers_len;
        held += t->messages_len;
    }
    for (uint32_t i = 0; i < PEERS; i++)
        remembered -= g->peers[i].up ? g->peers[i].topics_len : 0;
    for (uint32_t i = 0; i < g->msgs_len; i++)
        held -= g->msgs[i].state != MSG_FREE;
    PANDO_ASSERT(used == g->topics_len && remembered == 0 && held == 0);
}

static uint32_t list_len(const struct gossip *g, const struct gossip_list *l)
{
    uint32_t len = 0, prev = GOSSIP_NONE;
    for (uint32_t i = l->head; i != GOSSIP_NONE; i = g->msgs[i].next) {
        PANDO_ASSERT(g->msgs[i].prev == prev && g->msgs[i].state != MSG_FREE);
        prev = i;
        len++;
    }
    PANDO_ASSERT(l->tail == prev);
    return len;
}

static void check_messages(const struct gossip *g)
{
    const uint32_t waiting = list_len(g, &g->effects) + list_len(g, &g->waiting);
    PANDO_ASSERT(waiting == g->waiting_len && waiting <= g->config.messages_max);
    PANDO_ASSERT(list_len(g, &g->cached) == g->cached_len);
    PANDO_ASSERT(g->cached_len <= g->config.cache_max);
    uint64_t bytes = 0;
    for (uint32_t i = g->cached.head; i != GOSSIP_NONE; i = g->msgs[i].next)
        bytes += bytes_view(g->msgs[i].framed).len;
    PANDO_ASSERT(bytes == g->cached_bytes);
    uint32_t queued = 0;
    for (uint32_t i = 0; i < PEERS; i++)
        queued += g->peers[i].up ? g->peers[i].queued_len : 0;
    PANDO_ASSERT(queued == g->outs_used && queued <= g->config.queue_total);
}

static void on_deliver(struct machine *m, const struct gossip_effect *e)
{
    PANDO_ASSERT(e->topic.len > 0 && e->data.len <= GOSSIP_DATA_MAX);
    if (e->handle != 0 && m->handles_len < HANDLES)
        m->handles[m->handles_len++] = e->handle;
    if (e->author.len > 0 || m->delivered_len == DELIVERED)
        return;
    /* the same data may come on two topics */
    struct crypto_sha256_state st;
    crypto_sha256_begin(&st);
    crypto_sha256_add(&st, e->topic);
    crypto_sha256_add(&st, SLICE_OF("\0"));
    crypto_sha256_add(&st, e->data);
    const struct pando_id id = crypto_sha256_end(&st);
    for (uint32_t i = 0; i < m->delivered_len; i++)
        PANDO_ASSERT(!id_equal(&m->delivered[i], &id));
    m->delivered[m->delivered_len++] = id;
}

static void drain(struct machine *m)
{
    struct gossip_effect e;
    while (gossip_poll(m->g, &e)) {
        if (e.kind == GOSSIP_SEND) {
            uint64_t len;
            const struct pando_slice all = bytes_view(e.bytes);
            const int head = wire_peek_uvarint(all, &len);
            PANDO_ASSERT(m->up[e.peer] && head > 0 && (size_t)head + len == all.len);
            PANDO_ASSERT(gossip_rpc_check(slice_from(all, (size_t)head)) == PANDO_OK);
        } else if (e.kind == GOSSIP_VERIFY && m->handles_len < HANDLES) {
            m->handles[m->handles_len++] = e.handle;
        } else if (e.kind == GOSSIP_DELIVER) {
            on_deliver(m, &e);
        }
        bytes_unref(e.bytes);
    }
}

static void start(struct machine *m, void **memory, uint8_t seed)
{
    struct gossip_config c;
    gossip_defaults(&c, PEERS);
    c.topics_max = TOPICS;
    c.peer_topics_max = 3;
    c.seen_max = 512;
    c.messages_max = 6;
    c.cache_max = 4;
    c.cache_bytes = 2000;
    c.backoffs_max = 5;
    c.promises_max = 3;
    c.queue_max = 5;
    c.queue_total = 12;
    c.queue_bytes = 3000;
    c.d_low = 1, c.d = 2, c.d_high = 3, c.d_out = 1, c.d_lazy = 1;
    c.verdict_after = PANDO_SEC(3);
    c.seed = seed;
    c.flood_publish = (seed & 1) != 0;
    c.self = id_of(200);
    c.sign = sign;
    struct arena measure = arena_measure();
    (void)gossip_place(&c, m->now, &measure);
    *memory = malloc(measure.used);
    PANDO_ASSERT(*memory != NULL);
    struct arena arena = arena_over(*memory, measure.used);
    m->g = gossip_place(&c, m->now, &arena);
}

/* One instruction; false at the end of the program. */
static bool run_one(struct machine *m, struct wire_reader *r)
{
    static const char *const topics[] = { "a", "b", "c", "d", "e", "f", "g", "h" };
    const uint64_t op = wire_get_be(r, 1), arg = wire_get_be(r, 1);
    if (r->failed)
        return false;
    const uint8_t peer = (uint8_t)(arg % PEERS);
    const struct peer_id id = id_of((uint8_t)(arg / PEERS % 8));
    struct gossip_input in = {
        .kind = (enum gossip_input_kind)(op % (GOSSIP_TICK + 1)),
        .peer = peer,
        .peer_id = &id,
        .outbound = (arg & 64) != 0,
        .version = (arg & 128) != 0 ? GOSSIP_V10 : GOSSIP_V11,
        .policy = (arg & 8) != 0 ? GOSSIP_STRICT_SIGN : GOSSIP_SELF_CERTIFIED,
        .judged = (arg & 16) != 0,
        .credit = arg * 10,
        .topic = slice_text(topics[arg % 8]),
        .valid = (arg & 1) != 0,
        .verdict = (enum gossip_verdict)(arg % 3),
    };
    if (in.kind == GOSSIP_RPC || in.kind == GOSSIP_PUBLISH) {
        const uint64_t len = wire_get_be(r, 1);
        in.data = wire_get_bytes(r, len < r->left.len ? (size_t)len : r->left.len);
    }
    if (in.kind == GOSSIP_VERIFIED || in.kind == GOSSIP_VERDICT) {
        if (m->handles_len == 0)
            return true;
        const uint32_t at = (uint32_t)arg % m->handles_len--;
        in.handle = m->handles[at];
        m->handles[at] = m->handles[m->handles_len];
    }
    if (in.kind == GOSSIP_TICK)
        m->now = pando_time_add(gossip_deadline(m->g), PANDO_MSEC(arg * (arg / 16)));
    const enum pando_status st = gossip_step(m->g, m->now, &in);
    if (st == PANDO_OK && in.kind == GOSSIP_PEER_UP)
        m->up[peer] = true;
    if (st == PANDO_OK && in.kind == GOSSIP_PEER_DOWN)
        m->up[peer] = false;
    if (in.kind == GOSSIP_TICK)
        m->delivered_len = 0; /* time passes: what was seen may be forgotten */
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct machine m = { .now = { 1 } };
    struct wire_reader r = wire_read(slice_of(data, size));
    void *memory;
    start(&m, &memory, (uint8_t)wire_get_be(&r, 1));
    while (run_one(&m, &r)) {
        check_topics(m.g);
        drain(&m);
        check_topics(m.g);
        check_messages(m.g);
        PANDO_ASSERT(gossip_deadline(m.g).ns > m.now.ns || m.now.ns == 1);
    }
    gossip_deinit(m.g);
    free(memory);
    return 0;
}
