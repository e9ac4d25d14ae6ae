/* delta_store_test.c - staging, durability, conflicts, and what is read back. */
#include "space/delta/store.h"

#include "base/rng.h"
#include "base/slice.h"
#include "check.h"
#include "space/delta/group.h"
#include "space/delta/rows.h"
#include "space/delta/store_fixture.h"

#include <stdlib.h>

static size_t count_of(struct fixture *f)
{
    struct delta_store_stats stats;
    delta_store_stats(f->store, &stats);
    return (size_t)stats.deltas;
}

static void a_ticket_is_durable_when_its_record_is(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    const uint64_t first = add_plain(&f, 1, 100, 1);
    const uint64_t second = add_plain(&f, 2, 101, 1);
    CHECK_EQ(second, first + 1);
    CHECK_OK(delta_store_flush(f.store));
    CHECK_EQ(f.appends, 1); /* both in one record */
    CHECK(delta_store_durable(f.store) < first);
    fixture_commit(&f);
    CHECK_EQ(delta_store_durable(f.store), second);
    fixture_crash(&f);
    CHECK_EQ(count_of(&f), 2);
    fixture_deinit(&f);
}

static void what_was_not_committed_is_gone_after_a_crash(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    add_plain(&f, 1, 100, 1);
    CHECK_OK(delta_store_flush(f.store));
    fixture_commit(&f);
    add_plain(&f, 2, 100, 1);
    CHECK_OK(delta_store_flush(f.store));
    fixture_crash(&f);
    CHECK_EQ(count_of(&f), 1);
    fixture_deinit(&f);
}

/* Staged, appended, durable: the second time it is known, with the ticket it waits for. */
static void the_same_delta_is_known_wherever_it_is(void **state)
{
    (void)state;
    struct fixture f;
    struct made m;
    enum delta_outcome outcome;
    uint64_t ticket;
    fixture_init(&f);
    make_plain(&m, 1, 100, 1);
    const uint64_t first = add(&f, &m, false);
    CHECK_OK(delta_store_stage(f.store, &m.delta, false, &outcome, &ticket));
    CHECK_EQ(outcome, DELTA_KNOWN);
    CHECK_EQ(ticket, first);
    CHECK_OK(delta_store_flush(f.store));
    CHECK_OK(delta_store_stage(f.store, &m.delta, true, &outcome, &ticket));
    CHECK_EQ(outcome, DELTA_KNOWN);
    CHECK_EQ(ticket, first);
    fixture_commit(&f);
    CHECK_OK(delta_store_stage(f.store, &m.delta, false, &outcome, &ticket));
    CHECK_EQ(outcome, DELTA_KNOWN);
    CHECK_EQ(ticket, 0);
    CHECK_EQ(f.appends, 1);
    made_deinit(&m);
    fixture_deinit(&f);
}

static void a_full_journal_refuses_and_nothing_is_lost(void **state)
{
    (void)state;
    struct fixture f;
    enum delta_outcome outcome;
    struct made m;
    uint64_t ticket = 0, last = 0;
    unsigned taken = 0;
    enum pando_status st = PANDO_OK;
    fixture_init(&f);
    f.busy = true;
    while (st == PANDO_OK && taken < 1000) {
        make_plain(&m, taken, 1 + (int64_t)taken, 1);
        st = delta_store_stage(f.store, &m.delta, false, &outcome, &ticket);
        made_deinit(&m);
        if (st == PANDO_OK) {
            last = ticket;
            taken++;
        }
    }
    CHECK_EQ(st, PANDO_BUSY);
    CHECK(taken > 0 && taken <= DELTA_GROUP_MAX);
    CHECK_EQ(delta_store_flush(f.store), PANDO_BUSY);
    CHECK_EQ(count_of(&f), taken);
    f.busy = false;
    CHECK_OK(delta_store_flush(f.store));
    fixture_commit(&f);
    CHECK_EQ(delta_store_durable(f.store), last);
    fixture_crash(&f);
    CHECK_EQ(count_of(&f), taken);
    fixture_deinit(&f);
}

/* Two deltas with one id, in either order, staged together or apart, read back or folded
 * anew: the lesser digest is the one that is seen. */
static void of_one_id_the_lesser_digest_counts(void **state)
{
    (void)state;
    struct pando_id want = { { 0 } };
    for (unsigned order = 0; order < 2; order++) {
        for (unsigned apart = 0; apart < 2; apart++) {
            struct fixture f;
            struct made m[2];
            struct delta d;
            enum delta_outcome outcome[2];
            uint64_t ticket;
            fixture_init(&f);
            make_plain(&m[0], 7, 100, 1);
            make_plain(&m[1], 7, 200, 2);
            const bool first_less = memcmp(m[0].delta.digest.bytes, m[1].delta.digest.bytes,
                                           sizeof m[0].delta.digest.bytes) < 0;
            const struct delta *less = &m[first_less ? 0 : 1].delta;
            for (unsigned i = 0; i < 2; i++) {
                const struct delta *put = &m[i ^ order].delta;
                CHECK_OK(delta_store_stage(f.store, put, false, &outcome[i], &ticket));
                if (apart)
                    CHECK_OK(delta_store_flush(f.store));
            }
            CHECK_EQ(outcome[0], DELTA_NEW);
            CHECK_EQ(outcome[1], less == &m[1 ^ order].delta ? DELTA_NEW : DELTA_SHADOWED);
            for (unsigned again = 0; again < 2; again++) {
                const struct delta_source source = delta_store_source(f.store);
                struct filter all;
                struct delta_place place = { .set = false };
                filter_init(&all);
                CHECK_OK(source_get(&source, slice_text("d7"), &d));
                CHECK(hash_equal(&d.digest, &less->digest));
                CHECK_OK(source_next(&source, &all, false, &place, &d));
                CHECK(hash_equal(&d.digest, &less->digest));
                CHECK_EQ(source_next(&source, &all, false, &place, &d), PANDO_NOT_FOUND);
                /* by the objects of both: only one is about the right one */
                for (unsigned object = 1; object <= 2; object++) {
                    struct pando_slice id = slice_text(object == 1 ? "o1" : "o2");
                    all.target_ids = (struct filter_list){ &id, 1 };
                    place.set = false;
                    const enum pando_status st =
                        source_next(&source, &all, false, &place, &d);
                    CHECK_EQ(st == PANDO_OK, (object == 1) == first_less);
                }
                CHECK_EQ(count_of(&f), 1);
                const struct pando_id hash = fixture_hash(&f);
                if (order == 0 && apart == 0 && again == 0)
                    want = hash;
                CHECK(id_equal(&hash, &want));
                CHECK_OK(delta_store_flush(f.store));
                fixture_commit(&f);
                fixture_crash(&f);
            }
            made_deinit(&m[0]);
            made_deinit(&m[1]);
            fixture_deinit(&f);
        }
    }
}

static void own_groups_are_signed_and_foreign_ones_are_not(void **state)
{
    (void)state;
    struct fixture f;
    struct made m[2];
    struct pando_key key;
    struct group g;
    size_t index;
    uint64_t place;
    bool is_signed;
    uint8_t message[GROUP_MESSAGE];
    fixture_init(&f);
    make_plain(&m[0], 1, 100, 1);
    make_plain(&m[1], 2, 100, 1);
    add(&f, &m[0], true);
    add(&f, &m[1], false);
    CHECK_OK(delta_store_flush(f.store));
    CHECK_EQ(f.appends, 2);
    CHECK_OK(delta_store_signer(f.store, &m[0].delta.name, &is_signed, &key));
    CHECK(is_signed && key_equal(&key, &f.host.key));
    CHECK_OK(delta_store_signer(f.store, &m[1].delta.name, &is_signed, &key));
    CHECK(!is_signed);
    CHECK_OK(delta_store_place(f.store, &m[0].delta.name, &place));
    CHECK_OK(delta_store_group(f.store, place, &g, &index));
    CHECK_EQ(index, 0);
    const struct space_verify_item item = group_verify_item(&g, &f.host.space, message);
    CHECK(crypto_verify(&item.key, item.signed_bytes, &item.sig));
    made_deinit(&m[0]);
    made_deinit(&m[1]);
    fixture_deinit(&f);
}

/* A peer's signed group of which one delta is here and one is not in the copy. */
static void a_part_of_a_signed_group_keeps_its_signature(void **state)
{
    (void)state;
    struct fixture f;
    struct made m[3];
    struct crypto_secret maker;
    const uint8_t seed[32] = { 77 };
    struct group g = { .len = 3 }, stored;
    enum delta_outcome outcomes[3];
    uint8_t message[GROUP_MESSAGE];
    uint64_t ticket, place;
    size_t index;
    bool is_signed;
    struct pando_key key;
    fixture_init(&f);
    crypto_secret_from_seed(seed, &maker);
    for (unsigned i = 0; i < 3; i++) {
        make_plain(&m[i], i, 100 + i, i);
        g.bodies[i] = m[i].delta.bytes;
        g.held[i] = true;
    }
    group_sign(&g, &f.host.space, &maker);
    group_part(&g, (bool[DELTA_GROUP_MAX]){ true, true }, NULL);
    add(&f, &m[0], false);
    ticket = take(&f, &g, outcomes);
    CHECK_EQ(outcomes[0], DELTA_KNOWN);
    CHECK_EQ(outcomes[1], DELTA_NEW);
    CHECK_EQ(outcomes[2], DELTA_KNOWN);
    fixture_commit(&f);
    CHECK_EQ(delta_store_durable(f.store), ticket);
    fixture_crash(&f);
    CHECK_EQ(count_of(&f), 2);
    CHECK_OK(delta_store_signer(f.store, &m[1].delta.name, &is_signed, &key));
    const struct pando_key want = crypto_public(&maker);
    CHECK(is_signed && key_equal(&key, &want));
    CHECK_OK(delta_store_place(f.store, &m[1].delta.name, &place));
    CHECK_OK(delta_store_group(f.store, place, &stored, &index));
    CHECK_EQ(index, 1);
    CHECK(stored.held[1] && !stored.held[0] && !stored.held[2]);
    const struct space_verify_item item = group_verify_item(&stored, &f.host.space, message);
    CHECK(crypto_verify(&item.key, item.signed_bytes, &item.sig));
    for (unsigned i = 0; i < 3; i++)
        made_deinit(&m[i]);
    fixture_deinit(&f);
}

/* A peer's unsigned group of which one delta is here already: the others are taken. */
static void of_a_plain_group_what_is_new_is_taken(void **state)
{
    (void)state;
    struct fixture f;
    struct made m[3];
    struct group g = { .len = 3 };
    enum delta_outcome outcomes[3];
    fixture_init(&f);
    for (unsigned i = 0; i < 3; i++) {
        make_plain(&m[i], i, 100 + i, i);
        g.bodies[i] = m[i].delta.bytes;
        g.held[i] = true;
    }
    add(&f, &m[1], false);
    (void)take(&f, &g, outcomes);
    CHECK_EQ(outcomes[0], DELTA_NEW);
    CHECK_EQ(outcomes[1], DELTA_KNOWN);
    CHECK_EQ(outcomes[2], DELTA_NEW);
    fixture_commit(&f);
    fixture_crash(&f);
    CHECK_EQ(count_of(&f), 3);
    for (unsigned i = 0; i < 3; i++)
        made_deinit(&m[i]);
    fixture_deinit(&f);
}

static void arrival_is_told_of_what_is_durable_only_and_once(void **state)
{
    (void)state;
    struct fixture f;
    struct delta d;
    uint64_t position = 0, seen = 0;
    fixture_init(&f);
    for (unsigned round = 0; round < 40; round++) {
        for (unsigned i = 0; i < 30; i++)
            add_plain(&f, round * 30 + i, 5000 - (int64_t)(round * 30 + i), i);
        CHECK_OK(delta_store_flush(f.store));
        CHECK_EQ(delta_store_arrived(f.store, &position, &d), PANDO_NOT_FOUND);
        fixture_commit(&f);
        for (unsigned i = 0; i < 30; i++, seen++) {
            char id[16];
            CHECK_OK(delta_store_arrived(f.store, &position, &d));
            (void)snprintf(id, sizeof id, "d%u", (unsigned)seen);
            CHECK(slice_equal(d.id, slice_text(id)));
        }
        CHECK_EQ(delta_store_arrived(f.store, &position, &d), PANDO_NOT_FOUND);
    }
    /* whoever begins at the end hears of nothing old */
    uint64_t end = delta_store_arrived_end(f.store);
    CHECK_EQ(delta_store_arrived(f.store, &end, &d), PANDO_NOT_FOUND);
    add_plain(&f, 5000, 9000, 1);
    CHECK_OK(delta_store_flush(f.store));
    fixture_commit(&f);
    CHECK_OK(delta_store_arrived(f.store, &end, &d));
    CHECK(slice_equal(d.id, slice_text("d5000")));
    fixture_deinit(&f);
}

/* Who asks for it is told of what is appended only, too; who stops within a record goes on there. */
static void arrival_can_be_told_before_it_is_durable(void **state)
{
    (void)state;
    struct fixture f;
    struct delta d;
    fixture_init(&f);
    uint64_t early = delta_store_arrived_end(f.store), late = early;
    for (unsigned round = 0; round < 40; round++) {
        const uint64_t begin = delta_store_appended_end(f.store);
        CHECK_EQ(begin, delta_store_arrived_end(f.store));
        for (unsigned i = 0; i < 3; i++)
            add_plain(&f, round * 3 + i, 100, i);
        CHECK_OK(delta_store_flush(f.store));
        const uint64_t end = delta_store_appended_end(f.store);
        CHECK_EQ(delta_store_arrived_until(f.store, begin, &early, &d), PANDO_NOT_FOUND);
        for (unsigned i = 0; i < 3; i++) {
            char id[16];
            (void)snprintf(id, sizeof id, "d%u", round * 3 + i);
            CHECK_OK(delta_store_arrived_until(f.store, end, &early, &d));
            CHECK(slice_equal(d.id, slice_text(id)));
            if (i == 2)
                continue;
            CHECK_EQ(delta_store_arrived_until(f.store, early, &early, &d), PANDO_NOT_FOUND);
        }
        CHECK_EQ(delta_store_arrived_until(f.store, end, &early, &d), PANDO_NOT_FOUND);
        CHECK_EQ(delta_store_arrived(f.store, &late, &d), PANDO_NOT_FOUND);
        fixture_commit(&f);
        for (unsigned i = 0; i < 3; i++)
            CHECK_OK(delta_store_arrived(f.store, &late, &d));
        CHECK_EQ(delta_store_arrived(f.store, &late, &d), PANDO_NOT_FOUND);
    }
    fixture_deinit(&f);
}

/* The numbers below `len` in some order. */
static void shuffle(struct rng *rng, unsigned *order, unsigned len)
{
    for (unsigned i = 0; i < len; i++)
        order[i] = i;
    for (unsigned i = len; i-- > 1;) {
        const unsigned k = (unsigned)rng_below(rng, i + 1), was = order[i];
        order[i] = order[k];
        order[k] = was;
    }
}

/* The same deltas in 24 orders, with doubles, staged in groups of any size. */
static void equal_sets_have_equal_hashes(void **state)
{
    (void)state;
    enum { DELTAS = 300 };
    static struct made m[DELTAS];
    struct pando_id want = { { 0 } };
    for (unsigned i = 0; i < DELTAS; i++) /* every tenth id comes twice */
        make_plain(&m[i], i % 10 == 9 ? i - 1 : i, 1 + i % 50, i % 7);
    for (uint64_t seed = 0; seed < 24; seed++) {
        struct rng rng = rng_seeded(seed);
        struct fixture f;
        enum delta_outcome outcome;
        uint64_t ticket;
        unsigned order[DELTAS];
        fixture_init(&f);
        shuffle(&rng, order, DELTAS);
        for (unsigned i = 0; i < DELTAS * 2; i++) {
            const unsigned at = i < DELTAS ? order[i] : (unsigned)rng_below(&rng, DELTAS);
            CHECK_OK(delta_store_stage(f.store, &m[at].delta, rng_chance(&rng, 1, 2),
                                       &outcome, &ticket));
            if (rng_chance(&rng, 1, 20))
                CHECK_OK(delta_store_flush(f.store));
        }
        const struct pando_id hash = fixture_hash(&f);
        if (seed == 0)
            want = hash;
        CHECK(id_equal(&hash, &want));
        fixture_commit(&f);
        fixture_crash(&f);
        const struct pando_id again = fixture_hash(&f);
        CHECK(id_equal(&again, &want));
        fixture_deinit(&f);
    }
    for (unsigned i = 0; i < DELTAS; i++)
        made_deinit(&m[i]);
}

static size_t found_by_objects(struct fixture *f, unsigned objects)
{
    const struct delta_source source = delta_store_source(f->store);
    size_t found = 0;
    for (unsigned i = 0; i < objects; i++) {
        char text[16];
        struct filter filter;
        struct delta_place place = { .set = false };
        struct delta d;
        (void)snprintf(text, sizeof text, "o%u", i);
        struct pando_slice id = slice_text(text);
        filter_init(&filter);
        filter.target_ids = (struct filter_list){ &id, 1 };
        while (source_next(&source, &filter, false, &place, &d) == PANDO_OK)
            found++;
    }
    return found;
}

/* Groups that contradict each other and names that are archived, appended in 24 orders as no
 * store would: what they amount to is the same. */
static void the_order_of_records_does_not_matter(void **state)
{
    (void)state;
    enum { GROUPS = 8, EACH = 10 };
    static struct made m[GROUPS][EACH];
    struct pando_buf records[GROUPS + 1];
    struct pando_id want = { { 0 } };
    for (unsigned g = 0; g < GROUPS; g++) {
        struct group group = { .len = EACH };
        for (unsigned i = 0; i < EACH; i++) { /* 40 ids, each in two groups */
            make_plain(&m[g][i], (g * EACH + i) % 40, 1 + g * 7 + i, g);
            group.bodies[i] = m[g][i].delta.bytes;
            group.held[i] = true;
        }
        buf_init(&records[g], GROUP_BYTES_MAX);
        CHECK_OK(group_encode(&group, &records[g]));
    }
    buf_init(&records[GROUPS], 4096);
    CHECK_OK(rows_gone_begin(&records[GROUPS]));
    for (unsigned i = 0; i < 3; i++) {
        const struct delta *d = &m[2][i].delta;
        struct post_list lists[ROWS_LISTS_MAX];
        const struct rows_gone gone = { d->name, d->timestamp, d->digest,
                                        rows_lists_of(d, lists), lists };
        CHECK_OK(rows_gone_put(&records[GROUPS], &gone));
    }
    for (uint64_t seed = 0; seed < 24; seed++) {
        struct rng rng = rng_seeded(seed);
        struct fixture f;
        struct delta_store_stats stats;
        unsigned order[GROUPS + 1];
        uint64_t position;
        shuffle(&rng, order, GROUPS + 1);
        fixture_init(&f);
        for (unsigned i = 0; i <= GROUPS; i++)
            CHECK_OK(f.host.append(f.host.ctx,
                                   order[i] == GROUPS ? DELTA_RECORD_ARCHIVED
                                                      : DELTA_RECORD_PLAIN,
                                   buf_view(&records[order[i]]), NULL, &position));
        fixture_commit(&f);
        fixture_crash(&f);
        const struct pando_id hash = fixture_hash(&f);
        if (seed == 0)
            want = hash;
        CHECK(id_equal(&hash, &want));
        delta_store_stats(f.store, &stats);
        CHECK_EQ(stats.deltas, 37);
        CHECK_EQ(stats.archived, 3);
        CHECK_EQ(found_by_objects(&f, GROUPS), 37);
        fixture_deinit(&f);
    }
    for (unsigned g = 0; g < GROUPS; g++)
        for (unsigned i = 0; i < EACH; i++)
            made_deinit(&m[g][i]);
    for (unsigned i = 0; i <= GROUPS; i++)
        buf_deinit(&records[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_ticket_is_durable_when_its_record_is),
        TEST(what_was_not_committed_is_gone_after_a_crash),
        TEST(the_same_delta_is_known_wherever_it_is),
        TEST(a_full_journal_refuses_and_nothing_is_lost),
        TEST(of_one_id_the_lesser_digest_counts),
        TEST(own_groups_are_signed_and_foreign_ones_are_not),
        TEST(a_part_of_a_signed_group_keeps_its_signature),
        TEST(of_a_plain_group_what_is_new_is_taken),
        TEST(arrival_is_told_of_what_is_durable_only_and_once),
        TEST(arrival_can_be_told_before_it_is_durable),
        TEST(the_order_of_records_does_not_matter),
        TEST(equal_sets_have_equal_hashes),
    };
    return CHECK_RUN(tests);
}
