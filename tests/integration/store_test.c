/* store_test.c - the store as processes and disks treat it: restarts, kills, limits,
 * locks and a full disk. Real files throughout. */
#include "store_fixture.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- restarts --- */

static void a_clean_restart_folds_nothing_again(void **state)
{
    (void)state;
    struct fixture f;
    fixture_setup(&f);
    fixture_fill(&f, 500);
    CHECK_EQ(f.seen.folds, 500);
    store_close(f.s);
    fixture_open_store(&f);
    CHECK_EQ(f.seen.folds, 500);
    CHECK_EQ(fixture_check_all(&f, 500, 500), 500);
    fixture_teardown(&f);
}

/* Method: a child appends, commits and dies without closing; some rows were flushed. */
static void after_a_crash_only_the_unflushed_tail_is_folded(void **state)
{
    (void)state;
    struct fixture f;
    fixture_setup(&f);
    store_close(f.s);
    const pid_t pid = fork();
    if (pid == 0) {
        fixture_open_store(&f);
        fixture_fill(&f, 300);
        fixture_flush(&f);
        fixture_fill(&f, 70);
        for (int i = 0; i < 5; i++)
            CHECK_OK(fixture_append(&f)); /* never committed */
        _exit(0);
    }
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    f.seen.folds = 0;
    fixture_open_store(&f);
    CHECK_EQ(f.seen.folds, 70);
    CHECK_EQ(fixture_check_all(&f, 370, 370), 370);
    fixture_teardown(&f);
}

static void an_index_of_another_history_is_folded_anew(void **state)
{
    (void)state;
    struct fixture f;
    fixture_setup(&f);
    fixture_fill(&f, 100);
    store_close(f.s);
    fixture_run("cp -r '%s/spaces' '%s.backup'", f.dir, f.dir);
    fixture_open_store(&f);
    fixture_fill(&f, 100);
    store_close(f.s);
    fixture_run("rm -r '%s/spaces' # %s", f.dir, "");
    fixture_run("mv '%s.backup' '%s/spaces'", f.dir, f.dir);
    fixture_open_store(&f);
    CHECK_EQ(fixture_check_all(&f, 100, 100), 100);
    fixture_teardown(&f);
}

/* Goal: whatever was acknowledged before SIGKILL is there afterwards. */
static void a_killed_process_loses_nothing_acknowledged(void **state)
{
    (void)state;
    struct fixture f;
    fixture_setup(&f);
    store_close(f.s);
    struct rng rng = rng_seeded(11);
    uint64_t acked = 0;
    for (int round = 0; round < 12; round++) {
        int pipes[2];
        CHECK_EQ(pipe(pipes), 0);
        const pid_t pid = fork();
        if (pid == 0) {
            fixture_open_store(&f);
            for (int i = 0;; i++) {
                for (uint64_t n = 0; n < 1 + (uint64_t)i % 7; n++)
                    if (fixture_append(&f) != PANDO_OK)
                        _exit(1);
                if (fixture_commit(&f) != PANDO_OK || write(pipes[1], &f.next, 8) != 8)
                    _exit(2);
                if (i % 50 == 49)
                    fixture_flush(&f);
            }
        }
        (void)close(pipes[1]);
        uint64_t seen = 0;
        const uint64_t goal = 10 + rng_below(&rng, 300);
        for (uint64_t i = 0; i < goal && read(pipes[0], &seen, 8) == 8; i++)
            acked = seen;
        CHECK_EQ(kill(pid, SIGKILL), 0);
        int status;
        CHECK_EQ(waitpid(pid, &status, 0), pid);
        CHECK(WIFSIGNALED(status));
        while (read(pipes[0], &seen, 8) == 8)
            acked = seen;
        (void)close(pipes[0]);
        fixture_open_store(&f);
        f.next = fixture_check_all(&f, acked, UINT64_MAX);
        acked = f.next;
        store_close(f.s);
    }
    CHECK_NOTE("12 kills, %llu records acknowledged, none lost\n",
               (unsigned long long)acked);
    fixture_open_store(&f);
    fixture_teardown(&f);
}

/* --- limits --- */

static void at_the_overlays_cap_appends_wait_for_a_flush(void **state)
{
    (void)state;
    struct fixture f;
    fixture_setup(&f);
    static uint8_t room[60000];
    enum pando_status st = PANDO_OK;
    uint64_t position, n = 0;
    for (; st == PANDO_OK && n < 1000; n += st == PANDO_OK) {
        st = store_append(f.sp, 7, fixture_record_of(n, sizeof room, room), NULL, &position);
        CHECK_OK(fixture_commit(&f));
    }
    CHECK_EQ(st, PANDO_BUSY);
    CHECK(n >= STORE_OVERLAY_MAX / sizeof room - 1);
    fixture_flush(&f);
    CHECK_OK(store_append(f.sp, 7, fixture_record_of(n, sizeof room, room), NULL, &position));
    CHECK_OK(fixture_commit(&f));
    fixture_teardown(&f);
}

/* Rows until a flush begins by itself, in bytes of records. */
static size_t until_a_flush(struct fixture *f, uint64_t *n)
{
    static uint8_t room[20000];
    struct store_flush *job;
    size_t bytes = 0;
    while (!store_flush_begin(f->sp, false, &job)) {
        uint64_t position;
        CHECK_OK(store_append(f->sp, 7, fixture_record_of((*n)++, sizeof room, room), NULL, &position));
        CHECK_OK(fixture_commit(f));
        bytes += sizeof room;
        CHECK(bytes <= 2 * STORE_FLUSH_MAX);
    }
    store_flush_run(job);
    CHECK_OK(store_flush_end(f->sp, job, NULL));
    return bytes;
}

static void a_flush_waits_for_more_when_the_index_is_large(void **state)
{
    (void)state;
    struct fixture f;
    uint64_t n = 0;
    fixture_setup(&f);
    const size_t first = until_a_flush(&f, &n);
    CHECK(first >= STORE_FLUSH_MIN / 2 && first <= 2 * STORE_FLUSH_MIN);
    size_t last = first;
    for (size_t all = first; all < 3 * (size_t)STORE_FLUSH_PART * STORE_FLUSH_MIN; all += last)
        last = until_a_flush(&f, &n);
    CHECK(last >= 2 * STORE_FLUSH_MIN && last <= STORE_FLUSH_MAX + (1u << 20));
    fixture_teardown(&f);
}

static void a_record_that_cannot_be_folded_stops_the_space_until_a_restart(void **state)
{
    (void)state;
    struct fixture f;
    struct store_flush *job;
    fixture_setup(&f);
    fixture_fill(&f, 10);
    f.seen.fails_at = f.seen.folds + 1;
    CHECK_OK(fixture_append(&f)); /* it is staged: it cannot be refused any more */
    CHECK_EQ(fixture_append(&f), PANDO_NOMEM);
    CHECK(!store_flush_begin(f.sp, true, &job));
    store_close(f.s);
    f.seen.fails_at = 0;
    fixture_open_store(&f);
    CHECK_EQ(fixture_check_all(&f, 11, 11), 11);
    fixture_teardown(&f);
}

/* --- what a user does wrong --- */

static void a_second_process_is_told_who_holds_the_store(void **state)
{
    (void)state;
    struct fixture f;
    fixture_setup(&f);
    const struct store_config config = { .dir = f.dir, .sync = true };
    const pid_t holder = getpid(), pid = fork();
    if (pid == 0) {
        struct store *other;
        struct pando_err err = { 0 };
        char text[40];
        (void)snprintf(text, sizeof text, "process %ld ", (long)holder);
        const enum pando_status st = store_open(&config, &other, &err);
        _exit(st == PANDO_BUSY && strstr(err.text, text) != NULL ? 0 : 1);
    }
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    struct store *other;
    struct pando_err err = { 0 };
    CHECK_EQ(store_open(&config, &other, &err),
             PANDO_BUSY); /* nor a second node in here */
    struct store_verdict verdict;
    CHECK_EQ(store_verify(f.dir, false, NULL, &verdict, &err), PANDO_BUSY);
    CHECK_EQ(store_reindex(f.dir, &f.how, NULL, &verdict, &err), PANDO_BUSY);
    fixture_fill(&f, 3);
    CHECK_OK(store_verify(f.dir, true, NULL, &verdict, &err));
    CHECK_EQ(verdict.records, 3);
    fixture_teardown(&f);
}

static void a_directory_that_cannot_be_written_is_refused_with_a_remedy(void **state)
{
    (void)state;
    struct fixture f;
    fixture_setup(&f);
    store_close(f.s);
    fixture_run("chown -R 65534 '%s' 2>/dev/null; chmod 0500 '%s'", f.dir, f.dir);
    const struct store_config config = { .dir = f.dir, .sync = true };
    const pid_t pid = fork();
    if (pid == 0) {
        struct store *s;
        struct pando_err err = { 0 };
        if (getuid() == 0 && setuid(65534) != 0) /* root is never refused */
            _exit(3);
        const enum pando_status st = store_open(&config, &s, &err);
        _exit(st == PANDO_REFUSED && strstr(err.text, "--data") != NULL ? 0 : 1);
    }
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    fixture_run("chmod -R u+w '%s' '%s'", f.dir, f.dir);
    fixture_open_store(&f);
    fixture_teardown(&f);
}

/* --- a full disk --- */

static bool is_tmpfs;

/* A disk of `size` for this process alone: a tmpfs in a mount namespace of its own, or,
 * without the right to mount, a limit on the size of files. */
static void small_disk(const char *dir)
{
    is_tmpfs = unshare(CLONE_NEWNS) == 0 &&
               mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
               mount("pando", dir, "tmpfs", 0, "size=8m") == 0;
    if (is_tmpfs)
        return;
    const struct rlimit limit = { 3u << 20, 6u << 20 };
    (void)signal(SIGXFSZ, SIG_IGN);
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void give_space(const char *ballast)
{
    const struct rlimit limit = { 6u << 20, 6u << 20 };
    if (is_tmpfs)
        CHECK_EQ(unlink(ballast), 0);
    else
        CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void write_ballast(const char *path)
{
    static uint8_t block[1 << 16];
    const int fd = open(path, O_WRONLY | O_CREAT, 0600);
    CHECK(fd >= 0);
    for (int i = 0; i < 40; i++)
        CHECK_EQ(write(fd, block, sizeof block), (ssize_t)sizeof block);
    (void)close(fd);
}

/* In a child: fill the disk, see the stop, make room, go on. Returns what was
 * acknowledged. */
static void live_through_a_full_disk(struct fixture *f)
{
    char ballast[120];
    small_disk(f->dir);
    (void)snprintf(ballast, sizeof ballast, "%.100s/ballast", f->dir);
    fixture_open_store(f);
    write_ballast(ballast);
    uint64_t acked = 0;
    enum pando_status st = PANDO_OK;
    for (int i = 0; st == PANDO_OK && i < 100000; i++) {
        CHECK_OK(fixture_append(f));
        st = i % 50 == 0 ? fixture_commit(f) : PANDO_OK;
        if (i % 50 == 0 && st == PANDO_OK)
            acked = f->next;
    }
    CHECK_EQ(st, PANDO_NOSPACE);
    CHECK(acked > 1000);
    CHECK_EQ(fixture_append(f), PANDO_NOSPACE);
    struct pando_err err = { 0 };
    /* A smaller segment may still fit, and is filled; then nothing does. */
    while (journal_retry(store_journal(f->sp), &err) == PANDO_OK &&
           fixture_commit(f) == PANDO_OK)
        for (st = PANDO_OK; st == PANDO_OK; st = fixture_commit(f))
            CHECK_OK(fixture_append(f));
    CHECK_EQ(fixture_append(f), PANDO_NOSPACE);
    const uint64_t staged = f->next;
    give_space(ballast);
    CHECK_OK(journal_retry(store_journal(f->sp), &err));
    CHECK_OK(fixture_commit(f));
    fixture_fill(f, 500); /* the same process, the same handles: no restart */
    CHECK_EQ(fixture_check_all(f, staged + 500, staged + 500), staged + 500);
    store_close(f->s);
    fixture_open_store(f);
    CHECK_EQ(fixture_check_all(f, staged + 500, staged + 500), staged + 500);
    store_close(f->s);
    CHECK_NOTE("full disk by %s: %llu acknowledged before, %llu after\n",
               is_tmpfs ? "a tmpfs of 8 MiB" : "RLIMIT_FSIZE", (unsigned long long)acked,
               (unsigned long long)f->next);
}

static void a_full_disk_stops_the_journal_and_space_lets_it_go_on(void **state)
{
    (void)state;
    struct fixture f;
    fixture_setup(&f);
    store_close(f.s);
    fixture_run("rm -r '%s' && mkdir '%s'", f.dir, f.dir);
    (void)fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0) {
        live_through_a_full_disk(&f);
        _exit(77); /* cmocka's way out of a failed check is not this one */
    }
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 77);
    fixture_open_store(&f);
    fixture_teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_clean_restart_folds_nothing_again),
        TEST(after_a_crash_only_the_unflushed_tail_is_folded),
        TEST(an_index_of_another_history_is_folded_anew),
        TEST(a_killed_process_loses_nothing_acknowledged),
        TEST(a_flush_waits_for_more_when_the_index_is_large),
        TEST(at_the_overlays_cap_appends_wait_for_a_flush),
        TEST(a_record_that_cannot_be_folded_stops_the_space_until_a_restart),
        TEST(a_second_process_is_told_who_holds_the_store),
        TEST(a_directory_that_cannot_be_written_is_refused_with_a_remedy),
        TEST(a_full_disk_stops_the_journal_and_space_lets_it_go_on),
    };
    return CHECK_RUN(tests);
}
