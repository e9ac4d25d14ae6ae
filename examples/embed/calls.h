/* calls.h - what the examples ask of their nodes. */
#ifndef EXAMPLES_EMBED_CALLS_H
#define EXAMPLES_EMBED_CALLS_H

#include <pando/pando.h>

/* The answer, to be freed; NULL after saying what went wrong. */
char *ask(struct pando_node *node, const char *verb, const char *args);
/* Ask until the answer holds `wanted`; 0: not within a minute. */
int wait_for(struct pando_node *node, const char *verb, const char *args, const char *wanted);
/* Open the node and start it; says what is wrong and exits where it cannot. */
struct pando_node *open_and_start(const struct pando_node_config *config);

#endif
