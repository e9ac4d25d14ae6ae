#include "store_fixture.h"

#include <stdlib.h>

const struct pando_id fixture_space = { { 0xab, 0xcd, 1, 2, 3 } };

void fixture_put_number(uint8_t *to, uint64_t n)
{
    for (size_t i = 0; i < 8; i++)
        to[i] = (uint8_t)(n >> (8 * (7 - i)));
}

static enum pando_status fold(void *ctx, struct tables *tables,
                              const struct pando_id *space, uint8_t record,
                              uint64_t position, struct pando_slice bytes)
{
    struct fixture_seen *seen = ctx;
    (void)position;
    if (!id_equal(space, &fixture_space) || record != 7 || bytes.len < 8)
        return PANDO_CORRUPT;
    seen->folds++;
    if (seen->fails_at != 0 && seen->folds >= seen->fails_at)
        return PANDO_NOMEM;
    struct pando_slice sum;
    uint8_t count[8];
    uint64_t rows = 1;
    if (tables_get(tables, 2, slice_text("rows"), &sum) == PANDO_OK)
        for (size_t i = 0, n = 0; i < 8; i++) {
            n = n << 8 | sum.ptr[i];
            rows = n + 1;
        }
    fixture_put_number(count, rows);
    const enum pando_status st =
        tables_put(tables, 2, slice_text("rows"), slice_of(count, 8));
    return st != PANDO_OK ? st : tables_put(tables, 1, slice_of(bytes.ptr, 8), bytes);
}

void fixture_open_store(struct fixture *f)
{
    struct pando_err err = { 0 };
    const struct store_config config = { .dir = f->dir, .sync = true };
    f->how = (struct store_fold){ &f->seen, fold, NULL };
    enum pando_status st = store_open(&config, &f->s, &err);
    if (st == PANDO_OK)
        st = store_space_open(f->s, &fixture_space, &f->how, &f->sp, &err);
    if (st != PANDO_OK)
        CHECK_NOTE("%s\n", err.text);
    CHECK_EQ(st, PANDO_OK);
}

void fixture_setup(struct fixture *f)
{
    *f = (struct fixture){ .next = 0 };
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/store_test.XXXXXX");
    CHECK(mkdtemp(f->dir) != NULL);
    fixture_open_store(f);
}

void fixture_run(const char *command, const char *a, const char *b)
{
    char text[400];
    (void)snprintf(text, sizeof text, command, a, b);
    CHECK_EQ(system(text), 0);
}

void fixture_teardown(struct fixture *f)
{
    store_close(f->s);
    fixture_run("rm -rf '%s' '%s.backup'", f->dir, f->dir);
}

struct pando_slice fixture_record_of(uint64_t n, size_t len, uint8_t *room)
{
    struct rng rng = rng_seeded(n + 1);
    rng_fill(&rng, room, len);
    fixture_put_number(room, n);
    return slice_of(room, len);
}

size_t fixture_len_of(uint64_t n)
{
    return 8 + n * 37 % 300;
}

enum pando_status fixture_append(struct fixture *f)
{
    uint8_t room[FIXTURE_RECORD_MAX];
    uint64_t position;
    const enum pando_status st = store_append(
        f->sp, 7, fixture_record_of(f->next, fixture_len_of(f->next), room), NULL, &position);
    f->next += st == PANDO_OK;
    return st;
}

enum pando_status fixture_commit(struct fixture *f)
{
    struct journal_group *group;
    enum pando_status st = PANDO_OK;
    uint64_t durable;
    while (st == PANDO_OK && journal_commit_begin(store_journal(f->sp), &group)) {
        journal_commit_run(group);
        st = journal_commit_end(store_journal(f->sp), group, &durable);
    }
    return st;
}

void fixture_flush(struct fixture *f)
{
    struct store_flush *job;
    while (store_flush_begin(f->sp, true, &job)) {
        store_flush_run(job);
        CHECK_OK(store_flush_end(f->sp, job, NULL));
    }
}

void fixture_fill(struct fixture *f, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        CHECK_OK(fixture_append(f));
    CHECK_OK(fixture_commit(f));
}

/* Every record below `count` is in the journal once, in order, and in the tables. */
uint64_t fixture_check_all(struct fixture *f, uint64_t at_least, uint64_t at_most)
{
    struct journal_cursor c;
    uint64_t position, n = 0;
    uint8_t kind, room[FIXTURE_RECORD_MAX], key[8];
    struct pando_slice bytes, value;
    journal_scan(store_journal(f->sp), journal_first(store_journal(f->sp)), &c);
    enum pando_status st;
    while ((st = journal_next(&c, &position, &kind, &bytes)) == PANDO_OK) {
        CHECK_EQ(kind, 7);
        CHECK(slice_equal(bytes, fixture_record_of(n, fixture_len_of(n), room)));
        fixture_put_number(key, n);
        CHECK_OK(tables_get(store_tables(f->sp), 1, slice_of(key, 8), &value));
        CHECK(slice_equal(value, slice_of(room, fixture_len_of(n))));
        n++;
    }
    CHECK_EQ(st, PANDO_NOT_FOUND);
    journal_scan_end(&c);
    CHECK(n >= at_least && n <= at_most);
    fixture_put_number(key, n);
    CHECK_EQ(tables_get(store_tables(f->sp), 1, slice_of(key, 8), &value),
             PANDO_NOT_FOUND);
    if (n != 0) { /* each record was folded exactly once */
        CHECK_OK(tables_get(store_tables(f->sp), 2, slice_text("rows"), &value));
        CHECK_MEM(value.ptr, key, 8);
    }
    return n;
}
