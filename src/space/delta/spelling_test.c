/* Both spellings of settings mean the same. */
#include "space/delta/spelling.h"

#include "check.h"

#include <stdlib.h>

static void expect(const char *from, const char *to)
{
    json_t *value = json_loads(from, 0, NULL);
    struct pando_err err = { .text = "" };
    CHECK_OK(spelling_camel(value, &err));
    char *text = json_dumps(value, JSON_COMPACT);
    CHECK_STR(text, to);
    free(text);
    json_decref(value);
}

static void underscores_become_capitals_at_every_depth(void **state)
{
    (void)state;
    expect("{\"system_id\":\"a_b\",\"links\":[{\"url\":\"x\",\"push_filter\":{\"target_ids\":[\"p_1\"]}}]}",
           "{\"systemId\":\"a_b\",\"links\":[{\"url\":\"x\",\"pushFilter\":{\"targetIds\":[\"p_1\"]}}]}");
    expect("{\"cacheSize\":5,\"_x\":1,\"y_\":2,\"a__b\":3,\"a_1\":4}",
           "{\"cacheSize\":5,\"_x\":1,\"y_\":2,\"a_B\":3,\"a_1\":4}");
}

static void a_member_in_two_spellings_is_refused(void **state)
{
    (void)state;
    struct pando_err err = { .text = "" };
    json_t *value = json_loads("{\"cache_size\":5,\"cacheSize\":6}", 0, NULL);
    CHECK_EQ(spelling_camel(value, &err), PANDO_INVALID);
    CHECK_STR(err.text, "\"cacheSize\" stands there in two spellings");
    json_decref(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(underscores_become_capitals_at_every_depth),
        TEST(a_member_in_two_spellings_is_refused),
    };
    return CHECK_RUN(tests);
}
