#include "space/dag/wire.h"

#include "base/slice.h"
#include "codec/cbor.h"
#include "space/dag/event.h"
#include "space/space.h"

#include <string.h>

static struct pando_id get_id(struct wire_reader *r)
{
    struct pando_id id = { { 0 } };
    const struct pando_slice s = cbor_get_bytes(r, sizeof id.bytes);
    if (s.len != sizeof id.bytes)
        r->failed = true;
    else
        memcpy(id.bytes, s.ptr, sizeof id.bytes);
    return id;
}

static uint64_t get_number(struct wire_reader *r)
{
    const uint64_t value = cbor_get_uint(r);
    if (value > EVENT_SEQ_MAX)
        r->failed = true;
    return value;
}

static void read_ids(struct wire_reader *r, struct dag_message *m)
{
    m->items_len = cbor_get_array(r, DAG_IDS_MAX);
    m->items = *r;
    for (size_t i = 0; i < m->items_len && !r->failed; i++)
        (void)get_id(r);
}

static void read_blocks(struct wire_reader *r, struct dag_message *m)
{
    m->items_len = cbor_get_array(r, DAG_BLOCKS_MAX);
    m->items = *r;
    for (size_t i = 0; i < m->items_len && !r->failed; i++)
        (void)cbor_get_bytes(r, EVENT_BLOCK_MAX);
}

static void read_authors(struct wire_reader *r, struct dag_message *m)
{
    const size_t len = cbor_get_array(r, 3 * DAG_VECTOR_MAX);
    if (len % 3 != 0)
        r->failed = true;
    m->items_len = len / 3;
    m->items = *r;
    for (size_t i = 0; i < m->items_len && !r->failed; i++) {
        (void)get_id(r);
        if (get_number(r) > UINT32_MAX)
            r->failed = true;
        (void)get_number(r);
    }
}

static void read_heads(struct wire_reader *r, struct dag_message *m)
{
    m->reply = cbor_get_bool(r);
    m->events = get_number(r);
    m->heads = get_number(r);
    m->digest = get_id(r);
    read_ids(r, m);
}

static void read_session(struct wire_reader *r, struct dag_message *m)
{
    m->session = get_number(r);
    m->more = cbor_get_bool(r);
}

/* Elements after the kind; their number must be `left`. */
static bool read_rest(struct wire_reader *r, struct dag_message *m, size_t left)
{
    switch (m->kind) {
    case DAG_HEADS:
        read_heads(r, m);
        return left == 5;
    case DAG_VECTOR:
        read_session(r, m);
        read_authors(r, m);
        return left == 3;
    case DAG_EVENTS:
        read_session(r, m);
        read_blocks(r, m);
        return left == 3;
    case DAG_WANT:
    case DAG_LACK:
    case DAG_BLOB_WANT:
    case DAG_BLOB_LACK:
        read_ids(r, m);
        return left == 1;
    case DAG_BLOB_WHOLE:
        read_ids(r, m);
        return left == 1 && m->items_len == 2;
    case DAG_STOP:
        m->session = get_number(r);
        return left == 1;
    case DAG_BLOB_DATA:
        m->list = cbor_get_bool(r);
        m->block = cbor_get_bytes(r, SPACE_MESSAGE_MAX);
        return left == 2;
    }
    return false;
}

static bool kind_known(uint64_t kind)
{
    return kind <= DAG_STOP || (kind >= DAG_BLOB_WANT && kind <= DAG_BLOB_WHOLE);
}

enum pando_status dag_wire_decode(struct pando_slice bytes, const struct pando_id *space,
                                  struct dag_message *ret_message)
{
    struct wire_reader r = wire_read(bytes);
    struct dag_message m = { .kind = DAG_HEADS };

    if (bytes.len > SPACE_MESSAGE_MAX || cbor_check(bytes) != PANDO_OK)
        return PANDO_MALFORMED;
    const size_t len = cbor_get_array(&r, 64);
    const uint64_t version = cbor_get_uint(&r);
    if (r.failed || len < 4)
        return PANDO_MALFORMED;
    if (version != DAG_VERSION)
        return PANDO_UNSUPPORTED;
    const struct pando_id of = get_id(&r);
    const uint64_t kind = cbor_get_uint(&r);
    if (r.failed)
        return PANDO_MALFORMED;
    if (!id_equal(&of, space))
        return PANDO_REFUSED;
    if (!kind_known(kind))
        return PANDO_UNSUPPORTED;
    m.kind = (enum dag_message_kind)kind;
    const bool fits = read_rest(&r, &m, len - 3);
    if (!fits || !wire_read_done(&r))
        return PANDO_MALFORMED;
    *ret_message = m;
    return PANDO_OK;
}

bool dag_wire_next_id(struct dag_message *m, struct pando_id *ret_id)
{
    if (m->items_len == 0)
        return false;
    m->items_len--;
    *ret_id = get_id(&m->items);
    return true;
}

bool dag_wire_next_block(struct dag_message *m, struct pando_slice *ret_block)
{
    if (m->items_len == 0)
        return false;
    m->items_len--;
    *ret_block = cbor_get_bytes(&m->items, EVENT_BLOCK_MAX);
    return true;
}

bool dag_wire_next_author(struct dag_message *m, struct pando_key *ret_author,
                          uint32_t *ret_epoch, uint64_t *ret_seq)
{
    if (m->items_len == 0)
        return false;
    m->items_len--;
    const struct pando_id author = get_id(&m->items);
    memcpy(ret_author->bytes, author.bytes, sizeof ret_author->bytes);
    *ret_epoch = (uint32_t)cbor_get_uint(&m->items);
    *ret_seq = cbor_get_uint(&m->items);
    return true;
}

static void put_head(struct wire_writer *w, const struct pando_id *space,
                     enum dag_message_kind kind, size_t len)
{
    cbor_put_array(w, len);
    cbor_put_uint(w, DAG_VERSION);
    dag_wire_put_id(w, space);
    cbor_put_uint(w, (uint64_t)kind);
}

void dag_wire_put_heads(struct wire_writer *w, const struct pando_id *space,
                        const struct dag_message *m, size_t ids_len)
{
    put_head(w, space, DAG_HEADS, 8);
    cbor_put_bool(w, m->reply);
    cbor_put_uint(w, m->events);
    cbor_put_uint(w, m->heads);
    dag_wire_put_id(w, &m->digest);
    cbor_put_array(w, ids_len);
}

void dag_wire_put_list(struct wire_writer *w, const struct pando_id *space,
                       enum dag_message_kind kind, uint64_t session, bool more,
                       size_t items_len)
{
    put_head(w, space, kind, 6);
    cbor_put_uint(w, session);
    cbor_put_bool(w, more);
    cbor_put_array(w, kind == DAG_VECTOR ? 3 * items_len : items_len);
}

void dag_wire_put_ids(struct wire_writer *w, const struct pando_id *space,
                      enum dag_message_kind kind, size_t ids_len)
{
    put_head(w, space, kind, 4);
    cbor_put_array(w, ids_len);
}

void dag_wire_put_stop(struct wire_writer *w, const struct pando_id *space,
                       uint64_t session)
{
    put_head(w, space, DAG_STOP, 4);
    cbor_put_uint(w, session);
}

void dag_wire_put_blob(struct wire_writer *w, const struct pando_id *space, bool list,
                       struct pando_slice block)
{
    put_head(w, space, DAG_BLOB_DATA, 5);
    cbor_put_bool(w, list);
    cbor_put_bytes(w, block);
}

void dag_wire_put_block(struct wire_writer *w, struct pando_slice block)
{
    cbor_put_bytes(w, block);
}

void dag_wire_put_block_head(struct wire_writer *w, size_t len)
{
    if (len < 24) {
        wire_put_be(w, 0x40 | len, 1);
    } else if (len <= 0xff) {
        wire_put_be(w, 0x58, 1);
        wire_put_be(w, len, 1);
    } else if (len <= 0xffff) {
        wire_put_be(w, 0x59, 1);
        wire_put_be(w, len, 2);
    } else {
        wire_put_be(w, 0x5a, 1);
        wire_put_be(w, len, 4);
    }
}

void dag_wire_put_id(struct wire_writer *w, const struct pando_id *id)
{
    cbor_put_bytes(w, SLICE_OF(*id));
}

void dag_wire_put_author(struct wire_writer *w, const struct pando_key *author,
                         uint32_t epoch, uint64_t seq)
{
    cbor_put_bytes(w, SLICE_OF(*author));
    cbor_put_uint(w, epoch);
    cbor_put_uint(w, seq);
}
