/* journal.h - the truth of one space: records, appended in groups, durable when said so.
 *
 * A record is {kind, bytes} and never changes. Its *position* is a byte count from the
 * journal's beginning; it rises, stays valid for ever, and needs no index: position minus
 * the base of its segment is its place in the file.
 *
 * Appending only stages, on the loop thread. A *group* takes what is staged to the disk:
 * begin (loop thread) hands the group out, run (any thread; the only part that blocks)
 * writes and syncs it, end (loop thread) moves the durable mark. One group is in flight at
 * a time; what is appended meanwhile makes up the next. The same three verbs serve chores:
 * pre-writing the next segment, recycling dropped ones, moving the floor.
 *
 * Durable means: below `journal_durable`. A group header tells what was durable before it,
 * so damage there is corruption (PANDO_CORRUPT, with file and offset) and damage above it
 * is the torn tail of a crash, which is cut. After a failed write or sync the journal stops:
 * appends are refused, nothing is acknowledged, reads go on. journal_retry makes the next
 * group a recovery: it verifies what was durable and writes the waiting group to a fresh
 * segment, because the old file's cache can no longer be believed. A sync is never retried.
 *
 * Bytes on disk: docs/wire/journal.md. Reasons: docs/decisions/0003-store.md.
 * Thread: the loop thread, except *_run, journal_verify and the snapshot and epoch functions.
 */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include "base/buf.h"
#include "base/trace.h"
#include "store/files.h"

#define JOURNAL_RECORD_MAX (4u << 20)       /* bytes of one record */
#define JOURNAL_RECORD_HEADER 8u            /* bytes on disk around one record */
#define JOURNAL_SEGMENT_MIN (1u << 20)      /* default size of the first segment */
#define JOURNAL_SEGMENT_MAX (64u << 20)     /* default size where doubling ends */
#define JOURNAL_STAGED_MAX (8u << 20)       /* default cap of bytes staged, not in flight */

enum journal_sync {
    JOURNAL_SYNC_GROUP, /* every group is synced before it is durable */
    JOURNAL_SYNC_NEVER, /* weaker: written counts as durable; a power cut may lose the tail */
};

struct journal_config {
    struct pando_files files;
    const char *dir;      /* copied; made when absent */
    uint64_t id;          /* of the space: a segment of another journal is refused */
    uint64_t seed;        /* unpredictable to peers: makes the segments' generations */
    uint32_t segment_min; /* 0: default; multiples of 4096 */
    uint32_t segment_max; /* 0: default */
    uint32_t staged_max;  /* 0: default */
    enum journal_sync sync;
    bool read_only;       /* for a look at a closed store: recovers in memory only */
    const struct tracer *tracer;
};

struct journal;        /* opaque */
struct journal_group;  /* opaque: one commit under way */
struct journal_chore;  /* opaque: one piece of background work */

/* --- life --- */

/* Open or make the journal in config->dir: find the end, cut a torn tail, make the rest
 * durable. Blocks; reads the last segment only.
 * Errors: PANDO_CORRUPT acknowledged bytes are damaged (file and offset in reterr);
 * PANDO_UNSUPPORTED a newer format; PANDO_NOSPACE, PANDO_REFUSED, PANDO_IO, PANDO_NOMEM. */
enum pando_status journal_open(const struct journal_config *config, struct journal **ret_journal,
                               struct pando_err *reterr) PANDO_MUST_USE;
/* Close without a commit: what is staged is gone, as in a crash. No group or chore may be
 * under way. Accepts NULL. */
void journal_close(struct journal *j);

/* --- appending --- */

/* Stage a record; its position is final. It is durable once journal_durable(j) > *ret_position.
 * Errors: PANDO_BUSY  staged bytes are at their cap: wait for a commit to end;
 *         PANDO_NOSPACE, PANDO_IO  the journal has stopped, see journal_retry;
 *         PANDO_INVALID the record is longer than JOURNAL_RECORD_MAX; PANDO_NOMEM. */
enum pando_status journal_append(struct journal *j, uint8_t kind, struct pando_slice bytes,
                                 uint64_t *ret_position) PANDO_MUST_USE;

/* Take what is staged into a group. False when nothing is staged, a commit is in flight,
 * the journal has stopped, or a chore is making the very segment that is needed: so ask
 * again after every append, commit_end and chore_end. */
bool journal_commit_begin(struct journal *j, struct journal_group **ret_group);
/* A group without records that marks the end as durable, so that damage to the last group
 * can be told from a torn tail even after a crash. For an idle journal (say after 1 s) and
 * before close. False when the end is marked, or as for commit_begin. */
bool journal_mark_begin(struct journal *j, struct journal_group **ret_group);
/* Write and sync the group. Blocks. Thread: any; touches nothing of the loop thread's. */
void journal_commit_run(struct journal_group *group);
/* Take the group back. On success everything below *ret_durable is on disk. Otherwise the
 * journal has stopped with this status; the group's records wait for journal_retry. */
enum pando_status journal_commit_end(struct journal *j, struct journal_group *group,
                                     uint64_t *ret_durable) PANDO_MUST_USE;
/* Begin, run and end until nothing is staged: for tools, tests, shutdown (mark: also put a
 * mark behind the end). Blocks. */
enum pando_status journal_flush(struct journal *j, bool mark) PANDO_MUST_USE;

/* The status with which the journal stopped, or PANDO_OK. */
enum pando_status journal_stopped(const struct journal *j);
/* After a stop: let the next commit_begin hand out a recovery. Appends are refused until
 * its commit_end gave PANDO_OK; when it fails the journal has stopped again.
 * False when it has not stopped. */
bool journal_retry(struct journal *j);

/* --- background work --- */

/* Something to do that need not delay a commit: pre-write the next segment, delete or
 * recycle dropped ones. May run beside a commit. False when there is nothing. */
bool journal_chore_begin(struct journal *j, struct journal_chore **ret_chore);
void journal_chore_run(struct journal_chore *chore);
/* Errors do not stop the journal; the chore is offered again at the next segment's half. */
enum pando_status journal_chore_end(struct journal *j, struct journal_chore *chore) PANDO_MUST_USE;

/* --- reading --- */

/* Copy one record (staged, in flight or written) into `buf`, replacing its content.
 * Errors: PANDO_NOT_FOUND below the floor or beyond the end; PANDO_CORRUPT the bytes do not
 * match their checksum (or `position` is no record's); PANDO_IO, PANDO_FULL, PANDO_NOMEM.
 * Cost: one pread for records up to 4 KiB, two beyond. */
enum pando_status journal_read(const struct journal *j, uint64_t position, struct pando_buf *buf,
                               uint8_t *ret_kind) PANDO_MUST_USE;

struct journal_record {
    uint64_t position;
    uint8_t kind;
    struct pando_slice bytes; /* valid until the next call on the scan */
};

struct journal_scan; /* opaque: a buffered, verifying walk in order */

/* Walk the durable records from `position`: one given by append, by journal_scan_position,
 * an earlier journal_end or journal_durable, or journal_floor. Many scans may be open.
 * Errors: PANDO_NOT_FOUND below the floor or beyond the end; PANDO_NOMEM. */
enum pando_status journal_scan_open(const struct journal *j, uint64_t position,
                                    struct journal_scan **ret_scan) PANDO_MUST_USE;
/* The next durable record. PANDO_NOT_FOUND: none now; more may come after a commit.
 * PANDO_CORRUPT: journal_scan_where names the place. */
enum pando_status journal_scan_next(struct journal_scan *s,
                                    struct journal_record *ret_record) PANDO_MUST_USE;
/* Where the walk stands: behind the last record given. Valid as a start after a restart. */
uint64_t journal_scan_position(const struct journal_scan *s);
/* "FILE at offset N" of the latest damage. */
const char *journal_scan_where(const struct journal_scan *s);
void journal_scan_close(struct journal_scan *s);

/* Everything below is on disk. */
uint64_t journal_durable(const struct journal *j);
/* Behind the last staged record: what is folded into tables up to here may be marked so. */
uint64_t journal_end(const struct journal *j);
/* The oldest position that may still be read; records below it were dropped. */
uint64_t journal_floor(const struct journal *j);
uint64_t journal_epoch(const struct journal *j);

struct journal_stats {
    uint64_t disk_bytes;     /* of all its files, the spare included */
    uint64_t segments;       /* in use */
    uint64_t commits;        /* groups made durable since open */
    uint64_t records;        /* appended since open */
    uint64_t syncs;          /* fdatasync calls of commits since open */
    uint64_t torn_bytes;     /* cut at open */
    uint64_t staged_bytes;   /* waiting for a group, not in flight */
    uint64_t recoveries;     /* successful retries */
    bool clean;              /* it had been closed behind a mark */
};

struct journal_stats journal_stats(const struct journal *j);

/* --- snapshots and retention --- */

/* Write `state` as what all records below `position` amount to; replaces the previous
 * snapshot in one step. Thread: any, one call per directory at a time. Blocks. */
enum pando_status journal_snapshot_write(const struct pando_files *files, const char *dir,
                                         uint64_t position, struct pando_slice state,
                                         struct pando_err *reterr) PANDO_MUST_USE;
/* Errors: PANDO_NOT_FOUND there is none; PANDO_CORRUPT; PANDO_FULL longer than ret_state->max. */
enum pando_status journal_snapshot_read(const struct pando_files *files, const char *dir,
                                        uint64_t *ret_position, struct pando_buf *ret_state,
                                        struct pando_err *reterr) PANDO_MUST_USE;
/* Raise the floor to `position`: segments wholly below are dropped by later chores. Reads
 * the snapshot in full first. Errors: PANDO_INVALID no snapshot reaches `position`, or it is
 * beyond durable; PANDO_CORRUPT the snapshot is damaged: nothing was dropped. */
enum pando_status journal_drop_before(struct journal *j, uint64_t position,
                                      struct pando_err *reterr) PANDO_MUST_USE;

/* --- for a closed journal: verify and restore --- */

struct journal_damage {
    const char *path;
    uint64_t offset;
    const char *what;
};

struct journal_audit {
    uint64_t records;
    uint64_t groups;
    uint64_t bytes;   /* checked */
    uint64_t damages; /* reported */
    uint64_t torn_bytes;
};

/* Check every checksum in the directory up to the torn tail. `report` may be NULL; it is
 * called for each damage, `progress` (may be NULL) now and then with bytes done and in all.
 * Errors: PANDO_CORRUPT at least one damage; PANDO_IO, PANDO_NOMEM. Thread: any. */
struct journal_audit_sink {
    void *ctx;
    void (*damage)(void *ctx, const struct journal_damage *damage);
    void (*progress)(void *ctx, uint64_t done, uint64_t total);
};
enum pando_status journal_verify(const struct pando_files *files, const char *dir,
                                 const struct journal_audit_sink *sink,
                                 struct journal_audit *ret_audit) PANDO_MUST_USE;
/* Raise the epoch kept beside the journal by one (after a restore, before its first event). */
enum pando_status journal_epoch_raise(const struct pando_files *files, const char *dir,
                                      uint64_t *ret_epoch, struct pando_err *reterr) PANDO_MUST_USE;

#endif
