/* engine.h - the insides of one dag instance, shared by the files of this folder only.
 *
 * The life of a received event, as an item:
 *
 *   message --decode--> VERIFYING --signature--> READY --parents, append--> stored
 *                          |                       |
 *                          +--refused (counted)    +--> ORPHAN --a parent came--> READY
 *
 * admit.c moves items along, verify.c talks to the verifier, orphan.c keeps those who
 * wait, local.c makes our own events, stage.c says what a commit allows, heads.c and
 * pull.c decide what to ask for, serve.c answers, blobs.c and wholes.c carry large bodies,
 * verbs.c and the files behind it answer people, puts.c takes what the node itself hands
 * over. A parcel is a received message that stays charged to its peer until all its items
 * have moved on.
 */
#ifndef SPACE_DAG_ENGINE_H
#define SPACE_DAG_ENGINE_H

#include "base/buf.h"
#include "base/map.h"
#include "base/rng.h"
#include "space/dag/dag.h"
#include "space/dag/index.h"
#include "space/dag/mutant.h"
#include "space/dag/wire.h"
#include "space/effects.h"
#include "store/journal.h"
#include "sync/blob.h"
#include "sync/fetch.h"

#define DAG_SYNC     0 /* channels */
#define DAG_BLOB     1
#define DAG_CHANNELS 2

#define DAG_PEERS_MAX         256
#define DAG_LACKING_MAX       32
#define DAG_HEADS_SENT_MAX    256 /* listed in one HEADS */
#define DAG_DIGEST_HEADS_MAX  4096
#define DAG_BATCH_SIZE        (160u << 10) /* of EVENTS; one more block may follow */
#define DAG_GOSSIP_SIZE       (48u << 10)
#define DAG_PARCELS_MAX       4096 /* messages that wait to be opened */
#define DAG_ITEM_PARCELS_MAX  3
#define DAG_REFUSED_MAX       4096  /* ids remembered as refused */
#define DAG_BEATS_MAX         4096  /* authors whose last heartbeat is kept */
#define DAG_BUCKETS_MAX       16384 /* authors whose rate is metered */
#define DAG_OPS_MAX           1024
#define DAG_OPENED_PER_STEP   1024 /* events of parcels: a step stays below 5 ms */
#define DAG_ADMITTED_PER_STEP 512
#define DAG_SERVES_MAX        16
#define DAG_SERVE_AUTHORS_MAX 65536
#define DAG_VERIFY_JOBS_MAX   32
#define DAG_DISTRUSTED_MAX    4          /* peers whose word one call took and regretted */
#define DAG_NOTICES_MAX       32         /* of one step; the rest are summed up in one */

/* Why an event was not stored. name, metric suffix, what a peer did wrong (0: nothing) */
#define DAG_REFUSE_MAP(X)                                                              \
    X(MALFORMED, "malformed", 1)       /* not canonical, or a field out of bounds */   \
    X(UNSUPPORTED, "unsupported", 0)   /* a version or kind of the future */           \
    X(SPACE, "space", 1)               /* of another space */                          \
    X(ROLE, "role", 1)                 /* its author may not write in this space */    \
    X(FORGED, "forged", 1)             /* a signature does not verify */               \
    X(BODY, "body", 1)                 /* the kind's rules for its body are broken */  \
    X(SEQUENCE, "sequence", 1)         /* the first parent is not the author's last */ \
    X(FUTURE, "future", 0)             /* its time is too far ahead of ours */         \
    X(RATE, "rate", 0)                 /* its author's bucket is empty */              \
    X(FULL, "full", 0)                 /* too many events are under way */             \
    X(ORPHANS_FULL, "orphans_full", 0) /* the oldest orphan gave way */                \
    X(ORPHAN_LATE, "orphan_late", 0)   /* its parents did not come in time */          \
    X(PARENT, "parent", 0)             /* a parent was refused */                      \
    X(BEAT, "beat", 0)                 /* a heartbeat that is old, early or misplaced */

enum dag_refuse {
#define X(name, text, blame) DAG_REFUSE_##name,
    DAG_REFUSE_MAP(X)
#undef X
        DAG_REFUSES
};

struct dag_config {
    uint32_t pending_max;
    uint32_t orphans_max;
    uint64_t orphan_bytes_max;
    uint32_t verify_jobs_max;
    uint32_t verify_batch;
    uint32_t rate; /* events a second of one author by gossip */
    uint32_t burst;
    int64_t ahead_ms;
    struct pando_span heartbeat; /* 0: none */
    struct pando_span heads_every, heads_every_max;
    struct pando_span orphan_life;
    struct pando_span grace; /* gossip may still bring what seems to be missing */
    struct pando_span stall;
    uint64_t blob_max;
};

struct dag_parcel {
    uint32_t refs;
    uint32_t peer;
    bool gossip;
    bool streamed; /* of a stream or an answer: asked for */
    uint8_t channel;
    uint64_t token;
    struct bytes *bytes;
    enum pando_status verdict;
    struct dag_parcel *next;
};

enum dag_item_state { DAG_ITEM_VERIFYING, DAG_ITEM_READY, DAG_ITEM_ORPHAN };

struct dag_item {
    struct event ev;
    struct bytes *bytes; /* what `ev` borrows from */
    enum dag_item_state state;
    bool streamed, asked, forged, inner;
    uint8_t parcels_len;
    uint32_t peer;
    struct dag_parcel *parcels[DAG_ITEM_PARCELS_MAX];
    uint8_t *signed_bytes;
    struct space_verify_item inner_item;
    struct pando_time since;
    struct pando_time ask_after; /* ORPHAN: nobody had its parents a moment ago */
    struct pando_id missing;     /* ORPHAN: the parent it waits for */
    struct dag_item *next_waiter;
    struct dag_item *prev, *next; /* in the list of its state */
};

struct dag_list {
    struct dag_item *first, *last;
    size_t len;
};

struct dag_batch {
    uint64_t token; /* 0: free */
    size_t len;
    struct space_verify_item items[SPACE_VERIFY_MAX];
    struct dag_item *owners[SPACE_VERIFY_MAX];
};

struct dag_serve {
    uint64_t session;
    struct map have; /* author key, epoch -> seq */
    struct journal_cursor walk;
    bool ready; /* the whole vector is here, the walk has begun */
};

struct dag_peer {
    uint32_t handle;
    struct peer_id id;
    int64_t credit[DAG_CHANNELS];
    struct pando_time heads_at;
    struct pando_span heads_every;
    struct pando_time check_at; /* look whether `lacking` still is */
    struct pando_time shunned_until;
    bool met;       /* its HEADS came */
    bool pulled;    /* since its last HEADS: what lacks now must be fetched by id */
    bool candidate; /* to pull from */
    bool unlisted;  /* what it has and we lack is not among the heads that it listed */
    uint8_t lacking_len;
    struct pando_id lacking[DAG_LACKING_MAX];
    struct dag_serve *serve;
};

struct dag_pull {
    bool active;
    uint32_t peer;
    uint64_t session;
    uint64_t fresh; /* events that it brought */
    struct pando_time progress_at;
};

/* A record that was appended and is not known to be durable. */
struct dag_staged {
    uint64_t position;
    struct bytes *bytes; /* what `block` borrows from; NULL: nobody needs it */
    struct pando_slice block;
    struct dag_op *op;
    struct pando_id id;
    bool local, event;
};

enum dag_op_kind { DAG_OP_APPEND, DAG_OP_PUT, DAG_OP_GET, DAG_OP_WATCH, DAG_OP_EXPORT };

/* A call that is not answered yet. */
struct dag_op {
    enum dag_op_kind kind;
    uint64_t token;      /* SPACE_NOBODY: no answer is owed */
    bool many, quiet;    /* APPEND: several; without their ids */
    bool brief;          /* APPEND, PUT: the answer is the id alone, raw */
    bool fill, vary;     /* APPEND: one body for all; with its last bytes random */
    bool raw, here_only; /* GET */
    enum event_kind event_kind;
    uint32_t total, appended, durable; /* records */
    struct pando_buf bytes; /* APPEND: bodies one behind the other; PUT: the body */
    uint32_t *ends;         /* APPEND: where each body ends */
    struct pando_buf text;  /* the answer so far */
    struct blob_list *list; /* PUT */
    struct blob_ref ref;    /* PUT, GET */
    struct blob_job job;    /* GET */
    bool claimed;           /* GET: `ref` is the list of `whole` as `claimant` says */
    uint8_t distrusted_len; /* GET: whose claims came to nothing */
    struct peer_id claimant, distrusted[DAG_DISTRUSTED_MAX];
    struct pando_id whole;           /* PUT of several chunks, GET with a claim */
    struct crypto_sha256_state hash; /* of the whole, as far as it is known */
    uint32_t hashed;                 /* GET: chunks in it */
    struct pando_time due;  /* GET */
    uint64_t number, end;   /* WATCH, EXPORT: next event, first beyond */
    int kind_only;          /* WATCH: enum event_kind or -1 */
    uint32_t chunk;         /* GET raw: next to answer with */
    struct dag_op *prev, *next;
};

struct dag_beat {
    int64_t time;
    double load;
    uint64_t uptime_s;
    uint64_t peers;
    struct pando_time seen;
};

struct dag_bucket {
    struct pando_time at;
    uint64_t tokens_m; /* thousandths */
};

struct dag_heads {
    uint64_t generation;
    uint64_t events, heads;
    struct pando_id digest;
};

struct dag_totals {
    uint64_t received, duplicates, stored, refused[DAG_REFUSES];
    uint64_t messages_dropped, messages_refused;
    uint64_t batches, verified, beats, local;
    uint64_t sync_sent, sync_received, catch_ups, stalls, served, event_bytes_served;
    uint64_t published, publish_bytes, faults;
};

struct dag {
    struct space_host host;
    struct dag_config config;
    struct dag_check check;
    struct rng rng;
    struct pando_time now, started;
    bool begun; /* the first step has been */
    bool stopping, announced, store_failed;

    struct space_effects effects;
    uint32_t notices; /* of this step */
    uint64_t notices_summed;

    struct dag_peer *peers;
    size_t peers_len;

    struct dag_parcel *parcels_first, *parcels_last; /* not opened yet */
    size_t parcels_len;
    struct map pending; /* id -> item */
    struct map waiting; /* missing id -> first item that waits for it */
    struct dag_list to_verify, ready, orphans;
    uint64_t orphan_bytes;
    struct pando_time orphan_at; /* look through them again */
    struct map refused;          /* id -> uint8_t */
    struct pando_id refused_ring[DAG_REFUSED_MAX];
    size_t refused_at;
    struct map buckets; /* author -> bucket */
    struct dag_batch *batches[DAG_VERIFY_JOBS_MAX];
    size_t batches_busy;
    uint64_t next_token;
    struct pando_time busy_at;
    uint64_t busy_ns; /* with verify jobs out, since the last heartbeat */

    uint32_t epoch;
    uint64_t seq; /* of our last event in this epoch */
    bool has_last;
    struct pando_id last;

    uint64_t durable;    /* all records below this position are on disk */
    uint64_t generation; /* of the tables */
    struct dag_staged *staged;
    size_t staged_head, staged_len, staged_cap;
    size_t staged_local;

    struct dag_op *ops_first, *ops_last;
    size_t ops_len;
    struct fetch fetch, blob_fetch;
    struct dag_pull pull;
    uint64_t sessions;
    struct dag_heads heads;
    struct map beats; /* author -> beat */
    struct pando_time beat_at;
    int64_t beat_time;          /* of our last one */
    struct pando_buf addresses; /* JSON array for the announcement */
    bool more_work;             /* a stream has something to do at once */
    bool relay;                 /* something came that was not gossiped to our peers */
    bool blocked;               /* the store took nothing more: soon again */
    struct dag_totals totals;
};

/* effects.c */
void dag_emit(struct dag *d, const struct space_effect *effect);
void dag_reply(struct dag *d, uint64_t token, enum pando_status status,
               struct pando_slice text, bool more, bool raw);
void dag_reply_error(struct dag *d, uint64_t token, enum pando_status status,
                     const char *text);
void dag_notice(struct dag *d, struct pando_slice json);
/* Whether a notice would reach anybody. */
bool dag_is_heard(const struct dag *d);
void dag_fault(struct dag *d, uint32_t peer, enum pando_status status, const char *text);
/* Send within the credit; false when there is too little of it, nothing was sent then. */
bool dag_send(struct dag *d, struct dag_peer *p, uint8_t channel,
              struct pando_slice message);
struct dag_peer *dag_peer(const struct dag *d, uint32_t handle);

/* lists.c */
void dag_list_push(struct dag_list *l, struct dag_item *item);
void dag_list_remove(struct dag_list *l, struct dag_item *item);

/* parcel.c */
void dag_parcel_take(struct dag *d, const struct space_input *in);
void dag_parcel_release(struct dag *d, struct dag_parcel *p);
void dag_parcels_open(struct dag *d);
void dag_parcels_drop(struct dag *d);

/* admit.c */
void dag_offer(struct dag *d, struct dag_parcel *p, struct pando_slice block);
void dag_verified_item(struct dag *d, struct dag_item *item);
void dag_admit_ready(struct dag *d);
void dag_item_release_parcels(struct dag *d, struct dag_item *item, bool gossip_only);
void dag_item_free(struct dag *d, struct dag_item *item);
void dag_items_drop(struct dag *d); /* at close: no effects */
void dag_item_refuse(struct dag *d, struct dag_item *item, enum dag_refuse why);
void dag_count_refusal(struct dag *d, enum dag_refuse why);
const char *dag_refuse_name(enum dag_refuse why);
bool dag_refuse_is_fault(enum dag_refuse why);

/* gate.c */
bool dag_gate_may_write(const struct dag *d, const struct pando_key *author);
bool dag_gate_rate(struct dag *d, const struct pando_key *author);
void dag_gate_remember(struct dag *d, const struct pando_id *id, enum dag_refuse why);
bool dag_gate_refused(const struct dag *d, const struct pando_id *id,
                      enum dag_refuse *ret_why);

/* verify.c */
void dag_verify_flush(struct dag *d);
void dag_verify_done(struct dag *d, uint64_t token, const uint64_t *bits);

/* orphan.c */
void dag_orphan_keep(struct dag *d, struct dag_item *item,
                     const struct pando_id *missing);
void dag_orphan_wake(struct dag *d, const struct pando_id *id);
void dag_orphan_refuse_waiters(struct dag *d, const struct pando_id *id);
void dag_orphan_announced(struct dag *d, struct dag_item *item, uint32_t peer);
void dag_orphan_given_up(struct dag *d, const struct pando_id *id);
void dag_orphan_tick(struct dag *d);
void dag_orphan_unlink(struct dag *d, struct dag_item *item);

/* stage.c */
enum pando_status dag_stage(struct dag *d, uint8_t record, struct bytes *bytes,
                            struct pando_slice block, struct dag_op *op, bool local,
                            const struct pando_id *id);
void dag_durable(struct dag *d, uint64_t position);
bool dag_is_durable(const struct dag *d, uint64_t position);
/* Gossip one block by itself: a heartbeat. */
void dag_publish(struct dag *d, struct pando_slice block);
void dag_staged_forget_op(struct dag *d, const struct dag_op *op);
/* Read back one record of a kind that the caller knows; NULL when the journal fails. */
struct bytes *dag_read(struct dag *d, uint64_t position, uint8_t record);
struct bytes *dag_read_event(struct dag *d, uint64_t position, struct event *ret_event);

/* local.c */
void dag_local_start(struct dag *d);
void dag_local_foreign(struct dag *d, const struct event *ev);
/* Queue one event of ours; `op` NULL: made at once, nobody waits. */
enum pando_status dag_local_event(struct dag *d, enum event_kind kind,
                                  struct pando_slice body, struct dag_op *op);

/* ops.c */
struct dag_op *dag_op_new(struct dag *d, enum dag_op_kind kind, uint64_t token);
void dag_op_free(struct dag *d, struct dag_op *op);
/* One more record of it is on disk. */
void dag_op_durable(struct dag *d, struct dag_op *op);
void dag_ops_run(struct dag *d);
void dag_ops_fail(struct dag *d, enum pando_status status);
bool dag_op_cancel(struct dag *d, uint64_t token);
struct pando_time dag_ops_deadline(const struct dag *d);

/* heads.c */
const struct dag_heads *dag_heads_now(struct dag *d);
void dag_heads_send(struct dag *d, struct dag_peer *p, bool reply);
void dag_heads_receive(struct dag *d, struct dag_peer *p, struct dag_message *m);
/* Whether something that the peer has is neither stored nor on its way. */
bool dag_heads_lacks(struct dag *d, struct dag_peer *p);
void dag_heads_tick(struct dag *d);
struct pando_time dag_heads_deadline(const struct dag *d);

/* pull.c */
void dag_pull_tick(struct dag *d);
void dag_pull_events(struct dag *d, struct dag_peer *p, const struct dag_message *m);
void dag_pull_stopped(struct dag *d, struct dag_peer *p, uint64_t session);
void dag_pull_peer_down(struct dag *d, uint32_t handle);
struct pando_time dag_pull_deadline(const struct dag *d);
void dag_fetch_run(struct dag *d);
void dag_fetch_lacking(struct dag *d, struct dag_peer *p, struct dag_message *m);

/* serve.c */
void dag_serve_vector(struct dag *d, struct dag_peer *p, struct dag_message *m);
void dag_serve_stop(struct dag_peer *p);
void dag_serve_run(struct dag *d, struct dag_peer *p);
void dag_serve_want(struct dag *d, struct dag_peer *p, struct dag_message *m);

/* blobs.c */
void dag_blob_message(struct dag *d, struct dag_peer *p, struct dag_message *m);
void dag_blob_fetch_run(struct dag *d);
void dag_blob_put_run(struct dag *d, struct dag_op *op);
void dag_blob_get_run(struct dag *d, struct dag_op *op);
bool dag_blob_has(struct dag *d, const struct blob_ref *ref);
/* A piece from our own store; NULL when it is not here. */
struct bytes *dag_blob_read(struct dag *d, const struct blob_ref *ref);

/* wholes.c */
/* We know the list of the body that a GET names: the call goes on with the list. */
bool dag_whole_known(struct dag *d, struct dag_op *op);
/* Tell a peer the list of a body; false when we do not know the body. */
bool dag_whole_serve(struct dag *d, struct dag_peer *p, const struct pando_id *whole);
void dag_whole_claimed(struct dag *d, struct dag_peer *p, struct dag_message *m);
/* What a peer claimed leads nowhere: ask for the whole again, false when that is over. */
bool dag_whole_distrust(struct dag *d, struct dag_op *op);
/* True when a GET whose pieces are here may be answered: nothing is left to be proven.
 * Otherwise the call may be gone. */
bool dag_whole_prove(struct dag *d, struct dag_op *op);
enum pando_status dag_whole_stage(struct dag *d, const struct pando_id *whole,
                                  const struct pando_id *list, struct dag_op *op);

/* beat.c */
void dag_beat_accept(struct dag *d, const struct event *ev);
bool dag_beat_is_timely(const struct dag *d, const struct event *ev);
void dag_beat_tick(struct dag *d);
void dag_announce(struct dag *d);
void dag_leave(struct dag *d);

/* puts.c */
void dag_put(struct dag *d, const struct space_input *in);
/* Whether an event of ours may have that body. `fresh`: made by this node a moment ago. */
bool dag_body_is_allowed(struct dag *d, enum event_kind kind, struct pando_slice body,
                         bool fresh);
/* Name the blob in `op->bytes`, and its chunks. */
enum pando_status dag_list_chunks(struct dag_op *op);

/* verbs.c, report.c, stream.c, config.c, metrics.c */
extern const char *const dag_verbs[];
void dag_call(struct dag *d, const struct space_input *in);
void dag_report_ls(struct dag *d, uint64_t token, uint32_t limit, uint64_t before,
                   int kind, const struct pando_key *author);
void dag_report_show(struct dag *d, uint64_t token, const struct pando_id *id);
void dag_report_receipt(struct dag *d, uint64_t token, const struct pando_id *receipt);
void dag_report_heads(struct dag *d, uint64_t token);
void dag_report_vector(struct dag *d, uint64_t token);
void dag_report_stats(struct dag *d, uint64_t token);
void dag_report_nodes(struct dag *d, uint64_t token);
void dag_report_equivocations(struct dag *d, uint64_t token);
enum pando_status dag_report_event(struct pando_buf *b, const struct event *ev,
                                   bool body);
void dag_stream_run(struct dag *d, struct dag_op *op);
enum pando_status dag_config_load(struct pando_slice json, struct dag_config *ret,
                                  struct pando_buf *ret_addresses,
                                  struct pando_err *reterr);
size_t dag_metrics(const void *instance, struct space_metric *ret, size_t cap);
size_t dag_status(const void *instance, char *ret_text, size_t cap);

#endif
