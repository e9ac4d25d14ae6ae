/* args.h - from a query, path parts and a body to one JSON object of arguments.
 *
 * Precedence: a part of the path wins over the body, the body over the query. A query
 * value that reads as a canonical integer of at most 15 digits, or as true or false,
 * becomes one; everything else, and every part of a path, is a string. Keys are at most
 * 64 bytes, at most 64 arguments; a body must be one JSON object (or nothing).
 */
#ifndef API_ARGS_H
#define API_ARGS_H

#include "api/route.h"

#include <pando/status.h>

#include <jansson.h>

#define ARGS_MAX       64
#define ARGS_KEY_MAX   64
#define ARGS_VALUE_MAX 4096 /* bytes of one query value */

/* Add one decoded pair of a query. Errors: PANDO_INVALID key or value out of bounds, not
 * UTF-8, given twice; PANDO_FULL. */
enum pando_status args_add(json_t *object, const char *key,
                           const char *value) PANDO_MUST_USE;
/* Add a raw query, `a=1&b=x%20y`. Errors: as args_add, and a bad escape. */
enum pando_status args_add_query(json_t *object, const char *query) PANDO_MUST_USE;
/* Add the members of a body over what is there. Errors: PANDO_INVALID with the JSON
 * parser's reason, or not an object. */
enum pando_status args_add_body(json_t *object, struct pando_slice body,
                                struct pando_err *reterr) PANDO_MUST_USE;
enum pando_status args_add_params(json_t *object,
                                  const struct route_match *match) PANDO_MUST_USE;
/* What the backend is given: the query's arguments (in `object`), the body and the path
 * together. *ret_text: their JSON text, to be freed; NULL when the body alone is that text.
 * Errors: as args_add_body and args_add_params, always with a reason; PANDO_NOMEM. */
enum pando_status args_join(json_t *object, const struct route_match *match,
                            struct pando_slice body, char **ret_text,
                            struct pando_err *reterr) PANDO_MUST_USE;

#endif
