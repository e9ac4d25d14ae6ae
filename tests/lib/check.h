/* check.h - the words in which our tests speak, over cmocka.
 *
 * Test functions take no argument and are named as sentences; TEST(f) lists one in main's
 * table. CHECK_NOTE leaves a line (a seed, a case) that is printed only on failure.
 */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <pando/status.h>

#define CHECK(condition) assert_true(condition)
#define CHECK_EQ(got, want)                                                             \
    do {                                                                                \
        const long long check_got = (long long)(got), check_want = (long long)(want);   \
        if (check_got != check_want) {                                                  \
            print_error("%s is %lld, not %lld\n", #got, check_got, check_want);          \
            fail();                                                                     \
        }                                                                               \
    } while (0)
#define CHECK_OK(call)                                                                  \
    do {                                                                                \
        const enum pando_status check_st = (call);                                      \
        if (check_st != PANDO_OK) {                                                     \
            print_error("%s gave %s\n", #call, pando_status_name(check_st));             \
            fail();                                                                     \
        }                                                                               \
    } while (0)
#define CHECK_STR(got, want) assert_string_equal(got, want)
#define CHECK_MEM(got, want, len) assert_memory_equal(got, want, len)
#define CHECK_NOTE(...) print_message(__VA_ARGS__)

/* An entry of the table for CHECK_RUN; the sentence is the function's own name. */
#define TEST(function)                                                                  \
    {                                                                                   \
        #function, function, NULL, NULL, NULL                                           \
    }
#define CHECK_RUN(tests) cmocka_run_group_tests(tests, NULL, NULL)

#endif
