/* Every member counts out the same numbers, whatever is handed over twice. */
#include "check.h"
#include "base/rng.h"
#include "base/slice.h"
#include "space/log/rooms.h"

#include <stdlib.h>

static struct batch_message message(const char *room, uint64_t client, uint64_t counter)
{
    return (struct batch_message){ .client = client,
                                   .counter = counter,
                                   .room = slice_text(room),
                                   .sender = slice_text("peer_1"),
                                   .body = slice_text("hello") };
}

static enum rooms_verdict apply(struct rooms *r, uint64_t index, const char *room, uint64_t client,
                                uint64_t counter, uint64_t *ret_seq)
{
    const struct batch_message m = message(room, client, counter);
    uint32_t at;
    const enum rooms_verdict verdict = rooms_apply(r, index, 0, &m, &at, ret_seq);
    r->applied = index;
    return verdict;
}

static void rooms_are_numbered_one_by_one(void **state)
{
    (void)state;
    struct rooms r;
    uint64_t seq;
    CHECK_OK(rooms_init(&r, 7));
    CHECK_EQ(apply(&r, 1, "general", 10, 1, &seq), ROOMS_TAKEN);
    CHECK_EQ(seq, 1);
    CHECK_EQ(apply(&r, 2, "other", 10, 2, &seq), ROOMS_TAKEN);
    CHECK_EQ(seq, 1);
    CHECK_EQ(apply(&r, 3, "general", 11, 1, &seq), ROOMS_TAKEN);
    CHECK_EQ(seq, 2);
    CHECK(rooms_find(&r, slice_text("nowhere")) == NULL);
    CHECK_EQ(rooms_find(&r, slice_text("general"))->last, 2);
    rooms_deinit(&r);
}

/* A retry gets the first number again; what overtakes its predecessor waits. */
static void a_message_counts_once_and_in_its_clients_order(void **state)
{
    (void)state;
    struct rooms r;
    uint64_t seq;
    CHECK_OK(rooms_init(&r, 7));
    CHECK_EQ(apply(&r, 1, "general", 10, 2, &seq), ROOMS_UNKNOWN);
    CHECK_EQ(apply(&r, 2, "general", 10, 1, &seq), ROOMS_TAKEN);
    CHECK_EQ(apply(&r, 3, "general", 10, 3, &seq), ROOMS_GAP);
    CHECK_EQ(apply(&r, 4, "general", 10, 1, &seq), ROOMS_AGAIN);
    CHECK_EQ(seq, 1);
    CHECK_EQ(apply(&r, 5, "general", 10, 2, &seq), ROOMS_TAKEN);
    CHECK_EQ(seq, 2);
    CHECK(rooms_skipped(&r, 1, 0));
    CHECK(!rooms_skipped(&r, 2, 0));
    CHECK(rooms_skipped(&r, 3, 0));
    CHECK(rooms_skipped(&r, 4, 0));
    for (uint64_t k = 3; k <= 12; k++)
        CHECK_EQ(apply(&r, 3 + k, "general", 10, k, &seq), ROOMS_TAKEN);
    CHECK_EQ(apply(&r, 20, "general", 10, 1, &seq), ROOMS_AGAIN);
    CHECK_EQ(seq, 0); /* too long ago to tell */
    rooms_deinit(&r);
}

static void numbers_are_found_again(void **state)
{
    (void)state;
    struct rooms r;
    struct rooms_run run;
    uint64_t seq, first;
    CHECK_OK(rooms_init(&r, 7));
    for (uint64_t k = 1; k <= 100; k++)
        CHECK_EQ(apply(&r, 1 + (k - 1) / 4 * 3, "general", 10, k, &seq), ROOMS_TAKEN);
    struct rooms_room *room = rooms_find(&r, slice_text("general"));
    for (uint64_t k = 1; k <= 100; k++) {
        CHECK(rooms_locate(room, k, &run));
        CHECK_EQ(run.index, 1 + (k - 1) / 4 * 3);
        CHECK_EQ(run.first, (k - 1) / 4 * 4 + 1);
        CHECK(rooms_in_entry(room, run.index, &first));
        CHECK_EQ(first, run.first);
    }
    CHECK(!rooms_locate(room, 0, &run));
    CHECK(!rooms_locate(room, 101, &run));
    CHECK(!rooms_in_entry(room, 2, &first));
    rooms_drop_before(&r, 8);
    CHECK_EQ(room->first, 13);
    CHECK(!rooms_locate(room, 12, &run));
    CHECK(rooms_locate(room, 13, &run));
    rooms_deinit(&r);
}

/* The oldest session gives way, and begins anew with counter 1. */
static void too_many_sessions_push_out_the_oldest(void **state)
{
    (void)state;
    struct rooms r;
    uint64_t seq, index = 1;
    CHECK_OK(rooms_init(&r, 7));
    for (uint64_t c = 1; c <= ROOMS_SESSIONS_MAX; c++)
        CHECK_EQ(apply(&r, index++, "general", c, 1, &seq), ROOMS_TAKEN);
    CHECK_EQ(apply(&r, index++, "general", 1, 2, &seq), ROOMS_TAKEN); /* used again */
    CHECK_EQ(apply(&r, index++, "general", ROOMS_SESSIONS_MAX + 1, 1, &seq), ROOMS_TAKEN);
    CHECK_EQ(apply(&r, index++, "general", 2, 2, &seq), ROOMS_UNKNOWN);
    CHECK_EQ(apply(&r, index++, "general", 1, 3, &seq), ROOMS_TAKEN);
    rooms_deinit(&r);
}

static enum rooms_verdict apply_first(struct rooms *r, uint64_t index, uint64_t client,
                                      uint64_t since)
{
    struct batch_message m = message("general", client, 1);
    uint32_t at;
    uint64_t seq;
    m.dated = true;
    m.since = since;
    r->applied = index;
    return rooms_apply(r, index, 0, &m, &at, &seq);
}

/* A first message was handed over twice, and its second copy comes when more sessions than are
 * remembered have begun since. What others first say meanwhile counts. */
static void a_late_copy_of_a_first_message_does_not_count_again(void **state)
{
    (void)state;
    struct rooms r, loaded;
    struct pando_buf b;
    uint64_t index = 10;
    CHECK_OK(rooms_init(&r, 7));
    CHECK_EQ(apply_first(&r, index, 1, index - 3), ROOMS_TAKEN);
    for (uint64_t c = 2; c <= ROOMS_SESSIONS_MAX + 1; c++) {
        index++;
        CHECK_EQ(apply_first(&r, index, c, index - 1), ROOMS_TAKEN);
    }
    CHECK_EQ(apply_first(&r, ++index, 1, 7), ROOMS_UNKNOWN);
    CHECK_EQ(r.messages, ROOMS_SESSIONS_MAX + 1);
    buf_init(&b, 4u << 20); /* a snapshot knows that, too */
    CHECK_OK(rooms_save(&r, &b));
    CHECK_OK(rooms_init(&loaded, 8));
    CHECK_OK(rooms_load(&loaded, buf_view(&b)));
    CHECK_EQ(apply_first(&loaded, ++index, 1, 7), ROOMS_UNKNOWN);
    CHECK_EQ(apply_first(&loaded, index + 1, 99999, index), ROOMS_TAKEN);
    buf_deinit(&b);
    rooms_deinit(&loaded);
    rooms_deinit(&r);
}

static void a_room_too_many_is_refused_and_its_counter_used_up(void **state)
{
    (void)state;
    struct rooms r;
    uint64_t seq, counter = 1;
    char name[32];
    CHECK_OK(rooms_init(&r, 7));
    for (int i = 0; i < LOG_ROOMS_MAX; i++) {
        (void)snprintf(name, sizeof name, "room %d", i);
        CHECK_EQ(apply(&r, counter, name, 10, counter, &seq), ROOMS_TAKEN);
        counter++;
    }
    CHECK_EQ(apply(&r, counter, "one more", 10, counter, &seq), ROOMS_FULL);
    CHECK(rooms_skipped(&r, counter, 0));
    counter++;
    CHECK_EQ(apply(&r, counter, "room 5", 10, counter, &seq), ROOMS_TAKEN);
    CHECK_EQ(seq, 2);
    rooms_deinit(&r);
}

/* Two members, one of which starts from the other's snapshot in the middle. */
static void a_loaded_state_goes_on_like_the_saved_one(void **state)
{
    (void)state;
    struct rooms a, b;
    struct pando_buf saved, again;
    struct rng rng = rng_seeded(3);
    uint64_t x, y;
    CHECK_OK(rooms_init(&a, 7));
    CHECK_OK(rooms_init(&b, 8));
    buf_init(&saved, 4u << 20);
    buf_init(&again, 4u << 20);
    for (uint64_t i = 1; i <= 2000; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "r%u", (unsigned)rng_below(&rng, 9));
        const uint64_t client = 1 + rng_below(&rng, 50), counter = 1 + rng_below(&rng, 60);
        const enum rooms_verdict verdict = apply(&a, i, name, client, counter, &x);
        if (i > 1000) {
            CHECK_EQ(apply(&b, i, name, client, counter, &y), verdict);
            CHECK_EQ(x, y);
        }
        if (i == 1000) {
            CHECK_OK(rooms_save(&a, &saved));
            CHECK_OK(rooms_load(&b, buf_view(&saved)));
            CHECK_EQ(b.applied, 1000);
        }
    }
    buf_reset(&saved);
    CHECK_OK(rooms_save(&a, &saved));
    CHECK_OK(rooms_save(&b, &again));
    CHECK_EQ(saved.len, again.len);
    CHECK_MEM(saved.ptr, again.ptr, saved.len);
    rooms_deinit(&b);
    CHECK_OK(rooms_init(&b, 9));
    saved.ptr[0] ^= 1;
    CHECK_EQ(rooms_load(&b, buf_view(&saved)), PANDO_MALFORMED);
    buf_deinit(&saved);
    buf_deinit(&again);
    rooms_deinit(&a);
    rooms_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rooms_are_numbered_one_by_one),
        TEST(a_message_counts_once_and_in_its_clients_order),
        TEST(numbers_are_found_again),
        TEST(too_many_sessions_push_out_the_oldest),
        TEST(a_late_copy_of_a_first_message_does_not_count_again),
        TEST(a_room_too_many_is_refused_and_its_counter_used_up),
        TEST(a_loaded_state_goes_on_like_the_saved_one),
    };
    return CHECK_RUN(tests);
}
