#include "store/tables_private.h"

#include "base/slice.h"
#include "check.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TABLE = 3, OTHER = 4 };

struct fixture {
    char dir[64];
    struct tables_index *x;
    struct tables_lmdb *t;
    struct tables *tables;
    uint64_t position;
};

static void open_tables(struct fixture *f)
{
    const struct pando_id space = { { 1, 2, 3 } };
    const struct tables_index_config config = { .dir = f->dir, .map_size = 64u << 20 };
    CHECK_OK(tables_index_open(&config, &f->x, NULL));
    CHECK_OK(tables_lmdb_open(f->x, &space, 64u << 20, &f->t, NULL));
    f->tables = tables_lmdb_tables(f->t);
    f->position = tables_lmdb_position(f->t);
}

static void close_tables(struct fixture *f)
{
    tables_lmdb_close(f->t);
    tables_index_close(f->x);
}

static void setup(struct fixture *f)
{
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/tables_absent_test.XXXXXX");
    CHECK(mkdtemp(f->dir) != NULL);
    open_tables(f);
}

static void teardown(struct fixture *f)
{
    static const char *const names[] = { "data.mdb", "lock.mdb" };
    char path[128];
    close_tables(f);
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", f->dir, names[i]);
        CHECK_EQ(unlink(path), 0);
    }
    CHECK_EQ(rmdir(f->dir), 0);
}

static void put(struct fixture *f, uint64_t from, uint64_t to)
{
    for (uint64_t n = from; n < to; n++) {
        CHECK_OK(tables_put(f->tables, TABLE, SLICE_OF(n), SLICE_OF(n)));
        CHECK_OK(tables_put(f->tables, OTHER, SLICE_OF(n), SLICE_OF(n)));
    }
    tables_lmdb_mark(f->t, ++f->position);
}

static void flush(struct fixture *f)
{
    CHECK_OK(tables_lmdb_flush_all(f->t, f->position));
}

/* Exactly those in [from, to) are there. */
static void check(struct fixture *f, uint64_t from, uint64_t to, uint64_t end)
{
    struct pando_slice value;
    for (uint64_t n = 0; n < end; n++) {
        tables_expect(f->tables, TABLE, SLICE_OF(n));
        const enum pando_status st = tables_get(f->tables, TABLE, SLICE_OF(n), &value);
        CHECK_EQ(st, n >= from && n < to ? PANDO_OK : PANDO_NOT_FOUND);
        CHECK(st != PANDO_OK || slice_equal(value, SLICE_OF(n)));
    }
}

static void a_table_that_is_asked_in_vain_gets_a_filter_and_keeps_it_right(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    put(&f, 0, 1000);
    flush(&f);
    CHECK(f.t->absent.keys == NULL); /* nobody asked in vain */
    check(&f, 0, 1000, 1000 + TABLES_VAIN_MIN);
    put(&f, 1000, 1500);
    flush(&f);
    CHECK(f.t->absent.keys != NULL);
    CHECK_EQ(f.t->absent.table, TABLE);
    CHECK_EQ(bloom_count(f.t->absent.keys), 1500);
    check(&f, 0, 1500, 10000);
    CHECK(f.t->absent.vain[TABLE] < 1000); /* LMDB was hardly asked any more */
    put(&f, 1500, 30000); /* more than it was made for */
    flush(&f);
    check(&f, 0, 30000, 40000);
    put(&f, 30000, 30001);
    flush(&f);
    CHECK(bloom_room(f.t->absent.keys) > 30001);
    check(&f, 0, 30001, 60000);
    teardown(&f);
}

static void what_is_deleted_and_put_again_is_found(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    put(&f, 0, 100);
    check(&f, 0, 100, 100 + TABLES_VAIN_MIN);
    flush(&f);
    CHECK(f.t->absent.keys != NULL);
    for (uint64_t n = 0; n < 50; n++)
        CHECK_OK(tables_del(f.tables, TABLE, SLICE_OF(n)));
    tables_lmdb_mark(f.t, ++f.position);
    check(&f, 50, 100, 200);
    flush(&f);
    check(&f, 50, 100, 200);
    put(&f, 0, 50);
    check(&f, 0, 100, 200);
    flush(&f);
    check(&f, 0, 100, 200);
    close_tables(&f);
    open_tables(&f); /* it begins without one */
    CHECK(f.t->absent.keys == NULL);
    check(&f, 0, 100, 200);
    CHECK_OK(tables_lmdb_clear(f.t));
    check(&f, 0, 0, 200);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_table_that_is_asked_in_vain_gets_a_filter_and_keeps_it_right),
        TEST(what_is_deleted_and_put_again_is_found),
    };
    return CHECK_RUN(tests);
}
