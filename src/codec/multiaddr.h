/* multiaddr.h - self-describing addresses, always kept and compared in binary.
 *
 * Text: /ip4/127.0.0.1/udp/9000/quic-v1/p2p/12D3Koo... An address with a code that we do
 * not know is unusable as a whole; lists skip it and keep the rest.
 */
#ifndef CODEC_MULTIADDR_H
#define CODEC_MULTIADDR_H

#include <pando/status.h>
#include <pando/types.h>

#define MULTIADDR_MAX 256
#define MULTIADDR_TEXT_MAX 640

struct multiaddr {
    uint16_t len;
    uint8_t bytes[MULTIADDR_MAX]; /* zero behind len, so that memcmp compares */
};

enum multiaddr_code {
    MULTIADDR_IP4 = 4,
    MULTIADDR_TCP = 6,
    MULTIADDR_IP6 = 41,
    MULTIADDR_IP6ZONE = 42,
    MULTIADDR_DNS = 53,
    MULTIADDR_DNS4 = 54,
    MULTIADDR_DNS6 = 55,
    MULTIADDR_DNSADDR = 56,
    MULTIADDR_UDP = 273,
    MULTIADDR_CIRCUIT = 290,
    MULTIADDR_UNIX = 400,
    MULTIADDR_P2P = 421,
    MULTIADDR_QUIC_V1 = 461,
};

/* One component while walking: code and value bytes (borrowed). */
struct multiaddr_part {
    uint64_t code;
    struct pando_slice value;
};

/* Check and copy binary. Errors: PANDO_MALFORMED; PANDO_UNSUPPORTED an unknown code. */
enum pando_status multiaddr_decode(struct pando_slice bytes,
                                   struct multiaddr *ret) PANDO_MUST_USE;
/* Errors: PANDO_MALFORMED with the offending component named in reterr. */
enum pando_status multiaddr_parse(const char *text, struct multiaddr *ret,
                                  struct pando_err *reterr) PANDO_MUST_USE;
/* Canonical text (RFC 5952 for IPv6; p2p as base58). */
enum pando_status multiaddr_print(const struct multiaddr *a, char *ret_text,
                                  size_t cap) PANDO_MUST_USE;
/* Walk: start with *cursor 0; false at the end. The address must be a decoded one. */
bool multiaddr_next(const struct multiaddr *a, size_t *cursor,
                    struct multiaddr_part *ret_part);
enum pando_status multiaddr_append(struct multiaddr *a, uint64_t code,
                                   struct pando_slice value) PANDO_MUST_USE;
bool multiaddr_equal(const struct multiaddr *a, const struct multiaddr *b);

/* What a dialler of QUIC needs. */
struct multiaddr_udp {
    uint8_t ip[16];
    uint8_t ip_len; /* 4, 16, or 0 when a DNS name stands there instead */
    uint16_t port;
    char name[254];         /* the DNS name, or empty */
    uint8_t name_family;    /* 4 or 6 of dns4 and dns6; 0 any */
    struct pando_slice p2p; /* multihash of /p2p/ID, or empty; borrows from the address */
};
/* Take /ip4|ip6|dns/.../udp/N/quic-v1[/p2p/ID] apart. Errors: PANDO_UNSUPPORTED any other
 * shape. */
enum pando_status multiaddr_to_udp(const struct multiaddr *a,
                                   struct multiaddr_udp *ret) PANDO_MUST_USE;
/* Build /ip4|ip6/.../udp/N/quic-v1. */
void multiaddr_from_udp(const uint8_t *ip, uint8_t ip_len, uint16_t port,
                        struct multiaddr *ret);
/* A multiaddr, or a bare IP:PORT, [IPv6]:PORT or HOST:PORT, which means
 * .../udp/PORT/quic-v1. Errors: PANDO_MALFORMED; reterr says that IP:PORT is expected,
 * with an example. */
enum pando_status multiaddr_parse_peer(const char *text, struct multiaddr *ret,
                                       struct pando_err *reterr) PANDO_MUST_USE;

#endif
