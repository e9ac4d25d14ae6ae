#include "sim/pipes.h"

#include "base/assert.h"
#include "base/map.h"
#include "base/rng.h"
#include "base/slice.h"
#include "ws/url.h"

#include <stdio.h>
#include <stdlib.h>

#define RETRY PANDO_MSEC(50) /* a cut path is looked at again */

/* A message on its way, or (bytes NULL) the close behind all of them. */
struct parcel {
    struct parcel *next;
    struct bytes *bytes;
    uint64_t arrives;
    uint16_t code;
    char reason[PIPE_REASON_MAX + 1];
};

/* One direction: what side `d` sends. */
struct lane {
    struct parcel *first, *last;
    uint64_t arrives;   /* of the last parcel */
    uint64_t held;      /* undigested bytes at the reader */
    uint64_t cut_since; /* 0: the path was whole when looked at last */
    bool pumping;       /* an event of the queue stands for it */
    bool goodbye;
    uint16_t answered; /* the code of our close, once the other side has it */
};

struct conn {
    struct pipes *pipes;
    uint32_t pipe; /* side 0's handle; side 1's is the next number */
    uint32_t port[2], life[2];
    bool open[2]; /* its owner may use it, and hears of its end */
    struct lane lanes[2];
    uint64_t dial;
    char path[WS_URL_MAX + 1];
};

struct end {
    struct pipes *pipes;
    uint32_t index, life;
    bool up;
    struct pipes_owner owner;
};

struct pipes {
    struct sim_queue *queue;
    struct net *net;
    struct rng rng;
    struct end *ends;
    uint32_t ports;
    uint64_t idle;
    struct map conns; /* u32 even handle -> struct conn * */
    uint32_t next;
};

static struct conn *conn_at(struct pipes *p, uint32_t pipe)
{
    const uint32_t even = pipe & ~1u;
    struct conn **found = map_find(&p->conns, &even);
    return found == NULL ? NULL : *found;
}

static struct end *end_of(const struct conn *c, unsigned d)
{
    struct end *e = &c->pipes->ends[c->port[d]];
    return e->up && e->life == c->life[d] ? e : NULL;
}

static void tell(struct conn *c, unsigned d, struct pipe_event ev)
{
    const struct end *e = end_of(c, d);
    ev.pipe = ev.kind == PIPE_CLOSED && ev.dial != PIPE_INBOUND ? PIPE_NONE : c->pipe + d;
    if (e != NULL)
        e->owner.sink.event(e->owner.sink.ctx, &ev);
}

static void put(struct conn *c, uint64_t at, void (*fire)(void *, const struct sim_event *),
                unsigned d)
{
    const uint64_t now = c->pipes->queue->now.ns;
    queue_put(c->pipes->queue, (struct pando_span){ at > now ? at - now : 0 },
              (struct sim_event){ .fire = fire, .ctx = c->pipes, .a = c->pipe, .b = d });
}

static uint64_t latency(struct pipes *p)
{
    const struct net_weather w = net_weather(p->net);
    return w.latency.ns + (w.jitter.ns > 0 ? rng_below(&p->rng, w.jitter.ns) : 0);
}

static void free_lane(struct lane *l)
{
    for (struct parcel *it = l->first, *next; it != NULL; it = next) {
        next = it->next;
        bytes_unref(it->bytes);
        free(it);
    }
    l->first = l->last = NULL;
}

static void conn_free(struct conn *c)
{
    (void)map_del(&c->pipes->conns, &c->pipe);
    free_lane(&c->lanes[0]);
    free_lane(&c->lanes[1]);
    free(c);
}

/* Side `d` hears of the end. The last one to hear takes the pipe away. */
static void end_side(struct conn *c, unsigned d, enum pando_status status, uint16_t code,
                     const char *why)
{
    if (c->open[d]) {
        c->open[d] = false;
        tell(c, d,
             (struct pipe_event){ .kind = PIPE_CLOSED,
                                  .dial = PIPE_INBOUND,
                                  .status = status,
                                  .code = code,
                                  .text = why });
    }
    if (!c->open[0] && !c->open[1])
        conn_free(c);
}

/* The other side is gone: it answered our close, or (a crash, a cut) is missed. */
static void die(void *ctx, const struct sim_event *e)
{
    struct conn *c = conn_at(ctx, (uint32_t)e->a);
    if (c != NULL && c->lanes[e->b].goodbye)
        end_side(c, e->b, PANDO_OK, c->lanes[e->b].answered, "closed by this node");
    else if (c != NULL)
        end_side(c, e->b, PANDO_TIMEOUT, 0, "the other side was silent for too long");
}

static bool is_whole(const struct conn *c, unsigned d)
{
    return end_of(c, 1 - d) != NULL && !net_is_cut(c->pipes->net, c->port[d], c->port[1 - d]);
}

static enum pando_status status_of(uint16_t code)
{
    return code == PIPE_CODE_NORMAL || code == PIPE_CODE_ABSENT ? PANDO_OK
           : code == PIPE_CODE_POLICY                           ? PANDO_REFUSED
                                                                : PANDO_UNAVAILABLE;
}

/* The first parcel has arrived. False: the pipe is gone. */
static bool deliver(struct conn *c, unsigned d)
{
    struct lane *l = &c->lanes[d];
    struct parcel *it = l->first;
    const uint32_t pipe = c->pipe;
    struct pipes *p = c->pipes;
    l->first = it->next;
    if (l->first == NULL)
        l->last = NULL;
    if (it->bytes == NULL) {
        l->answered = it->code;
        end_side(c, 1 - d, status_of(it->code), it->code, it->reason);
        if ((c = conn_at(p, pipe)) != NULL) /* the answer to it */
            put(c, p->queue->now.ns + latency(p), die, d);
    } else if (c->open[1 - d]) {
        const uint64_t len = bytes_view(it->bytes).len;
        l->held += len;
        tell(c, 1 - d, (struct pipe_event){ .kind = PIPE_TEXT, .bytes = it->bytes });
        if (c->open[d] && !l->goodbye && len > 0)
            tell(c, d, (struct pipe_event){ .kind = PIPE_CREDIT, .value = len });
    }
    bytes_unref(it->bytes);
    free(it);
    return conn_at(p, pipe) == c && c != NULL;
}

static void pump(void *ctx, const struct sim_event *e);

static void schedule(struct conn *c, unsigned d, uint64_t at)
{
    struct lane *l = &c->lanes[d];
    if (l->pumping || l->first == NULL || l->held > PIPE_HELD_MAX)
        return;
    l->pumping = true;
    put(c, at, pump, d);
}

static void pump(void *ctx, const struct sim_event *e)
{
    struct pipes *p = ctx;
    const unsigned d = e->b;
    struct conn *c = conn_at(p, (uint32_t)e->a);
    if (c == NULL)
        return;
    struct lane *l = &c->lanes[d];
    const uint64_t now = p->queue->now.ns;
    l->pumping = false;
    if (!is_whole(c, d)) {
        l->cut_since = l->cut_since == 0 ? now : l->cut_since;
        if (now - l->cut_since < p->idle) {
            schedule(c, d, now + RETRY.ns);
            return;
        }
        put(c, now, die, 1 - d);
        end_side(c, d, PANDO_TIMEOUT, 0, "the other side was silent for too long");
        return;
    }
    l->cut_since = 0;
    while (l->first != NULL && l->first->arrives <= now && l->held <= PIPE_HELD_MAX)
        if (!deliver(c, d))
            return;
    if (l->first != NULL)
        schedule(c, d, l->first->arrives);
}

static void dispatch(struct conn *c, unsigned d, struct parcel *it)
{
    struct lane *l = &c->lanes[d];
    const uint64_t at = c->pipes->queue->now.ns + latency(c->pipes);
    it->arrives = l->arrives = at > l->arrives ? at : l->arrives;
    *(l->last == NULL ? &l->first : &l->last->next) = it;
    l->last = it;
    schedule(c, d, it->arrives);
}

static void send_text(void *ctx, uint32_t pipe, struct bytes *text)
{
    const struct end *e = ctx;
    struct conn *c = conn_at(e->pipes, pipe);
    const unsigned d = pipe & 1;
    struct parcel *it = NULL;
    if (c != NULL && c->open[d] && !c->lanes[d].goodbye)
        it = calloc(1, sizeof *it);
    if (it == NULL) {
        bytes_unref(text);
        return;
    }
    it->bytes = text;
    dispatch(c, d, it);
}

static void close_pipe(void *ctx, uint32_t pipe, uint16_t code, const char *reason)
{
    const struct end *e = ctx;
    struct conn *c = conn_at(e->pipes, pipe);
    const unsigned d = pipe & 1;
    if (c == NULL || !c->open[d] || c->lanes[d].goodbye)
        return;
    struct parcel *it = calloc(1, sizeof *it);
    PANDO_ASSERT(it != NULL);
    it->code = code;
    (void)snprintf(it->reason, sizeof it->reason, "%s", reason == NULL ? "" : reason);
    c->lanes[d].goodbye = true;
    dispatch(c, d, it);
}

static void digested(void *ctx, uint32_t pipe, uint64_t bytes)
{
    const struct end *e = ctx;
    struct conn *c = conn_at(e->pipes, pipe);
    if (c == NULL)
        return;
    const unsigned d = 1 - (pipe & 1); /* the lane that is read here */
    struct lane *l = &c->lanes[d];
    l->held -= bytes < l->held ? bytes : l->held;
    if (l->first != NULL)
        schedule(c, d, l->first->arrives);
}

static void dial_ends(void *ctx, const struct sim_event *e)
{
    struct conn *c = conn_at(ctx, (uint32_t)e->a);
    static const char *const why[] = { "nobody answers within 10 s", "the server refuses the path" };
    if (c == NULL)
        return;
    tell(c, 0,
         (struct pipe_event){ .kind = PIPE_CLOSED,
                              .dial = c->dial,
                              .status = e->b == 0 ? PANDO_TIMEOUT : PANDO_NOT_FOUND,
                              .text = why[e->b] });
    conn_free(c);
}

static void dialled(void *ctx, const struct sim_event *e)
{
    struct conn *c = conn_at(ctx, (uint32_t)e->a);
    char name[32];
    if (c == NULL)
        return;
    (void)snprintf(name, sizeof name, "n%u", c->port[1]);
    c->open[0] = end_of(c, 0) != NULL;
    if (!c->open[0]) {
        put(c, c->pipes->queue->now.ns + c->pipes->idle, die, 1);
        return;
    }
    tell(c, 0, (struct pipe_event){ .kind = PIPE_OPEN, .dial = c->dial, .text = name });
}

static void arrives(void *ctx, const struct sim_event *e)
{
    struct pipes *p = ctx;
    struct conn *c = conn_at(p, (uint32_t)e->a);
    const uint64_t now = p->queue->now.ns;
    char name[32];
    if (c == NULL)
        return;
    const struct end *there = &p->ends[c->port[1]];
    c->life[1] = there->life;
    if (!there->up || net_is_cut(p->net, c->port[0], c->port[1])) {
        put(c, now + PIPE_DIAL_LIMIT.ns, dial_ends, 0);
        return;
    }
    if (there->owner.takes(there->owner.sink.ctx, c->path, NULL) != PANDO_OK) {
        put(c, now + latency(p), dial_ends, 1);
        return;
    }
    const uint64_t back = now + latency(p);
    c->lanes[1].arrives = back; /* nothing overtakes the answer */
    put(c, back, dialled, 0);
    c->open[1] = true;
    (void)snprintf(name, sizeof name, "n%u", c->port[0]);
    tell(c, 1,
         (struct pipe_event){
             .kind = PIPE_OPEN, .dial = PIPE_INBOUND, .text = name, .path = c->path });
}

/* The index behind "nINDEX"; `ports` when it is none. */
static uint32_t index_of(const struct pipes *p, const char *host)
{
    char *end;
    const unsigned long index = host[0] == 'n' ? strtoul(host + 1, &end, 10) : p->ports;
    return host[0] == 'n' && end != host + 1 && *end == '\0' && index < p->ports
               ? (uint32_t)index
               : p->ports;
}

static enum pando_status dial(void *ctx, struct pando_slice text, uint64_t number,
                              struct pando_err *reterr)
{
    struct end *e = ctx;
    struct pipes *p = e->pipes;
    struct ws_url url;
    void *place;
    bool added;
    const enum pando_status st = ws_url_parse(text, &url, reterr);
    if (st != PANDO_OK)
        return st;
    const uint32_t to = index_of(p, url.host);
    if (to == p->ports)
        return pando_err_set(reterr, PANDO_INVALID, "there is no machine '%.60s' here", url.host);
    struct conn *c = calloc(1, sizeof *c);
    PANDO_ASSERT(c != NULL);
    *c = (struct conn){ .pipes = p,
                        .pipe = p->next,
                        .port = { e->index, to },
                        .life = { e->life, 0 },
                        .dial = number };
    p->next += 2;
    (void)snprintf(c->path, sizeof c->path, "%.*s", (int)strcspn(url.target, "?"), url.target);
    PANDO_ASSERT(map_put(&p->conns, &c->pipe, &place, &added) == PANDO_OK);
    memcpy(place, &c, sizeof c);
    put(c, p->queue->now.ns + latency(p), arrives, 0);
    return PANDO_OK;
}

static const struct pipe_ops ops = { dial, send_text, close_pipe, digested };

struct pipes *pipes_new(struct sim_queue *queue, struct net *net, uint64_t seed, uint32_t ports,
                        struct pando_span idle)
{
    struct pipes *p = calloc(1, sizeof *p);
    PANDO_ASSERT(p != NULL);
    *p = (struct pipes){ .queue = queue,
                         .net = net,
                         .rng = rng_seeded(seed),
                         .ports = ports,
                         .idle = idle.ns,
                         .ends = calloc(ports, sizeof *p->ends) };
    PANDO_ASSERT(p->ends != NULL);
    map_init(&p->conns, sizeof(uint32_t), sizeof(void *), SIZE_MAX / 4, seed);
    for (uint32_t i = 0; i < ports; i++)
        p->ends[i] = (struct end){ .pipes = p, .index = i };
    return p;
}

void pipes_free(struct pipes *p)
{
    size_t cursor = 0;
    const void *key;
    void *value;
    if (p == NULL)
        return;
    while (map_next(&p->conns, &cursor, &key, &value)) {
        struct conn *c = *(struct conn **)value;
        free_lane(&c->lanes[0]);
        free_lane(&c->lanes[1]);
        free(c);
    }
    map_deinit(&p->conns);
    free(p->ends);
    free(p);
}

struct pipe_port pipes_port(struct pipes *p, uint32_t index)
{
    return (struct pipe_port){ &p->ends[index], &ops };
}

void pipes_up(struct pipes *p, uint32_t index, const struct pipes_owner *owner)
{
    p->ends[index].up = true;
    p->ends[index].owner = *owner;
}

void pipes_down(struct pipes *p, uint32_t index)
{
    size_t cursor = 0;
    const void *key;
    void *value;
    struct end *e = &p->ends[index];
    while (map_next(&p->conns, &cursor, &key, &value)) {
        struct conn *c = *(struct conn **)value;
        for (unsigned d = 0; d < 2; d++) {
            if (c->port[d] != index || !c->open[d] || end_of(c, d) == NULL)
                continue;
            c->open[d] = false;
            put(c, p->queue->now.ns + p->idle, die, 1 - d); /* missed at the idle limit */
        }
    }
    e->up = false;
    e->life++;
}
