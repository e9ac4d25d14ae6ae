/* travel.h - what was the case at a time, and how it came about.
 *
 * Everything here asks negation as of the time in question, so the past is seen as it was to
 * somebody who had all of today's deltas up to then. An object changes when a delta about it
 * is made and when one of the negations that such a delta hangs on is. All of it goes in steps
 * (PANDO_BUSY: step again) and in the order of time. Thread: one owner; pure.
 */
#ifndef SPACE_DELTA_TRAVEL_H
#define SPACE_DELTA_TRAVEL_H

#include "base/map.h"
#include "space/delta/hyperview.h"
#include "space/delta/object_walk.h"

#define TRAVEL_STEP        256
#define TRAVEL_REPLAY_MAX  1000  /* snapshots of one replay; 100 unless asked for more */
#define TRAVEL_CHANGES_MAX 65536 /* of one property */
#define TRAVEL_NAMES_MAX   (1u << 20) /* distinct authors, and systems, that are told apart */

/* The distinct times in [start, end] at which the object changed. */
struct travel_timeline {
    struct object_walk walk;
    int64_t start, end;
    struct times times;
};
enum pando_status travel_timeline_init(struct travel_timeline *t, const struct delta_source *source,
                                struct pando_slice object, int64_t start,
                                int64_t end) PANDO_MUST_USE;
void travel_timeline_deinit(struct travel_timeline *t);
enum pando_status travel_timeline_step(struct travel_timeline *t) PANDO_MUST_USE;
/* Keep at most `max` of them, evenly spread, the first and the last among them. */
void travel_times_sample(struct times *t, size_t max);

/* How many deltas there were. */
struct travel_count {
    struct object_walk walk;
    int64_t t;
    uint64_t total, negated;
    struct map authors, systems;
};
enum pando_status travel_count_init(struct travel_count *c, const struct delta_source *source,
                             int64_t t) PANDO_MUST_USE;
void travel_count_deinit(struct travel_count *c);
enum pando_status travel_count_step(struct travel_count *c) PANDO_MUST_USE;

/* When the deltas of a property came into sight, went out of it and came back. */
enum travel_change_kind { CHANGE_ADDED, CHANGE_NEGATED, CHANGE_RESTORED };

struct travel_change {
    int64_t time;
    int64_t timestamp; /* of the delta; with its digest the order among equal times */
    struct delta_hash digest;
    enum travel_change_kind kind;
    size_t text, text_len; /* members: the delta, and the id of what negated it */
};
struct travel_changes {
    struct object_walk walk;
    struct schema *schema;
    struct pando_slice object, property;
    struct travel_change *items;
    size_t len, cap;
    struct pando_buf text;
};
enum pando_status travel_changes_init(struct travel_changes *c, const struct delta_source *source,
                               struct schema *schema, struct pando_slice object,
                               struct pando_slice property) PANDO_MUST_USE;
void travel_changes_deinit(struct travel_changes *c);
enum pando_status travel_changes_step(struct travel_changes *c) PANDO_MUST_USE; /* PANDO_OK: sorted */

/* Append what differs between two finished views of an object, as members: deltasAdded, deltasRemoved
 * (ids), properties {name: "added"|"removed"|"changed"}. */
enum pando_status travel_differ(struct hyperview *before, struct hyperview *after,
                                struct pando_buf *text) PANDO_MUST_USE;

#endif
