/* trace.h - what the library has to say, as records; the host decides how they look.
 *
 * Library code never prints. It emits a record (module, level, text) through a tracer
 * pointer that its owner handed in; a NULL tracer is silent. The level test comes before
 * the formatting, so a silent record costs a compare. A function emits a record or returns
 * an error, not both.
 */
#ifndef BASE_TRACE_H
#define BASE_TRACE_H

#include <pando/macros.h>
#include <pando/types.h>

#define TRACE_MODULE_MAP(X)                                                             \
    X(BASE, "base") X(STORE, "store") X(NET, "net") X(PROTO, "proto") X(GOSSIP, "gossip") \
    X(PEER, "peer") X(SYNC, "sync") X(SPACE, "space") X(DAG, "dag") X(EXEC, "exec")     \
    X(NODE, "node") X(HOST, "host") X(API, "api") X(FAILURE, "failure")                   \
    X(ELECTION, "election") X(ORDERING, "ordering") X(MEMBERSHIP, "membership")         \
    X(STORAGE, "storage")

enum trace_module {
#define X(name, text) TRACE_##name,
    TRACE_MODULE_MAP(X)
#undef X
        TRACE_MODULES
};

enum trace_level { TRACE_DEBUG, TRACE_INFO, TRACE_WARNING, TRACE_ERROR, TRACE_CRITICAL };

struct trace_record {
    enum trace_module module;
    enum trace_level level;
    const char *text; /* valid during the call */
};

struct tracer {
    void *ctx;
    void (*emit)(void *ctx, const struct trace_record *record);
    uint8_t levels[TRACE_MODULES]; /* smallest level that is emitted, per module */
};

/* Emit one record if the module's level admits it. Accepts a NULL tracer. */
void trace(const struct tracer *t, enum trace_module module, enum trace_level level,
           const char *format, ...) PANDO_PRINTF(4, 5);

const char *trace_module_name(enum trace_module module);
const char *trace_level_name(enum trace_level level);

#endif
