/* index_test.c - the rows of a dag after folding its records, and after folding them
 * again. */
#include "space/dag/index.h"

#include "base/slice.h"
#include "check.h"
#include "codec/cbor.h"
#include "space/dag/dag.h"
#include "space/dag/dag_sim_store.h"

struct fixture {
    struct crypto_secret secret;
    struct pando_id space;
    struct sim_store *store;
    struct tables *tables;
};

static void setup(struct fixture *f)
{
    const uint8_t seed[32] = { 3 };
    *f = (struct fixture){ .space = { { 1, 2, 3 } } };
    crypto_secret_from_seed(seed, &f->secret);
    f->store = sim_store_new(&f->space);
    f->tables = sim_store_tables(f->store);
}

/* Sign an event, append it, give its id. */
static struct pando_id add(struct fixture *f, uint32_t epoch, uint64_t seq, uint64_t what,
                           const struct pando_id *parents, uint8_t parents_len)
{
    uint8_t body[16], block[2048];
    uint64_t position;
    struct wire_writer w = wire_write(body, sizeof body);
    cbor_put_uint(&w, what);
    struct event ev = { .space = f->space,
                        .author = crypto_public(&f->secret),
                        .epoch = epoch,
                        .seq = seq,
                        .time = (int64_t)(1000 + what),
                        .kind = what % 2 == 0 ? EVENT_RECEIPT : EVENT_DATA,
                        .parents_len = parents_len,
                        .body = wire_written(&w) };
    for (uint8_t i = 0; i < parents_len; i++)
        ev.parents[i] = parents[i];
    CHECK_OK(event_sign(&ev, &f->secret, block, sizeof block));
    CHECK_OK(sim_store_append(f->store, DAG_RECORD_EVENT, ev.block, &position));
    return ev.id;
}

static void heads_are_the_events_without_children(void **state)
{
    (void)state;
    struct fixture f;
    struct index_cursor cursor = { .begun = false };
    struct pando_id id, both[2];
    uint32_t height;
    setup(&f);
    const struct pando_id root = add(&f, 0, 1, 1, NULL, 0);
    both[0] = add(&f, 0, 2, 2, &root, 1);
    both[1] = add(&f, 1, 1, 3, &root, 1); /* a new epoch is a chain of its own */
    CHECK_EQ(index_counts(f.tables).heads, 2);
    const struct pando_id top =
        add(&f, 1, 2, 4, (struct pando_id[]){ both[1], both[0] }, 2);
    CHECK_EQ(index_counts(f.tables).heads, 1);
    CHECK(index_next_head(f.tables, &cursor, &id, &height));
    CHECK(id_equal(&id, &top));
    CHECK_EQ(height, 2);
    CHECK(!index_next_head(f.tables, &cursor, &id, &height));
    sim_store_free(f.store);
}

static void counts_and_rows_say_what_was_stored(void **state)
{
    (void)state;
    struct fixture f;
    struct index_event ev;
    struct index_author author;
    uint64_t position, positions[INDEX_FORKS_MAX];
    uint8_t body[16];
    setup(&f);
    const struct pando_key key = crypto_public(&f.secret);
    const struct pando_id root = add(&f, 7, 1, 1, NULL, 0),
                          next = add(&f, 7, 2, 2, &root, 1);
    const struct index_counts c = index_counts(f.tables);
    CHECK_EQ(c.events, 2);
    CHECK_EQ(c.receipts, 1);
    CHECK_EQ(c.nodes, 1);
    CHECK_EQ(c.earliest, 1001);
    CHECK_EQ(c.latest, 1002);
    CHECK(index_find(f.tables, &next, &ev));
    CHECK_EQ(ev.seq, 2);
    CHECK_EQ(ev.height, 1);
    CHECK(index_find_author(f.tables, &key, 7, &author));
    CHECK(!index_find_author(f.tables, &key, 6, &author));
    CHECK(id_equal(&author.last, &next));
    CHECK_EQ(index_find_seq(f.tables, author.author, 2, positions), 1);
    CHECK_EQ(positions[0], ev.position);
    CHECK(index_find_number(f.tables, 1, &position));
    CHECK_EQ(position, ev.position);
    struct wire_writer w = wire_write(body, sizeof body);
    cbor_put_uint(&w, 2);
    const struct pando_id receipt = crypto_sha256(wire_written(&w));
    CHECK(index_find_receipt(f.tables, &receipt, &position));
    CHECK_EQ(position, ev.position);
    sim_store_free(f.store);
}

/* Rows hold 64 numbers each: every one is found, those that nobody gave are not. */
static void every_number_is_found_in_its_run(void **state)
{
    (void)state;
    struct fixture f;
    enum { EVENTS = 200 };
    uint64_t position, positions[INDEX_FORKS_MAX];
    struct index_event ev;
    struct pando_id ids[EVENTS];
    setup(&f);
    for (uint64_t n = 0; n < EVENTS; n++)
        ids[n] = add(&f, 0, n + 1, n, n == 0 ? NULL : &ids[n - 1], n > 0);
    for (uint64_t n = 0; n < EVENTS; n++) {
        CHECK(index_find(f.tables, &ids[n], &ev));
        CHECK(index_find_number(f.tables, n, &position));
        CHECK_EQ(position, ev.position);
        CHECK_EQ(index_find_seq(f.tables, ev.author, n + 1, positions), 1);
        CHECK_EQ(positions[0], ev.position);
    }
    CHECK(!index_find_number(f.tables, EVENTS, &position));
    CHECK_EQ(index_find_seq(f.tables, 0, 0, positions), 0);
    CHECK_EQ(index_find_seq(f.tables, 0, EVENTS + 1, positions), 0);
    CHECK_EQ(index_find_seq(f.tables, 1, 1, positions), 0);
    sim_store_free(f.store);
}

static void a_number_given_twice_is_proven_once(void **state)
{
    (void)state;
    struct fixture f;
    struct index_cursor cursor = { .begun = false };
    struct index_equivocation e;
    setup(&f);
    const struct pando_id root = add(&f, 0, 1, 1, NULL, 0);
    for (uint64_t what = 2; what < 14; what++) /* more forks than a row keeps */
        add(&f, 0, 2, what, &root, 1);
    CHECK_EQ(index_counts(f.tables).equivocations, 1);
    CHECK_EQ(index_counts(f.tables).events, 13);
    CHECK(index_next_equivocation(f.tables, &cursor, &e));
    CHECK_EQ(e.seq, 2);
    CHECK_EQ(e.positions_len, INDEX_FORKS_MAX);
    CHECK(!index_next_equivocation(f.tables, &cursor, &e));
    sim_store_free(f.store);
}

/* Folding is a function of the records: after a crash the same rows come out. */
static void folding_again_gives_the_same(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    struct pando_id last = add(&f, 0, 1, 1, NULL, 0);
    for (uint64_t n = 2; n < 50; n++)
        last = add(&f, 0, n, n, &last, 1);
    const uint8_t chunk[] = { 1, 2, 3 }, epoch[] = { 5 }, list[] = { 4 };
    const struct pando_id whole = { { 7 } }, list_id = crypto_sha256(SLICE_OF(list));
    uint8_t record[64];
    memcpy(record, &whole, 32);
    memcpy(record + 32, &list_id, 32);
    uint64_t position;
    CHECK_OK(
        sim_store_append(f.store, DAG_RECORD_BLOB_CHUNK, SLICE_OF(chunk), &position));
    CHECK_OK(sim_store_append(f.store, DAG_RECORD_EPOCH, SLICE_OF(epoch), &position));
    CHECK_OK(sim_store_append(f.store, DAG_RECORD_BLOB_LIST, SLICE_OF(list), &position));
    CHECK_OK(
        sim_store_append(f.store, DAG_RECORD_BLOB_WHOLE, SLICE_OF(record), &position));
    const struct index_counts before = index_counts(f.tables);
    sim_store_commit(f.store, sim_store_end(f.store));
    add(&f, 0, 50, 50, &last, 1); /* lost below */
    sim_store_crash(f.store);
    const struct index_counts after = index_counts(f.tables);
    CHECK_MEM(&before, &after, sizeof before);
    CHECK_EQ(after.blobs, 2);
    struct index_whole found;
    CHECK(index_find_whole(f.tables, &whole, &found));
    CHECK(id_equal(&found.list, &list_id));
    CHECK_EQ(found.position, position);
    CHECK_EQ(index_epoch(f.tables), 5);
    sim_store_free(f.store);
}

static void records_that_lie_are_refused(void **state)
{
    (void)state;
    struct fixture f;
    const uint8_t noise[] = { 1, 2, 3 };
    uint8_t body[] = { 1 }, block[1024];
    setup(&f);
    CHECK_EQ(index_fold(f.tables, &f.space, DAG_RECORD_EVENT, 1, SLICE_OF(noise)),
             PANDO_CORRUPT);
    CHECK_EQ(index_fold(f.tables, &f.space, DAG_RECORD_EPOCH, 1, SLICE_OF(noise)),
             PANDO_CORRUPT);
    const uint8_t lost[64] = { 1 }; /* leads to a list that is not here */
    CHECK_EQ(index_fold(f.tables, &f.space, DAG_RECORD_BLOB_WHOLE, 1, SLICE_OF(lost)),
             PANDO_CORRUPT);
    CHECK_EQ(index_fold(f.tables, &f.space, DAG_RECORD_BLOB_WHOLE, 1, SLICE_OF(noise)),
             PANDO_CORRUPT);
    CHECK_EQ(index_fold(f.tables, &f.space, 99, 1, SLICE_OF(noise)), PANDO_UNSUPPORTED);
    struct event ev = { .space = { { 9 } }, .seq = 1, .body = SLICE_OF(body) };
    CHECK_OK(event_sign(&ev, &f.secret, block, sizeof block));
    CHECK_EQ(index_fold(f.tables, &f.space, DAG_RECORD_EVENT, 1, ev.block),
             PANDO_CORRUPT);
    sim_store_free(f.store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(heads_are_the_events_without_children),
        TEST(counts_and_rows_say_what_was_stored),
        TEST(every_number_is_found_in_its_run),
        TEST(a_number_given_twice_is_proven_once),
        TEST(folding_again_gives_the_same),
        TEST(records_that_lie_are_refused),
    };
    if (crypto_init() != PANDO_OK)
        return 1;
    return CHECK_RUN(tests);
}
