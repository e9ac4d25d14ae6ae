/* pull.c - catching up: one stream from one peer at a time, and single events by id.
 *
 * We say what we have of each author; the peer streams the rest in the order of its
 * journal, which is topological. Nothing has to be remembered for a resumption: after a
 * cut the new vector says where we are. A stream that does not move for a while is
 * stopped and another candidate is taken.
 */
#include "space/dag/engine.h"

#include <stdlib.h>

#define VECTOR_PART       2048 /* authors of one message: below 100 KiB */
#define WANTS_PER_MESSAGE 64
#define SHUN              PANDO_SEC(15)

static bool send_vector(struct dag *d, struct dag_peer *p, uint64_t session)
{
    struct index_cursor cursor = { .begun = false };
    struct index_author a;
    bool more = index_next_author(d->host.tables, &cursor, &a);
    const size_t cap = VECTOR_PART * 48 + DAG_HEAD_MAX;
    uint8_t *bytes = malloc(2 * cap);
    bool sent = bytes != NULL;

    do {
        struct wire_writer items = wire_write(bytes, cap),
                           w = wire_write(bytes + cap, cap);
        size_t len = 0;
        for (; sent && more && len < VECTOR_PART; len++) {
            dag_wire_put_author(&items, &a.key, a.epoch, a.seq + MUTANT(VECTOR_AHEAD));
            more = index_next_author(d->host.tables, &cursor, &a);
        }
        dag_wire_put_list(&w, &d->host.space, DAG_VECTOR, session, more, len);
        wire_put_bytes(&w, wire_written(&items));
        sent = sent && !w.failed && dag_send(d, p, DAG_SYNC, wire_written(&w));
    } while (sent && more);
    free(bytes);
    return sent;
}

static void send_stop(struct dag *d, struct dag_peer *p, uint64_t session)
{
    uint8_t bytes[DAG_HEAD_MAX];
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    dag_wire_put_stop(&w, &d->host.space, session);
    (void)dag_send(d, p, DAG_SYNC, wire_written(&w));
}

/* Any candidate; who has nothing more for us is none, another stream may have brought it.
 */
static struct dag_peer *choose(struct dag *d)
{
    struct dag_peer *best = NULL;
    size_t count = 0;
    for (size_t i = 0; i < d->peers_len; i++) {
        struct dag_peer *p = &d->peers[i];
        if (!p->candidate || !pando_time_reached(p->shunned_until, d->now))
            continue;
        p->candidate = p->unlisted || dag_heads_lacks(d, p);
        if (p->candidate && rng_below(&d->rng, ++count) == 0)
            best = p;
    }
    return best;
}

static void start(struct dag *d)
{
    struct dag_peer *p = choose(d);
    if (p == NULL || d->stopping)
        return;
    const uint64_t session = ++d->sessions;
    p->candidate = p->unlisted = false;
    if (!send_vector(d, p, session)) {
        p->shunned_until =
            pando_time_add(d->now, PANDO_SEC(1)); /* no credit: soon again */
        p->candidate = true;
        return;
    }
    d->totals.catch_ups++;
    d->pull = (struct dag_pull){
        .active = true,
        .peer = p->handle,
        .session = session,
        .progress_at = d->now,
    };
}

static void finish(struct dag *d, struct dag_peer *p, bool fruitless)
{
    d->pull.active = false;
    d->orphan_at = pando_time_min(d->orphan_at, d->now);
    if (p == NULL)
        return;
    p->pulled = true;
    p->candidate = false;
    if (fruitless)
        p->shunned_until = pando_time_add(d->now, SHUN);
    p->check_at = pando_time_add(d->now, d->config.grace);
    p->heads_at = pando_time_min(p->heads_at, pando_time_add(d->now, d->config.grace));
}

void dag_pull_events(struct dag *d, struct dag_peer *p, const struct dag_message *m)
{
    if (m->session == 0 || !d->pull.active || d->pull.peer != p->handle ||
        d->pull.session != m->session)
        return;
    d->pull.progress_at = d->now;
    if (!m->more)
        finish(d, p, m->items_len == 0 && d->pull.fresh == 0);
}

void dag_pull_stopped(struct dag *d, struct dag_peer *p, uint64_t session)
{
    if (!d->pull.active || d->pull.peer != p->handle || d->pull.session != session)
        return;
    d->pull.active = false;
    p->candidate = true;
    p->shunned_until = pando_time_add(d->now, PANDO_SEC(2)); /* it serves others now */
}

void dag_pull_peer_down(struct dag *d, uint32_t handle)
{
    if (d->pull.active && d->pull.peer == handle)
        finish(d, NULL, false);
}

void dag_pull_tick(struct dag *d)
{
    if (d->pull.active && (d->ready.len > 0 || d->batches_busy > 0 || d->parcels_len > 0))
        d->pull.progress_at = d->now; /* we are the slow ones */
    if (d->pull.active &&
        pando_time_reached(pando_time_add(d->pull.progress_at, d->config.stall),
                           d->now)) {
        struct dag_peer *p = dag_peer(d, d->pull.peer);
        d->totals.stalls++;
        if (p != NULL)
            send_stop(d, p, d->pull.session);
        finish(d, p, true);
    }
    if (!d->pull.active)
        start(d);
}

struct pando_time dag_pull_deadline(const struct dag *d)
{
    struct pando_time at = PANDO_TIME_NEVER;
    if (d->pull.active)
        return pando_time_add(d->pull.progress_at, d->config.stall);
    for (size_t i = 0; i < d->peers_len; i++)
        if (d->peers[i].candidate)
            at = pando_time_min(at, d->peers[i].shunned_until);
    return at;
}

/* Asks for one peer are gathered into one message. */
struct asks {
    uint32_t peer;
    size_t len;
    struct pando_id ids[WANTS_PER_MESSAGE];
};

static void send_asks(struct dag *d, struct asks *a)
{
    uint8_t bytes[WANTS_PER_MESSAGE * 34 + DAG_HEAD_MAX];
    struct dag_peer *p = dag_peer(d, a->peer);
    if (a->len == 0)
        return;
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    dag_wire_put_ids(&w, &d->host.space, DAG_WANT, a->len);
    for (size_t i = 0; i < a->len; i++)
        dag_wire_put_id(&w, &a->ids[i]);
    if (p != NULL)
        (void)dag_send(d, p, DAG_SYNC, wire_written(&w)); /* else the fetcher's timeout */
    a->len = 0;
}

void dag_fetch_run(struct dag *d)
{
    struct fetch_effect e;
    struct asks asks = { .len = 0 };
    while (fetch_poll(&d->fetch, &e)) {
        if (e.kind != FETCH_ASK) {
            dag_orphan_given_up(d, &e.id);
            continue;
        }
        if (asks.len == WANTS_PER_MESSAGE || (asks.len > 0 && asks.peer != e.peer))
            send_asks(d, &asks);
        asks.peer = e.peer;
        asks.ids[asks.len++] = e.id;
    }
    send_asks(d, &asks);
}

void dag_fetch_lacking(struct dag *d, struct dag_peer *p, struct dag_message *m)
{
    struct pando_id id;
    while (dag_wire_next_id(m, &id))
        fetch_lacking(&d->fetch, d->now, &id, p->handle);
}
