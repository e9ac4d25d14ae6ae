/* spelling.h - settings may be spelt as in config.yml (system_id) or as programs do (systemId).
 */
#ifndef SPACE_DELTA_SPELLING_H
#define SPACE_DELTA_SPELLING_H

#include <jansson.h>
#include <pando/status.h>

/* Every key of `value` and of all inside it that is spelt with underscores, spelt with
 * capitals. Changes `value`. Errors: PANDO_INVALID a member stands in both spellings;
 * PANDO_NOMEM. */
enum pando_status spelling_camel(json_t *value, struct pando_err *reterr) PANDO_MUST_USE;

#endif
