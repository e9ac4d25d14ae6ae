/* delta.h - a database of deltas inside your program, federated with others over WebSocket.
 *
 * A delta is one immutable statement with its author and time; what is true of an object is
 * computed from all deltas about it. Instances that are linked hold the same deltas in the
 * end, in whatever order they came.
 *
 *     struct pando_delta_config config = PANDO_DELTA_CONFIG;
 *     config.storage = PANDO_DELTA_MEMORY;
 *     config.system_id = "my-server";
 *     config.federation.enable_server = true;
 *     config.federation.port = 8080;
 *     pando_delta_open(&config, &server, &err);
 *
 *     struct pando_delta_link_config how = PANDO_DELTA_LINK_CONFIG;
 *     how.mode = PANDO_DELTA_BIDIRECTIONAL;
 *     pando_delta_connect_remote(client, "ws://localhost:8080/federation", &how, &link, &err);
 *
 * A database is a node with one delta space (node.h): pando_delta_node() gives it, for
 * everything that has no call here. docs/guide/delta-api.md tells it all by example.
 *
 * Thread: any, but for the callbacks, which run on the node's thread: they may not wait, so
 * of the calls below only pando_delta_unsubscribe may be made there. Texts that a call
 * gives (`ret_text`) are terminated JSON and yours to free().
 */
#ifndef PANDO_DELTA_H
#define PANDO_DELTA_H

#include <pando/node.h>
#include <pando/status.h>
#include <pando/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pando_delta_db;
struct pando_delta_subscription;

enum pando_delta_storage {
    PANDO_DELTA_DURABLE, /* acknowledged is on disk */
    PANDO_DELTA_MEMORY   /* in no file; gone when the database is closed */
};

/* Whose deltas are taken. Every part that is given must agree; none: everybody's. */
struct pando_delta_trust {
    const char *const *authors;
    size_t authors_len;
    const char *const *systems;
    size_t systems_len;
    const char *capsule; /* CID of a capsule that judges each delta; NULL: none */
};

struct pando_delta_config {
    size_t size; /* of this struct, as your compiler sees it: set by PANDO_DELTA_CONFIG */
    enum pando_delta_storage storage;
    const char *data;      /* folder of key and deltas; NULL: ./NAME_data, or with
                              PANDO_DELTA_MEMORY one that is gone at close */
    const char *system_id; /* how peers know this instance; NULL: "pando" */
    const char *author;    /* of deltas that name none; NULL: the system_id */
    const char *space;     /* NULL: "deltas" */
    uint32_t cache_size;   /* views that are kept; 0: 1000 */
    const char *log_level; /* NULL: "warning" */
    struct {
        bool enable_server;       /* take links of others */
        uint16_t port;            /* TCP; 0: a free one */
        const char *listen;       /* NULL: 127.0.0.1 */
        const char *path;         /* NULL: "/federation" */
        uint32_t max_connections; /* 0: 1000 */
        struct pando_delta_trust trust;
        bool auto_broadcast;      /* send what is new to those who linked here */
    } federation;
};

#define PANDO_DELTA_CONFIG                                                                  \
    {                                                                                       \
        sizeof(struct pando_delta_config), PANDO_DELTA_DURABLE, NULL, NULL, NULL, NULL, 0,  \
            NULL,                                                                           \
        {                                                                                   \
            false, 0, NULL, NULL, 0, { NULL, 0, NULL, 0, NULL }, true                       \
        }                                                                                   \
    }

/* Open, and run on a thread of its own. The config is copied.
 * Errors: as pando_node_open; PANDO_UNSUPPORTED config.size is another version's. */
PANDO_EXPORT enum pando_status pando_delta_open(const struct pando_delta_config *config,
                                                struct pando_delta_db **ret_db,
                                                struct pando_err *reterr) PANDO_MUST_USE;
/* Ends links and subscriptions, makes everything durable, frees. Accepts NULL. */
PANDO_EXPORT void pando_delta_close(struct pando_delta_db *db);
/* The node beneath. Valid until the database is closed. */
PANDO_EXPORT struct pando_node *pando_delta_node(struct pando_delta_db *db);

/* ---- deltas ---- */

#define PANDO_DELTA_ID_MAX 513 /* bytes of an id and its zero */

enum pando_delta_kind { PANDO_DELTA_TEXT, PANDO_DELTA_NUMBER, PANDO_DELTA_BOOLEAN, PANDO_DELTA_REF };

struct pando_delta_pointer {
    const char *role;
    enum pando_delta_kind kind;
    const char *text;    /* of a TEXT; the id of a REF */
    const char *context; /* of a REF, or NULL */
    double number;
    bool boolean;
};

static inline struct pando_delta_pointer pando_delta_ref(const char *role, const char *id,
                                                         const char *context)
{
    struct pando_delta_pointer p = { role, PANDO_DELTA_REF, id, context, 0, false };
    return p;
}
static inline struct pando_delta_pointer pando_delta_text(const char *role, const char *text)
{
    struct pando_delta_pointer p = { role, PANDO_DELTA_TEXT, text, NULL, 0, false };
    return p;
}
static inline struct pando_delta_pointer pando_delta_number(const char *role, double number)
{
    struct pando_delta_pointer p = { role, PANDO_DELTA_NUMBER, NULL, NULL, number, false };
    return p;
}
static inline struct pando_delta_pointer pando_delta_boolean(const char *role, bool boolean)
{
    struct pando_delta_pointer p = { role, PANDO_DELTA_BOOLEAN, NULL, NULL, 0, boolean };
    return p;
}

/* Store a delta; back when it is durable. `author` NULL: the database's; `ret_id` may be NULL.
 * Errors: PANDO_INVALID names what is wrong; PANDO_BUSY try again; PANDO_NOSPACE. */
PANDO_EXPORT enum pando_status pando_delta_create(struct pando_delta_db *db, const char *author,
                                                  const struct pando_delta_pointer *pointers,
                                                  size_t len, char ret_id[PANDO_DELTA_ID_MAX],
                                                  struct pando_err *reterr) PANDO_MUST_USE;
/* Take a delta back, by another one. `reason` may be NULL. Errors: PANDO_NOT_FOUND. */
PANDO_EXPORT enum pando_status pando_delta_negate(struct pando_delta_db *db, const char *id,
                                                  const char *reason,
                                                  char ret_id[PANDO_DELTA_ID_MAX],
                                                  struct pando_err *reterr) PANDO_MUST_USE;
/* {"filter":{...},"limit":100,"cursor":"...","descending":false,"at":ms}, each where wanted;
 * NULL: the first 100. Gives {"deltas":[...],"cursor":...}. */
PANDO_EXPORT enum pando_status pando_delta_query(struct pando_delta_db *db, const char *json,
                                                 char **ret_text,
                                                 struct pando_err *reterr) PANDO_MUST_USE;
/* All that is said about an object, by property. `schema` NULL: the plain one. */
PANDO_EXPORT enum pando_status pando_delta_hyperview(struct pando_delta_db *db, const char *object,
                                                     const char *schema, char **ret_text,
                                                     struct pando_err *reterr) PANDO_MUST_USE;
/* An object with one value per property. `view`: the name of a registered one, or JSON; NULL: the
 * registered one with the schema's id, else every property with its most recent value. */
PANDO_EXPORT enum pando_status pando_delta_view(struct pando_delta_db *db, const char *object,
                                                const char *schema, const char *view,
                                                char **ret_text,
                                                struct pando_err *reterr) PANDO_MUST_USE;

/* ---- links ---- */

enum pando_delta_mode { PANDO_DELTA_BIDIRECTIONAL, PANDO_DELTA_PUSH, PANDO_DELTA_PULL };
enum pando_delta_sync { PANDO_DELTA_FULL, PANDO_DELTA_FROM_TIMESTAMP, PANDO_DELTA_NONE };

struct pando_delta_link_config {
    size_t size; /* set by PANDO_DELTA_LINK_CONFIG */
    enum pando_delta_mode mode;
    enum pando_delta_sync initial_sync;
    int64_t sync_from_timestamp; /* ms, inclusive; of FROM_TIMESTAMP */
    const char *push_filter;     /* JSON, as {"authors":["alice"]}; NULL: all */
    const char *pull_filter;
    struct pando_delta_trust trust;
    struct {
        bool enabled;
        uint32_t max_attempts;  /* 0: for ever */
        uint32_t initial_delay; /* ms */
        uint32_t max_delay;
        double backoff_multiplier;
    } reconnect;
    bool keep; /* linked again whenever this database is opened, until it is disconnected; of a
                  database in memory nothing is kept */
};

#define PANDO_DELTA_LINK_CONFIG                                                             \
    {                                                                                       \
        sizeof(struct pando_delta_link_config), PANDO_DELTA_BIDIRECTIONAL, PANDO_DELTA_FULL, \
            0, NULL, NULL, { NULL, 0, NULL, 0, NULL },                                      \
        {                                                                                   \
            true, 5, 1000, 30000, 2                                                         \
        },                                                                                  \
            true                                                                            \
    }

struct pando_delta_link {
    char id[40];
};

struct pando_delta_link_stats {
    char status[16]; /* disconnected, connecting, connected, syncing, paused, error */
    uint64_t deltas_sent, deltas_received;
    uint64_t deltas_rejected; /* theirs, by us */
    uint64_t deltas_refused;  /* ours, by them */
    uint64_t deltas_acked, bytes_sent, bytes_received;
    int64_t last_sync, connected_at; /* ms; 0: never */
};

/* Link with another instance: ws:// or wss://. Does not wait for the connection; events tell how
 * it goes. A link that is kept is on disk when this is back, and takes the place of an earlier one
 * with the same URL: a program may ask for it at every start. `config` NULL:
 * PANDO_DELTA_LINK_CONFIG. Errors: PANDO_INVALID, with the remedy; PANDO_FULL 256 are kept. */
PANDO_EXPORT enum pando_status
pando_delta_connect_remote(struct pando_delta_db *db, const char *url,
                           const struct pando_delta_link_config *config,
                           struct pando_delta_link *ret_link,
                           struct pando_err *reterr) PANDO_MUST_USE;
/* {"links":[{"id","status","direction","remoteSystemId","config","stats",...}]} */
PANDO_EXPORT enum pando_status pando_delta_links(struct pando_delta_db *db, char **ret_text,
                                                 struct pando_err *reterr) PANDO_MUST_USE;
/* Errors of these: PANDO_NOT_FOUND the link has ended. A kept link that is disconnected is
 * forgotten. */
PANDO_EXPORT enum pando_status pando_delta_link_stats(struct pando_delta_db *db,
                                                      const struct pando_delta_link *link,
                                                      struct pando_delta_link_stats *ret_stats,
                                                      struct pando_err *reterr) PANDO_MUST_USE;
PANDO_EXPORT enum pando_status pando_delta_link_pause(struct pando_delta_db *db,
                                                      const struct pando_delta_link *link,
                                                      struct pando_err *reterr) PANDO_MUST_USE;
PANDO_EXPORT enum pando_status pando_delta_link_resume(struct pando_delta_db *db,
                                                       const struct pando_delta_link *link,
                                                       struct pando_err *reterr) PANDO_MUST_USE;
PANDO_EXPORT enum pando_status pando_delta_link_disconnect(struct pando_delta_db *db,
                                                           const struct pando_delta_link *link,
                                                           struct pando_err *reterr) PANDO_MUST_USE;

/* ---- events and subscriptions ---- */

/* `type`: link:connecting, link:connected, link:disconnected, link:error, link:paused,
 * link:resumed, delta:sent, delta:received, delta:rejected, sync:started, sync:completed.
 * What an event does not have is "". Valid during the callback. */
struct pando_delta_event {
    const char *type;
    const char *link_id;
    const char *remote_url;       /* of link:connecting */
    const char *remote_system_id; /* of link:connected */
    const char *delta_id;         /* of delta:... */
    const char *reason;           /* of link:disconnected, link:error, delta:rejected */
    uint64_t deltas_processed;    /* of sync:completed */
};

typedef void (*pando_delta_event_fn)(void *ctx, const struct pando_delta_event *event);
/* One delta as JSON, not terminated; valid during the callback. */
typedef void (*pando_delta_fn)(void *ctx, struct pando_slice delta);

/* Be told what happens on links from now on: once this is back, nothing is missed. Give
 * `*ret_sub` to pando_delta_unsubscribe; closing the database frees it, too. */
PANDO_EXPORT enum pando_status
pando_delta_on_event(struct pando_delta_db *db, pando_delta_event_fn fn, void *ctx,
                     struct pando_delta_subscription **ret_sub,
                     struct pando_err *reterr) PANDO_MUST_USE;
/* Be told of each delta once it is durable, whoever made it. `filter` JSON or NULL; `since` in
 * ms: first those with that timestamp or a later one, -1: none of them.
 * Errors: PANDO_INVALID names what is wrong with the filter. */
PANDO_EXPORT enum pando_status
pando_delta_subscribe(struct pando_delta_db *db, const char *filter, int64_t since,
                      pando_delta_fn fn, void *ctx, struct pando_delta_subscription **ret_sub,
                      struct pando_err *reterr) PANDO_MUST_USE;
/* No callback runs after this, and `sub` is gone. Accepts NULL. */
PANDO_EXPORT void pando_delta_unsubscribe(struct pando_delta_subscription *sub);

#ifdef __cplusplus
}
#endif

#endif
