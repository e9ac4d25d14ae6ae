/* config_member_test.c - the chat nodes' files mean what their guide says. */
#include "node/config_member.h"

#include "base/slice.h"

#include "check.h"

#include <stdlib.h>

static const char example[] = "# node 2\n"
                              "node_id: 2\n"
                              "host: \"127.0.0.1\"\n"
                              "port: 5002\n"
                              "seed_nodes:\n"
                              "  - node_id: 1\n    host: 127.0.0.1\n    port: 5001\n"
                              "  - {node_id: 3, host: chat_node3, port: 5003}\n"
                              "heartbeat_interval_ms: 800\n"
                              "leader_timeout_ms: 2500\n"
                              "log_dir: ./data/logs\n";

static struct config *parsed(const char *text)
{
    struct pando_err err = { 0 };
    struct config *c = malloc(sizeof *c);
    CHECK(c != NULL);
    config_init(c);
    CHECK_OK(config_parse(c, slice_text(text), "t.yml", &err));
    CHECK_OK(config_finish(c, &err));
    return c;
}

static void a_node_of_a_chat_is_read(void **state)
{
    (void)state;
    struct config *c = parsed(example);
    CHECK_STR(c->name, "node_2");
    CHECK_STR(c->data, "./data/node_2");
    CHECK_EQ(c->port, 5002);
    CHECK_EQ(c->http_port, 5002);
    CHECK_STR(c->listen, "127.0.0.1");
    CHECK_STR(c->http_listen, "127.0.0.1");
    CHECK(!c->lines_open);
    CHECK_EQ(c->peers.len, 2);
    CHECK_STR(c->peers.items[0], "127.0.0.1:5001");
    CHECK_STR(c->peers.items[1], "chat_node3:5003");
    CHECK_EQ(c->spaces.len, 1);
    CHECK_STR(c->spaces.items[0].name, "chat");
    CHECK_STR(c->spaces.items[0].kind, "log");
    CHECK_STR(c->spaces.items[0].settings,
              "{\"id\":2,\"members\":[2,1,3],\"name\":\"node_2\",\"heartbeat_ms\":800,"
              "\"election_ms\":2500}");
    CHECK_STR(c->chat_dir, "./data/logs");
    CHECK_STR(c->log.id, "2");
    CHECK_EQ(c->log.clock, CONFIG_LOG_SECONDS);
    free(c);
}

static void a_public_host_opens_the_chat_and_says_where_it_is(void **state)
{
    (void)state;
    struct config *c = parsed("node_id: 1\nport: 5001\nhost: 0.0.0.0\nadvertise: 10.0.0.1\n"
                              "data: /data/node_1\nlog_level: debug\nseed_nodes: []\n");
    CHECK(c->lines_open);
    CHECK_STR(c->listen, "0.0.0.0");
    CHECK_STR(c->advertise.items[0], "10.0.0.1:5001");
    CHECK_STR(c->data, "/data/node_1");
    CHECK_STR(c->log.level, "debug");
    CHECK_EQ(c->peers.len, 0);
    free(c);
}

static void an_ordinary_file_is_not_taken_for_one(void **state)
{
    (void)state;
    CHECK(config_is_member(slice_text("port: 1\nnode_id : 2\n")));
    CHECK(config_is_member(slice_text("log_dir: x")));
    CHECK(!config_is_member(slice_text("port: 9000\nname: node_id\nlog:\n  level: info\n")));
    CHECK(!config_is_member(slice_text("# node_id: 1\n")));
    CHECK(!config_is_member(slice_text("node_id")));
    CHECK(!config_is_member(SLICE_EMPTY));
}

static void a_mistake_is_named_with_its_place(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        { "node_id: 1\nport: 1\nseed_node: []\n",
          "t.yml:3:1: there is no key 'seed_node'; did you mean 'seed_nodes'?" },
        { "node_id: 1\nport: 1\nheartbeat_interval: 5\n",
          "t.yml:3:1: there is no key 'heartbeat_interval'; did you mean "
          "'heartbeat_interval_ms'?" },
        { "node_id: one\nport: 1\n", "t.yml:1:10: node_id must be a number" },
        { "node_id: 1\nport: 70000\n", "t.yml:2:7: port must be a number" },
        { "node_id: 1\n", "t.yml:1:1: a node needs its node_id and its port" },
        { "node_id: 1\nport: 1\nport: 2\n", "t.yml:3:1: this key was given before" },
        { "node_id: 1\nport: 1\nseed_nodes:\n  - {node_id: 2, host: a}\n",
          "t.yml:4:5: a seed node has a node_id" },
        { "node_id: 1\nport: 1\nseed_nodes:\n  - {node_id: 2, hots: a, port: 1}\n",
          "t.yml:4:18: there is no key 'hots'; did you mean 'host'?" },
        { "node_id: 1\nport: 1\nseed_nodes: [7]\n", "t.yml:3:14: a seed node is {node_id" },
        { "node_id: 1\nport: 1\nleader_timeout_ms: 900\n", "at least twice" },
        { "node_id: 1\nport: 1\nhost: example.org\n", "is no IPv4 address to listen on" },
        { "node_id: 1\nport: [\n", "t.yml:3:1: " },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pando_err err = { 0 };
        struct config *c = malloc(2 * sizeof *c);
        CHECK(c != NULL);
        config_init(&c[0]);
        c[1] = c[0];
        CHECK_EQ(config_parse(&c[0], slice_text(rows[i][0]), "t.yml", &err), PANDO_INVALID);
        if (strstr(err.text, rows[i][1]) == NULL)
            print_error("%s\n", err.text);
        CHECK(strstr(err.text, rows[i][1]) != NULL);
        CHECK_MEM(&c[0], &c[1], sizeof *c);
        free(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_node_of_a_chat_is_read),
        TEST(a_public_host_opens_the_chat_and_says_where_it_is),
        TEST(an_ordinary_file_is_not_taken_for_one),
        TEST(a_mistake_is_named_with_its_place),
    };
    return CHECK_RUN(tests);
}
