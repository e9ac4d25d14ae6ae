/* fed_sim_store.h - the deltas of one simulated instance, in memory, with a disk that is slow.
 *
 * Deltas lie in the order of arrival; what is staged becomes durable when the owner says so, and
 * is lost in a crash before that. It answers what a federation engine asks (struct fed_host) as
 * the real store does: durable deltas only, or those that it was told of, BUSY now and then.
 */
#ifndef SPACE_DELTA_FED_SIM_STORE_H
#define SPACE_DELTA_FED_SIM_STORE_H

#include "base/map.h"
#include "base/rng.h"
#include "space/delta/fed.h"

struct sim_delta {
    struct delta d;
    struct delta_pointer *pointers;
    uint8_t *bytes;
    uint32_t link; /* where it came from */
};

struct sim_store {
    struct sim_delta **arrived; /* place = index + 1 */
    size_t len, cap;
    size_t durable;     /* of them */
    size_t told;        /* of the durable ones: FED_NEW was said for so many */
    size_t early;       /* FED_NEW was said for so many, durable or not; 0: for `told` */
    struct sim_delta **sorted; /* durable ones by (timestamp, digest) */
    size_t sorted_cap;
    struct map names;   /* name -> place */
    size_t staged_max;  /* BUSY beyond */
    uint32_t reads;     /* since the last BUSY */
    bool failing;       /* the disk is full */
    void *owner;        /* for the wall and uuid of its host */
};

struct sim_store *sim_store_new(size_t staged_max);
void sim_store_free(struct sim_store *s);
enum pando_status sim_store_stage(struct sim_store *s, uint32_t link, const struct delta *d,
                                  enum delta_outcome *ret_outcome, uint64_t *ret_ticket);
/* Everything up to the ticket is durable now. */
void sim_store_commit(struct sim_store *s, size_t ticket);
/* How far FED_NEW has come. */
size_t sim_store_said(const struct sim_store *s);
/* Lose what is not durable. */
void sim_store_crash(struct sim_store *s);
/* Held durably. */
bool sim_store_has(const struct sim_store *s, const struct delta_hash *name);
/* A host over this store. Its ctx is the store, also for the owner's `wall` and `uuid`. */
struct fed_host sim_store_host(struct sim_store *s, struct pando_wall (*wall)(void *ctx),
                               void (*uuid)(void *ctx, char ret[FED_ID_TEXT]));

/* A small delta: author "a<n % 3>", system "s<node>", context "public" or "private". Valid until
 * the next call with the same room. */
struct sim_room {
    struct delta_pointer pointers[2];
    char id[32], author[16], system[16], text[4096];
    size_t pad; /* bytes that the text is longer */
    struct pando_buf buf;
};
void sim_delta_make(struct sim_room *r, uint32_t node, uint32_t n, int64_t timestamp,
                    struct delta *ret);

#endif
