#include "space/effects.h"

#include "base/bytes.h"
#include "base/slice.h"
#include "check.h"

static void effects_come_out_in_their_order_with_their_own_text(void **state)
{
    (void)state;
    struct space_effects q = { 0 };
    struct space_effect e;
    char reason[] = "first";
    CHECK(!space_effects_poll(&q, &e));
    for (uint64_t round = 0; round < 3; round++) {
        for (uint64_t i = 0; i < 200; i++) {
            const struct space_effect in = { .kind = SPACE_PIPE_CLOSE, .value = i };
            space_effects_put(&q, &in, i % 2 == 0 ? reason : NULL);
        }
        for (uint64_t i = 0; i < 200; i++) {
            CHECK(!space_effects_empty(&q));
            CHECK(space_effects_poll(&q, &e));
            CHECK_EQ(e.value, i);
            CHECK((e.text != NULL) == (i % 2 == 0));
            CHECK(e.text == NULL || (e.text != reason && strcmp(e.text, reason) == 0));
        }
        CHECK(!space_effects_poll(&q, &e) && space_effects_empty(&q));
    }
    space_effects_deinit(&q);
}

static void what_was_not_polled_is_given_back(void **state)
{
    (void)state;
    struct space_effects q = { 0 };
    struct bytes *b = bytes_copy(slice_text("owned by two"));
    const struct space_effect in = { .kind = SPACE_SEND, .bytes = bytes_ref(b) };
    space_effects_put(&q, &in, "text");
    space_effects_deinit(&q); /* the sanitizer would see what is left */
    bytes_unref(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(effects_come_out_in_their_order_with_their_own_text),
        TEST(what_was_not_polled_is_given_back),
    };
    return CHECK_RUN(tests);
}
