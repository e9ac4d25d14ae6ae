#include "space/dag/dag_sim.h"

#include "base/assert.h"
#include "base/slice.h"
#include "sync/blob.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum sim_event_kind { SIM_MESSAGE, SIM_GOSSIP, SIM_VERIFIED, SIM_DURABLE, SIM_TICK };

struct sim_event {
    struct pando_time at;
    uint64_t order;
    enum sim_event_kind kind;
    uint32_t to, life;
    uint32_t from, generation; /* of the link */
    uint8_t channel;
    uint64_t token;
    uint64_t value;
    uint64_t bits[SPACE_VERIFY_MAX / 64];
    struct bytes *bytes;
};

static bool before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at.ns != b->at.ns ? a->at.ns < b->at.ns : a->order < b->order;
}

static void push(struct sim *s, const struct sim_event *template)
{
    struct sim_event *e = malloc(sizeof *e);
    PANDO_ASSERT(e != NULL);
    *e = *template;
    e->order = ++s->order;
    if (s->queue_len == s->queue_cap) {
        s->queue_cap = s->queue_cap == 0 ? 1024 : 2 * s->queue_cap;
        s->queue = realloc(s->queue, s->queue_cap * sizeof *s->queue);
        PANDO_ASSERT(s->queue != NULL);
    }
    size_t i = s->queue_len++;
    for (; i > 0 && before(e, s->queue[(i - 1) / 2]); i = (i - 1) / 2)
        s->queue[i] = s->queue[(i - 1) / 2];
    s->queue[i] = e;
}

static struct sim_event *pop(struct sim *s)
{
    struct sim_event *first = s->queue[0], *last = s->queue[--s->queue_len];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= s->queue_len)
            break;
        if (child + 1 < s->queue_len && before(s->queue[child + 1], s->queue[child]))
            child++;
        if (!before(s->queue[child], last))
            break;
        s->queue[i] = s->queue[child];
        i = child;
    }
    if (s->queue_len > 0)
        s->queue[i] = last;
    return first;
}

static struct pando_time later(struct sim *s, struct pando_span most)
{
    const uint64_t least = most.ns / 10;
    return pando_time_add(
        s->now, (struct pando_span){ least + rng_below(&s->rng, most.ns - least + 1) });
}

struct dag *sim_dag(struct sim *s, uint32_t node)
{
    return s->nodes[node].instance;
}

/* A handle names the peer and the life of the link. */
static uint32_t handle_of(const struct sim *s, uint32_t a, uint32_t b)
{
    return s->links[a][b].generation * SIM_NODES_MAX + b;
}

static struct pando_wall wall_of(void *ctx)
{
    const struct sim_node *n = ctx;
    return (struct pando_wall){ 1790000000000 + (int64_t)(n->sim->now.ns / 1000000) };
}

static enum pando_status append_to(void *ctx, uint8_t record, struct pando_slice bytes,
                                   const struct tables_fold *fold, uint64_t *ret_position)
{
    (void)fold;
    struct sim_node *n = ctx;
    return sim_store_append(n->store, record, bytes, ret_position);
}

static void send_message(struct sim *s, struct sim_node *n, const struct space_effect *e)
{
    const uint32_t to = e->peer % SIM_NODES_MAX;
    struct sim_link *l = &s->links[n->index][to];
    if (!l->up || n->mute || handle_of(s, n->index, to) != e->peer) {
        bytes_unref(e->bytes);
        return;
    }
    struct pando_time at = later(s, s->config.delay);
    if (at.ns <= l->last[e->channel].ns)
        at.ns = l->last[e->channel].ns + 1;
    l->last[e->channel] = at;
    push(s, &(struct sim_event){ .at = at,
                                 .kind = SIM_MESSAGE,
                                 .to = to,
                                 .life = s->nodes[to].life,
                                 .from = n->index,
                                 .generation = l->generation,
                                 .channel = e->channel,
                                 .bytes = e->bytes });
}

static bool first_sight(struct sim_node *n, struct bytes *bytes)
{
    const struct pando_id id = crypto_sha256(bytes_view(bytes));
    void *value;
    bool added;
    PANDO_ASSERT(map_put(&n->seen, &id, &value, &added) == PANDO_OK);
    return added;
}

static void flood(struct sim *s, struct sim_node *n, struct bytes *bytes, uint32_t except)
{
    for (uint32_t to = 0; to < s->config.nodes; to++) {
        if (to == n->index || to == except || !s->links[n->index][to].up ||
            rng_chance(&s->rng, s->config.gossip_loss, 1000))
            continue;
        push(s, &(struct sim_event){ .at = later(s, s->config.delay),
                                     .kind = SIM_GOSSIP,
                                     .to = to,
                                     .life = s->nodes[to].life,
                                     .from = n->index,
                                     .generation = s->links[n->index][to].generation,
                                     .bytes = bytes_ref(bytes) });
    }
}

/* The token of a GOSSIP input is the address of its event, kept until the verdict. */
struct held {
    struct bytes *bytes;
    uint32_t from;
};

static void take_verdict(struct sim *s, struct sim_node *n, const struct space_effect *e)
{
    struct held *h = (struct held *)(uintptr_t)e->token;
    if (e->status == PANDO_OK)
        flood(s, n, h->bytes, h->from);
    bytes_unref(h->bytes);
    free(h);
}

static void verify(struct sim *s, struct sim_node *n, const struct space_effect *e)
{
    struct sim_event done = { .at = later(s, PANDO_MSEC(4)),
                              .kind = SIM_VERIFIED,
                              .to = n->index,
                              .life = n->life,
                              .token = e->token };
    for (size_t i = 0; i < e->items_len; i++)
        if (crypto_verify(&e->items[i].key, e->items[i].signed_bytes, &e->items[i].sig))
            done.bits[i / 64] |= UINT64_C(1) << (i % 64);
    push(s, &done);
}

static void note_ack(struct sim *s, const struct space_effect *e)
{
    const uint32_t *node = map_find(&s->appends, &e->token);
    struct blob_ref ref;
    char cid[64] = { 0 };
    if (node == NULL || e->status != PANDO_OK || s->acks_len == SIM_ACKS_MAX)
        return;
    const struct pando_slice text = bytes_view(e->bytes);
    const uint8_t *at = memmem(text.ptr, text.len, "\"id\":\"", 6);
    PANDO_ASSERT(at != NULL);
    memcpy(cid, at + 6, 59);
    PANDO_ASSERT(blob_ref_parse(cid, &ref) == PANDO_OK);
    s->acks[s->acks_len++] = (struct sim_ack){ *node, ref.id };
    (void)map_del(&s->appends, &e->token);
}

static void take_reply(struct sim *s, const struct space_effect *e)
{
    note_ack(s, e);
    if (e->token == s->watched) {
        if (e->bytes != NULL)
            PANDO_ASSERT(buf_append(&s->reply.text, bytes_view(e->bytes)) == PANDO_OK);
        s->reply.status = e->status;
        s->reply.done = !e->more;
    }
    bytes_unref(e->bytes);
}

static void commit(struct sim *s, struct sim_node *n)
{
    if (n->committing || sim_store_end(n->store) == sim_store_durable(n->store))
        return;
    n->committing = true;
    push(s, &(struct sim_event){ .at = later(s, PANDO_MSEC(3)),
                                 .kind = SIM_DURABLE,
                                 .to = n->index,
                                 .life = n->life,
                                 .value = sim_store_end(n->store) });
}

static void carry_out(struct sim *s, struct sim_node *n, const struct space_effect *e)
{
    switch (e->kind) {
    case SPACE_SEND:
        send_message(s, n, e);
        return;
    case SPACE_PUBLISH:
        if (first_sight(n, e->bytes))
            flood(s, n, e->bytes, n->index);
        bytes_unref(e->bytes);
        return;
    case SPACE_VERDICT:
        take_verdict(s, n, e);
        return;
    case SPACE_VERIFY:
        verify(s, n, e);
        return;
    case SPACE_DIGESTED:
        return;
    case SPACE_SNAPSHOT: /* a dag makes none, and dials nobody */
    case SPACE_DIAL:
    case SPACE_REOPEN:
    case SPACE_PIPE_DIAL:
    case SPACE_PIPE_SEND:
    case SPACE_PIPE_CLOSE:
    case SPACE_PIPE_DIGESTED:
    case SPACE_RUN:
        PANDO_UNREACHABLE();
    case SPACE_REPLY:
        take_reply(s, e);
        return;
    case SPACE_NOTICE:
        s->notices++;
        bytes_unref(e->bytes);
        return;
    case SPACE_FAULT:
        s->faults++;
        return;
    }
}

static void step(struct sim *s, struct sim_node *n, const struct space_input *in)
{
    struct space_effect e;
    space_dag_ops.step(n->instance, s->now, in);
    s->steps++;
    while (space_dag_ops.poll(n->instance, &e))
        carry_out(s, n, &e);
    commit(s, n);
    const struct pando_time at = space_dag_ops.deadline(n->instance);
    PANDO_ASSERT(at.ns > s->now.ns);
    if (at.ns < n->tick_at.ns || n->tick_at.ns <= s->now.ns) {
        n->tick_at = at;
        if (at.ns != PANDO_TIME_NEVER.ns)
            push(s, &(struct sim_event){
                        .at = at, .kind = SIM_TICK, .to = n->index, .life = n->life });
    }
    if (++s->since_check >= 64) {
        s->since_check = 0;
        sim_check(s, false);
    }
}

static void deliver_message(struct sim *s, struct sim_node *n, struct sim_event *e)
{
    struct sim_node *from = &s->nodes[e->from];
    if (!s->links[e->to][e->from].up ||
        s->links[e->to][e->from].generation != e->generation)
        return;
    n->delivered_bytes[e->channel] += bytes_view(e->bytes).len;
    step(s, n,
         &(struct space_input){ .kind = SPACE_MESSAGE,
                                .channel = e->channel,
                                .peer = handle_of(s, e->to, e->from),
                                .bytes = e->bytes });
    step(s, from,
         &(struct space_input){ .kind = SPACE_CREDIT,
                                .channel = e->channel,
                                .peer = handle_of(s, e->from, e->to),
                                .value = bytes_view(e->bytes).len });
}

static void deliver_gossip(struct sim *s, struct sim_node *n, struct sim_event *e)
{
    if (!s->links[e->to][e->from].up ||
        s->links[e->to][e->from].generation != e->generation || !first_sight(n, e->bytes))
        return;
    struct held *h = malloc(sizeof *h);
    PANDO_ASSERT(h != NULL);
    *h = (struct held){ bytes_ref(e->bytes), e->from };
    step(s, n,
         &(struct space_input){ .kind = SPACE_GOSSIP,
                                .token = (uintptr_t)h,
                                .peer = handle_of(s, e->to, e->from),
                                .bytes = e->bytes });
}

static void deliver(struct sim *s, struct sim_event *e)
{
    struct sim_node *n = &s->nodes[e->to];
    if (!n->up || n->life != e->life)
        return;
    switch (e->kind) {
    case SIM_MESSAGE:
        deliver_message(s, n, e);
        return;
    case SIM_GOSSIP:
        deliver_gossip(s, n, e);
        return;
    case SIM_VERIFIED:
        step(s, n,
             &(struct space_input){
                 .kind = SPACE_VERIFIED, .token = e->token, .bits = e->bits });
        return;
    case SIM_DURABLE:
        n->committing = false;
        sim_store_commit(n->store, e->value);
        step(s, n, &(struct space_input){ .kind = SPACE_DURABLE, .value = e->value });
        return;
    case SIM_TICK:
        if (e->at.ns == n->tick_at.ns)
            step(s, n, &(struct space_input){ .kind = SPACE_TICK });
        return;
    }
}

void sim_run_for(struct sim *s, struct pando_span span)
{
    const struct pando_time end = pando_time_add(s->now, span);
    while (s->queue_len > 0 && s->queue[0]->at.ns <= end.ns && s->violation == NULL) {
        struct sim_event *e = pop(s);
        s->now = e->at;
        deliver(s, e);
        bytes_unref(e->bytes);
        free(e);
    }
    if (s->violation == NULL)
        s->now = end;
}

static void open_node(struct sim *s, struct sim_node *n)
{
    const struct space_host host = {
        .ctx = n,
        .tables = sim_store_tables(n->store),
        .journal = sim_store_journal(n->store),
        .append = append_to,
        .wall = wall_of,
        .secret = &n->secret,
        .key = n->key,
        .node_name = "sim",
        .space = s->space,
        .space_name = "default",
        .seed = rng_next(&s->rng),
        .epoch = 0,
        .access = s->config.access,
    };
    struct pando_err err;
    PANDO_ASSERT(space_dag_ops.open(&host, slice_text(s->config.config_json),
                                    &n->instance, &err) == PANDO_OK);
    n->up = true;
    n->life++;
    n->tick_at = s->now;
    n->committing = false;
    map_init(&n->seen, 32, 1, SIM_SEEN_MAX, n->index);
    step(s, n, &(struct space_input){ .kind = SPACE_TICK });
}

struct sim *sim_new(const struct sim_config *config)
{
    struct sim *s = calloc(1, sizeof *s);
    PANDO_ASSERT(s != NULL && config->nodes <= SIM_NODES_MAX);
    s->config = *config;
    s->rng = rng_seeded(config->seed);
    s->now.ns = 1000000000;
    s->acks = calloc(SIM_ACKS_MAX, sizeof *s->acks);
    PANDO_ASSERT(s->acks != NULL);
    memset(s->space.bytes, 0x5a, sizeof s->space.bytes);
    map_init(&s->appends, sizeof(uint64_t), sizeof(uint32_t), SIM_ACKS_MAX, 1);
    buf_init(&s->reply.text, 64u << 20);
    for (uint32_t i = 0; i < config->nodes; i++) {
        struct sim_node *n = &s->nodes[i];
        uint8_t seed[32] = { (uint8_t)(i + 1) };
        crypto_secret_from_seed(seed, &n->secret);
        n->key = crypto_public(&n->secret);
        n->peer_id = peer_id_from_key(&n->key);
        n->index = i;
        n->sim = s;
        n->store = sim_store_new(&s->space);
        open_node(s, n);
    }
    return s;
}

static void forget_tokens(struct sim *s, uint32_t node)
{
    size_t cursor = 0;
    const void *key;
    void *value;
    while (map_next(&s->appends, &cursor, &key, &value)) {
        const uint64_t token = *(const uint64_t *)key;
        if (*(uint32_t *)value != node)
            continue;
        (void)map_del(&s->appends, &token);
        cursor--;
    }
}

/* Gossip messages that wait for a verdict are given back as the node would. */
static void close_node(struct sim *s, struct sim_node *n)
{
    struct dag *d = n->instance;
    for (struct dag_parcel *p = d->parcels_first; p != NULL; p = p->next)
        if (p->gossip) {
            struct held *h = (struct held *)(uintptr_t)p->token;
            bytes_unref(h->bytes);
            free(h);
        }
    struct map tokens;
    size_t cursor = 0;
    const void *key;
    void *value;
    bool added;
    map_init(&tokens, sizeof(uint64_t), 1, SIM_SEEN_MAX, 1);
    while (map_next(&d->pending, &cursor, &key, &value)) {
        const struct dag_item *item = *(struct dag_item **)value;
        for (uint8_t i = 0; i < item->parcels_len; i++)
            if (item->parcels[i]->gossip)
                PANDO_ASSERT(map_put(&tokens, &item->parcels[i]->token, &value, &added) ==
                             PANDO_OK);
    }
    cursor = 0;
    while (map_next(&tokens, &cursor, &key, &value)) {
        struct held *h = (struct held *)(uintptr_t) * (const uint64_t *)key;
        bytes_unref(h->bytes);
        free(h);
    }
    map_deinit(&tokens);
    forget_tokens(s, n->index);
    space_dag_ops.close(n->instance);
    n->instance = NULL;
    n->up = false;
    map_deinit(&n->seen);
}

void sim_free(struct sim *s)
{
    for (uint32_t i = 0; i < s->config.nodes; i++) {
        if (s->nodes[i].up)
            close_node(s, &s->nodes[i]);
        sim_store_free(s->nodes[i].store);
    }
    while (s->queue_len > 0) {
        struct sim_event *e = pop(s);
        bytes_unref(e->bytes);
        free(e);
    }
    free(s->queue);
    free(s->acks);
    map_deinit(&s->appends);
    buf_deinit(&s->reply.text);
    free(s);
}

static void change(struct sim *s, uint32_t a, uint32_t b, bool up)
{
    struct sim_link *l = &s->links[a][b];
    const uint32_t old = handle_of(s, a, b);
    l->up = up;
    if (up)
        l->generation++;
    if (s->nodes[a].up)
        step(s, &s->nodes[a],
             &(struct space_input){ .kind = up ? SPACE_PEER_UP : SPACE_PEER_DOWN,
                                    .peer = up ? handle_of(s, a, b) : old,
                                    .peer_id = &s->nodes[b].peer_id });
}

void sim_link(struct sim *s, uint32_t a, uint32_t b, bool up)
{
    if (a == b || s->links[a][b].up == up || (up && (!s->nodes[a].up || !s->nodes[b].up)))
        return;
    change(s, a, b, up);
    change(s, b, a, up);
}

void sim_link_all(struct sim *s)
{
    for (uint32_t a = 0; a < s->config.nodes; a++)
        for (uint32_t b = a + 1; b < s->config.nodes; b++)
            sim_link(s, a, b, true);
}

void sim_partition(struct sim *s, uint32_t first)
{
    for (uint32_t a = 0; a < first; a++)
        for (uint32_t b = first; b < s->config.nodes; b++)
            sim_link(s, a, b, false);
}

void sim_crash(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->nodes[node];
    if (!n->up)
        return;
    close_node(s, n);
    for (uint32_t b = 0; b < s->config.nodes; b++)
        sim_link(s, node, b, false);
    sim_store_crash(n->store);
}

void sim_restart(struct sim *s, uint32_t node)
{
    if (!s->nodes[node].up)
        open_node(s, &s->nodes[node]);
}

static uint64_t call(struct sim *s, uint32_t node, const char *verb, const char *json)
{
    const uint64_t token = ++s->next_token;
    void *value;
    bool added;
    if (strcmp(verb, "append") == 0) {
        PANDO_ASSERT(map_put(&s->appends, &token, &value, &added) == PANDO_OK);
        *(uint32_t *)value = node;
    }
    s->watched = token;
    buf_reset(&s->reply.text);
    s->reply.done = false;
    step(
        s, &s->nodes[node],
        &(struct space_input){
            .kind = SPACE_CALL, .token = token, .verb = verb, .text = slice_text(json) });
    return token;
}

void sim_call(struct sim *s, uint32_t node, const char *verb, const char *json)
{
    if (s->nodes[node].up)
        (void)call(s, node, verb, json);
}

enum pando_status sim_ask(struct sim *s, uint32_t node, const char *verb,
                          const char *json, struct pando_span limit)
{
    const struct pando_time end = pando_time_add(s->now, limit);
    (void)call(s, node, verb, json);
    while (!s->reply.done && s->now.ns < end.ns && s->violation == NULL)
        sim_run_for(s, PANDO_MSEC(1));
    return s->reply.done ? s->reply.status : PANDO_TIMEOUT;
}

void sim_give(struct sim *s, uint32_t node, const struct space_input *in)
{
    step(s, &s->nodes[node], in);
}

void sim_append(struct sim *s, uint32_t node)
{
    char json[64];
    snprintf(json, sizeof json, "{\"body\":{\"n\":%llu}}", (unsigned long long)s->order);
    sim_call(s, node, "append", json);
}

void sim_inject(struct sim *s, uint32_t to, struct pando_slice message)
{
    struct sim_node *n = &s->nodes[to];
    struct held *h = malloc(sizeof *h);
    struct bytes *bytes = bytes_copy(message);
    PANDO_ASSERT(h != NULL && bytes != NULL);
    if (!n->up || !first_sight(n, bytes)) {
        free(h);
    } else {
        *h = (struct held){ bytes_ref(bytes), SIM_NODES_MAX };
        step(s, n,
             &(struct space_input){ .kind = SPACE_GOSSIP,
                                    .token = (uintptr_t)h,
                                    .peer = UINT32_MAX,
                                    .bytes = bytes });
    }
    bytes_unref(bytes);
}
