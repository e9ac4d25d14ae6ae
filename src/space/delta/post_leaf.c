#include "space/delta/post_leaf.h"

#include "base/assert.h"
#include "base/slice.h"
#include "codec/wire.h"

#include <string.h>

struct post_key post_first_key(const struct post_list *l)
{
    struct post_key k = { .len = (size_t)l->prefix_len + 1 };
    memcpy(k.bytes, l->prefix.bytes, l->prefix_len);
    k.bytes[l->prefix_len] = 0;
    return k;
}

struct post_key post_key_of(const struct post_list *l, int64_t timestamp,
                         const struct delta_hash *digest)
{
    struct post_key k;
    struct wire_writer w = wire_write(k.bytes, sizeof k.bytes);
    wire_put_bytes(&w, slice_of(l->prefix.bytes, l->prefix_len));
    wire_put_be(&w, (uint64_t)timestamp, 8);
    wire_put_bytes(&w, SLICE_OF(*digest));
    k.len = w.len;
    return k;
}

struct pando_slice post_key_view(const struct post_key *k)
{
    return slice_of(k->bytes, k->len);
}

struct pando_slice post_prefix(const struct post_list *l)
{
    return slice_of(l->prefix.bytes, l->prefix_len);
}

enum pando_status post_leaf_read(struct pando_slice value, struct post_entry *ret,
                                   size_t *ret_len)
{
    if (value.len % POST_ENTRY != 0 || value.len / POST_ENTRY > POST_LEAF)
        return PANDO_CORRUPT;
    struct wire_reader r = wire_read(value);
    *ret_len = value.len / POST_ENTRY;
    for (size_t i = 0; i < *ret_len; i++) {
        ret[i].timestamp = (int64_t)wire_get_be(&r, 8);
        wire_get_copy(&r, ret[i].digest.bytes, sizeof ret[i].digest.bytes);
        ret[i].place = wire_get_be(&r, 8);
    }
    return PANDO_OK;
}

enum pando_status post_leaf_write(const struct tables *t, uint8_t table,
                                    const struct post_key *key, const struct post_entry *e,
                                    size_t len)
{
    uint8_t bytes[POST_LEAF * POST_ENTRY];
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    if (len == 0)
        return tables_del(t, table, post_key_view(key));
    for (size_t i = 0; i < len; i++) {
        wire_put_be(&w, (uint64_t)e[i].timestamp, 8);
        wire_put_bytes(&w, SLICE_OF(e[i].digest));
        wire_put_be(&w, e[i].place, 8);
    }
    PANDO_ASSERT(!w.failed);
    return tables_put(t, table, post_key_view(key), wire_written(&w));
}

