/* store.h - a data directory: one lock, one index, a journal per space.
 *
 *     DATA/lock                  the pid of the process that holds it
 *     DATA/spaces/ID/journal/    segments, snapshot, epoch, kind: the truth
 *     DATA/index/                LMDB: every space's tables, derived
 *     DATA/operator.json         what the operator changed at run time
 *
 * Opening a space replays its journal from the position that its tables reflect, through
 * the kind's fold. Appending stages a record and folds it into the overlay at once; commits
 * go through the journal (journal.h), and now and then a flush carries the overlay into
 * LMDB on a worker. At the cap of the overlay store_append refuses with PANDO_BUSY until a
 * flush has ended.
 *
 * Thread: the loop thread, but for store_flush_run, store_backup, store_verify and
 * store_reindex.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/buf.h"
#include "base/trace.h"
#include "store/journal.h"
#include "store/tables.h"

#include <pando/status.h>
#include <pando/types.h>

#define STORE_OVERLAY_MAX (16u << 20) /* bytes of unflushed table entries per space */
/* A flush begins when so many have gathered: few while the index is small, more when it is
 * large, since a row of its own page costs that page twice. */
#define STORE_FLUSH_MIN  (1u << 20)
#define STORE_FLUSH_MAX  (8u << 20)
#define STORE_FLUSH_PART 16 /* of the index's bytes */

struct store;
struct store_space;
struct store_flush;

/* How records become table entries. Pure; called at append, replay and reindex. */
struct store_fold {
    void *ctx;
    enum pando_status (*fold)(void *ctx, struct tables *tables, const struct pando_id *space,
                              uint8_t record, uint64_t position, struct pando_slice bytes);
    const char *kind; /* noted beside the journal when the space is opened; NULL: nothing is */
};

struct store_config {
    const char *dir;
    bool sync; /* false: the weaker mode */
    const struct tracer *tracer;
};

/* Open or create. Errors, each named with its remedy: PANDO_BUSY another process holds it
 * (its pid); PANDO_REFUSED no write permission; PANDO_NOSPACE; PANDO_UNSUPPORTED a newer
 * format; PANDO_CORRUPT the index is damaged (`pando db reindex`). */
enum pando_status store_open(const struct store_config *config, struct store **ret,
                             struct pando_err *reterr) PANDO_MUST_USE;
/* Flushes and closes all spaces. Accepts NULL. */
void store_close(struct store *s);

enum pando_status store_space_open(struct store *s, const struct pando_id *id,
                                   const struct store_fold *fold, struct store_space **ret,
                                   struct pando_err *reterr) PANDO_MUST_USE;
void store_space_close(struct store_space *sp);
/* Take the damage out of a closed space's journal (journal_mend) and say so. */
enum pando_status store_space_mend(struct store *s, const struct pando_id *id,
                                   struct pando_err *reterr) PANDO_MUST_USE;
/* Delete a closed space's journal and tables. */
enum pando_status store_space_remove(struct store *s, const struct pando_id *id,
                                     struct pando_err *reterr) PANDO_MUST_USE;

struct journal *store_journal(struct store_space *sp);
struct tables *store_tables(struct store_space *sp);
uint64_t store_epoch(const struct store_space *sp);
/* Stage a record and fold it, through `fold` if that is not NULL. Errors: as journal_append,
 * and PANDO_BUSY at the overlay's cap. Nothing is staged then. */
enum pando_status store_append(struct store_space *sp, uint8_t record, struct pando_slice bytes,
                               const struct tables_fold *fold,
                               uint64_t *ret_position) PANDO_MUST_USE;
/* The space's snapshot (journal.h). Write: any thread, one a space at a time; drop: the loop,
 * PANDO_BUSY while a group is in flight. */
enum pando_status store_snapshot_read(struct store_space *sp, uint64_t *ret_position,
                                      struct pando_buf *ret_state,
                                      struct pando_err *reterr) PANDO_MUST_USE;
enum pando_status store_snapshot_write(struct store_space *sp, uint64_t position,
                                       struct pando_slice state,
                                       struct pando_err *reterr) PANDO_MUST_USE;
enum pando_status store_drop_before(struct store_space *sp, uint64_t position,
                                    struct pando_err *reterr) PANDO_MUST_USE;
/* Read views older than this turn may be given back to LMDB. Once per loop turn. */
void store_turn(struct store *s);

/* Carry the durable part of the overlay into LMDB: begin and end on the loop, run anywhere.
 * False: too little has gathered (unless `force`), nothing is durable, or one is under way. */
bool store_flush_begin(struct store_space *sp, bool force, struct store_flush **ret);
void store_flush_run(struct store_flush *f);
enum pando_status store_flush_end(struct store_space *sp, struct store_flush *f,
                                  struct pando_err *reterr) PANDO_MUST_USE;

/* What long work has to say as it goes: done and total in bytes, or a finding's text. */
struct store_progress {
    void *ctx;
    void (*moved)(void *ctx, uint64_t done, uint64_t total);
    void (*found)(void *ctx, const char *text); /* a damaged file: path, offset, reason */
};

struct store_verdict {
    uint64_t spaces, files, records, table_entries, bytes, damaged;
};

/* Check every checksum of a data directory that no process has open, or (with `running`,
 * from a worker) of the open one's journals up to their durable positions; an open index
 * checks each row as it is read, and counts no table_entries here.
 * Errors: PANDO_CORRUPT something is damaged: each was reported through `found`. */
enum pando_status store_verify(const char *dir, bool running, const struct store_progress *progress,
                               struct store_verdict *ret, struct pando_err *reterr) PANDO_MUST_USE;
/* Throw the index away and fold it anew from the journals. The directory must be closed. */
enum pando_status store_reindex(const char *dir, const struct store_fold *fold,
                                const struct store_progress *progress, struct store_verdict *ret,
                                struct pando_err *reterr) PANDO_MUST_USE;

/* The kind that was noted when the space was opened last. PANDO_NOT_FOUND: it was opened only by
 * versions that noted none. */
#define STORE_KIND_MAX 31
enum pando_status store_kind_read(const char *dir, const struct pando_id *space,
                                  char ret[STORE_KIND_MAX + 1]) PANDO_MUST_USE;

/* The node's note of what its operator changed while it ran: a small file that is replaced
 * as a whole, so that a crash leaves the old one or the new one. Thread: any.
 * Errors: PANDO_NOT_FOUND there is none (reterr is left alone); PANDO_FULL it is larger than
 * STORE_NOTE_MAX; else as files.h. */
#define STORE_NOTE "operator.json"
#define STORE_NOTE_MAX (4u << 20)
enum pando_status store_note_read(const char *dir, struct pando_buf *ret,
                                  struct pando_err *reterr) PANDO_MUST_USE;
enum pando_status store_note_write(const char *dir, struct pando_slice bytes,
                                   struct pando_err *reterr) PANDO_MUST_USE;

/* Where each journal may be copied up to: taken on the loop, used on a worker. */
struct store_backup_plan;
enum pando_status store_backup_plan(struct store *s, struct store_backup_plan **ret) PANDO_MUST_USE;
/* For a plan that store_backup never got. Accepts NULL. */
void store_backup_plan_free(struct store_backup_plan *plan);
/* Copy keystore, config, operator.json and the durable part of every journal to `target` (which must not
 * exist or be empty), while the node runs. Frees the plan. Thread: any. */
enum pando_status store_backup(struct store_backup_plan *plan, const char *target,
                               const struct store_progress *progress,
                               struct pando_err *reterr) PANDO_MUST_USE;
/* Verify a backup, copy it into `dir` (which must not exist or be empty) and raise every
 * journal's epoch, so that its authors never reuse a sequence number. */
enum pando_status store_restore(const char *backup, const char *dir,
                                const struct store_progress *progress,
                                struct pando_err *reterr) PANDO_MUST_USE;

#endif
