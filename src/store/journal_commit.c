#include "store/journal_impl.h"

#include "base/assert.h"
#include "base/slice.h"
#include "store/crc32c.h"

#include <stdlib.h>

#define CHUNK_HINT_MAX (512u << 10)

static void free_chunks(struct chunk *c)
{
    while (c != NULL) {
        struct chunk *next = c->next;
        buf_deinit(&c->bytes);
        free(c);
        c = next;
    }
}

/* That the end was durable is written down, so that rot in the last group will be found.
 */
static void put_last_mark(struct journal *j)
{
    const struct pando_files *f = &j->config.files;
    size_t i = j->segments_len;
    while (i > 0 &&
           (!j->segments[i - 1].exists || j->segments[i - 1].head.base > j->durable))
        i--;
    if (!j->opened || j->stopped != PANDO_OK || i == 0)
        return;
    const struct segment *s = &j->segments[i - 1];
    if (j->synced < j->durable && f->ops->fdatasync(f->ctx, s->file) != PANDO_OK)
        return;
    if (j->marked >= j->durable ||
        journal_put_mark(f, s->file, &s->head, j->durable) == PANDO_OK)
        (void)!f->ops->fdatasync(f->ctx, s->file);
}

void journal_close(struct journal *j)
{
    if (j == NULL)
        return;
    PANDO_ASSERT(j->flying == NULL && j->ahead == NULL);
    free_chunks(j->staged);
    j->staged = NULL;
    put_last_mark(j);
    spare_discard(&j->spare, &j->config.files, j->dir, SPARE_NAME);
    spare_discard(&j->kept, &j->config.files, j->dir, KEPT_NAME);
    for (size_t i = 0; i < j->segments_len; i++)
        if (j->segments[i].file >= 0)
            j->config.files.ops->close(j->config.files.ctx, j->segments[i].file);
    free(j->segments);
    free(j);
}

/* Room for `need` more bytes of records in the open chunk's segment and size. */
static bool has_room(const struct journal *j, const struct chunk *c, size_t need)
{
    const struct segment *s = &j->segments[c->segment];
    return c->bytes.len + need <= JOURNAL_CHUNK_MAX &&
           c->position + c->bytes.len + need <= s->head.base + s->head.size;
}

/* A quarter of all segments together, in whole first segments: what is written ahead
 * and not used yet stays a small part of the whole. */
uint64_t journal_size_behind(const struct journal *j, const struct segment *last)
{
    const uint64_t all = last->head.base + last->head.size - j->segments[0].head.base;
    const uint64_t size = all / 4 / j->config.segment_min * j->config.segment_min;
    return size < j->config.segment_min   ? j->config.segment_min
           : size > j->config.segment_max ? j->config.segment_max
                                          : size;
}

static enum pando_status next_segment(struct journal *j, size_t need)
{
    const struct segment *last =
        j->segments_len == 0 ? NULL : &j->segments[j->segments_len - 1];
    struct segment_head head = { .format = JOURNAL_FORMAT,
                                 .space = j->config.space,
                                 .generation = j->config.seed };
    uint64_t size = j->config.segment_min;
    if (last != NULL) {
        size = journal_size_behind(j, last);
        head.base = last->head.base + last->head.size;
        head.generation = last->head.generation + 1;
    }
    while (size < SEGMENT_HEAD + GROUP_HEAD + need)
        size *= 2;
    head.size = size;
    struct segment *s;
    return journal_add_segment(j, &head, &s);
}

/* An open chunk that takes `need` bytes of records; a new group, perhaps in a new
 * segment. */
static enum pando_status open_chunk(struct journal *j, size_t need)
{
    if (j->staged_last != NULL && has_room(j, j->staged_last, need))
        return PANDO_OK;
    const uint64_t previous = j->end;
    uint64_t position = previous;
    const struct segment *s =
        j->segments_len == 0 ? NULL : &j->segments[j->segments_len - 1];
    if (s == NULL || position + GROUP_HEAD + need > s->head.base + s->head.size) {
        const enum pando_status st = next_segment(j, need);
        if (st != PANDO_OK)
            return st;
        s = &j->segments[j->segments_len - 1];
        position = s->head.base + SEGMENT_HEAD;
    }
    struct chunk *c = calloc(1, sizeof *c);
    if (c == NULL)
        return PANDO_NOMEM;
    buf_init(&c->bytes, JOURNAL_GROUP_LIMIT + GROUP_HEAD);
    static const uint8_t head[GROUP_HEAD] = { 0 };
    if (buf_reserve(&c->bytes, j->chunk_hint) != PANDO_OK ||
        buf_append(&c->bytes, SLICE_OF(head)) != PANDO_OK) {
        buf_deinit(&c->bytes);
        free(c);
        return PANDO_NOMEM;
    }
    c->segment = j->segments_len - 1;
    c->position = position;
    c->previous = previous;
    if (j->staged_last == NULL)
        j->staged = c;
    else
        j->staged_last->next = c;
    j->staged_last = c;
    j->end = position + GROUP_HEAD;
    return PANDO_OK;
}

enum pando_status journal_append(struct journal *j, uint8_t kind,
                                 struct pando_slice bytes, uint64_t *ret_position)
{
    static const uint8_t zeros[8] = { 0 };
    uint8_t head[RECORD_HEAD];
    if (bytes.len > JOURNAL_RECORD_MAX)
        return PANDO_INVALID;
    if (j->stopped != PANDO_OK)
        return j->stopped;
    if (j->staged_bytes + bytes.len > JOURNAL_STAGED_MAX)
        return PANDO_BUSY;
    const size_t size = (size_t)journal_align(RECORD_HEAD + bytes.len);
    enum pando_status st = open_chunk(j, size);
    if (st != PANDO_OK)
        return st;
    struct chunk *c = j->staged_last;
    const size_t offset = c->bytes.len;
    st = buf_reserve(&c->bytes, size);
    if (st != PANDO_OK)
        return st;
    record_head_encode(kind, bytes, head);
    st = buf_append(&c->bytes, SLICE_OF(head));
    if (st == PANDO_OK)
        st = buf_append(&c->bytes, bytes);
    if (st == PANDO_OK)
        st = buf_append(&c->bytes, slice_of(zeros, size - RECORD_HEAD - bytes.len));
    PANDO_ASSERT(st == PANDO_OK); /* reserved above */
    c->count++;
    j->staged_bytes += size;
    j->end = c->position + c->bytes.len;
    *ret_position = c->position + offset;
    return PANDO_OK;
}

static enum pando_status take_targets(const struct journal *j, struct journal_group *g)
{
    for (const struct chunk *c = g->chunks; c != NULL; c = c->next) {
        if (g->targets_len > 0 && g->targets[g->targets_len - 1].segment == c->segment)
            continue;
        struct target *t = realloc(g->targets, (g->targets_len + 1) * sizeof *t);
        if (t == NULL)
            return PANDO_NOMEM;
        const struct segment *s = &j->segments[c->segment];
        g->targets = t;
        t[g->targets_len++] = (struct target){ c->segment, s->head, s->file, s->exists };
    }
    return PANDO_OK;
}

/* Whether the group begins a segment; that needs the spare file. */
static bool makes_segment(const struct journal *j)
{
    for (const struct chunk *c = j->staged; c != NULL; c = c->next)
        if (!j->segments[c->segment].exists)
            return true;
    return false;
}

/* A busy journal need not grow each chunk anew: room for the largest one of late. */
static void note_size(struct journal *j, size_t took)
{
    const size_t faded = j->chunk_hint - j->chunk_hint / 8;
    took = took > faded ? took : faded;
    j->chunk_hint = took < CHUNK_HINT_MAX ? took : CHUNK_HINT_MAX;
}

bool journal_commit_begin(struct journal *j, struct journal_group **ret_group)
{
    if (j->flying != NULL || j->staged == NULL || j->stopped != PANDO_OK)
        return false;
    const bool has_spare = makes_segment(j);
    if (has_spare && j->ahead != NULL)
        return false; /* journal_ahead_end comes soon */
    struct journal_group *g = calloc(1, sizeof *g);
    if (g == NULL)
        return false; /* asked again at the next append or turn */
    g->files = j->config.files;
    g->sync = j->config.sync;
    g->synced = j->synced;
    g->before = -1;
    if (j->staged->segment > 0)
        g->before = j->segments[j->staged->segment - 1].file;
    g->chunks = j->staged;
    note_size(j, j->staged_last->bytes.len);
    g->chunks_last = j->staged_last;
    memcpy(g->dir, j->dir, sizeof g->dir);
    if (take_targets(j, g) != PANDO_OK) {
        free(g->targets);
        free(g);
        return false;
    }
    if (has_spare)
        spare_take_kept(j);
    g->end = j->end;
    g->has_spare = has_spare;
    g->spare = has_spare ? j->spare : (struct spare){ .file = -1 };
    j->staged = j->staged_last = NULL;
    j->flying = g;
    *ret_group = g;
    return true;
}

/* The group's head says what it holds. */
static void finish(struct chunk *c, const struct segment_head *s, uint64_t durable)
{
#ifdef STORE_MUTANT_NO_DURABLE_MARK
    durable = 0;
#endif
    const struct pando_slice payload = slice_from(buf_view(&c->bytes), GROUP_HEAD);
    const struct group_head h = {
        .len = (uint32_t)payload.len,
        .count = c->count,
        .generation = (uint32_t)s->generation,
        .position = c->position,
        .durable = durable,
        .previous = c->previous,
        .payload_crc = crc32c(0, payload),
    };
    group_head_encode(&h, c->bytes.ptr);
}

static enum pando_status sync_target(const struct journal_group *g, int file)
{
    const struct pando_files *f = &g->files;
#ifdef STORE_MUTANT_ACK_BEFORE_SYNC
    return PANDO_OK;
#endif
    enum pando_status st = f->ops->fdatasync(f->ctx, file);
#ifdef STORE_MUTANT_RETRY_FSYNC
    if (st != PANDO_OK)
        st = f->ops->fdatasync(f->ctx, file);
#endif
    return st;
}

/* Write the chunks of one segment. Everything in front of a new segment is synced before
 * the first group in it, in the weak mode too: so a segment proves the ones before it. */
static enum pando_status write_target(struct journal_group *g, struct target *t,
                                      struct chunk **c)
{
    const struct pando_files *f = &g->files;
    enum pando_status st = PANDO_OK;
    if (!t->exists && !g->sync && g->before >= 0) {
        st = f->ops->fdatasync(f->ctx, g->before);
        g->synced = st == PANDO_OK ? (*c)->previous : g->synced;
    }
    if (st == PANDO_OK && !t->exists) {
        st = segment_make(&g->spare, f, g->dir, &t->head, &t->file);
        t->exists = st == PANDO_OK;
        t->file = t->exists ? t->file : -1;
    }
    for (; *c != NULL && (*c)->segment == t->segment && st == PANDO_OK; *c = (*c)->next) {
        finish(*c, &t->head, g->synced);
        st = f->ops->pwrite(f->ctx, t->file, (*c)->position - t->head.base,
                            slice_of((*c)->bytes.ptr, (*c)->bytes.len));
    }
    if (st == PANDO_OK && g->sync)
        st = sync_target(g, t->file);
    g->before = t->file;
    return st;
}

/* Not synced: it takes no time, and the kernel will write it one day. */
static void mark_behind(struct journal_group *g)
{
    const struct target *last = &g->targets[g->targets_len - 1];
    g->synced = g->end;
    if (journal_put_mark(&g->files, last->file, &last->head, g->end) == PANDO_OK)
        g->marked = g->end;
}

void journal_commit_run(struct journal_group *g)
{
    struct chunk *c = g->chunks;
    g->status = PANDO_OK;
    for (size_t i = 0; i < g->targets_len && g->status == PANDO_OK; i++)
        g->status = write_target(g, &g->targets[i], &c);
    if (g->status == PANDO_OK && g->sync)
        mark_behind(g);
}

/* The failed group's records lie in front of what was staged meanwhile, as they were. */
static void put_back(struct journal *j, struct journal_group *g)
{
    g->chunks_last->next = j->staged;
    j->staged = g->chunks;
    if (j->staged_last == NULL)
        j->staged_last = g->chunks_last;
    j->stopped = g->status;
    j->stats.failures++;
}

enum pando_status journal_commit_end(struct journal *j, struct journal_group *g,
                                     uint64_t *ret_durable)
{
    PANDO_ASSERT(j->flying == g);
    const enum pando_status st = g->status;
    j->flying = NULL;
    if (g->has_spare)
        j->spare = g->spare;
    for (size_t i = 0; i < g->targets_len; i++) {
        struct segment *s = &j->segments[g->targets[i].segment];
        s->file = g->targets[i].file;
        s->exists = g->targets[i].exists;
    }
    if (st != PANDO_OK) {
        put_back(j, g);
    } else {
        for (const struct chunk *c = g->chunks; c != NULL; c = c->next) {
            j->segments[c->segment].used = c->position + c->bytes.len;
            j->staged_bytes -= c->bytes.len - GROUP_HEAD;
            j->stats.records += c->count;
        }
        j->stats.commits++;
        j->synced = g->synced;
        j->marked = g->marked;
        j->durable = g->end;
        *ret_durable = j->durable;
        free_chunks(g->chunks);
    }
    free(g->targets);
    free(g);
    return st;
}

uint64_t journal_first(const struct journal *j)
{
    return j->segments_len == 0 ? 0 : j->segments[0].head.base;
}

uint64_t journal_durable(const struct journal *j)
{
    return j->durable;
}

uint64_t journal_end(const struct journal *j)
{
    return j->end;
}

uint64_t journal_epoch(const struct journal *j)
{
    return j->epoch;
}

void journal_stats(const struct journal *j, struct journal_stats *ret)
{
    *ret = j->stats;
    ret->segments = j->segments_len;
    ret->bytes = 0;
    for (size_t i = 0; i < j->segments_len; i++)
        ret->bytes += j->segments[i].exists ? j->segments[i].head.size : 0;
}

bool journal_file(const struct journal *j, size_t i, const char **ret_name,
                  uint64_t *ret_bytes)
{
    size_t at = 0;
    for (size_t k = 0; k < j->segments_len; k++) {
        const struct segment *s = &j->segments[k];
        if (!s->exists || at++ != i)
            continue;
        *ret_name = s->name;
        *ret_bytes = s->used - s->head.base;
        return true;
    }
    return false;
}
