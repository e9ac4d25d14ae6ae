/* delta_world.h - a whole delta space on a disk in memory, driven as a node drives it. */
#ifndef SPACE_DELTA_DELTA_WORLD_H
#define SPACE_DELTA_DELTA_WORLD_H

#include "base/buf.h"
#include "space/delta/spaces.h"
#include "store/files_memory.h"
#include "store/journal.h"

#include <jansson.h>

struct rows; /* sim/rows.h */

struct delta_world {
    struct files_memory *disk;
    uint64_t openings;
    struct journal *journal;
    struct rows *rows;
    struct rows *twin; /* folded from records alone: must be the same */
    struct crypto_secret secret;
    struct space_host host;
    void *instance;
    struct pando_time now;
    int64_t wall;
    bool busy; /* appends are refused with PANDO_BUSY */
    bool snapshot; /* one is asked for, with this position */
    uint64_t snapshot_position;
    /* What was answered to token 1 (calls) and to token 2 (streams). */
    bool answered, ended;
    enum pando_status status;
    struct pando_buf answer, stream;
    size_t lines; /* of the stream */
    /* Pipe effects, the newest; kept for tests of federation. */
    void *ctx;
    void (*on_pipe)(void *ctx, struct delta_world *w, const struct space_effect *e);
};

void delta_world_init(struct delta_world *w, const char *settings);
/* Open again what the disk holds; `crash`: what was not synced is gone. */
void delta_world_restart(struct delta_world *w, bool crash, const char *settings);
void delta_world_deinit(struct delta_world *w);

void delta_world_feed(struct delta_world *w, const struct space_input *in);
/* Let it work until nothing more is to be done, without or with commits. */
void delta_world_work(struct delta_world *w);
void delta_world_settle(struct delta_world *w);

/* A call with the token 1, `args` JSON where ' stands for "; does not wait. */
void delta_world_call(struct delta_world *w, const char *verb, const char *args);
/* The same, settled; the answer as JSON, to be given back. Fails unless it is `status`. */
json_t *delta_world_ask(struct delta_world *w, const char *verb, const char *args,
                        enum pando_status status);
/* The same with bytes instead of JSON: a raw verb. */
json_t *delta_world_give(struct delta_world *w, const char *verb, struct pando_slice bytes,
                         enum pando_status status);
/* A stream with the token 2. */
void delta_world_watch(struct delta_world *w, const char *verb, const char *args);

#endif
