/* Views: each way to take a value out and each way to make one of many. */
#include "check.h"

#include "base/rng.h"
#include "base/slice.h"
#include "codec/json.h"
#include "space/delta/view.h"
#include "space/delta/views_hand.h"

#include <string.h>

struct world {
    struct hand h;
    struct views *v;
};

static void setup(struct world *w)
{
    hand_init(&w->h);
    const struct views_config config = { .source = hand_source(&w->h) };
    CHECK_OK(views_new(&config, &w->v, NULL));
    w->h.views = w->v;
}

static void teardown(struct world *w)
{
    views_free(w->v);
    hand_deinit(&w->h);
}

static const char *no_capsule(const char *capsule, const json_t *input)
{
    (void)capsule;
    (void)input;
    return NULL;
}

/* The view of o with these properties. */
static json_t *resolve(struct world *w, const char *properties, const char *more,
                       hand_capsule *capsule)
{
    char args[4096];
    struct pando_err err = { 0 };
    json_t *got = NULL;
    (void)snprintf(args, sizeof args, "{\"id\":\"o\","
        "\"view\":{\"properties\":{%s}}%s}", properties, more);
    if (hand_call(w->v, "view", args, capsule, &got, &err) != PANDO_OK)
        fail_msg("%s: %s", args, err.text);
    return got;
}

static void expect(struct world *w, const char *resolve_as, const char *want)
{
    char properties[512];
    (void)snprintf(properties, sizeof properties,
                   "\"p\":{\"source\":\"n\",\"extract\":{\"primitive\":\"n\"},"
                   "\"resolve\":%s}", resolve_as);
    json_t *got = resolve(w, properties, "", no_capsule);
    json_t *wanted = want == NULL ? NULL : json_loads(want, JSON_DECODE_ANY, NULL);
    const json_t *value = json_object_get(got, "p");
    if (want == NULL ? value != NULL : !json_equal(value, wanted)) {
        char *text = json_dumps(got, 0);
        fail_msg("%s gave %s, not %s", resolve_as, text, want != NULL ? want : "nothing");
    }
    json_decref(got);
    json_decref(wanted);
}

static void say(struct world *w, const char *id, int64_t time, const char *who, const char *value)
{
    char text[512];
    (void)snprintf(text, sizeof text,
                   "{\"id\":\"%s\",\"timestamp\":%lld,\"author\":\"%s\",\"system\":\"sys-%s\","
                   "\"pointers\":["
                   "{\"role\":\"of\",\"target\":{\"id\":\"o\",\"context\":\"n\"}},{\"role\":\"n\","
                   "\"target\":%s}]}",
                   id, (long long)time, who, who, value);
    hand_add(&w->h, text);
}

static void strategies_choose_as_they_say(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    expect(&w, "\"mostRecent\"", NULL);
    expect(&w, "\"average\"", NULL);
    expect(&w, "\"allValues\"", NULL);
    expect(&w, "{\"custom\":\"bafy\"}", NULL);
    say(&w, "c", 30, "carol", "4");
    say(&w, "a", 10, "alice", "1");
    say(&w, "b", 20, "bob", "4");
    say(&w, "e", 40, "alice", "9.5");
    say(&w, "t", 25, "alice", "\"text\"");
    expect(&w, "\"mostRecent\"", "9.5");
    expect(&w, "\"firstWrite\"", "1");
    expect(&w, "\"allValues\"", "[1,4,\"text\",4,9.5]");
    expect(&w, "{\"trustedAuthor\":[\"bob\",\"alice\"]}", "4");
    expect(&w, "{\"trustedAuthor\":[\"alice\",\"bob\"]}", "9.5");
    expect(&w, "{\"trustedAuthor\":[\"nobody\"]}", "9.5");
    expect(&w, "{\"trustedSystem\":[\"sys-nobody\",\"sys-carol\"]}", "4");
    expect(&w, "\"consensus\"", "4");
    expect(&w, "\"average\"", "4.625");
    expect(&w, "\"minimum\"", "1");
    expect(&w, "\"maximum\"", "9.5");
    /* A negated delta does not take part. */
    hand_negate(&w.h, "n", 50, "e");
    expect(&w, "\"mostRecent\"", "4");
    expect(&w, "\"maximum\"", "4");
    teardown(&w);
}

struct said {
    char id[16];
    int64_t time;
    unsigned author;
    bool counts; /* has a value that the extractor takes */
};

/* What the strategy should choose, by looking at all: -1 nothing. */
static int choose(const struct said *s, size_t len, bool earliest, int author)
{
    int best = -1;
    for (size_t i = 0; i < len; i++) {
        if (!s[i].counts || (author >= 0 && s[i].author != (unsigned)author))
            continue;
        int order = best < 0 ? 1 : (s[i].time > s[best].time) - (s[i].time < s[best].time);
        if (order == 0)
            order = strcmp(s[i].id, s[best].id);
        if (best < 0 || (earliest ? order < 0 : order > 0))
            best = (int)i;
    }
    return best;
}

static void expect_said(struct world *w, const char *resolve_as, const struct said *s, int choice)
{
    char want[32];
    if (choice >= 0)
        (void)snprintf(want, sizeof want, "\"%s\"", s[choice].id);
    expect(w, resolve_as, choice >= 0 ? want : NULL);
}

static void many_deltas_resolve_as_a_look_at_all_of_them(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct rng rng = rng_seeded(seed);
        struct said s[40];
        struct world w;
        setup(&w);
        for (size_t i = 0; i < 40; i++) {
            char who[2] = "a", value[40];
            s[i].time = 1 + (int64_t)rng_below(&rng, 12);
            s[i].author = (unsigned)rng_below(&rng, 3);
            s[i].counts = rng_chance(&rng, 2, 3);
            who[0] = (char)('a' + s[i].author);
            (void)snprintf(s[i].id, sizeof s[i].id, "d%u-%zu", (unsigned)rng_below(&rng, 50), i);
            (void)snprintf(value, sizeof value, s[i].counts ? "\"%s\"" : "{\"id\":\"%s\"}",
                           s[i].id);
            say(&w, s[i].id, s[i].time, who, value);
            const int b = choose(s, i + 1, false, 1), a = choose(s, i + 1, false, 0);
            const int latest = choose(s, i + 1, false, -1);
            expect_said(&w, "\"mostRecent\"", s, latest);
            expect_said(&w, "\"firstWrite\"", s, choose(s, i + 1, true, -1));
            expect_said(&w, "{\"trustedAuthor\":[\"b\",\"a\"]}", s, b >= 0 ? b : a >= 0 ? a : latest);
        }
        teardown(&w);
    }
}

static void ties_are_broken_by_time_and_then_by_id(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    say(&w, "m", 10, "x", "\"m\"");
    say(&w, "z", 10, "x", "\"z\"");
    say(&w, "a", 10, "x", "\"a\"");
    expect(&w, "\"mostRecent\"", "\"z\"");
    expect(&w, "\"firstWrite\"", "\"a\"");
    expect(&w, "\"allValues\"", "[\"a\",\"m\",\"z\"]");
    expect(&w, "\"consensus\"", "\"z\"");
    expect(&w, "{\"trustedAuthor\":[\"x\"]}", "\"z\"");
    teardown(&w);
}

static void extractors_take_what_they_are_made_for(void **state)
{
    (void)state;
    struct world w;
    struct pando_err err = { 0 };
    setup(&w);
    hand_add(&w.h, "{\"id\":\"d\",\"timestamp\":5,\"pointers\":["
                   "{\"role\":\"of\",\"target\":{\"id\":\"o\",\"context\":\"tags\"}},"
                   "{\"role\":\"tag\",\"target\":{\"id\":\"t1\",\"context\":\"used\"}},"
                   "{\"role\":\"tag\",\"target\":\"plain\"},{\"role\":\"tag\",\"target\":7}]}");
    hand_say(&w.h, "e", 6, "t1", "label", "\"Tag one\"");
    if (hand_call(w.v, "schema.register", "{\"schema\":{\"id\":\"s\","
        "\"transform\":{\"tag\":\"plain\"}}}", NULL,
                  NULL, &err) != PANDO_OK)
        fail_msg("%s", err.text);
    json_t *got = resolve(
        &w,
        "\"first\":{\"source\":\"tags\",\"extract\":{\"primitive\":\"tag\"}},"
        "\"ref\":{\"source\":\"tags\",\"extract\":{\"reference\":\"tag\"}},"
        "\"list\":{\"source\":\"tags\",\"extract\":{\"array\":\"tag\"}},"
        "\"sum\":{\"source\":\"tags\",\"extract\":{\"array\":\"tag\"},\"resolve\":\"maximum\"},"
        "\"deep\":{\"source\":\"tags\",\"extract\":{\"nested\":\"tag\",\"view\":{\"properties\":{"
        "\"label\":{\"extract\":{\"primitive\":\"label\"}},"
        "\"none\":{\"extract\":{\"primitive\":\"x\"}}}}}},"
        "\"none\":{\"source\":\"tags\",\"extract\":{\"primitive\":\"other\"}}",
        ",\"schema\":\"s\"", NULL);
    json_t *want = hand_json("{\"id\":\"o\",\"first\":\"plain\",\"ref\":\"t1\",\"list\":[\"t1\","
        "\"plain\",7],"
                             "\"sum\":7,\"deep\":{\"id\":\"t1\",\"label\":\"Tag one\"}}");
    CHECK(json_equal(got, want));
    json_decref(got);
    json_decref(want);
    teardown(&w);
}

/* The stand-in for a capsule: the number of values, or what its name says. */
static const char *capsule(const char *name, const json_t *input)
{
    static char text[64];
    if (strcmp(name, "null") == 0)
        return "null";
    if (strcmp(name, "broken") == 0)
        return "{";
    if (strcmp(name, "late") == 0)
        return NULL;
    const json_t *values = json_object_get(input, "values");
    (void)snprintf(text, sizeof text, "{\"of\":\"%s\",\"values\":%zu,\"deltas\":%zu}",
                   json_string_value(json_object_get(input, "property")), json_array_size(values),
                   json_array_size(json_object_get(input, "deltas")));
    return text;
}

static void a_capsule_resolves_while_the_call_waits(void **state)
{
    (void)state;
    struct world w;
    struct pando_err err = { 0 };
    setup(&w);
    say(&w, "a", 10, "x", "1");
    say(&w, "b", 11, "x", "2");
    json_t *got = resolve(&w,
                          "\"p\":{\"source\":\"n\",\"extract\":{\"primitive\":\"n\"},"
                          "\"resolve\":{\"custom\":\"count\"}},"
                          "\"gone\":{\"source\":\"n\",\"extract\":{\"primitive\":\"n\"},"
                          "\"resolve\":{\"custom\":\"null\"}},"
                          "\"q\":{\"source\":\"n\",\"extract\":{\"primitive\":\"n\"}}",
                          "", capsule);
    json_t *want = hand_json("{\"id\":\"o\",\"p\":{\"of\":\"p\",\"values\":2,\"deltas\":2},\"q\":2}");
    CHECK(json_equal(got, want));
    json_decref(got);
    json_decref(want);
    CHECK_EQ(hand_call(w.v, "view",
                       "{\"id\":\"o\","
                       "\"view\":{\"properties\":{\"n\":{\"extract\":{\"primitive\":\"n\"},"
                       "\"resolve\":{\"custom\":\"late\"}}}}}", capsule, NULL, &err), PANDO_TIMEOUT);
    CHECK_STR(err.text, "the capsule that resolves n gave no value: the time limit was reached");
    CHECK_EQ(hand_call(w.v, "view",
                       "{\"id\":\"o\","
                       "\"view\":{\"properties\":{\"n\":{\"extract\":{\"primitive\":\"n\"},"
                       "\"resolve\":{\"custom\":\"broken\"}}}}}", capsule, NULL, &err), PANDO_MALFORMED);
    teardown(&w);
}

static void a_view_of_many_deltas_takes_several_turns(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    w.h.views = NULL;
    for (int i = 0; i < 900; i++) {
        char id[16], value[16];
        (void)snprintf(id, sizeof id, "d%d", i);
        (void)snprintf(value, sizeof value, "%d", i);
        say(&w, id, 1 + i, "x", value);
    }
    expect(&w, "\"mostRecent\"", "899");
    expect(&w, "\"average\"", "449.5"); /* now over what is kept */
    teardown(&w);
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        { "[]", "view must be an object with properties" },
        { "{}", "properties must be an object of at most 256 properties" },
        { "{\"id\":7,\"properties\":{}}", "id must be a text of 1 to 512 bytes" },
        { "{\"propertys\":{},\"properties\":{}}", "propertys is unknown: it takes id, properties" },
        { "{\"properties\":{\"id\":{}}}",
          "properties.id.id is the id of the object itself: choose another name" },
        { "{\"properties\":{\"p\":3}}", "properties.p. must be an object with extract, and have a "
            "name" },
        { "{\"properties\":{\"p\":{}}}",
          "properties.p.extract must be {\"primitive\": role}, or reference, array or nested in "
          "its place" },
        { "{\"properties\":{\"p\":{\"extract\":{}}}}",
          "properties.p.extract must name the role of a pointer, as {\"primitive\": role}" },
        { "{\"properties\":{\"p\":{\"extract\":{\"primitive\":\"a\",\"array\":\"b\"}}}}",
          "properties.p.extract takes one of primitive, reference, array, nested, not two" },
        { "{\"properties\":{\"p\":{\"extract\":{\"nested\":\"a\"}}}}",
          "properties.p.extract.nested needs a view beside it" },
        { "{\"properties\":{\"p\":{\"extract\":{\"array\":\"a\",\"view\":{}}}}}",
          "properties.p.extract.view goes with nested only" },
        { "{\"properties\":{\"p\":{\"extract\":{\"nested\":\"a\","
            "\"view\":{\"properties\":{\"q\":{}}}}}}}",
          "properties.p.extract.view.properties.q.extract must be {\"primitive\": role}, or reference, "
          "array or nested in its place" },
        { "{\"properties\":{\"p\":{\"extract\":{\"array\":\"a\"},\"resolve\":\"latest\"}}}",
          "properties.p.resolve must be mostRecent, firstWrite, allValues, consensus, average, "
          "minimum, "
          "maximum, or {\"trustedAuthor\": [...]}, {\"trustedSystem\": [...]}, {\"custom\": CID}" },
        { "{\"properties\":{\"p\":{\"extract\":{\"array\":\"a\"},\"resolve\":{\"trustedAuthor\":[]}}}}",
          "properties.p.resolve.trustedAuthor must be a list of 1 to 64 names, the most trusted "
          "first" },
        { "{\"properties\":{\"p\":{\"extract\":{\"array\":\"a\"},\"source\":\"\"}}}",
          "properties.p.source must be a text of 1 to 512 bytes" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *json = hand_json(cases[i].text);
        struct view_schema *s = NULL;
        struct pando_err err = { 0 };
        CHECK_EQ(view_from_json(json, &s, &err), PANDO_INVALID);
        CHECK_STR(err.text, cases[i].want);
        json_decref(json);
    }
}

/* --- where no view is named --- */

static void expect_view(struct world *w, const char *args, const char *want)
{
    struct pando_err err = { 0 };
    json_t *got = NULL, *wanted = hand_json(want);
    if (hand_call(w->v, "view", args, NULL, &got, &err) != PANDO_OK)
        fail_msg("%s", err.text);
    if (!json_equal(got, wanted))
        fail_msg("%s, not %s", json_dumps(got, 0), want);
    json_decref(got);
    json_decref(wanted);
}

static void without_a_view_each_property_has_its_most_recent_value(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    hand_say(&w.h, "n1", 5, "o", "name", "\"Old\"");
    hand_say(&w.h, "n2", 6, "o", "name", "\"New\"");
    hand_say(&w.h, "n3", 7, "o", "name", "\"Taken back\"");
    hand_negate(&w.h, "x", 8, "n3");
    hand_add(&w.h, "[{\"id\":\"c\",\"timestamp\":5,\"pointers\":["
                   "{\"role\":\"product\",\"target\":{\"id\":\"o\",\"context\":\"made\"}},"
                   "{\"role\":\"maker\",\"target\":{\"id\":\"acme\",\"context\":\"products\"}}]},"
                   "{\"id\":\"p\",\"timestamp\":5,\"pointers\":["
                   "{\"role\":\"of\",\"target\":{\"id\":\"o\",\"context\":\"price\"}},"
                   "{\"role\":\"currency\",\"target\":\"EUR\"},{\"role\":\"price\",\"target\":7}]},"
                   "{\"id\":\"s\",\"timestamp\":5,\"pointers\":["
                   "{\"role\":\"of\",\"target\":{\"id\":\"o\",\"context\":\"size\"}},"
                   "{\"role\":\"width\",\"target\":1},{\"role\":\"height\",\"target\":2}]}]");
    expect_view(&w, "{\"id\":\"o\"}", /* of `size` nothing says which is its value */
                "{\"id\":\"o\",\"name\":\"New\",\"made\":\"acme\",\"price\":7}");
    expect_view(&w, "{\"id\":\"o\",\"at\":5}",
                "{\"id\":\"o\",\"name\":\"Old\",\"made\":\"acme\",\"price\":7}");
    expect_view(&w, "{\"id\":\"nobody\"}", "{\"id\":\"nobody\"}");
    teardown(&w);
}

static void a_view_with_the_id_of_the_schema_is_its_default(void **state)
{
    (void)state;
    struct world w;
    struct pando_err err = { 0 };
    setup(&w);
    hand_add(&w.h, "{\"id\":\"c\",\"timestamp\":5,\"pointers\":["
                   "{\"role\":\"product\",\"target\":{\"id\":\"o\",\"context\":\"made\"}},"
                   "{\"role\":\"by\",\"target\":{\"id\":\"acme\",\"context\":\"products\"}}]}");
    if (hand_call(w.v, "schema.register", "{\"schema\":{\"id\":\"s\",\"select\":{\"made\":\"maker\"},"
                  "\"transform\":{\"by\":\"plain\"}}}", NULL, NULL, &err) != PANDO_OK)
        fail_msg("%s", err.text);
    expect_view(&w, "{\"id\":\"o\",\"schema\":\"s\"}", "{\"id\":\"o\",\"maker\":\"acme\"}");
    if (hand_call(w.v, "schema.register", "{\"view\":{\"id\":\"s\",\"properties\":{\"who\":{"
                  "\"source\":\"maker\",\"extract\":{\"reference\":\"by\"}}}}}", NULL, NULL, &err) !=
        PANDO_OK)
        fail_msg("%s", err.text);
    expect_view(&w, "{\"id\":\"o\",\"schema\":\"s\"}", "{\"id\":\"o\",\"who\":\"acme\"}");
    expect_view(&w, "{\"id\":\"o\"}", "{\"id\":\"o\",\"made\":\"acme\"}");
    teardown(&w);
}

static void too_many_properties_want_a_view(void **state)
{
    (void)state;
    struct world w;
    struct pando_err err = { 0 };
    setup(&w);
    for (int i = 0; i < VIEW_PROPERTIES_MAX + 1; i++) {
        char id[16], property[16];
        (void)snprintf(id, sizeof id, "d%d", i);
        (void)snprintf(property, sizeof property, "p%d", i);
        hand_say(&w.h, id, 5, "o", property, "1");
    }
    CHECK_EQ(hand_call(w.v, "view", "{\"id\":\"o\"}", NULL, NULL, &err), PANDO_FULL);
    CHECK_STR(err.text, "view: the object has more than 256 properties: say which in a view");
    teardown(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(strategies_choose_as_they_say),
        TEST(many_deltas_resolve_as_a_look_at_all_of_them),
        TEST(ties_are_broken_by_time_and_then_by_id),
        TEST(extractors_take_what_they_are_made_for),
        TEST(a_capsule_resolves_while_the_call_waits),
        TEST(a_view_of_many_deltas_takes_several_turns),
        TEST(without_a_view_each_property_has_its_most_recent_value),
        TEST(a_view_with_the_id_of_the_schema_is_its_default),
        TEST(too_many_properties_want_a_view),
        TEST(what_is_wrong_is_named),
    };
    return CHECK_RUN(tests);
}
