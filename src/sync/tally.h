/* tally.h - sums over any range of an ordered set that lies elsewhere.
 *
 * A set of items is kept in rows by its owner (millions of them). To compare it with another
 * node's, the sum of the digests in a range is asked for, again and again, for ranges of any
 * size. The tally keeps one sum for each bucket of some dozens of neighbouring items: a range
 * is whole buckets, whose sums are added, and two ends, whose items are listed.
 *
 * It is built when first needed, in slices, by listing all rows once; from then on the owner
 * tells each item that came or went, after its row did. A set that grows at its end grows by
 * buckets, and no row is read for that. There are at most TALLY_BUCKETS_MAX
 * buckets: beyond that neighbours are merged and grow to twice the size. Memory: 48 bytes a
 * bucket, so 750 KiB at most, whatever the set's size.
 *
 * Pure. Rows may be listed at any time; a listing that fails makes the call fail.
 */
#ifndef SYNC_TALLY_H
#define SYNC_TALLY_H

#include <pando/status.h>
#include <pando/types.h>

#define TALLY_BUCKETS_MAX 16384
#define TALLY_BUCKET      64 /* items that a bucket aims at, at first */
#define TALLY_FULL_MAX    64 /* full buckets remembered; others are met again */

/* An item's place in the order: by time, then by digest. */
struct tally_key {
    uint64_t time;
    uint8_t digest[16];
};

/* Behind every item. */
#define TALLY_END ((struct tally_key){ .time = UINT64_MAX })

int tally_compare(const struct tally_key *a, const struct tally_key *b);
/* The least key behind `k`. */
struct tally_key tally_after(const struct tally_key *k);

/* How many items, and the sum of their digests as 128-bit numbers. An adversary who chooses
 * digests can make two sets with equal sums; accidents cannot. */
struct tally_sum {
    uint64_t count;
    uint64_t low, high;
};

/* The sum of a range that has `key`, as it were without it. */
struct tally_sum tally_without(const struct tally_sum *sum, const struct tally_key *key);

/* Where the items are: fill up to `cap` keys in [from, to), in order, and say how many. */
struct tally_rows {
    void *ctx;
    enum pando_status (*list)(void *ctx, const struct tally_key *from, const struct tally_key *to,
                              struct tally_key *ret, size_t cap, size_t *ret_len);
};

struct tally_bucket {
    struct tally_key first; /* where its range begins; it ends where the next one begins */
    struct tally_sum sum;
};

struct tally {
    struct tally_rows rows;
    struct tally_bucket *buckets; /* sorted; buckets[0] begins at zero */
    size_t len, cap;
    size_t target;          /* items a bucket aims at */
    struct tally_key built; /* every item before it is counted */
    bool ready;             /* all are */
    struct tally_sum total; /* of what is counted */
    struct tally_key newest; /* nothing that was ever counted is behind it */
    struct tally_key full[TALLY_FULL_MAX]; /* in buckets that should be halved */
    size_t full_len;
};

void tally_init(struct tally *t, struct tally_rows rows);
void tally_deinit(struct tally *t);
/* Count up to `items` further items. PANDO_OK: all are counted; PANDO_BUSY: call again.
 * Errors: PANDO_NOMEM; those of the rows. */
enum pando_status tally_build(struct tally *t, size_t items) PANDO_MUST_USE;
/* An item's row was put or deleted. Neither reads a row. Cost: O(log buckets). */
void tally_add(struct tally *t, const struct tally_key *key);
void tally_remove(struct tally *t, const struct tally_key *key);
/* Halve the buckets that have grown, by reading their rows; now and then, and when the owner of
 * the rows can be asked. On an error the tally is empty and must be built anew. */
enum pando_status tally_settle(struct tally *t) PANDO_MUST_USE;
/* Needs a tally that is ready. Cost: the buckets within the range, and two listed ends; the
 * whole set costs nothing. */
enum pando_status tally_range(const struct tally *t, const struct tally_key *from,
                              const struct tally_key *to, struct tally_sum *ret) PANDO_MUST_USE;
/* Up to `parts` - 1 bounds that part [from, to), which holds `count` items, into pieces of
 * about the same size; strictly rising, inside the range. */
enum pando_status tally_split(const struct tally *t, const struct tally_key *from,
                              const struct tally_key *to, uint64_t count, size_t parts,
                              struct tally_key *ret, size_t *ret_len) PANDO_MUST_USE;

#endif
