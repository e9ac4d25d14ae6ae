#include "quic_pair.h"

#include "base/bytes.h"
#include "base/slice.h"
#include "check.h"

static uint8_t byte_at(uint64_t at)
{
    return (uint8_t)((at * 0x9e3779b97f4a7c15u) >> 57);
}

static void push(struct told *t)
{
    const struct link_port p = quic_port(t->quic);
    while (t->push_left > 0) {
        const size_t len = t->push_left < 65536 ? (size_t)t->push_left : 65536;
        uint8_t *data;
        struct bytes *b = bytes_new(len, &data);
        CHECK(b != NULL);
        memset(data, byte_at(t->push_left), len);
        const enum pando_status st =
            p.ops->send(p.ctx, t->push_stream, b, len == t->push_left);
        bytes_unref(b);
        if (st == PANDO_BUSY)
            return;
        CHECK_OK(st);
        t->push_left -= len;
    }
}

static void on_data(struct told *t, const struct link_event *e)
{
    const struct link_port p = quic_port(t->quic);
    for (size_t i = 0; i < e->data.len; i++)
        t->sum += e->data.ptr[i];
    t->bytes += e->data.len;
    t->fins += e->fin;
    if (e->data.len > 0)
        p.ops->consume(p.ctx, e->stream, e->data.len);
    if (t->echo) {
        struct bytes *b = bytes_copy(e->data);
        CHECK(b != NULL);
        (void)!p.ops->send(p.ctx, e->stream, b, e->fin);
        bytes_unref(b);
    } else if (e->fin && e->stream == t->stream) {
        CHECK_OK(p.ops->send(p.ctx, e->stream, NULL, true));
    }
}

static void on_event(void *ctx, const struct link_event *e)
{
    struct told *t = ctx;
    switch (e->kind) {
    case LINK_UP:
        t->ups++;
        t->link = e->link;
        break;
    case LINK_DOWN: case LINK_DIAL_FAILED:
        t->downs += e->kind == LINK_DOWN;
        t->fails += e->kind == LINK_DIAL_FAILED;
        t->reason = e->reason;
        (void)snprintf(t->text, sizeof t->text, "%s", e->text);
        break;
    case LINK_STREAM:
        t->streams++;
        t->stream = e->stream;
        break;
    case LINK_DATA: on_data(t, e); break;
    case LINK_WRITABLE:
        if (e->stream == t->push_stream)
            push(t);
        break;
    case LINK_STOPPED: break;
    case LINK_RESET: t->resets++; break;
    }
}

struct link_sink told_sink(struct told *t)
{
    return (struct link_sink){ t, on_event };
}

void pair_init(struct pair *p)
{
    *p = (struct pair){ 0 };
    world_init(&p->world);
    p->config_a = world_config(1, &p->secret_a, told_sink(&p->a));
    p->config_b = world_config(2, &p->secret_b, told_sink(&p->b));
}

void pair_start(struct pair *p)
{
    struct pando_err err = { 0 };
    CHECK_OK(quic_new(&p->config_a, &p->a.quic, &err));
    CHECK_OK(quic_new(&p->config_b, &p->b.quic, &err));
    p->world.quics[0] = p->a.quic;
    p->world.quics[1] = p->b.quic;
}

void pair_deinit(struct pair *p)
{
    world_deinit(&p->world);
}

void pair_dial(struct pair *p, const struct multiaddr *address)
{
    const struct link_port port = quic_port(p->a.quic);
    const struct link_target target = { *address, quic_peer_id(p->b.quic) };
    CHECK_OK(port.ops->dial(port.ctx, &target, 1));
}

struct counter {
    const uint64_t *at;
    uint64_t want;
};

static bool reached(void *arg)
{
    const struct counter *c = arg;
    return *c->at >= c->want;
}

void pair_await(struct pair *p, const uint64_t *counter, uint64_t want)
{
    struct counter c = { counter, want };
    CHECK(world_run_until(&p->world, reached, &c, PANDO_SEC(20)));
}

void pair_join(struct pair *p)
{
    const struct multiaddr address = world_address(p->b.quic);
    pair_dial(p, &address);
    pair_await(p, &p->a.ups, 1);
    pair_await(p, &p->b.ups, 1);
}

void pair_transfer(struct pair *p, uint64_t total)
{
    const struct link_port port = quic_port(p->a.quic);
    const uint64_t bytes = p->b.bytes, fins = p->b.fins, sum = p->b.sum;
    uint64_t want = 0;
    CHECK_OK(port.ops->open(port.ctx, p->a.link, LINK_BULK, &p->a.push_stream));
    p->a.push_left = total;
    for (uint64_t left = total; left > 0; left -= left < 65536 ? left : 65536)
        want += byte_at(left) * (left < 65536 ? left : 65536);
    push(&p->a);
    pair_await(p, &p->b.fins, fins + 1);
    CHECK_EQ(p->b.bytes - bytes, total);
    CHECK_EQ(p->b.sum - sum, want);
}
