/* Property: JSON that reads as a delta has canonical bytes that decode to the same delta,
 * and prints as JSON that reads as the same bytes; what does not, says why. */
#include "base/assert.h"
#include "base/slice.h"
#include "codec/json.h"
#include "space/delta/delta_json.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void comes_back(const struct delta *d)
{
    static struct delta_room room;
    struct pando_buf bytes, text;
    struct pando_err err;
    struct delta again;
    json_t *json = NULL;
    buf_init(&bytes, 4u << 20);
    buf_init(&text, 4u << 20);
    PANDO_ASSERT(delta_decode(d->bytes, &room, &again) == PANDO_OK);
    PANDO_ASSERT(memcmp(&again.digest, &d->digest, sizeof d->digest) == 0);
    PANDO_ASSERT(memcmp(&again.name, &d->name, sizeof d->name) == 0);
    PANDO_ASSERT(delta_to_json(&again, &text) == PANDO_OK);
    PANDO_ASSERT(json_text_parse(buf_view(&text), text.len, &json, &err) == PANDO_OK);
    PANDO_ASSERT(delta_from_json(json, NULL, &room, &bytes, &again, &err) == PANDO_OK);
    PANDO_ASSERT(slice_equal(again.bytes, d->bytes));
    json_decref(json);
    buf_deinit(&bytes);
    buf_deinit(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct delta_room room;
    const struct delta_defaults defaults = { slice_text("i"), slice_text("a"), slice_text("s"),
                                             1 };
    struct pando_buf bytes;
    struct pando_err err = { .text = "" };
    struct delta d;
    json_t *json = NULL;
    if (json_text_parse_js(slice_of(data, size), 1u << 20, &json, &err) != PANDO_OK)
        return 0;
    buf_init(&bytes, 4u << 20);
    err.text[0] = '\0';
    if (delta_from_json(json, &defaults, &room, &bytes, &d, &err) == PANDO_OK)
        comes_back(&d);
    else
        PANDO_ASSERT(err.text[0] != '\0' && bytes.len == 0);
    json_decref(json);
    buf_deinit(&bytes);
    return 0;
}
