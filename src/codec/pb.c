#include "codec/pb.h"

#include "base/slice.h"

/* Protobuf's own varint: at most 64 bits, padding allowed. */
static uint64_t get_varint(struct wire_reader *r)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 10; i++) {
        const uint64_t byte = wire_get_be(r, 1);
        if (i == 9 && byte > 1)
            break;
        value |= (byte & 0x7f) << (7 * i);
        if (byte < 0x80)
            return value;
    }
    r->failed = true;
    return 0;
}

bool pb_next(struct wire_reader *r, struct pb_field *ret_field)
{
    if (r->failed || r->left.len == 0)
        return false;
    const uint64_t key = get_varint(r);
    struct pb_field f = { .number = (uint32_t)(key >> 3),
                          .type = (enum pb_type)(key & 7) };
    if (key > UINT32_MAX || f.number == 0)
        r->failed = true;
    switch (key & 7) {
    case PB_VARINT: f.value = get_varint(r); break;
    case PB_FIXED64: f.value = wire_get_le(r, 8); break;
    case PB_FIXED32: f.value = wire_get_le(r, 4); break;
    case PB_BYTES: {
        const uint64_t len = get_varint(r);
        if (len > r->left.len)
            r->failed = true;
        f.bytes = wire_get_bytes(r, r->failed ? 0 : (size_t)len);
        break;
    }
    default: r->failed = true; /* groups are extinct */
    }
    if (r->failed)
        return false;
    *ret_field = f;
    return true;
}

void pb_put_uint(struct wire_writer *w, uint32_t number, uint64_t value)
{
    wire_put_uvarint(w, (uint64_t)number << 3 | PB_VARINT);
    wire_put_uvarint(w, value);
}

void pb_put_head(struct wire_writer *w, uint32_t number, size_t len)
{
    wire_put_uvarint(w, (uint64_t)number << 3 | PB_BYTES);
    wire_put_uvarint(w, len);
}

void pb_put_bytes(struct wire_writer *w, uint32_t number, struct pando_slice s)
{
    pb_put_head(w, number, s.len);
    wire_put_bytes(w, s);
}

size_t pb_uint_size(uint32_t number, uint64_t value)
{
    return wire_uvarint_size((uint64_t)number << 3) + wire_uvarint_size(value);
}

size_t pb_bytes_size(uint32_t number, size_t len)
{
    return wire_uvarint_size((uint64_t)number << 3) + wire_uvarint_size(len) + len;
}
