/* kept.h - what the operator changed while the node ran, and wants to find again.
 *
 * Addresses that were added, addresses of the configuration that were removed, bans, and
 * spaces that were created or joined. The whole is one small JSON text, replaced at every change (keeping.c):
 *
 *   {"version":1, "added":["/ip4/..."], "removed":["/ip4/..."],
 *    "bans":[{"peer":"12D3Koo...","reason":"spam"}],
 *    "spaces":[{"name":"lab","kind":"dag","config":{...},"settings":{...}}]}
 *
 * The configuration stays the operator's own file and is never written. An address that it
 * names and that was removed stays away until it is added again.
 */
#ifndef NODE_KEPT_H
#define NODE_KEPT_H

#include "base/buf.h"
#include "codec/multiaddr.h"
#include "crypto/peer_id.h"

#define KEPT_ADDED_MAX     256 /* as many as the dialler holds */
#define KEPT_ADDRESSES_MAX 512
#define KEPT_BANS_MAX      256
#define KEPT_REASON_MAX    120
#define KEPT_SPACES_MAX    16
#define KEPT_CONFIG_MAX    (128u << 10) /* of one space, as text */
#define KEPT_TEXT_MAX      (4u << 20)

struct kept_address {
    struct multiaddr address;
    bool configured; /* the configuration or a flag names it */
    bool added;
    bool removed;
};

struct kept_ban {
    struct peer_id peer;
    char reason[KEPT_REASON_MAX + 1];
};

struct kept_space {
    char name[64];
    char kind[16];
    char *config;   /* its immutable config as JSON text */
    char *settings; /* this node's own, likewise */
};

/* Zeroed is empty. */
struct kept {
    size_t spaces_len;
    struct kept_space spaces[KEPT_SPACES_MAX];
    size_t addresses_len;
    struct kept_address addresses[KEPT_ADDRESSES_MAX];
    size_t bans_len;
    struct kept_ban bans[KEPT_BANS_MAX];
};

void kept_deinit(struct kept *k);
/* Read over an empty `k`. Errors: PANDO_MALFORMED what is wrong is named;
 * PANDO_UNSUPPORTED a newer version wrote it; PANDO_FULL; `k` must not be used then. */
enum pando_status kept_parse(struct kept *k, struct pando_slice text,
                             struct pando_err *reterr) PANDO_MUST_USE;
/* Errors: PANDO_FULL, PANDO_NOMEM from the buffer. */
enum pando_status kept_print(const struct kept *k, struct pando_buf *b) PANDO_MUST_USE;

/* The configuration names this address; false when the operator has removed it. */
bool kept_configure(struct kept *k, const struct multiaddr *address);
/* Errors: PANDO_FULL KEPT_ADDED_MAX were added, or too many are remembered. */
enum pando_status kept_add(struct kept *k,
                           const struct multiaddr *address) PANDO_MUST_USE;
void kept_remove(struct kept *k, const struct multiaddr *address);
/* A second ban changes the reason. A long reason is cut.
 * Errors: PANDO_FULL KEPT_BANS_MAX peers are banned. */
enum pando_status kept_ban(struct kept *k, const struct peer_id *peer,
                           const char *reason) PANDO_MUST_USE;
/* False when it was not banned. */
bool kept_unban(struct kept *k, const struct peer_id *peer);
/* A space that runs now and shall run after a restart; a known name is a success.
 * Errors: PANDO_FULL KEPT_SPACES_MAX; PANDO_INVALID a part is too long; PANDO_NOMEM. */
enum pando_status kept_space_add(struct kept *k, const char *name, const char *kind,
                                 const char *config,
                                 const char *settings) PANDO_MUST_USE;
void kept_space_remove(struct kept *k, const char *name);
bool kept_is_banned(const struct kept *k, const struct peer_id *peer);

#endif
