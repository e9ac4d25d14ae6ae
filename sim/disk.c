#include "sim/disk.h"

#include "base/assert.h"
#include "base/slice.h"
#include "node/node.h"
#include "sim/rows.h"
#include "store/files_memory.h"
#include "store/journal.h"

#include <stdio.h>
#include <stdlib.h>

#define RETRY_EVERY PANDO_SEC(1)

struct disk_space {
    bool used;
    bool committing;
    bool failed;
    uint32_t life; /* events of an earlier opening are void */
    struct journal *journal;
    struct journal_group *group;
    struct rows *rows;
    const struct space_ops *ops;
    struct pando_id id;
    struct disk *disk;
};

struct disk {
    struct sim_queue *queue;
    struct disk_owner owner;
    struct files_memory *memory;
    struct pando_files files;
    struct files_ops ops; /* those of `memory`, but for planted bugs */
    struct pando_span latency;
    enum disk_plant plant;
    struct disk_space spaces[NODE_SPACES_MAX];
};

static enum pando_status sync_nothing(void *ctx, int file)
{
    (void)ctx, (void)file;
    return PANDO_OK;
}

struct disk *disk_new(struct sim_queue *queue, uint64_t seed, const struct disk_owner *owner)
{
    struct disk *d = calloc(1, sizeof *d);
    PANDO_ASSERT(d != NULL && (d->memory = files_memory_new(seed)) != NULL);
    d->queue = queue;
    d->owner = *owner;
    d->files = files_memory_files(d->memory);
    d->ops = *d->files.ops;
    d->files.ops = &d->ops;
    return d;
}

void disk_free(struct disk *d)
{
    if (d == NULL)
        return;
    files_memory_free(d->memory);
    free(d);
}

void disk_set_latency(struct disk *d, struct pando_span latency)
{
    d->latency = latency;
}

void disk_plant(struct disk *d, enum disk_plant plant)
{
    d->plant = plant;
    if (plant == DISK_NO_SYNC)
        d->ops.fdatasync = sync_nothing;
}

static enum pando_status replay(struct disk_space *s)
{
    struct journal_cursor cursor;
    uint64_t position;
    uint8_t kind;
    struct pando_slice bytes;
    enum pando_status st;
    journal_scan(s->journal, journal_first(s->journal), &cursor);
    while ((st = journal_next(&cursor, &position, &kind, &bytes)) == PANDO_OK) {
        st = s->ops->fold(rows_tables(s->rows), &s->id, kind, position, bytes);
        if (st != PANDO_OK)
            break;
    }
    journal_scan_end(&cursor);
    return st == PANDO_NOT_FOUND ? PANDO_OK : st;
}

static void dir_of(const struct pando_id *id, char *ret, size_t cap)
{
    (void)snprintf(ret, cap, "spaces/%02x%02x%02x%02x/journal", id->bytes[0], id->bytes[1],
                   id->bytes[2], id->bytes[3]);
}

static enum pando_status read_snapshot(struct disk *d, const char *dir,
                                       struct node_space_store *ret, struct pando_err *reterr)
{
    struct pando_buf state;
    buf_init(&state, JOURNAL_SNAPSHOT_MAX);
    const enum pando_status st =
        journal_snapshot_read(&d->files, dir, &ret->snapshot_position, &state, reterr);
    if (st == PANDO_OK)
        ret->snapshot = bytes_copy(buf_view(&state));
    buf_deinit(&state);
    return st == PANDO_NOT_FOUND ? PANDO_OK : st;
}

enum pando_status disk_open(struct disk *d, uint32_t slot, const struct pando_id *id,
                            const struct space_ops *ops, struct node_space_store *ret,
                            struct pando_err *reterr)
{
    struct disk_space *s = &d->spaces[slot];
    char dir[64];
    dir_of(id, dir, sizeof dir);
    *s = (struct disk_space){ .ops = ops, .id = *id, .disk = d, .life = s->life + 1 };
    const struct journal_config config = {
        .files = d->files, .dir = dir, .space = *id, .segment_min = 4096, .sync = true
    };
    enum pando_status st = files_mkdirs(&d->files, "spaces");
    if (st == PANDO_OK)
        st = journal_open(&config, &s->journal, reterr);
    if (st != PANDO_OK)
        return st;
    s->rows = rows_new();
    s->used = true;
    st = replay(s);
    if (st != PANDO_OK) {
        disk_close(d, slot);
        return pando_err_set(reterr, st, "the journal does not replay");
    }
    *ret = (struct node_space_store){ .tables = rows_tables(s->rows), .journal = s->journal,
                                      .handle = s };
    return read_snapshot(d, dir, ret, reterr);
}

/* Nobody waits for the group any more. */
static void abandon(struct disk_space *s)
{
    uint64_t durable;
    if (!s->committing)
        return;
    s->committing = false;
    journal_commit_run(s->group);
    (void)!journal_commit_end(s->journal, s->group, &durable);
}

void disk_close(struct disk *d, uint32_t slot)
{
    struct disk_space *s = &d->spaces[slot];
    if (!s->used)
        return;
    abandon(s);
    journal_close(s->journal);
    rows_free(s->rows);
    s->used = false;
    s->life++;
}

enum pando_status disk_append(struct disk *d, uint32_t slot, uint8_t record,
                              struct pando_slice bytes, const struct tables_fold *fold,
                              uint64_t *ret_position)
{
    struct disk_space *s = &d->spaces[slot];
    const enum pando_status st = journal_append(s->journal, record, bytes, ret_position);
    if (st != PANDO_OK)
        return st;
    if (fold != NULL)
        return fold->run(fold->ctx, rows_tables(s->rows), *ret_position);
    return s->ops->fold(rows_tables(s->rows), &s->id, record, *ret_position, bytes);
}

static void begin(struct disk *d, uint32_t slot);

static void retry(void *ctx, const struct sim_event *e)
{
    struct disk *d = ctx;
    struct disk_space *s = &d->spaces[e->a];
    struct pando_err err;
    if (e->b != s->life || !s->used || !s->failed)
        return;
    if (journal_retry(s->journal, &err) != PANDO_OK) {
        queue_put(d->queue, RETRY_EVERY,
                  (struct sim_event){ .fire = retry, .ctx = d, .a = e->a, .b = s->life });
        return;
    }
    s->failed = false;
    d->owner.back(d->owner.ctx, (uint32_t)e->a);
    begin(d, (uint32_t)e->a);
}

static void committed(void *ctx, const struct sim_event *e)
{
    struct disk *d = ctx;
    struct disk_space *s = &d->spaces[e->a];
    uint64_t durable = 0;
    if (e->b != s->life || !s->used || !s->committing)
        return;
    s->committing = false;
    journal_commit_run(s->group);
    const enum pando_status st = journal_commit_end(s->journal, s->group, &durable);
    struct journal_ahead *ahead;
    if (st == PANDO_OK && journal_ahead_begin(s->journal, &ahead)) {
        journal_ahead_run(ahead);
        journal_ahead_end(s->journal, ahead);
    }
    if (st != PANDO_OK) {
        s->failed = true;
        d->owner.failed(d->owner.ctx, (uint32_t)e->a, st);
        queue_put(d->queue, RETRY_EVERY,
                  (struct sim_event){ .fire = retry, .ctx = d, .a = e->a, .b = s->life });
        return;
    }
    queue_mix(d->queue, durable);
    d->owner.durable(d->owner.ctx, (uint32_t)e->a, durable);
    if (s->used)
        begin(d, (uint32_t)e->a);
}

static void say_early(void *ctx, const struct sim_event *e)
{
    struct disk *d = ctx;
    if (e->b == d->spaces[e->c].life && d->spaces[e->c].used)
        d->owner.durable(d->owner.ctx, e->c, e->a);
}

static void begin(struct disk *d, uint32_t slot)
{
    struct disk_space *s = &d->spaces[slot];
    if (s->failed || s->committing || !journal_commit_begin(s->journal, &s->group))
        return;
    s->committing = true;
    if (d->plant == DISK_EARLY_ACK)
        queue_put(d->queue, PANDO_USEC(1),
                  (struct sim_event){ .fire = say_early, .ctx = d,
                                      .a = journal_end(s->journal), .b = s->life,
                                      .c = slot });
    queue_put(d->queue, d->latency,
              (struct sim_event){ .fire = committed, .ctx = d, .a = slot, .b = s->life });
}

void disk_commit(struct disk *d, uint32_t slot)
{
    if (d->spaces[slot].used)
        begin(d, slot);
}

struct disk_snapshot {
    struct disk *disk;
    struct bytes *state;
    uint64_t position;
    uint32_t slot, life;
};

static void snapshotted(void *ctx, const struct sim_event *e)
{
    struct disk_snapshot *w = ctx;
    struct disk *d = w->disk;
    struct disk_space *s = &d->spaces[w->slot];
    struct pando_err err;
    char dir[64];
    (void)e;
    if (s->used && s->life == w->life) {
        dir_of(&s->id, dir, sizeof dir);
        const enum pando_status st = journal_snapshot_write(&d->files, dir, w->position,
                                                            bytes_view(w->state), &err);
        if (st == PANDO_OK)
            (void)!journal_drop_before(s->journal, w->position, &err); /* or with the next */
        d->owner.snapshotted(d->owner.ctx, w->slot, st);
    }
    bytes_unref(w->state);
    free(w);
}

void disk_snapshot(struct disk *d, uint32_t slot, uint64_t position, struct bytes *state)
{
    struct disk_snapshot *w = calloc(1, sizeof *w);
    PANDO_ASSERT(w != NULL);
    *w = (struct disk_snapshot){ d, state, position, slot, d->spaces[slot].life };
    queue_put(d->queue, d->latency,
              (struct sim_event){ .fire = snapshotted, .ctx = w, .a = slot, .b = w->life });
}

static enum pando_status write_nothing(void *ctx, int file, uint64_t offset,
                                       struct pando_slice bytes)
{
    (void)ctx, (void)file, (void)offset, (void)bytes;
    return PANDO_IO;
}

static enum pando_status size_nothing(void *ctx, int file, uint64_t size)
{
    (void)ctx, (void)file, (void)size;
    return PANDO_IO;
}

/* The write is under way to the platter when the lights go out. */
static enum pando_status sync_fails(void *ctx, int file)
{
    (void)ctx, (void)file;
    return PANDO_IO;
}

/* Half of the groups in flight had reached the disk's cache, unsynced. */
void disk_power_off(struct disk *d, struct rng *rng)
{
    d->ops.fdatasync = sync_fails;
    for (size_t i = 0; i < NODE_SPACES_MAX; i++)
        if (d->spaces[i].used && d->spaces[i].committing && rng_chance(rng, 1, 2))
            abandon(&d->spaces[i]);
    d->ops.pwrite = write_nothing;
    d->ops.truncate = size_nothing;
    d->ops.fallocate = size_nothing;
}

void disk_power_on(struct disk *d, struct rng *rng)
{
    static const enum files_crash ways[] = { FILES_CRASH_NONE, FILES_CRASH_ALL, FILES_CRASH_SOME,
                                             FILES_CRASH_SOME, FILES_CRASH_TORN,
                                             FILES_CRASH_LATE };
    const enum files_crash how = ways[rng_below(rng, sizeof ways / sizeof ways[0])];
    PANDO_ASSERT(files_memory_crash(d->memory, how, rng) == PANDO_OK);
    d->ops = *files_memory_files(d->memory).ops;
    disk_plant(d, d->plant);
}

void disk_limit(struct disk *d, uint64_t bytes)
{
    files_memory_limit(d->memory,
                       bytes == UINT64_MAX ? 0 : files_memory_bytes(d->memory) + bytes);
}

uint64_t disk_bytes(const struct disk *d)
{
    return files_memory_bytes(d->memory);
}

struct files_memory *disk_copy(const struct disk *d)
{
    struct files_memory *copy = files_memory_fork(d->memory);
    struct rng rng = rng_seeded(1);
    PANDO_ASSERT(copy != NULL);
    PANDO_ASSERT(files_memory_crash(copy, FILES_CRASH_ALL, &rng) == PANDO_OK);
    return copy;
}

void disk_replace(struct disk *d, struct files_memory *copy)
{
    files_memory_free(d->memory);
    d->memory = copy;
    files_memory_limit(copy, 0); /* the copy lies on a disk with room */
    d->files = files_memory_files(copy);
    d->ops = *d->files.ops;
    d->files.ops = &d->ops;
    disk_plant(d, d->plant);
}
