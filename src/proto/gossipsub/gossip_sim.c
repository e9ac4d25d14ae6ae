#include "proto/gossipsub/gossip_sim.h"

#include "base/assert.h"
#include "base/slice.h"

#include <stdlib.h>

#define SIM_NO_LINK UINT32_MAX
#define MS          1000000u

enum event_kind { EVENT_RPC, EVENT_CREDIT, EVENT_TICK };

struct sim_event {
    uint64_t at, order;
    enum event_kind kind;
    uint32_t node;
    uint32_t link, generation, from; /* from: which end sent it */
    uint64_t len;
    struct bytes *bytes;
};

static void settle(struct sim *s, uint32_t node);

/* ---- events ---- */

static bool before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void push(struct sim *s, struct sim_event e)
{
    if (s->events_len == s->events_cap) {
        s->events_cap = s->events_cap == 0 ? 1024 : s->events_cap * 2;
        s->events = realloc(s->events, s->events_cap * sizeof *s->events);
        PANDO_ASSERT(s->events != NULL);
    }
    e.order = s->order++;
    size_t i = s->events_len++;
    while (i > 0 && before(&e, &s->events[(i - 1) / 2])) {
        s->events[i] = s->events[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    s->events[i] = e;
}

static struct sim_event pop(struct sim *s)
{
    const struct sim_event first = s->events[0];
    const struct sim_event last = s->events[--s->events_len];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= s->events_len)
            break;
        if (child + 1 < s->events_len && before(&s->events[child + 1], &s->events[child]))
            child++;
        if (before(&last, &s->events[child]))
            break;
        s->events[i] = s->events[child];
        i = child;
    }
    if (s->events_len > 0)
        s->events[i] = last;
    return first;
}

static void mix(struct sim *s, uint64_t value)
{
    s->hash = (s->hash ^ value) * 0x100000001b3u;
    s->hash ^= s->hash >> 29;
}

void sim_claim(struct sim *s, enum sim_claim claim, bool holds)
{
    s->broken[claim] += !holds;
    s->breaches += !holds;
}

static void step(struct sim *s, uint32_t node, const struct gossip_input *in)
{
    const enum pando_status st =
        gossip_step(s->nodes[node].g, (struct pando_time){ s->now }, in);
    PANDO_ASSERT(st == PANDO_OK);
    settle(s, node);
}

/* ---- watching ---- */

/* GRAFT and PRUNE in an RPC: each end knows of a back-off what it sent or received. */
static void watch_control(struct sim *s, struct sim_link *l, uint32_t end,
                          struct pando_slice rpc, bool sending)
{
    struct gossip_rpc r = gossip_rpc_read(rpc);
    struct gossip_item item;
    while (gossip_rpc_next(&r, &item)) {
        if (item.kind == GOSSIP_ITEM_GRAFT && sending)
            sim_claim(s, SIM_BACKOFF, l->backed_off[end] <= s->now);
        if (item.kind != GOSSIP_ITEM_PRUNE)
            continue;
        const uint64_t until = s->now + item.backoff * 1000 * MS;
        if (until > l->backed_off[end])
            l->backed_off[end] = until;
    }
}

static uint32_t end_of(const struct sim_link *l, uint32_t node)
{
    return l->node[0] == node ? 0 : 1;
}

static struct pando_slice unframe(struct pando_slice framed)
{
    uint64_t len = 0;
    const int head = wire_peek_uvarint(framed, &len);
    PANDO_ASSERT(head > 0 && (size_t)head + len == framed.len);
    return slice_from(framed, (size_t)head);
}

/* Data of message `number`: its number, who and whether it is bad, and some length. */
static size_t write_data(const struct sim *s, uint32_t number, uint8_t out[256])
{
    const struct sim_message *m = &s->messages[number];
    struct wire_writer w = wire_write(out, 256);
    wire_put_be(&w, number, 4);
    wire_put_be(&w, m->publisher, 4);
    wire_put_be(&w, m->bad, 1);
    for (uint32_t i = 0; i < 40 + number % 160; i++)
        wire_put_be(&w, (number + i) & 0xff, 1);
    return w.len;
}

static bool are_neighbours(const struct sim *s, uint32_t a, uint32_t b)
{
    for (uint32_t slot = 0; slot < SIM_LINKS_MAX; slot++) {
        const uint32_t link = s->nodes[a].links[slot];
        if (link != SIM_NO_LINK &&
            (s->links[link].node[0] == b || s->links[link].node[1] == b))
            return true;
    }
    return false;
}

static void got(struct sim *s, uint32_t node, uint32_t number)
{
    struct sim_message *m = &s->messages[number];
    sim_claim(s, SIM_ONCE, !m->has[node]);
    if (m->has[node])
        return;
    m->has[node] = 1;
    m->got++;
    m->last_at = s->now;
    if (s->cut)
        sim_claim(s, SIM_CUT, s->nodes[m->publisher].group == s->nodes[node].group);
    if (m->bad)
        sim_claim(s, SIM_REJECTED,
                  node == m->publisher || are_neighbours(s, node, m->publisher));
}

static void on_deliver(struct sim *s, uint32_t node, const struct gossip_effect *e)
{
    uint8_t want[256];
    struct wire_reader r = wire_read(e->data);
    const uint32_t number = (uint32_t)wire_get_be(&r, 4);
    const bool known = !r.failed && number < s->messages_len;
    sim_claim(s, SIM_TRUE, known);
    enum gossip_verdict verdict = GOSSIP_REJECT;
    if (known) {
        const size_t len = write_data(s, number, want);
        sim_claim(s, SIM_TRUE, slice_equal(e->data, slice_of(want, len)));
        got(s, node, number);
        verdict = s->messages[number].bad ? GOSSIP_REJECT : GOSSIP_ACCEPT;
    }
    step(s, node,
         &(struct gossip_input){
             .kind = GOSSIP_VERDICT, .handle = e->handle, .verdict = verdict });
}

static void on_send(struct sim *s, uint32_t node, const struct gossip_effect *e)
{
    const uint32_t link = s->nodes[node].links[e->peer];
    PANDO_ASSERT(link != SIM_NO_LINK);
    struct sim_link *l = &s->links[link];
    PANDO_ASSERT(l->up);
    const uint32_t end = end_of(l, node);
    const struct pando_slice framed = bytes_view(e->bytes);
    sim_claim(s, SIM_IN_CREDIT, l->sent[end] - l->arrived[end] < SIM_CREDIT);
    l->sent[end] += framed.len;
    watch_control(s, l, end, unframe(framed), true);
    s->rpcs++;
    push(s, (struct sim_event){ .at = s->now + l->delay,
                                .kind = EVENT_RPC,
                                .node = l->node[1 - end],
                                .link = link,
                                .generation = l->generation,
                                .from = end,
                                .bytes = bytes_ref(e->bytes) });
}

/* Carry out what a node wants, and make sure that it will be woken. */
static void settle(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->nodes[node];
    struct gossip_effect e;
    while (gossip_poll(n->g, &e)) {
        mix(s, (uint64_t)e.kind << 56 ^ (uint64_t)node << 40 ^ (uint64_t)e.peer << 24 ^
                   s->now);
        mix(s, e.bytes == NULL ? 0 : bytes_view(e.bytes).len);
        if (e.kind == GOSSIP_SEND)
            on_send(s, node, &e);
        else if (e.kind == GOSSIP_DELIVER)
            on_deliver(s, node, &e);
        bytes_unref(e.bytes);
    }
    const uint64_t at = gossip_deadline(n->g).ns;
    if (at != n->tick_at) {
        n->tick_at = at;
        push(s, (struct sim_event){ .at = at, .kind = EVENT_TICK, .node = node });
    }
}

/* ---- links ---- */

static struct peer_id id_of(uint32_t node)
{
    struct pando_key key = { { 0 } };
    for (uint32_t i = 0; i < 4; i++)
        key.bytes[i] = (uint8_t)(node >> (8 * i));
    return peer_id_from_key(&key);
}

void sim_link_set(struct sim *s, uint32_t link, bool up)
{
    struct sim_link *l = &s->links[link];
    if (l->up == up)
        return;
    l->up = up;
    l->generation++;
    for (uint32_t end = 0; end < 2; end++) {
        l->sent[end] = l->arrived[end] = 0;
        const struct peer_id other = id_of(l->node[1 - end]);
        step(s, l->node[end],
             &(struct gossip_input){ .kind = up ? GOSSIP_PEER_UP : GOSSIP_PEER_DOWN,
                                     .peer = l->slot[end],
                                     .peer_id = &other,
                                     .version = GOSSIP_V11,
                                     .outbound = end == 0,
                                     .credit = SIM_CREDIT });
    }
}

static uint32_t free_slot(const struct sim_node *n)
{
    for (uint32_t i = 0; i < SIM_LINKS_MAX; i++) {
        if (n->links[i] == SIM_NO_LINK)
            return i;
    }
    return SIM_NO_LINK;
}

static void connect(struct sim *s, uint32_t a, uint32_t b)
{
    const uint32_t slot_a = free_slot(&s->nodes[a]), slot_b = free_slot(&s->nodes[b]);
    if (a == b || slot_a == SIM_NO_LINK || slot_b == SIM_NO_LINK ||
        are_neighbours(s, a, b))
        return;
    const uint32_t link = s->links_len++;
    s->links[link] = (struct sim_link){ .node = { a, b },
                                        .slot = { slot_a, slot_b },
                                        .delay = 5 * MS + rng_below(&s->rng, 25 * MS) };
    s->nodes[a].links[slot_a] = link;
    s->nodes[b].links[slot_b] = link;
    sim_link_set(s, link, true);
}

void sim_partition(struct sim *s, uint32_t border)
{
    s->cut = border > 0;
    for (uint32_t i = 0; i < s->nodes_len; i++)
        s->nodes[i].group = i < border;
    for (uint32_t i = 0; i < s->links_len; i++) {
        const struct sim_link *l = &s->links[i];
        const bool cut = s->nodes[l->node[0]].group != s->nodes[l->node[1]].group;
        if (cut || border == 0)
            sim_link_set(s, i, !cut);
    }
}

/* ---- life ---- */

static void start_node(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->nodes[node];
    struct gossip_config config = s->config;
    config.seed = rng_next(&s->rng);
    config.self = id_of(node);
    struct arena measure = arena_measure();
    (void)gossip_place(&config, (struct pando_time){ s->now }, &measure);
    n->memory = malloc(measure.used);
    PANDO_ASSERT(n->memory != NULL);
    struct arena arena = arena_over(n->memory, measure.used);
    n->g = gossip_place(&config, (struct pando_time){ s->now }, &arena);
    for (uint32_t i = 0; i < SIM_LINKS_MAX; i++)
        n->links[i] = SIM_NO_LINK;
    sim_subscribe(s, node, true);
}

void sim_init(struct sim *s, uint32_t nodes_len, uint32_t degree, uint64_t seed,
              uint32_t mutant)
{
    *s = (struct sim){ .rng = rng_seeded(seed), .nodes_len = nodes_len };
    gossip_defaults(&s->config, SIM_LINKS_MAX);
    s->config.topics_max = 4;
    s->config.seen_max = 2048;
    s->config.messages_max = s->config.cache_max = 128;
    s->config.backoffs_max = 128;
    s->config.promises_max = 32;
    s->config.queue_max = 200;
    s->config.flood_publish = false;
#ifdef GOSSIP_MUTANTS
    s->config.mutant = mutant;
#else
    (void)mutant;
#endif
    s->nodes = calloc(nodes_len, sizeof *s->nodes);
    s->links = calloc((size_t)nodes_len * SIM_LINKS_MAX, sizeof *s->links);
    PANDO_ASSERT(s->nodes != NULL && s->links != NULL);
    for (uint32_t i = 0; i < nodes_len; i++)
        start_node(s, i);
    for (uint32_t i = 1; i < nodes_len; i++) /* a tree, so that it is connected */
        connect(s, i, (uint32_t)rng_below(&s->rng, i));
    const uint64_t more = (uint64_t)nodes_len * degree / 2;
    for (uint64_t i = 0; i < more && nodes_len > 2; i++)
        connect(s, (uint32_t)rng_below(&s->rng, nodes_len),
                (uint32_t)rng_below(&s->rng, nodes_len));
}

void sim_deinit(struct sim *s)
{
    for (size_t i = 0; i < s->events_len; i++)
        bytes_unref(s->events[i].bytes);
    for (uint32_t i = 0; i < s->nodes_len; i++) {
        gossip_deinit(s->nodes[i].g);
        free(s->nodes[i].memory);
    }
    for (uint32_t i = 0; i < s->messages_len; i++)
        free(s->messages[i].has);
    free(s->events);
    free(s->links);
    free(s->nodes);
}

static void on_rpc(struct sim *s, const struct sim_event *e)
{
    struct sim_link *l = &s->links[e->link];
    if (l->up && l->generation == e->generation) {
        const uint32_t end = 1 - e->from;
        const struct pando_slice rpc = unframe(bytes_view(e->bytes));
        watch_control(s, l, end, rpc, false);
        step(s, e->node,
             &(struct gossip_input){
                 .kind = GOSSIP_RPC, .peer = l->slot[end], .data = rpc });
        push(s, (struct sim_event){ .at = s->now + l->delay,
                                    .kind = EVENT_CREDIT,
                                    .node = l->node[e->from],
                                    .link = e->link,
                                    .generation = e->generation,
                                    .from = e->from,
                                    .len = bytes_view(e->bytes).len });
    }
    bytes_unref(e->bytes);
}

static void on_event(struct sim *s, const struct sim_event *e)
{
    if (e->kind == EVENT_RPC) {
        on_rpc(s, e);
    } else if (e->kind == EVENT_CREDIT) {
        struct sim_link *l = &s->links[e->link];
        if (!l->up || l->generation != e->generation)
            return;
        l->arrived[e->from] += e->len;
        step(s, e->node,
             &(struct gossip_input){
                 .kind = GOSSIP_CREDIT, .peer = l->slot[e->from], .credit = e->len });
    } else if (s->nodes[e->node].tick_at == e->at) {
        step(s, e->node, &(struct gossip_input){ .kind = GOSSIP_TICK });
        PANDO_ASSERT(gossip_deadline(s->nodes[e->node].g).ns > s->now);
    }
}

void sim_run_for(struct sim *s, struct pando_span span)
{
    const uint64_t end = s->now + span.ns;
    while (s->events_len > 0 && s->events[0].at <= end &&
           !(s->hasty && s->breaches > 0)) {
        const struct sim_event e = pop(s);
        s->now = e.at;
        on_event(s, &e);
    }
    s->now = end;
}

uint32_t sim_publish(struct sim *s, uint32_t node, bool bad)
{
    PANDO_ASSERT(s->messages_len < SIM_MESSAGES_MAX);
    const uint32_t number = s->messages_len++;
    s->messages[number] = (struct sim_message){
        .publisher = node, .bad = bad, .at = s->now, .has = calloc(s->nodes_len, 1)
    };
    PANDO_ASSERT(s->messages[number].has != NULL);
    got(s, node, number);
    uint8_t data[256];
    const size_t len = write_data(s, number, data);
    step(s, node,
         &(struct gossip_input){ .kind = GOSSIP_PUBLISH,
                                 .topic = slice_text(SIM_TOPIC),
                                 .data = slice_of(data, len) });
    return number;
}

void sim_subscribe(struct sim *s, uint32_t node, bool subscribe)
{
    step(
        s, node,
        &(struct gossip_input){ .kind = subscribe ? GOSSIP_SUBSCRIBE : GOSSIP_UNSUBSCRIBE,
                                .topic = slice_text(SIM_TOPIC),
                                .policy = GOSSIP_SELF_CERTIFIED,
                                .judged = true });
}

static bool in_mesh(const struct sim *s, uint32_t node, uint32_t slot)
{
    uint32_t peers[SIM_LINKS_MAX];
    const size_t len =
        gossip_mesh(s->nodes[node].g, slice_text(SIM_TOPIC), peers, SIM_LINKS_MAX);
    for (size_t i = 0; i < len; i++) {
        if (peers[i] == slot)
            return true;
    }
    return false;
}

void sim_check_meshes(struct sim *s)
{
    const struct pando_slice topic = slice_text(SIM_TOPIC);
    for (uint32_t i = 0; i < s->nodes_len; i++) {
        const size_t have = gossip_mesh(s->nodes[i].g, topic, NULL, 0);
        const size_t could = gossip_subscribers(s->nodes[i].g, topic, NULL, 0);
        sim_claim(s, SIM_MESH, have <= s->config.d_high);
        sim_claim(s, SIM_MESH, have > 0 || could == 0);
    }
    for (uint32_t i = 0; i < s->links_len; i++) {
        const struct sim_link *l = &s->links[i];
        if (l->up)
            sim_claim(s, SIM_MESH,
                      in_mesh(s, l->node[0], l->slot[0]) ==
                          in_mesh(s, l->node[1], l->slot[1]));
    }
}

uint64_t sim_sum(const struct sim *s, size_t offset)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < s->nodes_len; i++) {
        uint64_t value;
        memcpy(&value, (const uint8_t *)gossip_count(s->nodes[i].g) + offset,
               sizeof value);
        sum += value;
    }
    return sum;
}

const char *sim_claim_name(enum sim_claim claim)
{
    static const char *const names[SIM_CLAIMS] = {
        [SIM_ONCE] = "delivered once",
        [SIM_CUT] = "nothing crosses a cut",
        [SIM_TRUE] = "delivered as published",
        [SIM_REJECTED] = "rejected goes no further",
        [SIM_BACKOFF] = "back-offs are kept",
        [SIM_IN_CREDIT] = "sent within credit",
        [SIM_MESH] = "meshes are sound",
        [SIM_SPEED] = "carried by the mesh",
        [SIM_LIVENESS] = "nobody is left out",
    };
    return names[claim];
}
