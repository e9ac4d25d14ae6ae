/* demo_delta.h - delta spaces in the nodes of a demo: said, linked, compared. */
#ifndef APPS_PANDO_DEMO_DELTA_H
#define APPS_PANDO_DEMO_DELTA_H

#include "apps/pando/demo.h"

#define DEMO_DELTA_LIMIT_MS 15000

/* Start a node and make its delta space "db" with these settings (spaces.h), as JSON. */
enum pando_status demo_delta_start(struct demo *d, size_t i, const char *name, uint16_t port,
                                   const char *settings, struct pando_err *reterr);
/* Node `from` dials node `to`; `config` is what stands beside the url (",\"mode\":\"pull\"" or
 * ""). Waits until the link is up and what was there was synchronised; `ret_link`: its id. */
bool demo_delta_link(struct demo *d, size_t from, size_t to, const char *config,
                     char ret_link[40]);
/* "object.property = value", as one delta; `more`: further members (",\"author\":\"bob\""). Its id
 * goes to `ret_id` (may be NULL) once it is durable. */
bool demo_delta_say(struct demo *d, size_t i, const char *object, const char *property,
                    const char *value, const char *more, char ret_id[64]);
/* Is there a delta with this id? */
bool demo_delta_has(struct demo *d, size_t i, const char *id);
/* One number of a link's statistics; -1: there is no such link. */
long long demo_delta_stat(struct demo *d, size_t i, const char *link, const char *name);
/* What a member of the hyperview says last of a property; "" when nothing does. */
void demo_delta_value(struct demo *d, size_t i, const char *object, const char *property,
                      char *ret, size_t cap);

/* What some nodes should agree on; `object` NULL: no view is compared. */
struct demo_delta_goal {
    const size_t *nodes;
    size_t len;
    long long deltas;
    const char *object;
};
/* Wait until all of them have that many deltas, one canonical hash and byte for byte the same view;
 * print a table of what they hold and check it. */
bool demo_delta_agree(struct demo *d, const struct demo_delta_goal *goal);
/* Wait until a link's number has reached this, and check that it did not pass it. */
bool demo_delta_counted(struct demo *d, size_t i, const char *link, const char *name,
                        long long wanted);

#endif
