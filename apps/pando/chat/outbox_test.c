#include "apps/pando/chat/outbox.h"

#include "check.h"

#include <stdlib.h>

static struct pando_time at(uint64_t ms)
{
    return (struct pando_time){ ms * 1000000 };
}

static struct chat_outbox *filled(const char *const *lines)
{
    struct chat_outbox *o = malloc(sizeof *o);
    CHECK(o != NULL);
    chat_outbox_init(o, 77);
    for (; *lines != NULL; lines++)
        CHECK_OK(chat_outbox_put(o, "general", *lines));
    return o;
}

static void finish(struct chat_outbox *o)
{
    chat_outbox_deinit(o);
    free(o);
}

static void lines_leave_in_order_one_at_a_time(void **state)
{
    (void)state;
    struct chat_outbox *o = filled((const char *const[]){ "a", "b", NULL });
    CHECK_STR(chat_outbox_next(o, at(1))->text, "a");
    CHECK_EQ(o->counter, 1);
    CHECK(chat_outbox_next(o, at(2)) == NULL);
    CHECK_EQ(chat_outbox_deadline(o).ns, UINT64_MAX);
    CHECK_EQ(chat_outbox_answer(o, at(3), PANDO_OK), OUTBOX_DONE);
    CHECK_STR(chat_outbox_next(o, at(3))->text, "b");
    CHECK_EQ(o->counter, 2);
    CHECK_EQ(chat_outbox_answer(o, at(4), PANDO_OK), OUTBOX_DONE);
    CHECK(chat_outbox_next(o, at(4)) == NULL);
    CHECK_EQ(o->len, 0);
    finish(o);
}

/* Who does not know whether a line was taken hands it over again under its own counter. */
static void a_failure_that_may_pass_keeps_line_and_counter(void **state)
{
    (void)state;
    struct chat_outbox *o = filled((const char *const[]){ "a", NULL });
    CHECK(chat_outbox_next(o, at(1)) != NULL);
    CHECK_EQ(chat_outbox_answer(o, at(1), PANDO_TIMEOUT), OUTBOX_LATER);
    CHECK(o->trouble);
    CHECK(chat_outbox_next(o, at(2)) == NULL);
    CHECK_EQ(chat_outbox_deadline(o).ns, at(1 + 200).ns);
    CHECK_STR(chat_outbox_next(o, at(201))->text, "a");
    CHECK_EQ(o->client, 77);
    CHECK_EQ(o->counter, 1);
    CHECK_EQ(chat_outbox_answer(o, at(202), PANDO_OK), OUTBOX_DONE);
    CHECK(!o->trouble);
    finish(o);
}

static void a_line_that_can_never_leave_makes_room_for_the_next(void **state)
{
    (void)state;
    struct chat_outbox *o = filled((const char *const[]){ "a", "b", NULL });
    CHECK(chat_outbox_next(o, at(1)) != NULL);
    CHECK_EQ(chat_outbox_answer(o, at(1), PANDO_INVALID), OUTBOX_DROPPED);
    CHECK_STR(chat_outbox_next(o, at(1))->text, "b");
    CHECK_EQ(o->client, 78); /* another session: the counter before is missing in the old */
    CHECK_EQ(o->counter, 1);
    finish(o);
}

static void it_is_full_at_its_cap_and_goes_round(void **state)
{
    (void)state;
    struct chat_outbox *o = filled((const char *const[]){ NULL });
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < OUTBOX_MAX; i++)
            CHECK_OK(chat_outbox_put(o, "r", "x"));
        CHECK_EQ(chat_outbox_put(o, "r", "x"), PANDO_FULL);
        for (int i = 0; i < OUTBOX_MAX / 2 + 7; i++) {
            CHECK(chat_outbox_next(o, at(1)) != NULL);
            CHECK_EQ(chat_outbox_answer(o, at(1), PANDO_OK), OUTBOX_DONE);
        }
        while (chat_outbox_next(o, at(1)) != NULL)
            CHECK_EQ(chat_outbox_answer(o, at(1), PANDO_OK), OUTBOX_DONE);
        CHECK_EQ(o->len, 0);
    }
    finish(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lines_leave_in_order_one_at_a_time),
        TEST(a_failure_that_may_pass_keeps_line_and_counter),
        TEST(a_line_that_can_never_leave_makes_room_for_the_next),
        TEST(it_is_full_at_its_cap_and_goes_round),
    };
    return CHECK_RUN(tests);
}
