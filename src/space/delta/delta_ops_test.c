/* What a person asks of a delta space, on a whole instance. */
#include "space/delta/delta_world.h"

#include "base/slice.h"
#include "check.h"
#include "space/delta/views.h"

#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *json, const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));
    CHECK(text != NULL);
    return text;
}

static int64_t number_of(const json_t *json, const char *name)
{
    CHECK(json_is_integer(json_object_get(json, name)));
    return json_integer_value(json_object_get(json, name));
}

static void expect_error(struct delta_world *w, const char *verb, const char *args,
                         enum pando_status status, const char *text)
{
    json_t *json = delta_world_ask(w, verb, args, status);
    CHECK_STR(text_of(json, "error"), text);
    json_decref(json);
}

static void expect_ok(struct delta_world *w, const char *verb, const char *args)
{
    json_decref(delta_world_ask(w, verb, args, PANDO_OK));
}

/* How many deltas a query with these arguments shows in one answer. */
static size_t shown(struct delta_world *w, const char *args)
{
    json_t *json = delta_world_ask(w, "query", args, PANDO_OK);
    const size_t len = json_array_size(json_object_get(json, "deltas"));
    json_decref(json);
    return len;
}

#define PLAIN(id, time)                                                                       \
    "{'id':'" id "','timestamp':" time ",'author':'alice','system':'s1','pointers':["         \
    "{'role':'of','target':{'id':'prod_1','context':'name'}},{'role':'name','target':'" id "'}]}"

static void a_create_is_answered_once_durable(void **state)
{
    (void)state;
    struct delta_world w;
    delta_world_init(&w, "{}");
    delta_world_call(&w, "create", PLAIN("d1", "5"));
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
    const char *id = text_of(made, "id");
    CHECK_EQ(strlen(id), 36);
    CHECK_EQ(id[14], '4');
    (void)snprintf(args, sizeof args, "{'id':'%s'}", id);
    json_t *got = delta_world_ask(&w, "get", args, PANDO_OK);
    const json_t *delta = json_object_get(got, "delta");
    CHECK_STR(text_of(delta, "author"), "node-a");
    CHECK_STR(text_of(delta, "system"), "server-1");
    CHECK(number_of(delta, "timestamp") >= 1700000000000);
    json_decref(made);
    json_decref(got);
    delta_world_deinit(&w);
}

static void of_many_all_or_none_are_taken(void **state)
{
    (void)state;
    struct delta_world w;
    delta_world_init(&w, "{}");
    expect_error(&w, "create",
                 "{'deltas':[" PLAIN("a", "1") "," PLAIN("b", "2") ",{'pointers':[{'role':''}]}]}",
                 PANDO_INVALID, "deltas[2]: pointers[0].role is empty");
    CHECK_EQ(shown(&w, "{}"), 0);
    json_t *json = delta_world_ask(
        &w, "create", "{'deltas':[" PLAIN("a", "1") "," PLAIN("b", "2") "," PLAIN("a", "1") "]}",
        PANDO_OK);
    CHECK_EQ(number_of(json, "new"), 2);
    CHECK_EQ(number_of(json, "known"), 1);
    CHECK_EQ(json_array_size(json_object_get(json, "ids")), 3);
    json_decref(json);
    CHECK_EQ(shown(&w, "{}"), 2);
    expect_error(&w, "create", "{'deltas':[]}", PANDO_INVALID,
                 "\"deltas\" is a list of 1 to 16384 deltas");
    delta_world_deinit(&w);
}

static void fill(struct delta_world *w, int from, int count)
{
    struct pando_buf b;
    buf_init(&b, 8u << 20);
    CHECK_OK(buf_printf(&b, "{'deltas':["));
    for (int i = from; i < from + count; i++)
        CHECK_OK(buf_printf(&b,
                            "%s{'id':'f%d','timestamp':%d,'author':'a%d','system':'s','pointers':["
                            "{'role':'of','target':{'id':'o%d','context':'c'}}]}",
                            i > from ? "," : "", i, 1 + i / 3, i % 5, i % 10));
    CHECK_OK(buf_printf(&b, "]}"));
    CHECK_OK(buf_append(&b, slice_of("", 1)));
    expect_ok(w, "create", (const char *)b.ptr);
    buf_deinit(&b);
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
            const int64_t time = number_of(one, "timestamp");
            CHECK(descending ? time <= last : time >= last);
            last = time;
            count++;
        }
        const bool ended = json_is_null(json_object_get(json, "cursor"));
        if (!ended)
            (void)snprintf(cursor, sizeof cursor, "%s", text_of(json, "cursor"));
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
    fill(&w, 0, 200);
    CHECK_EQ(pages(&w, "", false), 200);
    CHECK_EQ(pages(&w, ",'descending':true", true), 200);
    CHECK_EQ(pages(&w, ",'filter':{'authors':['a1','a2']}", false), 80);
    CHECK_EQ(pages(&w, ",'filter':'{\\'targetIds\\':[\\'o3\\']}'", false), 20);
    expect_error(&w, "query", "{'cursor':'5-00'}", PANDO_INVALID,
                 "\"cursor\" is not what an answer gave");
    delta_world_deinit(&w);
}

static void a_negated_delta_is_hidden_and_comes_back(void **state)
{
    (void)state;
    struct delta_world w;
    char args[128];
    delta_world_init(&w, "{}");
    expect_ok(&w, "create", PLAIN("d1", "5"));
    json_t *made = delta_world_ask(&w, "negate", "{'id':'d1','reason':'wrong'}", PANDO_OK);
    CHECK_EQ(shown(&w, "{'filter':{'ids':['d1']}}"), 0);
    CHECK_EQ(shown(&w, "{'filter':{'ids':['d1']},'at':6}"), 1);
    CHECK_EQ(shown(&w, "{'filter':{'ids':['d1'],'includeNegated':true}}"), 1);
    json_t *got = delta_world_ask(&w, "get", "{'id':'d1'}", PANDO_OK);
    CHECK(json_is_true(json_object_get(got, "negated")));
    CHECK_STR(text_of(got, "negatedBy"), text_of(made, "id"));
    json_decref(got);
    (void)snprintf(args, sizeof args, "{'id':'%s'}", text_of(made, "id"));
    expect_ok(&w, "negate", args);
    got = delta_world_ask(&w, "get", "{'id':'d1'}", PANDO_OK);
    CHECK(json_is_false(json_object_get(got, "negated")));
    CHECK(json_is_true(json_object_get(got, "wasNegated")));
    json_decref(got);
    json_decref(made);
    expect_error(&w, "negate", "{'id':'dx'}", PANDO_NOT_FOUND,
                 "there is no delta 'dx' here; with \"absent\":true it is negated before it comes");
    expect_ok(&w, "negate", "{'id':'dx','absent':true}");
    expect_ok(&w, "create", PLAIN("dx", "5"));
    CHECK_EQ(shown(&w, "{'filter':{'ids':['dx']}}"), 0);
    delta_world_deinit(&w);
}

/* Of two deltas with one id the same one counts, in whatever order they came. */
static void conflicts_end_alike_everywhere(void **state)
{
    (void)state;
    static const char *const both[2] = { PLAIN("x", "5"), PLAIN("x", "6") };
    char hash[2][65];
    for (size_t order = 0; order < 2; order++) {
        struct delta_world w;
        delta_world_init(&w, "{}");
        expect_ok(&w, "create", both[order]);
        expect_ok(&w, "create", both[1 - order]);
        CHECK_EQ(shown(&w, "{}"), 1);
        json_t *json = delta_world_ask(&w, "hash", "{}", PANDO_OK);
        (void)snprintf(hash[order], sizeof hash[order], "%s", text_of(json, "hash"));
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
                                   PLAIN("a", "1") "\n\n{'id':7}\n" PLAIN("b", "2") "\r\n"
                                   "[[[\n" PLAIN("a", "1"),
                                   PANDO_OK);
    CHECK_EQ(number_of(json, "accepted"), 3);
    CHECK_EQ(number_of(json, "new"), 2);
    CHECK_EQ(number_of(json, "known"), 1);
    CHECK_EQ(number_of(json, "refused"), 2);
    const json_t *reasons = json_object_get(json, "reasons");
    CHECK_EQ(number_of(json_array_get(reasons, 0), "line"), 3);
    CHECK_STR(text_of(json_array_get(reasons, 0), "reason"), "id is a number, not a text");
    CHECK_EQ(number_of(json_array_get(reasons, 1), "line"), 5);
    json_decref(json);
    CHECK_EQ(shown(&w, "{}"), 2);
    delta_world_deinit(&w);
}

/* What one instance exports, another imports, and both hold the same. */
static void an_export_makes_an_equal_instance(void **state)
{
    (void)state;
    struct delta_world a, b;
    delta_world_init(&a, "{}");
    delta_world_init(&b, "{}");
    fill(&a, 0, 3000);
    expect_ok(&a, "negate", "{'id':'f7'}");
    delta_world_watch(&a, "export", "{}");
    delta_world_settle(&a);
    CHECK(a.ended);
    CHECK_EQ(a.lines, 3001);
    CHECK_OK(buf_append(&a.stream, slice_of("", 1)));
    expect_ok(&b, "import", (const char *)a.stream.ptr);
    json_t *first = delta_world_ask(&a, "hash", "{}", PANDO_OK);
    json_t *second = delta_world_ask(&b, "hash", "{}", PANDO_OK);
    CHECK(json_equal(first, second));
    CHECK_EQ(number_of(first, "deltas"), 3001);
    json_decref(first);
    json_decref(second);
    delta_world_deinit(&a);
    delta_world_deinit(&b);
}

static void watchers_see_each_delta_once_and_only_durable_ones(void **state)
{
    (void)state;
    struct delta_world w;
    delta_world_init(&w, "{}");
    fill(&w, 0, 1200);
    delta_world_watch(&w, "watch", "{'since':0}");
    fill(&w, 1200, 600); /* while the history is read */
    CHECK_EQ(w.lines, 1800);
    delta_world_call(&w, "create", PLAIN("late", "5"));
    delta_world_work(&w);
    CHECK_EQ(w.lines, 1800);
    delta_world_settle(&w);
    CHECK_EQ(w.lines, 1801);
    delta_world_watch(&w, "cancel", "{}");
    fill(&w, 2000, 10);
    CHECK_EQ(w.lines, 0);
    delta_world_deinit(&w);
}

static void a_watcher_sees_what_its_filter_lets_pass(void **state)
{
    (void)state;
    struct delta_world w;
    delta_world_init(&w, "{}");
    fill(&w, 0, 10);
    delta_world_watch(&w, "watch", "{'filter':{'authors':['a1']}}");
    fill(&w, 10, 50);
    CHECK_EQ(w.lines, 10);
    delta_world_deinit(&w);
}

static size_t watcher_stat(struct delta_world *w, const char *name)
{
    json_t *json = delta_world_ask(w, "subs.ls", "{}", PANDO_OK);
    const json_t *one = json_array_get(json_object_get(json, "subscriptions"), 0);
    const int64_t number = number_of(json_object_get(one, "stats"), name);
    json_decref(json);
    return (size_t)number;
}

static void a_paused_watcher_keeps_as_much_as_it_said(void **state)
{
    (void)state;
    struct delta_world w;
    delta_world_init(&w, "{}");
    delta_world_watch(&w, "watch", "{'bufferSize':10,'overflow':'drop_newest'}");
    expect_ok(&w, "subs.pause", "{'id':1}");
    fill(&w, 0, 25);
    CHECK_EQ(w.lines, 0);
    CHECK_EQ(watcher_stat(&w, "size"), 10);
    CHECK_EQ(watcher_stat(&w, "dropped"), 15);
    expect_ok(&w, "subs.resume", "{'id':1}");
    CHECK_EQ(w.lines, 10);
    expect_error(&w, "subs.pause", "{'id':9}", PANDO_NOT_FOUND, "there is no subscription 9");
    delta_world_deinit(&w);
}

/* One that blocks holds the news back, and loses nothing. */
static void a_watcher_that_blocks_gets_everything_later(void **state)
{
    (void)state;
    struct delta_world w;
    delta_world_init(&w, "{}");
    delta_world_watch(&w, "watch", "{'bufferSize':10,'overflow':'block'}");
    expect_ok(&w, "subs.pause", "{'id':1}");
    fill(&w, 0, 25);
    CHECK_EQ(w.lines, 0);
    expect_ok(&w, "subs.resume", "{'id':1}");
    CHECK_EQ(w.lines, 25);
    delta_world_deinit(&w);
}

static void a_full_journal_lets_calls_wait(void **state)
{
    (void)state;
    struct delta_world w;
    delta_world_init(&w, "{}");
    w.busy = true;
    delta_world_call(&w, "create", PLAIN("d1", "5"));
    delta_world_work(&w);
    CHECK(!w.answered);
    w.busy = false; /* nobody says so */
    w.now = pando_time_add(w.now, PANDO_MSEC(2));
    CHECK(pando_time_reached(space_delta_ops.deadline(w.instance), w.now));
    delta_world_feed(&w, &(struct space_input){ .kind = SPACE_TICK });
    delta_world_settle(&w);
    CHECK(w.answered);
    CHECK_OK(w.status);
    delta_world_deinit(&w);
}

static void a_stopped_journal_answers_those_who_wait(void **state)
{
    (void)state;
    struct delta_world w;
    delta_world_init(&w, "{}");
    delta_world_call(&w, "create", PLAIN("d1", "5"));
    delta_world_feed(&w, &(struct space_input){ .kind = SPACE_STORE_FAIL,
                                                .status = PANDO_NOSPACE });
    CHECK(w.answered);
    CHECK_EQ(w.status, PANDO_NOSPACE);
    delta_world_call(&w, "create", PLAIN("d2", "5"));
    CHECK(w.answered);
    CHECK_EQ(w.status, PANDO_UNAVAILABLE);
    delta_world_feed(&w, &(struct space_input){ .kind = SPACE_STORE_BACK });
    expect_ok(&w, "create", PLAIN("d3", "5"));
    delta_world_deinit(&w);
}

static void what_was_answered_is_there_after_a_crash(void **state)
{
    (void)state;
    struct delta_world w;
    delta_world_init(&w, "{}");
    fill(&w, 0, 500);
    json_t *before = delta_world_ask(&w, "hash", "{}", PANDO_OK);
    delta_world_call(&w, "create", PLAIN("never", "5"));
    delta_world_restart(&w, true, "{}");
    json_t *after = delta_world_ask(&w, "hash", "{}", PANDO_OK);
    CHECK(json_equal(before, after));
    delta_world_watch(&w, "watch", "{}");
    fill(&w, 500, 5);
    CHECK_EQ(w.lines, 5); /* what was there is no news */
    json_decref(before);
    json_decref(after);
    delta_world_deinit(&w);
}

/* The file first, then what it holds goes; what came from others does not come back. */
static void an_archive_takes_out_what_was_negated(void **state)
{
    (void)state;
    struct delta_world w;
    delta_world_init(&w, "{}");
    fill(&w, 0, 400);
    for (int i = 0; i < 50; i++) {
        char args[64];
        (void)snprintf(args, sizeof args, "{'id':'f%d'}", i * 2);
        expect_ok(&w, "negate", args);
    }
    expect_error(&w, "archive_commit", "{}", PANDO_INVALID,
                 "there is no complete archive: ask for one with delta.archive first");
    delta_world_watch(&w, "archive", "{'before':9007199254740991}");
    delta_world_settle(&w);
    CHECK(w.ended);
    CHECK(w.stream.len > 5000);
    json_t *json = delta_world_ask(&w, "hash", "{}", PANDO_OK);
    CHECK_EQ(number_of(json, "deltas"), 450);
    json_decref(json);
    json = delta_world_ask(&w, "archive_commit", "{}", PANDO_OK);
    CHECK_EQ(number_of(json, "archived"), 100);
    json_decref(json);
    delta_world_restart(&w, true, "{}");
    json = delta_world_ask(&w, "hash", "{}", PANDO_OK);
    CHECK_EQ(number_of(json, "deltas"), 350);
    json_decref(json);
    CHECK_EQ(shown(&w, "{'limit':1000}"), 350);
    expect_error(&w, "get", "{'id':'f2'}", PANDO_NOT_FOUND, "there is no delta 'f2' here");
    fill(&w, 0, 400);
    CHECK_EQ(shown(&w, "{'limit':1000}"), 350);
    delta_world_deinit(&w);
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
        expect_ok(&w, "create", args);
    }
    expect_error(&w, "hyperview", "{}", PANDO_INVALID,
                 "hyperview: id must be a text of 1 to 512 bytes");
    delta_world_deinit(&w);
}

static void stats_count_what_is_held(void **state)
{
    (void)state;
    struct delta_world w;
    delta_world_init(&w, "{\"systemId\":\"s9\"}");
    fill(&w, 0, 30);
    delta_world_watch(&w, "watch", "{}");
    json_t *json = delta_world_ask(&w, "stats", "{}", PANDO_OK);
    CHECK_EQ(number_of(json, "totalDeltas"), 30);
    CHECK_EQ(number_of(json, "latestTimestamp"), 10);
    CHECK_EQ(number_of(json, "activeSubscriptions"), 1);
    CHECK_EQ(number_of(json, "onTheirWay"), 0);
    CHECK_STR(text_of(json, "systemId"), "s9");
    json_decref(json);
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
        TEST(watchers_see_each_delta_once_and_only_durable_ones),
        TEST(a_watcher_sees_what_its_filter_lets_pass),
        TEST(a_paused_watcher_keeps_as_much_as_it_said),
        TEST(a_watcher_that_blocks_gets_everything_later),
        TEST(a_full_journal_lets_calls_wait),
        TEST(a_stopped_journal_answers_those_who_wait),
        TEST(what_was_answered_is_there_after_a_crash),
        TEST(an_archive_takes_out_what_was_negated),
        TEST(views_follow_what_is_staged),
        TEST(stats_count_what_is_held),
        TEST(wrong_settings_are_named),
        TEST(a_kept_view_loses_what_another_delta_displaced),
        TEST(every_verb_of_the_views_is_listed),
    };
    return CHECK_RUN(tests);
}
