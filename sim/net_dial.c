/* net_dial.c - how a link comes up: one round trip for who dials, half of one more for the
 * other side; or why it does not. */
#include "sim/net_impl.h"

#include "base/assert.h"
#include "base/slice.h"

#include <stdio.h>
#include <stdlib.h>

static uint32_t port_at(const struct net *n, const struct multiaddr_udp *udp)
{
    struct multiaddr a, own;
    multiaddr_from_udp(udp->ip, 4, udp->port, &a);
    const uint32_t index =
        (((uint32_t)udp->ip[1] << 16) | ((uint32_t)udp->ip[2] << 8) | udp->ip[3]) - 1;
    if (index >= n->config.ports)
        return UINT32_MAX;
    net_address(index, &own);
    return multiaddr_equal(&a, &own) ? index : UINT32_MAX;
}

static bool dialer_lives(const struct net_dial *d)
{
    const struct net_node *node = &d->net->nodes[d->from];
    return node->up && node->life == d->life;
}

static void tell_failure(const struct net_dial *d, enum link_reason reason, const char *text)
{
    const struct net_node *node = &d->net->nodes[d->from];
    const struct link_event ev = {
        .kind = LINK_DIAL_FAILED, .token = d->token, .reason = reason, .text = text
    };
    queue_mix(d->net->queue, ((uint64_t)d->from << 32) ^ (uint64_t)reason);
    if (dialer_lives(d))
        node->sink.event(node->sink.ctx, &ev);
}

static uint64_t hold_dial(struct net *n, struct net_dial *d)
{
    size_t slot = 0;
    while (slot < n->dials_len && n->dials[slot] != NULL)
        slot++;
    if (slot == n->dials_cap) {
        n->dials_cap = n->dials_cap == 0 ? 64 : n->dials_cap * 2;
        n->dials = realloc(n->dials, n->dials_cap * sizeof *n->dials);
        PANDO_ASSERT(n->dials != NULL);
    }
    if (slot == n->dials_len)
        n->dials_len++;
    n->dials[slot] = d;
    return slot;
}

static struct net_dial take_dial(struct net *n, uint64_t slot)
{
    const struct net_dial d = *n->dials[slot];
    free(n->dials[slot]);
    n->dials[slot] = NULL;
    return d;
}

static void no_answer(void *ctx, const struct sim_event *e)
{
    const struct net_dial d = take_dial(ctx, e->a);
    tell_failure(&d, LINK_REASON_UNREACHABLE, link_reason_text(LINK_REASON_UNREACHABLE));
}

static bool is_wrong_peer(const struct net_dial *d)
{
    const struct peer_id *got = &d->net->nodes[d->to].id;
    if (d->expected.len == 0 || peer_id_equal(&d->expected, got))
        return false;
    char want_text[PEER_ID_TEXT_MAX], got_text[PEER_ID_TEXT_MAX], text[240];
    peer_id_print(&d->expected, want_text);
    peer_id_print(got, got_text);
    (void)snprintf(text, sizeof text, "expected %s, but %s lives there", want_text, got_text);
    tell_failure(d, LINK_REASON_WRONG_PEER, text);
    return true;
}

static void tell_up(struct net *n, struct net_link *l, unsigned side, uint32_t token)
{
    struct multiaddr address;
    const uint32_t other = l->sides[1 - side].port;
    if (!net_side_alive(n, l, side))
        return;
    net_address(other, &address);
    l->sides[side].up = true;
    n->counts.links++;
    net_tell(n, l, side,
             (struct link_event){ .kind = LINK_UP, .dialed = side == 0, .token = token,
                                  .peer = &n->nodes[other].id, .address = &address });
}

static void listener_up(void *ctx, const struct sim_event *e)
{
    struct net *n = ctx;
    struct net_link *l = net_link_find(n, e->a);
    if (l != NULL && !l->sides[1].ended)
        tell_up(n, l, 1, 0);
}

/* The answer is back at the dialler. */
static void answered(void *ctx, const struct sim_event *e)
{
    struct net *n = ctx;
    const struct net_dial d = take_dial(n, e->a);
    const struct net_node *from = &n->nodes[d.from], *to = &n->nodes[d.to];
    if (!dialer_lives(&d) || is_wrong_peer(&d))
        return;
    struct net_link *l = calloc(1, sizeof *l);
    PANDO_ASSERT(l != NULL);
    l->id = ++n->next_link;
    l->sides[0] = (struct net_side){ .port = d.from, .life = from->life, .up = true };
    l->sides[1] = (struct net_side){ .port = d.to, .life = d.to_life, .up = true };
    if (!to->up || to->life != d.to_life) /* its answer was the last that it said */
        l->sides[1] = (struct net_side){ .port = d.to, .life = d.to_life, .ended = true };
    const uint64_t delay = net_packet_delay(n, l, 0);
    l->sides[0].earliest = n->queue->now.ns + delay;
    queue_put(n->queue, (struct pando_span){ delay },
              (struct sim_event){ .fire = listener_up, .ctx = n, .a = l->id });
    net_link_added(n, l);
    tell_up(n, l, 0, d.token);
}

/* The first packet has arrived, or has not. */
static void knocked(void *ctx, const struct sim_event *e)
{
    struct net *n = ctx;
    struct net_dial *d = n->dials[e->a];
    const bool reached = d->to != UINT32_MAX && d->to != d->from && n->nodes[d->to].up &&
                         !net_is_cut(n, d->from, d->to) && !net_is_cut(n, d->to, d->from);
    const struct net_weather *w = &n->config.weather;
    uint64_t delay = w->latency.ns + 1;
    if (w->jitter.ns > 0)
        delay += rng_below(&n->rng, w->jitter.ns);
    if (reached)
        d->to_life = n->nodes[d->to].life;
    queue_put(n->queue, reached ? (struct pando_span){ delay } : n->config.dial_limit,
              (struct sim_event){ .fire = reached ? answered : no_answer, .ctx = n,
                                  .a = e->a });
}

enum pando_status net_dial(void *ctx, const struct link_target *target, uint32_t token)
{
    const struct net_node *node = ctx;
    struct net *n = node->net;
    struct multiaddr_udp udp;
    if (multiaddr_to_udp(&target->address, &udp) != PANDO_OK || udp.ip_len != 4)
        return PANDO_UNSUPPORTED;
    struct net_dial *d = calloc(1, sizeof *d);
    PANDO_ASSERT(d != NULL);
    *d = (struct net_dial){ .net = n, .from = node->index, .life = node->life, .token = token,
                            .to = port_at(n, &udp), .expected = target->peer,
                            .address = target->address };
    queue_put(n->queue, n->config.weather.latency,
              (struct sim_event){ .fire = knocked, .ctx = n, .a = hold_dial(n, d),
                                  .b = node->index });
    return PANDO_OK;
}

void net_dials_free(struct net *n)
{
    for (size_t i = 0; i < n->dials_len; i++)
        free(n->dials[i]);
    free(n->dials);
}
