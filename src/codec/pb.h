/* pb.h - protobuf, field by field, with nothing copied.
 *
 * libp2p's messages are small and flat. pb_next() yields one field at a time as a number
 * or as a slice of the input, so a decoder is a loop with a switch, keeps its own caps
 * and skips unknown fields; varints may be padded as protobuf allows. Writers emit fields
 * in ascending order, zero values included where the other end checks presence.
 */
#ifndef CODEC_PB_H
#define CODEC_PB_H

#include "codec/wire.h"

enum pb_type { PB_VARINT = 0, PB_FIXED64 = 1, PB_BYTES = 2, PB_FIXED32 = 5 };

struct pb_field {
    uint32_t number;
    enum pb_type type;
    uint64_t value;           /* PB_VARINT, PB_FIXED64, PB_FIXED32 */
    struct pando_slice bytes; /* PB_BYTES: borrows from the input */
};

/* The next field; false at the end or after a failure (see r->failed). */
bool pb_next(struct wire_reader *r, struct pb_field *ret_field);
void pb_put_uint(struct wire_writer *w, uint32_t number, uint64_t value);
void pb_put_bytes(struct wire_writer *w, uint32_t number, struct pando_slice s);
/* The head of a bytes field of `len` bytes that the caller writes next. */
void pb_put_head(struct wire_writer *w, uint32_t number, size_t len);
/* Sizes, for writing nested messages without a second buffer. */
size_t pb_uint_size(uint32_t number, uint64_t value);
size_t pb_bytes_size(uint32_t number, size_t len);

#endif
