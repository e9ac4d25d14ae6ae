/* bench_delta_views.c - hyperviews over the store of a delta space: built, kept, kept right.
 *
 * Objects with 100 deltas of 273 bytes of JSON each: 200 whose deltas were written one behind
 * the other, and 200 whose deltas lie far apart in the journal (`far`), for they took turns.
 * All is durable and in the tables before the clock starts. `cold` is a view that is not
 * kept, `hot` one that is; `write` is what a delta costs that goes into a kept view,
 * `resolved` a view of three properties over a kept hyperview. `negating` is `cold` when every
 * tenth delta of the `far` objects is negated.
 *
 * Usage: bench_delta_views [PREFIX]     environment: BENCH_DIR
 */
#include "base/slice.h"
#include "bench/delta_disk.h"
#include "bench/delta_made.h"
#include "bench/figure.h"
#include "crypto/sign.h"
#include "space/delta/views.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define OBJECTS    200
#define OF_OBJECT  100
#define RUNS       9

struct host {
    struct delta_disk disk;
    struct views *views;
    struct pando_buf text, bytes;
    size_t made;
};

static void host_open(struct host *h, const char *dir)
{
    struct pando_err err = { 0 };
    memset(h, 0, sizeof *h);
    delta_disk_open(&h->disk, dir);
    buf_init(&h->text, 64u << 20);
    buf_init(&h->bytes, DELTA_BYTES_MAX);
    const struct views_config views = { .source = delta_store_source(h->disk.deltas),
                                        .cache_bytes = 64u << 20,
                                        .seed = 1 };
    if (views_new(&views, &h->views, &err) != PANDO_OK)
        bench_fail("%s", err.text);
}

static void host_close(struct host *h)
{
    views_free(h->views);
    delta_disk_close(&h->disk);
    buf_deinit(&h->text);
    buf_deinit(&h->bytes);
}

/* Everything staged becomes durable, and rows. */
static void settle(struct host *h)
{
    struct pando_err err = { 0 };
    struct journal_group *g;
    struct store_flush *f;
    uint64_t durable;
    if (delta_store_flush(h->disk.deltas) == PANDO_IO)
        bench_fail("the journal stopped");
    while (journal_commit_begin(h->disk.seam.journal, &g)) {
        journal_commit_run(g);
        if (journal_commit_end(h->disk.seam.journal, g, &durable) != PANDO_OK)
            bench_fail("the journal stopped");
        delta_store_on_durable(h->disk.deltas, durable);
    }
    while (store_flush_begin(h->disk.space, true, &f)) {
        store_flush_run(f);
        if (store_flush_end(h->disk.space, f, &err) != PANDO_OK)
            bench_fail("%s", err.text);
    }
    store_turn(h->disk.store);
}

static void id_of(size_t i, char ret[static 64])
{
    (void)snprintf(ret, 64, "%08zx-0000-4000-8000-%012zx", i * 2654435761u & 0xffffffff, i);
}

static void seal(struct host *h, struct delta *d)
{
    buf_reset(&h->bytes);
    if (delta_seal(d, &h->bytes, NULL) != PANDO_OK)
        bench_fail("a delta cannot be made");
}

/* A negation of the `i`-th delta. */
static struct delta make_negation(struct host *h, size_t i)
{
    static char id[64], negated[64];
    static struct delta_pointer pointer;
    const size_t made = h->made++;
    id_of(made, id);
    id_of(i, negated);
    pointer = (struct delta_pointer){ .role = slice_text("negates"),
                                      .kind = DELTA_REF,
                                      .text = slice_text(negated),
                                      .context = slice_text("negated_by") };
    struct delta d = { .id = slice_text(id),
                       .author = slice_text("author_1"),
                       .system = slice_text("system_1"),
                       .timestamp = INT64_C(1700000000000) + (int64_t)made,
                       .pointers = &pointer,
                       .pointers_len = 1 };
    seal(h, &d);
    return d;
}

/* The next delta about an object, sealed in `bytes`. */
static struct delta make(struct host *h, size_t object)
{
    static char id[64], name[32];
    static const char *const properties[] = { "name", "stock", "price" };
    const size_t i = h->made++;
    id_of(i, id);
    (void)snprintf(name, sizeof name, "object_%06zu", object);
    buf_reset(&h->bytes);
    return delta_made(id, "author_1", name, properties[(i + i / OBJECTS) % 3],
                      INT64_C(1700000000000) + (int64_t)i, &h->bytes);
}

static void stage(struct host *h, const struct delta *d)
{
    enum delta_outcome outcome;
    uint64_t ticket;
    enum pando_status st = delta_store_stage(h->disk.deltas, d, false, &outcome, &ticket);
    if (st == PANDO_BUSY) {
        settle(h);
        st = delta_store_stage(h->disk.deltas, d, false, &outcome, &ticket);
    }
    if (st != PANDO_OK)
        bench_fail("a delta cannot be staged: %s", pando_status_name(st));
}

/* One call; its nanoseconds, arguments made before. */
static double ask(struct host *h, const char *verb, size_t object, const char *more)
{
    struct pando_err err = { 0 };
    struct views_call *c;
    enum pando_status st;
    char id[32];
    (void)snprintf(id, sizeof id, "object_%06zu", object);
    json_t *args = json_pack("{s:s}", "id", id);
    json_t *rest = more != NULL ? json_loads(more, 0, NULL) : NULL;
    if (rest != NULL)
        (void)json_object_update(args, rest);
    buf_reset(&h->text);
    const uint64_t start = bench_now_ns();
    if (views_call_new(h->views, verb, args, &c, &err) != PANDO_OK)
        bench_fail("%s", err.text);
    while ((st = views_call_step(c, &h->text, &err)) == PANDO_BUSY)
        continue;
    views_call_free(c);
    const double ns = (double)(bench_now_ns() - start);
    if (st != PANDO_OK || h->text.len < 64)
        bench_fail("%s", err.text);
    json_decref(args);
    json_decref(rest);
    return ns;
}

/* Objects from `first` on. */
static double ask_all(struct host *h, const char *verb, size_t first, const char *more)
{
    double ns = 0;
    for (size_t i = 0; i < OBJECTS; i++)
        ns += ask(h, verb, first + i, more);
    return ns / OBJECTS / 1e3;
}

/* A delta that goes into a kept view: what the views do with it. */
static double write_all(struct host *h)
{
    double ns = 0;
    for (size_t i = 0; i < OBJECTS; i++) {
        const struct delta d = make(h, i);
        stage(h, &d);
        const uint64_t start = bench_now_ns();
        views_on_delta(h->views, &d);
        ns += (double)(bench_now_ns() - start);
    }
    return ns / OBJECTS / 1e3;
}

static void measure(struct host *h, const char *prefix)
{
    static const char view[] =
        "{\"view\":{\"properties\":{\"name\":{\"extract\":{\"primitive\":\"name\"}},"
        "\"stock\":{\"extract\":{\"primitive\":\"name\"},\"resolve\":\"allValues\"},"
        "\"price\":{\"extract\":{\"primitive\":\"name\"},\"resolve\":\"firstWrite\"}}}}";
    struct figure cold = { .name = "delta_view_cold", .unit = "us", .bar = 200 };
    struct figure far = { .name = "delta_view_cold_far", .unit = "us" };
    struct figure hot = { .name = "delta_view_hot", .unit = "us", .bar = 5 };
    struct figure resolved = { .name = "delta_view_resolved", .unit = "us" };
    struct figure written = { .name = "delta_view_write", .unit = "us" };
    for (int run = 0; run < RUNS; run++) {
        views_on_upheaval(h->views);
        figure_add(&far, ask_all(h, "hyperview", OBJECTS, NULL));
        figure_add(&cold, ask_all(h, "hyperview", 0, NULL));
        (void)ask_all(h, "hyperview", 0, NULL); /* printed */
        figure_add(&hot, ask_all(h, "hyperview", 0, NULL));
        figure_add(&resolved, ask_all(h, "view", 0, view));
        if (run > RUNS / 2) { /* the objects grow by a few deltas */
            figure_add(&written, write_all(h));
            settle(h);
        }
    }
    figure_print(&cold, prefix);
    figure_print(&far, prefix);
    figure_print(&hot, prefix);
    figure_print(&resolved, prefix);
    figure_print(&written, prefix);
}

static void measure_negating(struct host *h, const char *prefix)
{
    struct figure negating = { .name = "delta_view_cold_negating", .unit = "us" };
    for (size_t i = (size_t)OBJECTS * OF_OBJECT; i < 2 * (size_t)OBJECTS * OF_OBJECT; i += 10) {
        const struct delta d = make_negation(h, i);
        stage(h, &d);
    }
    settle(h);
    for (int run = 0; run < RUNS; run++) {
        views_on_upheaval(h->views);
        figure_add(&negating, ask_all(h, "hyperview", 0, NULL));
    }
    figure_print(&negating, prefix);
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
    struct host h;
    const char *base = getenv("BENCH_DIR");
    (void)snprintf(dir, sizeof dir, "%s/bench-views-XXXXXX", base != NULL ? base : "/tmp");
    if (crypto_init() != PANDO_OK || mkdtemp(dir) == NULL)
        bench_fail("no folder in %s", dir);
    host_open(&h, dir);
    for (size_t i = 0; i < (size_t)OBJECTS * OF_OBJECT; i++) {
        const struct delta d = make(&h, i / OF_OBJECT);
        stage(&h, &d);
    }
    for (size_t i = 0; i < (size_t)OBJECTS * OF_OBJECT; i++) {
        const struct delta d = make(&h, OBJECTS + i % OBJECTS);
        stage(&h, &d);
    }
    settle(&h);
    measure(&h, argc > 1 ? argv[1] : "");
    measure_negating(&h, argc > 1 ? argv[1] : "");
    host_close(&h);
    remove_dir(dir);
    return EXIT_SUCCESS;
}
