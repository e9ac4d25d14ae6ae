#include "space/delta/hyperview_parts.h"

#include "base/slice.h"
#include "space/delta/render.h"

#include <stdlib.h>
#include <string.h>

void parts_init(struct parts *p)
{
    *p = (struct parts){ .sorted = true, .in_order = true };
    buf_init(&p->text, HYPERVIEW_BYTES_MAX);
    buf_init(&p->names, HYPERVIEW_BYTES_MAX);
}

void parts_deinit(struct parts *p)
{
    buf_deinit(&p->text);
    buf_deinit(&p->names);
    free(p->items);
    p->items = NULL;
    p->items_len = p->items_cap = 0;
}

struct parts_mark parts_mark(const struct parts *p)
{
    return (struct parts_mark){ p->text.len, p->names.len, p->items_len, p->kinds_len };
}

void parts_back(struct parts *p, struct parts_mark mark)
{
    p->text.len = mark.text;
    p->names.len = mark.names;
    p->items_len = mark.items;
    p->kinds_len = mark.kinds;
}

static struct pando_slice name_at(const struct parts *p, uint32_t name, uint32_t len)
{
    return slice_of(p->names.ptr + name, len);
}

/* The property's name is kept once, while there are few. */
static enum pando_status keep_name(struct parts *p, struct pando_slice property,
                                   struct parts_item *item)
{
    item->name_len = (uint32_t)property.len;
    for (item->kind = 0; item->kind < p->kinds_len; item->kind++) {
        const struct parts_kind *k = &p->kinds[item->kind];
        if (slice_equal(name_at(p, k->name, k->name_len), property)) {
            item->name = k->name;
            return PANDO_OK;
        }
    }
    item->name = (uint32_t)p->names.len;
    const enum pando_status st = buf_append(&p->names, property);
    if (st == PANDO_OK && p->kinds_len < PARTS_KINDS)
        p->kinds[p->kinds_len++] = (struct parts_kind){ item->name, item->name_len, 0, { { 0 } } };
    return st;
}

/* Note whether it comes behind the last one of its kind. */
static void note_order(struct parts *p, const struct parts_item *item)
{
    if (item->kind >= p->kinds_len) {
        p->in_order = false;
        return;
    }
    struct parts_kind *k = &p->kinds[item->kind];
    if (k->timestamp > item->timestamp ||
        (k->timestamp == item->timestamp &&
         memcmp(&k->digest, &item->digest, sizeof k->digest) > 0))
        p->in_order = false;
    k->timestamp = item->timestamp;
    k->digest = item->digest;
}

enum pando_status parts_file(struct parts *p, struct pando_slice property, const struct delta *d,
                             size_t start)
{
    if (p->items_len == p->items_cap) {
        const size_t cap = p->items_cap == 0 ? 16 : p->items_cap * 2;
        struct parts_item *items = realloc(p->items, cap * sizeof *items);
        if (items == NULL)
            return PANDO_NOMEM;
        p->items = items;
        p->items_cap = cap;
    }
    struct parts_item *item = &p->items[p->items_len];
    *item = (struct parts_item){ .text = (uint32_t)start,
                                 .text_len = (uint32_t)(p->text.len - start),
                                 .timestamp = d->timestamp,
                                 .digest = d->digest };
    enum pando_status st = keep_name(p, property, item);
    if (st != PANDO_OK)
        return st;
    p->items_len++;
    p->sorted = false;
    note_order(p, item);
    return PANDO_OK;
}

void parts_count(struct parts *p, int64_t timestamp)
{
    p->count++;
    if (p->latest < timestamp)
        p->latest = timestamp;
}

int parts_compare(const struct parts_item *a, const struct parts_item *b)
{
    const size_t len = a->name_len < b->name_len ? a->name_len : b->name_len;
    const int order = len > 0 ? memcmp(a->property.ptr, b->property.ptr, len) : 0;
    if (order != 0)
        return order;
    if (a->name_len != b->name_len)
        return a->name_len < b->name_len ? -1 : 1;
    if (a->timestamp != b->timestamp)
        return a->timestamp < b->timestamp ? -1 : 1;
    return memcmp(&a->digest, &b->digest, sizeof a->digest);
}

static int compare(const void *left, const void *right)
{
    return parts_compare(left, right);
}

/* Where the items of each kind begin when these stand in the order of their names. */
static void lay_out(const struct parts *p, size_t ret[static PARTS_KINDS])
{
    size_t counts[PARTS_KINDS] = { 0 };
    for (size_t i = 0; i < p->items_len; i++)
        counts[p->items[i].kind]++;
    for (uint32_t k = 0; k < p->kinds_len; k++) {
        const struct parts_item a = { .property = name_at(p, p->kinds[k].name, p->kinds[k].name_len),
                                      .name_len = p->kinds[k].name_len };
        ret[k] = 0;
        for (uint32_t n = 0; n < p->kinds_len; n++) {
            const struct parts_item b = {
                .property = name_at(p, p->kinds[n].name, p->kinds[n].name_len),
                .name_len = p->kinds[n].name_len
            };
            ret[k] += n != k && parts_compare(&b, &a) < 0 ? counts[n] : 0;
        }
    }
}

/* Deal the items out to their properties. False: memory is out. */
static bool deal_out(struct parts *p)
{
    size_t at[PARTS_KINDS];
    struct parts_item *items = malloc(p->items_cap * sizeof *items);
    if (items == NULL)
        return false;
    lay_out(p, at);
    for (size_t i = 0; i < p->items_len; i++)
        items[at[p->items[i].kind]++] = p->items[i];
    free(p->items);
    p->items = items;
    return true;
}

static void sort(struct parts *p)
{
    for (size_t i = 0; i < p->items_len; i++)
        p->items[i].property = name_at(p, p->items[i].name, p->items[i].name_len);
    if (!p->sorted && p->items_len > 0 && !(p->in_order && deal_out(p)))
        qsort(p->items, p->items_len, sizeof *p->items, compare);
    p->sorted = true;
}

static enum pando_status print_item(const struct parts *p, size_t at, struct pando_buf *b)
{
    const struct parts_item *item = &p->items[at];
    const bool opens = at == 0 || !slice_equal(p->items[at - 1].property, item->property);
    enum pando_status st = PANDO_OK;
    if (opens) {
        st = render_literal(b, at == 0 ? "," : "],");
        if (st == PANDO_OK)
            st = render_property(b, item->property);
    }
    if (st == PANDO_OK)
        st = render_literal(b, opens ? ":[" : ",");
    return st == PANDO_OK
               ? buf_append(b, slice_of(p->text.ptr + item->text, item->text_len))
               : st;
}

static enum pando_status print_metadata(const struct parts *p, const struct schema *schema,
                                        struct pando_buf *b)
{
    char hash[65];
    for (size_t i = 0; i < 32; i++) {
        hash[2 * i] = "0123456789abcdef"[schema->hash.bytes[i] >> 4];
        hash[2 * i + 1] = "0123456789abcdef"[schema->hash.bytes[i] & 15];
    }
    hash[64] = '\0';
    enum pando_status st = render_literal(b, ",\"_metadata\":{\"lastUpdated\":");
    if (st == PANDO_OK)
        st = p->latest > 0 ? render_integer(b, p->latest) : render_literal(b, "null");
    if (st == PANDO_OK)
        st = buf_printf(b, ",\"deltaCount\":%llu,\"schemaId\":", (unsigned long long)p->count);
    if (st == PANDO_OK)
        st = render_text(b, schema->id);
    return st == PANDO_OK ? buf_printf(b, ",\"schemaHash\":\"%s\",\"schemaVersion\":%llu}", hash,
                                       (unsigned long long)schema->version)
                          : st;
}

enum pando_status parts_print(struct parts *p, struct pando_slice object, const struct schema *schema,
                              struct pando_buf *b)
{
    const size_t before = b->len;
    sort(p);
    enum pando_status st = render_literal(b, "{\"id\":");
    if (st == PANDO_OK)
        st = render_text(b, object);
    for (size_t i = 0; st == PANDO_OK && i < p->items_len; i++)
        st = print_item(p, i, b);
    if (st == PANDO_OK && p->items_len > 0)
        st = render_literal(b, "]");
    if (st == PANDO_OK && schema != NULL)
        st = print_metadata(p, schema, b);
    if (st == PANDO_OK)
        st = render_literal(b, "}");
    if (st != PANDO_OK)
        b->len = before;
    return st;
}

size_t parts_bytes(const struct parts *p)
{
    return p->text.cap + p->names.cap + p->items_cap * sizeof *p->items;
}

bool parts_hold(const struct parts *p, const struct delta *d)
{
    for (size_t i = 0; i < p->items_len; i++)
        if (p->items[i].timestamp == d->timestamp &&
            memcmp(&p->items[i].digest, &d->digest, sizeof d->digest) == 0)
            return true;
    return false;
}

/* A delta's text begins with its id. */
bool parts_hold_other(const struct parts *p, const struct delta *d)
{
    struct pando_buf start;
    bool holds = false;
    buf_init(&start, 8 * DELTA_NAME_MAX);
    if (render_literal(&start, "{\"id\":") != PANDO_OK || render_text(&start, d->id) != PANDO_OK ||
        render_literal(&start, ",") != PANDO_OK)
        holds = true; /* memory is out: better build anew */
    for (size_t i = 0; !holds && i < p->items_len; i++)
        holds = p->items[i].text_len > start.len &&
                memcmp(p->text.ptr + p->items[i].text, start.ptr, start.len) == 0 &&
                memcmp(&p->items[i].digest, &d->digest, sizeof d->digest) != 0;
    buf_deinit(&start);
    return holds;
}

bool parts_item(struct parts *p, size_t n, struct pando_slice *ret_property,
                struct pando_slice *ret_text)
{
    if (n >= p->items_len)
        return false;
    if (!p->sorted)
        sort(p);
    const struct parts_item *item = &p->items[n];
    *ret_property = name_at(p, item->name, item->name_len);
    *ret_text = slice_of(p->text.ptr + item->text, item->text_len);
    return true;
}
