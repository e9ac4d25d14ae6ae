#include "base/map.h"

#include "base/rng.h"
#include "check.h"

enum { KEYS = 500 };

/* Method: a random program of puts and dels runs against the table and a plain array. */
static void agrees_with_a_naive_model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct rng rng = rng_seeded(seed);
        struct map m;
        map_init(&m, sizeof(uint32_t), sizeof(uint64_t), KEYS, seed);
        uint64_t model[KEYS] = { 0 };
        for (int i = 0; i < 5000; i++) {
            const uint32_t key = (uint32_t)rng_below(&rng, KEYS);
            if (rng_chance(&rng, 1, 2)) {
                void *value;
                bool added;
                CHECK_OK(map_put(&m, &key, &value, &added));
                CHECK_EQ(added, model[key] == 0);
                model[key] = rng_next(&rng) | 1;
                memcpy(value, &model[key], sizeof model[key]);
            } else {
                CHECK_EQ(map_del(&m, &key), model[key] != 0);
                model[key] = 0;
            }
        }
        size_t count = 0;
        for (uint32_t key = 0; key < KEYS; key++) {
            const uint64_t *value = map_find(&m, &key);
            CHECK(value == NULL ? model[key] == 0 : *value == model[key]);
            count += value != NULL;
        }
        CHECK_EQ(count, m.len);
        size_t cursor = 0, walked = 0;
        const void *key;
        void *value;
        while (map_next(&m, &cursor, &key, &value))
            walked++;
        CHECK_EQ(walked, count);
        map_deinit(&m);
    }
}

static void refuses_one_entry_more_than_its_cap(void **state)
{
    (void)state;
    struct map m;
    map_init(&m, sizeof(uint64_t), 1, 10, 1);
    void *value;
    bool added;
    for (uint64_t key = 0; key < 10; key++)
        CHECK_OK(map_put(&m, &key, &value, &added));
    const uint64_t extra = 11, known = 3;
    CHECK_EQ(map_put(&m, &extra, &value, &added), PANDO_FULL);
    CHECK_OK(map_put(&m, &known, &value, &added));
    CHECK(!added);
    map_reset(&m);
    CHECK(map_find(&m, &known) == NULL);
    map_deinit(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(agrees_with_a_naive_model),
        TEST(refuses_one_entry_more_than_its_cap),
    };
    return CHECK_RUN(tests);
}
