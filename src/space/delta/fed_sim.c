#include "space/delta/fed_sim.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/slice.h"
#include "space/delta/fed_config.h"
#include "space/delta/fed_state.h"
#include "space/delta/fed_trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WALL_BASE INT64_C(1790000000000)
#define NO_PIPE   UINT32_MAX

enum event_kind { EV_DIALLED, EV_ARRIVES, EV_CREDIT, EV_CLOSED, EV_COMMIT, EV_NEWS, EV_TICK };

struct sim_event {
    enum event_kind kind;
    struct pando_time at;
    uint64_t order, value;
    uint32_t node, life, pipe, link, edge;
    unsigned to; /* which end of the pipe */
};

/* --- time -------------------------------------------------------------------------------- */

static bool before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at.ns != b->at.ns ? a->at.ns < b->at.ns : a->order < b->order;
}

static void later(struct sim *s, uint64_t us, struct sim_event ev)
{
    if (s->heap_len == s->heap_cap) {
        s->heap_cap = s->heap_cap > 0 ? s->heap_cap * 2 : 256;
        s->heap = realloc(s->heap, s->heap_cap * sizeof *s->heap);
        PANDO_ASSERT(s->heap != NULL);
    }
    ev.at = pando_time_add(s->now, PANDO_USEC(us));
    ev.order = ++s->order;
    size_t i = s->heap_len++;
    for (; i > 0 && before(&ev, &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
        s->heap[i] = s->heap[(i - 1) / 2];
    s->heap[i] = ev;
}

static struct sim_event take(struct sim *s)
{
    const struct sim_event first = s->heap[0], last = s->heap[--s->heap_len];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= s->heap_len)
            break;
        child += child + 1 < s->heap_len && before(&s->heap[child + 1], &s->heap[child]);
        if (!before(&s->heap[child], &last))
            break;
        s->heap[i] = s->heap[child];
        i = child;
    }
    s->heap[i] = last;
    return first;
}

int64_t sim_wall(const struct sim *s)
{
    return WALL_BASE + (int64_t)(s->now.ns / 1000000);
}

/* --- one engine -------------------------------------------------------------------------- */

static struct pando_wall wall(void *ctx)
{
    const struct sim_node *n = ctx;
    return (struct pando_wall){ sim_wall(n->sim) };
}

static void uuid(void *ctx, char ret[FED_ID_TEXT])
{
    struct sim_node *n = ctx;
    (void)snprintf(ret, FED_ID_TEXT, "%08x-0000-4000-8000-000000000000", ++n->sim->uuids);
}

static enum pando_status stage(void *ctx, uint32_t link, const struct delta *d,
                               enum delta_outcome *ret_outcome, uint64_t *ret_ticket)
{
    struct sim_node *n = ctx;
    return sim_store_stage(n->store, link, d, ret_outcome, ret_ticket);
}

static enum pando_status arrived(void *ctx, uint64_t *position, struct delta *ret)
{
    struct sim_node *n = ctx;
    struct fed_host inner = { 0 };
    sim_store_host(n->store, &inner);
    return inner.arrived(n->store, position, ret);
}

static uint64_t newest(void *ctx)
{
    return ((struct sim_node *)ctx)->store->told;
}

static enum pando_status count(void *ctx, const struct filter *f, int64_t from, uint64_t *ret)
{
    struct sim_node *n = ctx;
    struct fed_host inner = { 0 };
    sim_store_host(n->store, &inner);
    return inner.count(n->store, f, from, ret);
}

static uint32_t edge_of_url(const char *url)
{
    return (uint32_t)strtoul(strstr(url, "edge=") + 5, NULL, 10);
}

static void put_on_pipe(struct sim *s, uint32_t pipe, unsigned to, struct bytes *bytes)
{
    struct sim_pipe *p = &s->pipes[pipe];
    if (p->head[to] == p->len[to])
        p->head[to] = p->len[to] = 0;
    if (p->len[to] == p->cap[to]) {
        p->cap[to] = p->cap[to] > 0 ? p->cap[to] * 2 : 16;
        p->queue[to] = realloc(p->queue[to], p->cap[to] * sizeof(struct sim_message));
        PANDO_ASSERT(p->queue[to] != NULL);
    }
    const uint64_t us = 50 + rng_below(&s->rng, 3000);
    p->queue[to][p->len[to]++] =
        (struct sim_message){ bytes, pando_time_add(s->now, PANDO_USEC(us)) };
    later(s, us, (struct sim_event){ .kind = EV_ARRIVES, .pipe = pipe, .to = to });
}

static void pipe_drop(struct sim *s, uint32_t pipe)
{
    struct sim_pipe *p = &s->pipes[pipe];
    p->open = false;
    if (s->edges[p->edge].pipe == pipe)
        s->edges[p->edge].pipe = NO_PIPE;
    for (unsigned to = 0; to < 2; to++) {
        for (size_t i = p->head[to]; i < p->len[to]; i++)
            bytes_unref(p->queue[to][i].bytes);
        free(p->queue[to]);
        p->queue[to] = NULL;
        p->head[to] = p->len[to] = p->cap[to] = 0;
    }
}

/* The end `to` hears that the pipe is gone. */
static void tell_closed(struct sim *s, uint32_t pipe, unsigned to)
{
    const struct sim_node *n = &s->nodes[s->pipes[pipe].node[to]];
    later(s, 10 + rng_below(&s->rng, 5000),
          (struct sim_event){ .kind = EV_CLOSED,
                              .pipe = pipe,
                              .node = n->index,
                              .life = n->life,
                              .link = FED_NO_LINK });
}

static void on_event(struct sim *s, struct sim_node *n, const struct fed_event *e)
{
    for (uint32_t i = 0; i < s->edges_len; i++)
        if (e->kind == FED_LINK_CONNECTED && s->edges[i].since == 0 &&
            s->edges[i].client == n->index && strcmp(s->edges[i].id, e->link) == 0)
            s->edges[i].since = sim_wall(s);
}

static void on_close(struct sim *s, struct sim_node *n, const struct fed_effect *e)
{
    struct sim_pipe *p = &s->pipes[e->pipe];
    if (!p->open)
        return;
    if (e->value != FED_CLOSE_NORMAL && e->value != FED_CLOSE_AWAY)
        sim_broken(s, "a link was closed without need");
    pipe_drop(s, e->pipe);
    tell_closed(s, e->pipe, p->node[0] == n->index ? 1 : 0);
}

static void on_effect(struct sim *s, struct sim_node *n, const struct fed_effect *e)
{
    struct sim_pipe *p = &s->pipes[e->pipe];
    switch (e->kind) {
    case FED_DIAL:
        later(s, 200 + rng_below(&s->rng, 5000),
              (struct sim_event){ .kind = EV_DIALLED,
                                  .node = n->index,
                                  .life = n->life,
                                  .link = e->link,
                                  .edge = edge_of_url(e->text) });
        break;
    case FED_SEND:
        sim_look_at(s, n, e->pipe, e->bytes);
        if (p->open)
            put_on_pipe(s, e->pipe, p->node[0] == n->index ? 1 : 0, e->bytes);
        else
            bytes_unref(e->bytes);
        break;
    case FED_CLOSE: on_close(s, n, e); break;
    case FED_DIGESTED:
        if (!p->open)
            break;
        p->undigested[p->node[0] == n->index ? 0 : 1] -= e->value;
        later(s, 20, (struct sim_event){ .kind = EV_ARRIVES,
                                         .pipe = e->pipe,
                                         .to = p->node[0] == n->index ? 0 : 1 });
        break;
    case FED_HAPPENED: on_event(s, n, &e->event); break;
    case FED_JUDGE: bytes_unref(e->bytes); break;
    }
}

/* Carry out what the engine wants, and see that it is woken and its store written. */
static void drain(struct sim *s, struct sim_node *n)
{
    struct fed_effect e;
    while (fed_poll(n->fed, &e))
        on_effect(s, n, &e);
    sim_look_at_bounds(s, n);
    if (!n->committing && n->store->len > n->store->durable) {
        n->committing = true;
        later(s, 500 + rng_below(&s->rng, 15000),
              (struct sim_event){ .kind = EV_COMMIT,
                                  .node = n->index,
                                  .life = n->life,
                                  .value = n->store->len });
    }
    const struct pando_time at = fed_deadline(n->fed);
    if (at.ns == PANDO_TIME_NEVER.ns || (n->tick_at.ns <= at.ns && n->tick_at.ns > s->now.ns))
        return;
    n->tick_at = at;
    later(s, at.ns > s->now.ns ? (at.ns - s->now.ns + 999) / 1000 : 0,
          (struct sim_event){ .kind = EV_TICK, .node = n->index, .life = n->life });
}

static void step(struct sim *s, struct sim_node *n, const struct fed_input *in)
{
    if (n->fed == NULL)
        return;
    s->tally.steps++;
    fed_step(n->fed, s->now, in);
    drain(s, n);
}

/* --- events ------------------------------------------------------------------------------ */

static void on_dialled(struct sim *s, const struct sim_event *ev)
{
    struct sim_edge *e = &s->edges[ev->edge];
    struct sim_node *client = &s->nodes[e->client], *server = &s->nodes[e->server];
    if (server->fed == NULL || server->unreachable || client->unreachable) {
        step(s, client, &(struct fed_input){ .kind = FED_PIPE_CLOSED,
                                             .pipe = NO_PIPE,
                                             .link = ev->link,
                                             .status = PANDO_UNAVAILABLE,
                                             .text = slice_text("connection refused") });
        return;
    }
    PANDO_ASSERT(s->pipes_len < SIM_PIPES_MAX);
    const uint32_t pipe = s->pipes_len++;
    s->pipes[pipe] =
        (struct sim_pipe){ .open = true, .edge = ev->edge, .node = { e->client, e->server } };
    e->pipe = pipe;
    e->opened++;
    step(s, server, &(struct fed_input){ .kind = FED_PIPE_OPEN,
                                         .pipe = pipe,
                                         .link = FED_NO_LINK,
                                         .text = slice_text("somewhere") });
    step(s, client, &(struct fed_input){ .kind = FED_PIPE_OPEN, .pipe = pipe, .link = ev->link });
}

static void on_arrives(struct sim *s, const struct sim_event *ev)
{
    struct sim_pipe *p = &s->pipes[ev->pipe];
    const unsigned to = ev->to;
    while (p->open && p->head[to] < p->len[to] && p->undigested[to] < SIM_WINDOW &&
           pando_time_reached(p->queue[to][p->head[to]].at, s->now)) {
        struct bytes *bytes = p->queue[to][p->head[to]++].bytes;
        const size_t len = bytes_view(bytes).len;
        const struct sim_node *sender = &s->nodes[p->node[1 - to]];
        p->undigested[to] += len;
        later(s, 10, (struct sim_event){ .kind = EV_CREDIT,
                                         .node = sender->index,
                                         .life = sender->life,
                                         .pipe = ev->pipe,
                                         .value = len });
        step(s, &s->nodes[p->node[to]],
             &(struct fed_input){ .kind = FED_PIPE_TEXT, .pipe = ev->pipe, .bytes = bytes });
        bytes_unref(bytes);
    }
}

/* What is durable is said a few at a time; other things happen between. */
static void on_news(struct sim *s, struct sim_node *n)
{
    for (int i = 0; i < 8 && n->store->told < n->store->durable; i++) {
        const struct sim_delta *d = n->store->arrived[n->store->told++];
        step(s, n, &(struct fed_input){ .kind = FED_NEW,
                                        .delta = &d->d,
                                        .link = d->link,
                                        .value = n->store->told });
    }
    if (n->store->told < n->store->durable)
        later(s, rng_below(&s->rng, 1000),
              (struct sim_event){ .kind = EV_NEWS, .node = n->index, .life = n->life });
}

static void on_commit(struct sim *s, struct sim_node *n, size_t ticket)
{
    const bool idle = n->store->told == n->store->durable;
    n->committing = false;
    s->tally.commits++;
    sim_store_commit(n->store, ticket);
    step(s, n, &(struct fed_input){ .kind = FED_DURABLE, .value = n->store->durable });
    if (idle)
        on_news(s, n);
}

static void on_event_due(struct sim *s, const struct sim_event *ev)
{
    struct sim_node *n = &s->nodes[ev->node];
    if (ev->kind == EV_ARRIVES) {
        on_arrives(s, ev);
        return;
    }
    if (n->fed == NULL || n->life != ev->life)
        return;
    switch (ev->kind) {
    case EV_DIALLED: on_dialled(s, ev); break;
    case EV_CREDIT:
        step(s, n, &(struct fed_input){
                       .kind = FED_PIPE_CREDIT, .pipe = ev->pipe, .value = ev->value });
        break;
    case EV_CLOSED:
        step(s, n, &(struct fed_input){ .kind = FED_PIPE_CLOSED,
                                        .pipe = ev->pipe,
                                        .link = FED_NO_LINK,
                                        .status = PANDO_IO,
                                        .text = slice_text("connection reset") });
        break;
    case EV_COMMIT: on_commit(s, n, (size_t)ev->value); break;
    case EV_NEWS: on_news(s, n); break;
    case EV_TICK:
        n->tick_at = PANDO_TIME_NEVER;
        step(s, n, &(struct fed_input){ .kind = FED_TICK });
        break;
    case EV_ARRIVES: break;
    }
}

void sim_run_for(struct sim *s, struct pando_span span)
{
    const struct pando_time end = pando_time_add(s->now, span);
    while (s->violation == NULL && s->heap_len > 0 && s->heap[0].at.ns <= end.ns) {
        const struct sim_event ev = take(s);
        s->now = ev.at;
        on_event_due(s, &ev);
    }
    s->now = end;
}

/* --- what a scenario does ---------------------------------------------------------------- */

static json_t *parse(const char *text)
{
    json_t *v = text != NULL ? json_loads(text, 0, NULL) : NULL;
    PANDO_ASSERT(text == NULL || v != NULL);
    return v;
}

static void read_config(const char *text, struct fed_link_config *ret)
{
    json_t *json = parse(text);
    PANDO_ASSERT(fed_config_from_json(json, ret, NULL) == PANDO_OK);
    json_decref(json);
}

static void connect(struct sim *s, uint32_t edge)
{
    struct sim_edge *e = &s->edges[edge];
    struct sim_node *n = &s->nodes[e->client];
    struct fed_link_config c;
    char url[64];
    (void)snprintf(url, sizeof url, "ws://n%u/federation?edge=%u", e->server, edge);
    read_config(e->config, &c);
    e->since = 0;
    e->paused[0] = false;
    PANDO_ASSERT(fed_connect(n->fed, s->now, slice_text(url), &c, e->id, NULL) == PANDO_OK);
    drain(s, n);
}

void sim_restart(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->nodes[node];
    struct fed_host host = { .ctx = n, .wall = wall, .uuid = uuid };
    char name[16];
    if (n->fed != NULL)
        return;
    (void)snprintf(name, sizeof name, "s%u", node);
    sim_store_host(n->store, &host);
    host.ctx = n;
    host.stage = stage;
    host.arrived = arrived;
    host.newest = newest;
    host.count = count;
    const struct fed_config config = { .system_id = slice_text(name),
                                       .server = true,
                                       .auto_broadcast = true,
                                       .max_connections = 1000,
                                       .trust = n->policy,
                                       .seed = node };
    PANDO_ASSERT(fed_new(&config, &host, &n->fed, NULL) == PANDO_OK);
    n->tick_at = PANDO_TIME_NEVER;
    for (uint32_t i = 0; i < s->edges_len; i++)
        if (s->edges[i].client == node)
            connect(s, i);
}

struct sim *sim_new(uint64_t seed, uint32_t nodes, const char *const *trusts)
{
    struct sim *s = calloc(1, sizeof *s);
    PANDO_ASSERT(s != NULL && nodes <= SIM_NODES_MAX);
    s->rng = rng_seeded(seed);
    s->now.ns = 1000000000;
    s->nodes_len = nodes;
    s->pipes = calloc(SIM_PIPES_MAX, sizeof *s->pipes);
    PANDO_ASSERT(s->pipes != NULL);
    map_init(&s->acked, 20, 1, 1u << 22, seed);
    for (uint32_t i = 0; i < nodes; i++) {
        struct sim_node *n = &s->nodes[i];
        *n = (struct sim_node){ .sim = s, .index = i, .trust = trusts != NULL ? trusts[i] : NULL };
        json_t *json = parse(n->trust);
        PANDO_ASSERT(fed_trust_from_json(json, &n->policy, NULL) == PANDO_OK);
        json_decref(json);
        n->store = sim_store_new(60);
        sim_restart(s, i);
    }
    return s;
}

void sim_free(struct sim *s)
{
    for (uint32_t i = 0; i < s->nodes_len; i++) {
        fed_free(s->nodes[i].fed);
        sim_store_free(s->nodes[i].store);
        fed_trust_deinit(&s->nodes[i].policy);
    }
    for (uint32_t i = 0; i < s->pipes_len; i++)
        pipe_drop(s, i);
    for (uint32_t i = 0; i < s->edges_len; i++)
        fed_config_deinit(&s->edges[i].policy);
    map_deinit(&s->acked);
    buf_deinit(&s->room.buf);
    free(s->pipes);
    free(s->heap);
    free(s);
}

uint32_t sim_edge(struct sim *s, uint32_t client, uint32_t server, const char *config)
{
    PANDO_ASSERT(s->edges_len < SIM_EDGES_MAX);
    struct sim_edge *e = &s->edges[s->edges_len];
    *e = (struct sim_edge){
        .client = client, .server = server, .config = config, .pipe = NO_PIPE
    };
    read_config(config, &e->policy);
    connect(s, s->edges_len);
    return s->edges_len++;
}

void sim_create(struct sim *s, uint32_t node, size_t pad)
{
    struct sim_node *n = &s->nodes[node];
    enum delta_outcome outcome;
    uint64_t ticket;
    struct delta d;
    if (n->fed == NULL)
        return;
    s->room.pad = pad;
    sim_delta_make(&s->room, node, n->created, sim_wall(s), &d);
    if (sim_store_stage(n->store, FED_NO_LINK, &d, &outcome, &ticket) == PANDO_OK)
        n->created++;
    drain(s, n);
}

void sim_cut(struct sim *s, uint32_t edge)
{
    const uint32_t pipe = s->edges[edge].pipe;
    if (pipe == NO_PIPE)
        return;
    s->tally.cuts++;
    pipe_drop(s, pipe);
    tell_closed(s, pipe, 0);
    tell_closed(s, pipe, 1);
}

void sim_crash(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->nodes[node];
    if (n->fed == NULL)
        return;
    s->tally.crashes++;
    fed_free(n->fed);
    n->fed = NULL;
    n->life++;
    n->committing = false;
    sim_store_crash(n->store);
    for (uint32_t i = 0; i < s->pipes_len; i++) {
        struct sim_pipe *p = &s->pipes[i];
        if (!p->open || (p->node[0] != node && p->node[1] != node))
            continue;
        pipe_drop(s, i);
        tell_closed(s, i, p->node[0] == node ? 1 : 0);
    }
}

void sim_pause(struct sim *s, uint32_t edge, unsigned side, bool paused)
{
    struct sim_edge *e = &s->edges[edge];
    struct sim_node *n = &s->nodes[side == 0 ? e->client : e->server];
    const struct fed_link *l = NULL;
    if (n->fed == NULL)
        return;
    if (side == 1)
        l = e->pipe != NO_PIPE ? sim_link_of(n, e->pipe) : NULL;
    const struct pando_slice id =
        side == 0 ? slice_text(e->id) : l != NULL ? slice_text(l->id) : SLICE_EMPTY;
    if (id.len == 0)
        return;
    s->tally.pauses++;
    const enum pando_status st =
        paused ? fed_pause(n->fed, s->now, id) : fed_resume(n->fed, s->now, id);
    PANDO_ASSERT(st == PANDO_OK);
    drain(s, n);
}

void sim_configure(struct sim *s, uint32_t edge, const char *config)
{
    struct sim_edge *e = &s->edges[edge];
    struct sim_node *n = &s->nodes[e->client];
    struct fed_link_config c;
    e->config = config;
    e->opened++;
    fed_config_deinit(&e->policy);
    read_config(config, &e->policy);
    if (n->fed == NULL)
        return;
    read_config(config, &c);
    PANDO_ASSERT(fed_configure(n->fed, s->now, slice_text(e->id), &c) == PANDO_OK);
    drain(s, n);
}
