/* jsonl.h - the JSON-lines chat endpoint, shared by its own files and the api's.
 *
 * A connection whose first byte is `{` speaks one JSON object per line (jsonl_codec.h).
 * All clients together hold one `log.watch` of the backend; every delivered message is
 * handed to the clients that are in its room. A client knows which number comes next in
 * each of its rooms: when a higher one arrives (it asked for what it missed, or reads more
 * slowly than the room speaks), the hole is first filled by `log.read`. So nobody gets a
 * number twice or out of order, and a slow reader costs QUEUED_HIGH bytes, not a room's
 * length. One that takes nothing for `stall` is cut, with the reason as its last line. Of
 * the connections an eighth is not for chat clients.
 *
 *   jsonl.c        connections: reading, writing, deadlines
 *   jsonl_ask.c    what a client says becomes calls of the backend; their answers
 *   jsonl_room.c   what is delivered reaches the clients of its room
 *
 * Calls carry tokens of their own (JSONL_TOKEN), so that api_reply() tells them from
 * HTTP's. A reply may come within the call: it only queues bytes, the tick writes them.
 */
#ifndef API_JSONL_H
#define API_JSONL_H

#include "api/api_impl.h"
#include "api/jsonl_codec.h"

#define JSONL_TOKEN      (UINT64_C(1) << 46)
#define JSONL_WATCH_SLOT 0xffffu
#define HANDLE_LINES     0x20000u
#define JSONL_CALLS_MAX  64 /* of one client under way; then its socket waits */
#define JSONL_ROOMS_MAX  16 /* of one client; more are refused */
#define QUEUED_HIGH      (256u << 10) /* above it a client gets no messages until it reads */
#define QUEUED_MAX       (1u << 20)
#define READ_LIMIT       200 /* messages of one log.read */

enum jsonl_call_kind {
    JSONL_APPEND,
    JSONL_LOOK,     /* JOIN: where does the room end */
    JSONL_MEET,     /* JOIN: who are the members */
    JSONL_PULSE,    /* HEARTBEAT */
    JSONL_FILL,     /* a hole of a room is read */
};

struct jsonl_call {
    uint64_t token;
    enum jsonl_call_kind kind;
    uint64_t last_seq; /* JSONL_MEET: what JOIN_ACK says */
    char room[JSONL_NAME_MAX + 1];
    char msg_id[JSONL_NAME_MAX + 1];
};

struct jsonl_room {
    char name[JSONL_NAME_MAX + 1];
    uint64_t next; /* the number to be told next; 0: whatever comes */
    bool asked;    /* a CATCHUP_REQ: answer with CATCHUP_RESP lines */
    bool reading;  /* a JSONL_FILL is under way */
    bool behind;   /* there is more than was told */
};

struct jsonl_client {
    struct api *api;
    int fd;
    uint32_t slot;
    unsigned watched; /* enum api_events */
    bool may_write;
    bool ending;  /* no more reading; closed when its bytes are out, or at end_by */
    bool resume;  /* lines may wait in `in` */
    bool midway;  /* the bytes sent end within a line */
    int64_t sender_id;
    struct pando_time heard;   /* last bytes from it */
    struct pando_time line_by; /* for the line that has begun; NEVER */
    struct pando_time stalled; /* since when nothing was taken while bytes wait; NEVER */
    struct pando_time end_by;
    struct pando_buf in, out;
    size_t out_taken;
    size_t calls_len, rooms_len;
    struct jsonl_call calls[JSONL_CALLS_MAX];
    struct jsonl_room rooms[JSONL_ROOMS_MAX];
};

struct jsonl {
    struct jsonl_client **clients; /* connections_max slots */
    size_t len;
    uint64_t serial;
    uint64_t watch; /* token of the one log.watch, 0 none */
    struct pando_time watch_at; /* not before */
    bool again; /* bytes or lines wait for the tick */
    int64_t node_id; /* as last heard from log.status */
    uint64_t term;
};

/* jsonl.c */
enum pando_status jsonl_start(struct api *a) PANDO_MUST_USE;
void jsonl_add(struct api *a, struct pending *p);
void jsonl_ready(struct api *a, uint32_t handle, unsigned events);
void jsonl_tick(struct api *a);
struct pando_time jsonl_deadline(const struct api *a);
/* Tell every client why and close it. */
void jsonl_close_all(struct api *a, const char *why);
void jsonl_stop(struct api *a);
/* An ERROR as the last line; the client is closed when it is out. */
void jsonl_end(struct jsonl_client *c, const char *why);
size_t jsonl_queued(const struct jsonl_client *c);
/* Queue one line (the object is given back). */
void jsonl_say(struct jsonl_client *c, json_t *object);
void jsonl_say_bytes(struct jsonl_client *c, struct pando_slice line);
void jsonl_say_error(struct jsonl_client *c, enum pando_status status, const char *text,
                     const char *msg_id);

/* jsonl_ask.c */
void jsonl_take(struct jsonl_client *c, struct pando_slice line);
enum pando_status jsonl_reply(struct api *a, uint64_t token, enum pando_status status,
                              struct pando_slice body, bool more);
/* Ask the backend; `args` is given back. False: too many calls, or memory is out. */
bool jsonl_call(struct jsonl_client *c, const struct jsonl_call *call, const char *verb,
                json_t *args);

/* jsonl_room.c */
struct jsonl_room *jsonl_room_of(struct jsonl_client *c, const char *name);
struct jsonl_room *jsonl_room_join(struct jsonl_client *c, const char *name);
void jsonl_watch(struct api *a);
void jsonl_watched(struct api *a, enum pando_status status, struct pando_slice body, bool more);
/* Read on where a room is behind and the client has room. */
void jsonl_fill(struct jsonl_client *c);
void jsonl_filled(struct jsonl_client *c, const struct jsonl_call *call,
                  enum pando_status status, const json_t *answer);

#endif
