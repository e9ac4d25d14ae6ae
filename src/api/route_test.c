#include "api/access.h"
#include "api/args.h"
#include "api/route.h"

#include "base/slice.h"

#include "check.h"

#include <stdlib.h>

static struct route_match found(const char *method, const char *path)
{
    struct route_match m;
    route_find(method, path, &m);
    return m;
}

static void a_path_means_its_verb_and_parts_become_arguments(void **state)
{
    (void)state;
    struct route_match m = found("GET", "/api/dag/default/events/bafy%2Fx");
    CHECK_EQ(m.result, ROUTE_FOUND);
    CHECK_STR(m.verb->name, "dag.show");
    CHECK_EQ(m.params_len, 2);
    CHECK_STR(m.params[0].name, "space");
    CHECK_STR(m.params[0].value, "default");
    CHECK_STR(m.params[1].value, "bafy/x");
    CHECK_STR(found("HEAD", "/health").verb->name, "health");
    CHECK_STR(found("DELETE", "/api/peers/12D3Koo").verb->name, "peer.rm");
    CHECK_STR(found("POST", "/api/spaces/join").verb->name, "space.join");
}

static void every_verb_has_a_path_of_its_own_name_and_get_never_writes(void **state)
{
    (void)state;
    for (size_t i = 0; i < route_verbs_len(); i++) {
        const struct route_verb *v = route_verb_at(i);
        char path[64];
        (void)snprintf(path, sizeof path, "/api/%s", v->name);
        CHECK_EQ(found("POST", path).result, ROUTE_FOUND);
        struct route_match get = found("GET", path);
        if (strcmp(v->name, "status") != 0)
            CHECK_EQ(get.result,
                     route_writes(v) ? ROUTE_BAD_METHOD : ROUTE_FOUND);
    }
    for (size_t i = 0; i < route_rows_len(); i++) {
        const struct route_row *row = route_row_at(i);
        CHECK(route_verb_find(row->verb) != NULL);
        if (strcmp(row->method, "GET") == 0)
            CHECK(!route_writes(route_verb_find(row->verb)));
    }
}

static void a_wrong_path_is_told_the_nearest_and_a_wrong_method_the_right_ones(
    void **state)
{
    (void)state;
    struct route_match m = found("GET", "/api/staus");
    CHECK_EQ(m.result, ROUTE_MISSING);
    CHECK_STR(m.near, "/api/status");
    CHECK_STR(found("GET", "/api/exec.rum").near, "/api/exec.run");
    CHECK_STR(found("GET", "/quite/elsewhere/altogether").near, "");
    m = found("PUT", "/api/peers");
    CHECK_EQ(m.result, ROUTE_BAD_METHOD);
    CHECK_STR(m.allow, "GET, POST");
    CHECK_EQ(found("GET", "/rpc").result, ROUTE_BAD_METHOD);
    CHECK_EQ(found("GET", "/api").result, ROUTE_LIST);
    CHECK_EQ(found("GET", "/api/peers/").result, ROUTE_MISSING);
    CHECK_EQ(found("DELETE", "/api/peers/%zz").result, ROUTE_MISSING);
    CHECK_EQ(found("DELETE", "/api/peers/a%00b").result, ROUTE_MISSING);
}

static void a_query_becomes_typed_arguments(void **state)
{
    (void)state;
    json_t *o = json_object();
    CHECK_OK(args_add_query(
        o, "limit=10&kind=a+b%21&replay&n=-5&z=007&big=1234567890123456&t=true"));
    char *text = json_dumps(o, JSON_COMPACT);
    CHECK_STR(text,
              "{\"limit\":10,\"kind\":\"a b!\",\"replay\":true,\"n\":-5,\"z\":\"007\","
              "\"big\":\"1234567890123456\",\"t\":true}");
    free(text);
    CHECK_EQ(args_add_query(o, "limit=11"), PANDO_INVALID);
    CHECK_EQ(args_add_query(o, "x=%f"), PANDO_INVALID);
    CHECK_EQ(args_add_query(o, "x=%ff"), PANDO_INVALID);
    CHECK_EQ(args_add_query(o, "=x"), PANDO_INVALID);
    json_decref(o);
}

static void a_body_wins_over_the_query_and_the_path_over_both(void **state)
{
    (void)state;
    struct pando_err err = { 0 };
    struct route_match m = found("DELETE", "/api/peers/from-path");
    json_t *o = json_object();
    CHECK_OK(args_add_query(o, "peer=q&reason=q"));
    CHECK_OK(args_add_body(o, slice_text("{\"reason\":\"b\",\"peer\":\"b\"}"), &err));
    CHECK_OK(args_add_params(o, &m));
    CHECK_STR(json_string_value(json_object_get(o, "peer")), "from-path");
    CHECK_STR(json_string_value(json_object_get(o, "reason")), "b");
    CHECK_OK(args_add_body(o, slice_text(" \r\n"), &err));
    CHECK_EQ(args_add_body(o, slice_text("[1]"), &err), PANDO_INVALID);
    CHECK_EQ(args_add_body(o, slice_text("{\"a\":"), &err), PANDO_INVALID);
    CHECK(strstr(err.text, "line") != NULL);
    json_decref(o);
}

static void a_call_is_given_the_body_itself_or_all_together(void **state)
{
    (void)state;
    struct pando_err err = { 0 };
    struct route_match plain = found("POST", "/api/peers");
    struct route_match named = found("DELETE", "/api/peers/p1");
    json_t *o = json_object();
    char *text = NULL;
    CHECK_OK(args_join(o, &plain, slice_text("{\"address\":\"a\"}"), &text, &err));
    CHECK(text == NULL); /* as it came */
    json_object_clear(o);
    CHECK_OK(args_join(o, &plain, SLICE_EMPTY, &text, &err));
    CHECK_STR(text, "{}");
    free(text);
    CHECK_OK(args_join(o, &named, slice_text("{\"peer\":\"b\"}"), &text, &err));
    CHECK_STR(text, "{\"peer\":\"p1\"}");
    free(text);
    CHECK_EQ(args_join(o, &named, slice_text("7"), &text, &err), PANDO_INVALID);
    CHECK_STR(err.text, "the body must be a JSON object");
    json_decref(o);
}

static enum access_verdict verdict_of(struct access_request r, const char *token)
{
    static const char *const hosts[] = { "node.example" };
    const struct access_rules rules = { .token = token, .hosts = hosts, .hosts_len = 1 };
    return access_check(&rules, &r);
}

static void a_page_opens_a_websocket_only_from_a_listed_origin(void **state)
{
    (void)state;
    static const char *const hosts[] = { "node.example" };
    static const char *const origins[] = { "http://localhost:8000", "https://app.example" };
    const struct access_rules rules = { "", hosts, 1, origins, 2 };
    static const struct {
        const char *host, *origin, *site;
        enum access_verdict want;
    } rows[] = {
        { "localhost:9000", NULL, NULL, ACCESS_GRANTED }, /* a program */
        { "localhost:9000", "http://localhost:9000", "same-origin", ACCESS_GRANTED },
        { "localhost:9000", "http://localhost:8000", "same-site", ACCESS_GRANTED },
        { "localhost:9000", "https://app.example", "cross-site", ACCESS_GRANTED },
        { "localhost:9000", "HTTPS://APP.example", NULL, ACCESS_GRANTED },
        { "localhost:9000", "http://node.example:1", NULL, ACCESS_GRANTED },
        { "localhost:9000", "http://localhost:8001", NULL, ACCESS_BAD_PAGE },
        { "localhost:9000", "http://app.example", NULL, ACCESS_BAD_PAGE },
        { "localhost:9000", "https://app.example:444", NULL, ACCESS_BAD_PAGE },
        { "localhost:9000", "https://app.example.evil.example", NULL, ACCESS_BAD_PAGE },
        { "localhost:9000", "null", "cross-site", ACCESS_BAD_PAGE }, /* a file, a sandbox */
        { "localhost:9000", "", NULL, ACCESS_BAD_PAGE },
        { "localhost:9000", NULL, "cross-site", ACCESS_BAD_PAGE },
        { "evil.example:9000", "http://evil.example:9000", "same-origin", ACCESS_BAD_HOST },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct access_request r = { .loopback = true,
                                          .write = true,
                                          .host = rows[i].host,
                                          .origin = rows[i].origin,
                                          .fetch_site = rows[i].site };
        if (access_check_pipe(&rules, &r) != rows[i].want)
            print_error("row %zu\n", i);
        CHECK_EQ(access_check_pipe(&rules, &r), rows[i].want);
    }
}

/* Every combination of place, token and right, once. */
static void who_may_do_what_is_this_matrix(void **state)
{
    (void)state;
    static const struct {
        bool control, loopback, write;
        const char *token, *authorization;
        enum access_verdict want;
    } rows[] = {
        { true, false, true, "", NULL, ACCESS_GRANTED },
        { true, false, true, "s3cret", "Bearer wrong", ACCESS_GRANTED },
        { false, true, false, "", NULL, ACCESS_GRANTED },
        { false, true, true, "", NULL, ACCESS_GRANTED },
        { false, true, true, "s3cret", NULL, ACCESS_GRANTED },
        { false, true, true, "s3cret", "Bearer wrong", ACCESS_WRONG_TOKEN },
        { false, false, false, "", NULL, ACCESS_GRANTED },
        { false, false, false, "s3cret", NULL, ACCESS_GRANTED },
        { false, false, false, "s3cret", "Bearer s3cre", ACCESS_WRONG_TOKEN },
        { false, false, true, "", NULL, ACCESS_NO_WRITERS },
        { false, false, true, "", "Bearer ", ACCESS_WRONG_TOKEN },
        { false, false, true, "s3cret", NULL, ACCESS_NO_TOKEN },
        { false, false, true, "s3cret", "Bearer s3cret", ACCESS_GRANTED },
        { false, false, true, "s3cret", "bearer s3cret", ACCESS_GRANTED },
        { false, false, true, "s3cret", "Basic s3cret", ACCESS_WRONG_TOKEN },
        { false, false, true, "s3cret", "Bearer s3crets3cret", ACCESS_WRONG_TOKEN },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct access_request r = { .control = rows[i].control,
                                          .loopback = rows[i].loopback,
                                          .write = rows[i].write,
                                          .host = "localhost:9000",
                                          .authorization = rows[i].authorization };
        const enum access_verdict got = verdict_of(r, rows[i].token);
        if (got != rows[i].want)
            print_error("row %zu\n", i);
        CHECK_EQ(got, rows[i].want);
    }
}

static void a_name_that_is_not_ours_is_refused_even_from_loopback(void **state)
{
    (void)state;
    static const struct {
        const char *host, *origin, *site;
        enum access_verdict want;
    } rows[] = {
        { "localhost", NULL, NULL, ACCESS_GRANTED },
        { "LOCALHOST:9000", NULL, NULL, ACCESS_GRANTED },
        { "127.0.0.1:1", NULL, NULL, ACCESS_GRANTED },
        { "[::1]:9000", NULL, NULL, ACCESS_GRANTED },
        { "node.example:80", NULL, NULL, ACCESS_GRANTED },
        { "10.1.2.3", NULL, NULL, ACCESS_GRANTED }, /* the address it reached */
        { "10.1.2.4", NULL, NULL, ACCESS_BAD_HOST },
        { "evil.example", NULL, NULL, ACCESS_BAD_HOST },
        { "localhost.evil.example", NULL, NULL, ACCESS_BAD_HOST },
        { "localhost:80:80", NULL, NULL, ACCESS_BAD_HOST },
        { "localhost:x", NULL, NULL, ACCESS_BAD_HOST },
        { "[::1", NULL, NULL, ACCESS_BAD_HOST },
        { "", NULL, NULL, ACCESS_BAD_HOST },
        { NULL, NULL, NULL, ACCESS_BAD_HOST },
        { "localhost:9000", "http://localhost:9000", "same-origin", ACCESS_GRANTED },
        { "localhost:9000", "http://localhost:9001", NULL, ACCESS_BAD_ORIGIN },
        { "localhost:9000", "https://evil.example", NULL, ACCESS_BAD_ORIGIN },
        { "localhost:9000", "null", NULL, ACCESS_BAD_ORIGIN },
        { "localhost:9000", NULL, "cross-site", ACCESS_BAD_ORIGIN },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct access_request r = { .loopback = true,
                                          .host = rows[i].host,
                                          .origin = rows[i].origin,
                                          .fetch_site = rows[i].site,
                                          .local_ip = "10.1.2.3" };
        const enum access_verdict got = verdict_of(r, "");
        if (got != rows[i].want)
            print_error("row %zu\n", i);
        CHECK_EQ(got, rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_path_means_its_verb_and_parts_become_arguments),
        TEST(every_verb_has_a_path_of_its_own_name_and_get_never_writes),
        TEST(a_wrong_path_is_told_the_nearest_and_a_wrong_method_the_right_ones),
        TEST(a_query_becomes_typed_arguments),
        TEST(a_body_wins_over_the_query_and_the_path_over_both),
        TEST(a_call_is_given_the_body_itself_or_all_together),
        TEST(who_may_do_what_is_this_matrix),
        TEST(a_page_opens_a_websocket_only_from_a_listed_origin),
        TEST(a_name_that_is_not_ours_is_refused_even_from_loopback),
    };
    return CHECK_RUN(tests);
}
