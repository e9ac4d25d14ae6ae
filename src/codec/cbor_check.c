#include "codec/cbor.h"

#include "base/slice.h"

#include <string.h>

/* A container that is being read: how many items are still to come, and the last key. */
struct frame {
    uint64_t left;
    bool is_map;
    bool has_key;
    struct pando_slice key;
};

/* Keys ascend by (length, bytes), which is the order of their encodings. */
static bool ascends(struct pando_slice before, struct pando_slice after)
{
    if (before.len != after.len)
        return before.len < after.len;
    return after.len > 0 && memcmp(before.ptr, after.ptr, after.len) < 0;
}

/* Whether `item` may stand at the frame's next place; remembers keys. */
static bool admit(struct frame *f, const struct cbor_item *item)
{
    const bool is_key = f->is_map && f->left % 2 == 0;
    f->left--;
    if (!is_key)
        return true;
    if (item->kind != CBOR_TEXT || (f->has_key && !ascends(f->key, item->bytes)))
        return false;
    f->key = item->bytes;
    f->has_key = true;
    return true;
}

enum pando_status cbor_check(struct pando_slice bytes)
{
    return cbor_check_inside(bytes, 0);
}

enum pando_status cbor_check_inside(struct pando_slice bytes, size_t outer)
{
    struct wire_reader r = wire_read(bytes);
    struct frame frames[CBOR_DEPTH_MAX + 1];
    size_t depth = 0;
    struct cbor_item item;
    frames[0] = (struct frame){ .left = 1 };
    for (;;) {
        while (frames[depth].left == 0) {
            if (depth == 0)
                return wire_read_done(&r) ? PANDO_OK : PANDO_MALFORMED;
            depth--;
        }
        if (!cbor_next(&r, &item) || !admit(&frames[depth], &item))
            return PANDO_MALFORMED;
        if (item.kind != CBOR_ARRAY && item.kind != CBOR_MAP)
            continue;
        if (depth + outer >= CBOR_DEPTH_MAX)
            return PANDO_MALFORMED;
        const bool is_map = item.kind == CBOR_MAP;
        frames[++depth] = (struct frame){
            .left = is_map ? 2 * item.value : item.value,
            .is_map = is_map,
        };
    }
}
