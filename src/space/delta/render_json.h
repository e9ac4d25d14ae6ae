/* render_json.h - a parsed value as compact JSON text, members in their order.
 *
 * Numbers as render.h prints them, so that 99.99 does not come back as 99.989999999999995.
 */
#ifndef SPACE_DELTA_RENDER_JSON_H
#define SPACE_DELTA_RENDER_JSON_H

#include "base/buf.h"

#include <jansson.h>

#define RENDER_JSON_DEPTH_MAX 128

/* Errors: PANDO_FULL too deep or the buffer's cap; the buffer is as it was. */
enum pando_status render_json(struct pando_buf *b, const json_t *value) PANDO_MUST_USE;

#endif
