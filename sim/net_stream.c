/* net_stream.c - ordered bytes: windows, packets, pieces, resets. */
#include "sim/net_impl.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/slice.h"

#include <stdlib.h>

#define CREDIT_NEWS (NET_WINDOW / 4) /* consumed bytes are reported in such parts */
#define SHRED_GAP 200000             /* ns, up to, between two pieces of what was one */

static struct net_stream *find(const struct net *n, uint64_t id)
{
    struct net_stream **found = map_find(&n->streams, &id);
    return found == NULL ? NULL : *found;
}

static unsigned side_of(const struct net_node *node, const struct net_link *l)
{
    return l->sides[0].port == node->index ? 0 : 1;
}

/* The stream as the owner of `node` may use it, or NULL. */
static struct net_stream *usable(const struct net_node *node, uint64_t id, unsigned *ret_side)
{
    struct net_stream *s = find(node->net, id);
    if (s == NULL)
        return NULL;
    *ret_side = side_of(node, s->link);
    return s->known[*ret_side] && s->link->sides[*ret_side].up ? s : NULL;
}

static void add_piece(struct net_pieces *list, struct net_piece *p)
{
    p->next = NULL;
    if (list->last == NULL)
        list->first = p;
    else
        list->last->next = p;
    list->last = p;
}

static struct net_piece *take_piece(struct net_pieces *list)
{
    struct net_piece *p = list->first;
    list->first = p->next;
    if (list->first == NULL)
        list->last = NULL;
    return p;
}

static void free_pieces(struct net_pieces *list)
{
    while (list->first != NULL) {
        struct net_piece *p = take_piece(list);
        bytes_unref(p->bytes);
        free(p);
    }
}

void net_stream_free(struct net *n, struct net_stream *s)
{
    for (unsigned d = 0; d < 2; d++) {
        free_pieces(&s->pipes[d].waiting);
        free_pieces(&s->pipes[d].flying);
    }
    if (s->before != NULL)
        s->before->next = s->next;
    else
        s->link->streams = s->next;
    if (s->next != NULL)
        s->next->before = s->before;
    (void)map_del(&n->streams, &s->id);
    free(s);
}

static void deliver(void *ctx, const struct sim_event *e);

/* One event stands for the pipe's next arrival. */
static void announce(struct net *n, struct net_stream *s, unsigned d)
{
    struct net_pipe *p = &s->pipes[d];
    if (p->announced != 0 || p->parked || p->flying.first == NULL)
        return;
    const uint64_t at = p->flying.first->arrives;
    p->announced = at;
    queue_put(n->queue, pando_time_since((struct pando_time){ at }, n->queue->now),
              (struct sim_event){ .fire = deliver, .ctx = n, .a = s->id, .b = d });
}

/* When a piece sent now arrives: after its packet, behind its predecessors, and with a
 * bandwidth behind what the same or a more urgent class has put on the wire. */
static uint64_t arrival(struct net *n, struct net_stream *s, unsigned d, size_t len)
{
    struct net_side *side = &s->link->sides[d];
    const uint64_t now = n->queue->now.ns, rate = n->config.weather.bytes_per_s;
    uint64_t start = now;
    if (rate > 0) {
        for (unsigned c = 0; c <= (unsigned)s->class[d]; c++)
            start = side->busy[c] > start ? side->busy[c] : start;
        start += (uint64_t)len * 1000000000u / rate;
        side->busy[s->class[d]] = start;
    }
    uint64_t at = start + net_packet_delay(n, s->link, d);
    at = at < side->earliest ? side->earliest : at;
    at = at < s->pipes[d].arrives ? s->pipes[d].arrives : at;
    s->pipes[d].arrives = at;
    return at;
}

static struct net_piece *split(struct net_piece *p, size_t len)
{
    struct net_piece *head = calloc(1, sizeof *head);
    PANDO_ASSERT(head != NULL);
    *head = (struct net_piece){ .bytes = bytes_ref(p->bytes), .from = p->from, .len = len };
    p->from += len;
    p->len -= len;
    return head;
}

static void pump(struct net *n, struct net_stream *s, unsigned d)
{
    struct net_pipe *p = &s->pipes[d];
    while (p->waiting.first != NULL) {
        struct net_piece *first = p->waiting.first;
        const size_t room = NET_WINDOW - p->charged;
        if (first->len > room && room == 0)
            break;
        first = first->len > room ? split(first, room) : take_piece(&p->waiting);
        p->queued -= first->len;
        p->charged += first->len;
        first->arrives = arrival(n, s, d, first->len);
        add_piece(&p->flying, first);
    }
    announce(n, s, d);
}

enum pando_status net_open(void *ctx, uint64_t link, enum link_class class, uint64_t *ret)
{
    const struct net_node *node = ctx;
    struct net *n = node->net;
    struct net_link *l = net_link_find(n, link);
    if (l == NULL || !l->sides[side_of(node, l)].up)
        return PANDO_NOT_FOUND;
    struct net_stream *s = calloc(1, sizeof *s);
    void *place;
    bool added;
    PANDO_ASSERT(s != NULL);
    s->id = ++n->next_stream;
    PANDO_ASSERT(map_put(&n->streams, &s->id, &place, &added) == PANDO_OK && added);
    memcpy(place, &s, sizeof s);
    s->link = l;
    s->opener = (uint8_t)side_of(node, l);
    s->known[s->opener] = true;
    s->class[0] = s->class[1] = class;
    s->next = l->streams;
    if (s->next != NULL)
        s->next->before = s;
    l->streams = s;
    *ret = s->id;
    return PANDO_OK;
}

enum pando_status net_send(void *ctx, uint64_t stream, struct bytes *bytes, bool fin)
{
    const struct net_node *node = ctx;
    unsigned d;
    struct net_stream *s = usable(node, stream, &d);
    if (s == NULL || s->pipes[d].fin_sent)
        return PANDO_NOT_FOUND;
    struct net_pipe *p = &s->pipes[d];
    const size_t len = bytes == NULL ? 0 : bytes_view(bytes).len;
    if (p->queued > 0 && p->queued + len > LINK_SEND_HIGH) {
        p->refused = true;
        return PANDO_BUSY;
    }
    if (len == 0 && !fin)
        return PANDO_OK;
    struct net_piece *piece = calloc(1, sizeof *piece);
    if (piece == NULL)
        return PANDO_NOMEM;
    *piece = (struct net_piece){ .bytes = bytes == NULL ? NULL : bytes_ref(bytes),
                                 .len = len, .fin = fin };
    p->fin_sent = fin;
    p->queued += len;
    add_piece(&p->waiting, piece);
    pump(node->net, s, d);
    return PANDO_OK;
}

size_t net_queued(void *ctx, uint64_t stream)
{
    unsigned d;
    const struct net_stream *s = usable(ctx, stream, &d);
    return s == NULL ? 0 : s->pipes[d].queued;
}

void net_reset(void *ctx, uint64_t stream)
{
    const struct net_node *node = ctx;
    unsigned d;
    struct net_stream *s = usable(node, stream, &d);
    if (s == NULL)
        return;
    struct net_pipe *p = &s->pipes[d];
    struct net_piece *mark = calloc(1, sizeof *mark);
    PANDO_ASSERT(mark != NULL);
    s->known[d] = false;
    free_pieces(&p->waiting);
    free_pieces(&p->flying);
    p->queued = 0;
    mark->reset = true;
    mark->arrives = arrival(node->net, s, d, 0);
    add_piece(&p->flying, mark);
    announce(node->net, s, d);
}

void net_classify(void *ctx, uint64_t stream, enum link_class class)
{
    unsigned d;
    struct net_stream *s = usable(ctx, stream, &d);
    if (s != NULL)
        s->class[d] = class;
}

/* The sender learns that it may send more. */
static void credited(void *ctx, const struct sim_event *e)
{
    struct net *n = ctx;
    struct net_stream *s = find(n, e->a);
    const unsigned d = e->b;
    if (s == NULL)
        return;
    struct net_pipe *p = &s->pipes[d];
    if (!net_path_whole(n, s->link, 1 - d)) {
        p->credit += e->c;
        return;
    }
    p->charged -= e->c;
    pump(n, s, d);
    if (!p->refused || p->queued >= LINK_SEND_LOW || !s->known[d] ||
        !net_side_alive(n, s->link, d))
        return;
    p->refused = false;
    net_tell(n, s->link, d, (struct link_event){ .kind = LINK_WRITABLE, .stream = s->id });
}

static void give_credit(struct net *n, struct net_stream *s, unsigned d, uint64_t len)
{
    queue_put(n->queue, (struct pando_span){ net_packet_delay(n, s->link, 1 - d) },
              (struct sim_event){ .fire = credited, .ctx = n, .a = s->id, .b = d,
                                  .c = (uint32_t)len });
}

void net_consume(void *ctx, uint64_t stream, size_t len)
{
    const struct net_node *node = ctx;
    unsigned d;
    struct net_stream *s = usable(node, stream, &d);
    if (s == NULL)
        return;
    struct net_pipe *p = &s->pipes[1 - d]; /* what the other side sends */
    len = len < p->unconsumed ? len : p->unconsumed;
    p->unconsumed -= len;
    p->owed += len;
    if (p->owed < CREDIT_NEWS)
        return;
    const uint64_t news = p->owed;
    p->owed = 0;
    give_credit(node->net, s, 1 - d, news);
}

void net_stream_unpark(struct net *n, struct net_stream *s, unsigned d)
{
    struct net_pipe *p = &s->pipes[d], *back = &s->pipes[1 - d];
    if (p->parked) {
        p->parked = false;
        const uint64_t at = n->queue->now.ns + net_packet_delay(n, s->link, d);
        for (struct net_piece *i = p->flying.first; i != NULL && i->arrives < at; i = i->next)
            i->arrives = at;
        p->arrives = p->arrives < at ? at : p->arrives;
        announce(n, s, d);
    }
    if (back->credit > 0) {
        const uint64_t news = back->credit;
        back->credit = 0;
        give_credit(n, s, 1 - d, news);
    }
}

/* The other end aborted: the stream is gone here, too, and its owner hears of it. */
static void deliver_reset(struct net *n, struct net_stream *s, unsigned d)
{
    const unsigned o = 1 - d;
    struct net_link *l = s->link;
    const uint64_t id = s->id, link = l->id;
    const bool known = s->known[o] && net_side_alive(n, l, o);
    const bool stopped = known && !s->pipes[o].fin_sent, broken = known && !s->pipes[d].over;
    net_stream_free(n, s);
    if (stopped)
        net_tell(n, l, o, (struct link_event){ .kind = LINK_STOPPED, .stream = id });
    if (broken && net_link_find(n, link) != NULL && net_side_alive(n, l, o))
        net_tell(n, l, o, (struct link_event){ .kind = LINK_RESET, .stream = id });
}

static bool introduce(struct net *n, struct net_stream *s, unsigned d)
{
    const unsigned o = 1 - d;
    const uint64_t id = s->id;
    if (s->told || s->opener != d)
        return s->known[o];
    s->told = true;
    s->known[o] = true;
    net_tell(n, s->link, o, (struct link_event){ .kind = LINK_STREAM, .stream = id });
    return find(n, id) != NULL && s->known[o];
}

/* Hand one piece to the reader. The stream may be gone afterwards. */
static void hand_over(struct net *n, struct net_stream *s, unsigned d, struct net_piece *p)
{
    struct net_pipe *pipe = &s->pipes[d];
    const unsigned o = 1 - d;
    const uint64_t id = s->id;
    const bool fin = p->fin;
    if (net_side_alive(n, s->link, o) && s->link->sides[o].up && introduce(n, s, d)) {
        pipe->unconsumed += p->len;
        n->counts.bytes += p->len;
        if (!net_path_whole(n, s->link, d))
            n->counts.crossings += p->len + 1;
        pipe->over |= fin;
        const struct pando_slice data =
            p->bytes == NULL ? SLICE_EMPTY
                             : slice_of(bytes_view(p->bytes).ptr + p->from, p->len);
        const bool lost = n->plant_every > 0 && ++n->planted % n->plant_every == 0;
        if (!lost || fin)
            net_tell(n, s->link, o,
                     (struct link_event){
                         .kind = LINK_DATA, .stream = id, .data = data, .fin = fin });
    }
    bytes_unref(p->bytes);
    free(p);
    s = find(n, id);
    if (s != NULL && s->pipes[0].over && s->pipes[1].over && s->pipes[d].flying.first == NULL &&
        s->pipes[o].flying.first == NULL)
        net_stream_free(n, s);
}

/* Now and then a piece comes in two parts, single bytes included. */
static struct net_piece *next_piece(struct net *n, struct net_pipe *p)
{
    struct net_piece *first = p->flying.first;
    if (!n->config.weather.shred || first->len < 2 || !rng_chance(&n->rng, 1, 8))
        return take_piece(&p->flying);
    const uint64_t most = rng_chance(&n->rng, 1, 2) && first->len > 16 ? 16 : first->len - 1;
    struct net_piece *head = split(first, 1 + (size_t)rng_below(&n->rng, most));
    first->arrives = n->queue->now.ns + rng_below(&n->rng, SHRED_GAP);
    p->arrives = p->arrives < first->arrives ? first->arrives : p->arrives;
    return head;
}

static void deliver(void *ctx, const struct sim_event *e)
{
    struct net *n = ctx;
    struct net_stream *s = find(n, e->a);
    const unsigned d = e->b;
    if (s == NULL)
        return;
    s->pipes[d].announced = 0;
    if (!net_path_whole(n, s->link, d)) {
        s->pipes[d].parked = true;
        return;
    }
    while ((s = find(n, e->a)) != NULL && s->pipes[d].flying.first != NULL &&
           s->pipes[d].flying.first->arrives <= n->queue->now.ns) {
        if (s->pipes[d].flying.first->reset) {
            deliver_reset(n, s, d);
            return;
        }
        hand_over(n, s, d, next_piece(n, &s->pipes[d]));
    }
    if (s != NULL)
        announce(n, s, d);
}
