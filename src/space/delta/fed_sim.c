#include "space/delta/fed_sim_impl.h"

#include "base/assert.h"
#include "base/slice.h"
#include "space/delta/fed_config.h"
#include "space/delta/fed_state.h"
#include "space/delta/fed_trust.h"

#include <stdio.h>
#include <stdlib.h>

#define WALL_BASE INT64_C(1790000000000)

int64_t sim_wall(const struct sim *s)
{
    return WALL_BASE + (int64_t)(s->now.ns / 1000000);
}

void sim_run_for(struct sim *s, struct pando_span span)
{
    const struct pando_time end = pando_time_add(s->now, span);
    while (s->violation == NULL && agenda_due(&s->agenda).ns <= end.ns) {
        struct sim_event *ev = agenda_take(&s->agenda);
        s->now = ev->due.at;
        sim_happen(s, ev);
        free(ev);
    }
    s->now = end;
}

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
    PANDO_ASSERT(fed_connect(n->fed, s->now, slice_text(url), &c, e->id, NULL) ==
                 PANDO_OK);
    sim_drain(s, n);
}

void sim_restart(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->nodes[node];
    char name[16];
    if (n->fed != NULL)
        return;
    (void)snprintf(name, sizeof name, "s%u", node);
    const struct fed_host host = sim_host(n);
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
        *n = (struct sim_node){ .sim = s,
                                .index = i,
                                .trust = trusts != NULL ? trusts[i] : NULL };
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
        sim_pipe_drop(s, i);
    for (uint32_t i = 0; i < s->edges_len; i++)
        fed_config_deinit(&s->edges[i].policy);
    map_deinit(&s->acked);
    buf_deinit(&s->room.buf);
    free(s->pipes);
    for (struct sim_event *ev; (ev = agenda_take(&s->agenda)) != NULL;)
        free(ev);
    agenda_deinit(&s->agenda);
    free(s);
}

uint32_t sim_edge(struct sim *s, uint32_t client, uint32_t server, const char *config)
{
    PANDO_ASSERT(s->edges_len < SIM_EDGES_MAX);
    struct sim_edge *e = &s->edges[s->edges_len];
    *e = (struct sim_edge){
        .client = client, .server = server, .config = config, .pipe = SIM_NO_PIPE
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
    sim_drain(s, n);
}

void sim_cut(struct sim *s, uint32_t edge)
{
    const uint32_t pipe = s->edges[edge].pipe;
    if (pipe == SIM_NO_PIPE)
        return;
    s->tally.cuts++;
    sim_pipe_drop(s, pipe);
    sim_tell_closed(s, pipe, 0);
    sim_tell_closed(s, pipe, 1);
}

uint64_t sim_ahead_of_disk(const struct sim *s, uint32_t node)
{
    const struct sim_node *n = &s->nodes[node];
    uint64_t lost = 0;
    for (size_t i = n->store->durable; i < n->store->len; i++) {
        uint32_t other = 0;
        while (other < s->nodes_len &&
               (other == n->index || n->store->arrived[i]->link != FED_NO_LINK ||
                !sim_store_has(s->nodes[other].store, &n->store->arrived[i]->d.name)))
            other++;
        lost += other < s->nodes_len;
    }
    return lost;
}

void sim_crash(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->nodes[node];
    if (n->fed == NULL)
        return;
    s->tally.crashes++;
    s->tally.lost += sim_ahead_of_disk(s, node);
    fed_free(n->fed);
    n->fed = NULL;
    n->life++;
    n->committing = n->hasty = false;
    sim_store_crash(n->store);
    for (uint32_t i = 0; i < s->pipes_len; i++) {
        struct sim_pipe *p = &s->pipes[i];
        if (!p->open || (p->node[0] != node && p->node[1] != node))
            continue;
        sim_pipe_drop(s, i);
        sim_tell_closed(s, i, p->node[0] == node ? 1 : 0);
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
        l = e->pipe != SIM_NO_PIPE ? sim_link_of(n, e->pipe) : NULL;
    const struct pando_slice id = side == 0   ? slice_text(e->id)
                                  : l != NULL ? slice_text(l->id)
                                              : SLICE_EMPTY;
    if (id.len == 0)
        return;
    s->tally.pauses++;
    const enum pando_status st =
        paused ? fed_pause(n->fed, s->now, id) : fed_resume(n->fed, s->now, id);
    PANDO_ASSERT(st == PANDO_OK);
    sim_drain(s, n);
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
    sim_drain(s, n);
}
