/* wholes.c - large bodies by the hash of the whole.
 *
 * A receipt names capsule and input by the hash of all their bytes; a body above 128 KiB
 * is kept under the CID of its chunk list. The record WHOLE leads from the one to the
 * other. It is written behind the list by whoever puts a body, and by whoever has fetched
 * one and seen that it hashes to what was asked for.
 *
 * A peer that is asked for a hash which is neither a chunk's nor a list's answers with the
 * list's hash (BLOB_WHOLE). That is a claim: it can be checked only when the whole body is
 * here. Until then the call remembers who claimed it; a lie is that peer's fault, and the
 * call goes back to asking the others.
 */
#include "space/dag/engine.h"

#include "base/slice.h"

#include <string.h>

#define HASHED_PER_STEP 8 /* chunks: 1 MiB, about 2 ms */

static void follow(struct dag_op *op, const struct pando_id *list)
{
    blob_job_deinit(&op->job);
    op->ref = (struct blob_ref){ true, *list };
    blob_job_init(&op->job, &op->ref);
}

/* The call still looks for a body of which only the whole's hash is known. */
static bool seeks(const struct dag_op *op, const struct pando_id *whole)
{
    return op->kind == DAG_OP_GET && !op->ref.list && op->job.root == BLOB_WANTED &&
           id_equal(&op->ref.id, whole);
}

bool dag_whole_known(struct dag *d, struct dag_op *op)
{
    struct index_whole found;
    if (op->ref.list || !index_find_whole(d->host.tables, &op->ref.id, &found))
        return false;
    follow(op, &found.list);
    return true;
}

bool dag_whole_serve(struct dag *d, struct dag_peer *p, const struct pando_id *whole)
{
    uint8_t bytes[2 * 34 + DAG_HEAD_MAX];
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    struct index_whole found;
    if (!index_find_whole(d->host.tables, whole, &found) ||
        !dag_is_durable(d, found.position))
        return false;
    dag_wire_put_ids(&w, &d->host.space, DAG_BLOB_WHOLE, 2);
    dag_wire_put_id(&w, whole);
    dag_wire_put_id(&w, &found.list);
    (void)dag_send(d, p, DAG_BLOB, wire_written(&w));
    return true;
}

static bool distrusts(const struct dag_op *op, const struct peer_id *peer)
{
    for (uint8_t i = 0; i < op->distrusted_len; i++)
        if (peer_id_equal(&op->distrusted[i], peer))
            return true;
    return false;
}

void dag_whole_claimed(struct dag *d, struct dag_peer *p, struct dag_message *m)
{
    struct pando_id whole, list;
    bool taken = false;
    (void)(dag_wire_next_id(m, &whole) && dag_wire_next_id(m, &list));
    for (struct dag_op *op = d->ops_first; op != NULL; op = op->next) {
        if (!seeks(op, &whole) || distrusts(op, &p->id))
            continue;
        op->claimed = true;
        op->claimant = p->id;
        op->whole = whole;
        follow(op, &list);
        taken = true;
    }
    if (!taken) {
        fetch_lacking(&d->blob_fetch, d->now, &whole, p->handle);
        return;
    }
    (void)fetch_found(&d->blob_fetch, d->now, &whole);
    /* Calls that do not believe this peer ask the others anew. */
    for (struct dag_op *op = d->ops_first; op != NULL; op = op->next)
        if (seeks(op, &whole))
            blob_job_lost(&op->job, &op->ref);
}

bool dag_whole_distrust(struct dag *d, struct dag_op *op)
{
    if (!op->claimed || op->distrusted_len == DAG_DISTRUSTED_MAX)
        return false;
    op->distrusted[op->distrusted_len++] = op->claimant;
    op->claimed = false;
    d->more_work = true;
    op->hashed = 0;
    blob_job_deinit(&op->job);
    op->ref = (struct blob_ref){ false, op->whole };
    blob_job_init(&op->job, &op->ref);
    return true;
}

static void blame(struct dag *d, const struct peer_id *id)
{
    for (size_t i = 0; i < d->peers_len; i++)
        if (peer_id_equal(&d->peers[i].id, id))
            dag_fault(d, d->peers[i].handle, PANDO_FORGED,
                      "a blob is not what its peer said");
}

enum pando_status dag_whole_stage(struct dag *d, const struct pando_id *whole,
                                  const struct pando_id *list, struct dag_op *op)
{
    uint8_t record[64];
    memcpy(record, whole->bytes, 32);
    memcpy(record + 32, list->bytes, 32);
    return dag_stage(d, DAG_RECORD_BLOB_WHOLE, NULL, SLICE_OF(record), op, false, NULL);
}

static void judge(struct dag *d, struct dag_op *op)
{
    const struct pando_id is = crypto_sha256_end(&op->hash);
    if (id_equal(&is, &op->whole)) {
        op->claimed = false;
        /* Refused by a busy store: the next call asks a peer again. */
        (void)!dag_whole_stage(d, &op->whole, &op->ref.id, NULL);
        return;
    }
    blame(d, &op->claimant);
    if (dag_whole_distrust(d, op))
        return;
    dag_reply_error(d, op->token, PANDO_CORRUPT,
                    "no connected peer has the blob; what some sent is another body");
    dag_op_free(d, op);
}

bool dag_whole_prove(struct dag *d, struct dag_op *op)
{
    if (!op->claimed)
        return true;
    if (op->hashed == 0)
        crypto_sha256_begin(&op->hash);
    const struct blob_list *list = op->job.list;
    for (int i = 0; i < HASHED_PER_STEP && op->hashed < list->chunks_len; i++) {
        struct bytes *bytes =
            dag_blob_read(d, &(struct blob_ref){ false, list->chunks[op->hashed] });
        if (bytes == NULL) {
            dag_reply_error(d, op->token, PANDO_CORRUPT, "a chunk cannot be read back");
            dag_op_free(d, op);
            return false;
        }
        crypto_sha256_add(&op->hash, bytes_view(bytes));
        bytes_unref(bytes);
        op->hashed++;
    }
    if (op->hashed == list->chunks_len)
        judge(d, op);
    d->more_work = true; /* the next step goes on, or answers */
    return false;
}
