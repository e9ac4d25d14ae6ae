/* runs.c - exec.run, exec.validate, receipt.show: a capsule's way to a durable receipt.
 *
 *   bytes (given, or fetched by CID) -> worker -> receipt signed -> blobs and receipt
 *   appended to one journal, in this order -> durable -> answer
 *
 * The blobs lie before the receipt in the same journal, so the receipt's durability
 * implies theirs and nobody waits for them.
 */
#include "node/ops.h"

#include "base/assert.h"
#include "codec/cid.h"

#include <stdio.h>
#include <stdlib.h>

static struct node_space *space_for(struct node *n, uint64_t token, const json_t *args)
{
    const char *name = args_text(args, "space", NULL);
    struct node_space *s = space_by_name(n, name, "dag");
    if (s == NULL)
        call_fail(n, token, PANDO_NOT_FOUND,
                  "there is no dag space '%s' here; `pando space ls` lists them",
                  name == NULL ? "default" : name);
    return s;
}

/* The op's limits as JSON text: a preset's name or an object. */
static enum pando_status take_limits(struct node_op *op, const json_t *args)
{
    const json_t *limits = json_object_get(args, "limits");
    if (limits == NULL)
        return PANDO_OK;
    char *text = NULL;
    if (json_is_string(limits)) {
        json_t *object = json_pack("{s:O}", "preset", limits);
        text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
        json_decref(object);
    } else if (json_is_object(limits)) {
        text = json_dumps(limits, JSON_COMPACT);
    } else {
        return PANDO_INVALID;
    }
    op->limits = text == NULL ? NULL : bytes_copy(slice_text(text));
    free(text);
    return op->limits == NULL ? PANDO_NOMEM : PANDO_OK;
}

static enum pando_status take_input(struct node_op *op, const json_t *args)
{
    const char *text = args_text(args, "input_text", NULL);
    if (text != NULL)
        op->input = bytes_copy(slice_text(text));
    else if (json_object_get(args, "input") == NULL)
        op->input = bytes_copy(SLICE_EMPTY);
    else
        return args_base64(args, "input", EXEC_IO_MAX, &op->input);
    return op->input == NULL ? PANDO_NOMEM : PANDO_OK;
}

void runs_submit(struct node *n, struct node_op *op, bool validate_only)
{
    op->step = OP_RUNNING;
    const uint64_t job =
        job_add(n, validate_only ? JOB_WORK : JOB_RUN, op->slot, op->number);
    const struct node_space *space = space_at(n, op->slot);
    const struct node_run run = {
        .space = space == NULL ? (struct pando_id){ { 0 } } : space->id,
        .receipt = space != NULL && op->kind != OP_REPLAY && op->kind != OP_SPACE && !validate_only,
        .capsule = bytes_ref(op->capsule),
        .input = op->input == NULL ? NULL : bytes_ref(op->input),
        .limits = op->limits == NULL ? NULL : bytes_ref(op->limits),
        .time = op->time,
        .nonce = op->nonce,
        .validate_only = validate_only,
    };
    const enum pando_status st =
        job == 0 ? PANDO_BUSY : n->ports.run(n->ports.ctx, job, &run);
    if (st == PANDO_OK)
        return;
    bytes_unref(run.capsule);
    bytes_unref(run.input);
    bytes_unref(run.limits);
    struct node_job gone;
    (void)job_take(n, job, &gone);
    op_fail(n, op, st,
            st == PANDO_BUSY ? "too many capsules are running already; try again"
                             : "this node cannot run capsules");
}

/* Ask for a blob by CID, from our store or from peers. */
static void fetch(struct node *n, struct node_op *op, const char *cid, enum op_step step)
{
    char args[CID_TEXT_MAX + 64];
    op->step = step;
    const int len = snprintf(args, sizeof args,
                             "{\"id\":\"%.100s\",\"fetch\":true,\"raw\":true}", cid);
    op_ask(n, op, "blob_get", slice_of(args, (size_t)len));
}

/* The capsule that the last run kept is at hand still, by the CID of its bytes. */
static struct bytes *capsule_at_hand(const struct node *n, const struct node_op *op,
                                     const char *text)
{
    struct cid cid;
    struct pando_id id;
    if (n->kept_bytes == NULL || n->kept_slot != op->slot ||
        cid_parse(text, &cid) != PANDO_OK || cid.version != 1 || cid.codec != CID_RAW ||
        cid_sha256(&cid, &id) != PANDO_OK || !id_equal(&id, &n->kept_capsule))
        return NULL;
    return bytes_ref(n->kept_bytes);
}

static void start(struct node *n, struct node_op *op, const json_t *args,
                  bool validate_only)
{
    const char *cid = args_text(args, "capsule_id", NULL);
    enum pando_status st = take_limits(op, args);
    if (st == PANDO_OK)
        st = take_input(op, args);
    if (st != PANDO_OK) {
        op_fail(n, op, st,
                st == PANDO_FULL
                    ? "the input is larger than 1 MiB"
                    : "\"limits\" is a preset's name or an object, \"input\" is base64");
        return;
    }
    op->store = args_bool(args, "store", !n->config.no_store);
    op->time = n->ports.wall(n->ports.ctx);
    op->nonce = ++n->nonce;
    if (cid != NULL && (op->capsule = capsule_at_hand(n, op, cid)) == NULL) {
        fetch(n, op, cid, OP_FETCH_CAPSULE);
        return;
    }
    if (cid == NULL)
        st = args_base64(args, "capsule", EXEC_CAPSULE_MAX, &op->capsule);
    if (st == PANDO_OK)
        runs_submit(n, op, validate_only);
    else
        op_fail(
            n, op, st,
            "give \"capsule\" (the module in base64, at most 1 MiB) or \"capsule_id\"");
}

void runs_forget(struct node *n, uint32_t slot)
{
    if (n->kept_slot != slot)
        return;
    bytes_unref(n->kept_bytes);
    n->kept_bytes = NULL;
}

/* Fire and forget: what follows in the same journal implies the blobs. */
static void keep_blobs(struct node *n, struct node_op *op,
                       const struct exec_result *result)
{
    struct node_space *s = space_at(n, op->slot);
    if (s == NULL || !op->store)
        return;
    if (n->kept_bytes == NULL || n->kept_slot != op->slot ||
        !id_equal(&n->kept_capsule, &result->capsule)) {
        space_put(n, s, SPACE_NOBODY, "blob", op->capsule);
        bytes_unref(n->kept_bytes);
        n->kept_bytes = bytes_ref(op->capsule);
        n->kept_capsule = result->capsule;
        n->kept_slot = op->slot;
    }
    space_put(n, s, SPACE_NOBODY, "blob", op->input);
}

/* Everything of the answer but the event's id. */
static enum pando_status begin_answer(struct node_op *op, const struct exec_result *r,
                                      const struct pando_id *id)
{
    struct pando_buf *b = &op->answer;
    char cid[CID_SHA256_TEXT_SIZE];
    cid_text_sha256(CID_DAG_CBOR, id, cid);
    enum pando_status st = buf_printf(b, "{\"output\":");
    if (st == PANDO_OK)
        st = answer_base64(b, buf_view(&r->output));
    if (st == PANDO_OK)
        st = buf_printf(
            b,
            ",\"receipt_id\":\"%s\",\"metrics\":{\"fuel_used\":%llu,\"memory_bytes\":%"
            "llu,"
            "\"duration_us\":%llu,\"host_calls\":%u,\"cached\":%s},\"receipt\":",
            cid, (unsigned long long)r->metrics.fuel_used,
            (unsigned long long)r->metrics.memory_bytes,
            (unsigned long long)r->metrics.duration_us, r->metrics.host_calls,
            r->metrics.cached ? "true" : "false");
    if (st == PANDO_OK)
        st = receipt_print(&op->receipt, id, b);
    return st;
}

/* The receipt's canonical bytes, and the answer as far as it is known before they are
 * on disk. NULL: they could not be made. */
static struct bytes *encode(struct node_op *op, const struct exec_result *result)
{
    uint8_t body[RECEIPT_SIZE_MAX];
    size_t len = 0;
    if (receipt_encode(&op->receipt, body, &len) != PANDO_OK)
        return NULL;
    const struct pando_id id = crypto_sha256(slice_of(body, len));
    return begin_answer(op, result, &id) == PANDO_OK ? bytes_copy(slice_of(body, len))
                                                     : NULL;
}

void runs_ran(struct node *n, struct node_op *op, const struct exec_result *result,
              const struct receipt *receipt)
{
    struct node_space *s = space_at(n, op->slot);
    const bool failed = result->failure != EXEC_FAIL_NONE;
    if (s != NULL && receipt != NULL && !id_equal(&receipt->space, &s->id))
        s = NULL; /* another space has its slot now */
    if (failed || s == NULL || receipt == NULL) {
        op_fail(n, op,
                s == NULL ? PANDO_NOT_FOUND
                : failed  ? exec_failure_status(result->failure)
                          : PANDO_NOMEM,
                s == NULL ? "the space was removed meanwhile"
                : failed  ? result->text
                          : "the receipt could not be made");
        return;
    }
    op->receipt = *receipt;
    struct bytes *body = encode(op, result);
    if (body == NULL) {
        op_fail(n, op, PANDO_NOMEM, "the receipt could not be made");
        return;
    }
    keep_blobs(n, op, result);
    op->step = OP_APPENDING;
    space_put(n, s, op->number, "receipt", body);
    bytes_unref(body);
}

/* The space has answered with the event's id. */
static void appended(struct node *n, struct node_op *op)
{
    struct pando_id event;
    char cid[CID_SHA256_TEXT_SIZE];
    enum pando_status st = op->got.len == sizeof event ? PANDO_OK : PANDO_CORRUPT;
    if (st == PANDO_OK) {
        memcpy(event.bytes, op->got.ptr, sizeof event.bytes);
        cid_text_sha256(CID_DAG_CBOR, &event, cid);
        st = buf_printf(&op->answer, ",\"event_id\":\"%s\",\"durable\":true}", cid);
    }
    if (st == PANDO_OK)
        call_reply(n, op->token, PANDO_OK, buf_view(&op->answer));
    else
        call_fail(n, op->token, st, "the answer is too long");
    op_free(n, op);
}

static void shown(struct node *n, struct node_op *op)
{
    json_t *event = args_parse(buf_view(&op->got), NULL);
    enum pando_status st = op_read_receipt(op);
    if (st == PANDO_OK)
        st = buf_printf(&op->answer, "{\"event_id\":\"%s\",\"author\":\"%s\",\"receipt\":",
                        args_text(event, "id", ""), args_text(event, "author", ""));
    if (st == PANDO_OK)
        st = receipt_to_json(&op->receipt, false, &op->answer);
    if (st == PANDO_OK)
        st = buf_printf(&op->answer, "}");
    json_decref(event);
    if (st == PANDO_OK)
        call_reply(n, op->token, PANDO_OK, buf_view(&op->answer));
    else
        call_fail(n, op->token, st, "the stored receipt does not decode");
    op_free(n, op);
}

void runs_answered(struct node *n, struct node_op *op, enum pando_status status,
                   bool last)
{
    PANDO_ASSERT(last);
    if (op->kind == OP_REPLAY) {
        replays_answered(n, op, status);
        return;
    }
    if (op->kind == OP_SPACE) {
        space_runs_answered(n, op, status);
        return;
    }
    if (status != PANDO_OK) {
        char text[300];
        (void)snprintf(text, sizeof text, "%.*s",
                       (int)(op->got.len < 280 ? op->got.len : 280),
                       (const char *)op->got.ptr);
        op_fail(n, op, status, text);
        return;
    }
    switch (op->step) {
    case OP_FETCH_CAPSULE:
        op->capsule = bytes_copy(buf_view(&op->got));
        runs_submit(n, op, op->kind == OP_VALIDATE);
        return;
    case OP_APPENDING:
        appended(n, op);
        return;
    default:
        shown(n, op);
        return;
    }
}

/* receipt.show ID: the space knows receipts by their own id and by their event's. */
static void show(struct node *n, uint64_t token, const json_t *args, struct pando_slice text)
{
    struct node_space *s = space_for(n, token, args);
    struct node_op *op = s == NULL ? NULL : op_new(n, OP_SHOW, token);
    if (op == NULL)
        return;
    op->slot = s->slot;
    op->step = OP_READING;
    op_ask(n, op, "receipt_show", text);
}

void runs_call(struct node *n, uint64_t token, const char *verb, struct pando_slice text)
{
    struct pando_err err = { 0 };
    json_t *args = args_parse(text, &err);
    const bool run = strcmp(verb, "exec.run") == 0;
    if (args == NULL) {
        call_fail(n, token, err.status, "%s", err.text);
    } else if (run || strcmp(verb, "exec.validate") == 0) {
        const struct node_space *s = space_for(n, token, args);
        if (s != NULL && run && !policy_admits(s, &n->id, SPACE_MAY_WRITE)) {
            call_fail(n, token, PANDO_REFUSED,
                      "the receipt could not be stored: this node may only read in "
                      "space '%s'", s->name);
            s = NULL;
        }
        struct node_op *op =
            s == NULL ? NULL : op_new(n, run ? OP_RUN : OP_VALIDATE, token);
        if (op != NULL) {
            op->slot = s->slot;
            start(n, op, args, !run);
        }
    } else if (strcmp(verb, "receipt.verify") == 0) {
        replays_begin(n, token, args);
    } else if (strcmp(verb, "receipt.show") == 0) {
        show(n, token, args, text);
    } else {
        call_fail(n, token, PANDO_UNSUPPORTED, "there is no verb '%s'", verb);
    }
    json_decref(args);
}
