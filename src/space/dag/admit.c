/* admit.c - from the bytes of an event to its place in the journal. */
#include "space/dag/engine.h"

#include "base/assert.h"
#include "base/slice.h"

#include <stdlib.h>
#include <string.h>

const char *dag_refuse_name(enum dag_refuse why)
{
    switch (why) {
#define X(name, text, blame) \
    case DAG_REFUSE_##name:  \
        return text;
        DAG_REFUSE_MAP(X)
#undef X
    case DAG_REFUSES:
        break;
    }
    return "unknown";
}

bool dag_refuse_is_fault(enum dag_refuse why)
{
    static const bool faults[DAG_REFUSES] = {
#define X(name, text, blame) blame,
        DAG_REFUSE_MAP(X)
#undef X
    };
    return faults[why];
}

void dag_count_refusal(struct dag *d, enum dag_refuse why)
{
    d->totals.refused[why]++;
}

static enum pando_status verdict_of(enum dag_refuse why)
{
    if (why == DAG_REFUSE_FORGED)
        return PANDO_FORGED;
    return dag_refuse_is_fault(why) ? PANDO_MALFORMED : PANDO_CANCELLED;
}

/* An event is turned away before it became an item. A fault outweighs a mere refusal. */
static void turn_away(struct dag *d, struct dag_parcel *p, enum dag_refuse why)
{
    const enum pando_status verdict = verdict_of(why);
    dag_count_refusal(d, why);
    if (p->verdict == PANDO_OK || dag_refuse_is_fault(why))
        p->verdict = verdict;
    if (dag_refuse_is_fault(why) && !p->gossip) /* the verdict tells the gossip engine */
        dag_fault(d, p->peer, verdict, dag_refuse_name(why));
}

void dag_item_free(struct dag *d, struct dag_item *item)
{
    (void)map_del(&d->pending, &item->ev.id);
    dag_item_release_parcels(d, item, false);
    bytes_unref(item->bytes);
    free(item->signed_bytes);
    free(item);
}

void dag_item_release_parcels(struct dag *d, struct dag_item *item, bool gossip_only)
{
    uint8_t kept = 0;
    for (uint8_t i = 0; i < item->parcels_len; i++) {
        if (gossip_only && !item->parcels[i]->gossip)
            item->parcels[kept++] = item->parcels[i];
        else
            dag_parcel_release(d, item->parcels[i]);
    }
    item->parcels_len = kept;
}

/* Refuse an item that is in no list. Whoever waits for it is refused as well. */
void dag_item_refuse(struct dag *d, struct dag_item *item, enum dag_refuse why)
{
    const struct pando_id id = item->ev.id;
    const enum pando_status verdict = verdict_of(why);
    dag_count_refusal(d, why);
    for (uint8_t i = 0; i < item->parcels_len; i++)
        item->parcels[i]->verdict = verdict;
    if (dag_refuse_is_fault(why)) {
        if (item->streamed)
            dag_fault(d, item->peer, verdict, dag_refuse_name(why));
        dag_gate_remember(d, &id, why);
    }
    (void)fetch_found(&d->fetch, d->now, &id); /* nobody can bring a better one */
    dag_item_free(d, item);
    if (why != DAG_REFUSE_ORPHANS_FULL && why != DAG_REFUSE_ORPHAN_LATE)
        dag_orphan_refuse_waiters(d, &id);
}

static void attach(struct dag *d, struct dag_item *item, struct dag_parcel *p)
{
    d->totals.duplicates++;
    if (item->state != DAG_ITEM_VERIFYING)
        return; /* its signature is known to be good */
    if (item->parcels_len == DAG_ITEM_PARCELS_MAX) {
        if (p->verdict == PANDO_OK)
            p->verdict = PANDO_CANCELLED; /* seen often enough */
        return;
    }
    item->parcels[item->parcels_len++] = p;
    p->refs++;
}

static bool too_far_ahead(const struct dag *d, const struct event *ev)
{
    return ev->time > d->host.wall(d->host.ctx).ms + d->config.ahead_ms;
}

/* Everything that can be said about an event without its signature. */
static bool passes_gate(struct dag *d, struct dag_parcel *p, const struct event *ev)
{
    enum dag_refuse why;
    if (!id_equal(&ev->space, &d->host.space)) {
        turn_away(d, p, DAG_REFUSE_SPACE);
        return false;
    }
    if (!dag_gate_may_write(d, &ev->author)) {
        turn_away(d, p, DAG_REFUSE_ROLE);
        return false;
    }
    if (dag_gate_refused(d, &ev->id, &why)) {
        turn_away(d, p, why);
        return false;
    }
    if (too_far_ahead(d, ev)) {
        turn_away(d, p, DAG_REFUSE_FUTURE);
        return false;
    }
    if (ev->kind == EVENT_HEARTBEAT && (!p->gossip || !dag_beat_is_timely(d, ev))) {
        turn_away(d, p, DAG_REFUSE_BEAT);
        return false;
    }
    if (p->gossip && !dag_gate_rate(d, &ev->author)) {
        turn_away(d, p, DAG_REFUSE_RATE);
        return false;
    }
    return true;
}

/* Lay out the bytes that the signatures cover; false when the body breaks its rules. */
static bool prepare(struct dag *d, struct dag_item *item, enum dag_refuse *ret_why)
{
    const size_t outer = event_signed_size(&item->ev);
    const bool checked = d->check.body != NULL && item->ev.kind != EVENT_HEARTBEAT;
    *ret_why = DAG_REFUSE_FULL;
    item->signed_bytes = malloc(outer + (checked ? DAG_INNER_MAX : 0));
    if (item->signed_bytes == NULL)
        return false;
    event_signed_bytes(&item->ev, item->signed_bytes);
    if (!checked)
        return true;
    const enum dag_body_verdict v =
        d->check.body(d->check.ctx, item->ev.kind, &d->host.space, &item->ev.author,
                      item->ev.body, &item->inner_item, item->signed_bytes + outer);
    item->inner = v == DAG_BODY_SIGNED;
    *ret_why = DAG_REFUSE_BODY;
    return v != DAG_BODY_BAD;
}

static void begin_item(struct dag *d, struct dag_parcel *p, const struct event *ev)
{
    enum dag_refuse why = DAG_REFUSE_FULL;
    void *value = NULL;
    bool added;
    struct dag_item *item = calloc(1, sizeof *item);
    if (item == NULL || map_put(&d->pending, &ev->id, &value, &added) != PANDO_OK) {
        free(item);
        turn_away(d, p, DAG_REFUSE_FULL);
        return;
    }
    *(struct dag_item **)value = item;
    item->ev = *ev;
    item->bytes = bytes_ref(p->bytes);
    item->peer = p->peer;
    item->streamed = p->streamed;
    item->since = d->now;
    if (!prepare(d, item, &why)) {
        dag_item_free(d, item);
        if (why == DAG_REFUSE_BODY)
            dag_gate_remember(d, &ev->id, why);
        turn_away(d, p, why);
        return;
    }
    item->parcels[item->parcels_len++] = p;
    p->refs++;
    dag_list_push(&d->to_verify, item);
}

void dag_offer(struct dag *d, struct dag_parcel *p, struct pando_slice block)
{
    struct event ev;
    struct index_event known;

    d->totals.received++;
    const enum pando_status st = event_decode(block, &ev);
    if (st != PANDO_OK) {
        turn_away(d, p,
                  st == PANDO_UNSUPPORTED ? DAG_REFUSE_UNSUPPORTED
                                          : DAG_REFUSE_MALFORMED);
        return;
    }
    struct dag_item **item = map_find(&d->pending, &ev.id);
    if (item != NULL) {
        attach(d, *item, p);
        return;
    }
    if (index_holds(d->host.tables, &ev, &known)) {
        d->totals.duplicates++;
        return;
    }
    if (passes_gate(d, p, &ev))
        begin_item(d, p, &ev);
}

/* The signatures were looked at. The item is in no list. */
void dag_verified_item(struct dag *d, struct dag_item *item)
{
    if (item->forged) {
        dag_item_refuse(d, item, DAG_REFUSE_FORGED);
        return;
    }
    d->totals.verified++;
    free(item->signed_bytes);
    item->signed_bytes = NULL;
    dag_item_release_parcels(d, item, true);
    if (item->ev.kind == EVENT_HEARTBEAT) {
        dag_beat_accept(d, &item->ev);
        dag_item_free(d, item);
        return;
    }
    if (key_equal(&item->ev.author, &d->host.key))
        dag_local_foreign(d, &item->ev);
    item->state = DAG_ITEM_READY;
    dag_list_push(&d->ready, item);
}

/* The first parent that is not stored; false when all are. */
static bool find_missing(struct dag *d, const struct event *ev,
                         struct pando_id *ret_missing)
{
    struct index_event parent;
    for (size_t i = 0; i < ev->parents_len; i++)
        if (!index_find(d->host.tables, &ev->parents[i], &parent)) {
            *ret_missing = ev->parents[i];
            return true;
        }
    return false;
}

/* The chain rule of event.h; the first parent is stored. */
static bool follows_its_author(struct dag *d, const struct event *ev)
{
    struct index_event parent;
    struct index_author author;
    if (ev->seq == 1)
        return true;
    return ev->parents_len > 0 && index_find(d->host.tables, &ev->parents[0], &parent) &&
           index_find_author(d->host.tables, &ev->author, ev->epoch, &author) &&
           parent.author == author.author && parent.seq == ev->seq - 1;
}

static bool is_fork(struct dag *d, const struct event *ev)
{
    struct index_author author;
    uint64_t positions[INDEX_FORKS_MAX];
    return index_find_author(d->host.tables, &ev->author, ev->epoch, &author) &&
           index_find_seq(d->host.tables, author.author, ev->seq, positions) > 0;
}

/* Returns false when the journal takes nothing now: the item stays READY. */
static bool admit(struct dag *d, struct dag_item *item)
{
    struct pando_id missing;
    if (find_missing(d, &item->ev, &missing) && !MUTANT(SKIP_PARENTS)) {
        dag_list_remove(&d->ready, item);
        if (MUTANT(DROP_ORPHAN))
            dag_item_free(d, item);
        else
            dag_orphan_keep(d, item, &missing);
        return true;
    }
    if (!follows_its_author(d, &item->ev) && !MUTANT(SKIP_PARENTS)) {
        dag_list_remove(&d->ready, item);
        dag_item_refuse(d, item, DAG_REFUSE_SEQUENCE);
        return true;
    }
    if (MUTANT(FORK_IS_DUPLICATE) && is_fork(d, &item->ev)) {
        d->totals.duplicates++;
        dag_list_remove(&d->ready, item);
        dag_item_free(d, item);
        return true;
    }
    const enum pando_status st = dag_stage(d, DAG_RECORD_EVENT, item->bytes,
                                           item->ev.block, NULL, false, &item->ev.id);
    if (st != PANDO_OK)
        return false;
    const struct pando_id id = item->ev.id;
    d->totals.stored++;
    d->relay = d->relay || item->streamed;
    if (item->streamed && d->pull.active && d->pull.peer == item->peer)
        d->pull.fresh++;
    (void)fetch_found(&d->fetch, d->now, &id);
    dag_list_remove(&d->ready, item);
    dag_item_free(d, item);
    dag_orphan_wake(d, &id);
    return true;
}

void dag_admit_ready(struct dag *d)
{
    for (int i = 0; d->ready.first != NULL && !d->store_failed; i++) {
        if (i == DAG_ADMITTED_PER_STEP) {
            d->more_work = true;
            return;
        }
        if (!admit(d, d->ready.first))
            return;
    }
}

/* Parcels are shared by items, so they lose their owners first. */
void dag_items_drop(struct dag *d)
{
    size_t cursor = 0;
    const void *key;
    void *value;
    while (map_next(&d->pending, &cursor, &key, &value)) {
        struct dag_item *item = *(struct dag_item **)value;
        for (uint8_t i = 0; i < item->parcels_len; i++)
            if (--item->parcels[i]->refs == 0) {
                bytes_unref(item->parcels[i]->bytes);
                free(item->parcels[i]);
            }
        bytes_unref(item->bytes);
        free(item->signed_bytes);
        free(item);
    }
}
