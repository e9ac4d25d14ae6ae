/* What is written on a command line about deltas, and what it means. */
#include "apps/pando/delta_args.h"

#include "check.h"

#include <stdlib.h>
#include <time.h>

static void expect_pointer(const char *from, const char *to)
{
    struct pando_err err = { .text = "" };
    json_t *pointer = NULL;
    CHECK_OK(delta_pointer(from, &pointer, &err));
    char *text = json_dumps(pointer, JSON_COMPACT);
    CHECK_STR(text, to);
    free(text);
    json_decref(pointer);
}

static void a_target_with_at_or_context_is_a_reference(void **state)
{
    (void)state;
    expect_pointer("named=@p", "{\"role\":\"named\",\"target\":{\"id\":\"p\"}}");
    expect_pointer("named=@p:name", "{\"role\":\"named\",\"target\":{\"id\":\"p\",\"context\":\"name\"}}");
    expect_pointer("named=p:name", "{\"role\":\"named\",\"target\":{\"id\":\"p\",\"context\":\"name\"}}");
    expect_pointer("x=@a:b c:d", "{\"role\":\"x\",\"target\":{\"id\":\"a:b c\",\"context\":\"d\"}}");
}

static void anything_else_is_a_text(void **state)
{
    (void)state;
    expect_pointer("name=Widget Pro", "{\"role\":\"name\",\"target\":\"Widget Pro\"}");
    expect_pointer("url=https://x/", "{\"role\":\"url\",\"target\":\"https://x/\"}");
    expect_pointer("at=12:30", "{\"role\":\"at\",\"target\":\"12:30\"}");
    expect_pointer("n=a b:c", "{\"role\":\"n\",\"target\":\"a b:c\"}");
    expect_pointer("n=a:b:c", "{\"role\":\"n\",\"target\":\"a:b:c\"}");
    expect_pointer("n=@", "{\"role\":\"n\",\"target\":\"@\"}");
    expect_pointer("n=", "{\"role\":\"n\",\"target\":\"\"}");
    expect_pointer("n=a=b", "{\"role\":\"n\",\"target\":\"a=b\"}");
}

static void behind_a_colon_and_equals_stands_json(void **state)
{
    (void)state;
    struct pando_err err = { .text = "" };
    json_t *pointer = NULL;
    expect_pointer("n:=5", "{\"role\":\"n\",\"target\":5}");
    expect_pointer("n:=\"a:b\"", "{\"role\":\"n\",\"target\":\"a:b\"}");
    expect_pointer("n:={\"id\":\"a:b\"}", "{\"role\":\"n\",\"target\":{\"id\":\"a:b\"}}");
    CHECK_EQ(delta_pointer("n:=x", &pointer, &err), PANDO_INVALID);
    CHECK_EQ(delta_pointer("x", &pointer, &err), PANDO_INVALID);
    CHECK_EQ(delta_pointer("=x", &pointer, &err), PANDO_INVALID);
    CHECK_EQ(delta_pointer("n=\xff", &pointer, &err), PANDO_INVALID);
    CHECK_EQ(delta_pointer("\xff=n", &pointer, &err), PANDO_INVALID);
}

static long long time_of(const char *text)
{
    struct pando_err err = { .text = "" };
    long long ms = -1;
    return delta_time("--since", text, &ms, &err) == PANDO_OK ? ms : -1;
}

static void times_are_read_as_people_write_them(void **state)
{
    (void)state;
    const long long now = (long long)time(NULL) * 1000;
    CHECK_EQ(time_of("1700000000123"), 1700000000123);
    CHECK_EQ(time_of("2023-11-14T22:13:20Z"), 1700000000000);
    CHECK_EQ(time_of("2023-11-14 22:13:20.5Z"), 1700000000500);
    CHECK_EQ(time_of("2023-11-14T22:13Z"), 1699999980000);
    CHECK(time_of("now") >= now && time_of("24h") < now - 86000000 && time_of("-7d") < time_of("24h"));
    CHECK_EQ(time_of("2023-11-14T22:13:20+01:00"), -1);
    CHECK_EQ(time_of("5x"), -1);
    CHECK_EQ(time_of(""), -1);
    CHECK_EQ(time_of("99999999999999999999"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_target_with_at_or_context_is_a_reference),
        TEST(anything_else_is_a_text),
        TEST(behind_a_colon_and_equals_stands_json),
        TEST(times_are_read_as_people_write_them),
    };
    return CHECK_RUN(tests);
}
