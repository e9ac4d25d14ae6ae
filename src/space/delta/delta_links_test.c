/* Links that a call made: there after a crash; and what is allowed on those that others made. */
#include "space/delta/delta_pair.h"

#include "base/slice.h"
#include "check.h"

#include <string.h>

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
    pair_settle(p);
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
    pair_cut(p);
    pair_settle(p);
    delta_world_restart(&p->w[0], true, settings);
    pair_settle(p);
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
    pair_start(&p, "{}", "{}");
    delta_world_call(&p.w[0], "fed.connect", "{'url':'" URL "'}");
    delta_world_work(&p.w[0]);
    CHECK(!p.w[0].answered);
    delta_world_restart(&p.w[0], true, "{}");
    pair_settle(&p);
    no_link_is_left(&p); /* nobody was told that it would be kept */
    p.w[0].busy = true;
    delta_world_call(&p.w[0], "fed.connect", "{'url':'" URL "'}");
    pair_settle(&p);
    CHECK(!p.w[0].answered); /* the journal takes nothing now */
    p.w[0].busy = false;
    pair_later(&p, 1);
    CHECK(p.w[0].answered);
    CHECK_OK(p.w[0].status);
    pair_stop(&p);
}

static void a_link_made_by_a_call_is_there_after_a_crash_as_it_was(void **state)
{
    (void)state;
    struct pair p;
    char args[200];
    pair_start(&p, "{}", "{}");
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
    pair_create(&p, 0, "seen", "bob");
    pair_create(&p, 0, "hidden", "alice");
    CHECK_EQ(pair_held(&p, 1), 1);
    about_link(&p, args, sizeof args, "");
    json_decref(tell_first(&p, "fed.disconnect", args));
    crash_first(&p, "{}");
    no_link_is_left(&p);
    CHECK(!p.open);
    pair_stop(&p);
}

static void another_configuration_of_a_kept_link_is_kept(void **state)
{
    (void)state;
    struct pair p;
    char args[200];
    pair_start(&p, "{}", "{}");
    json_decref(tell_first(&p, "fed.connect", "{'url':'" URL "'}"));
    about_link(&p, args, sizeof args, ",'mode':'pull'");
    json_decref(tell_first(&p, "fed.configure", args));
    crash_first(&p, "{}");
    json_t *link = only_link(&p);
    CHECK_STR(json_string_value(json_object_get(json_object_get(link, "config"), "mode")), "pull");
    json_decref(link);
    pair_stop(&p);
}

/* Whom a link trusts is not changed by what says nothing of it. */
static void what_a_configuration_leaves_out_stays_as_it_is(void **state)
{
    (void)state;
    struct pair p;
    char args[200];
    pair_start(&p, "{}", "{}");
    json_decref(tell_first(&p, "fed.connect",
                           "{'url':'" URL "','initialSync':'from_timestamp','syncFromTimestamp':5,"
                           "'pushFilter':{'authors':['alice','bob']},'pullFilter':{'authors':['bob',"
                           "'alice']},'trustPolicy':{'trustedAuthors':['alice']},'reconnect':"
                           "{'maxAttempts':0}}"));
    json_t *before = only_link(&p);
    about_link(&p, args, sizeof args, ",'mode':'pull'");
    json_decref(tell_first(&p, "fed.configure", args));
    for (int i = 0; i < 2; i++) {
        json_t *after = only_link(&p);
        json_t *config = json_object_get(after, "config");
        CHECK_STR(json_string_value(json_object_get(config, "mode")), "pull");
        json_object_set_new(config, "mode", json_string("bidirectional"));
        CHECK(json_equal(json_object_get(before, "config"), config));
        json_decref(after);
        crash_first(&p, "{}");
    }
    pair_later(&p, 0); /* it begins with the first that is fed to it */
    pair_create(&p, 1, "good", "alice");
    pair_create(&p, 1, "bad", "bob"); /* the filter lets it pass, the policy does not */
    CHECK_EQ(pair_held(&p, 0), 1);
    about_link(&p, args, sizeof args, ",'trustPolicy':null");
    json_decref(tell_first(&p, "fed.configure", args));
    CHECK_EQ(pair_held(&p, 0), 2); /* it was asked for */
    json_decref(before);
    pair_stop(&p);
}

static void one_link_is_kept_of_a_url_and_the_last_call_counts(void **state)
{
    (void)state;
    struct pair p;
    pair_start(&p, "{}", "{}");
    json_decref(tell_first(&p, "fed.connect", "{'url':'" URL "','mode':'push'}"));
    json_decref(tell_first(&p, "fed.connect", "{'url':'" URL "','mode':'pull'}"));
    for (int i = 0; i < 2; i++) {
        json_t *link = only_link(&p);
        CHECK_STR(json_string_value(json_object_get(json_object_get(link, "config"), "mode")),
                  "pull");
        json_decref(link);
        crash_first(&p, "{}");
    }
    pair_stop(&p);
}

static void a_link_that_is_not_to_be_kept_ends_with_the_node(void **state)
{
    (void)state;
    struct pair p;
    pair_start(&p, "{}", "{}");
    json_decref(tell_first(&p, "fed.connect", "{'url':'" URL "','keep':false}"));
    expect_kept(&p, "no");
    crash_first(&p, "{}");
    no_link_is_left(&p);
    json_t *json = delta_world_ask(&p.w[0], "fed.connect", "{'url':'" URL "','keep':1}",
                                   PANDO_INVALID);
    CHECK_STR(json_string_value(json_object_get(json, "error")), "\"keep\" must be true or false");
    json_decref(json);
    pair_stop(&p);
}

static void a_link_of_the_settings_wins(void **state)
{
    (void)state;
    struct pair p;
    char args[200];
    pair_start(&p, "{}", "{}");
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
    pair_stop(&p);
}

/* What a call about the only link says that is made but cannot be kept; it ends with `remedy`. */
static void expect_not_kept(struct pair *p, enum pando_status status, const char *remedy)
{
    const size_t len = strlen(remedy);
    CHECK(p->w[0].answered);
    CHECK_EQ(p->w[0].status, status);
    json_t *json = json_loadb((const char *)p->w[0].answer.ptr, p->w[0].answer.len, 0, NULL);
    const char *text = json_string_value(json_object_get(json, "error"));
    CHECK(text != NULL && strlen(text) > len);
    CHECK_STR(text + strlen(text) - len, remedy);
    json_decref(json);
}

#define AGAIN                                                                                  \
    "; what was kept of its URL before, if anything, counts at the next start: repeat the call " \
    "when there is room"

static void fail_store(struct pair *p)
{
    delta_world_feed(&p->w[0], &(struct space_input){ .kind = SPACE_STORE_FAIL,
                                                      .status = PANDO_NOSPACE });
}

static void expect_mode(struct pair *p, const char *mode, const char *kept)
{
    json_t *link = only_link(p);
    CHECK_STR(json_string_value(json_object_get(json_object_get(link, "config"), "mode")), mode);
    CHECK_STR(json_string_value(json_object_get(link, "kept")), kept);
    json_decref(link);
}

/* The call says so, the list says so, and the same call again keeps it. */
static void a_link_that_the_disk_does_not_take_is_not_said_to_be_kept(void **state)
{
    (void)state;
    struct pair p;
    char id[200], text[300];
    pair_start(&p, "{}", "{}");
    delta_world_call(&p.w[0], "fed.connect", "{'url':'" URL "','mode':'push'}");
    fail_store(&p);
    expect_not_kept(&p, PANDO_NOSPACE, AGAIN);
    expect_mode(&p, "push", "no");
    delta_world_feed(&p.w[0], &(struct space_input){ .kind = SPACE_STORE_BACK });
    json_decref(tell_first(&p, "fed.connect", "{'url':'" URL "','mode':'push'}"));
    expect_mode(&p, "push", "node"); /* one link: the call took the place of the first */
    about_link(&p, id, sizeof id, ",'mode':'pull'");
    p.w[0].busy = true;
    delta_world_call(&p.w[0], "fed.configure", id);
    fail_store(&p);
    p.w[0].busy = false;
    (void)snprintf(text, sizeof text, "the link %.36s cannot be kept: %s" AGAIN, id + 7,
                   pando_status_text(PANDO_NOSPACE));
    expect_not_kept(&p, PANDO_NOSPACE, text);
    expect_mode(&p, "pull", "no");
    crash_first(&p, "{}");
    expect_mode(&p, "push", "node"); /* the earlier text */
    pair_stop(&p);
}

static void a_link_is_cut_and_changed_while_the_store_has_failed(void **state)
{
    (void)state;
    struct pair p;
    char args[200];
    pair_start(&p, "{}", "{}");
    json_decref(tell_first(&p, "fed.connect", "{'url':'" URL "'}"));
    fail_store(&p);
    about_link(&p, args, sizeof args, ",'mode':'pull'");
    delta_world_call(&p.w[0], "fed.configure", args);
    pair_settle(&p);
    expect_not_kept(&p, PANDO_UNAVAILABLE, AGAIN);
    expect_mode(&p, "pull", "no");
    about_link(&p, args, sizeof args, "");
    delta_world_call(&p.w[0], "fed.disconnect", args);
    pair_settle(&p);
    expect_not_kept(&p, PANDO_UNAVAILABLE,
                    "; if it is there again after the next start, end it then");
    no_link_is_left(&p);
    CHECK(!p.open);
    crash_first(&p, "{}");
    expect_mode(&p, "bidirectional", "node");
    about_link(&p, args, sizeof args, "");
    json_decref(tell_first(&p, "fed.disconnect", args));
    crash_first(&p, "{}");
    no_link_is_left(&p);
    pair_stop(&p);
}

/* --- links that another dialled --- */

/* By the id of the link that the second instance has, with more members behind. */
static json_t *limit(struct pair *p, const char *more, enum pando_status status)
{
    char args[300];
    json_t *json = delta_world_ask(&p->w[1], "fed.links", "{}", PANDO_OK);
    const json_t *link = json_array_get(json_object_get(json, "links"), 0);
    (void)snprintf(args, sizeof args, "{'id':'%s'%s}",
                   json_string_value(json_object_get(link, "id")), more);
    json_decref(json);
    json = delta_world_ask(&p->w[1], "fed.configure", args, status);
    pair_settle(p);
    return json;
}

/* Every limit as it is by default. */
#define ALL ",'mode':null,'pushFilter':null,'pullFilter':null,'trustPolicy':null"

static void an_inbound_link_is_narrowed_by_who_was_dialled(void **state)
{
    (void)state;
    struct pair p;
    pair_start(&p, LINK, "{}");
    pair_settle(&p);
    json_decref(limit(&p, ",'pushFilter':{'authors':['alice','bob']},'pullFilter':{'authors':"
                          "['alice']},'trustPolicy':{'trustedAuthors':['alice','carl']}", PANDO_OK));
    pair_create(&p, 0, "a0", "alice");
    pair_create(&p, 0, "b0", "bob");   /* the policy refuses it */
    pair_create(&p, 0, "c0", "carl");  /* the filter does */
    CHECK_EQ(pair_held(&p, 1), 1);
    pair_create(&p, 1, "a1", "alice");
    pair_create(&p, 1, "b1", "bob"); /* is not sent */
    CHECK_EQ(pair_held(&p, 1), 3);
    CHECK_EQ(pair_held(&p, 0), 4);
    json_t *json = delta_world_ask(&p.w[1], "fed.links", "{}", PANDO_OK);
    const json_t *link = json_array_get(json_object_get(json, "links"), 0);
    const json_t *limits = json_object_get(link, "limits");
    CHECK_STR(json_string_value(json_object_get(limits, "mode")), "bidirectional");
    CHECK_EQ(json_array_size(json_object_get(json_object_get(limits, "pullFilter"), "authors")), 1);
    CHECK_EQ(json_array_size(json_object_get(json_object_get(limits, "trustPolicy"),
                                             "trustedAuthors")), 2);
    CHECK_EQ(json_integer_value(json_object_get(json_object_get(link, "stats"), "deltasRejected")),
             2);
    json_decref(json);
    pair_stop(&p);
}

static void what_limits_held_back_goes_when_they_are_widened(void **state)
{
    (void)state;
    struct pair p;
    pair_start(&p, LINK, "{}");
    pair_create(&p, 1, "before", "bob");
    json_decref(limit(&p, ",'mode':'push'", PANDO_OK)); /* nothing goes to who dialled */
    pair_create(&p, 1, "b1", "bob");
    pair_create(&p, 1, "a1", "alice");
    pair_create(&p, 0, "own", "alice");
    CHECK_EQ(pair_held(&p, 0), 2);
    CHECK_EQ(pair_held(&p, 1), 4);
    json_decref(limit(&p, ",'mode':'pull','pullFilter':{'authors':['alice']}", PANDO_OK));
    CHECK_EQ(pair_held(&p, 0), 3);
    pair_create(&p, 0, "barred", "alice"); /* nothing is taken now */
    CHECK_EQ(pair_held(&p, 1), 4);
    json_decref(limit(&p, ALL, PANDO_OK));
    CHECK_EQ(pair_held(&p, 0), 5);
    pair_create(&p, 0, "taken", "alice");
    CHECK_EQ(pair_held(&p, 1), 5);
    pair_stop(&p);
}

/* Another configuration of who dialled comes as a hello: what is allowed here stays. */
static void limits_hold_through_a_hello(void **state)
{
    (void)state;
    struct pair p;
    char args[200];
    pair_start(&p, "{}", "{}");
    json_t *json = delta_world_ask(&p.w[0], "fed.connect", "{'url':'ws://there:1/federation',"
                                   "'mode':'push'}", PANDO_OK);
    (void)snprintf(args, sizeof args, "{'id':'%s','mode':null}",
                   json_string_value(json_object_get(json, "id")));
    json_decref(json);
    pair_settle(&p);
    json_decref(limit(&p, ",'pullFilter':{'authors':['alice']},'trustPolicy':{'trustedAuthors':"
                          "['alice']}", PANDO_OK));
    pair_create(&p, 1, "a1", "alice");
    pair_create(&p, 1, "b1", "bob");
    json_decref(delta_world_ask(&p.w[0], "fed.configure", args, PANDO_OK)); /* all, both ways */
    pair_settle(&p);
    CHECK_EQ(pair_held(&p, 0), 1);
    pair_create(&p, 0, "b0", "bob");
    CHECK_EQ(pair_held(&p, 1), 2);
    json_decref(limit(&p, ALL, PANDO_OK));
    CHECK_EQ(pair_held(&p, 0), 3); /* also what a sync held back */
    pair_stop(&p);
}

static void a_limit_that_is_left_out_stays_as_it_is(void **state)
{
    (void)state;
    struct pair p;
    pair_start(&p, LINK, "{}");
    pair_settle(&p);
    json_decref(limit(&p, ",'pullFilter':{'authors':['alice']},'trustPolicy':{'trustedAuthors':"
                          "['alice']}", PANDO_OK));
    json_decref(limit(&p, ",'pushFilter':{'authors':['alice','bob']}", PANDO_OK));
    json_decref(limit(&p, "", PANDO_OK));
    pair_create(&p, 0, "a0", "alice");
    pair_create(&p, 0, "b0", "bob"); /* the policy still refuses it */
    CHECK_EQ(pair_held(&p, 1), 1);
    pair_create(&p, 1, "b1", "bob"); /* the filter still holds it back */
    CHECK_EQ(pair_held(&p, 0), 2);
    json_decref(limit(&p, ",'trustPolicy':null", PANDO_OK));
    pair_create(&p, 0, "b2", "bob");
    CHECK_EQ(pair_held(&p, 1), 3);
    CHECK_EQ(pair_held(&p, 0), 3);
    pair_stop(&p);
}

static void what_only_the_dialler_decides_is_named(void **state)
{
    (void)state;
    struct pair p;
    pair_start(&p, LINK, "{}");
    pair_settle(&p);
    json_t *json = limit(&p, ",'reconnect':{'enabled':false}", PANDO_UNSUPPORTED);
    CHECK_STR(json_string_value(json_object_get(json, "error")),
              "reconnect: who dialled this link decides that: change it there; here mode, "
              "pushFilter, pullFilter and trustPolicy narrow what it asked for");
    json_decref(json);
    json_decref(limit(&p, ",'initialSync':'none'", PANDO_UNSUPPORTED));
    pair_stop(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_link_is_answered_for_once_it_is_on_disk),
        TEST(a_link_made_by_a_call_is_there_after_a_crash_as_it_was),
        TEST(another_configuration_of_a_kept_link_is_kept),
        TEST(what_a_configuration_leaves_out_stays_as_it_is),
        TEST(one_link_is_kept_of_a_url_and_the_last_call_counts),
        TEST(a_link_that_is_not_to_be_kept_ends_with_the_node),
        TEST(a_link_of_the_settings_wins),
        TEST(a_link_that_the_disk_does_not_take_is_not_said_to_be_kept),
        TEST(a_link_is_cut_and_changed_while_the_store_has_failed),
        TEST(an_inbound_link_is_narrowed_by_who_was_dialled),
        TEST(what_limits_held_back_goes_when_they_are_widened),
        TEST(limits_hold_through_a_hello),
        TEST(a_limit_that_is_left_out_stays_as_it_is),
        TEST(what_only_the_dialler_decides_is_named),
    };
    return CHECK_RUN(tests);
}
