/* ping.h - /ipfs/ping/1.0.0: 32 random bytes there and back.
 *
 * The responder echoes whole blocks until the opener ends its side, and ends its own side
 * at once: js-libp2p opens a new ping stream on every connection each 10 s, allows itself
 * only one at a time, and drops the connection when an old one lingers half closed.
 * The opener's deadline (10 s) is the owner's timer.
 */
#ifndef PING_PING_H
#define PING_PING_H

#include "codec/wire.h"

#include <pando/status.h>

#define PING_PROTOCOL    "/ipfs/ping/1.0.0"
#define PING_BLOCK       32
#define PING_INBOUND_MAX 2 /* streams a peer may hold open towards us */

struct ping_responder {
    uint8_t part[PING_BLOCK];
    size_t part_len;
    uint64_t answered;
};

/* Echo the whole blocks of `in` that fit `out`. Keeps a cut block for the next call.
 * `*ret_consumed` < in.len only when `out` is full. On the opener's FIN, send FIN. */
void ping_answer(struct ping_responder *r, struct pando_slice in, size_t *ret_consumed,
                 struct wire_writer *out);

enum pinger_state { PINGER_IDLE, PINGER_WAITING, PINGER_DONE, PINGER_FAILED };

/* One ping on one stream of its own. */
struct pinger {
    enum pinger_state state;
    struct pando_time sent_at;
    struct pando_span rtt; /* DONE */
    size_t matched;
    uint8_t block[PING_BLOCK];
};

/* Begin: write `block` (random, from the host's entropy). Keep the stream's side open. */
void pinger_send(struct pinger *p, struct pando_time now,
                 const uint8_t block[static PING_BLOCK], struct wire_writer *out);
/* Read the answer. PINGER_DONE: p->rtt is known, end our side of the stream.
 * PINGER_FAILED: other bytes came back, or `fin` before all of them; reset the stream. */
enum pinger_state pinger_receive(struct pinger *p, struct pando_time now,
                                 struct pando_slice in, bool fin);

#endif
