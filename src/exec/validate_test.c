#include "exec/exec_fixture.h"

/* Validate a built module under `limits`, expecting `kind` first and `words` in its text.
 */
static void refuse(struct exec *x, const char *name, const struct exec_limits *limits,
                   enum exec_issue_kind kind, const char *words)
{
    struct fixture_file f;
    struct exec_report r;
    const struct pando_slice wasm = fixture_load(&f, name);
    CHECK_EQ(exec_validate(x, wasm, limits, &r), PANDO_MALFORMED);
    CHECK(!r.is_valid);
    CHECK(r.errors_len > 0);
    if (strstr(r.errors[0].text, words) == NULL || r.errors[0].kind != kind)
        print_error("%s: %s: %s\n", name, exec_issue_name(r.errors[0].kind),
                    r.errors[0].text);
    CHECK_EQ(r.errors[0].kind, kind);
    CHECK(strstr(r.errors[0].text, words) != NULL);
}

static void a_good_capsule_is_described(void **state)
{
    (void)state;
    struct exec *x = fixture_exec();
    struct fixture_file f;
    const struct exec_limits limits = exec_limits_default();
    const struct pando_slice wasm = fixture_load(&f, "hello");
    const struct pando_id id = crypto_sha256(wasm);
    for (int i = 0; i < 2; i++) { /* compiled, then from the cache: the same report */
        struct exec_report r;
        CHECK_OK(exec_validate(x, wasm, &limits, &r));
        CHECK(r.is_valid);
        CHECK(id_equal(&r.capsule, &id));
        CHECK_EQ(r.size, wasm.len);
        CHECK_EQ(r.errors_len, 0);
        CHECK_EQ(r.warnings_len, 0);
        CHECK_EQ(r.exports_len, 3);
        CHECK_STR(r.exports[0], "memory");
        CHECK_STR(r.exports[1], "run");
        CHECK_EQ(r.imports_len, 2);
        CHECK_STR(r.imports[0], "env::abort");
        CHECK_STR(r.imports[1], "env::json_path");
        CHECK_EQ(r.needs, EXEC_CAP_JSON);
    }
    CHECK_EQ(exec_stats(x).compiled, 1);
    exec_free(x);
}

static void all_examples_are_small_enough(void **state)
{
    (void)state;
    static const char *const names[] = { "hello",       "json_transform", "sha256",
                                         "random_time", "loop",           "hog",
                                         "wide" };
    struct exec *x = fixture_exec();
    const struct exec_limits limits = exec_limits_default();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct fixture_file f;
        struct exec_report r;
        CHECK_OK(exec_validate(x, fixture_load(&f, names[i]), &limits, &r));
    }
    exec_free(x);
}

static void size_is_looked_at_first(void **state)
{
    (void)state;
    struct exec *x = fixture_exec();
    static uint8_t junk[6000];
    struct exec_limits limits = exec_limits_default();
    struct exec_report r;
    CHECK_EQ(exec_validate(x, slice_of(junk, 5121), &limits, &r), PANDO_MALFORMED);
    CHECK_EQ(r.errors_len, 1);
    CHECK_EQ(r.errors[0].kind, EXEC_ISSUE_SIZE_EXCEEDED);
    CHECK(strstr(r.errors[0].text, "5121 bytes, the limit is 5120") != NULL);
    CHECK_EQ(exec_validate(x, slice_of(junk, 5120), &limits, &r), PANDO_MALFORMED);
    CHECK_EQ(r.errors[0].kind, EXEC_ISSUE_INVALID_MODULE);
    CHECK_EQ(r.warnings_len, 1); /* above 80 % */
    CHECK_EQ(exec_validate(x, slice_of(junk, 4096), &limits, &r), PANDO_MALFORMED);
    CHECK_EQ(r.warnings_len, 0);
    CHECK_EQ(exec_validate(x, SLICE_EMPTY, &limits, &r), PANDO_MALFORMED);
    CHECK_EQ(r.errors[0].kind, EXEC_ISSUE_INVALID_MODULE);
    CHECK(!exec_stats(x).started); /* none of it was worth an engine */

    limits.capsule_max = 1000;
    struct fixture_file f;
    CHECK_OK(exec_validate(x, fixture_load(&f, "hello"), &limits, &r));
    CHECK_EQ(r.warnings_len, 1);
    CHECK(strstr(r.warnings[0], "80 %") != NULL);
    limits.capsule_max = 900;
    refuse(x, "hello", &limits, EXEC_ISSUE_SIZE_EXCEEDED, "raise capsule_max");
    exec_free(x);
}

static void exports_are_required(void **state)
{
    (void)state;
    struct exec *x = fixture_exec();
    const struct exec_limits limits = exec_limits_default();
    refuse(x, "test/no_run", &limits, EXEC_ISSUE_MISSING_REQUIRED_EXPORT, "`run`");
    refuse(x, "test/no_memory", &limits, EXEC_ISSUE_MISSING_REQUIRED_EXPORT, "`memory`");
    refuse(x, "test/wrong_run", &limits, EXEC_ISSUE_MISSING_REQUIRED_EXPORT,
           "(i32, i32)");
    exec_free(x);
}

static void imports_are_limited_to_the_known(void **state)
{
    (void)state;
    struct exec *x = fixture_exec();
    const struct exec_limits limits = exec_limits_default();
    refuse(x, "forbidden", &limits, EXEC_ISSUE_UNAUTHORIZED_IMPORT, "env::open_file");
    refuse(x, "test/wrong_signature", &limits, EXEC_ISSUE_UNAUTHORIZED_IMPORT,
           "takes 3 i32");

    struct fixture_file f;
    struct exec_report r;
    CHECK_EQ(exec_validate(x, fixture_load(&f, "forbidden"), &limits, &r),
             PANDO_MALFORMED);
    CHECK_EQ(r.errors_len, 2);
    CHECK(strstr(r.errors[1].text, "wasi_snapshot_preview1::fd_write") != NULL);
    CHECK_EQ(r.imports_len, 2);
    fixture_refuse(x, "forbidden", EXEC_FAIL_IMPORT,
                   "UnauthorizedImport: env::open_file");
    exec_free(x);
}

/* What could make two machines disagree, or is not in the contract, does not even parse.
 */
static void features_beyond_the_profile_are_refused(void **state)
{
    (void)state;
    struct exec *x = fixture_exec();
    const struct exec_limits limits = exec_limits_default();
    refuse(x, "test/simd", &limits, EXEC_ISSUE_INVALID_MODULE, "SIMD");
    refuse(x, "test/bulk", &limits, EXEC_ISSUE_INVALID_MODULE, "bulk memory");
    refuse(x, "test/multi_value", &limits, EXEC_ISSUE_INVALID_MODULE, "multi-value");
    refuse(x, "test/reference", &limits, EXEC_ISSUE_INVALID_MODULE, "disallowed");
    exec_free(x);
}

static void limits_that_do_not_fit_are_warned_of(void **state)
{
    (void)state;
    struct exec *x = fixture_exec();
    struct fixture_file f;
    struct exec_report r;
    struct exec_limits limits;
    CHECK_OK(exec_limits_preset("production", &limits));
    CHECK_OK(exec_validate(x, fixture_load(&f, "hello"), &limits, &r));
    CHECK_EQ(r.warnings_len, 1);
    CHECK(strstr(r.warnings[0], "\"json\"") != NULL);
    CHECK_OK(exec_validate(x, fixture_load(&f, "test/big_memory"), &limits, &r));
    CHECK(strstr(r.warnings[0], "64000 KiB") != NULL);
    exec_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_good_capsule_is_described),
        TEST(all_examples_are_small_enough),
        TEST(size_is_looked_at_first),
        TEST(exports_are_required),
        TEST(imports_are_limited_to_the_known),
        TEST(features_beyond_the_profile_are_refused),
        TEST(limits_that_do_not_fit_are_warned_of),
    };
    return CHECK_RUN(tests);
}
