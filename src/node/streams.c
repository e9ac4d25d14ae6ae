#include "node/state.h"

#include "base/assert.h"

#include <stdlib.h>

/* Numbers by which a listener's negotiation names a role; channels follow from CHANNELS.
 */
enum {
    NUMBER_IDENTIFY,
    NUMBER_PUSH,
    NUMBER_PING,
    NUMBER_GOSSIP_11,
    NUMBER_GOSSIP_10,
    NUMBER_CHANNELS
};

struct node_stream *stream_find(struct node *n, uint64_t id)
{
    struct node_stream **found = map_find(&n->streams, &id);
    return found == NULL ? NULL : *found;
}

static void send_bytes(struct node *n, struct node_stream *s, struct pando_slice bytes)
{
    if (bytes.len == 0)
        return;
    struct bytes *b = bytes_copy(bytes);
    if (b == NULL)
        return;
    (void)n->ports.link.ops->send(n->ports.link.ctx, s->id, b, false);
    bytes_unref(b);
}

static enum pando_status track(struct node *n, uint64_t id, uint64_t link, uint32_t peer,
                               struct node_stream **ret)
{
    struct node_peer *p = peer_at(n, peer);
    if (p->streams >= NODE_STREAMS_PER_PEER)
        return PANDO_FULL;
    struct node_stream *s = calloc(1, sizeof *s);
    void *place;
    bool added;
    if (s == NULL || map_put(&n->streams, &id, &place, &added) != PANDO_OK) {
        free(s);
        return PANDO_NOMEM;
    }
    PANDO_ASSERT(added); /* handles are never reused */
    memcpy(place, &s, sizeof s);
    s->id = id;
    s->link = link;
    s->peer = peer;
    s->slot = NODE_NONE;
    s->deadline = pando_time_add(n->now, NODE_NEGOTIATION_LIMIT);
    p->streams++;
    struct node_link *l = link_find(n, link);
    if (l != NULL)
        l->streams++;
    *ret = s;
    return PANDO_OK;
}

enum pando_status stream_open(struct node *n, uint32_t peer, enum stream_role role,
                              const char *const *names, size_t names_len, uint8_t class,
                              struct node_stream **ret)
{
    struct node_peer *p = peer_at(n, peer);
    if (p->links_len == 0)
        return PANDO_UNAVAILABLE;
    const struct link_port *port = &n->ports.link;
    uint64_t id;
    enum pando_status st =
        port->ops->open(port->ctx, p->links[0], (enum link_class) class, &id);
    if (st != PANDO_OK)
        return st;
    struct node_stream *s;
    st = track(n, id, p->links[0], peer, &s);
    if (st != PANDO_OK) {
        port->ops->reset(port->ctx, id);
        return st;
    }
    s->role = role;
    s->outbound = true;
    uint8_t out[MS_OUT_MAX];
    struct wire_writer w = wire_write(out, sizeof out);
    ms_dial_init(&s->ms, names, names_len, &w);
    send_bytes(n, s, wire_written(&w));
    *ret = s;
    return PANDO_OK;
}

static void free_stream(struct node_stream *s)
{
    frame_deinit(&s->frame);
    free(s->info);
    free(s);
}

/* What the loss of a stream means to its role. */
static void tell_loss(struct node *n, struct node_stream *s)
{
    struct node_peer *p = peer_at(n, s->peer);
    switch (s->role) {
    case ROLE_GOSSIP:
        if (p->gossip_out == s->id)
            pubsub_peer_down(n, s->peer);
        break;
    case ROLE_CHANNEL:
        spaces_channel_lost(n, s);
        break;
    case ROLE_PING:
        if (!s->outbound || s->ping.pinger.state == PINGER_DONE)
            break;
        if (s->token != 0)
            call_fail(n, s->token, PANDO_UNAVAILABLE, "the peer did not answer the ping");
        else if (link_find(n, s->link) != NULL) /* our own doubt about the link was right */
            n->ports.link.ops->close(n->ports.link.ctx, s->link, LINK_REASON_IDLE);
        break;
    case ROLE_IDENTIFY:
    case ROLE_PUSH:
    case ROLE_UNKNOWN:
        break;
    }
}

void stream_drop(struct node *n, struct node_stream *s, bool reset)
{
    const uint64_t id = s->id;
    if (!map_del(&n->streams, &id))
        return;
    struct node_peer *p = peer_at(n, s->peer);
    PANDO_ASSERT(p->streams > 0);
    p->streams--;
    struct node_link *l = link_find(n, s->link);
    if (l != NULL)
        l->streams--;
    if (reset)
        n->ports.link.ops->reset(n->ports.link.ctx, id);
    tell_loss(n, s);
    free_stream(s);
}

/* All streams that `wanted` names are dropped, one lookup at a time: dropping one may
 * open or drop others. */
static void drop_where(struct node *n,
                       bool (*wanted)(const struct node *, const struct node_stream *,
                                      uint64_t),
                       uint64_t arg, bool reset)
{
    for (bool again = true; again;) {
        again = false;
        size_t cursor = 0;
        const void *key;
        void *value;
        while (map_next(&n->streams, &cursor, &key, &value)) {
            struct node_stream *s = *(struct node_stream **)value;
            if (!wanted(n, s, arg))
                continue;
            stream_drop(n, s, reset);
            again = true;
            break;
        }
    }
}

static bool on_link(const struct node *n, const struct node_stream *s, uint64_t link)
{
    (void)n;
    return s->link == link;
}

void streams_drop_link(struct node *n, uint64_t link)
{
    drop_where(n, on_link, link, false);
}

static bool is_late(const struct node *n, const struct node_stream *s, uint64_t arg)
{
    (void)arg;
    return pando_time_reached(s->deadline, n->now);
}

void streams_sweep(struct node *n)
{
    drop_where(n, is_late, 0, true);
}

static bool find_protocol(void *ctx, struct pando_slice name, uint32_t *ret_protocol)
{
    static const char *const fixed[] = { IDENTIFY_PROTOCOL, IDENTIFY_PUSH_PROTOCOL,
                                         PING_PROTOCOL, GOSSIP_PROTOCOL_11,
                                         GOSSIP_PROTOCOL_10 };
    const struct node *n = ctx;
    for (uint32_t i = 0; i < NUMBER_CHANNELS; i++) {
        if (slice_equal(name, slice_text(fixed[i]))) {
            *ret_protocol = i;
            return true;
        }
    }
    for (size_t k = 0; k < n->config.kinds_len; k++) {
        const struct space_ops *ops = n->config.kinds[k];
        for (size_t c = 0; c < ops->channels_len; c++) {
            if (!slice_equal(name, slice_text(ops->channels[c].protocol)))
                continue;
            *ret_protocol = (uint32_t)(NUMBER_CHANNELS + k * SPACE_CHANNELS_MAX + c);
            return true;
        }
    }
    return false;
}

/* The other side opened a stream: listen to what it proposes. */
static void on_opened(struct node *n, const struct link_event *ev)
{
    struct node_link *l = link_find(n, ev->link);
    struct node_stream *s;
    if (l == NULL || track(n, ev->stream, ev->link, l->peer, &s) != PANDO_OK) {
        n->ports.link.ops->reset(n->ports.link.ctx, ev->stream);
        return;
    }
    s->role = ROLE_UNKNOWN;
    ms_listen_init(&s->ms, (struct ms_table){ n, find_protocol });
}

/* An inbound stream's protocol is agreed: it gets its role. */
static void settle_role(struct node *n, struct node_stream *s)
{
    const uint32_t number = s->ms.protocol;
    s->deadline = PANDO_TIME_NEVER;
    switch (number) {
    case NUMBER_IDENTIFY:
        s->role = ROLE_IDENTIFY;
        protocols_answer_identify(n, s);
        return;
    case NUMBER_PUSH:
        s->role = ROLE_PUSH;
        s->deadline = pando_time_add(n->now, NODE_IDENTIFY_LIMIT);
        frame_init(&s->frame, IDENTIFY_IN_MAX);
        return;
    case NUMBER_PING:
        s->role = ROLE_PING;
        return;
    case NUMBER_GOSSIP_11:
    case NUMBER_GOSSIP_10:
        s->role = ROLE_GOSSIP;
        frame_init(&s->frame, NODE_GOSSIP_RPC_MAX);
        pubsub_peer_spoke(n, s->peer, number == NUMBER_GOSSIP_11);
        return;
    default:
        break;
    }
    s->role = ROLE_CHANNEL;
    s->kind = (uint8_t)((number - NUMBER_CHANNELS) / SPACE_CHANNELS_MAX);
    s->channel = (uint8_t)((number - NUMBER_CHANNELS) % SPACE_CHANNELS_MAX);
    s->deadline =
        pando_time_add(n->now, NODE_NEGOTIATION_LIMIT); /* until its space is named */
    frame_init(&s->frame, SPACE_MESSAGE_MAX);
    const struct space_ops *ops = n->config.kinds[s->kind];
    n->ports.link.ops->classify(n->ports.link.ctx, s->id,
                                (enum link_class)ops->channels[s->channel].class);
}

/* Feed the negotiation; the rest of `*data` is the protocol's. False: the stream is gone.
 */
static bool negotiate(struct node *n, struct node_stream *s, struct pando_slice *data)
{
    uint8_t out[MS_OUT_MAX];
    struct wire_writer w = wire_write(out, sizeof out);
    size_t consumed = 0;
    const enum ms_outcome outcome = ms_feed(&s->ms, *data, &consumed, &w);
    send_bytes(n, s, wire_written(&w));
    *data = slice_from(*data, consumed);
    if (outcome == MS_FAILED) {
        trace(n->tracer, TRACE_PROTO, TRACE_DEBUG,
              "a stream could not agree on a protocol: %s",
              pando_status_text(s->ms.status));
        stream_drop(n, s, true);
        return false;
    }
    if (outcome == MS_DONE) {
        s->agreed = true;
        if (s->outbound) {
            if (s->role != ROLE_IDENTIFY && s->role != ROLE_PING)
                s->deadline = PANDO_TIME_NEVER;
        } else {
            settle_role(n, s);
        }
    }
    return true;
}

static void consume(struct node *n, uint64_t stream, size_t len)
{
    if (len > 0)
        n->ports.link.ops->consume(n->ports.link.ctx, stream, len);
}

static void feed_role(struct node *n, struct node_stream *s, struct pando_slice data,
                      bool fin)
{
    switch (s->role) {
    case ROLE_IDENTIFY:
    case ROLE_PUSH:
        protocols_read_identify(n, s, data, fin);
        return;
    case ROLE_PING:
        protocols_read_ping(n, s, data, fin);
        return;
    case ROLE_GOSSIP:
        if (s->outbound) { /* nothing is ever said there; its end is the stream's end */
            if (fin)
                stream_drop(n, s, true);
            return;
        }
        pubsub_receive(n, s, data);
        break;
    case ROLE_CHANNEL:
        if (!s->outbound)
            spaces_channel_read(n, s, data);
        break;
    case ROLE_UNKNOWN:
        break;
    }
    if (fin && (s = stream_find(n, s->id)) != NULL)
        stream_drop(n, s, true);
}

static void on_data(struct node *n, const struct link_event *ev)
{
    struct node_stream *s = stream_find(n, ev->stream);
    if (s == NULL) {
        consume(n, ev->stream, ev->data.len);
        return;
    }
    struct pando_slice data = ev->data;
    s->fin_seen |= ev->fin;
    if (!s->agreed) {
        if (!negotiate(n, s, &data))
            return;
        consume(n, ev->stream, ev->data.len - data.len);
        if (!s->agreed) {
            if (ev->fin)
                stream_drop(n, s, true);
            return;
        }
    }
    /* A channel's bytes stay charged until its engine has digested the message. */
    if (s->role != ROLE_CHANNEL || s->outbound)
        consume(n, ev->stream, data.len);
    feed_role(n, s, data, ev->fin);
}

void streams_event(struct node *n, const struct link_event *ev)
{
    struct node_stream *s;
    switch (ev->kind) {
    case LINK_STREAM:
        on_opened(n, ev);
        return;
    case LINK_DATA:
        on_data(n, ev);
        return;
    case LINK_STOPPED:
        /* Behind the peer's FIN this is how go ends a stream; on a stream that we write
         * it means that nobody reads. */
        s = stream_find(n, ev->stream);
        if (s != NULL && s->outbound &&
            (s->role == ROLE_GOSSIP || s->role == ROLE_CHANNEL))
            stream_drop(n, s, true);
        return;
    case LINK_RESET:
        s = stream_find(n, ev->stream);
        if (s != NULL)
            stream_drop(n, s, true);
        return;
    case LINK_WRITABLE:
    case LINK_UP:
    case LINK_DOWN:
    case LINK_DIAL_FAILED:
        return;
    }
}
