#include "store/bloom.h"

#include "base/slice.h"
#include "check.h"

static struct pando_slice key_of(uint64_t n, uint64_t *room)
{
    *room = n;
    return slice_of(room, sizeof *room);
}

static void what_was_added_is_never_denied_and_little_else_is_found(void **state)
{
    (void)state;
    const uint64_t sizes[] = { 1, 10, 1000, 100000 };
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        const uint64_t n = sizes[s];
        struct bloom *b = bloom_new(n, 7 + s);
        uint64_t room, found = 0;
        CHECK(b != NULL && bloom_room(b) == n);
        for (uint64_t i = 0; i < n; i++)
            bloom_add(b, key_of(i, &room));
        CHECK_EQ(bloom_count(b), n);
        for (uint64_t i = 0; i < n; i++)
            CHECK(bloom_may_have(b, key_of(i, &room)));
        for (uint64_t i = 0; i < 100000; i++)
            found += bloom_may_have(b, key_of(UINT64_C(1) << 40 | i, &room));
        CHECK(found < 100000 / 40);
        bloom_free(b);
    }
}

static void keys_of_any_length_are_told_apart(void **state)
{
    (void)state;
    const uint8_t bytes[40] = { 0 };
    struct bloom *b = bloom_new(100, 3);
    CHECK(b != NULL);
    bloom_add(b, slice_of(bytes, 0));
    bloom_add(b, slice_of(bytes, 17));
    CHECK(bloom_may_have(b, slice_of(bytes, 0)));
    CHECK(bloom_may_have(b, slice_of(bytes, 17)));
    CHECK(!bloom_may_have(b, slice_of(bytes, 16)));
    CHECK(!bloom_may_have(b, slice_of(bytes, 40)));
    bloom_free(b);
}

static void too_many_keys_get_no_filter(void **state)
{
    (void)state;
    CHECK(bloom_new(BLOOM_KEYS_MAX + 1, 1) == NULL);
    bloom_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_added_is_never_denied_and_little_else_is_found),
        TEST(keys_of_any_length_are_told_apart),
        TEST(too_many_keys_get_no_filter),
    };
    return CHECK_RUN(tests);
}
