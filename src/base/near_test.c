#include "base/near.h"

#include "check.h"

static const char *nearest(const char *word)
{
    struct near_search s = { .word = word };
    near_offer(&s, "status");
    near_offer(&s, "space");
    near_offer(&s, "peer");
    near_offer(&s, "log.rotate_mb");
    return s.best;
}

static void edits_are_counted_and_a_swap_is_one(void **state)
{
    (void)state;
    CHECK_EQ(near_distance("", ""), 0);
    CHECK_EQ(near_distance("", "abc"), 3);
    CHECK_EQ(near_distance("kitten", "sitting"), 3);
    CHECK_EQ(near_distance("peer", "pere"), 1);
    CHECK_EQ(near_distance("PEER", "peer"), 0);
}

static void a_slip_of_the_finger_finds_its_word(void **state)
{
    (void)state;
    CHECK_STR(nearest("stauts"), "status");
    CHECK_STR(nearest("per"), "peer");
    CHECK_STR(nearest("log.rotate"), "log.rotate_mb");
    CHECK_STR(nearest("Spcae"), "space");
}

static void a_word_far_from_all_has_no_neighbour(void **state)
{
    (void)state;
    CHECK(nearest("xyzzy") == NULL);
    CHECK(nearest("") == NULL);
    CHECK(
        nearest("a-word-much-too-long-for-anybody-to-have-typed-it-by-hand-in-a-shell") ==
        NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(edits_are_counted_and_a_swap_is_one),
        TEST(a_slip_of_the_finger_finds_its_word),
        TEST(a_word_far_from_all_has_no_neighbour),
    };
    return CHECK_RUN(tests);
}
