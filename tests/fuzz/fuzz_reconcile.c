/* Property: any message about ranges is answered or refused, within bounds; what an answer
 * says reads again, and comparing with oneself finds nothing.
 *
 * Input: one byte that picks the set, then the message. */
#include "base/assert.h"
#include "sync/reconcile.h"
#include "sync/set_model.h"

#define ROOM (32u << 10)

static void have(void *ctx, const struct tally_key *keys, size_t len)
{
    const struct set_model *m = ctx;
    for (size_t i = 0; i < len; i++)
        PANDO_ASSERT(set_model_has(m, &keys[i]));
}

static void have_range(void *ctx, const struct tally_key *from, const struct tally_key *to)
{
    (void)ctx;
    PANDO_ASSERT(tally_compare(from, to) < 0);
}

static void fill(struct set_model *m, uint8_t kind)
{
    for (uint32_t i = 0; i < kind * 4u; i++) {
        struct tally_key k = { .time = 1 + i / (1 + kind % 5) };
        for (size_t b = 0; b < sizeof k.digest; b++)
            k.digest[b] = (uint8_t)(i * 2654435761u >> (b % 4 * 8));
        (void)set_model_add(m, &k);
    }
}

/* Answers of answers come to an end on their own; here after a few rounds. */
static void answer(const struct tally *t, struct pando_slice in, int rounds)
{
    const struct reconcile_sink sink = { t->rows.ctx, have_range, have };
    struct reconcile_reader r;
    struct reconcile_writer w;
    enum pando_status st;
    uint8_t *room = malloc(ROOM);
    PANDO_ASSERT(room != NULL);
    reconcile_read(&r, in);
    do {
        reconcile_write(&w, room, ROOM);
        while ((st = reconcile_answer(t, &r, &w, &sink)) == PANDO_BUSY)
            ;
        PANDO_ASSERT(st == PANDO_OK || st == PANDO_FULL || st == PANDO_MALFORMED);
        if (st != PANDO_MALFORMED && w.out.len > 0 && rounds > 0)
            answer(t, wire_written(&w.out), rounds - 1);
    } while (st == PANDO_FULL);
    free(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct set_model m = { 0 };
    struct tally t;
    uint8_t room[ROOM];
    struct reconcile_writer w;
    if (size == 0)
        return 0;
    fill(&m, data[0]);
    tally_init(&t, set_model_rows(&m));
    while (tally_build(&t, 1000) == PANDO_BUSY)
        ;
    answer(&t, (struct pando_slice){ data + 1, size - 1 }, 2);
    reconcile_write(&w, room, sizeof room);
    PANDO_ASSERT(reconcile_open(&t, &w) == PANDO_OK);
    struct reconcile_writer none;
    struct reconcile_reader r;
    uint8_t spare[ROOM];
    const struct reconcile_sink sink = { &m, have_range, have };
    reconcile_read(&r, wire_written(&w.out));
    reconcile_write(&none, spare, sizeof spare);
    PANDO_ASSERT(reconcile_answer(&t, &r, &none, &sink) == PANDO_OK);
    PANDO_ASSERT(none.out.len == 0 || m.len <= RECONCILE_LIST);
    tally_deinit(&t);
    free(m.keys);
    return 0;
}
