/* slice.h - small helpers over borrowed bytes and fixed-size values. */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <pando/types.h>
#include <string.h>

#define SLICE_EMPTY ((struct pando_slice){ NULL, 0 })
/* A slice over a whole array or struct. */
#define SLICE_OF(object) ((struct pando_slice){ (const uint8_t *)&(object), sizeof(object) })

static inline struct pando_slice slice_of(const void *ptr, size_t len)
{
    return (struct pando_slice){ ptr, len };
}

/* The bytes of a string without its terminator. */
static inline struct pando_slice slice_text(const char *text)
{
    return (struct pando_slice){ (const uint8_t *)text, strlen(text) };
}

static inline bool slice_equal(struct pando_slice a, struct pando_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Bytes from `from` to the end; empty when `from` lies beyond it. */
static inline struct pando_slice slice_from(struct pando_slice s, size_t from)
{
    return from >= s.len ? SLICE_EMPTY : slice_of(s.ptr + from, s.len - from);
}

static inline bool id_equal(const struct pando_id *a, const struct pando_id *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* Total order by bytes, for deterministic iteration; not an order of time. */
static inline int id_compare(const struct pando_id *a, const struct pando_id *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

static inline bool key_equal(const struct pando_key *a, const struct pando_key *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

#endif
