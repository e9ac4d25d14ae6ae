/* api_impl.h - the inside of the api, shared by its own files only.
 *
 *   api.c      life-cycle, deadlines, what the host calls
 *   listen.c   sockets: bind with errors that name the remedy
 *   door.c     accept, the peek at the first byte, the caps
 *   http.c     libmicrohttpd's callbacks: a request, first header to last byte
 *   dispatch.c a whole request becomes a call of the backend, REST or JSON-RPC
 *   upgrade.c  a request for a WebSocket: its socket goes to src/ws
 *   reply.c    what the backend answers becomes a response
 *   jsonl*.c   the JSON-lines chat dialect (jsonl.h)
 */
#ifndef API_API_IMPL_H
#define API_API_IMPL_H

#include "api/access.h"
#include "api/api.h"
#include "api/route.h"
#include "base/buf.h"

#include <jansson.h>
#include <microhttpd.h>
#include <sys/socket.h>

enum api_handle { HANDLE_TCP = 1, HANDLE_UNIX = 2, HANDLE_HTTP = 3, HANDLE_PENDING = 16 };

/* A connection whose first byte has not come. fd -1: the slot is free. */
struct pending {
    int fd;
    bool control;
    bool tls; /* fd is the plain end of a relay */
    char local_ip[46]; /* with TLS */
    struct pando_time deadline;
    struct sockaddr_storage address;
    socklen_t address_len;
};

/* A connection that speaks HTTP, from MHD's start to its close notice. */
struct connection {
    struct connection *prev, *next;
    int fd;
    bool control;
    bool loopback;
    bool first;              /* no request was completed yet */
    bool calling;            /* a whole request is here; its lateness is ours */
    struct pando_time since; /* start, or the end of the last request */
    char local_ip[46];
    char remote[64]; /* for people */
};

enum request_stage {
    REQUEST_BODY,   /* arriving */
    REQUEST_CALLED, /* the backend has it */
    REQUEST_QUEUED, /* the response is MHD's; parts may still come */
};

struct request {
    struct api *api;
    struct connection *connection;
    struct MHD_Connection *http;
    uint64_t token;
    enum request_stage stage;
    bool suspended;
    bool cut; /* close instead of answering further */

    struct route_match match;
    char *uri; /* as sent; cut at its query once begun */
    bool begun;
    json_t *args;
    struct pando_buf body;
    bool body_over;

    bool rpc;
    bool rpc_notice; /* no id: nothing is answered */
    char *rpc_id;    /* JSON text */

    bool answered; /* a first part or an error is in `out` */
    bool more;
    int http_status;
    bool upgrade;      /* answered with 101 */
    bool upgrade_hint; /* 426: say what is spoken */
    bool challenge; /* 401: add WWW-Authenticate */
    char content_type[64];
    struct pando_buf out;
    size_t out_taken; /* bytes of `out` that MHD has */
};

struct jsonl; /* jsonl.h */

struct api {
    struct api_config config;
    struct jsonl *jsonl;
    char lines_space[64];
    char token[512];
    char hosts[API_HOSTS_MAX][256];
    const char *host_list[API_HOSTS_MAX];
    char origins[API_HOSTS_MAX][256];
    const char *origin_list[API_HOSTS_MAX];
    char socket_path[108];
    bool socket_bound;
    int tcp_fd, unix_fd, http_fd;
    uint16_t port;
    struct MHD_Daemon *daemon;
    struct pando_time now;
    struct pando_time
        accept_at;              /* accepting is paused until then (descriptors ran out) */
    struct pando_time check_at; /* next look for clients that left while we work */
    struct pando_time run_at;   /* MHD's own next timeout */
    size_t pending_len;
    bool paused;
    bool run_again; /* something was resumed: MHD must run */
    bool stopping;
    struct pending *pending; /* config.connections_max slots */
    struct connection *connections;
    struct request **requests; /* config.connections_max slots */
    const struct pending *adding; /* while MHD takes it over */
    uint64_t next_serial;
    size_t body_bytes; /* of all requests */
    size_t out_bytes;
    struct api_counters counters;
};

/* listen.c */
enum pando_status listen_tcp(const char *address, uint16_t port, int *ret_fd,
                             uint16_t *ret_port, struct pando_err *reterr) PANDO_MUST_USE;
enum pando_status listen_unix(const char *path, int *ret_fd,
                              struct pando_err *reterr) PANDO_MUST_USE;
bool listen_is_loopback(const struct sockaddr_storage *address);
/* The address at which a client has reached us, or "". */
void listen_local_ip(int fd, char text[46]);

/* door.c */
void door_accept(struct api *a, int fd, bool control);
void door_ready(struct api *a, size_t slot);
void door_expire(struct api *a);
struct pando_time door_deadline(const struct api *a);
void door_close(struct api *a);

/* http.c */
enum pando_status http_start(struct api *a, struct pando_err *reterr) PANDO_MUST_USE;
void http_add(struct api *a, struct pending *p);
void http_run(struct api *a);
/* The same, but free when there is nothing to do: for every turn of a busy loop. */
void http_run_due(struct api *a);
/* Cut the late and those that left. */
void http_expire(struct api *a);
struct pando_time http_deadline(const struct api *a);
void http_stop(struct api *a);

/* The rules at the door, for this request's headers. */
enum access_verdict request_access(struct request *r, bool write);

enum access_verdict request_access_pipe(struct request *r);

/* upgrade.c */
bool upgrade_is_wanted(struct request *r);
/* Whether the path takes WebSockets: the request is answered then, or will be upgraded. */
bool upgrade_begin(struct request *r, const char *method);
enum MHD_Result upgrade_queue(struct request *r);

/* dispatch.c: a whole request; afterwards it is answered or with the backend. */
void dispatch(struct request *r);

/* reply.c: an error as the answer; wake a suspended request. */
void reply_fail(struct request *r, int http_status, enum pando_status status,
                const char *text);
void reply_refuse(struct request *r, enum access_verdict verdict);
void reply_wake(struct request *r);
/* The sentence of a failed answer, which a backend gives as it is, as {"text":...} or as
 * {"error":{"text":...}}. */
void reply_error_text(enum pando_status status, struct pando_slice body, char *ret,
                      size_t cap);
/* Give the response to MHD. */
enum MHD_Result reply_queue(struct request *r);

#endif
