/* metrics.h - numbers in Prometheus' text format 0.0.4.
 *
 * The format wants all samples of one metric together under one HELP and one TYPE line,
 * but several parts of a node contribute to the same metric (each space its own label).
 * So samples are collected first, in any order, and grouped at render: metrics in the
 * order of their first sample, samples in the order they came.
 */
#ifndef VIEW_METRICS_H
#define VIEW_METRICS_H

#include "base/buf.h"

#include <pando/status.h>
#include <pando/types.h>

#define METRICS_MAX       4096 /* samples; beyond it PANDO_FULL */
#define METRIC_LABELS_MAX 6

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE };

struct metric_label {
    const char *name; /* NULL ends the list */
    const char *value;
};

struct metrics {
    struct metric_sample *samples;
    size_t len;
    size_t cap;
    struct pando_buf text; /* of names, helps and rendered labels */
};

void metrics_init(struct metrics *m);
void metrics_deinit(struct metrics *m);
/* One sample. `labels` is NULL or ends with a NULL name; everything is copied. The help
 * and kind of a name's first sample stand for all. Errors: PANDO_INVALID a name or label
 * outside [a-zA-Z_:][a-zA-Z0-9_:]*; PANDO_FULL, PANDO_NOMEM. Nothing is added then. */
enum pando_status metrics_add(struct metrics *m, enum metric_kind kind, const char *name,
                              const char *help, const struct metric_label *labels,
                              double value) PANDO_MUST_USE;
/* Append the text to `ret`. Errors: PANDO_FULL, PANDO_NOMEM. */
enum pando_status metrics_render(const struct metrics *m,
                                 struct pando_buf *ret) PANDO_MUST_USE;

#endif
