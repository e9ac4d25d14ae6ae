#include "calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

char *ask(struct pando_node *node, const char *verb, const char *args)
{
    char *text = NULL;
    struct pando_err err = { PANDO_OK, "" };
    if (pando_node_ask(node, verb, args, &text, &err) != PANDO_OK)
        (void)fprintf(stderr, "%s: %s\n", verb, err.text);
    return text;
}

int wait_for(struct pando_node *node, const char *verb, const char *args, const char *wanted)
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

struct pando_node *open_and_start(const struct pando_node_config *config)
{
    struct pando_err err = { PANDO_OK, "" };
    struct pando_node *node = NULL;
    if (pando_node_open(config, &node, &err) == PANDO_OK &&
        pando_node_start(node, &err) == PANDO_OK)
        return node;
    (void)fprintf(stderr, "%s: %s\n", config->name, err.text);
    exit(1);
}
