/* group.h - several deltas as one record: what the journal holds and what nodes exchange.
 *
 *     plain   version 2 | members - 1 (1) | lengths, 3 each | bodies
 *     signed  version 2 | members - 1 (1) | key 32 | signature 64 | held - 1 (1)
 *             | per held member: [ index (1) ] length 3 | bodies | hashes, 16 each
 *
 * A body is the canonical bytes of a delta. Of a signed group a part may be passed on: then fewer
 * are held than there are members, each held one says its index, and the hashes stand for the
 * others. Integers are big-endian. The record's kind says which of the two it is. Where key and
 * kind stand elsewhere (a message to another node), the key is left out: a bare group.
 *
 * The digests of the members are the leaves of a binary tree. A tree of one leaf is that leaf;
 * one of n has k of them on its left side, k being the greatest power of two below n, and its
 * hash is the first 16 bytes of SHA-256 over 01 | hash of the left side | hash of the right one.
 * For a part one hash is given per largest subtree of which nothing is held, from left to right:
 * what is held decides how many these are and where they belong. The signature covers
 *
 *     "pando/delta-group/2" | space id (32) | members (2) | hash of the tree (16)
 *
 * so that whoever holds some of the deltas can still prove who gave them, and at which place.
 * A body never begins with 01 (a delta is a CBOR map): what is a node cannot be a leaf.
 *
 * Source: RFC 9162, section 2.1.1 (the shape of the tree). Deviations: the first byte of a
 * body is the tag of a leaf, since the digest of a delta is known already; 16 bytes.
 *
 * One group, one encoding. Thread: any; pure.
 */
#ifndef SPACE_DELTA_GROUP_H
#define SPACE_DELTA_GROUP_H

#include "space/delta/store.h"

#include <string.h>

#define GROUP_HASH        sizeof(struct delta_hash)
#define GROUP_HEAD_PLAIN  2u
#define GROUP_HEAD_SIGNED (GROUP_HEAD_PLAIN + 32u + 64u + 1u)
#define GROUP_LENGTH      3u
#define GROUP_ENTRY       (1u + GROUP_LENGTH)     /* of a part: index, length */
#define GROUP_HASHES_MAX  (DELTA_GROUP_MAX / 2u)  /* subtrees that are left out of a part */
#define GROUP_NODE        0x01u                   /* what the bytes of an inner node begin with */
/* All before the bodies. */
#define GROUP_TABLE_MAX (GROUP_HEAD_SIGNED + DELTA_GROUP_MAX * GROUP_ENTRY)
/* Encoded bytes of the largest group: one that was nearly full when a large delta came. */
#define GROUP_BYTES_MAX                                                                   \
    (GROUP_TABLE_MAX + GROUP_HASHES_MAX * GROUP_HASH + DELTA_GROUP_BYTES + DELTA_BYTES_MAX)
#define GROUP_MESSAGE (19u + 32u + 2u + 16u) /* what a signature covers */

struct group {
    bool is_signed;
    struct pando_key key; /* of a signed one */
    struct pando_sig sig;
    size_t len;
    bool held[DELTA_GROUP_MAX];
    struct pando_slice bodies[DELTA_GROUP_MAX]; /* canonical bytes of those held */
    size_t hashes_len;
    struct delta_hash hashes[GROUP_HASHES_MAX]; /* of the largest subtrees without any */
    /* Digests of those held, by index, where they are known; NULL: bodies are hashed. Borrowed. */
    const struct delta_hash *digests;
};

/* Read an encoded group; borrows `bytes`. What the deltas are is not looked at.
 * Errors: PANDO_MALFORMED; PANDO_UNSUPPORTED another version. */
enum pando_status group_decode(struct pando_slice bytes, bool is_signed,
                               struct group *ret) PANDO_MUST_USE;
/* Likewise a bare one: of this key, or without signature (NULL). */
enum pando_status group_decode_bare(struct pando_slice bytes, const struct pando_key *key,
                                    struct group *ret) PANDO_MUST_USE;
/* The `i`-th member of an encoded group that group_decode accepts, without reading all of
 * it. PANDO_NOT_FOUND there are not so many, or it is not in this copy. */
enum pando_status group_member(struct pando_slice bytes, bool is_signed, size_t i,
                               struct pando_slice *ret) PANDO_MUST_USE;
/* Append the encoding. Errors: PANDO_INVALID no member, too many, none held, or not the hashes
 * that what is held asks for; PANDO_FULL, PANDO_NOMEM of the buffer. */
enum pando_status group_encode(const struct group *g, struct pando_buf *buf) PANDO_MUST_USE;
enum pando_status group_encode_bare(const struct group *g,
                                    struct pando_buf *buf) PANDO_MUST_USE;

/* Where the `i`-th member lies in an encoded group of which only the beginning, at least
 * GROUP_TABLE_MAX bytes of it or all, is given. PANDO_NOT_FOUND as above. */
enum pando_status group_locate(struct pando_slice bytes, bool is_signed, size_t i,
                               size_t *ret_at, size_t *ret_len) PANDO_MUST_USE;

/* Leave out the members that `keep` does not name. Those of a signed group leave hashes and the
 * others their places; a plain group closes up. Digests that are known save hashing again what is
 * left out: `deltas` has one for each member that is held; or NULL. */
void group_part(struct group *g, const bool keep[static DELTA_GROUP_MAX],
                const struct delta *deltas);
/* How many members are held. */
size_t group_held(const struct group *g);
/* How many hashes a part of `len` members needs that holds these. */
size_t group_gaps(const bool held[static DELTA_GROUP_MAX], size_t len);
/* The hash of the tree of a signed group, whole or part. */
struct delta_hash group_root(const struct group *g);

/* The bytes that the signature covers. */
void group_message(const struct group *g, const struct pando_id *space,
                   uint8_t ret[static GROUP_MESSAGE]);
/* What SPACE_VERIFY wants to know about a signed group; borrows `message`. */
struct space_verify_item group_verify_item(const struct group *g, const struct pando_id *space,
                                           uint8_t message[static GROUP_MESSAGE]);
/* Sign a group that is whole. */
void group_sign(struct group *g, const struct pando_id *space,
                const struct crypto_secret *secret);

/* The first 16 bytes of SHA-256: what names, digests and nodes are. */
struct delta_hash group_hash(struct pando_slice s);

static inline bool hash_equal(const struct delta_hash *a, const struct delta_hash *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

#endif
