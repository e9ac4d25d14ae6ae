/* nodes_test.c - two rounds over the nodes, then pauses that grow. */
#include "apps/pando/client/nodes.h"

#include "check.h"

static void a_list_is_read_and_a_mistake_is_named(void **state)
{
    (void)state;
    struct nodes n = { 0 };
    struct pando_err err = { 0 };
    CHECK_OK(nodes_add(&n, "127.0.0.1:5001", &err));
    CHECK_OK(nodes_add(&n, "127.0.0.1:5001,127.0.0.1:5002,node3:5003", &err));
    CHECK_EQ(n.len, 3);
    CHECK_STR(n.at[2].host, "node3");
    CHECK_STR(n.at[2].port, "5003");
    static const char *const bad[] = { "5001", "a:", ":5001", "a:70000", "a:0", "a:5x" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_EQ(nodes_add(&n, bad[i], &err), PANDO_INVALID);
        CHECK(strstr(err.text, bad[i]) != NULL);
    }
    CHECK_EQ(n.len, 3);
}

static void pauses_grow_by_half_up_to_thirty_seconds(void **state)
{
    (void)state;
    struct nodes n = { 0 };
    struct pando_err err = { 0 };
    struct pando_span pause;
    CHECK_OK(nodes_add(&n, "a:1,b:2", &err));
    static const uint64_t expected[] = { 2000, 3000, 4500, 6750, 10125, 15187, 22781, 30000,
                                         30000 };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        for (int k = 0; k < 3; k++) {
            CHECK(!nodes_failed(&n, &pause));
            CHECK(pause.ns <= PANDO_MSEC(200).ns);
        }
        CHECK(nodes_failed(&n, &pause));
        CHECK_EQ(n.current, 0);
        CHECK_EQ(pause.ns / 1000000, expected[i]);
    }
    nodes_succeeded(&n);
    for (int k = 0; k < 3; k++)
        CHECK(!nodes_failed(&n, &pause));
    CHECK(nodes_failed(&n, &pause));
    CHECK_EQ(pause.ns, PANDO_SEC(2).ns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_list_is_read_and_a_mistake_is_named),
        TEST(pauses_grow_by_half_up_to_thirty_seconds),
    };
    return CHECK_RUN(tests);
}
