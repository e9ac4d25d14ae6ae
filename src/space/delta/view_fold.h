/* view_fold.h - many deltas of one property become one value, one delta at a time.
 *
 * A fold is fed the deltas of its property as they come by and says at the end what the
 * value is. Most strategies hold one delta, whatever their number.
 */
#ifndef SPACE_DELTA_VIEW_FOLD_H
#define SPACE_DELTA_VIEW_FOLD_H

#include "space/delta/view.h"

/* The best delta so far; its pointers decide what is taken out in the end. */
struct view_best {
    json_t *delta; /* owned; NULL none */
    uint64_t votes; /* of consensus */
};

struct view_fold {
    const struct view_property *property;
    struct view_best best;
    struct view_best *of; /* by trusted name, or by pointer set */
    size_t of_len, of_cap;
    json_t *groups; /* consensus: hash of a pointer set -> index in `of` */
    json_t *list;   /* allValues and custom: deltas */
    double sum, least, most;
    uint64_t numbers;
};

/* A capsule to be run, and where its output goes. */
struct view_job {
    const char *capsule;
    json_t *input, *holder; /* owned */
    const char *name;
};

/* Jobs of one run, nested views included. */
struct view_jobs {
    struct view_job *items;
    size_t len, cap;
};

enum pando_status view_fold_init(struct view_fold *f,
                                 const struct view_property *property) PANDO_MUST_USE;
void view_fold_deinit(struct view_fold *f);
/* Whether it asks for the latest delta, and so is best fed backwards. */
bool view_fold_descends(const struct view_fold *f);
/* Whether a delta of this time can make a difference; most often one need not be parsed. */
bool view_fold_wants(const struct view_fold *f, int64_t timestamp);
enum pando_status view_fold_feed(struct view_fold *f, json_t *delta) PANDO_MUST_USE;
/* Set the property's value in `holder`, the view of `object`; nothing when there is none. */
enum pando_status view_fold_end(struct view_fold *f, const char *object, json_t *holder,
                                struct view_jobs *jobs) PANDO_MUST_USE;
void view_jobs_deinit(struct view_jobs *jobs);

#endif
