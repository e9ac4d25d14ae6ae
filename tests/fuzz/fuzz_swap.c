/* Property: no sequence of messages from two peers makes the link between nodes crash, leak, or
 * hold more than its bounds; whatever is kept is a delta that reads. Signatures count as valid, so
 * that unsigned mutations get all the way in.
 *
 * Input: pieces, each {control 1, length 2, message}: bit 0 of the control is the peer, bit 1 "commit",
 * bit 2 "time passes", bit 3 "a delta is made here". */
#include "base/assert.h"
#include "base/bytes.h"
#include "space/delta/store_fixture.h"
#include "space/delta/swap.h"

struct world {
    struct fixture store;
    struct swap *swap;
    struct pando_time now;
    unsigned made;
};

static bool admits(void *ctx, const struct delta *d)
{
    (void)ctx;
    return d->author.len != 3;
}

static void step(struct world *w, const struct space_input *in)
{
    static const uint64_t all[SPACE_VERIFY_MAX / 64] = { UINT64_MAX, UINT64_MAX, UINT64_MAX,
                                                         UINT64_MAX };
    struct space_effect e;
    swap_step(w->swap, w->now, in);
    while (swap_poll(w->swap, &e)) {
        const uint64_t len = e.bytes != NULL ? bytes_view(e.bytes).len : 0;
        PANDO_ASSERT(len <= SPACE_MESSAGE_MAX);
        bytes_unref(e.bytes);
        if (e.kind == SPACE_VERIFY)
            swap_step(w->swap, w->now,
                      &(struct space_input){ .kind = SPACE_VERIFIED, .token = e.token, .bits = all });
        else if (e.kind == SPACE_SEND)
            swap_step(w->swap, w->now,
                      &(struct space_input){ .kind = SPACE_CREDIT, .peer = e.peer, .value = len });
    }
}

static void commit(struct world *w)
{
    PANDO_ASSERT(delta_store_flush(w->store.store) == PANDO_OK);
    fixture_commit(&w->store);
    step(w, &(struct space_input){ .kind = SPACE_DURABLE,
                                   .value = journal_durable(w->store.journal) });
}

static void make_one(struct world *w)
{
    struct made m;
    enum delta_outcome outcome;
    uint64_t ticket;
    w->made++;
    make_plain(&m, w->made, 1700000000000 + w->made, w->made % 3);
    const enum pando_status st =
        delta_store_stage(w->store.store, &m.delta, true, &outcome, &ticket);
    PANDO_ASSERT(st == PANDO_OK);
    made_deinit(&m);
}

static void pass(struct world *w)
{
    w->now = pando_time_add(w->now, PANDO_MSEC(700));
    for (int i = 0; i < 8 && pando_time_reached(swap_deadline(w->swap), w->now); i++)
        step(w, &(struct space_input){ .kind = SPACE_TICK });
}

static void piece(struct world *w, uint8_t control, struct pando_slice message)
{
    struct bytes *b = bytes_copy(message);
    PANDO_ASSERT(b != NULL);
    if ((control & 8) != 0 && w->made < 200)
        make_one(w);
    step(w, &(struct space_input){ .kind = SPACE_MESSAGE, .peer = control & 1, .bytes = b });
    bytes_unref(b);
    if ((control & 2) != 0)
        commit(w);
    if ((control & 4) != 0)
        pass(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = { .now = { 1000000000 } };
    fixture_init(&w.store);
    const struct swap_config config = { .host = &w.store.host,
                                        .store = w.store.store,
                                        .ctx = &w,
                                        .admits = admits };
    PANDO_ASSERT(swap_new(&config, &w.swap) == PANDO_OK);
    for (uint32_t peer = 0; peer < 2; peer++)
        step(&w, &(struct space_input){ .kind = SPACE_PEER_UP, .peer = peer });
    while (size >= 3) {
        size_t len = (size_t)data[1] << 8 | data[2];
        len = len < size - 3 ? len : size - 3;
        piece(&w, data[0], (struct pando_slice){ data + 3, len });
        data += 3 + len;
        size -= 3 + len;
    }
    commit(&w);
    pass(&w);
    swap_free(w.swap);
    fixture_deinit(&w.store);
    return 0;
}
