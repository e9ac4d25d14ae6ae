/* Goal: what journal.h promises of a journal on a good disk. Crashes, rot and failing
 * disks: crash_test.c, flip_test.c, nth_test.c. */
#include "store/journal.h"

#include "base/rng.h"
#include "base/slice.h"
#include "check.h"
#include "store/files_memory.h"
#include "store/journal_layout.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct journal_config config_on(struct files_memory *disk)
{
    return (struct journal_config){
        .files = files_memory_files(disk),
        .dir = "/j",
        .space = { { 1, 2, 3 } },
        .seed = 99,
        .segment_min = 4096,
        .segment_max = 16384,
        .sync = true,
    };
}

static uint64_t append(struct journal *j, uint8_t kind, const char *text)
{
    uint64_t position;
    CHECK_OK(journal_append(j, kind, slice_text(text), &position));
    return position;
}

static void commit(struct journal *j)
{
    struct journal_group *group;
    uint64_t durable = 0;
    CHECK(journal_commit_begin(j, &group));
    journal_commit_run(group);
    CHECK_OK(journal_commit_end(j, group, &durable));
    CHECK_EQ(durable, journal_durable(j));
}

static void expect(struct journal *j, uint64_t position, uint8_t kind, const char *text)
{
    struct pando_buf got;
    uint8_t got_kind = 0;
    buf_init(&got, JOURNAL_RECORD_MAX);
    CHECK_OK(journal_read(j, position, &got_kind, &got));
    CHECK_EQ(got_kind, kind);
    CHECK(slice_equal(buf_view(&got), slice_text(text)));
    buf_reset(&got); /* and a part of it, even one that goes beyond its end */
    const size_t from = strlen(text) / 3;
    CHECK_OK(journal_read_part(j, position, from, 5, &got_kind, &got));
    CHECK_EQ(got_kind, kind);
    CHECK_EQ(got.len, strlen(text) - from < 5 ? strlen(text) - from : 5);
    CHECK(slice_equal(buf_view(&got), slice_of(text + from, got.len)));
    buf_deinit(&got);
}

/* Parts near the head and far from it, of a record of many kilobytes. */
static void reads_parts_of_long_records(void **state)
{
    (void)state;
    struct files_memory *disk = files_memory_new(1);
    const struct journal_config config = config_on(disk);
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
            commit(j);
    }
    journal_close(j);
    files_memory_free(disk);
}

static void reads_records_staged_in_flight_and_written(void **state)
{
    (void)state;
    struct files_memory *disk = files_memory_new(1);
    const struct journal_config config = config_on(disk);
    struct journal *j;
    struct journal_group *group, *none;
    uint64_t durable;
    CHECK_OK(journal_open(&config, &j, NULL));
    const uint64_t first = append(j, 1, "first");
    expect(j, first, 1, "first");
    CHECK_EQ(journal_durable(j) > first, false);
    CHECK(journal_commit_begin(j, &group));
    const uint64_t second = append(j, 2, "");
    CHECK(!journal_commit_begin(j, &none)); /* one is in flight */
    expect(j, first, 1, "first");
    expect(j, second, 2, "");
    journal_commit_run(group);
    CHECK_OK(journal_commit_end(j, group, &durable));
    CHECK(durable > first && durable <= second);
    expect(j, first, 1, "first");
    commit(j);
    CHECK(!journal_commit_begin(j, &none)); /* nothing is staged */
    expect(j, second, 2, "");
    CHECK_EQ(journal_durable(j), journal_end(j));
    journal_close(j);
    files_memory_free(disk);
}

static void positions_outlive_the_process(void **state)
{
    (void)state;
    struct files_memory *disk = files_memory_new(1);
    const struct journal_config config = config_on(disk);
    struct journal *j;
    uint64_t at[300];
    char text[300][24];
    CHECK_OK(journal_open(&config, &j, NULL));
    for (int i = 0; i < 300; i++) {
        (void)snprintf(text[i], sizeof text[i], "record %d", i);
        at[i] = append(j, (uint8_t)i, text[i]);
        if (i % 7 == 0)
            commit(j);
        if (i % 50 == 49) {
            if (journal_durable(j) < journal_end(j))
                commit(j);
            journal_close(j);
            CHECK_OK(journal_open(&config, &j, NULL));
        }
    }
    for (int i = 0; i < 300; i++)
        expect(j, at[i], (uint8_t)i, text[i]);
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
    const struct journal_config config = config_on(disk);
    struct journal *j;
    struct journal_cursor c;
    struct pando_slice bytes;
    uint64_t at[200], position;
    uint8_t kind;
    CHECK_OK(journal_open(&config, &j, NULL));
    for (int i = 0; i < 200; i++) {
        at[i] = append(j, (uint8_t)i, "some bytes that take a little room");
        if (i % 9 == 0)
            commit(j);
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
    commit(j);
    CHECK_EQ(journal_next(&c, &position, &kind, &bytes), PANDO_NOT_FOUND);
    const uint64_t late = append(j, 9, "late");
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
    const struct journal_config config = config_on(disk);
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
    commit(j);
    other = append(j, 2, "behind it");
    commit(j);
    journal_close(j);
    CHECK_OK(journal_open(&config, &j, NULL));
    buf_init(&got, JOURNAL_RECORD_MAX);
    CHECK_OK(journal_read(j, position, &kind, &got));
    CHECK(slice_equal(buf_view(&got), slice_of(big, JOURNAL_RECORD_MAX)));
    buf_deinit(&got);
    expect(j, other, 2, "behind it");
    journal_close(j);
    free(big);
    files_memory_free(disk);
}

static void staging_is_capped_and_goes_on_after_a_commit(void **state)
{
    (void)state;
    struct files_memory *disk = files_memory_new(1);
    struct journal_config config = config_on(disk);
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
        commit(j);
    CHECK_OK(journal_append(j, 1, slice_of(block, sizeof block), &position));
    journal_close(j);
    files_memory_free(disk);
}

static void one_record_costs_one_sync(void **state)
{
    (void)state;
    struct files_memory *disk = files_memory_new(1);
    struct journal_config config = config_on(disk);
    config.segment_min = 1u << 20;
    struct journal *j;
    CHECK_OK(journal_open(&config, &j, NULL));
    (void)append(j, 1, "makes the segment");
    commit(j);
    const uint64_t syncs = files_memory_syncs(disk);
    for (int i = 0; i < 100; i++) {
        (void)append(j, 1, "x");
        commit(j);
    }
    CHECK_EQ(files_memory_syncs(disk) - syncs, 100);
    journal_close(j);
    files_memory_free(disk);
}

static void another_spaces_journal_is_refused(void **state)
{
    (void)state;
    struct files_memory *disk = files_memory_new(1);
    struct journal_config config = config_on(disk);
    struct journal *j = NULL;
    struct pando_err err = { 0 };
    CHECK_OK(journal_open(&config, &j, NULL));
    (void)append(j, 1, "x");
    commit(j);
    journal_close(j);
    config.space.bytes[0] ^= 1;
    CHECK(journal_open(&config, &j, &err) != PANDO_OK);
    CHECK(strstr(err.text, "another journal") != NULL);
    files_memory_free(disk);
}

static void the_epoch_rises_and_is_seen_by_the_next_opening(void **state)
{
    (void)state;
    struct files_memory *disk = files_memory_new(1);
    const struct journal_config config = config_on(disk);
    struct journal *j;
    uint64_t epoch = 0;
    CHECK_OK(journal_open(&config, &j, NULL));
    CHECK_EQ(journal_epoch(j), 0);
    journal_close(j);
    for (uint64_t want = 1; want < 12; want++) {
        CHECK_OK(journal_epoch_raise(&config.files, "/j", &epoch, NULL));
        CHECK_EQ(epoch, want);
    }
    CHECK_OK(journal_open(&config, &j, NULL));
    CHECK_EQ(journal_epoch(j), 11);
    journal_close(j);
    CHECK(files_memory_flip(disk, "/j/epoch", 12, 0));
    CHECK_EQ(journal_open(&config, &j, NULL), PANDO_CORRUPT);
    files_memory_free(disk);
}

/* A copy of the leading bytes that journal_file names opens with all that was durable. */
static void a_copy_of_its_files_is_the_journal(void **state)
{
    (void)state;
    struct files_memory *disk = files_memory_new(1), *backup = files_memory_new(2);
    const struct journal_config config = config_on(disk);
    struct journal_config copied = config;
    struct journal *j, *k;
    struct journal_audit audit;
    uint64_t at[150], bytes;
    const char *name;
    copied.files = files_memory_files(backup);
    CHECK_OK(journal_open(&config, &j, NULL));
    for (int i = 0; i < 150; i++) {
        at[i] = append(j, 1, "kept");
        if (i % 4 == 1)
            commit(j);
    }
    CHECK_EQ(journal_durable(j), journal_end(j));
    CHECK_OK(files_mkdirs(&copied.files, "/j"));
    for (size_t i = 0; journal_file(j, i, &name, &bytes); i++) {
        char path[FILES_PATH_MAX];
        static uint8_t content[1 << 16];
        size_t got;
        int file;
        CHECK_OK(files_path(path, "/j", name));
        CHECK_OK(config.files.ops->open(disk, path, FILES_READ, &file));
        CHECK_OK(config.files.ops->pread(disk, file, 0, content, (size_t)bytes, &got));
        config.files.ops->close(disk, file);
        CHECK_EQ(got, bytes);
        CHECK_OK(files_replace(&copied.files, "/j", name, slice_of(content, got)));
    }
    CHECK_OK(journal_verify(&copied.files, "/j", NULL, &audit));
    CHECK_EQ(audit.records, 150);
    CHECK_OK(journal_open(&copied, &k, NULL));
    for (int i = 0; i < 150; i++)
        expect(k, at[i], 1, "kept");
    const uint64_t more = append(k, 2, "and it goes on");
    commit(k);
    journal_close(k);
    CHECK_OK(journal_open(&copied, &k, NULL));
    expect(k, more, 2, "and it goes on");
    journal_close(k);
    journal_close(j);
    files_memory_free(backup);
    files_memory_free(disk);
}

static void old_segments_go_once_a_snapshot_stands_for_them(void **state)
{
    (void)state;
    struct files_memory *disk = files_memory_new(1);
    const struct journal_config config = config_on(disk);
    struct journal *j;
    struct journal_stats before, after;
    struct pando_buf got;
    uint64_t at[400], position = 0;
    uint8_t kind;
    CHECK_OK(journal_open(&config, &j, NULL));
    for (int i = 0; i < 400; i++) {
        at[i] =
            append(j, (uint8_t)i, "a record of some length, so that segments fill up");
        if (i % 5 == 4)
            commit(j);
    }
    journal_stats(j, &before);
    CHECK(before.segments > 2);
    CHECK_EQ(journal_drop_before(j, at[300], NULL), PANDO_INVALID); /* no snapshot */
    CHECK_OK(
        journal_snapshot_write(&config.files, "/j", at[300], slice_text("sum"), NULL));
    CHECK_EQ(journal_drop_before(j, at[301], NULL), PANDO_INVALID); /* it ends before */
    CHECK_EQ(journal_drop_before(j, journal_durable(j) + 1, NULL), PANDO_INVALID);
    CHECK_OK(journal_drop_before(j, at[300], NULL));
    journal_stats(j, &after);
    CHECK(after.segments < before.segments);
    CHECK(journal_first(j) > 0 && journal_first(j) <= at[300]);
    buf_init(&got, 100);
    CHECK_EQ(journal_read(j, at[0], &kind, &got), PANDO_NOT_FOUND);
    expect(j, at[300], (uint8_t)300, "a record of some length, so that segments fill up");
    for (int i = 0; i < 400; i++) { /* the dropped file is written anew */
        (void)append(j, 7, "a record of some length, so that segments fill up");
        commit(j);
    }
    journal_close(j);
    CHECK_OK(journal_open(&config, &j, NULL));
    CHECK_OK(journal_snapshot_read(&config.files, "/j", &position, &got, NULL));
    CHECK_EQ(position, at[300]);
    CHECK(slice_equal(buf_view(&got), slice_text("sum")));
    buf_deinit(&got);
    struct journal_cursor c;
    struct pando_slice bytes;
    size_t count = 0;
    journal_scan(j, 0, &c);
    while (journal_next(&c, &position, &kind, &bytes) == PANDO_OK)
        count++;
    journal_scan_end(&c);
    CHECK(count >= 500 && count < 800);
    journal_close(j);
    CHECK(files_memory_flip(disk, "/j/snapshot", 33, 1));
    buf_init(&got, 100);
    CHECK_EQ(journal_snapshot_read(&config.files, "/j", &position, &got, NULL),
             PANDO_CORRUPT);
    buf_deinit(&got);
    files_memory_free(disk);
}

/* The tail of a segment that was another one before holds old groups: they are neither a
 * torn commit nor damage, and the file is not written twice. */
static void a_dropped_segment_becomes_the_next_one_as_it_is(void **state)
{
    (void)state;
    struct files_memory *disk = files_memory_new(1);
    struct journal_config config = config_on(disk);
    struct journal_stats stats;
    struct journal_audit audit;
    struct journal *j;
    uint8_t *file = test_malloc(4096);
    uint64_t at = 0, bytes;
    const char *name;
    char path[64];
    size_t got, i = 0, left = 0;
    int handle;
    config.segment_max = 4096;
    CHECK_OK(journal_open(&config, &j, NULL));
    for (int k = 0; k < 200; k++) {
        at = append(j, 5, "a record of some length, so that segments fill up");
        commit(j);
    }
    CHECK_OK(journal_snapshot_write(&config.files, "/j", at, slice_text("sum"), NULL));
    CHECK_OK(journal_drop_before(j, at, NULL));
    const uint64_t end = journal_end(j);
    while (journal_end(j) < end + 4096) {
        at = append(j, 6, "new");
        commit(j);
    }
    while (journal_file(j, i, &name, &bytes)) /* the last one is new */
        i++;
    (void)snprintf(path, sizeof path, "/j/%s", name);
    CHECK_OK(config.files.ops->open(config.files.ctx, path, FILES_READ, &handle));
    CHECK_OK(config.files.ops->pread(config.files.ctx, handle, 0, file, 4096, &got));
    config.files.ops->close(config.files.ctx, handle);
    for (size_t k = bytes + GROUP_HEAD; k < got; k++)
        left += file[k] != 0;
    CHECK(left > 0);
    journal_close(j);
    CHECK_OK(journal_verify(&config.files, "/j", NULL, &audit));
    CHECK_EQ(audit.torn_bytes, 0);
    CHECK_OK(journal_open(&config, &j, NULL));
    journal_stats(j, &stats);
    CHECK_EQ(stats.torn, 0);
    expect(j, at, 6, "new");
    journal_close(j);
    test_free(file);
    files_memory_free(disk);
}

static void no_record_begins_outside_the_journal(void **state)
{
    (void)state;
    struct files_memory *disk = files_memory_new(1);
    const struct journal_config config = config_on(disk);
    struct journal *j;
    struct pando_buf got;
    uint8_t kind;
    buf_init(&got, 100);
    CHECK_OK(journal_open(&config, &j, NULL));
    (void)append(j, 1, "x");
    commit(j);
    CHECK_EQ(journal_read(j, 4, &kind, &got), PANDO_NOT_FOUND);
    CHECK_EQ(journal_read(j, journal_end(j), &kind, &got), PANDO_NOT_FOUND);
    CHECK_EQ(journal_read(j, 1u << 30, &kind, &got), PANDO_NOT_FOUND);
    buf_deinit(&got);
    journal_close(j);
    files_memory_free(disk);
}

static void a_newer_format_is_refused_with_its_number(void **state)
{
    (void)state;
    struct files_memory *disk = files_memory_new(1);
    const struct journal_config config = config_on(disk);
    struct journal *j;
    struct pando_err err = { 0 };
    uint8_t raw[SEGMENT_HEAD];
    const struct segment_head head = { .format = JOURNAL_FORMAT + 1,
                                       .space = config.space,
                                       .size = 4096 };
    segment_head_encode(&head, raw);
    CHECK_OK(files_mkdirs(&config.files, "/j"));
    CHECK_OK(files_replace(&config.files, "/j", "0000000000000000.seg", SLICE_OF(raw)));
    CHECK_EQ(journal_open(&config, &j, &err), PANDO_UNSUPPORTED);
    CHECK(strstr(err.text, "format 2") != NULL);
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
        at[len++] = append(j, 3, "before");
        CHECK(journal_commit_begin(j, &group));
        CHECK_EQ(pthread_create(&thread, NULL, run_group, group), 0);
        for (int i = 0; i < 20 && len < 2000; i++) {
            at[len++] = append(j, 3, "meanwhile");
            expect(j, at[len - 1], 3, "meanwhile");
        }
        CHECK_EQ(pthread_join(thread, NULL), 0);
        CHECK_OK(journal_commit_end(j, group, &durable));
    }
    if (journal_durable(j) < journal_end(j))
        commit(j);
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
        TEST(another_spaces_journal_is_refused),
        TEST(the_epoch_rises_and_is_seen_by_the_next_opening),
        TEST(a_copy_of_its_files_is_the_journal),
        TEST(old_segments_go_once_a_snapshot_stands_for_them),
        TEST(a_dropped_segment_becomes_the_next_one_as_it_is),
        TEST(no_record_begins_outside_the_journal),
        TEST(a_newer_format_is_refused_with_its_number),
        TEST(commits_on_another_thread_while_this_one_appends),
    };
    return CHECK_RUN(tests);
}
