/* two_nodes.c - two whole nodes in one program: link them, append on one, read on the other.
 *
 * Build: cc two_nodes.c $(pkg-config --cflags --libs pando) -o two_nodes
 */
#include <pando/pando.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct pando_node *open_node(const char *dir, const char *name, unsigned short port,
                                    const char *peer)
{
    char data[256];
    struct pando_err err = { PANDO_OK, "" };
    struct pando_node_config config = PANDO_NODE_CONFIG;
    struct pando_node *node = NULL;
    (void)snprintf(data, sizeof data, "%s/%s", dir, name);
    config.data = data;
    config.name = name;
    config.listen = "127.0.0.1";
    config.port = port;
    config.peers = &peer;
    config.peers_len = peer != NULL;
    if (pando_node_open(&config, &node, &err) != PANDO_OK ||
        pando_node_start(node, &err) != PANDO_OK) {
        (void)fprintf(stderr, "%s: %s\n", name, err.text);
        exit(1);
    }
    return node;
}

static char *ask(struct pando_node *node, const char *verb, const char *args)
{
    char *text = NULL;
    struct pando_err err = { PANDO_OK, "" };
    if (pando_node_ask(node, verb, args, &text, &err) != PANDO_OK)
        (void)fprintf(stderr, "%s\n", err.text);
    return text;
}

/* Ask until the answer holds `wanted`, for at most a minute. */
static int wait_for(struct pando_node *node, const char *verb, const char *args, const char *wanted)
{
    for (int i = 0; i < 6000; i++) {
        const struct timespec ten_ms = { 0, 10000000 };
        char *text = ask(node, verb, args);
        const int held = text != NULL && strstr(text, wanted) != NULL;
        free(text);
        if (held)
            return 1;
        (void)nanosleep(&ten_ms, NULL);
    }
    return 0;
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
