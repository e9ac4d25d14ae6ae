/* store.h - the deltas of a space: journal records of groups, and rows that find them.
 *
 * Deltas are staged one by one, gathered into a group (a journal record, DELTA_GROUP_BYTES at
 * most) and appended when it is full or at the end of the engine's turn. Each staged delta gets a
 * ticket, rising by one; when the record that holds it is durable, so is the ticket. A group of
 * deltas that this node made carries one signature over the tree of their digests; a peer that
 * has only some of a signed group gets the hashes that stand for the others (docs/wire/delta.md).
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
    DELTA_RECORD_KEPT = 4,     /* a text that this node keeps: no delta */
    DELTA_RECORD_RETURNED = 5, /* archived names that are forgotten, for they come back */
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

/* What the store has to know of a delta that was decoded. */
struct delta_brief {
    struct delta_hash name, digest;
    int64_t timestamp;
};
static inline struct delta_brief delta_brief_of(const struct delta *d)
{
    return (struct delta_brief){ d->name, d->digest, d->timestamp };
}

/* Stage `d`. `own`: made by this node (the group will be signed). `*ret_ticket`: durable when
 * delta_store_durable() reaches it; for a KNOWN one the ticket it still waits for, or 0.
 * Errors: PANDO_BUSY wait for the next DURABLE; PANDO_NOSPACE, PANDO_IO the journal stopped. */
enum pando_status delta_store_stage(struct delta_store *s, const struct delta *d, bool own,
                                    enum delta_outcome *ret_outcome,
                                    uint64_t *ret_ticket) PANDO_MUST_USE;
/* The very delta was archived here: forget that, so that it can be staged again. `*ret_returned`
 * false: it was not. Durable with what is staged next. Errors: as delta_store_stage. */
enum pando_status delta_store_return(struct delta_store *s, const struct delta_brief *d,
                                     bool *ret_returned) PANDO_MUST_USE;
/* Append the open group; at the end of every turn in which something was staged. */
enum pando_status delta_store_flush(struct delta_store *s) PANDO_MUST_USE;
/* Everything below the journal position is durable. */
void delta_store_on_durable(struct delta_store *s, uint64_t position);
/* The journal position behind which nothing was said to be durable yet. */
uint64_t delta_store_durable_position(const struct delta_store *s);
uint64_t delta_store_durable(const struct delta_store *s); /* highest durable ticket */

/* --- on their way: staged here, and not handed on yet to whoever wants to know --- */

/* The tickets of the deltas of the record at `position`, in their order there; false: they are
 * not new (it was written again), or were passed. */
bool delta_store_tickets(const struct delta_store *s, uint64_t position, uint64_t *ret_first,
                         uint64_t *ret_last);
/* All durable deltas before `place` were handed on; gives the last ticket among them ever. */
uint64_t delta_store_pass(struct delta_store *s, uint64_t place);
/* The first durable record that was not passed. PANDO_NOT_FOUND. */
enum pando_status delta_store_unpassed(const struct delta_store *s,
                                       uint64_t *ret_position) PANDO_MUST_USE;
/* Whether the delta of that name is on its way. Cost: one lookup while any is. */
bool delta_store_on_way(struct delta_store *s, const struct delta_hash *name);
uint64_t delta_store_on_way_count(const struct delta_store *s);

/* Stage the deltas of a group whose signature was found valid: those that are new here go
 * into one record together with it. `deltas`: its members as delta_pile_read (pile.h) gives
 * them. `outcomes` has room for all members; those that are not in this copy are
 * KNOWN. `*ret_ticket` covers all of them (0: all durable).
 * Errors: as delta_store_stage; PANDO_MALFORMED a member stands twice. */
struct group; /* group.h */
enum pando_status delta_store_stage_group(struct delta_store *s, const struct group *g,
                                          const struct delta *deltas,
                                          enum delta_outcome *outcomes,
                                          uint64_t *ret_ticket) PANDO_MUST_USE;

/* --- reading: staged deltas are seen, too --- */

/* Deltas and filters borrow from the store until its next call through the source. */
struct delta_source delta_store_source(struct delta_store *s);

/* Deltas in order of arrival, durable ones only. `*position` is 0 at first and then what the
 * call left there; 1 less than that is the place of the delta given. A delta whose record was
 * written again (delta_store_move) arrives again. Valid until the next such call.
 * Errors: PANDO_NOT_FOUND at the end; PANDO_BUSY looked at many, call again. */
enum pando_status delta_store_arrived(struct delta_store *s, uint64_t *position,
                                      struct delta *ret) PANDO_MUST_USE;
/* Behind all that is durable now: where somebody begins who wants what comes. */
uint64_t delta_store_arrived_end(const struct delta_store *s);
/* The same, but only up to the place `until`, durable or not. */
enum pando_status delta_store_arrived_until(struct delta_store *s, uint64_t until,
                                            uint64_t *position, struct delta *ret) PANDO_MUST_USE;
/* Behind all that was appended, durable or not. */
uint64_t delta_store_appended_end(const struct delta_store *s);

/* A count in slices: zero it, call until it is not PANDO_BUSY. */
struct delta_store_count {
    struct delta_place place;
    uint64_t count;
};
/* How many pass, negated ones included, whatever include_negated says. */
enum pando_status delta_store_count(struct delta_store *s, const struct filter *f,
                                    struct delta_store_count *c) PANDO_MUST_USE;

/* Where a delta lies. PANDO_NOT_FOUND it is not held, or not appended yet. */
enum pando_status delta_store_place(struct delta_store *s, const struct delta_hash *name,
                                    uint64_t *ret_place) PANDO_MUST_USE;
/* The group at a place and which member lies there; borrows until the next call that reads. */
enum pando_status delta_store_group(struct delta_store *s, uint64_t place, struct group *ret,
                                    size_t *ret_index) PANDO_MUST_USE;
/* Whose key signed the group of a held delta; `*ret_signed` false: nobody's. */
enum pando_status delta_store_signer(struct delta_store *s, const struct delta_hash *name,
                                     bool *ret_signed, struct pando_key *ret_key) PANDO_MUST_USE;

struct delta_store_stats {
    uint64_t deltas;  /* held, negated ones included */
    uint64_t archived;
    uint64_t conflicts; /* ids that came with different bytes */
    int64_t latest;     /* greatest timestamp */
    uint64_t by_id, by_time, by_target, by_context, by_author, by_system; /* entries */
    uint64_t journal_bytes;
};
void delta_store_stats(const struct delta_store *s, struct delta_store_stats *ret);

/* --- what range reconciliation needs --- */

struct delta_item {
    int64_t timestamp;
    struct delta_hash digest;
    uint64_t place; /* where it lies; 0 where one is told of changes */
};
/* Up to `cap` items behind `place`, in order, none later than `to`; moves `place`. Appends
 * what is staged first. `*ret_len` less than `cap`: there are no more.
 * Errors: PANDO_BUSY what is staged cannot be appended now; of the tables. */
enum pando_status delta_store_items(struct delta_store *s, struct delta_place *place, int64_t to,
                                    struct delta_item *ret, size_t cap,
                                    size_t *ret_len) PANDO_MUST_USE;
/* Be told of each item that comes or goes, as its record is appended. Two listeners at most. */
struct delta_watch {
    void *ctx;
    void (*changed)(void *ctx, const struct delta_item *item, bool added);
};
void delta_store_watch(struct delta_store *s, struct delta_watch watch);

/* --- what the node keeps beside deltas --- */

enum delta_kept { DELTA_KEPT_LINK = 1, DELTA_KEPT_SCHEMA, DELTA_KEPT_VIEW };

#define DELTA_KEPT_NAME_MAX    4096u
#define DELTA_KEPT_TEXT_MAX    (256u << 10)
#define DELTA_KEPT_BYTES_MAX   (16u << 20) /* of all together */
#define DELTA_KEPT_LINKS_MAX   256u
#define DELTA_KEPT_SCHEMAS_MAX 1024u
#define DELTA_KEPT_VIEWS_MAX   256u

struct delta_kept_text {
    struct pando_slice name, text;
};

/* Whether a text of that length may be kept. Errors: PANDO_FULL reterr names what is too much
 * and the remedy; of the tables. */
enum pando_status delta_store_may_keep(struct delta_store *s, enum delta_kept kind,
                                       struct pando_slice name, size_t len,
                                       struct pando_err *reterr) PANDO_MUST_USE;
/* Keep it in place of one with its name; an empty text forgets it. Durable when the journal is
 * beyond `*ret_position`. Errors: as delta_store_stage. */
enum pando_status delta_store_keep(struct delta_store *s, enum delta_kept kind,
                                   struct pando_slice name, struct pando_slice text,
                                   uint64_t *ret_position) PANDO_MUST_USE;
bool delta_store_keeps(struct delta_store *s, enum delta_kept kind, struct pando_slice name);
/* The next of a kind behind `place` (zeros: the first), which it moves. Borrows from `room`.
 * Errors: PANDO_NOT_FOUND at the end; PANDO_CORRUPT, PANDO_IO: go on for the next. */
enum pando_status delta_store_next_kept(struct delta_store *s, enum delta_kept kind,
                                        struct delta_hash *place, struct pando_buf *room,
                                        struct delta_kept_text *ret) PANDO_MUST_USE;

/* --- the canonical state hash --- */

/* SHA-256 over (timestamp 8 big-endian, digest 16) of all deltas held, in order: equal sets,
 * equal hashes. In slices: zero it, call until it is not PANDO_BUSY; when deltas come or go
 * meanwhile it begins anew. */
struct delta_store_hash {
    struct crypto_sha256_state state;
    struct delta_place place;
    uint64_t version;
    bool begun;
};
enum pando_status delta_store_hash(struct delta_store *s, struct delta_store_hash *h,
                                   struct pando_id *ret) PANDO_MUST_USE;

#endif
