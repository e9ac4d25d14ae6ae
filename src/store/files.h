/* files.h - the disk, as a table of functions.
 *
 * The journal and everything around it reach the disk through `struct pando_files` only.
 * Two disks stand behind it: the real one (files_posix.h) and one in memory that can
 * lose, keep or tear what was not synced (files_memory.h). Because the seam lies below
 * the journal, the code that a simulator or a crash test runs is the code that runs in a
 * node.
 *
 * Names are paths; a file is a small number. Bytes of a file are durable after fdatasync;
 * a created, renamed or removed *name* is durable after sync_dir of its directory.
 *
 * Errors are the same for every disk: PANDO_NOSPACE full or over quota, PANDO_REFUSED no
 * permission or read-only, PANDO_NOT_FOUND, PANDO_EXISTS, PANDO_BUSY locked, PANDO_IO the
 * rest.
 *
 * Thread: operations on different files may run at once; one file has one user at a time,
 * except pread, which may run beside a pwrite of other bytes.
 */
#ifndef STORE_FILES_H
#define STORE_FILES_H

#include <pando/status.h>
#include <pando/types.h>

#define FILES_PATH_MAX 1024 /* with the terminator */

enum files_mode {
    FILES_READ,   /* must exist */
    FILES_WRITE,  /* must exist; read and write */
    FILES_CREATE, /* read and write, made when absent */
    FILES_NEW,    /* read and write, PANDO_EXISTS when present */
};

struct files_ops {
    enum pando_status (*open)(void *ctx, const char *path, enum files_mode mode,
                              int *ret_file);
    void (*close)(void *ctx, int file);
    /* Short only at the end of the file. */
    enum pando_status (*pread)(void *ctx, int file, uint64_t offset, uint8_t *ptr,
                               size_t len, size_t *ret_len);
    /* All of `bytes` or an error; after an error any part may have been written. */
    enum pando_status (*pwrite)(void *ctx, int file, uint64_t offset,
                                struct pando_slice bytes);
    /* After an error the unsynced bytes may be lost although pread still shows them. */
    enum pando_status (*fdatasync)(void *ctx, int file);
    /* Drop what is cached of a file without unsynced bytes, so that pread asks the disk.
     */
    enum pando_status (*forget)(void *ctx, int file);
    /* Make the file at least `size` long, with its blocks reserved. */
    enum pando_status (*fallocate)(void *ctx, int file, uint64_t size);
    enum pando_status (*truncate)(void *ctx, int file, uint64_t size);
    enum pando_status (*size)(void *ctx, int file, uint64_t *ret_size);
    enum pando_status (*rename)(void *ctx, const char *from, const char *to);
    enum pando_status (*unlink)(void *ctx, const char *path);
    /* PANDO_EXISTS when it is there already. */
    enum pando_status (*mkdir)(void *ctx, const char *path);
    enum pando_status (*sync_dir)(void *ctx, const char *path);
    /* Call `each` with every name in the directory, in no particular order. */
    enum pando_status (*list)(void *ctx, const char *path, void *arg,
                              void (*each)(void *arg, const char *name, bool is_dir));
    /* Hold `path` for this opener until close. PANDO_BUSY: `*ret_holder` is the holder's
     * process id, or 0 when unknown. */
    enum pando_status (*lock)(void *ctx, const char *path, int *ret_file,
                              int *ret_holder);
};

struct pando_files {
    void *ctx;
    const struct files_ops *ops;
};

/* The real disk. Needs no state, so it needs no end. */
struct pando_files files_posix(void);

/* What the user can do about `status` of a file operation; "" when nothing is known. */
const char *files_remedy(enum pando_status status);

/* Join two path parts. Errors: PANDO_INVALID the result is too long. */
enum pando_status files_path(char ret_path[static FILES_PATH_MAX], const char *dir,
                             const char *name) PANDO_MUST_USE;
/* Make `path` and its parents; existing ones are fine. */
enum pando_status files_mkdirs(const struct pando_files *f,
                               const char *path) PANDO_MUST_USE;
/* Put `bytes` under `dir/name` so that a crash leaves the old content or the new one. */
enum pando_status files_replace(const struct pando_files *f, const char *dir,
                                const char *name,
                                struct pando_slice bytes) PANDO_MUST_USE;
/* True when `dir/name` can be opened for reading. */
bool files_has(const struct pando_files *f, const char *dir, const char *name);

#endif
