/* store_care_test.c - looking after a store: verify, reindex, backup, restore, remove. */
#include "store_fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- verify, reindex --- */

struct findings {
    size_t len;
    char first[300];
    uint64_t done, total;
};

static void on_found(void *ctx, const char *text)
{
    struct findings *f = ctx;
    if (f->len++ == 0)
        (void)snprintf(f->first, sizeof f->first, "%s", text);
}

static void on_moved(void *ctx, uint64_t done, uint64_t total)
{
    struct findings *f = ctx;
    CHECK(done >= f->done && done <= total);
    f->done = done;
    f->total = total;
}

static void flip(const char *path, off_t offset)
{
    uint8_t byte;
    const int fd = open(path, O_RDWR);
    CHECK(fd >= 0);
    CHECK_EQ(pread(fd, &byte, 1, offset), 1);
    byte ^= 0x10;
    CHECK_EQ(pwrite(fd, &byte, 1, offset), 1);
    (void)close(fd);
}

/* The place of a text in a file, or -1. */
static off_t find_text(const char *path, const char *text)
{
    static uint8_t bytes[8 << 20];
    const int fd = open(path, O_RDONLY);
    const ssize_t len = read(fd, bytes, sizeof bytes);
    (void)close(fd);
    const uint8_t *at = len <= 0 ? NULL : memmem(bytes, (size_t)len, text, strlen(text));
    return at == NULL ? -1 : at - bytes;
}

static void put_text(struct fixture *f, const char *text)
{
    uint8_t room[8 + 64];
    uint64_t position;
    fixture_put_number(room, f->next++);
    memcpy(room + 8, text, strlen(text));
    CHECK_OK(store_append(f->sp, 7, slice_of(room, 8 + strlen(text)), NULL, &position));
    CHECK_OK(fixture_commit(f));
}

static void segment_of(const struct fixture *f, char ret[static 300])
{
    const char *name;
    uint64_t bytes;
    CHECK(journal_file(store_journal(f->sp), 0, &name, &bytes));
    (void)snprintf(ret, 300, "%s/spaces/abcd010203%054d/journal/%s", f->dir, 0, name);
}

static void verify_names_the_damaged_file_and_offset(void **state)
{
    (void)state;
    struct fixture f;
    struct store_verdict verdict = { 0 };
    struct pando_err err = { 0 };
    struct findings seen = { 0 };
    const struct store_progress progress = { &seen, on_moved, on_found };
    char path[300];
    fixture_setup(&f);
    fixture_fill(&f, 50);
    put_text(&f, "a text that can be found");
    fixture_fill(&f, 50);
    segment_of(&f, path);
    store_close(f.s);
    CHECK_OK(store_verify(f.dir, false, &progress, &verdict, &err));
    CHECK_EQ(verdict.records, 101);
    CHECK_EQ(verdict.table_entries, 102);
    CHECK_EQ(verdict.spaces, 1);
    CHECK_EQ(verdict.damaged, 0);
    CHECK(seen.total != 0 && seen.done == seen.total);
    flip(path, find_text(path, "a text that can"));
    seen = (struct findings){ 0 };
    CHECK_EQ(store_verify(f.dir, false, &progress, &verdict, &err), PANDO_CORRUPT);
    CHECK(seen.len >= 1);
    CHECK(strstr(seen.first, path) != NULL);
    CHECK(strstr(seen.first, "offset ") != NULL);
    const struct store_config config = { .dir = f.dir, .sync = true };
    CHECK_OK(store_open(&config, &f.s, &err));
    CHECK_EQ(store_space_open(f.s, &fixture_space, &f.how, &f.sp, &err), PANDO_CORRUPT);
    CHECK(strstr(err.text, "offset ") != NULL);
    fixture_teardown(&f);
}

static void a_damaged_index_is_noticed_and_rebuilt(void **state)
{
    (void)state;
    struct fixture f;
    struct store_verdict verdict = { 0 };
    struct pando_err err = { 0 };
    struct findings seen = { 0 };
    const struct store_progress progress = { &seen, on_moved, on_found };
    char path[300];
    struct pando_slice value;
    uint8_t key[8];
    fixture_setup(&f);
    put_text(&f, "a text that can be found");
    fixture_fill(&f, 200);
    store_close(f.s);
    (void)snprintf(path, sizeof path, "%s/index/data.mdb", f.dir);
    const off_t at = find_text(path, "a text that can");
    CHECK(at > 0);
    flip(path, at);
    CHECK_EQ(store_verify(f.dir, false, &progress, &verdict, &err), PANDO_CORRUPT);
    CHECK(seen.len >= 1 && strstr(seen.first, "index/data.mdb") != NULL);
    fixture_open_store(&f);
    fixture_put_number(key, 0);
    CHECK_EQ(tables_get(store_tables(f.sp), 1, slice_of(key, 8), &value), PANDO_CORRUPT);
    store_close(f.s);
    seen = (struct findings){ 0 };
    CHECK_OK(store_reindex(f.dir, &f.how, &progress, &verdict, &err));
    CHECK_EQ(verdict.records, 201);
    CHECK_EQ(verdict.table_entries, 202);
    CHECK_OK(store_verify(f.dir, false, NULL, &verdict, &err));
    fixture_open_store(&f);
    CHECK_OK(tables_get(store_tables(f.sp), 1, slice_of(key, 8), &value));
    fixture_teardown(&f);
}

/* --- backup, restore --- */

struct backing {
    struct store_backup_plan *plan;
    char target[120];
    enum pando_status status;
    struct pando_err err;
};

static void *back_up(void *arg)
{
    struct backing *b = arg;
    b->status = store_backup(b->plan, b->target, NULL, &b->err);
    return NULL;
}

/* Method: the copy runs on a thread while this one goes on appending and committing. */
static void a_running_store_is_backed_up_and_restored_in_a_new_epoch(void **state)
{
    (void)state;
    struct fixture f, r = { .next = 0 };
    struct backing b = { .plan = NULL };
    struct pando_err err = { 0 };
    fixture_setup(&f);
    fixture_run("echo secret > '%s/keystore'; echo 'name: x' > '%s/config.yml'", f.dir,
                f.dir);
    CHECK_OK(store_note_write(f.dir, slice_text("{\"old\":1}"), &err));
    CHECK_OK(store_note_write(f.dir, slice_text("{\"a\":1}"), &err));
    fixture_fill(&f, 20000);
    CHECK_OK(fixture_append(&f)); /* staged, not durable: not part of the backup */
    CHECK_OK(store_backup_plan(f.s, &b.plan));
    (void)snprintf(b.target, sizeof b.target, "%.100s.backup", f.dir);
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, back_up, &b), 0);
    fixture_fill(&f, 3000);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    if (b.status != PANDO_OK)
        CHECK_NOTE("%s\n", b.err.text);
    CHECK_EQ(b.status, PANDO_OK);
    (void)snprintf(r.dir, sizeof r.dir, "%.100s.restored", f.dir);
    CHECK_OK(store_restore(b.target, r.dir, NULL, &err));
    CHECK_EQ(store_restore(b.target, r.dir, NULL, &err), PANDO_EXISTS);
    CHECK_EQ(store_epoch(f.sp), 0);
    store_close(f.s);
    struct store_verdict verdict;
    CHECK_OK(store_verify(f.dir, false, NULL, &verdict, &err));
    CHECK_EQ(verdict.records, 23001);
    CHECK(verdict.files >= 3); /* several segments, the index */
    fixture_open_store(&r);
    CHECK_EQ(fixture_check_all(&r, 20000, 20000), 20000);
    CHECK_EQ(store_epoch(r.sp), 1);
    r.next = 20000;
    fixture_fill(&r, 100);
    store_close(r.s);
    fixture_open_store(&r);
    CHECK_EQ(fixture_check_all(&r, 20100, 20100), 20100);
    CHECK_EQ(store_epoch(r.sp), 1);
    fixture_run("cmp '%s/keystore' '%s.restored/keystore'", f.dir, f.dir);
    fixture_run("cmp '%s/config.yml' '%s.restored/config.yml'", f.dir, f.dir);
    struct pando_buf note;
    buf_init(&note, STORE_NOTE_MAX);
    CHECK_OK(store_note_read(r.dir, &note, &err));
    CHECK(slice_equal(buf_view(&note), slice_text("{\"a\":1}")));
    CHECK_EQ(store_note_read("/nowhere", &note, &err), PANDO_NOT_FOUND);
    buf_deinit(&note);
    fixture_teardown(&r);
    fixture_open_store(&f);
    fixture_teardown(&f);
}

static void a_damaged_or_unfinished_backup_is_not_restored(void **state)
{
    (void)state;
    struct fixture f;
    struct store_backup_plan *plan;
    struct pando_err err = { 0 };
    char target[120], fresh[140], path[300];
    fixture_setup(&f);
    fixture_fill(&f, 100);
    put_text(&f, "a text that can be found");
    fixture_fill(&f, 10);
    (void)snprintf(target, sizeof target, "%.100s.backup", f.dir);
    (void)snprintf(fresh, sizeof fresh, "%.100s.fresh", f.dir);
    CHECK_OK(store_backup_plan(f.s, &plan));
    CHECK_OK(store_backup(plan, target, NULL, &err));
    CHECK_EQ(store_restore(target, fresh, NULL, &err), PANDO_NOT_FOUND); /* no keystore */
    CHECK_OK(store_backup_plan(f.s, &plan));
    CHECK_EQ(store_backup(plan, target, NULL, &err), PANDO_EXISTS);
    fixture_run("echo secret > '%s.backup/keystore' # %s", f.dir, "");
    segment_of(&f, path);
    const char *inside = path + strlen(f.dir);
    char copy[300];
    (void)snprintf(copy, sizeof copy, "%.110s%.180s", target, inside);
    flip(copy, find_text(copy, "a text that can"));
    CHECK_EQ(store_restore(target, fresh, NULL, &err), PANDO_CORRUPT);
    CHECK(strstr(err.text, "offset") != NULL);
    CHECK_EQ(access(fresh, F_OK), -1); /* nothing was made */
    fixture_teardown(&f);
}

static void a_removed_space_leaves_nothing(void **state)
{
    (void)state;
    struct fixture f;
    struct pando_err err = { 0 };
    struct stat st;
    char path[300];
    fixture_setup(&f);
    fixture_fill(&f, 100);
    fixture_flush(&f);
    CHECK_EQ(store_space_remove(f.s, &fixture_space, &err), PANDO_BUSY);
    store_space_close(f.sp);
    CHECK_OK(store_space_remove(f.s, &fixture_space, &err));
    (void)snprintf(path, sizeof path, "%s/spaces/abcd010203%054d", f.dir, 0);
    CHECK_EQ(stat(path, &st), -1);
    f.seen.folds = 0;
    CHECK_OK(store_space_open(f.s, &fixture_space, &f.how, &f.sp, &err));
    CHECK_EQ(fixture_check_all(&f, 0, 0), 0);
    CHECK_EQ(f.seen.folds, 0);
    fixture_teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(verify_names_the_damaged_file_and_offset),
        TEST(a_damaged_index_is_noticed_and_rebuilt),
        TEST(a_running_store_is_backed_up_and_restored_in_a_new_epoch),
        TEST(a_damaged_or_unfinished_backup_is_not_restored),
        TEST(a_removed_space_leaves_nothing),
    };
    return CHECK_RUN(tests);
}
