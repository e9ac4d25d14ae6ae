/* store_test.c - the store as processes, disks and people meet it: real files throughout. */
#include "store/store.h"

#include "base/rng.h"
#include "base/slice.h"
#include "check.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct pando_id space_id = { { 0xab, 0xcd, 1, 2, 3 } };

/* --- a fold that can be checked: record n puts key n, and counts --- */

static uint64_t folds;
static uint64_t fold_fails_at = UINT64_MAX;

static void put_number(uint8_t *to, uint64_t n)
{
    for (size_t i = 0; i < 8; i++)
        to[i] = (uint8_t)(n >> (8 * (7 - i)));
}

static enum pando_status fold(void *ctx, struct tables *tables, const struct pando_id *space,
                              uint8_t record, uint64_t position, struct pando_slice bytes)
{
    (void)ctx;
    (void)position;
    if (!id_equal(space, &space_id) || record != 7 || bytes.len < 8)
        return PANDO_CORRUPT;
    if (folds++ >= fold_fails_at)
        return PANDO_NOMEM;
    struct pando_slice sum;
    uint8_t count[8];
    uint64_t rows = 1;
    if (tables_get(tables, 2, slice_text("rows"), &sum) == PANDO_OK)
        for (size_t i = 0, n = 0; i < 8; i++) {
            n = n << 8 | sum.ptr[i];
            rows = n + 1;
        }
    put_number(count, rows);
    const enum pando_status st = tables_put(tables, 2, slice_text("rows"), slice_of(count, 8));
    return st != PANDO_OK ? st : tables_put(tables, 1, slice_of(bytes.ptr, 8), bytes);
}

static const struct store_fold how = { NULL, fold };

struct fixture {
    char dir[120];
    struct store *s;
    struct store_space *sp;
    uint64_t next; /* number of the next record */
};

static void open_store(struct fixture *f)
{
    struct pando_err err = { 0 };
    const struct store_config config = { .dir = f->dir, .sync = true };
    enum pando_status st = store_open(&config, &f->s, &err);
    if (st == PANDO_OK)
        st = store_space_open(f->s, &space_id, &how, &f->sp, &err);
    if (st != PANDO_OK)
        CHECK_NOTE("%s\n", err.text);
    CHECK_EQ(st, PANDO_OK);
}

static void setup(struct fixture *f)
{
    *f = (struct fixture){ .next = 0 };
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/store_test.XXXXXX");
    CHECK(mkdtemp(f->dir) != NULL);
    folds = 0;
    fold_fails_at = UINT64_MAX;
    open_store(f);
}

static void run(const char *command, const char *a, const char *b)
{
    char text[400];
    (void)snprintf(text, sizeof text, command, a, b);
    CHECK_EQ(system(text), 0);
}

static void teardown(struct fixture *f)
{
    store_close(f->s);
    run("rm -rf '%s' '%s.backup'", f->dir, f->dir);
}

static struct pando_slice record_of(uint64_t n, size_t len, uint8_t *room)
{
    struct rng rng = rng_seeded(n + 1);
    rng_fill(&rng, room, len);
    put_number(room, n);
    return slice_of(room, len);
}

static size_t len_of(uint64_t n)
{
    return 8 + n * 37 % 300;
}

static enum pando_status append(struct fixture *f)
{
    uint8_t room[400];
    uint64_t position;
    const enum pando_status st =
        store_append(f->sp, 7, record_of(f->next, len_of(f->next), room), &position);
    f->next += st == PANDO_OK;
    return st;
}

static enum pando_status commit(struct fixture *f)
{
    struct journal_group *group;
    enum pando_status st = PANDO_OK;
    uint64_t durable;
    while (st == PANDO_OK && journal_commit_begin(store_journal(f->sp), &group)) {
        journal_commit_run(group);
        st = journal_commit_end(store_journal(f->sp), group, &durable);
    }
    return st;
}

static void flush(struct fixture *f)
{
    struct store_flush *job;
    while (store_flush_begin(f->sp, true, &job)) {
        store_flush_run(job);
        CHECK_OK(store_flush_end(f->sp, job, NULL));
    }
}

static void fill(struct fixture *f, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        CHECK_OK(append(f));
    CHECK_OK(commit(f));
}

/* Every record below `count` is in the journal once, in order, and in the tables. */
static uint64_t check_all(struct fixture *f, uint64_t at_least, uint64_t at_most)
{
    struct journal_cursor c;
    uint64_t position, n = 0;
    uint8_t kind, room[400], key[8];
    struct pando_slice bytes, value;
    journal_scan(store_journal(f->sp), journal_first(store_journal(f->sp)), &c);
    enum pando_status st;
    while ((st = journal_next(&c, &position, &kind, &bytes)) == PANDO_OK) {
        CHECK_EQ(kind, 7);
        CHECK(slice_equal(bytes, record_of(n, len_of(n), room)));
        put_number(key, n);
        CHECK_OK(tables_get(store_tables(f->sp), 1, slice_of(key, 8), &value));
        CHECK(slice_equal(value, slice_of(room, len_of(n))));
        n++;
    }
    CHECK_EQ(st, PANDO_NOT_FOUND);
    journal_scan_end(&c);
    CHECK(n >= at_least && n <= at_most);
    put_number(key, n);
    CHECK_EQ(tables_get(store_tables(f->sp), 1, slice_of(key, 8), &value), PANDO_NOT_FOUND);
    if (n != 0) { /* each record was folded exactly once */
        CHECK_OK(tables_get(store_tables(f->sp), 2, slice_text("rows"), &value));
        CHECK_MEM(value.ptr, key, 8);
    }
    return n;
}

/* --- restarts --- */

static void a_clean_restart_folds_nothing_again(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    fill(&f, 500);
    CHECK_EQ(folds, 500);
    store_close(f.s);
    open_store(&f);
    CHECK_EQ(folds, 500);
    CHECK_EQ(check_all(&f, 500, 500), 500);
    teardown(&f);
}

/* Method: a child appends, commits and dies without closing; some rows were flushed. */
static void after_a_crash_only_the_unflushed_tail_is_folded(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    store_close(f.s);
    const pid_t pid = fork();
    if (pid == 0) {
        open_store(&f);
        fill(&f, 300);
        flush(&f);
        fill(&f, 70);
        for (int i = 0; i < 5; i++)
            CHECK_OK(append(&f)); /* never committed */
        _exit(0);
    }
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    folds = 0;
    open_store(&f);
    CHECK_EQ(folds, 70);
    CHECK_EQ(check_all(&f, 370, 370), 370);
    teardown(&f);
}

static void an_index_of_another_history_is_folded_anew(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    fill(&f, 100);
    store_close(f.s);
    run("cp -r '%s/spaces' '%s.backup'", f.dir, f.dir);
    open_store(&f);
    fill(&f, 100);
    store_close(f.s);
    run("rm -r '%s/spaces' # %s", f.dir, "");
    run("mv '%s.backup' '%s/spaces'", f.dir, f.dir);
    open_store(&f);
    CHECK_EQ(check_all(&f, 100, 100), 100);
    teardown(&f);
}

/* Goal: whatever was acknowledged before SIGKILL is there afterwards. */
static void a_killed_process_loses_nothing_acknowledged(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    store_close(f.s);
    struct rng rng = rng_seeded(11);
    uint64_t acked = 0;
    for (int round = 0; round < 12; round++) {
        int pipes[2];
        CHECK_EQ(pipe(pipes), 0);
        const pid_t pid = fork();
        if (pid == 0) {
            open_store(&f);
            for (int i = 0;; i++) {
                for (uint64_t n = 0; n < 1 + (uint64_t)i % 7; n++)
                    if (append(&f) != PANDO_OK)
                        _exit(1);
                if (commit(&f) != PANDO_OK || write(pipes[1], &f.next, 8) != 8)
                    _exit(2);
                if (i % 50 == 49)
                    flush(&f);
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
        open_store(&f);
        f.next = check_all(&f, acked, UINT64_MAX);
        acked = f.next;
        store_close(f.s);
    }
    CHECK_NOTE("12 kills, %llu records acknowledged, none lost\n", (unsigned long long)acked);
    open_store(&f);
    teardown(&f);
}

/* --- limits --- */

static void at_the_overlays_cap_appends_wait_for_a_flush(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    static uint8_t room[60000];
    enum pando_status st = PANDO_OK;
    uint64_t position, n = 0;
    for (; st == PANDO_OK && n < 1000; n += st == PANDO_OK) {
        st = store_append(f.sp, 7, record_of(n, sizeof room, room), &position);
        CHECK_OK(commit(&f));
    }
    CHECK_EQ(st, PANDO_BUSY);
    CHECK(n >= STORE_OVERLAY_MAX / sizeof room - 1);
    flush(&f);
    CHECK_OK(store_append(f.sp, 7, record_of(n, sizeof room, room), &position));
    CHECK_OK(commit(&f));
    teardown(&f);
}

static void a_record_that_cannot_be_folded_stops_the_space_until_a_restart(void **state)
{
    (void)state;
    struct fixture f;
    struct store_flush *job;
    setup(&f);
    fill(&f, 10);
    fold_fails_at = folds;
    CHECK_OK(append(&f)); /* it is staged: it cannot be refused any more */
    CHECK_EQ(append(&f), PANDO_NOMEM);
    CHECK(!store_flush_begin(f.sp, true, &job));
    store_close(f.s);
    fold_fails_at = UINT64_MAX;
    open_store(&f);
    CHECK_EQ(check_all(&f, 11, 11), 11);
    teardown(&f);
}

/* --- what a user does wrong --- */

static void a_second_process_is_told_who_holds_the_store(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
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
    CHECK_EQ(store_open(&config, &other, &err), PANDO_BUSY); /* nor a second node in here */
    struct store_verdict verdict;
    CHECK_EQ(store_verify(f.dir, false, NULL, &verdict, &err), PANDO_BUSY);
    CHECK_EQ(store_reindex(f.dir, &how, NULL, &verdict, &err), PANDO_BUSY);
    fill(&f, 3);
    CHECK_OK(store_verify(f.dir, true, NULL, &verdict, &err));
    CHECK_EQ(verdict.records, 3);
    teardown(&f);
}

static void a_directory_that_cannot_be_written_is_refused_with_a_remedy(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    store_close(f.s);
    run("chown -R 65534 '%s' 2>/dev/null; chmod 0500 '%s'", f.dir, f.dir);
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
    run("chmod -R u+w '%s' '%s'", f.dir, f.dir);
    open_store(&f);
    teardown(&f);
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

/* In a child: fill the disk, see the stop, make room, go on. Returns what was acknowledged. */
static void live_through_a_full_disk(struct fixture *f)
{
    char ballast[120];
    small_disk(f->dir);
    (void)snprintf(ballast, sizeof ballast, "%.100s/ballast", f->dir);
    open_store(f);
    write_ballast(ballast);
    uint64_t acked = 0;
    enum pando_status st = PANDO_OK;
    for (int i = 0; st == PANDO_OK && i < 100000; i++) {
        CHECK_OK(append(f));
        st = i % 50 == 0 ? commit(f) : PANDO_OK;
        if (i % 50 == 0 && st == PANDO_OK)
            acked = f->next;
    }
    CHECK_EQ(st, PANDO_NOSPACE);
    CHECK(acked > 1000);
    CHECK_EQ(append(f), PANDO_NOSPACE);
    struct pando_err err = { 0 };
    CHECK(journal_retry(store_journal(f->sp), &err) != PANDO_OK || commit(f) != PANDO_OK);
    CHECK_EQ(append(f), PANDO_NOSPACE);
    const uint64_t staged = f->next;
    give_space(ballast);
    CHECK_OK(journal_retry(store_journal(f->sp), &err));
    CHECK_OK(commit(f));
    fill(f, 500); /* the same process, the same handles: no restart */
    CHECK_EQ(check_all(f, staged + 500, staged + 500), staged + 500);
    store_close(f->s);
    open_store(f);
    CHECK_EQ(check_all(f, staged + 500, staged + 500), staged + 500);
    store_close(f->s);
    CHECK_NOTE("full disk by %s: %llu acknowledged before, %llu after\n",
               is_tmpfs ? "a tmpfs of 8 MiB" : "RLIMIT_FSIZE", (unsigned long long)acked,
               (unsigned long long)f->next);
}

static void a_full_disk_stops_the_journal_and_space_lets_it_go_on(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    store_close(f.s);
    run("rm -r '%s' && mkdir '%s'", f.dir, f.dir);
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
    open_store(&f);
    teardown(&f);
}

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
    put_number(room, f->next++);
    memcpy(room + 8, text, strlen(text));
    CHECK_OK(store_append(f->sp, 7, slice_of(room, 8 + strlen(text)), &position));
    CHECK_OK(commit(f));
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
    setup(&f);
    fill(&f, 50);
    put_text(&f, "a text that can be found");
    fill(&f, 50);
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
    CHECK_EQ(store_space_open(f.s, &space_id, &how, &f.sp, &err), PANDO_CORRUPT);
    CHECK(strstr(err.text, "offset ") != NULL);
    teardown(&f);
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
    setup(&f);
    put_text(&f, "a text that can be found");
    fill(&f, 200);
    store_close(f.s);
    (void)snprintf(path, sizeof path, "%s/index/data.mdb", f.dir);
    const off_t at = find_text(path, "a text that can");
    CHECK(at > 0);
    flip(path, at);
    CHECK_EQ(store_verify(f.dir, false, &progress, &verdict, &err), PANDO_CORRUPT);
    CHECK(seen.len >= 1 && strstr(seen.first, "index/data.mdb") != NULL);
    open_store(&f);
    put_number(key, 0);
    CHECK_EQ(tables_get(store_tables(f.sp), 1, slice_of(key, 8), &value), PANDO_CORRUPT);
    store_close(f.s);
    seen = (struct findings){ 0 };
    CHECK_OK(store_reindex(f.dir, &how, &progress, &verdict, &err));
    CHECK_EQ(verdict.records, 201);
    CHECK_EQ(verdict.table_entries, 202);
    CHECK_OK(store_verify(f.dir, false, NULL, &verdict, &err));
    open_store(&f);
    CHECK_OK(tables_get(store_tables(f.sp), 1, slice_of(key, 8), &value));
    teardown(&f);
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
    setup(&f);
    run("echo secret > '%s/keystore'; echo 'name: x' > '%s/config.yml'", f.dir, f.dir);
    fill(&f, 20000);
    CHECK_OK(append(&f)); /* staged, not durable: not part of the backup */
    CHECK_OK(store_backup_plan(f.s, &b.plan));
    (void)snprintf(b.target, sizeof b.target, "%.100s.backup", f.dir);
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, back_up, &b), 0);
    fill(&f, 3000);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    if (b.status != PANDO_OK)
        CHECK_NOTE("%s\n", b.err.text);
    CHECK_EQ(b.status, PANDO_OK);
    (void)snprintf(r.dir, sizeof r.dir, "%.100s.restored", f.dir);
    CHECK_OK(store_restore(b.target, r.dir, NULL, &err));
    CHECK_EQ(store_restore(b.target, r.dir, NULL, &err), PANDO_EXISTS);
    CHECK_EQ(store_epoch(f.sp), 0);
    store_close(f.s);
    open_store(&r);
    CHECK_EQ(check_all(&r, 20000, 20000), 20000);
    CHECK_EQ(store_epoch(r.sp), 1);
    r.next = 20000;
    fill(&r, 100);
    store_close(r.s);
    open_store(&r);
    CHECK_EQ(check_all(&r, 20100, 20100), 20100);
    CHECK_EQ(store_epoch(r.sp), 1);
    run("cmp '%s/keystore' '%s.restored/keystore'", f.dir, f.dir);
    run("cmp '%s/config.yml' '%s.restored/config.yml'", f.dir, f.dir);
    teardown(&r);
    open_store(&f);
    teardown(&f);
}

static void a_damaged_or_unfinished_backup_is_not_restored(void **state)
{
    (void)state;
    struct fixture f;
    struct store_backup_plan *plan;
    struct pando_err err = { 0 };
    char target[120], fresh[140], path[300];
    setup(&f);
    fill(&f, 100);
    put_text(&f, "a text that can be found");
    fill(&f, 10);
    (void)snprintf(target, sizeof target, "%.100s.backup", f.dir);
    (void)snprintf(fresh, sizeof fresh, "%.100s.fresh", f.dir);
    CHECK_OK(store_backup_plan(f.s, &plan));
    CHECK_OK(store_backup(plan, target, NULL, &err));
    CHECK_EQ(store_restore(target, fresh, NULL, &err), PANDO_NOT_FOUND); /* no keystore */
    CHECK_OK(store_backup_plan(f.s, &plan));
    CHECK_EQ(store_backup(plan, target, NULL, &err), PANDO_EXISTS);
    run("echo secret > '%s.backup/keystore' # %s", f.dir, "");
    segment_of(&f, path);
    const char *inside = path + strlen(f.dir);
    char copy[300];
    (void)snprintf(copy, sizeof copy, "%.110s%.180s", target, inside);
    flip(copy, find_text(copy, "a text that can"));
    CHECK_EQ(store_restore(target, fresh, NULL, &err), PANDO_CORRUPT);
    CHECK(strstr(err.text, "offset") != NULL);
    CHECK_EQ(access(fresh, F_OK), -1); /* nothing was made */
    teardown(&f);
}

static void a_removed_space_leaves_nothing(void **state)
{
    (void)state;
    struct fixture f;
    struct pando_err err = { 0 };
    struct stat st;
    char path[300];
    setup(&f);
    fill(&f, 100);
    flush(&f);
    CHECK_EQ(store_space_remove(f.s, &space_id, &err), PANDO_BUSY);
    store_space_close(f.sp);
    CHECK_OK(store_space_remove(f.s, &space_id, &err));
    (void)snprintf(path, sizeof path, "%s/spaces/abcd010203%054d", f.dir, 0);
    CHECK_EQ(stat(path, &st), -1);
    folds = 0;
    CHECK_OK(store_space_open(f.s, &space_id, &how, &f.sp, &err));
    CHECK_EQ(check_all(&f, 0, 0), 0);
    CHECK_EQ(folds, 0);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_clean_restart_folds_nothing_again),
        TEST(after_a_crash_only_the_unflushed_tail_is_folded),
        TEST(an_index_of_another_history_is_folded_anew),
        TEST(a_killed_process_loses_nothing_acknowledged),
        TEST(at_the_overlays_cap_appends_wait_for_a_flush),
        TEST(a_record_that_cannot_be_folded_stops_the_space_until_a_restart),
        TEST(a_second_process_is_told_who_holds_the_store),
        TEST(a_directory_that_cannot_be_written_is_refused_with_a_remedy),
        TEST(a_full_disk_stops_the_journal_and_space_lets_it_go_on),
        TEST(verify_names_the_damaged_file_and_offset),
        TEST(a_damaged_index_is_noticed_and_rebuilt),
        TEST(a_running_store_is_backed_up_and_restored_in_a_new_epoch),
        TEST(a_damaged_or_unfinished_backup_is_not_restored),
        TEST(a_removed_space_leaves_nothing),
    };
    return CHECK_RUN(tests);
}
