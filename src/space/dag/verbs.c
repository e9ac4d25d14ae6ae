/* verbs.c - what people and programs can ask of a dag.
 *
 *   append      {kind?, body | bytes | cbor}       one event: {id, epoch, seq, count}
 *   append_many {count, size} | {events:[base64]}  {ids, count}; quiet: only the last
 *   ls          {limit?, before?, kind?, author?}  newest first; "next" goes on
 *   show        {id}                               one event, with its body
 *   receipt_show {id}                              by the receipt's id, or the event's
 *   heads, vector, stats, nodes, equivocations     {}
 *   export      {}                                 CAR v1 of all events, raw, in parts
 *   watch       {since?, kind?}                    durable events, one JSON line each
 *   blob_put    {data}                             base64: {cid, size}
 *   blob_get    {id, fetch?, timeout_ms?, raw?}    {cid, size, data}, or raw parts; id
 *                                                  may be the raw CID of a whole body
 *   announce    {addresses?, now?}                 say again who and where we are
 *   cancel      {}                                 end the stream of the same token
 *
 * Whatever writes is answered when it is on disk.
 */
#include "space/dag/engine.h"

#include "base/slice.h"
#include "codec/cbor.h"
#include "codec/json.h"
#include "codec/multibase.h"

#include <stdlib.h>
#include <string.h>

#define ARGS_MAX        JSON_TEXT_MAX
#define APPEND_MANY_MAX 1000000
#define IDS_LISTED_MAX  100000
#define LIMIT_DEFAULT   50
#define LIMIT_MAX       1000
#define BLOB_TIMEOUT_MS 10000

struct call {
    struct dag *d;
    uint64_t token;
    const json_t *args;
};

static void fail(const struct call *c, enum pando_status st, const char *text)
{
    dag_reply_error(c->d, c->token, st, text);
}

static struct pando_slice text_arg(const struct call *c, const char *name)
{
    const json_t *v = json_object_get(c->args, name);
    return json_is_string(v) ? slice_of(json_string_value(v), json_string_length(v))
                             : SLICE_EMPTY;
}

static uint64_t number_arg(const struct call *c, const char *name, uint64_t otherwise)
{
    const json_t *v = json_object_get(c->args, name);
    return json_is_integer(v) && json_integer_value(v) >= 0
               ? (uint64_t)json_integer_value(v)
               : otherwise;
}

static bool flag_arg(const struct call *c, const char *name, bool otherwise)
{
    const json_t *v = json_object_get(c->args, name);
    return json_is_boolean(v) ? json_boolean_value(v) : otherwise;
}

/* Padding is optional. */
static enum pando_status append_base64(struct pando_buf *b, struct pando_slice text)
{
    size_t len;
    while (text.len > 0 && text.ptr[text.len - 1] == '=')
        text.len--;
    const size_t cap = text.len * 3 / 4 + 3;
    enum pando_status st = buf_reserve(b, cap);
    if (st == PANDO_OK)
        st = multibase_decode(MULTIBASE_64, text, b->ptr + b->len, cap, &len);
    if (st == PANDO_OK)
        b->len += len;
    return st;
}

/* A byte string: head, then `bytes`. */
static enum pando_status append_bytes_value(struct pando_buf *b, struct pando_slice bytes)
{
    uint8_t head[16];
    struct wire_writer w = wire_write(head, sizeof head);
    dag_wire_put_block_head(&w, bytes.len);
    const enum pando_status st = buf_append(b, wire_written(&w));
    return st == PANDO_OK ? buf_append(b, bytes) : st;
}

static enum pando_status append_base64_value(struct pando_buf *b, struct pando_slice text)
{
    struct pando_buf bytes;
    buf_init(&bytes, EVENT_BODY_MAX);
    enum pando_status st = append_base64(&bytes, text);
    if (st == PANDO_OK)
        st = append_bytes_value(b, buf_view(&bytes));
    buf_deinit(&bytes);
    return st;
}

static enum pando_status read_body(const struct call *c, struct pando_buf *b)
{
    const json_t *body = json_object_get(c->args, "body");
    const struct pando_slice bytes = text_arg(c, "bytes"), cbor = text_arg(c, "cbor");
    if (body != NULL)
        return json_text_encode(body, b, NULL);
    if (cbor.ptr != NULL) {
        const enum pando_status st = append_base64(b, cbor);
        return st == PANDO_OK ? cbor_check(buf_view(b)) : st;
    }
    return bytes.ptr != NULL ? append_base64_value(b, bytes) : PANDO_INVALID;
}

static bool read_kind(const struct call *c, enum event_kind *kind)
{
    const struct pando_slice name = text_arg(c, "kind");
    *kind = EVENT_DATA;
    if (name.ptr == NULL)
        return true;
    return event_kind_parse(name, kind) == PANDO_OK && *kind != EVENT_HEARTBEAT;
}

static struct dag_op *begin_append(const struct call *c)
{
    struct dag *d = c->d;
    if (d->store_failed || d->stopping) {
        fail(c, PANDO_UNAVAILABLE,
             d->stopping ? "the node is stopping" : "the store has stopped");
        return NULL;
    }
    struct dag_op *op = dag_op_new(d, DAG_OP_APPEND, c->token);
    if (op == NULL)
        fail(c, PANDO_BUSY, "too many calls are under way");
    return op;
}

static void call_append(const struct call *c)
{
    struct dag_op *op = begin_append(c);
    if (op == NULL)
        return;
    op->fill = true;
    op->total = 1;
    enum pando_status st = read_body(c, &op->bytes);
    if (st == PANDO_OK && op->bytes.len > EVENT_BODY_MAX)
        st = PANDO_FULL;
    if (st == PANDO_OK && !read_kind(c, &op->event_kind))
        st = PANDO_UNSUPPORTED;
    if (st == PANDO_OK &&
        !dag_body_is_allowed(c->d, op->event_kind, buf_view(&op->bytes), false))
        st = PANDO_REFUSED;
    if (st == PANDO_OK)
        return;
    fail(c, st,
         st == PANDO_FULL ? "a body has at most 64 KiB: put it as a blob"
         : st == PANDO_UNSUPPORTED
             ? "unknown kind: receipt, announce, leave, blob or data"
         : st == PANDO_REFUSED ? "the body breaks the rules of its kind"
                               : "give body (JSON), bytes or cbor (base64)");
    dag_op_free(c->d, op);
}

static enum pando_status many_given(struct dag_op *op, const json_t *events)
{
    const size_t len = json_array_size(events);
    op->ends = len <= APPEND_MANY_MAX ? calloc(len + 1, sizeof *op->ends) : NULL;
    if (op->ends == NULL)
        return PANDO_FULL;
    for (size_t i = 0; i < len; i++) {
        const json_t *one = json_array_get(events, i);
        if (!json_is_string(one))
            return PANDO_INVALID;
        const enum pando_status st = append_base64_value(
            &op->bytes, slice_of(json_string_value(one), json_string_length(one)));
        if (st != PANDO_OK)
            return st;
        op->ends[i] = (uint32_t)op->bytes.len;
    }
    op->total = (uint32_t)len;
    return PANDO_OK;
}

static enum pando_status many_generated(const struct call *c, struct dag_op *op)
{
    uint8_t bytes[4096];
    const uint64_t count = number_arg(c, "count", 0), size = number_arg(c, "size", 64);
    if (count == 0 || count > APPEND_MANY_MAX || size > sizeof bytes)
        return PANDO_INVALID;
    rng_fill(&c->d->rng, bytes, (size_t)size);
    op->fill = op->vary = true;
    op->total = (uint32_t)count;
    return append_bytes_value(&op->bytes, slice_of(bytes, (size_t)size));
}

static void call_append_many(const struct call *c)
{
    const json_t *events = json_object_get(c->args, "events");
    struct dag_op *op = begin_append(c);
    if (op == NULL)
        return;
    op->many = true;
    enum pando_status st =
        json_is_array(events) ? many_given(op, events) : many_generated(c, op);
    if (st == PANDO_OK && !read_kind(c, &op->event_kind))
        st = PANDO_UNSUPPORTED;
    op->quiet = flag_arg(c, "quiet", op->total > IDS_LISTED_MAX);
    if (st == PANDO_OK)
        return;
    fail(c, st,
         "give events (base64 strings) or count (at most 1000000) and size (at most "
         "4096)");
    dag_op_free(c->d, op);
}

/* A CID in text, or 64 hexadecimal digits. */
static bool id_arg(const struct call *c, struct pando_id *id)
{
    struct blob_ref ref;
    size_t len;
    const struct pando_slice text = text_arg(c, "id");
    if (text.len == 64)
        return multibase_decode(MULTIBASE_16, text, id->bytes, sizeof id->bytes, &len) ==
                   PANDO_OK &&
               len == sizeof id->bytes;
    if (text.ptr == NULL || blob_ref_parse((const char *)text.ptr, &ref) != PANDO_OK)
        return false;
    *id = ref.id;
    return true;
}

static void call_show(const struct call *c)
{
    struct pando_id id;
    if (id_arg(c, &id))
        dag_report_show(c->d, c->token, &id);
    else
        fail(c, PANDO_INVALID, "id must be a CID (bafy...) or 64 hexadecimal digits");
}

static void call_receipt_show(const struct call *c)
{
    struct pando_id id;
    if (id_arg(c, &id))
        dag_report_receipt(c->d, c->token, &id);
    else
        fail(c, PANDO_INVALID, "id must be a CID (bafy...) or 64 hexadecimal digits");
}

static void call_ls(const struct call *c)
{
    struct peer_id peer;
    struct pando_key author;
    enum event_kind kind = EVENT_DATA;
    const struct pando_slice who = text_arg(c, "author"), what = text_arg(c, "kind");
    uint64_t limit = number_arg(c, "limit", LIMIT_DEFAULT);
    limit = limit > LIMIT_MAX ? LIMIT_MAX : limit;
    if (what.ptr != NULL && event_kind_parse(what, &kind) != PANDO_OK) {
        fail(c, PANDO_INVALID, "unknown kind: receipt, announce, leave, blob or data");
        return;
    }
    if (who.ptr != NULL && (peer_id_parse((const char *)who.ptr, &peer) != PANDO_OK ||
                            peer_id_key(&peer, &author) != PANDO_OK)) {
        fail(c, PANDO_INVALID, "author must be a peer id (12D3Koo...)");
        return;
    }
    dag_report_ls(c->d, c->token, (uint32_t)limit, number_arg(c, "before", UINT64_MAX),
                  what.ptr == NULL ? -1 : (int)kind, who.ptr == NULL ? NULL : &author);
}

static void call_heads(const struct call *c)
{
    dag_report_heads(c->d, c->token);
}

static void call_vector(const struct call *c)
{
    dag_report_vector(c->d, c->token);
}

static void call_stats(const struct call *c)
{
    dag_report_stats(c->d, c->token);
}

static void call_nodes(const struct call *c)
{
    dag_report_nodes(c->d, c->token);
}

static void call_equivocations(const struct call *c)
{
    dag_report_equivocations(c->d, c->token);
}

static void call_export(const struct call *c)
{
    struct dag_op *op = dag_op_new(c->d, DAG_OP_EXPORT, c->token);
    if (op == NULL)
        fail(c, PANDO_BUSY, "too many calls are under way");
    else
        op->end = index_counts(c->d->host.tables).events;
}

static void call_watch(const struct call *c)
{
    enum event_kind kind;
    const struct pando_slice what = text_arg(c, "kind");
    if (what.ptr != NULL && event_kind_parse(what, &kind) != PANDO_OK) {
        fail(c, PANDO_INVALID, "unknown kind: receipt, announce, leave, blob or data");
        return;
    }
    struct dag_op *op = dag_op_new(c->d, DAG_OP_WATCH, c->token);
    if (op == NULL) {
        fail(c, PANDO_BUSY, "too many calls are under way");
        return;
    }
    op->number = number_arg(c, "since", index_counts(c->d->host.tables).events);
    op->end = UINT64_MAX;
    op->kind_only = what.ptr == NULL ? -1 : (int)kind;
}

static void call_blob_put(const struct call *c)
{
    struct dag *d = c->d;
    const struct pando_slice data = text_arg(c, "data");
    if (data.ptr == NULL || d->store_failed) {
        fail(c, d->store_failed ? PANDO_UNAVAILABLE : PANDO_INVALID,
             d->store_failed ? "the store has stopped" : "data must be base64");
        return;
    }
    struct dag_op *op = dag_op_new(d, DAG_OP_PUT, c->token);
    if (op == NULL) {
        fail(c, PANDO_BUSY, "too many calls are under way");
        return;
    }
    enum pando_status st = append_base64(&op->bytes, data);
    if (st == PANDO_OK && op->bytes.len > d->config.blob_max)
        st = PANDO_FULL;
    if (st == PANDO_OK)
        st = dag_list_chunks(op);
    if (st == PANDO_OK)
        return;
    fail(c, st,
         st == PANDO_FULL ? "the blob is larger than blob_max" : "data must be base64");
    dag_op_free(d, op);
}

static void call_blob_get(const struct call *c)
{
    struct blob_ref ref;
    const struct pando_slice text = text_arg(c, "id");
    if (text.ptr == NULL || blob_ref_parse((const char *)text.ptr, &ref) != PANDO_OK) {
        fail(c, PANDO_INVALID, "id must be the CID of a blob (bafk... or bafy...)");
        return;
    }
    struct dag_op *op = dag_op_new(c->d, DAG_OP_GET, c->token);
    if (op == NULL) {
        fail(c, PANDO_BUSY, "too many calls are under way");
        return;
    }
    op->ref = ref;
    op->raw = flag_arg(c, "raw", false);
    op->here_only = !flag_arg(c, "fetch", true);
    uint64_t timeout = number_arg(c, "timeout_ms", BLOB_TIMEOUT_MS);
    timeout = timeout > 600000 ? 600000 : timeout;
    op->due = pando_time_add(c->d->now, PANDO_MSEC(timeout));
    blob_job_init(&op->job, &ref);
}

static void call_announce(const struct call *c)
{
    const json_t *addresses = json_object_get(c->args, "addresses");
    struct dag *d = c->d;
    if (json_is_array(addresses)) {
        char *text = json_dumps(addresses, JSON_COMPACT);
        buf_reset(&d->addresses);
        if (text != NULL && strlen(text) < EVENT_BODY_MAX / 2)
            (void)!buf_printf(&d->addresses, "%s", text);
        free(text);
    }
    if (flag_arg(c, "now", true))
        dag_announce(d);
    dag_reply(d, c->token, PANDO_OK, slice_text("{}"), false, false);
}

static void call_cancel(const struct call *c)
{
    (void)dag_op_cancel(c->d, c->token); /* whoever cancels does not listen any more */
}

static const struct {
    const char *name;
    void (*run)(const struct call *c);
} VERBS[] = {
    { "append", call_append },
    { "append_many", call_append_many },
    { "ls", call_ls },
    { "show", call_show },
    { "receipt_show", call_receipt_show },
    { "heads", call_heads },
    { "vector", call_vector },
    { "stats", call_stats },
    { "nodes", call_nodes },
    { "equivocations", call_equivocations },
    { "export", call_export },
    { "watch", call_watch },
    { "blob_put", call_blob_put },
    { "blob_get", call_blob_get },
    { "announce", call_announce },
    { "cancel", call_cancel },
};

const char *const dag_verbs[] = {
    "append", "append_many", "ls",    "show",     "receipt_show",
    "heads",  "vector",      "stats", "nodes",    "equivocations",
    "export", "watch",       "blob_put", "blob_get", "announce",
    "cancel", NULL,
};

void dag_call(struct dag *d, const struct space_input *in)
{
    struct call c = { .d = d, .token = in->token };
    json_t *args = NULL;
    if (in->text.len > 0 &&
        (json_text_parse(in->text, ARGS_MAX, &args, NULL) != PANDO_OK ||
         !json_is_object(args))) {
        fail(&c, PANDO_MALFORMED, "the arguments must be a JSON object");
        json_decref(args);
        return;
    }
    c.args = args;
    for (size_t i = 0; i < sizeof VERBS / sizeof VERBS[0]; i++)
        if (strcmp(in->verb, VERBS[i].name) == 0) {
            VERBS[i].run(&c);
            json_decref(args);
            return;
        }
    fail(&c, PANDO_NOT_FOUND, "a dag knows no such verb");
    json_decref(args);
}
