#include "proto/identify/identify.h"

#include "base/slice.h"
#include "codec/pb.h"

enum {
    PUBLIC_KEY = 1,
    ADDRESS = 2,
    PROTOCOL = 3,
    OBSERVED = 4,
    VERSION = 5,
    AGENT = 6,
    RECORD = 8
};

/* Bytes of `a` without the /p2p components at its end. */
static struct pando_slice bare(const struct multiaddr *a)
{
    size_t cursor = 0, end = 0;
    struct multiaddr_part part;
    while (multiaddr_next(a, &cursor, &part)) {
        if (part.code != MULTIADDR_P2P)
            end = cursor;
    }
    return slice_of(a->bytes, end);
}

static const char *agent_of(const struct identify_self *self)
{
    return self->agent != NULL ? self->agent : "pando/" PANDO_VERSION;
}

static void put_text(struct wire_writer *w, uint32_t number, const char *text)
{
    struct pando_slice s = slice_text(text);
    if (s.len > IDENTIFY_TEXT_MAX)
        s.len = IDENTIFY_TEXT_MAX;
    pb_put_bytes(w, number, s);
}

static void put_network(struct wire_writer *w, const char *network)
{
    static const char prefix[] = IDENTIFY_NETWORK_PREFIX;
    const size_t len = strlen(network);
    pb_put_head(w, PROTOCOL, sizeof prefix - 1 + len);
    wire_put_bytes(w, slice_of(prefix, sizeof prefix - 1));
    wire_put_bytes(w, slice_of(network, len));
}

static void write_message(const struct identify_self *self,
                          const struct multiaddr *observed, size_t addresses_len,
                          bool record, struct wire_writer *w)
{
    uint8_t key[PEER_ID_PUBLIC_SIZE];
    peer_id_public(&self->key, key);
    pb_put_bytes(w, PUBLIC_KEY, slice_of(key, sizeof key));
    for (size_t i = 0; i < addresses_len; i++)
        pb_put_bytes(w, ADDRESS, bare(&self->addresses[i]));
    for (size_t i = 0; i < self->protocols_len; i++)
        pb_put_bytes(w, PROTOCOL, slice_text(self->protocols[i]));
    if (self->network != NULL)
        put_network(w, self->network);
    if (observed != NULL)
        pb_put_bytes(w, OBSERVED, bare(observed));
    put_text(w, VERSION, IDENTIFY_PROTOCOL_VERSION);
    put_text(w, AGENT, agent_of(self));
    if (record)
        pb_put_bytes(w, RECORD, self->signed_record);
}

enum pando_status identify_encode(const struct identify_self *self,
                                  const struct multiaddr *observed,
                                  struct wire_writer *out)
{
    const size_t room = out->cap - out->len;
    const size_t max = room < IDENTIFY_OUT_MAX ? room : IDENTIFY_OUT_MAX;
    size_t addresses = self->addresses_len < IDENTIFY_ADDRESSES_MAX
                           ? self->addresses_len
                           : IDENTIFY_ADDRESSES_MAX;
    bool record = self->signed_record.len > 0;
    for (;;) {
        struct wire_writer w = wire_write(out->ptr + out->len, max);
        write_message(self, observed, addresses, record, &w);
        if (!w.failed) {
            out->len += w.len;
            return PANDO_OK;
        }
        if (addresses > 1)
            addresses--;
        else if (record)
            record = false;
        else if (addresses > 0)
            addresses--;
        else
            return PANDO_FULL;
    }
}
