/* Property: fields cover the input and lie inside it, and the message written again from
 * them (shortest varints) yields the same fields. */
#include "base/assert.h"
#include "base/slice.h"
#include "codec/pb.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_again(struct wire_writer *w, const struct pb_field *f)
{
    if (f->type == PB_VARINT) {
        pb_put_uint(w, f->number, f->value);
    } else if (f->type == PB_BYTES) {
        pb_put_bytes(w, f->number, f->bytes);
    } else {
        wire_put_uvarint(w, (uint64_t)f->number << 3 | f->type);
        wire_put_le(w, f->value, f->type == PB_FIXED64 ? 8 : 4);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_reader r = wire_read(slice_of(data, size));
    uint8_t *again = malloc(size > 0 ? size : 1);
    PANDO_ASSERT(again != NULL);
    struct wire_writer w = wire_write(again, size);
    struct pb_field f, g;
    while (pb_next(&r, &f))
        put_again(&w, &f);
    PANDO_ASSERT(!w.failed); /* the shortest form is never longer */

    struct wire_reader first = wire_read(slice_of(data, size));
    struct wire_reader second = wire_read(wire_written(&w));
    while (pb_next(&first, &f)) {
        PANDO_ASSERT(pb_next(&second, &g));
        PANDO_ASSERT(f.number == g.number && f.type == g.type && f.value == g.value);
        PANDO_ASSERT(slice_equal(f.bytes, g.bytes));
    }
    PANDO_ASSERT(!pb_next(&second, &g) && !second.failed);
    free(again);
    return 0;
}
