#include "space/delta/source.h"

#include "base/slice.h"

#include <stdlib.h>
#include <string.h>

static int compare_hash(const struct delta_hash *a, const struct delta_hash *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

/* By name, and of one name the one that counts first. */
static int by_name(const void *left, const void *right)
{
    const struct delta *a = *(const struct delta *const *)left;
    const struct delta *b = *(const struct delta *const *)right;
    const int order = compare_hash(&a->name, &b->name);
    return order != 0 ? order : compare_hash(&a->digest, &b->digest);
}

static int by_time(const void *left, const void *right)
{
    const struct delta *a = *(const struct delta *const *)left;
    const struct delta *b = *(const struct delta *const *)right;
    if (a->timestamp != b->timestamp)
        return a->timestamp < b->timestamp ? -1 : 1;
    return compare_hash(&a->digest, &b->digest);
}

enum pando_status source_array_init(struct source_array *a, const struct delta *deltas,
                                    size_t len)
{
    *a = (struct source_array){ .sorted = calloc(len > 0 ? len : 1, sizeof a->sorted[0]) };
    if (a->sorted == NULL)
        return PANDO_NOMEM;
    for (size_t i = 0; i < len; i++)
        a->sorted[i] = &deltas[i];
    qsort(a->sorted, len, sizeof a->sorted[0], by_name);
    for (size_t i = 0; i < len; i++)
        if (a->len == 0 ||
            compare_hash(&a->sorted[a->len - 1]->name, &a->sorted[i]->name) != 0)
            a->sorted[a->len++] = a->sorted[i];
    qsort(a->sorted, a->len, sizeof a->sorted[0], by_time);
    return PANDO_OK;
}

void source_array_deinit(struct source_array *a)
{
    if (a == NULL)
        return;
    free(a->sorted);
    *a = (struct source_array){ 0 };
}

static enum pando_status array_get(void *ctx, struct pando_slice id, struct delta *ret)
{
    const struct source_array *a = ctx;
    for (size_t i = 0; i < a->len; i++)
        if (slice_equal(a->sorted[i]->id, id)) {
            *ret = *a->sorted[i];
            return PANDO_OK;
        }
    return PANDO_NOT_FOUND;
}

/* How many deltas lie before the place. */
static size_t below(const struct source_array *a, const struct delta_place *place)
{
    const struct delta at = { .timestamp = place->timestamp, .digest = place->digest };
    const struct delta *key = &at;
    size_t low = 0, high = a->len;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (by_time(&a->sorted[middle], &key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static enum pando_status found(const struct delta *d, struct delta_place *place,
                               struct delta *ret)
{
    *place = (struct delta_place){ d->timestamp, d->digest, true };
    *ret = *d;
    return PANDO_OK;
}

static enum pando_status array_next(void *ctx, const struct filter *f, bool descending,
                                    struct delta_place *place, struct delta *ret)
{
    const struct source_array *a = ctx;
    if (descending) {
        for (size_t i = place->set ? below(a, place) : a->len; i > 0; i--)
            if (filter_passes(f, a->sorted[i - 1]))
                return found(a->sorted[i - 1], place, ret);
        return PANDO_NOT_FOUND;
    }
    size_t i = place->set ? below(a, place) : 0;
    if (place->set && i < a->len && a->sorted[i]->timestamp == place->timestamp &&
        compare_hash(&a->sorted[i]->digest, &place->digest) == 0)
        i++;
    for (; i < a->len; i++)
        if (filter_passes(f, a->sorted[i]))
            return found(a->sorted[i], place, ret);
    return PANDO_NOT_FOUND;
}

struct delta_source source_array_of(struct source_array *a)
{
    static const struct delta_source_ops ops = { .get = array_get, .next = array_next };
    return (struct delta_source){ a, &ops };
}
