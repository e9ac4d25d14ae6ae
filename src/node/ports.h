/* ports.h - the closed list of things below the node.
 *
 * The node is an engine: it holds no clock, socket, thread or disk. What it needs from the
 * world lies behind this one struct, which src/host fills with real sockets, files and
 * threads and sim/ with virtual ones. No operation calls back into the node: answers come
 * later as node_* inputs (named beside each), in the owner's own turn.
 */
#ifndef NODE_PORTS_H
#define NODE_PORTS_H

#include "net/link.h"
#include "net/pipe.h"
#include "space/space.h"

struct tables;
struct journal;

/* One run of a capsule, for a worker. All bytes are references that the port gives back. */
struct node_run {
    struct bytes *capsule;
    struct bytes *input;
    struct bytes *limits; /* JSON text, or NULL for the defaults */
    struct pando_wall time;
    uint64_t nonce;
    struct pando_id space; /* for the receipt */
    bool receipt;          /* make and sign one, when the run completes */
    bool validate_only;
};

/* What a space needs from the store. */
struct node_space_store {
    struct tables *tables;
    struct journal *journal;
    uint64_t epoch, repairs;
    bool memory; /* in no file: gone when the node ends */
    struct bytes *snapshot; /* or NULL; the caller gives it back */
    uint64_t snapshot_position;
    void *handle; /* the port's own */
};

struct node_ports {
    void *ctx;
    struct link_port link;
    struct pipe_port pipes; /* -> node_pipe_event; ops NULL: none can be dialled */

    /* Open (or create) the journal and tables of a space, replaying through `fold`.
     * `slot` names the space in later calls. */
    enum pando_status (*space_open)(void *ctx, uint32_t slot, const struct pando_id *id,
                                    const struct space_ops *ops,
                                    struct node_space_store *ret, struct pando_err *reterr);
    void (*space_close)(void *ctx, uint32_t slot);
    /* Take the damage out of a closed space's journal. PANDO_NOT_FOUND: there is none that can be
     * taken out. NULL: nobody does that here. */
    enum pando_status (*space_mend)(void *ctx, const struct pando_id *id,
                                    struct pando_err *reterr);
    /* Forget a space's files. */
    enum pando_status (*space_remove)(void *ctx, const struct pando_id *id,
                                      struct pando_err *reterr);
    /* Stage a record in the slot's journal and fold it. Errors: as store_append. */
    enum pando_status (*append)(void *ctx, uint32_t slot, uint8_t record, struct pando_slice bytes,
                                const struct tables_fold *fold, uint64_t *ret_position);
    /* Something was staged in the slot's journal: commit it soon -> node_durable. */
    void (*commit)(void *ctx, uint32_t slot);
    /* Replace the slot's snapshot and drop the records below -> node_snapshotted, perhaps
     * within the call. Takes the reference. */
    void (*snapshot)(void *ctx, uint32_t slot, uint64_t position, struct bytes *state);

    /* Check signatures on a worker -> node_verified with the same job. The items and what
     * they point to are valid for the call. */
    void (*verify)(void *ctx, uint64_t job, const struct space_verify_item *items, size_t len);
    /* Run or validate a capsule on a worker, which signs the receipt too -> node_ran. Takes
     * the references.
     * Errors: PANDO_BUSY the queue is full; PANDO_UNSUPPORTED no engine here. */
    enum pando_status (*run)(void *ctx, uint64_t job, const struct node_run *run);
    /* Work on a blocking thread: "backup" {path}, "verify", "keep" (any JSON text, which
     * replaces the last one atomically and is given back as node_config.kept)
     * -> node_worked. */
    enum pando_status (*work)(void *ctx, uint64_t job, const char *what, struct pando_slice args);
    /* Resolve a DNS name -> node_resolved. `family`: 4, 6 or 0 any; with each `attempt`
     * another one of its addresses. */
    void (*resolve)(void *ctx, uint32_t token, const char *name, uint8_t family,
                    uint32_t attempt);

    struct pando_wall (*wall)(void *ctx);
    void (*entropy)(void *ctx, uint8_t *ret, size_t len);

    /* One part of the answer to a call. `more`: further parts follow. */
    void (*reply)(void *ctx, uint64_t token, enum pando_status status, struct pando_slice body,
                  bool raw, bool more);
    /* A line for the event printer and watchers: static kind, then JSON. */
    void (*notice)(void *ctx, const char *kind, struct pando_slice json);
    /* Resident anonymous bytes of this process, for status; 0 where unknown. */
    uint64_t (*memory)(void *ctx);
    /* Change a log level: "[module=]LEVEL". */
    enum pando_status (*log_level)(void *ctx, const char *text, struct pando_err *reterr);
    /* The operator asked the process to end. */
    void (*stop)(void *ctx);
};

#endif
