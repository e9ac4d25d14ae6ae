/* Goal: what journal.h promises of records on a good disk. Its files: journal_files_test.c.
 * Crashes, rot and failing disks: crash_test.c, flip_test.c, nth_test.c. */
#include "store/journal_hand.h"

#include "base/rng.h"
#include "base/slice.h"
#include "check.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Parts near the head and far from it, of a record of many kilobytes. */
static void reads_parts_of_long_records(void **state)
{
    (void)state;
    struct files_memory *disk = files_memory_new(1);
    const struct journal_config config = hand_config(disk);
    static uint8_t record[30000];
    static const size_t parts[][2] = { { 0, 900 },      { 100, 900 }, { 1000, 24 },
                                       { 1000, 25 },    { 20000, 10 }, { 29990, 100 },
                                       { 30000, 1 },    { 40000, 1 },  { 0, 30000 } };
    struct journal *j;
    uint64_t position;
    for (size_t i = 0; i < sizeof record; i++)
        record[i] = (uint8_t)(i * 31 >> 3);
    CHECK_OK(journal_open(&config, &j, NULL));
    CHECK_OK(journal_append(j, 4, SLICE_OF(record), &position));
    for (int written = 0; written < 2; written++) {
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
            const size_t at = parts[i][0];
            const size_t left = at < sizeof record ? sizeof record - at : 0;
            const size_t want = parts[i][1] < left ? parts[i][1] : left;
            struct pando_buf got;
            uint8_t kind = 0;
            buf_init(&got, JOURNAL_RECORD_MAX);
            CHECK_OK(journal_read_part(j, position, at, parts[i][1], &kind, &got));
            CHECK_EQ(kind, 4);
            CHECK_EQ(got.len, want);
            CHECK(want == 0 || memcmp(got.ptr, record + at, want) == 0);
            CHECK_EQ(journal_read_part(j, 4, at, 1, &kind, &got), PANDO_NOT_FOUND);
            buf_reset(&got);
            CHECK_OK(journal_read_on(j, position, want > 0 ? at : 0, want, &got));
            CHECK(got.len == want && (want == 0 || memcmp(got.ptr, record + at, want) == 0));
            CHECK_EQ(journal_read_on(j, position, at, sizeof record, &got),
                     at == 0 ? PANDO_OK : PANDO_CORRUPT);
            CHECK_EQ(journal_read_on(j, 4, at, 1, &got), PANDO_NOT_FOUND);
            buf_deinit(&got);
        }
        if (!written)
            hand_commit(j);
    }
    journal_close(j);
    files_memory_free(disk);
}

static void reads_records_staged_in_flight_and_written(void **state)
{
    (void)state;
    struct files_memory *disk = files_memory_new(1);
    const struct journal_config config = hand_config(disk);
    struct journal *j;
    struct journal_group *group, *none;
    uint64_t durable;
    CHECK_OK(journal_open(&config, &j, NULL));
    const uint64_t first = hand_append(j, 1, "first");
    hand_expect(j, first, 1, "first");
    CHECK_EQ(journal_durable(j) > first, false);
    CHECK(journal_commit_begin(j, &group));
    const uint64_t second = hand_append(j, 2, "");
    CHECK(!journal_commit_begin(j, &none)); /* one is in flight */
    hand_expect(j, first, 1, "first");
    hand_expect(j, second, 2, "");
    journal_commit_run(group);
    CHECK_OK(journal_commit_end(j, group, &durable));
    CHECK(durable > first && durable <= second);
    hand_expect(j, first, 1, "first");
    hand_commit(j);
    CHECK(!journal_commit_begin(j, &none)); /* nothing is staged */
    hand_expect(j, second, 2, "");
    CHECK_EQ(journal_durable(j), journal_end(j));
    journal_close(j);
    files_memory_free(disk);
}

static void positions_outlive_the_process(void **state)
{
    (void)state;
    struct files_memory *disk = files_memory_new(1);
    const struct journal_config config = hand_config(disk);
    struct journal *j;
    uint64_t at[300];
    char text[300][24];
    CHECK_OK(journal_open(&config, &j, NULL));
    for (int i = 0; i < 300; i++) {
        (void)snprintf(text[i], sizeof text[i], "record %d", i);
        at[i] = hand_append(j, (uint8_t)i, text[i]);
        if (i % 7 == 0)
            hand_commit(j);
        if (i % 50 == 49) {
            if (journal_durable(j) < journal_end(j))
                hand_commit(j);
            journal_close(j);
            CHECK_OK(journal_open(&config, &j, NULL));
        }
    }
    for (int i = 0; i < 300; i++)
        hand_expect(j, at[i], (uint8_t)i, text[i]);
    struct journal_stats stats;
    journal_stats(j, &stats);
    CHECK(stats.segments > 1);
    CHECK_EQ(stats.torn, 0);
    journal_close(j);
    files_memory_free(disk);
}

static void a_walk_may_begin_at_any_record_and_goes_on_after_appends(void **state)
{
    (void)state;
    struct files_memory *disk = files_memory_new(1);
    const struct journal_config config = hand_config(disk);
    struct journal *j;
    struct journal_cursor c;
    struct pando_slice bytes;
    uint64_t at[200], position;
    uint8_t kind;
    CHECK_OK(journal_open(&config, &j, NULL));
    for (int i = 0; i < 200; i++) {
        at[i] = hand_append(j, (uint8_t)i, "some bytes that take a little room");
        if (i % 9 == 0)
            hand_commit(j);
    }
    for (size_t from = 0; from < 200; from += 13) {
        journal_scan(j, at[from], &c);
        for (size_t i = from; i < 200; i++) {
            CHECK_OK(journal_next(&c, &position, &kind, &bytes));
            CHECK_EQ(position, at[i]);
            CHECK_EQ(kind, (uint8_t)i);
        }
        CHECK_EQ(journal_next(&c, &position, &kind, &bytes), PANDO_NOT_FOUND);
        journal_scan_end(&c);
    }
    journal_scan(j, journal_durable(j), &c);
    while (journal_next(&c, &position, &kind, &bytes) == PANDO_OK)
        CHECK(position >= journal_durable(j));
    hand_commit(j);
    CHECK_EQ(journal_next(&c, &position, &kind, &bytes), PANDO_NOT_FOUND);
    const uint64_t late = hand_append(j, 9, "late");
    CHECK_OK(journal_next(&c, &position, &kind, &bytes));
    CHECK_EQ(position, late);
    CHECK(slice_equal(bytes, slice_text("late")));
    journal_scan_end(&c);
    journal_close(j);
    files_memory_free(disk);
}

static void the_largest_record_fits_and_a_larger_one_is_refused(void **state)
{
    (void)state;
    struct files_memory *disk = files_memory_new(1);
    const struct journal_config config = hand_config(disk);
    struct journal *j;
    uint8_t *big = malloc(JOURNAL_RECORD_MAX + 1);
    uint64_t position, other;
    uint8_t kind;
    struct rng rng = rng_seeded(1);
    struct pando_buf got;
    CHECK(big != NULL);
    rng_fill(&rng, big, JOURNAL_RECORD_MAX + 1);
    CHECK_OK(journal_open(&config, &j, NULL));
    CHECK_EQ(journal_append(j, 1, slice_of(big, JOURNAL_RECORD_MAX + 1), &position),
             PANDO_INVALID);
    CHECK_OK(journal_append(j, 1, slice_of(big, JOURNAL_RECORD_MAX), &position));
    hand_commit(j);
    other = hand_append(j, 2, "behind it");
    hand_commit(j);
    journal_close(j);
    CHECK_OK(journal_open(&config, &j, NULL));
    buf_init(&got, JOURNAL_RECORD_MAX);
    CHECK_OK(journal_read(j, position, &kind, &got));
    CHECK(slice_equal(buf_view(&got), slice_of(big, JOURNAL_RECORD_MAX)));
    buf_deinit(&got);
    hand_expect(j, other, 2, "behind it");
    journal_close(j);
    free(big);
    files_memory_free(disk);
}

static void staging_is_capped_and_goes_on_after_a_commit(void **state)
{
    (void)state;
    struct files_memory *disk = files_memory_new(1);
    struct journal_config config = hand_config(disk);
    config.segment_min = config.segment_max = 4u << 20;
    struct journal *j;
    static const uint8_t block[1 << 19];
    uint64_t position;
    size_t staged = 0;
    CHECK_OK(journal_open(&config, &j, NULL));
    while (journal_append(j, 1, slice_of(block, sizeof block), &position) == PANDO_OK)
        staged += sizeof block;
    CHECK_EQ(journal_append(j, 1, slice_of(block, sizeof block), &position), PANDO_BUSY);
    CHECK(staged <= JOURNAL_STAGED_MAX && staged > JOURNAL_STAGED_MAX - 2 * sizeof block);
    while (journal_durable(j) < journal_end(j))
        hand_commit(j);
    CHECK_OK(journal_append(j, 1, slice_of(block, sizeof block), &position));
    journal_close(j);
    files_memory_free(disk);
}

static void one_record_costs_one_sync(void **state)
{
    (void)state;
    struct files_memory *disk = files_memory_new(1);
    struct journal_config config = hand_config(disk);
    config.segment_min = 1u << 20;
    struct journal *j;
    CHECK_OK(journal_open(&config, &j, NULL));
    (void)hand_append(j, 1, "makes the segment");
    hand_commit(j);
    const uint64_t syncs = files_memory_syncs(disk);
    for (int i = 0; i < 100; i++) {
        (void)hand_append(j, 1, "x");
        hand_commit(j);
    }
    CHECK_EQ(files_memory_syncs(disk) - syncs, 100);
    journal_close(j);
    files_memory_free(disk);
}

static void no_record_begins_outside_the_journal(void **state)
{
    (void)state;
    struct files_memory *disk = files_memory_new(1);
    const struct journal_config config = hand_config(disk);
    struct journal *j;
    struct pando_buf got;
    uint8_t kind;
    buf_init(&got, 100);
    CHECK_OK(journal_open(&config, &j, NULL));
    (void)hand_append(j, 1, "x");
    hand_commit(j);
    CHECK_EQ(journal_read(j, 4, &kind, &got), PANDO_NOT_FOUND);
    CHECK_EQ(journal_read(j, journal_end(j), &kind, &got), PANDO_NOT_FOUND);
    CHECK_EQ(journal_read(j, 1u << 30, &kind, &got), PANDO_NOT_FOUND);
    buf_deinit(&got);
    journal_close(j);
    files_memory_free(disk);
}

static void *run_group(void *group)
{
    journal_commit_run(group);
    return NULL;
}

/* Real files, and the blocking part on another thread while this one appends and reads.
 */
static void commits_on_another_thread_while_this_one_appends(void **state)
{
    (void)state;
    char root[] = "/tmp/pando-journal-XXXXXX", command[64];
    CHECK(mkdtemp(root) != NULL);
    struct journal_config config = { .files = files_posix(),
                                     .dir = root,
                                     .sync = true,
                                     .segment_min = 8192,
                                     .segment_max = 65536 };
    struct journal *j;
    uint64_t at[2000], durable;
    size_t len = 0;
    CHECK_OK(journal_open(&config, &j, NULL));
    while (len < 2000) {
        struct journal_group *group;
        pthread_t thread;
        at[len++] = hand_append(j, 3, "before");
        CHECK(journal_commit_begin(j, &group));
        CHECK_EQ(pthread_create(&thread, NULL, run_group, group), 0);
        for (int i = 0; i < 20 && len < 2000; i++) {
            at[len++] = hand_append(j, 3, "meanwhile");
            hand_expect(j, at[len - 1], 3, "meanwhile");
        }
        CHECK_EQ(pthread_join(thread, NULL), 0);
        CHECK_OK(journal_commit_end(j, group, &durable));
    }
    if (journal_durable(j) < journal_end(j))
        hand_commit(j);
    journal_close(j);
    CHECK_OK(journal_open(&config, &j, NULL));
    struct journal_cursor c;
    uint64_t position;
    uint8_t kind;
    struct pando_slice bytes;
    journal_scan(j, 0, &c);
    for (size_t i = 0; i < len; i++) {
        CHECK_OK(journal_next(&c, &position, &kind, &bytes));
        CHECK_EQ(position, at[i]);
    }
    CHECK_EQ(journal_next(&c, &position, &kind, &bytes), PANDO_NOT_FOUND);
    journal_scan_end(&c);
    journal_close(j);
    (void)snprintf(command, sizeof command, "rm -r '%s'", root);
    CHECK_EQ(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads_parts_of_long_records),
        TEST(reads_records_staged_in_flight_and_written),
        TEST(positions_outlive_the_process),
        TEST(a_walk_may_begin_at_any_record_and_goes_on_after_appends),
        TEST(the_largest_record_fits_and_a_larger_one_is_refused),
        TEST(staging_is_capped_and_goes_on_after_a_commit),
        TEST(one_record_costs_one_sync),
        TEST(no_record_begins_outside_the_journal),
        TEST(commits_on_another_thread_while_this_one_appends),
    };
    return CHECK_RUN(tests);
}
