/* Property: whatever decodes as a delta seals to the very same bytes, prints as JSON that
 * reads back as the very same delta, and is within its caps. */
#include "base/assert.h"
#include "base/slice.h"
#include "codec/json.h"
#include "space/delta/delta_json.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct delta_room room, second;
    const struct pando_slice in = slice_of(data, size);
    struct delta d, again;
    struct pando_buf bytes, text;
    struct pando_err err;
    json_t *json = NULL;

    if (delta_decode(in, &room, &d) != PANDO_OK)
        return 0;
    buf_init(&bytes, 4u << 20);
    buf_init(&text, 4u << 20);
    again = d;
    PANDO_ASSERT(delta_seal(&again, &bytes, &err) == PANDO_OK);
    PANDO_ASSERT(slice_equal(again.bytes, in));
    PANDO_ASSERT(memcmp(&again.digest, &d.digest, sizeof d.digest) == 0);
    PANDO_ASSERT(delta_to_json(&d, &text) == PANDO_OK);
    PANDO_ASSERT(json_text_parse(buf_view(&text), text.len, &json, &err) == PANDO_OK);
    buf_reset(&bytes);
    PANDO_ASSERT(delta_from_json(json, NULL, &second, &bytes, &again, &err) == PANDO_OK);
    PANDO_ASSERT(slice_equal(again.bytes, in));
    json_decref(json);
    buf_deinit(&bytes);
    buf_deinit(&text);
    return 0;
}
