/* rows_put.h - writing single rows: for the fold alone (rows_fold.c).
 */
#ifndef SPACE_DELTA_ROWS_PUT_H
#define SPACE_DELTA_ROWS_PUT_H

#include "space/delta/rows.h"

enum pando_status rows_put_counts(const struct tables *t,
                                  const struct row_counts *c) PANDO_MUST_USE;
enum pando_status rows_put_name(const struct tables *t, const struct delta_hash *name,
                                const struct row_name *n) PANDO_MUST_USE;
enum pando_status rows_add_tally(const struct tables *t, const struct post_list *list,
                                 int64_t add) PANDO_MUST_USE;
enum pando_status rows_put_target(const struct tables *t, const struct post_list *list,
                                  const struct post_entry *e) PANDO_MUST_USE;
enum pando_status rows_del_target(const struct tables *t, const struct post_list *list,
                                  const struct post_entry *e) PANDO_MUST_USE;
/* rows_return.c: a DELTA_RECORD_RETURNED, laid out as DELTA_RECORD_ARCHIVED without lists. */
enum pando_status rows_fold_returned(const struct tables *t,
                                     struct pando_slice bytes) PANDO_MUST_USE;
/* store_kept.c */
enum pando_status rows_fold_kept(const struct tables *t, uint64_t position,
                                 struct pando_slice bytes) PANDO_MUST_USE;

#endif
