/* Property: what reads as a delta in one pass reads the same by way of a tree, to the byte; and
 * so do messages: with the tree's kind, members and deltas, each of which reads again. */
#include "base/assert.h"
#include "base/slice.h"
#include "codec/json.h"
#include "space/delta/delta_json.h"
#include "space/delta/delta_text.h"
#include "space/delta/fed_wire.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct delta_room room, second;

/* `a` was sealed; the tree must be the same delta. */
static void is_the_same(const struct delta *a, const json_t *json)
{
    struct pando_buf bytes;
    struct pando_err err;
    struct delta b;
    buf_init(&bytes, 4u << 20);
    PANDO_ASSERT(delta_from_json(json, NULL, &second, &bytes, &b, &err) == PANDO_OK);
    PANDO_ASSERT(slice_equal(a->bytes, b.bytes));
    PANDO_ASSERT(memcmp(&a->digest, &b.digest, sizeof b.digest) == 0);
    PANDO_ASSERT(memcmp(&a->name, &b.name, sizeof b.name) == 0);
    buf_deinit(&bytes);
}

static void one_delta(struct pando_slice in)
{
    struct pando_buf bytes;
    struct delta d;
    json_t *json = NULL;
    buf_init(&bytes, 4u << 20);
    if (delta_from_text(in, &room, &bytes, &d)) {
        PANDO_ASSERT(json_text_parse_js(in, in.len, &json, NULL) == PANDO_OK);
        is_the_same(&d, json);
    } else {
        PANDO_ASSERT(bytes.len == 0);
    }
    json_decref(json);
    buf_deinit(&bytes);
}

/* The next one of a list reads as its tree does, or breaks a rule there, too. */
static void next_of_list(struct plain *p, const json_t *json)
{
    struct pando_buf bytes;
    struct delta d;
    buf_init(&bytes, 4u << 20);
    PANDO_ASSERT(delta_text_next(p, &room, &d));
    if (delta_seal(&d, &bytes, NULL) == PANDO_OK)
        is_the_same(&d, json);
    else
        PANDO_ASSERT(delta_from_json(json, NULL, &second, &bytes, &d, NULL) != PANDO_OK);
    buf_deinit(&bytes);
}

static void one_message(struct pando_slice in)
{
    struct fed_message quick, tree;
    if (!fed_message_plain(in, &room, &quick))
        return;
    PANDO_ASSERT(fed_message_decode(in, &tree, NULL) == PANDO_OK);
    PANDO_ASSERT(quick.kind == tree.kind && quick.timestamp == tree.timestamp);
    PANDO_ASSERT(slice_equal(quick.type, tree.type));
    PANDO_ASSERT(slice_equal(quick.delta_id, tree.delta_id));
    PANDO_ASSERT(quick.number == tree.number && quick.is_last == tree.is_last);
    struct plain p = plain_read(quick.plain);
    if (quick.kind == FED_SAYS_DELTA)
        next_of_list(&p, tree.delta);
    PANDO_ASSERT(quick.plain_len == json_array_size(tree.deltas));
    for (size_t i = 0; i < quick.plain_len; i++) {
        next_of_list(&p, json_array_get(tree.deltas, i));
        PANDO_ASSERT(plain_take(&p, ',') == (i + 1 < quick.plain_len));
    }
    fed_message_deinit(&tree);
    fed_message_deinit(&quick);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    one_delta(slice_of(data, size));
    one_message(slice_of(data, size));
    return 0;
}
