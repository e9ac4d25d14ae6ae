/* group_test.c - one group, one encoding; what is not a group is refused. */
#include "space/delta/group.h"

#include "base/rng.h"
#include "base/slice.h"
#include "check.h"
#include "space/delta/rows.h"

static const uint8_t BODY[] = "a body of some length", OTHER[] = "another";
static const struct pando_id SPACE = { { 1 } }, ELSEWHERE = { { 2 } };

static struct group two(bool is_signed)
{
    struct group g = { .is_signed = is_signed, .len = 2 };
    g.bodies[0] = slice_of(BODY, sizeof BODY);
    g.bodies[1] = slice_of(OTHER, sizeof OTHER);
    g.held[0] = g.held[1] = true;
    return g;
}

/* A group of short bodies, all different, signed. */
static struct group many(size_t len)
{
    static uint8_t bodies[DELTA_GROUP_MAX][3];
    const uint8_t seed[32] = { 1 };
    struct crypto_secret secret;
    struct group g = { .len = len };
    CHECK_OK(crypto_init());
    crypto_secret_from_seed(seed, &secret);
    for (size_t i = 0; i < len; i++) {
        bodies[i][0] = 0xa6;
        bodies[i][1] = (uint8_t)i;
        g.bodies[i] = slice_of(bodies[i], 2 + i % 2);
        g.held[i] = true;
    }
    group_sign(&g, &SPACE, &secret);
    return g;
}

static bool is_valid_in(const struct group *g, const struct pando_id *space)
{
    uint8_t message[GROUP_MESSAGE];
    const struct space_verify_item item = group_verify_item(g, space, message);
    return crypto_verify(&item.key, item.signed_bytes, &item.sig);
}

static bool is_valid(const struct group *g)
{
    return is_valid_in(g, &SPACE);
}

static void what_was_encoded_is_decoded(void **state)
{
    (void)state;
    for (unsigned is_signed = 0; is_signed < 2; is_signed++) {
        struct group g = two(is_signed), back;
        struct pando_buf b;
        struct pando_slice one;
        buf_init(&b, GROUP_BYTES_MAX);
        memset(g.key.bytes, 7, sizeof g.key.bytes);
        memset(g.sig.bytes, 8, sizeof g.sig.bytes);
        CHECK_OK(group_encode(&g, &b));
        CHECK_OK(group_decode(buf_view(&b), is_signed, &back));
        CHECK_EQ(back.len, 2);
        CHECK(slice_equal(back.bodies[0], g.bodies[0]));
        CHECK(slice_equal(back.bodies[1], g.bodies[1]));
        CHECK(!is_signed || key_equal(&back.key, &g.key));
        CHECK_OK(group_member(buf_view(&b), is_signed, 1, &one));
        CHECK(slice_equal(one, g.bodies[1]));
        CHECK_EQ(group_member(buf_view(&b), is_signed, 2, &one), PANDO_NOT_FOUND);
        for (size_t cut = 0; cut < b.len; cut++) /* nothing shorter is a group */
            CHECK_EQ(group_decode(slice_of(b.ptr, cut), is_signed, &back), PANDO_MALFORMED);
        CHECK_OK(buf_append(&b, slice_of(BODY, 1)));
        CHECK_EQ(group_decode(buf_view(&b), is_signed, &back), PANDO_MALFORMED);
        b.ptr[0] = 1;
        CHECK_EQ(group_decode(buf_view(&b), is_signed, &back), PANDO_UNSUPPORTED);
        buf_deinit(&b);
    }
}

static void the_key_of_a_bare_group_stands_elsewhere(void **state)
{
    (void)state;
    const struct pando_key key = { { 9 } };
    struct group g = many(5), back;
    struct pando_buf whole, bare;
    buf_init(&whole, GROUP_BYTES_MAX);
    buf_init(&bare, GROUP_BYTES_MAX);
    CHECK_OK(group_encode(&g, &whole));
    CHECK_OK(group_encode_bare(&g, &bare));
    CHECK_EQ(bare.len + 32, whole.len);
    CHECK_OK(group_decode_bare(buf_view(&bare), &g.key, &back));
    CHECK(is_valid(&back));
    CHECK_OK(group_decode_bare(buf_view(&bare), &key, &back));
    CHECK(!is_valid(&back));
    g.is_signed = false;
    buf_reset(&whole);
    buf_reset(&bare);
    CHECK_OK(group_encode(&g, &whole));
    CHECK_OK(group_encode_bare(&g, &bare));
    CHECK(slice_equal(buf_view(&bare), buf_view(&whole)));
    CHECK_OK(group_decode_bare(buf_view(&bare), NULL, &back));
    buf_deinit(&whole);
    buf_deinit(&bare);
}

static void only_signed_groups_are_kept_in_part_and_something_of_them(void **state)
{
    (void)state;
    struct group g = two(false);
    struct pando_buf b;
    buf_init(&b, GROUP_BYTES_MAX);
    g.held[1] = false;
    CHECK_EQ(group_encode(&g, &b), PANDO_INVALID);
    g = two(false);
    group_part(&g, (bool[DELTA_GROUP_MAX]){ false, true }, NULL);
    CHECK_EQ(g.len, 1); /* a plain one closes up */
    CHECK_OK(group_encode(&g, &b));
    g = many(2);
    group_part(&g, (bool[DELTA_GROUP_MAX]){ true, false }, NULL);
    buf_reset(&b);
    CHECK_OK(group_encode(&g, &b));
    CHECK_OK(group_decode(buf_view(&b), true, &g));
    CHECK(g.held[0] && !g.held[1]);
    CHECK_EQ(g.hashes_len, 1);
    g.hashes_len = 0;
    CHECK_EQ(group_encode(&g, &b), PANDO_INVALID);
    g = many(2);
    group_part(&g, (bool[DELTA_GROUP_MAX]){ false }, NULL);
    CHECK_EQ(group_encode(&g, &b), PANDO_INVALID);
    buf_deinit(&b);
}

/* The signature holds for every copy that leaves some deltas out, and for no other space. */
static void a_signature_covers_every_part(void **state)
{
    (void)state;
    struct group g = many(2);
    CHECK(is_valid(&g));
    CHECK(!is_valid_in(&g, &ELSEWHERE));
    group_part(&g, (bool[DELTA_GROUP_MAX]){ false, true }, NULL);
    CHECK(is_valid(&g));
    g.bodies[1] = slice_of(BODY, 3);
    CHECK(!is_valid(&g));
}

/* The tree as RFC 9162 defines it, by ranges of digests, with nothing left out. */
static struct delta_hash model(const struct delta_hash *digests, size_t len)
{
    uint8_t node[33] = { 1 };
    size_t k = 1;
    if (len == 1)
        return digests[0];
    while (k * 2 < len)
        k *= 2;
    const struct delta_hash left = model(digests, k), right = model(digests + k, len - k);
    memcpy(node + 1, left.bytes, 16);
    memcpy(node + 17, right.bytes, 16);
    return group_hash(SLICE_OF(node));
}

static void the_tree_is_that_of_the_standard_for_any_number(void **state)
{
    (void)state;
    for (size_t len = 1; len <= DELTA_GROUP_MAX; len++) {
        struct delta_hash digests[DELTA_GROUP_MAX];
        const struct group g = many(len);
        for (size_t i = 0; i < len; i++)
            digests[i] = group_hash(g.bodies[i]);
        const struct delta_hash want = model(digests, len), got = group_root(&g);
        CHECK(hash_equal(&got, &want));
    }
}

/* Keep some, and say again and again which of those: every part of a part reads back as it is, is
 * what one gets at once from the whole group, and carries its signature. */
static void a_part_of_a_part_is_a_part_of_the_whole(void **state)
{
    (void)state;
    struct rng rng = rng_seeded(5);
    struct pando_buf b, again;
    buf_init(&b, GROUP_BYTES_MAX);
    buf_init(&again, GROUP_BYTES_MAX);
    for (int round = 0; round < 80; round++) {
        const size_t len = 2 + (size_t)rng_below(&rng, DELTA_GROUP_MAX - 1);
        const struct group whole = many(len);
        struct group part = whole, once, back;
        bool keep[DELTA_GROUP_MAX];
        memset(keep, true, sizeof keep);
        for (int step = 0; step < 3; step++) {
            const size_t stays = (size_t)rng_below(&rng, len);
            const uint64_t odds = 2 + rng_below(&rng, 9);
            for (size_t i = 0; i < len; i++)
                keep[i] = keep[i] && (i == stays || rng_below(&rng, odds) == 0);
            if (!keep[stays] && group_held(&part) > 0 && !part.held[stays])
                break; /* it left before */
            group_part(&part, keep, NULL);
            once = whole;
            group_part(&once, keep, NULL);
            buf_reset(&b);
            buf_reset(&again);
            CHECK_OK(group_encode(&part, &b));
            CHECK_OK(group_encode(&once, &again));
            CHECK(slice_equal(buf_view(&b), buf_view(&again)));
            CHECK_OK(group_decode(buf_view(&b), true, &back));
            CHECK(memcmp(back.held, part.held, len) == 0 && is_valid(&back));
            for (size_t i = 0; i < len; i++) {
                struct pando_slice one;
                const enum pando_status st = group_member(buf_view(&b), true, i, &one);
                CHECK_EQ(st, keep[i] ? PANDO_OK : PANDO_NOT_FOUND);
                CHECK(!keep[i] || slice_equal(one, whole.bodies[i]));
            }
        }
    }
    buf_deinit(&b);
    buf_deinit(&again);
}

static void digests_that_are_known_save_hashing_and_change_nothing(void **state)
{
    (void)state;
    static struct delta deltas[DELTA_GROUP_MAX];
    bool keep[DELTA_GROUP_MAX] = { [3] = true, [70] = true };
    struct group a = many(100), b = a;
    for (size_t i = 0; i < a.len; i++)
        deltas[i].digest = group_hash(a.bodies[i]);
    group_part(&a, keep, NULL);
    group_part(&b, keep, deltas);
    CHECK_EQ(a.hashes_len, b.hashes_len);
    CHECK(memcmp(a.hashes, b.hashes, a.hashes_len * sizeof a.hashes[0]) == 0);
}

/* One of many costs a hash for each level of the tree, and no choice more than the cap. */
static void a_part_has_few_hashes(void **state)
{
    (void)state;
    bool held[DELTA_GROUP_MAX] = { [77] = true };
    struct rng rng = rng_seeded(11);
    CHECK_EQ(group_gaps(held, DELTA_GROUP_MAX), 8);
    for (size_t i = 0; i < DELTA_GROUP_MAX; i++)
        held[i] = i % 2 == 0;
    CHECK_EQ(group_gaps(held, DELTA_GROUP_MAX), GROUP_HASHES_MAX);
    for (int round = 0; round < 3000; round++) {
        const size_t len = 2 + (size_t)rng_below(&rng, DELTA_GROUP_MAX - 1);
        for (size_t i = 0; i < len; i++)
            held[i] = (i % 2 == 0) != (rng_below(&rng, 16) == 0);
        CHECK(group_gaps(held, len) <= (len + 1) / 2);
    }
}

/* --- what a peer may try, with the signature of a group that was really made --- */

static const uint8_t PLANTED[] = "what its maker never signed";

static void no_other_delta_fits_into_a_place(void **state)
{
    (void)state;
    for (size_t len = 1; len <= 17; len++)
        for (size_t i = 0; i < len; i++) {
            bool keep[DELTA_GROUP_MAX] = { false };
            struct group g = many(len);
            keep[i] = true;
            group_part(&g, keep, NULL);
            CHECK(is_valid(&g));
            const struct pando_slice real = g.bodies[i];
            g.bodies[i] = slice_of(PLANTED, sizeof PLANTED);
            CHECK(!is_valid(&g));
            g.bodies[i] = real;
            for (size_t h = 0; h < g.hashes_len; h++) { /* a wrong sibling, at any height */
                g.hashes[h].bytes[15] ^= 1;
                CHECK(!is_valid(&g));
                g.hashes[h].bytes[15] ^= 1;
            }
        }
}

/* The same delta, said to be another member; its hashes are given as they are, and swapped. */
static void no_delta_changes_its_place(void **state)
{
    (void)state;
    for (size_t len = 2; len <= 13; len++)
        for (size_t i = 0; i < len; i++)
            for (size_t to = 0; to < len; to++) {
                bool keep[DELTA_GROUP_MAX] = { false };
                struct group g = many(len);
                if (i == to)
                    continue;
                keep[i] = true;
                group_part(&g, keep, NULL);
                g.held[i] = false;
                g.held[to] = true;
                g.bodies[to] = g.bodies[i];
                if (group_gaps(g.held, len) == g.hashes_len)
                    CHECK(!is_valid(&g));
            }
    struct group g = many(6);
    const struct pando_slice first = g.bodies[0];
    g.bodies[0] = g.bodies[1];
    g.bodies[1] = first;
    CHECK(!is_valid(&g));
}

/* With fewer members, or more, a tree of another shape has the same hash: the number is signed. */
static void no_other_number_of_members_is_taken(void **state)
{
    (void)state;
    const struct group real = many(4);
    struct delta_hash digests[4];
    struct group g = real;
    for (size_t i = 0; i < 4; i++)
        digests[i] = group_hash(real.bodies[i]);
    /* the right half as one leaf: three members, of which the last one is not here */
    g.len = 3;
    g.held[2] = false;
    g.hashes_len = 1;
    g.hashes[0] = model(digests + 2, 2);
    const struct delta_hash a = group_root(&g), b = group_root(&real);
    CHECK(hash_equal(&a, &b));
    CHECK(!is_valid(&g));
    /* the left half and the right one as one leaf each */
    g = real;
    g.len = 2;
    g.held[0] = g.held[1] = false;
    g.hashes_len = 1;
    g.hashes[0] = b;
    CHECK(!is_valid(&g));
    /* a leaf that is not there, below the last one: five members */
    g = real;
    g.len = 5;
    g.held[4] = false;
    g.hashes_len = 1;
    CHECK(!is_valid(&g));
}

/* The last of three is joined with nothing: a copy with four, the last one twice, is another. */
static void a_last_member_twice_is_another_group(void **state)
{
    (void)state;
    for (size_t len = 1; len < 18; len++) {
        struct group g = many(len);
        const struct delta_hash before = group_root(&g);
        g.bodies[len] = g.bodies[len - 1];
        g.held[len] = true;
        g.len++;
        const struct delta_hash after = group_root(&g);
        CHECK(!hash_equal(&before, &after));
        CHECK(!is_valid(&g));
    }
}

/* The bytes of an inner node have the digest that a leaf in its place would need. */
static void the_bytes_of_a_node_are_no_body(void **state)
{
    (void)state;
    const struct group real = many(4);
    struct group g = real;
    struct pando_buf b;
    uint8_t node[33] = { 1 };
    buf_init(&b, GROUP_BYTES_MAX);
    for (size_t i = 0; i < 2; i++) {
        const struct delta_hash h = group_hash(real.bodies[2 + i]);
        memcpy(node + 1 + 16 * i, h.bytes, 16);
    }
    g.len = 3;
    g.bodies[2] = SLICE_OF(node);
    const struct delta_hash a = group_root(&g), want = group_root(&real);
    CHECK(hash_equal(&a, &want));
    CHECK(!is_valid(&g)); /* the number of members is not it */
    CHECK_EQ(group_encode(&g, &b), PANDO_INVALID);
    node[0] = 2;
    CHECK_OK(group_encode(&g, &b));
    b.ptr[b.len - sizeof node] = 1;
    CHECK_EQ(group_decode(buf_view(&b), true, &g), PANDO_MALFORMED);
    buf_deinit(&b);
}

/* Where the entries of a part begin. */
#define ENTRIES GROUP_HEAD_SIGNED

static void a_part_has_one_encoding(void **state)
{
    (void)state;
    struct group g = many(7), back;
    struct pando_buf b;
    buf_init(&b, GROUP_BYTES_MAX);
    group_part(&g, (bool[DELTA_GROUP_MAX]){ [1] = true, [4] = true }, NULL);
    CHECK_OK(group_encode(&g, &b));
    CHECK_OK(group_decode(buf_view(&b), true, &back));
    for (size_t cut = 0; cut < b.len; cut++)
        CHECK_EQ(group_decode(slice_of(b.ptr, cut), true, &back), PANDO_MALFORMED);
    const struct { size_t at; uint8_t value; } wrong[] = {
        { ENTRIES - 1, 0 },   /* one held, where two are given */
        { ENTRIES - 1, 2 },   /* three */
        { ENTRIES - 1, 6 },   /* all */
        { ENTRIES - 1, 7 },   /* more than there are */
        { ENTRIES, 4 },       /* the same one twice */
        { ENTRIES, 5 },       /* not in their order */
        { ENTRIES + 4, 7 },   /* behind the last member */
        { ENTRIES + 4, 0 },   /* before the first one held */
        { ENTRIES + 3, 0 },   /* no bytes */
        { ENTRIES + 1, 255 }, /* more than a delta has */
        { 1, 3 },             /* five members, and the hashes of seven */
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const uint8_t was = b.ptr[wrong[i].at];
        b.ptr[wrong[i].at] = wrong[i].value;
        CHECK_EQ(group_decode(buf_view(&b), true, &back), PANDO_MALFORMED);
        b.ptr[wrong[i].at] = was;
    }
    static const uint8_t other_order[] = { 4, 0, 0, 2, 1, 0, 0, 3, 0xa6, 4, 0xa6, 1, 0 };
    uint8_t order[sizeof other_order];
    memcpy(order, b.ptr + ENTRIES, sizeof order);
    memcpy(b.ptr + ENTRIES, other_order, sizeof order); /* the same two, each with its bytes */
    CHECK_EQ(group_decode(buf_view(&b), true, &back), PANDO_MALFORMED);
    memcpy(b.ptr + ENTRIES, order, sizeof order);
    CHECK_OK(group_decode(buf_view(&b), true, &back));
    CHECK_OK(buf_append(&b, slice_of(BODY, 16))); /* one hash more */
    CHECK_EQ(group_decode(buf_view(&b), true, &back), PANDO_MALFORMED);
    buf_deinit(&b);
}

static void archived_names_are_read_as_they_were_written(void **state)
{
    (void)state;
    struct post_list lists[ROWS_LISTS_MAX], none[1];
    struct rows_gone item, in = { .timestamp = 5, .lists_len = 2 };
    struct rows_gone_reader r;
    struct pando_buf b;
    CHECK_OK(crypto_init());
    buf_init(&b, 4096);
    none[0] = rows_list(ROWS_AUTHORS, slice_text("alice"));
    struct post_list two_lists[2] = { none[0], rows_list(ROWS_TARGETS, slice_text("o")) };
    in.lists = two_lists;
    in.name.bytes[0] = 9;
    CHECK_OK(rows_gone_begin(&b));
    CHECK_OK(rows_gone_put(&b, &in));
    in.lists_len = 0;
    CHECK_OK(rows_gone_put(&b, &in));
    CHECK_EQ(rows_gone_count(&b), 2);
    CHECK_OK(rows_gone_open(buf_view(&b), &r));
    CHECK_OK(rows_gone_next(&r, lists, &item));
    CHECK_EQ(item.lists_len, 2);
    CHECK(post_list_equal(&lists[1], &two_lists[1]));
    CHECK(hash_equal(&item.name, &in.name));
    CHECK_OK(rows_gone_next(&r, lists, &item));
    CHECK_EQ(item.lists_len, 0);
    CHECK_EQ(rows_gone_next(&r, lists, &item), PANDO_NOT_FOUND);
    CHECK_OK(buf_append(&b, slice_of(BODY, 1)));
    CHECK_OK(rows_gone_open(buf_view(&b), &r));
    CHECK_OK(rows_gone_next(&r, lists, &item));
    CHECK_OK(rows_gone_next(&r, lists, &item));
    CHECK_EQ(rows_gone_next(&r, lists, &item), PANDO_MALFORMED);
    buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_encoded_is_decoded),
        TEST(the_key_of_a_bare_group_stands_elsewhere),
        TEST(only_signed_groups_are_kept_in_part_and_something_of_them),
        TEST(a_signature_covers_every_part),
        TEST(the_tree_is_that_of_the_standard_for_any_number),
        TEST(a_part_of_a_part_is_a_part_of_the_whole),
        TEST(digests_that_are_known_save_hashing_and_change_nothing),
        TEST(a_part_has_few_hashes),
        TEST(no_other_delta_fits_into_a_place),
        TEST(no_delta_changes_its_place),
        TEST(no_other_number_of_members_is_taken),
        TEST(a_last_member_twice_is_another_group),
        TEST(the_bytes_of_a_node_are_no_body),
        TEST(a_part_has_one_encoding),
        TEST(archived_names_are_read_as_they_were_written),
    };
    return CHECK_RUN(tests);
}
