/* Property: an address that decodes prints, and its text parses to the same address. The
 * same bytes are also taken as text, as far as they have no zero in them. */
#include "base/assert.h"
#include "base/slice.h"
#include "codec/multiaddr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void comes_back(const struct multiaddr *a)
{
    char text[4 * MULTIADDR_TEXT_MAX];
    struct multiaddr again;
    struct multiaddr_part part;
    struct multiaddr_udp udp;
    struct pando_err err;
    size_t at = 0;
    while (multiaddr_next(a, &at, &part))
        PANDO_ASSERT(at <= a->len);
    PANDO_ASSERT(at == a->len);
    PANDO_ASSERT(multiaddr_print(a, text, sizeof text) == PANDO_OK);
    if (strlen(text) <= MULTIADDR_TEXT_MAX) {
        PANDO_ASSERT(multiaddr_parse(text, &again, &err) == PANDO_OK);
        PANDO_ASSERT(multiaddr_equal(a, &again));
    }
    if (multiaddr_to_udp(a, &udp) == PANDO_OK && udp.ip_len > 0 && udp.p2p.len == 0) {
        multiaddr_from_udp(udp.ip, udp.ip_len, udp.port, &again);
        PANDO_ASSERT(multiaddr_equal(a, &again));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct multiaddr a;
    struct pando_err err;
    char text[MULTIADDR_TEXT_MAX + 64];
    if (multiaddr_decode(slice_of(data, size), &a) == PANDO_OK) {
        PANDO_ASSERT(slice_equal(slice_of(a.bytes, a.len), slice_of(data, size)));
        comes_back(&a);
    }
    if (size >= sizeof text)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    if (multiaddr_parse_peer(text, &a, &err) == PANDO_OK)
        comes_back(&a);
    return 0;
}
