#include "codec/json.h"

#include "base/rng.h"
#include "base/slice.h"
#include "codec/cbor.h"
#include "vectors.h"

#include <stdlib.h>

enum { ROOM = 1 << 20 };

static void values_agree_with_the_vectors(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "dag-cbor");
    while (vectors_next(&v)) {
        struct pando_buf text, cbor;
        struct pando_err err;
        CHECK_NOTE("%s\n", v.columns[0]);
        buf_init(&text, ROOM);
        buf_init(&cbor, ROOM);
        const struct pando_slice bytes = vectors_bytes(&v, 1);
        const enum pando_status st = json_text_from_cbor(bytes, &text);
        CHECK_EQ(st, vectors_is(&v, 2, "reject") ? PANDO_MALFORMED : PANDO_OK);
        if (st == PANDO_OK && !vectors_is(&v, 2, "accept")) {
            CHECK(slice_equal(buf_view(&text), slice_text(v.columns[2])));
            CHECK_OK(json_text_to_cbor(buf_view(&text), &cbor, &err));
            CHECK(slice_equal(buf_view(&cbor), bytes));
        }
        buf_deinit(&text);
        buf_deinit(&cbor);
    }
}

/* The outcome of text to CBOR, with the buffer proven untouched on failure. */
static enum pando_status outcome(const char *text, struct pando_err *err)
{
    struct pando_buf cbor;
    buf_init(&cbor, ROOM);
    CHECK_OK(buf_append(&cbor, slice_text("before")));
    const enum pando_status st = json_text_to_cbor(slice_text(text), &cbor, err);
    if (st != PANDO_OK)
        CHECK(slice_equal(buf_view(&cbor), slice_text("before")));
    buf_deinit(&cbor);
    return st;
}

static void bad_text_is_refused_with_a_reason(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "{",
        "{\"a\":1,\"a\":2}",
        "[1,]",
        "1 2",
        "nul",
        "\"\\ud800\"",
        "\"\xff\"",
        "'a'",
        "[18446744073709551615]",
        "1e999",
        "{\"/\":\"no cid\"}",
        "{\"/\":\"\"}",
        "{\"/\":{\"bytes\":\"a=\"}}",
        "{\"/\":{\"bytes\":\"YWJ\"}}",
        "{a:1}",
        "NaN",
        "01",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct pando_err err = { 0 };
        CHECK_NOTE("%s\n", bad[i]);
        CHECK_EQ(outcome(bad[i], &err), PANDO_MALFORMED);
        CHECK(strstr(err.text, "JSON: ") == err.text);
    }
}

static void depth_and_size_have_caps(void **state)
{
    (void)state;
    struct pando_err err;
    char text[2 * JSON_DEPTH_MAX + 8] = { 0 };
    memset(text, '[', JSON_DEPTH_MAX);
    memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    CHECK_OK(outcome(text, &err));
    memset(text, '[', JSON_DEPTH_MAX + 1);
    memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
    CHECK_EQ(outcome(text, &err), PANDO_MALFORMED);
    json_t *value;
    CHECK_EQ(json_text_parse(slice_text(text), ROOM, &value, &err), PANDO_MALFORMED);
    CHECK_EQ(json_text_parse(slice_text("[1,2,3]"), 6, &value, &err), PANDO_FULL);
    CHECK_OK(json_text_parse(slice_text("[1,2,3]"), 7, &value, &err));
    json_decref(value);

    /* a program may nest deeper than text: refused as well, not overrun */
    json_t *deep = json_array();
    for (int i = 0; i < 500; i++) {
        json_t *outer = json_array();
        CHECK_EQ(json_array_append_new(outer, deep), 0);
        deep = outer;
    }
    struct pando_buf cbor;
    buf_init(&cbor, ROOM);
    CHECK_EQ(json_text_encode(deep, &cbor, &err), PANDO_MALFORMED);
    json_decref(deep);
    buf_deinit(&cbor);

    buf_init(&cbor, 300);
    char *long_text = calloc(1, 600);
    CHECK(long_text != NULL);
    memset(long_text, 'a', 500);
    long_text[0] = long_text[499] = '"';
    CHECK_EQ(json_text_to_cbor(slice_text(long_text), &cbor, &err), PANDO_FULL);
    CHECK_EQ(cbor.len, 0);
    long_text[200] = '"';
    long_text[201] = '\0';
    CHECK_OK(json_text_to_cbor(slice_text(long_text), &cbor, &err));
    free(long_text);
    buf_deinit(&cbor);
}

static void brackets_inside_strings_do_not_count(void **state)
{
    (void)state;
    struct pando_err err;
    char text[400] = { 0 };
    memset(text, '[', 300);
    text[0] = '"';
    memcpy(text + 290, "\\\"[[[[\"", 8);
    CHECK_OK(outcome(text, &err));
}

static void keys_are_put_into_the_one_order(void **state)
{
    (void)state;
    struct pando_err err;
    struct pando_buf cbor, text;
    buf_init(&cbor, ROOM);
    buf_init(&text, ROOM);
    CHECK_OK(
        json_text_to_cbor(slice_text("{\"bb\":1,\"a\":2,\"ba\":3,\"\":4}"), &cbor, &err));
    CHECK_OK(cbor_check(buf_view(&cbor)));
    CHECK_OK(json_text_from_cbor(buf_view(&cbor), &text));
    CHECK(slice_equal(buf_view(&text), slice_text("{\"\":4,\"a\":2,\"ba\":3,\"bb\":1}")));
    buf_deinit(&cbor);
    buf_deinit(&text);
}

static void a_map_that_would_read_as_bytes_is_not_printed(void **state)
{
    (void)state;
    struct pando_buf text;
    buf_init(&text, ROOM);
    const uint8_t link[] = { 0xa1, 0x61, '/', 0x61, 'x' };
    const uint8_t fine[] = { 0xa1, 0x61, '/', 0x05 };
    CHECK_EQ(json_text_from_cbor(SLICE_OF(link), &text), PANDO_UNSUPPORTED);
    CHECK_EQ(text.len, 0);
    CHECK_OK(json_text_from_cbor(SLICE_OF(fine), &text));
    CHECK(slice_equal(buf_view(&text), slice_text("{\"/\":5}")));
    buf_deinit(&text);
}

static void any_bytes_escape_to_one_string(void **state)
{
    (void)state;
    struct rng rng = rng_seeded(7);
    struct pando_buf b;
    struct pando_err err;
    buf_init(&b, ROOM);
    CHECK_OK(json_text_escape(&b, slice_of("a\"\\\n\x01\xc3\xa9\xff\0", 9)));
    CHECK(slice_equal(buf_view(&b),
                      slice_text("\"a\\\"\\\\\\n\\u0001\xc3\xa9\\ufffd\\u0000\"")));
    for (int i = 0; i < 2000; i++) {
        uint8_t noise[64];
        json_t *value;
        const size_t len = (size_t)rng_below(&rng, sizeof noise);
        rng_fill(&rng, noise, len);
        buf_reset(&b);
        CHECK_OK(json_text_escape(&b, slice_of(noise, len)));
        CHECK_OK(json_text_parse(buf_view(&b), ROOM, &value, &err));
        CHECK(json_is_string(value));
        json_decref(value);
    }
    buf_deinit(&b);
    buf_init(&b, 8);
    CHECK_EQ(json_text_escape(&b, slice_text("too long")), PANDO_FULL);
    CHECK_EQ(b.len, 0);
    buf_deinit(&b);
}

static void every_float_comes_back_exactly(void **state)
{
    (void)state;
    struct rng rng = rng_seeded(8);
    struct pando_buf text, again;
    struct pando_err err;
    buf_init(&text, ROOM);
    buf_init(&again, ROOM);
    for (int i = 0; i < 5000; i++) {
        uint8_t cbor[9];
        struct wire_writer w = wire_write(cbor, sizeof cbor);
        const uint64_t bits = rng_next(&rng);
        double value;
        memcpy(&value, &bits, sizeof value);
        cbor_put_float(&w, value);
        if (w.failed)
            continue; /* a NaN or an infinity */
        buf_reset(&text);
        buf_reset(&again);
        CHECK_OK(json_text_from_cbor(SLICE_OF(cbor), &text));
        CHECK_OK(json_text_to_cbor(buf_view(&text), &again, &err));
        CHECK(slice_equal(buf_view(&again), SLICE_OF(cbor)));
    }
    buf_deinit(&text);
    buf_deinit(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values_agree_with_the_vectors),
        TEST(bad_text_is_refused_with_a_reason),
        TEST(depth_and_size_have_caps),
        TEST(brackets_inside_strings_do_not_count),
        TEST(keys_are_put_into_the_one_order),
        TEST(a_map_that_would_read_as_bytes_is_not_printed),
        TEST(any_bytes_escape_to_one_string),
        TEST(every_float_comes_back_exactly),
    };
    return CHECK_RUN(tests);
}
