/* stream.c - calls that are answered piece by piece: "watch" and "export".
 *
 * Export is a CAR v1 archive: a header with the heads as its roots, then every event as a
 * block, parents before children. Each section is a varint length, the CID, the bytes.
 * Both read the journal by event number and go no further than what is durable.
 */
#include "space/dag/engine.h"

#include "base/slice.h"
#include "codec/car.h"

#define PART_SIZE       (64u << 10)
#define EVENTS_PER_STEP 512
#define ROOTS_MAX       256

static enum pando_status put_header(struct dag *d, struct pando_buf *b)
{
    uint8_t bytes[ROOTS_MAX * 41 + 64];
    struct pando_id roots[ROOTS_MAX];
    struct index_cursor cursor = { .begun = false };
    uint32_t height;
    size_t len = 0;
    while (len < ROOTS_MAX &&
           index_next_head(d->host.tables, &cursor, &roots[len], &height))
        len++;
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    car_put_header(&w, CID_DAG_CBOR, roots, len);
    return buf_append(b, wire_written(&w));
}

static enum pando_status put_event(struct dag_op *op, const struct event *ev)
{
    uint8_t head[CAR_SECTION_HEAD_MAX];
    if (op->kind == DAG_OP_EXPORT) {
        struct wire_writer w = wire_write(head, sizeof head);
        car_put_section_head(&w, CID_DAG_CBOR, &ev->id, ev->block.len);
        const enum pando_status st = buf_append(&op->text, wire_written(&w));
        return st == PANDO_OK ? buf_append(&op->text, ev->block) : st;
    }
    if (op->kind_only >= 0 && (int)ev->kind != op->kind_only)
        return PANDO_OK;
    const enum pando_status st = dag_report_event(&op->text, ev, ev->body.len <= 1024);
    return st == PANDO_OK ? buf_append(&op->text, slice_text("\n")) : st;
}

/* Read on until a part is full. PANDO_NOT_FOUND: nothing more is there now. */
static enum pando_status gather(struct dag *d, struct dag_op *op)
{
    enum pando_status st = PANDO_OK;
    for (int i = 0; i < EVENTS_PER_STEP && op->text.len < PART_SIZE && st == PANDO_OK;
         i++) {
        uint64_t position;
        struct event ev;
        if (op->number == op->end ||
            !index_find_number(d->host.tables, op->number, &position) ||
            !dag_is_durable(d, position))
            return PANDO_NOT_FOUND;
        struct bytes *bytes = dag_read_event(d, position, &ev);
        if (bytes == NULL)
            return PANDO_CORRUPT;
        op->number++;
        st = put_event(op, &ev);
        bytes_unref(bytes);
    }
    return st;
}

void dag_stream_run(struct dag *d, struct dag_op *op)
{
    const bool export = op->kind == DAG_OP_EXPORT;
    enum pando_status st = PANDO_OK;
    if (export && op->number == 0 && op->chunk++ == 0)
        st = put_header(d, &op->text);
    if (st == PANDO_OK)
        st = gather(d, op);
    const bool ended = export && op->number == op->end;
    if (st != PANDO_OK && st != PANDO_NOT_FOUND) {
        dag_reply_error(d, op->token, st, pando_status_text(st));
        dag_op_free(d, op);
        return;
    }
    if (op->text.len > 0 || ended)
        dag_reply(d, op->token, PANDO_OK, buf_view(&op->text), !ended, export);
    buf_reset(&op->text);
    if (ended)
        dag_op_free(d, op);
    else if (st == PANDO_OK)
        d->more_work = true;
}
