#include "space/delta/origins.h"

#include "check.h"

static void each_ticket_has_the_origin_that_was_noted(void **state)
{
    (void)state;
    struct origins o = { .len = 0 };
    CHECK_EQ(origins_of(&o, 1), ORIGINS_NOBODY);
    origins_note(&o, 1, 7);
    origins_note(&o, 5, 7);
    origins_note(&o, 6, 9);
    for (uint64_t t = 7; t <= 100; t++)
        origins_note(&o, t, (uint32_t)t);
    for (uint64_t t = 1; t <= 5; t++)
        CHECK_EQ(origins_of(&o, t), 7);
    CHECK_EQ(origins_of(&o, 6), 9);
    CHECK_EQ(origins_of(&o, 50), 50);
    CHECK_EQ(origins_of(&o, 101), ORIGINS_NOBODY);
    CHECK(origins_same(&o, 1, 5));
    CHECK(!origins_same(&o, 5, 6));
    origins_drop(&o, 3);
    CHECK_EQ(origins_of(&o, 4), 7);
    origins_drop(&o, 99);
    CHECK_EQ(o.len, 1);
    CHECK_EQ(origins_of(&o, 100), 100);
    origins_drop(&o, 100);
    origins_note(&o, 101, 4);
    CHECK_EQ(origins_of(&o, 101), 4);
    origins_deinit(&o);
}

static void beyond_the_cap_deltas_are_nobodys(void **state)
{
    (void)state;
    struct origins o = { .len = 0 };
    for (uint64_t t = 1; t <= ORIGINS_MAX + 10; t++)
        origins_note(&o, t, t % 2);
    CHECK_EQ(o.len, ORIGINS_MAX);
    CHECK_EQ(origins_of(&o, ORIGINS_MAX - 1), 1);
    for (uint64_t t = ORIGINS_MAX; t <= ORIGINS_MAX + 10; t++)
        CHECK_EQ(origins_of(&o, t), ORIGINS_NOBODY);
    origins_deinit(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_ticket_has_the_origin_that_was_noted),
        TEST(beyond_the_cap_deltas_are_nobodys),
    };
    return CHECK_RUN(tests);
}
