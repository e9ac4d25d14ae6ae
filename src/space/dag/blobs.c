/* blobs.c - large bodies by CID: kept as journal records, fetched piece by piece. */
#include "space/dag/engine.h"

#include "base/slice.h"
#include "codec/cid.h"
#include "codec/multibase.h"

#include <stdlib.h>

#define WANTS_PER_MESSAGE 16
#define REPLY_JSON_MAX    (4u << 20) /* of a body that is answered as base64 */
#define RAW_PER_STEP      4          /* chunks */

static uint8_t record_of(bool list)
{
    return list ? DAG_RECORD_BLOB_LIST : DAG_RECORD_BLOB_CHUNK;
}

bool dag_blob_has(struct dag *d, const struct blob_ref *ref)
{
    struct index_blob blob;
    return index_find_blob(d->host.tables, ref->list, &ref->id, &blob);
}

struct bytes *dag_blob_read(struct dag *d, const struct blob_ref *ref)
{
    struct index_blob blob;
    if (!index_find_blob(d->host.tables, ref->list, &ref->id, &blob))
        return NULL;
    return dag_read(d, blob.position, record_of(ref->list));
}

/* Answer with the piece; false when we lack it. No credit: the fetcher there asks again.
 */
static bool serve_piece(struct dag *d, struct dag_peer *p, const struct pando_id *id)
{
    for (int list = 0; list <= 1; list++) {
        const struct blob_ref ref = { list != 0, *id };
        struct index_blob blob;
        if (!index_find_blob(d->host.tables, ref.list, id, &blob) ||
            !dag_is_durable(d, blob.position))
            continue;
        struct bytes *piece = dag_blob_read(d, &ref);
        const size_t cap = (size_t)blob.len + DAG_HEAD_MAX;
        uint8_t *message = piece == NULL ? NULL : malloc(cap);
        if (message != NULL) {
            struct wire_writer w = wire_write(message, cap);
            dag_wire_put_blob(&w, &d->host.space, ref.list, bytes_view(piece));
            (void)dag_send(d, p, DAG_BLOB, wire_written(&w));
        }
        free(message);
        bytes_unref(piece);
        return piece != NULL;
    }
    return dag_whole_serve(d, p, id);
}

static void send_ids(struct dag *d, struct dag_peer *p, enum dag_message_kind kind,
                     const struct pando_id *ids, size_t len)
{
    uint8_t bytes[WANTS_PER_MESSAGE * 34 + DAG_HEAD_MAX];
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    if (len == 0)
        return;
    dag_wire_put_ids(&w, &d->host.space, kind, len);
    for (size_t i = 0; i < len; i++)
        dag_wire_put_id(&w, &ids[i]);
    (void)dag_send(d, p, DAG_BLOB, wire_written(&w));
}

static void serve_wants(struct dag *d, struct dag_peer *p, struct dag_message *m)
{
    struct pando_id lack[WANTS_PER_MESSAGE], id;
    size_t lack_len = 0;
    for (int n = 0; n < WANTS_PER_MESSAGE && dag_wire_next_id(m, &id); n++)
        if (!serve_piece(d, p, &id))
            lack[lack_len++] = id;
    send_ids(d, p, DAG_BLOB_LACK, lack, lack_len);
}

static void hold_everywhere(struct dag *d, const struct blob_ref *ref,
                            struct pando_slice bytes)
{
    struct dag_op *next;
    for (struct dag_op *op = d->ops_first; op != NULL; op = next) {
        next = op->next;
        if (op->kind != DAG_OP_GET ||
            blob_job_hold(&op->job, ref, bytes) != PANDO_MALFORMED ||
            dag_whole_distrust(d, op))
            continue;
        dag_reply_error(d, op->token, PANDO_MALFORMED, "the CID does not name a blob");
        dag_op_free(d, op);
    }
}

static void take_piece(struct dag *d, struct dag_peer *p, const struct dag_message *m)
{
    const struct blob_ref ref = { m->list, crypto_sha256(m->block) };
    if (m->block.len > (ref.list ? BLOB_LIST_MAX : BLOB_CHUNK_SIZE)) {
        dag_fault(d, p->handle, PANDO_MALFORMED, "a chunk is too long");
        return;
    }
    if (!fetch_is_wanted(&d->blob_fetch, &ref.id))
        return; /* late: another peer was quicker */
    if (!dag_blob_has(d, &ref) &&
        dag_stage(d, record_of(ref.list), NULL, m->block, NULL, false, NULL) != PANDO_OK)
        return; /* the store is busy: asked for again after the timeout */
    (void)fetch_found(&d->blob_fetch, d->now, &ref.id);
    hold_everywhere(d, &ref, m->block);
}

void dag_blob_message(struct dag *d, struct dag_peer *p, struct dag_message *m)
{
    struct pando_id id;
    if (m->kind == DAG_BLOB_WANT)
        serve_wants(d, p, m);
    else if (m->kind == DAG_BLOB_DATA)
        take_piece(d, p, m);
    else if (m->kind == DAG_BLOB_WHOLE)
        dag_whole_claimed(d, p, m);
    else
        while (dag_wire_next_id(m, &id))
            fetch_lacking(&d->blob_fetch, d->now, &id, p->handle);
}

/* Nobody has it: the calls that need it fail. */
static void give_up(struct dag *d, const struct pando_id *id)
{
    struct dag_op *next;
    for (struct dag_op *op = d->ops_first; op != NULL; op = next) {
        next = op->next;
        if (op->kind != DAG_OP_GET)
            continue;
        const uint32_t wanted = op->job.wanted;
        blob_job_lost(&op->job, &(struct blob_ref){ false, *id });
        blob_job_lost(&op->job, &(struct blob_ref){ true, *id });
        if (op->job.wanted == wanted || dag_whole_distrust(d, op))
            continue;
        dag_reply_error(d, op->token, PANDO_UNAVAILABLE,
                        "no connected peer has the blob");
        dag_op_free(d, op);
    }
}

void dag_blob_fetch_run(struct dag *d)
{
    struct fetch_effect e;
    while (fetch_poll(&d->blob_fetch, &e)) {
        struct dag_peer *p = dag_peer(d, e.peer);
        if (e.kind == FETCH_GIVE_UP)
            give_up(d, &e.id);
        else if (p != NULL)
            send_ids(d, p, DAG_BLOB_WANT, &e.id, 1);
    }
}

static enum pando_status want_piece(struct dag *d, const struct pando_id *id)
{
    enum pando_status st = PANDO_NOT_FOUND;
    const size_t from = d->peers_len == 0 ? 0 : rng_below(&d->rng, d->peers_len);
    for (size_t i = 0; i < d->peers_len && i < FETCH_ANNOUNCERS_MAX; i++)
        st = fetch_want(&d->blob_fetch, d->now, id, 0,
                        d->peers[(from + i) % d->peers_len].handle);
    return st;
}

/* Look in the store, then among the peers. False when the call was answered. */
static bool advance(struct dag *d, struct dag_op *op)
{
    struct blob_ref piece;
    while (blob_job_next(&op->job, &piece)) {
        struct bytes *bytes = dag_blob_read(d, &piece);
        enum pando_status st = PANDO_NOT_FOUND;
        if (bytes != NULL)
            st = blob_job_hold(&op->job, &piece, bytes_view(bytes));
        else if (dag_whole_known(d, op))
            continue;
        else if (!op->here_only)
            st = want_piece(d, &piece.id);
        bytes_unref(bytes);
        if (st == PANDO_OK || (st == PANDO_MALFORMED && dag_whole_distrust(d, op)))
            continue;
        dag_reply_error(d, op->token, st == PANDO_FULL ? PANDO_BUSY : st,
                        "the blob is not in this node's store and cannot be fetched");
        dag_op_free(d, op);
        return false;
    }
    return true;
}

static struct blob_ref chunk_ref(const struct dag_op *op, uint32_t index)
{
    return op->job.list == NULL ? op->ref
                                : (struct blob_ref){ false, op->job.list->chunks[index] };
}

/* The whole body behind each other, as raw parts. */
static void answer_raw(struct dag *d, struct dag_op *op)
{
    const uint32_t chunks = op->job.list == NULL ? 1 : op->job.list->chunks_len;
    for (int i = 0; i < RAW_PER_STEP && op->chunk < chunks; i++) {
        const struct blob_ref ref = chunk_ref(op, op->chunk);
        struct bytes *bytes = dag_blob_read(d, &ref);
        if (bytes == NULL) {
            dag_reply_error(d, op->token, PANDO_CORRUPT, "a chunk cannot be read back");
            dag_op_free(d, op);
            return;
        }
        op->chunk++;
        dag_reply(d, op->token, PANDO_OK, bytes_view(bytes), op->chunk < chunks, true);
        bytes_unref(bytes);
    }
    if (op->chunk == chunks)
        dag_op_free(d, op);
    else
        d->more_work = true;
}

static enum pando_status gather_body(struct dag *d, struct dag_op *op)
{
    const uint32_t chunks = op->job.list == NULL ? 1 : op->job.list->chunks_len;
    for (uint32_t i = 0; i < chunks; i++) {
        const struct blob_ref ref = chunk_ref(op, i);
        struct bytes *bytes = dag_blob_read(d, &ref);
        if (bytes == NULL)
            return PANDO_CORRUPT;
        const enum pando_status st = buf_append(&op->bytes, bytes_view(bytes));
        bytes_unref(bytes);
        if (st != PANDO_OK)
            return st;
    }
    return PANDO_OK;
}

static void answer_json(struct dag *d, struct dag_op *op)
{
    char cid[CID_SHA256_TEXT_SIZE];
    enum pando_status st = gather_body(d, op);
    const size_t cap = op->bytes.len * 4 / 3 + 8;
    char *text = malloc(cap);
    if (st == PANDO_OK && text == NULL)
        st = PANDO_NOMEM;
    if (st == PANDO_OK)
        st = multibase_encode(MULTIBASE_64, buf_view(&op->bytes), text, cap);
    cid_text_sha256(op->ref.list ? CID_DAG_CBOR : CID_RAW, &op->ref.id, cid);
    if (st == PANDO_OK)
        st = buf_printf(&op->text, "{\"cid\":\"%s\",\"size\":%zu,\"data\":\"%s\"}", cid,
                        op->bytes.len, text);
    if (st == PANDO_OK)
        dag_reply(d, op->token, PANDO_OK, buf_view(&op->text), false, false);
    else
        dag_reply_error(d, op->token, st, pando_status_text(st));
    free(text);
    dag_op_free(d, op);
}

void dag_blob_get_run(struct dag *d, struct dag_op *op)
{
    if (!advance(d, op))
        return;
    if (!blob_job_is_done(&op->job)) {
        if (pando_time_reached(op->due, d->now)) {
            dag_reply_error(d, op->token, PANDO_TIMEOUT, "the blob did not come in time");
            dag_op_free(d, op);
        }
        return;
    }
    if (!dag_whole_prove(d, op))
        return;
    op->due = PANDO_TIME_NEVER;
    if (op->raw)
        answer_raw(d, op);
    else if (blob_job_size(&op->job) > REPLY_JSON_MAX) {
        dag_reply_error(d, op->token, PANDO_FULL, "too large for JSON: ask with raw");
        dag_op_free(d, op);
    } else {
        answer_json(d, op);
    }
}

static enum pando_status put_chunk(struct dag *d, struct dag_op *op, uint32_t index)
{
    const struct pando_slice body = buf_view(&op->bytes);
    if (op->list == NULL)
        return dag_stage(d, DAG_RECORD_BLOB_CHUNK, NULL, body, op, false, NULL);
    const struct pando_slice chunk =
        slice_of(body.ptr + (size_t)index * BLOB_CHUNK_SIZE,
                 blob_chunk_len(op->list->size, index));
    return dag_stage(d, DAG_RECORD_BLOB_CHUNK, NULL, chunk, op, false, NULL);
}

/* The chunks in order, the list behind them, what leads to the list last: whoever sees
 * one of them sees what it names. */
static enum pando_status put_piece(struct dag *d, struct dag_op *op, uint32_t index)
{
    uint8_t block[BLOB_LIST_MAX];
    struct wire_writer w = wire_write(block, sizeof block);
    if (op->list == NULL || index < op->list->chunks_len)
        return put_chunk(d, op, index);
    if (index > op->list->chunks_len)
        return dag_whole_stage(d, &op->whole, &op->ref.id, op);
    blob_list_encode(op->list, &w);
    return dag_stage(d, DAG_RECORD_BLOB_LIST, NULL, wire_written(&w), op, false, NULL);
}

/* Whether the store has that piece on disk already, so that it need not be written. */
static bool is_kept(struct dag *d, const struct dag_op *op, uint32_t index)
{
    struct index_blob blob;
    struct index_whole way;
    if (op->list != NULL && index > op->list->chunks_len)
        return index_find_whole(d->host.tables, &op->whole, &way) &&
               (op->token == SPACE_NOBODY || dag_is_durable(d, way.position));
    const bool whole = op->list == NULL || index == op->list->chunks_len;
    const struct blob_ref ref =
        whole ? op->ref : (struct blob_ref){ false, op->list->chunks[index] };
    return index_find_blob(d->host.tables, ref.list, &ref.id, &blob) &&
           (op->token == SPACE_NOBODY || dag_is_durable(d, blob.position));
}

static void answer_put(struct dag *d, struct dag_op *op)
{
    char cid[CID_SHA256_TEXT_SIZE];
    cid_text_sha256(op->ref.list ? CID_DAG_CBOR : CID_RAW, &op->ref.id, cid);
    if (op->brief)
        dag_reply(d, op->token, PANDO_OK, SLICE_OF(op->ref.id), false, true);
    else if (buf_printf(&op->text, "{\"cid\":\"%s\",\"size\":%zu}", cid,
                        op->bytes.len) == PANDO_OK)
        dag_reply(d, op->token, PANDO_OK, buf_view(&op->text), false, false);
    else
        dag_reply_error(d, op->token, PANDO_NOMEM, pando_status_text(PANDO_NOMEM));
    dag_op_free(d, op);
}

void dag_blob_put_run(struct dag *d, struct dag_op *op)
{
    while (op->appended < op->total) {
        if (is_kept(d, op, op->appended)) {
            op->appended++;
            op->durable++;
            continue;
        }
        const enum pando_status st = put_piece(d, op, op->appended);
        if (st != PANDO_OK && st != PANDO_BUSY) {
            dag_reply_error(d, op->token, st, pando_status_text(st));
            dag_op_free(d, op);
        }
        if (st != PANDO_OK)
            return;
        op->appended++;
    }
    if (op->durable >= op->total)
        answer_put(d, op);
}
