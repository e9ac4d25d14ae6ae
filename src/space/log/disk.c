/* disk.c - records on their way to the journal, and where the entries of the sequence lie.
 *
 * What raft wants written is queued and appended in that order; a store that is busy or full
 * makes the queue wait, never reorder. An entry is kept in memory until it is appended, and
 * then as long as the cache has room; behind that it is read back from the journal.
 */
#include "space/log/engine.h"

#include "base/assert.h"
#include "base/slice.h"

#include <stdlib.h>
#include <string.h>

#define PENDING       (UINT64_C(1) << 63) /* of a place: the write's number, not a position */
#define COMMIT_AFTER  PANDO_MSEC(500)
#define COMMIT_EVERY  64 /* entries */

static void reserve_writes(struct log *l)
{
    if (l->writes_len < l->writes_cap)
        return;
    if (l->writes_head > l->writes_cap / 2) {
        memmove(l->writes, l->writes + l->writes_head,
                (l->writes_len - l->writes_head) * sizeof *l->writes);
        l->writes_len -= l->writes_head;
        l->writes_appended -= l->writes_head;
        l->writes_head = 0;
        return;
    }
    const size_t cap = l->writes_cap == 0 ? 256 : l->writes_cap * 2;
    l->writes = realloc(l->writes, cap * sizeof *l->writes);
    PANDO_ASSERT(l->writes != NULL); /* what raft was promised cannot be taken back */
    l->writes_cap = cap;
}

static void add_place(struct log *l, uint64_t position)
{
    if (l->places_len == l->places_cap) {
        const size_t cap = l->places_cap == 0 ? 1024 : l->places_cap * 2;
        l->places = realloc(l->places, cap * sizeof *l->places);
        PANDO_ASSERT(l->places != NULL);
        l->places_cap = cap;
    }
    l->places[l->places_len++].position = position;
}

static void put(struct log *l, uint64_t write, uint8_t record, uint64_t index, struct bytes *bytes)
{
    reserve_writes(l);
    l->writes[l->writes_len++] = (struct log_write){
        .write = write, .record = record, .index = index, .bytes = bytes
    };
}

static void put_commit(struct log *l)
{
    uint8_t bytes[8];
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    wire_put_be(&w, l->commit, 8);
    struct bytes *b = bytes_copy(wire_written(&w));
    if (b == NULL)
        return; /* it is a hint; the next one says more */
    put(l, 0, LOG_RECORD_COMMIT, 0, b);
    l->commit_written = l->commit;
    l->commit_at = PANDO_TIME_NEVER;
}

/* How far the sequence is committed is written beside other records, or after a while. */
void log_commit_note(struct log *l, bool now)
{
    if (l->commit <= l->commit_written)
        return;
    if (now || pando_time_reached(l->commit_at, l->now))
        put_commit(l);
    else
        l->commit_at = pando_time_min(l->commit_at, pando_time_add(l->now, COMMIT_AFTER));
}

void log_write_put(struct log *l, uint64_t write, uint8_t record, uint64_t index,
                   struct bytes *bytes)
{
    PANDO_ASSERT(bytes != NULL);
    if (record == LOG_RECORD_ENTRY) {
        if (l->commit >= l->commit_written + COMMIT_EVERY)
            put_commit(l);
        PANDO_ASSERT(index == l->first_index + l->places_len);
        add_place(l, PENDING | write);
    }
    put(l, write, record, index, bytes);
}

static struct log_place *place_of(struct log *l, uint64_t index)
{
    return index < l->first_index || index - l->first_index >= l->places_len
               ? NULL
               : &l->places[index - l->first_index];
}

void log_write_run(struct log *l)
{
    while (l->writes_appended < l->writes_len && !l->store_failed) {
        struct log_write *w = &l->writes[l->writes_appended];
        if (l->host.append(l->host.ctx, w->record, bytes_view(w->bytes), NULL, &w->position) !=
            PANDO_OK)
            return; /* DURABLE or STORE_BACK wakes us again */
        struct log_place *place = w->index == 0 ? NULL : place_of(l, w->index);
        if (place != NULL && place->position == (PENDING | w->write))
            place->position = w->position;
        bytes_unref(w->bytes);
        w->bytes = NULL;
        l->writes_appended++;
    }
}

/* A leader that cannot write hands over to a voter that can. Back or not, the journal is
 * believed again when something became durable. */
void log_store_fail(struct log *l, enum pando_status why)
{
    if (l->store_sick == PANDO_OK)
        trace(l->host.tracer, TRACE_NODE, TRACE_WARNING,
              "The disk takes nothing (%s): no messages are taken here%s", pando_status_text(why),
              l->role == RAFT_LEADER ? ", and another member is asked to lead" : "");
    l->store_failed = true;
    l->store_sick = why;
    if (l->role == RAFT_LEADER && raft_transfer(l->raft, l->now, 0) == PANDO_OK)
        log_drive(l);
}

void log_durable(struct log *l, uint64_t position)
{
    uint64_t write = 0;
    if (position > l->durable)
        l->store_sick = PANDO_OK;
    l->durable = position;
    while (l->writes_head < l->writes_appended && l->writes[l->writes_head].position < position) {
        const struct log_write *w = &l->writes[l->writes_head++];
        write = w->write == 0 ? write : w->write;
    }
    if (l->writes_head == l->writes_len)
        l->writes_head = l->writes_appended = l->writes_len = 0;
    log_write_run(l);
    if (write != 0)
        log_raft_input(l, &(struct raft_input){ .kind = RAFT_WRITTEN, .write = write });
}

static void evict(struct log *l, uint64_t below)
{
    for (; l->cache_first < below && l->cache_first < l->cache_end; l->cache_first++) {
        struct bytes **slot = &l->cache[l->cache_first % l->cache_cap];
        l->cache_bytes -= bytes_view(*slot).len;
        bytes_unref(*slot);
        *slot = NULL;
    }
}

static void grow_cache(struct log *l)
{
    const size_t cap = l->cache_cap == 0 ? 1024 : l->cache_cap * 2;
    struct bytes **ring = calloc(cap, sizeof *ring);
    PANDO_ASSERT(ring != NULL);
    for (uint64_t i = l->cache_first; i < l->cache_end; i++)
        ring[i % cap] = l->cache[i % l->cache_cap];
    free(l->cache);
    l->cache = ring;
    l->cache_cap = cap;
}

/* Over its budget the cache lets go of what the journal has. */
static void trim_cache(struct log *l)
{
    while (l->cache_bytes > LOG_CACHE_BYTES && l->cache_end - l->cache_first > 1) {
        const struct log_place *place = place_of(l, l->cache_first);
        if (place == NULL || (place->position & PENDING) != 0)
            return;
        evict(l, l->cache_first + 1);
    }
}

void log_cache_clear(struct log *l)
{
    evict(l, l->cache_end);
    l->cache_first = l->cache_end = 0;
}

void log_cache_put(struct log *l, uint64_t index, struct bytes *record)
{
    if (index != l->cache_end || l->cache_first == l->cache_end) {
        evict(l, l->cache_end);
        l->cache_first = l->cache_end = index;
    }
    if (l->cache_end - l->cache_first == l->cache_cap)
        grow_cache(l);
    l->cache[index % l->cache_cap] = bytes_ref(record);
    l->cache_bytes += bytes_view(record).len;
    l->cache_end++;
    trim_cache(l);
}

void log_truncate(struct log *l, uint64_t from)
{
    PANDO_ASSERT(from > l->commit);
    if (from >= l->first_index && from - l->first_index < l->places_len)
        l->places_len = from - l->first_index;
    while (l->cache_end > from && l->cache_end > l->cache_first) {
        struct bytes **slot = &l->cache[--l->cache_end % l->cache_cap];
        l->cache_bytes -= bytes_view(*slot).len;
        bytes_unref(*slot);
        *slot = NULL;
    }
    log_config_cut(l, from);
}

static struct bytes *read_back(struct log *l, uint64_t index)
{
    struct log_place *place = place_of(l, index);
    struct pando_buf b;
    struct raft_entry e;
    struct pando_slice payload;
    struct bytes *bytes = NULL;
    uint8_t kind;
    if (place == NULL || (place->position & PENDING) != 0)
        return NULL;
    buf_init(&b, JOURNAL_RECORD_MAX);
    const enum pando_status st = journal_read(l->host.journal, place->position, &kind, &b);
    if (st == PANDO_OK && kind == LOG_RECORD_ENTRY &&
        log_wire_get_record(buf_view(&b), &e, &payload) && e.index == index)
        bytes = bytes_copy(buf_view(&b));
    else
        trace(l->host.tracer, TRACE_STORAGE, TRACE_ERROR,
              "entry %llu cannot be read back: %s", (unsigned long long)index,
              pando_status_text(st == PANDO_OK ? PANDO_CORRUPT : st));
    buf_deinit(&b);
    if (bytes == NULL && (st == PANDO_OK || st == PANDO_CORRUPT))
        log_mend_broken(l, index);
    return bytes;
}

struct bytes *log_entry(struct log *l, uint64_t index)
{
    if (index >= l->cache_first && index < l->cache_end)
        return bytes_ref(l->cache[index % l->cache_cap]);
    return read_back(l, index);
}

void log_identity_write(struct log *l)
{
    uint8_t bytes[32 + RAFT_MEMBERS_MAX * 9];
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    const struct raft_members *m = &l->options.members;
    wire_put_be(&w, l->options.id, 8);
    wire_put_bytes(&w, SLICE_OF(l->group));
    wire_put_be(&w, l->left, 1);
    wire_put_be(&w, m->len, 1);
    for (uint32_t i = 0; i < m->len; i++) {
        wire_put_be(&w, m->at[i].id, 8);
        wire_put_be(&w, m->at[i].standing, 1);
    }
    struct bytes *b = w.failed ? NULL : bytes_copy(wire_written(&w));
    PANDO_ASSERT(b != NULL);
    put(l, 0, LOG_RECORD_IDENTITY, 0, b);
}

void log_disk_deinit(struct log *l)
{
    for (size_t i = l->writes_head; i < l->writes_len; i++)
        bytes_unref(l->writes[i].bytes);
    evict(l, l->cache_end);
    free(l->writes);
    free(l->places);
    free(l->cache);
}
