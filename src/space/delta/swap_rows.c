/* swap_rows.c - what is held, as rows of the tally and as places.
 */
#include "space/delta/swap_state.h"

#include "base/assert.h"

#define AT_ONCE 512

/* The greatest place before a key; before the first delta when nothing can be there. */
static struct delta_place place_before(const struct tally_key *key)
{
    struct delta_place p = { .timestamp = (int64_t)key->time, .set = true };
    memcpy(p.digest.bytes, key->digest, sizeof p.digest.bytes);
    for (size_t i = sizeof p.digest.bytes; i-- > 0;)
        if (p.digest.bytes[i]-- != 0)
            return p;
    p.set = p.timestamp-- > 0;
    return p;
}

static struct tally_key key_of(const struct delta_item *item)
{
    struct tally_key key = { .time = (uint64_t)item->timestamp };
    memcpy(key.digest, item->digest.bytes, sizeof key.digest);
    return key;
}

/* Items in [from, to). */
static enum pando_status find(struct swap *s, const struct tally_key *from,
                              const struct tally_key *to, struct delta_item *ret, size_t cap,
                              size_t *ret_len)
{
    const int64_t last = to->time > INT64_MAX ? INT64_MAX : (int64_t)to->time;
    *ret_len = 0;
    if (from->time > INT64_MAX)
        return PANDO_OK; /* nothing is so late */
    struct delta_place place = place_before(from);
    const enum pando_status st =
        delta_store_items(s->config.store, &place, last, ret, cap, ret_len);
    while (st == PANDO_OK && *ret_len > 0) {
        const struct tally_key key = key_of(&ret[*ret_len - 1]);
        if (tally_compare(&key, to) < 0)
            break;
        (*ret_len)--;
    }
    return st;
}

enum pando_status swap_rows_list(void *ctx, const struct tally_key *from,
                                 const struct tally_key *to, struct tally_key *ret, size_t cap,
                                 size_t *ret_len)
{
    struct delta_item items[AT_ONCE];
    PANDO_ASSERT(cap <= AT_ONCE);
    const enum pando_status st = find(ctx, from, to, items, cap, ret_len);
    for (size_t i = 0; i < *ret_len; i++)
        ret[i] = key_of(&items[i]);
    return st;
}

bool swap_rows_place(struct swap *s, const struct tally_key *key, uint64_t *ret_place)
{
    struct delta_item item;
    size_t len;
    const struct tally_key behind = tally_after(key);
    if (find(s, key, &behind, &item, 1, &len) != PANDO_OK || len == 0)
        return false;
    *ret_place = item.place;
    return item.place != 0;
}

bool swap_rows_span(struct swap *s, struct swap_span *span, uint64_t *ret, size_t cap,
                    size_t *ret_len)
{
    struct delta_item items[AT_ONCE];
    size_t len = 0;
    PANDO_ASSERT(cap <= AT_ONCE);
    const enum pando_status st = find(s, &span->from, &span->to, items, cap, &len);
    for (size_t i = 0; i < len; i++)
        ret[i] = items[i].place;
    *ret_len = len;
    if (st != PANDO_OK || len < cap)
        return false;
    const struct tally_key last = key_of(&items[len - 1]);
    span->from = tally_after(&last);
    return true;
}
