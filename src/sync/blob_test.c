#include "sync/blob.h"

#include "base/slice.h"
#include "check.h"
#include "crypto/sign.h"

#include <stdlib.h>

enum { SIZE = 5 * (int)BLOB_CHUNK_SIZE + 17 };

struct body {
    uint8_t *bytes;
    struct blob_list list;
    uint8_t block[BLOB_LIST_MAX];
    struct blob_ref ref;
    struct pando_slice encoded;
};

static struct pando_slice chunk(const struct body *b, uint32_t i)
{
    return slice_of(b->bytes + (size_t)i * BLOB_CHUNK_SIZE, blob_chunk_len(SIZE, i));
}

static struct body *setup(void)
{
    struct body *b = calloc(1, sizeof *b);
    CHECK(b != NULL);
    b->bytes = malloc(SIZE);
    CHECK(b->bytes != NULL);
    for (size_t i = 0; i < SIZE; i++)
        b->bytes[i] = (uint8_t)(i * 7 + i / BLOB_CHUNK_SIZE);
    /* chunks 1 and 3 are equal: one piece serves both */
    memcpy(b->bytes + 3 * BLOB_CHUNK_SIZE, b->bytes + BLOB_CHUNK_SIZE, BLOB_CHUNK_SIZE);
    b->list.size = SIZE;
    b->list.chunks_len = 6;
    for (uint32_t i = 0; i < 6; i++)
        b->list.chunks[i] = crypto_sha256(chunk(b, i));
    struct wire_writer w = wire_write(b->block, sizeof b->block);
    blob_list_encode(&b->list, &w);
    CHECK(!w.failed);
    b->encoded = wire_written(&w);
    b->ref = (struct blob_ref){ true, crypto_sha256(b->encoded) };
    return b;
}

static void teardown(struct body *b)
{
    free(b->bytes);
    free(b);
}

static void a_list_reads_back_as_written(void **state)
{
    (void)state;
    struct body *b = setup();
    struct blob_list *got = malloc(sizeof *got);
    CHECK(got != NULL);
    CHECK_OK(blob_list_decode(b->encoded, got));
    CHECK_EQ(got->size, SIZE);
    CHECK_EQ(got->chunks_len, 6);
    CHECK_MEM(got->chunks, b->list.chunks, 6 * sizeof got->chunks[0]);
    for (size_t cut = 0; cut < b->encoded.len; cut++)
        CHECK_EQ(blob_list_decode(slice_of(b->block, cut), got), PANDO_MALFORMED);
    free(got);
    teardown(b);
}

static void a_list_whose_size_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct body *b = setup();
    struct blob_list *got = malloc(sizeof *got);
    CHECK(got != NULL);
    const uint64_t wrong[] = { 1, BLOB_CHUNK_SIZE, SIZE - 17, SIZE + BLOB_CHUNK_SIZE,
                               (uint64_t)BLOB_SIZE_MAX + 1 };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        b->list.size = wrong[i];
        struct wire_writer w = wire_write(b->block, sizeof b->block);
        blob_list_encode(&b->list, &w);
        CHECK_EQ(blob_list_decode(wire_written(&w), got), PANDO_MALFORMED);
    }
    free(got);
    teardown(b);
}

static void a_job_asks_for_the_list_and_then_for_each_chunk_once(void **state)
{
    (void)state;
    struct body *b = setup();
    struct blob_job job;
    struct blob_ref piece;
    blob_job_init(&job, &b->ref);
    CHECK(blob_job_next(&job, &piece));
    CHECK(piece.list);
    CHECK(!blob_job_next(&job, &piece));
    CHECK_OK(blob_job_hold(&job, &b->ref, b->encoded));
    int asked = 0;
    while (blob_job_next(&job, &piece))
        asked++;
    CHECK_EQ(asked, 5);
    for (uint32_t i = 0; i < 6; i++) {
        CHECK(!blob_job_is_done(&job));
        piece = (struct blob_ref){ false, b->list.chunks[i] };
        CHECK(blob_ref_matches(&piece, chunk(b, i)));
        CHECK(!blob_ref_matches(&piece, chunk(b, (i + 1) % 6)));
        CHECK_EQ(blob_job_hold(&job, &piece, chunk(b, i)),
                 i == 3 ? PANDO_NOT_FOUND : PANDO_OK);
    }
    CHECK(blob_job_is_done(&job));
    blob_job_deinit(&job);
    teardown(b);
}

static void a_lost_piece_is_asked_for_again(void **state)
{
    (void)state;
    struct body *b = setup();
    struct blob_job job;
    struct blob_ref piece;
    blob_job_init(&job, &b->ref);
    CHECK(blob_job_next(&job, &piece));
    blob_job_lost(&job, &piece);
    CHECK(blob_job_next(&job, &piece));
    CHECK_OK(blob_job_hold(&job, &b->ref, b->encoded));
    while (blob_job_next(&job, &piece))
        ;
    piece = (struct blob_ref){ false, b->list.chunks[1] };
    blob_job_lost(&job, &piece);
    CHECK(blob_job_next(&job, &piece));
    CHECK_MEM(piece.id.bytes, b->list.chunks[1].bytes, 32);
    CHECK(!blob_job_next(&job, &piece));
    blob_job_deinit(&job);
    teardown(b);
}

static void a_name_that_is_no_list_ends_the_job(void **state)
{
    (void)state;
    const uint8_t noise[] = { 1, 2, 3 };
    const struct blob_ref ref = { true, crypto_sha256(slice_of(noise, 3)) };
    struct blob_job job;
    struct blob_ref piece;
    blob_job_init(&job, &ref);
    CHECK(blob_job_next(&job, &piece));
    CHECK_EQ(blob_job_hold(&job, &ref, slice_of(noise, 3)), PANDO_MALFORMED);
    CHECK(!blob_job_is_done(&job));
    blob_job_deinit(&job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_list_reads_back_as_written),
        TEST(a_list_whose_size_does_not_fit_is_refused),
        TEST(a_job_asks_for_the_list_and_then_for_each_chunk_once),
        TEST(a_lost_piece_is_asked_for_again),
        TEST(a_name_that_is_no_list_ends_the_job),
    };
    if (crypto_init() != PANDO_OK)
        return 1;
    return CHECK_RUN(tests);
}
