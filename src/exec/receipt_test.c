#include "exec/receipt.h"

#include "codec/cid.h"
#include "exec/exec_fixture.h"

#define NOW ((struct pando_wall){ INT64_C(1763668700000) })

static void secret_of(uint8_t seed, struct crypto_secret *ret)
{
    uint8_t bytes[32];
    memset(bytes, seed, sizeof bytes);
    crypto_secret_from_seed(bytes, ret);
}

/* A real run of hello, certified by the node of seed 1. */
static struct receipt certified(void)
{
    struct exec *x = fixture_exec();
    struct fixture_file f;
    const struct exec_request q =
        fixture_request(fixture_load(&f, "hello"), "{\"name\":\"test\"}");
    struct exec_result result;
    struct receipt r;
    CHECK_OK(exec_run(x, &q, &result));
    CHECK_OK(receipt_make(&q, &result, NULL, &r));
    exec_result_deinit(&result);
    exec_free(x);
    struct crypto_secret secret;
    secret_of(1, &secret);
    receipt_sign(&r, &secret);
    crypto_secret_deinit(&secret);
    return r;
}

static size_t encoded(const struct receipt *r, uint8_t bytes[RECEIPT_SIZE_MAX])
{
    size_t len = 0;
    CHECK_OK(receipt_encode(r, bytes, &len));
    return len;
}

static void a_receipt_survives_its_encoding(void **state)
{
    (void)state;
    const struct receipt r = certified();
    uint8_t bytes[RECEIPT_SIZE_MAX], again[RECEIPT_SIZE_MAX];
    const size_t len = encoded(&r, bytes);
    CHECK(len < 600);
    struct receipt back;
    CHECK_OK(receipt_decode(slice_of(bytes, len), &back));
    CHECK_EQ(encoded(&back, again), len);
    CHECK_MEM(again, bytes, len);
    CHECK_MEM(&back, &r, sizeof r); /* both began zeroed, so padding is equal too */
    const struct pando_id id = receipt_id(&r), want = crypto_sha256(slice_of(bytes, len));
    CHECK(id_equal(&id, &want));
}

static void every_changed_bit_is_noticed(void **state)
{
    (void)state;
    const struct receipt r = certified();
    uint8_t bytes[RECEIPT_SIZE_MAX];
    const size_t len = encoded(&r, bytes);
    size_t decoded = 0;
    for (size_t bit = 0; bit < len * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        struct receipt other;
        if (receipt_decode(slice_of(bytes, len), &other) == PANDO_OK) {
            decoded++;
            CHECK_EQ(receipt_verify(&other, NOW, 0), RECEIPT_FORGED);
        }
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    CHECK(decoded > 1000); /* most bits lie in hashes, keys and signature */
    CHECK_EQ(receipt_verify(&r, NOW, 0), RECEIPT_VALID);
}

static void decoding_is_strict(void **state)
{
    (void)state;
    const struct receipt r = certified();
    uint8_t bytes[RECEIPT_SIZE_MAX + 1];
    const size_t len = encoded(&r, bytes);
    struct receipt back;
    for (size_t cut = 0; cut < len; cut++)
        CHECK_EQ(receipt_decode(slice_of(bytes, cut), &back), PANDO_MALFORMED);
    bytes[len] = 0;
    CHECK_EQ(receipt_decode(slice_of(bytes, len + 1), &back), PANDO_MALFORMED);
    CHECK_EQ(bytes[3], 1); /* map head, "v", version */
    bytes[3] = 2;
    CHECK_EQ(receipt_decode(slice_of(bytes, len), &back), PANDO_UNSUPPORTED);
    bytes[3] = 0;
    CHECK_EQ(receipt_decode(slice_of(bytes, len), &back), PANDO_MALFORMED);
}

static void a_forged_signature_is_refused(void **state)
{
    (void)state;
    struct receipt r = certified();
    struct crypto_secret other;
    secret_of(2, &other);
    const struct pando_key node = r.node;
    receipt_sign(&r, &other); /* another node may certify, in its own name */
    CHECK_EQ(receipt_verify(&r, NOW, 0), RECEIPT_VALID);
    r.node = node; /* but not in ours */
    CHECK_EQ(receipt_verify(&r, NOW, 0), RECEIPT_FORGED);
    CHECK_EQ(receipt_verdict_status(RECEIPT_FORGED), PANDO_FORGED);
    crypto_secret_deinit(&other);

    r = certified();
    r.space.bytes[0] = 1; /* the same receipt shown in another space */
    CHECK_EQ(receipt_verify(&r, NOW, 0), RECEIPT_FORGED);
    r = certified();
    r.fuel_used--;
    CHECK_EQ(receipt_verify(&r, NOW, 0), RECEIPT_FORGED);
    r.fuel_used = r.limits.fuel + 1;
    CHECK_EQ(receipt_verify(&r, NOW, 0), RECEIPT_MALFORMED);
}

static void age_is_judged_by_the_given_clock(void **state)
{
    (void)state;
    const struct receipt r = certified();
    struct pando_wall now = r.time;
    CHECK_EQ(receipt_verify(&r, now, RECEIPT_AGE_DEFAULT_S), RECEIPT_VALID);
    now.ms = r.time.ms + 3600 * 1000;
    CHECK_EQ(receipt_verify(&r, now, RECEIPT_AGE_DEFAULT_S), RECEIPT_VALID);
    now.ms++;
    CHECK_EQ(receipt_verify(&r, now, RECEIPT_AGE_DEFAULT_S), RECEIPT_STALE);
    CHECK_EQ(receipt_verify(&r, now, 0), RECEIPT_VALID);
    now.ms = r.time.ms - 600 * 1000;
    CHECK_EQ(receipt_verify(&r, now, RECEIPT_AGE_DEFAULT_S), RECEIPT_VALID);
    now.ms--;
    CHECK_EQ(receipt_verify(&r, now, RECEIPT_AGE_DEFAULT_S), RECEIPT_AHEAD);
    CHECK_EQ(receipt_verify(&r, now, 0), RECEIPT_VALID);
}

static void a_failed_run_gets_no_receipt(void **state)
{
    (void)state;
    struct exec *x = fixture_exec();
    struct fixture_file f;
    const struct exec_request q = fixture_request(fixture_load(&f, "loop"), "");
    struct exec_result result;
    struct receipt r;
    CHECK_EQ(exec_run(x, &q, &result), PANDO_FULL);
    CHECK_EQ(receipt_make(&q, &result, NULL, &r), PANDO_INVALID);
    exec_result_deinit(&result);
    exec_free(x);
}

static void json_round_trips_below_a_kilobyte(void **state)
{
    (void)state;
    struct receipt r = certified();
    for (int with_space = 0; with_space < 2; with_space++) {
        struct pando_buf text, pretty;
        buf_init(&text, RECEIPT_JSON_MAX);
        buf_init(&pretty, RECEIPT_JSON_MAX);
        CHECK_OK(receipt_to_json(&r, false, &text));
        CHECK_OK(receipt_to_json(&r, true, &pretty));
        CHECK(text.len < 1024);
        struct receipt back;
        struct pando_err err;
        CHECK_OK(receipt_from_json(buf_view(&text), &back, &err));
        CHECK_MEM(&back, &r, sizeof r);
        CHECK_OK(receipt_from_json(buf_view(&pretty), &back, &err));
        CHECK_MEM(&back, &r, sizeof r);
        buf_deinit(&text);
        buf_deinit(&pretty);
        memset(r.space.bytes, 7, sizeof r.space.bytes);
    }
}

/* Replace `from` by `to` in the JSON of a valid receipt and read that. */
static void refuse_json(const char *from, const char *to, const char *words)
{
    const struct receipt r = certified();
    struct pando_buf text, changed;
    buf_init(&text, RECEIPT_JSON_MAX);
    buf_init(&changed, RECEIPT_JSON_MAX);
    CHECK_OK(receipt_to_json(&r, false, &text));
    CHECK_OK(buf_append(&text, slice_of("", 1)));
    const char *json = (const char *)text.ptr;
    const char *at = strstr(json, from);
    assert_non_null(at);
    CHECK_OK(buf_append(&changed, slice_of(json, (size_t)(at - json))));
    CHECK_OK(buf_append(&changed, slice_text(to)));
    CHECK_OK(buf_append(&changed, slice_text(at + strlen(from))));
    struct receipt back;
    struct pando_err err = { PANDO_OK, "" };
    CHECK_EQ(receipt_from_json(buf_view(&changed), &back, &err), PANDO_MALFORMED);
    if (strstr(err.text, words) == NULL)
        print_error("%s: \"%s\" lacks \"%s\"\n", to, err.text, words);
    CHECK(strstr(err.text, words) != NULL);
    buf_deinit(&text);
    buf_deinit(&changed);
}

static void changed_json_is_refused_by_name(void **state)
{
    (void)state;
    refuse_json("\"version\":1", "\"version\":2", "version");
    refuse_json("\"host_calls\":1", "\"host_calls\":2",
                "id (the content has another one");
    refuse_json("\"host_calls\":1", "\"host_calls\":\"1\"", "host_calls");
    refuse_json("\"host_calls\":1", "\"host_calls\":1,\"note\":1", "unknown key");
    refuse_json("\"nonce\":1", "\"nonse\":1", "nonce");
    refuse_json("\"nonce\":1", "\"nonce\":-1", "nonce");
    refuse_json("2025-11-20", "2025-11-21", "time");
    refuse_json("\"hash\",", "\"hash\",\"hash\",", "capabilities");
    refuse_json("\"signature\":\"", "\"signature\":\"0", "signature");
    refuse_json("\"memory_mb\":64", "\"memory_mb\":0", "out of range");
    refuse_json("{\"version\"", "[\"version\"", "not JSON");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_receipt_survives_its_encoding),
        TEST(every_changed_bit_is_noticed),
        TEST(decoding_is_strict),
        TEST(a_forged_signature_is_refused),
        TEST(age_is_judged_by_the_given_clock),
        TEST(a_failed_run_gets_no_receipt),
        TEST(json_round_trips_below_a_kilobyte),
        TEST(changed_json_is_refused_by_name),
    };
    return CHECK_RUN(tests);
}
