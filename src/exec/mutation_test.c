/* Damaged modules: whatever validation says of them, nothing crashes, hangs or leaks. */
#include "base/rng.h"
#include "exec/exec_fixture.h"

static const char *const names[] = {
    "hello", "sha256",       "random_time",     "wide",
    "hog",   "test/recurse", "test/start_hash", "test/import_memory"
};
#define NAMES_LEN (sizeof names / sizeof *names)

/* Change a few bytes; seldom insert or remove one, which few modules survive. */
static void damage(struct fixture_file *f, struct rng *rng)
{
    for (uint64_t n = rng_below(rng, 2) + 1; n > 0; n--) {
        const size_t at = 8 + rng_below(rng, f->len - 8);
        switch (rng_below(rng, 20)) {
        case 0:
            memmove(f->bytes + at + 1, f->bytes + at, f->len - at);
            f->len++;
            break;
        case 1: memmove(f->bytes + at, f->bytes + at + 1, --f->len - at); break;
        case 2: f->bytes[at] = f->bytes[rng_below(rng, f->len)]; break;
        case 3: f->bytes[at] = (uint8_t)rng_next(rng); break;
        default: f->bytes[at] ^= (uint8_t)(1u << rng_below(rng, 8)); break;
        }
    }
}

static void damaged_modules_never_crash(void **state)
{
    (void)state;
    struct exec *x = fixture_exec();
    struct rng rng = rng_seeded(20261120);
    size_t refused = 0, completed = 0, stopped = 0;
    for (int i = 0; i < 4000; i++) {
        struct fixture_file f;
        (void)fixture_load(&f, names[rng_below(&rng, NAMES_LEN)]);
        damage(&f, &rng);
        struct exec_request q =
            fixture_request(slice_of(f.bytes, f.len), "{\"name\":\"x\"}");
        q.limits.fuel = 20000;
        q.limits.memory_mb = 4;
        struct exec_result r;
        const enum pando_status st = exec_run(x, &q, &r);
        CHECK_EQ(st, exec_failure_status(r.failure));
        CHECK(r.failure == EXEC_FAIL_NONE || r.text[0] != '\0');
        CHECK(r.failure != EXEC_FAIL_ENGINE || r.output.len == 0);
        if (r.failure == EXEC_FAIL_INVALID || r.failure == EXEC_FAIL_IMPORT)
            refused++;
        else if (r.failure == EXEC_FAIL_NONE)
            completed++;
        else
            stopped++;
        exec_result_deinit(&r);
    }
    CHECK_NOTE("refused %zu, completed %zu, stopped %zu\n", refused, completed, stopped);
    CHECK(refused > 500 && completed > 100 && stopped > 50); /* the damage is varied */
    fixture_expect(x, "hello", "still there", "Hello still there");
    exec_free(x);
}

static void truncated_modules_are_invalid(void **state)
{
    (void)state;
    struct exec *x = fixture_exec();
    const struct exec_limits limits = exec_limits_default();
    struct fixture_file f;
    static struct exec_report report;
    const struct pando_slice whole = fixture_load(&f, "wide");
    for (size_t len = 0; len < whole.len; len++) {
        CHECK_EQ(exec_validate(x, slice_of(whole.ptr, len), &limits, &report),
                 PANDO_MALFORMED);
        CHECK(report.errors_len > 0);
    }
    exec_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(damaged_modules_never_crash),
        TEST(truncated_modules_are_invalid),
    };
    return CHECK_RUN(tests);
}
