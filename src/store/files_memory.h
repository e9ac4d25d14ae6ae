/* files_memory.h - a disk in memory that crashes like a real one.
 *
 * Every file has two contents: what a reader sees now and what would survive a power cut.
 * Writes since the last fdatasync wait in a log; a crash applies to the durable content
 * any subset of them, each kept, dropped or torn at 512-byte sectors, as a seed says.
 * Names behave alike with sync_dir, except that a directory's changes survive as a
 * prefix, as on journalling file systems. After a failed fdatasync the bytes are still
 * readable, no later fdatasync saves them, and a power cut shows that: the trap of 2018's
 * "fsyncgate".
 *
 * Content lies in shared copy-on-write pages and zero pages take no room, so a thousand
 * simulated nodes with pre-written journals are cheap, and so is a fork of a whole disk.
 *
 * Owned by one thread.
 */
#ifndef STORE_FILES_MEMORY_H
#define STORE_FILES_MEMORY_H

#include "base/rng.h"
#include "store/files.h"

struct files_memory; /* opaque */

/* What a crash leaves of the unsynced writes and names. */
enum files_crash {
    FILES_CRASH_NONE, /* nothing: only what was synced */
    FILES_CRASH_ALL,  /* everything: a killed process, power stays on */
    FILES_CRASH_SOME, /* as the generator decides, torn sectors included */
    FILES_CRASH_TORN, /* everything, but each file's last write only up to some sector */
    FILES_CRASH_LATE, /* of each file's writes only the newest: written back in reverse */
};

/* Operations that can be made to fail; bits of a mask. */
enum files_fault {
    FILES_FAULT_OPEN = 1,
    FILES_FAULT_PREAD = 2,
    FILES_FAULT_PWRITE = 4,
    FILES_FAULT_FDATASYNC = 8,
    FILES_FAULT_FALLOCATE = 16,
    FILES_FAULT_NAMES = 32, /* rename, unlink, mkdir, truncate, list */
    FILES_FAULT_SYNC_DIR = 64,
    FILES_FAULT_ANY = 127,
};

/* An empty disk; NULL when memory is out. `seed` steers what a failing sync loses. */
struct files_memory *files_memory_new(uint64_t seed);
void files_memory_free(struct files_memory *m);
struct pando_files files_memory_files(struct files_memory *m);

/* A copy of the disk as it is, unsynced log included, without open files, hook and
 * faults. */
struct files_memory *files_memory_fork(const struct files_memory *m);
/* Cut the power: all open files close, what `how` leaves becomes the content. On
 * PANDO_NOMEM the content is undefined. */
enum pando_status files_memory_crash(struct files_memory *m, enum files_crash how,
                                     struct rng *rng) PANDO_MUST_USE;

/* Let the n-th operation (from 1, counted from now) that is in `mask` fail with `status`,
 * and `times` - 1 after it; `nth` 0 ends that. A failing pwrite may have written a part.
 */
void files_memory_fail(struct files_memory *m, unsigned mask, uint64_t nth,
                       uint64_t times, enum pando_status status);
/* Refuse with PANDO_NOSPACE what would make all files together longer than `bytes`; 0: no
 * end. */
void files_memory_limit(struct files_memory *m, uint64_t bytes);
/* Be told after every operation that changes the disk or makes it durable. */
void files_memory_hook(struct files_memory *m, void *ctx, void (*changed)(void *ctx));

/* Operations of any kind so far, faults given, bytes of all files. */
uint64_t files_memory_operations(const struct files_memory *m);
uint64_t files_memory_faults(const struct files_memory *m);
uint64_t files_memory_bytes(const struct files_memory *m);
uint64_t files_memory_syncs(const struct files_memory *m);
/* Number of writes and names that a power cut could lose now. */
size_t files_memory_unsynced(const struct files_memory *m);

/* Memory that its files take; pages shared with forks count in full. */
uint64_t files_memory_footprint(const struct files_memory *m);

/* Change one bit of a file, on the disk and for readers; false when it does not exist. */
bool files_memory_flip(struct files_memory *m, const char *path, uint64_t offset,
                       unsigned bit);
/* The i-th file's path and size, in a stable order; false beyond the last. */
bool files_memory_at(const struct files_memory *m, size_t i, const char **ret_path,
                     uint64_t *ret_size);

#endif
