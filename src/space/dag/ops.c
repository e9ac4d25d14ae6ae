/* ops.c - calls that take more than one step: appends, blobs, streams. */
#include "space/dag/engine.h"

#include "base/slice.h"
#include "codec/cbor.h"
#include "codec/cid.h"

#include <stdlib.h>

#define APPENDS_PER_STEP 128 /* about 2 ms of signing */
#define IDS_TEXT_MAX     (16u << 20)

struct dag_op *dag_op_new(struct dag *d, enum dag_op_kind kind, uint64_t token)
{
    if (d->ops_len == DAG_OPS_MAX)
        return NULL;
    struct dag_op *op = calloc(1, sizeof *op);
    if (op == NULL)
        return NULL;
    op->kind = kind;
    op->token = token;
    op->kind_only = -1;
    op->due = PANDO_TIME_NEVER;
    buf_init(&op->bytes, 64u << 20);
    buf_init(&op->text, IDS_TEXT_MAX);
    op->prev = d->ops_last;
    if (d->ops_last != NULL)
        d->ops_last->next = op;
    else
        d->ops_first = op;
    d->ops_last = op;
    d->ops_len++;
    return op;
}

void dag_op_free(struct dag *d, struct dag_op *op)
{
    dag_staged_forget_op(d, op);
    if (op->prev != NULL)
        op->prev->next = op->next;
    else
        d->ops_first = op->next;
    if (op->next != NULL)
        op->next->prev = op->prev;
    else
        d->ops_last = op->prev;
    d->ops_len--;
    buf_deinit(&op->bytes);
    buf_deinit(&op->text);
    blob_job_deinit(&op->job);
    free(op->ends);
    free(op->list);
    free(op);
}

void dag_op_durable(struct dag *d, struct dag_op *op)
{
    (void)d;
    op->durable++;
}

static enum pando_status note_id(struct dag *d, struct dag_op *op)
{
    char id[CID_SHA256_TEXT_SIZE];
    if (op->quiet && op->appended + 1 < op->total)
        return PANDO_OK;
    if (op->brief)
        return buf_append(&op->text, SLICE_OF(d->last));
    cid_text_sha256(CID_DAG_CBOR, &d->last, id);
    if (op->many && !op->quiet)
        return buf_printf(&op->text, "%s\"%s\"", op->appended == 0 ? "{\"ids\":[" : ",",
                          id);
    return buf_printf(&op->text, "{\"id\":\"%s\",\"epoch\":%u,\"seq\":%llu", id, d->epoch,
                      (unsigned long long)d->seq);
}

static struct pando_slice body_at(const struct dag_op *op, uint32_t index)
{
    if (op->fill)
        return buf_view(&op->bytes);
    const uint32_t from = index == 0 ? 0 : op->ends[index - 1];
    return slice_of(op->bytes.ptr + from, op->ends[index] - from);
}

/* Generated bodies differ from event to event. */
static void vary(struct dag *d, struct dag_op *op)
{
    if (op->vary && op->bytes.len > 16)
        rng_fill(&d->rng, op->bytes.ptr + op->bytes.len - 8, 8);
}

/* Returns false when the journal takes nothing more now. */
static bool run_append(struct dag *d, struct dag_op *op, uint32_t *budget)
{
    while (op->appended < op->total) {
        if (*budget == 0) {
            d->more_work = true;
            return true;
        }
        (*budget)--;
        vary(d, op);
        enum pando_status st =
            dag_local_event(d, op->event_kind, body_at(op, op->appended), op);
        if (st == PANDO_BUSY)
            return false;
        if (st == PANDO_OK)
            st = note_id(d, op);
        if (st != PANDO_OK) {
            dag_reply_error(d, op->token, st,
                            st == PANDO_REFUSED
                                ? "this node may only read here: the space's access "
                                  "policy gives it no write role"
                                : pando_status_text(st));
            dag_op_free(d, op);
            return st == PANDO_INVALID || st == PANDO_FULL || st == PANDO_REFUSED;
        }
        op->appended++;
    }
    if (op->durable < op->total)
        return true;
    const bool list = op->many && !op->quiet;
    if (op->brief)
        dag_reply(d, op->token, PANDO_OK, buf_view(&op->text), false, true);
    else if (buf_printf(&op->text, "%s\"count\":%u}",
                   list ? (op->total == 0 ? "{\"ids\":[]," : "],") : ",",
                   op->total) == PANDO_OK)
        dag_reply(d, op->token, PANDO_OK, buf_view(&op->text), false, false);
    else
        dag_reply_error(d, op->token, PANDO_NOMEM, "the answer does not fit into memory");
    dag_op_free(d, op);
    return true;
}

void dag_ops_run(struct dag *d)
{
    uint32_t budget = APPENDS_PER_STEP;
    bool writable = !d->store_failed;
    struct dag_op *next;
    for (struct dag_op *op = d->ops_first; op != NULL; op = next) {
        next = op->next;
        switch (op->kind) {
        case DAG_OP_APPEND:
            if (writable)
                writable = run_append(d, op, &budget);
            break;
        case DAG_OP_PUT:
            if (writable)
                dag_blob_put_run(d, op);
            break;
        case DAG_OP_GET:
            dag_blob_get_run(d, op);
            break;
        case DAG_OP_WATCH:
        case DAG_OP_EXPORT:
            dag_stream_run(d, op);
            break;
        }
    }
}

/* Writers learn at once that the store refuses; what was staged may or may not survive.
 */
void dag_ops_fail(struct dag *d, enum pando_status status)
{
    struct dag_op *next;
    for (struct dag_op *op = d->ops_first; op != NULL; op = next) {
        next = op->next;
        if (op->kind != DAG_OP_APPEND && op->kind != DAG_OP_PUT)
            continue;
        dag_reply_error(d, op->token, status,
                        "the store has stopped; it is not known what was written");
        dag_op_free(d, op);
    }
}

bool dag_op_cancel(struct dag *d, uint64_t token)
{
    for (struct dag_op *op = d->ops_first; op != NULL; op = op->next)
        if (op->token == token && op->kind >= DAG_OP_GET) {
            dag_op_free(d, op);
            return true;
        }
    return false;
}

struct pando_time dag_ops_deadline(const struct dag *d)
{
    struct pando_time at = PANDO_TIME_NEVER;
    for (const struct dag_op *op = d->ops_first; op != NULL; op = op->next)
        at = pando_time_min(at, op->due);
    return at;
}
