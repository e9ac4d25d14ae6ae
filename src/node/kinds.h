/* kinds.h - the kinds of space that this build knows, and what joins them to their
 * neighbours: the dag asks exec whether a receipt's body is genuine. */
#ifndef NODE_KINDS_H
#define NODE_KINDS_H

#include "node/node.h"

extern const struct space_ops *const node_kinds[];
extern const size_t node_kinds_len;

/* Join every open space of the node to what its kind needs. After node_start and after a
 * space was created; idempotent. */
void node_kinds_wire(struct node *n);

#endif
