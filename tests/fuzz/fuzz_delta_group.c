/* Property: whatever decodes as a group encodes back to the very same bytes, each member is
 * found alone as it is among the others, and a record of archived names reads to its end or
 * not at all and is written back the same. The first byte says which. */
#include "base/assert.h"
#include "base/slice.h"
#include "space/delta/rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_group(struct pando_slice in, bool is_signed)
{
    struct group g;
    struct pando_buf again;
    uint8_t message[GROUP_MESSAGE_MAX];
    const struct pando_id space = { { 1 } };
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
    PANDO_ASSERT(group_message(&g, &space, message) == 19 + 32 + 16 * g.len);
    buf_deinit(&again);
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const struct pando_slice in = slice_of(data + 1, size - 1);
    if (data[0] % 3 == 2)
        check_gone(in);
    else
        check_group(in, data[0] % 3 == 1);
    return 0;
}
