/* Property: whatever decodes as a group encodes back to the very same bytes, each member is
 * found alone as it is among the others, every part of it has the hash that it has; a record
 * of archived names reads to its end or not at all and is written back the same; a kept text
 * changes one row or none. The first byte says which. */
#include "base/assert.h"
#include "base/slice.h"
#include "space/delta/rows_put.h"
#include "space/delta/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The same group without its key. */
static void check_bare(struct pando_slice in, const struct group *g)
{
    static struct group bare;
    struct pando_buf buf;
    buf_init(&buf, GROUP_BYTES_MAX);
    PANDO_ASSERT(group_encode_bare(g, &buf) == PANDO_OK);
    PANDO_ASSERT(buf.len == in.len - (g->is_signed ? sizeof g->key : 0));
    PANDO_ASSERT(group_decode_bare(buf_view(&buf), g->is_signed ? &g->key : NULL, &bare) ==
                 PANDO_OK);
    PANDO_ASSERT(bare.len == g->len && bare.hashes_len == g->hashes_len);
    buf_deinit(&buf);
}

/* Every third member that is held is kept, and of these again every third. */
static void check_parts(struct group *g)
{
    static struct group back;
    struct pando_buf buf;
    const struct delta_hash root = group_root(g);
    buf_init(&buf, GROUP_BYTES_MAX);
    for (int step = 0; step < 2; step++) {
        bool keep[DELTA_GROUP_MAX] = { false };
        size_t held = 0;
        for (size_t i = 0; i < g->len; i++)
            keep[i] = g->held[i] && held++ % 3 == 0;
        group_part(g, keep, NULL);
        const struct delta_hash hash = group_root(g);
        PANDO_ASSERT(hash_equal(&hash, &root));
        PANDO_ASSERT(group_held(g) == (held + 2) / 3);
        buf_reset(&buf);
        PANDO_ASSERT(group_encode(g, &buf) == PANDO_OK);
        PANDO_ASSERT(group_decode(buf_view(&buf), true, &back) == PANDO_OK);
        PANDO_ASSERT(memcmp(back.held, keep, g->len * sizeof *keep) == 0);
    }
    buf_deinit(&buf);
}

static void check_group(struct pando_slice in, bool is_signed)
{
    static struct group g;
    struct pando_buf again;
    if (group_decode(in, is_signed, &g) != PANDO_OK)
        return;
    buf_init(&again, GROUP_BYTES_MAX);
    PANDO_ASSERT(group_encode(&g, &again) == PANDO_OK);
    PANDO_ASSERT(slice_equal(buf_view(&again), in));
    for (size_t i = 0; i < g.len; i++) {
        struct pando_slice one;
        const enum pando_status st = group_member(in, is_signed, i, &one);
        PANDO_ASSERT(st == (g.held[i] ? PANDO_OK : PANDO_NOT_FOUND));
        PANDO_ASSERT(st != PANDO_OK || slice_equal(one, g.bodies[i]));
    }
    buf_deinit(&again);
    check_bare(in, &g);
    if (is_signed)
        check_parts(&g);
}

static void check_gone(struct pando_slice in)
{
    static struct post_list lists[ROWS_LISTS_MAX];
    struct rows_gone_reader r;
    struct rows_gone item;
    struct pando_buf again;
    enum pando_status st;
    if (rows_gone_open(in, &r) != PANDO_OK)
        return;
    buf_init(&again, in.len);
    PANDO_ASSERT(rows_gone_begin(&again) == PANDO_OK);
    while ((st = rows_gone_next(&r, lists, &item)) == PANDO_OK)
        PANDO_ASSERT(rows_gone_put(&again, &item) == PANDO_OK);
    PANDO_ASSERT(st != PANDO_NOT_FOUND || slice_equal(buf_view(&again), in));
    buf_deinit(&again);
}

static enum pando_status count_put(void *ctx, uint8_t table, struct pando_slice key,
                                   struct pando_slice value)
{
    PANDO_ASSERT(table == ROWS_KEPT && key.len == 17 && value.len == 12);
    ++*(int *)ctx;
    return PANDO_OK;
}

static enum pando_status count_del(void *ctx, uint8_t table, struct pando_slice key)
{
    return count_put(ctx, table, key, slice_of("no value now", 12));
}

static void check_kept(struct pando_slice in)
{
    static const struct tables_ops ops = { .put = count_put, .del = count_del };
    int changes = 0;
    const struct tables t = { &changes, &ops };
    const enum pando_status st = rows_fold(&t, DELTA_RECORD_KEPT, 8, in);
    PANDO_ASSERT(changes == (st == PANDO_OK));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const struct pando_slice in = slice_of(data + 1, size - 1);
    if (data[0] % 4 == 3)
        check_kept(in);
    else if (data[0] % 4 == 2)
        check_gone(in);
    else
        check_group(in, data[0] % 4 == 1);
    return 0;
}
