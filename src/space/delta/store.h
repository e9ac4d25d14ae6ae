/* store.h - the deltas of a space: journal records of groups, and rows that find them.
 *
 * Deltas are staged one by one, gathered into a group (a journal record, DELTA_GROUP_BYTES at
 * most) and appended when it is full or at the end of the engine's turn. Each staged delta gets a
 * ticket, rising by one; when the record that holds it is durable, so is the ticket. A group of
 * deltas that this node made carries one signature over the digests of all of them; a peer that
 * has only some of a signed group gets the digests of the others (docs/wire/delta.md).
 *
 * Rows (store/tables.h) are folded from records and can be thrown away. A delta costs three
 * or more rows: name -> place; (time, digest) -> place; one per distinct target object.
 * Authors, systems, contexts and the like are few per group: rows per group.
 */
#ifndef SPACE_DELTA_STORE_H
#define SPACE_DELTA_STORE_H

#include "space/delta/source.h"
#include "space/space.h"

#define DELTA_GROUP_BYTES (16u << 10)
#define DELTA_GROUP_MAX   256 /* deltas of one group */

enum delta_record {
    DELTA_RECORD_PLAIN = 1,    /* a group without signature */
    DELTA_RECORD_SIGNED = 2,   /* a group with its maker's key and signature */
    DELTA_RECORD_ARCHIVED = 3, /* names that were moved to an archive: known, not held */
};

enum delta_outcome {
    DELTA_NEW,      /* staged */
    DELTA_KNOWN,    /* the same bytes are here (or staged, or archived) already */
    DELTA_SHADOWED, /* another with this id and a lesser digest is here: it counts */
};

struct delta_store;

enum pando_status delta_store_new(const struct space_host *host, struct delta_store **ret,
                                  struct pando_err *reterr) PANDO_MUST_USE;
void delta_store_free(struct delta_store *s);
enum pando_status delta_store_fold(struct tables *tables, const struct pando_id *space,
                                   uint8_t record, uint64_t position, struct pando_slice bytes);

/* Stage `d`. `own`: made by this node (the group will be signed). `*ret_ticket`: durable when
 * delta_store_durable() reaches it; for a KNOWN one the ticket it still waits for, or 0.
 * Errors: PANDO_BUSY wait for the next DURABLE; PANDO_NOSPACE, PANDO_IO the journal stopped. */
enum pando_status delta_store_stage(struct delta_store *s, const struct delta *d, bool own,
                                    enum delta_outcome *ret_outcome,
                                    uint64_t *ret_ticket) PANDO_MUST_USE;
/* Append the open group; at the end of every turn in which something was staged. */
enum pando_status delta_store_flush(struct delta_store *s) PANDO_MUST_USE;
/* Everything below the journal position is durable. */
void delta_store_on_durable(struct delta_store *s, uint64_t position);
uint64_t delta_store_durable(const struct delta_store *s); /* highest durable ticket */

/* Reading: staged deltas are seen, too. */
struct delta_source delta_store_source(struct delta_store *s);

struct delta_store_stats {
    uint64_t deltas;  /* held, negated ones included */
    uint64_t archived;
    uint64_t conflicts; /* ids that came with different bytes */
    int64_t latest;     /* greatest timestamp */
    uint64_t by_id, by_time, by_target, by_context, by_author, by_system; /* rows */
    uint64_t journal_bytes;
};
void delta_store_stats(const struct delta_store *s, struct delta_store_stats *ret);
/* SHA-256 over (timestamp, digest) of all deltas held, in order: equal sets, equal hashes.
 * In slices: PANDO_BUSY call again with the same state. */
struct delta_store_hash;

#endif
