/* replays.c - receipt.verify: is it genuine, is it fresh, and does it happen again?
 *
 * The signature and the age need the receipt alone. A replay needs the capsule and the
 * input that it names: from our store, else from any peer that has them. The worker runs
 * the capsule under the receipt's limits, time and nonce; output must be equal, and fuel
 * and host calls too where engine and version are ours.
 */
#include "node/ops.h"

#include "codec/cid.h"
#include "codec/json.h"

#include <stdio.h>
#include <stdlib.h>

static void fetch_blob(struct node *n, struct node_op *op, const struct pando_id *id,
                       enum op_step step)
{
    /* The receipt names bodies by the hash of the whole; a space finds them by either
     * form. */
    char cid[CID_SHA256_TEXT_SIZE], args[CID_SHA256_TEXT_SIZE + 64];
    cid_text_sha256(CID_RAW, id, cid);
    op->step = step;
    const int len =
        snprintf(args, sizeof args, "{\"id\":\"%s\",\"fetch\":true,\"raw\":true}", cid);
    op_ask(n, op, "blob_get", slice_of(args, (size_t)len));
}

static enum pando_status print_verdict(struct node *n, struct node_op *op,
                                       enum receipt_verdict verdict)
{
    const struct receipt *r = &op->receipt;
    const struct pando_id id = receipt_id(r);
    const struct peer_id signer = peer_id_from_key(&r->node);
    char cid[CID_SHA256_TEXT_SIZE], peer[PEER_ID_TEXT_MAX];
    cid_text_sha256(CID_DAG_CBOR, &id, cid);
    peer_id_print(&signer, peer);
    const int64_t age = (n->ports.wall(n->ports.ctx).ms - r->time.ms) / 1000;
    return buf_printf(
        &op->answer,
        "{\"valid\":%s,\"signature_ok\":%s,\"verdict\":\"%s\",\"age_s\":%lld,"
        "\"receipt_id\":\"%s\",\"signer\":\"%s\"",
        verdict == RECEIPT_VALID ? "true" : "false",
        verdict == RECEIPT_FORGED || verdict == RECEIPT_MALFORMED ? "false" : "true",
        receipt_verdict_text(verdict), (long long)age, cid, peer);
}

static void finish(struct node *n, struct node_op *op)
{
    if (buf_printf(&op->answer, "}") == PANDO_OK)
        call_reply(n, op->token, PANDO_OK, buf_view(&op->answer));
    else
        call_fail(n, op->token, PANDO_FULL, "the answer is too long");
    op_free(n, op);
}

/* The receipt is known: judge it, and go on to the replay when one is wanted. */
static void judge(struct node *n, struct node_op *op)
{
    const enum receipt_verdict verdict =
        receipt_verify(&op->receipt, n->ports.wall(n->ports.ctx), op->max_age_s);
    if (print_verdict(n, op, verdict) != PANDO_OK || !op->replay ||
        verdict == RECEIPT_FORGED || verdict == RECEIPT_MALFORMED)
        finish(n, op);
    else
        fetch_blob(n, op, &op->receipt.capsule, OP_FETCH_CAPSULE);
}

void replays_begin(struct node *n, uint64_t token, const json_t *args)
{
    const json_t *receipt = json_object_get(args, "receipt");
    struct node_space *s = space_by_name(n, args_text(args, "space", NULL), "dag");
    struct node_op *op = s == NULL ? NULL : op_new(n, OP_REPLAY, token);
    if (s == NULL)
        call_fail(n, token, PANDO_NOT_FOUND,
                  "there is no such dag space here; `pando space ls` lists them");
    if (op == NULL)
        return;
    op->slot = s->slot;
    op->replay = args_bool(args, "replay", false);
    op->max_age_s = (uint32_t)args_uint(args, "max_age_s", RECEIPT_AGE_DEFAULT_S);
    if (json_is_string(receipt)) {
        char ask[CID_TEXT_MAX + 32];
        const int len = snprintf(ask, sizeof ask, "{\"id\":\"%.200s\"}",
                                 json_string_value(receipt));
        op->step = OP_READING;
        op_ask(n, op, "receipt_show", slice_of(ask, (size_t)len));
        return;
    }
    struct pando_err err = { 0 };
    char *text = json_is_object(receipt) ? json_dumps(receipt, JSON_COMPACT) : NULL;
    const enum pando_status st =
        text == NULL ? PANDO_INVALID
                     : receipt_from_json(slice_text(text), &op->receipt, &err);
    free(text);
    if (st == PANDO_OK)
        judge(n, op);
    else
        op_fail(n, op, st,
                text == NULL ? "\"receipt\" is a receipt's id or its JSON" : err.text);
}

enum pando_status op_read_receipt(struct node_op *op)
{
    json_t *got = args_parse(buf_view(&op->got), NULL);
    const json_t *body = got == NULL ? NULL : json_object_get(got, "body");
    struct pando_buf cbor;
    buf_init(&cbor, RECEIPT_SIZE_MAX);
    enum pando_status st = body == NULL ? PANDO_MALFORMED : json_text_encode(body, &cbor, NULL);
    if (st == PANDO_OK)
        st = receipt_decode(buf_view(&cbor), &op->receipt);
    buf_deinit(&cbor);
    json_decref(got);
    return st;
}

/* The receipt's limits as the JSON that a worker reads; NULL when memory is out. */
static struct bytes *limits_text(const struct exec_limits *l)
{
    struct pando_buf b;
    buf_init(&b, 1024);
    enum pando_status st = buf_printf(
        &b,
        "{\"fuel\":%llu,\"memory_mb\":%u,\"execution_time_ms\":%u,\"max_io\":%u,"
        "\"capsule_max\":%u,\"capabilities\":[",
        (unsigned long long)l->fuel, l->memory_mb, l->execution_time_ms, l->max_io,
        l->capsule_max);
    const char *comma = "";
    for (uint32_t bit = 1; bit <= EXEC_CAP_ALL && st == PANDO_OK; bit <<= 1) {
        if ((l->capabilities & bit) == 0)
            continue;
        st = buf_printf(&b, "%s\"%s\"", comma, exec_capability_name(bit));
        comma = ",";
    }
    if (st == PANDO_OK)
        st = buf_printf(&b, "]}");
    struct bytes *text = st == PANDO_OK ? bytes_copy(buf_view(&b)) : NULL;
    buf_deinit(&b);
    return text;
}

/* The bytes that a receipt names are gone or elsewhere: say which, the rest stands. */
static void cannot_replay(struct node *n, struct node_op *op, const char *what)
{
    if (buf_printf(&op->answer,
                   ",\"replay\":{\"matches\":false,\"ran\":false,\"text\":"
                   "\"%s is not in the store and no linked peer has it\"}",
                   what) != PANDO_OK)
        buf_reset(&op->answer);
    finish(n, op);
}

void replays_answered(struct node *n, struct node_op *op, enum pando_status status)
{
    switch (op->step) {
    case OP_READING:
        if (status == PANDO_OK)
            status = op_read_receipt(op);
        if (status == PANDO_OK)
            judge(n, op);
        else
            op_fail(n, op, status,
                    status == PANDO_NOT_FOUND ? "this node has no such receipt"
                                              : "the stored receipt does not decode");
        return;
    case OP_FETCH_CAPSULE:
        op->capsule = status == PANDO_OK ? bytes_copy(buf_view(&op->got)) : NULL;
        if (op->capsule == NULL)
            cannot_replay(n, op, "the capsule");
        else
            fetch_blob(n, op, &op->receipt.input, OP_FETCH_INPUT);
        return;
    default:
        op->input = status == PANDO_OK ? bytes_copy(buf_view(&op->got)) : NULL;
        if (op->input == NULL) {
            cannot_replay(n, op, "the input");
            return;
        }
        op->time = op->receipt.time;
        op->nonce = op->receipt.nonce;
        op->limits = limits_text(&op->receipt.limits);
        runs_submit(n, op, false);
        return;
    }
}

static const char *yes(bool b)
{
    return b ? "true" : "false";
}

void replays_ran(struct node *n, struct node_op *op, const struct exec_result *result)
{
    const struct receipt *r = &op->receipt;
    const bool ran = result->failure == EXEC_FAIL_NONE;
    const bool output = ran && id_equal(&result->output_id, &r->output);
    const bool engine = strcmp(r->engine, exec_engine_name()) == 0;
    const bool fuel = ran && result->metrics.fuel_used == r->fuel_used;
    const bool calls = ran && result->metrics.host_calls == r->host_calls;
    const bool matches = output && (!engine || (fuel && calls));
    enum pando_status st = buf_printf(
        &op->answer,
        ",\"replay\":{\"matches\":%s,\"ran\":%s,\"output_equal\":%s,\"engine_equal\":%s,"
        "\"fuel_equal\":%s,\"host_calls_equal\":%s,\"fuel_used\":%llu,\"duration_us\":%"
        "llu,\"text\":",
        yes(matches), yes(ran), yes(output), yes(engine), yes(fuel), yes(calls),
        (unsigned long long)result->metrics.fuel_used,
        (unsigned long long)result->metrics.duration_us);
    if (st == PANDO_OK)
        st = answer_string(&op->answer, ran ? "" : result->text);
    if (st == PANDO_OK)
        st = buf_printf(&op->answer, "}");
    if (st == PANDO_OK)
        finish(n, op);
    else
        op_fail(n, op, st, "the answer is too long");
}
