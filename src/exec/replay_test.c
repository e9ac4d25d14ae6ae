#include "exec/replay.h"

#include "exec/exec_fixture.h"

/* Run a built capsule and certify it; the file keeps the capsule's bytes. */
static struct receipt certify(struct exec *x, const char *name, const char *input,
                              struct fixture_file *file, struct exec_result *ret_result)
{
    struct exec_request q = fixture_request(fixture_load(file, name), input);
    q.nonce = 41;
    struct receipt r;
    CHECK_OK(exec_run(x, &q, ret_result));
    CHECK_OK(receipt_make(&q, ret_result, NULL, &r));
    struct crypto_secret secret;
    static const uint8_t seed[32] = { 3 };
    crypto_secret_from_seed(seed, &secret);
    receipt_sign(&r, &secret);
    return r;
}

static void a_replay_sees_the_same_time_and_randomness(void **state)
{
    (void)state;
    struct exec *x = fixture_exec(), *other = fixture_exec();
    struct fixture_file f;
    struct exec_result first, second;
    const struct receipt r = certify(x, "random_time", "", &f, &first);
    const struct pando_slice capsule = slice_of(f.bytes, f.len);
    struct replay_report p;
    CHECK_OK(receipt_replay(other, &r, capsule, SLICE_EMPTY, NULL, &p));
    CHECK(p.matches && p.output_same && p.fuel_same && p.memory_same &&
          p.host_calls_same);
    CHECK(p.capsule_same && p.input_same && p.engine_same && p.ran);
    CHECK_EQ(p.metrics.fuel_used, first.metrics.fuel_used);

    /* With another nonce the capsule draws other numbers. */
    struct exec_request q = fixture_request(capsule, "");
    q.nonce = 42;
    CHECK_OK(exec_run(x, &q, &second));
    CHECK(!slice_equal(buf_view(&first.output), buf_view(&second.output)));
    CHECK(memmem(first.output.ptr, first.output.len, "\"now\":1763668640123", 19) !=
          NULL);
    CHECK(memmem(first.output.ptr, first.output.len, "2025-11-20T19:57:20.123Z", 24) !=
          NULL);
    exec_result_deinit(&first);
    exec_result_deinit(&second);
    exec_free(x);
    exec_free(other);
}

static void a_replay_finds_every_lie(void **state)
{
    (void)state;
    struct exec *x = fixture_exec();
    struct fixture_file f;
    struct exec_result result;
    const struct receipt honest = certify(x, "random_time", "in", &f, &result);
    const struct pando_slice capsule = slice_of(f.bytes, f.len), input = slice_text("in");
    struct replay_report p;
    exec_result_deinit(&result);

    struct receipt lie = honest;
    lie.output.bytes[5] ^= 1;
    CHECK_EQ(receipt_replay(x, &lie, capsule, input, NULL, &p), PANDO_CORRUPT);
    CHECK(!p.matches && !p.output_same && p.fuel_same);
    CHECK(strstr(p.text, "output") != NULL);
    lie = honest;
    lie.fuel_used++;
    CHECK_EQ(receipt_replay(x, &lie, capsule, input, NULL, &p), PANDO_CORRUPT);
    CHECK(!p.matches && p.output_same && !p.fuel_same);
    lie = honest;
    lie.nonce++;
    CHECK_EQ(receipt_replay(x, &lie, capsule, input, NULL, &p), PANDO_CORRUPT);
    lie = honest;
    lie.time.ms++;
    CHECK_EQ(receipt_replay(x, &lie, capsule, input, NULL, &p), PANDO_CORRUPT);
    lie = honest;
    lie.limits.fuel = 100; /* nobody could have done it with that little */
    lie.fuel_used = 99;
    CHECK_EQ(receipt_replay(x, &lie, capsule, input, NULL, &p), PANDO_CORRUPT);
    CHECK(!p.ran);
    CHECK_EQ(p.failure, EXEC_FAIL_FUEL);

    CHECK_EQ(receipt_replay(x, &honest, capsule, slice_text("im"), NULL, &p),
             PANDO_INVALID);
    CHECK(p.capsule_same && !p.input_same && !p.ran);
    CHECK_EQ(receipt_replay(x, &honest, input, input, NULL, &p), PANDO_INVALID);
    CHECK(!p.capsule_same && !p.ran);
    exec_free(x);
}

static void fuel_of_another_engine_is_not_compared(void **state)
{
    (void)state;
    struct exec *x = fixture_exec();
    struct fixture_file f;
    struct exec_result result;
    struct receipt r = certify(x, "hello", "you", &f, &result);
    exec_result_deinit(&result);
    memcpy(r.engine, "wasmtime-7.0.0", 15);
    r.fuel_used++;
    struct replay_report p;
    CHECK_OK(
        receipt_replay(x, &r, slice_of(f.bytes, f.len), slice_text("you"), NULL, &p));
    CHECK(p.matches && p.output_same && !p.engine_same && !p.fuel_same);
    exec_free(x);
}

static void a_ceiling_refuses_expensive_replays(void **state)
{
    (void)state;
    struct exec *x = fixture_exec();
    struct fixture_file f;
    struct exec_result result;
    const struct receipt r = certify(x, "hello", "you", &f, &result);
    exec_result_deinit(&result);
    const uint64_t runs = exec_stats(x).runs;
    struct exec_limits ceiling = r.limits;
    struct replay_report p;
    CHECK_OK(
        receipt_replay(x, &r, slice_of(f.bytes, f.len), slice_text("you"), &ceiling, &p));
    ceiling.fuel--;
    CHECK_EQ(
        receipt_replay(x, &r, slice_of(f.bytes, f.len), slice_text("you"), &ceiling, &p),
        PANDO_REFUSED);
    CHECK_EQ(exec_stats(x).runs, runs + 1);
    exec_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_replay_sees_the_same_time_and_randomness),
        TEST(a_replay_finds_every_lie),
        TEST(fuel_of_another_engine_is_not_compared),
        TEST(a_ceiling_refuses_expensive_replays),
    };
    return CHECK_RUN(tests);
}
