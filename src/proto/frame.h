/* frame.h - whole messages out of a stream of bytes: uvarint length, then the message.
 *
 * Identify, gossipsub and every Pando channel use this framing. A message that lies whole
 * in the bytes just received is lent straight from them; only a message cut by the end of
 * the input is gathered in a buffer. The buffer grows with the bytes that have come,
 * never with the length that was announced, and a length above the reader's limit is
 * refused at once, so a peer cannot make us reserve what it does not send.
 */
#ifndef PROTO_FRAME_H
#define PROTO_FRAME_H

#include "base/buf.h"
#include "base/bytes.h"
#include "codec/wire.h"

struct frame_reader {
    struct pando_buf part; /* an unfinished message with its length, or one just lent */
    size_t max;            /* bytes of one message */
    bool lent;             /* `part` was lent: forget it before going on */
};

/* A reader of messages of at most `max` bytes. Allocates nothing yet. */
void frame_init(struct frame_reader *f, size_t max);
void frame_deinit(struct frame_reader *f);
/* Take the next whole message out of `*in`, advancing it. `*ret_found` false: all of
 * `*in` was taken and more bytes are needed. Call until then.
 *
 * Owns:   the message borrows from `*in` or from the reader, until the next call.
 * Errors: PANDO_MALFORMED the length is no uvarint or above `max`: the stream is useless
 *         from here; PANDO_NOMEM. */
enum pando_status frame_next(struct frame_reader *f, struct pando_slice *in,
                             struct pando_slice *ret_message,
                             bool *ret_found) PANDO_MUST_USE;
/* Whether the stream may end here: no message is cut. */
bool frame_is_clean(const struct frame_reader *f);
/* `message` with its length before it, as one shared object; NULL when memory is out. */
struct bytes *frame_copy(struct pando_slice message);

#endif
