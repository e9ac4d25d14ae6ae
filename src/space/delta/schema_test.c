/* Schemas: what they take, whom they name, and the graph of their rules. */
#include "check.h"

#include "base/slice.h"
#include "codec/json.h"
#include "space/delta/registry.h"
#include "space/delta/views_hand.h"

#include <string.h>

static struct schema *schema(const char *text)
{
    json_t *json = hand_json(text);
    struct schema *s = NULL;
    struct pando_err err = { 0 };
    if (schema_from_json(json, &s, &err) != PANDO_OK)
        fail_msg("%s", err.text);
    json_decref(json);
    return s;
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        { "[]", "a schema must be an object with an id" },
        { "{}", "id must be a text of 1 to 512 bytes" },
        { "{\"id\":\"\"}", "id must be a text of 1 to 512 bytes" },
        { "{\"id\":\"Integer.Year\"}", "id: Integer.Year is a primitive schema: choose another" },
        { "{\"id\":\"a\",\"name\":3}", "name must be a text of 1 to 512 bytes" },
        { "{\"id\":\"a\",\"version\":0}", "version must be a whole number from 1 on" },
        { "{\"id\":\"a\",\"selct\":1}", "schema.selct is unknown: it takes select, transform, id" },
        { "{\"id\":\"a\",\"select\":\"x\"}",
          "select must be \"select_by_target_context\", true, or a map from context to properties" },
        { "{\"id\":\"a\",\"select\":{\"c\":5}}",
          "select.c must be a property, a list of properties, or true" },
        { "{\"id\":\"a\",\"select\":{\"c\":[\"\"]}}", "select.c must be a text of 1 to 512 bytes" },
        { "{\"id\":\"a\",\"transform\":[]}", "transform must be an object from role to rule" },
        { "{\"id\":\"a\",\"transform\":{\"r\":{}}}",
          "transform.r.schema must be a text of 1 to 512 bytes" },
        { "{\"id\":\"a\",\"transform\":{\"r\":{\"schema\":\"b\",\"if\":1}}}",
          "transform.r.if is unknown: it takes schema, when" },
        { "{\"id\":\"a\",\"transform\":{\"r\":{\"schema\":\"b\",\"when\":{}}}}",
          "transform.r.when must be an object that is not empty" },
        { "{\"id\":\"a\",\"transform\":{\"r\":{\"schema\":\"b\",\"when\":{\"contxt\":\"c\"}}}}",
          "transform.r.when.contxt is unknown: it takes targetContext, targetId, author, system, "
          "role, equals" },
        { "{\"id\":\"a\",\"transform\":{\"r\":{\"schema\":\"b\",\"when\":{\"equals\":1}}}}",
          "transform.r.when.equals needs a role beside it" },
        { "{\"id\":\"a\",\"transform\":{\"r\":{\"schema\":\"b\",\"when\":{\"role\":\"k\","
          "\"equals\":null}}}}",
          "transform.r.when.equals must be a text, a number or a truth value" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *json = hand_json(cases[i].text);
        struct schema *s = NULL;
        struct pando_err err = { 0 };
        CHECK_EQ(schema_from_json(json, &s, &err), PANDO_INVALID);
        CHECK_STR(err.text, cases[i].want);
        json_decref(json);
    }
}

static void equal_schemas_have_equal_hashes_however_they_are_written(void **state)
{
    (void)state;
    struct schema *a = schema("{\"id\":\"m\",\"transform\":{\"x\":\"p\",\"y\":{\"schema\":\"q\"}}}");
    struct schema *b = schema("{\"transform\":{\"y\":[\"q\"],\"x\":[{\"schema\":\"p\"}]},"
        "\"name\":\"m\","
                              "\"select\":\"select_by_target_context\",\"id\":\"m\"}");
    struct schema *c = schema("{\"id\":\"m\",\"transform\":{\"x\":\"p\",\"y\":\"r\"}}");
    CHECK(id_equal(&a->hash, &b->hash));
    CHECK(!id_equal(&a->hash, &c->hash));
    schema_unref(a);
    schema_unref(b);
    schema_unref(c);
}

static const char DELTA[] =
    "{\"id\":\"d\",\"timestamp\":5,\"pointers\":["
    "{\"role\":\"film\",\"target\":{\"id\":\"f1\",\"context\":\"cast\"}},"
    "{\"role\":\"film\",\"target\":{\"id\":\"f1\",\"context\":\"crew\"}},"
    "{\"role\":\"seen\",\"target\":{\"id\":\"f1\"}},"
    "{\"role\":\"actor\",\"target\":{\"id\":\"p1\",\"context\":\"films\"}},"
    "{\"role\":\"kind\",\"target\":\"lead\"},{\"role\":\"order\",\"target\":1}]}";

static void check_select(const struct delta *d, const char *text, const char *const *want)
{
    struct schema *s = schema(text);
    struct pando_slice got[SCHEMA_PICKS_MAX];
    const size_t len = schema_select(s, slice_text("f1"), d, got, SCHEMA_PICKS_MAX);
    size_t i = 0;
    for (; want[i] != NULL; i++)
        CHECK(i < len && slice_equal(got[i], slice_text(want[i])));
    CHECK_EQ(len, i);
    CHECK_EQ(schema_select(s, slice_text("nobody"), d, got, SCHEMA_PICKS_MAX), 0);
    schema_unref(s);
}

static void a_delta_is_filed_by_context_or_by_a_map(void **state)
{
    (void)state;
    struct hand h;
    hand_init(&h);
    hand_add(&h, DELTA);
    const struct delta *d = &h.deltas[0];
    check_select(d, "{\"id\":\"a\"}", (const char *const[]){ "cast", "crew", NULL });
    check_select(d, "{\"id\":\"a\",\"select\":true}", (const char *const[]){ "_default", NULL });
    check_select(d, "{\"id\":\"a\",\"select\":{\"cast\":\"people\",\"crew\":\"people\"}}",
                 (const char *const[]){ "people", NULL });
    check_select(d, "{\"id\":\"a\",\"select\":{\"crew\":[\"who\",\"all\"]}}",
                 (const char *const[]){ "who", "all", NULL });
    check_select(d, "{\"id\":\"a\",\"select\":{\"cast\":\"x\",\"*\":\"rest\"}}",
                 (const char *const[]){ "x", "rest", NULL });
    check_select(d, "{\"id\":\"a\",\"select\":{\"other\":\"x\"}}", (const char *const[]){ NULL });
    hand_deinit(&h);
}

static void check_rule(const struct delta *d, const char *when, const char *want)
{
    char text[512];
    (void)snprintf(text, sizeof text,
                   "{\"id\":\"a\",\"transform\":{\"actor\":[{\"schema\":\"yes\",\"when\":%s},"
                   "{\"schema\":\"no\"}]}}", when);
    struct schema *s = schema(text);
    const struct schema_rule *rule = schema_rule_for(s, d, &d->pointers[3]);
    CHECK(rule != NULL);
    CHECK(slice_equal(rule->schema, slice_text(want)));
    CHECK(schema_rule_for(s, d, &d->pointers[0]) == NULL);
    schema_unref(s);
}

static void the_first_rule_whose_condition_holds_counts(void **state)
{
    (void)state;
    struct hand h;
    hand_init(&h);
    hand_add(&h, DELTA);
    const struct delta *d = &h.deltas[0];
    check_rule(d, "{\"targetContext\":\"films\"}", "yes");
    check_rule(d, "{\"targetContext\":\"plays\"}", "no");
    check_rule(d, "{\"targetId\":\"p1\",\"author\":\"a\",\"system\":\"s\"}", "yes");
    check_rule(d, "{\"targetId\":\"p1\",\"author\":\"b\"}", "no");
    check_rule(d, "{\"system\":\"t\"}", "no");
    check_rule(d, "{\"role\":\"kind\"}", "yes");
    check_rule(d, "{\"role\":\"kind\",\"equals\":\"lead\"}", "yes");
    check_rule(d, "{\"role\":\"kind\",\"equals\":\"extra\"}", "no");
    check_rule(d, "{\"role\":\"order\",\"equals\":1.0}", "yes");
    check_rule(d, "{\"role\":\"order\",\"equals\":true}", "no");
    check_rule(d, "{\"role\":\"none\"}", "no");
    hand_deinit(&h);
}

static bool valid(const char *kind, const char *value)
{
    struct hand h;
    hand_init(&h);
    hand_say(&h, "d", 1, "o", "p", value);
    const bool is = schema_validates(schema_primitive_of(slice_text(kind)), &h.deltas[0].pointers[1]);
    hand_deinit(&h);
    return is;
}

static void primitive_schemas_check_values(void **state)
{
    (void)state;
    CHECK(valid("String", "\"x\"") && valid("String", "\"\"") && !valid("String", "1"));
    CHECK(valid("String.EmailAddress", "\"a@b.c\""));
    CHECK(valid("String.EmailAddress", "\"first.last+tag@mail.example.org\""));
    static const char *const wrong[] = { "\"a\"", "\"a@b\"", "\"@b.c\"", "\"a@.c\"", "\"a@b.\"",
                                         "\"a b@c.d\"", "\"a@b@c.d\"", "3" };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CHECK(!valid("String.EmailAddress", wrong[i]));
    CHECK(valid("Integer", "3") && valid("Integer", "-3") && valid("Integer", "3.0"));
    CHECK(!valid("Integer", "3.5") && !valid("Integer", "\"3\"") && !valid("Integer", "1e300"));
    CHECK(valid("Integer.Year", "1800") && valid("Integer.Year", "2100"));
    CHECK(!valid("Integer.Year", "1799") && !valid("Integer.Year", "2101"));
    CHECK(valid("Boolean", "true") && !valid("Boolean", "\"true\""));
    CHECK_EQ(schema_primitive_of(slice_text("Integer.Month")), SCHEMA_OBJECT);
}

static enum pando_status put(struct registry *r, const char *id, const char *rules, bool validate,
                             struct pando_err *err)
{
    char text[512];
    (void)snprintf(text, sizeof text, "{\"id\":\"%s\",\"transform\":%s}", id, rules);
    struct schema *s = schema(text);
    const enum pando_status st = registry_put(r, s, validate, err);
    if (st != PANDO_OK)
        schema_unref(s);
    return st;
}

static void a_circle_is_told_as_a_path_and_refused_on_demand(void **state)
{
    (void)state;
    struct registry r;
    struct pando_err err = { 0 };
    struct pando_buf path;
    registry_init(&r, 8);
    buf_init(&path, 1024);
    CHECK_OK(put(&r, "a", "{\"x\":\"b\",\"y\":\"d\"}", true, &err));
    CHECK_OK(put(&r, "b", "{\"x\":\"c\"}", true, &err));
    CHECK_OK(put(&r, "d", "{}", true, &err));
    CHECK_EQ(registry_cycle(&r, &path), PANDO_NOT_FOUND);
    CHECK_EQ(put(&r, "c", "{\"x\":\"b\"}", true, &err), PANDO_INVALID);
    CHECK_STR(err.text, "the rules of schemas close a circle: b -> c -> b: leave out one of these "
        "rules");
    CHECK(registry_find(&r, slice_text("c")) == NULL);
    CHECK_OK(put(&r, "c", "{\"x\":\"b\"}", false, &err));
    CHECK_OK(registry_cycle(&r, &path));
    CHECK(slice_equal(buf_view(&path), slice_text("b -> c -> b")));
    /* A refused change leaves what was there. */
    CHECK_OK(put(&r, "c", "{}", true, &err));
    CHECK_EQ(put(&r, "c", "{\"x\":\"c\"}", true, &err), PANDO_INVALID);
    CHECK_EQ(registry_find(&r, slice_text("c"))->rules_len, 0);
    buf_deinit(&path);
    registry_deinit(&r);
}

static void the_report_orders_schemas_and_knows_their_dependents(void **state)
{
    (void)state;
    struct registry r;
    json_t *got = NULL;
    registry_init(&r, 8);
    CHECK_OK(put(&r, "film", "{\"actor\":\"person\",\"year\":\"Integer.Year\"}", true, NULL));
    CHECK_OK(put(&r, "festival", "{\"film\":\"film\",\"guest\":\"person\","
        "\"city\":\"city\"}", true, NULL));
    CHECK_OK(put(&r, "person", "{}", true, NULL));
    CHECK_OK(registry_report(&r, &got));
    json_t *want = hand_json("{\"acyclic\":true,\"cycle\":null,\"order\":[\"person\",\"film\","
        "\"festival\"],"
                             "\"schemas\":{\"festival\":{\"dependents\":[],\"depth\":2},"
                             "\"film\":{\"dependents\":[\"festival\"],\"depth\":1},"
                             "\"person\":{\"dependents\":[\"festival\",\"film\"],\"depth\":0}},"
                             "\"missing\":[\"city\"]}");
    CHECK(json_equal(got, want));
    json_decref(got);
    json_decref(want);
    registry_deinit(&r);
}

static void the_registry_is_full_at_its_cap(void **state)
{
    (void)state;
    struct registry r;
    struct pando_err err = { 0 };
    registry_init(&r, 2);
    CHECK_OK(put(&r, "a", "{}", false, &err));
    CHECK_OK(put(&r, "b", "{}", false, &err));
    CHECK_EQ(put(&r, "c", "{}", false, &err), PANDO_FULL);
    CHECK_OK(put(&r, "b", "{\"x\":\"a\"}", false, &err));
    CHECK(registry_del(&r, slice_text("a")));
    CHECK(!registry_del(&r, slice_text("a")));
    CHECK_OK(put(&r, "c", "{}", false, &err));
    registry_deinit(&r);
}

static void the_closure_changes_with_what_is_reached_only(void **state)
{
    (void)state;
    struct registry r;
    registry_init(&r, 8);
    CHECK_OK(put(&r, "a", "{\"x\":\"b\"}", false, NULL));
    CHECK_OK(put(&r, "other", "{}", false, NULL));
    struct schema *a = registry_find(&r, slice_text("a"));
    const struct pando_id alone = *registry_closure(&r, a);
    CHECK_OK(put(&r, "other", "{\"x\":\"a\"}", false, NULL));
    CHECK(id_equal(&alone, registry_closure(&r, a)));
    CHECK_OK(put(&r, "b", "{}", false, NULL));
    const struct pando_id with_b = *registry_closure(&r, a);
    CHECK(!id_equal(&alone, &with_b));
    CHECK_OK(put(&r, "b", "{\"x\":\"c\"}", false, NULL));
    CHECK(!id_equal(&with_b, registry_closure(&r, a)));
    CHECK(registry_del(&r, slice_text("b")));
    CHECK(id_equal(&alone, registry_closure(&r, a)));
    registry_deinit(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_wrong_is_named),
        TEST(equal_schemas_have_equal_hashes_however_they_are_written),
        TEST(a_delta_is_filed_by_context_or_by_a_map),
        TEST(the_first_rule_whose_condition_holds_counts),
        TEST(primitive_schemas_check_values),
        TEST(a_circle_is_told_as_a_path_and_refused_on_demand),
        TEST(the_report_orders_schemas_and_knows_their_dependents),
        TEST(the_registry_is_full_at_its_cap),
        TEST(the_closure_changes_with_what_is_reached_only),
    };
    return CHECK_RUN(tests);
}
