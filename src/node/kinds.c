#include "node/kinds.h"

#include "base/slice.h"
#include "exec/receipt.h"
#include "node/state.h"
#include "space/dag/dag.h"
#include "space/delta/spaces.h"
#include "space/log/log.h"

const struct space_ops *const node_kinds[] = { &space_dag_ops, &space_log_ops,
                                              &space_delta_ops };
const size_t node_kinds_len = sizeof node_kinds / sizeof node_kinds[0];

/* A receipt's body must be a receipt of this space, signed by the event's author; its own
 * signature is checked in the same batch as the event's. */
static enum dag_body_verdict check_body(void *ctx, enum event_kind kind,
                                        const struct pando_id *space,
                                        const struct pando_key *author,
                                        struct pando_slice body,
                                        struct space_verify_item *ret_item,
                                        uint8_t scratch[DAG_INNER_MAX])
{
    (void)ctx;
    struct receipt r;
    size_t len;
    if (kind != EVENT_RECEIPT)
        return DAG_BODY_OK;
    if (receipt_decode(body, &r) != PANDO_OK || !id_equal(&r.space, space) ||
        !key_equal(&r.node, author) ||
        receipt_signed_bytes(&r, scratch, &len) != PANDO_OK)
        return DAG_BODY_BAD;
    *ret_item = (struct space_verify_item){ .key = r.node,
                                            .sig = r.sig,
                                            .signed_bytes = slice_of(scratch, len) };
    return DAG_BODY_SIGNED;
}

void node_kinds_wire(struct node *n)
{
    static const struct dag_check check = { NULL, check_body };
    for (uint32_t i = 0; i < NODE_SPACES_MAX; i++)
        if (n->spaces[i].used && n->spaces[i].ops == &space_dag_ops)
            space_dag_set_check(n->spaces[i].instance, &check);
}
