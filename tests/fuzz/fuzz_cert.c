/* Property: whatever a peer shows as its certificate, we end with an identity or a typed
 * refusal with a cause; the parts that are signed lie inside the certificate's bytes. */
#include "base/assert.h"
#include "net/cert.h"
#include "net/cert_parts.h"

static bool lies_within(struct pando_slice part, struct pando_slice whole)
{
    return part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct pando_slice der = { data, size };
    const struct pando_wall now = { 1795000000000 };
    struct cert_parts parts;
    struct peer_id peer = { 0 };
    struct pando_err err = { 0 };
    const char *why = NULL;
    if (cert_split(der, &parts, &why) == PANDO_OK) {
        PANDO_ASSERT(lies_within(parts.tbs, der));
        PANDO_ASSERT(lies_within(parts.spki, parts.tbs));
        PANDO_ASSERT(lies_within(parts.public_key, parts.tbs));
        PANDO_ASSERT(lies_within(parts.signature, parts.tbs));
    } else {
        PANDO_ASSERT(why != NULL);
    }
    const enum pando_status st = cert_verify(der, now, &peer, &err);
    PANDO_ASSERT((st == PANDO_OK) == (peer.len > 0));
    PANDO_ASSERT(st == PANDO_OK || err.text[0] != '\0');
    return 0;
}
