#include "space/delta/filter.h"

#include "base/rng.h"
#include "base/slice.h"
#include "check.h"
#include "codec/json.h"
#include "space/delta/delta_json.h"
#include "space/delta/negate.h"

#include <stdlib.h>
#include <string.h>

static enum pando_status read(const char *text, struct filter *ret, struct pando_err *err)
{
    json_t *json = NULL;
    CHECK_OK(json_text_parse(slice_text(text), JSON_TEXT_MAX, &json, err));
    const enum pando_status st = filter_from_json(json, ret, err);
    json_decref(json); /* the filter keeps its own texts */
    return st;
}

static void expect_text(const char *text, const char *want)
{
    struct filter f, copy;
    struct pando_err err;
    struct pando_buf b, c;
    buf_init(&b, 4096);
    buf_init(&c, 4096);
    CHECK_OK(read(text, &f, &err));
    CHECK_OK(filter_to_json(&f, &b));
    CHECK_EQ(b.len, strlen(want));
    CHECK_MEM(b.ptr, want, b.len);
    CHECK_OK(filter_copy(&f, &copy));
    filter_deinit(&f);
    CHECK_OK(filter_to_json(&copy, &c));
    CHECK(slice_equal(buf_view(&b), buf_view(&c)));
    filter_deinit(&copy);
    buf_deinit(&b);
    buf_deinit(&c);
}

static void text_says_only_what_restricts(void **state)
{
    (void)state;
    expect_text("{}", "{}");
    expect_text("{\"ids\":[],\"authors\":null,\"timestampRange\":{\"start\":null}}", "{}");
    expect_text("{\"authors\":[\"bob\",\"al\\\"ice\",\"bob\"],\"includeNegated\":false}",
                "{\"authors\":[\"al\\\"ice\",\"bob\"]}");
    expect_text("{\"contexts\":[\"public\"],\"includeNegated\":true}",
                "{\"targetContexts\":[\"public\"],\"includeNegated\":true}");
    expect_text("{\"timestampRange\":{\"start\":1.5,\"end\":2.5}}",
                "{\"timestampRange\":{\"start\":2,\"end\":2}}");
    expect_text("{\"timestampRange\":{\"start\":-1.5,\"end\":1e300}}",
                "{\"timestampRange\":{\"start\":-1}}");
    expect_text("{\"systems\":[\"s\"],\"ids\":[\"i\"],\"targetIds\":[\"t\"],"
                "\"timestampRange\":{\"end\":7}}",
                "{\"ids\":[\"i\"],\"targetIds\":[\"t\"],\"systems\":[\"s\"],"
                "\"timestampRange\":{\"end\":7}}");
}

static void what_is_no_filter_is_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        { "[]", "a filter is an object" },
        { "{\"author\":[\"a\"]}",
          "a filter has no member \"author\": it has ids, targetIds, targetContexts, "
          "authors, systems, timestampRange, includeNegated" },
        { "{\"authors\":\"a\"}", "authors is not a list of texts" },
        { "{\"authors\":[\"a\",7]}", "authors[1] is not a text" },
        { "{\"ids\":[\"\"]}", "ids[0] is empty" },
        { "{\"contexts\":[\"a\"],\"targetContexts\":[\"a\"]}",
          "contexts and targetContexts are one list: give one of them" },
        { "{\"timestampRange\":[1,2]}",
          "timestampRange is not an object with start and end" },
        { "{\"timestampRange\":{\"from\":1}}",
          "timestampRange has no member \"from\": it has start, end" },
        { "{\"timestampRange\":{\"end\":\"7\"}}", "timestampRange.end is not a number" },
        { "{\"includeNegated\":1}", "includeNegated is not a boolean" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct filter f;
        struct pando_err err;
        CHECK_EQ(read(cases[i].text, &f, &err), PANDO_INVALID);
        CHECK_STR(err.text, cases[i].want);
    }
}

static void a_list_is_capped(void **state)
{
    (void)state;
    struct filter f;
    struct pando_err err;
    json_t *json = json_object(), *list = json_array();
    CHECK_EQ(json_object_set_new(json, "ids", list), 0);
    for (int i = 0; i < FILTER_LIST_MAX; i++)
        CHECK_EQ(json_array_append_new(list, json_sprintf("id%d", i)), 0);
    CHECK_OK(filter_from_json(json, &f, &err));
    CHECK_EQ(f.ids.len, FILTER_LIST_MAX);
    CHECK(filter_list_holds(&f.ids, slice_text("id777")));
    CHECK(!filter_list_holds(&f.ids, slice_text("id1024")));
    filter_deinit(&f);
    CHECK_EQ(json_array_append_new(list, json_string("one more")), 0);
    CHECK_EQ(filter_from_json(json, &f, &err), PANDO_INVALID);
    CHECK_STR(err.text, "ids has 1025 members; the limit is 1024");
    json_decref(json);
}

static void without_json_everything_passes(void **state)
{
    (void)state;
    struct filter f;
    const struct delta d = { .id = slice_text("x"), .timestamp = 1 };
    CHECK_OK(filter_from_json(NULL, &f, NULL));
    CHECK(filter_is_open(&f) && filter_passes(&f, &d));
    filter_deinit(&f);
    filter_deinit(NULL);
}

static void fields_are_anded_and_members_ored(void **state)
{
    (void)state;
    struct delta_room room;
    struct pando_buf buf;
    struct pando_err err;
    struct delta d;
    json_t *json = NULL;
    static const struct {
        const char *filter;
        bool passes;
    } cases[] = {
        { "{\"ids\":[\"d\",\"e\"]}", true },
        { "{\"ids\":[\"e\"]}", false },
        { "{\"authors\":[\"alice\"],\"systems\":[\"s2\"]}", false },
        { "{\"authors\":[\"bob\",\"alice\"],\"systems\":[\"s1\"]}", true },
        { "{\"targetIds\":[\"p\"]}", true },
        { "{\"targetIds\":[\"text\"]}", false }, /* a string is no object */
        { "{\"targetIds\":[\"p\"],\"targetContexts\":[\"price\"]}", true }, /* two pointers */
        { "{\"targetContexts\":[\"none\"]}", false },
        { "{\"timestampRange\":{\"start\":10,\"end\":10}}", true },
        { "{\"timestampRange\":{\"start\":11}}", false },
        { "{\"timestampRange\":{\"end\":9}}", false },
    };
    buf_init(&buf, 4096);
    CHECK_OK(json_text_parse(
        slice_text("{\"id\":\"d\",\"timestamp\":10,\"author\":\"alice\",\"system\":\"s1\","
                   "\"pointers\":[{\"role\":\"a\",\"target\":{\"id\":\"p\",\"context\":\"name\"}},"
                   "{\"role\":\"b\",\"target\":{\"id\":\"q\",\"context\":\"price\"}},"
                   "{\"role\":\"c\",\"target\":\"text\"},{\"role\":\"r\",\"target\":{\"id\":\"z\"}}]}"),
        4096, &json, &err));
    CHECK_OK(delta_from_json(json, NULL, &room, &buf, &d, &err));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct filter f;
        CHECK_OK(read(cases[i].filter, &f, &err));
        CHECK_EQ(filter_passes(&f, &d), cases[i].passes);
        filter_deinit(&f);
    }
    json_decref(json);
    buf_deinit(&buf);
}

/* ---- filters and merging ---- */

enum { SET_MAX = 40 };

struct set {
    struct delta deltas[SET_MAX];
    struct delta_pointer pointers[SET_MAX][2];
    char ids[SET_MAX][16];
    struct pando_buf bytes;
};

static const char *const people[] = { "alice", "bob", "carol" };
static const char *const systems[] = { "s1", "s2" };
static const char *const contexts[] = { "public", "shared", "secret" };
static const char *const objects[] = { "o1", "o2", "o3", "o4" };

/* Random deltas, a third of them negations of others. */
static void draw(struct set *s, struct rng *r)
{
    struct pando_err err;
    buf_init(&s->bytes, 1u << 20);
    CHECK_OK(buf_reserve(&s->bytes, 64u << 10));
    for (size_t i = 0; i < SET_MAX; i++)
        (void)snprintf(s->ids[i], sizeof s->ids[i], "d%zu", i);
    for (size_t i = 0; i < SET_MAX; i++) {
        const bool negation = rng_chance(r, 1, 3);
        s->pointers[i][0] = (struct delta_pointer){
            .role = slice_text(negation ? NEGATE_ROLE : "of"),
            .kind = DELTA_REF,
            .text = slice_text(negation ? s->ids[rng_below(r, SET_MAX)] : objects[rng_below(r, 4)]),
            .context = slice_text(negation ? NEGATE_CONTEXT : contexts[rng_below(r, 3)]),
        };
        s->deltas[i] = (struct delta){ .id = slice_text(s->ids[i]),
                                       .author = slice_text(people[rng_below(r, 3)]),
                                       .system = slice_text(systems[rng_below(r, 2)]),
                                       .timestamp = 1 + (int64_t)rng_below(r, 20),
                                       .pointers = s->pointers[i],
                                       .pointers_len = 1 };
        CHECK_OK(delta_seal(&s->deltas[i], &s->bytes, &err));
    }
}

static void draw_filter(struct rng *r, struct filter *f)
{
    char text[512];
    struct pando_err err;
    size_t len = (size_t)snprintf(text, sizeof text, "{\"timestampRange\":{\"start\":%d}",
                                  (int)rng_below(r, 10));
    if (rng_chance(r, 1, 2))
        len += (size_t)snprintf(text + len, sizeof text - len, ",\"authors\":[\"%s\",\"%s\"]",
                                people[rng_below(r, 3)], people[rng_below(r, 3)]);
    if (rng_chance(r, 1, 3))
        len += (size_t)snprintf(text + len, sizeof text - len, ",\"systems\":[\"%s\"]",
                                systems[rng_below(r, 2)]);
    if (rng_chance(r, 1, 3))
        len += (size_t)snprintf(text + len, sizeof text - len,
                                ",\"contexts\":[\"%s\",\"negated_by\"]", contexts[rng_below(r, 3)]);
    (void)snprintf(text + len, sizeof text - len, "}");
    CHECK_OK(read(text, f, &err));
}

/* All deltas of a source that are seen as of t: in order, without negated ones. */
static size_t visible(const struct delta *deltas, size_t len, const struct filter *f, int64_t t,
                      struct delta ret[SET_MAX])
{
    struct source_array a;
    struct delta_place place = { .set = false };
    size_t count = 0;
    CHECK_OK(source_array_init(&a, deltas, len));
    const struct delta_source s = source_array_of(&a);
    while (source_next(&s, f, false, &place, &ret[count]) == PANDO_OK) {
        bool negated;
        CHECK_OK(negate_is(&s, ret[count].id, t, &negated));
        count += !negated;
    }
    source_array_deinit(&a);
    return count;
}

static void expect_same(const struct delta *a, size_t a_len, const struct delta *b, size_t b_len)
{
    CHECK_EQ(a_len, b_len);
    for (size_t i = 0; i < a_len; i++)
        CHECK(slice_equal(a[i].bytes, b[i].bytes));
}

/* Two replicas with overlapping parts of one set. Filtering each part and merging what
 * passed shows what filtering the merged whole shows. */
static void filter_then_merge_is_merge_then_filter(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct rng r = rng_seeded(seed);
        static struct set s;
        static struct delta whole[2 * SET_MAX], parts[2 * SET_MAX], passed[2 * SET_MAX];
        static struct delta got[SET_MAX], want[SET_MAX];
        size_t whole_len = 0, parts_len = 0, passed_len = 0;
        struct filter f, open;
        draw(&s, &r);
        draw_filter(&r, &f);
        filter_init(&open);
        for (size_t i = 0; i < SET_MAX; i++)
            for (size_t copies = 1 + rng_below(&r, 2); copies > 0; copies--) {
                parts[parts_len++] = s.deltas[SET_MAX - 1 - i];
                if (filter_passes(&f, &s.deltas[SET_MAX - 1 - i]))
                    passed[passed_len++] = s.deltas[SET_MAX - 1 - i];
            }
        struct source_array merged;
        CHECK_OK(source_array_init(&merged, parts, parts_len));
        CHECK_EQ(merged.len, SET_MAX); /* what came twice is there once */
        for (size_t i = 0; i < merged.len; i++)
            if (filter_passes(&f, merged.sorted[i]))
                whole[whole_len++] = *merged.sorted[i];
        source_array_deinit(&merged);
        const size_t want_len = visible(whole, whole_len, &open, NEGATE_NOW, want);
        const size_t got_len = visible(passed, passed_len, &open, NEGATE_NOW, got);
        expect_same(got, got_len, want, want_len);
        filter_deinit(&f);
        buf_deinit(&s.bytes);
    }
}

/* Whoever keeps only what is not later than t sees what all see as of t. */
static void cutting_at_a_time_is_asking_as_of_it(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct rng r = rng_seeded(seed);
        static struct set s;
        static struct delta cut[SET_MAX], got[SET_MAX], want[SET_MAX];
        struct filter f, open;
        draw(&s, &r);
        filter_init(&f);
        filter_init(&open);
        for (f.end = 0; f.end <= 21; f.end++) {
            size_t cut_len = 0;
            for (size_t i = 0; i < SET_MAX; i++)
                if (filter_passes(&f, &s.deltas[i]))
                    cut[cut_len++] = s.deltas[i];
            const size_t want_len = visible(s.deltas, SET_MAX, &f, f.end, want);
            const size_t got_len = visible(cut, cut_len, &open, NEGATE_NOW, got);
            expect_same(got, got_len, want, want_len);
        }
        buf_deinit(&s.bytes);
    }
}

/* ---- the array as a source ---- */

static void of_two_deltas_with_one_id_the_lesser_digest_counts(void **state)
{
    (void)state;
    struct delta pair[2], got;
    struct source_array a;
    struct pando_buf bytes;
    struct pando_err err;
    buf_init(&bytes, 4096);
    CHECK_OK(buf_reserve(&bytes, 1024));
    for (size_t order = 0; order < 2; order++) {
        for (size_t i = 0; i < 2; i++) {
            pair[i ^ order] = (struct delta){ .id = slice_text("same"),
                                              .author = slice_text(people[i]),
                                              .system = slice_text("s"), .timestamp = 5 };
            CHECK_OK(delta_seal(&pair[i ^ order], &bytes, &err));
        }
        const bool first = memcmp(pair[0].digest.bytes, pair[1].digest.bytes, 16) < 0;
        CHECK_OK(source_array_init(&a, pair, 2));
        const struct delta_source s = source_array_of(&a);
        CHECK_OK(source_get(&s, slice_text("same"), &got));
        CHECK(slice_equal(got.author, pair[first ? 0 : 1].author));
        CHECK_EQ(a.len, 1);
        CHECK_EQ(source_get(&s, slice_text("other"), &got), PANDO_NOT_FOUND);
        source_array_deinit(&a);
    }
    buf_deinit(&bytes);
}

static void a_scan_backwards_is_the_scan_forwards_reversed(void **state)
{
    (void)state;
    static struct set s;
    static struct delta up[SET_MAX + 1], down[SET_MAX + 1];
    struct rng r = rng_seeded(7);
    struct filter open;
    struct source_array a;
    filter_init(&open);
    draw(&s, &r);
    CHECK_OK(source_array_init(&a, s.deltas, SET_MAX));
    const struct delta_source source = source_array_of(&a);
    struct delta_place place = { .set = false };
    size_t up_len = 0, down_len = 0;
    while (source_next(&source, &open, false, &place, &up[up_len]) == PANDO_OK)
        up_len++;
    place = (struct delta_place){ .set = false };
    while (source_next(&source, &open, true, &place, &down[down_len]) == PANDO_OK)
        down_len++;
    CHECK_EQ(up_len, SET_MAX);
    CHECK_EQ(down_len, SET_MAX);
    for (size_t i = 0; i < up_len; i++) {
        CHECK(slice_equal(up[i].id, down[up_len - 1 - i].id));
        CHECK(i == 0 || up[i - 1].timestamp <= up[i].timestamp);
    }
    source_array_deinit(&a);
    buf_deinit(&s.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(text_says_only_what_restricts),
        TEST(what_is_no_filter_is_refused_by_name),
        TEST(a_list_is_capped),
        TEST(without_json_everything_passes),
        TEST(fields_are_anded_and_members_ored),
        TEST(filter_then_merge_is_merge_then_filter),
        TEST(cutting_at_a_time_is_asking_as_of_it),
        TEST(of_two_deltas_with_one_id_the_lesser_digest_counts),
        TEST(a_scan_backwards_is_the_scan_forwards_reversed),
    };
    return CHECK_RUN(tests);
}
