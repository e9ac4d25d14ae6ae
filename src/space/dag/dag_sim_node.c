#include "space/dag/dag_sim_impl.h"

#include "base/assert.h"
#include "base/slice.h"
#include "sync/blob.h"

#include <stdlib.h>
#include <string.h>

static void push(struct sim *s, struct pando_time at, const struct sim_event *template)
{
    struct sim_event *e = malloc(sizeof *e);
    PANDO_ASSERT(e != NULL);
    *e = *template;
    agenda_put(&s->agenda, &e->due, at);
}

static struct pando_time later(struct sim *s, struct pando_span most)
{
    const uint64_t least = most.ns / 10;
    return pando_time_add(
        s->now, (struct pando_span){ least + rng_below(&s->rng, most.ns - least + 1) });
}

uint32_t sim_handle(const struct sim *s, uint32_t a, uint32_t b)
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
    if (!l->up || n->mute || sim_handle(s, n->index, to) != e->peer) {
        bytes_unref(e->bytes);
        return;
    }
    struct pando_time at = later(s, s->config.delay);
    if (at.ns <= l->last[e->channel].ns)
        at.ns = l->last[e->channel].ns + 1;
    l->last[e->channel] = at;
    push(s, at,
         &(struct sim_event){ .kind = SIM_MESSAGE,
                              .to = to,
                              .life = s->nodes[to].life,
                              .from = n->index,
                              .generation = l->generation,
                              .channel = e->channel,
                              .bytes = e->bytes });
}

bool sim_first_sight(struct sim_node *n, struct bytes *bytes)
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
        push(s, later(s, s->config.delay),
             &(struct sim_event){ .kind = SIM_GOSSIP,
                                  .to = to,
                                  .life = s->nodes[to].life,
                                  .from = n->index,
                                  .generation = s->links[n->index][to].generation,
                                  .bytes = bytes_ref(bytes) });
    }
}

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
    const struct pando_time at = later(s, PANDO_MSEC(4));
    struct sim_event done = {
        .kind = SIM_VERIFIED, .to = n->index, .life = n->life, .token = e->token
    };
    for (size_t i = 0; i < e->items_len; i++)
        if (crypto_verify(&e->items[i].key, e->items[i].signed_bytes, &e->items[i].sig))
            done.bits[i / 64] |= UINT64_C(1) << (i % 64);
    push(s, at, &done);
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
    push(s, later(s, PANDO_MSEC(3)),
         &(struct sim_event){ .kind = SIM_DURABLE,
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
        if (sim_first_sight(n, e->bytes))
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

void sim_step(struct sim *s, struct sim_node *n, const struct space_input *in)
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
            push(
                s, at,
                &(struct sim_event){ .kind = SIM_TICK, .to = n->index, .life = n->life });
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
    sim_step(s, n,
             &(struct space_input){ .kind = SPACE_MESSAGE,
                                    .channel = e->channel,
                                    .peer = sim_handle(s, e->to, e->from),
                                    .bytes = e->bytes });
    sim_step(s, from,
             &(struct space_input){ .kind = SPACE_CREDIT,
                                    .channel = e->channel,
                                    .peer = sim_handle(s, e->from, e->to),
                                    .value = bytes_view(e->bytes).len });
}

static void deliver_gossip(struct sim *s, struct sim_node *n, struct sim_event *e)
{
    if (!s->links[e->to][e->from].up ||
        s->links[e->to][e->from].generation != e->generation ||
        !sim_first_sight(n, e->bytes))
        return;
    struct held *h = malloc(sizeof *h);
    PANDO_ASSERT(h != NULL);
    *h = (struct held){ bytes_ref(e->bytes), e->from };
    sim_step(s, n,
             &(struct space_input){ .kind = SPACE_GOSSIP,
                                    .token = (uintptr_t)h,
                                    .peer = sim_handle(s, e->to, e->from),
                                    .bytes = e->bytes });
}

void sim_deliver(struct sim *s, struct sim_event *e)
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
        sim_step(s, n,
                 &(struct space_input){
                     .kind = SPACE_VERIFIED, .token = e->token, .bits = e->bits });
        return;
    case SIM_DURABLE:
        n->committing = false;
        sim_store_commit(n->store, e->value);
        sim_step(s, n, &(struct space_input){ .kind = SPACE_DURABLE, .value = e->value });
        return;
    case SIM_TICK:
        if (e->due.at.ns == n->tick_at.ns)
            sim_step(s, n, &(struct space_input){ .kind = SPACE_TICK });
        return;
    }
}

void sim_open(struct sim *s, struct sim_node *n)
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
    sim_step(s, n, &(struct space_input){ .kind = SPACE_TICK });
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
void sim_close(struct sim *s, struct sim_node *n)
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
        struct held *h = (struct held *)(uintptr_t)*(const uint64_t *)key;
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
