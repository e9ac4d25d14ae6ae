/* fed.h - federation: links to other instances over text pipes (WebSocket), as an engine.
 *
 * Speaks `rhizomedb-federation-v1` in both roles. A *pipe* is one open connection that carries
 * whole text messages; a *link* is what a person sees: it outlives pipes where it reconnects.
 * The engine holds no delta: it stages them through `fed_host` and acknowledges when the ticket
 * is durable; it is told (FED_NEW) of each delta that arrived here, and sends it on to every link
 * whose mode, push filter and origin allow. What a paused or lagging link misses is
 * not dropped: the link remembers the place in the space's own order of arrival up to which it
 * was served, and goes on from there by reading the store.
 *
 * State of a link: disconnected -> connecting -> connected <-> syncing, connected <-> paused;
 * error keeps lastError. Messages, rules and limits: docs/wire/federation.md.
 *
 * Pure: time and randomness are given. Step, then poll until false.
 */
#ifndef SPACE_DELTA_FED_H
#define SPACE_DELTA_FED_H

#include "space/delta/filter.h"
#include "space/delta/store.h"

#include "base/bytes.h"

#define FED_PROTOCOL "rhizomedb-federation-v1"
#define FED_BATCH    100          /* deltas of a sync_batch */
#define FED_FRAME_MAX (8u << 20)  /* bytes of one message */
#define FED_LINKS_MAX 4096
#define FED_ID_TEXT  37           /* UUID and its zero */

enum fed_mode { FED_BIDIRECTIONAL, FED_PUSH, FED_PULL };
enum fed_initial { FED_FULL, FED_FROM_TIMESTAMP, FED_NONE };
enum fed_status { FED_DISCONNECTED, FED_CONNECTING, FED_CONNECTED, FED_SYNCING, FED_PAUSED, FED_ERROR };

/* Whose deltas are taken: every non-empty part must agree. The node's own policy always
 * holds, a link's narrows it; a peer's copy of a policy is never trusted. */
struct fed_trust {
    struct filter_list authors, systems;
    struct pando_buf capsule; /* CID text of the capsule that verifies each delta; empty none */
    struct pando_buf texts;
    bool nobody; /* two policies were combined that have no author or no system in common */
};

struct fed_reconnect {
    bool enabled;
    uint32_t max_attempts; /* 0: for ever */
    struct pando_span initial, max;
    double multiplier;
};

struct fed_link_config {
    enum fed_mode mode;
    enum fed_initial initial;
    int64_t from; /* inclusive */
    struct filter push, pull;
    struct fed_trust trust;
    struct fed_reconnect reconnect;
};

enum fed_event_kind {
    FED_LINK_CONNECTING, FED_LINK_CONNECTED, FED_LINK_DISCONNECTED, FED_LINK_ERROR, FED_LINK_PAUSED,
    FED_LINK_RESUMED, FED_DELTA_SENT, FED_DELTA_RECEIVED, FED_DELTA_REJECTED, FED_SYNC_STARTED,
    FED_SYNC_COMPLETED,
};

/* Numbers of one link, for people. */
struct fed_stats {
    uint64_t sent, received;
    uint64_t rejected; /* deltas of the peer that this instance refused */
    uint64_t refused;  /* deltas of this instance that the peer refused */
    uint64_t acked, bytes_sent, bytes_received;
    int64_t last_sync, connected_at; /* wall ms; 0 never */
};

/* Numbers of all links together, those that are gone included. */
struct fed_totals {
    uint64_t links, pipes; /* now; of the links: those with an open connection */
    uint64_t sent, received, rejected, refused, acked, bytes_sent, bytes_received;
};

struct fed_config {
    struct pando_slice system_id;
    bool server;         /* takes inbound pipes */
    bool auto_broadcast; /* sends new deltas to inbound links (default) */
    uint32_t max_connections;
    struct fed_trust trust; /* the node's */
    uint64_t seed;
};

/* What the engine needs answered at once. */
struct fed_host {
    void *ctx;
    struct pando_wall (*wall)(void *ctx);
    void (*uuid)(void *ctx, char ret[FED_ID_TEXT]);
    /* As delta_store_stage; `origin` comes back as the link of FED_NEW. */
    enum pando_status (*stage)(void *ctx, uint32_t origin, const struct delta *d,
                               enum delta_outcome *ret_outcome, uint64_t *ret_ticket);
    /* Durable deltas, for syncs: source.h's order by time. One that is staged only must not
     * be given: it will come as FED_NEW. */
    struct delta_source source;
    /* Where in the order of arrival somebody begins who was given all of `source`: what it does not
     * give yet lies behind. Not beyond where FED_NEW has come to; 0: nothing is here. */
    uint64_t (*newest)(void *ctx);
    /* Deltas in order of arrival behind `*position` (0: the first): what a link goes on with
     * after a pause. PANDO_NOT_FOUND where FED_NEW has come to; PANDO_BUSY call again. */
    enum pando_status (*arrived)(void *ctx, uint64_t *position, struct delta *ret);
    /* How many pass the filter now (negated ones included); an estimate is said to be one. */
    enum pando_status (*count)(void *ctx, const struct filter *f, int64_t from, uint64_t *ret);
};

enum fed_input_kind {
    FED_PIPE_OPEN,   /* pipe, link (of the DIAL; FED_NO_LINK: inbound), text: the remote's address */
    FED_PIPE_TEXT,   /* pipe, bytes: one whole message */
    FED_PIPE_CREDIT, /* pipe, value: that many sent bytes have left */
    FED_PIPE_CLOSED, /* pipe, or (a dial that failed) link with pipe FED_NO_PIPE; status,
                      * text: why */
    FED_DURABLE,     /* value: the highest durable ticket */
    FED_NEW,         /* delta, link (origin), value: its position in the order of arrival */
    FED_JUDGED,      /* token, status: what the verifying capsule said */
    FED_TICK,
};

#define FED_NO_LINK UINT32_MAX
#define FED_NO_PIPE UINT32_MAX

struct fed_input {
    enum fed_input_kind kind;
    uint32_t pipe, link;
    uint64_t value, token;
    enum pando_status status;
    struct bytes *bytes;
    const struct delta *delta;
    struct pando_slice text;
};

enum fed_effect_kind {
    FED_DIAL,     /* link, text: URL. Answered by PIPE_OPEN or PIPE_CLOSED within 10 s */
    FED_SEND,     /* pipe, bytes (a reference passes) */
    FED_CLOSE,    /* pipe, value: close code, text: reason */
    FED_DIGESTED, /* pipe, value: bytes of received messages are done with */
    FED_JUDGE,    /* token, text: capsule, bytes: the delta as JSON */
    FED_HAPPENED, /* event: what a person may want to know */
};

struct fed_event {
    enum fed_event_kind kind;
    char link[FED_ID_TEXT];
    uint64_t processed;
    struct pando_slice delta_id, remote, reason; /* by kind; valid until the next poll */
};

struct fed_effect {
    enum fed_effect_kind kind;
    uint32_t pipe, link;
    uint64_t value, token;
    struct bytes *bytes;
    const char *text; /* valid until the next poll */
    struct fed_event event;
};

struct fed;

/* Copies what `config` holds. Errors: PANDO_INVALID, PANDO_NOMEM. */
enum pando_status fed_new(const struct fed_config *config, const struct fed_host *host,
                          struct fed **ret, struct pando_err *reterr) PANDO_MUST_USE;
void fed_free(struct fed *f);
void fed_step(struct fed *f, struct pando_time now, const struct fed_input *in);
bool fed_poll(struct fed *f, struct fed_effect *ret);
struct pando_time fed_deadline(const struct fed *f);
/* Whether FED_NEW would be news to any link but the origin. Where it is not, the first and the
 * last place of several deltas that follow each other may be told instead, without a delta. */
bool fed_sends_to_others(const struct fed *f, uint32_t origin);

/* Link with a URL (ws:// or wss://). Takes over what `config` holds. `ret_id` names the link.
 * Errors: PANDO_INVALID reterr names what is wrong and the remedy ("http://...: a federation URL
 * begins with ws:// or wss://: try ws://..."); PANDO_FULL. */
enum pando_status fed_connect(struct fed *f, struct pando_time now, struct pando_slice url,
                              struct fed_link_config *config, char ret_id[FED_ID_TEXT],
                              struct pando_err *reterr) PANDO_MUST_USE;
/* Events per delta (sent, received, rejected) are made only while somebody listens. */
void fed_listen(struct fed *f, bool listening);
/* Append what fed_configure replaces, as JSON that fed_config.h reads: the configuration of a link
 * that this instance dialled, the limits of another ({}: there are none). Errors: PANDO_NOT_FOUND. */
enum pando_status fed_present(const struct fed *f, struct pando_slice id,
                              struct pando_buf *text) PANDO_MUST_USE;
/* New mode, filters and policy for a link, in force from now on. Takes over what `config` holds. On
 * a link that this instance dialled what they let through in addition is synchronised again. On
 * one that another dialled they narrow what that one asked for (fed_limits.c); the rest of
 * `config` says nothing there. Errors: PANDO_NOT_FOUND. */
enum pando_status fed_configure(struct fed *f, struct pando_time now, struct pando_slice id,
                                struct fed_link_config *config) PANDO_MUST_USE;
/* By id, or by a prefix of it that names one link. PANDO_NOT_FOUND. */
enum pando_status fed_pause(struct fed *f, struct pando_time now, struct pando_slice id) PANDO_MUST_USE;
enum pando_status fed_resume(struct fed *f, struct pando_time now, struct pando_slice id) PANDO_MUST_USE;
enum pando_status fed_disconnect(struct fed *f, struct pando_time now, struct pando_slice id) PANDO_MUST_USE;
/* Who sees to it that a link is there again after a restart. */
enum fed_keeper {
    FED_KEPT_BY_NOBODY,
    FED_KEPT_BY_NODE,
    FED_KEPT_BY_CONFIG,
    FED_KEPT_LOST, /* by nobody: the node was to keep it as it is, and could not */
};
void fed_set_keeper(struct fed *f, struct pando_slice id, enum fed_keeper keeper);
/* What a link is; its URL borrows from it. */
struct fed_face {
    char id[FED_ID_TEXT];
    bool inbound;
    enum fed_keeper keeper;
    struct pando_slice url;
};
enum pando_status fed_face(const struct fed *f, struct pando_slice id,
                           struct fed_face *ret) PANDO_MUST_USE;
/* The link that the node keeps, or was to keep, with this URL. */
enum pando_status fed_find_kept(const struct fed *f, struct pando_slice url,
                                struct fed_face *ret) PANDO_MUST_USE;
void fed_totals(const struct fed *f, struct fed_totals *ret);
/* JSON of all links (an array) or one: id, remoteSystemId, remoteUrl, direction, status, kept,
 * config, limits, stats, lastError. */
enum pando_status fed_links(const struct fed *f, struct pando_buf *text) PANDO_MUST_USE;
enum pando_status fed_link(const struct fed *f, struct pando_slice id, struct pando_buf *text) PANDO_MUST_USE;

#endif
