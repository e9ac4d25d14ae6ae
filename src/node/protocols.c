#include "node/state.h"

#include <stdio.h>
#include <stdlib.h>

/* Every protocol with a handler, then the pseudo-protocols that name our spaces. */
size_t protocols_list(struct node *n, const char **ret, size_t cap)
{
    static const char *const fixed[] = { IDENTIFY_PROTOCOL, IDENTIFY_PUSH_PROTOCOL,
                                         PING_PROTOCOL, GOSSIP_PROTOCOL_11,
                                         GOSSIP_PROTOCOL_10 };
    size_t len = 0;
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0] && len < cap; i++)
        ret[len++] = fixed[i];
    for (size_t k = 0; k < n->config.kinds_len; k++)
        for (size_t c = 0; c < n->config.kinds[k]->channels_len && len < cap; c++)
            ret[len++] = n->config.kinds[k]->channels[c].protocol;
    for (size_t i = 0; i < NODE_SPACES_MAX && len < cap; i++)
        if (n->spaces[i].used)
            ret[len++] = n->spaces[i].topic;
    return len;
}

static struct bytes *our_message(struct node *n, const struct multiaddr *observed)
{
    const char *names[IDENTIFY_PROTOCOLS_MAX];
    const struct identify_self self = {
        .key = n->key,
        .network = n->config.network,
        .protocols = names,
        .protocols_len = protocols_list(n, names, IDENTIFY_PROTOCOLS_MAX),
        .addresses = n->listen,
        .addresses_len = n->listen_len,
    };
    uint8_t out[IDENTIFY_OUT_MAX];
    struct wire_writer w = wire_write(out, sizeof out);
    if (identify_encode(&self, observed, &w) != PANDO_OK) {
        trace(n->tracer, TRACE_PROTO, TRACE_WARNING,
              "identify: our own message is too long; are there too many spaces?");
        return NULL;
    }
    return frame_copy(wire_written(&w));
}

/* Write our message and end our side. */
static void say_who_we_are(struct node *n, struct node_stream *s)
{
    struct node_link *l = link_find(n, s->link);
    struct bytes *b = our_message(n, l == NULL ? NULL : &l->address);
    if (b != NULL)
        (void)n->ports.link.ops->send(n->ports.link.ctx, s->id, b, true);
    bytes_unref(b);
}

void protocols_answer_identify(struct node *n, struct node_stream *s)
{
    say_who_we_are(n, s);
    s->deadline = pando_time_add(n->now, NODE_IDENTIFY_LIMIT);
}

void protocols_identify_open(struct node *n, uint32_t peer)
{
    static const char *const names[] = { IDENTIFY_PROTOCOL };
    struct node_stream *s;
    peer_at(n, peer)->meet_again = pando_time_add(n->now, NODE_IDENTIFY_LIMIT); /* unless met */
    if (stream_open(n, peer, ROLE_IDENTIFY, names, 1, LINK_CONTROL, &s) != PANDO_OK)
        return;
    frame_init(&s->frame, IDENTIFY_IN_MAX);
    s->deadline = pando_time_add(n->now, NODE_IDENTIFY_LIMIT);
    /* We write nothing there: end our side at once, behind the proposal. */
    (void)n->ports.link.ops->send(n->ports.link.ctx, s->id, NULL, true);
}

void protocols_push(struct node *n)
{
    static const char *const names[] = { IDENTIFY_PUSH_PROTOCOL };
    for (uint32_t i = 0; i < n->peers_max; i++) {
        struct node_stream *s;
        if (!n->peers[i].used || !n->peers[i].identified)
            continue;
        if (stream_open(n, i, ROLE_PUSH, names, 1, LINK_CONTROL, &s) == PANDO_OK)
            say_who_we_are(n, s);
    }
}

static void identify_ended(struct node *n, struct node_stream *s)
{
    const uint32_t peer = s->peer;
    struct identify_info *info = s->info;
    s->info = NULL;
    stream_drop(n, s, false);
    const struct node_peer *p = peer_at(n, peer);
    const enum pando_status st =
        info == NULL ? PANDO_MALFORMED : identify_check(info, &p->id);
    if (st == PANDO_OK)
        peers_identified(n, peer, info);
    else
        peers_fault(n, peer, st, "identify does not match the link");
    free(info);
}

void protocols_read_identify(struct node *n, struct node_stream *s,
                             struct pando_slice data, bool fin)
{
    const bool reading = (s->role == ROLE_IDENTIFY) == s->outbound;
    if (!reading) { /* the asker's silence, or our push's other half */
        if (fin)
            stream_drop(n, s, false);
        return;
    }
    if (s->info == NULL && (s->info = malloc(sizeof *s->info)) != NULL)
        identify_init(s->info);
    if (s->info == NULL) {
        stream_drop(n, s, true);
        return;
    }
    struct pando_slice message;
    bool found = true;
    while (found) {
        enum pando_status st = frame_next(&s->frame, &data, &message, &found);
        if (st == PANDO_OK && found)
            st = identify_merge(s->info, message);
        if (st != PANDO_OK) {
            peers_fault(n, s->peer, st, "identify does not decode");
            stream_drop(n, s, true);
            return;
        }
    }
    if (fin) {
        if (!s->outbound) /* a push: our half has nothing to say */
            (void)n->ports.link.ops->send(n->ports.link.ctx, s->id, NULL, true);
        identify_ended(n, s);
    }
}

void protocols_ping(struct node *n, uint32_t peer, uint64_t token)
{
    static const char *const names[] = { PING_PROTOCOL };
    struct node_stream *s;
    const enum pando_status st =
        stream_open(n, peer, ROLE_PING, names, 1, LINK_CONTROL, &s);
    if (st != PANDO_OK && token == 0)
        return;
    if (st != PANDO_OK) {
        call_fail(n, token, st, "a ping stream cannot be opened: %s",
                  pando_status_text(st));
        return;
    }
    s->token = token;
    s->deadline = pando_time_add(n->now, PANDO_SEC(10));
    uint8_t block[PING_BLOCK], out[PING_BLOCK];
    n->ports.entropy(n->ports.ctx, block, sizeof block);
    struct wire_writer w = wire_write(out, sizeof out);
    pinger_send(&s->ping.pinger, n->now, block, &w);
    struct bytes *b = bytes_copy(wire_written(&w));
    if (b != NULL)
        (void)n->ports.link.ops->send(n->ports.link.ctx, s->id, b, false);
    bytes_unref(b);
}

static void read_pong(struct node *n, struct node_stream *s, struct pando_slice data,
                      bool fin)
{
    const enum pinger_state st = pinger_receive(&s->ping.pinger, n->now, data, fin);
    if (st == PINGER_DONE && s->token == 0) {
        (void)n->ports.link.ops->send(n->ports.link.ctx, s->id, NULL, true);
        s->deadline = PANDO_TIME_NEVER;
    }
    if (st == PINGER_DONE && s->token != 0) {
        const uint64_t us = s->ping.pinger.rtt.ns / 1000;
        char text[64];
        const int len =
            snprintf(text, sizeof text, "{\"rtt_us\":%llu}", (unsigned long long)us);
        peer_at(n, s->peer)->rtt = s->ping.pinger.rtt;
        call_reply(n, s->token, PANDO_OK, slice_of(text, (size_t)len));
        s->token = 0;
        s->deadline = PANDO_TIME_NEVER;
        (void)n->ports.link.ops->send(n->ports.link.ctx, s->id, NULL, true);
    }
    if (st == PINGER_FAILED || fin)
        stream_drop(n, s, st == PINGER_FAILED);
}

void protocols_read_ping(struct node *n, struct node_stream *s, struct pando_slice data,
                         bool fin)
{
    if (s->outbound) {
        read_pong(n, s, data, fin);
        return;
    }
    uint8_t out[PING_BLOCK * 64];
    while (data.len > 0) {
        struct wire_writer w = wire_write(out, sizeof out);
        size_t consumed = 0;
        ping_answer(&s->ping.responder, data, &consumed, &w);
        data = slice_from(data, consumed);
        if (w.len == 0)
            break;
        struct bytes *b = bytes_copy(wire_written(&w));
        const enum pando_status st =
            b == NULL ? PANDO_NOMEM
                      : n->ports.link.ops->send(n->ports.link.ctx, s->id, b, false);
        bytes_unref(b);
        if (st != PANDO_OK) { /* somebody pings faster than it reads */
            stream_drop(n, s, true);
            return;
        }
    }
    if (fin) {
        (void)n->ports.link.ops->send(n->ports.link.ctx, s->id, NULL, true);
        stream_drop(n, s, false);
    }
}
