/* Property: JSON that reads as a filter prints as JSON that reads and prints the same; a
 * copy is equal; what does not read, says why. */
#include "base/assert.h"
#include "base/slice.h"
#include "codec/json.h"
#include "space/delta/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print(const struct filter *f, struct pando_buf *text)
{
    buf_init(text, 64u << 20);
    PANDO_ASSERT(filter_to_json(f, text) == PANDO_OK);
}

static void comes_back(const struct filter *f)
{
    struct filter copy, again;
    struct pando_buf first, second, third;
    struct pando_err err;
    json_t *json = NULL;
    print(f, &first);
    PANDO_ASSERT(filter_copy(f, &copy) == PANDO_OK);
    print(&copy, &second);
    PANDO_ASSERT(slice_equal(buf_view(&first), buf_view(&second)));
    PANDO_ASSERT(json_text_parse(buf_view(&first), first.len, &json, &err) == PANDO_OK);
    PANDO_ASSERT(filter_from_json(json, &again, &err) == PANDO_OK);
    print(&again, &third);
    PANDO_ASSERT(slice_equal(buf_view(&first), buf_view(&third)));
    PANDO_ASSERT(filter_is_open(f) == filter_is_open(&again));
    json_decref(json);
    filter_deinit(&copy);
    filter_deinit(&again);
    buf_deinit(&first);
    buf_deinit(&second);
    buf_deinit(&third);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pando_err err = { .text = "" };
    struct filter f;
    json_t *json = NULL;
    if (json_text_parse(slice_of(data, size), 1u << 20, &json, &err) != PANDO_OK)
        return 0;
    err.text[0] = '\0';
    if (filter_from_json(json, &f, &err) == PANDO_OK) {
        comes_back(&f);
        filter_deinit(&f);
    } else {
        PANDO_ASSERT(err.text[0] != '\0');
    }
    json_decref(json);
    return 0;
}
