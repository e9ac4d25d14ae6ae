#include "space/delta/swap_sim.h"

#include "base/bytes.h"
#include "base/slice.h"
#include "check.h"

#include <stdlib.h>

#define FLIGHT_MAX 65536
#define MADE_MAX   65536
#define STEP       PANDO_MSEC(2)

struct flight {
    struct pando_time at;
    size_t from, to;
    uint32_t life; /* of the link on which it flies */
    struct bytes *bytes;
};

/* A delta that a node made: acked, or not yet, or lost in a crash. */
struct made_here {
    size_t node;
    struct delta_hash name;
    enum { MADE_OPEN, MADE_ACKED, MADE_LOST } state;
};

struct world {
    struct rng rng;
    size_t len;
    enum world_shape shape;
    struct pando_time now;
    struct world_node nodes[WORLD_NODES];
    bool linked[WORLD_NODES][WORLD_NODES];
    uint32_t lives[WORLD_NODES][WORLD_NODES];
    struct pando_time last[WORLD_NODES][WORLD_NODES]; /* arrivals keep their order */
    struct flight flights[FLIGHT_MAX];
    size_t head, tail;
    uint64_t messages;
    struct made_here made[MADE_MAX];
    size_t made_len;
};

static bool admits(void *ctx, const struct delta *d)
{
    const struct world_node *n = ctx;
    return !n->bars_odd || !slice_equal(d->author, slice_text("a1"));
}

static void open_swap(struct world_node *n)
{
    const struct swap_config config = { .host = &n->store.host,
                                        .store = n->store.store,
                                        .ctx = n,
                                        .admits = admits };
    CHECK_OK(swap_new(&config, &n->swap));
    n->up = true;
    n->commit_at = PANDO_TIME_NEVER;
}

struct world *world_new(uint64_t seed, size_t nodes, enum world_shape shape)
{
    struct world *w = calloc(1, sizeof *w);
    CHECK(w != NULL && nodes <= WORLD_NODES);
    w->rng = rng_seeded(seed);
    w->len = nodes;
    w->shape = shape;
    w->now = (struct pando_time){ 1000000000 };
    for (size_t i = 0; i < nodes; i++) {
        struct world_node *n = &w->nodes[i];
        n->world = w;
        n->index = i;
        fixture_init(&n->store);
        open_swap(n);
    }
    for (size_t a = 0; a < nodes; a++)
        for (size_t b = a + 1; b < nodes; b++)
            if (world_joined(w, a, b))
                world_link(w, a, b, true);
    return w;
}

void world_free(struct world *w)
{
    for (; w->head < w->tail; w->head++)
        bytes_unref(w->flights[w->head % FLIGHT_MAX].bytes);
    for (size_t i = 0; i < w->len; i++) {
        swap_free(w->nodes[i].swap);
        fixture_deinit(&w->nodes[i].store);
    }
    free(w);
}

struct world_node *world_node(struct world *w, size_t i)
{
    return &w->nodes[i];
}

struct rng *world_rng(struct world *w)
{
    return &w->rng;
}

bool world_joined(const struct world *w, size_t a, size_t b)
{
    const size_t low = a < b ? a : b, high = a < b ? b : a;
    switch (w->shape) {
    case WORLD_LINE:
        return high == low + 1;
    case WORLD_RING:
        return high == low + 1 || (low == 0 && high == w->len - 1);
    case WORLD_STAR:
        return low == 0;
    case WORLD_MESH:
    case WORLD_SHAPES:
        return true;
    }
    return true;
}

static void carry_out(struct world_node *n);

static void input(struct world_node *n, const struct space_input *in)
{
    swap_step(n->swap, n->world->now, in);
    carry_out(n);
}

static void verify(struct world_node *n, const struct space_effect *e)
{
    uint64_t bits[SPACE_VERIFY_MAX / 64] = { 0 };
    for (size_t i = 0; i < e->items_len; i++)
        if (crypto_verify(&e->items[i].key, e->items[i].signed_bytes, &e->items[i].sig))
            bits[i / 64] |= UINT64_C(1) << i % 64;
    const struct space_input in = { .kind = SPACE_VERIFIED, .token = e->token, .bits = bits };
    swap_step(n->swap, n->world->now, &in);
}

static void send(struct world_node *n, const struct space_effect *e)
{
    struct world *w = n->world;
    const size_t to = e->peer, from = n->index;
    const struct space_input credit = { .kind = SPACE_CREDIT,
                                        .peer = e->peer,
                                        .value = bytes_view(e->bytes).len };
    struct pando_time at = pando_time_add(w->now, PANDO_MSEC(1 + rng_below(&w->rng, 20)));
    w->messages++;
    if (at.ns < w->last[from][to].ns)
        at = w->last[from][to];
    w->last[from][to] = at;
    CHECK(w->tail - w->head < FLIGHT_MAX);
    w->flights[w->tail++ % FLIGHT_MAX] =
        (struct flight){ at, from, to, w->lives[from][to], e->bytes };
    swap_step(n->swap, w->now, &credit);
}

static void take_effects(struct world_node *n)
{
    struct space_effect e;
    while (swap_poll(n->swap, &e)) {
        n->faults += e.kind == SPACE_FAULT;
        if (e.kind == SPACE_VERIFY)
            verify(n, &e);
        else if (e.kind == SPACE_SEND)
            send(n, &e);
    }
}

static void carry_out(struct world_node *n)
{
    take_effects(n);
    CHECK_OK(delta_store_flush(n->store.store));
    if (rng_below(&n->world->rng, 2) == 0) {
        swap_tell(n->swap, n->world->now, delta_store_appended_end(n->store.store));
        take_effects(n);
    }
    if (n->commit_at.ns == UINT64_MAX &&
        journal_end(n->store.journal) > journal_durable(n->store.journal))
        n->commit_at = pando_time_add(n->world->now, PANDO_MSEC(1 + rng_below(&n->world->rng, 9)));
}

void world_link(struct world *w, size_t a, size_t b, bool up)
{
    if (w->linked[a][b] == up)
        return;
    w->linked[a][b] = w->linked[b][a] = up;
    w->lives[a][b]++;
    w->lives[b][a]++;
    const enum space_input_kind kind = up ? SPACE_PEER_UP : SPACE_PEER_DOWN;
    if (w->nodes[a].up)
        input(&w->nodes[a], &(struct space_input){ .kind = kind, .peer = (uint32_t)b });
    if (w->nodes[b].up)
        input(&w->nodes[b], &(struct space_input){ .kind = kind, .peer = (uint32_t)a });
}

static bool holds(struct world_node *n, const struct delta_hash *name)
{
    uint64_t place;
    return n->up && delta_store_place(n->store.store, name, &place) == PANDO_OK;
}

size_t world_ahead_of_disk(struct world *w, size_t i)
{
    size_t ahead = 0;
    for (size_t m = 0; m < w->made_len; m++) {
        size_t k = 0;
        if (w->made[m].node != i || w->made[m].state != MADE_OPEN)
            continue;
        while (k < w->len && (k == i || !holds(&w->nodes[k], &w->made[m].name)))
            k++;
        ahead += k < w->len;
    }
    return ahead;
}

bool world_holds_acked(struct world *w, size_t i)
{
    for (size_t m = 0; m < w->made_len; m++)
        if (w->made[m].state == MADE_ACKED && !holds(&w->nodes[i], &w->made[m].name))
            return false;
    return true;
}

size_t world_came_back(struct world *w, size_t i)
{
    size_t len = 0;
    for (size_t m = 0; m < w->made_len; m++)
        len += w->made[m].state == MADE_LOST && holds(&w->nodes[i], &w->made[m].name);
    return len;
}

/* What the node made and is not settled yet. */
static void settle_made(struct world *w, size_t i, bool durable)
{
    for (size_t m = 0; m < w->made_len; m++)
        if (w->made[m].node == i && w->made[m].state == MADE_OPEN)
            w->made[m].state = durable ? MADE_ACKED : MADE_LOST;
}

void world_crash(struct world *w, size_t i)
{
    struct world_node *n = &w->nodes[i];
    settle_made(w, i, false);
    for (size_t k = 0; k < w->len; k++)
        if (k != i)
            world_link(w, i, k, false);
    swap_free(n->swap);
    n->swap = NULL;
    n->up = false;
    fixture_crash(&n->store);
}

void world_start(struct world *w, size_t i)
{
    if (!w->nodes[i].up)
        open_swap(&w->nodes[i]);
}

void world_make(struct world *w, size_t i, unsigned id, int64_t time)
{
    struct world_node *n = &w->nodes[i];
    struct made m;
    enum delta_outcome outcome;
    uint64_t ticket;
    make_plain(&m, id, time, id % 7);
    CHECK_OK(delta_store_stage(n->store.store, &m.delta, true, &outcome, &ticket));
    CHECK(w->made_len < MADE_MAX);
    w->made[w->made_len++] = (struct made_here){ i, m.delta.name, MADE_OPEN };
    made_deinit(&m);
    carry_out(n);
}

uint64_t world_offer(struct world *w, size_t to, size_t from, struct pando_slice message)
{
    struct world_node *n = &w->nodes[to];
    const uint64_t before = n->faults;
    struct bytes *b = bytes_copy(message);
    CHECK(b != NULL);
    input(n, &(struct space_input){ .kind = SPACE_MESSAGE, .peer = (uint32_t)from, .bytes = b });
    input(n, &(struct space_input){ .kind = SPACE_TICK }); /* after its signatures */
    bytes_unref(b);
    return n->faults - before;
}

void world_feed(struct world *w, size_t to, const struct space_input *in)
{
    swap_step(w->nodes[to].swap, w->now, in);
}

static void deliver(struct world *w)
{
    const size_t end = w->tail; /* those that are sent meanwhile come later */
    for (size_t n = end - w->head; n > 0; n--) {
        const struct flight f = w->flights[w->head++ % FLIGHT_MAX];
        if (!pando_time_reached(f.at, w->now)) {
            w->flights[w->tail++ % FLIGHT_MAX] = f;
            continue;
        }
        if (w->nodes[f.to].up && f.life == w->lives[f.from][f.to])
            input(&w->nodes[f.to], &(struct space_input){ .kind = SPACE_MESSAGE,
                                                          .peer = (uint32_t)f.from,
                                                          .bytes = f.bytes });
        bytes_unref(f.bytes);
    }
}

static void turn(struct world *w, struct world_node *n)
{
    if (!n->up)
        return;
    if (pando_time_reached(n->commit_at, w->now)) {
        n->commit_at = PANDO_TIME_NEVER;
        fixture_commit(&n->store);
        settle_made(w, n->index, true);
        input(n, &(struct space_input){ .kind = SPACE_DURABLE,
                                        .value = journal_durable(n->store.journal) });
    }
    for (int i = 0; i < 64 && pando_time_reached(swap_deadline(n->swap), w->now); i++)
        input(n, &(struct space_input){ .kind = SPACE_TICK });
}

void world_run(struct world *w, struct pando_span span)
{
    const struct pando_time end = pando_time_add(w->now, span);
    while (!pando_time_reached(end, w->now)) {
        w->now = pando_time_add(w->now, STEP);
        deliver(w);
        for (size_t i = 0; i < w->len; i++)
            turn(w, &w->nodes[i]);
    }
}

bool world_equal(struct world *w)
{
    const struct pando_id first = fixture_hash(&w->nodes[0].store);
    for (size_t i = 0; i < w->len; i++)
        CHECK_EQ(w->nodes[i].faults, 0); /* honest nodes find none in each other */
    for (size_t i = 1; i < w->len; i++) {
        const struct pando_id other = fixture_hash(&w->nodes[i].store);
        if (!id_equal(&first, &other))
            return false;
    }
    return true;
}

uint64_t world_messages(const struct world *w)
{
    return w->messages;
}
