/* files_memory_control.c - the hand that makes, copies, breaks and inspects a simulated
 * disk. */
#include "store/files_memory_impl.h"

#include <stdlib.h>
#include <string.h>

struct files_memory *files_memory_new(uint64_t seed)
{
    struct files_memory *m = calloc(1, sizeof *m);
    if (m != NULL)
        m->rng = rng_seeded(seed);
    return m;
}

static void close_all(struct files_memory *m)
{
    for (size_t i = 0; i < m->handles_len; i++)
        inode_unref(m->handles[i]);
    free(m->handles);
    m->handles = NULL;
    m->handles_len = 0;
}

static void drop_moves(struct files_memory *m)
{
    for (size_t i = 0; i < m->moves_len; i++)
        inode_unref(m->moves[i].inode);
    m->moves_len = 0;
}

void files_memory_free(struct files_memory *m)
{
    if (m == NULL)
        return;
    close_all(m);
    drop_moves(m);
    for (size_t i = 0; i < m->names_len; i++) {
        inode_unref(m->names[i].now);
        inode_unref(m->names[i].safe);
        free(m->names[i].path);
    }
    for (size_t i = 0; i < m->dirs_len; i++)
        free(m->dirs[i]);
    free(m->moves);
    free(m->names);
    free(m->dirs);
    free(m);
}

/* The copy of `inode`, made at its first mention. */
static enum pando_status twin_of(struct inode *inode, struct inode **ret)
{
    *ret = NULL;
    if (inode == NULL)
        return PANDO_OK;
    if (inode->twin == NULL) {
        inode->twin = calloc(1, sizeof *inode->twin);
        if (inode->twin == NULL)
            return PANDO_NOMEM;
        *ret = inode->twin;
        inode->twin->refs = 1;
        return inode_fork(inode, inode->twin);
    }
    *ret = inode_ref(inode->twin);
    return PANDO_OK;
}

static enum pando_status fork_names(const struct files_memory *m,
                                    struct files_memory *copy)
{
    copy->names = calloc(m->names_len + 1, sizeof *copy->names);
    if (copy->names == NULL)
        return PANDO_NOMEM;
    copy->names_cap = m->names_len + 1;
    enum pando_status st = PANDO_OK;
    for (size_t i = 0; i < m->names_len && st == PANDO_OK; i++) {
        struct name *name = &copy->names[copy->names_len++];
        name->path = strdup(m->names[i].path);
        st = name->path != NULL ? twin_of(m->names[i].now, &name->now) : PANDO_NOMEM;
        if (st == PANDO_OK)
            st = twin_of(m->names[i].safe, &name->safe);
    }
    return st;
}

static enum pando_status fork_moves(const struct files_memory *m,
                                    struct files_memory *copy)
{
    copy->moves = calloc(m->moves_len + 1, sizeof *copy->moves);
    if (copy->moves == NULL)
        return PANDO_NOMEM;
    copy->moves_cap = m->moves_len + 1;
    enum pando_status st = PANDO_OK;
    for (size_t i = 0; i < m->moves_len && st == PANDO_OK; i++) {
        struct move *move = &copy->moves[copy->moves_len++];
        *move = m->moves[i];
        st = twin_of(m->moves[i].inode, &move->inode);
    }
    return st;
}

static enum pando_status fork_dirs(const struct files_memory *m,
                                   struct files_memory *copy)
{
    copy->dirs = calloc(m->dirs_len + 1, sizeof(char *));
    if (copy->dirs == NULL)
        return PANDO_NOMEM;
    for (size_t i = 0; i < m->dirs_len; i++) {
        copy->dirs[i] = strdup(m->dirs[i]);
        if (copy->dirs[i] == NULL)
            return PANDO_NOMEM;
        copy->dirs_len++;
    }
    return PANDO_OK;
}

static void forget_twins(const struct files_memory *m)
{
    for (size_t i = 0; i < m->names_len; i++) {
        if (m->names[i].now != NULL)
            m->names[i].now->twin = NULL;
        if (m->names[i].safe != NULL)
            m->names[i].safe->twin = NULL;
    }
    for (size_t i = 0; i < m->moves_len; i++)
        m->moves[i].inode->twin = NULL;
}

struct files_memory *files_memory_fork(const struct files_memory *m)
{
    struct files_memory *copy = files_memory_new(0);
    if (copy == NULL)
        return NULL;
    copy->rng = m->rng;
    copy->limit = m->limit;
    enum pando_status st = fork_names(m, copy);
    if (st == PANDO_OK)
        st = fork_moves(m, copy);
    if (st == PANDO_OK)
        st = fork_dirs(m, copy);
    forget_twins(m);
    if (st == PANDO_OK)
        return copy;
    files_memory_free(copy);
    return NULL;
}

/* Point `*slot` to `inode`. */
static void point(struct inode **slot, struct inode *inode)
{
    struct inode *old = *slot;
    *slot = inode_ref(inode);
    inode_unref(old);
}

void move_apply(struct files_memory *m, const struct move *move)
{
    struct name *name = &m->names[move->name];
    switch (move->kind) {
    case MOVE_CREATE:
        point(&name->safe, move->inode);
        break;
    case MOVE_UNLINK:
        point(&name->safe, NULL);
        break;
    case MOVE_RENAME:
        point(&m->names[move->to].safe, move->inode);
        point(&name->safe, NULL);
        break;
    }
}

/* How many of the pending moves survive: a prefix, as file systems with a journal keep
 * it. */
static size_t moves_kept(const struct files_memory *m, enum files_crash how,
                         struct rng *rng)
{
    if (how == FILES_CRASH_NONE)
        return 0;
    if (how == FILES_CRASH_ALL || how == FILES_CRASH_TORN)
        return m->moves_len;
    return (size_t)rng_below(rng, m->moves_len + 1);
}

enum pando_status files_memory_crash(struct files_memory *m, enum files_crash how,
                                     struct rng *rng)
{
    close_all(m);
    const size_t kept = moves_kept(m, how, rng);
    for (size_t i = 0; i < kept; i++)
        move_apply(m, &m->moves[i]);
    drop_moves(m);
    enum pando_status st = PANDO_OK;
    for (size_t i = 0; i < m->names_len && st == PANDO_OK; i++) {
        struct name *name = &m->names[i];
        point(&name->now, name->safe);
        if (name->safe != NULL)
            st = inode_crash(name->safe, how, rng);
    }
    return st;
}

void files_memory_fail(struct files_memory *m, unsigned mask, uint64_t nth,
                       uint64_t times, enum pando_status status)
{
    m->fail_mask = nth == 0 ? 0 : mask;
    m->fail_in = nth;
    m->fail_times = times;
    m->fail_status = status;
}

void files_memory_limit(struct files_memory *m, uint64_t bytes)
{
    m->limit = bytes;
}

void files_memory_hook(struct files_memory *m, void *ctx, void (*hook)(void *ctx))
{
    m->hook_ctx = ctx;
    m->hook = hook;
}

uint64_t files_memory_operations(const struct files_memory *m)
{
    return m->operations;
}

uint64_t files_memory_faults(const struct files_memory *m)
{
    return m->faults;
}

uint64_t files_memory_bytes(const struct files_memory *m)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < m->names_len; i++)
        bytes += m->names[i].now != NULL ? m->names[i].now->now.size : 0;
    return bytes;
}

uint64_t files_memory_syncs(const struct files_memory *m)
{
    return m->syncs;
}

size_t files_memory_unsynced(const struct files_memory *m)
{
    size_t count = m->moves_len;
    for (size_t i = 0; i < m->names_len; i++)
        count += m->names[i].now != NULL ? m->names[i].now->pending_len : 0;
    return count;
}

uint64_t files_memory_footprint(const struct files_memory *m)
{
    uint64_t bytes = sizeof *m;
    for (size_t i = 0; i < m->names_len; i++) {
        const struct inode *inode = m->names[i].now;
        if (inode != NULL)
            bytes += sizeof *inode + image_footprint(&inode->now) +
                     image_footprint(&inode->safe) + inode->pending_bytes;
    }
    return bytes;
}

static bool flip(struct image *im, uint64_t offset, unsigned bit)
{
    uint8_t byte;
    if (image_read(im, offset, &byte, 1) != 1)
        return false;
    byte = (uint8_t)(byte ^ (1u << (bit % 8)));
    return image_write(im, offset, (struct pando_slice){ &byte, 1 }) == PANDO_OK;
}

bool files_memory_flip(struct files_memory *m, const char *path, uint64_t offset,
                       unsigned bit)
{
    for (size_t i = 0; i < m->names_len; i++) {
        struct inode *inode = m->names[i].now;
        if (inode == NULL || strcmp(m->names[i].path, path) != 0)
            continue;
        const bool seen = flip(&inode->now, offset, bit);
        return seen && (offset >= inode->safe.size || flip(&inode->safe, offset, bit));
    }
    return false;
}

bool files_memory_at(const struct files_memory *m, size_t i, const char **ret_path,
                     uint64_t *ret_size)
{
    for (size_t at = 0; at < m->names_len; at++) {
        if (m->names[at].now == NULL || i-- > 0)
            continue;
        *ret_path = m->names[at].path;
        *ret_size = m->names[at].now->now.size;
        return true;
    }
    return false;
}
