/* Property: a CID that decodes encodes to the same bytes, and its text parses back. The
 * same bytes are also taken as text, as far as they have no zero in them. */
#include "base/assert.h"
#include "base/slice.h"
#include "codec/cid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void comes_back(const struct cid *cid, struct pando_slice want)
{
    uint8_t bytes[CID_MAX];
    char text[CID_TEXT_MAX];
    struct cid again;
    size_t len;
    PANDO_ASSERT(cid_encode(cid, bytes, sizeof bytes, &len) == PANDO_OK);
    PANDO_ASSERT(want.len == 0 || slice_equal(slice_of(bytes, len), want));
    PANDO_ASSERT(cid_valid(slice_of(bytes, len)));
    PANDO_ASSERT(cid_print(cid, text, sizeof text) == PANDO_OK);
    PANDO_ASSERT(cid_parse(text, &again) == PANDO_OK);
    PANDO_ASSERT(memcmp(cid, &again, sizeof again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cid cid;
    char text[CID_TEXT_MAX + 64];
    if (cid_decode(slice_of(data, size), &cid) == PANDO_OK)
        comes_back(&cid, slice_of(data, size));
    if (size >= sizeof text)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    if (cid_parse(text, &cid) == PANDO_OK)
        comes_back(&cid, SLICE_EMPTY);
    return 0;
}
