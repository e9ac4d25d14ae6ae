#include "node/state.h"

enum pando_status node_store_append(struct node_space *s, uint8_t record,
                                    struct pando_slice bytes,
                                    const struct tables_fold *fold, uint64_t *ret_position)
{
    const struct node_ports *ports = &s->node->ports;
    if (s->failed)
        return PANDO_IO;
    const enum pando_status st =
        ports->append(ports->ctx, s->slot, record, bytes, fold, ret_position);
    if (st == PANDO_OK)
        s->appended = *ret_position + 1;
    return st;
}

void node_durable(struct node *n, struct pando_time now, uint32_t slot, uint64_t position)
{
    n->now = now;
    struct node_space *s = space_at(n, slot);
    if (s == NULL)
        return;
    s->durable = position;
    space_input(n, s, &(struct space_input){ .kind = SPACE_DURABLE, .value = position });
}

void node_store_failed(struct node *n, struct pando_time now, uint32_t slot,
                       enum pando_status why)
{
    n->now = now;
    struct node_space *s = space_at(n, slot);
    if (s == NULL || s->failed)
        return;
    s->failed = true;
    space_input(n, s, &(struct space_input){ .kind = SPACE_STORE_FAIL, .status = why });
}

void node_store_back(struct node *n, struct pando_time now, uint32_t slot)
{
    n->now = now;
    struct node_space *s = space_at(n, slot);
    if (s == NULL || !s->failed)
        return;
    s->failed = false;
    space_input(n, s, &(struct space_input){ .kind = SPACE_STORE_BACK });
}

void node_snapshotted(struct node *n, struct pando_time now, uint32_t slot,
                      enum pando_status status)
{
    n->now = now;
    struct node_space *s = space_at(n, slot);
    if (s != NULL)
        space_input(n, s, &(struct space_input){ .kind = SPACE_SNAPSHOTTED, .status = status });
}
