/* pile.h - the deltas of one group, read once for all who want to know them.
 *
 * Memory: in proportion to their pointers; kept for the next group, freed by deinit.
 */
#ifndef SPACE_DELTA_PILE_H
#define SPACE_DELTA_PILE_H

#include "space/delta/group.h"

struct delta_pile {
    struct delta deltas[DELTA_GROUP_MAX];
    size_t len; /* of those that were read */
    struct delta_pointer *pointers;
    size_t used, cap;
};

/* A zeroed pile is an empty one. */
void delta_pile_deinit(struct delta_pile *p);
/* Read those members that are here, each into its place; the others' are zeroed. They borrow
 * the group's bytes, and the pile until it reads again. Digests that the group knows are taken
 * from it.
 * Errors: PANDO_MALFORMED a member is no delta; PANDO_NOMEM. */
enum pando_status delta_pile_read(struct delta_pile *p, const struct group *g) PANDO_MUST_USE;

#endif
