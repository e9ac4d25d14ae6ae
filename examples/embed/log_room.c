/* log_room.c - an ordered log in one program: three nodes agree on one sequence of messages, and
 * go on when the one that leads is closed.
 *
 * Build: cc log_room.c calls.c $(pkg-config --cflags --libs pando) -o log_room
 */
#include "calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODES 3

static struct pando_node *open_node(const char *dir, int number, unsigned short port)
{
    char data[256], name[32], addresses[NODES][32];
    const char *peers[NODES - 1];
    size_t peers_len = 0;
    struct pando_node_config config = PANDO_NODE_CONFIG;
    (void)snprintf(data, sizeof data, "%s/node_%d", dir, number);
    (void)snprintf(name, sizeof name, "node_%d", number);
    for (int other = 1; other <= NODES; other++) {
        char *address = addresses[other - 1];
        (void)snprintf(address, sizeof addresses[0], "127.0.0.1:%d", port + other - 1);
        if (other != number)
            peers[peers_len++] = address;
    }
    config.data = data;
    config.name = name;
    config.listen = "127.0.0.1";
    config.port = (unsigned short)(port + number - 1);
    config.peers = peers;
    config.peers_len = peers_len;
    config.log_level = "error";
    return open_and_start(&config);
}

/* Every message arrives here, in the one order, as a line of JSON. */
static void on_message(void *ctx, enum pando_status status, struct pando_slice body, bool more)
{
    (void)ctx;
    if (status == PANDO_OK && more)
        (void)printf("node_1 shows %.*s\n", (int)body.len, (const char *)body.ptr);
}

static int say(struct pando_node *node, const char *text)
{
    char args[200];
    (void)snprintf(args, sizeof args, "{\"text\":\"%s\",\"sender\":\"example\"}", text);
    char *answer = ask(node, "log.append", args); /* when a majority has it on disk */
    (void)printf("said \"%s\": %s\n", text, answer == NULL ? "not taken" : answer);
    const int taken = answer != NULL;
    free(answer);
    return taken;
}

int main(int argc, char **argv)
{
    const char *dir = argc > 1 ? argv[1] : ".";
    const unsigned short port = (unsigned short)(argc > 2 ? atoi(argv[2]) : 9200);
    struct pando_node *nodes[NODES];
    int held = 1;
    for (int i = 0; i < NODES; i++) {
        char args[200];
        nodes[i] = open_node(dir, i + 1, port);
        (void)snprintf(args, sizeof args,
                       "{\"name\":\"room\",\"kind\":\"log\",\"settings\":"
                       "{\"id\":%d,\"members\":[1,2,3],\"name\":\"node_%d\"}}", i + 1, i + 1);
        free(ask(nodes[i], "space.create", args));
    }
    /* The highest number leads first. */
    held = held && wait_for(nodes[0], "log.status", "{}", "\"leader\":3");
    held = held && pando_node_call(nodes[0], "log.watch", "{\"from\":1}", on_message, NULL) == PANDO_OK;
    for (int i = 0; i < NODES; i++)
        held = held && say(nodes[i], "hello");
    pando_node_close(nodes[2]);
    (void)printf("node_3 is gone\n");
    held = held && (wait_for(nodes[0], "log.status", "{}", "\"leader\":2") ||
                    wait_for(nodes[0], "log.status", "{}", "\"leader\":1"));
    held = held && say(nodes[0], "still here");
    held = held && wait_for(nodes[1], "log.read", "{\"from\":4}", "still here");
    char *mine = ask(nodes[0], "log.read", "{}"), *its = ask(nodes[1], "log.read", "{}");
    held = held && mine != NULL && its != NULL && strcmp(mine, its) == 0;
    (void)printf("%s\n", held ? "both have the same four messages" : "they do not agree");
    free(mine);
    free(its);
    pando_node_close(nodes[1]);
    pando_node_close(nodes[0]);
    return held ? 0 : 1;
}
