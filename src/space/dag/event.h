/* event.h - one signed, immutable record of the dag: its fields, its bytes, its name.
 *
 * An event is one strict DAG-CBOR map. Keys stand in DAG-CBOR order (by length, then by
 * bytes), so that one event has one encoding and its SHA-256 is its name:
 *
 *   aa                        map of ten
 *     61 "v"        01        version of this layout
 *     63 "seq"      uint      1, 2, 3, ... per author and epoch
 *     63 "sig"      58 40 ..  Ed25519, see below
 *     64 "body"     any       one DAG-CBOR value, at most 64 KiB; larger ones go by CID
 *     64 "kind"     text      "receipt", "announce", "leave", "heartbeat", "blob", "data"
 *     64 "time"     uint      wall time of the author, milliseconds since 1970
 *     65 "epoch"    uint      raised when the author was restored from a backup
 *     65 "space"    58 20 ..  the space id
 *     66 "author"   58 20 ..  Ed25519 public key
 *     67 "parents"  links     at most 16, all different; the author's last event first
 *
 *   id  = SHA-256 of all these bytes (CIDv1, codec dag-cbor)
 *   sig = Ed25519 over  "pando/event/1" | space id | the same map without its "sig" entry
 *
 * The chain rule makes the causal order of one author checkable by anybody: an event with
 * seq n > 1 has as its first parent the author's event n-1 of the same epoch. Whoever
 * holds (author, epoch, n) therefore holds all below it, and a vector of highest numbers
 * says everything about a set of events except for forks.
 */
#ifndef SPACE_DAG_EVENT_H
#define SPACE_DAG_EVENT_H

#include "codec/wire.h"
#include "crypto/sign.h"

#include <pando/status.h>
#include <pando/types.h>

#define EVENT_VERSION     1
#define EVENT_PARENTS_MAX 16
#define EVENT_BODY_MAX    (64u << 10)
#define EVENT_BLOCK_MAX   (EVENT_BODY_MAX + 1024u)
#define EVENT_SEQ_MAX     ((UINT64_C(1) << 53) - 1)
#define EVENT_SIGN_TAG    "pando/event/1"
/* What the signed bytes have in front of the map. */
#define EVENT_SIGN_PREFIX (sizeof(EVENT_SIGN_TAG) - 1 + 32)

#define EVENT_KIND_MAP(X)                                                               \
    X(RECEIPT, "receipt")                                                               \
    X(ANNOUNCE, "announce") X(LEAVE, "leave") X(HEARTBEAT, "heartbeat") X(BLOB, "blob") \
        X(DATA, "data")

enum event_kind {
#define X(name, text) EVENT_##name,
    EVENT_KIND_MAP(X)
#undef X
        EVENT_KINDS
};

struct event {
    struct pando_id id; /* filled by event_decode and event_sign */
    struct pando_id space;
    struct pando_key author;
    struct pando_sig sig;
    uint64_t seq;
    int64_t time; /* milliseconds since 1970 */
    uint32_t epoch;
    enum event_kind kind;
    uint8_t parents_len;
    struct pando_id parents[EVENT_PARENTS_MAX];
    struct pando_slice body;  /* one DAG-CBOR value; borrowed */
    struct pando_slice block; /* the whole encoding; borrowed */
};

/* Read a block. `ret_event` borrows from it.
 * Errors: PANDO_MALFORMED not canonical or a field out of its bounds;
 *         PANDO_UNSUPPORTED a version or a kind that this node does not know. */
enum pando_status event_decode(struct pando_slice block,
                               struct event *ret_event) PANDO_MUST_USE;

/* Write the block of `ev` (its id and block fields are not read). Fails the writer when
 * there is no room. */
void event_encode(const struct event *ev, struct wire_writer *w);

/* The bytes under the signature, of a decoded event: exactly EVENT_SIGN_PREFIX - 70 +
 * block.len of them, see event_signed_size. */
size_t event_signed_size(const struct event *ev);
void event_signed_bytes(const struct event *ev, uint8_t *ret_bytes);

/* Sign and encode a draft (all fields but sig, id, block), into `ret_block[cap]`.
 * Fills sig, id and block of `ev`. Errors: PANDO_INVALID a field out of bounds or no
 * room. */
enum pando_status event_sign(struct event *ev, const struct crypto_secret *secret,
                             uint8_t *ret_block, size_t cap) PANDO_MUST_USE;

/* The cheap facts of a block that was checked before (read back from the journal):
 * author, epoch, seq, kind, time and sig stay as event_decode gives them, but no id is
 * computed. */
enum pando_status event_peek(struct pando_slice block,
                             struct event *ret_event) PANDO_MUST_USE;

const char *event_kind_name(enum event_kind kind);
/* Errors: PANDO_UNSUPPORTED no kind of that name. */
enum pando_status event_kind_parse(struct pando_slice name,
                                   enum event_kind *ret_kind) PANDO_MUST_USE;

#endif
