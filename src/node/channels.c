/* channels.c - the message pipes of spaces: one stream per space, channel and direction.
 *
 * The opener of a stream names its space by id in the first frame; everything after it is
 * messages. Both sides open a stream of their own for what they have to say. Whether a
 * peer holds a space is read from the protocol list of its identify message, so a stream
 * for a space that the other side lacks is a mistake and is reset.
 */
#include "node/state.h"

#include "base/assert.h"

#include <stdio.h>

#define MEET_AGAIN PANDO_SEC(1)

static bool open_channel(struct node *n, struct node_space *s, uint32_t peer,
                         uint8_t channel)
{
    struct node_stream *stream;
    const struct space_channel *c = &s->ops->channels[channel];
    if (stream_open(n, peer, ROLE_CHANNEL, &c->protocol, 1, c->class, &stream) !=
        PANDO_OK)
        return false;
    stream->slot = s->slot;
    stream->kind = s->kind;
    stream->channel = channel;
    peer_at(n, peer)->spaces[s->slot].out[channel] = stream->id;
    struct bytes *b = frame_copy(SLICE_OF(s->id));
    const bool sent = b != NULL && n->ports.link.ops->send(n->ports.link.ctx, stream->id,
                                                           b, false) == PANDO_OK;
    bytes_unref(b);
    return sent;
}

static void meet(struct node *n, struct node_space *s, uint32_t peer)
{
    struct node_peer *p = peer_at(n, peer);
    struct peer_space *ps = &p->spaces[s->slot];
    if (ps->shared || !policy_admits(s, &p->id, SPACE_MAY_READ))
        return;
    *ps = (struct peer_space){ .shared = true };
    for (uint8_t c = 0; c < s->ops->channels_len; c++) {
        if (open_channel(n, s, peer, c))
            continue;
        ps->shared = false;
        p->meet_again = pando_time_add(n->now, MEET_AGAIN);
        return;
    }
    space_input(
        n, s,
        &(struct space_input){ .kind = SPACE_PEER_UP, .peer = peer, .peer_id = &p->id });
}

static void part(struct node *n, struct node_space *s, uint32_t peer)
{
    struct peer_space *ps = &peer_at(n, peer)->spaces[s->slot];
    if (!ps->shared)
        return;
    struct peer_space old = *ps;
    *ps = (struct peer_space){ 0 };
    for (uint8_t c = 0; c < s->ops->channels_len; c++) {
        struct node_stream *stream = old.out[c] == 0 ? NULL : stream_find(n, old.out[c]);
        if (stream != NULL)
            stream_drop(n, stream, true);
    }
    space_input(n, s, &(struct space_input){ .kind = SPACE_PEER_DOWN, .peer = peer });
}

void spaces_peer_meets(struct node *n, uint32_t peer, const struct identify_info *info)
{
    peer_at(n, peer)->meet_again = (struct pando_time){ 0 };
    for (size_t i = 0; i < NODE_SPACES_MAX; i++) {
        struct node_space *s = &n->spaces[i];
        if (!s->used)
            continue;
        if (identify_speaks(info, s->topic))
            meet(n, s, peer);
        else
            part(n, s, peer);
    }
}

void spaces_peer_gone(struct node *n, uint32_t peer)
{
    for (size_t i = 0; i < NODE_SPACES_MAX; i++)
        if (n->spaces[i].used)
            part(n, &n->spaces[i], peer);
}

/* One direction broke while the peer is linked: both start anew, which the engines see as
 * a peer that went and came. The retry is the next sweep's. */
void spaces_channel_lost(struct node *n, struct node_stream *stream)
{
    struct node_space *s = space_at(n, stream->slot);
    if (s == NULL)
        return;
    struct peer_space *ps = &peer_at(n, stream->peer)->spaces[stream->slot];
    if (!ps->shared || (stream->outbound && ps->out[stream->channel] != stream->id))
        return;
    if (!stream->outbound && ps->in[stream->channel] != stream->id)
        return;
    part(n, s, stream->peer);
    peer_at(n, stream->peer)->meet_again = pando_time_add(n->now, MEET_AGAIN);
}

void spaces_part_all(struct node *n, struct node_space *s)
{
    for (uint32_t i = 0; i < n->peers_top; i++) {
        struct node_peer *p = &n->peers[i];
        if (!p->used || !p->spaces[s->slot].shared)
            continue;
        for (uint8_t c = 0; c < s->ops->channels_len; c++) {
            struct node_stream *in = stream_find(n, p->spaces[s->slot].in[c]);
            if (in != NULL)
                stream_drop(n, in, true);
        }
        part(n, s, i);
        p->meet_again = pando_time_add(n->now, MEET_AGAIN);
    }
}

static bool name_space(struct node *n, struct node_stream *stream,
                       struct pando_slice first)
{
    for (uint32_t i = 0; i < NODE_SPACES_MAX; i++) {
        struct node_space *s = &n->spaces[i];
        if (!s->used || s->kind != stream->kind || !slice_equal(SLICE_OF(s->id), first))
            continue;
        if (!policy_admits(s, &peer_at(n, stream->peer)->id, SPACE_MAY_READ))
            return false; /* its stream is reset, as for a space that we do not hold */
        stream->slot = i;
        stream->deadline = PANDO_TIME_NEVER;
        /* Whoever names the space holds it: no need to wait for its identify message. */
        meet(n, s, stream->peer);
        peer_at(n, stream->peer)->spaces[i].in[stream->channel] = stream->id;
        return true;
    }
    return false;
}

/* A message's bytes are done with, but for those that were consumed when they came. */
static void consume_message(struct node *n, struct node_stream *stream, size_t len)
{
    const size_t before = len < stream->ahead ? len : stream->ahead;
    stream->ahead -= before;
    if (len > before)
        n->ports.link.ops->consume(n->ports.link.ctx, stream->id, len - before);
}

static void hand_over(struct node *n, struct node_stream *stream,
                      struct pando_slice message)
{
    struct node_space *s = space_at(n, stream->slot);
    struct bytes *bytes = bytes_copy(message);
    if (s == NULL || bytes == NULL ||
        !peer_at(n, stream->peer)->spaces[stream->slot].shared) {
        /* Its PEER_UP is still to come, or is over: the sync engines ask again. */
        consume_message(n, stream, message.len);
        bytes_unref(bytes);
        return;
    }
    space_input(n, s,
                &(struct space_input){ .kind = SPACE_MESSAGE,
                                       .peer = stream->peer,
                                       .channel = stream->channel,
                                       .bytes = bytes });
    bytes_unref(bytes);
}

void spaces_channel_read(struct node *n, struct node_stream *stream,
                         struct pando_slice data)
{
    const uint64_t id = stream->id;
    const size_t had = data.len;
    /* Whole messages are charged until they are digested. The rest is consumed at once: a
     * window is opened in steps of half its size, so a message that had to fit into what is
     * left of it might never become whole. The frame's limit bounds what is carried. */
    size_t in_messages = 0, again = 0;
    size_t carried = stream->frame_carried;
    struct pando_slice message;
    bool found = true;
    while ((stream = stream_find(n, id)) != NULL && found) {
        const enum pando_status st = frame_next(&stream->frame, &data, &message, &found);
        if (st != PANDO_OK) {
            peers_fault(n, stream->peer, st, "channel framing");
            stream_drop(n, stream, true);
            return;
        }
        if (!found)
            break;
        if (stream->slot == NODE_NONE) {
            if (!name_space(n, stream, message)) {
                stream_drop(n, stream, true);
                return;
            }
            continue;
        }
        /* Of the first message, what was carried has been consumed before. */
        const size_t before = carried < message.len ? carried : message.len;
        carried = 0;
        in_messages += message.len;
        again += before;
        stream->ahead += before;
        hand_over(n, stream, message);
    }
    if (stream == NULL)
        return;
    stream->frame_carried = stream->frame.part.len;
    if (had > in_messages - again)
        n->ports.link.ops->consume(n->ports.link.ctx, id, had - (in_messages - again));
}

void channels_send(struct node *n, struct node_space *s, const struct space_effect *e)
{
    const struct node_peer *p =
        e->peer < n->peers_max && n->peers[e->peer].used ? &n->peers[e->peer] : NULL;
    const uint64_t id = p == NULL ? 0 : p->spaces[s->slot].out[e->channel];
    struct node_stream *stream = id == 0 ? NULL : stream_find(n, id);
    if (stream == NULL) {
        bytes_unref(e->bytes);
        return;
    }
    const size_t len = bytes_view(e->bytes).len;
    uint8_t head[WIRE_UVARINT_MAX];
    struct wire_writer w = wire_write(head, sizeof head);
    wire_put_uvarint(&w, len);
    struct bytes *h = bytes_copy(wire_written(&w));
    const struct link_port *port = &n->ports.link;
    enum pando_status st =
        h == NULL ? PANDO_NOMEM : port->ops->send(port->ctx, id, h, false);
    if (st == PANDO_OK) {
        st = port->ops->send(port->ctx, id, e->bytes, false);
        if (st == PANDO_OK)
            stream->outstanding += len;
        else /* a frame without its body would garble the channel */
            stream_drop(n, stream, true);
    } else {
        stream_drop(n, stream, true);
    }
    n->credit_wanted = true;
    bytes_unref(h);
    bytes_unref(e->bytes);
}

void channels_digested(struct node *n, struct node_space *s, const struct space_effect *e)
{
    if (e->peer >= n->peers_max || !n->peers[e->peer].used)
        return;
    const uint64_t id = n->peers[e->peer].spaces[s->slot].in[e->channel];
    struct node_stream *stream = id == 0 ? NULL : stream_find(n, id);
    if (stream != NULL)
        consume_message(n, stream, (size_t)e->value);
}

static void credit_one(struct node *n, struct node_space *s, uint32_t peer)
{
    for (uint8_t c = 0; c < s->ops->channels_len; c++) {
        struct node_stream *stream =
            stream_find(n, n->peers[peer].spaces[s->slot].out[c]);
        if (stream == NULL || stream->outstanding == 0)
            continue;
        const size_t queued = n->ports.link.ops->queued(n->ports.link.ctx, stream->id);
        n->credit_wanted |= queued > 0;
        if (queued >= stream->outstanding)
            continue;
        const size_t left = stream->outstanding - queued;
        stream->outstanding = queued;
        space_input(
            n, s,
            &(struct space_input){
                .kind = SPACE_CREDIT, .peer = peer, .channel = c, .value = left });
    }
}

/* Bytes of channel streams that have left the node give their credit back. */
void spaces_credit(struct node *n)
{
    if (!n->credit_wanted)
        return;
    n->credit_wanted = false;
    for (uint32_t i = 0; i < n->peers_top; i++) {
        if (!n->peers[i].used)
            continue;
        for (uint32_t k = 0; k < NODE_SPACES_MAX; k++)
            if (n->spaces[k].used && n->peers[i].spaces[k].shared)
                credit_one(n, &n->spaces[k], i);
    }
}

/* Peers whose channels broke meet our spaces again after a while; if the question gets no
 * answer it is asked again. */
void spaces_sweep(struct node *n)
{
    for (uint32_t i = 0; i < n->peers_top; i++) {
        struct node_peer *p = &n->peers[i];
        if (!p->used || p->meet_again.ns == 0 ||
            !pando_time_reached(p->meet_again, n->now))
            continue;
        protocols_identify_open(n, i);
    }
}
