/* journal_workload.h - a life of a journal on a simulated disk, and what must be true of
 * it.
 *
 * Tests share it: it appends records whose content follows from their number, commits,
 * closes, reopens and survives crashes as a seed says, and remembers what was
 * acknowledged. workload_check opens a copy of the disk with the real code and compares.
 */
#ifndef STORE_JOURNAL_WORKLOAD_H
#define STORE_JOURNAL_WORKLOAD_H

#include "store/files_memory.h"
#include "store/journal.h"

#define WORKLOAD_RECORDS_MAX   4096
#define WORKLOAD_DIR           "/j"
#define WORKLOAD_UNREAD_DAMAGE "verify finds damage that reading does not meet"

struct workload_record {
    uint64_t position;
    uint32_t number; /* its content follows from it */
};

struct workload {
    struct files_memory *disk;
    struct journal_config config;
    struct journal *journal;
    struct rng rng;
    struct workload_record
        records[WORKLOAD_RECORDS_MAX]; /* appended and not known lost */
    size_t len;
    size_t acked; /* of those, the first ones are durable */
    uint32_t next_number;
    uint64_t snapshot; /* the position of the newest one that may be on the disk */
    uint64_t dropped;  /* times that segments went */
    void *hook_ctx;
    void (*hook)(void *ctx); /* after every change of the disk, in every life */
};

void workload_init(struct workload *w, uint64_t seed, bool sync, size_t segment);
void workload_deinit(struct workload *w);
/* The bytes of record `number`; returns their length, at most `cap`. */
size_t workload_content(uint32_t number, uint8_t *kind, uint8_t *ret, size_t cap);
/* Open what is on the disk and forget the records that are not there any more. */
enum pando_status workload_open(struct workload *w);
/* Append `count` records. */
enum pando_status workload_append(struct workload *w, size_t count);
/* Commit what is staged until nothing is; acknowledge on success. */
enum pando_status workload_commit(struct workload *w);
void workload_close(struct workload *w);
/* One life: some hundred steps of all of the above. */
enum pando_status workload_run(struct workload *w, size_t steps);

/* The records on `disk`, opened by the real code, are the first `*ret_len` of `w`, all
 * that were acknowledged among them, and the journal takes more. NULL: all is well, else
 * what is wrong. `*ret_status` is what open gave. */
const char *workload_check(const struct workload *w, struct files_memory *disk,
                           size_t acked, enum pando_status *ret_status, size_t *ret_len);

#endif
