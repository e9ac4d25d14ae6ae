/* Property: a receipt that decodes encodes to the same bytes, has a JSON form that reads
 * back to them, and can be verified without trouble. The bytes are also taken as JSON. */
#include "base/assert.h"
#include "base/slice.h"
#include "exec/receipt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void comes_back(const struct receipt *r, struct pando_slice want)
{
    uint8_t bytes[RECEIPT_SIZE_MAX];
    size_t len;
    PANDO_ASSERT(receipt_encode(r, bytes, &len) == PANDO_OK);
    PANDO_ASSERT(want.len == 0 || slice_equal(slice_of(bytes, len), want));
    const enum receipt_verdict verdict = receipt_verify(r, (struct pando_wall){ 0 }, 0);
    PANDO_ASSERT(verdict == RECEIPT_VALID || verdict == RECEIPT_FORGED);

    struct pando_buf text;
    struct receipt again;
    uint8_t same[RECEIPT_SIZE_MAX];
    size_t same_len;
    buf_init(&text, RECEIPT_JSON_MAX);
    PANDO_ASSERT(receipt_to_json(r, false, &text) == PANDO_OK);
    PANDO_ASSERT(receipt_from_json(buf_view(&text), &again, NULL) == PANDO_OK);
    PANDO_ASSERT(receipt_encode(&again, same, &same_len) == PANDO_OK);
    PANDO_ASSERT(slice_equal(slice_of(same, same_len), slice_of(bytes, len)));
    buf_deinit(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct receipt r;
    PANDO_ASSERT(crypto_init() == PANDO_OK);
    if (receipt_decode(slice_of(data, size), &r) == PANDO_OK)
        comes_back(&r, slice_of(data, size));
    if (receipt_from_json(slice_of(data, size), &r, NULL) == PANDO_OK)
        comes_back(&r, SLICE_EMPTY);
    return 0;
}
