/* rows_gone.c - records that name archived deltas, as bytes. */
#include "space/delta/rows.h"

#include "base/slice.h"
#include "codec/wire.h"

#define HEAD       3u  /* version, count */
#define ITEM_HEAD  42u /* without its lists */
#define LIST_BYTES 17u

enum pando_status rows_gone_open(struct pando_slice bytes, struct rows_gone_reader *ret)
{
    struct wire_reader r = wire_read(bytes);
    const uint64_t version = wire_get_be(&r, 1);
    if (!r.failed && version != ROWS_GONE_VERSION)
        return PANDO_UNSUPPORTED;
    ret->items = (size_t)wire_get_be(&r, 2);
    ret->left = r.left;
    return r.failed || ret->items == 0 || ret->items > ROWS_GONE_MAX ? PANDO_MALFORMED
                                                                     : PANDO_OK;
}

static bool read_list(struct wire_reader *r, struct post_list *ret)
{
    ret->table = (uint8_t)wire_get_be(r, 1);
    ret->prefix_len = sizeof ret->prefix;
    wire_get_copy(r, ret->prefix.bytes, sizeof ret->prefix.bytes);
    return !r->failed && (ret->table == ROWS_TARGETS ||
                          (ret->table >= ROWS_AUTHORS && ret->table <= ROWS_CONTEXTS));
}

enum pando_status rows_gone_next(struct rows_gone_reader *gone,
                                 struct post_list lists[static ROWS_LISTS_MAX],
                                 struct rows_gone *ret)
{
    struct wire_reader r = wire_read(gone->left);
    if (gone->items == 0)
        return gone->left.len == 0 ? PANDO_NOT_FOUND : PANDO_MALFORMED;
    wire_get_copy(&r, ret->name.bytes, sizeof ret->name.bytes);
    ret->timestamp = (int64_t)wire_get_be(&r, 8);
    wire_get_copy(&r, ret->digest.bytes, sizeof ret->digest.bytes);
    ret->lists_len = (size_t)wire_get_be(&r, 2);
    ret->lists = lists;
    if (r.failed || ret->lists_len > ROWS_LISTS_MAX || ret->timestamp <= 0 ||
        ret->timestamp > DELTA_TIME_MAX)
        return PANDO_MALFORMED;
    for (size_t i = 0; i < ret->lists_len; i++)
        if (!read_list(&r, &lists[i]))
            return PANDO_MALFORMED;
    gone->left = r.left;
    gone->items--;
    return PANDO_OK;
}

enum pando_status rows_gone_begin(struct pando_buf *buf)
{
    static const uint8_t head[HEAD] = { ROWS_GONE_VERSION, 0, 0 };
    return buf_append(buf, SLICE_OF(head));
}

size_t rows_gone_count(const struct pando_buf *buf)
{
    return (size_t)buf->ptr[1] << 8 | buf->ptr[2];
}

enum pando_status rows_gone_put(struct pando_buf *buf, const struct rows_gone *item)
{
    const size_t size = ITEM_HEAD + item->lists_len * LIST_BYTES;
    const size_t count = rows_gone_count(buf) + 1;
    if (count > ROWS_GONE_MAX)
        return PANDO_FULL;
    const enum pando_status st = buf_reserve(buf, size);
    if (st != PANDO_OK)
        return st;
    struct wire_writer w = wire_write(buf->ptr + buf->len, size);
    wire_put_bytes(&w, SLICE_OF(item->name));
    wire_put_be(&w, (uint64_t)item->timestamp, 8);
    wire_put_bytes(&w, SLICE_OF(item->digest));
    wire_put_be(&w, item->lists_len, 2);
    for (size_t i = 0; i < item->lists_len; i++) {
        wire_put_be(&w, item->lists[i].table, 1);
        wire_put_bytes(&w, SLICE_OF(item->lists[i].prefix));
    }
    buf->len += size;
    buf->ptr[1] = (uint8_t)(count >> 8);
    buf->ptr[2] = (uint8_t)count;
    return PANDO_OK;
}
