/* reply.c - what the backend answers becomes a response: whole, or in parts as they come.
 */
#include "api/jsonl.h"

#include "codec/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_BLOCK    (32u << 10)
#define QUEUED_FACTOR 2 /* all replies together, in units of queued_max */

void reply_wake(struct request *r)
{
    if (!r->suspended)
        return;
    r->suspended = false;
    r->api->run_again = true;
    MHD_resume_connection(r->http);
}

static enum pando_status put(struct request *r, struct pando_slice bytes)
{
    struct api *a = r->api;
    if (r->out_taken > 0 && r->out_taken >= r->out.len / 2) {
        buf_consume(&r->out, r->out_taken);
        r->out_taken = 0;
    }
    if (a->out_bytes + bytes.len > QUEUED_FACTOR * a->config.queued_max)
        return PANDO_FULL;
    const enum pando_status st = buf_append(&r->out, bytes);
    if (st == PANDO_OK)
        a->out_bytes += bytes.len;
    return st;
}

static enum pando_status put_text(struct request *r, const char *text)
{
    return put(r, (struct pando_slice){ (const uint8_t *)text, strlen(text) });
}

/* An error object, for REST and JSON-RPC alike. */
static char *error_json(const struct request *r, enum pando_status status,
                        const char *text)
{
    json_t *said = json_string(text);
    if (said == NULL)
        said = json_string(pando_status_text(status)); /* was not UTF-8 */
    json_t *error = NULL;
    if (r->rpc) {
        json_t *id =
            json_loads(r->rpc_id != NULL ? r->rpc_id : "null", JSON_DECODE_ANY, NULL);
        error = json_pack("{s:s,s:o,s:{s:i,s:o,s:{s:s}}}", "jsonrpc", "2.0", "id", id,
                          "error", "code", pando_status_rpc(status), "message", said,
                          "data", "status", pando_status_name(status));
    } else {
        error =
            json_pack("{s:{s:s,s:i,s:o}}", "error", "status", pando_status_name(status),
                      "code", pando_status_rpc(status), "text", said);
    }
    char *json = error != NULL ? json_dumps(error, JSON_COMPACT) : NULL;
    json_decref(error);
    return json;
}

void reply_fail(struct request *r, int http_status, enum pando_status status,
                const char *text)
{
    if (r->answered)
        return;
    r->answered = true;
    r->more = false;
    r->http_status = r->rpc ? 200 : http_status;
    (void)snprintf(r->content_type, sizeof r->content_type, "application/json");
    if (r->rpc && r->rpc_notice) {
        r->http_status = 204;
        return;
    }
    char *json = error_json(r, status, text);
    if (json == NULL || put_text(r, json) != PANDO_OK || put_text(r, "\n") != PANDO_OK)
        r->cut = true;
    free(json);
}

void reply_refuse(struct request *r, enum access_verdict verdict)
{
    const bool browser = verdict == ACCESS_BAD_HOST || verdict == ACCESS_BAD_ORIGIN ||
                         verdict == ACCESS_BAD_PAGE;
    r->api->counters.refused++;
    r->challenge = !browser;
    r->rpc_notice = false;
    reply_fail(r, browser ? 403 : 401, PANDO_REFUSED, access_text(verdict));
}

void reply_error_text(enum pando_status status, struct pando_slice body, char *ret,
                      size_t cap)
{
    json_t *value = NULL;
    const char *text = NULL;
    if (body.len > 0 && body.ptr[0] == '{' &&
        json_text_parse(body, JSON_TEXT_MAX, &value, NULL) == PANDO_OK) {
        const json_t *error = json_object_get(value, "error");
        text = json_string_value(
            json_is_string(error)
                ? error
                : json_object_get(error != NULL ? error : value, "text"));
    }
    if (text != NULL)
        (void)snprintf(ret, cap, "%s", text);
    else if (body.len > 0)
        (void)snprintf(ret, cap, "%.*s", (int)(body.len < cap ? body.len : cap),
                       (const char *)body.ptr);
    else
        (void)snprintf(ret, cap, "%s", pando_status_text(status));
    json_decref(value);
}

static void fail_from(struct request *r, enum pando_status status,
                      struct pando_slice body)
{
    char text[1024];
    reply_error_text(status, body, text, sizeof text);
    reply_fail(r, pando_status_http(status), status, text);
}

static enum pando_status put_rpc_result(struct request *r, struct pando_slice body,
                                        bool raw)
{
    struct pando_buf text;
    buf_init(&text, r->api->config.queued_max);
    enum pando_status st = buf_printf(&text, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":",
                                      r->rpc_id != NULL ? r->rpc_id : "null");
    if (st == PANDO_OK && raw)
        st = json_text_escape(&text, body);
    else if (st == PANDO_OK)
        st = body.len > 0 ? buf_append(&text, body) : buf_printf(&text, "null");
    if (st == PANDO_OK)
        st = buf_printf(&text, "}\n");
    if (st == PANDO_OK)
        st = put(r, buf_view(&text));
    buf_deinit(&text);
    return st;
}

static enum pando_status put_part(struct request *r, struct pando_slice body, bool raw)
{
    if (r->rpc)
        return put_rpc_result(r, body, raw);
    if (raw)
        return put(r, body);
    if (body.len == 0)
        return r->out.len == 0 && !r->more && r->stage != REQUEST_QUEUED
                   ? put_text(r, "{}\n")
                   : PANDO_OK;
    const enum pando_status st = put(r, body);
    return st == PANDO_OK && body.ptr[body.len - 1] != '\n' ? put_text(r, "\n") : st;
}

static struct request *find(const struct api *a, uint64_t token)
{
    const size_t slot = token & 0xffff;
    struct request *r = slot < a->config.connections_max ? a->requests[slot] : NULL;
    return r != NULL && r->token == token && !r->cut ? r : NULL;
}

enum pando_status api_reply(struct api *a, uint64_t token, enum pando_status status,
                            struct pando_slice body, bool raw, const char *content_type,
                            bool more)
{
    if ((token & JSONL_TOKEN) != 0)
        return jsonl_reply(a, token, status, body, more);
    struct request *r = find(a, token);
    if (r == NULL || (r->answered && !r->more))
        return PANDO_NOT_FOUND;
    enum pando_status st = PANDO_OK;
    if (status != PANDO_OK && r->answered) {
        r->cut = true; /* in the middle of a stream: the client sees it broken off */
        r->more = false;
    } else if (status != PANDO_OK) {
        fail_from(r, status, body);
    } else {
        const bool bytes = r->match.verb != NULL && r->match.verb->rights == ROUTE_BYTES;
        const char *type = raw && bytes         ? "application/octet-stream"
                           : content_type != NULL ? content_type
                           : raw                ? "application/octet-stream"
                           : more               ? "application/x-ndjson"
                                                : "application/json";
        if (!r->answered) {
            r->http_status = r->rpc && r->rpc_notice ? 204 : 200;
            (void)snprintf(r->content_type, sizeof r->content_type, "%s",
                           r->rpc ? "application/json" : type);
        }
        r->more = more;
        if (r->http_status != 204)
            st = put_part(r, body, raw);
        r->answered = true;
        if (st != PANDO_OK) {
            r->cut = true;
            r->more = false;
        }
    }
    reply_wake(r);
    return st;
}

size_t api_queued(const struct api *a, uint64_t token)
{
    const struct request *r = find(a, token);
    return r != NULL ? r->out.len - r->out_taken : 0;
}

/* MHD asks for the next bytes of a stream. */
static ssize_t read_part(void *cls, uint64_t position, char *bytes, size_t max)
{
    struct request *r = cls;
    (void)position;
    const size_t left = r->out.len - r->out_taken;
    if (r->cut)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (left == 0 && !r->more)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (left == 0) {
        r->suspended = true;
        MHD_suspend_connection(r->http);
        return 0;
    }
    const size_t len = left < max ? left : max;
    memcpy(bytes, r->out.ptr + r->out_taken, len);
    r->out_taken += len;
    r->api->out_bytes -= len;
    return (ssize_t)len;
}

static struct MHD_Response *make_response(struct request *r)
{
    if (r->more)
        return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, READ_BLOCK, read_part,
                                                 r, NULL);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(r->out.len, r->out.ptr, MHD_RESPMEM_MUST_FREE);
    if (response != NULL) {
        r->api->out_bytes -= r->out.len;
        buf_init(&r->out,
                 r->api->config.queued_max); /* its bytes are the response's now */
    }
    return response;
}

enum MHD_Result reply_queue(struct request *r)
{
    if (r->upgrade && !r->cut)
        return upgrade_queue(r);
    struct MHD_Response *response = r->cut ? NULL : make_response(r);
    if (response == NULL)
        return MHD_NO;
    r->stage = REQUEST_QUEUED;
    (void)MHD_add_response_header(response, "Content-Type", r->content_type);
    (void)MHD_add_response_header(response, "Cache-Control", "no-store");
    (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (r->challenge)
        (void)MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
    if (r->upgrade_hint) {
        (void)MHD_add_response_header(response, "Upgrade", "websocket");
        (void)MHD_add_response_header(response, "Sec-WebSocket-Version", "13");
    }
    if (r->match.result == ROUTE_BAD_METHOD && r->http_status == 405)
        (void)MHD_add_response_header(response, "Allow", r->match.allow);
    const enum MHD_Result result =
        MHD_queue_response(r->http, (unsigned)r->http_status, response);
    MHD_destroy_response(response);
    return result;
}
