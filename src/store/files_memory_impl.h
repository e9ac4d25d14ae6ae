/* files_memory_impl.h - the two pictures of the simulated disk, and what lies between. */
#ifndef STORE_FILES_MEMORY_IMPL_H
#define STORE_FILES_MEMORY_IMPL_H

#include "store/files_image.h"
#include "store/files_memory.h"

#define MEMORY_FILES_MAX   4096 /* names of files and directories: PANDO_NOSPACE beyond */
#define MEMORY_HANDLES_MAX 1024 /* open files: PANDO_FULL beyond */
#define MEMORY_PENDING_MAX (1u << 20) /* unsynced bytes of a file */
#define MEMORY_SECTOR 512u

enum change_kind { CHANGE_WRITE, CHANGE_TRUNCATE };

/* A change of a file's bytes that no sync has covered. */
struct change {
    enum change_kind kind;
    uint64_t offset;
    uint64_t len;
    uint8_t *bytes; /* CHANGE_WRITE; NULL: zeros */
};

struct inode {
    uint32_t refs; /* names, handles and pending name changes */
    bool locked;
    bool lost;  /* a sync failed: `now` shows bytes that no sync will ever save */
    int holder; /* of the lock */
    struct image now;
    struct image safe;
    struct change *pending;
    size_t pending_len, pending_cap;
    uint64_t pending_bytes;
    struct inode *twin; /* its copy, while a disk is being forked */
};

/* A name and what it means: now, and after a power cut. */
struct name {
    char *path;
    struct inode *now;
    struct inode *safe;
};

enum move_kind { MOVE_CREATE, MOVE_RENAME, MOVE_UNLINK };

/* A change of names that no sync_dir has covered. Names are never removed from the list
 * while moves speak of them by index. */
struct move {
    enum move_kind kind;
    size_t name; /* the old one of a rename */
    size_t to;
    struct inode *inode;
};

struct files_memory {
    struct name *names;
    size_t names_len, names_cap;
    char **dirs;
    size_t dirs_len;
    struct move *moves;
    size_t moves_len, moves_cap;
    struct inode **handles;
    size_t handles_len;
    uint64_t limit; /* 0: none */
    uint64_t operations, faults, syncs;
    unsigned fail_mask;
    uint64_t fail_in, fail_times;
    enum pando_status fail_status;
    struct rng rng; /* which bytes a failed operation leaves behind */
    void *hook_ctx;
    void (*hook)(void *ctx);
};

struct inode *inode_ref(struct inode *inode);
void inode_unref(struct inode *inode);
/* Note a change that `now` shows already. Takes over `change->bytes` in any case. */
enum pando_status inode_change(struct inode *inode, struct change *change) PANDO_MUST_USE;
/* All pending changes become safe. */
enum pando_status inode_sync(struct inode *inode) PANDO_MUST_USE;
/* The sync failed: a part of the pending changes becomes safe, none stays pending. */
enum pando_status inode_sync_failed(struct inode *inode, struct rng *rng) PANDO_MUST_USE;
/* What is not dirty is read from the disk again. */
enum pando_status inode_forget(struct inode *inode) PANDO_MUST_USE;
/* What the power cut leaves becomes the content. */
enum pando_status inode_crash(struct inode *inode, enum files_crash how,
                              struct rng *rng) PANDO_MUST_USE;
enum pando_status inode_fork(const struct inode *inode, struct inode *ret) PANDO_MUST_USE;
void move_apply(struct files_memory *m, const struct move *move);

#endif
