/* hash.c - one hash of everything held: equal on two instances that hold the same deltas.
 */
#include "space/delta/store_state.h"

#include "base/slice.h"
#include "codec/wire.h"

#define SLICE_ITEMS 16384u /* hashed by one call: a few milliseconds */
#define STEP        256u
#define ITEM_BYTES  24u

static void add_items(struct delta_store_hash *h, const struct delta_item *items, size_t len)
{
    uint8_t bytes[STEP * ITEM_BYTES];
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    for (size_t i = 0; i < len; i++) {
        wire_put_be(&w, (uint64_t)items[i].timestamp, 8);
        wire_put_bytes(&w, SLICE_OF(items[i].digest));
    }
    crypto_sha256_add(&h->state, wire_written(&w));
}

enum pando_status delta_store_hash(struct delta_store *s, struct delta_store_hash *h,
                                   struct pando_id *ret)
{
    struct delta_item items[STEP];
    size_t len = STEP;
    enum pando_status st = delta_store_flush(s);
    if (st != PANDO_OK)
        return st;
    if (!h->begun || h->version != s->version) {
        *h = (struct delta_store_hash){ .begun = true, .version = s->version };
        crypto_sha256_begin(&h->state);
    }
    for (size_t done = 0; done < SLICE_ITEMS; done += len) {
        st = delta_store_items(s, &h->place, INT64_MAX, items, STEP, &len);
        if (st != PANDO_OK)
            return st;
        add_items(h, items, len);
        if (len < STEP) {
            *ret = crypto_sha256_end(&h->state);
            h->begun = false;
            return PANDO_OK;
        }
    }
    return PANDO_BUSY;
}
