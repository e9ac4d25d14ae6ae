/* Property: a negotiation's result and answers do not depend on how the bytes are cut; it
 * never reads beyond its own bytes and never writes more than MS_OUT_MAX at once. Bit 0
 * of the first byte chooses the side, the rest the cuts. */
#include "base/assert.h"
#include "base/slice.h"
#include "proto/multistream/multistream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool find(void *ctx, struct pando_slice name, uint32_t *ret_protocol)
{
    (void)ctx;
    *ret_protocol = 7;
    return slice_equal(name, slice_text("/ipfs/ping/1.0.0"));
}

struct outcome {
    enum ms_outcome outcome;
    enum pando_status status;
    uint32_t protocol;
    size_t consumed, said;
    uint8_t out[64 * 1024];
};

static void run(struct outcome *o, bool dialer, struct pando_slice in, size_t piece)
{
    static const char *const names[] = { "/a/1", "/meshsub/1.1.0", "/ipfs/ping/1.0.0" };
    struct ms m;
    struct wire_writer w = wire_write(o->out, sizeof o->out);
    if (dialer)
        ms_dial_init(&m, names, 3, &w);
    else
        ms_listen_init(&m, (struct ms_table){ NULL, find });
    o->consumed = 0;
    o->outcome = MS_NEED_MORE;
    while (o->outcome == MS_NEED_MORE && o->consumed < in.len) {
        const size_t left = in.len - o->consumed;
        size_t consumed;
        const size_t before = w.len;
        o->outcome =
            ms_feed(&m, slice_of(in.ptr + o->consumed, piece < left ? piece : left),
                    &consumed, &w);
        PANDO_ASSERT(consumed <= left && w.len - before <= MS_OUT_MAX && !w.failed);
        PANDO_ASSERT(o->outcome != MS_NEED_MORE ||
                     consumed == (piece < left ? piece : left));
        o->consumed += consumed;
    }
    o->status = m.status;
    o->protocol = m.protocol;
    o->said = w.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct outcome whole, cut;
    if (size == 0)
        return 0;
    const struct pando_slice in = slice_of(data + 1, size - 1);
    run(&whole, data[0] & 1, in, SIZE_MAX);
    run(&cut, data[0] & 1, in, 1u + data[0] / 2u % 32u);
    PANDO_ASSERT(whole.outcome == cut.outcome && whole.status == cut.status);
    PANDO_ASSERT(whole.protocol == cut.protocol && whole.consumed == cut.consumed);
    PANDO_ASSERT(whole.said == cut.said && memcmp(whole.out, cut.out, cut.said) == 0);
    return 0;
}
