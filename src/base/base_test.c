#include "base/arena.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/rng.h"
#include "base/slice.h"
#include "base/trace.h"

#include "check.h"

static void every_status_has_a_text_a_blame_and_an_exit_code(void **state)
{
    (void)state;
    CHECK_STR(pando_status_name(PANDO_FORGED), "FORGED");
    CHECK_EQ(pando_status_blame(PANDO_FORGED), PANDO_BLAME_PEER);
    CHECK_EQ(pando_status_exit(PANDO_NOT_FOUND), 3);
    CHECK_EQ(pando_status_exit(PANDO_REFUSED), 4);
    CHECK_EQ(pando_status_exit(PANDO_TIMEOUT), 6);
    CHECK_EQ(pando_status_exit(PANDO_CORRUPT), 7);
    CHECK_EQ(pando_status_http(PANDO_NOT_FOUND), 404);
    CHECK_STR(pando_status_name((enum pando_status)-999), "IO");
}

static void an_error_carries_its_text_and_gives_back_its_status(void **state)
{
    (void)state;
    struct pando_err err;
    CHECK_EQ(pando_err_set(&err, PANDO_IO, "cannot open %s", "x"), PANDO_IO);
    CHECK_STR(err.text, "cannot open x");
    CHECK_EQ(pando_err_set(NULL, PANDO_FULL, "nobody listens"), PANDO_FULL);
}

static void a_buffer_grows_to_its_cap_and_no_further(void **state)
{
    (void)state;
    struct pando_buf b;
    buf_init(&b, 1000);
    uint8_t chunk[300] = { 7 };
    for (int i = 0; i < 3; i++)
        CHECK_OK(buf_append(&b, SLICE_OF(chunk)));
    CHECK_EQ(buf_append(&b, SLICE_OF(chunk)), PANDO_FULL);
    CHECK_EQ(b.len, 900);
    buf_consume(&b, 850);
    CHECK_OK(buf_printf(&b, "%s-%d", "tail", 5));
    CHECK_EQ(b.len, 56);
    CHECK_MEM(b.ptr + 50, "tail-5", 6);
    buf_deinit(&b);
}

static void shared_bytes_live_until_the_last_owner_lets_go(void **state)
{
    (void)state;
    struct bytes *b = bytes_copy(slice_text("aspen"));
    struct bytes *second = bytes_ref(b);
    bytes_unref(b);
    CHECK(slice_equal(bytes_view(second), slice_text("aspen")));
    bytes_unref(second);
    bytes_unref(NULL);
}

static void a_part_of_shared_bytes_keeps_the_whole(void **state)
{
    (void)state;
    struct bytes *whole = bytes_copy(slice_text("aspen birch cedar"));
    struct bytes *part = bytes_part(whole, slice_of(bytes_view(whole).ptr + 6, 11));
    struct bytes *within = bytes_part(part, slice_of(bytes_view(part).ptr + 6, 5));
    struct bytes *none = bytes_part(whole, slice_of(bytes_view(whole).ptr + 17, 0));
    bytes_unref(whole);
    CHECK(slice_equal(bytes_view(part), slice_text("birch cedar")));
    bytes_unref(part);
    CHECK(slice_equal(bytes_view(within), slice_text("cedar")));
    CHECK_EQ(bytes_view(none).len, 0);
    bytes_unref(within);
    bytes_unref(none);
}

static void a_measured_arena_fits_exactly(void **state)
{
    (void)state;
    struct arena m = arena_measure();
    CHECK(arena_take(&m, 3, 7) == NULL);
    CHECK(arena_take(&m, 2, 100) == NULL);
    uint8_t *memory = test_malloc(m.used);
    struct arena a = arena_over(memory, m.used);
    uint8_t *first = arena_take(&a, 3, 7);
    uint8_t *second = arena_take(&a, 2, 100);
    CHECK(first == memory && second >= first + 21);
    CHECK_EQ((uintptr_t)second % 16, 0);
    CHECK_EQ(a.used, m.used);
    test_free(memory);
}

static void the_same_seed_gives_the_same_numbers(void **state)
{
    (void)state;
    struct rng a = rng_seeded(42), b = rng_seeded(42), c = rng_seeded(43);
    bool differs = false;
    for (int i = 0; i < 100; i++) {
        const uint64_t x = rng_next(&a);
        CHECK(x == rng_next(&b));
        differs |= x != rng_next(&c);
        CHECK(rng_below(&a, 10) < 10 && rng_below(&b, 10) < 10);
    }
    CHECK(differs);
}

static void count_records(void *ctx, const struct trace_record *record)
{
    CHECK_STR(record->text, "value 5");
    ++*(int *)ctx;
}

static void a_tracer_drops_what_lies_below_its_level(void **state)
{
    (void)state;
    int count = 0;
    struct tracer t = { .ctx = &count, .emit = count_records };
    t.levels[TRACE_DAG] = TRACE_WARNING;
    trace(&t, TRACE_DAG, TRACE_INFO, "value %d", 5);
    trace(&t, TRACE_DAG, TRACE_ERROR, "value %d", 5);
    trace(NULL, TRACE_DAG, TRACE_ERROR, "value %d", 5);
    CHECK_EQ(count, 1);
    CHECK_STR(trace_module_name(TRACE_GOSSIP), "gossip");
    CHECK_STR(trace_level_name(TRACE_CRITICAL), "CRITICAL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_status_has_a_text_a_blame_and_an_exit_code),
        TEST(an_error_carries_its_text_and_gives_back_its_status),
        TEST(a_buffer_grows_to_its_cap_and_no_further),
        TEST(shared_bytes_live_until_the_last_owner_lets_go),
        TEST(a_part_of_shared_bytes_keeps_the_whole),
        TEST(a_measured_arena_fits_exactly),
        TEST(the_same_seed_gives_the_same_numbers),
        TEST(a_tracer_drops_what_lies_below_its_level),
    };
    return CHECK_RUN(tests);
}
