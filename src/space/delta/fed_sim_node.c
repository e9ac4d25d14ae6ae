#include "space/delta/fed_sim_impl.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/slice.h"
#include "space/delta/fed_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct pando_wall wall(void *ctx)
{
    const struct sim_node *n = ((const struct sim_store *)ctx)->owner;
    return (struct pando_wall){ sim_wall(n->sim) };
}

static void uuid(void *ctx, char ret[FED_ID_TEXT])
{
    const struct sim_node *n = ((const struct sim_store *)ctx)->owner;
    (void)snprintf(ret, FED_ID_TEXT, "%08x-0000-4000-8000-000000000000", ++n->sim->uuids);
}

struct fed_host sim_host(struct sim_node *n)
{
    n->store->owner = n;
    return sim_store_host(n->store, wall, uuid);
}

static void later(struct sim *s, uint64_t us, struct sim_event ev)
{
    struct sim_event *e = malloc(sizeof *e);
    PANDO_ASSERT(e != NULL);
    *e = ev;
    agenda_put(&s->agenda, &e->due, pando_time_add(s->now, PANDO_USEC(us)));
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
    later(s, us, (struct sim_event){ .kind = SIM_ARRIVES, .pipe = pipe, .to = to });
}

void sim_pipe_drop(struct sim *s, uint32_t pipe)
{
    struct sim_pipe *p = &s->pipes[pipe];
    p->open = false;
    if (s->edges[p->edge].pipe == pipe)
        s->edges[p->edge].pipe = SIM_NO_PIPE;
    for (unsigned to = 0; to < 2; to++) {
        for (size_t i = p->head[to]; i < p->len[to]; i++)
            bytes_unref(p->queue[to][i].bytes);
        free(p->queue[to]);
        p->queue[to] = NULL;
        p->head[to] = p->len[to] = p->cap[to] = 0;
    }
}

void sim_tell_closed(struct sim *s, uint32_t pipe, unsigned to)
{
    const struct sim_node *n = &s->nodes[s->pipes[pipe].node[to]];
    later(s, 10 + rng_below(&s->rng, 5000),
          (struct sim_event){ .kind = SIM_CLOSED,
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
    sim_pipe_drop(s, e->pipe);
    sim_tell_closed(s, e->pipe, p->node[0] == n->index ? 1 : 0);
}

static void on_effect(struct sim *s, struct sim_node *n, const struct fed_effect *e)
{
    struct sim_pipe *p = &s->pipes[e->pipe];
    switch (e->kind) {
    case FED_DIAL:
        later(s, 200 + rng_below(&s->rng, 5000),
              (struct sim_event){ .kind = SIM_DIALLED,
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
    case FED_CLOSE:
        on_close(s, n, e);
        break;
    case FED_DIGESTED:
        if (!p->open)
            break;
        p->undigested[p->node[0] == n->index ? 0 : 1] -= e->value;
        later(s, 20,
              (struct sim_event){ .kind = SIM_ARRIVES,
                                  .pipe = e->pipe,
                                  .to = p->node[0] == n->index ? 0 : 1 });
        break;
    case FED_HAPPENED:
        on_event(s, n, &e->event);
        break;
    case FED_JUDGE:
        bytes_unref(e->bytes);
        break;
    }
}

void sim_drain(struct sim *s, struct sim_node *n)
{
    struct fed_effect e;
    while (fed_poll(n->fed, &e))
        on_effect(s, n, &e);
    sim_look_at_bounds(s, n);
    if (!n->committing && n->store->len > n->store->durable) {
        n->committing = true;
        later(s, 500 + rng_below(&s->rng, 15000),
              (struct sim_event){ .kind = SIM_COMMIT,
                                  .node = n->index,
                                  .life = n->life,
                                  .value = n->store->len });
    }
    if (!n->hasty && n->store->len > n->store->durable && rng_chance(&s->rng, 1, 2)) {
        n->hasty = true;
        later(s, rng_below(&s->rng, 400),
              (struct sim_event){ .kind = SIM_EARLY, .node = n->index, .life = n->life });
    }
    const struct pando_time at = fed_deadline(n->fed);
    if (at.ns == PANDO_TIME_NEVER.ns ||
        (n->tick_at.ns <= at.ns && n->tick_at.ns > s->now.ns))
        return;
    n->tick_at = at;
    later(s, at.ns > s->now.ns ? (at.ns - s->now.ns + 999) / 1000 : 0,
          (struct sim_event){ .kind = SIM_TICK, .node = n->index, .life = n->life });
}

static void step(struct sim *s, struct sim_node *n, const struct fed_input *in)
{
    if (n->fed == NULL)
        return;
    s->tally.steps++;
    fed_step(n->fed, s->now, in);
    sim_drain(s, n);
}

static void on_dialled(struct sim *s, const struct sim_event *ev)
{
    struct sim_edge *e = &s->edges[ev->edge];
    struct sim_node *client = &s->nodes[e->client], *server = &s->nodes[e->server];
    if (server->fed == NULL || server->unreachable || client->unreachable) {
        step(s, client,
             &(struct fed_input){ .kind = FED_PIPE_CLOSED,
                                  .pipe = SIM_NO_PIPE,
                                  .link = ev->link,
                                  .status = PANDO_UNAVAILABLE,
                                  .text = slice_text("connection refused") });
        return;
    }
    PANDO_ASSERT(s->pipes_len < SIM_PIPES_MAX);
    const uint32_t pipe = s->pipes_len++;
    s->pipes[pipe] = (struct sim_pipe){ .open = true,
                                        .edge = ev->edge,
                                        .node = { e->client, e->server } };
    e->pipe = pipe;
    e->opened++;
    step(s, server,
         &(struct fed_input){ .kind = FED_PIPE_OPEN,
                              .pipe = pipe,
                              .link = FED_NO_LINK,
                              .text = slice_text("somewhere") });
    step(s, client,
         &(struct fed_input){ .kind = FED_PIPE_OPEN, .pipe = pipe, .link = ev->link });
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
        later(s, 10,
              (struct sim_event){ .kind = SIM_CREDIT,
                                  .node = sender->index,
                                  .life = sender->life,
                                  .pipe = ev->pipe,
                                  .value = len });
        step(s, &s->nodes[p->node[to]],
             &(struct fed_input){
                 .kind = FED_PIPE_TEXT, .pipe = ev->pipe, .bytes = bytes });
        bytes_unref(bytes);
    }
}

static void say(struct sim *s, struct sim_node *n, size_t place)
{
    const struct sim_delta *d = n->store->arrived[place - 1];
    step(s, n,
         &(struct fed_input){
             .kind = FED_NEW, .delta = &d->d, .link = d->link, .value = place });
}

/* What was appended is said before it is durable. */
static void on_early(struct sim *s, struct sim_node *n)
{
    n->hasty = false;
    if (sim_store_said(n->store) < n->store->durable)
        return;
    for (size_t at = sim_store_said(n->store) + 1; at <= n->store->len; at++) {
        s->tally.early++;
        n->store->early = at;
        say(s, n, at);
    }
}

/* What is durable is said a few at a time; other things happen between. */
static void on_news(struct sim *s, struct sim_node *n)
{
    for (int i = 0; i < 8 && n->store->told < n->store->durable; i++) {
        const bool said = n->store->told < n->store->early;
        n->store->told++;
        if (!said)
            say(s, n, n->store->told);
    }
    if (n->store->told < n->store->durable)
        later(s, rng_below(&s->rng, 1000),
              (struct sim_event){ .kind = SIM_NEWS, .node = n->index, .life = n->life });
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

void sim_happen(struct sim *s, const struct sim_event *ev)
{
    struct sim_node *n = &s->nodes[ev->node];
    if (ev->kind == SIM_ARRIVES) {
        on_arrives(s, ev);
        return;
    }
    if (n->fed == NULL || n->life != ev->life)
        return;
    switch (ev->kind) {
    case SIM_DIALLED:
        on_dialled(s, ev);
        break;
    case SIM_CREDIT:
        step(s, n,
             &(struct fed_input){
                 .kind = FED_PIPE_CREDIT, .pipe = ev->pipe, .value = ev->value });
        break;
    case SIM_CLOSED:
        step(s, n,
             &(struct fed_input){ .kind = FED_PIPE_CLOSED,
                                  .pipe = ev->pipe,
                                  .link = FED_NO_LINK,
                                  .status = PANDO_IO,
                                  .text = slice_text("connection reset") });
        break;
    case SIM_COMMIT:
        on_commit(s, n, (size_t)ev->value);
        break;
    case SIM_EARLY:
        on_early(s, n);
        break;
    case SIM_NEWS:
        on_news(s, n);
        break;
    case SIM_TICK:
        n->tick_at = PANDO_TIME_NEVER;
        step(s, n, &(struct fed_input){ .kind = FED_TICK });
        break;
    case SIM_ARRIVES:
        break;
    }
}
