#include "exec/limits.h"

#include "base/slice.h"
#include "check.h"

static enum pando_status parse(const char *json, struct exec_limits *l,
                               struct pando_err *err)
{
    const struct exec_limits base = exec_limits_default();
    *l = base;
    err->text[0] = '\0';
    return exec_limits_parse(slice_text(json), &base, l, err);
}

static void refuse(const char *json, const char *words)
{
    struct exec_limits l;
    struct pando_err err;
    CHECK_EQ(parse(json, &l, &err), PANDO_INVALID);
    if (strstr(err.text, words) == NULL)
        print_error("%s: \"%s\" lacks \"%s\"\n", json, err.text, words);
    CHECK(strstr(err.text, words) != NULL);
    CHECK_EQ(l.fuel, 1000000); /* nothing was changed */
}

static void presets_are_those_of_the_seed(void **state)
{
    (void)state;
    struct exec_limits l = exec_limits_default();
    CHECK_EQ(l.memory_mb, 32);
    CHECK_EQ(l.execution_time_ms, 1000);
    CHECK_EQ(l.fuel, 1000000);
    CHECK_EQ(l.capabilities, EXEC_CAP_HASH | EXEC_CAP_JSON);
    CHECK_EQ(l.capsule_max, 5120);
    CHECK_EQ(l.max_io, 1 << 20);
    CHECK_OK(exec_limits_preset("development", &l));
    CHECK_EQ(l.memory_mb, 64);
    CHECK_EQ(l.capabilities, EXEC_CAP_ALL);
    CHECK_OK(exec_limits_preset("production", &l));
    CHECK_EQ(l.execution_time_ms, 500);
    CHECK_EQ(l.capabilities, EXEC_CAP_HASH);
    CHECK_OK(exec_limits_preset("test", &l));
    CHECK_EQ(l.fuel, 10000000);
    CHECK_EQ(l.capabilities & EXEC_CAP_RANDOM, 0);
    CHECK_EQ(exec_limits_preset("none", &l), PANDO_NOT_FOUND);
}

static void json_changes_single_fields(void **state)
{
    (void)state;
    struct exec_limits l;
    struct pando_err err;
    CHECK_OK(parse("{}", &l, &err));
    CHECK_EQ(l.memory_mb, 32);
    CHECK_OK(parse("{\"fuel\":5,\"memory_mb\":7,\"execution_time_ms\":8,\"max_io\":0}",
                   &l, &err));
    CHECK_EQ(l.fuel, 5);
    CHECK_EQ(l.memory_mb, 7);
    CHECK_EQ(l.execution_time_ms, 8);
    CHECK_EQ(l.max_io, 0);
    CHECK_EQ(l.capsule_max, 5120);
    CHECK_OK(parse(
        "{\"memory_limit_mb\":64,\"fuel_limit\":9,\"capabilities\":[\"Hash\",\"Time\"]}",
        &l, &err)); /* as the seed writes them */
    CHECK_EQ(l.memory_mb, 64);
    CHECK_EQ(l.fuel, 9);
    CHECK_EQ(l.capabilities, EXEC_CAP_HASH | EXEC_CAP_TIME);
    CHECK_OK(parse("{\"capabilities\":[\"all\"]}", &l, &err));
    CHECK_EQ(l.capabilities, EXEC_CAP_ALL);
    CHECK_OK(
        parse("{\"fuel\":3,\"preset\":\"production\"}", &l, &err)); /* in any order */
    CHECK_EQ(l.memory_mb, 16);
    CHECK_EQ(l.fuel, 3);
}

static void mistakes_are_named_with_the_nearest_word(void **state)
{
    (void)state;
    refuse("{\"fule\":5}", "unknown key \"fule\"; did you mean \"fuel\"?");
    refuse("{\"memory\":5}", "memory_mb");
    refuse("{\"capabilities\":[\"hahs\"]}", "\"hash\"");
    refuse("{\"capabilities\":[5]}", "unknown capability");
    refuse("{\"capabilities\":\"hash\"}", "must be a list");
    refuse("{\"fuel\":0}", "fuel must be a whole number from 1");
    refuse("{\"fuel\":-5}", "fuel must be a whole number from 1");
    refuse("{\"fuel\":1.5}", "fuel must be a whole number");
    refuse("{\"fuel\":\"5\"}", "fuel must be a whole number");
    refuse("{\"memory_mb\":1025}", "from 1 to 1024");
    refuse("{\"memory_mb\":4294967297}", "from 1 to 1024");
    refuse("{\"max_io\":1048577}", "from 0 to 1048576");
    refuse("{\"preset\":\"huge\"}", "preset must be");
    refuse("[]", "expected an object");
    refuse("{\"fuel\":5", "not JSON");
    refuse("{\"fuel\":5,\"fuel\":6}", "not JSON"); /* twice is no answer */
    refuse("", "not JSON");
}

static void bounds_are_checked_in_structs_too(void **state)
{
    (void)state;
    struct pando_err err;
    struct exec_limits l = exec_limits_default();
    CHECK_OK(exec_limits_check(&l, &err));
    l.memory_mb = 0;
    CHECK_EQ(exec_limits_check(&l, &err), PANDO_INVALID);
    CHECK(strstr(err.text, "memory_mb") != NULL);
    l = exec_limits_default();
    l.capabilities = 32;
    CHECK_EQ(exec_limits_check(&l, NULL), PANDO_INVALID);
    l = exec_limits_default();
    l.fuel = UINT64_MAX;
    CHECK_EQ(exec_limits_check(&l, NULL), PANDO_INVALID);
}

static void capabilities_have_names(void **state)
{
    (void)state;
    CHECK_STR(exec_capability_name(EXEC_CAP_JSON), "json");
    CHECK_STR(exec_capability_name(0), "?");
    CHECK_EQ(exec_capability_find("BASE64"), EXEC_CAP_BASE64);
    CHECK_EQ(exec_capability_find("network"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(presets_are_those_of_the_seed),
        TEST(json_changes_single_fields),
        TEST(mistakes_are_named_with_the_nearest_word),
        TEST(bounds_are_checked_in_structs_too),
        TEST(capabilities_have_names),
    };
    return CHECK_RUN(tests);
}
