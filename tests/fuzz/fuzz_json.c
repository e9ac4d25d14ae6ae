/* Property: text that becomes CBOR comes back as text that becomes the same CBOR; CBOR
 * that becomes text parses, unless a number or the depth is beyond what text may hold;
 * escaped bytes are always one JSON string. */
#include "base/assert.h"
#include "base/slice.h"
#include "codec/cbor.h"
#include "codec/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = 1 << 22 };

static void text_comes_back(struct pando_slice in)
{
    struct pando_buf cbor, text, again;
    struct pando_err err;
    buf_init(&cbor, ROOM);
    buf_init(&text, ROOM);
    buf_init(&again, ROOM);
    if (json_text_to_cbor(in, &cbor, &err) == PANDO_OK) {
        PANDO_ASSERT(cbor_check(buf_view(&cbor)) == PANDO_OK);
        PANDO_ASSERT(json_text_from_cbor(buf_view(&cbor), &text) == PANDO_OK);
        PANDO_ASSERT(json_text_to_cbor(buf_view(&text), &again, &err) == PANDO_OK);
        PANDO_ASSERT(slice_equal(buf_view(&cbor), buf_view(&again)));
    }
    buf_deinit(&cbor);
    buf_deinit(&text);
    buf_deinit(&again);
}

static void cbor_comes_back(struct pando_slice in)
{
    struct pando_buf cbor, text;
    struct pando_err err;
    buf_init(&cbor, ROOM);
    buf_init(&text, ROOM);
    if (json_text_from_cbor(in, &text) == PANDO_OK &&
        json_text_to_cbor(buf_view(&text), &cbor, &err) == PANDO_OK)
        PANDO_ASSERT(slice_equal(buf_view(&cbor), in));
    buf_deinit(&cbor);
    buf_deinit(&text);
}

static void escapes_to_a_string(struct pando_slice in)
{
    struct pando_buf text;
    struct pando_err err;
    json_t *value;
    buf_init(&text, ROOM);
    PANDO_ASSERT(json_text_escape(&text, in) == PANDO_OK);
    PANDO_ASSERT(json_text_parse(buf_view(&text), ROOM, &value, &err) == PANDO_OK);
    PANDO_ASSERT(json_is_string(value));
    json_decref(value);
    buf_deinit(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct pando_slice in = slice_of(data, size);
    if (size > 65536)
        return 0;
    text_comes_back(in);
    cbor_comes_back(in);
    escapes_to_a_string(in);
    return 0;
}
