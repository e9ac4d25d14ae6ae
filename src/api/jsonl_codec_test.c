/* jsonl_codec_test.c - what scripts say is understood, what is wrong is named. */
#include "api/jsonl_codec.h"

#include "base/slice.h"

#include "check.h"

#include <stdlib.h>

static enum pando_status decode(const char *text, struct jsonl_message *m,
                                struct pando_err *err)
{
    return jsonl_decode(slice_text(text), m, err);
}

static void a_short_script_is_understood(void **state)
{
    (void)state;
    struct jsonl_message m;
    struct pando_err err = { 0 };
    CHECK_OK(decode("{\"type\":\"CHAT\",\"payload\":\"hi\"}", &m, &err));
    CHECK_EQ(m.type, JSONL_CHAT);
    CHECK_STR(m.payload, "hi");
    CHECK_STR(m.room, "general");
    CHECK_STR(m.msg_id, "");
    CHECK_EQ(m.sender_id, -1);
    jsonl_release(&m);
    CHECK_OK(decode("{\"type\":\"CATCHUP_REQ\",\"sender_id\":7,\"term\":0,\"room_id\":null,"
                    "\"msg_id\":null,\"seq_no\":null,\"payload\":null,\"last_seq\":12}",
                    &m, &err));
    CHECK_EQ(m.type, JSONL_CATCHUP_REQ);
    CHECK_EQ(m.sender_id, 7);
    CHECK(m.has_last_seq);
    CHECK_EQ(m.last_seq, 12);
    jsonl_release(&m);
    CHECK_OK(decode("{\"type\":\"JOIN\",\"room_id\":\"ops\",\"term\":3.5,\"new\":[]}", &m, &err));
    CHECK_STR(m.room, "ops");
    CHECK(!m.has_last_seq);
    jsonl_release(&m);
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        { "{\"type\":\"chat\",\"payload\":\"x\"}", "did you mean 'CHAT'?" },
        { "{\"payload\":\"x\"}", "type must be" },
        { "{\"type\":\"CHAT\",\"payload\":5}", "payload must be" },
        { "{\"type\":\"CHAT\"}", "payload must be" },
        { "{\"type\":\"CHAT\",\"payload\":\"a\\u0000b\"}", "payload must be" },
        { "{\"type\":\"JOIN\",\"sender_id\":\"seven\"}", "sender_id must be" },
        { "{\"type\":\"JOIN\",\"sender_id\":-1}", "sender_id must be" },
        { "{\"type\":\"CATCHUP_REQ\",\"last_seq\":-4}", "last_seq must be" },
        { "{\"type\":\"JOIN\",\"room_id\":\"\"}", "room_id must be" },
        { "{\"type\":\"JOIN\",\"room_id\":\"a\\nb\"}", "room_id must be" },
        { "{\"type\":\"JOIN\",\"term\":\"x\"}", "term must be" },
        { "{\"type\":\"JOIN\"", "JSON" },
        { "[]", "one JSON object" },
        { "{\"type\":\"JOIN\",\"type\":\"CHAT\"}", "duplicate" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct jsonl_message m;
        struct pando_err err = { 0 };
        CHECK(decode(rows[i][0], &m, &err) != PANDO_OK);
        if (strstr(err.text, rows[i][1]) == NULL)
            print_error("%s: %s\n", rows[i][0], err.text);
        CHECK(strstr(err.text, rows[i][1]) != NULL);
        CHECK(m.json == NULL);
    }
    struct jsonl_message m;
    struct pando_err err = { 0 };
    CHECK(decode("{\"type\":\"CHAT\",\"msg_id\":\"m1\",\"payload\":5}", &m, &err) != PANDO_OK);
    CHECK_STR(m.msg_id, "m1"); /* the error can name the message */
}

static void a_message_id_is_a_place_in_a_session(void **state)
{
    (void)state;
    const uint64_t session = jsonl_session("101-af").client;
    CHECK_EQ(jsonl_session("101-af:42").client, session);
    CHECK_EQ(jsonl_session("101-af:42").counter, 42);
    CHECK(session > 0 && session <= INT64_MAX);
    static const char *const whole[] = { "2c1d7e3a-8f0b-4c55-9a38-000000000042", "a:", ":7",
                                         "a:07", "a:0", "a:7x", "a:999999999999999999" };
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        CHECK(jsonl_session(whole[i]).client != jsonl_session("a").client);
        CHECK_EQ(jsonl_session(whole[i]).counter, 1);
        CHECK_EQ(jsonl_is_uuid(whole[i]), i == 0);
    }
    CHECK(!jsonl_is_uuid("2c1d7e3a-8f0b-4c55-9a38-0000000000421"));
    CHECK(!jsonl_is_uuid("2c1d7e3a8f0b4c559a38000000000042-"));
    CHECK_EQ(jsonl_sender_id("node_9999"), 9999);
    CHECK_EQ(jsonl_sender_id("peer_1"), 1);
    CHECK_EQ(jsonl_sender_id("alice"), -1);
    CHECK_EQ(jsonl_sender_id("node_"), -1);
    CHECK_EQ(jsonl_sender_id("node_12x"), -1);
    CHECK_EQ(jsonl_sender_id("a_b_7"), 7);
}

static json_t *entry(const char *text, size_t len)
{
    return json_pack("{s:i,s:i,s:s,s:s,s:s,s:s%,s:I}", "seq", 5, "term", 2, "msg_id", "a:1",
                     "sender", "node_9999", "room", "general", "text", text, len, "time",
                     (json_int_t)1700000000500);
}

static void a_delivered_message_becomes_a_line(void **state)
{
    (void)state;
    struct pando_buf out;
    buf_init(&out, JSONL_MAX);
    json_t *e = entry("Hello", 5);
    CHECK(jsonl_put(&out, jsonl_seq_chat(e)));
    json_t *line = json_loadb((const char *)out.ptr, out.len, 0, NULL);
    CHECK(line != NULL && out.ptr[out.len - 1] == '\n');
    CHECK_STR(json_string_value(json_object_get(line, "type")), "SEQ_CHAT");
    CHECK_EQ(json_integer_value(json_object_get(line, "sender_id")), 9999);
    CHECK_EQ(json_integer_value(json_object_get(line, "seq_no")), 5);
    CHECK_STR(json_string_value(json_object_get(line, "payload")), "Hello");
    CHECK_STR(json_string_value(json_object_get(line, "msg_id")), "a:1");
    CHECK(json_real_value(json_object_get(line, "timestamp")) == 1700000000.5);
    json_decref(line);
    json_decref(e);
    json_t *no_seq = json_pack("{s:s}", "event", "role");
    CHECK(jsonl_seq_chat(no_seq) == NULL);
    json_decref(no_seq);
    buf_deinit(&out);
}

/* The worst texts: every byte grows when escaped; no cut within a character. */
static void no_line_is_longer_than_the_limit(void **state)
{
    (void)state;
    static const struct {
        const char *unit;
        size_t len;
        bool cut;
    } rows[] = { { "a", 60000, false }, { "\x01", 60000, true }, { "\"", 65536, true },
                 { "\xf0\x9f\x8c\xb3", 65536, true }, { "\x7f", 65536, true } };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *text = malloc(rows[i].len);
        struct pando_buf out;
        CHECK(text != NULL);
        for (size_t at = 0; at < rows[i].len; at++)
            text[at] = rows[i].unit[at % strlen(rows[i].unit)];
        buf_init(&out, JSONL_MAX);
        json_t *e = entry(text, rows[i].len);
        CHECK(e != NULL);
        CHECK(jsonl_put(&out, jsonl_seq_chat(e)));
        CHECK(out.len <= JSONL_MAX);
        json_t *line = json_loadb((const char *)out.ptr, out.len, 0, NULL);
        CHECK(line != NULL); /* still UTF-8 */
        CHECK_EQ(json_is_true(json_object_get(line, "cut")), rows[i].cut);
        json_decref(line);
        json_decref(e);
        buf_deinit(&out);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_short_script_is_understood),
        TEST(what_is_wrong_is_named),
        TEST(a_message_id_is_a_place_in_a_session),
        TEST(a_delivered_message_becomes_a_line),
        TEST(no_line_is_longer_than_the_limit),
    };
    return CHECK_RUN(tests);
}
