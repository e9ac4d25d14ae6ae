/* verify.c - signatures in batches, several batches at a time. */
#include "space/dag/engine.h"

#include <stdlib.h>

static struct dag_batch *take_batch(struct dag *d)
{
    for (size_t i = 0; i < d->config.verify_jobs_max; i++) {
        if (d->batches[i] == NULL)
            d->batches[i] = calloc(1, sizeof *d->batches[i]);
        if (d->batches[i] == NULL)
            return NULL;
        if (d->batches[i]->token == 0)
            return d->batches[i];
    }
    return NULL;
}

static void put(struct dag_batch *b, struct dag_item *item,
                const struct space_verify_item *what)
{
    b->owners[b->len] = item;
    b->items[b->len++] = *what;
}

static void fill(struct dag *d, struct dag_batch *b)
{
    b->len = 0;
    while (d->to_verify.first != NULL && b->len + 2 <= d->config.verify_batch) {
        struct dag_item *item = d->to_verify.first;
        dag_list_remove(&d->to_verify, item);
        put(b, item,
            &(struct space_verify_item){
                .key = item->ev.author,
                .sig = item->ev.sig,
                .signed_bytes = { item->signed_bytes, event_signed_size(&item->ev) },
            });
        if (item->inner)
            put(b, item, &item->inner_item);
    }
}

void dag_verify_flush(struct dag *d)
{
    while (d->to_verify.first != NULL) {
        struct dag_batch *b = take_batch(d);
        if (b == NULL)
            return;
        fill(d, b);
        b->token = ++d->next_token;
        if (d->batches_busy++ == 0)
            d->busy_at = d->now;
        d->totals.batches++;
        dag_emit(d, &(struct space_effect){ .kind = SPACE_VERIFY,
                                            .token = b->token,
                                            .items = b->items,
                                            .items_len = b->len });
    }
}

static struct dag_batch *find_batch(const struct dag *d, uint64_t token)
{
    for (size_t i = 0; i < DAG_VERIFY_JOBS_MAX; i++)
        if (d->batches[i] != NULL && d->batches[i]->token == token && token != 0)
            return d->batches[i];
    return NULL;
}

void dag_verify_done(struct dag *d, uint64_t token, const uint64_t *bits)
{
    struct dag_batch *b = find_batch(d, token);
    if (b == NULL)
        return; /* a job of an earlier life of this instance */
    for (size_t i = 0; i < b->len; i++)
        if ((bits[i / 64] >> (i % 64) & 1) == 0)
            b->owners[i]->forged = true;
    for (size_t i = 0; i < b->len; i++)
        if (i + 1 == b->len || b->owners[i + 1] != b->owners[i])
            dag_verified_item(d, b->owners[i]);
    b->token = 0;
    if (--d->batches_busy == 0)
        d->busy_ns += pando_time_since(d->now, d->busy_at).ns;
}
