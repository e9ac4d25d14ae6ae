/* Time travel against a model that asks about every delta at every moment. */
#include "check.h"

#include "base/rng.h"
#include "base/slice.h"
#include "space/delta/negate.h"
#include "space/delta/views_hand.h"

#include <string.h>

#define MOMENTS 30

struct world {
    struct hand h;
    struct delta_source source;
    struct views *v;
};

static void setup(struct world *w)
{
    w->v = hand_open(&w->h);
    w->source = hand_source(&w->h);
}

static void teardown(struct world *w)
{
    hand_close(&w->h, w->v);
}

static void a_random_past(struct world *w, uint64_t seed)
{
    struct rng rng = rng_seeded(seed);
    for (int i = 0; i < 40; i++) {
        char id[16], negated[16];
        (void)snprintf(id, sizeof id, "d%d", i);
        (void)snprintf(negated, sizeof negated, "d%u", (unsigned)rng_below(&rng, 40));
        const int64_t time = 1 + (int64_t)rng_below(&rng, MOMENTS - 2);
        if (rng_below(&rng, 2) == 0)
            hand_negate(&w->h, id, time, negated);
        else
            hand_say(&w->h, id, time, rng_below(&rng, 3) == 0 ? "other" : "o",
                     rng_below(&rng, 2) == 0 ? "name" : "size", "1");
    }
}

/* Whether the n-th delta is seen at t. */
static bool is_seen(struct world *w, size_t n, int64_t t)
{
    bool negated = true;
    if (w->h.deltas[n].timestamp > t)
        return false;
    CHECK_OK(negate_is(&w->source, w->h.deltas[n].id, t, &negated));
    return !negated;
}

static bool is_about(const struct delta *d, const char *object, const char *property)
{
    return d->pointers_len == 2 && slice_equal(d->pointers[0].text, slice_text(object)) &&
           slice_equal(d->pointers[0].context, slice_text(property));
}

static void changes_are_what_differs_between_two_moments(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct world w;
        setup(&w);
        a_random_past(&w, seed);
        json_t *got = hand_ask(w.v, "changes", "{\"id\":\"o\",\"property\":\"name\"}");
        const json_t *list = json_object_get(got, "changes");
        size_t seen = 0, expected = 0;
        for (size_t i = 0; i < json_array_size(list); i++) {
            const json_t *one = json_array_get(list, i);
            const char *kind = json_string_value(json_object_get(one, "change"));
            const json_int_t t = json_integer_value(json_object_get(one, "timestamp"));
            const char *id = json_string_value(json_object_get(json_object_get(one, "delta"), "id"));
            size_t n = 0;
            while (!slice_equal(w.h.deltas[n].id, slice_text(id)))
                n++;
            CHECK(is_about(&w.h.deltas[n], "o", "name"));
            CHECK_EQ(is_seen(&w, n, t), strcmp(kind, "negated") != 0);
            CHECK_EQ(is_seen(&w, n, t - 1), strcmp(kind, "negated") == 0);
            CHECK_EQ(json_object_get(one, "by") != NULL, strcmp(kind, "negated") == 0);
            seen++;
        }
        for (size_t n = 0; n < w.h.len; n++)
            for (int64_t t = 1; t < MOMENTS; t++)
                expected += is_about(&w.h.deltas[n], "o", "name") &&
                            is_seen(&w, n, t) != is_seen(&w, n, t - 1);
        CHECK_EQ(seen, expected);
        json_decref(got);
        teardown(&w);
    }
}

static void a_view_changes_only_at_the_times_of_the_timeline(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct world w;
        setup(&w);
        a_random_past(&w, seed);
        json_t *got = hand_ask(w.v, "timeline", "{\"id\":\"o\"}"), *before = NULL;
        const json_t *times = json_object_get(got, "timestamps");
        for (int64_t t = 0; t < MOMENTS; t++) {
            char args[64];
            bool listed = false;
            (void)snprintf(args, sizeof args, "{\"id\":\"o\",\"at\":%lld}", (long long)t);
            json_t *now = hand_ask(w.v, "at", args);
            for (size_t i = 0; i < json_array_size(times); i++)
                listed = listed || json_integer_value(json_array_get(times, i)) == t;
            CHECK(listed || before == NULL || json_equal(before, now));
            json_decref(before);
            before = now;
        }
        CHECK(json_array_size(times) > 3);
        json_decref(before);
        json_decref(got);
        teardown(&w);
    }
}

static void counts_at_a_time_are_those_of_the_model(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    a_random_past(&w, 9);
    hand_add(&w.h, "{\"id\":\"x\",\"timestamp\":3,\"author\":\"b\",\"system\":\"t\",\"pointers\":[]}");
    for (int64_t t = 0; t < MOMENTS; t += 5) {
        char args[40];
        json_int_t total = 0, active = 0;
        (void)snprintf(args, sizeof args, "{\"at\":%lld}", (long long)t);
        for (size_t n = 0; n < w.h.len; n++) {
            total += w.h.deltas[n].timestamp <= t;
            active += is_seen(&w, n, t);
        }
        json_t *got = hand_ask(w.v, "stats_at", args), *snapshot = hand_ask(w.v, "snapshot", args);
        CHECK_EQ(json_integer_value(json_object_get(got, "total")), total);
        CHECK_EQ(json_integer_value(json_object_get(got, "active")), active);
        CHECK_EQ(json_integer_value(json_object_get(got, "negated")), total - active);
        CHECK_EQ(json_integer_value(json_object_get(got, "uniqueAuthors")), t == 0 ? 0 : 2);
        CHECK_EQ(json_integer_value(json_object_get(got, "uniqueSystems")), t == 0 ? 0 : 2);
        CHECK_EQ(json_integer_value(json_object_get(snapshot, "deltaCount")), active);
        CHECK_EQ(json_integer_value(json_object_get(snapshot, "negatedCount")), total - active);
        json_decref(got);
        json_decref(snapshot);
    }
    teardown(&w);
}

static void a_replay_is_sampled_evenly_and_each_picture_is_the_view_of_its_time(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    for (int i = 1; i <= 21; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "d%d", i);
        hand_say(&w.h, id, i * 10, "o", "name", "1");
    }
    json_t *got = hand_ask(w.v, "replay", "{\"id\":\"o\",\"maxSnapshots\":5}");
    const json_t *list = json_object_get(got, "snapshots");
    static const json_int_t want[] = { 10, 60, 110, 160, 210 };
    CHECK_EQ(json_array_size(list), 5);
    for (size_t i = 0; i < 5; i++) {
        char args[64];
        const json_t *one = json_array_get(list, i);
        CHECK_EQ(json_integer_value(json_object_get(one, "timestamp")), want[i]);
        (void)snprintf(args, sizeof args, "{\"id\":\"o\",\"at\":%lld}", (long long)want[i]);
        json_t *at = hand_ask(w.v, "at", args);
        CHECK(json_equal(at, json_object_get(one, "hyperview")));
        json_decref(at);
    }
    json_decref(got);
    got = hand_ask(w.v, "replay", "{\"id\":\"o\",\"start\":35,\"end\":60}");
    CHECK_EQ(json_array_size(json_object_get(got, "snapshots")), 3);
    json_decref(got);
    teardown(&w);
}

static void a_comparison_tells_what_came_and_went(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    hand_say(&w.h, "old", 10, "o", "name", "1");
    hand_say(&w.h, "gone", 11, "o", "size", "1");
    hand_say(&w.h, "new", 20, "o", "name", "2");
    hand_say(&w.h, "first", 21, "o", "colour", "\"red\"");
    hand_negate(&w.h, "n", 22, "gone");
    json_t *got = hand_ask(w.v, "compare", "{\"id\":\"o\",\"from\":15,\"to\":30}");
    json_t *want = hand_json("{\"deltasAdded\":[\"first\",\"new\"],\"deltasRemoved\":[\"gone\"],"
                             "\"properties\":{\"colour\":\"added\",\"name\":\"changed\","
                             "\"size\":\"removed\"}}");
    CHECK_EQ(json_array_size(json_object_get(json_object_get(got, "before"), "name")), 1);
    CHECK_EQ(json_array_size(json_object_get(json_object_get(got, "after"), "name")), 2);
    (void)json_object_del(got, "before");
    (void)json_object_del(got, "after");
    (void)json_object_del(got, "id");
    CHECK(json_equal(got, want));
    json_decref(got);
    json_decref(want);
    got = hand_ask(w.v, "origin", "{\"id\":\"o\"}");
    CHECK_EQ(json_integer_value(json_object_get(got, "timestamp")), 10);
    CHECK_STR(json_string_value(json_object_get(json_object_get(got, "delta"), "id")), "old");
    json_decref(got);
    CHECK_EQ(hand_call(w.v, "origin", "{\"id\":\"nobody\"}", NULL, NULL, NULL), PANDO_NOT_FOUND);
    teardown(&w);
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *verb, *args, *want;
        enum pando_status status;
    } cases[] = {
        { "fly", NULL, "fly is no verb of views", PANDO_UNSUPPORTED },
        { "hyperview", "[]", "hyperview: the arguments must be an object", PANDO_INVALID },
        { "hyperview", NULL, "hyperview: id must be a text of 1 to 512 bytes", PANDO_INVALID },
        { "hyperview", "{\"id\":\"o\",\"schema\":\"none\"}",
          "hyperview: schema none is not registered and no delta says it: schema.register "
          "it", PANDO_NOT_FOUND },
        { "at", "{\"id\":\"o\"}", "at: at must be a time in whole milliseconds since "
            "1970", PANDO_INVALID },
        { "at", "{\"id\":\"o\",\"at\":-1}", "at: at must be a time in whole milliseconds since 1970",
          PANDO_INVALID },
        { "replay", "{\"id\":\"o\",\"maxSnapshots\":0}",
          "replay: maxSnapshots must be a whole number from 1 to 1000", PANDO_INVALID },
        { "changes", "{\"id\":\"o\"}", "changes: property must be a text of 1 to 512 "
            "bytes", PANDO_INVALID },
        { "view", "{\"id\":\"o\",\"view\":3}", "view: view must be a text of 1 to 512 bytes",
          PANDO_INVALID },
        { "view", "{\"id\":\"o\",\"view\":\"v\"}",
          "view: no view v is registered: schema.register {\"view\": ...}", PANDO_NOT_FOUND },
        { "schema.register", "{}", "schema.register takes a schema or a view, one of "
            "them", PANDO_INVALID },
        { "schema.register", "{\"schema\":{\"id\":\"plain\"}}",
          "schema.id: plain is built in: choose another", PANDO_INVALID },
        { "schema.show", "{\"id\":\"x\"}", "schema.show: x is not known: schema.ls lists what is",
          PANDO_NOT_FOUND },
        { "schema.load", "{\"id\":\"x\"}", "schema.load: no delta says what x is", PANDO_NOT_FOUND },
    };
    struct world w;
    setup(&w);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pando_err err = { 0 };
        CHECK_EQ(hand_call(w.v, cases[i].verb, cases[i].args, NULL, NULL, &err), cases[i].status);
        CHECK_STR(err.text, cases[i].want);
    }
    struct views_stats s;
    views_stats(w.v, &s);
    CHECK_EQ(s.calls, 0);
    teardown(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(changes_are_what_differs_between_two_moments),
        TEST(a_view_changes_only_at_the_times_of_the_timeline),
        TEST(counts_at_a_time_are_those_of_the_model),
        TEST(a_replay_is_sampled_evenly_and_each_picture_is_the_view_of_its_time),
        TEST(a_comparison_tells_what_came_and_went),
        TEST(what_is_wrong_is_named),
    };
    return CHECK_RUN(tests);
}
