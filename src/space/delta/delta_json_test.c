#include "space/delta/delta_json.h"

#include "base/slice.h"
#include "check.h"
#include "codec/json.h"

#include <string.h>

struct fixture {
    struct delta_room room;
    struct pando_buf buf, text;
    struct pando_err err;
    struct delta d;
    json_t *json;
};

static void setup(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    buf_init(&f->buf, 1u << 20);
    buf_init(&f->text, 1u << 20);
}

static void teardown(struct fixture *f)
{
    json_decref(f->json);
    buf_deinit(&f->buf);
    buf_deinit(&f->text);
}

static enum pando_status read(struct fixture *f, const char *text,
                              const struct delta_defaults *defaults)
{
    json_decref(f->json);
    f->json = NULL;
    CHECK_OK(json_text_parse(slice_text(text), JSON_TEXT_MAX, &f->json, &f->err));
    return delta_from_json(f->json, defaults, &f->room, &f->buf, &f->d, &f->err);
}

static void expect_text(struct fixture *f, const char *want)
{
    buf_reset(&f->text);
    CHECK_OK(delta_to_json(&f->d, &f->text));
    CHECK_EQ(f->text.len, strlen(want));
    CHECK_MEM(f->text.ptr, want, f->text.len);
}

#define HEAD "{\"id\":\"d1\",\"timestamp\":5,\"author\":\"a\",\"system\":\"s\",\"pointers\":["

static void text_comes_back_as_it_was(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"id\":\"d1\",\"timestamp\":1700000000000,\"author\":\"alice\",\"system\":\"s1\","
        "\"pointers\":[{\"role\":\"named\",\"target\":{\"id\":\"prod_1\",\"context\":\"name\"}},"
        "{\"role\":\"name\",\"target\":\"Widget Pro\"}]}",
        HEAD "]}",
        HEAD "{\"role\":\"r\",\"target\":{\"id\":\"x\"}},{\"role\":\"r\",\"target\":true},"
             "{\"role\":\"r\",\"target\":false},{\"role\":\"r\",\"target\":0},"
             "{\"role\":\"r\",\"target\":-42},{\"role\":\"r\",\"target\":99.99},"
             "{\"role\":\"r\",\"target\":\"\"},{\"role\":\"r\",\"target\":1e+300},"
             "{\"role\":\"r\",\"target\":-9007199254740991}]}",
        HEAD "{\"role\":\"\xc3\xa9\",\"target\":\"a \\\"q\\\" \\\\ \\n \\u0001 \\u0000 \xe2\x82\xac\"}]}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct fixture f;
        setup(&f);
        CHECK_OK(read(&f, texts[i], NULL));
        expect_text(&f, texts[i]);
        teardown(&f);
    }
}

static void older_spellings_read_as_the_new_ones(void **state)
{
    (void)state;
    static const char want[] =
        HEAD "{\"role\":\"r\",\"target\":{\"id\":\"x\",\"context\":\"c\"}}]}";
    static const char *const texts[] = {
        HEAD "{\"localContext\":\"r\",\"target\":\"x\",\"targetContext\":\"c\"}]}",
        HEAD "{\"localContext\":\"r\",\"target\":{\"id\":\"x\"},\"targetContext\":\"c\"}]}",
        HEAD "{\"localContext\":\"r\",\"target\":{\"id\":\"x\",\"context\":\"c\"}}]}",
        HEAD "{\"role\":\"r\",\"localContext\":\"r\",\"target\":{\"id\":\"x\",\"context\":\"c\"},"
             "\"targetContext\":\"c\",\"more\":[null]}],\"signature\":\"zz\"}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct fixture f;
        setup(&f);
        CHECK_OK(read(&f, texts[i], NULL));
        expect_text(&f, want);
        teardown(&f);
    }
}

static void what_cannot_be_a_delta_is_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        { "[]", "a delta is an object, not an array" },
        { "null", "a delta is an object, not null" },
        { "{}", "id is missing" },
        { "{\"id\":7}", "id is a number, not a text" },
        { "{\"id\":\"\"}", "id is empty" },
        { "{\"id\":\"d\",\"author\":null}", "author is null, not a text" },
        { "{\"id\":\"d\",\"author\":\"a\"}", "system is missing" },
        { "{\"id\":\"d\",\"author\":\"a\",\"system\":\"s\"}", "timestamp is missing" },
        { "{\"id\":\"d\",\"author\":\"a\",\"system\":\"s\",\"timestamp\":\"5\"}",
          "timestamp is a text, not a number" },
        { "{\"id\":\"d\",\"author\":\"a\",\"system\":\"s\",\"timestamp\":1.5}",
          "timestamp is not a whole number of milliseconds" },
        { "{\"id\":\"d\",\"author\":\"a\",\"system\":\"s\",\"timestamp\":0,\"pointers\":[]}",
          "timestamp is not in (0, 2^53): give milliseconds since 1970" },
        { "{\"id\":\"d\",\"author\":\"a\",\"system\":\"s\",\"timestamp\":-5,\"pointers\":[]}",
          "timestamp is not in (0, 2^53): give milliseconds since 1970" },
        { "{\"id\":\"d\",\"author\":\"a\",\"system\":\"s\",\"timestamp\":1e300,\"pointers\":[]}",
          "timestamp is not in (0, 2^53): give milliseconds since 1970" },
        { "{\"id\":\"d\",\"author\":\"a\",\"system\":\"s\",\"timestamp\":9007199254740992,"
          "\"pointers\":[]}",
          "timestamp is not in (0, 2^53): give milliseconds since 1970" },
        { "{\"id\":\"d\",\"author\":\"a\",\"system\":\"s\",\"timestamp\":5}",
          "pointers is missing" },
        { "{\"id\":\"d\",\"author\":\"a\",\"system\":\"s\",\"timestamp\":5,\"pointers\":{}}",
          "pointers is an object, not an array" },
        { HEAD "7]}", "pointers[0] is a number, not an object" },
        { HEAD "{\"target\":1}]}", "pointers[0].role is missing" },
        { HEAD "{\"role\":\"r\"}]}", "pointers[0].target is missing" },
        { HEAD "{\"role\":\"r\",\"target\":1},{\"role\":\"\",\"target\":1}]}",
          "pointers[1].role is empty" },
        { HEAD "{\"localContext\":5,\"target\":1}]}",
          "pointers[0].localContext is a number, not a text" },
        { HEAD "{\"role\":\"r\",\"localContext\":\"q\",\"target\":1}]}",
          "pointers[0].role and pointers[0].localContext are one thing and differ" },
        { HEAD "{\"role\":\"r\",\"target\":null}]}",
          "pointers[0].target is null: leave the pointer out" },
        { HEAD "{\"role\":\"r\",\"target\":[1]}]}",
          "pointers[0].target is an array: repeat the pointer's role instead" },
        { HEAD "{\"role\":\"r\",\"target\":{\"name\":\"x\"}}]}",
          "pointers[0].target has no id: a target is a text, a number, a boolean or "
          "{\"id\":..., \"context\":...}" },
        { HEAD "{\"role\":\"r\",\"target\":{\"id\":{\"id\":\"x\"}}}]}",
          "pointers[0].target.id is an object, not a text" },
        { HEAD "{\"role\":\"r\",\"target\":{\"id\":\"\"}}]}",
          "pointers[0].target.id is empty" },
        { HEAD "{\"role\":\"r\",\"target\":{\"id\":\"x\",\"context\":\"\"}}]}",
          "pointers[0].target.context is empty" },
        { HEAD "{\"role\":\"r\",\"target\":{\"id\":\"x\",\"context\":null}}]}",
          "pointers[0].target.context is null, not a text" },
        { HEAD "{\"role\":\"r\",\"target\":\"x\",\"targetContext\":\"\"}]}",
          "pointers[0].targetContext is empty" },
        { HEAD "{\"role\":\"r\",\"target\":7,\"targetContext\":\"c\"}]}",
          "pointers[0].targetContext stands beside a number" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture f;
        setup(&f);
        CHECK_EQ(read(&f, cases[i].text, NULL), PANDO_INVALID);
        CHECK_STR(f.err.text, cases[i].want);
        CHECK_EQ(f.buf.len, 0);
        teardown(&f);
    }
}

static void what_is_left_out_of_a_new_delta_is_filled_in(void **state)
{
    (void)state;
    struct fixture f;
    const struct delta_defaults defaults = { slice_text("new"), slice_text("me"),
                                             slice_text("here"), 77 };
    setup(&f);
    CHECK_OK(read(&f, "{\"pointers\":[]}", &defaults));
    expect_text(&f, "{\"id\":\"new\",\"timestamp\":77,\"author\":\"me\",\"system\":\"here\","
                    "\"pointers\":[]}");
    CHECK_OK(read(&f, "{\"author\":\"you\",\"timestamp\":8.0,\"pointers\":[]}", &defaults));
    expect_text(&f, "{\"id\":\"new\",\"timestamp\":8,\"author\":\"you\",\"system\":\"here\","
                    "\"pointers\":[]}");
    teardown(&f);
}

/* What differs only in how JSON may be written is one delta. */
static void spelling_does_not_change_the_digest(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    CHECK_OK(read(&f, HEAD "{\"role\":\"r\",\"target\":1}]}", NULL));
    const struct delta_hash first = f.d.digest;
    CHECK_OK(read(&f,
                  "{ \"pointers\": [ {\"target\": 1.0, \"role\": \"\\u0072\"} ], \"system\":"
                  " \"s\", \"author\": \"a\", \"timestamp\": 5e0, \"id\": \"d1\" }",
                  NULL));
    CHECK_MEM(first.bytes, f.d.digest.bytes, 16);
    CHECK_OK(read(&f, HEAD "{\"role\":\"r\",\"target\":\"1\"}]}", NULL));
    CHECK(memcmp(first.bytes, f.d.digest.bytes, 16) != 0);
    teardown(&f);
}

/* JavaScript prints floats below 1e21 as integers, which int64 does not hold. */
static void large_numbers_of_javascript_are_numbers(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    CHECK_OK(json_text_parse_js(
        slice_text("{\"id\":\"d1\",\"timestamp\":5,\"author\":\"a\",\"system\":\"s\","
                   "\"pointers\":[{\"role\":\"r\",\"target\":12345678901234567000},"
                   "{\"role\":\"n\",\"target\":-7},{\"role\":\"h\",\"target\":0.5}]}"),
        JSON_TEXT_MAX, &f.json, &f.err));
    CHECK(json_is_integer(json_object_get(f.json, "timestamp")));
    CHECK_OK(delta_from_json(f.json, NULL, &f.room, &f.buf, &f.d, &f.err));
    expect_text(&f, HEAD "{\"role\":\"r\",\"target\":1.2345678901234567e+19},"
                         "{\"role\":\"n\",\"target\":-7},{\"role\":\"h\",\"target\":0.5}]}");
    teardown(&f);
}

/* The reader in front of us keeps depth, doubled members and impossible numbers away. */
static void hostile_text_does_not_reach_the_model(void **state)
{
    (void)state;
    enum { DEEP = 100000 };
    static char deep[DEEP + 200];
    struct pando_err err;
    json_t *json = NULL;
    const size_t at = strlen(HEAD);
    memcpy(deep, HEAD, at);
    memset(deep + at, '[', DEEP);
    CHECK_EQ(json_text_parse(slice_of(deep, at + DEEP), JSON_TEXT_MAX, &json, &err),
             PANDO_MALFORMED);
    CHECK_EQ(json_text_parse(slice_text("{\"id\":\"a\",\"id\":\"b\"}"), JSON_TEXT_MAX, &json,
                             &err),
             PANDO_MALFORMED);
    CHECK_EQ(json_text_parse(slice_text(HEAD "{\"role\":\"r\",\"target\":NaN}]}"),
                             JSON_TEXT_MAX, &json, &err),
             PANDO_MALFORMED);
    CHECK_EQ(json_text_parse(slice_text(HEAD "{\"role\":\"r\",\"target\":1e999}]}"),
                             JSON_TEXT_MAX, &json, &err),
             PANDO_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(text_comes_back_as_it_was),
        TEST(older_spellings_read_as_the_new_ones),
        TEST(what_cannot_be_a_delta_is_refused_by_name),
        TEST(what_is_left_out_of_a_new_delta_is_filled_in),
        TEST(spelling_does_not_change_the_digest),
        TEST(large_numbers_of_javascript_are_numbers),
        TEST(hostile_text_does_not_reach_the_model),
    };
    return CHECK_RUN(tests);
}
