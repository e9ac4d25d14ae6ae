/* store_kept.c - small texts that the node keeps beside its deltas, by kind and name.
 *
 * A record holds the whole of one text, or says that it is forgotten; the row says where the
 * newest one lies. Nothing here leaves the node.
 */
#include "space/delta/rows_put.h"
#include "space/delta/store_state.h"

#include "base/slice.h"
#include "codec/wire.h"

#include <string.h>

#define KEPT_VERSION 1
#define KEPT_HEAD    4u /* version, kind, length of the name */
#define KEPT_KEY     17u
#define KEPT_ROW     12u

/* One record, borrowed. */
struct kept_record {
    uint8_t kind;
    struct pando_slice name, text; /* an empty text: forgotten */
};

static enum pando_status read_record(struct pando_slice bytes, struct kept_record *ret)
{
    struct wire_reader r = wire_read(bytes);
    const uint64_t version = wire_get_be(&r, 1);
    if (!r.failed && version != KEPT_VERSION)
        return PANDO_UNSUPPORTED;
    ret->kind = (uint8_t)wire_get_be(&r, 1);
    ret->name = wire_get_bytes(&r, (size_t)wire_get_be(&r, 2));
    ret->text = r.left;
    return r.failed || ret->name.len == 0 || ret->name.len > DELTA_KEPT_NAME_MAX ||
                   ret->text.len > DELTA_KEPT_TEXT_MAX || ret->kind < DELTA_KEPT_LINK ||
                   ret->kind > DELTA_KEPT_VIEW
               ? PANDO_MALFORMED
               : PANDO_OK;
}

static struct pando_slice key_of(uint8_t kind, struct pando_slice name,
                                 uint8_t ret[static KEPT_KEY])
{
    const struct delta_hash hash = group_hash(name);
    ret[0] = kind;
    memcpy(ret + 1, hash.bytes, sizeof hash.bytes);
    return slice_of(ret, KEPT_KEY);
}

struct row_kept {
    uint64_t position;
    uint32_t len; /* of the text */
};

static enum pando_status read_row(struct pando_slice value, struct row_kept *ret)
{
    struct wire_reader r = wire_read(value);
    ret->position = wire_get_be(&r, 8);
    ret->len = (uint32_t)wire_get_be(&r, 4);
    return wire_read_done(&r) ? PANDO_OK : PANDO_CORRUPT;
}

enum pando_status rows_fold_kept(const struct tables *t, uint64_t position,
                                 struct pando_slice bytes)
{
    uint8_t key[KEPT_KEY], value[KEPT_ROW];
    struct kept_record record;
    enum pando_status st = read_record(bytes, &record);
    if (st != PANDO_OK)
        return st == PANDO_MALFORMED ? PANDO_CORRUPT : st;
    const struct pando_slice at = key_of(record.kind, record.name, key);
    if (record.text.len == 0)
        return tables_del(t, ROWS_KEPT, at);
    struct wire_writer w = wire_write(value, sizeof value);
    wire_put_be(&w, position, 8);
    wire_put_be(&w, record.text.len, 4);
    return tables_put(t, ROWS_KEPT, at, wire_written(&w));
}

/* --- keeping --- */

/* How many of the kind there are, and the bytes of all kinds; the text named is left out. */
static enum pando_status weigh(struct delta_store *s, enum delta_kept kind, struct pando_slice name,
                               size_t *ret_count, size_t *ret_bytes)
{
    uint8_t room[KEPT_KEY];
    const struct pando_slice own = key_of((uint8_t)kind, name, room);
    struct pando_slice key, value;
    struct tables_cursor c;
    struct row_kept row;
    enum pando_status st = PANDO_OK;
    *ret_count = *ret_bytes = 0;
    tables_seek(&c, ROWS_KEPT, SLICE_EMPTY, SLICE_EMPTY, false);
    while (st == PANDO_OK &&
           (st = tables_next(s->host.tables, &c, &key, &value)) == PANDO_OK) {
        st = read_row(value, &row);
        if (slice_equal(key, own))
            continue;
        *ret_count += key.ptr[0] == (uint8_t)kind;
        *ret_bytes += row.len;
    }
    return st == PANDO_NOT_FOUND ? PANDO_OK : st;
}

enum pando_status delta_store_may_keep(struct delta_store *s, enum delta_kept kind,
                                       struct pando_slice name, size_t len,
                                       struct pando_err *reterr)
{
    static const size_t most[] = { [DELTA_KEPT_LINK] = DELTA_KEPT_LINKS_MAX,
                                   [DELTA_KEPT_SCHEMA] = DELTA_KEPT_SCHEMAS_MAX,
                                   [DELTA_KEPT_VIEW] = DELTA_KEPT_VIEWS_MAX };
    static const char *const what[] = { [DELTA_KEPT_LINK] = "links",
                                        [DELTA_KEPT_SCHEMA] = "schemas",
                                        [DELTA_KEPT_VIEW] = "views" };
    size_t count, bytes;
    if (name.len == 0 || name.len > DELTA_KEPT_NAME_MAX)
        return pando_err_set(reterr, PANDO_FULL,
                             "its name has %zu bytes, 1 to %u can be kept: choose another",
                             name.len, DELTA_KEPT_NAME_MAX);
    if (len > DELTA_KEPT_TEXT_MAX)
        return pando_err_set(reterr, PANDO_FULL,
                             "its definition has %zu bytes, %u can be kept: make it smaller", len,
                             DELTA_KEPT_TEXT_MAX);
    const enum pando_status st = weigh(s, kind, name, &count, &bytes);
    if (st != PANDO_OK)
        return pando_err_set(reterr, st, "what is kept cannot be read: %s",
                             pando_status_text(st));
    if (count >= most[kind])
        return pando_err_set(reterr, PANDO_FULL,
                             "%zu %s are kept, which is the limit: remove one that is not needed",
                             count, what[kind]);
    if (bytes + len > DELTA_KEPT_BYTES_MAX)
        return pando_err_set(reterr, PANDO_FULL,
                             "all that is kept has %zu bytes, %u is the limit: remove what is not "
                             "needed",
                             bytes, DELTA_KEPT_BYTES_MAX);
    return PANDO_OK;
}

enum pando_status delta_store_keep(struct delta_store *s, enum delta_kept kind,
                                   struct pando_slice name, struct pando_slice text,
                                   uint64_t *ret_position)
{
    const uint8_t head[KEPT_HEAD] = { KEPT_VERSION, (uint8_t)kind, (uint8_t)(name.len >> 8),
                                      (uint8_t)name.len };
    struct pando_buf record;
    enum pando_status st = delta_store_flush(s);
    buf_init(&record, KEPT_HEAD + DELTA_KEPT_NAME_MAX + DELTA_KEPT_TEXT_MAX);
    if (st == PANDO_OK)
        st = buf_append(&record, SLICE_OF(head));
    if (st == PANDO_OK)
        st = buf_append(&record, name);
    if (st == PANDO_OK)
        st = buf_append(&record, text);
    if (st == PANDO_OK)
        st = store_append_record(s, DELTA_RECORD_KEPT, buf_view(&record), NULL,
                                 ret_position);
    buf_deinit(&record);
    return st;
}

bool delta_store_keeps(struct delta_store *s, enum delta_kept kind, struct pando_slice name)
{
    uint8_t key[KEPT_KEY];
    struct pando_slice value;
    return tables_get(s->host.tables, ROWS_KEPT, key_of((uint8_t)kind, name, key), &value) ==
           PANDO_OK;
}

enum pando_status store_move_kept(struct delta_store *s, uint64_t position,
                                  struct pando_slice bytes, uint64_t *ret_last)
{
    uint8_t key[KEPT_KEY];
    struct kept_record record;
    struct pando_slice value;
    struct row_kept row;
    enum pando_status st = read_record(bytes, &record);
    if (st != PANDO_OK)
        return st == PANDO_MALFORMED ? PANDO_CORRUPT : st;
    st = tables_get(s->host.tables, ROWS_KEPT, key_of(record.kind, record.name, key), &value);
    if (st == PANDO_OK)
        st = read_row(value, &row);
    if (st != PANDO_OK || row.position != position)
        return st == PANDO_NOT_FOUND ? PANDO_OK : st; /* forgotten, or another one counts */
    return store_append_record(s, DELTA_RECORD_KEPT, bytes, NULL, ret_last);
}

/* --- reading --- */

enum pando_status delta_store_next_kept(struct delta_store *s, enum delta_kept kind,
                                        struct delta_hash *place, struct pando_buf *room,
                                        struct delta_kept_text *ret)
{
    uint8_t from[KEPT_KEY] = { (uint8_t)kind };
    struct pando_slice key, value;
    struct tables_cursor c;
    struct kept_record record;
    struct row_kept row;
    uint8_t read_kind;
    memcpy(from + 1, place->bytes, sizeof place->bytes);
    tables_seek(&c, ROWS_KEPT, slice_of(from, 1), SLICE_OF(from), false);
    enum pando_status st = tables_next(s->host.tables, &c, &key, &value);
    if (st == PANDO_OK && slice_equal(key, SLICE_OF(from)))
        st = tables_next(s->host.tables, &c, &key, &value);
    if (st == PANDO_OK)
        st = read_row(value, &row);
    if (st != PANDO_OK)
        return st;
    memcpy(place->bytes, key.ptr + 1, sizeof place->bytes);
    buf_reset(room);
    st = journal_read(s->host.journal, row.position, &read_kind, room);
    if (st == PANDO_OK &&
        (read_kind != DELTA_RECORD_KEPT || read_record(buf_view(room), &record) != PANDO_OK))
        st = PANDO_CORRUPT;
    if (st == PANDO_OK)
        *ret = (struct delta_kept_text){ record.name, record.text };
    return st;
}
