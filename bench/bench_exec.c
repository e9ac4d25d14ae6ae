/* bench_exec.c - what one run of a capsule costs: `name value unit` lines.
 *
 * exec_warm: a run of hello in a fresh instance and memory, its receipt signed and
 * encoded; the module is in the cache. exec_cold: the same for a module never seen
 * before, so with compilation. exec_first: the very first run of a process, engine start
 * included. exec_disk: a module from the directory of compiled ones. Medians.
 * calib_verify: Ed25519 verifications per second on one core, to compare machines by.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/slice.h"
#include "exec/receipt.h"

enum { WARM_RUNS = 5000, COLD_RUNS = 60 };

struct bench {
    struct exec *x;
    struct crypto_secret secret;
    uint8_t capsule[4096];
    size_t capsule_len;
};

static double now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static long rss_anon_kib(void)
{
    long kib = 0;
    char line[128];
    FILE *f = fopen("/proc/self/status", "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, "RssAnon:", 8) == 0)
            kib = strtol(line + 8, NULL, 10);
    if (f != NULL)
        (void)fclose(f);
    return kib;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *values, size_t len)
{
    qsort(values, len, sizeof *values, compare);
    return values[len / 2];
}

/* One run with a signed, encoded receipt. Returns its time in microseconds. */
static double run_once(struct bench *b, struct exec *x)
{
    struct exec_request q = { .capsule = slice_of(b->capsule, b->capsule_len),
                              .input = slice_text("{\"name\":\"test\"}"),
                              .limits = exec_limits_default(),
                              .time = { INT64_C(1763668640123) },
                              .nonce = 1 };
    struct exec_result result;
    struct receipt receipt;
    uint8_t bytes[RECEIPT_SIZE_MAX];
    size_t len;
    const double before = now_us();
    PANDO_ASSERT(exec_run(x, &q, &result) == PANDO_OK);
    PANDO_ASSERT(receipt_make(&q, &result, NULL, &receipt) == PANDO_OK);
    receipt_sign(&receipt, &b->secret);
    PANDO_ASSERT(receipt_encode(&receipt, bytes, &len) == PANDO_OK);
    const double after = now_us();
    exec_result_deinit(&result);
    return after - before;
}

/* Another id for the same program: a custom section of two bytes at the end. */
static void vary(struct bench *b, size_t base_len, unsigned number)
{
    const uint8_t section[] = {
        0, 4, 1, 'n', (uint8_t)(number & 0x7f), (uint8_t)(number >> 7)
    };
    memcpy(b->capsule + base_len, section, sizeof section);
    b->capsule_len = base_len + sizeof section;
}

static void bench_runs(struct bench *b)
{
    static double times[WARM_RUNS];
    const size_t base_len = b->capsule_len;
    const long rss_before = rss_anon_kib();
    printf("exec_first %.0f us\n", run_once(b, b->x));
    printf("exec_first_rss %ld KiB\n", rss_anon_kib() - rss_before);
    for (unsigned i = 0; i < COLD_RUNS; i++) {
        vary(b, base_len, i);
        times[i] = run_once(b, b->x);
    }
    printf("exec_cold %.0f us\n", median(times, COLD_RUNS));
    printf("exec_module_rss %ld KiB\n", (rss_anon_kib() - rss_before) / (COLD_RUNS + 1));
    for (unsigned i = 0; i < WARM_RUNS; i++)
        times[i] = run_once(b, b->x);
    printf("exec_warm %.2f us\n", median(times, WARM_RUNS));
    b->capsule_len = base_len;
}

static void bench_disk(struct bench *b)
{
    double times[20];
    char dir[] = "/tmp/pando-bench-XXXXXX", path[128];
    uint8_t key[32];
    exec_cache_key(&b->secret, key);
    PANDO_ASSERT(mkdtemp(dir) != NULL);
    for (size_t i = 0; i <= 20; i++) {
        struct exec *x = NULL;
        const struct exec_config config = { dir, key };
        PANDO_ASSERT(exec_new(&config, &x, NULL) == PANDO_OK);
        const double us = run_once(b, x); /* the first one fills the directory */
        if (i > 0)
            times[i - 1] = us;
        exec_free(x);
    }
    printf("exec_disk %.0f us\n", median(times, 20));
    const struct pando_id id = crypto_sha256(slice_of(b->capsule, b->capsule_len));
    int at = snprintf(path, sizeof path, "%s/", dir);
    for (size_t i = 0; i < sizeof id.bytes; i++)
        at += snprintf(path + at, sizeof path - (size_t)at, "%02x", id.bytes[i]);
    (void)snprintf(path + at, sizeof path - (size_t)at, ".cwasm");
    (void)unlink(path);
    (void)rmdir(dir);
}

static void bench_verify(const struct bench *b)
{
    const struct pando_key key = crypto_public(&b->secret);
    uint8_t message[256] = { 1 };
    const struct pando_sig sig = crypto_sign(&b->secret, SLICE_OF(message));
    const double before = now_us();
    double after = before;
    long count = 0;
    for (; after - before < 500000; count++) {
        PANDO_ASSERT(crypto_verify(&key, SLICE_OF(message), &sig));
        after = now_us();
    }
    printf("calib_verify %.0f per_s\n", (double)count * 1e6 / (after - before));
}

int main(int argc, char **argv)
{
    static struct bench b;
    static const uint8_t seed[32] = { 1 };
    FILE *f = fopen(argc > 1 ? argv[1] : PANDO_CAPSULE_DIR "/hello.wasm", "rb");
    if (f == NULL) {
        fprintf(stderr, "bench_exec: cannot open the capsule\n");
        return 1;
    }
    b.capsule_len = fread(b.capsule, 1, sizeof b.capsule - 16, f);
    (void)fclose(f);
    PANDO_ASSERT(crypto_init() == PANDO_OK);
    crypto_secret_from_seed(seed, &b.secret);
    const struct exec_config config = { NULL, NULL };
    PANDO_ASSERT(exec_new(&config, &b.x, NULL) == PANDO_OK);
    bench_runs(&b);
    bench_disk(&b);
    bench_verify(&b);
    exec_free(b.x);
    crypto_secret_deinit(&b.secret);
    return 0;
}
