#include "base/arena.h"

#include "base/assert.h"

#include <stdalign.h>
#include <string.h>

struct arena arena_over(void *memory, size_t cap)
{
    return (struct arena){ .ptr = memory, .cap = cap };
}

struct arena arena_over_zeroed(void *memory, size_t cap)
{
    return (struct arena){ .ptr = memory, .cap = cap, .clean = true };
}

struct arena arena_measure(void)
{
    return (struct arena){ .cap = SIZE_MAX };
}

void *arena_take(struct arena *a, size_t count, size_t size)
{
    const size_t align = alignof(max_align_t);
    const size_t start = (a->used + align - 1) & ~(align - 1);
    PANDO_ASSERT(size == 0 || count <= SIZE_MAX / size);
    const size_t bytes = count * size;
    PANDO_ASSERT(start <= a->cap && bytes <= a->cap - start);
    a->used = start + bytes;
    if (a->ptr == NULL)
        return NULL;
    if (!a->clean)
        memset(a->ptr + start, 0, bytes);
    return a->ptr + start;
}
