/* log.h - where trace records become lines.
 *
 * One sink per node: standard error or a file that rotates by size (FILE, FILE.1, ...).
 * Text lines read `2026-11-20 20:14:25,123 - dag.node1 - INFO - text`; JSON lines carry
 * the same four facts. Levels are per module and change at run time. A module that says
 * more than LOG_RATE lines in one second is cut short, and a line tells how many were
 * dropped: a node under attack must not fill its disk with the news of it.
 *
 * Thread: records may come from any thread; the level calls belong to the owner.
 */
#ifndef HOST_LOG_H
#define HOST_LOG_H

#include "base/trace.h"

#include <pando/status.h>
#include <pando/types.h>

#define LOG_RATE 1000 /* lines per module and second */

struct log_config {
    const char *id;        /* behind the module's name: the node's name */
    const char *file;      /* NULL or "": standard error */
    uint64_t rotate_bytes; /* 0: never */
    unsigned keep;         /* old files kept; 0: 5 */
    bool json;
    bool seconds;          /* no milliseconds in a text line */
    /* Takes each line, newline included, instead of standard error; from any thread, one
     * at a time; must not log. NULL: none */
    void (*sink)(void *ctx, struct pando_slice line);
    void *sink_ctx;
    struct pando_wall (*wall)(void *ctx); /* NULL: the system's clock */
    void *wall_ctx;
};

struct log;

/* Open the sink; every module starts at INFO. Creates the file's folder.
 * Errors: PANDO_IO with the path and the reason; PANDO_NOSPACE; PANDO_NOMEM. */
enum pando_status log_new(const struct log_config *config, struct log **ret_log,
                          struct pando_err *reterr) PANDO_MUST_USE;
/* Says what was suppressed, then closes. Accepts NULL. */
void log_free(struct log *l);
/* To hand to the library; valid until log_free. */
const struct tracer *log_tracer(const struct log *l);

/* Set levels from text: `LEVEL` for all or `module=LEVEL`, several by comma.
 * Levels: debug, info, warning, error, critical in either case.
 * Errors: PANDO_INVALID names the nearest module or level; nothing was changed. */
enum pando_status log_level_set(struct log *l, const char *spec,
                                struct pando_err *reterr) PANDO_MUST_USE;
/* Check such a text without a log (for the config and the command line). */
enum pando_status log_level_check(const char *spec,
                                  struct pando_err *reterr) PANDO_MUST_USE;
/* Lines lost to the rate limit or to a failing disk, since log_new. */
uint64_t log_lost(const struct log *l);

#endif
