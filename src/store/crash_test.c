/* Goal: no crash, wherever it falls, loses an acknowledged record or invents one.
 *
 * A workload runs the real journal on a simulated disk. After each of its changes to the
 * disk the disk is copied, and the power is cut in each of several ways (what was not
 * synced is kept, lost, torn at sectors, written back in another order); the real code
 * then opens every such state, which is compared with what was appended and acknowledged,
 * appended to, and opened again. In one more way only the process dies, is started again,
 * and the power fails then: what the second process had seen must stay.
 *
 * Usage: crash_test [STATES]. Exits with 1 and the seed when a state is wrong.
 */
#include "store/journal_workload.h"

#include "base/slice.h"

#include <stdio.h>
#include <stdlib.h>

struct explorer {
    struct workload *w;
    struct rng rng;
    uint64_t states, wanted;
    uint64_t seed, dropped;
    bool failed;
};

static void fail(struct explorer *x, const char *how, const char *wrong,
                 enum pando_status st)
{
    x->failed = true;
    (void)printf(
        "seed %llu, operation %llu, %s: %s (open: %s, appended %zu, acknowledged %zu)\n",
        (unsigned long long)x->seed,
        (unsigned long long)files_memory_operations(x->w->disk), how, wrong,
        pando_status_name(st), x->w->len, x->w->acked);
}

/* In the weak mode nothing is promised of a power cut but order and wholeness. */
static size_t promised(const struct explorer *x)
{
    return x->w->config.sync ? x->w->acked : 0;
}

static void cut(struct explorer *x, enum files_crash how, const char *name)
{
    enum pando_status st;
    size_t len;
    struct files_memory *copy = files_memory_fork(x->w->disk);
    if (copy == NULL || files_memory_crash(copy, how, &x->rng) != PANDO_OK) {
        fail(x, name, "memory is out", PANDO_NOMEM);
    } else {
        const char *wrong = workload_check(x->w, copy, promised(x), &st, &len);
        if (wrong != NULL)
            fail(x, name, wrong, st);
    }
    files_memory_free(copy);
    x->states++;
}

/* Kill, open, look, close; then cut the power. */
static void kill_then_cut(struct explorer *x)
{
    static const char name[] = "killed, opened, power cut";
    struct journal_config config = x->w->config;
    struct files_memory *copy = files_memory_fork(x->w->disk);
    struct journal *j = NULL;
    enum pando_status st = copy != NULL ? PANDO_OK : PANDO_NOMEM;
    size_t len = 0;
    x->states++;
    if (st == PANDO_OK) {
        config.files = files_memory_files(copy);
        st = journal_open(&config, &j, NULL);
    }
    if (st != PANDO_OK) {
        fail(x, name, "it does not open", st);
        files_memory_free(copy);
        return;
    }
    const uint64_t seen = journal_durable(j);
    struct files_memory *off = files_memory_fork(copy); /* before close can help */
    journal_close(j);
    files_memory_free(copy);
    size_t promise = 0;
    while (promise < x->w->len && x->w->records[promise].position < seen)
        promise++;
    if (off == NULL || files_memory_crash(off, FILES_CRASH_NONE, &x->rng) != PANDO_OK) {
        fail(x, name, "memory is out", PANDO_NOMEM);
    } else {
        const char *wrong =
            workload_check(x->w, off, x->w->config.sync ? promise : 0, &st, &len);
        if (wrong != NULL)
            fail(x, name, wrong, st);
    }
    files_memory_free(off);
}

static void explore(void *ctx)
{
    struct explorer *x = ctx;
    if (x->failed || x->states >= x->wanted)
        return;
    cut(x, FILES_CRASH_NONE, "nothing unsynced kept");
    cut(x, FILES_CRASH_ALL, "everything kept");
    cut(x, FILES_CRASH_TORN, "last writes torn");
    cut(x, FILES_CRASH_LATE, "newest writes only");
    for (int i = 0; i < 3; i++)
        cut(x, FILES_CRASH_SOME, "some sectors kept");
    kill_then_cut(x);
}

int main(int argc, char **argv)
{
    static const size_t segments[] = { 2048, 4096, 8192, 65536 };
    struct explorer x = { .wanted = argc > 1 ? strtoull(argv[1], NULL, 10) : 50000 };
    struct workload *w = malloc(sizeof *w);
    if (w == NULL)
        return EXIT_FAILURE;
    for (x.seed = 1; x.states < x.wanted && !x.failed; x.seed++) {
        workload_init(w, x.seed, x.seed % 4 != 0, segments[x.seed % 4]);
        x.w = w;
        x.rng = rng_seeded(x.seed);
        w->hook_ctx = &x;
        w->hook = explore;
        const enum pando_status st = workload_run(w, 150);
        if (st != PANDO_OK && !x.failed)
            fail(&x, "the life itself", "the journal failed on a good disk", st);
        x.dropped += w->dropped;
        files_memory_hook(w->disk, NULL, NULL);
        workload_deinit(w);
    }
    free(w);
    (void)printf("crash states %llu, seeds %llu, drops of old segments %llu\n",
                 (unsigned long long)x.states, (unsigned long long)(x.seed - 1),
                 (unsigned long long)x.dropped);
    return x.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
