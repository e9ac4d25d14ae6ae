#include "codec/cid.h"

#include "base/rng.h"
#include "base/slice.h"
#include "codec/multibase.h"
#include "vectors.h"

static void bytes_and_text_agree_with_the_vectors(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "multibase");
    while (vectors_next(&v)) {
        uint8_t bytes[256];
        char text[512];
        size_t len;
        const char *want = v.columns[2];
        const enum multibase base = (enum multibase)want[0];
        CHECK_NOTE("%s\n", v.columns[0]);
        const enum pando_status st =
            multibase_decode(base, slice_text(want + 1), bytes, sizeof bytes, &len);
        if (vectors_is(&v, 1, "reject")) {
            CHECK_EQ(st, PANDO_MALFORMED);
            continue;
        }
        CHECK_OK(st);
        CHECK(slice_equal(slice_of(bytes, len), vectors_bytes(&v, 1)));
        CHECK_OK(multibase_encode(base, slice_of(bytes, len), text, sizeof text));
        CHECK_STR(text, want + 1);
    }
}

static const enum multibase bases[] = { MULTIBASE_16, MULTIBASE_32, MULTIBASE_36,
                                        MULTIBASE_58, MULTIBASE_64, MULTIBASE_64URL };

static void every_base_gives_random_bytes_back(void **state)
{
    (void)state;
    struct rng rng = rng_seeded(2);
    for (int i = 0; i < 3000; i++) {
        uint8_t bytes[128], again[128];
        char text[300];
        size_t len = (size_t)rng_below(&rng, sizeof bytes + 1), took;
        const enum multibase base = bases[rng_below(&rng, 6)];
        rng_fill(&rng, bytes, len);
        memset(bytes, 0, (size_t)rng_below(&rng, len + 1) / 4); /* leading zeros */
        CHECK_OK(multibase_encode(base, slice_of(bytes, len), text, sizeof text));
        CHECK_OK(multibase_decode(base, slice_text(text), again, sizeof again, &took));
        CHECK(slice_equal(slice_of(bytes, len), slice_of(again, took)));
    }
}

/* Room for one byte or character too few is refused, exactly enough is taken. */
static void every_base_minds_its_caller_s_room(void **state)
{
    (void)state;
    const uint8_t bytes[20] = { 1, 2, 3 };
    for (size_t i = 0; i < 6; i++) {
        char text[64];
        uint8_t again[20];
        size_t len;
        CHECK_OK(multibase_encode(bases[i], SLICE_OF(bytes), text, sizeof text));
        const size_t chars = strlen(text);
        CHECK_EQ(multibase_encode(bases[i], SLICE_OF(bytes), text, chars), PANDO_FULL);
        CHECK_OK(multibase_encode(bases[i], SLICE_OF(bytes), text, chars + 1));
        CHECK_EQ(multibase_decode(bases[i], slice_text(text), again, 19, &len),
                 PANDO_FULL);
        CHECK_OK(multibase_decode(bases[i], slice_text(text), again, 20, &len));
    }
    const uint8_t large[129] = { 1 };
    char text[512];
    CHECK_EQ(multibase_encode(MULTIBASE_58, SLICE_OF(large), text, sizeof text),
             PANDO_INVALID);
}

static void cids_agree_with_the_vectors(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "cid");
    while (vectors_next(&v)) {
        struct cid cid, again;
        uint8_t bytes[CID_MAX];
        char text[CID_TEXT_MAX];
        size_t len;
        CHECK_NOTE("%s\n", v.columns[0]);
        if (vectors_is(&v, 1, "reject")) {
            CHECK_EQ(cid_parse(v.columns[2], &cid), PANDO_MALFORMED);
            continue;
        }
        const struct pando_slice want = vectors_bytes(&v, 1);
        CHECK_EQ(cid_valid(want), !vectors_is(&v, 2, "reject"));
        if (vectors_is(&v, 2, "reject")) {
            CHECK_EQ(cid_decode(want, &cid), PANDO_MALFORMED);
            continue;
        }
        CHECK_OK(cid_decode(want, &cid));
        CHECK_OK(cid_print(&cid, text, sizeof text));
        CHECK_STR(text, v.columns[2]);
        CHECK_OK(cid_parse(text, &again));
        CHECK_MEM(&cid, &again, sizeof cid);
        CHECK_OK(cid_encode(&cid, bytes, sizeof bytes, &len));
        CHECK(slice_equal(slice_of(bytes, len), want));
        CHECK_EQ(cid_encode(&cid, bytes, len - 1, &len), PANDO_FULL);
        CHECK_EQ(cid_print(&cid, text, strlen(text)), PANDO_FULL);
    }
}

static void one_cid_is_read_in_every_base(void **state)
{
    (void)state;
    const struct pando_id id = { { 1, 2, 3 } };
    uint8_t bytes[CID_SHA256_SIZE];
    struct cid cid;
    cid_write_sha256(CID_DAG_CBOR, &id, bytes);
    for (size_t i = 0; i < 6; i++) {
        char text[100] = { (char)bases[i] };
        struct pando_id got;
        CHECK_OK(multibase_encode(bases[i], SLICE_OF(bytes), text + 1, sizeof text - 1));
        CHECK_OK(cid_parse(text, &cid));
        CHECK_EQ(cid.codec, CID_DAG_CBOR);
        CHECK_OK(cid_sha256(&cid, &got));
        CHECK(id_equal(&got, &id));
        const bool folds = strchr("bfk", text[0]) != NULL;
        for (char *c = text; folds && *c != '\0'; c++)
            *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
        CHECK_OK(cid_parse(text, &cid)); /* the upper-case spelling has its own prefix */
    }
}

static void the_short_forms_agree_with_the_general_ones(void **state)
{
    (void)state;
    const struct pando_id id = { { 9, 8, 7 } };
    struct pando_id got;
    uint8_t bytes[CID_SHA256_SIZE];
    char text[CID_SHA256_TEXT_SIZE], general[CID_TEXT_MAX];
    struct cid cid;
    cid_write_sha256(CID_RAW, &id, bytes);
    cid_text_sha256(CID_RAW, &id, text);
    CHECK_OK(cid_decode(SLICE_OF(bytes), &cid));
    CHECK_OK(cid_print(&cid, general, sizeof general));
    CHECK_STR(text, general);
    CHECK_OK(cid_read_sha256(CID_RAW, SLICE_OF(bytes), &got));
    CHECK(id_equal(&got, &id));
    CHECK_EQ(cid_read_sha256(CID_DAG_CBOR, SLICE_OF(bytes), &got), PANDO_MALFORMED);
    CHECK_EQ(cid_read_sha256(CID_RAW, slice_of(bytes, 35), &got), PANDO_MALFORMED);
    CHECK_OK(cid_parse("bafkqabiaaebagba", &cid));
    CHECK_EQ(cid_sha256(&cid, &got), PANDO_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bytes_and_text_agree_with_the_vectors),
        TEST(every_base_gives_random_bytes_back),
        TEST(every_base_minds_its_caller_s_room),
        TEST(cids_agree_with_the_vectors),
        TEST(one_cid_is_read_in_every_base),
        TEST(the_short_forms_agree_with_the_general_ones),
    };
    return CHECK_RUN(tests);
}
