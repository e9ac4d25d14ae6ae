#include "space/delta/delta.h"

#include "base/slice.h"
#include "check.h"
#include "codec/cbor.h"

#include <math.h>
#include <string.h>

struct fixture {
    struct delta_room room;
    struct delta_pointer pointers[DELTA_POINTERS_MAX + 1];
    struct pando_buf buf;
    struct pando_err err;
    struct delta d;
};

static void setup(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    buf_init(&f->buf, 1u << 20);
    f->pointers[0] = (struct delta_pointer){
        .role = slice_text("named"), .kind = DELTA_REF,
        .text = slice_text("prod_1"), .context = slice_text("name")
    };
    f->pointers[1] = (struct delta_pointer){ .role = slice_text("name"),
                                             .kind = DELTA_STRING,
                                             .text = slice_text("Widget Pro") };
    f->d = (struct delta){ .id = slice_text("d1"),
                           .author = slice_text("alice"),
                           .system = slice_text("s1"),
                           .timestamp = 1700000000000,
                           .pointers = f->pointers,
                           .pointers_len = 2 };
}

static void expect_refused(struct fixture *f, const char *text)
{
    const size_t before = f->buf.len;
    CHECK_EQ(delta_seal(&f->d, &f->buf, &f->err), PANDO_INVALID);
    CHECK_STR(f->err.text, text);
    CHECK_EQ(f->buf.len, before);
}

static void the_canonical_bytes_are_dag_cbor_with_ordered_keys(void **state)
{
    (void)state;
    struct fixture f;
    static const char want[] =
        "\xa5\x62id\x62"
        "d1\x66"
        "author\x65"
        "alice\x66system\x62s1\x68pointers\x82"
        "\xa2\x64role\x65named\x66target\xa2\x62id\x66prod_1\x67"
        "context\x64name"
        "\xa2\x64role\x64name\x66target\x6aWidget Pro"
        "\x69timestamp\x1b\x00\x00\x01\x8b\xcf\xe5\x68\x00";
    setup(&f);
    CHECK_OK(delta_seal(&f.d, &f.buf, &f.err));
    CHECK_EQ(f.d.bytes.len, sizeof want - 1);
    CHECK_MEM(f.d.bytes.ptr, want, sizeof want - 1);
    CHECK_OK(cbor_check(f.d.bytes));
    buf_deinit(&f.buf);
}

static void reads_back_what_was_sealed(void **state)
{
    (void)state;
    struct fixture f;
    struct delta got;
    setup(&f);
    f.pointers[2] = (struct delta_pointer){ .role = slice_text("price"),
                                            .kind = DELTA_NUMBER, .number = 99.5 };
    f.pointers[3] = (struct delta_pointer){ .role = slice_text("stock"),
                                            .kind = DELTA_NUMBER, .number = -17 };
    f.pointers[4] = (struct delta_pointer){ .role = slice_text("sold"), .kind = DELTA_BOOL,
                                            .truth = true };
    f.pointers[5] = (struct delta_pointer){ .role = slice_text("note"), .kind = DELTA_STRING };
    f.pointers[6] = (struct delta_pointer){ .role = slice_text("of"), .kind = DELTA_REF,
                                            .text = slice_text("d1") };
    f.d.pointers_len = 7;
    CHECK_OK(delta_seal(&f.d, &f.buf, &f.err));
    CHECK_OK(delta_decode(f.d.bytes, &f.room, &got));
    CHECK(slice_equal(got.id, f.d.id) && slice_equal(got.author, f.d.author));
    CHECK(slice_equal(got.system, f.d.system) && got.timestamp == f.d.timestamp);
    CHECK_EQ(got.pointers_len, 7);
    for (size_t i = 0; i < 7; i++) {
        CHECK(slice_equal(got.pointers[i].role, f.pointers[i].role));
        CHECK_EQ(got.pointers[i].kind, f.pointers[i].kind);
        CHECK(slice_equal(got.pointers[i].text, f.pointers[i].text));
        CHECK(slice_equal(got.pointers[i].context, f.pointers[i].context));
        CHECK(got.pointers[i].number == f.pointers[i].number);
        CHECK(got.pointers[i].truth == f.pointers[i].truth);
    }
    CHECK_MEM(got.name.bytes, f.d.name.bytes, 16);
    CHECK_MEM(got.digest.bytes, f.d.digest.bytes, 16);
    const struct delta_hash name = delta_name_of(slice_text("d1"));
    CHECK_MEM(got.name.bytes, name.bytes, 16);
    buf_deinit(&f.buf);
}

/* One number, one encoding: what JSON cannot tell apart must not differ in its digest. */
static void numbers_have_one_encoding(void **state)
{
    (void)state;
    static const struct {
        double number;
        uint8_t head;
    } cases[] = {
        { 0.0, 0x00 },          { -0.0, 0x00 },          { 1.0, 0x01 },
        { -1.0, 0x20 },         { 0.5, 0xfb },           { 1e300, 0xfb },
        { 9007199254740991.0, 0x1b }, { -9007199254740991.0, 0x3b },
        { 9007199254740992.0, 0xfb }, { -9007199254740992.0, 0xfb },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture f;
        struct delta got;
        setup(&f);
        f.pointers[0] = (struct delta_pointer){ .role = slice_text("n"),
                                                .kind = DELTA_NUMBER,
                                                .number = cases[i].number };
        f.d.pointers_len = 1;
        CHECK_OK(delta_seal(&f.d, &f.buf, &f.err));
        CHECK_OK(delta_decode(f.d.bytes, &f.room, &got));
        CHECK(got.pointers[0].number == cases[i].number);
        const uint8_t *head = memchr(f.d.bytes.ptr, 't', f.d.bytes.len);
        while (head != NULL && memcmp(head, "target", 6) != 0)
            head = memchr(head + 1, 't', (size_t)(f.d.bytes.ptr + f.d.bytes.len - head - 1));
        CHECK(head != NULL);
        CHECK_EQ(head[6], cases[i].head);
        buf_deinit(&f.buf);
    }
}

static void refuses_what_breaks_a_rule_and_names_it(void **state)
{
    (void)state;
    struct fixture f;
    char longer[DELTA_NAME_MAX + 2];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    setup(&f);
    f.d.id = slice_of("", 0);
    expect_refused(&f, "id is missing or empty");
    f.d.id = slice_text(longer);
    expect_refused(&f, "id is longer than 512 bytes");
    f.d.id = slice_text("\xff");
    expect_refused(&f, "id is not UTF-8");
    f.d.id = slice_text("d1");
    f.d.author = slice_of("", 0);
    expect_refused(&f, "author is missing or empty");
    f.d.author = slice_text("alice");
    f.d.timestamp = 0;
    expect_refused(&f, "timestamp is not in (0, 2^53): give milliseconds since 1970");
    f.d.timestamp = DELTA_TIME_MAX + 1;
    expect_refused(&f, "timestamp is not in (0, 2^53): give milliseconds since 1970");
    f.d.timestamp = DELTA_TIME_MAX;
    f.pointers[0].text = slice_of("", 0);
    expect_refused(&f, "pointers[0].target.id is missing or empty");
    f.pointers[0].text = slice_text("a");
    f.pointers[0].context = slice_text(longer);
    expect_refused(&f, "pointers[0].target.context is longer than 512 bytes");
    f.pointers[0].context = slice_text("\xed\xa0\x80");
    expect_refused(&f, "pointers[0].target.context is not UTF-8");
    f.pointers[0].context = slice_of("", 0);
    f.pointers[1].role = slice_of("", 0);
    expect_refused(&f, "pointers[1].role is missing or empty");
    f.pointers[1] = (struct delta_pointer){ .role = slice_text("n"), .kind = DELTA_NUMBER,
                                            .number = NAN };
    expect_refused(&f, "pointers[1].target is not a finite number");
    f.pointers[1].number = -INFINITY;
    expect_refused(&f, "pointers[1].target is not a finite number");
    f.d.pointers_len = DELTA_POINTERS_MAX + 1;
    expect_refused(&f, "pointers has 257 members; the limit is 256");
    buf_deinit(&f.buf);
}

static void large_values_are_capped_one_by_one_and_together(void **state)
{
    (void)state;
    struct fixture f;
    static char large[DELTA_TEXT_MAX + 1];
    memset(large, 'y', sizeof large);
    setup(&f);
    f.pointers[1].text = slice_of(large, sizeof large);
    expect_refused(&f, "pointers[1].target is longer than 64 KiB: keep large values as blobs");
    f.pointers[1].text = slice_of(large, DELTA_TEXT_MAX);
    CHECK_OK(delta_seal(&f.d, &f.buf, &f.err));
    for (size_t i = 0; i < DELTA_POINTERS_MAX; i++)
        f.pointers[i] = f.pointers[1];
    f.d.pointers_len = 2;
    expect_refused(&f, "the delta takes more than 128 KiB: keep large values as blobs");
    f.d.pointers_len = DELTA_POINTERS_MAX;
    expect_refused(&f, "the delta takes more than 128 KiB: keep large values as blobs");
    buf_deinit(&f.buf);
}

static void a_delta_may_be_small_and_point_at_itself(void **state)
{
    (void)state;
    struct fixture f;
    struct delta got;
    setup(&f);
    f.pointers[0].text = slice_text("d1");
    f.d.pointers_len = 1;
    CHECK_OK(delta_seal(&f.d, &f.buf, &f.err));
    f.d.pointers_len = 0;
    CHECK_OK(delta_seal(&f.d, &f.buf, &f.err));
    CHECK_OK(delta_decode(f.d.bytes, &f.room, &got));
    CHECK_EQ(got.pointers_len, 0);
    buf_deinit(&f.buf);
}

/* Every byte of a delta means something: cut or changed bytes either are refused or are
 * another delta that encodes to just those bytes. */
static void whatever_decodes_is_canonical(void **state)
{
    (void)state;
    struct fixture f;
    struct delta got;
    uint8_t bytes[512];
    setup(&f);
    f.pointers[1] = (struct delta_pointer){ .role = slice_text("n"), .kind = DELTA_NUMBER,
                                            .number = 0.1 };
    CHECK_OK(delta_seal(&f.d, &f.buf, &f.err));
    const struct pando_slice whole = f.d.bytes;
    for (size_t len = 0; len < whole.len; len++)
        CHECK_EQ(delta_decode(slice_of(whole.ptr, len), &f.room, &got), PANDO_MALFORMED);
    for (size_t i = 0; i < whole.len * 256; i++) {
        struct pando_buf again;
        memcpy(bytes, whole.ptr, whole.len);
        bytes[i / 256] = (uint8_t)i;
        if (delta_decode(slice_of(bytes, whole.len), &f.room, &got) != PANDO_OK)
            continue;
        buf_init(&again, 4096);
        CHECK_OK(delta_seal(&got, &again, &f.err));
        CHECK_EQ(again.len, whole.len);
        CHECK_MEM(again.ptr, bytes, whole.len);
        buf_deinit(&again);
    }
    memcpy(bytes, whole.ptr, whole.len);
    bytes[whole.len] = 0;
    CHECK_EQ(delta_decode(slice_of(bytes, whole.len + 1), &f.room, &got), PANDO_MALFORMED);
    buf_deinit(&f.buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_canonical_bytes_are_dag_cbor_with_ordered_keys),
        TEST(reads_back_what_was_sealed),
        TEST(numbers_have_one_encoding),
        TEST(refuses_what_breaks_a_rule_and_names_it),
        TEST(large_values_are_capped_one_by_one_and_together),
        TEST(a_delta_may_be_small_and_point_at_itself),
        TEST(whatever_decodes_is_canonical),
    };
    return CHECK_RUN(tests);
}
