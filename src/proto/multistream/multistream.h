/* multistream.h - agreeing on a stream's protocol (multistream-select 1.0).
 *
 * Each stream starts with a few lines of text, every one as uvarint(length) text '\n':
 *
 *     dialer                              listener
 *     /multistream/1.0.0  /ipfs/ping/1.0.0
 *                                         /multistream/1.0.0  /ipfs/ping/1.0.0 (accepted)
 *                                                         or  na                (next
 * one?)
 *
 * A dialer with a single candidate may write application data right behind its proposal
 * ("lazy"): nothing is lost but the round trip, and the stream fails if the answer is na.
 * The machine reads exactly the negotiation's bytes; what follows belongs to the
 * protocol. `ls` is answered with na, as the specification permits. The deadline (10 s)
 * and the cap on negotiating streams are the owner's.
 *
 * Source: github.com/multiformats/multistream-select; limits as go and js have them.
 */
#ifndef MULTISTREAM_MULTISTREAM_H
#define MULTISTREAM_MULTISTREAM_H

#include "codec/wire.h"

#include <pando/status.h>

#define MS_MESSAGE_MAX   1024 /* of one line, newline included */
#define MS_NAME_MAX      140  /* of a protocol name that we can know */
#define MS_PROPOSALS_MAX 32   /* a listener's patience */
#define MS_OUT_MAX       640  /* room that one call may need in `out` */

enum ms_outcome { MS_NEED_MORE, MS_DONE, MS_FAILED };

/* Which protocols a listener speaks. `*ret_protocol` is the owner's number for it. */
struct ms_table {
    void *ctx;
    bool (*find)(void *ctx, struct pando_slice name, uint32_t *ret_protocol);
};

struct ms {
    bool dialer;
    bool greeted; /* the other end's header was read */
    enum ms_outcome outcome;
    enum pando_status status; /* why it failed */
    uint32_t protocol;        /* DONE: index into `names`, or the table's number */
    const char *const *names; /* dialer: candidates, best first; borrowed */
    size_t names_len;
    struct ms_table table; /* listener */
    uint32_t proposals;
    uint16_t line_len;  /* bytes of the line in `line` */
    uint16_t line_left; /* bytes of it still to come */
    uint8_t head_len;   /* bytes of its length in `head` */
    uint8_t head[2];
    uint8_t line[MS_NAME_MAX + 1];
};

/* Begin as the opener of a stream: writes header and first proposal, to be sent in one
 * piece. `names` is borrowed until the end; each at most MS_NAME_MAX bytes. */
void ms_dial_init(struct ms *m, const char *const *names, size_t names_len,
                  struct wire_writer *out);
/* Begin as the other end. */
void ms_listen_init(struct ms *m, struct ms_table table);
/* Read from `in`, write answers to `out` (which must have MS_OUT_MAX bytes of room).
 *
 * MS_DONE:   m->protocol is agreed; `*ret_consumed` bytes were ours, the rest is its
 * data. MS_FAILED: m->status says why: PANDO_UNSUPPORTED no protocol in common,
 * PANDO_MALFORMED not the protocol, PANDO_FULL too many proposals. Reset the stream. Send
 * what `out` holds in each case. */
enum ms_outcome ms_feed(struct ms *m, struct pando_slice in, size_t *ret_consumed,
                        struct wire_writer *out);

#endif
