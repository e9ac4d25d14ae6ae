#include "space/delta/store_fixture.h"

#include "base/slice.h"
#include "check.h"
#include "codec/json.h"
#include "space/delta/delta_json.h"
#include "space/delta/pile.h"

#include <stdlib.h>

#define DIR "/journal"

static enum pando_status append(void *ctx, uint8_t record, struct pando_slice bytes,
                                const struct tables_fold *fold, uint64_t *ret_position)
{
    struct fixture *f = ctx;
    if (f->busy)
        return PANDO_BUSY;
    const enum pando_status st = journal_append(f->journal, record, bytes, ret_position);
    if (st != PANDO_OK)
        return st;
    f->appends++;
    CHECK_OK(delta_store_fold(rows_tables(f->twin), &f->host.space, record, *ret_position, bytes));
    if (fold != NULL)
        return fold->run(fold->ctx, rows_tables(f->rows), *ret_position);
    return delta_store_fold(rows_tables(f->rows), &f->host.space, record, *ret_position, bytes);
}

static enum pando_status fold_all(struct fixture *f)
{
    struct journal_cursor c;
    struct pando_slice bytes;
    uint64_t position;
    uint8_t kind;
    enum pando_status st;
    journal_scan(f->journal, journal_first(f->journal), &c);
    while ((st = journal_next(&c, &position, &kind, &bytes)) == PANDO_OK) {
        st = delta_store_fold(rows_tables(f->rows), &f->host.space, kind, position, bytes);
        if (st == PANDO_OK)
            st = delta_store_fold(rows_tables(f->twin), &f->host.space, kind, position, bytes);
        if (st != PANDO_OK)
            break;
    }
    journal_scan_end(&c);
    return st == PANDO_NOT_FOUND ? PANDO_OK : st;
}

enum pando_status fixture_open(struct fixture *f, struct files_memory *disk)
{
    const uint8_t seed[32] = { 9 };
    const struct pando_id space = { { 4, 5, 6 } };
    *f = (struct fixture){ .disk = disk, .rows = rows_new(), .twin = rows_new() };
    const struct journal_config config = { .files = files_memory_files(disk),
                                           .dir = DIR,
                                           .space = space,
                                           .segment_min = 4096,
                                           .segment_max = 16384,
                                           .sync = true,
                                           .seed = 3 };
    crypto_secret_from_seed(seed, &f->secret);
    enum pando_status st = journal_open(&config, &f->journal, NULL);
    if (st != PANDO_OK)
        return st;
    f->host = (struct space_host){ .ctx = f,
                                   .tables = rows_tables(f->rows),
                                   .journal = f->journal,
                                   .append = append,
                                   .secret = &f->secret,
                                   .key = crypto_public(&f->secret),
                                   .space = space };
    st = fold_all(f);
    return st == PANDO_OK ? delta_store_new(&f->host, &f->store, NULL) : st;
}

void fixture_init(struct fixture *f)
{
    CHECK_OK(crypto_init());
    CHECK_OK(fixture_open(f, files_memory_new(1)));
}

void fixture_close(struct fixture *f)
{
    delta_store_free(f->store);
    if (f->journal != NULL)
        journal_close(f->journal);
    rows_free(f->rows);
    rows_free(f->twin);
    f->store = NULL;
    f->journal = NULL;
    f->rows = f->twin = NULL;
}

void fixture_deinit(struct fixture *f)
{
    fixture_close(f);
    files_memory_free(f->disk);
}

void fixture_commit(struct fixture *f)
{
    struct journal_group *group;
    uint64_t durable;
    while (journal_commit_begin(f->journal, &group)) {
        journal_commit_run(group);
        CHECK_OK(journal_commit_end(f->journal, group, &durable));
        delta_store_on_durable(f->store, durable);
    }
    CHECK(rows_equal(f->rows, f->twin));
}

void fixture_crash(struct fixture *f)
{
    struct rng rng = rng_seeded(1);
    struct files_memory *disk = f->disk;
    fixture_close(f);
    CHECK_OK(files_memory_crash(disk, FILES_CRASH_NONE, &rng));
    CHECK_OK(fixture_open(f, disk));
}

void fixture_drop_before(struct fixture *f, uint64_t position)
{
    const struct pando_files files = files_memory_files(f->disk);
    CHECK_OK(journal_snapshot_write(&files, DIR, position, SLICE_EMPTY, NULL));
    CHECK_OK(journal_drop_before(f->journal, position, NULL));
}

void make(struct made *m, const char *text)
{
    char json[4096];
    const struct delta_defaults none = { .timestamp = 0 };
    struct pando_err err = { 0 };
    size_t len = 0;
    for (; text[len] != '\0' && len < sizeof json - 1; len++)
        json[len] = text[len] == '\'' ? '"' : text[len];
    json_t *value = json_loadb(json, len, 0, NULL);
    CHECK(value != NULL);
    struct delta *d = &m->delta;
    buf_init(&m->bytes, DELTA_BYTES_MAX + 65536);
    const enum pando_status st =
        delta_from_json(value, &none, &m->room, &m->bytes, d, &err);
    if (st != PANDO_OK)
        CHECK_NOTE("%s\n", err.text);
    CHECK_OK(st);
    /* its texts are the JSON's, which goes; those of its bytes stay */
    CHECK_OK(delta_decode(buf_view(&m->bytes), &m->room, d));
    json_decref(value);
}

void made_deinit(struct made *m)
{
    buf_deinit(&m->bytes);
}

void make_plain(struct made *m, unsigned id, int64_t time, unsigned object)
{
    char text[512];
    (void)snprintf(text, sizeof text,
                   "{'id':'d%u','timestamp':%lld,'author':'a%u','system':'s','pointers':["
                   "{'role':'named','target':{'id':'o%u','context':'name'}},"
                   "{'role':'name','target':'value of %u'}]}",
                   id, (long long)time, id % 3, object, id);
    make(m, text);
}

void make_negation(struct made *m, unsigned id, int64_t time, const char *target)
{
    char text[512];
    (void)snprintf(text, sizeof text,
                   "{'id':'n%u','timestamp':%lld,'author':'a','system':'s','pointers':["
                   "{'role':'negates','target':{'id':'%s','context':'negated_by'}}]}",
                   id, (long long)time, target);
    make(m, text);
}

uint64_t add(struct fixture *f, const struct made *m, bool own)
{
    enum delta_outcome outcome;
    uint64_t ticket;
    CHECK_OK(delta_store_stage(f->store, &m->delta, own, &outcome, &ticket));
    CHECK_EQ(outcome, DELTA_NEW);
    return ticket;
}

uint64_t take(struct fixture *f, const struct group *g, enum delta_outcome *outcomes)
{
    struct delta_pile pile = { .len = 0 };
    uint64_t ticket;
    CHECK_OK(delta_pile_read(&pile, g));
    CHECK_OK(delta_store_stage_group(f->store, g, pile.deltas, outcomes, &ticket));
    delta_pile_deinit(&pile);
    return ticket;
}

uint64_t add_plain(struct fixture *f, unsigned id, int64_t time, unsigned object)
{
    struct made m;
    make_plain(&m, id, time, object);
    const uint64_t ticket = add(f, &m, false);
    made_deinit(&m);
    return ticket;
}

struct pando_id fixture_hash(struct fixture *f)
{
    struct delta_store_hash h = { .begun = false };
    struct pando_id id;
    enum pando_status st;
    while ((st = delta_store_hash(f->store, &h, &id)) == PANDO_BUSY)
        ;
    CHECK_OK(st);
    return id;
}
