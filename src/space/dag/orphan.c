/* orphan.c - events that wait for a parent.
 *
 * An orphan waits for one missing parent at a time; the map `waiting` leads from that
 * parent's id to all who wait for it. Parents that nobody here holds are wanted from the
 * peer who gave the child, and from later announcers. What was streamed or asked for
 * comes in topological order, so a hole in it is asked for at once; gossip may still
 * bring the parent by itself, or a catch-up that is running will, so its children wait a
 * moment. Caps: number and bytes; the oldest gives way. Each orphan has a deadline.
 */
#include "space/dag/engine.h"

#include "base/slice.h"

#define ASK_AGAIN PANDO_SEC(2)
#define MANY      64 /* orphans that wait for more than a straggler */

/* The block leaves the message that it came in, which may be large. */
static bool own_block(struct dag_item *item)
{
    const struct pando_slice body = item->ev.body, block = item->ev.block;
    if (bytes_view(item->bytes).len <= 2 * block.len)
        return true;
    struct bytes *own = bytes_copy(block);
    if (own == NULL)
        return false;
    const struct pando_slice at = bytes_view(own);
    item->ev.body.ptr = at.ptr + (body.ptr - block.ptr);
    item->ev.block = at;
    bytes_unref(item->bytes);
    item->bytes = own;
    return true;
}

static bool link_waiter(struct dag *d, struct dag_item *item,
                        const struct pando_id *missing)
{
    void *value;
    bool added;
    if (map_put(&d->waiting, missing, &value, &added) != PANDO_OK)
        return false;
    item->missing = *missing;
    item->next_waiter = *(struct dag_item **)value;
    *(struct dag_item **)value = item;
    return true;
}

/* Out of the list, the map and the account, as one. */
void dag_orphan_unlink(struct dag *d, struct dag_item *item)
{
    struct dag_item **at = map_find(&d->waiting, &item->missing);
    struct dag_item **first = at;
    while (at != NULL && *at != item)
        at = &(*at)->next_waiter;
    if (at != NULL)
        *at = item->next_waiter;
    if (first != NULL && *first == NULL)
        (void)map_del(&d->waiting, &item->missing);
    item->next_waiter = NULL;
    dag_list_remove(&d->orphans, item);
    d->orphan_bytes -= item->ev.block.len;
}

/* The hole is wide, as after messages were dropped on a full queue: a stream fills it in
 * order, where asking for parent after parent takes a round trip each, and at the cap
 * loses at one end what it gains at the other. */
static void want_stream(struct dag *d, const struct dag_item *oldest)
{
    struct dag_peer *p = dag_peer(d, oldest->peer);
    if (!d->pull.active && p != NULL && pando_time_reached(p->shunned_until, d->now))
        p->candidate = p->unlisted = true;
}

static void give_way(struct dag *d)
{
    while (d->orphans.len > d->config.orphans_max ||
           d->orphan_bytes > d->config.orphan_bytes_max) {
        struct dag_item *oldest = d->orphans.first;
        want_stream(d, oldest);
        dag_orphan_unlink(d, oldest);
        dag_item_refuse(d, oldest, DAG_REFUSE_ORPHANS_FULL);
    }
}

static void ask_for_parents(struct dag *d, struct dag_item *item)
{
    struct index_event known;
    item->asked = true;
    for (size_t i = 0; i < item->ev.parents_len; i++) {
        const struct pando_id *id = &item->ev.parents[i];
        if (map_find(&d->pending, id) != NULL || index_find(d->host.tables, id, &known))
            continue;
        if (fetch_want(&d->fetch, d->now, id, 0, item->peer) != PANDO_OK)
            item->asked = false; /* full: later */
    }
}

void dag_orphan_keep(struct dag *d, struct dag_item *item, const struct pando_id *missing)
{
    enum dag_refuse why;
    if (dag_gate_refused(d, missing, &why)) {
        dag_item_refuse(d, item, DAG_REFUSE_PARENT);
        return;
    }
    if (!own_block(item) || !link_waiter(d, item, missing)) {
        dag_item_refuse(d, item, DAG_REFUSE_ORPHANS_FULL);
        return;
    }
    item->state = DAG_ITEM_ORPHAN;
    dag_item_release_parcels(d, item, false);
    dag_list_push(&d->orphans, item);
    d->orphan_bytes += item->ev.block.len;
    d->orphan_at = pando_time_min(d->orphan_at, pando_time_add(d->now, d->config.grace));
    if (item->streamed && !item->asked)
        ask_for_parents(d, item);
    give_way(d);
}

void dag_orphan_wake(struct dag *d, const struct pando_id *id)
{
    struct dag_item **first;
    while ((first = map_find(&d->waiting, id)) != NULL) {
        struct dag_item *item = *first;
        dag_orphan_unlink(d, item);
        item->state = DAG_ITEM_READY;
        dag_list_push(&d->ready, item);
    }
}

/* A refused event takes its descendants along; no recursion, chains may be long. */
void dag_orphan_refuse_waiters(struct dag *d, const struct pando_id *id)
{
    struct dag_list doomed = { 0 };
    struct pando_id parent = *id;
    for (;;) {
        struct dag_item **first;
        while ((first = map_find(&d->waiting, &parent)) != NULL) {
            struct dag_item *item = *first;
            dag_orphan_unlink(d, item);
            dag_list_push(&doomed, item);
        }
        struct dag_item *item = doomed.first;
        if (item == NULL)
            return;
        dag_list_remove(&doomed, item);
        parent = item->ev.id;
        dag_count_refusal(d, DAG_REFUSE_PARENT);
        dag_item_free(d, item);
    }
}

static bool may_ask(const struct dag *d, const struct dag_item *item)
{
    return !item->asked && pando_time_reached(item->ask_after, d->now) &&
           (item->streamed ||
            (!d->pull.active &&
             pando_time_reached(pando_time_add(item->since, d->config.grace), d->now)));
}

/* `peer` has stored the orphan, so it has all its ancestors: ask it for the one at the
 * bottom of the chain that we wait for. */
void dag_orphan_announced(struct dag *d, struct dag_item *item, uint32_t peer)
{
    for (size_t depth = 0; depth < d->orphans.len; depth++) {
        struct dag_item **below = map_find(&d->pending, &item->missing);
        if (below == NULL)
            (void)!fetch_want(&d->fetch, d->now, &item->missing, 0, peer);
        if (below == NULL || (*below)->state != DAG_ITEM_ORPHAN)
            return;
        item = *below;
    }
}

/* Nobody has the parent now. Who waits for it asks again later, as long as it lives:
 * somebody who has it may come back. */
void dag_orphan_given_up(struct dag *d, const struct pando_id *id)
{
    struct dag_item **first = map_find(&d->waiting, id);
    for (struct dag_item *item = first == NULL ? NULL : *first; item != NULL;
         item = item->next_waiter) {
        item->asked = false;
        item->ask_after = pando_time_add(d->now, ASK_AGAIN);
        d->orphan_at = pando_time_min(d->orphan_at, item->ask_after);
    }
}

void dag_orphan_tick(struct dag *d)
{
    bool waits = false;
    if (!pando_time_reached(d->orphan_at, d->now))
        return;
    while (d->orphans.first != NULL &&
           pando_time_reached(
               pando_time_add(d->orphans.first->since, d->config.orphan_life), d->now)) {
        struct dag_item *late = d->orphans.first;
        dag_orphan_unlink(d, late);
        dag_item_refuse(d, late, DAG_REFUSE_ORPHAN_LATE);
    }
    if (d->orphans.len >= MANY &&
        pando_time_reached(pando_time_add(d->orphans.first->since, d->config.grace),
                           d->now))
        want_stream(d, d->orphans.first);
    for (struct dag_item *item = d->orphans.first; item != NULL; item = item->next) {
        if (may_ask(d, item))
            ask_for_parents(d, item);
        waits = waits || !item->asked;
    }
    d->orphan_at = PANDO_TIME_NEVER;
    if (waits)
        d->orphan_at = pando_time_add(d->now, d->config.grace);
    else if (d->orphans.first != NULL)
        d->orphan_at = pando_time_add(d->orphans.first->since, d->config.orphan_life);
    if (pando_time_reached(d->orphan_at, d->now))
        d->orphan_at = pando_time_add(d->now, d->config.grace);
}
