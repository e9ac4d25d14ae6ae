/* disk.h - the disk of one simulated node: the real journal over a disk in memory.
 *
 * A space is opened as a node's host opens it: journal, then its records folded into fresh
 * tables. A commit takes the disk's latency; what is staged meanwhile gathers into the next
 * one. A failed commit stops the space's journal, and every second it is asked to go on.
 * disk_power_off cuts the power: a group in flight may be lost, torn or whole.
 */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include "base/rng.h"
#include "node/ports.h"
#include "sim/queue.h"

struct disk;
struct files_memory; /* store/files_memory.h */

/* Planted bugs of a disk. */
enum disk_plant {
    DISK_HONEST,
    DISK_EARLY_ACK, /* says durable when a commit begins */
    DISK_NO_SYNC,   /* fdatasync does nothing */
};

/* Who hears of commits. `life` counts the disk's openings. */
struct disk_owner {
    void *ctx;
    void (*durable)(void *ctx, uint32_t slot, uint64_t position);
    void (*failed)(void *ctx, uint32_t slot, enum pando_status why);
    void (*back)(void *ctx, uint32_t slot);
    void (*snapshotted)(void *ctx, uint32_t slot, enum pando_status status);
};

struct disk *disk_new(struct sim_queue *queue, uint64_t seed, const struct disk_owner *owner);
void disk_free(struct disk *d);
void disk_set_latency(struct disk *d, struct pando_span latency);
void disk_plant(struct disk *d, enum disk_plant plant);

enum pando_status disk_open(struct disk *d, uint32_t slot, const struct pando_id *id,
                            const struct space_ops *ops, struct node_space_store *ret,
                            struct pando_err *reterr);
void disk_close(struct disk *d, uint32_t slot);
enum pando_status disk_append(struct disk *d, uint32_t slot, uint8_t record,
                              struct pando_slice bytes, const struct tables_fold *fold,
                              uint64_t *ret_position);
void disk_commit(struct disk *d, uint32_t slot);
/* Write it after the disk's latency, then drop the records below. Takes the reference. */
void disk_snapshot(struct disk *d, uint32_t slot, uint64_t position, struct bytes *state);
/* The power fails: from now on nothing reaches the disk. Close the spaces (node_free does),
 * then disk_power_on shows what is left. */
void disk_power_off(struct disk *d, struct rng *rng);
void disk_power_on(struct disk *d, struct rng *rng);
/* Take at most `bytes` more; UINT64_MAX lifts the limit. */
void disk_limit(struct disk *d, uint64_t bytes);
uint64_t disk_bytes(const struct disk *d);
/* Everything that is on it now, as a backup made by hand has it; to be freed, or given to
 * disk_replace, which takes it. No space may be open then. */
struct files_memory *disk_copy(const struct disk *d);
void disk_replace(struct disk *d, struct files_memory *copy);

#endif
