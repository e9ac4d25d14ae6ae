#include "node/config.h"

#include "base/slice.h"

#include "check.h"

static struct config parsed(const char *yaml)
{
    struct config c;
    struct pando_err err = { 0 };
    config_init(&c);
    const enum pando_status st = config_parse(&c, slice_text(yaml), "t.yml", &err);
    if (st != PANDO_OK)
        print_error("%s\n", err.text);
    CHECK_OK(st);
    return c;
}

static void expect_refusal(const char *yaml, const char *text)
{
    struct config c, before;
    struct pando_err err = { 0 };
    config_init(&c);
    before = c;
    CHECK_EQ(config_parse(&c, slice_text(yaml), "t.yml", &err), PANDO_INVALID);
    CHECK_STR(err.text, text);
    CHECK_MEM(&c, &before, sizeof c);
}

static void an_empty_file_leaves_every_default(void **state)
{
    (void)state;
    struct config fresh;
    config_init(&fresh);
    struct config empty = parsed(""), comment = parsed("# nothing\n"),
                  dashes = parsed("---\n");
    CHECK_MEM(&empty, &fresh, sizeof fresh);
    CHECK_MEM(&comment, &fresh, sizeof fresh);
    CHECK_MEM(&dashes, &fresh, sizeof fresh);
    CHECK_EQ(fresh.port, 9000);
    CHECK_EQ(fresh.durability, CONFIG_DURABILITY_FSYNC);
    CHECK_STR(fresh.http_listen, "127.0.0.1");
}

static void a_whole_file_is_read(void **state)
{
    (void)state;
    const struct config c =
        parsed("name: bootstrap-node\nport: 9002\nmesh: yes\n"
               "peers:\n  - 127.0.0.1:9001\n  - /ip4/10.0.0.1/udp/9/quic-v1\n"
               "log:\n  level: warning,dag=debug\n  format: json\n"
               "exec.no_store: yes\n"
               "durability: none\n"
               "spaces:\n  - {name: default, kind: dag}\n  - name: other\n"
               "  - third:dag\n"
               "  - name: lab\n    access:\n      12D3KooA: admin\n      12D3KooB: read\n"
               "  - {name: wide, access: open}\n");
    CHECK_STR(c.name, "bootstrap-node");
    CHECK_EQ(c.port, 9002);
    CHECK(c.mesh);
    CHECK_EQ(c.peers.len, 2);
    CHECK_STR(c.peers.items[1], "/ip4/10.0.0.1/udp/9/quic-v1");
    CHECK_STR(c.log.level, "warning,dag=debug");
    CHECK_EQ(c.log.format, CONFIG_LOG_JSON);
    CHECK(c.exec.no_store);
    CHECK_EQ(c.durability, CONFIG_DURABILITY_NONE);
    CHECK_EQ(c.spaces.len, 5);
    CHECK_STR(c.spaces.items[1].kind, "dag");
    CHECK_STR(c.spaces.items[2].name, "third");
    CHECK_EQ(c.spaces.items[2].members_len, 0);
    CHECK_STR(c.spaces.items[3].kind, "dag");
    CHECK_EQ(c.spaces.items[3].members_len, 2);
    CHECK_STR(c.spaces.items[3].members[0].peer, "12D3KooA");
    CHECK_STR(c.spaces.items[3].members[0].role, "admin");
    CHECK_STR(c.spaces.items[3].members[1].role, "read");
    CHECK_EQ(c.spaces.items[4].members_len, 0);
}

static void a_space_carries_settings_of_this_node(void **state)
{
    (void)state;
    struct pando_err err = { 0 };
    struct config c = parsed("spaces:\n"
                             "  - name: chat\n    kind: log\n    settings:\n"
                             "      id: 3\n      found: yes\n      name: peer_3\n"
                             "      members: [1, 2, 3]\n      note: 'a \"7\"'\n"
                             "  - {name: b, kind: log, settings: '{\"id\":2}'}\n"
                             "  - {name: c, kind: log, settings: {}}\n");
    CHECK_STR(c.spaces.items[0].settings,
              "{\"id\":3,\"found\":true,\"name\":\"peer_3\",\"members\":[1,2,3],"
              "\"note\":\"a \\\"7\\\"\"}");
    CHECK_STR(c.spaces.items[1].settings, "{\"id\":2}");
    CHECK_STR(c.spaces.items[2].settings, "{}");
    CHECK_OK(config_set(&c, "spaces", "d:log:{\"id\":4}", &err));
    CHECK_STR(c.spaces.items[3].settings, "{\"id\":4}");
    CHECK_EQ(config_set(&c, "spaces", "e:log:id=4", &err), PANDO_INVALID);
    CHECK_STR(err.text, "config: spaces of 'e' have settings that are no JSON object");
    CHECK_EQ(c.spaces.len, 4);
    expect_refusal("spaces:\n  - {name: a, settings: [1]}\n",
                   "t.yml:2:25: a space's name, kind and settings are short texts");
    expect_refusal("spaces:\n  - {name: a, color: red}\n",
                   "t.yml:2:15: a space has a name, a kind, an access and settings, nothing else");
    expect_refusal("spaces:\n  - {name: a, settings: {a: {b: {c: {d: {e: 1}}}}}}\n",
                   "t.yml:2:41: the settings of a space are nested too deep");
}

static void federation_is_told_in_either_spelling(void **state)
{
    (void)state;
    struct pando_err err = { 0 };
    struct config c = parsed("delta: {space: notes, storage: memory, systemId: hub, cacheSize: 7}\n"
                             "federation:\n  enableServer: no\n  serverConfig:\n    port: 8080\n"
                             "    maxConnections: 5\n"
                             "    trustPolicy: {trustedAuthors: [alice, 'b\"b']}\n"
                             "  auto_broadcast: no\n"
                             "  links:\n    - url: ws://h/f\n      pushFilter: {authors: [a]}\n");
    CHECK_STR(c.delta.space, "notes");
    CHECK_EQ(c.delta.storage, CONFIG_STORAGE_MEMORY);
    CHECK_STR(c.delta.system_id, "hub");
    CHECK_EQ(c.delta.cache_size, 7);
    CHECK_EQ(c.federation.port, 8080);
    CHECK_EQ(c.federation.max_connections, 5);
    CHECK(!c.federation.enable_server && !c.federation.auto_broadcast);
    CHECK_STR(c.federation.trust_policy, "{\"trustedAuthors\":[\"alice\",\"b\\\"b\"]}");
    CHECK_STR(c.federation.links, "[{\"url\":\"ws://h/f\",\"pushFilter\":{\"authors\":[\"a\"]}}]");
    CHECK_OK(config_finish(&c, &err));
    CHECK_EQ(c.http_port, 8080);
    CHECK_EQ(c.spaces.len, 2);
    CHECK_STR(c.spaces.items[1].kind, "delta");
    CHECK_OK(config_set(&c, "federation.reconnect", "{\"maxAttempts\":0}", &err));
    CHECK_EQ(config_set(&c, "federation.reconnect", "[]", &err), PANDO_INVALID);
    CHECK_STR(err.text, "config: federation.reconnect must be a mapping, in JSON {...}, not '[]'");
    expect_refusal("federation: {links: {a: 1}}\n",
                   "t.yml:1:21: federation.links must be a list, in JSON [...], not '{\"a\":1}'");
}

static void origins_are_named_one_by_one(void **state)
{
    (void)state;
    struct pando_err err = { 0 };
    static const char *const bad[][2] = {
        { "null", "would let every page in" },      { "'*'", "would let every page in" },
        { "https://*.example", "would let" },       { "app.example", "is no origin" },
        { "https://app.example/", "without a path" }, { "https://", "is no origin" },
        { "https:app.example", "is no origin" },    { "https://u@app.example", "is no origin" },
    };
    struct config c = parsed("federation: {origins: [http://localhost:8000, https://app.example]}\n");
    CHECK_OK(config_finish(&c, &err));
    CHECK_EQ(c.federation.origins.len, 2);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[128];
        (void)snprintf(text, sizeof text, "federation: {origins: [%s]}\n", bad[i][0]);
        c = parsed(text);
        CHECK_EQ(config_finish(&c, &err), PANDO_INVALID);
        CHECK(strstr(err.text, bad[i][1]) != NULL);
    }
}

static void the_port_of_federation_is_that_of_http(void **state)
{
    (void)state;
    struct pando_err err = { 0 };
    struct config c = parsed("http_port: 5\nfederation: {port: 6}\n");
    CHECK_EQ(config_finish(&c, &err), PANDO_INVALID);
    CHECK_STR(err.text, "config: federation.port 6 and http_port 5 are one listener: name one of "
                        "them");
    c = parsed("delta: {space: a}\nspaces: [{name: a, kind: dag}]\n");
    CHECK_EQ(config_finish(&c, &err), PANDO_INVALID);
    CHECK_STR(err.text, "config: delta.space names 'a' twice");
}

static void a_mistake_is_named_with_its_place_and_the_nearest_key(void **state)
{
    (void)state;
    expect_refusal("name: a\nprot: 9001\n",
                   "t.yml:2:1: there is no key 'prot'; did you mean 'port'?");
    expect_refusal("log:\n  levle: info\n",
                   "t.yml:2:3: there is no key 'log.levle'; did you mean 'log.level'?");
    expect_refusal("port: 70000\n",
                   "t.yml:1:7: port must be a number from 0 to 65535, not '70000'");
    expect_refusal("durability: maybe\n",
                   "t.yml:1:13: durability must be one of fsync|none, not 'maybe'");
    expect_refusal("mesh: perhaps\n", "t.yml:1:7: mesh must be yes or no, not 'perhaps'");
    expect_refusal("peers: 127.0.0.1:9001\n", "t.yml:1:8: peers takes a list");
    expect_refusal("port: [1]\n", "t.yml:1:7: port takes one value");
    expect_refusal("port: 1\nport: 2\n", "t.yml:2:1: this key was given before");
}

static void a_policy_that_is_none_is_refused_with_its_place(void **state)
{
    (void)state;
    expect_refusal("spaces:\n  - name: a\n    access: closed\n",
                   "t.yml:3:13: access is open, or peer ids with a role each");
    expect_refusal("spaces:\n  - name: a\n    access: {p: owner}\n",
                   "t.yml:3:17: a role is read, write or admin, not 'owner'");
    expect_refusal("spaces:\n  - name: a\n    access: {}\n", "t.yml:3:14: access lists nobody");
    expect_refusal("spaces:\n  - name: a\n    members: {}\n",
                   "t.yml:3:5: a space has a name, a kind, an access and settings, nothing else");
    char text[4096] = "spaces:\n  - name: a\n    access:\n";
    for (int i = 0; i <= CONFIG_MEMBERS_MAX; i++)
        (void)snprintf(text + strlen(text), 32, "      p%d: read\n", i);
    expect_refusal(text, "t.yml:68:12: access lists at most 64 peers");
}

static void anchors_aliases_tags_and_second_documents_are_refused(void **state)
{
    (void)state;
    const char *never = "t.yml:1:7: anchors, aliases and tags are not used in this file";
    expect_refusal("name: &a x\n", never);
    expect_refusal("name: *a\n", never);
    expect_refusal("name: !!str x\n", never);
    expect_refusal("name: a\n---\nname: b\n", "t.yml:2:1: a second document is not read");
    expect_refusal("- a\n", "t.yml:1:1: the file is a list of `key: value` lines");
}

static void a_flag_overrides_and_a_list_flag_adds(void **state)
{
    (void)state;
    struct pando_err err = { 0 };
    struct config c = parsed("port: 9002\npeers: ['10.0.0.1:1']\n");
    CHECK_OK(config_set(&c, "port", "9005", &err));
    CHECK_OK(config_set(&c, "peers", "10.0.0.2:2", &err));
    CHECK_EQ(c.port, 9005);
    CHECK_EQ(c.peers.len, 2);
    CHECK_EQ(config_set(&c, "portt", "1", &err), PANDO_INVALID);
    CHECK_STR(err.text, "config: there is no key 'portt'; did you mean 'port'?");
    CHECK_EQ(config_set(&c, "name", "bad\nname", &err), PANDO_INVALID);
}

static void what_is_left_open_is_filled_from_the_rest(void **state)
{
    (void)state;
    struct pando_err err = { 0 };
    struct config c = parsed("port: 9003\n");
    CHECK_OK(config_finish(&c, &err));
    CHECK_STR(c.name, "node-9003");
    CHECK_STR(c.data, "./node-9003_data");
    CHECK_EQ(c.http_port, 9003);
    CHECK_EQ(c.spaces.len, 1);
    CHECK_STR(c.spaces.items[0].name, "default");
    c = parsed("peers: ['nonsense']\n");
    CHECK_EQ(config_finish(&c, &err), PANDO_INVALID);
    CHECK(strstr(err.text, "IP:PORT") != NULL);
    c = parsed("allow: [a]\ndeny: [b, a]\n");
    CHECK_EQ(config_finish(&c, &err), PANDO_INVALID);
    c = parsed("name: a/b\n");
    CHECK_EQ(config_finish(&c, &err), PANDO_INVALID);
}

static void lists_have_a_cap(void **state)
{
    (void)state;
    struct config c;
    struct pando_err err = { 0 };
    config_init(&c);
    for (int i = 0; i < CONFIG_LIST_MAX; i++)
        CHECK_OK(config_set(&c, "peers", "10.0.0.1:1", &err));
    CHECK_EQ(config_set(&c, "peers", "10.0.0.1:1", &err), PANDO_INVALID);
    CHECK_STR(err.text, "config: peers takes at most 64 items");
}

static void every_key_is_explained_and_the_token_is_not_shown(void **state)
{
    (void)state;
    struct config c = parsed("token: hunter2-very-secret\n");
    struct pando_buf text;
    buf_init(&text, 1 << 16);
    CHECK_OK(config_explain(&c, NULL, CONFIG_EXPLAIN_TEXT, &text));
    for (size_t i = 0; i < config_keys_len(); i++)
        CHECK(strstr((char *)text.ptr, config_key_at(i).key) != NULL);
    CHECK(strstr((char *)text.ptr, "hunter2") == NULL);
    buf_reset(&text);
    CHECK_OK(config_explain(NULL, "log.format", CONFIG_EXPLAIN_MARKDOWN, &text));
    CHECK(strstr((char *)text.ptr, "| `log.format` | one of text, json | `text` |") !=
          NULL);
    CHECK_EQ(config_explain(NULL, "nonsense", CONFIG_EXPLAIN_TEXT, &text),
             PANDO_NOT_FOUND);
    buf_deinit(&text);
}

static void federation_is_read_in_both_spellings(void **state)
{
    (void)state;
    struct config c;
    struct pando_err err = { 0 };
    config_init(&c);
    CHECK(c.federation.enable_server);
    CHECK_STR(c.federation.path, "/federation");
    CHECK_EQ(c.federation.max_connections, 1000);
    CHECK_OK(config_parse(&c,
                          slice_text("federation:\n  enableServer: no\n  maxConnections: 7\n"
                                     "  path: /sync\n"),
                          "a", &err));
    CHECK(!c.federation.enable_server);
    CHECK_EQ(c.federation.max_connections, 7);
    CHECK_STR(c.federation.path, "/sync");
    CHECK_OK(config_set(&c, "federation.enable_server", "yes", &err));
    CHECK(c.federation.enable_server);
    CHECK_EQ(config_parse(&c, slice_text("federation:\n  enableSever: no\n"), "a", &err),
             PANDO_INVALID);
    CHECK(strstr(err.text, "federation.enable_server") != NULL);
    CHECK_EQ(config_set(&c, "federation.maxConnections", "5000", &err), PANDO_INVALID);
}

static void what_only_holds_together_is_checked_at_the_end(void **state)
{
    (void)state;
    static const char *const paths[] = { "federation", "/federation/" };
    struct pando_err err = { 0 };
    struct config c;
    for (size_t i = 0; i < 2; i++) {
        config_init(&c);
        CHECK_OK(config_set(&c, "federation.path", paths[i], &err));
        CHECK_EQ(config_finish(&c, &err), PANDO_INVALID);
        CHECK(strstr(err.text, "as /federation") != NULL);
    }
    config_init(&c);
    CHECK_OK(config_set(&c, "tls_cert", "a.pem", &err));
    CHECK_EQ(config_finish(&c, &err), PANDO_INVALID);
    CHECK(strstr(err.text, "tls_key") != NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_empty_file_leaves_every_default),
        TEST(a_whole_file_is_read),
        TEST(a_space_carries_settings_of_this_node),
        TEST(federation_is_told_in_either_spelling),
        TEST(origins_are_named_one_by_one),
        TEST(the_port_of_federation_is_that_of_http),
        TEST(a_mistake_is_named_with_its_place_and_the_nearest_key),
        TEST(a_policy_that_is_none_is_refused_with_its_place),
        TEST(anchors_aliases_tags_and_second_documents_are_refused),
        TEST(a_flag_overrides_and_a_list_flag_adds),
        TEST(what_is_left_open_is_filled_from_the_rest),
        TEST(lists_have_a_cap),
        TEST(every_key_is_explained_and_the_token_is_not_shown),
        TEST(federation_is_read_in_both_spellings),
        TEST(what_only_holds_together_is_checked_at_the_end),
    };
    return CHECK_RUN(tests);
}
