#include "codec/multiaddr_protocol.h"

#include "base/slice.h"
#include "codec/cid.h"

#include <string.h>

static const struct multiaddr_protocol protocols[] = {
    { "ip4", 4, 4, VALUE_IP4 },
    { "tcp", 6, 2, VALUE_PORT },
    { "dccp", 33, 2, VALUE_PORT },
    { "ip6", 41, 16, VALUE_IP6 },
    { "ip6zone", 42, MULTIADDR_VARIABLE, VALUE_NAME },
    { "ipcidr", 43, 1, VALUE_NUMBER },
    { "dns", 53, MULTIADDR_VARIABLE, VALUE_NAME },
    { "dns4", 54, MULTIADDR_VARIABLE, VALUE_NAME },
    { "dns6", 55, MULTIADDR_VARIABLE, VALUE_NAME },
    { "dnsaddr", 56, MULTIADDR_VARIABLE, VALUE_NAME },
    { "sctp", 132, 2, VALUE_PORT },
    { "udp", 273, 2, VALUE_PORT },
    { "webrtc-direct", 280, 0, VALUE_NONE },
    { "webrtc", 281, 0, VALUE_NONE },
    { "p2p-circuit", 290, 0, VALUE_NONE },
    { "udt", 301, 0, VALUE_NONE },
    { "utp", 302, 0, VALUE_NONE },
    { "unix", 400, MULTIADDR_VARIABLE, VALUE_PATH },
    { "p2p", 421, MULTIADDR_VARIABLE, VALUE_PEER },
    { "https", 443, 0, VALUE_NONE },
    { "onion3", 445, 37, VALUE_ONION3 },
    { "tls", 448, 0, VALUE_NONE },
    { "sni", 449, MULTIADDR_VARIABLE, VALUE_NAME },
    { "noise", 454, 0, VALUE_NONE },
    { "quic", 460, 0, VALUE_NONE },
    { "quic-v1", 461, 0, VALUE_NONE },
    { "webtransport", 465, 0, VALUE_NONE },
    { "certhash", 466, MULTIADDR_VARIABLE, VALUE_HASH },
    { "ws", 477, 0, VALUE_NONE },
    { "wss", 478, 0, VALUE_NONE },
    { "http", 480, 0, VALUE_NONE },
    { "http-path", 481, MULTIADDR_VARIABLE, VALUE_ESCAPED },
    { "memory", 777, 8, VALUE_U64 },
};

#define PROTOCOLS_LEN (sizeof protocols / sizeof protocols[0])

const struct multiaddr_protocol *multiaddr_protocol_by_code(uint64_t code)
{
    for (size_t i = 0; i < PROTOCOLS_LEN; i++)
        if (protocols[i].code == code)
            return &protocols[i];
    return NULL;
}

const struct multiaddr_protocol *multiaddr_protocol_by_name(struct pando_slice name)
{
    if (slice_equal(name, slice_text("ipfs")))
        name = slice_text("p2p"); /* its name until 2019 */
    for (size_t i = 0; i < PROTOCOLS_LEN; i++)
        if (slice_equal(name, slice_text(protocols[i].name)))
            return &protocols[i];
    return NULL;
}

static bool is_name(struct pando_slice s, bool path)
{
    if (s.len == 0 || s.len > 253)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < 0x21 || s.ptr[i] > 0x7e || (s.ptr[i] == '/' && !path))
            return false;
    return true;
}

static bool is_peer(struct pando_slice s)
{
    uint64_t hash;
    if (s.len > 44 || !cid_multihash_valid(s, &hash))
        return false;
    return hash == 0x12 || (hash == 0 && s.len > 2);
}

bool multiaddr_protocol_valid(const struct multiaddr_protocol *p,
                              struct pando_slice value)
{
    uint64_t hash;
    if (p->size != MULTIADDR_VARIABLE)
        return value.len == p->size;
    switch (p->value) {
    case VALUE_NAME: return is_name(value, false);
    case VALUE_PATH: return is_name(value, true) && value.ptr[0] == '/' && value.len > 1;
    case VALUE_PEER: return is_peer(value);
    case VALUE_HASH: return value.len <= 128 && cid_multihash_valid(value, &hash);
    case VALUE_ESCAPED: return value.len > 0;
    default: return false;
    }
}
