/* post_leaf.h - the rows of postings (post.h): their keys, and leaves as bytes. For post*.c alone.
 */
#ifndef SPACE_DELTA_POST_LEAF_H
#define SPACE_DELTA_POST_LEAF_H

#include "space/delta/post.h"

#define POST_KEY_MAX (POST_PREFIX_MAX + 24u)

struct post_key {
    size_t len;
    uint8_t bytes[POST_KEY_MAX];
};

struct post_key post_first_key(const struct post_list *l);
struct post_key post_key_of(const struct post_list *l, int64_t timestamp,
                            const struct delta_hash *digest);
struct pando_slice post_key_view(const struct post_key *k);
struct pando_slice post_prefix(const struct post_list *l);

/* `ret` has room for POST_LEAF. Errors: PANDO_CORRUPT it is no leaf. */
enum pando_status post_leaf_read(struct pando_slice value, struct post_entry *ret,
                                 size_t *ret_len) PANDO_MUST_USE;
/* An empty leaf is no row. */
enum pando_status post_leaf_write(const struct tables *t, uint8_t table,
                                  const struct post_key *key, const struct post_entry *e,
                                  size_t len) PANDO_MUST_USE;

#endif
