#include "proto/frame.h"

void frame_init(struct frame_reader *f, size_t max)
{
    *f = (struct frame_reader){ .max = max };
    buf_init(&f->part, max + WIRE_UVARINT_MAX);
}

void frame_deinit(struct frame_reader *f)
{
    buf_deinit(&f->part);
    f->lent = false;
}

/* Size of the length at the head of `s` in `*ret_head`: 0 when it is still cut. */
static enum pando_status read_head(const struct frame_reader *f, struct pando_slice s,
                                   size_t *ret_head, size_t *ret_len)
{
    uint64_t len = 0;
    const int head = wire_peek_uvarint(s, &len);
    if (head < 0 || (head > 0 && len > f->max))
        return PANDO_MALFORMED;
    *ret_head = (size_t)head;
    *ret_len = (size_t)len;
    return PANDO_OK;
}

/* Move bytes from `in` to `part` until it holds `want`, or `in` is empty. */
static enum pando_status gather(struct frame_reader *f, struct pando_slice *in,
                                size_t want)
{
    const size_t missing = want - f->part.len;
    const size_t take = in->len < missing ? in->len : missing;
    const enum pando_status st =
        buf_append(&f->part, (struct pando_slice){ in->ptr, take });
    if (st != PANDO_OK)
        return st;
    in->ptr += take;
    in->len -= take;
    return PANDO_OK;
}

/* A message is cut in `part`: complete its length byte by byte, then the rest at once. */
static enum pando_status next_in_part(struct frame_reader *f, struct pando_slice *in,
                                      struct pando_slice *ret_message, bool *ret_found)
{
    *ret_found = false;
    for (;;) {
        size_t head, len;
        enum pando_status st = read_head(f, buf_view(&f->part), &head, &len);
        if (st != PANDO_OK)
            return st;
        if (head > 0 && f->part.len == head + len) {
            *ret_message = (struct pando_slice){ f->part.ptr + head, len };
            *ret_found = f->lent = true;
            return PANDO_OK;
        }
        if (in->len == 0)
            return PANDO_OK;
        st = gather(f, in, head == 0 ? f->part.len + 1 : head + len);
        if (st != PANDO_OK)
            return st;
    }
}

enum pando_status frame_next(struct frame_reader *f, struct pando_slice *in,
                             struct pando_slice *ret_message, bool *ret_found)
{
    if (f->lent) {
        buf_reset(&f->part);
        f->lent = false;
    }
    if (f->part.len > 0)
        return next_in_part(f, in, ret_message, ret_found);

    size_t head, len;
    const enum pando_status st = read_head(f, *in, &head, &len);
    if (st != PANDO_OK)
        return st;
    if (head == 0 || in->len - head < len) {
        *ret_found = false;
        return gather(f, in, in->len);
    }
    *ret_message = (struct pando_slice){ in->ptr + head, len };
    *ret_found = true;
    in->ptr += head + len;
    in->len -= head + len;
    return PANDO_OK;
}

bool frame_is_clean(const struct frame_reader *f)
{
    return f->lent || f->part.len == 0;
}

struct bytes *frame_copy(struct pando_slice message)
{
    const size_t size = wire_uvarint_size(message.len) + message.len;
    uint8_t *data;
    struct bytes *b = bytes_new(size, &data);
    if (b == NULL)
        return NULL;
    struct wire_writer w = wire_write(data, size);
    wire_put_block(&w, message);
    return b;
}
