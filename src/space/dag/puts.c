/* puts.c - what the node itself hands over as bytes, without JSON or base64 between.
 *
 *   receipt   the DAG-CBOR of a receipt that was just made here: an event carries it
 *   blob      a body: kept under the CID of its bytes
 *
 * The answer is raw: the 32 bytes of the event's or the blob's id, once it is on disk.
 */
#include "space/dag/engine.h"

#include "base/slice.h"
#include "codec/cbor.h"

#include <stdlib.h>
#include <string.h>

/* Our own events obey the rules that we hold others to; a receipt's inner signature is
 * its maker's, who may be another node. What our own key has signed a moment ago needs no
 * proof (the proof costs more than the run). */
bool dag_body_is_allowed(struct dag *d, enum event_kind kind, struct pando_slice body,
                         bool fresh)
{
    uint8_t scratch[DAG_INNER_MAX];
    struct space_verify_item item;
    if (d->check.body == NULL)
        return true;
    switch (d->check.body(d->check.ctx, kind, &d->host.space, &d->host.key, body, &item,
                          scratch)) {
    case DAG_BODY_OK:
        return true;
    case DAG_BODY_SIGNED:
        return (fresh && key_equal(&item.key, &d->host.key)) ||
               crypto_verify(&item.key, item.signed_bytes, &item.sig);
    case DAG_BODY_BAD:
        break;
    }
    return false;
}

enum pando_status dag_list_chunks(struct dag_op *op)
{
    uint8_t block[BLOB_LIST_MAX];
    const struct pando_slice body = buf_view(&op->bytes);
    op->total = 1;
    op->ref = (struct blob_ref){ false, crypto_sha256(body) };
    if (body.len <= BLOB_CHUNK_SIZE)
        return PANDO_OK;
    op->list = calloc(1, sizeof *op->list);
    if (op->list == NULL)
        return PANDO_NOMEM;
    op->whole = op->ref.id;
    op->list->size = body.len;
    for (size_t at = 0; at < body.len; at += BLOB_CHUNK_SIZE) {
        const uint32_t i = op->list->chunks_len++;
        op->list->chunks[i] =
            crypto_sha256(slice_of(body.ptr + at, blob_chunk_len(body.len, i)));
    }
    struct wire_writer w = wire_write(block, sizeof block);
    blob_list_encode(op->list, &w);
    op->ref = (struct blob_ref){ true, crypto_sha256(wire_written(&w)) };
    op->total = op->list->chunks_len + 2; /* the list, and the way to it */
    return PANDO_OK;
}

static enum pando_status take_receipt(struct dag *d, struct dag_op *op)
{
    const struct pando_slice body = buf_view(&op->bytes);
    op->fill = true;
    op->total = 1;
    op->event_kind = EVENT_RECEIPT;
    if (body.len > EVENT_BODY_MAX)
        return PANDO_FULL;
    return cbor_check(body) == PANDO_OK &&
                   dag_body_is_allowed(d, EVENT_RECEIPT, body, true)
               ? PANDO_OK
               : PANDO_REFUSED;
}

static enum pando_status take_blob(struct dag *d, struct dag_op *op)
{
    return op->bytes.len > d->config.blob_max ? PANDO_FULL : dag_list_chunks(op);
}

void dag_put(struct dag *d, const struct space_input *in)
{
    const bool receipt = strcmp(in->verb, "receipt") == 0;
    if (d->store_failed || d->stopping || (!receipt && strcmp(in->verb, "blob") != 0)) {
        dag_reply_error(d, in->token,
                        d->store_failed || d->stopping ? PANDO_UNAVAILABLE
                                                       : PANDO_UNSUPPORTED,
                        d->stopping       ? "the node is stopping"
                        : d->store_failed ? "the store has stopped"
                                          : "a dag takes a receipt or a blob");
        return;
    }
    struct dag_op *op = dag_op_new(d, receipt ? DAG_OP_APPEND : DAG_OP_PUT, in->token);
    if (op == NULL) {
        dag_reply_error(d, in->token, PANDO_BUSY, "too many calls are under way");
        return;
    }
    op->brief = true;
    enum pando_status st = buf_append(&op->bytes, bytes_view(in->bytes));
    if (st == PANDO_OK)
        st = receipt ? take_receipt(d, op) : take_blob(d, op);
    if (st == PANDO_OK)
        return;
    dag_reply_error(d, in->token, st,
                    st == PANDO_REFUSED ? "the body breaks the rules of its kind"
                                        : pando_status_text(st));
    dag_op_free(d, op);
}
