/* archive.c - which deltas go, and the file that they go into.
 */
#include "space/delta/archive_state.h"

#include "base/slice.h"
#include "codec/car.h"
#include "codec/cbor.h"
#include "space/delta/negate.h"

#include <stdlib.h>
#include <string.h>

#define FIND_STEP 256u /* deltas looked at by one call */
#define LINK_SIZE 41u  /* tag 2, head 2, zero 1, CID 36 */
#define ROOT_HEAD 128u
#define PART_SIZE (256u << 10)

enum pando_status delta_archive_new(struct delta_store *s, int64_t before,
                                    struct delta_archive **ret)
{
    if (before <= 0 || before > DELTA_TIME_MAX)
        return PANDO_INVALID;
    struct delta_archive *a = calloc(1, sizeof *a);
    if (a == NULL)
        return PANDO_NOMEM;
    a->store = s;
    a->before = before;
    map_init(&a->by_name, sizeof(struct delta_hash), sizeof(uint32_t), ARCHIVE_MAX,
             s->host.seed);
    *ret = a;
    return PANDO_OK;
}

void delta_archive_free(struct delta_archive *a)
{
    if (a == NULL)
        return;
    map_deinit(&a->by_name);
    free(a->items);
    free(a);
}

size_t delta_archive_count(const struct delta_archive *a)
{
    return a->items_len;
}

/* --- finding --- */

static enum pando_status add_item(struct delta_archive *a, const struct delta *d,
                                  bool negation)
{
    void *value;
    bool added;
    if (a->items_len == a->items_cap) {
        const size_t cap = a->items_cap == 0 ? 256 : a->items_cap * 2;
        struct archive_item *grown = realloc(a->items, cap * sizeof *grown);
        if (grown == NULL)
            return PANDO_NOMEM;
        a->items = grown;
        a->items_cap = cap;
    }
    const enum pando_status st = map_put(&a->by_name, d->name.bytes, &value, &added);
    if (st != PANDO_OK || !added)
        return st;
    a->items[a->items_len++] =
        (struct archive_item){ d->name, d->timestamp, crypto_sha256(d->bytes), negation, false };
    const uint32_t at = (uint32_t)a->items_len - 1;
    memcpy(value, &at, sizeof at);
    return PANDO_OK;
}

enum pando_status archive_is_negated(struct delta_archive *a, struct pando_slice id, bool *ret)
{
    const struct delta_source source = delta_store_source(a->store);
    enum pando_status st = negate_is(&source, id, a->before - 1, ret);
    if (st == PANDO_OK && *ret)
        st = negate_is(&source, id, NEGATE_NOW, ret);
    return st;
}

static struct pando_slice keep_id(struct pando_slice id, uint8_t room[static DELTA_NAME_MAX])
{
    memcpy(room, id.ptr, id.len);
    return slice_of(room, id.len);
}

/* The negated ones, in order of time. */
static enum pando_status find_negated(struct delta_archive *a)
{
    const struct delta_source source = delta_store_source(a->store);
    struct filter f;
    filter_init(&f);
    f.end = a->before - 1;
    for (size_t looked = 0; looked < FIND_STEP; looked++) {
        uint8_t room[DELTA_NAME_MAX];
        struct delta d;
        bool negated;
        enum pando_status st = source_next(&source, &f, false, &a->place, &d);
        if (st != PANDO_OK)
            return st;
        st = archive_is_negated(a, keep_id(d.id, room), &negated);
        if (st == PANDO_OK && negated) {
            st = source_get(&source, slice_of(room, d.id.len), &d);
            if (st == PANDO_OK)
                st = add_item(a, &d, false);
        }
        if (st == PANDO_FULL) /* the rest goes with the next archive */
            return PANDO_NOT_FOUND;
        if (st != PANDO_OK)
            return st;
    }
    return PANDO_BUSY;
}

static enum pando_status is_gone(struct delta_archive *a, struct pando_slice id, bool planned,
                                 bool *ret)
{
    const struct delta_hash name = delta_name_of(id);
    struct row_name row;
    const void *found = map_find(&a->by_name, name.bytes);
    uint32_t at = 0;
    if (found != NULL)
        memcpy(&at, found, sizeof at);
    if (found != NULL && (planned || a->items[at].goes)) {
        *ret = true;
        return PANDO_OK;
    }
    const enum pando_status st = rows_name(a->store->host.tables, &name, &row);
    if (st != PANDO_OK && st != PANDO_NOT_FOUND)
        return st;
    *ret = st == PANDO_OK && row.archived;
    return PANDO_OK;
}

/* A target that is not here yet may still come: its negation must be here then. */
enum pando_status archive_targets_gone(struct delta_archive *a, const struct delta *d,
                                       bool planned, bool *ret)
{
    struct pando_slice targets[DELTA_POINTERS_MAX];
    const size_t len = negate_targets(d, targets, DELTA_POINTERS_MAX);
    enum pando_status st = PANDO_OK;
    *ret = len > 0;
    for (size_t i = 0; st == PANDO_OK && *ret && i < len; i++)
        st = is_gone(a, targets[i], planned, ret);
    return st;
}

/* The negations of one that goes. Those that are planned are looked at like all others: what
 * they negate goes, too. */
static enum pando_status find_negations_of(struct delta_archive *a, struct pando_slice id)
{
    const struct delta_source source = delta_store_source(a->store);
    struct pando_slice context = slice_text(NEGATE_CONTEXT);
    struct delta_place place = { .set = false };
    struct filter f;
    filter_init(&f);
    f.target_ids = (struct filter_list){ &id, 1 };
    f.target_contexts = (struct filter_list){ &context, 1 };
    f.end = a->before - 1;
    for (;;) {
        struct delta d;
        bool gone;
        enum pando_status st = source_next(&source, &f, false, &place, &d);
        if (st == PANDO_BUSY)
            continue;
        if (st == PANDO_OK)
            st = archive_targets_gone(a, &d, true, &gone);
        if (st == PANDO_OK && gone)
            st = add_item(a, &d, true);
        if (st != PANDO_OK)
            return st == PANDO_NOT_FOUND || st == PANDO_FULL ? PANDO_OK : st;
    }
}

enum pando_status archive_read(struct delta_archive *a, const struct archive_item *item,
                               struct delta *ret)
{
    struct row_name row;
    enum pando_status st = rows_name(a->store->host.tables, &item->name, &row);
    if (st == PANDO_OK && (row.archived || memcmp(row.digest.bytes, item->block.bytes,
                                                  sizeof row.digest.bytes) != 0))
        st = PANDO_NOT_FOUND; /* another delta with this id came meanwhile */
    const struct post_entry e = { row.timestamp, row.digest, row.place };
    return st == PANDO_OK
               ? store_read(a->store, &e, (struct read_how){ .amid = false }, &a->store->room, ret)
               : st;
}

static enum pando_status find_negations(struct delta_archive *a)
{
    for (size_t looked = 0; looked < FIND_STEP; looked++) {
        uint8_t room[DELTA_NAME_MAX];
        struct delta d;
        if (a->next == a->items_len)
            return PANDO_NOT_FOUND;
        enum pando_status st = archive_read(a, &a->items[a->next], &d);
        if (st == PANDO_OK)
            st = find_negations_of(a, keep_id(d.id, room));
        if (st != PANDO_OK && st != PANDO_NOT_FOUND)
            return st;
        a->next++;
    }
    return PANDO_BUSY;
}

enum pando_status delta_archive_find(struct delta_archive *a)
{
    enum pando_status st = delta_store_flush(a->store);
    if (st != PANDO_OK || a->phase > ARCHIVE_NEGATIONS)
        return st;
    st = a->phase == ARCHIVE_NEGATED ? find_negated(a) : find_negations(a);
    if (st != PANDO_NOT_FOUND)
        return st;
    a->phase++;
    a->next = 0;
    return a->phase > ARCHIVE_NEGATIONS ? PANDO_OK : PANDO_BUSY;
}

/* --- the file --- */

static enum pando_status put_section(struct pando_buf *b, const struct pando_id *id,
                                     struct pando_slice data)
{
    enum pando_status st = buf_reserve(b, CAR_SECTION_HEAD_MAX);
    if (st != PANDO_OK)
        return st;
    struct wire_writer w = wire_write(b->ptr + b->len, CAR_SECTION_HEAD_MAX);
    car_put_section_head(&w, CID_DAG_CBOR, id, data.len);
    b->len += w.len;
    return w.failed ? PANDO_INVALID : buf_append(b, data);
}

/* The header and the root block, which names all the others. */
static enum pando_status put_root(struct delta_archive *a, struct pando_buf *b)
{
    struct pando_buf root;
    buf_init(&root, ROOT_HEAD + ARCHIVE_MAX * LINK_SIZE);
    enum pando_status st = buf_reserve(&root, ROOT_HEAD + a->items_len * LINK_SIZE);
    if (st == PANDO_OK)
        st = buf_reserve(b, car_header_size(1));
    if (st != PANDO_OK) {
        buf_deinit(&root);
        return st;
    }
    struct wire_writer w = wire_write(root.ptr, ROOT_HEAD + a->items_len * LINK_SIZE);
    cbor_put_map(&w, 3);
    cbor_put_key(&w, "pando");
    cbor_put_text(&w, slice_text(DELTA_ARCHIVE_TAG));
    cbor_put_key(&w, "before");
    cbor_put_uint(&w, (uint64_t)a->before);
    cbor_put_key(&w, "deltas");
    cbor_put_array(&w, a->items_len);
    for (size_t i = 0; i < a->items_len; i++)
        cbor_put_link(&w, CID_DAG_CBOR, &a->items[i].block);
    const struct pando_id id = crypto_sha256(wire_written(&w));
    struct wire_writer head = wire_write(b->ptr + b->len, car_header_size(1));
    car_put_header(&head, CID_DAG_CBOR, &id, 1);
    b->len += head.len;
    st = w.failed || head.failed ? PANDO_INVALID : put_section(b, &id, wire_written(&w));
    buf_deinit(&root);
    return st;
}

enum pando_status delta_archive_next(struct delta_archive *a, struct pando_buf *ret)
{
    const size_t start = ret->len;
    if (a->phase == ARCHIVE_ROOT) {
        const enum pando_status st = put_root(a, ret);
        if (st == PANDO_OK)
            a->phase = ARCHIVE_BLOCKS;
        return st;
    }
    if (a->phase != ARCHIVE_BLOCKS || a->next == a->items_len)
        return PANDO_NOT_FOUND;
    while (a->next < a->items_len && ret->len - start < PART_SIZE) {
        const struct archive_item *item = &a->items[a->items_len - 1 - a->next];
        struct delta d;
        enum pando_status st = archive_read(a, item, &d);
        if (st == PANDO_NOT_FOUND)
            st = PANDO_CANCELLED; /* the root names it: this file is not to be had any more */
        if (st == PANDO_OK)
            st = put_section(ret, &item->block, d.bytes);
        if (st != PANDO_OK)
            return st;
        a->next++;
    }
    return PANDO_OK;
}
