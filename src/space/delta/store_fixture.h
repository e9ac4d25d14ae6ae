/* store_fixture.h - a store over the real journal on a disk in memory, and rows in memory.
 *
 * The disk crashes like a real one (store/files_memory.h); rows are derived, so every opening
 * folds them anew from the journal. A second set of rows is folded from the records alone: each
 * commit checks that what was folded as it was staged is the same.
 */
#ifndef SPACE_DELTA_STORE_FIXTURE_H
#define SPACE_DELTA_STORE_FIXTURE_H

#include "sim/rows.h"
#include "space/delta/group.h"
#include "store/files_memory.h"
#include "store/journal.h"

struct fixture {
    struct files_memory *disk;
    struct journal *journal;
    struct rows *rows;
    struct rows *twin; /* folded from records */
    struct crypto_secret secret;
    struct space_host host;
    struct delta_store *store;
    bool busy;        /* appends are refused with PANDO_BUSY */
    uint64_t appends; /* that were taken */
};

/* A new disk, opened. */
void fixture_init(struct fixture *f);
/* Open what is on a disk, which the fixture owns from now on. */
enum pando_status fixture_open(struct fixture *f, struct files_memory *disk) PANDO_MUST_USE;
/* Close without committing what is staged; the disk stays. */
void fixture_close(struct fixture *f);
void fixture_deinit(struct fixture *f);
/* Write and sync what is staged, and say so. */
void fixture_commit(struct fixture *f);
/* The power fails: only what was synced is there again. */
void fixture_crash(struct fixture *f);
/* What SPACE_SNAPSHOT does: an empty snapshot, then the journal's head is dropped. */
void fixture_drop_before(struct fixture *f, uint64_t position);

/* A delta made of JSON text, sealed; of one author and system, about objects "o0".. */
struct made {
    struct delta delta;
    struct delta_room room;
    struct pando_buf bytes;
};
/* `text`: its JSON, where ' stands for ". Fails the test when it is none. */
void make(struct made *m, const char *text);
void made_deinit(struct made *m);
/* {"id":"d<id>","timestamp":<time>,"author":"a<id % 3>","system":"s","pointers":[at object
 * o<object>, context "name", and a value]} */
void make_plain(struct made *m, unsigned id, int64_t time, unsigned object);
/* A negation with id "n<id>" of the delta with that id. */
void make_negation(struct made *m, unsigned id, int64_t time, const char *target);

/* Stage and expect NEW; gives the ticket. */
uint64_t add(struct fixture *f, const struct made *m, bool own);
/* Stage a peer's group; gives the ticket. */
uint64_t take(struct fixture *f, const struct group *g, enum delta_outcome *outcomes);
uint64_t add_plain(struct fixture *f, unsigned id, int64_t time, unsigned object);

struct pando_id fixture_hash(struct fixture *f);

#endif
