/* access.h - who may do what in a space.
 *
 * A space is open, or it lists peer ids with a role each. The list is part of the immutable
 * configuration that the space's id hashes, so all its nodes have the same one, and a node
 * with another list is in another space. A role holds the ones before it:
 *
 *   read   the peer is met: it gets our events and blobs, and we take what it relays
 *   write  events that its key signed are stored
 *   admin  it may change what a kind lets be changed (members of a group, for example)
 *
 * In an open space everybody may do everything. Authors are keys and peers are peer ids; an
 * Ed25519 key is both. Every space and every route asks space_admit and nothing else.
 *
 * As JSON: "open", or {"12D3KooA...": "admin", "12D3KooB...": "read"}. Ids are written as
 * base58 and stand in the order of their text, so that one list has one text.
 */
#ifndef SPACE_ACCESS_H
#define SPACE_ACCESS_H

#include "base/buf.h"
#include "crypto/peer_id.h"

#define SPACE_MEMBERS_MAX 256

enum space_role { SPACE_ROLE_NONE, SPACE_ROLE_READ, SPACE_ROLE_WRITE, SPACE_ROLE_ADMIN };
enum space_action { SPACE_MAY_READ = 1, SPACE_MAY_WRITE, SPACE_MAY_ADMIN };

struct space_member {
    struct peer_id id;
    enum space_role role;
};

struct space_access {
    bool closed; /* only the members are admitted; a zeroed policy is open */
    size_t members_len;
    struct space_member members[SPACE_MEMBERS_MAX]; /* by id, ascending */
};

/* `access` NULL is an open space. Cost: O(log members). */
enum space_role space_role_of(const struct space_access *access, const struct peer_id *id);
bool space_admits(const struct space_access *access, const struct peer_id *id,
                  enum space_action action);
/* The same for an author. */
bool space_admit(const struct space_access *access, const struct pando_key *key,
                 enum space_action action);

/* From JSON text. Errors: PANDO_INVALID neither form, no peer id or no role (named);
 * PANDO_EXISTS an id twice; PANDO_FULL more than SPACE_MEMBERS_MAX. */
enum pando_status space_access_parse(struct pando_slice json,
                                     struct space_access *ret_access,
                                     struct pando_err *reterr) PANDO_MUST_USE;
/* Append as JSON. Errors: PANDO_FULL, PANDO_NOMEM from the buffer. */
enum pando_status space_access_print(const struct space_access *access,
                                     struct pando_buf *b) PANDO_MUST_USE;
const char *space_role_name(enum space_role role);

#endif
