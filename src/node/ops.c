#include "node/ops.h"

#include <stdio.h>
#include <stdlib.h>

uint64_t job_add(struct node *n, enum job_owner owner, uint32_t slot, uint64_t token)
{
    void *place;
    bool added;
    const uint64_t number = n->next_job + 1;
    if (map_put(&n->jobs, &number, &place, &added) != PANDO_OK)
        return 0;
    n->next_job = number;
    *(struct node_job *)place = (struct node_job){ owner, slot, token };
    return number;
}

bool job_take(struct node *n, uint64_t job, struct node_job *ret)
{
    const struct node_job *found = map_find(&n->jobs, &job);
    if (found == NULL)
        return false;
    *ret = *found;
    return map_del(&n->jobs, &job);
}

struct node_op *op_make(struct node *n, enum op_kind kind, uint64_t token)
{
    struct node_op *op = calloc(1, sizeof *op);
    const uint64_t number = NODE_INTERNAL_TOKEN + ++n->next_token;
    void *place;
    bool added;
    if (op == NULL || map_put(&n->ops, &number, &place, &added) != PANDO_OK) {
        free(op);
        return NULL;
    }
    memcpy(place, &op, sizeof op);
    op->kind = kind;
    op->number = number;
    op->token = token;
    buf_init(&op->got, ARGS_TEXT_MAX);
    buf_init(&op->answer, ARGS_TEXT_MAX);
    return op;
}

struct node_op *op_new(struct node *n, enum op_kind kind, uint64_t token)
{
    struct node_op *op = op_make(n, kind, token);
    if (op == NULL)
        call_fail(n, token, PANDO_BUSY, "%d calls are under way already; try again",
                  NODE_OPS_MAX);
    return op;
}

static void release(struct node_op *op)
{
    bytes_unref(op->capsule);
    bytes_unref(op->input);
    bytes_unref(op->limits);
    buf_deinit(&op->got);
    buf_deinit(&op->answer);
    free(op);
}

void op_free(struct node *n, struct node_op *op)
{
    (void)map_del(&n->ops, &op->number);
    release(op);
}

void ops_drop_all(struct node *n)
{
    size_t cursor = 0;
    const void *key;
    void *value;
    while (map_next(&n->ops, &cursor, &key, &value))
        release(*(struct node_op **)value);
    map_deinit(&n->ops);
}

void op_fail(struct node *n, struct node_op *op, enum pando_status status,
             const char *text)
{
    if (op->kind == OP_SPACE) {
        space_runs_fail(n, op, status, text);
        return;
    }
    call_fail(n, op->token, status, "%s", text);
    op_free(n, op);
}

void op_ask(struct node *n, struct node_op *op, const char *verb, struct pando_slice args)
{
    struct node_space *s = space_at(n, op->slot);
    buf_reset(&op->got);
    if (s == NULL)
        op_fail(n, op, PANDO_NOT_FOUND, "the space was removed meanwhile");
    else
        space_call(n, s, op->number, verb, args);
}

/* A space says {"error": sentence}; people and the api want the sentence. */
static void reply_failure(struct node *n, uint64_t token, enum pando_status status,
                          struct pando_slice body)
{
    json_t *object = args_parse(body, NULL);
    const char *text = object == NULL ? NULL : args_text(object, "error", NULL);
    n->ports.reply(n->ports.ctx, token, status,
                   slice_text(text == NULL ? pando_status_text(status) : text), false, false);
    json_decref(object);
}

void ops_reply(struct node *n, uint64_t token, enum pando_status status,
               struct bytes *body, bool raw, bool more)
{
    const struct pando_slice view = body == NULL ? SLICE_EMPTY : bytes_view(body);
    if (token < NODE_INTERNAL_TOKEN) {
        if (status == PANDO_OK)
            n->ports.reply(n->ports.ctx, token, status, view, raw, more);
        else
            reply_failure(n, token, status, view);
        return;
    }
    struct node_op **found = map_find(&n->ops, &token);
    if (found == NULL)
        return;
    struct node_op *op = *found;
    const enum pando_status st = buf_append(&op->got, view);
    if (st != PANDO_OK)
        op_fail(n, op, st, "the answer is too long");
    else if (!more)
        runs_answered(n, op, status, true);
}

void ops_ran(struct node *n, uint64_t token, const struct exec_result *result,
             const struct receipt *receipt)
{
    struct node_op **found = map_find(&n->ops, &token);
    if (found == NULL)
        return;
    if ((*found)->kind == OP_REPLAY)
        replays_ran(n, *found, result);
    else if ((*found)->kind == OP_SPACE)
        space_runs_ran(n, *found, result);
    else
        runs_ran(n, *found, result, receipt);
}

void ops_worked(struct node *n, uint64_t token, enum pando_status status,
                struct pando_slice json)
{
    struct node_op **found =
        token < NODE_INTERNAL_TOKEN ? NULL : map_find(&n->ops, &token);
    if (found == NULL) {
        call_reply(n, token, status, json);
        return;
    }
    struct node_op *op = *found;
    call_reply(n, op->token, status, json);
    op_free(n, op);
}
