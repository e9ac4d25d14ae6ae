/* Goal: whichever operation of the disk fails, nothing acknowledged is lost, and the
 * journal goes on without a restart.
 *
 * One scripted life is lived again and again; in the n-th of them the n-th operation on
 * the disk fails, once or three times in a row. Failed commits go through journal_retry,
 * failed openings are repeated. Right after each failure copies of the disk are crashed
 * and checked, also through a second process that believes what the page cache still
 * shows.
 *
 * Usage: nth_test [SEEDS]. Exits with 1 and the place when a promise is broken.
 */
#include "store/journal_workload.h"

#include "base/slice.h"

#include <stdio.h>
#include <stdlib.h>

struct sweep {
    struct workload *w;
    struct rng rng;
    uint64_t seed, nth, times;
    uint64_t lives, failures, retries, shrunk;
    bool failed;
};

static bool wrong(struct sweep *s, const char *what)
{
    (void)printf("seed %llu, operation %llu failing %llu times: %s\n",
                 (unsigned long long)s->seed, (unsigned long long)s->nth,
                 (unsigned long long)s->times, what);
    s->failed = true;
    return false;
}

/* What a crash now leaves has all that was acknowledged. */
static bool check_crash(struct sweep *s, enum files_crash how)
{
    enum pando_status st;
    size_t len;
    struct files_memory *copy = files_memory_fork(s->w->disk);
    bool ok = copy != NULL && files_memory_crash(copy, how, &s->rng) == PANDO_OK;
    const char *what =
        ok ? workload_check(s->w, copy, s->w->acked, &st, &len) : "memory is out";
    files_memory_free(copy);
    return what == NULL || wrong(s, what);
}

/* The process dies instead of going on; what the next one calls durable survives the
 * power. */
static bool check_successor(struct sweep *s)
{
    struct journal_config config = s->w->config;
    struct files_memory *copy = files_memory_fork(s->w->disk), *off = NULL;
    struct journal *j = NULL;
    size_t promised = 0, len;
    enum pando_status st = PANDO_NOMEM;
    if (copy != NULL) {
        config.files = files_memory_files(copy);
        st = journal_open(&config, &j, NULL);
    }
    if (st == PANDO_OK) {
        while (promised < s->w->len &&
               s->w->records[promised].position < journal_durable(j))
            promised++;
        off = files_memory_fork(copy);
    }
    journal_close(j);
    files_memory_free(copy);
    const char *what = "the next process cannot open";
    if (off != NULL && files_memory_crash(off, FILES_CRASH_NONE, &s->rng) == PANDO_OK)
        what = workload_check(s->w, off, promised, &st, &len);
    files_memory_free(off);
    return what == NULL || wrong(s, what);
}

static bool check_all(struct sweep *s)
{
    s->failures++;
    return check_crash(s, FILES_CRASH_NONE) && check_crash(s, FILES_CRASH_ALL) &&
           check_crash(s, FILES_CRASH_SOME) && check_crash(s, FILES_CRASH_LATE) &&
           check_successor(s);
}

/* Commit what is staged; after a failure retry until it is durable, in this process. */
static bool commit(struct sweep *s)
{
    for (int attempt = 0; attempt < 20; attempt++) {
        enum pando_status st = workload_commit(s->w);
        if (st == PANDO_OK)
            st = journal_stopped(s->w->journal); /* when the last retry failed */
        if (st == PANDO_OK &&
            journal_durable(s->w->journal) >= journal_end(s->w->journal))
            return true;
        if (st == PANDO_OK)
            return wrong(s, "a commit left something staged");
        uint64_t position;
        if (journal_append(s->w->journal, 1, SLICE_EMPTY, &position) != st)
            return wrong(s, "a stopped journal took a record");
        if (!check_all(s))
            return false;
        s->retries += journal_retry(s->w->journal, NULL) == PANDO_OK;
    }
    return wrong(s, "retry never helped");
}

static bool open_again(struct sweep *s)
{
    for (int attempt = 0; attempt < 20; attempt++) {
        const enum pando_status st = workload_open(s->w);
        if (st == PANDO_OK)
            return true;
        workload_close(s->w);
        if (st != PANDO_IO)
            return wrong(s, pando_status_name(st));
        if (!check_all(s))
            return false;
    }
    return wrong(s, "it never opened");
}

static bool script(struct sweep *s)
{
    struct workload *w = s->w;
    if (!open_again(s))
        return false;
    for (int i = 0; i < 24; i++) {
        if (workload_append(w, 1 + (size_t)rng_below(&w->rng, 4)) != PANDO_OK)
            return wrong(s, "a good journal took no record");
        if (!commit(s))
            return false;
        if (i % 8 != 7)
            continue;
        workload_close(w);
        if (!check_crash(s, FILES_CRASH_NONE) || !open_again(s))
            return false;
    }
    return w->len == w->acked || wrong(s, "something is not acknowledged");
}

/* False when the script ended before the n-th operation. */
static bool live(struct sweep *s, unsigned mask)
{
    workload_init(s->w, s->seed, true, 2048);
    files_memory_fail(s->w->disk, mask, s->nth, s->times, PANDO_IO);
    const bool ok = script(s);
    const bool reached = files_memory_faults(s->w->disk) > 0;
    files_memory_fail(s->w->disk, 0, 0, 0, PANDO_OK);
    if (ok && !check_crash(s, FILES_CRASH_NONE))
        s->failed = true;
    workload_deinit(s->w);
    s->lives++;
    return reached && !s->failed;
}

/* A disk with room for so many bytes; then there is room again. */
static bool fill_up(struct sweep *s, uint64_t limit)
{
    struct workload *w = s->w;
    enum pando_status st = PANDO_OK;
    workload_init(w, s->seed, true, 2048);
    if (!open_again(s))
        return false;
    files_memory_limit(w->disk, limit);
    for (int full = 0; full < 2 && st != PANDO_IO && w->len < WORKLOAD_RECORDS_MAX;) {
        st = workload_append(w, 2);
        if (st == PANDO_OK)
            st = workload_commit(w);
        full = st == PANDO_NOSPACE ? full + 1 : 0;
        if (full == 1) { /* a smaller segment may still fit */
            const enum pando_status retried = journal_retry(w->journal, NULL);
            const enum pando_status again =
                retried == PANDO_OK ? workload_commit(w) : PANDO_NOSPACE;
            full = again == PANDO_OK ? 0 : 2;
            s->shrunk += again == PANDO_OK;
        }
    }
    bool ok = st == PANDO_NOSPACE || wrong(s, "no disk is that large");
    ok = ok && check_all(s);
    const size_t acked = w->acked, len = w->len;
    files_memory_limit(w->disk, 0);
    ok = ok &&
         (journal_retry(w->journal, NULL) == PANDO_OK || wrong(s, "no retry with room"));
    ok = ok && commit(s);
    if (ok && (w->acked != len || len <= acked))
        ok = wrong(s, "the staged are lost");
    ok = ok && (workload_append(w, 3) == PANDO_OK || wrong(s, "no append after room"));
    ok = ok && commit(s) && check_crash(s, FILES_CRASH_NONE);
    workload_deinit(w);
    s->lives++;
    return ok;
}

int main(int argc, char **argv)
{
    static const unsigned masks[] = { FILES_FAULT_ANY, FILES_FAULT_FDATASYNC };
    const uint64_t seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : 3;
    struct sweep s = { .w = malloc(sizeof *s.w) };
    if (s.w == NULL)
        return EXIT_FAILURE;
    for (s.seed = 1; s.seed <= seeds && !s.failed; s.seed++) {
        s.rng = rng_seeded(s.seed);
        for (size_t kind = 0; kind < 4 && !s.failed; kind++) {
            s.times = kind < 2 ? 1 : 3;
            s.nth = 1;
            while (live(&s, masks[kind % 2]))
                s.nth++;
        }
        for (uint64_t limit = 2048; limit < 100000 && !s.failed; limit += 3333)
            (void)fill_up(&s, limit);
    }
    free(s.w);
    (void)printf("lives %llu, failures %llu, retries %llu, smaller segments %llu\n",
                 (unsigned long long)s.lives, (unsigned long long)s.failures,
                 (unsigned long long)s.retries, (unsigned long long)s.shrunk);
    return s.failed || s.retries == 0 || s.shrunk == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
