/* Property: what cbor_check admits is exactly what the writer would emit for it. */
#include "base/assert.h"
#include "base/slice.h"
#include "codec/cbor.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_again(struct wire_writer *w, const struct cbor_item *item)
{
    switch (item->kind) {
    case CBOR_UINT: cbor_put_uint(w, item->value); break;
    case CBOR_NINT: cbor_put_nint(w, item->value); break;
    case CBOR_BYTES: cbor_put_bytes(w, item->bytes); break;
    case CBOR_TEXT: cbor_put_text(w, item->bytes); break;
    case CBOR_ARRAY: cbor_put_array(w, (size_t)item->value); break;
    case CBOR_MAP: cbor_put_map(w, (size_t)item->value); break;
    case CBOR_LINK: cbor_put_cid(w, item->bytes); break;
    case CBOR_FALSE: cbor_put_bool(w, false); break;
    case CBOR_TRUE: cbor_put_bool(w, true); break;
    case CBOR_NULL: cbor_put_null(w); break;
    case CBOR_FLOAT: cbor_put_float(w, item->number); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct pando_slice in = slice_of(data, size);
    struct wire_reader skipper = wire_read(in);
    const struct pando_slice skipped = cbor_skip(&skipper);
    PANDO_ASSERT(skipper.failed || skipped.len <= size);
    if (cbor_check(in) != PANDO_OK)
        return 0;
    PANDO_ASSERT(!skipper.failed && skipped.len == size);

    uint8_t *again = malloc(size);
    PANDO_ASSERT(again != NULL);
    struct wire_reader r = wire_read(in);
    struct wire_writer w = wire_write(again, size);
    struct cbor_item item;
    while (r.left.len > 0 && cbor_next(&r, &item))
        put_again(&w, &item);
    PANDO_ASSERT(wire_read_done(&r) && !w.failed);
    PANDO_ASSERT(slice_equal(wire_written(&w), in));
    free(again);
    return 0;
}
