#include "exec/replay.h"

#include <stdio.h>
#include <string.h>

#include "base/slice.h"

static enum pando_status say(struct replay_report *report, enum pando_status st,
                             const char *text)
{
    (void)snprintf(report->text, sizeof report->text, "%s", text);
    return st;
}

static bool fits(const struct exec_limits *l, const struct exec_limits *ceiling)
{
    return l->fuel <= ceiling->fuel && l->memory_mb <= ceiling->memory_mb &&
           l->execution_time_ms <= ceiling->execution_time_ms &&
           l->max_io <= ceiling->max_io && l->capsule_max <= ceiling->capsule_max;
}

/* What differs first, or NULL. */
static const char *difference(const struct replay_report *p)
{
    if (!p->output_same)
        return "the output differs from the receipt's";
    if (p->engine_same && !p->fuel_same)
        return "the fuel used differs from the receipt's";
    if (p->engine_same && !p->memory_same)
        return "the memory used differs from the receipt's";
    if (p->engine_same && !p->host_calls_same)
        return "the number of host calls differs from the receipt's";
    return NULL;
}

static enum pando_status compare(const struct receipt *r,
                                 const struct exec_result *result,
                                 struct replay_report *p)
{
    p->metrics = result->metrics;
    p->failure = result->failure;
    p->ran = result->failure == EXEC_FAIL_NONE;
    if (!p->ran) {
        (void)snprintf(p->text, sizeof p->text, "the replay failed: %s: %.150s",
                       exec_failure_text(result->failure), result->text);
        return PANDO_CORRUPT;
    }
    p->output = result->output_id;
    p->output_same = id_equal(&result->output_id, &r->output);
    p->engine_same = strcmp(r->engine, exec_engine_name()) == 0;
    p->fuel_same = result->metrics.fuel_used == r->fuel_used;
    p->memory_same = result->metrics.memory_bytes == r->memory_bytes;
    p->host_calls_same = result->metrics.host_calls == r->host_calls;
    const char *first = difference(p);
    if (first != NULL)
        return say(p, PANDO_CORRUPT, first);
    p->matches = true;
    return say(p, PANDO_OK,
               p->engine_same ? "everything is as the receipt says"
                              : "same output; another engine, fuel not compared");
}

enum pando_status receipt_replay(struct exec *x, const struct receipt *r,
                                 struct pando_slice capsule, struct pando_slice input,
                                 const struct exec_limits *ceiling,
                                 struct replay_report *ret_report)
{
    struct replay_report *p = ret_report;
    memset(p, 0, sizeof *p);
    const struct pando_id capsule_id = crypto_sha256(capsule);
    const struct pando_id input_id = crypto_sha256(input);
    p->capsule_same = id_equal(&capsule_id, &r->capsule);
    p->input_same = id_equal(&input_id, &r->input);
    if (!p->capsule_same)
        return say(p, PANDO_INVALID, "these are not the bytes of the receipt's capsule");
    if (!p->input_same)
        return say(p, PANDO_INVALID, "these are not the bytes of the receipt's input");
    if (ceiling != NULL && !fits(&r->limits, ceiling))
        return say(p, PANDO_REFUSED, "the receipt's limits exceed what this node runs");

    const struct exec_request request = {
        .capsule = capsule,
        .input = input,
        .limits = r->limits,
        .time = r->time,
        .nonce = r->nonce,
    };
    struct exec_result result;
    const enum pando_status ran = exec_run(x, &request, &result);
    const enum pando_status st = compare(r, &result, p);
    exec_result_deinit(&result);
    return ran != PANDO_OK && st == PANDO_OK ? ran : st;
}
