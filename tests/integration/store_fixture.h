/* store_fixture.h - a store in a folder of its own, with a fold whose work can be
 * checked.
 *
 * Record n is made from its number, its fold puts it under key n of table 1 and counts it
 * in table 2: a record that is lost, changed, folded twice or not at all shows.
 */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include "store/store.h"

#include "base/rng.h"
#include "base/slice.h"
#include "check.h"

#define FIXTURE_RECORD_MAX 400

extern const struct pando_id fixture_space;

struct fixture_seen {
    uint64_t folds;    /* calls of the fold */
    uint64_t fails_at; /* it fails from this call on; 0: never */
};

struct fixture {
    char dir[120];
    struct store *s;
    struct store_space *sp;
    uint64_t next; /* number of the next record */
    struct fixture_seen seen;
    struct store_fold how;
};

/* Make a folder and open the store in it. */
void fixture_setup(struct fixture *f);
void fixture_open_store(struct fixture *f);
/* Close the store; remove DIR and DIR.backup. */
void fixture_teardown(struct fixture *f);

void fixture_put_number(uint8_t *to, uint64_t n);
size_t fixture_len_of(uint64_t n);
struct pando_slice fixture_record_of(uint64_t n, size_t len, uint8_t *room);

enum pando_status fixture_append(struct fixture *f);
enum pando_status fixture_commit(struct fixture *f);
/* Append `count` records and commit them. */
void fixture_fill(struct fixture *f, uint64_t count);
void fixture_flush(struct fixture *f);
/* Every record in the journal is the right one, in order, and in the tables exactly once.
 * Returns how many there are; that must lie between the two numbers. */
uint64_t fixture_check_all(struct fixture *f, uint64_t at_least, uint64_t at_most);

/* Run a shell command with two %s; it must succeed. */
void fixture_run(const char *command, const char *a, const char *b);

#endif
