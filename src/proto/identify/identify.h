/* identify.h - who a peer is, what it speaks and where it listens (/ipfs/id/1.0.0).
 *
 * The responder of an identify stream, or the opener of a push stream, writes one or more
 * length-prefixed messages and ends its side; the reader merges them until the end. A
 * push replaces what was known, so it is a whole message as well. The peer's word counts
 * only as far as it goes: the public key must be the one that the link proved, addresses
 * are hints, and `observed` is one peer's opinion of ours.
 *
 *     message: 1 public key, 2* listen address, 3* protocol, 4 observed address,
 *              5 protocol version, 6 agent version, 8 signed peer record
 *
 * **Network names.** A Pando node lists the pseudo-protocol "/pando/network/NAME" among
 * its protocols. Two nodes that both list one refuse each other when the names differ; a
 * peer without one is a plain libp2p peer and welcome. Protocol lists are opaque to every
 * libp2p implementation, and never split or rewritten (docs/wire/identify.md).
 */
#ifndef IDENTIFY_IDENTIFY_H
#define IDENTIFY_IDENTIFY_H

#include "codec/multiaddr.h"
#include "codec/wire.h"
#include "crypto/peer_id.h"

#include <pando/status.h>

#define IDENTIFY_PROTOCOL         "/ipfs/id/1.0.0"
#define IDENTIFY_PUSH_PROTOCOL    "/ipfs/id/push/1.0.0"
#define IDENTIFY_NETWORK_PREFIX   "/pando/network/"
#define IDENTIFY_PROTOCOL_VERSION "pando/1"

#define IDENTIFY_OUT_MAX       4096 /* of our message: rust reads no longer one */
#define IDENTIFY_IN_MAX        8192 /* of one message of a peer */
#define IDENTIFY_MESSAGES_MAX  10   /* until the end of the stream */
#define IDENTIFY_PROTOCOLS_MAX 256
#define IDENTIFY_ADDRESSES_MAX 32
#define IDENTIFY_NAMES_SIZE    8192 /* text of all protocol names together */
#define IDENTIFY_TEXT_MAX      128  /* agent and protocol version; longer ones are cut */
#define IDENTIFY_NETWORK_MAX   64
#define IDENTIFY_RECORD_MAX    4096
#define IDENTIFY_KEY_MAX       1024 /* an RSA-4096 key takes about 560 */

/* What we say of ourselves. Everything is borrowed. */
struct identify_self {
    struct pando_key key;
    const char *agent;            /* NULL: "pando/VERSION" */
    const char *network;          /* "pando" unless configured */
    const char *const *protocols; /* every protocol with a handler */
    size_t protocols_len;
    const struct multiaddr *addresses; /* best first; the last are dropped for room */
    size_t addresses_len;
    struct pando_slice signed_record; /* an envelope, or empty */
};

/* Write one message, unframed, of at most IDENTIFY_OUT_MAX bytes: addresses are dropped
 * from the end until it fits, then the signed record. `observed` is the peer's address as
 * we see it (any /p2p behind it is left out); NULL on relayed links.
 * Errors: PANDO_FULL keys and protocols alone are too long, or `out` is too small. */
enum pando_status identify_encode(const struct identify_self *self,
                                  const struct multiaddr *observed,
                                  struct wire_writer *out) PANDO_MUST_USE;

/* What a peer said. About 22 KiB: keep one while a stream is read, store what you need.
 */
struct identify_info {
    uint32_t messages_len;
    uint16_t protocols_len;
    uint16_t addresses_len;
    uint16_t names_len; /* bytes in use of `names` */
    uint16_t key_len;
    uint16_t record_len;
    uint16_t dropped; /* items beyond a cap or of an unknown form */
    bool has_observed;
    bool has_protocols;                /* any was said: a push without keeps the old */
    char agent[IDENTIFY_TEXT_MAX + 1]; /* printable, terminated */
    char version[IDENTIFY_TEXT_MAX + 1];
    char network[IDENTIFY_NETWORK_MAX + 1]; /* empty: not a Pando node */
    struct multiaddr observed;              /* without /p2p */
    uint16_t
        protocols[IDENTIFY_PROTOCOLS_MAX]; /* where each name starts; NUL-terminated */
    char names[IDENTIFY_NAMES_SIZE];
    struct multiaddr addresses[IDENTIFY_ADDRESSES_MAX]; /* without /p2p of the peer */
    uint8_t key[IDENTIFY_KEY_MAX];                      /* the PublicKey message */
    uint8_t record[IDENTIFY_RECORD_MAX];
};

/* An empty one, before the first message of a stream. */
void identify_init(struct identify_info *info);
/* Take in one message: scalars replace, lists grow to their caps (the rest is counted in
 * `dropped`), addresses that we cannot read are skipped.
 * Errors: PANDO_MALFORMED not protobuf; PANDO_FULL an eleventh message, or one longer
 * than IDENTIFY_IN_MAX. `info` is unchanged then. */
enum pando_status identify_merge(struct identify_info *info,
                                 struct pando_slice message) PANDO_MUST_USE;
/* At the end of the stream: is this the peer that the link proved? A missing key is
 * accepted, as old peers omit it. Errors: PANDO_FORGED another one's key;
 * PANDO_MALFORMED nothing was said, or the key is none. */
enum pando_status identify_check(const struct identify_info *info,
                                 const struct peer_id *peer) PANDO_MUST_USE;

const char *identify_protocol(const struct identify_info *info, size_t i);
bool identify_speaks(const struct identify_info *info, const char *protocol);
/* Both are Pando nodes, of networks with different names. */
bool identify_is_foreign(const struct identify_info *info, const char *network);
/* 1 to IDENTIFY_NETWORK_MAX letters, digits, '.', '_' and '-'. */
bool identify_network_is_valid(const char *name);
/* The listen addresses of the peer record in `info` that its own key signed, replacing
 * the unsigned ones, when the envelope verifies and speaks of `peer`; otherwise nothing
 * changes and the status says why: PANDO_NOT_FOUND no record, else as peer_record_open.
 */
enum pando_status identify_certify(struct identify_info *info, const struct peer_id *peer,
                                   uint64_t *ret_seq) PANDO_MUST_USE;

#endif
