/* Property: no sequence of messages, on whatever channel, makes a dag crash, leak or
 * break its bounds. Input: {channel, length as two bytes, message} again and again;
 * channel 3 is gossip. Signatures count as valid, so that unsigned mutations get all the
 * way in. */
#include "base/assert.h"
#include "base/slice.h"
#include "space/dag/dag_sim_store.h"
#include "space/dag/engine.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PEER = 7 };

struct world {
    void *dag;
    struct sim_store *store;
    struct pando_time now;
};

static struct pando_wall wall(void *ctx)
{
    (void)ctx;
    return (struct pando_wall){ 1790000000000 };
}

static enum pando_status append(void *ctx, uint8_t record, struct pando_slice bytes,
                                const struct tables_fold *fold, uint64_t *ret_position)
{
    struct world *w = ctx;
    (void)fold;
    return sim_store_append(w->store, record, bytes, ret_position);
}

static void step(struct world *w, const struct space_input *in)
{
    static const uint64_t all[SPACE_VERIFY_MAX / 64] = { UINT64_MAX, UINT64_MAX,
                                                         UINT64_MAX, UINT64_MAX };
    struct space_effect e;
    uint64_t tokens[64];
    size_t len = 0;
    w->now.ns += 1000000;
    space_dag_ops.step(w->dag, w->now, in);
    while (space_dag_ops.poll(w->dag, &e)) {
        if (e.kind == SPACE_VERIFY && len < 64)
            tokens[len++] = e.token;
        bytes_unref(e.bytes);
    }
    for (size_t i = 0; i < len; i++)
        step(w, &(struct space_input){
                    .kind = SPACE_VERIFIED, .token = tokens[i], .bits = all });
}

static void settle(struct world *w)
{
    const uint64_t end = sim_store_end(w->store);
    sim_store_commit(w->store, end);
    step(w, &(struct space_input){ .kind = SPACE_DURABLE, .value = end });
    w->now = pando_time_add(w->now, PANDO_MSEC(400));
    step(w, &(struct space_input){ .kind = SPACE_TICK });
}

static void feed(struct world *w, struct wire_reader *r)
{
    const uint64_t channel = wire_get_be(r, 1) & 3;
    uint64_t len = wire_get_be(r, 2);
    len = len > r->left.len ? r->left.len : len;
    struct bytes *message = bytes_copy(wire_get_bytes(r, (size_t)len));
    PANDO_ASSERT(message != NULL);
    step(w, &(struct space_input){ .kind = channel == 3 ? SPACE_GOSSIP : SPACE_MESSAGE,
                                   .channel = (uint8_t)(channel & 1),
                                   .peer = PEER,
                                   .token = 1,
                                   .bytes = message });
    bytes_unref(message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t seed[32] = { 1 };
    struct crypto_secret secret;
    struct world w = { .now = { 1 } };
    struct space_host host = { .ctx = &w,
                               .append = append,
                               .wall = wall,
                               .node_name = "fuzz",
                               .space_name = "default",
                               .seed = 5,
                               .secret = &secret };
    crypto_secret_from_seed(seed, &secret);
    host.key = crypto_public(&secret);
    memset(host.space.bytes, 0x5a, sizeof host.space.bytes);
    w.store = sim_store_new(&host.space);
    host.tables = sim_store_tables(w.store);
    host.journal = sim_store_journal(w.store);
    PANDO_ASSERT(space_dag_ops.open(&host, SLICE_EMPTY, &w.dag, NULL) == PANDO_OK);
    step(&w, &(struct space_input){ .kind = SPACE_PEER_UP, .peer = PEER });
    settle(&w);
    struct wire_reader r = wire_read(slice_of(data, size));
    while (r.left.len > 3)
        feed(&w, &r);
    settle(&w);
    settle(&w);
    PANDO_ASSERT(!r.failed);
    space_dag_ops.close(w.dag);
    sim_store_free(w.store);
    return 0;
}
