/* arena.h - one block of memory handed out front to back, for an engine's whole life.
 *
 * An engine takes all its tables at `place`, sized from the limits in its config; `step`
 * never allocates. arena_measure() builds on the same code with no memory behind it, so
 * an engine's size formula and its layout cannot drift apart: place it once into a
 * measuring arena, read `used`, allocate, place it for real.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <pando/types.h>

struct arena {
    uint8_t *ptr; /* NULL while measuring */
    size_t cap;
    size_t used;
    bool clean; /* the memory is zero already */
};

/* An arena over the caller's memory, which must be aligned as malloc aligns. */
struct arena arena_over(void *memory, size_t cap);
/* The same over memory that is zero, as calloc gives it: what an engine does not use yet
 * is then never touched, and takes no room. */
struct arena arena_over_zeroed(void *memory, size_t cap);
/* An arena that only counts; arena_take returns NULL from it. */
struct arena arena_measure(void);
/* `count` zeroed objects of `size` bytes, aligned for any type. Asserts on overflow: the
 * caller sized the arena with the same calls. NULL only while measuring. */
void *arena_take(struct arena *a, size_t count, size_t size);

#endif
