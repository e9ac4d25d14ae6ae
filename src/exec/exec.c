#include "exec/exec.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/slice.h"
#include "exec/hmac.h"
#include "exec/runner.h"

void exec_cache_key(const struct crypto_secret *secret, uint8_t ret_key[32])
{
    static const char purpose[] = "pando/exec-cache/1";
    const struct pando_id key =
        hmac_sha256(slice_of(secret->bytes, 32), slice_of(purpose, sizeof purpose - 1));
    memcpy(ret_key, key.bytes, sizeof key.bytes);
}

enum pando_status exec_new(const struct exec_config *config, struct exec **ret_exec,
                           struct pando_err *reterr)
{
    if (config->cache_dir != NULL && config->cache_key == NULL)
        return pando_err_set(
            reterr, PANDO_INVALID,
            "exec: a cache directory needs a cache key (exec_cache_key)");
    struct exec *x = calloc(1, sizeof *x);
    if (x == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "exec: no memory");
    if (config->cache_dir != NULL) {
        const enum pando_status st =
            disk_init(&x->disk, config->cache_dir, config->cache_key, reterr);
        if (st != PANDO_OK) {
            free(x);
            return st;
        }
    }
    const int rc = pthread_mutex_init(&x->lock, NULL);
    PANDO_ASSERT(rc == 0);
    cache_init(&x->cache);
    *ret_exec = x;
    return PANDO_OK;
}

void exec_free(struct exec *x)
{
    if (x == NULL)
        return;
    ticker_deinit(&x->ticker);
    cache_deinit(&x->cache);
    engine_deinit(&x->engine);
    disk_deinit(&x->disk);
    (void)pthread_mutex_destroy(&x->lock);
    free(x);
}

enum pando_status runner_start(struct exec *x)
{
    if (atomic_load_explicit(&x->started, memory_order_acquire))
        return PANDO_OK;
    (void)pthread_mutex_lock(&x->lock);
    enum pando_status st = PANDO_OK;
    if (!atomic_load_explicit(&x->started, memory_order_relaxed)) {
        st = engine_init(&x->engine);
        if (st == PANDO_OK)
            st = ticker_init(&x->ticker, x->engine.wasm);
        if (st == PANDO_OK)
            atomic_store_explicit(&x->started, true, memory_order_release);
        else
            engine_deinit(&x->engine);
    }
    (void)pthread_mutex_unlock(&x->lock);
    return st;
}

/* From disk or by compiling. A module from disk is not written again. */
static enum pando_status load(struct exec *x, struct pando_slice wasm,
                              const struct pando_id *id, struct exec_report *report,
                              struct module **ret_module)
{
    wasmtime_module_t *compiled = disk_find(&x->disk, &x->engine, id);
    const bool from_disk = compiled != NULL;
    if (from_disk) {
        (void)atomic_fetch_add(&x->disk_hits, 1);
    } else {
        const enum pando_status st = module_compile(&x->engine, wasm, report, &compiled);
        if (st != PANDO_OK)
            return st;
        (void)atomic_fetch_add(&x->compiled, 1);
    }
    wasmtime_module_t *given = compiled;
    const enum pando_status st = module_link(&x->engine, id, &given, report, ret_module);
    if (st != PANDO_OK)
        wasmtime_module_delete(compiled);
    else if (!from_disk)
        disk_put(&x->disk, compiled, id);
    return st;
}

enum pando_status runner_module(struct exec *x, struct pando_slice wasm,
                                const struct exec_limits *limits,
                                const struct pando_id *id, struct exec_report *report,
                                struct module **ret_module, bool *ret_cached)
{
    if (!module_check_bytes(wasm, limits, report))
        return PANDO_MALFORMED;
    *ret_module = cache_find(&x->cache, id);
    *ret_cached = *ret_module != NULL;
    if (*ret_cached) {
        (void)atomic_fetch_add(&x->memory_hits, 1);
        return PANDO_OK;
    }
    enum pando_status st = runner_start(x);
    if (st == PANDO_OK)
        st = load(x, wasm, id, report, ret_module);
    if (st == PANDO_OK)
        cache_put(&x->cache, *ret_module);
    return st;
}

static void warn(const struct module *m, const struct exec_limits *limits,
                 struct exec_report *report)
{
    const uint64_t need = m->memory_pages * 64; /* KiB */
    if (need > (uint64_t)limits->memory_mb * 1024)
        report_warning(report, "declares %llu KiB of memory; the limit is %u MiB",
                       (unsigned long long)need, (unsigned)limits->memory_mb);
    const uint32_t missing = m->needs & ~limits->capabilities;
    for (uint32_t bit = 1; bit < EXEC_CAP_ALL; bit <<= 1)
        if ((missing & bit) != 0)
            report_warning(
                report,
                "imports functions of the capability \"%s\", which these limits "
                "do not grant",
                exec_capability_name(bit));
}

enum pando_status exec_validate(struct exec *x, struct pando_slice wasm,
                                const struct exec_limits *limits,
                                struct exec_report *ret_report)
{
    memset(ret_report, 0, sizeof *ret_report);
    ret_report->size = wasm.len > UINT32_MAX ? UINT32_MAX : (uint32_t)wasm.len;
    ret_report->capsule = crypto_sha256(wasm);
    struct module *m = NULL;
    bool cached = false;
    const enum pando_status st =
        runner_module(x, wasm, limits, &ret_report->capsule, ret_report, &m, &cached);
    if (st != PANDO_OK)
        return st;
    if (cached)
        module_describe(m, ret_report);
    warn(m, limits, ret_report);
    ret_report->is_valid = true;
    module_unref(m);
    return PANDO_OK;
}

struct exec_stats exec_stats(struct exec *x)
{
    return (struct exec_stats){
        .runs = atomic_load(&x->runs),
        .failures = atomic_load(&x->failures),
        .compiled = atomic_load(&x->compiled),
        .memory_hits = atomic_load(&x->memory_hits),
        .disk_hits = atomic_load(&x->disk_hits),
        .modules = cache_len(&x->cache),
        .started = atomic_load(&x->started),
    };
}
