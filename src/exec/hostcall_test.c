#include "exec/hostcall.h"

#include "base/slice.h"
#include "check.h"
#include "crypto/sign.h"
#include "exec/hmac.h"

/* A frame over 64 KiB of memory, as a run would give it. */
struct host {
    uint8_t memory[65536];
    struct exec_request request;
    struct pando_id capsule;
    struct hostcall_random random;
    struct hostcall_frame frame;
};

static void setup(struct host *h)
{
    memset(h, 0, sizeof *h);
    CHECK_OK(crypto_init());
    h->request.time.ms = INT64_C(1763668640123);
    h->request.nonce = 7;
    h->frame.memory = h->memory;
    h->frame.memory_len = sizeof h->memory;
    h->frame.request = &h->request;
    h->frame.capsule = &h->capsule;
    h->frame.random = &h->random;
}

static uint32_t put(struct host *h, uint32_t at, const char *text)
{
    memcpy(h->memory + at, text, strlen(text));
    return (uint32_t)strlen(text);
}

/* json_path or json_extract of `path` in `doc`; the answer lands at 30000. */
static int64_t json(struct host *h, enum hostcall call, const char *doc, const char *path,
                    uint32_t room)
{
    const uint32_t doc_len = put(h, 0, doc), path_len = put(h, 20000, path);
    memset(h->memory + 30000, '#', 1000);
    const uint32_t args[6] = { 0, doc_len, 20000, path_len, 30000, room };
    memcpy(h->frame.args, args, sizeof args);
    return hostcall_info(call)->run(&h->frame);
}

static void expect_json(struct host *h, const char *doc, const char *path,
                        const char *want)
{
    const int64_t got = json(h, HOSTCALL_json_path, doc, path, 1000);
    if (got != (int64_t)strlen(want))
        print_error("%s in %s: %lld\n", path, doc, (long long)got);
    CHECK_EQ(got, strlen(want));
    CHECK_MEM(h->memory + 30000, want, strlen(want));
    CHECK_EQ(h->memory[30000 + strlen(want)], '#'); /* not a byte more */
}

static void json_paths_lead_to_values(void **state)
{
    (void)state;
    static const char doc[] =
        "{\"user\":{\"name\":\"Ann\",\"tags\":[\"a\",{\"b c\":[1,2.5,null]}]},"
        "\"a/b\":{\"~\":true},\"5\":\"five\"}";
    struct host h;
    setup(&h);
    expect_json(&h, doc, "user.name", "\"Ann\"");
    expect_json(&h, doc, "$.user.name", "\"Ann\"");
    expect_json(&h, doc, "$['user'][\"name\"]", "\"Ann\"");
    expect_json(&h, doc, "user.tags[0]", "\"a\"");
    expect_json(&h, doc, "user.tags[1][\"b c\"][1]", "2.5");
    expect_json(&h, doc, "user.tags[1]['b c']", "[1,2.5,null]");
    expect_json(&h, doc, "/user/tags/1/b c/2", "null");
    expect_json(&h, doc, "/a~1b/~0", "true");
    expect_json(&h, doc, "/5", "\"five\"");
    expect_json(&h, doc, "5", "\"five\"");
    expect_json(&h, "[1]", "", "[1]");
    expect_json(&h, "17", "$", "17");
    CHECK_EQ(h.frame.failed, EXEC_FAIL_NONE);
}

static void json_failures_are_told_apart(void **state)
{
    (void)state;
    struct host h;
    setup(&h);
    static const char *const nowhere[] = { "b",   "a[3]", "a.b.c", "/a/01",
                                           "a.0", "[0]",  "/b/c" };
    static const char *const broken[] = { "a[", "a[x]", "a['b", "a..b",
                                          "a.", "/a~2", "a[01]" };
    for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++)
        CHECK_EQ(json(&h, HOSTCALL_json_path, "{\"a\":[1,2]}", nowhere[i], 100),
                 HOSTCALL_NOT_FOUND);
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        CHECK_EQ(json(&h, HOSTCALL_json_path, "{\"a\":[1,2]}", broken[i], 100),
                 HOSTCALL_MALFORMED);
    CHECK_EQ(json(&h, HOSTCALL_json_path, "{\"a\":", "a", 100), HOSTCALL_MALFORMED);
    CHECK_EQ(json(&h, HOSTCALL_json_path, "\"\xff\"", "", 100), HOSTCALL_MALFORMED);
    CHECK_EQ(json(&h, HOSTCALL_json_path, "{\"a\":\"1234\"}", "a", 5), HOSTCALL_NO_ROOM);
    CHECK_EQ(h.memory[30005], '#');
    CHECK_EQ(json(&h, HOSTCALL_json_path, "{\"a\":\"1234\"}", "a", 6), 6);
    CHECK_EQ(h.frame.failed, EXEC_FAIL_NONE);
}

static void json_extract_gives_strings_without_quotes(void **state)
{
    (void)state;
    struct host h;
    setup(&h);
    CHECK_EQ(json(&h, HOSTCALL_json_extract, "{\"a\":\"x\\ny\"}", "a", 3), 3);
    CHECK_MEM(h.memory + 30000, "x\ny", 3);
    CHECK_EQ(json(&h, HOSTCALL_json_extract, "{\"a\":\"x\\ny\"}", "a", 2),
             HOSTCALL_NO_ROOM);
    CHECK_EQ(json(&h, HOSTCALL_json_extract, "{\"a\":[true]}", "a", 100), 6);
    CHECK_MEM(h.memory + 30000, "[true]", 6);
}

static int64_t base64(struct host *h, enum hostcall call, const char *in, uint32_t to,
                      uint32_t room)
{
    const uint32_t args[4] = { 100, put(h, 100, in), to, room };
    memcpy(h->frame.args, args, sizeof args);
    return hostcall_info(call)->run(&h->frame);
}

static void base64_follows_rfc_4648(void **state)
{
    (void)state;
    static const char *const plain[] = {
        "", "f", "fo", "foo", "foob", "fooba", "foobar"
    };
    static const char *const coded[] = { "",         "Zg==",     "Zm8=",    "Zm9v",
                                         "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy" };
    struct host h;
    setup(&h);
    for (size_t i = 0; i < 7; i++) {
        const size_t len = strlen(coded[i]), plain_len = strlen(plain[i]);
        CHECK_EQ(base64(&h, HOSTCALL_base64_encode, plain[i], 500, (uint32_t)len), len);
        CHECK_MEM(h.memory + 500, coded[i], len);
        CHECK_EQ(base64(&h, HOSTCALL_base64_encode, plain[i], 100, (uint32_t)len), len);
        CHECK_MEM(h.memory + 100, coded[i], len); /* in place */
        CHECK_EQ(base64(&h, HOSTCALL_base64_decode, coded[i], 500, (uint32_t)plain_len),
                 plain_len);
        CHECK_MEM(h.memory + 500, plain[i], plain_len);
        CHECK_EQ(base64(&h, HOSTCALL_base64_decode, coded[i], 100, 10), plain_len);
        CHECK_MEM(h.memory + 100, plain[i], plain_len);
        if (len > 0)
            CHECK_EQ(base64(&h, HOSTCALL_base64_encode, plain[i], 500, (uint32_t)len - 1),
                     HOSTCALL_NO_ROOM);
    }
    CHECK_EQ(base64(&h, HOSTCALL_base64_decode, "Zm8", 500, 2), 2);  /* no padding */
    CHECK_EQ(base64(&h, HOSTCALL_base64_decode, "-_8=", 500, 2), 2); /* URL alphabet */
    static const char *const broken[] = { "Z",    "Zm9v=", "Zg=",  "Zh==",
                                          "Z===", "Zm8 ",  "====", "Zm9v\n" };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        CHECK_EQ(base64(&h, HOSTCALL_base64_decode, broken[i], 500, 100),
                 HOSTCALL_MALFORMED);
    CHECK_EQ(base64(&h, HOSTCALL_base64_decode, "Zm9v", 500, 2), HOSTCALL_NO_ROOM);
}

/* RFC 4231, test cases 2 and 6. */
static void hmac_follows_its_vectors(void **state)
{
    (void)state;
    static const uint8_t want[] = { 0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e };
    static const uint8_t long_want[] = { 0x60, 0xe4, 0x31, 0x59, 0x1e, 0xe0, 0xb6, 0x7f };
    struct host h;
    setup(&h);
    const uint32_t key_len = put(&h, 0, "Jefe");
    const uint32_t len = put(&h, 100, "what do ya want for nothing?");
    const uint32_t args[5] = { 0, key_len, 100, len, 200 };
    memcpy(h.frame.args, args, sizeof args);
    CHECK_EQ(hostcall_do_hmac_sha256(&h.frame), 32);
    CHECK_MEM(h.memory + 200, want, sizeof want);

    uint8_t key[131];
    memset(key, 0xaa, sizeof key);
    const struct pando_id mac =
        hmac_sha256(SLICE_OF(key),
                    slice_text("Test Using Larger Than Block-Size Key - Hash Key First"));
    CHECK_MEM(mac.bytes, long_want, sizeof long_want);
    struct pando_id other = mac;
    CHECK(hmac_equal(&mac, &other));
    other.bytes[31] ^= 1;
    CHECK(!hmac_equal(&mac, &other));
}

static void hashes_commit_and_verify(void **state)
{
    (void)state;
    static const uint8_t want[] = { 0xba, 0x78, 0x16, 0xbf }; /* FIPS 180-4: "abc" */
    struct host h;
    setup(&h);
    const uint32_t args[3] = { 0, put(&h, 0, "abc"), 64 };
    memcpy(h.frame.args, args, sizeof args);
    CHECK_EQ(hostcall_do_hash_commit(&h.frame), 32);
    CHECK_MEM(h.memory + 64, want, sizeof want);
    CHECK_EQ(hostcall_do_hash_verify(&h.frame), 1);
    h.memory[95] ^= 1;
    CHECK_EQ(hostcall_do_hash_verify(&h.frame), 0);
}

static void time_is_the_requests(void **state)
{
    (void)state;
    struct host h;
    setup(&h);
    CHECK_EQ(hostcall_do_time_now_ms(&h.frame), INT64_C(1763668640123));
    h.frame.args[0] = 8;
    h.frame.args[1] = 24;
    CHECK_EQ(hostcall_do_time_iso8601(&h.frame), 24);
    CHECK_MEM(h.memory + 8, "2025-11-20T19:57:20.123Z", 24);
    h.frame.args[1] = 23;
    CHECK_EQ(hostcall_do_time_iso8601(&h.frame), HOSTCALL_NO_ROOM);
    char text[HOSTCALL_ISO_SIZE];
    hostcall_iso8601(0, text);
    CHECK_STR(text, "1970-01-01T00:00:00.000Z");
    hostcall_iso8601(HOSTCALL_WALL_MAX, text);
    CHECK_STR(text, "9999-12-31T23:59:59.999Z");
}

/* One stream, however it is cut; another nonce, time or capsule gives another one. */
static void randomness_is_a_stream_of_the_receipts_facts(void **state)
{
    (void)state;
    struct host h;
    uint8_t whole[100];
    setup(&h);
    h.frame.args[0] = 0;
    h.frame.args[1] = 100;
    CHECK_EQ(hostcall_do_random_bytes(&h.frame), 100);
    memcpy(whole, h.memory, sizeof whole);

    setup(&h);
    for (uint32_t at = 0; at < 100; at += 25) {
        h.frame.args[0] = at;
        h.frame.args[1] = 25;
        CHECK_EQ(hostcall_do_random_bytes(&h.frame), 25);
    }
    CHECK_MEM(h.memory, whole, sizeof whole);

    setup(&h);
    const int64_t number = hostcall_do_random_u32(&h.frame);
    CHECK_EQ((uint32_t)number, (uint32_t)whole[0] << 24 | (uint32_t)whole[1] << 16 |
                                   (uint32_t)whole[2] << 8 | whole[3]);
    for (int change = 0; change < 3; change++) {
        setup(&h);
        h.request.nonce += change == 0;
        h.request.time.ms += change == 1;
        h.capsule.bytes[0] ^= change == 2;
        CHECK(hostcall_do_random_u32(&h.frame) != number);
    }
}

static void ranges_outside_memory_end_the_run(void **state)
{
    (void)state;
    struct host h;
    for (int i = 0; i < HOSTCALL_LEN; i++) {
        const struct hostcall_info *info = hostcall_info((enum hostcall)i);
        if (info->params < 2 || i == HOSTCALL_abort)
            continue;
        setup(&h);
        for (uint32_t a = 0; a < info->params; a++)
            h.frame.args[a] = 0xfffffff0;
        (void)info->run(&h.frame);
        CHECK_EQ(h.frame.failed, EXEC_FAIL_TRAP);
    }
    setup(&h);
    CHECK(hostcall_out(&h.frame, 65536, 0) != NULL); /* nothing, at the end: inside */
    CHECK(hostcall_out(&h.frame, 65537, 0) == NULL);
}

static void calls_are_found_and_priced(void **state)
{
    (void)state;
    CHECK_EQ(hostcall_find("json_path", 9), HOSTCALL_json_path);
    CHECK_EQ(hostcall_find("json_pat", 8), HOSTCALL_LEN);
    CHECK_EQ(hostcall_find("json_pathx", 10), HOSTCALL_LEN);
    const uint32_t args[6] = { 9, 10, 9, 5, 9, 0xffffffff };
    CHECK_EQ(hostcall_cost(hostcall_info(HOSTCALL_json_path), args), 500 + 10 * 15);
    const uint32_t huge[6] = { 0, 0xffffffff, 0, 0xffffffff, 0, 0 };
    CHECK_EQ(hostcall_cost(hostcall_info(HOSTCALL_json_path), huge),
             500 + 20 * INT64_C(0xffffffff));
}

/* Every function, its capability and its price, as authors read them. */
static void the_guide_says_what_the_table_says(void **state)
{
    (void)state;
    static char guide[65536];
    FILE *f = fopen(PANDO_SOURCE_DIR "/docs/guide/capsules.md", "rb");
    assert_non_null(f);
    guide[fread(guide, 1, sizeof guide - 1, f)] = '\0';
    CHECK_EQ(fclose(f), 0);
    for (int i = 0; i < HOSTCALL_LEN; i++) {
        const struct hostcall_info *info = hostcall_info((enum hostcall)i);
        char row[80], price[40];
        const char *capability =
            info->capability == 0 ? "always" : exec_capability_name(info->capability);
        (void)snprintf(row, sizeof row, "| `%s` | %s |", info->name, capability);
        if (info->per_byte > 0)
            (void)snprintf(price, sizeof price, "| %u + %u/byte |\n", (unsigned)info->base,
                           (unsigned)info->per_byte);
        else
            (void)snprintf(price, sizeof price, "| %u |\n", (unsigned)info->base);
        const char *at = strstr(guide, row);
        if (at == NULL)
            print_error("docs/guide/capsules.md lacks %s\n", row);
        assert_non_null(at);
        const char *end = strchr(at, '\n');
        assert_non_null(end);
        CHECK(end - at > (long)strlen(price));
        CHECK_MEM(end + 1 - strlen(price), price, strlen(price));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(json_paths_lead_to_values),
        TEST(json_failures_are_told_apart),
        TEST(json_extract_gives_strings_without_quotes),
        TEST(base64_follows_rfc_4648),
        TEST(hmac_follows_its_vectors),
        TEST(hashes_commit_and_verify),
        TEST(time_is_the_requests),
        TEST(randomness_is_a_stream_of_the_receipts_facts),
        TEST(ranges_outside_memory_end_the_run),
        TEST(calls_are_found_and_priced),
        TEST(the_guide_says_what_the_table_says),
    };
    return CHECK_RUN(tests);
}
