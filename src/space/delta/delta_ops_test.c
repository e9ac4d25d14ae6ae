/* What a person asks of a delta space, on a whole instance. */
#include "space/delta/delta_ask.h"

#include "base/slice.h"
#include "check.h"
#include "space/delta/views.h"

#include <stdlib.h>
#include <string.h>

static void a_create_is_answered_once_durable(void **state)
{
    (void)state;
    struct delta_world w;
    delta_world_init(&w, "{}");
    delta_world_call(&w, "create", ASK_PLAIN("d1", "5"));
    delta_world_work(&w);
    CHECK(!w.answered);
    delta_world_settle(&w);
    CHECK(w.answered);
    CHECK_OK(w.status);
    CHECK(strncmp((const char *)w.answer.ptr, "{\"id\":\"d1\",\"new\":1,\"known\":0,\"shadowed\":0}",
                  w.answer.len) == 0);
    delta_world_deinit(&w);
}

static void what_is_left_out_is_filled_in(void **state)
{
    (void)state;
    struct delta_world w;
    char args[128];
    delta_world_init(&w, "{\"systemId\":\"server-1\"}");
    json_t *made = delta_world_ask(&w, "create", "{'pointers':[]}", PANDO_OK);
    const char *id = ask_text(made, "id");
    CHECK_EQ(strlen(id), 36);
    CHECK_EQ(id[14], '4');
    (void)snprintf(args, sizeof args, "{'id':'%s'}", id);
    json_t *got = delta_world_ask(&w, "get", args, PANDO_OK);
    const json_t *delta = json_object_get(got, "delta");
    CHECK_STR(ask_text(delta, "author"), "node-a");
    CHECK_STR(ask_text(delta, "system"), "server-1");
    CHECK(ask_number(delta, "timestamp") >= 1700000000000);
    json_decref(made);
    json_decref(got);
    delta_world_deinit(&w);
}

static void of_many_all_or_none_are_taken(void **state)
{
    (void)state;
    struct delta_world w;
    delta_world_init(&w, "{}");
    ask_error(&w, "create",
                 "{'deltas':[" ASK_PLAIN("a", "1") "," ASK_PLAIN("b", "2") ",{'pointers':[{'role':''}]}]}",
                 PANDO_INVALID, "deltas[2]: pointers[0].role is empty");
    CHECK_EQ(ask_shown(&w, "{}"), 0);
    json_t *json = delta_world_ask(
        &w, "create", "{'deltas':[" ASK_PLAIN("a", "1") "," ASK_PLAIN("b", "2") "," ASK_PLAIN("a", "1") "]}",
        PANDO_OK);
    CHECK_EQ(ask_number(json, "new"), 2);
    CHECK_EQ(ask_number(json, "known"), 1);
    CHECK_EQ(json_array_size(json_object_get(json, "ids")), 3);
    json_decref(json);
    CHECK_EQ(ask_shown(&w, "{}"), 2);
    ask_error(&w, "create", "{'deltas':[]}", PANDO_INVALID,
                 "\"deltas\" is a list of 1 to 16384 deltas");
    delta_world_deinit(&w);
}

/* Page through everything; each delta comes once, in order. */
static size_t pages(struct delta_world *w, const char *more, bool descending)
{
    char args[400] = "", cursor[100] = "";
    size_t count = 0;
    int64_t last = descending ? INT64_MAX : 0;
    for (;;) {
        size_t i;
        json_t *one;
        (void)snprintf(args, sizeof args, "{'limit':7%s%s%s%s}", cursor[0] != '\0' ? ",'cursor':'" : "",
                       cursor, cursor[0] != '\0' ? "'" : "", more);
        json_t *json = delta_world_ask(w, "query", args, PANDO_OK);
        json_array_foreach(json_object_get(json, "deltas"), i, one)
        {
            const int64_t time = ask_number(one, "timestamp");
            CHECK(descending ? time <= last : time >= last);
            last = time;
            count++;
        }
        const bool ended = json_is_null(json_object_get(json, "cursor"));
        if (!ended)
            (void)snprintf(cursor, sizeof cursor, "%s", ask_text(json, "cursor"));
        json_decref(json);
        if (ended)
            return count;
    }
}

static void a_query_goes_on_where_its_cursor_points(void **state)
{
    (void)state;
    struct delta_world w;
    delta_world_init(&w, "{}");
    ask_fill(&w, 0, 200);
    CHECK_EQ(pages(&w, "", false), 200);
    CHECK_EQ(pages(&w, ",'descending':true", true), 200);
    CHECK_EQ(pages(&w, ",'filter':{'authors':['a1','a2']}", false), 80);
    CHECK_EQ(pages(&w, ",'filter':'{\\'targetIds\\':[\\'o3\\']}'", false), 20);
    ask_error(&w, "query", "{'cursor':'5-00'}", PANDO_INVALID,
                 "\"cursor\" is not what an answer gave");
    delta_world_deinit(&w);
}

static void a_negated_delta_is_hidden_and_comes_back(void **state)
{
    (void)state;
    struct delta_world w;
    char args[128];
    delta_world_init(&w, "{}");
    ask_ok(&w, "create", ASK_PLAIN("d1", "5"));
    json_t *made = delta_world_ask(&w, "negate", "{'id':'d1','reason':'wrong'}", PANDO_OK);
    CHECK_EQ(ask_shown(&w, "{'filter':{'ids':['d1']}}"), 0);
    CHECK_EQ(ask_shown(&w, "{'filter':{'ids':['d1']},'at':6}"), 1);
    CHECK_EQ(ask_shown(&w, "{'filter':{'ids':['d1'],'includeNegated':true}}"), 1);
    json_t *got = delta_world_ask(&w, "get", "{'id':'d1'}", PANDO_OK);
    CHECK(json_is_true(json_object_get(got, "negated")));
    CHECK_STR(ask_text(got, "negatedBy"), ask_text(made, "id"));
    json_decref(got);
    (void)snprintf(args, sizeof args, "{'id':'%s'}", ask_text(made, "id"));
    ask_ok(&w, "negate", args);
    got = delta_world_ask(&w, "get", "{'id':'d1'}", PANDO_OK);
    CHECK(json_is_false(json_object_get(got, "negated")));
    CHECK(json_is_true(json_object_get(got, "wasNegated")));
    json_decref(got);
    json_decref(made);
    ask_error(&w, "negate", "{'id':'dx'}", PANDO_NOT_FOUND,
                 "there is no delta 'dx' here; with \"absent\":true it is negated before it comes");
    ask_ok(&w, "negate", "{'id':'dx','absent':true}");
    ask_ok(&w, "create", ASK_PLAIN("dx", "5"));
    CHECK_EQ(ask_shown(&w, "{'filter':{'ids':['dx']}}"), 0);
    delta_world_deinit(&w);
}

/* Of two deltas with one id the same one counts, in whatever order they came. */
static void conflicts_end_alike_everywhere(void **state)
{
    (void)state;
    static const char *const both[2] = { ASK_PLAIN("x", "5"), ASK_PLAIN("x", "6") };
    char hash[2][65];
    for (size_t order = 0; order < 2; order++) {
        struct delta_world w;
        delta_world_init(&w, "{}");
        ask_ok(&w, "create", both[order]);
        ask_ok(&w, "create", both[1 - order]);
        CHECK_EQ(ask_shown(&w, "{}"), 1);
        json_t *json = delta_world_ask(&w, "hash", "{}", PANDO_OK);
        (void)snprintf(hash[order], sizeof hash[order], "%s", ask_text(json, "hash"));
        json_decref(json);
        delta_world_deinit(&w);
    }
    CHECK_STR(hash[0], hash[1]);
}

static void an_import_takes_what_is_one_and_names_what_is_not(void **state)
{
    (void)state;
    struct delta_world w;
    delta_world_init(&w, "{}");
    json_t *json = delta_world_ask(&w, "import",
                                   ASK_PLAIN("a", "1") "\n\n{'id':7}\n" ASK_PLAIN("b", "2") "\r\n"
                                   "[[[\n" ASK_PLAIN("a", "1"),
                                   PANDO_OK);
    CHECK_EQ(ask_number(json, "accepted"), 3);
    CHECK_EQ(ask_number(json, "new"), 2);
    CHECK_EQ(ask_number(json, "known"), 1);
    CHECK_EQ(ask_number(json, "refused"), 2);
    const json_t *reasons = json_object_get(json, "reasons");
    CHECK_EQ(ask_number(json_array_get(reasons, 0), "line"), 3);
    CHECK_STR(ask_text(json_array_get(reasons, 0), "reason"), "id is a number, not a text");
    CHECK_EQ(ask_number(json_array_get(reasons, 1), "line"), 5);
    json_decref(json);
    CHECK_EQ(ask_shown(&w, "{}"), 2);
    delta_world_deinit(&w);
}

/* What one instance exports, another imports, and both hold the same. */
static void an_export_makes_an_equal_instance(void **state)
{
    (void)state;
    struct delta_world a, b;
    delta_world_init(&a, "{}");
    delta_world_init(&b, "{}");
    ask_fill(&a, 0, 3000);
    ask_ok(&a, "negate", "{'id':'f7'}");
    delta_world_watch(&a, "export", "{}");
    delta_world_settle(&a);
    CHECK(a.ended);
    CHECK_EQ(a.lines, 3001);
    CHECK_OK(buf_append(&a.stream, slice_of("", 1)));
    ask_ok(&b, "import", (const char *)a.stream.ptr);
    json_t *first = delta_world_ask(&a, "hash", "{}", PANDO_OK);
    json_t *second = delta_world_ask(&b, "hash", "{}", PANDO_OK);
    CHECK(json_equal(first, second));
    CHECK_EQ(ask_number(first, "deltas"), 3001);
    json_decref(first);
    json_decref(second);
    delta_world_deinit(&a);
    delta_world_deinit(&b);
}

/* A view is right at once, whatever was cached. */
static void views_follow_what_is_staged(void **state)
{
    (void)state;
    struct delta_world w;
    delta_world_init(&w, "{}");
    for (int64_t n = 0; n < 5; n++) {
        char args[256];
        json_t *json = delta_world_ask(&w, "hyperview", "{'id':'o1','schema':'plain'}", PANDO_OK);
        CHECK_EQ(json_array_size(json_object_get(json, "c")), n);
        json_decref(json);
        (void)snprintf(args, sizeof args,
                       "{'pointers':[{'role':'of','target':{'id':'o1','context':'c'}}]}");
        ask_ok(&w, "create", args);
    }
    ask_error(&w, "hyperview", "{}", PANDO_INVALID,
                 "hyperview: id must be a text of 1 to 512 bytes");
    delta_world_deinit(&w);
}

static void stats_count_what_is_held(void **state)
{
    (void)state;
    struct delta_world w;
    delta_world_init(&w, "{\"systemId\":\"s9\"}");
    ask_fill(&w, 0, 30);
    delta_world_watch(&w, "watch", "{}");
    json_t *json = delta_world_ask(&w, "stats", "{}", PANDO_OK);
    CHECK_EQ(ask_number(json, "totalDeltas"), 30);
    CHECK_EQ(ask_number(json, "latestTimestamp"), 10);
    CHECK_EQ(ask_number(json, "activeSubscriptions"), 1);
    CHECK_EQ(ask_number(json, "onTheirWay"), 0);
    CHECK_STR(ask_text(json, "systemId"), "s9");
    json_decref(json);
    delta_world_deinit(&w);
}

/* As if it were not there, it would mean something else: a query of now, all deltas, no reason. */
static void an_argument_of_a_wrong_kind_is_named(void **state)
{
    (void)state;
    static const char *const wrong[][3] = {
        { "query", "{'limit':'ten'}", "\"limit\" must be a whole number" },
        { "query", "{'limit':1.5}", "\"limit\" must be a whole number" },
        { "query", "{'at':'yesterday'}", "\"at\" must be a whole number" },
        { "query", "{'cursor':7}", "\"cursor\" must be a text" },
        { "query", "{'descending':1}", "\"descending\" must be true or false" },
        { "watch", "{'since':[]}", "\"since\" must be a whole number" },
        { "negate", "{'id':'d1','reason':5}", "\"reason\" must be a text" },
        { "negate", "{'id':'d2','absent':'yes'}", "\"absent\" must be true or false" },
        { "archive", "{'before':'now'}", "\"before\" must be a whole number" },
    };
    struct delta_world w;
    delta_world_init(&w, "{}");
    ask_ok(&w, "create", ASK_PLAIN("d1", "5"));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ask_error(&w, wrong[i][0], wrong[i][1], PANDO_INVALID, wrong[i][2]);
    CHECK_EQ(ask_shown(&w, "{'limit':null,'at':null}"), 1); /* null is left out */
    delta_world_deinit(&w);
}

static void wrong_settings_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *json, *want;
    } cases[] = {
        { "[]", "delta: the settings must be a JSON object" },
        { "{\"systemId\":\"\"}", "delta: \"systemId\" must be a text of 1 to 512 bytes" },
        { "{\"cacheSize\":0}",
          "delta: \"cacheSize\" must be a whole number from 1 to 1000000" },
        { "{\"autoBroadcast\":1}", "delta: \"autoBroadcast\" must be true or false" },
        { "{\"links\":[{\"mode\":\"push\"}]}",
          "delta: \"links[0]\" must be an object with a \"url\"" },
        { "{\"sytemId\":\"x\"}",
          "delta: there is no setting \"sytemId\": there are systemId, author, cacheSize, "
          "cacheBytes, validateSchemas, enableServer, maxConnections, autoBroadcast, "
          "trustPolicy, links" },
    };
    struct delta_world w;
    delta_world_init(&w, "{}");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pando_err err = { .text = "" };
        void *instance;
        CHECK(space_delta_ops.open(&w.host, slice_text(cases[i].json), &instance, &err) !=
              PANDO_OK);
        CHECK_STR(err.text, cases[i].want);
    }
    delta_world_deinit(&w);
}

static void every_verb_of_the_views_is_listed(void **state)
{
    (void)state;
    for (size_t i = 0; VIEWS_VERBS[i] != NULL; i++) {
        size_t k = 0;
        while (space_delta_ops.verbs[k] != NULL &&
               strcmp(space_delta_ops.verbs[k], VIEWS_VERBS[i]) != 0)
            k++;
        if (space_delta_ops.verbs[k] == NULL)
            CHECK_NOTE("%s\n", VIEWS_VERBS[i]);
        CHECK(space_delta_ops.verbs[k] != NULL);
    }
}

static bool is_shown(struct delta_world *w, const char *object)
{
    char args[64];
    (void)snprintf(args, sizeof args, "{'id':'%s'}", object);
    json_t *json = delta_world_ask(w, "hyperview", args, PANDO_OK);
    char *text = json_dumps(json, JSON_COMPACT);
    const bool shown = strstr(text, "\"n\"") != NULL;
    free(text);
    json_decref(json);
    return shown;
}

/* Of two deltas with one id the one counts, and the other's object shows nothing any more. */
static void a_kept_view_loses_what_another_delta_displaced(void **state)
{
    (void)state;
    static const char delta[] = "{'id':'one','timestamp':%d,'pointers':[{'role':'n','target':"
                                "{'id':'%s','context':'n'}}]}";
    struct delta_world w;
    char args[200];
    delta_world_init(&w, "{}");
    (void)snprintf(args, sizeof args, delta, 1000, "first");
    json_decref(delta_world_ask(&w, "create", args, PANDO_OK));
    CHECK(is_shown(&w, "first"));
    CHECK(is_shown(&w, "first")); /* kept now */
    int64_t fresh = 0;
    for (int at = 1; fresh == 0 && at < 200; at++) {
        (void)snprintf(args, sizeof args, delta, at, "other");
        json_t *json = delta_world_ask(&w, "create", args, PANDO_OK);
        fresh = json_integer_value(json_object_get(json, "new"));
        json_decref(json);
    }
    CHECK_EQ(fresh, 1);
    CHECK(is_shown(&w, "other"));
    CHECK(!is_shown(&w, "first"));
    delta_world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_create_is_answered_once_durable),
        TEST(what_is_left_out_is_filled_in),
        TEST(of_many_all_or_none_are_taken),
        TEST(a_query_goes_on_where_its_cursor_points),
        TEST(a_negated_delta_is_hidden_and_comes_back),
        TEST(conflicts_end_alike_everywhere),
        TEST(an_import_takes_what_is_one_and_names_what_is_not),
        TEST(an_export_makes_an_equal_instance),
        TEST(views_follow_what_is_staged),
        TEST(stats_count_what_is_held),
        TEST(an_argument_of_a_wrong_kind_is_named),
        TEST(wrong_settings_are_named),
        TEST(a_kept_view_loses_what_another_delta_displaced),
        TEST(every_verb_of_the_views_is_listed),
    };
    return CHECK_RUN(tests);
}
