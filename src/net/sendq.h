/* sendq.h - what a stream still owes its peer: bytes by reference, in order.
 *
 * The QUIC library keeps pointers into these bytes until the peer acknowledged them, so
 * they never move and are given back from the front only:
 *
 *     base          sent            end
 *      |--- unacked ---|--- queued ---|   fin
 *
 * Large sends are kept by reference. A small one that lands behind unsent bytes is copied
 * into a shared chunk, so that a stream of tiny messages neither grows the ring without
 * bound nor makes thousands of vectors: many small sends of one turn leave as full packets.
 *
 * Its size is the owner's policy (LINK_SEND_HIGH) plus what is unacknowledged.
 */
#ifndef NET_SENDQ_H
#define NET_SENDQ_H

#include "base/bytes.h"

#include <pando/status.h>

struct sendq_chunk {
    struct bytes *bytes;
    const uint8_t *ptr;
    size_t len;
};

struct sendq {
    struct sendq_chunk *ring;
    size_t cap; /* a power of two, or 0 */
    size_t head;
    size_t count;
    size_t sent_index;  /* chunk, counted from head, that `sent` lies in */
    size_t sent_offset; /* within that chunk */
    uint64_t base;      /* stream offset of the head chunk */
    uint64_t sent;
    uint64_t end;
    uint8_t *shared; /* room behind the last chunk, when that is a shared one */
    size_t shared_left;
    bool fin;
    bool fin_sent;
};

/* Free all references. Accepts a zeroed queue. */
void sendq_deinit(struct sendq *q);
/* Queue `bytes` (a reference is taken, or a copy). Errors: PANDO_NOMEM, nothing queued. */
enum pando_status sendq_put(struct sendq *q, struct bytes *bytes) PANDO_MUST_USE;
/* Up to `max` slices of unsent bytes, enough for `want` bytes. Returns how many. Valid
 * until the next call that changes the queue. */
size_t sendq_view(const struct sendq *q, struct pando_slice *ret_slices, size_t max,
                  size_t want);
/* `len` of the unsent bytes were handed to the network. */
void sendq_advance(struct sendq *q, size_t len);
/* The peer has everything below stream offset `offset`. */
void sendq_ack(struct sendq *q, uint64_t offset);
/* Nothing more will be sent: drop what the network never saw. */
void sendq_drop_unsent(struct sendq *q);

static inline uint64_t sendq_unsent(const struct sendq *q)
{
    return q->end - q->sent;
}

#endif
