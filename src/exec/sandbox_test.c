/* What a capsule tries, and how it ends. */
#include <pthread.h>
#include <time.h>

#include "exec/exec_fixture.h"

static uint64_t now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void an_endless_loop_ends_by_fuel(void **state)
{
    (void)state;
    struct exec *x = fixture_exec();
    struct exec_result r;
    fixture_run(x, "loop", "", EXEC_FAIL_FUEL, &r);
    CHECK_EQ(r.metrics.fuel_used, 10000000);
    CHECK_EQ(r.output.len, 0);
    exec_result_deinit(&r);
    fixture_refuse(x, "test/start_loop", EXEC_FAIL_FUEL, "fuel");
    exec_free(x);
}

static void an_endless_loop_with_fuel_ends_by_the_wall_clock(void **state)
{
    (void)state;
    struct exec *x = fixture_exec();
    struct fixture_file f;
    struct exec_request q = fixture_request(fixture_load(&f, "loop"), "");
    q.limits.fuel = EXEC_FUEL_MAX;
    q.limits.execution_time_ms = 60;
    for (int i = 0; i < 2; i++) {
        struct exec_result r;
        const uint64_t before = now_ms();
        CHECK_EQ(exec_run(x, &q, &r), PANDO_TIMEOUT);
        CHECK_EQ(r.failure, EXEC_FAIL_TIME);
        CHECK(r.metrics.duration_us >= 50000);
        CHECK(now_ms() - before < 5000); /* a loaded machine is slow, but not endless */
        exec_result_deinit(&r);
    }
    exec_free(x);
}

/* Host work is paid for: 10 M fuel allow 76 hashes of a page, not millions. */
static void host_calls_are_bounded_by_fuel(void **state)
{
    (void)state;
    struct exec *x = fixture_exec();
    struct exec_result r;
    fixture_run(x, "test/hash_loop", "", EXEC_FAIL_FUEL, &r);
    CHECK_EQ(r.metrics.host_calls, 77); /* the last one could not pay */
    CHECK_EQ(r.access_len, EXEC_ACCESS_MAX);
    CHECK_EQ(r.access_dropped, 77 - EXEC_ACCESS_MAX);
    CHECK_STR(r.access[0].action, "call:hash_commit");
    CHECK(strstr(r.text, "hash_commit") != NULL);
    exec_result_deinit(&r);
    exec_free(x);
}

static void a_memory_hog_meets_its_limit(void **state)
{
    (void)state;
    struct exec *x = fixture_exec();
    struct fixture_file f;
    struct exec_request q = fixture_request(fixture_load(&f, "hog"), "");
    q.limits.memory_mb = 4;
    struct exec_result r;
    CHECK_EQ(exec_run(x, &q, &r), PANDO_FULL);
    CHECK_EQ(r.failure, EXEC_FAIL_MEMORY);
    CHECK_EQ(r.metrics.memory_bytes, 4 << 20);
    CHECK(strstr(r.text, "unreachable") != NULL);
    exec_result_deinit(&r);
    fixture_run(x, "test/big_memory", "", EXEC_FAIL_NONE, &r); /* 62.5 of 64 MiB */
    CHECK_EQ(r.metrics.memory_bytes, 1000 << 16);
    exec_result_deinit(&r);

    q.capsule = fixture_load(&f, "test/big_memory");
    CHECK_EQ(exec_run(x, &q, &r), PANDO_FULL);
    CHECK_EQ(r.failure, EXEC_FAIL_MEMORY);
    CHECK(strstr(r.text, "declares 64000 KiB") != NULL);
    exec_result_deinit(&r);
    exec_free(x);
}

static void traps_are_told_apart(void **state)
{
    (void)state;
    struct exec *x = fixture_exec();
    fixture_refuse(x, "test/recurse", EXEC_FAIL_STACK, "stack");
    fixture_refuse(x, "test/divide", EXEC_FAIL_TRAP, "divide by zero");
    fixture_refuse(x, "test/abort", EXEC_FAIL_ABORT, "line 7, column 3: bad");
    fixture_refuse(x, "test/bad_pointer", EXEC_FAIL_TRAP, "1000 bytes at 65000");
    fixture_refuse(x, "test/bad_output", EXEC_FAIL_TRAP, "32 bytes at 4294967280");
    fixture_expect(x, "hello", "after all that", "Hello after all that");
    exec_free(x);
}

static void a_capability_not_granted_is_named(void **state)
{
    (void)state;
    struct exec *x = fixture_exec();
    struct fixture_file f;
    struct exec_request q = fixture_request(fixture_load(&f, "random_time"), "");
    q.limits.capabilities = EXEC_CAP_TIME | EXEC_CAP_BASE64;
    struct exec_result r;
    CHECK_EQ(exec_run(x, &q, &r), PANDO_REFUSED);
    CHECK_EQ(r.failure, EXEC_FAIL_IMPORT);
    CHECK(strstr(r.text, "UnauthorizedImport") != NULL);
    CHECK(strstr(r.text, "\"random\"") != NULL);
    CHECK_EQ(r.access_len, 2); /* random_u32 and random_bytes */
    CHECK(!r.access[0].allowed);
    CHECK_EQ(r.access[0].capability, EXEC_CAP_RANDOM);
    CHECK_EQ(r.metrics.fuel_used, 0);
    exec_result_deinit(&r);
    q.limits.capabilities = EXEC_CAP_ALL;
    CHECK_OK(exec_run(x, &q, &r));
    CHECK_EQ(r.access_len, 5);
    CHECK(r.access[0].allowed);
    exec_result_deinit(&r);
    exec_free(x);
}

struct worker {
    struct exec *x;
    struct fixture_file file;
    int runs;
    uint64_t fuel;
    int wrong;
};

static void *work(void *context)
{
    struct worker *w = context;
    for (int i = 0; i < w->runs; i++) {
        struct exec_request q =
            fixture_request(slice_of(w->file.bytes, w->file.len), "abc");
        struct exec_result r;
        if (exec_run(w->x, &q, &r) != PANDO_OK || r.output.len != 32)
            w->wrong++;
        w->fuel = r.metrics.fuel_used;
        exec_result_deinit(&r);
    }
    return NULL;
}

/* From the very first run on: engine start, compilation and cache are all contended. */
static void threads_run_the_same_module_at_once(void **state)
{
    (void)state;
    struct exec *x = fixture_exec();
    struct worker workers[4];
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        workers[i] = (struct worker){ .x = x, .runs = 200 };
        (void)fixture_load(&workers[i].file, "sha256");
    }
    for (int i = 0; i < 4; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(workers[i].wrong, 0);
        CHECK_EQ(workers[i].fuel, workers[0].fuel);
    }
    CHECK_EQ(exec_stats(x).runs, 800);
    CHECK_EQ(exec_stats(x).modules, 1);
    exec_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_endless_loop_ends_by_fuel),
        TEST(an_endless_loop_with_fuel_ends_by_the_wall_clock),
        TEST(host_calls_are_bounded_by_fuel),
        TEST(a_memory_hog_meets_its_limit),
        TEST(traps_are_told_apart),
        TEST(a_capability_not_granted_is_named),
        TEST(threads_run_the_same_module_at_once),
    };
    return CHECK_RUN(tests);
}
