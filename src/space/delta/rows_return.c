/* rows_return.c - archived names that come back: from then on they are as if never heard of,
 * and the delta that follows is held again. */
#include "space/delta/rows_put.h"

#include "base/slice.h"

static enum pando_status return_name(const struct tables *t, const struct rows_gone *item,
                                     struct row_counts *counts)
{
    struct row_name row = { .archived = false };
    const enum pando_status st = rows_name(t, &item->name, &row);
    if (st == PANDO_NOT_FOUND ||
        (st == PANDO_OK && (!row.archived || !hash_equal(&row.digest, &item->digest))))
        return PANDO_OK;
    if (st != PANDO_OK)
        return st;
    counts->archived--;
    return tables_del(t, ROWS_NAMES, SLICE_OF(item->name));
}

enum pando_status rows_fold_returned(const struct tables *t, struct pando_slice bytes)
{
    struct post_list lists[ROWS_LISTS_MAX];
    struct row_counts counts;
    struct rows_gone_reader r;
    struct rows_gone item;
    if (rows_gone_open(bytes, &r) != PANDO_OK)
        return PANDO_CORRUPT;
    enum pando_status st = rows_counts(t, &counts), read = PANDO_OK;
    while (st == PANDO_OK && (read = rows_gone_next(&r, lists, &item)) == PANDO_OK)
        st = return_name(t, &item, &counts);
    if (st == PANDO_OK && read != PANDO_NOT_FOUND)
        st = PANDO_CORRUPT;
    return st == PANDO_OK ? rows_put_counts(t, &counts) : st;
}
