/* wire.h - cursors over bytes with a sticky failure.
 *
 * A reader walks borrowed bytes, a writer fills the caller's memory. After the first
 * failure (too short, not minimal, no room) every further call does nothing and reads
 * yield zeros, so a decoder reads straight through and checks `failed` once at its end.
 * Byte order is spelled out in shifts.
 */
#ifndef CODEC_WIRE_H
#define CODEC_WIRE_H

#include <pando/types.h>

struct wire_reader {
    struct pando_slice left;
    bool failed;
};

struct wire_writer {
    uint8_t *ptr;
    size_t len;
    size_t cap;
    bool failed;
};

static inline struct wire_reader wire_read(struct pando_slice s)
{
    return (struct wire_reader){ .left = s };
}
static inline struct wire_writer wire_write(uint8_t *ptr, size_t cap)
{
    return (struct wire_writer){ .ptr = ptr, .cap = cap };
}
/* True when everything was consumed and nothing failed. */
static inline bool wire_read_done(const struct wire_reader *r)
{
    return !r->failed && r->left.len == 0;
}

uint64_t wire_get_be(struct wire_reader *r, size_t size); /* size 1..8 */
uint64_t wire_get_le(struct wire_reader *r, size_t size);
struct pando_slice wire_get_bytes(struct wire_reader *r, size_t len);
void wire_get_copy(struct wire_reader *r, uint8_t *to, size_t len); /* zeros on failure */
/* multiformats uvarint: minimal, at most 9 bytes (63 bits). */
uint64_t wire_get_uvarint(struct wire_reader *r);
/* uvarint length, then that many bytes; fails when the length exceeds `max`. */
struct pando_slice wire_get_block(struct wire_reader *r, size_t max);

void wire_put_be(struct wire_writer *w, uint64_t value, size_t size);
void wire_put_le(struct wire_writer *w, uint64_t value, size_t size);
void wire_put_bytes(struct wire_writer *w, struct pando_slice s);
void wire_put_uvarint(struct wire_writer *w, uint64_t value);
void wire_put_block(struct wire_writer *w, struct pando_slice s);
static inline struct pando_slice wire_written(const struct wire_writer *w)
{
    return (struct pando_slice){ w->ptr, w->len };
}

#define WIRE_UVARINT_MAX 10
/* Bytes that `value` takes as a uvarint. */
size_t wire_uvarint_size(uint64_t value);
/* Peek a uvarint at the head of `s`. Returns its size, 0 when more bytes are needed, and
 * -1 when it is malformed (not minimal or over 63 bits). For stream framing. */
int wire_peek_uvarint(struct pando_slice s, uint64_t *ret_value);

#endif
