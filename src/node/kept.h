/* kept.h - what the operator changed while the node ran, and wants to find again.
 *
 * Addresses that were added, addresses of the configuration that were removed, and bans.
 * The whole is one small JSON text, replaced at every change (keeping.c):
 *
 *   {"version":1, "added":["/ip4/..."], "removed":["/ip4/..."],
 *    "bans":[{"peer":"12D3Koo...","reason":"spam"}]}
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
#define KEPT_TEXT_MAX      (1u << 20)

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

struct kept {
    size_t addresses_len;
    struct kept_address addresses[KEPT_ADDRESSES_MAX];
    size_t bans_len;
    struct kept_ban bans[KEPT_BANS_MAX];
};

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
bool kept_is_banned(const struct kept *k, const struct peer_id *peer);

#endif
