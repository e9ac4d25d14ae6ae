/* stage.c - records on their way to the disk, and what their arrival there allows. */
#include "space/dag/engine.h"

#include "base/assert.h"
#include "base/slice.h"

#include <stdlib.h>
#include <string.h>

#define PACK_MAX 512 /* events of one gossip message */

/* Events of ours that became durable together travel in one message. */
struct pack {
    struct pando_slice blocks[PACK_MAX];
    size_t len;
    size_t size;
};

static bool reserve(struct dag *d)
{
    if (d->staged_len < d->staged_cap)
        return true;
    if (d->staged_head > 0) {
        memmove(d->staged, d->staged + d->staged_head,
                (d->staged_len - d->staged_head) * sizeof *d->staged);
        d->staged_len -= d->staged_head;
        d->staged_head = 0;
        if (d->staged_len < d->staged_cap / 2)
            return true;
    }
    const size_t cap = d->staged_cap == 0 ? 256 : d->staged_cap * 2;
    struct dag_staged *grown = realloc(d->staged, cap * sizeof *grown);
    if (grown == NULL)
        return d->staged_len < d->staged_cap;
    d->staged = grown;
    d->staged_cap = cap;
    return true;
}

static void flush(struct dag *d, struct pack *pack)
{
    uint8_t *data;
    /* Alone, nothing is gossiped: the router would keep it for seconds, and offer it to
     * the next peer out of order, who gets it by catching up anyway. */
    const size_t cap = pack->size + 5 * pack->len + DAG_HEAD_MAX;
    uint8_t *scratch = pack->len == 0 || d->peers_len == 0 ? NULL : malloc(cap);
    if (scratch == NULL) {
        pack->len = pack->size = 0;
        return;
    }
    struct wire_writer w = wire_write(scratch, cap);
    dag_wire_put_list(&w, &d->host.space, DAG_EVENTS, 0, false, pack->len);
    for (size_t i = 0; i < pack->len; i++)
        dag_wire_put_block(&w, pack->blocks[i]);
    PANDO_ASSERT(!w.failed);
    struct bytes *message = bytes_new(w.len, &data);
    if (message != NULL) {
        memcpy(data, scratch, w.len);
        d->totals.published += pack->len;
        d->totals.publish_bytes += w.len;
        dag_emit(d, &(struct space_effect){ .kind = SPACE_PUBLISH, .bytes = message });
    }
    free(scratch);
    pack->len = pack->size = 0;
}

static void pack_block(struct dag *d, struct pack *pack, struct pando_slice block)
{
    if (pack->len == PACK_MAX ||
        (pack->len > 0 && pack->size + block.len > DAG_GOSSIP_SIZE))
        flush(d, pack);
    pack->blocks[pack->len++] = block;
    pack->size += block.len;
}

void dag_publish(struct dag *d, struct pando_slice block)
{
    struct pack pack;
    pack.len = pack.size = 0;
    pack_block(d, &pack, block);
    flush(d, &pack);
}

static void tell(struct dag *d, const struct dag_staged *s)
{
    struct pando_buf b;
    struct event ev;
    if (!dag_is_heard(d))
        return;
    if (d->notices == DAG_NOTICES_MAX) {
        d->notices_summed++;
        return;
    }
    if (event_peek(s->block, &ev) != PANDO_OK)
        return;
    ev.id = s->id;
    buf_init(&b, 4096);
    enum pando_status st = buf_printf(
        &b, "{\"notice\":\"event\",\"local\":%s,\"event\":", s->local ? "true" : "false");
    if (st == PANDO_OK)
        st = dag_report_event(&b, &ev, ev.body.len <= 512);
    if (st == PANDO_OK)
        st = buf_append(&b, slice_text("}"));
    if (st == PANDO_OK) {
        d->notices++;
        dag_notice(d, buf_view(&b));
    }
    buf_deinit(&b);
}

static void settle(struct dag *d, uint64_t position)
{
    struct pack pack;
    const size_t first = d->staged_head;
    pack.len = pack.size = 0;
    size_t end = first;
    for (; end < d->staged_len && d->staged[end].position < position; end++) {
        struct dag_staged *s = &d->staged[end];
        if (s->local && s->event)
            pack_block(d, &pack, s->block);
        if (s->event)
            tell(d, s);
    }
    flush(d, &pack); /* while the blocks are still held */
    for (size_t i = first; i < end; i++) {
        struct dag_staged s = d->staged[i];
        d->staged_local -= s.local;
        d->staged_head = i + 1;
        bytes_unref(s.bytes);
        if (s.op != NULL)
            dag_op_durable(d, s.op);
    }
    if (d->staged_head == d->staged_len)
        d->staged_head = d->staged_len = 0;
}

enum pando_status dag_stage(struct dag *d, uint8_t record, struct bytes *bytes,
                            struct pando_slice block, struct dag_op *op, bool local,
                            const struct pando_id *id)
{
    uint64_t position;
    if (d->store_failed)
        return PANDO_UNAVAILABLE;
    if (!reserve(d))
        return PANDO_NOMEM;
    const enum pando_status st = d->host.append(d->host.ctx, record, block, NULL, &position);
    d->blocked = d->blocked || st != PANDO_OK;
    if (st != PANDO_OK)
        return st;
    d->generation++;
    d->staged_local += local;
    d->staged[d->staged_len++] = (struct dag_staged){
        .position = position,
        .bytes = record == DAG_RECORD_EVENT ? bytes_ref(bytes) : NULL,
        .block = block,
        .op = op,
        .id = id != NULL ? *id : (struct pando_id){ { 0 } },
        .local = local,
        .event = record == DAG_RECORD_EVENT,
    };
    if (MUTANT(EARLY_ACK))
        settle(d, UINT64_MAX);
    return PANDO_OK;
}

void dag_durable(struct dag *d, uint64_t position)
{
    if (position > d->durable)
        d->durable = position;
    settle(d, d->durable);
}

void dag_staged_forget_op(struct dag *d, const struct dag_op *op)
{
    for (size_t i = d->staged_head; i < d->staged_len; i++)
        if (d->staged[i].op == op)
            d->staged[i].op = NULL;
}

bool dag_is_durable(const struct dag *d, uint64_t position)
{
    return position < d->durable;
}

struct bytes *dag_read(struct dag *d, uint64_t position, uint8_t record)
{
    struct pando_buf b;
    struct bytes *bytes = NULL;
    uint8_t kind;
    buf_init(&b, JOURNAL_RECORD_MAX);
    if (journal_read(d->host.journal, position, &kind, &b) == PANDO_OK && kind == record)
        bytes = bytes_copy(buf_view(&b));
    buf_deinit(&b);
    return bytes;
}

/* The id is computed from what was read; a damaged record fails its checksum below. */
struct bytes *dag_read_event(struct dag *d, uint64_t position, struct event *ret_event)
{
    struct bytes *bytes = dag_read(d, position, DAG_RECORD_EVENT);
    if (bytes == NULL)
        return NULL;
    if (event_peek(bytes_view(bytes), ret_event) != PANDO_OK) {
        bytes_unref(bytes);
        return NULL;
    }
    ret_event->id = crypto_sha256(bytes_view(bytes));
    return bytes;
}
