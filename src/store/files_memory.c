#include "store/files_memory.h"

#include "base/assert.h"
#include "base/slice.h"
#include "store/files_memory_impl.h"

#include <stdlib.h>

/* Count an operation; the status that was injected for it, or PANDO_OK. */
static enum pando_status enter(struct files_memory *m, enum files_fault kind)
{
    m->operations++;
    if ((m->fail_mask & (unsigned)kind) == 0 || m->fail_times == 0)
        return PANDO_OK;
    if (m->fail_in > 1) {
        m->fail_in--;
        return PANDO_OK;
    }
    m->fail_times--;
    m->faults++;
    return m->fail_status;
}

static void changed(const struct files_memory *m)
{
    if (m->hook != NULL)
        m->hook(m->hook_ctx);
}

static struct name *find(const struct files_memory *m, const char *path)
{
    for (size_t i = 0; i < m->names_len; i++)
        if (strcmp(m->names[i].path, path) == 0)
            return &m->names[i];
    return NULL;
}

/* An entry whose file is gone in both pictures serves again, when no move speaks of it.
 */
static struct name *find_vacant(const struct files_memory *m)
{
    for (size_t i = 0; i < m->names_len && m->moves_len == 0; i++)
        if (m->names[i].now == NULL && m->names[i].safe == NULL)
            return &m->names[i];
    return NULL;
}

static enum pando_status reserve_name(struct files_memory *m)
{
    if (m->names_len < m->names_cap)
        return PANDO_OK;
    const size_t cap = m->names_cap > 0 ? m->names_cap * 2 : 8;
    if (cap > MEMORY_FILES_MAX)
        return PANDO_NOSPACE;
    struct name *names = realloc(m->names, cap * sizeof *names);
    if (names == NULL)
        return PANDO_NOMEM;
    m->names = names;
    m->names_cap = cap;
    return PANDO_OK;
}

/* The entry of `path`, added when it is missing. */
static enum pando_status place_name(struct files_memory *m, const char *path,
                                    size_t *ret_index)
{
    struct name *name = find(m, path);
    if (name == NULL) {
        const enum pando_status st = reserve_name(m);
        if (st != PANDO_OK)
            return st;
        char *copy = strdup(path);
        if (copy == NULL)
            return PANDO_NOMEM;
        name = find_vacant(m);
        if (name != NULL)
            free(name->path);
        else
            name = &m->names[m->names_len++];
        *name = (struct name){ .path = copy };
    }
    *ret_index = (size_t)(name - m->names);
    return PANDO_OK;
}

static enum pando_status push_move(struct files_memory *m, struct move move)
{
    if (m->moves_len == m->moves_cap) {
        const size_t cap = m->moves_cap > 0 ? m->moves_cap * 2 : 8;
        struct move *moves = realloc(m->moves, cap * sizeof *moves);
        if (moves == NULL)
            return PANDO_NOMEM;
        m->moves = moves;
        m->moves_cap = cap;
    }
    (void)inode_ref(move.inode);
    m->moves[m->moves_len++] = move;
    return PANDO_OK;
}

static enum pando_status new_handle(struct files_memory *m, struct inode *inode,
                                    int *ret_file)
{
    size_t slot = 0;
    while (slot < m->handles_len && m->handles[slot] != NULL)
        slot++;
    if (slot == MEMORY_HANDLES_MAX)
        return PANDO_FULL;
    if (slot == m->handles_len) {
        struct inode **handles = realloc(m->handles, (slot + 1) * sizeof(struct inode *));
        if (handles == NULL)
            return PANDO_NOMEM;
        m->handles = handles;
        m->handles_len++;
    }
    m->handles[slot] = inode_ref(inode);
    *ret_file = (int)slot;
    return PANDO_OK;
}

static struct inode *inode_at(const struct files_memory *m, int file)
{
    PANDO_ASSERT(file >= 0 && (size_t)file < m->handles_len);
    PANDO_ASSERT(m->handles[file] != NULL);
    return m->handles[file];
}

static enum pando_status create(struct files_memory *m, const char *path,
                                struct inode **ret)
{
    size_t index;
    const enum pando_status st = place_name(m, path, &index);
    if (st != PANDO_OK)
        return st;
    struct inode *inode = calloc(1, sizeof *inode);
    if (inode == NULL)
        return PANDO_NOMEM;
    inode->refs = 1;
    m->names[index].now = inode;
    *ret = inode;
    return push_move(m, (struct move){ MOVE_CREATE, index, 0, inode });
}

static enum pando_status memory_open(void *ctx, const char *path, enum files_mode mode,
                                     int *ret_file)
{
    struct files_memory *m = ctx;
    enum pando_status st = enter(m, FILES_FAULT_OPEN);
    if (st != PANDO_OK)
        return st;
    const struct name *name = find(m, path);
    struct inode *inode = name != NULL ? name->now : NULL;
    const bool is_new = inode == NULL;
    if (is_new && (mode == FILES_READ || mode == FILES_WRITE))
        return PANDO_NOT_FOUND;
    if (!is_new && mode == FILES_NEW)
        return PANDO_EXISTS;
    if (is_new)
        st = create(m, path, &inode);
    if (st == PANDO_OK)
        st = new_handle(m, inode, ret_file);
    if (st == PANDO_OK && is_new)
        changed(m);
    return st;
}

static void memory_close(void *ctx, int file)
{
    struct files_memory *m = ctx;
    struct inode *inode = inode_at(m, file);
    m->handles[file] = NULL;
    if (inode->locked && inode->holder == file)
        inode->locked = false;
    inode_unref(inode);
}

static enum pando_status memory_pread(void *ctx, int file, uint64_t offset, uint8_t *ptr,
                                      size_t len, size_t *ret_len)
{
    const enum pando_status st = enter(ctx, FILES_FAULT_PREAD);
    if (st == PANDO_OK)
        *ret_len = image_read(&inode_at(ctx, file)->now, offset, ptr, len);
    return st;
}

/* Whether the file may grow to `end`. */
static bool has_room(const struct files_memory *m, const struct inode *inode,
                     uint64_t end)
{
    if (m->limit == 0 || end <= inode->now.size)
        return true;
    return end - inode->now.size + files_memory_bytes(m) <= m->limit;
}

static bool is_zeros(struct pando_slice bytes)
{
    return bytes.ptr[0] == 0 && memcmp(bytes.ptr, bytes.ptr + 1, bytes.len - 1) == 0;
}

static enum pando_status write_bytes(struct inode *inode, uint64_t offset,
                                     struct pando_slice bytes)
{
    struct change c = { .kind = CHANGE_WRITE, .offset = offset, .len = bytes.len };
    if (bytes.len == 0)
        return PANDO_OK;
    const bool zeros = is_zeros(bytes);
    if (!zeros) {
        c.bytes = malloc(bytes.len);
        if (c.bytes == NULL)
            return PANDO_NOMEM;
        memcpy(c.bytes, bytes.ptr, bytes.len);
    }
    const enum pando_status st = zeros ? image_zero(&inode->now, offset, bytes.len)
                                       : image_write(&inode->now, offset, bytes);
    if (st == PANDO_OK)
        return inode_change(inode, &c);
    free(c.bytes);
    return st;
}

/* A write that fails may have got some way. */
static enum pando_status memory_pwrite(void *ctx, int file, uint64_t offset,
                                       struct pando_slice bytes)
{
    struct files_memory *m = ctx;
    struct inode *inode = inode_at(m, file);
    enum pando_status st = enter(m, FILES_FAULT_PWRITE);
    if (st == PANDO_OK && !has_room(m, inode, offset + bytes.len))
        return PANDO_NOSPACE;
    if (st != PANDO_OK) {
        const size_t len = (size_t)rng_below(&m->rng, bytes.len + 1);
        if (has_room(m, inode, offset + len) &&
            write_bytes(inode, offset, slice_of(bytes.ptr, len)) != PANDO_OK)
            return PANDO_NOMEM;
        return st;
    }
    st = write_bytes(inode, offset, bytes);
    changed(m);
    return st;
}

static enum pando_status memory_fdatasync(void *ctx, int file)
{
    struct files_memory *m = ctx;
    struct inode *inode = inode_at(m, file);
    enum pando_status st = enter(m, FILES_FAULT_FDATASYNC);
    if (st != PANDO_OK)
        return inode_sync_failed(inode, &m->rng) == PANDO_OK ? st : PANDO_NOMEM;
    st = inode_sync(inode);
    m->syncs++;
    changed(m);
    return st;
}

static enum pando_status memory_forget(void *ctx, int file)
{
    const enum pando_status st = enter(ctx, FILES_FAULT_PREAD);
    return st == PANDO_OK ? inode_forget(inode_at(ctx, file)) : st;
}

static enum pando_status resize(struct files_memory *m, struct inode *inode,
                                uint64_t size)
{
    if (!has_room(m, inode, size))
        return PANDO_NOSPACE;
    struct change c = { .kind = CHANGE_TRUNCATE, .offset = size };
    enum pando_status st = image_truncate(&inode->now, size);
    if (st == PANDO_OK)
        st = inode_change(inode, &c);
    changed(m);
    return st;
}

static enum pando_status memory_fallocate(void *ctx, int file, uint64_t size)
{
    struct inode *inode = inode_at(ctx, file);
    const enum pando_status st = enter(ctx, FILES_FAULT_FALLOCATE);
    return st != PANDO_OK || inode->now.size >= size ? st : resize(ctx, inode, size);
}

static enum pando_status memory_truncate(void *ctx, int file, uint64_t size)
{
    struct inode *inode = inode_at(ctx, file);
    const enum pando_status st = enter(ctx, FILES_FAULT_NAMES);
    return st != PANDO_OK || inode->now.size == size ? st : resize(ctx, inode, size);
}

static enum pando_status memory_size(void *ctx, int file, uint64_t *ret_size)
{
    *ret_size = inode_at(ctx, file)->now.size;
    return PANDO_OK;
}

static enum pando_status memory_rename(void *ctx, const char *from, const char *to)
{
    struct files_memory *m = ctx;
    enum pando_status st = enter(m, FILES_FAULT_NAMES);
    if (st != PANDO_OK)
        return st;
    const struct name *name = find(m, from);
    if (name == NULL || name->now == NULL)
        return PANDO_NOT_FOUND;
    const size_t old = (size_t)(name - m->names);
    size_t new;
    st = place_name(m, to, &new);
    if (st != PANDO_OK || old == new)
        return st;
    struct inode *inode = m->names[old].now;
    st = push_move(m, (struct move){ MOVE_RENAME, old, new, inode });
    if (st != PANDO_OK)
        return st;
    inode_unref(m->names[new].now);
    m->names[new].now = inode;
    m->names[old].now = NULL;
    changed(m);
    return PANDO_OK;
}

static enum pando_status memory_unlink(void *ctx, const char *path)
{
    struct files_memory *m = ctx;
    enum pando_status st = enter(m, FILES_FAULT_NAMES);
    if (st != PANDO_OK)
        return st;
    struct name *name = find(m, path);
    if (name == NULL || name->now == NULL)
        return PANDO_NOT_FOUND;
    const size_t index = (size_t)(name - m->names);
    st = push_move(m, (struct move){ MOVE_UNLINK, index, 0, name->now });
    if (st != PANDO_OK)
        return st;
    inode_unref(name->now);
    name->now = NULL;
    changed(m);
    return PANDO_OK;
}

/* The name right below `dir`, or NULL when `path` lies elsewhere or deeper. */
static const char *name_in(const char *dir, const char *path)
{
    const size_t len = strlen(dir);
    if (strncmp(path, dir, len) != 0 || path[len] != '/')
        return NULL;
    return strchr(path + len + 1, '/') == NULL ? path + len + 1 : NULL;
}

static bool has_dir(const struct files_memory *m, const char *path)
{
    for (size_t i = 0; i < m->dirs_len; i++)
        if (strcmp(m->dirs[i], path) == 0)
            return true;
    return false;
}

static enum pando_status memory_list(void *ctx, const char *path, void *arg,
                                     void (*each)(void *arg, const char *name,
                                                  bool is_dir))
{
    const struct files_memory *m = ctx;
    const enum pando_status st = enter(ctx, FILES_FAULT_NAMES);
    if (st != PANDO_OK || !has_dir(m, path))
        return st != PANDO_OK ? st : PANDO_NOT_FOUND;
    for (size_t i = 0; i < m->names_len; i++) {
        const char *name = name_in(path, m->names[i].path);
        if (m->names[i].now != NULL && name != NULL)
            each(arg, name, false);
    }
    for (size_t i = 0; i < m->dirs_len; i++) {
        const char *name = name_in(path, m->dirs[i]);
        if (name != NULL)
            each(arg, name, true);
    }
    return PANDO_OK;
}

/* Directories are few and made once: they are safe at once. */
static enum pando_status memory_mkdir(void *ctx, const char *path)
{
    struct files_memory *m = ctx;
    const enum pando_status st = enter(m, FILES_FAULT_NAMES);
    if (st != PANDO_OK || has_dir(m, path))
        return st != PANDO_OK ? st : PANDO_EXISTS;
    if (m->dirs_len == MEMORY_FILES_MAX)
        return PANDO_NOSPACE;
    char **dirs = realloc(m->dirs, (m->dirs_len + 1) * sizeof(char *));
    if (dirs == NULL)
        return PANDO_NOMEM;
    m->dirs = dirs;
    dirs[m->dirs_len] = strdup(path);
    if (dirs[m->dirs_len] == NULL)
        return PANDO_NOMEM;
    m->dirs_len++;
    return PANDO_OK;
}

static bool is_in(const struct files_memory *m, const struct move *move, const char *dir)
{
    return name_in(dir, m->names[move->name].path) != NULL ||
           (move->kind == MOVE_RENAME && name_in(dir, m->names[move->to].path) != NULL);
}

static enum pando_status memory_sync_dir(void *ctx, const char *path)
{
    struct files_memory *m = ctx;
    const enum pando_status st = enter(m, FILES_FAULT_SYNC_DIR);
    if (st != PANDO_OK)
        return st;
    size_t kept = 0;
    for (size_t i = 0; i < m->moves_len; i++) {
        const struct move move = m->moves[i];
        if (is_in(m, &move, path)) {
            move_apply(m, &move);
            inode_unref(move.inode);
        } else {
            m->moves[kept++] = move;
        }
    }
    m->moves_len = kept;
    changed(m);
    return PANDO_OK;
}

static enum pando_status memory_lock(void *ctx, const char *path, int *ret_file,
                                     int *ret_holder)
{
    int file;
    const enum pando_status st = memory_open(ctx, path, FILES_CREATE, &file);
    if (st != PANDO_OK)
        return st;
    struct inode *inode = inode_at(ctx, file);
    if (inode->locked) {
        memory_close(ctx, file);
        *ret_holder = 0;
        return PANDO_BUSY;
    }
    inode->locked = true;
    inode->holder = file;
    *ret_file = file;
    return PANDO_OK;
}

struct pando_files files_memory_files(struct files_memory *m)
{
    static const struct files_ops ops = {
        .open = memory_open,
        .close = memory_close,
        .pread = memory_pread,
        .pwrite = memory_pwrite,
        .fdatasync = memory_fdatasync,
        .forget = memory_forget,
        .fallocate = memory_fallocate,
        .truncate = memory_truncate,
        .size = memory_size,
        .rename = memory_rename,
        .unlink = memory_unlink,
        .mkdir = memory_mkdir,
        .sync_dir = memory_sync_dir,
        .list = memory_list,
        .lock = memory_lock,
    };
    return (struct pando_files){ .ctx = m, .ops = &ops };
}
