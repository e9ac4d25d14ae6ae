/* heads.c - does a peer hold the same set? Same heads, same ancestors: the heads tell.
 *
 * A HEADS message lists the highest heads and a digest over the first 4,096 of them with
 * the counts. Equal messages mean equal sets; then the exchange backs off from 5 s to 60
 * s. What a peer lists and we lack may still be under way by gossip, so a moment passes
 * before the peer becomes a candidate to pull from; not at the first meeting, and not
 * when it is far ahead. Events of our own that are not on disk yet are not announced as
 * heads.
 */
#include "space/dag/engine.h"

#include "base/slice.h"

#include <stdlib.h>
#include <string.h>

#define FAR_AHEAD 256 /* events */

/* Our own head that may still be lost. */
static bool is_unsafe(struct dag *d, const struct pando_id *id)
{
    return d->staged_local > 0 && d->has_last && id_equal(id, &d->last);
}

const struct dag_heads *dag_heads_now(struct dag *d)
{
    struct crypto_sha256_state sha;
    struct index_cursor cursor = { .begun = false };
    struct pando_id id;
    uint32_t height;
    uint64_t unsafe = 0;

    if (d->heads.generation == d->generation && d->staged_local == 0)
        return &d->heads;
    const struct index_counts counts = index_counts(d->host.tables);
    crypto_sha256_begin(&sha);
    for (size_t i = 0; i < DAG_DIGEST_HEADS_MAX; i++) {
        if (!index_next_head(d->host.tables, &cursor, &id, &height))
            break;
        if (is_unsafe(d, &id))
            unsafe = 1; /* neither listed nor counted */
        else
            crypto_sha256_add(&sha, SLICE_OF(id));
    }
    d->heads = (struct dag_heads){ .generation = d->generation,
                                   .events = counts.events - d->staged_local,
                                   .heads = counts.heads - unsafe,
                                   .digest = crypto_sha256_end(&sha) };
    if (d->staged_local > 0)
        d->heads.generation = UINT64_MAX; /* not to be reused */
    return &d->heads;
}

void dag_heads_send(struct dag *d, struct dag_peer *p, bool reply)
{
    uint8_t bytes[DAG_HEADS_SENT_MAX * 34 + 256];
    struct pando_id ids[DAG_HEADS_SENT_MAX];
    struct index_cursor cursor = { .begun = false };
    struct pando_id id;
    uint32_t height;
    size_t len = 0;
    const struct dag_heads *mine = dag_heads_now(d);

    while (len < DAG_HEADS_SENT_MAX &&
           index_next_head(d->host.tables, &cursor, &id, &height))
        if (!is_unsafe(d, &id))
            ids[len++] = id;
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    dag_wire_put_heads(&w, &d->host.space,
                       &(struct dag_message){ .kind = DAG_HEADS,
                                              .reply = reply,
                                              .events = mine->events,
                                              .heads = mine->heads,
                                              .digest = mine->digest },
                       len);
    for (size_t i = 0; i < len; i++)
        dag_wire_put_id(&w, &ids[i]);
    (void)dag_send(d, p, DAG_SYNC, wire_written(&w)); /* the next one repeats it */
    p->heads_at = pando_time_add(d->now, p->heads_every);
}

static bool is_here(struct dag *d, const struct pando_id *id)
{
    struct index_event known;
    return map_find(&d->pending, id) != NULL || index_find(d->host.tables, id, &known);
}

static void note_lacking(struct dag *d, struct dag_peer *p, struct dag_message *m)
{
    struct index_event known;
    struct pando_id id;
    enum dag_refuse why;
    p->lacking_len = 0;
    while (dag_wire_next_id(m, &id) && p->lacking_len < DAG_LACKING_MAX) {
        struct dag_item **item = map_find(&d->pending, &id);
        if (item != NULL && (*item)->state == DAG_ITEM_ORPHAN &&
            pando_time_reached(pando_time_add((*item)->since, d->config.grace), d->now))
            dag_orphan_announced(d, *item, p->handle);
        if (!index_find(d->host.tables, &id, &known) && !dag_gate_refused(d, &id, &why))
            p->lacking[p->lacking_len++] = id;
    }
}

static void back_off(struct dag *d, struct dag_peer *p)
{
    p->heads_every.ns *= 2;
    if (p->heads_every.ns > d->config.heads_every_max.ns)
        p->heads_every = d->config.heads_every_max;
    p->heads_at = pando_time_add(d->now, p->heads_every);
    p->lacking_len = 0;
    p->candidate = p->pulled = p->unlisted = false;
    p->check_at = PANDO_TIME_NEVER;
}

void dag_heads_receive(struct dag *d, struct dag_peer *p, struct dag_message *m)
{
    const struct dag_heads *mine = dag_heads_now(d);
    const bool first = !p->met, reply = m->reply;
    const uint64_t listed = m->items_len, heads = m->heads, events = m->events;
    const bool equal = m->events == mine->events && m->heads == mine->heads &&
                       id_equal(&m->digest, &mine->digest);
    p->met = true;
    if (equal) {
        back_off(d, p);
    } else {
        const bool far = events > mine->events + FAR_AHEAD;
        p->heads_every = d->config.heads_every;
        p->heads_at = pando_time_min(p->heads_at, pando_time_add(d->now, p->heads_every));
        note_lacking(d, p, m);
        p->pulled = p->candidate = p->unlisted = false; /* judged anew below */
        if (p->lacking_len > 0)
            p->check_at = first || far ? d->now : pando_time_add(d->now, d->config.grace);
        else if (listed < heads)
            p->candidate = p->unlisted = true; /* among the heads not listed */
    }
    if (reply)
        dag_heads_send(d, p, false);
}

/* Whether something that the peer has is neither stored nor on its way. */
bool dag_heads_lacks(struct dag *d, struct dag_peer *p)
{
    uint8_t kept = 0;
    for (uint8_t i = 0; i < p->lacking_len; i++)
        if (!is_here(d, &p->lacking[i]))
            p->lacking[kept++] = p->lacking[i];
    p->lacking_len = kept;
    return kept > 0;
}

/* After a pull only forks are hidden from the vectors: their heads are fetched by id, and
 * the ancestors follow as orphans' parents. */
static void check(struct dag *d, struct dag_peer *p)
{
    p->check_at = PANDO_TIME_NEVER;
    if (!dag_heads_lacks(d, p))
        return;
    if (!p->pulled) {
        p->candidate = true;
        return;
    }
    for (uint8_t i = 0; i < p->lacking_len; i++)
        if (fetch_want(&d->fetch, d->now, &p->lacking[i], 0, p->handle) != PANDO_OK)
            return; /* full: the next exchange comes back to it */
}

/* What came by a stream went past the gossip: our other peers may lack it as we did. */
static void hurry(struct dag *d)
{
    const struct pando_span soon = { d->config.heads_every.ns / 4 };
    for (size_t i = 0; i < d->peers_len && d->relay; i++) {
        struct dag_peer *p = &d->peers[i];
        p->heads_every = d->config.heads_every;
        p->heads_at = pando_time_min(p->heads_at, pando_time_add(d->now, soon));
    }
    d->relay = false;
}

void dag_heads_tick(struct dag *d)
{
    hurry(d);
    for (size_t i = 0; i < d->peers_len; i++) {
        struct dag_peer *p = &d->peers[i];
        if (pando_time_reached(p->check_at, d->now))
            check(d, p);
        if (pando_time_reached(p->heads_at, d->now))
            dag_heads_send(d, p, true);
    }
}

struct pando_time dag_heads_deadline(const struct dag *d)
{
    struct pando_time at = PANDO_TIME_NEVER;
    for (size_t i = 0; i < d->peers_len; i++)
        at = pando_time_min(at,
                            pando_time_min(d->peers[i].heads_at, d->peers[i].check_at));
    return at;
}
