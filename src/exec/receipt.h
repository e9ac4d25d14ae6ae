/* receipt.h - the signed record of one run of a capsule.
 *
 * A receipt says which capsule turned which input into which output, under which limits,
 * at what cost, on whose node. All of them are names by content (SHA-256, raw CIDs), so
 * whoever holds the bytes can run the capsule again and compare (replay.h).
 *
 * Canonical form: one DAG-CBOR map, keys in DAG-CBOR order, every field present, below
 * 1 KiB; docs/wire/receipt.md draws it. The signature covers "pando/receipt/1", the space
 * id (zeros when the run belongs to no space) and the canonical map without `sig`, so it
 * means nothing anywhere else. The receipt id is the SHA-256 of the canonical bytes,
 * shown as a dag-cbor CID.
 */
#ifndef EXEC_RECEIPT_H
#define EXEC_RECEIPT_H

#include "base/buf.h"
#include "crypto/sign.h"
#include "exec/exec.h"

#define RECEIPT_VERSION 1
#define RECEIPT_SIZE_MAX 1024
#define RECEIPT_JSON_MAX 4096 /* accepted; ours are below 1 KiB in compact form */
#define RECEIPT_ENGINE_SIZE 32
#define RECEIPT_AGE_DEFAULT_S 3600
#define RECEIPT_AHEAD_S 600 /* a time so far ahead of ours is not believed */

struct receipt {
    struct pando_id capsule, input, output;
    struct pando_id space; /* zeros: none */
    struct exec_limits limits;
    uint64_t fuel_used;
    uint64_t memory_bytes;
    uint64_t duration_us;
    uint64_t nonce;
    struct pando_wall time; /* what the capsule saw as now */
    uint32_t host_calls;
    char engine[RECEIPT_ENGINE_SIZE]; /* printable ASCII, terminated */
    struct pando_key node;
    struct pando_sig sig;
};

/* The receipt of a run that completed, not signed yet.
 * Errors: PANDO_INVALID the run failed: there is nothing to certify. */
enum pando_status receipt_make(const struct exec_request *request,
                               const struct exec_result *result,
                               const struct pando_id *space,
                               struct receipt *ret) PANDO_MUST_USE;
/* Set `node` and `sig`. */
void receipt_sign(struct receipt *r, const struct crypto_secret *secret);

enum pando_status receipt_encode(const struct receipt *r,
                                 uint8_t ret_bytes[RECEIPT_SIZE_MAX],
                                 size_t *ret_len) PANDO_MUST_USE;
/* Strict: exactly what receipt_encode writes, nothing behind it. The signature is not
 * looked at. Errors: PANDO_MALFORMED; PANDO_UNSUPPORTED a newer version. */
enum pando_status receipt_decode(struct pando_slice bytes,
                                 struct receipt *ret) PANDO_MUST_USE;
/* SHA-256 of the canonical bytes. */
struct pando_id receipt_id(const struct receipt *r);

/* Name, status, what a human is told. */
#define RECEIPT_VERDICT_MAP(X)                                                          \
    X(VALID, OK, "signature is valid")                                                  \
    X(FORGED, FORGED, "signature does not match the receipt")                           \
    X(STALE, REFUSED, "receipt is older than the permitted age")                        \
    X(AHEAD, REFUSED, "receipt is dated in the future")                                 \
    X(MALFORMED, MALFORMED, "a field is out of range")

enum receipt_verdict {
#define X(name, status, text) RECEIPT_##name,
    RECEIPT_VERDICT_MAP(X)
#undef X
};

const char *receipt_verdict_text(enum receipt_verdict verdict);
enum pando_status receipt_verdict_status(enum receipt_verdict verdict);
/* Fields, signature, then age. `max_age_s` 0: any age and any date. */
enum receipt_verdict receipt_verify(const struct receipt *r, struct pando_wall now,
                                    uint32_t max_age_s);
/* The bytes that the signature covers, for batch verifiers: prefix, space id, body. */
#define RECEIPT_SIGNED_MAX (RECEIPT_SIZE_MAX + 64)
enum pando_status receipt_signed_bytes(const struct receipt *r,
                                       uint8_t ret_bytes[RECEIPT_SIGNED_MAX],
                                       size_t *ret_len) PANDO_MUST_USE;

/* JSON view: CIDs and hex in text, `time` as RFC 3339 too; `id` is recomputed and checked
 * when read. A file so written reads back to the same bytes.
 * Errors: PANDO_MALFORMED names the field; PANDO_FULL `ret_text` is at its cap. */
enum pando_status receipt_to_json(const struct receipt *r, bool pretty,
                                  struct pando_buf *ret_text) PANDO_MUST_USE;
/* The compact form of that view, by somebody who knows the receipt's id already. */
enum pando_status receipt_print(const struct receipt *r, const struct pando_id *id,
                                struct pando_buf *ret_text) PANDO_MUST_USE;
enum pando_status receipt_from_json(struct pando_slice text, struct receipt *ret,
                                    struct pando_err *reterr) PANDO_MUST_USE;

#endif
