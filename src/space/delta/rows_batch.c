#include "space/delta/rows_batch.h"

#include "base/assert.h"
#include "base/slice.h"

#include <stdlib.h>
#include <string.h>

void rows_batch_reset(struct rows_batch *b)
{
    if (b->lists_len > 0)
        memset(b->memo, 0, sizeof b->memo);
    b->len = b->lists_len = b->refs_len = 0;
}

void rows_batch_deinit(struct rows_batch *b)
{
    free(b->lists);
    free(b->refs);
    b->lists = NULL;
    b->refs = NULL;
    b->lists_cap = b->refs_cap = 0;
    rows_batch_reset(b);
}

/* Room for the lists of one delta more. */
static enum pando_status reserve(struct rows_batch *b, size_t more)
{
    if (b->lists_cap - b->lists_len < more) {
        const size_t cap = 2 * b->lists_cap + more;
        struct post_list *grown = realloc(b->lists, cap * sizeof *grown);
        if (grown == NULL)
            return PANDO_NOMEM;
        b->lists = grown;
        b->lists_cap = cap;
    }
    if (b->refs_cap - b->refs_len < more) {
        const size_t cap = 2 * b->refs_cap + more;
        uint32_t *grown = realloc(b->refs, cap * sizeof *grown);
        if (grown == NULL)
            return PANDO_NOMEM;
        b->refs = grown;
        b->refs_cap = cap;
    }
    return PANDO_OK;
}

/* --- lists of texts --- */

/* Which slot is all that depends on it: what lies there is compared. */
static struct rows_memo *memo_of(struct rows_batch *b, enum rows_table table,
                                 struct pando_slice text)
{
    uint32_t h = (uint32_t)table * 0x9e3779b1u ^ (uint32_t)text.len;
    for (size_t i = 0; i < text.len; i++)
        h = (h ^ text.ptr[i]) * 0x01000193u;
    return &b->memo[(h ^ h >> 15) % BATCH_MEMO];
}

static uint32_t add_list(struct rows_batch *b, enum rows_table table, struct pando_slice text)
{
    b->lists[b->lists_len] = rows_list(table, text);
    return (uint32_t)b->lists_len++;
}

static uint32_t list_of(struct rows_batch *b, enum rows_table table, struct pando_slice text)
{
    if (text.len == 0 || text.len > BATCH_MEMO_TEXT)
        return add_list(b, table, text);
    struct rows_memo *m = memo_of(b, table, text);
    if (m->table == (uint8_t)table && m->len == text.len &&
        memcmp(m->text, text.ptr, text.len) == 0)
        return m->list;
    m->table = (uint8_t)table;
    m->len = (uint8_t)text.len;
    memcpy(m->text, text.ptr, text.len);
    m->list = add_list(b, table, text);
    return m->list;
}

/* One list of the delta, once. */
static void refer(struct rows_batch *b, size_t from, enum rows_table table,
                  struct pando_slice text)
{
    const uint32_t list = list_of(b, table, text);
    for (size_t i = from; i < b->refs_len; i++)
        if (b->refs[i] == list || post_list_equal(&b->lists[b->refs[i]], &b->lists[list]))
            return;
    b->refs[b->refs_len++] = list;
}

enum pando_status rows_batch_add(struct rows_batch *b, const struct delta *d, size_t index,
                                 bool fresh)
{
    PANDO_ASSERT(b->len < DELTA_GROUP_MAX && index < DELTA_GROUP_MAX);
    const size_t from = b->refs_len;
    const enum pando_status st = reserve(b, 2 + 2 * d->pointers_len);
    if (st != PANDO_OK)
        return st;
    refer(b, from, ROWS_AUTHORS, d->author);
    refer(b, from, ROWS_SYSTEMS, d->system);
    for (size_t i = 0; i < d->pointers_len; i++) {
        const struct delta_pointer *p = &d->pointers[i];
        if (p->kind != DELTA_REF)
            continue;
        refer(b, from, ROWS_TARGETS, p->text);
        if (p->context.len != 0)
            refer(b, from, ROWS_CONTEXTS, p->context);
    }
    b->items[b->len++] = (struct rows_item){ delta_brief_of(d), (uint8_t)index, fresh,
                                             (uint32_t)from, (uint32_t)(b->refs_len - from) };
    return PANDO_OK;
}
