/* delta_ask.h - what tests ask of a whole delta space again and again (delta_world.h). */
#ifndef SPACE_DELTA_DELTA_ASK_H
#define SPACE_DELTA_DELTA_ASK_H

#include "space/delta/delta_world.h"

/* A delta that names the object prod_1 by its own id. */
#define ASK_PLAIN(id, time)                                                                       \
    "{'id':'" id "','timestamp':" time ",'author':'alice','system':'s1','pointers':["         \
    "{'role':'of','target':{'id':'prod_1','context':'name'}},{'role':'name','target':'" id "'}]}"

const char *ask_text(const json_t *json, const char *name);
int64_t ask_number(const json_t *json, const char *name);
/* A call that fails with this status and text; one that does not. */
void ask_error(struct delta_world *w, const char *verb, const char *args, enum pando_status status,
               const char *text);
void ask_ok(struct delta_world *w, const char *verb, const char *args);
/* How many deltas a query with these arguments shows in one answer. */
size_t ask_shown(struct delta_world *w, const char *args);
/* Create deltas with the ids f<from>, f<from + 1>, ... */
void ask_fill(struct delta_world *w, int from, int count);

#endif
