/* delta_archive_test.c - what is archived is in the file, known, and gone; what people see is
 * the same before and after, and wherever the power fails between. */
#include "space/delta/archive.h"

#include "base/rng.h"
#include "base/slice.h"
#include "check.h"
#include "codec/car.h"
#include "space/delta/group.h"
#include "space/delta/negate.h"
#include "space/delta/store_fixture.h"

#include <stdlib.h>

#define BEFORE 1000

/* Of every delta that is held and not negated: a sum over the digests, and how many. */
struct seen {
    uint64_t sum;
    size_t len;
};

static struct seen look(struct fixture *f)
{
    const struct delta_source source = delta_store_source(f->store);
    struct delta_place place = { .set = false };
    struct seen seen = { 0, 0 };
    struct filter all;
    struct delta d;
    enum pando_status st;
    filter_init(&all);
    while ((st = source_next(&source, &all, false, &place, &d)) != PANDO_NOT_FOUND) {
        uint8_t room[DELTA_NAME_MAX];
        const struct delta_hash digest = d.digest;
        bool negated;
        uint64_t word;
        if (st == PANDO_BUSY)
            continue;
        CHECK_OK(st);
        memcpy(room, d.id.ptr, d.id.len);
        CHECK_OK(negate_is(&source, slice_of(room, d.id.len), NEGATE_NOW, &negated));
        memcpy(&word, digest.bytes, sizeof word);
        seen.sum += negated ? 0 : word;
        seen.len += !negated;
    }
    return seen;
}

static void same(struct fixture *f, const struct seen *want)
{
    const struct seen got = look(f);
    CHECK_EQ(got.len, want->len);
    CHECK(got.sum == want->sum);
}

/* Negations as seen count those that negate nothing any more: only the others must stay. */
static struct seen look_at_plain(struct fixture *f, unsigned len)
{
    const struct delta_source source = delta_store_source(f->store);
    struct seen seen = { 0, 0 };
    for (unsigned i = 0; i < len; i++) {
        char id[16];
        struct delta d;
        bool negated;
        uint64_t word;
        (void)snprintf(id, sizeof id, "d%u", i);
        if (source_get(&source, slice_text(id), &d) != PANDO_OK)
            continue;
        memcpy(&word, d.digest.bytes, sizeof word);
        CHECK_OK(negate_is(&source, slice_text(id), NEGATE_NOW, &negated));
        seen.sum += negated ? 0 : word;
        seen.len += !negated;
    }
    return seen;
}

static void negate(struct fixture *f, unsigned id, int64_t time, const char *target)
{
    struct made m;
    make_negation(&m, id, time, target);
    add(f, &m, id % 2 == 0);
    made_deinit(&m);
}

static size_t held(struct fixture *f)
{
    struct delta_store_stats stats;
    delta_store_stats(f->store, &stats);
    return (size_t)stats.deltas;
}

static struct delta_archive *find(struct fixture *f, int64_t before)
{
    struct delta_archive *a;
    enum pando_status st;
    CHECK_OK(delta_archive_new(f->store, before, &a));
    while ((st = delta_archive_find(a)) == PANDO_BUSY)
        ;
    CHECK_OK(st);
    return a;
}

static size_t commit(struct fixture *f, struct delta_archive *a)
{
    uint64_t position;
    size_t gone;
    enum pando_status st;
    while ((st = delta_archive_commit(a, &position, &gone)) == PANDO_BUSY)
        fixture_commit(f);
    CHECK_OK(st);
    fixture_commit(f);
    CHECK(gone == 0 || delta_store_durable_position(f->store) > position);
    return gone;
}

static struct delta_compact compact(struct fixture *f)
{
    struct delta_compact c = { .to = delta_store_durable_position(f->store) };
    enum pando_status st;
    while ((st = delta_compact_step(f->store, &c)) == PANDO_BUSY)
        fixture_commit(f);
    CHECK_OK(st);
    fixture_commit(f);
    return c;
}

static void the_negated_and_their_negations_go(void **state)
{
    (void)state;
    struct fixture f;
    struct made m;
    enum delta_outcome outcome;
    uint64_t ticket;
    fixture_init(&f);
    for (unsigned i = 0; i < 6; i++)
        add_plain(&f, i, 100 + i, i);
    negate(&f, 0, 200, "d0");
    negate(&f, 1, 201, "d1");
    negate(&f, 2, 300, "n1");  /* d1 is restored: n1 goes, and n2 with it */
    negate(&f, 3, 2000, "d2"); /* too late to count before 1000 */
    negate(&f, 4, 400, "d9");  /* its target may still come */
    struct delta_archive *a = find(&f, BEFORE);
    CHECK_EQ(delta_archive_count(a), 4); /* d0 n0 n1 n2 */
    CHECK_EQ(commit(&f, a), 4);
    delta_archive_free(a);
    CHECK_EQ(held(&f), 11 - 4);
    fixture_crash(&f);
    CHECK_EQ(held(&f), 11 - 4);
    const struct delta_source source = delta_store_source(f.store);
    struct delta d;
    CHECK_EQ(source_get(&source, slice_text("d0"), &d), PANDO_NOT_FOUND);
    CHECK_OK(source_get(&source, slice_text("d1"), &d));
    CHECK_OK(source_get(&source, slice_text("n4"), &d));
    /* a peer offers it again: it is known */
    make_plain(&m, 0, 100, 0);
    CHECK_OK(delta_store_stage(f.store, &m.delta, false, &outcome, &ticket));
    CHECK_EQ(outcome, DELTA_KNOWN);
    CHECK_EQ(ticket, 0);
    made_deinit(&m);
    make_plain(&m, 0, 101, 0); /* or another one in its name */
    CHECK_OK(delta_store_stage(f.store, &m.delta, false, &outcome, &ticket));
    CHECK(outcome == DELTA_SHADOWED);
    made_deinit(&m);
    fixture_deinit(&f);
}

static void what_is_restored_before_the_commit_stays(void **state)
{
    (void)state;
    struct fixture f;
    struct delta d;
    fixture_init(&f);
    add_plain(&f, 0, 100, 0);
    add_plain(&f, 1, 100, 0);
    negate(&f, 0, 200, "d0");
    negate(&f, 1, 200, "d1");
    struct delta_archive *a = find(&f, BEFORE);
    CHECK_EQ(delta_archive_count(a), 4);
    negate(&f, 2, 5000, "n0");
    CHECK_EQ(commit(&f, a), 2); /* d1 n1 */
    delta_archive_free(a);
    const struct delta_source source = delta_store_source(f.store);
    CHECK_OK(source_get(&source, slice_text("d0"), &d));
    CHECK_OK(source_get(&source, slice_text("n0"), &d));
    fixture_deinit(&f);
}

static void the_file_holds_every_one_of_them(void **state)
{
    (void)state;
    struct fixture f;
    struct pando_buf file;
    struct car_reader r;
    struct car_section section;
    struct cid root;
    static struct delta_room room;
    struct delta d;
    size_t blocks = 0;
    enum pando_status st;
    fixture_init(&f);
    for (unsigned i = 0; i < 40; i++) {
        char id[16];
        add_plain(&f, i, 100 + i, i);
        (void)snprintf(id, sizeof id, "d%u", i);
        if (i % 2 == 0)
            negate(&f, i, 200, id);
    }
    struct delta_archive *a = find(&f, BEFORE);
    buf_init(&file, 1u << 20);
    while ((st = delta_archive_next(a, &file)) == PANDO_OK)
        ;
    CHECK_EQ(st, PANDO_NOT_FOUND);
    CHECK_OK(car_open(buf_view(&file), crypto_sha256, &r));
    CHECK(car_next_root(&r, &root));
    while (car_next(&r, &section))
        if (blocks++ > 0) {
            CHECK_OK(delta_decode(section.data, &room, &d));
            CHECK(d.id.ptr[0] == 'n' || (d.id.ptr[0] == 'd' && d.timestamp % 2 == 0));
        }
    CHECK_OK(r.status);
    CHECK_EQ(blocks, 1 + 40);
    CHECK_EQ(commit(&f, a), 40);
    delta_archive_free(a);
    buf_deinit(&file);
    fixture_deinit(&f);
}

/* 60 deltas and chains of negations of them and of each other, in small records. */
static void fill(struct fixture *f, uint64_t seed)
{
    struct rng rng = rng_seeded(seed);
    for (unsigned i = 0; i < 60; i++) {
        add_plain(f, i, 1 + (int64_t)rng_below(&rng, 2 * BEFORE), i % 5);
        if (i % 4 == 3)
            CHECK_OK(delta_store_flush(f->store));
    }
    for (unsigned i = 0; i < 60; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, rng_chance(&rng, 1, 3) ? "n%u" : "d%u",
                       (unsigned)rng_below(&rng, 60));
        negate(f, i, 1 + (int64_t)rng_below(&rng, 2 * BEFORE), id);
        if (i % 4 == 3)
            CHECK_OK(delta_store_flush(f->store));
    }
    CHECK_OK(delta_store_flush(f->store));
    fixture_commit(f);
}

static void people_see_the_same_afterwards(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct fixture f;
        fixture_init(&f);
        fill(&f, seed);
        const struct seen want = look_at_plain(&f, 60);
        const size_t before = held(&f);
        struct delta_archive *a = find(&f, BEFORE);
        const size_t gone = commit(&f, a);
        CHECK_EQ(gone, delta_archive_count(a));
        delta_archive_free(a);
        CHECK_EQ(held(&f), before - gone);
        struct seen got = look_at_plain(&f, 60);
        CHECK(got.sum == want.sum && got.len == want.len);
        const struct pando_id hash = fixture_hash(&f);
        const struct delta_compact c = compact(&f);
        CHECK_EQ(c.moved, before - gone);
        CHECK_EQ(c.left, gone);
        struct pando_id now = fixture_hash(&f);
        CHECK(id_equal(&hash, &now));
        const uint64_t first = journal_first(f.journal);
        fixture_drop_before(&f, c.to);
        CHECK(journal_first(f.journal) > first);
        const struct seen all = look(&f);
        fixture_crash(&f);
        now = fixture_hash(&f);
        CHECK(id_equal(&hash, &now));
        same(&f, &all);
        /* nothing that was archived comes back with a peer */
        for (unsigned i = 0; i < 60; i++) {
            char id[16];
            const struct delta_source source = delta_store_source(f.store);
            struct delta d;
            struct made m;
            enum delta_outcome outcome;
            uint64_t ticket;
            (void)snprintf(id, sizeof id, "d%u", i);
            if (source_get(&source, slice_text(id), &d) == PANDO_OK)
                continue;
            make_plain(&m, i, 1, 1);
            CHECK_OK(delta_store_stage(f.store, &m.delta, false, &outcome, &ticket));
            CHECK(outcome != DELTA_NEW);
            made_deinit(&m);
        }
        fixture_deinit(&f);
    }
}

/* --- power cuts --- */

struct explorer {
    struct fixture *f;
    struct seen want;
    struct rng rng;
    unsigned states;
    size_t least; /* held at the end */
    size_t most;  /* held at the start */
};

static void cut(void *ctx)
{
    static const enum files_crash ways[] = { FILES_CRASH_NONE, FILES_CRASH_ALL,
                                             FILES_CRASH_SOME, FILES_CRASH_TORN };
    struct explorer *x = ctx;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct fixture copy;
        struct files_memory *disk = files_memory_fork(x->f->disk);
        CHECK(disk != NULL);
        CHECK_OK(files_memory_crash(disk, ways[i], &x->rng));
        CHECK_OK(fixture_open(&copy, disk));
        const struct seen got = look_at_plain(&copy, 60);
        CHECK_EQ(got.len, x->want.len);
        CHECK(got.sum == x->want.sum);
        CHECK(held(&copy) <= x->most);
        CHECK(held(&copy) >= x->least);
        fixture_deinit(&copy);
        x->states++;
    }
}

static void a_power_cut_anywhere_loses_and_restores_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = 100; seed < 103; seed++) {
        struct fixture f;
        fixture_init(&f);
        fill(&f, seed);
        struct explorer x = { .f = &f, .rng = rng_seeded(seed), .most = held(&f) };
        x.want = look_at_plain(&f, 60);
        struct delta_archive *a = find(&f, BEFORE);
        x.least = x.most - delta_archive_count(a);
        files_memory_hook(f.disk, &x, cut);
        (void)commit(&f, a);
        delta_archive_free(a);
        const struct delta_compact c = compact(&f);
        fixture_drop_before(&f, c.to);
        files_memory_hook(f.disk, NULL, NULL);
        CHECK(x.states > 40);
        const struct seen got = look_at_plain(&f, 60);
        CHECK(got.sum == x.want.sum && got.len == x.want.len);
        fixture_deinit(&f);
    }
}

/* Whoever reads by arrival meets what was written again once more, and nothing is missing. */
static void arrival_goes_on_after_records_were_dropped(void **state)
{
    (void)state;
    struct fixture f;
    struct delta d;
    uint64_t position = 0;
    size_t met = 0;
    enum pando_status st;
    fixture_init(&f);
    fill(&f, 7);
    for (unsigned i = 0; i < 30; i++)
        CHECK_OK(delta_store_arrived(f.store, &position, &d));
    struct delta_archive *a = find(&f, BEFORE);
    (void)commit(&f, a);
    delta_archive_free(a);
    const struct delta_compact c = compact(&f);
    fixture_drop_before(&f, c.to);
    while ((st = delta_store_arrived(f.store, &position, &d)) != PANDO_NOT_FOUND) {
        CHECK(st == PANDO_OK || st == PANDO_BUSY);
        met += st == PANDO_OK;
    }
    CHECK_EQ(met, held(&f));
    fixture_deinit(&f);
}

/* --- coming back --- */

/* The whole file of an archive. */
static void take_file(struct delta_archive *a, struct pando_buf *file)
{
    enum pando_status st;
    buf_init(file, 8u << 20);
    while ((st = delta_archive_next(a, file)) == PANDO_OK)
        ;
    CHECK_EQ(st, PANDO_NOT_FOUND);
}

/* Stage the delta of one block; whether it was archived. */
static bool give_back(struct fixture *f, const struct car_section *section)
{
    static struct delta_room room;
    struct delta d;
    enum delta_outcome outcome;
    uint64_t ticket;
    bool returned;
    CHECK_OK(delta_decode(section->data, &room, &d));
    const struct delta_brief brief = delta_brief_of(&d);
    CHECK_OK(delta_store_return(f->store, &brief, &returned));
    CHECK_OK(delta_store_stage(f->store, &d, false, &outcome, &ticket));
    CHECK(returned ? outcome == DELTA_NEW : outcome == DELTA_KNOWN);
    return returned;
}

static void settle(struct fixture *f)
{
    CHECK_OK(delta_store_flush(f->store));
    fixture_commit(f);
}

/* Read a file in again; with `rng` the power fails now and then, and it is read from the front. */
static size_t read_in(struct fixture *f, const struct pando_buf *file, struct rng *rng,
                      const struct seen *want)
{
    struct car_reader r;
    struct car_section section;
    size_t returned = 0, blocks = 0;
    CHECK_OK(car_open(buf_view(file), crypto_sha256, &r));
    while (car_next(&r, &section)) {
        if (blocks++ == 0)
            continue; /* the root */
        returned += give_back(f, &section);
        const struct seen got = look_at_plain(f, 60);
        CHECK_EQ(got.len, want->len); /* nothing that was negated is seen on the way */
        CHECK(got.sum == want->sum);
        if (rng != NULL && rng_chance(rng, 1, 4))
            settle(f);
        if (rng != NULL && rng_chance(rng, 1, 16)) {
            fixture_crash(f);
            CHECK_OK(car_open(buf_view(file), crypto_sha256, &r));
            blocks = 0;
        }
    }
    CHECK_OK(r.status);
    settle(f);
    return returned;
}

static void drop_old(struct fixture *f)
{
    const struct delta_compact c = compact(f);
    fixture_drop_before(f, c.to);
    fixture_crash(f);
}

static void what_is_read_in_again_is_held_as_before(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct fixture f;
        struct pando_buf file;
        struct rng rng = rng_seeded(seed);
        fixture_init(&f);
        fill(&f, seed);
        const struct seen want = look_at_plain(&f, 60);
        const size_t before = held(&f);
        const struct pando_id hash = fixture_hash(&f);
        struct delta_archive *a = find(&f, BEFORE);
        take_file(a, &file);
        const size_t gone = commit(&f, a);
        delta_archive_free(a);
        if (seed % 2 == 0)
            drop_old(&f);
        const size_t returned = read_in(&f, &file, seed % 4 < 2 ? NULL : &rng, &want);
        CHECK(seed % 4 >= 2 || returned == gone);
        for (int i = 0; i < 3; i++) { /* also when all was folded anew, and old records went */
            const struct pando_id now = fixture_hash(&f);
            CHECK(memcmp(&hash, &now, sizeof hash) == 0);
            CHECK_EQ(held(&f), before);
            CHECK_EQ(read_in(&f, &file, NULL, &want), 0);
            drop_old(&f);
        }
        struct delta_store_stats stats;
        delta_store_stats(f.store, &stats);
        CHECK_EQ(stats.archived, 0);
        a = find(&f, BEFORE);
        CHECK_EQ(delta_archive_count(a), gone); /* and can go once more */
        CHECK_EQ(commit(&f, a), gone);
        delta_archive_free(a);
        CHECK_EQ(held(&f), before - gone);
        buf_deinit(&file);
        fixture_deinit(&f);
    }
}

/* Another delta with an archived id is no reason to forget that the id is done with. */
static void an_archived_id_comes_back_with_its_own_bytes_only(void **state)
{
    (void)state;
    struct fixture f;
    struct made other;
    bool returned = true;
    fixture_init(&f);
    add_plain(&f, 0, 100, 0);
    negate(&f, 0, 200, "d0");
    struct delta_archive *a = find(&f, BEFORE);
    CHECK_EQ(commit(&f, a), 2);
    delta_archive_free(a);
    make_plain(&other, 0, 101, 0);
    const struct delta_brief brief = delta_brief_of(&other.delta);
    CHECK_OK(delta_store_return(f.store, &brief, &returned));
    CHECK(!returned);
    made_deinit(&other);
    CHECK_EQ(held(&f), 0);
    fixture_deinit(&f);
}

/* One id was archived twice, with other bytes: what counted last is what is archived. */
static void of_an_id_that_was_archived_twice_the_last_is_written_again(void **state)
{
    (void)state;
    struct fixture f;
    struct made m[2];
    bool returned;
    fixture_init(&f);
    make_plain(&m[0], 0, 100, 0);
    make_plain(&m[1], 0, 101, 0);
    const size_t less = memcmp(&m[0].delta.digest, &m[1].delta.digest, sizeof(struct delta_hash)) > 0;
    const struct delta_brief first = delta_brief_of(&m[!less].delta);
    const struct delta_brief last = delta_brief_of(&m[less].delta);
    (void)add(&f, &m[!less], false);
    negate(&f, 0, 200, "d0");
    struct delta_archive *a = find(&f, BEFORE);
    CHECK_EQ(commit(&f, a), 2);
    delta_archive_free(a);
    CHECK_OK(delta_store_return(f.store, &first, &returned));
    CHECK(returned);
    (void)add(&f, &m[!less], false);
    settle(&f);
    (void)add(&f, &m[less], false); /* it counts from now on */
    negate(&f, 1, 300, "d0");
    a = find(&f, BEFORE);
    CHECK_EQ(commit(&f, a), 2);
    delta_archive_free(a);
    for (unsigned i = 1; i < 400; i++) /* so that the segment of all this is an old one */
        add_plain(&f, i, 2000 + i, i);
    settle(&f);
    const uint64_t begin = journal_first(f.journal);
    drop_old(&f);
    CHECK(journal_first(f.journal) > begin);
    CHECK_OK(delta_store_return(f.store, &last, &returned));
    CHECK(returned);
    made_deinit(&m[0]);
    made_deinit(&m[1]);
    fixture_deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_negated_and_their_negations_go),
        TEST(what_is_restored_before_the_commit_stays),
        TEST(the_file_holds_every_one_of_them),
        TEST(people_see_the_same_afterwards),
        TEST(a_power_cut_anywhere_loses_and_restores_nothing),
        TEST(arrival_goes_on_after_records_were_dropped),
        TEST(what_is_read_in_again_is_held_as_before),
        TEST(an_archived_id_comes_back_with_its_own_bytes_only),
        TEST(of_an_id_that_was_archived_twice_the_last_is_written_again),
    };
    return CHECK_RUN(tests);
}
