/* reconcile.h - which items do two nodes not share? By comparing sums of ranges.
 *
 * Both hold a set of items in the same order (tally.h). One says the sum of each of a few
 * ranges; the other compares with its own, is silent about equal ones, parts a differing one
 * into smaller ranges and says their sums, or, when few items are left, lists the first
 * eight bytes of each digest. Whoever reads a list knows what the other lacks (and sends it) and
 * what itself lacks (and says which). Where the other has one item less, the sum alone may tell
 * which: all but that one have the sum that the other said. A message
 * needs nothing but the set to be answered: there is no session, and either side may forget
 * everything between two messages.
 *
 * Cost on the wire, for items that one lacks, far apart: as many sums of a dozen bytes as there are
 * ranges until most have one of them at most (for 1,000 of a million 6,500); items that lie
 * together share their ranges. Where each lacks some within a range, lists part them.
 *
 * Layout: docs/wire/reconcile.md. Source: A. Meyer, "Range-Based Set Reconciliation", SRDS
 * 2023; deviations: eight bytes of a sum of digests as a range's fingerprint, with its count; one
 * item that lacks is found by the sum.
 */
#ifndef SYNC_RECONCILE_H
#define SYNC_RECONCILE_H

#include "codec/wire.h"
#include "sync/tally.h"

#define RECONCILE_PARTS    16
#define RECONCILE_LIST     24   /* a range with so few items is listed */
#define RECONCILE_LIST_MAX 1024 /* prefixes of one list that are read */
#define RECONCILE_RANGES   64   /* looked at in one call */

/* What the comparison finds out. Both are borrowed for the call. */
struct reconcile_sink {
    void *ctx;
    /* The other lacks every item of ours in [from, to). */
    void (*have_range)(void *ctx, const struct tally_key *from, const struct tally_key *to);
    /* It lacks, or asked for, these. */
    void (*have)(void *ctx, const struct tally_key *keys, size_t len);
};

/* A message that is being answered. */
struct reconcile_reader {
    struct wire_reader in;
    struct tally_key from; /* where the next range begins */
};

/* A message that is being written: ranges in order, none said where nothing differs. */
struct reconcile_writer {
    struct wire_writer out;
    struct tally_key at; /* behind the last range that was written */
};

/* Room for what one range may be answered with. */
#define RECONCILE_ROOM (12u << 10)

void reconcile_write(struct reconcile_writer *w, uint8_t *room, size_t cap);
/* The first message: sums of everything. */
enum pando_status reconcile_open(const struct tally *t,
                                 struct reconcile_writer *w) PANDO_MUST_USE;

/* Begin to answer a message, whose bytes stay valid until the answer is complete. */
void reconcile_read(struct reconcile_reader *r, struct pando_slice message);
/* Go on with the answer. PANDO_OK: complete; if nothing was written, nothing is left to say.
 * PANDO_BUSY: call again. PANDO_FULL: less than RECONCILE_ROOM is left in `w`: send what is
 * written, which is a message of its own, and call again with a fresh writer.
 * Errors: PANDO_MALFORMED; those of the rows. */
enum pando_status reconcile_answer(const struct tally *t, struct reconcile_reader *r,
                                   struct reconcile_writer *w,
                                   const struct reconcile_sink *sink) PANDO_MUST_USE;

#endif
