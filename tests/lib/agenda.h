/* agenda.h - what is due next in a simulated world.
 *
 * A heap of events by (instant, order of coming), so that ties are settled the same way
 * in every run of a seed. An event begins with struct agenda_item; it is its owner's,
 * before and after it was taken. Memory that is out ends the test.
 */
#ifndef TESTS_LIB_AGENDA_H
#define TESTS_LIB_AGENDA_H

#include <pando/types.h>

struct agenda_item {
    struct pando_time at;
    uint64_t order;
};

struct agenda {
    struct agenda_item **heap;
    size_t len, cap;
    uint64_t orders;
};

void agenda_put(struct agenda *a, struct agenda_item *item, struct pando_time at);
/* When the next one is due; PANDO_TIME_NEVER: there is none. */
struct pando_time agenda_due(const struct agenda *a);
/* The next one; NULL: there is none. */
void *agenda_take(struct agenda *a);
/* Forget the heap; take what is in it before. */
void agenda_deinit(struct agenda *a);

#endif
