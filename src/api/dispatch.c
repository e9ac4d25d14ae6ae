/* dispatch.c - a whole request becomes a call of the backend. */
#include "api/api_impl.h"

#include "api/args.h"
#include "base/near.h"
#include "base/slice.h"
#include "codec/json.h"
#include "codec/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void call_text(struct request *r, const char *verb, struct pando_slice args)
{
    const struct api_backend *b = &r->api->config.backend;
    b->call(b->ctx, r->token, verb, args);
}

static void call(struct request *r, const char *verb, const json_t *args)
{
    char *text = json_dumps(args, JSON_COMPACT);
    if (text == NULL) {
        reply_fail(r, 503, PANDO_NOMEM, "memory is out");
        return;
    }
    call_text(r, verb, (struct pando_slice){ (const uint8_t *)text, strlen(text) });
    free(text);
}

/* GET /api: the surface, from the tables that serve it. */
static void answer_list(struct request *r)
{
    static const char *const rights[] = { "read", "write", "stream", "bytes" };
    json_t *routes = json_array(), *verbs = json_array();
    for (size_t i = 0; i < route_rows_len(); i++) {
        const struct route_row *row = route_row_at(i);
        (void)json_array_append_new(routes,
                                    json_pack("{s:s,s:s,s:s}", "method", row->method,
                                              "path", row->path, "verb", row->verb));
    }
    for (size_t i = 0; i < route_verbs_len(); i++) {
        const struct route_verb *v = route_verb_at(i);
        (void)json_array_append_new(verbs, json_pack("{s:s,s:s,s:s,s:s}", "verb", v->name,
                                                     "rights", rights[v->rights], "args",
                                                     v->args, "summary", v->summary));
    }
    json_t *all = json_pack(
        "{s:s,s:s,s:s,s:o,s:o}", "name", "pando", "version", PANDO_VERSION, "rpc",
        "POST /rpc (JSON-RPC 2.0, method is the verb)", "routes", routes, "verbs", verbs);
    char *text = json_dumps(all, JSON_INDENT(1));
    json_decref(all);
    if (text == NULL) {
        reply_fail(r, 503, PANDO_NOMEM, "memory is out");
        return;
    }
    const struct pando_slice body = { (const uint8_t *)text, strlen(text) };
    (void)api_reply(r->api, r->token, PANDO_OK, body, false, NULL, false);
    free(text);
}

static void fail_rpc(struct request *r, enum pando_status status, const char *text)
{
    if (r->rpc_id == NULL)
        r->rpc_id = strdup("null");
    reply_fail(r, 200, status, text);
}

/* Keep the id to give it back; without one nothing is answered. False: a bad id. */
static bool take_id(struct request *r, const json_t *request)
{
    const json_t *id = json_object_get(request, "id");
    if (id == NULL) {
        r->rpc_notice = true;
        return true;
    }
    if (!json_is_string(id) && !json_is_number(id) && !json_is_null(id))
        return false;
    r->rpc_id = json_dumps(id, JSON_ENCODE_ANY | JSON_COMPACT);
    return r->rpc_id != NULL;
}

static void unknown_method(struct request *r, const char *method)
{
    char text[160];
    struct near_search s = { .word = method };
    for (size_t i = 0; i < route_verbs_len(); i++)
        near_offer(&s, route_verb_at(i)->name);
    (void)snprintf(text, sizeof text, "there is no method '%.40s'%s%s%s", method,
                   s.best != NULL ? "; did you mean '" : "", s.best != NULL ? s.best : "",
                   s.best != NULL ? "'?" : "");
    fail_rpc(r, PANDO_UNSUPPORTED, text); /* its code is JSON-RPC's "method not found" */
}

static void call_rpc(struct request *r, const json_t *request)
{
    const char *version = json_string_value(json_object_get(request, "jsonrpc"));
    const char *method = json_string_value(json_object_get(request, "method"));
    const json_t *params = json_object_get(request, "params");
    const bool well = version != NULL && strcmp(version, "2.0") == 0 && method != NULL;
    if (!take_id(r, request) || !well) {
        r->rpc_notice = false;
        fail_rpc(r, PANDO_INVALID,
                 "expected {\"jsonrpc\":\"2.0\",\"id\":...,\"method\":VERB}");
        return;
    }
    const struct route_verb *verb = route_verb_find(method);
    if (verb == NULL) {
        unknown_method(r, method);
        return;
    }
    const enum access_verdict verdict = request_access(r, route_writes(verb));
    if (verdict != ACCESS_GRANTED)
        reply_refuse(r, verdict);
    else if (params != NULL && !json_is_object(params))
        fail_rpc(r, PANDO_INVALID, "params must be an object of named arguments");
    else if (verb->rights == ROUTE_STREAM)
        fail_rpc(r, PANDO_REFUSED, "this verb streams: use its GET route");
    else if (verb->rights == ROUTE_BYTES)
        fail_rpc(r, PANDO_REFUSED, "this verb takes bytes: POST them to /api/ and its name");
    else if (params != NULL)
        call(r, verb->name, params);
    else
        call(r, verb->name, r->args);
}

static void dispatch_rpc(struct request *r)
{
    json_t *request = NULL;
    struct pando_err err = { 0 };
    r->rpc = true;
    const enum pando_status st =
        json_text_parse(buf_view(&r->body), JSON_TEXT_MAX, &request, &err);
    if (st != PANDO_OK) {
        fail_rpc(r, PANDO_MALFORMED, err.text);
        return;
    }
    if (json_is_array(request))
        fail_rpc(r, PANDO_INVALID, "batches are not taken: send one request at a time");
    else if (!json_is_object(request))
        fail_rpc(r, PANDO_INVALID, "a request is an object");
    else
        call_rpc(r, request);
    json_decref(request);
}

/* A verb of bytes gets the name of its space in front of them: that of the path, where the path
 * has one; else the body begins with it. */
static void call_bytes(struct request *r)
{
    const struct pando_slice body = buf_view(&r->body);
    uint8_t head[WIRE_UVARINT_MAX];
    struct wire_writer w = wire_write(head, sizeof head);
    struct pando_buf all;
    if (r->match.params_len == 0) {
        call_text(r, r->match.verb->name, body);
        return;
    }
    const struct pando_slice space = slice_text(r->match.params[0].value);
    wire_put_uvarint(&w, space.len);
    buf_init(&all, sizeof head + space.len + body.len);
    enum pando_status st = buf_append(&all, wire_written(&w));
    if (st == PANDO_OK)
        st = buf_append(&all, space);
    if (st == PANDO_OK)
        st = buf_append(&all, body);
    if (st == PANDO_OK)
        call_text(r, r->match.verb->name, buf_view(&all));
    else
        reply_fail(r, 503, st, "memory is out");
    buf_deinit(&all);
}

void dispatch(struct request *r)
{
    struct pando_err err = { 0 };
    if (r->match.result == ROUTE_LIST) {
        answer_list(r);
        return;
    }
    if (r->match.result == ROUTE_RPC) {
        dispatch_rpc(r);
        return;
    }
    if (r->match.verb->rights == ROUTE_BYTES) {
        call_bytes(r);
        return;
    }
    char *text = NULL;
    const struct pando_slice body = buf_view(&r->body);
    const enum pando_status st = args_join(r->args, &r->match, body, &text, &err);
    if (st != PANDO_OK)
        reply_fail(r, pando_status_http(st), st, err.text);
    else
        call_text(r, r->match.verb->name, text != NULL ? slice_text(text) : body);
    free(text);
}
