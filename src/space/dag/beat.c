/* beat.c - who is here: heartbeats outside the dag, announcements and farewells inside.
 */
#include "space/dag/engine.h"

#include "base/slice.h"
#include "codec/cbor.h"
#include "codec/json.h"

#include <string.h>

#define BEAT_EVERY_MIN PANDO_SEC(1)
#define BEAT_FORGET    PANDO_SEC(60)

static void read_body(struct pando_slice body, struct dag_beat *b)
{
    struct wire_reader r = wire_read(body);
    struct cbor_item item;
    if (cbor_get_map(&r, 8) != 3)
        return;
    cbor_expect_key(&r, "load");
    if (!r.failed && cbor_next(&r, &item) && item.kind == CBOR_FLOAT)
        b->load = item.number;
    cbor_expect_key(&r, "peers");
    b->peers = cbor_get_uint(&r);
    cbor_expect_key(&r, "uptime");
    b->uptime_s = cbor_get_uint(&r);
}

bool dag_beat_is_timely(const struct dag *d, const struct event *ev)
{
    const struct dag_beat *b = map_find(&d->beats, &ev->author);
    struct dag_beat last;
    if (b == NULL)
        return true;
    memcpy(&last, b, sizeof last);
    return ev->time > last.time &&
           pando_time_reached(pando_time_add(last.seen, BEAT_EVERY_MIN), d->now);
}

static void forget_silent(struct dag *d)
{
    size_t cursor = 0;
    const void *key;
    void *value;
    while (map_next(&d->beats, &cursor, &key, &value)) {
        struct dag_beat b;
        memcpy(&b, value, sizeof b);
        if (!pando_time_reached(pando_time_add(b.seen, BEAT_FORGET), d->now))
            continue;
        const struct pando_key author = *(const struct pando_key *)key;
        (void)map_del(&d->beats, &author);
        cursor--;
    }
}

/* At the cap the silent are forgotten; when all are alive the new one is not kept. */
void dag_beat_accept(struct dag *d, const struct event *ev)
{
    void *value;
    bool added;
    struct dag_beat b = { .time = ev->time, .seen = d->now };
    if (d->beats.len == DAG_BEATS_MAX)
        forget_silent(d);
    if (map_put(&d->beats, &ev->author, &value, &added) != PANDO_OK)
        return;
    read_body(ev->body, &b);
    memcpy(value, &b, sizeof b);
    d->totals.beats++;
}

static double load_since(struct dag *d, struct pando_span span)
{
    if (d->batches_busy > 0) {
        d->busy_ns += pando_time_since(d->now, d->busy_at).ns;
        d->busy_at = d->now;
    }
    const double load = span.ns == 0 ? 0 : (double)d->busy_ns / (double)span.ns;
    d->busy_ns = 0;
    return load > 1 ? 1 : load;
}

static void beat(struct dag *d)
{
    uint8_t body[64], block[1024];
    struct wire_writer w = wire_write(body, sizeof body);
    const int64_t wall = d->host.wall(d->host.ctx).ms;
    d->beat_time = wall > d->beat_time ? wall : d->beat_time + 1;
    cbor_put_map(&w, 3);
    cbor_put_key(&w, "load");
    cbor_put_float(&w, load_since(d, d->config.heartbeat));
    cbor_put_key(&w, "peers");
    cbor_put_uint(&w, d->peers_len);
    cbor_put_key(&w, "uptime");
    cbor_put_uint(&w, pando_time_since(d->now, d->started).ns / 1000000000u);
    struct event ev = {
        .space = d->host.space,
        .author = d->host.key,
        .epoch = d->epoch,
        .seq = (uint64_t)d->beat_time,
        .time = d->beat_time,
        .kind = EVENT_HEARTBEAT,
        .body = wire_written(&w),
    };
    if (d->beat_time > 0 &&
        event_sign(&ev, d->host.secret, block, sizeof block) == PANDO_OK)
        dag_publish(d, ev.block);
}

void dag_beat_tick(struct dag *d)
{
    if (!pando_time_reached(d->beat_at, d->now))
        return;
    if (d->peers_len > 0 && !d->stopping && dag_gate_may_write(d, &d->host.key))
        beat(d);
    d->beat_at = pando_time_add(d->now, d->config.heartbeat);
}

/* An event of ours with a JSON body, on its way as soon as the store takes it. */
static void say(struct dag *d, enum event_kind kind, const struct pando_buf *json)
{
    if (!dag_gate_may_write(d, &d->host.key))
        return; /* a reader keeps quiet */
    struct dag_op *op = dag_op_new(d, DAG_OP_APPEND, SPACE_NOBODY);
    if (op == NULL)
        return;
    op->fill = true; /* one body, taken as a whole */
    op->event_kind = kind;
    op->total = 1;
    const enum pando_status st = json_text_to_cbor(buf_view(json), &op->bytes, NULL);
    if (st != PANDO_OK) {
        trace(d->host.tracer, TRACE_DAG, TRACE_WARNING, "a %s could not be written: %s",
              event_kind_name(kind), pando_status_name(st));
        dag_op_free(d, op);
    }
}

void dag_announce(struct dag *d)
{
    struct pando_buf json;
    buf_init(&json, EVENT_BODY_MAX);
    enum pando_status st = buf_append(&json, slice_text("{\"name\":"));
    if (st == PANDO_OK)
        st = json_text_escape(&json, slice_text(d->host.node_name));
    if (st == PANDO_OK)
        st = buf_printf(&json,
                        ",\"version\":\"%s\",\"addresses\":%s,"
                        "\"capabilities\":[\"receipt\",\"federation\"]}",
                        PANDO_VERSION,
                        d->addresses.len > 0 ? (const char *)d->addresses.ptr : "[]");
    if (st == PANDO_OK)
        say(d, EVENT_ANNOUNCE, &json);
    d->announced = true;
    buf_deinit(&json);
}

void dag_leave(struct dag *d)
{
    struct pando_buf json;
    buf_init(&json, 256);
    if (buf_append(&json, slice_text("{\"reason\":\"Graceful shutdown\"}")) == PANDO_OK)
        say(d, EVENT_LEAVE, &json);
    buf_deinit(&json);
}
