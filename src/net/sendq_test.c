#include "net/sendq.h"

#include "base/rng.h"
#include "base/slice.h"
#include "check.h"

static void put(struct sendq *q, const void *data, size_t len)
{
    struct bytes *b = bytes_copy(slice_of(data, len));
    CHECK(b != NULL);
    CHECK_OK(sendq_put(q, b));
    bytes_unref(b);
}

/* Method: a random program of puts, advances and acks; every byte shown must be the byte
 * at its stream offset, and pointers shown before an ack must keep their content. */
static void shows_every_byte_once_and_in_order(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct rng rng = rng_seeded(seed);
        struct sendq q = { 0 };
        uint64_t put_total = 0, acked = 0;
        for (int step = 0; step < 2000; step++) {
            uint8_t data[3000];
            const size_t len = rng_chance(&rng, 3, 4) ? rng_below(&rng, 200)
                                                      : rng_below(&rng, sizeof data);
            for (size_t i = 0; i < len; i++)
                data[i] = (uint8_t)((put_total + i) * 31 >> 3);
            put(&q, data, len);
            put_total += len;
            struct pando_slice view[8];
            const size_t count = sendq_view(&q, view, 8, 2000);
            uint64_t at = q.sent;
            size_t shown = 0;
            for (size_t v = 0; v < count; v++)
                for (size_t i = 0; i < view[v].len; i++, at++, shown++)
                    CHECK_EQ(view[v].ptr[i], (uint8_t)(at * 31 >> 3));
            CHECK(shown > 0 || sendq_unsent(&q) == 0);
            sendq_advance(&q, (size_t)rng_below(&rng, shown + 1));
            if (rng_chance(&rng, 1, 3)) {
                acked += rng_below(&rng, q.sent - acked + 1);
                sendq_ack(&q, acked);
                CHECK(q.base <= acked);
            }
        }
        CHECK_EQ(q.end, put_total);
        sendq_deinit(&q);
    }
}

static void gathers_small_sends_into_few_slices(void **state)
{
    (void)state;
    struct sendq q = { 0 };
    uint8_t byte[10] = { 0 };
    for (int i = 0; i < 800; i++)
        put(&q, byte, sizeof byte);
    struct pando_slice view[16];
    const size_t count = sendq_view(&q, view, 16, 1u << 20);
    CHECK(count <= 2);
    CHECK_EQ(q.end, 8000);
    sendq_deinit(&q);
}

static void keeps_large_sends_by_reference(void **state)
{
    (void)state;
    struct sendq q = { 0 };
    uint8_t *data;
    struct bytes *b = bytes_new(5000, &data);
    CHECK(b != NULL);
    memset(data, 7, 5000);
    CHECK_OK(sendq_put(&q, b));
    struct pando_slice view[1];
    CHECK_EQ(sendq_view(&q, view, 1, 1), 1);
    CHECK(view[0].ptr == bytes_view(b).ptr);
    bytes_unref(b);
    CHECK_EQ(view[0].ptr[4999], 7);
    sendq_deinit(&q);
}

static void drops_only_what_was_never_sent(void **state)
{
    (void)state;
    struct sendq q = { 0 };
    uint8_t data[4000] = { 0 };
    put(&q, data, 4000);
    put(&q, data, 4000);
    sendq_advance(&q, 1000);
    sendq_drop_unsent(&q);
    CHECK_EQ(sendq_unsent(&q), 0);
    CHECK_EQ(q.count, 1);
    sendq_ack(&q, 1000);
    CHECK_EQ(q.count, 0);
    sendq_drop_unsent(&q);
    sendq_deinit(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(shows_every_byte_once_and_in_order),
        TEST(gathers_small_sends_into_few_slices),
        TEST(keeps_large_sends_by_reference),
        TEST(drops_only_what_was_never_sent),
    };
    return CHECK_RUN(tests);
}
