/* store_state.h - an open store, shared by the files of store.h.
 */
#ifndef SPACE_DELTA_STORE_STATE_H
#define SPACE_DELTA_STORE_STATE_H

#include "space/delta/rows_batch.h"
#include "store/journal.h"

#define CACHE_GROUPS 32u   /* records kept as they were read */
#define CACHE_LEAVES 8u    /* leaves of postings, for the next step of a scan */
#define CACHE_GLIMPSES 8u
#define CACHE_TABLES 128u /* beginnings of records: where the deltas lie in them */
#define CACHE_MEMOS    4u
#define MEMO_TEXT_MAX  64u
#define APPENDED_MAX 64u
#define LOOK_MAX     4096u /* rows looked at by one call */

/* A delta of the open group. */
struct member {
    struct delta_hash name, digest;
    int64_t timestamp;
    size_t at, len; /* in bodies */
    bool replaces;  /* `old` goes when this one is folded */
    struct delta_item old;
};

/* What was staged and not appended yet. */
struct open_group {
    bool own;
    size_t len;
    size_t replacing;
    struct pando_buf bodies;
    struct member members[DELTA_GROUP_MAX];
    struct rows_batch rows;
};

/* A record of new deltas that was not passed yet, and their tickets. */
struct pending {
    uint64_t position;
    uint64_t first, last;
};

struct cached_group {
    uint64_t position; /* 0: free */
    uint64_t used;
    bool is_signed;
    struct pando_buf bytes;
};

/* The beginning of a record, GROUP_TABLE_MAX bytes or all. */
struct cached_table {
    bool is_signed;
    struct pando_buf bytes;
};

struct cached_leaf {
    uint64_t version;
    size_t last;           /* the entry that was given last */
    struct post_leaf leaf; /* len 0: free */
};

/* The hash of a text that was looked for lately. */
struct memo {
    size_t len; /* 0: free */
    uint8_t text[MEMO_TEXT_MAX];
    struct delta_hash hash;
};

/* Of which ids some negation may be here (aims.c). */
struct aims {
    struct bloom *ids; /* NULL: not made yet */
    bool whole;        /* the target of every negation in the rows is in it */
    uint64_t version;         /* of the store when the rows were last asked; 0: never */
    uint64_t tally, archived; /* what they said */
    struct delta_place place; /* where the walk over those that were here before stands */
    uint64_t open_version; /* the open group that was looked through, how far, and whether */
    size_t open_looked;    /* a negation may be in it */
    bool open_negates;
};

/* The record at which a reader by order of arrival stands. */
struct arrival {
    bool open;
    struct journal_cursor cursor;
    uint64_t record; /* 0: none */
    uint64_t from;   /* no other lies between here and it */
    uint8_t kind;
    struct pando_buf bytes;
    struct delta_room room;
};

struct delta_store {
    struct space_host host;
    uint64_t version; /* rises with every record */
    uint64_t appended[APPENDED_MAX]; /* positions of the last ones: a version's at its remainder */
    uint64_t tickets, durable_ticket;
    uint64_t durable_position;
    uint64_t refused_conflicts; /* shadowed ones that were not stored */
    struct open_group open;
    struct rows_batch arriving; /* of a peer's group, while it is staged */
    struct post_tails *tails;
    struct pando_buf encoded;
    struct pending *pending; /* a queue, oldest at pending_head */
    size_t pending_head, pending_len, pending_cap;
    size_t pending_durable; /* of them, the oldest */
    uint64_t passed_ticket;
    struct cached_group groups[CACHE_GROUPS];
    uint64_t groups_clock;
    size_t groups_last; /* used last */
    uint64_t glimpsed[CACHE_GLIMPSES]; /* records of which one delta was read lately */
    size_t glimpsed_next;
    uint64_t tables_at[CACHE_TABLES]; /* positions of their records; 0: free */
    struct cached_table tables[CACHE_TABLES];
    size_t tables_next;
    struct pando_buf glimpse;
    struct cached_leaf leaves[CACHE_LEAVES];
    size_t leaves_next, leaves_last;
    struct memo memos[CACHE_MEMOS];
    size_t memos_next;
    struct aims aims;
    struct row_counts counts;
    uint64_t counts_version;
    struct arrival arrival;
    struct delta_watch watches[2];
    size_t watches_len;
    struct delta_room room;
};

/* Append one record, fold included: by `rows`, or, where that is NULL, by reading the record.
 * Errors: as space_host.append. */
enum pando_status store_append_record(struct delta_store *s, uint8_t kind,
                                      struct pando_slice bytes, const struct rows_batch *rows,
                                      uint64_t *ret_position) PANDO_MUST_USE;
/* Room for one more pending record. */
enum pando_status store_reserve_pending(struct delta_store *s) PANDO_MUST_USE;
/* The next ticket, for `n` deltas whose record was appended there. */
void store_give_tickets(struct delta_store *s, uint64_t position, size_t n);
/* The ticket of the record at `position`; 0: it is durable. */
uint64_t store_ticket_at(const struct delta_store *s, uint64_t position);
void store_tell(struct delta_store *s, int64_t timestamp, const struct delta_hash *digest,
                bool added);
/* store_kept.c: append a kept text again if it still counts; it lay at `position`. */
enum pando_status store_move_kept(struct delta_store *s, uint64_t position,
                                  struct pando_slice bytes, uint64_t *ret_last) PANDO_MUST_USE;

/* What a delta is to this store, before it is staged. */
struct known {
    enum delta_outcome outcome;
    uint64_t ticket;
    bool replaces;
    struct delta_item old;
};
enum pando_status store_look_up(struct delta_store *s, const struct delta_brief *d,
                                struct known *ret) PANDO_MUST_USE;

/* The open member with that name, or NULL. */
const struct member *store_open_member(const struct delta_store *s,
                                       const struct delta_hash *name);
struct pando_slice store_open_body(const struct delta_store *s, const struct member *m);

/* Keep a record's bytes for readers. */
void store_cache_group(struct delta_store *s, uint64_t position, bool is_signed,
                       struct pando_slice bytes);
/* Errors: PANDO_NOT_FOUND no group lies there; PANDO_CORRUPT; PANDO_IO. */
enum pando_status store_find_group(struct delta_store *s, uint64_t position,
                                   const struct cached_group **ret) PANDO_MUST_USE;
/* How a delta is read. */
struct read_how {
    bool unnamed; /* its name is not wanted, and left zero */
    bool amid;    /* others of its record will be wanted soon */
};
/* Read the delta of an entry into `room`. PANDO_CORRUPT it is not what the entry says. */
enum pando_status store_read(struct delta_store *s, const struct post_entry *e,
                             struct read_how how, struct delta_room *room,
                             struct delta *ret) PANDO_MUST_USE;
/* Whether surely no negation of this id is here: aims.c. */
bool store_is_unnegated(struct delta_store *s, struct pando_slice id);
void store_aims_deinit(struct aims *a);
/* The counters, read again when a record was folded. */
enum pando_status store_counts(struct delta_store *s, struct row_counts *ret) PANDO_MUST_USE;
/* The next entry of a list behind a place. `*ret_amid` (may be NULL): the entry after it lies
 * in the same record. PANDO_NOT_FOUND at the end. */
enum pando_status store_next_entry(struct delta_store *s, const struct post_list *list,
                                   const struct delta_place *place, bool descending,
                                   struct post_entry *ret, bool *ret_amid) PANDO_MUST_USE;
/* As rows_list. */
struct post_list store_list_of(struct delta_store *s, enum rows_table table,
                               struct pando_slice text);

#endif
