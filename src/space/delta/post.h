/* post.h - postings: places of deltas in order of time, many to a row.
 *
 * A list of postings hangs under a prefix (a hash, or nothing: all deltas) of a table. An
 * entry is (timestamp 8, digest 16, place 8), big-endian; up to POST_LEAF of them, in order,
 * make one row, a leaf. The first leaf of a list lies under prefix | 00, every other under
 * prefix | the timestamp and digest at which it begins, so that the leaf of an entry is the
 * last one at or before it. Deltas come mostly in order of time: a list then grows by full
 * leaves, and costs a row for POST_LEAF deltas. Leaves that fill up elsewhere are halved.
 *
 * Pure; errors are those of the tables, and PANDO_CORRUPT for a row that is no leaf.
 */
#ifndef SPACE_DELTA_POST_H
#define SPACE_DELTA_POST_H

#include "space/delta/source.h"
#include "store/tables.h"

#define POST_LEAF       24u
#define POST_ENTRY      32u
#define POST_PREFIX_MAX 16u

struct post_entry {
    int64_t timestamp;
    struct delta_hash digest;
    uint64_t place;
};

/* Where a list hangs. */
struct post_list {
    uint8_t table;
    uint8_t prefix_len; /* 0 or 16 */
    struct delta_hash prefix;
};

struct post_leaf {
    struct post_list list;
    size_t len;
    struct post_entry entries[POST_LEAF];
};

/* (timestamp, digest) in order. */
int post_compare(const struct post_entry *a, const struct post_entry *b);
int post_compare_place(const struct post_entry *a, const struct delta_place *b);
bool post_list_equal(const struct post_list *a, const struct post_list *b);

/* The last leaves of lists that were put into lately: where a list grows, its leaf need not be
 * looked for. Whoever has tails puts and takes out through them only, or forgets them. */
struct post_tails;
enum pando_status post_tails_new(struct post_tails **ret) PANDO_MUST_USE;
void post_tails_free(struct post_tails *tails);
void post_tails_forget(struct post_tails *tails);

/* Put entries, which are in order and all different, into a list; one that is there gets
 * the new place. `tails` may be NULL. */
enum pando_status post_put(const struct tables *t, struct post_tails *tails,
                           const struct post_list *list, const struct post_entry *entries,
                           size_t len) PANDO_MUST_USE;
/* Take one out; a missing one is a success. */
enum pando_status post_del(const struct tables *t, struct post_tails *tails,
                           const struct post_list *list,
                           const struct post_entry *entry) PANDO_MUST_USE;
/* The leaf that holds the first entry behind `place` (the last before it, descending; an
 * unset place is the end from which the walk begins). PANDO_NOT_FOUND at the end. */
enum pando_status post_find(const struct tables *t, const struct post_list *list,
                            const struct delta_place *place, bool descending,
                            struct post_leaf *ret) PANDO_MUST_USE;
/* That entry in a leaf; NULL: it is in none. */
const struct post_entry *post_next(const struct post_leaf *leaf,
                                   const struct delta_place *place, bool descending);

#endif
