#include "codec/multiaddr.h"

#include "base/assert.h"
#include "base/slice.h"
#include "codec/multiaddr_protocol.h"
#include "codec/wire.h"

#include <string.h>

/* The next component of binary text that nobody has checked yet. */
static enum pando_status next_part(struct wire_reader *r, struct multiaddr_part *ret_part)
{
    struct multiaddr_part part = { .code = wire_get_uvarint(r) };
    if (r->failed)
        return PANDO_MALFORMED;
    const struct multiaddr_protocol *p = multiaddr_protocol_by_code(part.code);
    if (p == NULL)
        return PANDO_UNSUPPORTED;
    part.value = p->size == MULTIADDR_VARIABLE ? wire_get_block(r, MULTIADDR_MAX)
                                               : wire_get_bytes(r, p->size);
    if (r->failed || !multiaddr_protocol_valid(p, part.value))
        return PANDO_MALFORMED;
    if (p->value == VALUE_PATH && r->left.len > 0)
        return PANDO_MALFORMED; /* in text it would swallow what follows */
    *ret_part = part;
    return PANDO_OK;
}

enum pando_status multiaddr_decode(struct pando_slice bytes, struct multiaddr *ret)
{
    if (bytes.len == 0 || bytes.len > MULTIADDR_MAX)
        return PANDO_MALFORMED;
    struct wire_reader r = wire_read(bytes);
    struct multiaddr_part part;
    while (r.left.len > 0) {
        const enum pando_status st = next_part(&r, &part);
        if (st != PANDO_OK)
            return st;
    }
    struct multiaddr a = { .len = (uint16_t)bytes.len };
    memcpy(a.bytes, bytes.ptr, bytes.len);
    *ret = a;
    return PANDO_OK;
}

bool multiaddr_next(const struct multiaddr *a, size_t *cursor,
                    struct multiaddr_part *ret_part)
{
    if (*cursor >= a->len)
        return false;
    struct wire_reader r = wire_read(slice_of(a->bytes + *cursor, a->len - *cursor));
    if (next_part(&r, ret_part) != PANDO_OK)
        return false;
    *cursor = a->len - r.left.len;
    return true;
}

enum pando_status multiaddr_append(struct multiaddr *a, uint64_t code,
                                   struct pando_slice value)
{
    const struct multiaddr_protocol *p = multiaddr_protocol_by_code(code);
    if (p == NULL)
        return PANDO_UNSUPPORTED;
    if (!multiaddr_protocol_valid(p, value))
        return PANDO_MALFORMED;
    struct multiaddr longer = { .len = a->len };
    memcpy(longer.bytes, a->bytes, a->len);
    struct wire_writer w =
        wire_write(longer.bytes + a->len, (size_t)(MULTIADDR_MAX - a->len));
    wire_put_uvarint(&w, code);
    if (p->size == MULTIADDR_VARIABLE)
        wire_put_block(&w, value);
    else
        wire_put_bytes(&w, value);
    if (w.failed)
        return PANDO_FULL;
    longer.len = (uint16_t)(longer.len + w.len);
    *a = longer;
    return PANDO_OK;
}

bool multiaddr_equal(const struct multiaddr *a, const struct multiaddr *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* The host part of a dialable address. */
static bool take_host(const struct multiaddr_part *part, struct multiaddr_udp *udp)
{
    switch (part->code) {
    case MULTIADDR_IP4:
    case MULTIADDR_IP6:
        udp->ip_len = (uint8_t)part->value.len;
        memcpy(udp->ip, part->value.ptr, part->value.len);
        return true;
    case MULTIADDR_DNS:
    case MULTIADDR_DNS4:
    case MULTIADDR_DNS6:
        if (part->value.len >= sizeof udp->name)
            return false;
        memcpy(udp->name, part->value.ptr, part->value.len);
        udp->name_family = part->code == MULTIADDR_DNS4   ? 4
                           : part->code == MULTIADDR_DNS6 ? 6
                                                          : 0;
        return true;
    default: return false;
    }
}

enum pando_status multiaddr_to_udp(const struct multiaddr *a, struct multiaddr_udp *ret)
{
    struct multiaddr_udp udp = { 0 };
    struct multiaddr_part part;
    size_t at = 0;
    if (!multiaddr_next(a, &at, &part) || !take_host(&part, &udp))
        return PANDO_UNSUPPORTED;
    if (!multiaddr_next(a, &at, &part) || part.code != MULTIADDR_UDP)
        return PANDO_UNSUPPORTED;
    udp.port = (uint16_t)(part.value.ptr[0] << 8 | part.value.ptr[1]);
    if (!multiaddr_next(a, &at, &part) || part.code != MULTIADDR_QUIC_V1)
        return PANDO_UNSUPPORTED;
    if (multiaddr_next(a, &at, &part)) {
        if (part.code != MULTIADDR_P2P)
            return PANDO_UNSUPPORTED;
        udp.p2p = part.value;
    }
    if (at != a->len)
        return PANDO_UNSUPPORTED;
    *ret = udp;
    return PANDO_OK;
}

void multiaddr_from_udp(const uint8_t *ip, uint8_t ip_len, uint16_t port,
                        struct multiaddr *ret)
{
    PANDO_ASSERT(ip_len == 4 || ip_len == 16);
    struct multiaddr a = { 0 };
    struct wire_writer w = wire_write(a.bytes, sizeof a.bytes);
    wire_put_uvarint(&w, ip_len == 4 ? MULTIADDR_IP4 : MULTIADDR_IP6);
    wire_put_bytes(&w, slice_of(ip, ip_len));
    wire_put_uvarint(&w, MULTIADDR_UDP);
    wire_put_be(&w, port, 2);
    wire_put_uvarint(&w, MULTIADDR_QUIC_V1);
    PANDO_ASSERT(!w.failed);
    a.len = (uint16_t)w.len;
    *ret = a;
}
