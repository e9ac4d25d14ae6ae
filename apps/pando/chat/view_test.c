#include "apps/pando/chat/view.h"

#include "check.h"

static struct chat_view entered(uint64_t first, uint64_t last)
{
    struct chat_view v = { 0 };
    uint64_t from, limit;
    chat_view_enter(&v);
    CHECK(chat_view_wants(&v, &from, &limit));
    CHECK_EQ(from, 0);
    CHECK_EQ(limit, VIEW_PAST);
    for (uint64_t seq = first; seq <= last && seq > 0; seq++)
        CHECK(chat_view_read(&v, seq));
    chat_view_read_end(&v, last);
    return v;
}

static void an_empty_room_shows_its_first_message(void **state)
{
    (void)state;
    struct chat_view v = entered(0, 0);
    uint64_t from, limit;
    CHECK(!chat_view_wants(&v, &from, &limit));
    CHECK(chat_view_told(&v, 1));
    CHECK(!chat_view_told(&v, 1));
    CHECK(chat_view_told(&v, 2));
}

static void what_came_while_the_first_read_ran_is_read_too(void **state)
{
    (void)state;
    struct chat_view v = { 0 };
    uint64_t from, limit;
    chat_view_enter(&v);
    CHECK(chat_view_wants(&v, &from, &limit));
    CHECK(!chat_view_told(&v, 8)); /* nobody knows yet what comes before it */
    CHECK(chat_view_read(&v, 6));
    CHECK(chat_view_read(&v, 7));
    chat_view_read_end(&v, 7);
    CHECK(chat_view_wants(&v, &from, &limit));
    CHECK_EQ(from, 8);
    CHECK(chat_view_read(&v, 8));
    chat_view_read_end(&v, 8);
    CHECK(!chat_view_wants(&v, &from, &limit));
}

static void a_hole_is_read_once_and_nothing_is_shown_twice(void **state)
{
    (void)state;
    struct chat_view v = entered(1, 3);
    uint64_t from, limit;
    CHECK(!chat_view_told(&v, 7));
    CHECK(chat_view_wants(&v, &from, &limit));
    CHECK_EQ(from, 4);
    CHECK(!chat_view_wants(&v, &from, &limit));
    CHECK(chat_view_told(&v, 4)); /* it came after all, before the answer */
    CHECK(!chat_view_read(&v, 4));
    CHECK(chat_view_read(&v, 5));
    CHECK(chat_view_read(&v, 6));
    CHECK(chat_view_read(&v, 7));
    chat_view_read_end(&v, 7);
    CHECK(!chat_view_wants(&v, &from, &limit));
    CHECK(chat_view_told(&v, 8));
}

/* The last messages may be the ones that were dropped: nothing later tells of them. */
static void what_was_dropped_at_the_end_is_looked_for(void **state)
{
    (void)state;
    struct chat_view v = entered(1, 3);
    uint64_t from, limit;
    chat_view_missed(&v);
    CHECK(chat_view_wants(&v, &from, &limit));
    CHECK_EQ(from, 4);
    CHECK(chat_view_read(&v, 4));
    CHECK(chat_view_read(&v, 5));
    chat_view_read_end(&v, 9); /* more than one answer holds */
    chat_view_missed(&v);
    CHECK(chat_view_wants(&v, &from, &limit));
    CHECK_EQ(from, 6);
    chat_view_read_end(&v, 5); /* they were another room's */
    CHECK(!chat_view_wants(&v, &from, &limit));
}

static void what_is_not_kept_any_more_is_passed_over(void **state)
{
    (void)state;
    struct chat_view v = entered(1, 3);
    uint64_t from, limit;
    CHECK(!chat_view_told(&v, 100));
    CHECK(chat_view_wants(&v, &from, &limit));
    CHECK(chat_view_read(&v, 90));
    CHECK(chat_view_read(&v, 91));
    chat_view_read_end(&v, 100);
    CHECK(chat_view_wants(&v, &from, &limit));
    CHECK_EQ(from, 92);
}

static void a_failed_read_is_tried_again(void **state)
{
    (void)state;
    struct chat_view v = { 0 };
    uint64_t from, limit;
    chat_view_enter(&v);
    CHECK(chat_view_wants(&v, &from, &limit));
    chat_view_read_failed(&v);
    CHECK(chat_view_wants(&v, &from, &limit));
}

static void an_answer_without_progress_ends_the_asking(void **state)
{
    (void)state;
    struct chat_view v = entered(1, 3);
    uint64_t from, limit;
    CHECK(!chat_view_told(&v, 9));
    CHECK(chat_view_wants(&v, &from, &limit));
    chat_view_read_end(&v, 3);
    CHECK(!chat_view_wants(&v, &from, &limit));
    CHECK(!chat_view_told(&v, 10));
    CHECK(chat_view_wants(&v, &from, &limit));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_empty_room_shows_its_first_message),
        TEST(what_came_while_the_first_read_ran_is_read_too),
        TEST(a_hole_is_read_once_and_nothing_is_shown_twice),
        TEST(what_was_dropped_at_the_end_is_looked_for),
        TEST(what_is_not_kept_any_more_is_passed_over),
        TEST(a_failed_read_is_tried_again),
        TEST(an_answer_without_progress_ends_the_asking),
    };
    return CHECK_RUN(tests);
}
