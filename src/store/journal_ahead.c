/* journal_ahead.c - zeros for the next segment, written beside the commits. */
#include "store/journal_impl.h"

#include <stdlib.h>
#include <string.h>

#define STEP_MIN (64u << 10)
#define STEP_MAX (1u << 20)

struct journal_ahead {
    struct pando_files files;
    char dir[FILES_PATH_MAX];
    struct spare spare;
    uint64_t size; /* of the whole segment */
    uint64_t len;  /* of this step */
};

/* The size of the next segment once the last one is half full; else 0. */
static uint64_t wanted(const struct journal *j)
{
    if (j->segments_len == 0)
        return 0;
    const struct segment *last = &j->segments[j->segments_len - 1];
    if (!last->exists || j->end - last->head.base < last->head.size / 2)
        return 0;
    return journal_size_behind(j, last);
}

bool journal_ahead_begin(struct journal *j, struct journal_ahead **ret)
{
    const uint64_t size = wanted(j), more = (j->durable - j->ahead_at) * 5;
    if (j->ahead != NULL || (j->flying != NULL && j->flying->has_spare) ||
        j->stopped != PANDO_OK || j->spare.failed || size == 0)
        return false;
    spare_take_kept(j);
    if (j->spare.file >= 0 && j->spare.size == size && j->spare.filled == size)
        return false;
    struct journal_ahead *a = calloc(1, sizeof *a);
    if (a == NULL)
        return false;
    a->files = j->config.files;
    memcpy(a->dir, j->dir, sizeof a->dir);
    a->spare = j->spare;
    a->size = size;
    /* So many that it is ready when this segment is full. */
    a->len = more < STEP_MIN ? STEP_MIN : more > STEP_MAX ? STEP_MAX : more;
    j->ahead = a;
    j->ahead_at = j->durable;
    *ret = a;
    return true;
}

void journal_ahead_run(struct journal_ahead *a)
{
    if (spare_grow(&a->spare, &a->files, a->dir, a->size, a->len) == PANDO_OK)
        return;
    spare_discard(&a->spare, &a->files, a->dir, SPARE_NAME);
    a->spare.failed = true;
}

void journal_ahead_end(struct journal *j, struct journal_ahead *a)
{
    j->spare = a->spare;
    j->ahead = NULL;
    free(a);
}
