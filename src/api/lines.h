/* lines.h - the JSON-lines chat endpoint, shared by its own files and the api's.
 *
 * A connection whose first byte is `{` speaks one JSON object per line (lines_codec.h).
 * All clients together hold one `log.watch` of the backend; every delivered message is
 * handed to the clients that are in its room. A client knows which number comes next in
 * each of its rooms: when a higher one arrives (it asked for what it missed, or reads more
 * slowly than the room speaks), the hole is first filled by `log.read`. So nobody gets a
 * number twice or out of order, and a slow reader costs QUEUED_HIGH bytes, not a room's
 * length. One that takes nothing for `stall` is cut, with the reason as its last line.
 *
 *   lines.c        connections: reading, writing, deadlines
 *   lines_ask.c    what a client says becomes calls of the backend; their answers
 *   lines_room.c   what is delivered reaches the clients of its room
 *
 * Calls carry tokens of their own (LINES_TOKEN), so that api_reply() tells them from
 * HTTP's. A reply may come within the call: it only queues bytes, the tick writes them.
 */
#ifndef API_LINES_H
#define API_LINES_H

#include "api/api_impl.h"
#include "api/lines_codec.h"

#define LINES_TOKEN      (UINT64_C(1) << 46)
#define LINES_WATCH_SLOT 0xffffu
#define HANDLE_LINES     0x20000u
#define LINES_CALLS_MAX  64 /* of one client under way; then its socket waits */
#define LINES_ROOMS_MAX  16 /* of one client; more are refused */
#define QUEUED_HIGH      (256u << 10) /* above it a client gets no messages until it reads */
#define QUEUED_MAX       (1u << 20)
#define READ_LIMIT       200 /* messages of one log.read */

enum lines_call_kind {
    LINES_APPEND,
    LINES_LOOK,     /* JOIN: where does the room end */
    LINES_MEET,     /* JOIN: who are the members */
    LINES_PULSE,    /* HEARTBEAT */
    LINES_FILL,     /* a hole of a room is read */
};

struct lines_call {
    uint64_t token;
    enum lines_call_kind kind;
    uint64_t last_seq; /* LINES_MEET: what JOIN_ACK says */
    char room[LINES_NAME_MAX + 1];
    char msg_id[LINES_NAME_MAX + 1];
};

struct lines_room {
    char name[LINES_NAME_MAX + 1];
    uint64_t next; /* the number to be told next; 0: whatever comes */
    bool asked;    /* a CATCHUP_REQ: answer with CATCHUP_RESP lines */
    bool reading;  /* a LINES_FILL is under way */
    bool behind;   /* there is more than was told */
};

struct lines_client {
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
    struct lines_call calls[LINES_CALLS_MAX];
    struct lines_room rooms[LINES_ROOMS_MAX];
};

struct lines {
    struct lines_client **clients; /* connections_max slots */
    size_t len;
    uint64_t serial;
    uint64_t watch; /* token of the one log.watch, 0 none */
    struct pando_time watch_at; /* not before */
    bool again; /* bytes or lines wait for the tick */
    int64_t node_id; /* as last heard from log.status */
    uint64_t term;
};

/* lines.c */
enum pando_status lines_start(struct api *a) PANDO_MUST_USE;
void lines_add(struct api *a, struct pending *p);
void lines_ready(struct api *a, uint32_t handle, unsigned events);
void lines_tick(struct api *a);
struct pando_time lines_deadline(const struct api *a);
/* Tell every client why and close it. */
void lines_close_all(struct api *a, const char *why);
void lines_stop(struct api *a);
/* An ERROR as the last line; the client is closed when it is out. */
void lines_end(struct lines_client *c, const char *why);
size_t lines_queued(const struct lines_client *c);
/* Queue one line (the object is given back). */
void lines_say(struct lines_client *c, json_t *object);
void lines_say_bytes(struct lines_client *c, struct pando_slice line);
void lines_say_error(struct lines_client *c, enum pando_status status, const char *text,
                     const char *msg_id);

/* lines_ask.c */
void lines_take(struct lines_client *c, struct pando_slice line);
enum pando_status lines_reply(struct api *a, uint64_t token, enum pando_status status,
                              struct pando_slice body, bool more);
/* Ask the backend; `args` is given back. False: too many calls, or memory is out. */
bool lines_call(struct lines_client *c, const struct lines_call *call, const char *verb,
                json_t *args);

/* lines_room.c */
struct lines_room *lines_room_of(struct lines_client *c, const char *name);
struct lines_room *lines_room_join(struct lines_client *c, const char *name);
void lines_watch(struct api *a);
void lines_watched(struct api *a, enum pando_status status, struct pando_slice body, bool more);
/* Read on where a room is behind and the client has room. */
void lines_fill(struct lines_client *c);
void lines_filled(struct lines_client *c, const struct lines_call *call,
                  enum pando_status status, const json_t *answer);

#endif
