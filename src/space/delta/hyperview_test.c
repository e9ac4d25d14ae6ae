/* Hyperviews: what stands in them, at which time, and that only the set of deltas matters. */
#include "check.h"

#include "base/rng.h"
#include "base/slice.h"
#include "space/delta/delta_json.h"
#include "space/delta/hyperview_parts.h"
#include "space/delta/views_hand.h"

#include <stdlib.h>
#include <string.h>

struct world {
    struct hand h;
    struct views *v;
    struct pando_buf text;
};

static void setup(struct world *w)
{
    hand_init(&w->h);
    const struct views_config config = { .source = hand_source(&w->h), .seed = 7 };
    CHECK_OK(views_new(&config, &w->v, NULL));
    w->h.views = w->v;
    buf_init(&w->text, 64u << 20);
}

static void teardown(struct world *w)
{
    views_free(w->v);
    hand_deinit(&w->h);
    buf_deinit(&w->text);
}

static void ask(struct world *w, const char *verb, const char *args)
{
    struct pando_err err = { 0 };
    if (hand_call_text(w->v, verb, args, NULL, &w->text, &err) != PANDO_OK)
        fail_msg("%s %s: %s", verb, args, err.text);
}

/* The members of the answer but for _metadata are these. */
static void expect(struct world *w, const char *verb, const char *args, const char *want)
{
    json_t *got = NULL, *wanted = hand_json(want);
    ask(w, verb, args);
    got = json_loadb((const char *)w->text.ptr, w->text.len, JSON_REJECT_DUPLICATES, NULL);
    (void)json_object_del(got, "_metadata");
    if (!json_equal(got, wanted))
        fail_msg("%s %s gave %.*s", verb, args, (int)w->text.len, (const char *)w->text.ptr);
    json_decref(got);
    json_decref(wanted);
}

#define D(id, time, property, value)                                                    \
    "{\"id\":\"" id "\",\"timestamp\":" time ",\"author\":\"a\",\"system\":\"s\",\"pointers\":["      \
    "{\"role\":\"of\",\"target\":{\"id\":\"o\",\"context\":\"" property "\"}},"                     \
    "{\"role\":\"" property "\",\"target\":" value "}]}"

static void deltas_stand_under_their_property_in_the_order_of_time(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    hand_say(&w.h, "d2", 20, "o", "name", "\"second\"");
    hand_say(&w.h, "d1", 10, "o", "name", "\"first\"");
    hand_say(&w.h, "d3", 15, "o", "size", "4.5");
    hand_say(&w.h, "d4", 15, "other", "size", "1");
    expect(&w, "hyperview", "{\"id\":\"o\"}",
           "{\"id\":\"o\",\"name\":[" D("d1", "10", "name", "\"first\"") ","
           D("d2", "20", "name", "\"second\"") "],\"size\":[" D("d3", "15", "size", "4.5") "]}");
    expect(&w, "hyperview", "{\"id\":\"nobody\"}", "{\"id\":\"nobody\"}");
    static const char start[] =
        "{\"id\":\"nobody\",\"_metadata\":{\"lastUpdated\":null,\"deltaCount\":0,\"schema";
    CHECK(w.text.len > strlen(start));
    CHECK_MEM(w.text.ptr, start, strlen(start));
    teardown(&w);
}

static void metadata_tells_of_time_number_and_schema(void **state)
{
    (void)state;
    struct world w;
    json_t *got;
    setup(&w);
    hand_say(&w.h, "d1", 10, "o", "name", "1");
    hand_say(&w.h, "d2", 30, "o", "name", "2");
    CHECK_OK(hand_call(w.v, "schema.register", "{\"schema\":{\"id\":\"x\","
        "\"version\":3}}", NULL, &got, NULL));
    char hash[80];
    (void)snprintf(hash, sizeof hash, "%s", json_string_value(json_object_get(got, "hash")));
    json_decref(got);
    CHECK_OK(hand_call(w.v, "hyperview", "{\"id\":\"o\",\"schema\":\"x\"}", NULL, &got, NULL));
    const json_t *m = json_object_get(got, "_metadata");
    CHECK_EQ(json_integer_value(json_object_get(m, "lastUpdated")), 30);
    CHECK_EQ(json_integer_value(json_object_get(m, "deltaCount")), 2);
    CHECK_EQ(json_integer_value(json_object_get(m, "schemaVersion")), 3);
    CHECK_STR(json_string_value(json_object_get(m, "schemaId")), "x");
    CHECK_STR(json_string_value(json_object_get(m, "schemaHash")), hash);
    json_decref(got);
    teardown(&w);
}

static void negation_counts_as_of_the_time_that_is_asked_for(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    hand_say(&w.h, "d1", 10, "o", "name", "1");
    hand_negate(&w.h, "n1", 20, "d1");
    hand_negate(&w.h, "n2", 30, "n1");
    hand_negate(&w.h, "n3", 40, "d1");
    static const struct {
        const char *args;
        bool there;
    } times[] = { { "{\"id\":\"o\",\"at\":9}", false },  { "{\"id\":\"o\",\"at\":10}", true },
                  { "{\"id\":\"o\",\"at\":19}", true },  { "{\"id\":\"o\",\"at\":20}", false },
                  { "{\"id\":\"o\",\"at\":29}", false }, { "{\"id\":\"o\",\"at\":30}", true },
                  { "{\"id\":\"o\",\"at\":40}", false } };
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        expect(&w, "at", times[i].args,
               times[i].there ? "{\"id\":\"o\","
                   "\"name\":[" D("d1", "10", "name", "1") "]}" : "{\"id\":\"o\"}");
    expect(&w, "hyperview", "{\"id\":\"o\"}", "{\"id\":\"o\"}");
    teardown(&w);
}

static const char FILMS[] =
    "[{\"id\":\"c1\",\"timestamp\":10,\"pointers\":[{\"role\":\"film\",\"target\":{\"id\":\"f\","
    "\"context\":\"cast\"}},"
    "{\"role\":\"actor\",\"target\":{\"id\":\"p\",\"context\":\"films\"}},{\"role\":\"as\","
    "\"target\":\"Neo\"}]},"
    "{\"id\":\"n1\",\"timestamp\":11,\"pointers\":[{\"role\":\"of\",\"target\":{\"id\":\"p\","
    "\"context\":\"name\"}},"
    "{\"role\":\"name\",\"target\":\"Keanu\"}]},"
    "{\"id\":\"y1\",\"timestamp\":12,\"pointers\":[{\"role\":\"of\",\"target\":{\"id\":\"f\","
    "\"context\":\"year\"}},"
    "{\"role\":\"year\",\"target\":1492}]}]";

static void register_films(struct world *w, const char *actor)
{
    char text[512];
    (void)snprintf(text, sizeof text,
                   "{\"schema\":{\"id\":\"film\",\"transform\":{\"actor\":%s,\"year\":\"Integer.Year\","
                   "\"film\":\"film\"}}}", actor);
    ask(w, "schema.register", text);
    ask(w, "schema.register",
        "{\"schema\":{\"id\":\"person\",\"transform\":{\"film\":\"film\",\"actor\":\"person\"}}}");
}

static void rules_nest_and_primitive_schemas_mark(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    hand_add(&w.h, FILMS);
    register_films(&w, "\"person\"");
    /* Data and schemas are both circular: f -> p -> f ends at what the path holds. */
    expect(&w, "hyperview", "{\"id\":\"f\",\"schema\":\"film\"}",
           "{\"id\":\"f\",\"cast\":[{\"id\":\"c1\",\"timestamp\":10,\"author\":\"a\","
           "\"system\":\"s\",\"pointers\":["
           "{\"role\":\"film\",\"target\":{\"id\":\"f\",\"context\":\"cast\"}},"
           "{\"role\":\"actor\",\"target\":{\"id\":\"p\","
           "\"films\":[{\"id\":\"c1\",\"timestamp\":10,\"author\":\"a\",\"system\":\"s\",\"pointers\":["
           "{\"role\":\"film\",\"target\":{\"id\":\"f\",\"context\":\"cast\"}},"
           "{\"role\":\"actor\",\"target\":{\"id\":\"p\",\"context\":\"films\"}},"
           "{\"role\":\"as\",\"target\":\"Neo\"}]}],"
           "\"name\":[{\"id\":\"n1\",\"timestamp\":11,\"author\":\"a\",\"system\":\"s\",\"pointers\":["
           "{\"role\":\"of\",\"target\":{\"id\":\"p\",\"context\":\"name\"}},"
           "{\"role\":\"name\",\"target\":\"Keanu\"}]}]}},"
           "{\"role\":\"as\",\"target\":\"Neo\"}]}],"
           "\"year\":[{\"id\":\"y1\",\"timestamp\":12,\"author\":\"a\",\"system\":\"s\",\"pointers\":["
           "{\"role\":\"of\",\"target\":{\"id\":\"f\",\"context\":\"year\"}},"
           "{\"role\":\"year\",\"target\":1492,\"invalid\":\"Integer.Year\"}]}]}");
    teardown(&w);
}

static void a_nested_view_is_as_old_as_the_outer_one(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    hand_add(&w.h, FILMS);
    register_films(&w, "{\"schema\":\"person\",\"when\":{\"targetContext\":\"films\"}}");
    ask(&w, "at", "{\"id\":\"f\",\"schema\":\"film\",\"at\":10}");
    CHECK(memmem(w.text.ptr, w.text.len, "Keanu", 5) == NULL);
    CHECK(memmem(w.text.ptr, w.text.len, "\"films\":[", 9) != NULL);
    ask(&w, "at", "{\"id\":\"f\",\"schema\":\"film\",\"at\":11}");
    CHECK(memmem(w.text.ptr, w.text.len, "Keanu", 5) != NULL);
    register_films(&w, "{\"schema\":\"person\",\"when\":{\"targetContext\":\"plays\"}}");
    ask(&w, "at", "{\"id\":\"f\",\"schema\":\"film\",\"at\":11}");
    CHECK(memmem(w.text.ptr, w.text.len, "Keanu", 5) == NULL);
    teardown(&w);
}

static void nesting_ends_at_its_depth(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    for (int i = 0; i < 20; i++) {
        char id[16], object[16], next[64];
        (void)snprintf(id, sizeof id, "d%d", i);
        (void)snprintf(object, sizeof object, "o%d", i);
        (void)snprintf(next, sizeof next, "{\"id\":\"o%d\"}", i + 1);
        hand_say(&w.h, id, 10, object, "next", next);
    }
    ask(&w, "schema.register", "{\"schema\":{\"id\":\"x\",\"transform\":{\"next\":\"x\"}}}");
    ask(&w, "hyperview", "{\"id\":\"o0\",\"schema\":\"x\"}");
    CHECK(memmem(w.text.ptr, w.text.len, "\"id\":\"o11\"", 10) != NULL);
    CHECK(memmem(w.text.ptr, w.text.len, "\"id\":\"o12\"", 10) == NULL);
    teardown(&w);
}

static void no_property_hides_what_a_view_says_of_itself(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    static const char *const names[] = { "id", "_metadata", "~id", "a\\\"b" };
    for (size_t i = 0; i < 4; i++) {
        char text[256];
        (void)snprintf(text, sizeof text,
                       "{\"id\":\"d%zu\",\"timestamp\":1,\"pointers\":[{\"role\":\"r\","
                       "\"target\":{\"id\":\"o\","
                       "\"context\":\"%s\"}}]}", i, names[i]);
        hand_add(&w.h, text);
    }
    json_t *got = NULL;
    CHECK_OK(hand_call(w.v, "hyperview", "{\"id\":\"o\"}", NULL, &got, NULL));
    CHECK_STR(json_string_value(json_object_get(got, "id")), "o");
    CHECK_EQ(json_array_size(json_object_get(got, "~id")), 1);
    CHECK_EQ(json_array_size(json_object_get(got, "~_metadata")), 1);
    CHECK_EQ(json_array_size(json_object_get(got, "~~id")), 1);
    CHECK_EQ(json_array_size(json_object_get(got, "a\"b")), 1);
    CHECK(json_is_object(json_object_get(got, "_metadata")));
    json_decref(got);
    teardown(&w);
}

/* What is printed here by pieces is what everybody else prints whole. */
static void a_delta_in_a_view_is_the_delta_as_it_is_printed_elsewhere(void **state)
{
    (void)state;
    struct world w;
    struct pando_buf plain;
    setup(&w);
    buf_init(&plain, 1u << 20);
    hand_add(&w.h, "{\"id\":\"d \\u00e9\\n\",\"timestamp\":9007199254740991,\"author\":\"\\\"\","
        "\"system\":\"\\\\\","
                   "\"pointers\":[{\"role\":\"r\",\"target\":{\"id\":\"o\",\"context\":\"c\"}},"
                   "{\"role\":\"r\",\"target\":{\"id\":\"p\"}},{\"role\":\"r\",\"target\":true},"
                   "{\"role\":\"r\",\"target\":-0.1},{\"role\":\"r\",\"target\":1e300},"
                   "{\"role\":\"r\",\"target\":-9007199254740991},{\"role\":\"r\","
                   "\"target\":\"\\u0000\\u0001\"}]}");
    CHECK_OK(delta_to_json(&w.h.deltas[0], &plain));
    ask(&w, "hyperview", "{\"id\":\"o\"}");
    CHECK(memmem(w.text.ptr, w.text.len, plain.ptr, plain.len) != NULL);
    buf_deinit(&plain);
    teardown(&w);
}

/* A random little history in which everything occurs. */
static json_t *history(struct rng *rng, size_t len)
{
    json_t *all = json_array();
    for (size_t i = 0; i < len; i++) {
        char id[16], about[16], other[16], negated[16];
        (void)snprintf(id, sizeof id, "d%zu", i);
        (void)snprintf(about, sizeof about, "o%u", (unsigned)rng_below(rng, 4));
        (void)snprintf(other, sizeof other, "o%u", (unsigned)rng_below(rng, 4));
        (void)snprintf(negated, sizeof negated, "d%u", (unsigned)rng_below(rng, (uint32_t)len));
        static const char *const properties[] = { "name", "part", "size" };
        const char *property = properties[rng_below(rng, 3)];
        const json_int_t time = 1 + (json_int_t)rng_below(rng, 20);
        json_t *d;
        if (rng_below(rng, 4) == 0)
            d = json_pack("{s:s, s:I, s:[{s:s, s:{s:s, s:s}}]}", "id", id, "timestamp", time,
                          "pointers", "role", "negates", "target", "id", negated, "context", "negated_by");
        else
            d = json_pack("{s:s, s:I, s:[{s:s, s:{s:s, s:s}}, {s:s, s:{s:s}}, {s:s, s:I}]}", "id", id,
                          "timestamp", time, "pointers", "role", "of", "target", "id", about, "context",
                          property, "role", "part", "target", "id", other, "role", "size", "target",
                          (json_int_t)rng_below(rng, 5));
        (void)json_array_append_new(all, d);
    }
    return all;
}

static void add_shuffled(struct hand *h, const json_t *all, struct rng *rng)
{
    const size_t len = json_array_size(all);
    size_t *order = malloc(len * sizeof *order);
    CHECK(order != NULL);
    for (size_t i = 0; i < len; i++)
        order[i] = i;
    for (size_t i = len; i > 1; i--) {
        const size_t k = rng_below(rng, (uint32_t)i), kept = order[i - 1];
        order[i - 1] = order[k];
        order[k] = kept;
    }
    for (size_t i = 0; i < len; i++) {
        hand_add_value(h, json_array_get(all, order[i]));
        if (rng_below(rng, 3) == 0)
            hand_add_value(h, json_array_get(all, order[rng_below(rng, (uint32_t)i + 1)]));
    }
    free(order);
}

static const char *const QUESTIONS[][2] = {
    { "hyperview", "{\"id\":\"o0\",\"schema\":\"x\"}" },
    { "hyperview", "{\"id\":\"o1\"}" },
    { "at", "{\"id\":\"o0\",\"schema\":\"x\",\"at\":10}" },
    { "view", "{\"id\":\"o0\",\"schema\":\"x\",\"view\":{\"properties\":{"
              "\"last\":{\"source\":\"size\",\"extract\":{\"primitive\":\"size\"}},"
              "\"first\":{\"source\":\"size\",\"extract\":{\"primitive\":\"size\"},"
              "\"resolve\":\"firstWrite\"},"
              "\"all\":{\"source\":\"name\",\"extract\":{\"array\":\"part\"},"
              "\"resolve\":\"allValues\"},"
              "\"most\":{\"source\":\"part\",\"extract\":{\"reference\":\"part\"},"
              "\"resolve\":\"consensus\"},"
              "\"mean\":{\"source\":\"size\",\"extract\":{\"primitive\":\"size\"},"
              "\"resolve\":\"average\"},"
              "\"deep\":{\"source\":\"part\",\"extract\":{\"nested\":\"part\","
              "\"view\":{\"properties\":{"
              "\"size\":{\"extract\":{\"primitive\":\"size\"},\"resolve\":\"maximum\"}}}}}}}}" },
    { "timeline", "{\"id\":\"o0\"}" },
    { "replay", "{\"id\":\"o0\",\"maxSnapshots\":5}" },
    { "changes", "{\"id\":\"o0\",\"property\":\"size\"}" },
    { "compare", "{\"id\":\"o0\",\"from\":5,\"to\":15}" },
    { "stats_at", "{\"at\":12}" },
};

static void the_order_of_arrival_and_doubles_do_not_matter(void **state)
{
    (void)state;
    enum { QUESTIONS_LEN = sizeof QUESTIONS / sizeof QUESTIONS[0], ORDERS = 24 };
    for (uint64_t seed = 1; seed <= 2; seed++) {
        struct rng rng = rng_seeded(seed);
        struct pando_buf first[QUESTIONS_LEN];
        json_t *all = history(&rng, 40);
        for (int order = 0; order < ORDERS; order++) {
            struct world w;
            setup(&w);
            w.h.busy_every = order % 3 == 0 ? 0 : 7;
            ask(&w, "schema.register", "{\"schema\":{\"id\":\"x\",\"transform\":{\"part\":\"y\"}}}");
            ask(&w, "schema.register", "{\"schema\":{\"id\":\"y\","
                "\"transform\":{\"part\":\"plain\"}}}");
            if (order % 2 == 0) /* there are kept views to be kept right */
                ask(&w, "hyperview", QUESTIONS[0][1]);
            add_shuffled(&w.h, all, &rng);
            for (size_t q = 0; q < QUESTIONS_LEN; q++) {
                ask(&w, QUESTIONS[q][0], QUESTIONS[q][1]);
                if (order == 0) {
                    buf_init(&first[q], 64u << 20);
                    CHECK_OK(buf_append(&first[q], buf_view(&w.text)));
                } else if (!slice_equal(buf_view(&first[q]), buf_view(&w.text))) {
                    fail_msg("seed %llu, order %d, %s: %.*s", (unsigned long long)seed, order,
                             QUESTIONS[q][0], (int)w.text.len, (const char *)w.text.ptr);
                }
            }
            teardown(&w);
        }
        for (size_t q = 0; q < QUESTIONS_LEN; q++)
            buf_deinit(&first[q]);
        json_decref(all);
    }
}

static void a_large_view_takes_several_turns(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    w.h.views = NULL;
    for (int i = 0; i < 700; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "d%d", i);
        hand_say(&w.h, id, 1 + i, "o", "name", "1");
    }
    struct views_call *c;
    json_t *args = hand_json("{\"id\":\"o\"}");
    int turns = 1;
    CHECK_OK(views_call_new(w.v, "hyperview", args, &c, NULL));
    while (views_call_step(c, &w.text, NULL) == PANDO_BUSY)
        turns++;
    CHECK(turns >= 3);
    CHECK(w.text.len > 700 * 100);
    views_call_free(c);
    json_decref(args);
    teardown(&w);
}

/* Files deltas of some properties, most in order of time, and takes some back. */
static void file_some(struct parts *p, struct rng *rng, unsigned properties, unsigned late)
{
    for (int64_t i = 0; i < 300; i++) {
        char name[16];
        struct delta d = { .timestamp = late == 0                    ? i + 1
                                        : rng_chance(rng, late, 100) ? i / 3 + 1
                                                                     : i / 4 + 1 };
        const struct parts_mark before = parts_mark(p);
        const size_t start = p->text.len;
        (void)snprintf(name, sizeof name, "p%u", (unsigned)rng_below(rng, properties));
        rng_fill(rng, d.digest.bytes, 1);
        CHECK_OK(buf_printf(&p->text, "%s/%d", name, (int)i));
        CHECK_OK(parts_file(p, slice_text(name), &d, start));
        if (rng_chance(rng, 1, 8))
            parts_back(p, before);
        if (rng_chance(rng, 1, 50)) { /* looked at in between */
            struct pando_slice property, text;
            (void)parts_item(p, 0, &property, &text);
        }
    }
}

static void items_stand_in_order_however_they_were_filed(void **state)
{
    (void)state;
    static const unsigned properties[] = { 1, 3, PARTS_KINDS, PARTS_KINDS + 1, 40 };
    struct rng rng = rng_seeded(4);
    for (unsigned n = 0; n < 60; n++) {
        struct parts p;
        struct pando_slice property, text;
        parts_init(&p);
        file_some(&p, &rng, properties[n % 5], n % 3 == 0 ? 0 : n % 3 == 1 ? 1 : 50);
        for (size_t i = 0; parts_item(&p, i, &property, &text); i++) {
            CHECK(text.len > property.len && memcmp(text.ptr, property.ptr, property.len) == 0);
            CHECK(i == 0 || parts_compare(&p.items[i - 1], &p.items[i]) <= 0);
        }
        parts_deinit(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(items_stand_in_order_however_they_were_filed),
        TEST(deltas_stand_under_their_property_in_the_order_of_time),
        TEST(metadata_tells_of_time_number_and_schema),
        TEST(negation_counts_as_of_the_time_that_is_asked_for),
        TEST(rules_nest_and_primitive_schemas_mark),
        TEST(a_nested_view_is_as_old_as_the_outer_one),
        TEST(nesting_ends_at_its_depth),
        TEST(no_property_hides_what_a_view_says_of_itself),
        TEST(a_delta_in_a_view_is_the_delta_as_it_is_printed_elsewhere),
        TEST(the_order_of_arrival_and_doubles_do_not_matter),
        TEST(a_large_view_takes_several_turns),
    };
    return CHECK_RUN(tests);
}
