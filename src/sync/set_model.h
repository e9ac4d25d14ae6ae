/* set_model.h - a sorted array as the rows of a tally: for tests and the fuzzer. */
#ifndef SYNC_SET_MODEL_H
#define SYNC_SET_MODEL_H

#include "sync/tally.h"

#include <stdlib.h>
#include <string.h>

struct set_model {
    struct tally_key *keys; /* sorted */
    size_t len, cap;
};

static inline size_t set_model_find(const struct set_model *m, const struct tally_key *key)
{
    size_t low = 0, high = m->len;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (tally_compare(&m->keys[middle], key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static inline bool set_model_has(const struct set_model *m, const struct tally_key *key)
{
    const size_t at = set_model_find(m, key);
    return at < m->len && tally_compare(&m->keys[at], key) == 0;
}

/* False: it was there. */
static inline bool set_model_add(struct set_model *m, const struct tally_key *key)
{
    const size_t at = set_model_find(m, key);
    if (at < m->len && tally_compare(&m->keys[at], key) == 0)
        return false;
    if (m->len == m->cap) {
        m->cap = m->cap == 0 ? 64 : m->cap * 2;
        m->keys = realloc(m->keys, m->cap * sizeof *m->keys);
        if (m->keys == NULL)
            abort();
    }
    memmove(m->keys + at + 1, m->keys + at, (m->len - at) * sizeof *m->keys);
    m->keys[at] = *key;
    m->len++;
    return true;
}

static inline void set_model_remove(struct set_model *m, const struct tally_key *key)
{
    const size_t at = set_model_find(m, key);
    memmove(m->keys + at, m->keys + at + 1, (m->len - at - 1) * sizeof *m->keys);
    m->len--;
}

static inline enum pando_status set_model_list(void *ctx, const struct tally_key *from,
                                               const struct tally_key *to,
                                               struct tally_key *ret, size_t cap,
                                               size_t *ret_len)
{
    const struct set_model *m = ctx;
    size_t at = set_model_find(m, from), len = 0;
    while (at < m->len && len < cap && tally_compare(&m->keys[at], to) < 0)
        ret[len++] = m->keys[at++];
    *ret_len = len;
    return PANDO_OK;
}

static inline struct tally_rows set_model_rows(struct set_model *m)
{
    return (struct tally_rows){ m, set_model_list };
}

#endif
