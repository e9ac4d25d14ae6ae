/* exec.h - capsules: small WASM programs, run in a sandbox, each run accounted for.
 *
 * A capsule is a module of a few KiB that exports `memory` and `run(ptr, len)`. A run
 * gets a fresh store, instance and memory, and ends by itself or by fuel, memory, wall
 * clock or a trap; nothing of it survives. Same capsule, input, limits, time and nonce
 * give the same output and, on the same engine version, the same fuel: that is what a
 * receipt (receipt.h) states and a replay (replay.h) checks. docs/guide/capsules.md is
 * the author's side.
 *
 * Workload: many short runs of few modules, from several worker threads at once. Modules
 * are compiled once and kept (LRU, EXEC_MODULES_MAX); the engine itself is made at first
 * use, since a node that runs no capsule should not pay for one.
 *
 * ABI: input lies at linear offset 1024. `run(i32, i32) -> i32` returns
 * (output_len << 16) | output_ptr, unsigned; `run(i32, i32) -> i64` returns
 * output_ptr | output_len << 32. Host functions: module `env`, see hostcall.h.
 */
#ifndef EXEC_EXEC_H
#define EXEC_EXEC_H

#include "base/buf.h"
#include "exec/limits.h"

#include <pando/status.h>
#include <pando/types.h>

#define EXEC_MODULES_MAX 100    /* compiled modules in memory; the least used goes */
#define EXEC_DISK_MAX 200       /* compiled modules in the cache directory, likewise */
#define EXEC_INPUT_AT 1024u     /* linear offset of the input */
#define EXEC_NAMES_MAX 32       /* exports and imports listed in a report */
#define EXEC_NAME_SIZE 64
#define EXEC_ISSUES_MAX 8
#define EXEC_ISSUE_SIZE 200
#define EXEC_ACCESS_MAX 64      /* entries of the access log; the rest is only counted */
#define EXEC_TEXT_SIZE 240

struct exec;
struct crypto_secret; /* crypto/sign.h */

struct exec_config {
    const char *cache_dir;        /* NULL: compiled modules are kept in memory only */
    const uint8_t *cache_key;     /* 32 secret bytes; needed with cache_dir */
};

/* The cache key of a node, derived from its secret. */
void exec_cache_key(const struct crypto_secret *secret, uint8_t ret_key[32]);

/* A runner. The engine is not made yet; `config` is copied.
 * Errors: PANDO_INVALID cache_dir without key; PANDO_NOMEM. */
enum pando_status exec_new(const struct exec_config *config, struct exec **ret_exec,
                           struct pando_err *reterr) PANDO_MUST_USE;
/* No run may be under way. Accepts NULL. */
void exec_free(struct exec *x);

/* What is wrong with a module, in the order in which it is looked for. */
enum exec_issue_kind {
    EXEC_ISSUE_SIZE_EXCEEDED,
    EXEC_ISSUE_INVALID_MODULE,
    EXEC_ISSUE_COMPILATION_FAILED,
    EXEC_ISSUE_MISSING_REQUIRED_EXPORT,
    EXEC_ISSUE_UNAUTHORIZED_IMPORT,
};

struct exec_issue {
    enum exec_issue_kind kind;
    char text[EXEC_ISSUE_SIZE];
};

struct exec_report {
    bool is_valid;
    uint32_t size; /* bytes */
    uint32_t needs; /* capabilities that the imports ask for */
    struct pando_id capsule;
    uint32_t exports_len, imports_len; /* listed; the totals may be larger */
    uint32_t exports_total, imports_total;
    uint32_t warnings_len, errors_len;
    char exports[EXEC_NAMES_MAX][EXEC_NAME_SIZE];
    char imports[EXEC_NAMES_MAX][EXEC_NAME_SIZE]; /* "module::name" */
    char warnings[EXEC_ISSUES_MAX][EXEC_ISSUE_SIZE];
    struct exec_issue errors[EXEC_ISSUES_MAX];
};

/* "SizeExceeded", ... */
const char *exec_issue_name(enum exec_issue_kind kind);

/* Look at a module: size first, then parse and compile, exports, imports. A valid module
 * stays compiled. The report is always written.
 * Errors: PANDO_MALFORMED the report has errors; PANDO_NOMEM, PANDO_IO the engine failed.
 * Cost:   a compilation (milliseconds) unless the module is in the cache.
 * Thread: any, several at once. */
enum pando_status exec_validate(struct exec *x, struct pando_slice wasm,
                                const struct exec_limits *limits,
                                struct exec_report *ret_report) PANDO_MUST_USE;

/* How a run ended: name, status, what a human is told. */
#define EXEC_FAILURE_MAP(X)                                                             \
    X(NONE, OK, "completed")                                                            \
    X(INVALID, MALFORMED, "the module is not a valid capsule")                          \
    X(IMPORT, REFUSED, "unauthorized import")                                           \
    X(INPUT, INVALID, "the input is too large")                                         \
    X(FUEL, FULL, "fuel exhausted")                                                     \
    X(MEMORY, FULL, "memory limit reached")                                             \
    X(TIME, TIMEOUT, "time limit reached")                                              \
    X(STACK, FULL, "call stack exhausted")                                              \
    X(TRAP, INVALID, "the capsule trapped")                                             \
    X(ABORT, INVALID, "the capsule called abort")                                       \
    X(OUTPUT, INVALID, "the capsule returned a range outside its memory")               \
    X(OUTPUT_SIZE, FULL, "the output is too large")                                     \
    X(ENGINE, IO, "the engine failed")

enum exec_failure {
#define X(name, status, text) EXEC_FAIL_##name,
    EXEC_FAILURE_MAP(X)
#undef X
};

const char *exec_failure_name(enum exec_failure failure); /* "FUEL" */
const char *exec_failure_text(enum exec_failure failure);
enum pando_status exec_failure_status(enum exec_failure failure);

struct exec_request {
    struct pando_slice capsule;
    struct pando_slice input;
    struct exec_limits limits;
    struct pando_wall time; /* what the capsule sees as now, all through the run */
    uint64_t nonce;         /* with time and capsule id, the seed of its randomness */
};

struct exec_metrics {
    uint64_t fuel_used;
    uint64_t memory_bytes; /* peak of linear memory */
    uint64_t duration_us;  /* instantiation and run, without compilation */
    uint32_t host_calls;
    bool cached;           /* the module needed no compilation */
};

struct exec_access {
    uint32_t capability; /* bit; 0 for functions that are always allowed */
    bool allowed;
    char action[32];     /* "call:json_path" */
};

struct exec_result {
    struct pando_buf output;
    struct pando_id capsule, input_id, output_id; /* SHA-256 of each */
    struct exec_metrics metrics;
    enum exec_failure failure;
    char text[EXEC_TEXT_SIZE]; /* of the failure, with its particulars */
    uint32_t access_len;
    uint32_t access_dropped; /* calls beyond EXEC_ACCESS_MAX */
    struct exec_access access[EXEC_ACCESS_MAX];
};

/* Run a capsule once. `*ret_result` is always written, since a failed run has metrics and
 * a reason too; give it to exec_result_deinit.
 * Errors: exec_failure_status(ret_result->failure).
 * Cost:   microseconds and the capsule's own work; milliseconds to compile a new module,
 *         which no limit but capsule_max bounds.
 * Thread: any with 1 MiB of stack, several at once. */
enum pando_status exec_run(struct exec *x, const struct exec_request *request,
                           struct exec_result *ret_result) PANDO_MUST_USE;
/* Accepts a zeroed result. */
void exec_result_deinit(struct exec_result *r);

/* Name and version of the engine: fuel is comparable only between equal ones. */
const char *exec_engine_name(void);

struct exec_stats {
    uint64_t runs, failures, compiled, memory_hits, disk_hits;
    uint32_t modules; /* in memory now */
    bool started;     /* the engine exists */
};
struct exec_stats exec_stats(struct exec *x);

#endif
