/* multiaddr_protocol.h - the table of address components, private to the multiaddr files.
 *
 * A component is a code, a size (fixed, or told by a length prefix) and a kind of value
 * that says how its text looks and which bytes are valid. Adding one is a row in the
 * table, and a kind only when its text is new.
 */
#ifndef CODEC_MULTIADDR_PROTOCOL_H
#define CODEC_MULTIADDR_PROTOCOL_H

#include "codec/multiaddr.h"

enum multiaddr_value {
    VALUE_NONE,
    VALUE_IP4,
    VALUE_IP6,
    VALUE_NUMBER, /* one byte, decimal */
    VALUE_PORT,
    VALUE_U64,
    VALUE_NAME,    /* a host name or an interface */
    VALUE_PATH,    /* takes the rest of the address */
    VALUE_ESCAPED, /* any bytes, %XX in text */
    VALUE_PEER,    /* multihash: identity or sha2-256 */
    VALUE_HASH,    /* any multihash, multibase in text */
    VALUE_ONION3,  /* 35 bytes in base32, a colon, a port */
};

#define MULTIADDR_VARIABLE UINT8_MAX

struct multiaddr_protocol {
    const char *name;
    uint16_t code;
    uint8_t size; /* of the value, or MULTIADDR_VARIABLE */
    enum multiaddr_value value;
};

/* NULL when there is none of that code or name. */
const struct multiaddr_protocol *multiaddr_protocol_by_code(uint64_t code);
const struct multiaddr_protocol *multiaddr_protocol_by_name(struct pando_slice name);
/* Whether `value` is a valid value of the protocol. */
bool multiaddr_protocol_valid(const struct multiaddr_protocol *p,
                              struct pando_slice value);

/* IP addresses in text, strictly: no leading zeros, no zone, RFC 5952 when printed. */
bool multiaddr_ip4_parse(struct pando_slice text, uint8_t ret_ip[4]);
bool multiaddr_ip6_parse(struct pando_slice text, uint8_t ret_ip[16]);
#define MULTIADDR_IP_TEXT 48
void multiaddr_ip4_print(const uint8_t ip[4], char ret_text[MULTIADDR_IP_TEXT]);
void multiaddr_ip6_print(const uint8_t ip[16], char ret_text[MULTIADDR_IP_TEXT]);
/* A decimal number up to `max`, canonical (no sign, no leading zero). */
bool multiaddr_number_parse(struct pando_slice text, uint64_t max, uint64_t *ret_value);

#endif
