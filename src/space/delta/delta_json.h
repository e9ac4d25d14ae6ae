/* delta_json.h - deltas as JSON: what people, other programs and federation speak.
 *
 *     {"id":"...","timestamp":1700000000000,"author":"alice","system":"s1","pointers":[
 *       {"role":"named","target":{"id":"prod_1","context":"name"}},
 *       {"role":"name","target":"Widget Pro"}]}
 *
 * Older spellings are read too: `localContext` for `role`, `targetContext` beside a target
 * for `target.context`. Unknown members are refused neither nor kept. Output always has the new spelling.
 */
#ifndef SPACE_DELTA_DELTA_JSON_H
#define SPACE_DELTA_DELTA_JSON_H

#include "space/delta/delta.h"

#include <jansson.h>

/* What stands in for members that are left out of a new delta: nothing is filled in where a
 * field is empty, and then the member is required. */
struct delta_defaults {
    struct pando_slice id, author, system;
    int64_t timestamp;
};

/* Read a parsed value. Texts borrow from `json`, canonical bytes go to `buf` (see delta_seal).
 * Errors: PANDO_INVALID reterr names the member and the rule ("pointers[2].target.id is empty"). */
enum pando_status delta_from_json(const json_t *json, const struct delta_defaults *defaults,
                                  struct delta_room *room, struct pando_buf *buf,
                                  struct delta *ret, struct pando_err *reterr) PANDO_MUST_USE;
/* Append its JSON text, without blanks, members in the order of the example above. */
enum pando_status delta_to_json(const struct delta *d, struct pando_buf *text) PANDO_MUST_USE;

#endif
