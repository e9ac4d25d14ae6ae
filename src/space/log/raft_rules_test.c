/* raft_rules_test.c - the schedules of raft_rules.c hold. */
#include "check.h"
#include "space/log/raft_rules.h"

static void holds(void **state)
{
    const struct raft_rule *rule = *state;
    const char *what = rule->run();
    if (what != NULL) {
        print_error("%s: %s\n", rule->name, what);
        fail();
    }
}

int main(void)
{
    struct CMUnitTest tests[32];
    for (uint32_t i = 0; i < raft_rules_len; i++)
        tests[i] = (struct CMUnitTest){ raft_rules[i].name, holds, NULL, NULL,
                                        (void *)(uintptr_t)&raft_rules[i] };
    return _cmocka_run_group_tests("raft rules", tests, raft_rules_len, NULL, NULL);
}
