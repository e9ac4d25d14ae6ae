/* types.h - values that cannot be mixed up.
 *
 * Bytes, ids, instants and lengths of time are structs passed by value, so that swapping
 * two arguments does not compile. Wall time is data, monotonic time drives protocols.
 */
#ifndef PANDO_TYPES_H
#define PANDO_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Borrowed bytes. Passed by value; never freed through this type. */
struct pando_slice {
    const uint8_t *ptr;
    size_t len;
};

/* SHA-256 of a canonical encoding: the digest inside an event's or a blob's CID. */
struct pando_id {
    uint8_t bytes[32];
};

/* An Ed25519 public key. */
struct pando_key {
    uint8_t bytes[32];
};

/* An Ed25519 signature. */
struct pando_sig {
    uint8_t bytes[64];
};

/* An instant on the host's monotonic clock. The epoch is arbitrary. */
struct pando_time {
    uint64_t ns;
};

/* A length of time. */
struct pando_span {
    uint64_t ns;
};

/* Wall time: milliseconds since 1970-01-01 UTC. Data, never a protocol's clock. */
struct pando_wall {
    int64_t ms;
};

#define PANDO_TIME_NEVER ((struct pando_time){ .ns = UINT64_MAX })
#define PANDO_USEC(n) ((struct pando_span){ .ns = (uint64_t)(n)*1000u })
#define PANDO_MSEC(n) ((struct pando_span){ .ns = (uint64_t)(n)*1000000u })
#define PANDO_SEC(n) ((struct pando_span){ .ns = (uint64_t)(n)*1000000000u })

/* Saturates at PANDO_TIME_NEVER rather than wrapping. */
static inline struct pando_time pando_time_add(struct pando_time t, struct pando_span d)
{
    return t.ns > UINT64_MAX - d.ns ? PANDO_TIME_NEVER : (struct pando_time){ t.ns + d.ns };
}

/* Length from `earlier` to `later`; zero when they are in the other order. */
static inline struct pando_span pando_time_since(struct pando_time later,
                                                 struct pando_time earlier)
{
    return (struct pando_span){ later.ns > earlier.ns ? later.ns - earlier.ns : 0 };
}

static inline bool pando_time_reached(struct pando_time deadline, struct pando_time now)
{
    return deadline.ns <= now.ns;
}

static inline struct pando_time pando_time_min(struct pando_time a, struct pando_time b)
{
    return a.ns < b.ns ? a : b;
}

#endif
