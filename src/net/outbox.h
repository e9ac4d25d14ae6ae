/* outbox.h - events on their way to the node.
 *
 * The QUIC library must not be re-entered from its callbacks, and the node may call any
 * operation from an event: so callbacks only write down what happened, and the endpoint
 * delivers when the library has returned. Received bytes are copied once into the outbox;
 * consecutive pieces of one stream become one event. While one outbox is delivered, new
 * events collect in its twin.
 *
 * Size: bounded by the streams' and links' receive windows and the caps on both.
 */
#ifndef NET_OUTBOX_H
#define NET_OUTBOX_H

#include "base/buf.h"
#include "net/link.h"

struct outbox_event {
    enum link_event_kind kind;
    enum link_reason reason;
    bool dialed;
    bool fin;
    uint32_t token;
    uint64_t link;
    uint64_t stream;
    uint32_t slot; /* of the link that ended */
    size_t at; /* bytes, text or identity: where they begin in the data */
    size_t len;
};

struct outbox {
    struct outbox_event *list;
    size_t len;
    size_t cap;
    size_t next; /* first one not delivered yet */
    struct pando_buf data;
};

/* What an UP event carries in the data. */
struct outbox_identity {
    struct peer_id peer;
    struct multiaddr address;
};

void outbox_init(struct outbox *o);
void outbox_deinit(struct outbox *o);
/* Forget what was delivered; give back memory after a burst. */
void outbox_reset(struct outbox *o);
/* Note an event with its bytes. Errors: PANDO_NOMEM; nothing was noted. */
enum pando_status outbox_put(struct outbox *o, const struct outbox_event *event,
                             struct pando_slice data) PANDO_MUST_USE;
/* Note received bytes, joined to the event before when that is of the same stream. */
enum pando_status outbox_put_data(struct outbox *o, uint64_t link, uint64_t stream,
                                  struct pando_slice data, bool fin) PANDO_MUST_USE;

#endif
