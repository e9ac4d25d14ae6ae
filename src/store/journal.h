/* journal.h - the append-only truth of one space.
 *
 * Records are staged in memory, gathered into groups and made durable group by group; the
 * middle step is the only one that blocks, and it may run on any thread:
 *
 *   loop:   journal_append ... journal_append   journal_commit_begin -> group
 *   any:                                        journal_commit_run(group)   pwrite,
 * fdatasync loop:                                       journal_commit_end -> durable
 * position
 *
 * A position is a logical byte offset that never changes its meaning. Layout on disk,
 * recovery and the failures it survives: docs/wire/journal.md.
 */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include "base/buf.h"
#include "base/trace.h"
#include "store/files.h"

#include <pando/status.h>
#include <pando/types.h>

#define JOURNAL_RECORD_MAX   (1u << 20)  /* bytes of one record */
#define JOURNAL_STAGED_MAX   (16u << 20) /* bytes staged and not yet durable */
#define JOURNAL_SNAPSHOT_MAX (256u << 20)

struct journal;
struct journal_group;
struct journal_ahead;

struct journal_config {
    struct pando_files files;
    const char *dir;       /* created when missing */
    struct pando_id space; /* stands in every segment's head */
    size_t segment_min;    /* 0: 1 MiB */
    size_t segment_max;    /* 0: 64 MiB */
    bool sync;             /* false: the weaker mode, no fdatasync */
    const struct tracer *tracer;
    uint64_t seed; /* unpredictable to peers: salts the checksums of a new journal */
};

/* Open or create, cutting a torn tail. Errors: PANDO_CORRUPT damage below a durable mark
 * (file and offset in reterr); PANDO_UNSUPPORTED a newer format; PANDO_IO, PANDO_NOSPACE.
 */
enum pando_status journal_open(const struct journal_config *config, struct journal **ret,
                               struct pando_err *reterr) PANDO_MUST_USE;
/* Staged records that were not committed are lost. No group may be in flight. */
void journal_close(struct journal *j);

/* Stage one record. Errors: PANDO_BUSY JOURNAL_STAGED_MAX is reached; PANDO_INVALID too
 * long; PANDO_NOSPACE or PANDO_IO the journal has stopped (see journal_retry). */
enum pando_status journal_append(struct journal *j, uint8_t kind,
                                 struct pando_slice bytes,
                                 uint64_t *ret_position) PANDO_MUST_USE;
/* Close the staged records into a group. False: nothing is staged, a group is in flight,
 * or the journal has stopped. */
bool journal_commit_begin(struct journal *j, struct journal_group **ret_group);
/* Write and sync. Thread: any; touches nothing that the loop thread may touch meanwhile.
 */
void journal_commit_run(struct journal_group *group);
/* Take the outcome. On success `*ret_durable` is the position behind the last durable
 * record. Errors: PANDO_NOSPACE, PANDO_IO: the journal has stopped; its records stay
 * staged. */
enum pando_status journal_commit_end(struct journal *j, struct journal_group *group,
                                     uint64_t *ret_durable) PANDO_MUST_USE;
/* Zeros for the next segment, a step of them beside the commits, so that none waits for
 * them. False: nothing is to be done now, or a step is under way, or a group in flight
 * makes a segment. A group that must make one does not begin while a step is under way.
 * `run` blocks, on any thread; a failure matters only when the segment is needed. */
bool journal_ahead_begin(struct journal *j, struct journal_ahead **ret);
void journal_ahead_run(struct journal_ahead *a);
void journal_ahead_end(struct journal *j, struct journal_ahead *a);
/* After a failure: reopen, verify what is on disk, write what is staged anew. PANDO_OK
 * when it takes appends again; the staged records need a new commit. Blocks briefly. */
enum pando_status journal_retry(struct journal *j,
                                struct pando_err *reterr) PANDO_MUST_USE;

/* The status with which the journal stopped, or PANDO_OK. */
enum pando_status journal_stopped(const struct journal *j);
uint64_t journal_first(const struct journal *j);   /* the oldest record kept */
uint64_t journal_durable(const struct journal *j); /* behind the last durable record */
uint64_t journal_end(const struct journal *j);     /* behind the last staged record */

/* The record at `position`, staged or written, appended to `ret`.
 * Errors: PANDO_NOT_FOUND no record begins there; PANDO_CORRUPT its checksum is wrong. */
enum pando_status journal_read(struct journal *j, uint64_t position, uint8_t *ret_kind,
                               struct pando_buf *ret) PANDO_MUST_USE;

/* `len` bytes of the record at `position`, from `offset` on, appended to `ret`; fewer where it
 * ends. Its checksum is not looked at: for who can tell in another way that they are right.
 * Errors: as journal_read. */
enum pando_status journal_read_part(struct journal *j, uint64_t position, size_t offset,
                                    size_t len, uint8_t *ret_kind,
                                    struct pando_buf *ret) PANDO_MUST_USE;

/* The same of a record whose beginning was read before, without another look at it: all `len`
 * bytes must be there, whoever's they are. Errors: as journal_read. */
enum pando_status journal_read_on(struct journal *j, uint64_t position, size_t offset, size_t len,
                                  struct pando_buf *ret) PANDO_MUST_USE;

/* A walk over records in order, from a position on; buffered. */
struct journal_cursor {
    struct journal *journal;
    uint64_t position; /* of the next record */
    struct pando_buf buf;
    uint64_t buf_at; /* position of buf's first byte */
};
void journal_scan(struct journal *j, uint64_t from, struct journal_cursor *ret);
void journal_scan_end(struct journal_cursor *c);
/* The next record; its bytes are valid until the next call. PANDO_NOT_FOUND at the end
 * (records appended later are found by calling again). PANDO_CORRUPT. */
enum pando_status journal_next(struct journal_cursor *c, uint64_t *ret_position,
                               uint8_t *ret_kind,
                               struct pando_slice *ret_bytes) PANDO_MUST_USE;

struct journal_stats {
    uint64_t bytes; /* of all segments on disk, pre-written zeros included */
    uint64_t segments;
    uint64_t commits;  /* since open */
    uint64_t records;  /* known: read at open and committed since */
    uint64_t torn;     /* tails that were cut at open */
    uint64_t failures; /* commits that failed */
};
void journal_stats(const struct journal *j, struct journal_stats *ret);

/* The author's epoch, raised by every restore of a backup. */
uint64_t journal_epoch(const struct journal *j);
enum pando_status journal_epoch_read(const struct pando_files *files, const char *dir,
                                     uint64_t *ret_epoch,
                                     struct pando_err *reterr) PANDO_MUST_USE;
enum pando_status journal_epoch_raise(const struct pando_files *files, const char *dir,
                                      uint64_t *ret_epoch,
                                      struct pando_err *reterr) PANDO_MUST_USE;

/* What a repair took out. */
struct journal_loss {
    char file[64];   /* the damaged one's name */
    uint64_t offset; /* of the damage; everything from there on is set aside */
    bool whole;      /* nothing was kept, not even the snapshot */
    uint64_t repairs;
};
/* Repair a damaged journal that is not open, for a space that gets its records from others:
 * what is sound in front of the first damage stays, the rest is set aside in files named
 * `damaged-...`, of the last two repairs. Before that the count of repairs is raised, so a
 * crash leaves either the damage or a journal that tells of it. Blocks. Errors:
 * PANDO_NOT_FOUND no damage of this kind is there; PANDO_NOSPACE, PANDO_IO. */
enum pando_status journal_mend(const struct pando_files *files, const char *dir,
                               struct journal_loss *ret,
                               struct pando_err *reterr) PANDO_MUST_USE;
/* How often that was done. */
uint64_t journal_repairs(const struct journal *j);

/* Replace the snapshot in `dir`: what all records below `position` amount to. A power cut
 * leaves the old one or the new one. Blocks. Thread: any, one call a directory at a time.
 * Errors: PANDO_INVALID longer than JOURNAL_SNAPSHOT_MAX; PANDO_NOSPACE, PANDO_IO. */
enum pando_status journal_snapshot_write(const struct pando_files *files, const char *dir,
                                         uint64_t position, struct pando_slice state,
                                         struct pando_err *reterr) PANDO_MUST_USE;
/* Append it to `ret_state`. Errors: PANDO_NOT_FOUND there is none; PANDO_CORRUPT;
 * PANDO_FULL it is longer than ret_state->max. Thread: as above. */
enum pando_status journal_snapshot_read(const struct pando_files *files, const char *dir,
                                        uint64_t *ret_position,
                                        struct pando_buf *ret_state,
                                        struct pando_err *reterr) PANDO_MUST_USE;
/* Forget records below `position`, in whole segments; journal_first rises. Reads the
 * snapshot in full before. Blocks. Errors: PANDO_INVALID no snapshot reaches `position`,
 * or it is not durable; PANDO_CORRUPT the snapshot is damaged (nothing was dropped);
 * PANDO_BUSY a group is in flight; PANDO_IO. */
enum pando_status journal_drop_before(struct journal *j, uint64_t position,
                                      struct pando_err *reterr) PANDO_MUST_USE;

/* The i-th segment's file name and how many of its leading bytes are the durable journal;
 * a folder of exactly such (shorter) copies opens and verifies. The name is valid until
 * the next append. False behind the last. */
bool journal_file(const struct journal *j, size_t i, const char **ret_name,
                  uint64_t *ret_bytes);

struct journal_damage {
    const char *path;
    uint64_t offset;
    const char *what;
};
struct journal_audit {
    uint64_t records;
    uint64_t bytes;
    uint64_t damages;
    uint64_t torn_bytes; /* segments with an uncommitted tail */
};
struct journal_audit_sink {
    void *ctx;
    void (*damage)(void *ctx, const struct journal_damage *damage);
    void (*progress)(void *ctx, uint64_t done, uint64_t total);
};
/* Check every checksum of a journal's folder, also one that a process appends to.
 * Errors: PANDO_CORRUPT each damage was reported to `sink` (may be NULL). Thread: any. */
enum pando_status journal_verify(const struct pando_files *files, const char *dir,
                                 const struct journal_audit_sink *sink,
                                 struct journal_audit *ret_audit) PANDO_MUST_USE;

#endif
