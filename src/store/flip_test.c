/* Goal: no flipped bit on the disk turns into a wrong or a missing record in silence.
 *
 * A closed journal of several segments and an epoch; then, on a copy of the disk each
 * time, one bit of one byte of one file is flipped, and the copy is opened, read whole,
 * verified, and written to. Every byte gets its turn. Three outcomes are allowed: opening
 * or reading says PANDO_CORRUPT and then journal_verify finds it too; or every record is
 * there, equal. The same again for a journal whose process was killed, and for bits that
 * flip under an open journal.
 *
 * Usage: flip_test [SEEDS]. Exits with 1 when a flip passes in silence.
 */
#include "store/journal_workload.h"

#include "base/slice.h"

#include <stdio.h>
#include <stdlib.h>

struct tally {
    uint64_t flips, by_open, by_read, harmless, silent, unverified;
};

static uint64_t damages(struct files_memory *disk)
{
    const struct pando_files files = files_memory_files(disk);
    struct journal_audit audit;
    const enum pando_status st = journal_verify(&files, WORKLOAD_DIR, NULL, &audit);
    return st == PANDO_OK || st == PANDO_CORRUPT ? audit.damages : 1;
}

/* Whether each record reads back equal; `*ret_detected` when one says that it is damaged.
 */
static bool reads_right(const struct workload *w, struct journal *j, bool *ret_detected)
{
    struct pando_buf got;
    uint8_t want[9000], kind, want_kind;
    bool right = true;
    *ret_detected = false;
    buf_init(&got, JOURNAL_RECORD_MAX);
    for (size_t i = 0; i < w->acked && right; i++) {
        buf_reset(&got);
        const enum pando_status st = journal_read(j, w->records[i].position, &kind, &got);
        const size_t len =
            workload_content(w->records[i].number, &want_kind, want, sizeof want);
        if (st == PANDO_CORRUPT)
            *ret_detected = true;
        else
            right = st == PANDO_OK && kind == want_kind &&
                    slice_equal(buf_view(&got), slice_of(want, len));
    }
    buf_deinit(&got);
    return right;
}

/* False when reading it gives damage; wrong content counts as silence. */
static bool has_snapshot(struct files_memory *disk)
{
    const struct pando_files files = files_memory_files(disk);
    struct pando_buf state;
    uint64_t position;
    buf_init(&state, 1000);
    const enum pando_status st =
        journal_snapshot_read(&files, WORKLOAD_DIR, &position, &state, NULL);
    const bool right =
        slice_equal(buf_view(&state), slice_text("all of them in one line"));
    buf_deinit(&state);
    if (st == PANDO_OK && !right)
        (void)printf("silent: another snapshot\n");
    return st == PANDO_OK && right;
}

static void judge_closed(struct tally *t, const struct workload *w,
                         struct files_memory *disk, const char *path, uint64_t offset)
{
    enum pando_status st;
    size_t len;
    const bool found = damages(disk) > 0, snapshot = has_snapshot(disk);
    const char *wrong = workload_check(w, disk, w->acked, &st, &len);
    if (wrong != NULL && strcmp(wrong, WORKLOAD_UNREAD_DAMAGE) == 0)
        wrong = NULL; /* heads and padding between sound records */
    const bool by_open = st == PANDO_CORRUPT;
    const bool by_read = !by_open && wrong != NULL && strcmp(wrong, "CORRUPT") == 0;
    t->flips++;
    t->by_read += !snapshot;
    t->unverified += !snapshot && !found;
    if (!snapshot)
        return;
    t->by_open += by_open;
    t->by_read += by_read;
    t->harmless += wrong == NULL;
    t->unverified += (by_open || by_read) && !found;
    if (wrong == NULL || by_open || by_read)
        return;
    t->silent++;
    (void)printf("silent: %s at %llu: %s (%s)\n", path, (unsigned long long)offset, wrong,
                 pando_status_name(st));
}

static void judge_open(struct tally *t, const struct workload *w, struct journal *j,
                       const char *path, uint64_t offset)
{
    bool detected;
    const bool right = reads_right(w, j, &detected);
    t->flips++;
    t->by_read += right && detected;
    t->harmless += right && !detected;
    if (right)
        return;
    t->silent++;
    (void)printf("silent under an open journal: %s at %llu\n", path,
                 (unsigned long long)offset);
}

/* One flip on a copy of the disk. */
static bool flip(struct tally *t, const struct workload *w,
                 const struct files_memory *disk, const char *path, uint64_t offset,
                 unsigned bit, bool open_first)
{
    struct files_memory *copy = files_memory_fork(disk);
    struct journal_config config = w->config;
    struct journal *j = NULL;
    if (copy == NULL)
        return false;
    config.files = files_memory_files(copy);
    if (open_first && journal_open(&config, &j, NULL) != PANDO_OK) {
        files_memory_free(copy);
        return false;
    }
    const bool flipped = files_memory_flip(copy, path, offset, bit);
    if (flipped && open_first)
        judge_open(t, w, j, path, offset);
    else if (flipped)
        judge_closed(t, w, copy, path, offset);
    journal_close(j);
    files_memory_free(copy);
    return flipped;
}

/* Every byte of every file, the bit in turn with the seed; some silent ones are enough.
 */
static bool sweep(struct tally *t, const struct workload *w,
                  const struct files_memory *disk, uint64_t seed, bool open_first)
{
    const char *path;
    uint64_t size;
    for (size_t file = 0; files_memory_at(disk, file, &path, &size); file++)
        for (uint64_t at = 0; at < size && t->silent < 20; at++)
            if (!flip(t, w, disk, path, at, (unsigned)(at + seed), open_first))
                return false;
    return true;
}

static bool life(struct tally *t, struct workload *w, uint64_t seed)
{
    uint64_t epoch;
    workload_init(w, seed, true, 2048);
    bool ok = workload_open(w) == PANDO_OK;
    for (int i = 0; i < 16 && ok; i++)
        ok = workload_append(w, 1 + (size_t)rng_below(&w->rng, 3)) == PANDO_OK &&
             workload_commit(w) == PANDO_OK;
    ok = ok &&
         journal_epoch_raise(&w->config.files, WORKLOAD_DIR, &epoch, NULL) == PANDO_OK;
    ok = ok && journal_snapshot_write(
                   &w->config.files, WORKLOAD_DIR, journal_durable(w->journal),
                   slice_text("all of them in one line"), NULL) == PANDO_OK;
    struct files_memory *killed = ok ? files_memory_fork(w->disk) : NULL;
    workload_close(w);
    if (ok && (damages(w->disk) > 0 || damages(killed) > 0))
        ok = printf("verify finds damage in a sound journal\n") < 0;
    ok = ok && killed != NULL && sweep(t, w, killed, seed, false) &&
         sweep(t, w, w->disk, seed + 3, false) && sweep(t, w, w->disk, seed + 5, true);
    files_memory_free(killed);
    workload_deinit(w);
    return ok;
}

int main(int argc, char **argv)
{
    const uint64_t seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : 2;
    struct tally t = { 0 };
    struct workload *w = malloc(sizeof *w);
    bool ok = w != NULL;
    for (uint64_t seed = 1; seed <= seeds && ok; seed++)
        ok = life(&t, w, seed);
    free(w);
    (void)printf(
        "bit flips %llu: found by open %llu, by read %llu, harmless %llu, silent %llu, "
        "unseen by verify %llu\n",
        (unsigned long long)t.flips, (unsigned long long)t.by_open,
        (unsigned long long)t.by_read, (unsigned long long)t.harmless,
        (unsigned long long)t.silent, (unsigned long long)t.unverified);
    const bool found_any = t.by_open > 0 && t.by_read > 0;
    return ok && found_any && t.silent == 0 && t.unverified == 0 ? EXIT_SUCCESS
                                                                 : EXIT_FAILURE;
}
