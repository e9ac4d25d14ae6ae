/* space_runs.c - a space asks for a run of a capsule: found as exec.run finds it, but nothing
 * is stored and no receipt is made.
 *
 * The last capsule that was run so stays at hand: a space that verifies each of its deltas
 * asks for the same one again and again.
 */
#include "node/ops.h"

#include "codec/cid.h"

#include <stdio.h>

static void tell(struct node *n, const struct node_op *op, enum pando_status status,
                 struct pando_slice text)
{
    struct node_space *s = space_at(n, op->asker);
    if (s == NULL || !id_equal(&s->id, &op->asker_id))
        return; /* it was removed meanwhile */
    space_input(n, s,
                &(struct space_input){
                    .kind = SPACE_RAN, .token = op->token, .status = status, .text = text });
}

void space_runs_fail(struct node *n, struct node_op *op, enum pando_status status,
                     const char *text)
{
    tell(n, op, status, slice_text(text));
    op_free(n, op);
}

static bool is_at_hand(const struct node *n, const char *cid)
{
    return n->run_bytes != NULL && strcmp(n->run_cid, cid) == 0;
}

void space_runs_begin(struct node *n, struct node_space *s, const struct space_effect *e)
{
    char args[CID_TEXT_MAX + 64];
    const struct node_op nobody = { .token = e->token, .asker = s->slot, .asker_id = s->id };
    struct node_op *op = op_make(n, OP_SPACE, e->token);
    if (op == NULL) {
        tell(n, &nobody, PANDO_BUSY, slice_text("too many calls are under way already"));
        bytes_unref(e->bytes);
        return;
    }
    op->asker = s->slot;
    op->asker_id = s->id;
    op->input = e->bytes;
    op->time = n->ports.wall(n->ports.ctx);
    op->nonce = ++n->nonce;
    (void)snprintf(op->cid, sizeof op->cid, "%s", e->text);
    struct cid cid;
    const struct node_space *dag = space_by_name(n, NULL, "dag");
    op->slot = dag == NULL ? NODE_NONE : dag->slot;
    if (is_at_hand(n, op->cid)) {
        op->capsule = bytes_ref(n->run_bytes);
        runs_submit(n, op, false);
    } else if (cid_parse(op->cid, &cid) != PANDO_OK) {
        space_runs_fail(n, op, PANDO_INVALID, "the capsule's id is no CID");
    } else if (dag == NULL) {
        space_runs_fail(n, op, PANDO_NOT_FOUND,
                        "there is no dag space here to find the capsule in");
    } else {
        op->step = OP_FETCH_CAPSULE;
        const int len = snprintf(args, sizeof args,
                                 "{\"id\":\"%.100s\",\"fetch\":true,\"raw\":true}", op->cid);
        op_ask(n, op, "blob_get", slice_of(args, (size_t)len));
    }
}

void space_runs_answered(struct node *n, struct node_op *op, enum pando_status status)
{
    char text[300];
    if (status != PANDO_OK) {
        (void)snprintf(text, sizeof text, "%.*s", (int)(op->got.len < 280 ? op->got.len : 280),
                       op->got.len == 0 ? "" : (const char *)op->got.ptr);
        space_runs_fail(n, op, status, text);
        return;
    }
    op->capsule = bytes_copy(buf_view(&op->got));
    if (op->capsule == NULL) {
        space_runs_fail(n, op, PANDO_NOMEM, "memory is out");
        return;
    }
    buf_deinit(&op->got);
    bytes_unref(n->run_bytes);
    n->run_bytes = bytes_ref(op->capsule);
    (void)snprintf(n->run_cid, sizeof n->run_cid, "%s", op->cid);
    runs_submit(n, op, false);
}

void space_runs_ran(struct node *n, struct node_op *op, const struct exec_result *result)
{
    if (result->failure == EXEC_FAIL_NONE)
        tell(n, op, PANDO_OK, buf_view(&result->output));
    else
        tell(n, op, exec_failure_status(result->failure), slice_text(result->text));
    op_free(n, op);
}
