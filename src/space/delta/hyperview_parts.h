/* hyperview_parts.h - the pieces of one object's view: texts of deltas, filed by property.
 *
 * Texts lie one behind the other as they came; items point into them. Order is made when the
 * view is printed, so a late delta is put in at the end. Mostly they come in order of time and
 * have few properties: then they are dealt out to these, else sorted. A mark taken before a
 * delta undoes it.
 */
#ifndef SPACE_DELTA_HYPERVIEW_PARTS_H
#define SPACE_DELTA_HYPERVIEW_PARTS_H

#include "space/delta/hyperview.h"

#define PARTS_KINDS 16u

struct parts_item {
    uint32_t name, name_len; /* in names */
    uint32_t text, text_len; /* in text */
    int64_t timestamp;
    struct delta_hash digest;
    struct pando_slice property; /* while sorting */
    uint32_t kind;               /* of its property; PARTS_KINDS: of one more */
};

/* A property, and what was filed under it last. */
struct parts_kind {
    uint32_t name, name_len;
    int64_t timestamp;
    struct delta_hash digest;
};

struct parts {
    struct pando_buf text, names;
    struct parts_item *items;
    size_t items_len, items_cap;
    struct parts_kind kinds[PARTS_KINDS];
    uint32_t kinds_len;
    bool sorted;
    bool in_order; /* within each property, and these are all among the kinds */
    uint64_t count; /* deltas */
    int64_t latest; /* timestamp, nested views included; 0 none */
};

struct parts_mark {
    size_t text, names, items;
    uint32_t kinds;
};

void parts_init(struct parts *p);
void parts_deinit(struct parts *p);
struct parts_mark parts_mark(const struct parts *p);
void parts_back(struct parts *p, struct parts_mark mark);
/* File the text from `start` to the end under `property`. */
enum pando_status parts_file(struct parts *p, struct pando_slice property, const struct delta *d,
                             size_t start) PANDO_MUST_USE;
void parts_count(struct parts *p, int64_t timestamp);
/* The view as an object; with a schema also its metadata. */
enum pando_status parts_print(struct parts *p, struct pando_slice object, const struct schema *schema,
                              struct pando_buf *b) PANDO_MUST_USE;
bool parts_hold(const struct parts *p, const struct delta *d);
/* Whether another delta with this id is in it. */
bool parts_hold_other(const struct parts *p, const struct delta *d);
bool parts_item(struct parts *p, size_t n, struct pando_slice *ret_property,
                struct pando_slice *ret_text);
/* By property, timestamp, digest; of parts that were sorted. */
int parts_compare(const struct parts_item *a, const struct parts_item *b);
struct parts *hyperview_parts(struct hyperview *h);
size_t parts_bytes(const struct parts *p);

#endif
