/* rows.h - the tables of one simulated space: an ordered index in memory.
 *
 * Like every index it is derived from the journal: a crash throws it away and the replay
 * folds it anew. A treap whose shape comes from the order of insertions alone, so that
 * equal runs take equal paths. Entries are one allocation each.
 */
#ifndef SIM_ROWS_H
#define SIM_ROWS_H

#include "store/tables.h"

struct rows;

struct rows *rows_new(void);
void rows_free(struct rows *r);
/* Valid until rows_free. */
struct tables *rows_tables(struct rows *r);
/* Whether both hold the same rows. */
bool rows_equal(struct rows *a, struct rows *b);

#endif
