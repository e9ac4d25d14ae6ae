/* config_member.h - the config dialect of a chat's nodes: one file per numbered node.
 *
 *     node_id: 1                 # number, and who leads first: the highest that is up
 *     host: 127.0.0.1            # address to listen on; 0.0.0.0: everywhere
 *     port: 5001                 # UDP for the nodes, TCP for clients and HTTP
 *     seed_nodes:                # all other nodes of the chat
 *       - {node_id: 2, host: 127.0.0.1, port: 5002}
 *     heartbeat_interval_ms: 800
 *     leader_timeout_ms: 2500
 *     log_dir: ./data/logs       # node_1_messages.jsonl appears there
 *     advertise: 10.0.0.1        # optional: the address that the others shall use
 *     data: ./data/node_1        # optional: key and journal
 *     log_level: info            # optional, as log.level
 *
 * It means a config with the one log space `chat` whose members are fixed, logging in the
 * way that such nodes do. A host that is not loopback opens the chat to its clients.
 */
#ifndef NODE_CONFIG_MEMBER_H
#define NODE_CONFIG_MEMBER_H

#include "node/config.h"

/* Does some line begin with a key that only this dialect has? */
bool config_is_member(struct pando_slice yaml);
/* Read it over what is there. Errors: as config_parse; an unknown key is named with the
 * nearest one and its place. */
enum pando_status config_member_parse(struct config *c, struct pando_slice yaml,
                                      const char *name,
                                      struct pando_err *reterr) PANDO_MUST_USE;

#endif
