#include "store/crc32c.h"

#include "base/rng.h"
#include "base/slice.h"
#include "check.h"

/* Source of the vectors: RFC 3720, appendix B.4, and the usual check value. */
static void gives_the_published_values(void **state)
{
    (void)state;
    uint8_t bytes[32];
    CHECK_EQ(crc32c(0, slice_text("123456789")), 0xe3069283u);
    memset(bytes, 0, sizeof bytes);
    CHECK_EQ(crc32c(0, slice_of(bytes, 32)), 0x8a9136aau);
    memset(bytes, 0xff, sizeof bytes);
    CHECK_EQ(crc32c(0, slice_of(bytes, 32)), 0x62a8ab43u);
    for (uint8_t i = 0; i < 32; i++)
        bytes[i] = i;
    CHECK_EQ(crc32c(0, slice_of(bytes, 32)), 0x46dd794eu);
    CHECK_EQ(crc32c(0, SLICE_EMPTY), 0);
}

static void both_paths_agree_on_any_cut(void **state)
{
    (void)state;
    struct rng rng = rng_seeded(1);
    uint8_t bytes[200];
    for (int i = 0; i < 2000; i++) {
        const size_t len = rng_below(&rng, sizeof bytes), cut = rng_below(&rng, len + 1);
        rng_fill(&rng, bytes, len);
        const uint32_t whole = crc32c(0, slice_of(bytes, len));
        CHECK_EQ(crc32c_portable(0, slice_of(bytes, len)), whole);
        CHECK_EQ(crc32c(crc32c_portable(0, slice_of(bytes, cut)),
                        slice_of(bytes + cut, len - cut)),
                 whole);
    }
}

/* Long ones go through several lanes at once. */
static void long_ones_agree_too(void **state)
{
    (void)state;
    static uint8_t bytes[50000];
    struct rng rng = rng_seeded(2);
    rng_fill(&rng, bytes, sizeof bytes);
    for (size_t len = 6000; len < sizeof bytes; len += 1237)
        CHECK_EQ(crc32c(7, slice_of(bytes + len % 8, len)),
                 crc32c_portable(7, slice_of(bytes + len % 8, len)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(gives_the_published_values),
        TEST(both_paths_agree_on_any_cut),
        TEST(long_ones_agree_too),
    };
    return CHECK_RUN(tests);
}
