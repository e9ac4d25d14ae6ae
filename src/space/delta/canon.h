/* canon.h - the canonical bytes of a delta (delta.h), written and read in one pass each.
 *
 * The same bytes as codec/cbor.h would make, and nothing else is read: the keys are known, so
 * each is compared and copied whole.
 */
#ifndef SPACE_DELTA_CANON_H
#define SPACE_DELTA_CANON_H

#include "space/delta/delta.h"

/* Not less than canon_write takes, and at most some bytes per pointer more. */
size_t canon_bound(const struct delta *d);
/* Write a delta that was checked, at `at`, where canon_bound is free. Where it ends. */
uint8_t *canon_write(const struct delta *d, uint8_t *at);
/* The delta, but for its name and digest. False: the bytes are not canonical, or break a rule. */
bool canon_read(struct pando_slice bytes, struct delta_room *room, struct delta *ret);
/* Whether the encoding of `number` is an integer: whole, and the same in every program that
 * reads JSON numbers as doubles. */
bool canon_is_whole(double number);

#endif
