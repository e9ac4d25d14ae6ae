/* Two whole instances with a pipe between them. */
#include "space/delta/delta_pair.h"

#include "base/slice.h"
#include "check.h"

#include <string.h>

static void both_hold_what_each_was_told(void **state)
{
    (void)state;
    struct pair p;
    pair_start(&p, LINK, "{\"systemId\":\"b\"}");
    pair_create(&p, 1, "before", "alice");
    pair_settle(&p);
    pair_create(&p, 0, "from-a", "alice");
    pair_create(&p, 1, "from-b", "bob");
    CHECK_EQ(pair_held(&p, 0), 3);
    CHECK_EQ(pair_held(&p, 1), 3);
    pair_expect_equal(&p);
    const uint64_t sent = p.sent;
    pair_later(&p, 1);
    CHECK(p.sent - sent <= 2); /* nothing goes round */
    pair_stop(&p);
}

static void what_came_meanwhile_follows_after_a_break(void **state)
{
    (void)state;
    struct pair p;
    pair_start(&p, LINK, "{\"systemId\":\"b\"}");
    pair_create(&p, 0, "first", "alice");
    pair_cut(&p);
    p.refuse = true;
    pair_settle(&p);
    pair_create(&p, 0, "from-a", "alice");
    pair_create(&p, 1, "from-b", "bob");
    CHECK_EQ(pair_held(&p, 0), 2);
    p.refuse = false;
    pair_later(&p, 60);
    CHECK_EQ(pair_held(&p, 0), 3);
    pair_expect_equal(&p);
    pair_stop(&p);
}

/* Everything that is on its way arrives, and is written there; nothing more is written here. */
static void deliver(struct pair *p)
{
    do {
        while (p->head < p->len) {
            const struct pair_event *e = &p->events[p->head++];
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
    pair_start(&p, LINK, "{\"systemId\":\"b\"}");
    pair_create(&p, 0, "first", "alice");
    delta_world_watch(&p.w[0], "watch", "{}");
    delta_world_watch(&p.w[1], "watch", "{}");
    pair_settle(&p);
    delta_world_call(&p.w[0], "create", ONE);
    deliver(&p);
    CHECK_EQ(pair_held(&p, 1), 2);
    CHECK_EQ(p.w[1].lines, 1);
    CHECK_EQ(p.w[0].lines, 0);
    CHECK(!p.w[0].answered);
    const uint64_t sent = p.sent;
    pair_settle(&p);
    CHECK_EQ(p.sent, sent); /* it does not go again */
    CHECK(p.w[0].answered);
    CHECK_EQ(p.w[0].lines, 1);
    pair_stop(&p);
}

/* Whoever links in between is given it as well. */
static void a_link_that_begins_while_the_disk_writes_lacks_nothing(void **state)
{
    (void)state;
    struct pair p;
    for (size_t dialler = 0; dialler < 2; dialler++) {
        pair_start(&p, "{}", "{}");
        delta_world_call(&p.w[0], "create", ONE);
        delta_world_watch(&p.w[dialler], "fed.connect", "{'url':'ws://there:1/federation'}");
        deliver(&p);
        CHECK_EQ(pair_held(&p, 1), 1);
        pair_settle(&p);
        pair_create(&p, 0, "y", "alice");
        CHECK_EQ(pair_held(&p, 1), 2);
        pair_expect_equal(&p);
        pair_stop(&p);
    }
}

/* Who dialled whom does not matter: what only the other one wrote comes back. */
static void what_a_crash_takes_from_its_maker_comes_back(void **state)
{
    (void)state;
    static const char *const settings[2][2] = { { LINK, "{}" }, { "{}", LINK } };
    struct pair p;
    for (size_t i = 0; i < 2; i++) {
        pair_start(&p, settings[i][0], settings[i][1]);
        pair_create(&p, 0, "first", "alice");
        delta_world_call(&p.w[0], "create", ONE);
        deliver(&p);
        CHECK_EQ(pair_held(&p, 1), 2);
        CHECK(!p.w[0].answered);
        p.open = false;
        delta_world_feed(&p.w[1], &(struct space_input){ .kind = SPACE_PIPE_CLOSED, .pipe = PAIR_PIPE,
                                                         .token = SPACE_NOBODY });
        delta_world_restart(&p.w[0], true, settings[i][0]);
        CHECK_EQ(pair_held(&p, 0), 1);
        pair_settle(&p);
        pair_later(&p, 60);
        CHECK_EQ(pair_held(&p, 0), 2);
        pair_expect_equal(&p);
        pair_stop(&p);
    }
}

static void whom_the_node_does_not_trust_is_refused(void **state)
{
    (void)state;
    struct pair p;
    pair_start(&p, LINK, "{\"systemId\":\"b\",\"trustPolicy\":{\"trustedAuthors\":[\"alice\"]}}");
    pair_create(&p, 0, "good", "alice");
    pair_create(&p, 0, "bad", "mallory");
    CHECK_EQ(pair_held(&p, 0), 2);
    CHECK_EQ(pair_held(&p, 1), 1);
    json_t *json = delta_world_ask(&p.w[1], "fed.links", "{}", PANDO_OK);
    const json_t *link = json_array_get(json_object_get(json, "links"), 0);
    CHECK_EQ(json_integer_value(json_object_get(json_object_get(link, "stats"), "deltasRejected")),
             1);
    json_decref(json);
    pair_stop(&p);
}

static void a_paused_link_loses_nothing(void **state)
{
    (void)state;
    struct pair p;
    char args[64];
    pair_start(&p, LINK, "{\"systemId\":\"b\"}");
    pair_create(&p, 0, "first", "alice");
    json_t *json = delta_world_ask(&p.w[0], "fed.links", "{}", PANDO_OK);
    const json_t *link = json_array_get(json_object_get(json, "links"), 0);
    (void)snprintf(args, sizeof args, "{'id':'%s'}",
                   json_string_value(json_object_get(link, "id")));
    json_decref(json);
    json_decref(delta_world_ask(&p.w[0], "fed.pause", args, PANDO_OK));
    pair_settle(&p);
    pair_create(&p, 0, "from-a", "alice");
    pair_create(&p, 1, "from-b", "bob");
    CHECK_EQ(pair_held(&p, 1), 2);
    json_decref(delta_world_ask(&p.w[0], "fed.resume", args, PANDO_OK));
    pair_settle(&p);
    CHECK_EQ(pair_held(&p, 0), 3);
    pair_expect_equal(&p);
    json_decref(delta_world_ask(&p.w[0], "fed.disconnect", args, PANDO_OK));
    pair_settle(&p);
    CHECK(!p.open);
    pair_stop(&p);
}

static void a_filter_of_a_live_link_is_changed(void **state)
{
    (void)state;
    struct pair p;
    char args[200];
    pair_start(&p, "{}", "{}");
    json_t *json = delta_world_ask(&p.w[0], "fed.connect",
                                   "{'url':'ws://there:1/federation',"
                                   "'pushFilter':{'authors':['bob']}}", PANDO_OK);
    (void)snprintf(args, sizeof args, "{'id':'%s','pushFilter':null}",
                   json_string_value(json_object_get(json, "id")));
    pair_settle(&p);
    pair_create(&p, 0, "hidden", "alice");
    CHECK_EQ(pair_held(&p, 1), 0);
    json_decref(json);
    json_decref(delta_world_ask(&p.w[0], "fed.configure", args, PANDO_OK));
    pair_settle(&p);
    CHECK_EQ(pair_held(&p, 1), 1); /* also what was made before */
    pair_stop(&p);
}

static void events_of_links_are_streamed(void **state)
{
    (void)state;
    struct pair p;
    pair_start(&p, "{\"systemId\":\"a\"}", "{\"systemId\":\"b\"}");
    delta_world_watch(&p.w[0], "fed.watch", "{}");
    json_decref(delta_world_ask(&p.w[0], "fed.connect", "{'url':'ws://there:1/federation'}",
                                PANDO_OK));
    pair_settle(&p);
    pair_create(&p, 0, "x", "alice");
    pair_create(&p, 1, "y", "alice");
    CHECK_OK(buf_append(&p.w[0].stream, slice_of("", 1)));
    static const char *const names[] = { "link:connecting", "link:connected", "sync:started",
                                         "sync:completed", "delta:sent", "delta:received" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strstr((const char *)p.w[0].stream.ptr, names[i]) == NULL)
            CHECK_NOTE("%s is missing in %s\n", names[i], (const char *)p.w[0].stream.ptr);
        CHECK(strstr((const char *)p.w[0].stream.ptr, names[i]) != NULL);
    }
    pair_stop(&p);
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
    pair_start(&p, "{}", "{}");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *json =
            delta_world_ask(&p.w[0], cases[i].verb, cases[i].args, cases[i].status);
        CHECK_STR(json_string_value(json_object_get(json, "error")), cases[i].text);
        json_decref(json);
    }
    pair_stop(&p);
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
    };
    return CHECK_RUN(tests);
}
