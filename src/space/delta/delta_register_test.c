/* Schemas and views that calls register, on a whole instance: there after a crash, or not. */
#include "space/delta/delta_ask.h"

#include "base/slice.h"
#include "check.h"
#include "space/delta/store.h"

#include <string.h>

/* The ids that schema.ls lists, in the order of ids. */
static void expect_listed(struct delta_world *w, const char *list, const char *want)
{
    char got[256] = "";
    json_t *json = delta_world_ask(w, "schema.ls", "{}", PANDO_OK), *item;
    size_t i;
    json_array_foreach(json_object_get(json, list), i, item)
    {
        const char *id = json_is_string(item) ? json_string_value(item) : ask_text(item, "id");
        (void)snprintf(got + strlen(got), sizeof got - strlen(got), "%s ", id);
    }
    json_decref(json);
    CHECK_STR(got, want);
}

#define PRODUCT                                                                               \
    "{'schema':{'id':'product','name':'P','version':7,'select':{'made':'maker'},"             \
    "'transform':{'maker':{'schema':'company','when':{'targetContext':'x'}}}}}"

static void what_is_registered_is_there_after_a_crash(void **state)
{
    (void)state;
    struct delta_world w;
    delta_world_init(&w, "{}");
    delta_world_call(&w, "schema.register", PRODUCT);
    delta_world_work(&w);
    CHECK(!w.answered); /* it is not on disk yet */
    delta_world_settle(&w);
    CHECK(w.answered);
    ask_ok(&w, "schema.register", "{'view':{'id':'v','properties':{'made':{'source':'made',"
                                     "'extract':{'primitive':'made'},'resolve':'mostRecent'}}}}");
    json_t *schema = delta_world_ask(&w, "schema.show", "{'id':'product'}", PANDO_OK);
    json_t *view = delta_world_ask(&w, "schema.show", "{'id':'v'}", PANDO_OK);
    delta_world_restart(&w, true, "{}");
    json_t *schema_after = delta_world_ask(&w, "schema.show", "{'id':'product'}", PANDO_OK);
    json_t *view_after = delta_world_ask(&w, "schema.show", "{'id':'v'}", PANDO_OK);
    CHECK(json_equal(schema, schema_after)); /* hash and version included */
    CHECK(json_equal(view, view_after));
    json_decref(schema);
    json_decref(view);
    json_decref(schema_after);
    json_decref(view_after);
    delta_world_deinit(&w);
}

static void what_is_removed_or_not_to_be_kept_is_gone_after_a_crash(void **state)
{
    (void)state;
    struct delta_world w;
    delta_world_init(&w, "{}");
    ask_ok(&w, "schema.register", "{'schema':{'id':'a'}}");
    ask_ok(&w, "schema.register", "{'schema':{'id':'b'}}");
    ask_ok(&w, "schema.register", "{'schema':{'id':'c'},'keep':false}");
    ask_ok(&w, "schema.register", "{'view':{'id':'v','properties':{}}}");
    ask_ok(&w, "schema.register", "{'view':{'id':'w','properties':{}}}");
    ask_ok(&w, "schema.rm", "{'id':'a'}");
    ask_ok(&w, "schema.rm", "{'id':'v'}");
    expect_listed(&w, "schemas", "b c plain ");
    expect_listed(&w, "views", "w ");
    delta_world_restart(&w, true, "{}");
    expect_listed(&w, "schemas", "b plain ");
    expect_listed(&w, "views", "w ");
    ask_error(&w, "schema.rm", "{'id':'a'}", PANDO_NOT_FOUND,
                 "schema.rm: a is not registered: schema.ls lists what is");
    ask_error(&w, "schema.rm", "{'id':'plain'}", PANDO_INVALID,
                 "schema.rm: plain is built in");
    ask_error(&w, "schema.register", "{'schema':{'id':'c'},'keep':2}", PANDO_INVALID,
                 "schema.register: keep must be true or false");
    delta_world_deinit(&w);
}

/* While the journal takes nothing, the schema is on its way to the disk when it is removed. */
static void what_is_removed_before_it_is_on_disk_does_not_come_back(void **state)
{
    (void)state;
    struct delta_world w;
    delta_world_init(&w, "{}");
    w.busy = true;
    delta_world_call(&w, "schema.register", "{'schema':{'id':'a'}}");
    delta_world_work(&w);
    CHECK(!w.answered);
    delta_world_call(&w, "cancel", "{}"); /* nobody waits for it any more */
    delta_world_call(&w, "schema.rm", "{'id':'a'}");
    delta_world_work(&w);
    CHECK(!w.answered);
    w.busy = false;
    w.now = pando_time_add(w.now, PANDO_SEC(1));
    delta_world_feed(&w, &(struct space_input){ .kind = SPACE_TICK });
    delta_world_settle(&w);
    CHECK(w.answered);
    CHECK_OK(w.status);
    expect_listed(&w, "schemas", "plain ");
    delta_world_restart(&w, true, "{}");
    expect_listed(&w, "schemas", "plain ");
    delta_world_deinit(&w);
}

#define SAID                                                                                  \
    "{'deltas':[{'id':'r1','timestamp':10,'pointers':[{'role':'schema','target':"             \
    "{'id':'b','context':'name'}},{'role':'name','target':'Said'}]}]}"

/* Who reads a schema from deltas has no use for the one that was registered. */
static void a_schema_that_is_loaded_from_deltas_is_not_kept_any_more(void **state)
{
    (void)state;
    struct delta_world w;
    delta_world_init(&w, "{}");
    ask_ok(&w, "schema.register", "{'schema':{'id':'a'}}");
    ask_ok(&w, "schema.register", "{'schema':{'id':'b','name':'Told'}}");
    ask_ok(&w, "create", SAID);
    ask_ok(&w, "schema.load", "{}");
    ask_error(&w, "schema.rm", "{'id':'b'}", PANDO_INVALID,
                 "schema.rm: deltas say what b is: negate them instead");
    delta_world_restart(&w, true, "{}");
    expect_listed(&w, "schemas", "a plain ");
    ask_ok(&w, "hyperview", "{'id':'o','schema':'b'}");
    json_t *json = delta_world_ask(&w, "schema.show", "{'id':'b'}", PANDO_OK);
    CHECK_STR(ask_text(json, "name"), "Said");
    json_decref(json);
    delta_world_deinit(&w);
}

/* What deltas say counts again once a registered schema is removed. */
static void a_removed_schema_gives_way_to_what_deltas_say(void **state)
{
    (void)state;
    struct delta_world w;
    delta_world_init(&w, "{}");
    ask_ok(&w, "create", SAID);
    ask_ok(&w, "hyperview", "{'id':'o','schema':'b'}");
    ask_ok(&w, "schema.register", "{'schema':{'id':'b','name':'Told'}}");
    ask_ok(&w, "hyperview", "{'id':'o','schema':'b'}");
    ask_ok(&w, "schema.rm", "{'id':'b'}");
    ask_ok(&w, "hyperview", "{'id':'o','schema':'b'}");
    json_t *json = delta_world_ask(&w, "schema.show", "{'id':'b'}", PANDO_OK);
    CHECK_STR(ask_text(json, "name"), "Said");
    json_decref(json);
    delta_world_deinit(&w);
}

/* A text of another version, say: of `kind`, a name of one letter and JSON. */
static void put_text(struct delta_world *w, uint8_t kind, char name, const char *json)
{
    uint8_t record[256] = { 1, kind, 0, 1, (uint8_t)name };
    const size_t len = strlen(json);
    uint64_t position;
    CHECK(5 + len <= sizeof record);
    memcpy(record + 5, json, len);
    CHECK_OK(w->host.append(w, DELTA_RECORD_KEPT, slice_of(record, 5 + len), NULL, &position));
    delta_world_settle(w);
}

static void a_text_that_does_not_come_back_is_forgotten_by_its_name(void **state)
{
    (void)state;
    struct delta_world w;
    delta_world_init(&w, "{}");
    put_text(&w, DELTA_KEPT_SCHEMA, 'a', "{\"id\":7}");
    put_text(&w, DELTA_KEPT_VIEW, 'v', "no JSON");
    delta_world_restart(&w, true, "{}");
    expect_listed(&w, "schemas", "plain ");
    ask_error(&w, "schema.rm", "{'id':'a','keep':false}", PANDO_NOT_FOUND,
              "schema.rm: a is not registered: schema.ls lists what is");
    for (int i = 0; i < 2; i++) { /* each can be removed once */
        json_decref(delta_world_ask(&w, "schema.rm", "{'id':'a'}", i ? PANDO_NOT_FOUND : PANDO_OK));
        json_decref(delta_world_ask(&w, "schema.rm", "{'id':'v'}", i ? PANDO_NOT_FOUND : PANDO_OK));
        delta_world_restart(&w, true, "{}");
    }
    delta_world_deinit(&w);
}

static void a_definition_that_is_too_large_is_not_registered(void **state)
{
    (void)state;
    struct delta_world w;
    struct pando_buf args;
    delta_world_init(&w, "{}");
    buf_init(&args, 1u << 20);
    CHECK_OK(buf_printf(&args, "{'schema':{'id':'big','transform':{"));
    for (int i = 0; i < 250; i++) {
        CHECK_OK(buf_printf(&args, "%s'r%d':{'schema':'", i > 0 ? "," : "", i));
        for (int k = 0; k < 500; k++)
            CHECK_OK(buf_append(&args, slice_text("x")));
        CHECK_OK(buf_printf(&args, "','when':{'targetContext':'"));
        for (int k = 0; k < 500; k++)
            CHECK_OK(buf_append(&args, slice_text("y")));
        CHECK_OK(buf_printf(&args, "%d'}}", i));
    }
    CHECK_OK(buf_append(&args, slice_of("}}}", 4)));
    json_t *json =
        delta_world_ask(&w, "schema.register", (const char *)args.ptr, PANDO_FULL);
    CHECK(strstr(ask_text(json, "error"), "262144 can be kept: make it smaller") != NULL);
    json_decref(json);
    expect_listed(&w, "schemas", "plain ");
    buf_deinit(&args);
    delta_world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_registered_is_there_after_a_crash),
        TEST(what_is_removed_or_not_to_be_kept_is_gone_after_a_crash),
        TEST(what_is_removed_before_it_is_on_disk_does_not_come_back),
        TEST(a_schema_that_is_loaded_from_deltas_is_not_kept_any_more),
        TEST(a_removed_schema_gives_way_to_what_deltas_say),
        TEST(a_text_that_does_not_come_back_is_forgotten_by_its_name),
        TEST(a_definition_that_is_too_large_is_not_registered),
    };
    return CHECK_RUN(tests);
}
