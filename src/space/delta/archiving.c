/* archiving.c - negated deltas go into a file, then their room is given back.
 *
 * Two calls, for the file must be safe before anything goes: `archive` streams it, and
 * `archive_commit` takes out what the last complete one gave. Then what is still held in the
 * oldest records is written again and the records are dropped.
 */
#include "space/delta/engine.h"

#include "base/slice.h"

#include <inttypes.h>
#include <stdio.h>

#define PART_MAX (9u << 20)

static void settle(struct deltas *d)
{
    struct deltas_archiving *a = &d->archiving;
    delta_archive_free(a->archive);
    *a = (struct deltas_archiving){ .stage = ARCHIVING_NOTHING };
}

static void end_badly(struct deltas *d, enum pando_status st, const char *doing)
{
    deltas_fail(d, d->archiving.token, st, "cannot %s: %s", doing, pando_status_text(st));
    settle(d);
}

void deltas_archive(struct deltas *d, uint64_t token, const json_t *args)
{
    struct deltas_archiving *a = &d->archiving;
    const int64_t before = deltas_number_arg(args, "before", 0);
    if (a->stage != ARCHIVING_NOTHING && a->stage != ARCHIVING_COMPLETE) {
        deltas_fail(d, token, PANDO_BUSY, "an archive is being made already");
        return;
    }
    if (before < 1 || before > DELTA_TIME_MAX) {
        deltas_fail(d, token, PANDO_INVALID,
                    "\"before\" is a time in milliseconds since 1970: what was negated by then "
                    "goes");
        return;
    }
    settle(d);
    const enum pando_status st = delta_archive_new(d->store, before, &a->archive);
    if (st != PANDO_OK) {
        deltas_fail(d, token, st, "cannot begin: %s", pando_status_text(st));
        return;
    }
    a->token = token;
    a->stage = ARCHIVING_FIND;
}

void deltas_archive_commit(struct deltas *d, uint64_t token)
{
    struct deltas_archiving *a = &d->archiving;
    if (a->stage != ARCHIVING_COMPLETE) {
        deltas_fail(d, token, PANDO_INVALID,
                    "there is no complete archive: ask for one with delta.archive first");
        return;
    }
    a->token = token;
    a->stage = ARCHIVING_COMMIT;
}

static void give_part(struct deltas *d)
{
    struct deltas_archiving *a = &d->archiving;
    struct pando_buf b;
    buf_init(&b, PART_MAX);
    const enum pando_status st = delta_archive_next(a->archive, &b);
    if (st == PANDO_OK || st == PANDO_NOT_FOUND)
        deltas_reply_raw(d, a->token, buf_view(&b), st == PANDO_OK);
    else if (st != PANDO_BUSY)
        end_badly(d, st, "read what is archived");
    if (st == PANDO_NOT_FOUND) {
        a->token = SPACE_NOBODY;
        a->stage = ARCHIVING_COMPLETE;
    }
    buf_deinit(&b);
}

/* The records are dropped when the snapshot, which has no content, is on disk. */
static void snapshot(struct deltas *d)
{
    struct bytes *none = bytes_copy(SLICE_EMPTY);
    if (none == NULL) {
        end_badly(d, PANDO_NOMEM, "give the room back");
        return;
    }
    d->archiving.stage = ARCHIVING_SNAPSHOT;
    deltas_emit(d, &(struct space_effect){ .kind = SPACE_SNAPSHOT,
                                           .value = d->archiving.compact.to,
                                           .bytes = none },
                NULL);
}

static void move_on(struct deltas *d, enum pando_status st, enum deltas_archiving_stage next,
                    const char *doing)
{
    if (st == PANDO_OK)
        d->archiving.stage = next;
    else if (st != PANDO_BUSY)
        end_badly(d, st, doing);
}

void deltas_archiving_run(struct deltas *d)
{
    struct deltas_archiving *a = &d->archiving;
    const uint64_t durable = delta_store_durable_position(d->store);
    const enum deltas_archiving_stage before = a->stage;
    switch (a->stage) {
    case ARCHIVING_FIND:
        move_on(d, delta_archive_find(a->archive), ARCHIVING_GIVE, "find what is negated");
        break;
    case ARCHIVING_GIVE:
        give_part(d);
        break;
    case ARCHIVING_COMMIT:
        move_on(d, delta_archive_commit(a->archive, &a->position, &a->gone), ARCHIVING_GONE,
                "archive");
        break;
    case ARCHIVING_GONE:
        if (a->gone > 0 && durable <= a->position)
            break;
        a->compact = (struct delta_compact){ .to = durable };
        a->stage = ARCHIVING_COMPACT;
        break;
    case ARCHIVING_COMPACT:
        move_on(d, delta_compact_step(d->store, &a->compact), ARCHIVING_MOVED,
                "write again what is held");
        break;
    case ARCHIVING_MOVED:
        if (a->compact.last == 0 || durable > a->compact.last)
            snapshot(d);
        break;
    case ARCHIVING_NOTHING:
    case ARCHIVING_COMPLETE:
    case ARCHIVING_SNAPSHOT:
        return;
    }
    /* Waiting for the disk is no work. */
    const bool waits = a->stage == before && (a->stage == ARCHIVING_GONE ||
                                              a->stage == ARCHIVING_MOVED);
    d->more_work = d->more_work || (!waits && a->stage != ARCHIVING_SNAPSHOT);
}

void deltas_archiving_snapshotted(struct deltas *d, enum pando_status status)
{
    struct deltas_archiving *a = &d->archiving;
    char text[160];
    if (a->stage != ARCHIVING_SNAPSHOT)
        return;
    if (status != PANDO_OK) {
        end_badly(d, status, "give the room back");
        return;
    }
    const int len = snprintf(text, sizeof text, "{\"archived\":%zu,\"moved\":%" PRIu64 "}", a->gone,
                             a->compact.moved);
    deltas_reply(d, a->token, slice_of(text, (size_t)len), false);
    settle(d);
}

/* Whoever was to get the file is gone; a commit goes on. */
void deltas_archiving_cancel(struct deltas *d, uint64_t token)
{
    struct deltas_archiving *a = &d->archiving;
    if (a->token != token)
        return;
    a->token = SPACE_NOBODY;
    if (a->stage == ARCHIVING_FIND || a->stage == ARCHIVING_GIVE)
        settle(d);
}

void deltas_archiving_drop(struct deltas *d)
{
    settle(d);
}
