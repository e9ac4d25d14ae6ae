/* Property: the first byte picks the base; text that decodes encodes to the same text,
 * and any bytes come back from their text. */
#include "base/assert.h"
#include "base/slice.h"
#include "codec/multibase.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum multibase bases[] = { MULTIBASE_16, MULTIBASE_32, MULTIBASE_36,
                                            MULTIBASE_58, MULTIBASE_64, MULTIBASE_64URL };
    uint8_t bytes[512];
    char text[1100];
    size_t len;
    if (size == 0 || size > sizeof bytes)
        return 0;
    const enum multibase base = bases[data[0] % 6];
    const struct pando_slice in = slice_of(data + 1, size - 1);
    if (multibase_decode(base, in, bytes, sizeof bytes, &len) == PANDO_OK) {
        PANDO_ASSERT(multibase_encode(base, slice_of(bytes, len), text, sizeof text) ==
                     PANDO_OK);
        PANDO_ASSERT(slice_equal(slice_text(text), in));
    }
    if (multibase_encode(base, in, text, sizeof text) == PANDO_OK) {
        PANDO_ASSERT(multibase_decode(base, slice_text(text), bytes, sizeof bytes,
                                      &len) == PANDO_OK);
        PANDO_ASSERT(slice_equal(slice_of(bytes, len), in));
    }
    return 0;
}
