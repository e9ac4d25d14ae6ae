/* Goal: the tables of a node (LMDB) and those of the simulator do the same. */
#include "store/tables_conformance.h"

#include "check.h"
#include "sim/rows.h"
#include "store/tables_lmdb.h"

#include <stdlib.h>
#include <unistd.h>

static const struct pando_id space = { { 4, 2 } };

struct lmdb {
    char dir[64];
    struct tables_index *index;
    struct tables_lmdb *tables;
    uint64_t position;
};

/* Everything goes to LMDB, and the turn ends. */
static void flush(void *ctx)
{
    struct lmdb *l = ctx;
    tables_lmdb_mark(l->tables, ++l->position);
    CHECK_OK(tables_lmdb_flush_all(l->tables, l->position));
    tables_index_turn(l->index);
}

static struct conformance open_lmdb(struct lmdb *l)
{
    *l = (struct lmdb){ .dir = "/tmp/pando-conformance-XXXXXX" };
    CHECK(mkdtemp(l->dir) != NULL);
    const struct tables_index_config config = { .dir = l->dir };
    CHECK_OK(tables_index_open(&config, &l->index, NULL));
    CHECK_OK(tables_lmdb_open(l->index, &space, 1u << 20, &l->tables, NULL));
    return (struct conformance){ tables_lmdb_tables(l->tables), l, flush };
}

static void close_lmdb(struct lmdb *l)
{
    char path[128];
    static const char *const names[] = { "data.mdb", "lock.mdb" };
    tables_lmdb_close(l->tables);
    tables_index_close(l->index);
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", l->dir, names[i]);
        (void)unlink(path);
    }
    CHECK_EQ(rmdir(l->dir), 0);
}

static void lmdb_agrees_with_a_model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct lmdb l;
        const struct conformance c = open_lmdb(&l);
        CHECK_NOTE("seed %llu\n", (unsigned long long)seed);
        conformance_agrees_with_a_model(&c, seed);
        close_lmdb(&l);
    }
}

static void lmdb_walks_see_changes(void **state)
{
    (void)state;
    struct lmdb l;
    const struct conformance c = open_lmdb(&l);
    conformance_walks_see_changes(&c);
    close_lmdb(&l);
}

static void lmdb_keeps_the_limits(void **state)
{
    (void)state;
    struct lmdb l;
    const struct conformance c = open_lmdb(&l);
    conformance_limits_are_kept(&c);
    close_lmdb(&l);
}

static void the_simulators_tables_agree_with_a_model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct rows *rows = rows_new();
        const struct conformance c = { .tables = rows_tables(rows) };
        conformance_agrees_with_a_model(&c, seed);
        rows_free(rows);
    }
}

static void the_simulators_walks_see_changes(void **state)
{
    (void)state;
    struct rows *rows = rows_new();
    const struct conformance c = { .tables = rows_tables(rows) };
    conformance_walks_see_changes(&c);
    rows_free(rows);
}

static void the_simulators_tables_keep_the_limits(void **state)
{
    (void)state;
    struct rows *rows = rows_new();
    const struct conformance c = { .tables = rows_tables(rows) };
    conformance_limits_are_kept(&c);
    rows_free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lmdb_agrees_with_a_model),
        TEST(lmdb_walks_see_changes),
        TEST(lmdb_keeps_the_limits),
        TEST(the_simulators_tables_agree_with_a_model),
        TEST(the_simulators_walks_see_changes),
        TEST(the_simulators_tables_keep_the_limits),
    };
    return CHECK_RUN(tests);
}
