#include "space/delta/delta_text.h"

#include "base/slice.h"
#include "check.h"
#include "codec/json.h"
#include "space/delta/delta_json.h"

#include <stdlib.h>
#include <string.h>

#define HEAD "{\"id\":\"d1\",\"timestamp\":5,\"author\":\"a\",\"system\":\"s\",\"pointers\":["

static struct delta_room room, second;

/* Whether it reads in one pass; then it is the same by way of a tree. */
static bool reads(const char *text)
{
    struct pando_buf a, b;
    struct delta quick, tree;
    json_t *json = NULL;
    buf_init(&a, 1u << 20);
    buf_init(&b, 1u << 20);
    const bool plain = delta_from_text(slice_text(text), &room, &a, &quick);
    if (plain) {
        CHECK_OK(json_text_parse_js(slice_text(text), JSON_TEXT_MAX, &json, NULL));
        CHECK_OK(delta_from_json(json, NULL, &second, &b, &tree, NULL));
        CHECK(slice_equal(quick.bytes, tree.bytes));
        CHECK_MEM(&quick.name, &tree.name, sizeof tree.name);
    } else {
        CHECK_EQ(a.len, 0);
    }
    json_decref(json);
    buf_deinit(&a);
    buf_deinit(&b);
    return plain;
}

static void what_programs_print_reads_in_one_pass(void **state)
{
    (void)state;
    static const char *const texts[] = {
        HEAD "]}",
        " {\n\"pointers\" : [ ] ,\t\"system\":\"s\",\"author\":\"a\",\"id\":\"d\",\r\"timestamp\":1 } ",
        HEAD "{\"role\":\"r\",\"target\":{\"id\":\"x\",\"context\":\"c\"}},"
             "{\"target\":{\"context\":\"c\",\"id\":\"x\"},\"role\":\"r\"},"
             "{\"role\":\"r\",\"target\":\"\"},{\"role\":\"\xc3\xa9\",\"target\":\"\xf0\x9f\x8c\xb3\"}]}",
        HEAD "{\"role\":\"r\",\"target\":true},{\"role\":\"r\",\"target\":false},"
             "{\"role\":\"r\",\"target\":0},{\"role\":\"r\",\"target\":-42},"
             "{\"role\":\"r\",\"target\":999999999999999},{\"role\":\"r\",\"target\":-1.5e-3},"
             "{\"role\":\"r\",\"target\":19.99},{\"role\":\"r\",\"target\":1E2},"
             "{\"role\":\"r\",\"target\":1e-400},{\"role\":\"r\",\"target\":-0.0}]}",
        HEAD "{\"localContext\":\"r\",\"target\":\"x\",\"targetContext\":\"c\"},"
             "{\"targetContext\":\"c\",\"localContext\":\"r\",\"target\":{\"id\":\"x\"}}]}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (!reads(texts[i]))
            fail_msg("%s", texts[i]);
}

static void what_is_unusual_or_wrong_is_left_to_the_tree(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", "null", "[]", "{}", HEAD "]", HEAD "]} x", HEAD "],}",
        HEAD "],\"id\":\"d2\"}",                                    /* twice */
        HEAD "],\"more\":1}",                                       /* unknown */
        HEAD "{\"role\":\"\\u0072\",\"target\":1}]}",               /* an escape */
        HEAD "{\"role\":\"r\",\"target\":\"\\ud83c\\udf33\"}]}",
        HEAD "{\"role\":\"r\",\"target\":\"\xed\xa0\x80\"}]}",      /* no UTF-8 */
        HEAD "{\"role\":\"r\",\"target\":\"a\nb\"}]}",
        HEAD "{\"role\":\"r\",\"localContext\":\"r\",\"target\":1}]}",
        HEAD "{\"role\":\"r\",\"target\":1,\"targetContext\":\"c\"}]}",
        HEAD "{\"role\":\"r\",\"target\":\"\",\"targetContext\":\"c\"}]}",
        HEAD "{\"role\":\"r\",\"target\":{\"id\":\"x\",\"context\":\"c\"},\"targetContext\":\"c\"}]}",
        HEAD "{\"role\":\"r\",\"target\":{\"id\":\"x\",\"context\":\"\"}}]}",
        HEAD "{\"role\":\"r\",\"target\":{\"context\":\"c\"}}]}",
        HEAD "{\"role\":\"r\",\"target\":null}]}", HEAD "{\"role\":\"r\"}]}",
        HEAD "{\"role\":\"r\",\"target\":}]}", HEAD "{\"target\":,\"role\":\"r\"}]}", /* none */
        HEAD "{\"role\":\"\",\"target\":1}]}",
        HEAD "{\"role\":\"r\",\"target\":-0}]}", HEAD "{\"role\":\"r\",\"target\":01}]}",
        HEAD "{\"role\":\"r\",\"target\":- 1}]}", HEAD "{\"role\":\"r\",\"target\":+1}]}",
        HEAD "{\"role\":\"r\",\"target\":1.}]}", HEAD "{\"role\":\"r\",\"target\":.5}]}",
        HEAD "{\"role\":\"r\",\"target\":1e}]}", HEAD "{\"role\":\"r\",\"target\":1e999}]}",
        HEAD "{\"role\":\"r\",\"target\":1x}]}", HEAD "{\"role\":\"r\",\"target\":truex}]}",
        HEAD "{\"role\":\"r\",\"target\":9223372036854775808}]}",
        "{\"id\":\"d\",\"timestamp\":0,\"author\":\"a\",\"system\":\"s\",\"pointers\":[]}",
        "{\"id\":\"d\",\"timestamp\":1.0,\"author\":\"a\",\"system\":\"s\",\"pointers\":[]}",
        "{\"id\":\"d\",\"timestamp\":1,\"author\":\"\",\"system\":\"s\",\"pointers\":[]}",
        "{\"id\":\"d\",\"timestamp\":1,\"author\":\"a\",\"pointers\":[]}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (reads(texts[i]))
            fail_msg("%s", texts[i]);
}

static void every_beginning_of_a_delta_is_left_to_the_tree(void **state)
{
    (void)state;
    static const char text[] =
        HEAD "{\"role\":\"r\",\"target\":{\"id\":\"x\",\"context\":\"c\"}},"
             "{\"role\":\"r\",\"target\":-1.5},{\"role\":\"r\",\"target\":true}]}";
    for (size_t len = 0; len < sizeof text - 1; len++) {
        struct pando_buf b;
        struct delta d;
        char *exact = malloc(len > 0 ? len : 1); /* a step beyond its end is seen */
        CHECK(exact != NULL);
        memcpy(exact, text, len);
        buf_init(&b, 4096);
        CHECK(!delta_from_text(slice_of(exact, len), &room, &b, &d));
        buf_deinit(&b);
        free(exact);
    }
    CHECK(reads(text));
}

static void more_pointers_than_a_delta_has_are_left_to_the_tree(void **state)
{
    (void)state;
    struct pando_buf text;
    for (size_t more = 0; more < 2; more++) {
        buf_init(&text, 1u << 20);
        CHECK_OK(buf_printf(&text, HEAD));
        for (size_t i = 0; i < DELTA_POINTERS_MAX + more; i++)
            CHECK_OK(buf_printf(&text, "%s{\"role\":\"r\",\"target\":1}", i > 0 ? "," : ""));
        CHECK_OK(buf_printf(&text, "]}"));
        CHECK_OK(buf_append(&text, slice_of("", 1)));
        CHECK_EQ(reads((const char *)text.ptr), more == 0);
        buf_deinit(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_programs_print_reads_in_one_pass),
        cmocka_unit_test(what_is_unusual_or_wrong_is_left_to_the_tree),
        cmocka_unit_test(every_beginning_of_a_delta_is_left_to_the_tree),
        cmocka_unit_test(more_pointers_than_a_delta_has_are_left_to_the_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
