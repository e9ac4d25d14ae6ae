#include "exec/exec_fixture.h"

static void hello_greets_by_name_the_world_and_plain_text(void **state)
{
    (void)state;
    struct exec *x = fixture_exec();
    fixture_expect(x, "hello", "{\"name\":\"test\"}", "{\"greeting\":\"Hello, test!\"}");
    fixture_expect(x, "hello", "{\"name\":\"a\\\"b\"}",
                   "{\"greeting\":\"Hello, a\\\"b!\"}");
    fixture_expect(x, "hello", "{}", "{\"greeting\":\"Hello, World!\"}");
    fixture_expect(x, "hello", "{\"name\":7}", "{\"greeting\":\"Hello, World!\"}");
    fixture_expect(x, "hello", "Alice", "Hello Alice");
    fixture_expect(x, "hello", "{not json", "Hello {not json");
    fixture_expect(x, "hello", "", "Hello ");
    exec_free(x);
}

static void json_transform_takes_a_webhook_apart(void **state)
{
    (void)state;
    struct exec *x = fixture_exec();
    fixture_expect(
        x, "json_transform",
        "{\"type\":\"charge.succeeded\",\"data\":{\"object\":{\"id\":\"ch_1\","
        "\"amount\":1250,\"currency\":\"eur\"}}}",
        "{\"event\":\"charge.succeeded\",\"id\":\"ch_1\",\"amount\":1250,\"currency\":"
        "\"eur\",\"digest\":\"y8U7EVjR4hDW30iZ/Xfwv0fbNMOQg3Ap7+scovx3l4I=\"}");
    exec_free(x);
}

static void sha256_in_the_capsule_agrees_with_the_host(void **state)
{
    (void)state;
    struct exec *x = fixture_exec();
    char input[300];
    for (size_t len = 0; len < sizeof input; len++) {
        memset(input, 'x', len);
        input[len] = '\0';
        struct exec_result r;
        fixture_run(x, "sha256", input, EXEC_FAIL_NONE, &r);
        const struct pando_id want = crypto_sha256(slice_of(input, len));
        CHECK_EQ(r.output.len, 32);
        CHECK_MEM(r.output.ptr, want.bytes, 32);
        CHECK_EQ(r.metrics.host_calls, 0);
        exec_result_deinit(&r);
    }
    exec_free(x);
}

static void a_megabyte_goes_in_and_comes_out(void **state)
{
    (void)state;
    struct exec *x = fixture_exec();
    struct fixture_file f;
    struct exec_request q = fixture_request(fixture_load(&f, "wide"), "");
    uint8_t *input = malloc(EXEC_IO_MAX + 1);
    assert_non_null(input);
    for (size_t i = 0; i <= EXEC_IO_MAX; i++)
        input[i] = (uint8_t)(i * 31 >> 3);

    struct exec_result r;
    q.input = slice_of(input, EXEC_IO_MAX);
    CHECK_OK(exec_run(x, &q, &r));
    CHECK(slice_equal(buf_view(&r.output), q.input));
    CHECK(id_equal(&r.input_id, &r.output_id));
    CHECK_EQ(r.metrics.memory_bytes, 17 << 16);
    exec_result_deinit(&r);

    q.input.len++; /* one byte more than is allowed */
    CHECK_EQ(exec_run(x, &q, &r), PANDO_INVALID);
    CHECK_EQ(r.failure, EXEC_FAIL_INPUT);
    exec_result_deinit(&r);

    q.input.len = 100;
    q.limits.max_io = 99;
    CHECK_EQ(exec_run(x, &q, &r), PANDO_INVALID);
    CHECK_EQ(r.failure, EXEC_FAIL_INPUT);
    exec_result_deinit(&r);
    free(input);
    exec_free(x);
}

static void an_input_that_would_cover_the_capsules_data_is_refused(void **state)
{
    (void)state;
    struct exec *x = fixture_exec();
    struct fixture_file f;
    static uint8_t input[40000];
    memset(input, 'a', sizeof input);
    struct exec_request q = fixture_request(fixture_load(&f, "sha256"), "");
    struct exec_result r;
    q.input = slice_of(input, 32768 - 1024);
    CHECK_OK(exec_run(x, &q, &r));
    const struct pando_id want = crypto_sha256(q.input);
    CHECK_MEM(r.output.ptr, want.bytes, 32);
    exec_result_deinit(&r);

    q.input.len++;
    CHECK_EQ(exec_run(x, &q, &r), PANDO_INVALID);
    CHECK_EQ(r.failure, EXEC_FAIL_INPUT);
    CHECK(strstr(r.text, "room for 31744") != NULL);
    exec_result_deinit(&r);
    exec_free(x);
}

static void result_words_are_unsigned(void **state)
{
    (void)state;
    struct exec *x = fixture_exec();
    struct exec_result r;
    fixture_run(x, "test/unsigned", "", EXEC_FAIL_NONE, &r);
    CHECK_EQ(r.output.len, 40000);
    exec_result_deinit(&r);
    fixture_refuse(x, "test/outside", EXEC_FAIL_OUTPUT, "100 bytes at 65500");
    fixture_refuse(x, "test/outside_wide", EXEC_FAIL_OUTPUT,
                   "4294967295 bytes at 4294967295");
    exec_free(x);
}

static void memory_may_be_imported_from_env(void **state)
{
    (void)state;
    struct exec *x = fixture_exec();
    fixture_expect(x, "test/import_memory", "round trip", "round trip");
    fixture_expect(x, "test/import_memory", "again", "again"); /* nothing is left over */
    exec_free(x);
}

static void the_start_function_may_call_the_host(void **state)
{
    (void)state;
    struct exec *x = fixture_exec();
    struct exec_result r;
    fixture_run(x, "test/start_hash", "", EXEC_FAIL_NONE, &r);
    const struct pando_id empty = crypto_sha256(SLICE_EMPTY);
    CHECK_EQ(r.output.len, 32);
    CHECK_MEM(r.output.ptr, empty.bytes, 32);
    CHECK_EQ(r.metrics.host_calls, 1);
    exec_result_deinit(&r);
    exec_free(x);
}

/* x86 gives 0/0 a sign bit; canonical NaNs have none, on every machine. */
static void nans_are_canonical(void **state)
{
    (void)state;
    struct exec *x = fixture_exec();
    struct exec_result r;
    fixture_run(x, "test/nan", "", EXEC_FAIL_NONE, &r);
    CHECK_EQ(r.output.len, 4);
    CHECK_MEM(r.output.ptr, "\x00\x00\xc0\x7f", 4);
    exec_result_deinit(&r);
    exec_free(x);
}

static void the_same_run_twice_costs_the_same(void **state)
{
    (void)state;
    struct exec *x = fixture_exec(), *y = fixture_exec();
    struct exec_result a, b, c;
    fixture_run(x, "sha256", "the same", EXEC_FAIL_NONE, &a);
    fixture_run(x, "sha256", "the same", EXEC_FAIL_NONE, &b);
    fixture_run(y, "sha256", "the same", EXEC_FAIL_NONE, &c); /* another engine */
    CHECK(!a.metrics.cached && b.metrics.cached && !c.metrics.cached);
    CHECK(a.metrics.fuel_used > 1000);
    CHECK_EQ(a.metrics.fuel_used, b.metrics.fuel_used);
    CHECK_EQ(a.metrics.fuel_used, c.metrics.fuel_used);
    CHECK_EQ(a.metrics.memory_bytes, b.metrics.memory_bytes);
    exec_result_deinit(&a);
    exec_result_deinit(&b);
    exec_result_deinit(&c);
    exec_free(x);
    exec_free(y);
}

/* Fuel must exceed what a run uses: one more is enough, the same or less is not. */
static void fuel_is_exact(void **state)
{
    (void)state;
    struct exec *x = fixture_exec();
    struct fixture_file f;
    struct exec_request q = fixture_request(fixture_load(&f, "sha256"), "abc");
    struct exec_result r;
    CHECK_OK(exec_run(x, &q, &r));
    const uint64_t need = r.metrics.fuel_used;
    exec_result_deinit(&r);
    q.limits.fuel = need + 1;
    CHECK_OK(exec_run(x, &q, &r));
    CHECK_EQ(r.metrics.fuel_used, need);
    exec_result_deinit(&r);
    for (uint64_t less = 0; less < 20; less++) {
        q.limits.fuel = need - less;
        CHECK_EQ(exec_run(x, &q, &r), PANDO_FULL);
        CHECK_EQ(r.failure, EXEC_FAIL_FUEL);
        CHECK_EQ(r.metrics.fuel_used, need - less);
        CHECK_EQ(r.output.len, 0);
        exec_result_deinit(&r);
    }
    exec_free(x);
}

static void the_engine_starts_at_first_use(void **state)
{
    (void)state;
    struct exec *x = fixture_exec();
    CHECK(!exec_stats(x).started);
    fixture_expect(x, "hello", "you", "Hello you");
    fixture_expect(x, "hello", "me", "Hello me");
    const struct exec_stats s = exec_stats(x);
    CHECK(s.started);
    CHECK_EQ(s.runs, 2);
    CHECK_EQ(s.compiled, 1);
    CHECK_EQ(s.memory_hits, 1);
    CHECK_EQ(s.modules, 1);
    CHECK_EQ(s.failures, 0);
    exec_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(hello_greets_by_name_the_world_and_plain_text),
        TEST(json_transform_takes_a_webhook_apart),
        TEST(sha256_in_the_capsule_agrees_with_the_host),
        TEST(a_megabyte_goes_in_and_comes_out),
        TEST(an_input_that_would_cover_the_capsules_data_is_refused),
        TEST(result_words_are_unsigned),
        TEST(memory_may_be_imported_from_env),
        TEST(the_start_function_may_call_the_host),
        TEST(nans_are_canonical),
        TEST(the_same_run_twice_costs_the_same),
        TEST(fuel_is_exact),
        TEST(the_engine_starts_at_first_use),
    };
    return CHECK_RUN(tests);
}
