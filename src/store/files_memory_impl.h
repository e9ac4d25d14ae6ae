/* files_memory_impl.h - the two pictures of the simulated disk, and what lies between. */
#ifndef STORE_FILES_MEMORY_IMPL_H
#define STORE_FILES_MEMORY_IMPL_H

#include "store/files_image.h"
#include "store/files_memory.h"

enum change_kind { CHANGE_WRITE, CHANGE_ZERO, CHANGE_TRUNCATE };

/* A change of a file's bytes that no sync has covered. */
struct change {
    enum change_kind kind;
    uint64_t offset;
    uint64_t len;
    uint8_t *bytes; /* CHANGE_WRITE */
};

struct inode {
    uint32_t refs; /* names, handles and pending name changes */
    bool locked;
    bool lost; /* a sync failed: `now` shows bytes that no sync will ever save */
    struct image now;
    struct image safe;
    struct change *pending;
    size_t pending_len, pending_cap;
    uint64_t pending_bytes;
};

/* A name and what it means: now, and after a power cut. */
struct name {
    char *path;
    struct inode *now;
    struct inode *safe;
};

enum rename_kind { NAME_CREATED, NAME_RENAMED, NAME_UNLINKED };

/* A change of names that no sync_dir has covered. */
struct name_change {
    enum rename_kind kind;
    size_t name; /* index in names; the old one of a rename */
    size_t to;
    struct inode *inode;
};

struct files_memory {
    struct name *names;
    size_t names_len, names_cap;
    char **dirs;
    size_t dirs_len;
    struct name_change *moves;
    size_t moves_len, moves_cap;
    struct inode **handles;
    size_t handles_len;
    uint64_t capacity;
    uint64_t ops, written;
    uint64_t fail_at, fail_times; /* an index of `ops`; 0: never */
    enum pando_status fail_status;
    bool fail_sync;
    struct rng rng; /* which bytes a failed operation leaves behind */
    void *watch_ctx;
    void (*watch)(void *ctx, enum memory_op op);
};

void inode_unref(struct inode *inode);
struct inode *inode_ref(struct inode *inode);
/* Note a change that `now` shows already. Takes over `change->bytes` in any case. */
enum pando_status inode_change(struct inode *inode, struct change *change) PANDO_MUST_USE;
/* All pending changes become safe. */
enum pando_status inode_sync(struct inode *inode) PANDO_MUST_USE;
/* The sync failed: a part of the pending changes becomes safe, none stays pending. */
enum pando_status inode_sync_failed(struct inode *inode, struct rng *rng) PANDO_MUST_USE;
/* Apply pending changes to `im` as a crash would. */
enum pando_status inode_survive(const struct inode *inode, enum memory_crash crash, struct rng *rng,
                                struct image *im) PANDO_MUST_USE;
void name_change_apply(struct files_memory *disk, const struct name_change *move);
/* The entry of `path`, added when it is missing. */
enum pando_status name_place(struct files_memory *disk, const char *path,
                             size_t *ret_index) PANDO_MUST_USE;

#endif
