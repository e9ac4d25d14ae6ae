#include "store/journal_workload.h"

#include "base/slice.h"

#include <stdlib.h>

enum { CONTENT_MAX = 9000 };

void workload_init(struct workload *w, uint64_t seed, bool sync, size_t segment)
{
    memset(w, 0, sizeof *w);
    w->rng = rng_seeded(seed);
    w->disk = files_memory_new(seed);
    w->config = (struct journal_config){
        .files = files_memory_files(w->disk),
        .dir = WORKLOAD_DIR,
        .space = { { (uint8_t)seed, 1, 2, 3 } },
        .seed = seed * 0x9e3779b97f4a7c15u,
        .segment_min = segment,
        .segment_max = 4 * segment,
        .sync = sync,
    };
}

void workload_deinit(struct workload *w)
{
    workload_close(w);
    files_memory_free(w->disk);
}

/* Mostly small, sometimes over several sectors, sometimes empty. */
size_t workload_content(uint32_t number, uint8_t *kind, uint8_t *ret, size_t cap)
{
    struct rng rng = rng_seeded(number + 1);
    const uint64_t most = rng_chance(&rng, 1, 8) ? CONTENT_MAX : 120;
    size_t len = (size_t)rng_below(&rng, most);
    len = len < cap ? len : cap;
    *kind = (uint8_t)rng_next(&rng);
    rng_fill(&rng, ret, len);
    return len;
}

static bool is_record(uint32_t number, uint8_t kind, struct pando_slice bytes)
{
    uint8_t want[CONTENT_MAX], want_kind;
    const size_t len = workload_content(number, &want_kind, want, sizeof want);
    return kind == want_kind && slice_equal(bytes, slice_of(want, len));
}

enum pando_status workload_append(struct workload *w, size_t count)
{
    uint8_t bytes[CONTENT_MAX], kind;
    for (size_t i = 0; i < count && w->len < WORKLOAD_RECORDS_MAX; i++) {
        struct workload_record *r = &w->records[w->len];
        r->number = w->next_number;
        const size_t len = workload_content(r->number, &kind, bytes, sizeof bytes);
        const enum pando_status st =
            journal_append(w->journal, kind, slice_of(bytes, len), &r->position);
        if (st != PANDO_OK)
            return st;
        w->len++;
        w->next_number++;
    }
    return PANDO_OK;
}

enum pando_status workload_commit(struct workload *w)
{
    struct journal_group *group;
    struct journal_ahead *ahead;
    while (journal_commit_begin(w->journal, &group)) {
        uint64_t durable;
        journal_commit_run(group);
        const enum pando_status st = journal_commit_end(w->journal, group, &durable);
        if (st != PANDO_OK)
            return st;
        if (journal_ahead_begin(w->journal, &ahead)) {
            journal_ahead_run(ahead);
            journal_ahead_end(w->journal, ahead);
        }
        while (w->acked < w->len && w->records[w->acked].position < durable)
            w->acked++;
    }
    return PANDO_OK;
}

void workload_close(struct workload *w)
{
    journal_close(w->journal);
    w->journal = NULL;
}

/* Walk `j` beside the model. */
static const char *compare(const struct workload *w, struct journal *j, size_t *ret_len)
{
    const char *wrong = NULL;
    struct journal_cursor c;
    struct pando_slice bytes;
    uint64_t position;
    uint8_t kind;
    enum pando_status st;
    size_t i = 0;
    while (i < w->len && w->records[i].position < journal_first(j))
        i++;
    journal_scan(j, journal_first(j), &c);
    while (wrong == NULL &&
           (st = journal_next(&c, &position, &kind, &bytes)) == PANDO_OK) {
        if (i >= w->len)
            wrong = "a record that nobody appended";
        else if (position != w->records[i].position)
            wrong = "a record at another position";
        else if (!is_record(w->records[i].number, kind, bytes))
            wrong = "a record with other bytes";
        i++;
    }
    if (wrong == NULL && st != PANDO_NOT_FOUND)
        wrong = pando_status_name(st);
    if (wrong == NULL && journal_first(j) > w->snapshot && journal_first(j) > 0)
        wrong = "more is dropped than a snapshot covers";
    journal_scan_end(&c);
    *ret_len = i;
    return wrong;
}

enum pando_status workload_open(struct workload *w)
{
    size_t len;
    enum pando_status st = journal_open(&w->config, &w->journal, NULL);
    if (st != PANDO_OK)
        return st;
    const char *wrong = compare(w, w->journal, &len);
    if (wrong != NULL && strcmp(wrong, pando_status_name(PANDO_IO)) == 0)
        return PANDO_IO; /* a failed read is no damage */
    if (wrong != NULL || len < w->acked)
        return PANDO_CORRUPT;
    w->len = w->acked = len;
    return PANDO_OK;
}

/* One more record goes in, is durable and is found again by a new opening. */
static const char *append_again(const struct journal_config *config, struct journal **j)
{
    struct journal_group *group;
    struct pando_buf got;
    uint64_t position, durable;
    uint8_t kind = 0;
    const char text[] = "again";
    if (journal_append(*j, 77, slice_text(text), &position) != PANDO_OK)
        return "no append after recovery";
    if (!journal_commit_begin(*j, &group))
        return "no commit after recovery";
    journal_commit_run(group);
    if (journal_commit_end(*j, group, &durable) != PANDO_OK || durable <= position)
        return "a commit after recovery failed";
    journal_close(*j);
    *j = NULL;
    if (journal_open(config, j, NULL) != PANDO_OK)
        return "no second opening";
    buf_init(&got, 100);
    const enum pando_status st = journal_read(*j, position, &kind, &got);
    const bool same =
        st == PANDO_OK && kind == 77 && slice_equal(buf_view(&got), slice_text(text));
    buf_deinit(&got);
    return same ? NULL : "the record appended after recovery is not there";
}

const char *workload_check(const struct workload *w, struct files_memory *disk,
                           size_t acked, enum pando_status *ret_status, size_t *ret_len)
{
    struct journal_config config = w->config;
    struct journal *j = NULL;
    config.files = files_memory_files(disk);
    files_memory_limit(disk, 0);
    *ret_len = 0;
    *ret_status = journal_open(&config, &j, NULL);
    if (*ret_status != PANDO_OK)
        return "it does not open";
    const char *wrong = compare(w, j, ret_len);
    if (wrong == NULL && *ret_len < acked)
        wrong = "an acknowledged record is lost";
    if (wrong == NULL)
        wrong = append_again(&config, &j);
    struct journal_audit audit;
    if (wrong == NULL &&
        journal_verify(&config.files, config.dir, NULL, &audit) != PANDO_OK)
        wrong = WORKLOAD_UNREAD_DAMAGE;
    journal_close(j);
    return wrong;
}

/* The process dies, or the power fails. The journal object outlives it on a disk that is
 * thrown away. */
static enum pando_status lose(struct workload *w, bool power)
{
    static const enum files_crash how[] = { FILES_CRASH_NONE, FILES_CRASH_ALL,
                                            FILES_CRASH_SOME, FILES_CRASH_TORN,
                                            FILES_CRASH_LATE };
    struct files_memory *before = w->disk, *after = files_memory_fork(before);
    if (after == NULL)
        return PANDO_NOMEM;
    files_memory_hook(before, NULL, NULL);
    workload_close(w);
    files_memory_free(before);
    w->disk = after;
    w->config.files = files_memory_files(after);
    enum pando_status st = PANDO_OK;
    if (power && !w->config.sync)
        w->acked = 0;
    if (power)
        st = files_memory_crash(after, how[rng_below(&w->rng, 5)], &w->rng);
    files_memory_hook(after, w->hook_ctx, w->hook);
    return st == PANDO_OK ? workload_open(w) : st;
}

/* A snapshot of a durable position, and what lies before it dropped. Snapshots only go
 * up. */
static enum pando_status shed(struct workload *w)
{
    if (w->acked == 0 || !w->config.sync)
        return PANDO_OK;
    const uint64_t position = w->records[rng_below(&w->rng, w->acked)].position;
    if (position < w->snapshot)
        return PANDO_OK;
    w->snapshot = position;
    const uint64_t first = journal_first(w->journal);
    enum pando_status st = journal_snapshot_write(&w->config.files, WORKLOAD_DIR,
                                                  position, slice_text("a state"), NULL);
    if (st == PANDO_OK)
        st = journal_drop_before(w->journal, position, NULL);
    w->dropped += journal_first(w->journal) > first;
    return journal_first(w->journal) > position ? PANDO_CORRUPT : st;
}

enum pando_status workload_run(struct workload *w, size_t steps)
{
    files_memory_hook(w->disk, w->hook_ctx, w->hook);
    enum pando_status st = workload_open(w);
    for (size_t i = 0; i < steps && st == PANDO_OK; i++) {
        const uint64_t dice = rng_below(&w->rng, 40);
        if (dice < 20) {
            st = workload_append(w, 1 + (size_t)rng_below(&w->rng, 4));
        } else if (dice < 36) {
            st = workload_commit(w);
        } else if (dice < 37) {
            st = shed(w);
        } else if (dice < 38) {
            workload_close(w);
            st = workload_open(w);
        } else if (dice < 39) {
            st = lose(w, false);
        } else {
            st = lose(w, true);
        }
    }
    return st;
}
