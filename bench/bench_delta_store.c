/* bench_delta_store.c - the store of a delta space alone, on the real disk.
 *
 * Deltas of 273 bytes of JSON, each of a new id; every second one is about one of many
 * objects in turn, so that the 100 of one object lie far apart; the others lie together. They
 * are made before the clock starts. Journals are committed and the index is flushed on two
 * threads beside the staging one, as in the host. A delta counts when it is durable.
 *
 * Usage: bench_delta_store [DELTAS, 1000000]
 * Environment: BENCH_DIR (where data lies).
 */
#include "base/slice.h"
#include "bench/delta_disk.h"
#include "bench/delta_made.h"
#include "bench/figure.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TURN       256 /* deltas of one loop turn */
#define OF_OBJECT  100

/* --- what is staged --- */

struct seed {
    struct delta_hash name, digest;
    size_t at, len;
};

static struct seed *seeds;
static uint8_t *bytes;

static void object_of(size_t i, size_t count, char ret[static 32])
{
    const size_t half = i / 2, objects = count / 2 / OF_OBJECT + 1;
    (void)snprintf(ret, 32, i % 2 == 0 ? "near_%08zu" : "far__%08zu",
                   i % 2 == 0 ? half / OF_OBJECT : half % objects);
}

static void make(size_t i, size_t count, struct pando_buf *buf)
{
    char id[64], object[32], author[16];
    (void)snprintf(id, sizeof id, "%08zx-%04zx-4000-8000-%012zx", i * 2654435761u & 0xffffffff,
                   i & 0xffff, i);
    object_of(i, count, object);
    (void)snprintf(author, sizeof author, "author_%zu", i % 8);
    const struct delta d = delta_made(id, author, object, "name",
                                      INT64_C(1700000000000) + (int64_t)i, buf);
    seeds[i] = (struct seed){ d.name, d.digest, buf->len - d.bytes.len,
                              d.bytes.len };
}

static void make_all(size_t count)
{
    struct pando_buf buf;
    buf_init(&buf, count * 320 + 4096);
    seeds = calloc(count, sizeof *seeds);
    if (seeds == NULL || buf_reserve(&buf, count * 320) != PANDO_OK)
        bench_fail("memory is out");
    for (size_t i = 0; i < count; i++)
        make(i, count, &buf);
    bytes = buf.ptr;
}

/* --- a worker: one job at a time --- */

struct worker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    void (*run)(void *job);
    void *job; /* NULL: idle */
    bool done, stop;
};

static void *work(void *ctx)
{
    struct worker *w = ctx;
    (void)pthread_mutex_lock(&w->lock);
    for (;;) {
        while (!w->stop && (w->job == NULL || w->done))
            (void)pthread_cond_wait(&w->changed, &w->lock);
        if (w->stop)
            break;
        (void)pthread_mutex_unlock(&w->lock);
        w->run(w->job);
        (void)pthread_mutex_lock(&w->lock);
        w->done = true;
        (void)pthread_cond_broadcast(&w->changed);
    }
    (void)pthread_mutex_unlock(&w->lock);
    return NULL;
}

static void worker_start(struct worker *w, void (*run)(void *job))
{
    *w = (struct worker){ .run = run };
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_cond_init(&w->changed, NULL);
    if (pthread_create(&w->thread, NULL, work, w) != 0)
        bench_fail("no thread");
}

static void worker_give(struct worker *w, void *job)
{
    (void)pthread_mutex_lock(&w->lock);
    w->job = job;
    w->done = false;
    (void)pthread_cond_broadcast(&w->changed);
    (void)pthread_mutex_unlock(&w->lock);
}

/* The job that is done, or NULL; `wait` until it is. */
static void *worker_take(struct worker *w, bool wait)
{
    (void)pthread_mutex_lock(&w->lock);
    while (wait && w->job != NULL && !w->done)
        (void)pthread_cond_wait(&w->changed, &w->lock);
    void *job = w->done ? w->job : NULL;
    if (job != NULL)
        w->job = NULL;
    (void)pthread_mutex_unlock(&w->lock);
    return job;
}

static void worker_stop(struct worker *w)
{
    (void)pthread_mutex_lock(&w->lock);
    w->stop = true;
    (void)pthread_cond_broadcast(&w->changed);
    (void)pthread_mutex_unlock(&w->lock);
    (void)pthread_join(w->thread, NULL);
}

/* --- a host --- */

struct host {
    struct delta_disk disk;
    struct worker commits, flushes;
    bool committing, flushing;
};

static void run_commit(void *job)
{
    journal_commit_run(job);
}

static void run_flush(void *job)
{
    store_flush_run(job);
}

static void host_open(struct host *h, const char *dir)
{
    memset(h, 0, sizeof *h);
    delta_disk_open(&h->disk, dir);
    worker_start(&h->commits, run_commit);
    worker_start(&h->flushes, run_flush);
}

static void end_commit(struct host *h, bool wait)
{
    uint64_t durable;
    struct journal_group *g = h->committing ? worker_take(&h->commits, wait) : NULL;
    if (g == NULL)
        return;
    h->committing = false;
    if (journal_commit_end(h->disk.seam.journal, g, &durable) != PANDO_OK)
        bench_fail("the journal stopped");
    delta_store_on_durable(h->disk.deltas, durable);
}

static void end_flush(struct host *h, bool wait)
{
    struct pando_err err = { 0 };
    struct store_flush *f = h->flushing ? worker_take(&h->flushes, wait) : NULL;
    if (f == NULL)
        return;
    h->flushing = false;
    if (store_flush_end(h->disk.space, f, &err) != PANDO_OK)
        bench_fail("%s", err.text);
}

/* The end of a loop turn. */
static void turn(struct host *h, bool force)
{
    struct journal_group *g;
    struct store_flush *f;
    end_commit(h, false);
    end_flush(h, false);
    if (!h->committing && journal_commit_begin(h->disk.seam.journal, &g)) {
        h->committing = true;
        worker_give(&h->commits, g);
    }
    if (!h->flushing && store_flush_begin(h->disk.space, force, &f)) {
        h->flushing = true;
        worker_give(&h->flushes, f);
    }
    store_turn(h->disk.store);
}

static void host_close(struct host *h)
{
    end_commit(h, true);
    end_flush(h, true);
    worker_stop(&h->commits);
    worker_stop(&h->flushes);
    delta_disk_close(&h->disk);
}

/* --- the figures --- */

static uint64_t waits; /* turns in which the store took no more */

static void stage_one(struct host *h, size_t i)
{
    const struct seed *s = &seeds[i];
    static struct delta_room room;
    struct delta d;
    if (delta_parse(slice_of(bytes + s->at, s->len), &room, &d) != PANDO_OK)
        bench_fail("a delta does not read");
    d.name = s->name; /* as whoever stages it has worked out */
    d.digest = s->digest;
    enum delta_outcome outcome;
    uint64_t ticket;
    for (;;) {
        const enum pando_status st =
            delta_store_stage(h->disk.deltas, &d, false, &outcome, &ticket);
        if (st == PANDO_OK)
            return;
        if (st != PANDO_BUSY)
            bench_fail("a delta cannot be staged: %s", pando_status_name(st));
        waits++;
        end_commit(h, true);
        end_flush(h, true);
        turn(h, true);
    }
}

static void await_durable(struct host *h, uint64_t count)
{
    while (delta_store_flush(h->disk.deltas) == PANDO_BUSY) {
        end_flush(h, true);
        turn(h, true);
    }
    while (delta_store_durable(h->disk.deltas) < count) {
        end_commit(h, true);
        turn(h, false);
    }
}

static uint64_t cpu_ns(void)
{
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000u +
           (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000u;
}

static uint64_t thread_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void print(const char *name, double value, const char *unit)
{
    (void)printf("%s %.3f %s\n", name, value, unit);
    (void)fflush(stdout);
}

static double rss_anon_mib(void)
{
    char line[256];
    double kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, "RssAnon:", 8) == 0)
            kib = strtod(line + 8, NULL);
    if (f != NULL)
        (void)fclose(f);
    return kib / 1024;
}

/* Stage [from, to) and wait until all is durable. */
static void fill(struct host *h, size_t from, size_t to, const char *suffix)
{
    char name[64];
    const uint64_t start = bench_now_ns(), cpu = cpu_ns(), loop = thread_ns();
    for (size_t i = from; i < to; i++) {
        stage_one(h, i);
        if (i % TURN == TURN - 1) {
            if (delta_store_flush(h->disk.deltas) == PANDO_BUSY)
                end_flush(h, true);
            turn(h, false);
        }
    }
    await_durable(h, to);
    const double n = (double)(to - from);
    (void)snprintf(name, sizeof name, "delta_store_rate_%s", suffix);
    print(name, n * 1e9 / (double)(bench_now_ns() - start), "delta/s");
    (void)snprintf(name, sizeof name, "delta_store_cpu_%s", suffix);
    print(name, (double)(cpu_ns() - cpu) / n / 1e3, "us/delta");
    (void)snprintf(name, sizeof name, "delta_store_loop_cpu_%s", suffix);
    print(name, (double)(thread_ns() - loop) / n / 1e3, "us/delta");
    (void)printf("# waited %" PRIu64 " times\n", waits);
}

/* All deltas of some objects, as a view reads them; microseconds for one object. */
static double read_objects(struct host *h, size_t count, unsigned parity, size_t objects)
{
    const struct delta_source source = delta_store_source(h->disk.deltas);
    double *took = calloc(objects, sizeof *took);
    for (size_t n = 0; n < objects && took != NULL; n++) {
        char object[32];
        object_of(n * (count / 2 / OF_OBJECT / objects) * (parity ? 2 : 2 * OF_OBJECT) + parity,
                  count, object);
        struct pando_slice id = slice_text(object);
        struct filter f;
        struct delta_place place = { .set = false };
        struct delta d;
        size_t found = 0;
        filter_init(&f);
        f.target_ids = (struct filter_list){ &id, 1 };
        const uint64_t start = bench_now_ns();
        while (source_next(&source, &f, false, &place, &d) == PANDO_OK)
            found++;
        took[n] = (double)(bench_now_ns() - start) / 1e3;
        if (found < OF_OBJECT / 2 || found > OF_OBJECT + 1)
            bench_fail("an object has %zu deltas", found);
    }
    const double median = took == NULL ? 0 : figure_quantile(took, objects, 0.5);
    free(took);
    return median;
}

static void opened(const char *dir, size_t count)
{
    struct host h;
    struct delta_store_stats stats;
    uint64_t start = bench_now_ns();
    host_open(&h, dir);
    delta_store_stats(h.disk.deltas, &stats);
    const double open_ms = (double)(bench_now_ns() - start) / 1e6;
    print("delta_store_open", open_ms, "ms");
    if (stats.deltas != count)
        bench_fail("%" PRIu64 " deltas after reopening", stats.deltas);
    print("delta_store_rss", rss_anon_mib(), "MiB");
    if (count == 1000000) {
        struct figure ms = { "delta_open_1m", "ms", 200, false, { open_ms }, 1 };
        struct figure mib = { "delta_rss_1m", "MiB", 64, false, { rss_anon_mib() }, 1 };
        figure_print(&ms, "");
        figure_print(&mib, "");
    }
    print("delta_store_cold_near", read_objects(&h, count, 0, 101), "us");
    print("delta_store_cold_far", read_objects(&h, count, 1, 101), "us");
    struct delta_store_hash hash = { .begun = false };
    struct pando_id id;
    start = bench_now_ns();
    while (delta_store_hash(h.disk.deltas, &hash, &id) == PANDO_BUSY)
        ;
    print("delta_store_hash", (double)(bench_now_ns() - start) / 1e6, "ms");
    struct delta_place place = { .set = false };
    struct delta_item items[1024];
    size_t len = 1024, all = 0;
    start = bench_now_ns();
    for (; len == 1024; all += len)
        if (delta_store_items(h.disk.deltas, &place, INT64_MAX, items, 1024, &len) != PANDO_OK)
            bench_fail("items cannot be read");
    print("delta_store_items", (double)all * 1e9 / (double)(bench_now_ns() - start), "item/s");
    print("delta_store_rss_used", rss_anon_mib(), "MiB");
    host_close(&h);
}

static void remove_dir(const char *dir)
{
    const pid_t pid = fork();
    if (pid == 0) {
        (void)execlp("rm", "rm", "-rf", "--", dir, (char *)NULL);
        _exit(1);
    }
    (void)waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
    char dir[256];
    const size_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    if (crypto_init() != PANDO_OK || count < 20000)
        bench_fail("give 20000 deltas or more");
    if (argc > 2) { /* the second process: what was filled is opened */
        opened(argv[2], count);
        return EXIT_SUCCESS;
    }
    const char *base = getenv("BENCH_DIR");
    (void)snprintf(dir, sizeof dir, "%s/bench-delta-XXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(dir) == NULL)
        bench_fail("no folder in %s", dir);
    make_all(count);
    const double rss = rss_anon_mib();
    struct host h;
    host_open(&h, dir);
    const size_t first = count < 100000 ? count : 100000;
    fill(&h, 0, first, "100k");
    if (first < count)
        fill(&h, first, count, "on");
    end_flush(&h, true);
    print("delta_store_rss_filled", rss_anon_mib() - rss, "MiB");
    host_close(&h);
    (void)fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0) {
        (void)execl("/proc/self/exe", argv[0], argv[1] != NULL ? argv[1] : "1000000", dir,
                    (char *)NULL);
        _exit(1);
    }
    int status = 1;
    (void)waitpid(pid, &status, 0);
    remove_dir(dir);
    return status == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
