/* Two whole instances with a pipe between them. */
#include "space/delta/delta_world.h"

#include "base/slice.h"
#include "check.h"

#include <stdlib.h>
#include <string.h>

enum { EVENTS_MAX = 65536, PIPE = 7 };

struct event {
    struct delta_world *to;
    struct space_input input;
    char text[128];
};

/* Instance 0 dials instance 1; both call their end of the pipe by one number. */
struct pair {
    struct delta_world w[2];
    struct event *events;
    size_t head, len;
    bool open, refuse;
    uint64_t sent; /* messages */
};

static void queue(struct pair *p, struct delta_world *to, struct space_input in, const char *text)
{
    CHECK(p->len < EVENTS_MAX);
    struct event *e = &p->events[p->len++];
    *e = (struct event){ .to = to, .input = in };
    (void)snprintf(e->text, sizeof e->text, "%s", text);
    e->input.text = slice_text(e->text);
}

static void close_both(struct pair *p)
{
    if (!p->open)
        return;
    p->open = false;
    for (size_t i = 0; i < 2; i++)
        queue(p, &p->w[i],
              (struct space_input){ .kind = SPACE_PIPE_CLOSED, .pipe = PIPE, .token = SPACE_NOBODY },
              "it went");
}

static void on_pipe(void *ctx, struct delta_world *w, const struct space_effect *e)
{
    struct pair *p = ctx;
    struct delta_world *other = w == &p->w[0] ? &p->w[1] : &p->w[0];
    if (e->kind == SPACE_PIPE_DIAL && p->refuse) {
        queue(p, w, (struct space_input){ .kind = SPACE_PIPE_CLOSED, .pipe = SPACE_NO_PIPE,
                                          .token = e->token, .status = PANDO_UNAVAILABLE },
              "nobody listens");
    } else if (e->kind == SPACE_PIPE_DIAL) {
        p->open = true;
        queue(p, w, (struct space_input){ .kind = SPACE_PIPE_OPEN, .pipe = PIPE,
                                          .token = e->token }, "there");
        queue(p, other, (struct space_input){ .kind = SPACE_PIPE_OPEN, .pipe = PIPE,
                                              .token = SPACE_NOBODY }, "here");
    } else if (e->kind == SPACE_PIPE_SEND && p->open) {
        p->sent++;
        queue(p, other, (struct space_input){ .kind = SPACE_PIPE_TEXT, .pipe = PIPE,
                                              .bytes = bytes_ref(e->bytes) }, "");
        queue(p, w, (struct space_input){ .kind = SPACE_PIPE_CREDIT, .pipe = PIPE,
                                          .value = bytes_view(e->bytes).len }, "");
    } else if (e->kind == SPACE_PIPE_CLOSE) {
        close_both(p);
    }
}

/* Until neither has anything to say. */
static void settle(struct pair *p)
{
    do {
        while (p->head < p->len) {
            const struct event *e = &p->events[p->head++];
            if (p->open || e->input.kind != SPACE_PIPE_TEXT)
                delta_world_feed(e->to, &e->input);
            bytes_unref(e->input.bytes);
        }
        p->head = p->len = 0;
        delta_world_settle(&p->w[0]);
        delta_world_settle(&p->w[1]);
    } while (p->len > 0);
}

static void later(struct pair *p, uint64_t seconds)
{
    for (size_t i = 0; i < 2; i++) {
        p->w[i].now = pando_time_add(p->w[i].now, PANDO_SEC(seconds));
        delta_world_feed(&p->w[i], &(struct space_input){ .kind = SPACE_TICK });
    }
    settle(p);
}

static void start(struct pair *p, const char *dialling, const char *dialled)
{
    *p = (struct pair){ .events = calloc(EVENTS_MAX, sizeof *p->events) };
    CHECK(p->events != NULL);
    delta_world_init(&p->w[0], dialling);
    delta_world_init(&p->w[1], dialled);
    for (size_t i = 0; i < 2; i++) {
        p->w[i].ctx = p;
        p->w[i].on_pipe = on_pipe;
    }
}

static void stop(struct pair *p)
{
    for (size_t i = p->head; i < p->len; i++)
        bytes_unref(p->events[i].input.bytes);
    delta_world_deinit(&p->w[0]);
    delta_world_deinit(&p->w[1]);
    free(p->events);
}

static void create(struct pair *p, size_t i, const char *id, const char *author)
{
    char args[256];
    (void)snprintf(args, sizeof args,
                   "{'id':'%s','author':'%s','pointers':[{'role':'of','target':{'id':'o',"
                   "'context':'c'}}]}",
                   id, author);
    json_decref(delta_world_ask(&p->w[i], "create", args, PANDO_OK));
    settle(p);
}

static size_t held(struct pair *p, size_t i)
{
    json_t *json = delta_world_ask(&p->w[i], "stats", "{}", PANDO_OK);
    const json_int_t len = json_integer_value(json_object_get(json, "totalDeltas"));
    json_decref(json);
    return (size_t)len;
}

static void expect_equal(struct pair *p)
{
    json_t *a = delta_world_ask(&p->w[0], "hash", "{}", PANDO_OK);
    json_t *b = delta_world_ask(&p->w[1], "hash", "{}", PANDO_OK);
    CHECK(json_equal(a, b));
    json_decref(a);
    json_decref(b);
}

#define LINK "{\"systemId\":\"a\",\"links\":[{\"url\":\"ws://there:1/federation\"}]}"

static void both_hold_what_each_was_told(void **state)
{
    (void)state;
    struct pair p;
    start(&p, LINK, "{\"systemId\":\"b\"}");
    create(&p, 1, "before", "alice");
    settle(&p);
    create(&p, 0, "from-a", "alice");
    create(&p, 1, "from-b", "bob");
    CHECK_EQ(held(&p, 0), 3);
    CHECK_EQ(held(&p, 1), 3);
    expect_equal(&p);
    const uint64_t sent = p.sent;
    later(&p, 1);
    CHECK(p.sent - sent <= 2); /* nothing goes round */
    stop(&p);
}

static void what_came_meanwhile_follows_after_a_break(void **state)
{
    (void)state;
    struct pair p;
    start(&p, LINK, "{\"systemId\":\"b\"}");
    create(&p, 0, "first", "alice");
    close_both(&p);
    p.refuse = true;
    settle(&p);
    create(&p, 0, "from-a", "alice");
    create(&p, 1, "from-b", "bob");
    CHECK_EQ(held(&p, 0), 2);
    p.refuse = false;
    later(&p, 60);
    CHECK_EQ(held(&p, 0), 3);
    expect_equal(&p);
    stop(&p);
}

/* Everything that is on its way arrives, and is written there; nothing more is written here. */
static void deliver(struct pair *p)
{
    do {
        while (p->head < p->len) {
            const struct event *e = &p->events[p->head++];
            delta_world_feed(e->to, &e->input);
            bytes_unref(e->input.bytes);
        }
        p->head = p->len = 0;
        delta_world_work(&p->w[0]);
        delta_world_settle(&p->w[1]);
    } while (p->len > 0);
}

#define ONE "{'id':'x','author':'alice','pointers':[{'role':'r','target':'t'}]}"

/* A link is told while our disk still writes; our caller and our watchers are not. */
static void links_are_told_while_the_disk_writes(void **state)
{
    (void)state;
    struct pair p;
    start(&p, LINK, "{\"systemId\":\"b\"}");
    create(&p, 0, "first", "alice");
    delta_world_watch(&p.w[0], "watch", "{}");
    delta_world_watch(&p.w[1], "watch", "{}");
    settle(&p);
    delta_world_call(&p.w[0], "create", ONE);
    deliver(&p);
    CHECK_EQ(held(&p, 1), 2);
    CHECK_EQ(p.w[1].lines, 1);
    CHECK_EQ(p.w[0].lines, 0);
    CHECK(!p.w[0].answered);
    const uint64_t sent = p.sent;
    settle(&p);
    CHECK_EQ(p.sent, sent); /* it does not go again */
    CHECK(p.w[0].answered);
    CHECK_EQ(p.w[0].lines, 1);
    stop(&p);
}

/* Whoever links in between is given it as well. */
static void a_link_that_begins_while_the_disk_writes_lacks_nothing(void **state)
{
    (void)state;
    struct pair p;
    for (size_t dialler = 0; dialler < 2; dialler++) {
        start(&p, "{}", "{}");
        delta_world_call(&p.w[0], "create", ONE);
        delta_world_watch(&p.w[dialler], "fed.connect", "{'url':'ws://there:1/federation'}");
        deliver(&p);
        CHECK_EQ(held(&p, 1), 1);
        settle(&p);
        create(&p, 0, "y", "alice");
        CHECK_EQ(held(&p, 1), 2);
        expect_equal(&p);
        stop(&p);
    }
}

/* Who dialled whom does not matter: what only the other one wrote comes back. */
static void what_a_crash_takes_from_its_maker_comes_back(void **state)
{
    (void)state;
    static const char *const settings[2][2] = { { LINK, "{}" }, { "{}", LINK } };
    struct pair p;
    for (size_t i = 0; i < 2; i++) {
        start(&p, settings[i][0], settings[i][1]);
        create(&p, 0, "first", "alice");
        delta_world_call(&p.w[0], "create", ONE);
        deliver(&p);
        CHECK_EQ(held(&p, 1), 2);
        CHECK(!p.w[0].answered);
        p.open = false;
        delta_world_feed(&p.w[1], &(struct space_input){ .kind = SPACE_PIPE_CLOSED, .pipe = PIPE,
                                                         .token = SPACE_NOBODY });
        delta_world_restart(&p.w[0], true, settings[i][0]);
        CHECK_EQ(held(&p, 0), 1);
        settle(&p);
        later(&p, 60);
        CHECK_EQ(held(&p, 0), 2);
        expect_equal(&p);
        stop(&p);
    }
}

static void whom_the_node_does_not_trust_is_refused(void **state)
{
    (void)state;
    struct pair p;
    start(&p, LINK, "{\"systemId\":\"b\",\"trustPolicy\":{\"trustedAuthors\":[\"alice\"]}}");
    create(&p, 0, "good", "alice");
    create(&p, 0, "bad", "mallory");
    CHECK_EQ(held(&p, 0), 2);
    CHECK_EQ(held(&p, 1), 1);
    json_t *json = delta_world_ask(&p.w[1], "fed.links", "{}", PANDO_OK);
    const json_t *link = json_array_get(json_object_get(json, "links"), 0);
    CHECK_EQ(json_integer_value(json_object_get(json_object_get(link, "stats"), "deltasRejected")),
             1);
    json_decref(json);
    stop(&p);
}

static void a_paused_link_loses_nothing(void **state)
{
    (void)state;
    struct pair p;
    char args[64];
    start(&p, LINK, "{\"systemId\":\"b\"}");
    create(&p, 0, "first", "alice");
    json_t *json = delta_world_ask(&p.w[0], "fed.links", "{}", PANDO_OK);
    const json_t *link = json_array_get(json_object_get(json, "links"), 0);
    (void)snprintf(args, sizeof args, "{'id':'%s'}",
                   json_string_value(json_object_get(link, "id")));
    json_decref(json);
    json_decref(delta_world_ask(&p.w[0], "fed.pause", args, PANDO_OK));
    settle(&p);
    create(&p, 0, "from-a", "alice");
    create(&p, 1, "from-b", "bob");
    CHECK_EQ(held(&p, 1), 2);
    json_decref(delta_world_ask(&p.w[0], "fed.resume", args, PANDO_OK));
    settle(&p);
    CHECK_EQ(held(&p, 0), 3);
    expect_equal(&p);
    json_decref(delta_world_ask(&p.w[0], "fed.disconnect", args, PANDO_OK));
    settle(&p);
    CHECK(!p.open);
    stop(&p);
}

static void a_filter_of_a_live_link_is_changed(void **state)
{
    (void)state;
    struct pair p;
    char args[200];
    start(&p, "{}", "{}");
    json_t *json = delta_world_ask(&p.w[0], "fed.connect",
                                   "{'url':'ws://there:1/federation',"
                                   "'pushFilter':{'authors':['bob']}}", PANDO_OK);
    (void)snprintf(args, sizeof args, "{'id':'%s'}",
                   json_string_value(json_object_get(json, "id")));
    settle(&p);
    create(&p, 0, "hidden", "alice");
    CHECK_EQ(held(&p, 1), 0);
    json_decref(json);
    json_decref(delta_world_ask(&p.w[0], "fed.configure", args, PANDO_OK));
    settle(&p);
    CHECK_EQ(held(&p, 1), 1); /* also what was made before */
    json = delta_world_ask(&p.w[1], "fed.links", "{}", PANDO_OK);
    (void)snprintf(args, sizeof args, "{'id':'%s'}",
                   json_string_value(json_object_get(
                       json_array_get(json_object_get(json, "links"), 0), "id")));
    json_decref(json);
    json_decref(delta_world_ask(&p.w[1], "fed.configure", args, PANDO_UNSUPPORTED));
    stop(&p);
}

static void events_of_links_are_streamed(void **state)
{
    (void)state;
    struct pair p;
    start(&p, "{\"systemId\":\"a\"}", "{\"systemId\":\"b\"}");
    delta_world_watch(&p.w[0], "fed.watch", "{}");
    json_decref(delta_world_ask(&p.w[0], "fed.connect", "{'url':'ws://there:1/federation'}",
                                PANDO_OK));
    settle(&p);
    create(&p, 0, "x", "alice");
    create(&p, 1, "y", "alice");
    CHECK_OK(buf_append(&p.w[0].stream, slice_of("", 1)));
    static const char *const names[] = { "link:connecting", "link:connected", "sync:started",
                                         "sync:completed", "delta:sent", "delta:received" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strstr((const char *)p.w[0].stream.ptr, names[i]) == NULL)
            CHECK_NOTE("%s is missing in %s\n", names[i], (const char *)p.w[0].stream.ptr);
        CHECK(strstr((const char *)p.w[0].stream.ptr, names[i]) != NULL);
    }
    stop(&p);
}

static void calls_about_links_name_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *verb, *args;
        enum pando_status status;
        const char *text;
    } cases[] = {
        { "fed.connect", "{}", PANDO_INVALID,
          "\"url\" is missing: ws://HOST:PORT/federation" },
        { "fed.pause", "{}", PANDO_INVALID, "\"id\" is missing: which link?" },
        { "fed.configure", "{}", PANDO_INVALID, "\"id\" is missing: which link?" },
        { "fed.configure", "{'id':'zz','mode':'both'}", PANDO_INVALID,
          "mode: must be \"bidirectional\", \"push\" or \"pull\"" },
        { "fed.link", "{'id':'zz'}", PANDO_NOT_FOUND,
          "there is no single link 'zz'; `pando link ls` lists them" },
        { "fed.connect", "{'url':'http://localhost:8080/federation'}", PANDO_INVALID,
          "http://localhost:8080/federation: a federation URL begins with ws:// or wss://: try "
          "ws://localhost:8080/federation" },
    };
    struct pair p;
    start(&p, "{}", "{}");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *json =
            delta_world_ask(&p.w[0], cases[i].verb, cases[i].args, cases[i].status);
        CHECK_STR(json_string_value(json_object_get(json, "error")), cases[i].text);
        json_decref(json);
    }
    stop(&p);
}

/* --- links that are there again --- */

#define URL "ws://there:1/federation"

/* The only link of the first instance; to be given back. */
static json_t *only_link(struct pair *p)
{
    json_t *json = delta_world_ask(&p->w[0], "fed.links", "{}", PANDO_OK);
    json_t *links = json_object_get(json, "links");
    CHECK_EQ(json_array_size(links), 1);
    json_t *link = json_incref(json_array_get(links, 0));
    json_decref(json);
    return link;
}

static void no_link_is_left(struct pair *p)
{
    json_t *json = delta_world_ask(&p->w[0], "fed.links", "{}", PANDO_OK);
    CHECK_EQ(json_array_size(json_object_get(json, "links")), 0);
    json_decref(json);
}

/* What the first instance says of itself, settled. */
static json_t *tell_first(struct pair *p, const char *verb, const char *args)
{
    json_t *json = delta_world_ask(&p->w[0], verb, args, PANDO_OK);
    settle(p);
    return json;
}

static void expect_kept(struct pair *p, const char *by)
{
    json_t *link = only_link(p);
    CHECK_STR(json_string_value(json_object_get(link, "kept")), by);
    json_decref(link);
}

/* The power fails at the one that dials; it starts anew. */
static void crash_first(struct pair *p, const char *settings)
{
    close_both(p);
    settle(p);
    delta_world_restart(&p->w[0], true, settings);
    settle(p);
}

/* By its id, or with more members behind. */
static void about_link(struct pair *p, char *ret, size_t cap, const char *more)
{
    json_t *link = only_link(p);
    (void)snprintf(ret, cap, "{'id':'%s'%s}", json_string_value(json_object_get(link, "id")),
                   more);
    json_decref(link);
}

static void a_link_is_answered_for_once_it_is_on_disk(void **state)
{
    (void)state;
    struct pair p;
    start(&p, "{}", "{}");
    delta_world_call(&p.w[0], "fed.connect", "{'url':'" URL "'}");
    delta_world_work(&p.w[0]);
    CHECK(!p.w[0].answered);
    delta_world_restart(&p.w[0], true, "{}");
    settle(&p);
    no_link_is_left(&p); /* nobody was told that it would be kept */
    p.w[0].busy = true;
    delta_world_call(&p.w[0], "fed.connect", "{'url':'" URL "'}");
    settle(&p);
    CHECK(!p.w[0].answered); /* the journal takes nothing now */
    p.w[0].busy = false;
    later(&p, 1);
    CHECK(p.w[0].answered);
    CHECK_OK(p.w[0].status);
    stop(&p);
}

static void a_link_made_by_a_call_is_there_after_a_crash_as_it_was(void **state)
{
    (void)state;
    struct pair p;
    char args[200];
    start(&p, "{}", "{}");
    json_decref(tell_first(
        &p, "fed.connect",
        "{'url':'" URL "','mode':'push','initialSync':'from_timestamp','syncFromTimestamp':5,"
        "'pushFilter':{'authors':['bob']},'pullFilter':{'targetIds':['o']},"
        "'trustPolicy':{'trustedAuthors':['eve'],'trustedSystems':['s']},"
        "'reconnect':{'maxAttempts':0,'initialDelay':20,'maxDelay':40,'backoffMultiplier':1.5}}"));
    json_t *before = only_link(&p);
    crash_first(&p, "{}");
    expect_kept(&p, "node");
    json_t *after = only_link(&p);
    CHECK(json_equal(json_object_get(before, "config"), json_object_get(after, "config")));
    json_decref(before);
    json_decref(after);
    create(&p, 0, "seen", "bob");
    create(&p, 0, "hidden", "alice");
    CHECK_EQ(held(&p, 1), 1);
    about_link(&p, args, sizeof args, "");
    json_decref(tell_first(&p, "fed.disconnect", args));
    crash_first(&p, "{}");
    no_link_is_left(&p);
    CHECK(!p.open);
    stop(&p);
}

static void another_configuration_of_a_kept_link_is_kept(void **state)
{
    (void)state;
    struct pair p;
    char args[200];
    start(&p, "{}", "{}");
    json_decref(tell_first(&p, "fed.connect", "{'url':'" URL "'}"));
    about_link(&p, args, sizeof args, ",'mode':'pull'");
    json_decref(tell_first(&p, "fed.configure", args));
    crash_first(&p, "{}");
    json_t *link = only_link(&p);
    CHECK_STR(json_string_value(json_object_get(json_object_get(link, "config"), "mode")), "pull");
    json_decref(link);
    stop(&p);
}

static void one_link_is_kept_of_a_url_and_the_last_call_counts(void **state)
{
    (void)state;
    struct pair p;
    start(&p, "{}", "{}");
    json_decref(tell_first(&p, "fed.connect", "{'url':'" URL "','mode':'push'}"));
    json_decref(tell_first(&p, "fed.connect", "{'url':'" URL "','mode':'pull'}"));
    for (int i = 0; i < 2; i++) {
        json_t *link = only_link(&p);
        CHECK_STR(json_string_value(json_object_get(json_object_get(link, "config"), "mode")),
                  "pull");
        json_decref(link);
        crash_first(&p, "{}");
    }
    stop(&p);
}

static void a_link_that_is_not_to_be_kept_ends_with_the_node(void **state)
{
    (void)state;
    struct pair p;
    start(&p, "{}", "{}");
    json_decref(tell_first(&p, "fed.connect", "{'url':'" URL "','keep':false}"));
    expect_kept(&p, "no");
    crash_first(&p, "{}");
    no_link_is_left(&p);
    json_t *json = delta_world_ask(&p.w[0], "fed.connect", "{'url':'" URL "','keep':1}",
                                   PANDO_INVALID);
    CHECK_STR(json_string_value(json_object_get(json, "error")), "\"keep\" must be true or false");
    json_decref(json);
    stop(&p);
}

static void a_link_of_the_settings_wins(void **state)
{
    (void)state;
    struct pair p;
    char args[200];
    start(&p, "{}", "{}");
    json_decref(tell_first(&p, "fed.connect", "{'url':'" URL "'}"));
    crash_first(&p, LINK);
    expect_kept(&p, "config");
    json_t *json = delta_world_ask(&p.w[0], "fed.connect", "{'url':'" URL "'}", PANDO_EXISTS);
    CHECK_STR(json_string_value(json_object_get(json, "error")),
              "config.yml has a link with this URL: change it there, or link without keeping it: "
              "\"keep\": false");
    json_decref(json);
    about_link(&p, args, sizeof args, "");
    json_decref(tell_first(&p, "fed.disconnect", args));
    crash_first(&p, LINK);
    expect_kept(&p, "config"); /* the file is the operator's */
    crash_first(&p, "{}");
    no_link_is_left(&p); /* what was kept is forgotten */
    stop(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(both_hold_what_each_was_told),
        TEST(what_came_meanwhile_follows_after_a_break),
        TEST(links_are_told_while_the_disk_writes),
        TEST(a_link_that_begins_while_the_disk_writes_lacks_nothing),
        TEST(what_a_crash_takes_from_its_maker_comes_back),
        TEST(whom_the_node_does_not_trust_is_refused),
        TEST(a_paused_link_loses_nothing),
        TEST(a_filter_of_a_live_link_is_changed),
        TEST(events_of_links_are_streamed),
        TEST(calls_about_links_name_what_is_wrong),
        TEST(a_link_is_answered_for_once_it_is_on_disk),
        TEST(a_link_made_by_a_call_is_there_after_a_crash_as_it_was),
        TEST(another_configuration_of_a_kept_link_is_kept),
        TEST(one_link_is_kept_of_a_url_and_the_last_call_counts),
        TEST(a_link_that_is_not_to_be_kept_ends_with_the_node),
        TEST(a_link_of_the_settings_wins),
    };
    return CHECK_RUN(tests);
}
