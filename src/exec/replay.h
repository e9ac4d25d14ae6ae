/* replay.h - run it again and compare: the proof behind a receipt.
 *
 * A replay uses the receipt's limits, time and nonce, so the capsule sees the same clock
 * and the same randomness. Output must be equal always; fuel and host calls only when the
 * receipt's engine is ours, since engines count differently.
 */
#ifndef EXEC_REPLAY_H
#define EXEC_REPLAY_H

#include "exec/receipt.h"

struct replay_report {
    bool matches;      /* everything that could be compared is equal */
    bool capsule_same; /* the bytes given are the receipt's */
    bool input_same;
    bool ran; /* the run completed */
    bool output_same;
    bool engine_same; /* fuel, memory and host calls were compared */
    bool fuel_same;
    bool memory_same;
    bool host_calls_same;
    struct exec_metrics metrics; /* of this run */
    enum exec_failure failure;
    struct pando_id output;    /* of this run */
    char text[EXEC_TEXT_SIZE]; /* first difference, for people */
};

/* Replay `r` with the bytes it names. `*ret_report` is always written.
 * Errors: PANDO_CORRUPT a difference; PANDO_INVALID other bytes than the receipt's;
 * PANDO_REFUSED the receipt's limits exceed `ceiling` (NULL: none): nothing was run. */
enum pando_status receipt_replay(struct exec *x, const struct receipt *r,
                                 struct pando_slice capsule, struct pando_slice input,
                                 const struct exec_limits *ceiling,
                                 struct replay_report *ret_report) PANDO_MUST_USE;

#endif
