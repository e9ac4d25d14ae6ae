/* Property: JSON that reads as a schema has a normal form that reads as the same schema, with
 * the same hash; what does not read, says why. */
#include "base/assert.h"
#include "base/slice.h"
#include "codec/json.h"
#include "space/delta/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void comes_back(const struct schema *s)
{
    struct schema *again = NULL;
    PANDO_ASSERT(schema_from_json(s->normal, &again, NULL) == PANDO_OK);
    PANDO_ASSERT(id_equal(&s->hash, &again->hash));
    PANDO_ASSERT(slice_equal(s->id, again->id) && s->rules_len == again->rules_len);
    PANDO_ASSERT(s->rules_len <= SCHEMA_RULES_MAX && s->picks_len <= SCHEMA_PICKS_MAX);
    schema_unref(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pando_err err = { .text = "" };
    struct schema *s = NULL;
    json_t *json = NULL;
    if (json_text_parse(slice_of(data, size), 1u << 20, &json, &err) != PANDO_OK)
        return 0;
    err.text[0] = '\0';
    if (schema_from_json(json, &s, &err) == PANDO_OK) {
        comes_back(s);
        schema_unref(s);
    } else {
        PANDO_ASSERT(err.text[0] != '\0');
    }
    json_decref(json);
    return 0;
}
