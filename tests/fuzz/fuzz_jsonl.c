/* fuzz_jsonl.c - a chat client's line, and a room's entry on its way to one.
 *
 * Properties: nothing crashes; a refusal leaves nothing behind and says why; every name
 * that is taken is terminated and free of control characters; whatever is delivered is
 * one line below the limit that reads as JSON with the number it had.
 */
#include "api/jsonl_codec.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const char *name, size_t cap)
{
    PANDO_ASSERT(memchr(name, 0, cap) != NULL);
    for (const char *c = name; *c != '\0'; c++)
        PANDO_ASSERT((unsigned char)*c >= 0x20 && *c != 0x7f);
}

static void check_decode(const uint8_t *data, size_t size)
{
    struct jsonl_message m;
    struct pando_err err = { 0 };
    const enum pando_status st =
        jsonl_decode((struct pando_slice){ data, size }, &m, &err);
    check_name(m.msg_id, sizeof m.msg_id);
    if (st != PANDO_OK) {
        PANDO_ASSERT(m.json == NULL && err.text[0] != '\0');
        return;
    }
    check_name(m.room, sizeof m.room);
    check_name(m.token, sizeof m.token);
    PANDO_ASSERT(m.room[0] != '\0' && m.sender_id >= -1);
    PANDO_ASSERT(m.type != JSONL_CHAT || m.payload != NULL);
    const struct jsonl_session s = jsonl_session(m.msg_id);
    PANDO_ASSERT(s.client >= 1 && s.client <= INT64_MAX && s.counter >= 1);
    jsonl_release(&m);
}

static void check_line(json_t *object, json_int_t seq)
{
    struct pando_buf out;
    buf_init(&out, JSONL_MAX);
    if (jsonl_put(&out, object)) {
        PANDO_ASSERT(out.len <= JSONL_MAX && out.ptr[out.len - 1] == '\n');
        PANDO_ASSERT(memchr(out.ptr, '\n', out.len - 1) == NULL);
        json_t *again =
            json_loadb((const char *)out.ptr, out.len, JSON_ALLOW_NUL, NULL);
        PANDO_ASSERT(again != NULL);
        PANDO_ASSERT(json_integer_value(json_object_get(again, "seq_no")) == seq);
        json_decref(again);
    }
    buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_decode(data, size);
    json_t *entry = json_loadb((const char *)data, size, JSON_ALLOW_NUL, NULL);
    const json_int_t seq = json_integer_value(json_object_get(entry, "seq"));
    json_t *chat = jsonl_seq_chat(entry), *record = jsonl_record(entry);
    if (chat != NULL)
        check_line(chat, seq);
    if (record != NULL)
        check_line(record, seq);
    json_decref(entry);
    return 0;
}
