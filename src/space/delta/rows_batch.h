/* rows_batch.h - what the deltas of one record amount to, before they become rows.
 *
 * Whoever stages deltas has them read and hashed; whoever folds a record that was read back
 * does it then. Both fill a batch: names and digests, and the lists under whose hashes each
 * delta stands (rows_apply puts them). A text that was hashed lately is not hashed again:
 * deltas of a group mostly share author, system, contexts and objects.
 *
 * Memory: in proportion to the pointers of the deltas; kept by reset, freed by deinit.
 */
#ifndef SPACE_DELTA_ROWS_BATCH_H
#define SPACE_DELTA_ROWS_BATCH_H

#include "space/delta/rows.h"

#define BATCH_MEMO      64u /* texts whose lists are remembered; a power of two */
#define BATCH_MEMO_TEXT 44u /* bytes of the longest of them */

struct rows_item {
    struct delta_brief brief;
    uint8_t index;    /* in the record */
    bool fresh;       /* no row has its name: it was looked for */
    uint32_t from;    /* the first of its refs */
    uint32_t len;
};

struct rows_memo {
    uint8_t table; /* 0: free */
    uint8_t len;
    char text[BATCH_MEMO_TEXT];
    uint32_t list;
};

struct rows_batch {
    size_t len;
    struct rows_item items[DELTA_GROUP_MAX];
    struct post_list *lists;
    size_t lists_len, lists_cap;
    uint32_t *refs; /* into `lists`; those of one delta are all different */
    size_t refs_len, refs_cap;
    struct rows_memo memo[BATCH_MEMO];
};

/* A zeroed batch is an empty one. */
void rows_batch_reset(struct rows_batch *b);
void rows_batch_deinit(struct rows_batch *b);
/* The delta at `index` of the record, its name and digest known. At most DELTA_GROUP_MAX.
 * Errors: PANDO_NOMEM; the batch is as before then. */
enum pando_status rows_batch_add(struct rows_batch *b, const struct delta *d, size_t index,
                                 bool fresh) PANDO_MUST_USE;

/* Put the rows of the batch, whose record lies at `position`. `tails`: the store's, or NULL
 * where a record is folded alone. Errors: those of the tables; PANDO_NOMEM. */
enum pando_status rows_apply(const struct tables *t, struct post_tails *tails,
                             const struct rows_batch *b, uint64_t position) PANDO_MUST_USE;

#endif
