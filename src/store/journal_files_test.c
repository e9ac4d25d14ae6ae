/* Goal: what journal.h promises of a journal's files: whose they are and of which format, that a
 * copy of them is the journal, and that old ones go. */
#include "store/journal_hand.h"

#include "base/slice.h"
#include "check.h"
#include "store/journal_layout.h"

#include <stdio.h>

static void another_spaces_journal_is_refused(void **state)
{
    (void)state;
    struct files_memory *disk = files_memory_new(1);
    struct journal_config config = hand_config(disk);
    struct journal *j = NULL;
    struct pando_err err = { 0 };
    CHECK_OK(journal_open(&config, &j, NULL));
    (void)hand_append(j, 1, "x");
    hand_commit(j);
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
    const struct journal_config config = hand_config(disk);
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
    const struct journal_config config = hand_config(disk);
    struct journal_config copied = config;
    struct journal *j, *k;
    struct journal_audit audit;
    uint64_t at[150], bytes;
    const char *name;
    copied.files = files_memory_files(backup);
    CHECK_OK(journal_open(&config, &j, NULL));
    for (int i = 0; i < 150; i++) {
        at[i] = hand_append(j, 1, "kept");
        if (i % 4 == 1)
            hand_commit(j);
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
        hand_expect(k, at[i], 1, "kept");
    const uint64_t more = hand_append(k, 2, "and it goes on");
    hand_commit(k);
    journal_close(k);
    CHECK_OK(journal_open(&copied, &k, NULL));
    hand_expect(k, more, 2, "and it goes on");
    journal_close(k);
    journal_close(j);
    files_memory_free(backup);
    files_memory_free(disk);
}

static void old_segments_go_once_a_snapshot_stands_for_them(void **state)
{
    (void)state;
    struct files_memory *disk = files_memory_new(1);
    const struct journal_config config = hand_config(disk);
    struct journal *j;
    struct journal_stats before, after;
    struct pando_buf got;
    uint64_t at[400], position = 0;
    uint8_t kind;
    CHECK_OK(journal_open(&config, &j, NULL));
    for (int i = 0; i < 400; i++) {
        at[i] =
            hand_append(j, (uint8_t)i, "a record of some length, so that segments fill up");
        if (i % 5 == 4)
            hand_commit(j);
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
    hand_expect(j, at[300], (uint8_t)300, "a record of some length, so that segments fill up");
    for (int i = 0; i < 400; i++) { /* the dropped file is written anew */
        (void)hand_append(j, 7, "a record of some length, so that segments fill up");
        hand_commit(j);
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
    struct journal_config config = hand_config(disk);
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
        at = hand_append(j, 5, "a record of some length, so that segments fill up");
        hand_commit(j);
    }
    CHECK_OK(journal_snapshot_write(&config.files, "/j", at, slice_text("sum"), NULL));
    CHECK_OK(journal_drop_before(j, at, NULL));
    const uint64_t end = journal_end(j);
    while (journal_end(j) < end + 4096) {
        at = hand_append(j, 6, "new");
        hand_commit(j);
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
    hand_expect(j, at, 6, "new");
    journal_close(j);
    test_free(file);
    files_memory_free(disk);
}

static void a_newer_format_is_refused_with_its_number(void **state)
{
    (void)state;
    struct files_memory *disk = files_memory_new(1);
    const struct journal_config config = hand_config(disk);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(another_spaces_journal_is_refused),
        TEST(the_epoch_rises_and_is_seen_by_the_next_opening),
        TEST(a_copy_of_its_files_is_the_journal),
        TEST(old_segments_go_once_a_snapshot_stands_for_them),
        TEST(a_dropped_segment_becomes_the_next_one_as_it_is),
        TEST(a_newer_format_is_refused_with_its_number),
    };
    return CHECK_RUN(tests);
}
