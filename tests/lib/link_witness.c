#include "link_witness.h"

#include "base/bytes.h"
#include "base/slice.h"
#include "check.h"

#include <stdlib.h>

uint8_t witness_pattern(uint64_t at)
{
    return (uint8_t)((at * 0x9e3779b97f4a7c15u) >> 53);
}

uint64_t witness_mix(uint64_t sum, uint64_t at, uint8_t byte)
{
    return sum + (byte + 1u) * (at * 2654435761u + 1u);
}

static struct seen_stream *stream_of(struct side *s, uint64_t stream)
{
    for (size_t i = 0; i < s->streams_len; i++)
        if (s->streams[i].stream == stream)
            return &s->streams[i];
    CHECK(s->streams_len < WITNESS_STREAMS);
    struct seen_stream *t = &s->streams[s->streams_len++];
    *t = (struct seen_stream){ .stream = stream };
    return t;
}

void witness_push_pattern(struct side *s)
{
    const struct link_port *p = &s->at.port;
    while (s->to_send > 0) {
        uint8_t *data;
        const size_t len = s->to_send < 100000 ? (size_t)s->to_send : 100000;
        struct bytes *b = bytes_new(len, &data);
        CHECK(b != NULL);
        for (size_t i = 0; i < len; i++)
            data[i] = witness_pattern(s->sent + i);
        const enum pando_status st = p->ops->send(p->ctx, s->sending, b, len == s->to_send);
        bytes_unref(b);
        if (st == PANDO_BUSY)
            return;
        CHECK_OK(st);
        s->sent += len;
        s->to_send -= len;
    }
}

static void on_data(struct side *s, const struct link_event *e)
{
    struct seen_stream *t = stream_of(s, e->stream);
    CHECK(!t->fin && !t->reset);
    for (size_t i = 0; i < e->data.len; i++) {
        if (t->len < WITNESS_KEEP)
            t->head[t->len] = e->data.ptr[i];
        t->sum = witness_mix(t->sum, t->len, e->data.ptr[i]);
        t->len++;
    }
    t->fin = e->fin;
    if (s->consume && e->data.len > 0)
        s->at.port.ops->consume(s->at.port.ctx, e->stream, e->data.len);
    if (e->fin && s->answer)
        CHECK_OK(s->at.port.ops->send(s->at.port.ctx, e->stream, NULL, true));
}

static void on_event(void *ctx, const struct link_event *e)
{
    struct side *s = ctx;
    if (e->kind == LINK_DATA) {
        on_data(s, e);
        return;
    }
    CHECK(s->events_len < WITNESS_EVENTS);
    struct seen_event *seen = &s->events[s->events_len++];
    *seen = (struct seen_event){ .kind = e->kind, .reason = e->reason, .dialed = e->dialed,
                                 .token = e->token, .link = e->link, .stream = e->stream };
    if (e->kind == LINK_UP) {
        CHECK(e->peer != NULL && e->address != NULL);
        seen->peer = *e->peer;
        seen->address = *e->address;
    }
    if (e->kind == LINK_DOWN || e->kind == LINK_DIAL_FAILED) {
        CHECK(e->text != NULL);
        (void)snprintf(seen->text, sizeof seen->text, "%s", e->text);
    }
    if (e->kind == LINK_STREAM) {
        struct seen_stream *t = stream_of(s, e->stream);
        t->link = e->link;
        t->remote = true;
    }
    if (e->kind == LINK_RESET)
        stream_of(s, e->stream)->reset = true;
    if (e->kind == LINK_STOPPED)
        stream_of(s, e->stream)->stopped = true;
    if (e->kind == LINK_WRITABLE && s->sending == e->stream)
        witness_push_pattern(s);
}

const struct seen_event *witness_find(const struct side *s, enum link_event_kind kind,
                                      size_t nth)
{
    for (size_t i = 0; i < s->events_len; i++)
        if (s->events[i].kind == kind && nth-- == 0)
            return &s->events[i];
    return NULL;
}

size_t witness_count(const struct side *s, enum link_event_kind kind)
{
    size_t found = 0;
    for (size_t i = 0; i < s->events_len; i++)
        found += s->events[i].kind == kind;
    return found;
}

static bool has_events(void *arg)
{
    const struct wait *w = arg;
    return witness_count(w->side, w->kind) >= w->count;
}

bool witness_has_bytes(void *arg)
{
    const struct wait *w = arg;
    return w->side->streams_len > w->stream && w->side->streams[w->stream].len >= w->len;
}

bool witness_has_fin(void *arg)
{
    const struct wait *w = arg;
    return w->side->streams_len > w->stream && w->side->streams[w->stream].fin;
}

bool witness_has_stopped(void *arg)
{
    const struct wait *w = arg;
    return w->side->streams_len > w->stream && w->side->streams[w->stream].stopped;
}

void witness_await(struct fixture *f, bool (*done)(void *), struct wait w)
{
    CHECK(f->h->run_until(f->h->ctx, done, &w));
}

void witness_await_events(struct fixture *f, int side, enum link_event_kind kind,
                          size_t many)
{
    const struct wait w = { .side = &f->sides[side], .kind = kind, .count = many };
    witness_await(f, has_events, w);
}

struct fixture *witness_begin(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct link_sink sinks[CONFORMANCE_PORTS];
    struct link_harness_port ports[CONFORMANCE_PORTS];
    CHECK(f != NULL);
    f->h = *state;
    for (int i = 0; i < CONFORMANCE_PORTS; i++) {
        f->sides[i].consume = true;
        sinks[i] = (struct link_sink){ &f->sides[i], on_event };
    }
    f->h->begin(f->h->ctx, sinks, ports);
    for (int i = 0; i < CONFORMANCE_PORTS; i++)
        f->sides[i].at = ports[i];
    return f;
}

void witness_end(struct fixture *f)
{
    f->h->end(f->h->ctx);
    free(f);
}

void witness_dial(struct fixture *f, int from, int to, uint32_t token)
{
    const struct link_port *p = &f->sides[from].at.port;
    const struct link_target target = { f->sides[to].at.address, f->sides[to].at.id };
    CHECK_OK(p->ops->dial(p->ctx, &target, token));
}

/* Side 0 dials side 1; both are up. */
void witness_join(struct fixture *f)
{
    witness_dial(f, 0, 1, 77);
    witness_await_events(f, 0, LINK_UP, 1);
    witness_await_events(f, 1, LINK_UP, 1);
}

uint64_t witness_link_of(struct fixture *f, int side)
{
    return witness_find(&f->sides[side], LINK_UP, 0)->link;
}

uint64_t witness_open_stream(struct fixture *f, int side, enum link_class class)
{
    const struct link_port *p = &f->sides[side].at.port;
    uint64_t stream;
    CHECK_OK(p->ops->open(p->ctx, witness_link_of(f, side), class, &stream));
    return stream;
}

enum pando_status witness_send_text(struct fixture *f, int side, uint64_t stream,
                                   const char *text, bool fin)
{
    const struct link_port *p = &f->sides[side].at.port;
    struct bytes *b = text != NULL ? bytes_copy(slice_text(text)) : NULL;
    const enum pando_status st = p->ops->send(p->ctx, stream, b, fin);
    bytes_unref(b);
    return st;
}

