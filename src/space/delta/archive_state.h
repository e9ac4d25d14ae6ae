/* archive_state.h - an archive under way, shared by the files of archive.h.
 */
#ifndef SPACE_DELTA_ARCHIVE_STATE_H
#define SPACE_DELTA_ARCHIVE_STATE_H

#include "base/map.h"
#include "space/delta/archive.h"
#include "space/delta/store_state.h"

enum archive_phase {
    ARCHIVE_NEGATED,   /* finding what is negated */
    ARCHIVE_NEGATIONS, /* finding the negations of what was found */
    ARCHIVE_ROOT,      /* all are known; the file has not begun */
    ARCHIVE_BLOCKS,
};

struct archive_item {
    struct delta_hash name;
    int64_t timestamp;
    struct pando_id block; /* SHA-256 of the bytes: the digest and as much again */
    bool negation;         /* goes because its targets go, and after them */
    bool goes;             /* it is in a record, or in the one that is being made */
};

struct delta_archive {
    struct delta_store *store;
    int64_t before;
    enum archive_phase phase;
    struct delta_place place;
    struct archive_item *items; /* at most ARCHIVE_MAX; the negated ones first */
    size_t items_len, items_cap;
    struct map by_name;
    size_t next;      /* of the phase */
    size_t committed; /* items whose record is appended, or that stay */
    size_t gone;
    uint64_t position; /* of the last record */
};

/* Negated before T, and now. */
enum pando_status archive_is_negated(struct delta_archive *a, struct pando_slice id,
                                     bool *ret) PANDO_MUST_USE;
/* Whether all that a negation negates is archived, goes, or (planned) is among the items. */
enum pando_status archive_targets_gone(struct delta_archive *a, const struct delta *d,
                                       bool planned, bool *ret) PANDO_MUST_USE;
/* The delta of an item. PANDO_NOT_FOUND: it is not held any more. */
enum pando_status archive_read(struct delta_archive *a, const struct archive_item *item,
                               struct delta *ret) PANDO_MUST_USE;

#endif
