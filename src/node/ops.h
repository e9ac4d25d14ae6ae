/* ops.h - calls that take several steps.
 *
 * Running a capsule means: find its bytes (perhaps from a peer), run it on a worker, sign
 * the receipt, append it to a space and wait until that is durable. Each step is an effect
 * with a completion; an op remembers how far its call has come. Its number is the internal
 * token under which the answers of spaces and workers come back. At NODE_OPS_MAX ops a new
 * call is refused with PANDO_BUSY.
 */
#ifndef NODE_OPS_H
#define NODE_OPS_H

#include "exec/replay.h"
#include "node/args.h"
#include "node/state.h"

#define NODE_OPS_MAX 4096

enum op_kind { OP_RUN, OP_VALIDATE, OP_REPLAY, OP_SHOW, OP_FORWARD, OP_SPACE };

/* What the op waits for. */
enum op_step {
    OP_FETCH_CAPSULE,
    OP_FETCH_INPUT,
    OP_KEEP_CAPSULE,
    OP_KEEP_INPUT,
    OP_RUNNING,
    OP_APPENDING,
    OP_READING,
};

struct node_op {
    enum op_kind kind;
    enum op_step step;
    uint64_t number; /* our internal token */
    uint64_t token;  /* of whoever called */
    uint32_t slot;
    bool store;
    uint32_t asker;           /* OP_SPACE: the space that asked, */
    struct pando_id asker_id; /* its id, */
    char cid[CID_TEXT_MAX];   /* and for what */
    struct bytes *capsule;
    struct bytes *input;
    struct bytes *limits; /* JSON text */
    struct pando_buf got; /* parts of an answer */
    struct pando_wall time;
    uint64_t nonce;
    uint32_t max_age_s;
    bool replay;
    struct receipt receipt;
    struct pando_buf answer; /* the reply as far as it is known */
};

/* A new op for a call. NULL: refused, and the call was answered. */
struct node_op *op_new(struct node *n, enum op_kind kind, uint64_t token);
/* The same for what no call waits for: NULL is all that is said. */
struct node_op *op_make(struct node *n, enum op_kind kind, uint64_t token);
/* Forget an op; its call must have been answered. */
void op_free(struct node *n, struct node_op *op);
/* Answer the call with a failure and forget the op. */
void op_fail(struct node *n, struct node_op *op, enum pando_status status, const char *text);
/* Ask the op's space, expecting the answer in runs_answered. */
void op_ask(struct node *n, struct node_op *op, const char *verb, struct pando_slice args);

/* replays.c: the receipt inside the event that a space has shown. */
enum pando_status op_read_receipt(struct node_op *op) PANDO_MUST_USE;
/* runs.c: one part of the answer to op_ask has come; `last` with the final one. */
void runs_answered(struct node *n, struct node_op *op, enum pando_status status, bool last);
/* runs.c, replays.c: the worker is done. */
void runs_ran(struct node *n, struct node_op *op, const struct exec_result *result,
              const struct receipt *receipt);
void replays_begin(struct node *n, uint64_t token, const json_t *args);
void replays_answered(struct node *n, struct node_op *op, enum pando_status status);
void replays_ran(struct node *n, struct node_op *op, const struct exec_result *result);
/* space_runs.c: a run that a space asked for; it hears of the end by SPACE_RAN */
void space_runs_begin(struct node *n, struct node_space *s, const struct space_effect *e);
void space_runs_answered(struct node *n, struct node_op *op, enum pando_status status);
void space_runs_ran(struct node *n, struct node_op *op, const struct exec_result *result);
void space_runs_fail(struct node *n, struct node_op *op, enum pando_status status,
                     const char *text);
/* Submit the op's capsule and input to a worker. */
void runs_submit(struct node *n, struct node_op *op, bool validate_only);

#endif
