/* render.h - deltas as JSON text by hand: views print thousands of them.
 *
 * The same text as delta_json.h makes, in pieces, so that the target of a pointer can be
 * replaced by a nested view.
 */
#ifndef SPACE_DELTA_RENDER_H
#define SPACE_DELTA_RENDER_H

#include "base/buf.h"
#include "space/delta/delta.h"

#include <string.h>

/* There is mostly room: no call for each of the many pieces of a view. */
static inline enum pando_status render_bytes(struct pando_buf *b, const void *bytes, size_t len)
{
    if (b->cap - b->len < len) {
        const enum pando_status st = buf_reserve(b, len);
        if (st != PANDO_OK)
            return st;
    }
    memcpy(b->ptr + b->len, bytes, len);
    b->len += len;
    return PANDO_OK;
}
/* A text of at least one byte. */
static inline enum pando_status render_literal(struct pando_buf *b, const char *text)
{
    return render_bytes(b, text, strlen(text));
}
/* A JSON string with its quotes. */
enum pando_status render_text(struct pando_buf *b, struct pando_slice text) PANDO_MUST_USE;
/* Whole numbers within 2^53 without a point, others as short as they read back. */
enum pando_status render_number(struct pando_buf *b, double number) PANDO_MUST_USE;
enum pando_status render_integer(struct pando_buf *b, int64_t n) PANDO_MUST_USE;
/* `{"id":...,"pointers":[` : what stands before the pointers; "]}" ends it. */
enum pando_status render_head(struct pando_buf *b, const struct delta *d) PANDO_MUST_USE;
/* `{"role":...,"target":` and what follows for a target that is not nested. */
enum pando_status render_role(struct pando_buf *b, const struct delta_pointer *p) PANDO_MUST_USE;
enum pando_status render_target(struct pando_buf *b, const struct delta_pointer *p) PANDO_MUST_USE;
/* The name of a property as a member of a view: `id`, `_metadata` and what begins with "~"
 * get a "~" before them, so that no property hides what a view says of itself. */
enum pando_status render_property(struct pando_buf *b, struct pando_slice name) PANDO_MUST_USE;

#endif
