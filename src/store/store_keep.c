/* store_keep.c - a space's snapshot, and forgetting what it covers. */
#include "store/store_private.h"

#include <inttypes.h>

static enum pando_status dir_of(const struct store_space *sp, char ret[static FILES_PATH_MAX])
{
    return store_journal_dir(sp->store->dir, &sp->id, ret);
}

enum pando_status store_snapshot_read(struct store_space *sp, uint64_t *ret_position,
                                      struct pando_buf *ret_state, struct pando_err *reterr)
{
    char dir[FILES_PATH_MAX];
    const enum pando_status st = dir_of(sp, dir);
    return st != PANDO_OK ? st
                          : journal_snapshot_read(&sp->store->files, dir, ret_position, ret_state,
                                                  reterr);
}

enum pando_status store_snapshot_write(struct store_space *sp, uint64_t position,
                                       struct pando_slice state, struct pando_err *reterr)
{
    char dir[FILES_PATH_MAX];
    const enum pando_status st = dir_of(sp, dir);
    return st != PANDO_OK
               ? st
               : journal_snapshot_write(&sp->store->files, dir, position, state, reterr);
}

enum pando_status store_drop_before(struct store_space *sp, uint64_t position,
                                    struct pando_err *reterr)
{
    return journal_drop_before(sp->journal, position, reterr);
}

enum pando_status store_space_mend(struct store *s, const struct pando_id *id,
                                   struct pando_err *reterr)
{
    char dir[FILES_PATH_MAX];
    struct journal_loss loss;
    enum pando_status st = store_journal_dir(s->dir, id, dir);
    if (st == PANDO_OK)
        st = journal_mend(&s->files, dir, &loss, reterr);
    if (st != PANDO_OK)
        return st;
    trace(s->tracer, TRACE_STORE, TRACE_WARNING,
          "%.200s/%s was damaged at offset %" PRIu64 ": %s; everything behind it is set aside as "
          "damaged-%" PRIu64 "-* and fetched again from the other members",
          dir, loss.file, loss.offset,
          loss.whole ? "nothing in front of it can be used" : "what is in front of it is kept",
          loss.repairs);
    return PANDO_OK;
}
