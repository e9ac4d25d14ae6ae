/* fed_config_test.c - links and policies as people write them, and URLs. */
#include "check.h"
#include "base/slice.h"
#include "space/delta/fed_config.h"
#include "space/delta/fed_trust.h"
#include "space/delta/fed_url.h"

#include <jansson.h>

#define CID "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"

static const char *shown(struct pando_buf *b)
{
    CHECK_OK(buf_append(b, slice_of("", 1)));
    return (const char *)b->ptr;
}

static enum pando_status read_config(const char *text, struct fed_link_config *ret,
                                     struct pando_err *why)
{
    json_t *json = json_loads(text, 0, NULL);
    CHECK(json != NULL);
    const enum pando_status st = fed_config_from_json(json, ret, why);
    json_decref(json);
    return st;
}

static void what_is_left_out_is_as_the_original_has_it(void **state)
{
    (void)state;
    struct fed_link_config c;
    CHECK_OK(fed_config_from_json(NULL, &c, NULL));
    CHECK(c.mode == FED_BIDIRECTIONAL && c.initial == FED_FULL);
    CHECK(c.reconnect.enabled && c.reconnect.max_attempts == 5);
    CHECK(c.reconnect.initial.ns == 1000000000u && c.reconnect.max.ns == 30000000000u);
    CHECK(c.reconnect.multiplier == 2);
    CHECK(filter_is_open(&c.push) && filter_is_open(&c.pull) && fed_trust_is_open(&c.trust));
    fed_config_deinit(&c);
}

static void a_configuration_comes_back_as_it_was_written(void **state)
{
    (void)state;
    static const char text[] =
        "{\"mode\":\"pull\",\"initialSync\":\"from_timestamp\",\"syncFromTimestamp\":1700000000000,"
        "\"pushFilter\":{\"authors\":[\"alice\"]},\"pullFilter\":{\"targetContexts\":[\"public\","
        "\"shared\"]},\"trustPolicy\":{\"trustedAuthors\":[\"alice\",\"bob\"],\"trustedSystems\":"
        "[\"s1\"],\"capsule\":\"" CID "\"},\"reconnect\":{\"enabled\":false,\"maxAttempts\":0,"
        "\"initialDelay\":50,\"maxDelay\":900,\"backoffMultiplier\":1.5}}";
    struct fed_link_config c;
    struct pando_buf b;
    buf_init(&b, 4096);
    CHECK_OK(read_config(text, &c, NULL));
    CHECK_OK(fed_config_to_json(&c, &b));
    CHECK_STR(shown(&b), text);
    buf_reset(&b);
    CHECK_OK(fed_config_for_peer(&c, &b));
    CHECK(strstr(shown(&b), "trust") == NULL && strstr((char *)b.ptr, "reconnect") == NULL);
    fed_config_deinit(&c);
    buf_deinit(&b);
}

static void says_which_member_is_wrong_and_what_may_stand_there(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "{\"mode\":\"both\"}", "mode: must be \"bidirectional\", \"push\" or \"pull\"" },
        { "{\"initialSync\":1}", "initialSync: must be" },
        { "{\"initialSync\":\"from_timestamp\"}", "syncFromTimestamp: is missing" },
        { "{\"syncFromTimestamp\":-1}", "syncFromTimestamp: must be a whole number" },
        { "{\"syncFromTimestamp\":1.5}", "syncFromTimestamp: must be a whole number" },
        { "{\"pushFilter\":{\"authors\":\"x\"}}", "pushFilter: " },
        { "{\"pullFilter\":[]}", "pullFilter: " },
        { "{\"reconnect\":1}", "reconnect: must be an object" },
        { "{\"reconnect\":{\"enabled\":1}}", "reconnect.enabled" },
        { "{\"reconnect\":{\"maxAttempts\":1e9}}", "reconnect.maxAttempts" },
        { "{\"reconnect\":{\"maxDelay\":\"x\"}}", "reconnect.maxDelay" },
        { "{\"reconnect\":{\"backoffMultiplier\":0.5}}", "reconnect.backoffMultiplier" },
        { "{\"filters\":{}}", "filters: is not known" },
        { "{\"trustPolicy\":{\"trustedAuthors\":[1]}}", "trustPolicy.trustedAuthors[0]" },
        { "{\"trustPolicy\":{\"trustedAuthors\":\"a\"}}", "trustPolicy.trustedAuthors: must be" },
        { "{\"trustPolicy\":{\"capsule\":\"abc\"}}", "trustPolicy.capsule: must be the CID" },
        { "{\"trustPolicy\":{\"verify\":\"f\"}}", "name a capsule" },
        { "{\"trustPolicy\":{\"authors\":[]}}", "trustPolicy.authors: is not known" },
        { "{\"trustPolicy\":{\"all\":[{\"all\":[{\"all\":[{\"all\":[{\"all\":[{}]}]}]}]}]}}",
          "nested too deep" },
        { "[]", "must be an object" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fed_link_config c;
        struct pando_err why = { 0 };
        const enum pando_status st = read_config(cases[i][0], &c, &why);
        if (st != PANDO_INVALID || strstr(why.text, cases[i][1]) == NULL) {
            print_error("%s: %s\n", cases[i][0], why.text);
            fail();
        }
    }
}

static void a_peer_says_its_wishes_only(void **state)
{
    (void)state;
    json_t *json = json_loads("{\"mode\":\"push\",\"trustPolicy\":{\"trustedAuthors\":[\"evil\"]},"
                              "\"reconnect\":7,\"new in v2\":true}", 0, NULL);
    struct fed_link_config c;
    CHECK_OK(fed_config_from_peer(json, &c, NULL));
    CHECK(c.mode == FED_PUSH && fed_trust_is_open(&c.trust));
    fed_config_deinit(&c);
    json_decref(json);
}

static struct fed_trust policy(const char *text)
{
    struct fed_trust t;
    struct pando_err why = { 0 };
    json_t *json = json_loads(text, 0, NULL);
    const enum pando_status st = fed_trust_from_json(json, &t, &why);
    if (st != PANDO_OK)
        print_error("%s\n", why.text);
    CHECK_OK(st);
    json_decref(json);
    return t;
}

static bool passes(const struct fed_trust *t, const char *author, const char *system)
{
    const struct delta d = { .author = slice_text(author), .system = slice_text(system) };
    return fed_trust_passes(t, &d);
}

static void every_part_of_a_policy_must_agree(void **state)
{
    (void)state;
    struct fed_trust t = policy("{\"trustedAuthors\":[\"bob\",\"alice\"],\"trustedSystems\":[\"s1\"]}");
    CHECK(passes(&t, "alice", "s1") && passes(&t, "bob", "s1"));
    CHECK(!passes(&t, "alice", "s2") && !passes(&t, "carol", "s1") && !passes(&t, "ali", "s1"));
    fed_trust_deinit(&t);
    t = policy("{\"trustedAuthors\":[]}");
    CHECK(passes(&t, "anyone", "anywhere") && fed_trust_is_open(&t));
    fed_trust_deinit(&t);
}

static void combined_policies_take_what_all_take(void **state)
{
    (void)state;
    struct fed_trust t = policy("{\"all\":[{\"trustedAuthors\":[\"alice\",\"bob\"]},"
                                "{\"trustedAuthors\":[\"bob\",\"carol\"]},"
                                "{\"trustedSystems\":[\"s1\"]},{\"capsule\":\"" CID "\"}]}");
    struct pando_buf b;
    buf_init(&b, 1024);
    CHECK(passes(&t, "bob", "s1") && !passes(&t, "alice", "s1") && !passes(&t, "bob", "s2"));
    CHECK_OK(fed_trust_to_json(&t, &b));
    CHECK_STR(shown(&b), "{\"trustedAuthors\":[\"bob\"],\"trustedSystems\":[\"s1\"],\"capsule\":\"" CID
                         "\"}");
    fed_trust_deinit(&t);
    buf_deinit(&b);
}

/* An empty list would let everybody pass: what nobody may pass must stay so, also as JSON. */
static void combined_policies_without_a_common_author_take_nobody(void **state)
{
    (void)state;
    struct fed_trust t = policy("{\"all\":[{\"trustedAuthors\":[\"alice\"]},"
                                "{\"trustedAuthors\":[\"bob\"]}]}");
    struct pando_buf b;
    buf_init(&b, 1024);
    CHECK(!passes(&t, "alice", "s") && !passes(&t, "bob", "s") && !fed_trust_is_open(&t));
    CHECK_OK(fed_trust_to_json(&t, &b));
    struct fed_trust again = policy(shown(&b));
    CHECK(!passes(&again, "alice", "s"));
    fed_trust_deinit(&again);
    fed_trust_deinit(&t);
    buf_deinit(&b);
}

static void urls_are_checked_and_the_remedy_is_named(void **state)
{
    (void)state;
    static const char *const good[] = { "ws://localhost:8080/federation", "wss://h", "ws://[::1]:1/" };
    static const char *const bad[][2] = {
        { "http://localhost:8080/federation", "try ws://localhost:8080/federation" },
        { "https://h/x", "try wss://h/x" },
        { "localhost:8080", "try ws://localhost:8080" },
        { "", "is empty" },
        { "ws://", "no host" },
        { "ws:///federation", "no host" },
        { "ws://a b", "no blanks" },
        { "ws://a\n", "no blanks" },
    };
    for (size_t i = 0; i < 3; i++)
        CHECK_OK(fed_url_check(slice_text(good[i]), NULL));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct pando_err why = { 0 };
        CHECK_EQ(fed_url_check(slice_text(bad[i][0]), &why), PANDO_INVALID);
        CHECK(strstr(why.text, bad[i][1]) != NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_left_out_is_as_the_original_has_it),
        TEST(a_configuration_comes_back_as_it_was_written),
        TEST(says_which_member_is_wrong_and_what_may_stand_there),
        TEST(a_peer_says_its_wishes_only),
        TEST(every_part_of_a_policy_must_agree),
        TEST(combined_policies_take_what_all_take),
        TEST(combined_policies_without_a_common_author_take_nobody),
        TEST(urls_are_checked_and_the_remedy_is_named),
    };
    return CHECK_RUN(tests);
}
