/* fed_trust.h - whose deltas are taken.
 *
 *     {"trustedAuthors":["alice"],"trustedSystems":["s1"],"capsule":"bafy..."}
 *
 * Each non-empty part must agree; an empty policy takes everything. What the JavaScript
 * original does with a function `verify` is done here by a capsule: it gets the delta as JSON
 * and answers. The policy is local: it is never sent, and a peer's copy is never read.
 */
#ifndef SPACE_DELTA_FED_TRUST_H
#define SPACE_DELTA_FED_TRUST_H

#include "space/delta/fed.h"

void fed_trust_init(struct fed_trust *t); /* takes everything */
void fed_trust_deinit(struct fed_trust *t);
/* `json` NULL: takes everything. Errors: PANDO_INVALID reterr names the member. */
enum pando_status fed_trust_from_json(const json_t *json, struct fed_trust *ret,
                                      struct pando_err *reterr) PANDO_MUST_USE;
/* Its JSON text: only what restricts. */
enum pando_status fed_trust_to_json(const struct fed_trust *t,
                                    struct pando_buf *text) PANDO_MUST_USE;
enum pando_status fed_trust_copy(const struct fed_trust *t,
                                 struct fed_trust *ret) PANDO_MUST_USE;
/* A policy that takes what both take. Where each names a capsule and they differ, that is not
 * one policy: PANDO_UNSUPPORTED. */
enum pando_status fed_trust_combine(const struct fed_trust *a, const struct fed_trust *b,
                                    struct fed_trust *ret) PANDO_MUST_USE;
/* Author and system only; the capsule's word comes later. */
bool fed_trust_passes(const struct fed_trust *t, const struct delta *d);
bool fed_trust_is_open(const struct fed_trust *t);

#endif
