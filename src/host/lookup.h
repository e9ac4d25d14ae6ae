/* lookup.h - which of a name's addresses to dial.
 *
 * A name may have several addresses of both families. Only those that a socket of ours can
 * reach are of use, and only those of the family that the multiaddr asks for (dns4, dns6).
 * Successive attempts take them in turn, in the system's order: an address that does not
 * answer costs one attempt, not the link.
 */
#ifndef HOST_LOOKUP_H
#define HOST_LOOKUP_H

#include <pando/status.h>
#include <pando/types.h>

struct addrinfo;

struct lookup_wish {
    bool ip4, ip6;    /* families of our sockets */
    uint8_t family;   /* 4 or 6: this one only; 0 any */
    uint32_t attempt; /* failures so far */
};

/* 4 or 16 bytes of address. Errors: PANDO_NOT_FOUND none is of use. */
enum pando_status lookup_choose(const struct addrinfo *list,
                                const struct lookup_wish *wish, uint8_t ret_ip[16],
                                uint8_t *ret_ip_len) PANDO_MUST_USE;

#endif
