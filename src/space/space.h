/* space.h - what a kind of space is to the node: one table of functions.
 *
 * A kind (dag, later log, delta, ledger, chain) registers one `struct space_ops`; the node
 * holds no rule of any kind and no switch over kinds. An instance is an engine: the node
 * feeds it inputs with `step`, drains its effects with `poll`, wakes it at `deadline`.
 * Its journal and tables are given at open; it appends by effect and learns of durability
 * by input. It may read its tables at any time (point reads and short scans only).
 *
 * Peers are small handles valid between PEER_UP and PEER_DOWN. A *channel* is a framed
 * message pipe per peer (the node opens a stream for each direction, negotiates the
 * protocol id, and frames messages of at most SPACE_MESSAGE_MAX bytes). The engine sends
 * within its credit: SPACE_CREDIT_START bytes per peer and channel at PEER_UP, given back by
 * CREDIT inputs as bytes leave the node. A received message stays charged to the peer until
 * the engine says DIGESTED for it.
 *
 * A *pipe* is a WebSocket: whole text messages between the space and a program that need not
 * be a node. Inbound ones arrive at the paths that the node's configuration gives a space
 * (federation:); outbound ones are dialled by URL. Credit and DIGESTED work as on channels; a
 * pipe whose received bytes are not digested is read no further.
 */
#ifndef SPACE_SPACE_H
#define SPACE_SPACE_H

#include "base/bytes.h"
#include "base/trace.h"
#include "crypto/peer_id.h"
#include "crypto/sign.h"
#include "space/access.h"

#include <pando/status.h>
#include <pando/types.h>

#define SPACE_MESSAGE_MAX (256u << 10)
#define SPACE_CREDIT_START (1u << 20)
#define SPACE_CHANNELS_MAX 4
#define SPACE_VERIFY_MAX 256 /* items of one VERIFY effect */
#define SPACE_PIPES_MAX 1024 /* of one space */
#define SPACE_PIPE_MESSAGE_MAX (8u << 20)
#define SPACE_PIPE_CREDIT_START (1u << 20) /* bytes on their way on one pipe */
#define SPACE_NO_PIPE UINT32_MAX
#define SPACE_NOBODY UINT64_MAX /* a token: no answer is owed */

/* One message pipe: the libp2p protocol id and the class its bytes travel in. */
struct space_channel {
    const char *protocol; /* e.g. "/pando/dag/1"; the space id is said in the messages */
    uint8_t class;        /* enum link_class of net/link.h */
};

/* One signature to check; `signed_bytes` stay valid until VERIFIED, or until the space is closed. */
struct space_verify_item {
    struct pando_key key;
    struct pando_sig sig;
    struct pando_slice signed_bytes;
};

enum space_input_kind {
    SPACE_PEER_UP,    /* peer, peer_id: linked, of our network, speaks our channels */
    SPACE_PEER_DOWN,  /* peer */
    SPACE_MESSAGE,    /* peer, channel, bytes (refcounted: bytes_ref to keep) */
    SPACE_CREDIT,     /* peer, channel, value: that many sent bytes have left */
    SPACE_GOSSIP,     /* peer, token, bytes: a message on our topic awaits a verdict */
    SPACE_DURABLE,    /* value: every record below this journal position is on disk */
    SPACE_VERIFIED,   /* token (of the VERIFY), bits: bit i set = item i is valid */
    SPACE_STORE_FAIL, /* status: the journal refuses appends until SPACE_STORE_BACK */
    SPACE_STORE_BACK, /* the journal takes appends again */
    SPACE_SNAPSHOTTED, /* status: the SNAPSHOT is on disk, or why it is not */
    SPACE_CALL,       /* token, verb, text (JSON, or bytes of a raw verb): answer with REPLY */
    SPACE_PUT,        /* token, verb, bytes: from the node itself, no JSON between; answer
                       * with a raw REPLY once durable: the 32 bytes of an id */
    SPACE_PIPE_OPEN,  /* pipe, token (of the PIPE_DIAL; SPACE_NOBODY: inbound), text: the
                       * remote's address. A pipe carries whole text messages (WebSocket) */
    SPACE_PIPE_TEXT,  /* pipe, bytes: one message, at most SPACE_PIPE_MESSAGE_MAX */
    SPACE_PIPE_CREDIT, /* pipe, value: that many sent bytes have left */
    SPACE_PIPE_CLOSED, /* pipe, or (a dial that failed) token with pipe SPACE_NO_PIPE;
                        * value: close code or 0, status, text: why */
    SPACE_RAN,        /* token (of the RUN), status, text: the capsule's output or the reason */
    SPACE_STOPPING,   /* append and publish what must be said before the node goes */
    SPACE_TICK,       /* the deadline was reached */
};

struct space_input {
    enum space_input_kind kind;
    uint8_t channel;
    uint32_t peer;
    uint32_t pipe;
    uint64_t token;
    uint64_t value;
    enum pando_status status;
    const struct peer_id *peer_id;
    struct bytes *bytes;
    const uint64_t *bits; /* SPACE_VERIFY_MAX / 64 words */
    const char *verb;     /* "heads", "events": without the kind's prefix */
    struct pando_slice text;
};

enum space_effect_kind {
    SPACE_SEND,     /* peer, channel, bytes (ownership of one reference passes) */
    SPACE_PUBLISH,  /* bytes (likewise): on the space's gossip topic */
    SPACE_VERDICT,  /* token of a GOSSIP, status: OK forward, CANCELLED ignore, else reject */
    SPACE_VERIFY,   /* token, items, items_len: valid until VERIFIED, or close */
    SPACE_DIGESTED, /* peer, channel, value: bytes of received messages are done with */
    SPACE_REPLY,    /* token, status, bytes (JSON text or, with `raw`, other), more */
    SPACE_NOTICE,   /* bytes: JSON line for watchers and the event printer */
    SPACE_FAULT,    /* peer, status, text: a peer broke a rule; the node counts and acts */
    SPACE_SNAPSHOT, /* value, bytes: what all records below this (durable) position amount to;
                       write it, then drop them. One at a time: SNAPSHOTTED follows */
    SPACE_DIAL,     /* bytes: a multiaddr with its /p2p/: keep a link to this peer */
    SPACE_REOPEN,   /* the journal is damaged (kinds that mend): every call is answered; close
                       the space, take the damage out, open it again. Nothing follows */
    SPACE_PIPE_DIAL,     /* token, bytes: ws:// or wss:// URL. PIPE_OPEN or PIPE_CLOSED follows */
    SPACE_PIPE_SEND,     /* pipe, bytes (a reference passes): one text message */
    SPACE_PIPE_CLOSE,    /* pipe, value: close code, text: reason. PIPE_CLOSED follows */
    SPACE_PIPE_DIGESTED, /* pipe, value: bytes of received messages are done with */
    SPACE_RUN,      /* token, text: CID of a capsule, bytes: its input. RAN follows. Nothing
                     * is stored and no receipt made; the capsule is found as exec.run finds it */
};

struct space_effect {
    enum space_effect_kind kind;
    enum pando_status status;
    uint8_t channel;
    bool more; /* REPLY: further parts follow */
    bool raw;  /* REPLY: bytes are not JSON (CAR) */
    uint32_t peer;
    uint32_t pipe;
    uint64_t token;
    uint64_t value;
    struct bytes *bytes;
    const struct space_verify_item *items;
    size_t items_len;
    const char *text; /* static; of PIPE_CLOSE and RUN: valid until the next poll */
};

struct tables;  /* store/tables.h */
struct tables_fold;
struct journal; /* store/journal.h */

/* What the node gives an instance at open. All pointers outlive the instance. */
struct space_host {
    void *ctx;
    struct tables *tables;
    struct journal *journal; /* for reading back; appending goes through `append` */
    /* Stage a record in the space's journal, fold it into the tables' overlay at once and
     * schedule a commit. It is durable when a DURABLE input reaches beyond the position.
     * Errors: PANDO_BUSY the unfolded tail is at its cap: wait for the next DURABLE;
     * PANDO_NOSPACE, PANDO_IO the journal has stopped. Nothing is staged then.
     * `fold`: runs in place of the kind's own; NULL: none. */
    enum pando_status (*append)(void *ctx, uint8_t record, struct pando_slice bytes,
                                const struct tables_fold *fold, uint64_t *ret_position);
    struct pando_wall (*wall)(void *ctx);
    /* Whether anybody hears a NOTICE now; where nobody does, none need be made.
     * NULL: somebody always does. */
    bool (*heard)(void *ctx);
    const struct tracer *tracer;
    const struct crypto_secret *secret; /* the node's signing key */
    struct pando_key key;
    const char *node_name;
    struct pando_id space; /* space id */
    const char *space_name;
    uint64_t seed; /* for the instance's rng and maps */
    uint64_t epoch;   /* of the journal: raised by each restore of a backup */
    uint64_t repairs; /* how often damage was taken out of the journal */
    bool memory; /* what is appended is in no file, and gone when the node ends */
    bool reopened;    /* after a REOPEN: what callers saw before may not be here yet */
    struct pando_slice snapshot; /* the last one, valid during open; its position */
    uint64_t snapshot_position;
    const struct space_access *access; /* ask space_admit; NULL: open */
};

struct space_metric {
    const char *name; /* "events_total": the node adds pando_<kind>_ and the space label */
    const char *help;
    bool counter;
    double value;
};

struct space_ops {
    const char *kind;
    bool mends; /* its records come again from others: a damaged journal is cut, not refused */
    bool pipes; /* takes pipes that are opened from outside */
    const struct space_channel *channels;
    size_t channels_len;
    const char *const *verbs; /* NULL-terminated, for routing and help */
    const char *family; /* a second prefix, "fed.": verbs that are listed with it; NULL none */
    /* Verbs of theirs (NULL: none) whose arguments are bytes: a block (uvarint length and
     * bytes) that names the space, empty for the only one, and what the engine gets. */
    const char *const *raw_verbs;
    /* Make an instance; its tables are folded up to the journal's end already. */
    enum pando_status (*open)(const struct space_host *host, struct pando_slice config_json,
                              void **ret_instance, struct pando_err *reterr);
    void (*close)(void *instance);
    /* Pure: apply one journal record at `position` to the tables. Called at append, at
     * replay after a crash, and by `db reindex`; needs no instance. */
    enum pando_status (*fold)(struct tables *tables, const struct pando_id *space, uint8_t record,
                              uint64_t position, struct pando_slice bytes);
    void (*step)(void *instance, struct pando_time now, const struct space_input *input);
    bool (*poll)(void *instance, struct space_effect *ret_effect);
    struct pando_time (*deadline)(const void *instance);
    /* Fill up to `cap` metrics, return how many. */
    size_t (*metrics)(const void *instance, struct space_metric *ret, size_t cap);
    /* Members of the status object, as JSON text without braces ("\"dag_events\":5,..."),
     * appended by the node into `status --json`. */
    size_t (*status)(const void *instance, char *ret_text, size_t cap);
};

#endif
