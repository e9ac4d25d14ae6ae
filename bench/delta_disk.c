#include "bench/delta_disk.h"

#include "base/slice.h"
#include "bench/figure.h"

#include <string.h>

static enum pando_status append(void *ctx, uint8_t record, struct pando_slice bytes,
                                const struct tables_fold *f, uint64_t *ret_position)
{
    struct delta_disk *d = ctx;
    return store_append(d->space, record, bytes, f, ret_position);
}

static enum pando_status fold(void *ctx, struct tables *tables, const struct pando_id *space,
                              uint8_t record, uint64_t position, struct pando_slice bytes)
{
    (void)ctx;
    return delta_store_fold(tables, space, record, position, bytes);
}

void delta_disk_open(struct delta_disk *d, const char *dir)
{
    struct pando_err err = { 0 };
    const struct store_config config = { .dir = dir, .sync = true };
    const struct store_fold how = { NULL, fold, NULL };
    *d = (struct delta_disk){
        .seam = { .ctx = d, .append = append, .space = { { 1, 2, 3 } } },
    };
    if (store_open(&config, &d->store, &err) != PANDO_OK ||
        store_space_open(d->store, &d->seam.space, &how, &d->space, &err) != PANDO_OK)
        bench_fail("%s", err.text);
    d->seam.tables = store_tables(d->space);
    d->seam.journal = store_journal(d->space);
    if (delta_store_new(&d->seam, &d->deltas, &err) != PANDO_OK)
        bench_fail("%s", err.text);
}

void delta_disk_close(struct delta_disk *d)
{
    delta_store_free(d->deltas);
    store_space_close(d->space);
    store_close(d->store);
}
