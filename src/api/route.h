/* route.h - which verb a method and a path mean; the whole surface of a node in two
 * lists.
 *
 * A verb is a name of the backend with its rights: reading, writing (access.h asks for
 * more) and whether its answer may stream. Every verb is reachable as POST /api/VERB and,
 * when it only reads, as GET /api/VERB with the arguments in the query. A GET never
 * writes, so that no image tag of a foreign page can. Routes give the common ones a REST
 * path whose {parts} become arguments.
 */
#ifndef API_ROUTE_H
#define API_ROUTE_H

#include <pando/types.h>

/* X(name, rights, arguments, summary) */
#define API_VERBS(X)                                                                   \
    X("health", READ, "", "Is the node well")                                          \
    X("metrics", READ, "", "Numbers in Prometheus' text format")                       \
    X("status", READ, "", "Identity, addresses, counts, durability")                   \
    X("peer.ls", READ, "", "Known peers and their links")                              \
    X("peer.add", WRITE, "address", "Stay linked with an address")                     \
    X("peer.rm", WRITE, "peer", "Forget a peer and cut its link")                      \
    X("peer.ban", WRITE, "peer, reason", "Refuse a peer from now on")                  \
    X("peer.unban", WRITE, "peer", "Allow a peer that was banned")                     \
    X("peer.ping", READ, "peer", "Round trip to a linked peer")                        \
    X("space.ls", READ, "", "Spaces of this node")                                     \
    X("space.create", WRITE, "name, kind, access, config", "Make a space and open it") \
    X("space.join", WRITE, "name, kind, access, config",                               \
      "Open a space that another node made")                                           \
    X("space.rm", WRITE, "space", "Close a space and delete its data here")            \
    X("dag.ls", READ, "space, limit, before, kind, author", "Events, newest first")    \
    X("dag.show", READ, "space, id", "One event")                                      \
    X("dag.heads", READ, "space", "Events without children")                           \
    X("dag.stats", READ, "space", "Counts of events, authors, heads, gaps")            \
    X("dag.equivocations", READ, "space", "Proofs that an author used a number twice") \
    X("dag.export", STREAM, "space", "All events as a CAR archive")                    \
    X("dag.nodes", READ, "space", "Authors heard of, by their heartbeats")             \
    X("dag.vector", READ, "space", "Last number of each author")                       \
    X("dag.watch", STREAM, "space, since", "Events as they are stored, as JSON lines") \
    X("dag.append", WRITE, "space, kind, body", "Sign and store an event")             \
    X("dag.append_many", WRITE, "space, count, size, quiet",                           \
      "Many events, for measuring")                                                    \
    X("dag.announce", WRITE, "space", "Announce this node now")                        \
    X("dag.blob_put", WRITE, "space, data", "Keep a blob")                             \
    X("dag.blob_get", STREAM, "space, id, fetch, timeout_ms, raw",                     \
      "A blob, fetched if absent")                                                     \
    X("log.append", WRITE,                                                             \
      "space, room, text, bytes, sender, client, counter, msg_id, timeout_ms",         \
      "Say something in a room; answered once a quorum has it on disk")                \
    X("log.append_batch", BYTES, "",                                                   \
      "Encoded messages at a high rate; log.h says what the body is")                   \
    X("log.append_many", WRITE, "space, room, sender, texts", "Several, in this order") \
    X("log.read", READ, "space, room, from, limit, linear", "Messages of a room")      \
    X("log.watch", STREAM, "space, room, from, roles",                                 \
      "Messages as they are delivered, as JSON lines")                                 \
    X("log.rooms", READ, "space", "Rooms and their last numbers")                      \
    X("log.status", READ, "space", "Role, leader, term, members, quorum")              \
    X("log.members", READ, "space", "Members of a log space")                          \
    X("log.transfer", WRITE, "space, to", "Hand the lead to another member")           \
    X("log.leave", WRITE, "space", "Leave the group for good")                         \
    X("log.remove", WRITE, "space, id", "Take another member out for good")            \
    X("log.recover", WRITE, "space, members, unsafe",                                  \
      "Go on without a quorum; may lose what was acknowledged")                        \
    X("delta.create", WRITE,                                                           \
      "space, id, timestamp, author, system, pointers, deltas",                        \
      "Store deltas; answered once they are durable")                                  \
    X("delta.get", READ, "space, id", "One delta, and whether it is negated")          \
    X("delta.query", READ,                                                             \
      "space, filter, limit, cursor, descending, at",                                  \
      "Deltas that pass a filter, in order of time")                                   \
    X("delta.negate", WRITE,                                                           \
      "space, id, reason, author, absent",                                             \
      "Take a delta back, by another one")                                             \
    X("delta.watch", STREAM,                                                           \
      "space, filter, since",                                                          \
      "Deltas as they become durable, as JSON lines")                                  \
    X("delta.subs.ls", READ, "space", "Who watches deltas, and what waits for them")   \
    X("delta.subs.pause", WRITE, "space, id", "Hold a watcher back")                   \
    X("delta.subs.resume", WRITE, "space, id", "Let a paused watcher go on")           \
    X("delta.import", BYTES,                                                           \
      "",                                                                              \
      "JSON lines or an archive, behind the name of the space; see spaces.h")                        \
    X("delta.export", STREAM, "space, filter", "All deltas as JSON lines")             \
    X("delta.archive", STREAM, "space, before",                                        \
      "What was negated by then, as a CAR archive; nothing changes yet")               \
    X("delta.archive_commit", WRITE, "space",                                          \
      "Take out what the last archive gave, and free its room")                        \
    X("delta.hash", READ, "space", "One hash of all deltas: equal sets, equal hashes") \
    X("delta.stats", READ, "space", "Counts of deltas, views, rows")                   \
    X("delta.hyperview", READ,                                                         \
      "space, id, schema",                                                             \
      "All that is said about an object")                                              \
    X("delta.view", READ,                                                              \
      "space, id, schema, view, at",                                                   \
      "An object, one value per property")                                             \
    X("delta.at", READ,                                                                \
      "space, id, schema, at",                                                         \
      "All that was said about an object at a time")                                   \
    X("delta.timeline", READ, "space, id, start, end", "When an object changed")       \
    X("delta.snapshot", READ, "space, at", "Counts at a time")                         \
    X("delta.stats_at", READ, "space, at", "Counts, authors and systems at a time")    \
    X("delta.replay", READ,                                                            \
      "space, id, schema, start, end, maxSnapshots",                                   \
      "An object at each of its changes")                                              \
    X("delta.changes", READ,                                                           \
      "space, id, property, schema",                                                   \
      "How one property changed")                                                      \
    X("delta.compare", READ, "space, id, schema, from, to", "An object at two times")  \
    X("delta.origin", READ, "space, id", "The first delta about an object")            \
    X("delta.schema.register", WRITE,                                                  \
      "space, schema, view, validate, keep",                                           \
      "Make a schema or a view known")                                                 \
    X("delta.schema.ls", READ, "space", "Schemas and views that are known")            \
    X("delta.schema.show", READ, "space, id", "One schema")                            \
    X("delta.schema.check", READ, "space", "Circles, depth and holes of the schemas")  \
    X("delta.schema.load", WRITE, "space, id", "Read schemas that are kept as deltas") \
    X("delta.schema.changed", READ,                                                    \
      "space, id",                                                                     \
      "Whether a schema kept as deltas has changed")                                   \
    X("delta.schema.deltas", READ,                                                     \
      "space, id",                                                                     \
      "A schema as the deltas that would keep it")                                     \
    X("delta.schema.rm", WRITE, "space, id", "Forget a registered schema or view")     \
    X("delta.cache.stats", READ,                                                       \
      "space",                                                                         \
      "Materialised views: hits, misses, evictions")                                   \
    X("fed.connect", WRITE,                                                            \
      "space, url, mode, initialSync, syncFromTimestamp, pushFilter, "                 \
      "pullFilter, trustPolicy, reconnect, keep",                                      \
      "Link with another instance over WebSocket")                                     \
    X("fed.links", READ, "space", "Federation links")                                  \
    X("fed.link", READ, "space, id", "One federation link")                            \
    X("fed.pause", WRITE, "space, id", "Hold a federation link back")                  \
    X("fed.resume", WRITE, "space, id", "Let a paused link go on where it stood")      \
    X("fed.configure", WRITE,                                                          \
      "space, id, mode, initialSync, syncFromTimestamp, pushFilter, "                  \
      "pullFilter, trustPolicy, reconnect",                                            \
      "Change what is named of a federation link; null: default")                         \
    X("fed.disconnect", WRITE, "space, id", "End a federation link")                   \
    X("fed.watch", STREAM, "space, ready", "What happens on federation links, as JSON lines") \
    X("pubsub.subscribe", WRITE, "topic", "Take part in a plain gossipsub topic")      \
    X("pubsub.publish", WRITE, "topic, data", "Publish on a plain topic")              \
    X("pubsub.messages", READ, "topic, since", "Messages kept of a plain topic")       \
    X("receipt.show", READ, "id, space", "One receipt")                                \
    X("receipt.verify", READ, "receipt, max_age_s, replay", "Check a receipt")         \
    X("exec.run", WRITE, "capsule, input, limits, store, space", "Run a capsule")      \
    X("exec.validate", READ, "capsule", "Check a capsule without running it")          \
    X("log.level", WRITE, "level", "Change what is logged")                            \
    X("link.cut", WRITE, "peer", "Cut the link to a peer, or to all")                  \
    X("link.heal", WRITE, "peer", "Allow links that were cut")                         \
    X("store.backup", WRITE, "path", "Copy the stores while running")                  \
    X("store.verify", READ, "", "Check the stores while running")                      \
    X("node.stop", WRITE, "", "Stop the node in order")                                \
    X("node.watch", STREAM, "", "Everything that happens, as JSON lines")

/* X(method, path, verb) */
#define API_ROUTES(X)                                               \
    X("GET", "/health", "health")                                   \
    X("GET", "/metrics", "metrics")                                 \
    X("GET", "/api/status", "status")                               \
    X("GET", "/api/peers", "peer.ls")                               \
    X("POST", "/api/peers", "peer.add")                             \
    X("DELETE", "/api/peers/{peer}", "peer.rm")                     \
    X("POST", "/api/peers/{peer}/ban", "peer.ban")                  \
    X("DELETE", "/api/peers/{peer}/ban", "peer.unban")              \
    X("GET", "/api/peers/{peer}/ping", "peer.ping")                 \
    X("GET", "/api/spaces", "space.ls")                             \
    X("POST", "/api/spaces", "space.create")                        \
    X("POST", "/api/spaces/join", "space.join")                     \
    X("DELETE", "/api/spaces/{space}", "space.rm")                  \
    X("GET", "/api/dag/{space}/events", "dag.ls")                   \
    X("GET", "/api/dag/{space}/events/{id}", "dag.show")            \
    X("GET", "/api/dag/{space}/heads", "dag.heads")                 \
    X("GET", "/api/dag/{space}/stats", "dag.stats")                 \
    X("GET", "/api/dag/{space}/equivocations", "dag.equivocations") \
    X("GET", "/api/dag/{space}/export", "dag.export")               \
    X("POST", "/api/dag/{space}/events", "dag.append")              \
    X("GET", "/api/dag/{space}/nodes", "dag.nodes")                 \
    X("GET", "/api/dag/{space}/watch", "dag.watch")                 \
    X("GET", "/api/dag/{space}/blobs/{id}", "dag.blob_get")         \
    X("GET", "/api/log/{space}/rooms", "log.rooms")                 \
    X("GET", "/api/log/{space}/status", "log.status")               \
    X("GET", "/api/log/{space}/messages", "log.read")               \
    X("POST", "/api/log/{space}/messages", "log.append")            \
    X("GET", "/api/log/{space}/watch", "log.watch")                 \
    X("POST", "/api/delta/{space}/deltas", "delta.create")          \
    X("GET", "/api/delta/{space}/deltas", "delta.query")            \
    X("GET", "/api/delta/{space}/deltas/{id}", "delta.get")         \
    X("POST", "/api/delta/{space}/deltas/{id}/negate", "delta.negate") \
    X("POST", "/api/delta/{space}/query", "delta.query")            \
    X("GET", "/api/delta/{space}/objects/{id}", "delta.hyperview")  \
    X("GET", "/api/delta/{space}/objects/{id}/view", "delta.view")  \
    X("POST", "/api/delta/{space}/objects/{id}/view", "delta.view") \
    X("GET", "/api/delta/{space}/objects/{id}/at", "delta.at")      \
    X("GET", "/api/delta/{space}/objects/{id}/timeline", "delta.timeline") \
    X("GET", "/api/delta/{space}/objects/{id}/origin", "delta.origin") \
    X("GET", "/api/delta/{space}/objects/{id}/replay", "delta.replay") \
    X("GET", "/api/delta/{space}/objects/{id}/changes", "delta.changes") \
    X("GET", "/api/delta/{space}/objects/{id}/compare", "delta.compare") \
    X("GET", "/api/delta/{space}/snapshot", "delta.snapshot")       \
    X("GET", "/api/delta/{space}/stats", "delta.stats")             \
    X("GET", "/api/delta/{space}/hash", "delta.hash")               \
    X("GET", "/api/delta/{space}/export", "delta.export")           \
    X("POST", "/api/delta/{space}/import", "delta.import")          \
    X("GET", "/api/delta/{space}/archive", "delta.archive")         \
    X("POST", "/api/delta/{space}/archive/commit", "delta.archive_commit") \
    X("GET", "/api/delta/{space}/watch", "delta.watch")             \
    X("GET", "/api/delta/{space}/schemas", "delta.schema.ls")       \
    X("POST", "/api/delta/{space}/schemas", "delta.schema.register") \
    X("GET", "/api/delta/{space}/schemas/{id}", "delta.schema.show") \
    X("DELETE", "/api/delta/{space}/schemas/{id}", "delta.schema.rm") \
    X("GET", "/api/federation/{space}/links", "fed.links")          \
    X("POST", "/api/federation/{space}/links", "fed.connect")       \
    X("GET", "/api/federation/{space}/links/{id}", "fed.link")      \
    X("DELETE", "/api/federation/{space}/links/{id}", "fed.disconnect") \
    X("POST", "/api/federation/{space}/links/{id}/configure", "fed.configure") \
    X("POST", "/api/federation/{space}/links/{id}/pause", "fed.pause") \
    X("POST", "/api/federation/{space}/links/{id}/resume", "fed.resume") \
    X("GET", "/api/federation/{space}/watch", "fed.watch")          \
    X("GET", "/api/receipts/{id}", "receipt.show")                  \
    X("POST", "/api/receipts/verify", "receipt.verify")             \
    X("POST", "/api/exec", "exec.run")                              \
    X("POST", "/api/validate", "exec.validate")                     \
    X("POST", "/api/log-level", "log.level")                        \
    X("POST", "/api/links/cut", "link.cut")                         \
    X("POST", "/api/links/heal", "link.heal")                       \
    X("POST", "/api/backup", "store.backup")                        \
    X("POST", "/api/stop", "node.stop")                             \
    X("GET", "/api/watch", "node.watch")

enum route_rights {
    ROUTE_READ,
    ROUTE_WRITE,
    ROUTE_STREAM, /* reads, in parts */
    ROUTE_BYTES,  /* writes; its arguments are the body's bytes, whatever they are */
};

struct route_verb {
    const char *name;
    enum route_rights rights;
    const char *args;
    const char *summary;
};

struct route_row {
    const char *method;
    const char *path;
    const char *verb;
};

#define ROUTE_PARAMS_MAX 3
#define ROUTE_PARAM_MAX  160 /* bytes of one decoded part of a path */

struct route_param {
    char name[16];
    char value[ROUTE_PARAM_MAX];
};

enum route_result {
    ROUTE_FOUND,
    ROUTE_LIST,       /* GET /api: the table itself */
    ROUTE_RPC,        /* POST /rpc */
    ROUTE_MISSING,    /* no such path; `near` may name one */
    ROUTE_BAD_METHOD, /* `allow` lists the methods */
};

struct route_match {
    enum route_result result;
    const struct route_verb *verb;
    struct route_param params[ROUTE_PARAMS_MAX];
    size_t params_len;
    char near[96];
    char allow[48];
};

/* Find what `method` on `path` means (`path` without query, not yet percent-decoded).
 * Pure; cost: O(routes). */
void route_find(const char *method, const char *path, struct route_match *ret_match);
const struct route_verb *route_verb_find(const char *name); /* or NULL */
bool route_writes(const struct route_verb *verb);

size_t route_verbs_len(void);
const struct route_verb *route_verb_at(size_t index);
size_t route_rows_len(void);
const struct route_row *route_row_at(size_t index);

/* Percent-decode `len` bytes; false on a bad escape, a zero byte, or over `cap` with its
 * terminator. `plus`: a plus sign is a space, as in queries. */
bool route_decode(const char *text, size_t len, bool plus, char *ret_text, size_t cap);

#endif
