/* fed_config.h - how one link behaves, as JSON with the original's spellings.
 *
 *     {"mode":"bidirectional","initialSync":"full","syncFromTimestamp":0,"pushFilter":{},
 *      "pullFilter":{},"trustPolicy":{},"reconnect":{"enabled":true,"maxAttempts":5,
 *      "initialDelay":1000,"maxDelay":30000,"backoffMultiplier":2}}
 *
 * The modes are seen by who dialled: push sends only, pull receives only. Delays are in ms,
 * maxAttempts 0 is for ever. What is left out is as above.
 */
#ifndef SPACE_DELTA_FED_CONFIG_H
#define SPACE_DELTA_FED_CONFIG_H

#include "space/delta/fed.h"

const char *fed_mode_name(enum fed_mode mode);
void fed_config_init(struct fed_link_config *c); /* the defaults */
void fed_config_deinit(struct fed_link_config *c);
/* What a person wrote; NULL: the defaults. Errors: PANDO_INVALID reterr names the member, the
 * rule and what may stand there. */
enum pando_status fed_config_from_json(const json_t *json, struct fed_link_config *ret,
                                       struct pando_err *reterr) PANDO_MUST_USE;
/* What a peer's hello says: its mode, initial sync and filters count, its trust policy and
 * what we do not know do not. */
enum pando_status fed_config_from_peer(const json_t *json, struct fed_link_config *ret,
                                       struct pando_err *reterr) PANDO_MUST_USE;
/* Append its JSON text, all members. */
enum pando_status fed_config_to_json(const struct fed_link_config *c,
                                     struct pando_buf *text) PANDO_MUST_USE;
/* Append what a hello says: no trust policy, no reconnect. */
enum pando_status fed_config_for_peer(const struct fed_link_config *c,
                                      struct pando_buf *text) PANDO_MUST_USE;

#endif
