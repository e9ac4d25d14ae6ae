/* archive.h - negated deltas leave the store for a file, and the journal gives up their room.
 *
 * An archive takes the deltas with a timestamp before T that are negated as of then (and are
 * still negated now), and the negations before T all of whose targets go or are gone. It has
 * three parts, each in steps of a few milliseconds:
 *
 *   1. delta_archive_find   gathers them; nothing changes
 *   2. delta_archive_next   gives them out as the parts of a CAR file; nothing changes
 *   3. delta_archive_commit when the file is safe: records name them as archived
 *
 * From then on their names are known, so that no peer brings them back, and they are not held.
 * What was negated is taken out before its negations, and each is looked at once more just
 * before: whatever happens between two records, nothing that was negated is seen again. What
 * was restored meanwhile stays.
 *
 * Then delta_compact_step writes the deltas still held in the oldest records again, at the
 * journal's end; when that is durable, a snapshot without content may drop those records.
 *
 * The file: the root is a block {"pando": "delta-archive/1", "before": T, "deltas": [links]},
 * every other block is the canonical bytes of a delta; all are DAG-CBOR. The blocks stand in the
 * contrary order of the list, negations before what they negate: whoever reads the file in again
 * sees nothing restored on the way.
 */
#ifndef SPACE_DELTA_ARCHIVE_H
#define SPACE_DELTA_ARCHIVE_H

#include "space/delta/store.h"

#define DELTA_ARCHIVE_TAG "delta-archive/1"
#define ARCHIVE_MAX 65536u /* deltas of one archive; what is left goes with the next one */

struct delta_archive;

/* `before` in (0, 2^53). One at a time a store; the store outlives it.
 * Errors: PANDO_INVALID, PANDO_NOMEM. */
enum pando_status delta_archive_new(struct delta_store *s, int64_t before,
                                    struct delta_archive **ret) PANDO_MUST_USE;
void delta_archive_free(struct delta_archive *a);
/* PANDO_BUSY: call again. PANDO_OK: all are found. Errors: of the store. */
enum pando_status delta_archive_find(struct delta_archive *a) PANDO_MUST_USE;
size_t delta_archive_count(const struct delta_archive *a);
/* Append the next part of the file, 8 MiB at most. PANDO_NOT_FOUND: the file is complete. */
enum pando_status delta_archive_next(struct delta_archive *a, struct pando_buf *ret) PANDO_MUST_USE;
/* PANDO_BUSY: call again (after the next DURABLE when nothing can be appended now).
 * PANDO_OK: all records are appended; they are durable when the journal is beyond
 * `*ret_position`. `*ret_gone` of them were archived; the others were restored meanwhile. */
enum pando_status delta_archive_commit(struct delta_archive *a, uint64_t *ret_position,
                                       size_t *ret_gone) PANDO_MUST_USE;

/* The rewriting of what lies below a position. Zero it, set store and `to`. */
struct delta_compact {
    uint64_t to; /* at most what is durable */
    uint64_t at; /* records below were looked at */
    uint64_t last;   /* where the last one was written again; 0: none was */
    uint64_t moved;  /* deltas written again */
    uint64_t left;   /* deltas that were not: archived, or another with the id counts */
};
/* PANDO_BUSY: call again, as above. PANDO_OK: when the journal is durable beyond `last`, all
 * below `to` may be dropped: SPACE_SNAPSHOT with `to` and no bytes. */
enum pando_status delta_compact_step(struct delta_store *s,
                                     struct delta_compact *c) PANDO_MUST_USE;

#endif
