#include "codec/car.h"

#include "base/buf.h"
#include "base/rng.h"
#include "base/slice.h"
#include "crypto/sign.h"
#include "vectors.h"

static const char *status_word(enum pando_status st)
{
    switch (st) {
    case PANDO_OK: return "ok";
    case PANDO_CORRUPT: return "corrupt";
    case PANDO_MALFORMED: return "malformed";
    case PANDO_UNSUPPORTED: return "unsupported";
    default: return "other";
    }
}

static void archives_agree_with_the_vectors(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "car");
    while (vectors_next(&v)) {
        struct car_reader car;
        struct car_section section;
        char got[64];
        unsigned count = 0;
        CHECK_NOTE("%s\n", v.columns[0]);
        const enum pando_status st = car_open(vectors_bytes(&v, 1), crypto_sha256, &car);
        (void)snprintf(got, sizeof got, "open:%s", status_word(st));
        if (st == PANDO_OK) {
            while (car_next(&car, &section))
                count++;
            (void)snprintf(got, sizeof got, "%u:%s", count, status_word(car.status));
        }
        CHECK_STR(got, v.columns[2]);
    }
}

/* Append `data` as a section the way an exporter does: head, then the bytes. */
static void append(struct pando_buf *b, const struct pando_id *id,
                   struct pando_slice data)
{
    uint8_t head[CAR_SECTION_HEAD_MAX];
    struct wire_writer w = wire_write(head, sizeof head);
    car_put_section_head(&w, CID_DAG_CBOR, id, data.len);
    CHECK(!w.failed);
    CHECK_OK(buf_append(b, wire_written(&w)));
    CHECK_OK(buf_append(b, data));
}

static void what_is_written_is_read_and_damage_is_found(void **state)
{
    (void)state;
    struct rng rng = rng_seeded(6);
    for (int round = 0; round < 100; round++) {
        uint8_t data[8][300], head[1024];
        size_t lens[8];
        struct pando_id ids[8];
        struct pando_buf b;
        buf_init(&b, 1 << 20);
        const size_t blocks = (size_t)rng_below(&rng, 9);
        for (size_t i = 0; i < blocks; i++) {
            lens[i] = (size_t)rng_below(&rng, sizeof data[i]);
            rng_fill(&rng, data[i], lens[i]);
            ids[i] = crypto_sha256(slice_of(data[i], lens[i]));
        }
        struct wire_writer w = wire_write(head, sizeof head);
        car_put_header(&w, CID_DAG_CBOR, ids, blocks);
        CHECK_EQ(w.len, car_header_size(blocks));
        CHECK_OK(buf_append(&b, wire_written(&w)));
        for (size_t i = 0; i < blocks; i++)
            append(&b, &ids[i], slice_of(data[i], lens[i]));

        struct car_reader car;
        struct car_section section;
        struct cid root;
        struct pando_id got;
        CHECK_OK(car_open(buf_view(&b), crypto_sha256, &car));
        for (size_t i = 0; i < blocks; i++) {
            CHECK(car_next_root(&car, &root) && car_next(&car, &section));
            CHECK_OK(cid_sha256(&root, &got));
            CHECK(id_equal(&got, &ids[i]));
            CHECK(slice_equal(section.data, slice_of(data[i], lens[i])));
        }
        CHECK(!car_next_root(&car, &root) && !car_next(&car, &section));
        CHECK_OK(car.status);

        /* A flipped bit may end in no archive, a wrong root or a refused block, but
         * never in a block that its CID does not name. */
        b.ptr[rng_below(&rng, b.len)] ^= 1;
        if (car_open(buf_view(&b), crypto_sha256, &car) == PANDO_OK)
            while (car_next(&car, &section)) {
                const struct pando_id real = crypto_sha256(section.data);
                if (cid_sha256(&section.cid, &got) == PANDO_OK)
                    CHECK(id_equal(&real, &got));
            }
        buf_deinit(&b);
    }
}

static void a_section_over_the_cap_is_refused_on_both_sides(void **state)
{
    (void)state;
    uint8_t head[CAR_SECTION_HEAD_MAX];
    const struct pando_id id = { { 0 } };
    struct wire_writer w = wire_write(head, sizeof head);
    car_put_section_head(&w, CID_RAW, &id, CAR_SECTION_MAX - CID_SHA256_SIZE + 1);
    CHECK(w.failed);
    uint8_t bytes[64];
    w = wire_write(bytes, sizeof bytes);
    car_put_header(&w, CID_RAW, NULL, 0);
    wire_put_uvarint(&w, CAR_SECTION_MAX + 1);
    struct car_reader car;
    struct car_section section;
    CHECK_OK(car_open(wire_written(&w), crypto_sha256, &car));
    CHECK(!car_next(&car, &section));
    CHECK_EQ(car.status, PANDO_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(archives_agree_with_the_vectors),
        TEST(what_is_written_is_read_and_damage_is_found),
        TEST(a_section_over_the_cap_is_refused_on_both_sides),
    };
    return CHECK_RUN(tests);
}
