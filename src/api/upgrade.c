/* upgrade.c - a GET that asks for a WebSocket: checked here, answered with 101, and the socket
 * handed to src/ws.
 *
 * libmicrohttpd keeps its own descriptor for as long as an upgraded connection lives and counts
 * it among its connections; ours is a duplicate, and its own is closed at once.
 */
#include "api/api_impl.h"

#include "base/slice.h"
#include "ws/handshake.h"
#include "ws/ws.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static const char *header(struct request *r, const char *name)
{
    return MHD_lookup_connection_value(r->http, MHD_HEADER_KIND, name);
}

/* What is wrong with the request; NULL: nothing. */
static const char *fault_of(struct request *r, const char *method, int *ret_status)
{
    const char *version = header(r, "Sec-WebSocket-Version");
    const char *connection = header(r, "Connection");
    const char *key = header(r, "Sec-WebSocket-Key");
    if (!upgrade_is_wanted(r)) {
        *ret_status = 426;
        return "this path speaks WebSocket: connect to it with a ws:// or wss:// URL";
    }
    if (version == NULL || strcmp(version, "13") != 0) {
        *ret_status = 426;
        return "WebSocket version 13 is spoken here";
    }
    *ret_status = 400;
    if (strcmp(method, "GET") != 0)
        return "a WebSocket is asked for with GET";
    if (connection == NULL || !ws_header_names(connection, "upgrade"))
        return "an upgrade needs the header 'Connection: Upgrade'";
    if (key == NULL || !ws_key_is_valid(key))
        return "Sec-WebSocket-Key is 16 bytes in base64";
    *ret_status = 503;
    return ws_has_room(r->api->config.ws) ? NULL : "too many connections: try again later";
}

bool upgrade_is_wanted(struct request *r)
{
    const char *upgrade = header(r, "Upgrade");
    return upgrade != NULL && ws_header_names(upgrade, "websocket");
}

bool upgrade_begin(struct request *r, const char *method)
{
    const struct api_backend *backend = &r->api->config.backend;
    struct pando_err err = { 0 };
    int http_status = 404;
    if (r->api->config.ws == NULL || backend->takes_pipe == NULL)
        return false;
    const enum pando_status st = backend->takes_pipe(backend->ctx, r->uri, &err);
    if (st != PANDO_OK && !upgrade_is_wanted(r))
        return false; /* a route that is missing, like others */
    if (st != PANDO_OK) {
        reply_fail(r, pando_status_http(st), st, err.text);
        return true;
    }
    const enum access_verdict verdict = request_access_pipe(r);
    if (verdict != ACCESS_GRANTED) {
        reply_refuse(r, verdict);
        return true;
    }
    const char *fault = fault_of(r, method, &http_status);
    if (fault != NULL) {
        r->upgrade_hint = http_status == 426;
        reply_fail(r, http_status, http_status == 503 ? PANDO_BUSY : PANDO_INVALID, fault);
        return true;
    }
    r->upgrade = r->answered = true;
    return true;
}

static void on_upgraded(void *cls, struct MHD_Connection *http, void *req_cls,
                        const char *extra, size_t extra_len, MHD_socket socket,
                        struct MHD_UpgradeResponseHandle *handle)
{
    struct api *a = cls;
    const struct request *r = req_cls;
    (void)http;
    const int fd = fcntl(socket, F_DUPFD_CLOEXEC, 0);
    (void)MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
    a->run_again = true;
    if (fd < 0) {
        a->counters.overflow++;
        return;
    }
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    if (ws_adopt(a->config.ws, a->now, fd, slice_of(extra, extra_len), r->uri,
                 r->connection->remote) != PANDO_OK)
        a->counters.overflow++;
}

enum MHD_Result upgrade_queue(struct request *r)
{
    char accept[WS_ACCEPT_TEXT + 1];
    struct MHD_Response *response = MHD_create_response_for_upgrade(on_upgraded, r->api);
    if (response == NULL)
        return MHD_NO;
    r->stage = REQUEST_QUEUED;
    ws_key_accept(header(r, "Sec-WebSocket-Key"), accept);
    (void)MHD_add_response_header(response, "Upgrade", "websocket");
    (void)MHD_add_response_header(response, "Sec-WebSocket-Accept", accept);
    const enum MHD_Result result =
        MHD_queue_response(r->http, MHD_HTTP_SWITCHING_PROTOCOLS, response);
    MHD_destroy_response(response);
    return result;
}
