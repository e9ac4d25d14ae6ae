/* journal_mend_test.c - a damaged journal is repaired: what is sound in front of the damage
 * stays, the rest is set aside, and at no moment does it open without telling of it.
 */
#include "check.h"
#include "base/slice.h"
#include "store/journal_impl.h"
#include "store/journal_workload.h"

#include <stdlib.h>

#ifdef PANDO_SLOW_CHECKS
#define STEP 37 /* bytes between two flips; each file is some KiB */
#else
#define STEP 7
#endif

struct tally {
    uint64_t flips, mended, whole, kept, moments;
};

static struct workload *new_life(bool snapshot)
{
    struct workload *w = malloc(sizeof *w);
    assert_non_null(w);
    workload_init(w, 3, true, 2048);
    CHECK_OK(workload_open(w));
    for (int i = 0; i < 24; i++) {
        CHECK_OK(workload_append(w, 1 + (size_t)rng_below(&w->rng, 3)));
        CHECK_OK(workload_commit(w));
    }
    if (snapshot)
        CHECK_OK(journal_snapshot_write(&w->config.files, WORKLOAD_DIR,
                                        w->records[w->len / 2].position, slice_text("half"), NULL));
    workload_close(w);
    return w;
}

static void end_life(struct workload *w)
{
    workload_deinit(w);
    free(w);
}

/* Whether opening or reading finds damage. Changes the disk no more than that does. */
static bool is_damaged(const struct workload *w, struct files_memory *disk)
{
    struct files_memory *copy = files_memory_fork(disk);
    enum pando_status st;
    size_t len;
    const char *wrong = workload_check(w, copy, w->acked, &st, &len);
    files_memory_free(copy);
    return st == PANDO_CORRUPT || (wrong != NULL && strcmp(wrong, "CORRUPT") == 0);
}

static uint64_t repairs_of(struct files_memory *disk)
{
    const struct pando_files files = files_memory_files(disk);
    uint64_t repairs = 0;
    CHECK_OK(journal_count_read(&files, WORKLOAD_DIR, JOURNAL_REPAIRS, &repairs, NULL));
    return repairs;
}

/* The power may fail now: what is left is damaged, or tells of the repair. */
static void cut_power(void *ctx)
{
    struct workload *w = ctx;
    struct rng rng = rng_seeded(w->next_number++);
    struct files_memory *copy = files_memory_fork(w->disk);
    struct journal_config config = w->config;
    struct journal *j = NULL;
    assert_non_null(copy);
    CHECK_OK(files_memory_crash(copy, rng_chance(&rng, 1, 2) ? FILES_CRASH_SOME : FILES_CRASH_NONE,
                                &rng));
    config.files = files_memory_files(copy);
    const enum pando_status st = journal_open(&config, &j, NULL);
    CHECK(st == PANDO_CORRUPT || st == PANDO_OK);
    if (st == PANDO_OK)
        CHECK(journal_repairs(j) == 1 || is_damaged(w, copy));
    journal_close(j);
    files_memory_free(copy);
}

static void mend_one(struct tally *t, struct workload *w, const struct files_memory *sound,
                     const char *path, uint64_t offset, bool watched)
{
    struct journal_loss loss;
    enum pando_status st;
    size_t len;
    struct files_memory *disk = files_memory_fork(sound);
    CHECK(files_memory_flip(disk, path, offset, (unsigned)offset));
    t->flips++;
    w->disk = disk;
    w->config.files = files_memory_files(disk);
    if (is_damaged(w, disk)) {
        if (watched)
            files_memory_hook(disk, w, cut_power);
        CHECK_OK(journal_mend(&w->config.files, WORKLOAD_DIR, &loss, NULL));
        files_memory_hook(disk, NULL, NULL);
        CHECK(loss.repairs == 1 && repairs_of(disk) == 1);
        const char *wrong = workload_check(w, disk, 0, &st, &len);
        if (wrong != NULL)
            print_error("%s at %llu: %s\n", path, (unsigned long long)offset, wrong);
        CHECK(wrong == NULL);
        CHECK(len < w->acked && (!loss.whole || len == 0));
        t->mended++;
        t->whole += loss.whole;
        t->kept += len;
        t->moments += watched;
    }
    files_memory_free(disk);
}

static void sweep(bool snapshot, struct tally *t)
{
    struct workload *w = new_life(snapshot);
    struct files_memory *sound = w->disk;
    const struct journal_config config = w->config;
    const char *path;
    uint64_t size;
    for (size_t file = 0; files_memory_at(sound, file, &path, &size); file++)
        for (uint64_t at = file % STEP; at < size; at += STEP)
            mend_one(t, w, sound, path, at, t->mended % 16 == 0);
    w->disk = sound;
    w->config = config;
    end_life(w);
}

static void what_is_sound_in_front_of_the_damage_stays(void **state)
{
    (void)state;
    struct tally t = { 0 };
    sweep(false, &t);
    CHECK_NOTE("%llu flips, %llu repaired, %llu of them whole, %llu records kept\n",
               (unsigned long long)t.flips, (unsigned long long)t.mended,
               (unsigned long long)t.whole, (unsigned long long)t.kept);
    CHECK(t.mended > 50 && t.kept > t.mended && t.whole < t.mended && t.moments > 0);
}

static void a_snapshot_that_is_not_reached_goes_too(void **state)
{
    (void)state;
    struct tally t = { 0 };
    sweep(true, &t);
    CHECK(t.whole > 20 && t.kept > 0);
}

static void a_sound_journal_is_left_alone(void **state)
{
    (void)state;
    struct workload *w = new_life(false);
    struct journal_loss loss;
    CHECK_EQ(journal_mend(&w->config.files, WORKLOAD_DIR, &loss, NULL), PANDO_NOT_FOUND);
    CHECK_EQ(repairs_of(w->disk), 0);
    end_life(w);
}

struct names {
    size_t aside, first;
};

static void count_name(void *arg, const char *name, bool is_dir)
{
    struct names *n = arg;
    (void)is_dir;
    n->aside += strncmp(name, "damaged-", 8) == 0;
    n->first += strncmp(name, "damaged-1-", 10) == 0;
}

static void what_was_set_aside_is_kept_for_two_repairs(void **state)
{
    (void)state;
    struct workload *w = new_life(false);
    for (uint64_t i = 1; i <= 3; i++) {
        struct journal_loss loss;
        struct names names = { 0 };
        const char *path = NULL, *at;
        uint64_t size;
        for (size_t file = 0; files_memory_at(w->disk, file, &at, &size); file++)
            if (strstr(at, ".seg") != NULL && strstr(at, "damaged") == NULL &&
                (path == NULL || strcmp(at, path) < 0))
                path = at; /* the first segment: nothing is kept */
        assert_non_null(path);
        CHECK(files_memory_flip(w->disk, path, SEGMENT_HEAD + GROUP_HEAD + 3, 1));
        CHECK_OK(journal_mend(&w->config.files, WORKLOAD_DIR, &loss, NULL));
        CHECK_EQ(loss.repairs, i);
        CHECK_OK(w->config.files.ops->list(w->config.files.ctx, WORKLOAD_DIR, &names, count_name));
        CHECK(names.aside > 0 && (names.first > 0) == (i < 3));
        w->len = w->acked = 0;
        CHECK_OK(workload_open(w));
        for (int k = 0; k < 6; k++) {
            CHECK_OK(workload_append(w, 2));
            CHECK_OK(workload_commit(w));
        }
        workload_close(w);
    }
    end_life(w);
}

static void a_disk_that_fails_meanwhile_is_tried_again(void **state)
{
    (void)state;
    struct workload *w = new_life(false);
    const char *path;
    uint64_t size;
    CHECK(files_memory_at(w->disk, 0, &path, &size));
    CHECK(files_memory_flip(w->disk, path, SEGMENT_HEAD + GROUP_HEAD + 3, 1));
    const struct files_memory *hurt = w->disk;
    uint64_t failed = 0;
    for (uint64_t nth = 1; nth < 200; nth++) {
        struct files_memory *disk = files_memory_fork(hurt);
        const struct pando_files files = files_memory_files(disk);
        struct journal_loss loss;
        enum pando_status st;
        size_t len;
        files_memory_fail(disk, FILES_FAULT_ANY, nth, 1, PANDO_IO);
        const bool ok = journal_mend(&files, WORKLOAD_DIR, &loss, NULL) == PANDO_OK;
        files_memory_fail(disk, 0, 0, 0, PANDO_OK);
        failed += !ok;
        if (!ok && is_damaged(w, disk))
            CHECK_OK(journal_mend(&files, WORKLOAD_DIR, &loss, NULL));
        CHECK(repairs_of(disk) > 0);
        CHECK(workload_check(w, disk, 0, &st, &len) == NULL);
        files_memory_free(disk);
    }
    CHECK(failed > 10);
    end_life(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_sound_in_front_of_the_damage_stays),
        TEST(a_snapshot_that_is_not_reached_goes_too),
        TEST(a_sound_journal_is_left_alone),
        TEST(what_was_set_aside_is_kept_for_two_repairs),
        TEST(a_disk_that_fails_meanwhile_is_tried_again),
    };
    return CHECK_RUN(tests);
}
