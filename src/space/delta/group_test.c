/* group_test.c - one group, one encoding; what is not a group is refused. */
#include "space/delta/group.h"

#include "base/slice.h"
#include "check.h"
#include "space/delta/rows.h"

static const uint8_t BODY[] = "a body of some length", OTHER[] = "another";

static struct group two(bool is_signed)
{
    struct group g = { .is_signed = is_signed, .len = 2 };
    g.bodies[0] = slice_of(BODY, sizeof BODY);
    g.bodies[1] = slice_of(OTHER, sizeof OTHER);
    g.held[0] = g.held[1] = true;
    return g;
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
        b.ptr[0] = 2;
        CHECK_EQ(group_decode(buf_view(&b), is_signed, &back), PANDO_UNSUPPORTED);
        buf_deinit(&b);
    }
}

static void only_signed_groups_may_have_members_that_are_digests(void **state)
{
    (void)state;
    static const uint8_t digest[16] = { 1 };
    struct group g = two(false);
    struct pando_buf b;
    buf_init(&b, GROUP_BYTES_MAX);
    g.held[1] = false;
    g.bodies[1] = SLICE_OF(digest);
    CHECK_EQ(group_encode(&g, &b), PANDO_INVALID);
    g.is_signed = true;
    CHECK_OK(group_encode(&g, &b));
    CHECK_OK(group_decode(buf_view(&b), true, &g));
    CHECK(g.held[0] && !g.held[1]);
    g.held[0] = false; /* and one delta must be there */
    g.bodies[0] = SLICE_OF(digest);
    CHECK_EQ(group_encode(&g, &b), PANDO_INVALID);
    buf_deinit(&b);
}

/* The signature holds for every copy that leaves some deltas out, and for no other space. */
static void a_signature_covers_every_part(void **state)
{
    (void)state;
    const uint8_t seed[32] = { 1 };
    struct crypto_secret secret;
    struct pando_id space = { { 1 } }, elsewhere = { { 2 } };
    struct group g = two(false);
    uint8_t message[GROUP_MESSAGE_MAX];
    CHECK_OK(crypto_init());
    crypto_secret_from_seed(seed, &secret);
    group_sign(&g, &space, &secret);
    struct space_verify_item item = group_verify_item(&g, &space, message);
    CHECK(crypto_verify(&item.key, item.signed_bytes, &item.sig));
    item = group_verify_item(&g, &elsewhere, message);
    CHECK(!crypto_verify(&item.key, item.signed_bytes, &item.sig));
    const struct delta_hash digest = group_digest(&g, 0);
    g.held[0] = false;
    g.bodies[0] = SLICE_OF(digest);
    item = group_verify_item(&g, &space, message);
    CHECK(crypto_verify(&item.key, item.signed_bytes, &item.sig));
    g.bodies[1] = slice_of(BODY, 3);
    item = group_verify_item(&g, &space, message);
    CHECK(!crypto_verify(&item.key, item.signed_bytes, &item.sig));
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
        TEST(only_signed_groups_may_have_members_that_are_digests),
        TEST(a_signature_covers_every_part),
        TEST(archived_names_are_read_as_they_were_written),
    };
    return CHECK_RUN(tests);
}
