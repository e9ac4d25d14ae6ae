/* Property: a keystore that decodes encodes to the same text. The input is tried as it
 * is, and once more below a version line and above its true checksum, so that the fuzzer
 * gets past both. */
#include "base/assert.h"
#include "base/slice.h"
#include "codec/multibase.h"
#include "crypto/keystore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void comes_back(struct pando_slice text)
{
    struct keystore *ks;
    struct pando_err err;
    struct pando_buf again;
    const struct crypto_secret *secret;
    if (keystore_decode(text, "/nowhere", &ks, &err) != PANDO_OK)
        return;
    buf_init(&again, 2 * KEYSTORE_SIZE_MAX);
    PANDO_ASSERT(keystore_encode(ks, &again) == PANDO_OK);
    PANDO_ASSERT(slice_equal(buf_view(&again), text));
    PANDO_ASSERT(keystore_key(ks, "node", &secret) == PANDO_OK);
    buf_deinit(&again);
    keystore_close(ks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pando_buf b;
    char hex[65];
    if (crypto_init() != PANDO_OK || size > 4096)
        return 0;
    comes_back(slice_of(data, size));
    buf_init(&b, 8192);
    PANDO_ASSERT(buf_append(&b, slice_text("pando-keystore 1\n")) == PANDO_OK);
    PANDO_ASSERT(buf_append(&b, slice_of(data, size)) == PANDO_OK);
    const struct pando_id sum = crypto_sha256(buf_view(&b));
    PANDO_ASSERT(multibase_encode(MULTIBASE_16, SLICE_OF(sum.bytes), hex, sizeof hex) ==
                 PANDO_OK);
    PANDO_ASSERT(buf_printf(&b, "sha256 %s\n", hex) == PANDO_OK);
    comes_back(buf_view(&b));
    buf_deinit(&b);
    return 0;
}
