/* dialer.h - keeping links to the addresses that somebody asked for.
 *
 * One entry per address that the operator, the config or discovery named. An entry is
 * dialled, and after each failure waits twice as long as before (250 ms up to 30 s, with
 * jitter of a quarter so that two nodes do not knock in step), for ever: partitions heal
 * without an operator. Every state has a deadline or an event that ends it, and a reason
 * that a person can read. A name is resolved anew for every attempt.
 *
 * An entry whose peer is linked already, in whichever direction, rests until that link is
 * gone. Pure engine: feed inputs, drain dialer_poll, wake at dialer_deadline.
 * At DIALER_ENTRIES_MAX entries dialer_add refuses with PANDO_FULL.
 */
#ifndef PEER_DIALER_H
#define PEER_DIALER_H

#include "base/rng.h"
#include "net/link.h"

#define DIALER_ENTRIES_MAX 256
#define DIALER_FIRST_WAIT PANDO_MSEC(250)
#define DIALER_LONGEST_WAIT PANDO_SEC(30)
#define DIALER_RESOLVE_LIMIT PANDO_SEC(10)

enum dialer_state {
    DIALER_FREE,      /* unused slot */
    DIALER_DUE,       /* to be dialled at `at` */
    DIALER_RESOLVING, /* a name is being looked up, until `at` */
    DIALER_DIALING,   /* the link port tries; it has its own deadline */
    DIALER_LINKED,    /* rests while its peer is linked */
    DIALER_STOPPED,   /* refused for good (wrong identity, banned): see text */
};

struct dialer_entry {
    enum dialer_state state;
    bool keep;                /* dial again after a loss (false: one attempt) */
    struct multiaddr address; /* as given, with /p2p if it was there */
    struct multiaddr resolved; /* a name's answer, for the next dial only */
    struct peer_id peer;      /* expected or, once linked, proved; len 0 unknown */
    bool expected;            /* `peer` was given, any other identity is refused */
    uint32_t failures;        /* in a row */
    uint32_t generation;      /* of the slot: old answers do not match */
    struct pando_time at;
    char text[160];           /* why it is not linked */
};

enum dialer_effect_kind { DIALER_DIAL, DIALER_RESOLVE };

struct dialer_effect {
    enum dialer_effect_kind kind;
    uint32_t token;
    struct link_target target;
    char name[254];
    uint8_t family;   /* of the address wanted for `name`: 4, 6 or 0 any */
    uint32_t attempt; /* failures in a row: another address of the name each time */
};

struct dialer {
    struct dialer_entry entries[DIALER_ENTRIES_MAX];
    struct rng rng;
    uint32_t end;    /* entries from here on were never used: poll does not walk them */
    uint32_t cursor; /* poll's fair walk */
};

void dialer_init(struct dialer *d, uint64_t seed);
/* Add an address to keep linked (or to try once). Adding a known one makes it due now.
 * Errors: PANDO_FULL; PANDO_UNSUPPORTED not a QUIC address. */
enum pando_status dialer_add(struct dialer *d, struct pando_time now, const struct multiaddr *address,
                             bool keep, uint32_t *ret_token) PANDO_MUST_USE;
/* Forget every entry of this address or peer; how many there were. */
size_t dialer_remove_peer(struct dialer *d, const struct peer_id *peer);
size_t dialer_remove_address(struct dialer *d, const struct multiaddr *address);
/* The name of `token` was resolved; ip_len 0: it was not, `text` says why. */
void dialer_resolved(struct dialer *d, struct pando_time now, uint32_t token, const uint8_t *ip,
                     uint8_t ip_len, const char *text);
/* The dial of `token` gave a link to `peer`. */
void dialer_linked(struct dialer *d, uint32_t token, const struct peer_id *peer);
void dialer_failed(struct dialer *d, struct pando_time now, uint32_t token,
                   enum link_reason reason, const char *text);
/* A link to `peer` came up by other means: its entries rest. */
void dialer_peer_up(struct dialer *d, const struct peer_id *peer);
/* The last link to `peer` is gone: its entries are due (soon, or as their backoff says). */
void dialer_peer_down(struct dialer *d, struct pando_time now, const struct peer_id *peer,
                      const char *text);
/* Make every waiting entry due now (links were healed by a control call). */
void dialer_hurry(struct dialer *d, struct pando_time now);
/* The next thing to do at `now`; false when nothing is due. */
bool dialer_poll(struct dialer *d, struct pando_time now, struct dialer_effect *ret);
struct pando_time dialer_deadline(const struct dialer *d);
const char *dialer_state_name(enum dialer_state state);

#endif
