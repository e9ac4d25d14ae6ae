#include "sim/net_impl.h"

#include "base/assert.h"
#include "base/slice.h"

#include <stdlib.h>

#define PORT 9000
#define RETRY_EXTRA PANDO_MSEC(25).ns /* of a retransmission, beyond a round trip */
#define RETRIES_MAX 6

void net_address(uint32_t index, struct multiaddr *ret)
{
    const uint8_t ip[4] = { 10, (uint8_t)((index + 1) >> 16), (uint8_t)((index + 1) >> 8),
                            (uint8_t)(index + 1) };
    multiaddr_from_udp(ip, 4, PORT, ret);
}

struct net_link *net_link_find(const struct net *n, uint64_t id)
{
    struct net_link **found = map_find(&n->links, &id);
    return found == NULL ? NULL : *found;
}

bool net_is_cut(const struct net *n, uint32_t from, uint32_t to)
{
    return n->cuts_len > 0 && n->cuts[(size_t)from * n->config.ports + to] != 0;
}

bool net_path_whole(const struct net *n, const struct net_link *l, unsigned from_side)
{
    return !net_is_cut(n, l->sides[from_side].port, l->sides[1 - from_side].port);
}

bool net_side_alive(const struct net *n, const struct net_link *l, unsigned d)
{
    const struct net_node *node = &n->nodes[l->sides[d].port];
    return node->up && node->life == l->sides[d].life && !l->sides[d].ended;
}

uint64_t net_packet_delay(struct net *n, struct net_link *l, unsigned d)
{
    struct net_side *s = &l->sides[d];
    const struct net_weather *w = &n->config.weather;
    if (s->packet_at == n->queue->now.ns && s->packet_in != 0)
        return s->packet_in;
    uint64_t delay = w->latency.ns + 1;
    if (w->jitter.ns > 0)
        delay += rng_below(&n->rng, w->jitter.ns);
    /* The packets behind it are acknowledged, so a loss shows after a round trip or two; only
     * a lone probe would back off further, and there is always something to say here. */
    uint64_t retry = 2 * w->latency.ns + RETRY_EXTRA;
    for (int i = 0; i < RETRIES_MAX && rng_chance(&n->rng, w->loss_permille, 1000); i++) {
        delay += retry;
        if (i == 0)
            retry *= 2;
    }
    s->packet_at = n->queue->now.ns;
    s->packet_in = delay;
    return delay;
}

void net_tell(struct net *n, const struct net_link *l, unsigned side, struct link_event ev)
{
    const struct net_node *node = &n->nodes[l->sides[side].port];
    ev.link = l->id;
    queue_mix(n->queue, ((uint64_t)ev.kind << 40) ^ (ev.link << 20) ^ ev.stream ^ ev.data.len);
    node->sink.event(node->sink.ctx, &ev);
}

static void free_link(struct net *n, struct net_link *l)
{
    while (l->streams != NULL)
        net_stream_free(n, l->streams);
    if (l->before != NULL)
        l->before->next = l->next;
    else
        n->first_link = l->next;
    if (l->next != NULL)
        l->next->before = l->before;
    (void)map_del(&n->links, &l->id);
    free(l);
}

static void side_ended(void *ctx, const struct sim_event *e)
{
    struct net *n = ctx;
    struct net_link *l = net_link_find(n, e->a);
    const unsigned d = e->b & 1;
    const enum link_reason reason = (enum link_reason)e->c;
    if (l == NULL || l->sides[d].ended)
        return;
    const bool alive = net_side_alive(n, l, d);
    l->sides[d].ended = true;
    l->sides[d].up = false;
    for (struct net_stream *s = l->streams; s != NULL; s = s->next)
        s->known[d] = false;
    if (reason == LINK_REASON_IDLE)
        n->counts.deaths++;
    if (alive)
        net_tell(n, l, d,
                 (struct link_event){
                     .kind = LINK_DOWN, .reason = reason, .text = link_reason_text(reason) });
    l = net_link_find(n, e->a);
    if (l != NULL && l->sides[0].ended && l->sides[1].ended)
        free_link(n, l);
}

void net_end_side(struct net *n, struct net_link *l, unsigned d, enum link_reason reason,
                  struct pando_span in)
{
    queue_put(n->queue, in,
              (struct sim_event){ .fire = side_ended, .ctx = n, .a = l->id, .b = d,
                                  .c = (uint32_t)reason });
}

/* The link was broken when this check was set up; if it still is, and was not whole in
 * between, both ends have missed each other for long enough. */
static void idled(void *ctx, const struct sim_event *e)
{
    struct net *n = ctx;
    struct net_link *l = net_link_find(n, e->a);
    if (l == NULL || l->cut_round != (((uint64_t)e->b << 32) | e->c))
        return;
    for (unsigned d = 0; d < 2; d++) {
        l->sides[d].up = false;
        net_end_side(n, l, d, LINK_REASON_IDLE, (struct pando_span){ 0 });
    }
}

/* After any change of paths or ports: break, mend or bury the link. */
static void look_at_link(struct net *n, struct net_link *l)
{
    const bool whole = net_path_whole(n, l, 0) && net_path_whole(n, l, 1);
    const bool both = l->sides[0].up && l->sides[1].up;
    if (!whole || !both) {
        if (l->cut_round == 0) {
            l->cut_round = ++n->cut_rounds;
            queue_put(n->queue, n->config.idle,
                      (struct sim_event){ .fire = idled, .ctx = n, .a = l->id,
                                          .b = (uint32_t)(l->cut_round >> 32),
                                          .c = (uint32_t)l->cut_round });
        }
    } else {
        l->cut_round = 0;
    }
    /* One end has forgotten the link and can be reached again: it says so. */
    for (unsigned d = 0; d < 2 && whole && !both; d++)
        if (!l->sides[d].ended && l->sides[d].up &&
            n->nodes[l->sides[1 - d].port].up)
            net_end_side(n, l, d, LINK_REASON_RESET, n->config.weather.latency);
    for (unsigned d = 0; d < 2; d++)
        if (net_path_whole(n, l, d))
            for (struct net_stream *s = l->streams; s != NULL; s = s->next)
                net_stream_unpark(n, s, d);
}

static void look_at_links(struct net *n, uint32_t port)
{
    for (struct net_link *l = n->first_link, *next; l != NULL; l = next) {
        next = l->next;
        if (port == UINT32_MAX || l->sides[0].port == port || l->sides[1].port == port)
            look_at_link(n, l);
    }
}

void net_link_added(struct net *n, struct net_link *l)
{
    void *place;
    bool added;
    PANDO_ASSERT(map_put(&n->links, &l->id, &place, &added) == PANDO_OK && added);
    memcpy(place, &l, sizeof l);
    l->next = n->first_link;
    if (l->next != NULL)
        l->next->before = l;
    n->first_link = l;
    look_at_link(n, l);
}

void net_cut(struct net *n, uint32_t from, uint32_t to, bool cut)
{
    uint8_t *at = &n->cuts[(size_t)from * n->config.ports + to];
    if ((*at != 0) == cut)
        return;
    *at = cut;
    n->cuts_len = cut ? n->cuts_len + 1 : n->cuts_len - 1;
    look_at_links(n, from);
}

void net_heal(struct net *n)
{
    memset(n->cuts, 0, (size_t)n->config.ports * n->config.ports);
    n->cuts_len = 0;
    look_at_links(n, UINT32_MAX);
}

static void close_link(void *ctx, uint64_t link, enum link_reason reason)
{
    const struct net_node *node = ctx;
    struct net *n = node->net;
    struct net_link *l = net_link_find(n, link);
    if (l == NULL)
        return;
    const unsigned d = l->sides[0].port == node->index ? 0 : 1;
    if (!l->sides[d].up)
        return;
    l->sides[d].up = false;
    net_end_side(n, l, d, reason, (struct pando_span){ 1000 });
    if (net_path_whole(n, l, d) && !l->sides[1 - d].ended)
        net_end_side(n, l, 1 - d, reason == LINK_REASON_LOCAL ? LINK_REASON_REMOTE : reason,
                     (struct pando_span){ net_packet_delay(n, l, d) });
}

static struct pando_span round_trip(void *ctx, uint64_t link)
{
    const struct net_node *node = ctx;
    return net_link_find(node->net, link) == NULL
               ? (struct pando_span){ 0 }
               : (struct pando_span){ 2 * node->net->config.weather.latency.ns + 1 };
}

static const struct link_ops ops = { net_dial,  close_link,  net_open,     net_send,  net_queued,
                                     net_reset, net_consume, net_classify, round_trip };

struct link_port net_port(struct net *n, uint32_t index)
{
    return (struct link_port){ &n->nodes[index], &ops };
}

void net_up(struct net *n, uint32_t index, const struct peer_id *id, struct link_sink sink)
{
    struct net_node *node = &n->nodes[index];
    PANDO_ASSERT(!node->up);
    node->up = true;
    node->life++;
    node->id = *id;
    node->sink = sink;
    look_at_links(n, index);
}

void net_down(struct net *n, uint32_t index)
{
    n->nodes[index].up = false;
    for (struct net_link *l = n->first_link; l != NULL; l = l->next)
        for (unsigned d = 0; d < 2; d++)
            if (l->sides[d].port == index && !l->sides[d].ended) {
                l->sides[d].up = false;
                net_end_side(n, l, d, LINK_REASON_LOCAL, (struct pando_span){ 0 });
            }
    look_at_links(n, index);
}

void net_leave(struct net *n, uint32_t index)
{
    for (struct net_link *l = n->first_link; l != NULL; l = l->next)
        if (l->sides[0].port == index || l->sides[1].port == index)
            close_link(&n->nodes[index], l->id, LINK_REASON_SHUTDOWN);
    net_down(n, index);
}

void net_set_weather(struct net *n, const struct net_weather *weather)
{
    n->config.weather = *weather;
}

struct net_weather net_weather(const struct net *n)
{
    return n->config.weather;
}

struct net_counts net_count(const struct net *n)
{
    return n->counts;
}

void net_plant_loss(struct net *n, uint64_t every)
{
    n->plant_every = every;
}

struct net *net_new(struct sim_queue *queue, const struct net_config *config)
{
    struct net *n = calloc(1, sizeof *n);
    PANDO_ASSERT(n != NULL && config->ports > 0 && config->ports <= NET_PORTS_MAX);
    n->queue = queue;
    n->config = *config;
    n->rng = rng_seeded(config->seed ^ UINT64_C(0x6e6574));
    n->nodes = calloc(config->ports, sizeof *n->nodes);
    n->cuts = calloc((size_t)config->ports * config->ports, 1);
    PANDO_ASSERT(n->nodes != NULL && n->cuts != NULL);
    for (uint32_t i = 0; i < config->ports; i++)
        n->nodes[i] = (struct net_node){ .net = n, .index = i };
    map_init(&n->links, sizeof(uint64_t), sizeof(void *), SIZE_MAX / 4, config->seed);
    map_init(&n->streams, sizeof(uint64_t), sizeof(void *), SIZE_MAX / 4, config->seed);
    return n;
}

void net_free(struct net *n)
{
    if (n == NULL)
        return;
    while (n->first_link != NULL)
        free_link(n, n->first_link);
    net_dials_free(n);
    map_deinit(&n->links);
    map_deinit(&n->streams);
    free(n->nodes);
    free(n->cuts);
    free(n);
}
