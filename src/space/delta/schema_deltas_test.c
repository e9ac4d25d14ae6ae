/* Schemas that are deltas: read, changed, taken back, found when they are needed. */
#include "check.h"

#include "base/slice.h"
#include "space/delta/schema_deltas.h"
#include "space/delta/views_hand.h"

#include <stdlib.h>
#include <string.h>

struct world {
    struct hand h;
    struct views *v;
};

static void setup(struct world *w)
{
    w->v = hand_open(&w->h);
    w->h.views = w->v;
    w->h.busy_every = 5;
}

static void teardown(struct world *w)
{
    hand_close(&w->h, w->v);
}

/* Whether the answer to a hyperview of f shows the name of p inside. */
static bool nests(struct world *w)
{
    json_t *got = hand_ask(w->v, "hyperview", "{\"id\":\"f\",\"schema\":\"film\"}");
    char *text = json_dumps(got, 0);
    const bool is = strstr(text, "Keanu") != NULL;
    free(text);
    json_decref(got);
    return is;
}

/* A delta about a schema. */
static void say_schema(struct world *w, const char *id, int64_t time, const char *context,
                       const char *more)
{
    char text[512];
    (void)snprintf(text, sizeof text,
                   "{\"id\":\"%s\",\"timestamp\":%lld,\"pointers\":[{\"role\":\"schema\",\"target\":"
                   "{\"id\":\"film\",\"context\":\"%s\"}},%s]}", id, (long long)time, context, more);
    hand_add(&w->h, text);
}

static void say_films(struct world *w)
{
    hand_say(&w->h, "c", 5, "f", "actor", "{\"id\":\"p\"}");
    hand_say(&w->h, "n", 6, "p", "name", "\"Keanu\"");
}

static void rules_count_from_the_delta_that_says_them_to_the_one_that_takes_them_back(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    say_films(&w);
    CHECK_EQ(hand_call(w.v, "hyperview", "{\"id\":\"f\","
        "\"schema\":\"film\"}", NULL, NULL, NULL), PANDO_NOT_FOUND);
    say_schema(&w, "s1", 10, "name", "{\"role\":\"name\",\"target\":\"Film\"}");
    CHECK(!nests(&w));
    say_schema(&w, "s2", 11, "transform",
               "{\"role\":\"on-context\",\"target\":\"actor\"},{\"role\":\"apply-schema\","
               "\"target\":{\"id\":\"plain\"}}");
    CHECK(nests(&w));
    hand_negate(&w.h, "x", 12, "s2");
    CHECK(!nests(&w));
    hand_negate(&w.h, "y", 13, "x");
    CHECK(nests(&w));
    hand_remove(&w.h, "y");
    hand_remove(&w.h, "x");
    hand_remove(&w.h, "s2");
    CHECK(!nests(&w));
    /* A schema of which nothing is left is no schema. */
    hand_negate(&w.h, "z", 14, "s1");
    CHECK_EQ(hand_call(w.v, "hyperview", "{\"id\":\"f\","
        "\"schema\":\"film\"}", NULL, NULL, NULL), PANDO_NOT_FOUND);
    teardown(&w);
}

static void versions_are_told_apart_by_their_hash(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    say_schema(&w, "s1", 10, "select", "{\"role\":\"pattern\","
        "\"target\":{\"id\":\"select_by_target_context\"}}");
    json_t *got = hand_ask(w.v, "schema.load", "{\"id\":\"film\"}");
    json_t *want = hand_json("{\"loaded\":[\"film\"],\"changed\":[\"film\"]}");
    CHECK(json_equal(got, want));
    json_decref(got);
    got = hand_ask(w.v, "schema.changed", "{\"id\":\"film\"}");
    CHECK(json_is_false(json_object_get(got, "changed")));
    json_decref(got);
    say_schema(&w, "s2", 20, "transform", "{\"role\":\"rules\","
        "\"target\":\"{\\\"actor\\\":\\\"person\\\"}\"}");
    got = hand_ask(w.v, "schema.changed", "{\"id\":\"film\"}");
    CHECK(json_is_true(json_object_get(got, "changed")));
    json_decref(got);
    got = hand_ask(w.v, "schema.load", NULL);
    CHECK(json_equal(got, want));
    json_decref(got);
    got = hand_ask(w.v, "schema.load", NULL);
    CHECK_EQ(json_array_size(json_object_get(got, "changed")), 0);
    json_decref(got);
    got = hand_ask(w.v, "schema.show", "{\"id\":\"film\"}");
    CHECK_EQ(json_integer_value(json_object_get(got, "version")), 20);
    CHECK(json_is_true(json_object_get(got, "fromDeltas")));
    json_decref(got);
    json_decref(want);
    teardown(&w);
}

static void nonsense_in_a_schema_is_passed_over(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    say_films(&w);
    say_schema(&w, "s1", 10, "transform", "{\"role\":\"rules\","
        "\"target\":\"{\\\"actor\\\":\\\"plain\\\"}\"}");
    say_schema(&w, "s2", 11, "transform", "{\"role\":\"rules\",\"target\":\"{\\\"actor\\\":7}\"}");
    say_schema(&w, "s3", 12, "transform", "{\"role\":\"rules\",\"target\":\"{{{\"}");
    say_schema(&w, "s4", 13, "transform", "{\"role\":\"rules\",\"target\":7}");
    say_schema(&w, "s5", 14, "select", "{\"role\":\"pattern\",\"target\":{\"id\":\"by_magic\"}}");
    say_schema(&w, "s6", 15, "name", "{\"role\":\"name\",\"target\":\"\"}");
    say_schema(&w, "s7", 16, "transform", "{\"role\":\"on-context\",\"target\":\"a\\u0000b\"},"
                                          "{\"role\":\"apply-schema\",\"target\":{\"id\":\"x\"}}");
    CHECK(nests(&w));
    /* Later rules of a role come first. */
    say_schema(&w, "s8", 17, "transform", "{\"role\":\"rules\","
        "\"target\":\"{\\\"actor\\\":\\\"String\\\"}\"}");
    CHECK(!nests(&w));
    teardown(&w);
}

static void what_a_schema_says_as_deltas_reads_as_the_same_schema(void **state)
{
    (void)state;
    static const char *const schemas[] = {
        "{\"schema\":{\"id\":\"film\"}}",
        "{\"schema\":{\"id\":\"film\",\"name\":\"Film\",\"select\":{\"cast\":[\"a\",\"b\"],\"*\":true},"
        "\"transform\":{\"actor\":[{\"schema\":\"p\",\"when\":{\"role\":\"k\",\"equals\":1}},"
        "\"q\"],\"year\":\"Integer.Year\"}}}",
    };
    for (size_t i = 0; i < 2; i++) {
        struct world w;
        setup(&w);
        json_t *registered = hand_ask(w.v, "schema.register", schemas[i]);
        json_t *deltas = hand_ask(w.v, "schema.deltas", "{\"id\":\"film\"}");
        for (size_t k = 0; k < json_array_size(deltas); k++) {
            json_t *d = json_array_get(deltas, k);
            char id[24];
            (void)snprintf(id, sizeof id, "s%zu", k);
            (void)json_object_set_new(d, "id", json_string(id));
            (void)json_object_set_new(d, "timestamp", json_integer(100 - (json_int_t)k));
        }
        hand_add_value(&w.h, deltas);
        json_t *got = hand_ask(w.v, "schema.changed", "{\"id\":\"film\"}");
        CHECK(json_is_false(json_object_get(got, "changed")));
        json_decref(got);
        json_decref(deltas);
        json_decref(registered);
        teardown(&w);
    }
}

/* What a rule names is looked for as well, and again when a delta about it comes. */
static void a_schema_that_comes_late_is_seen_from_then_on(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    say_films(&w);
    json_decref(hand_ask(w.v, "schema.register",
                    "{\"schema\":{\"id\":\"film\",\"transform\":{\"actor\":\"person\"}}}"));
    CHECK(!nests(&w));
    hand_add(&w.h, "{\"id\":\"s\",\"timestamp\":9,\"pointers\":[{\"role\":\"schema\","
        "\"target\":{\"id\":\"person\","
                   "\"context\":\"name\"}},{\"role\":\"name\",\"target\":\"Person\"}]}");
    CHECK(nests(&w));
    teardown(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rules_count_from_the_delta_that_says_them_to_the_one_that_takes_them_back),
        TEST(versions_are_told_apart_by_their_hash),
        TEST(nonsense_in_a_schema_is_passed_over),
        TEST(what_a_schema_says_as_deltas_reads_as_the_same_schema),
        TEST(a_schema_that_comes_late_is_seen_from_then_on),
    };
    return CHECK_RUN(tests);
}
