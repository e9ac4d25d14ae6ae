/* two_nodes.c - two whole nodes in one program: link them, append on one, read on the other.
 *
 * Build: cc two_nodes.c calls.c $(pkg-config --cflags --libs pando) -o two_nodes
 */
#include "calls.h"

#include <stdio.h>
#include <stdlib.h>

static struct pando_node *open_node(const char *dir, const char *name, unsigned short port,
                                    const char *peer)
{
    char data[256];
    struct pando_node_config config = PANDO_NODE_CONFIG;
    (void)snprintf(data, sizeof data, "%s/%s", dir, name);
    config.data = data;
    config.name = name;
    config.listen = "127.0.0.1";
    config.port = port;
    config.peers = &peer;
    config.peers_len = peer != NULL;
    return open_and_start(&config);
}

int main(int argc, char **argv)
{
    const char *dir = argc > 1 ? argv[1] : ".";
    const unsigned short port = (unsigned short)(argc > 2 ? atoi(argv[2]) : 9100);
    char peer[32];
    (void)snprintf(peer, sizeof peer, "127.0.0.1:%d", port);
    struct pando_node *a = open_node(dir, "a", port, NULL);
    struct pando_node *b = open_node(dir, "b", (unsigned short)(port + 1), peer);
    int held = wait_for(b, "status", "{}", "\"connected_peers\":1");
    char *said = ask(a, "dag.append", "{\"kind\":\"data\",\"body\":{\"text\":\"hello from a\"}}");
    (void)printf("a said: %s\n", said == NULL ? "nothing" : said);
    held = held && said != NULL && wait_for(b, "dag.ls", "{\"kind\":\"data\"}", "hello from a");
    (void)printf("%s\n", held ? "b has it too" : "b does not have it");
    free(said);
    pando_node_close(b);
    pando_node_close(a);
    return held ? 0 : 1;
}
