/* Property: a peer id that decodes keeps its bytes, and its text parses back. The same
 * bytes are also taken as a public key and as text. */
#include "base/assert.h"
#include "base/slice.h"
#include "crypto/peer_id.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void comes_back(const struct peer_id *id)
{
    char text[PEER_ID_TEXT_MAX];
    struct peer_id again;
    struct pando_key key;
    peer_id_print(id, text);
    PANDO_ASSERT(peer_id_parse(text, &again) == PANDO_OK);
    PANDO_ASSERT(memcmp(id, &again, sizeof again) == 0);
    PANDO_ASSERT(peer_id_decode(slice_of(id->bytes, id->len), &again) == PANDO_OK);
    if (peer_id_key(id, &key) == PANDO_OK) {
        again = peer_id_from_key(&key);
        PANDO_ASSERT(peer_id_equal(id, &again));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct peer_id id;
    char text[512];
    if (peer_id_decode(slice_of(data, size), &id) == PANDO_OK) {
        PANDO_ASSERT(slice_equal(slice_of(id.bytes, id.len), slice_of(data, size)));
        comes_back(&id);
    }
    if (peer_id_from_public(slice_of(data, size), &id) == PANDO_OK)
        comes_back(&id);
    if (size >= sizeof text)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    if (peer_id_parse(text, &id) == PANDO_OK)
        comes_back(&id);
    return 0;
}
