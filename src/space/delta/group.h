/* group.h - several deltas as one record: what the journal holds and what nodes exchange.
 *
 *     version 1 | count - 1 (1) | [ key 32 | signature 64 ] | lengths, 3 each | bodies
 *
 * A body is the canonical bytes of a delta. A length of 0 stands for a delta that is not in
 * this copy of the group: its body is the digest alone (16). That happens only in a signed
 * group of which a part was passed on; at least one delta is there. The record's kind says
 * whether key and signature are present. Integers are big-endian.
 *
 * The signature covers "pando/delta-group/1" | space id (32) | the digests of all members in
 * order (16 each), so that whoever holds some of the deltas can still prove who gave them.
 *
 * One group, one encoding. Thread: any; pure.
 */
#ifndef SPACE_DELTA_GROUP_H
#define SPACE_DELTA_GROUP_H

#include "space/delta/store.h"

#include <string.h>

#define GROUP_DIGEST     sizeof(struct delta_hash)
#define GROUP_HEAD_PLAIN 2u
#define GROUP_HEAD_SIGNED (GROUP_HEAD_PLAIN + 32u + 64u)
#define GROUP_LENGTH     3u
/* Encoded bytes of the largest group: one that was nearly full when a large delta came. */
#define GROUP_BYTES_MAX                                                                   \
    (GROUP_HEAD_SIGNED + DELTA_GROUP_MAX * (GROUP_LENGTH + GROUP_DIGEST) +                \
     DELTA_GROUP_BYTES + DELTA_BYTES_MAX)
/* All before the bodies. */
#define GROUP_TABLE_MAX   (GROUP_HEAD_SIGNED + DELTA_GROUP_MAX * GROUP_LENGTH)
#define GROUP_MESSAGE_MAX (19u + 32u + DELTA_GROUP_MAX * 16u) /* what a signature covers */

struct group {
    bool is_signed;
    struct pando_key key; /* of a signed one */
    struct pando_sig sig;
    size_t len;
    /* Canonical bytes, or, where the delta is not in this copy, the digest. */
    struct pando_slice bodies[DELTA_GROUP_MAX];
    bool held[DELTA_GROUP_MAX];
};

/* Read an encoded group; borrows `bytes`. What the deltas are is not looked at.
 * Errors: PANDO_MALFORMED; PANDO_UNSUPPORTED a later version. */
enum pando_status group_decode(struct pando_slice bytes, bool is_signed,
                               struct group *ret) PANDO_MUST_USE;
/* The `i`-th member of an encoded group that group_decode accepts, without reading all of
 * it. PANDO_NOT_FOUND there are not so many, or only its digest is here. */
enum pando_status group_member(struct pando_slice bytes, bool is_signed, size_t i,
                               struct pando_slice *ret) PANDO_MUST_USE;
/* Append the encoding. Errors: PANDO_INVALID no member, too many, or none held;
 * PANDO_FULL, PANDO_NOMEM of the buffer. */
enum pando_status group_encode(const struct group *g, struct pando_buf *buf) PANDO_MUST_USE;

/* Where the `i`-th member lies in an encoded group of which only the beginning, at least
 * GROUP_TABLE_MAX bytes of it or all, is given. PANDO_NOT_FOUND as above. */
enum pando_status group_locate(struct pando_slice bytes, bool is_signed, size_t i,
                               size_t *ret_at, size_t *ret_len) PANDO_MUST_USE;

/* The digest of a member, computed where the delta is here. */
struct delta_hash group_digest(const struct group *g, size_t i);
/* The bytes that the signature covers, and how many. */
size_t group_message(const struct group *g, const struct pando_id *space,
                     uint8_t ret[static GROUP_MESSAGE_MAX]);
/* What SPACE_VERIFY wants to know about a signed group; borrows `message`. */
struct space_verify_item group_verify_item(const struct group *g, const struct pando_id *space,
                                           uint8_t message[static GROUP_MESSAGE_MAX]);
void group_sign(struct group *g, const struct pando_id *space,
                const struct crypto_secret *secret);

/* The first 16 bytes of SHA-256: what names and digests are. */
struct delta_hash group_hash(struct pando_slice s);

static inline bool hash_equal(const struct delta_hash *a, const struct delta_hash *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

#endif
