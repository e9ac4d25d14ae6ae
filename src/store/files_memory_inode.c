/* files_memory_inode.c - one simulated file: what was not synced, and what becomes of it.
 */
#include "base/slice.h"
#include "store/files_memory_impl.h"

#include <stdlib.h>

struct inode *inode_ref(struct inode *inode)
{
    if (inode != NULL)
        inode->refs++;
    return inode;
}

static void drop_pending(struct inode *inode)
{
    for (size_t i = 0; i < inode->pending_len; i++)
        free(inode->pending[i].bytes);
    inode->pending_len = 0;
    inode->pending_bytes = 0;
}

void inode_unref(struct inode *inode)
{
    if (inode == NULL || --inode->refs > 0)
        return;
    drop_pending(inode);
    free(inode->pending);
    image_deinit(&inode->now);
    image_deinit(&inode->safe);
    free(inode);
}

/* Bytes [skip, skip + len) of the change. */
static enum pando_status apply(struct image *im, const struct change *c, uint64_t skip,
                               uint64_t len)
{
    switch (c->kind) {
    case CHANGE_WRITE:
        if (c->bytes == NULL)
            return image_zero(im, c->offset + skip, len);
        return image_write(im, c->offset + skip, slice_of(c->bytes + skip, (size_t)len));
    case CHANGE_TRUNCATE:
        return image_truncate(im, c->offset);
    }
    return PANDO_OK;
}

static enum pando_status apply_whole(struct image *im, const struct change *c)
{
    return apply(im, c, 0, c->len);
}

/* The end of the sector that holds byte `at` of the change, within the change. */
static uint64_t sector_end(const struct change *c, uint64_t at)
{
    const uint64_t stop =
        ((c->offset + at) / MEMORY_SECTOR + 1) * MEMORY_SECTOR - c->offset;
    return stop < c->len ? stop : c->len;
}

/* The first sectors survive. */
static enum pando_status apply_torn(struct image *im, const struct change *c,
                                    struct rng *rng)
{
    if (c->kind == CHANGE_TRUNCATE || c->len == 0)
        return PANDO_OK;
    const uint64_t sectors = rng_below(rng, c->len / MEMORY_SECTOR + 2);
    if (sectors == 0)
        return PANDO_OK;
    const uint64_t last = (sectors - 1) * MEMORY_SECTOR;
    return apply(im, c, 0, sector_end(c, last < c->len ? last : c->len - 1));
}

/* Each sector survives or not. */
static enum pando_status apply_sectors(struct image *im, const struct change *c,
                                       struct rng *rng)
{
    if (c->kind == CHANGE_TRUNCATE)
        return rng_chance(rng, 1, 2) ? apply_whole(im, c) : PANDO_OK;
    for (uint64_t at = 0; at < c->len;) {
        const uint64_t end = sector_end(c, at);
        const enum pando_status st =
            rng_chance(rng, 1, 2) ? apply(im, c, at, end - at) : PANDO_OK;
        if (st != PANDO_OK)
            return st;
        at = end;
    }
    return PANDO_OK;
}

static enum pando_status apply_some(struct image *im, const struct change *c,
                                    struct rng *rng)
{
    switch (rng_below(rng, 4)) {
    case 0:
        return PANDO_OK;
    case 1:
        return apply_torn(im, c, rng);
    case 2:
        return apply_sectors(im, c, rng);
    default:
        return apply_whole(im, c);
    }
}

/* Apply the pending changes to `im` as far as `how` lets them survive. */
static enum pando_status survive(const struct inode *inode, enum files_crash how,
                                 struct rng *rng, struct image *im)
{
    const size_t len = how == FILES_CRASH_NONE ? 0 : inode->pending_len;
    const size_t first =
        how == FILES_CRASH_LATE && len > 0 ? (size_t)rng_below(rng, len) : 0;
    enum pando_status st = PANDO_OK;
    for (size_t i = first; i < len && st == PANDO_OK; i++) {
        const struct change *c = &inode->pending[i];
        if (how == FILES_CRASH_SOME)
            st = apply_some(im, c, rng);
        else if (how == FILES_CRASH_TORN && i + 1 == len)
            st = apply_torn(im, c, rng);
        else
            st = apply_whole(im, c);
    }
    return st;
}

/* The kernel writes back on its own when much is dirty. */
static enum pando_status write_back_oldest(struct inode *inode)
{
    struct change *c = &inode->pending[0];
    const enum pando_status st = apply_whole(&inode->safe, c);
    inode->pending_bytes -= c->bytes != NULL ? c->len : 0;
    free(c->bytes);
    inode->pending_len--;
    memmove(c, c + 1, inode->pending_len * sizeof *c);
    return st;
}

static enum pando_status reserve_pending(struct inode *inode, size_t want)
{
    if (want <= inode->pending_cap)
        return PANDO_OK;
    const size_t cap = want > inode->pending_cap * 2 ? want : inode->pending_cap * 2;
    struct change *pending = realloc(inode->pending, cap * sizeof *pending);
    if (pending == NULL)
        return PANDO_NOMEM;
    inode->pending = pending;
    inode->pending_cap = cap;
    return PANDO_OK;
}

enum pando_status inode_change(struct inode *inode, struct change *change)
{
    enum pando_status st = reserve_pending(inode, inode->pending_len + 1);
    if (st != PANDO_OK) {
        free(change->bytes);
        return st;
    }
    inode->pending[inode->pending_len++] = *change;
    inode->pending_bytes += change->bytes != NULL ? change->len : 0;
    while (st == PANDO_OK && inode->pending_len > 1 &&
           (inode->pending_bytes > MEMORY_PENDING_MAX || inode->pending_len > 1024))
        st = write_back_oldest(inode);
    return st;
}

/* Pages are shared with what is seen, unless that shows bytes that are lost. */
enum pando_status inode_sync(struct inode *inode)
{
    enum pando_status st = PANDO_OK;
    for (size_t i = 0; i < inode->pending_len && st == PANDO_OK; i++) {
        const struct change *c = &inode->pending[i];
        if (inode->lost || c->kind != CHANGE_WRITE)
            st = apply_whole(&inode->safe, c);
    }
    for (size_t i = 0; i < inode->pending_len && st == PANDO_OK && !inode->lost; i++) {
        const struct change *c = &inode->pending[i];
        if (c->kind == CHANGE_WRITE)
            st = image_share(&inode->safe, &inode->now, c->offset, c->len);
    }
    if (st == PANDO_OK && !inode->lost)
        st = image_truncate(&inode->safe, inode->now.size);
    drop_pending(inode);
    return st;
}

enum pando_status inode_sync_failed(struct inode *inode, struct rng *rng)
{
    const enum pando_status st = survive(inode, FILES_CRASH_SOME, rng, &inode->safe);
    inode->lost = inode->lost || inode->pending_len > 0;
    drop_pending(inode);
    return st;
}

enum pando_status inode_forget(struct inode *inode)
{
    if (!inode->lost)
        return PANDO_OK;
    struct image seen = { 0 };
    enum pando_status st = image_copy(&inode->safe, &seen);
    if (st == PANDO_OK)
        st = survive(inode, FILES_CRASH_ALL, NULL, &seen);
    if (st != PANDO_OK) {
        image_deinit(&seen);
        return st;
    }
    image_deinit(&inode->now);
    inode->now = seen;
    inode->lost = false;
    return PANDO_OK;
}

enum pando_status inode_crash(struct inode *inode, enum files_crash how, struct rng *rng)
{
    enum pando_status st = survive(inode, how, rng, &inode->safe);
    drop_pending(inode);
    image_deinit(&inode->now);
    inode->lost = false;
    inode->locked = false;
    if (st == PANDO_OK)
        st = image_copy(&inode->safe, &inode->now);
    return st;
}

enum pando_status inode_fork(const struct inode *inode, struct inode *ret)
{
    ret->lost = inode->lost;
    enum pando_status st = image_copy(&inode->now, &ret->now);
    if (st == PANDO_OK)
        st = image_copy(&inode->safe, &ret->safe);
    if (st == PANDO_OK)
        st = reserve_pending(ret, inode->pending_len);
    for (size_t i = 0; i < inode->pending_len && st == PANDO_OK; i++) {
        struct change c = inode->pending[i];
        if (c.bytes != NULL) {
            c.bytes = malloc((size_t)c.len);
            if (c.bytes == NULL)
                return PANDO_NOMEM;
            memcpy(c.bytes, inode->pending[i].bytes, (size_t)c.len);
        }
        st = inode_change(ret, &c);
    }
    return st;
}
