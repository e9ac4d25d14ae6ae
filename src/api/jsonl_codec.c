#include "api/jsonl_codec.h"

#include "base/near.h"
#include "base/slice.h"
#include "codec/json.h"
#include "crypto/sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_FOR_REST 2048 /* bytes of a line beside its text: ids, names, numbers */

static const char *const type_names[] = { "JOIN", "CHAT", "CATCHUP_REQ", "HEARTBEAT" };

/* A member, where null is the same as none. */
static const json_t *member(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

static enum pando_status wrong(struct pando_err *reterr, const char *key,
                               const char *expected)
{
    return pando_err_set(reterr, PANDO_INVALID, "%s must be %s", key, expected);
}

/* A short text without control characters; `missing` when there is none. */
static bool read_name(const json_t *object, const char *key, const char *missing,
                      char *ret, size_t cap)
{
    const json_t *value = member(object, key);
    const char *text = value == NULL ? missing : json_string_value(value);
    if (text == NULL || strlen(text) >= cap ||
        (value != NULL && strlen(text) != json_string_length(value)))
        return false;
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return false;
    memcpy(ret, text, strlen(text) + 1);
    return true;
}

static enum pando_status read_type(const json_t *object, enum jsonl_type *ret,
                                   struct pando_err *reterr)
{
    const char *type = json_string_value(member(object, "type"));
    if (type == NULL)
        return wrong(reterr, "type", "JOIN, CHAT, CATCHUP_REQ or HEARTBEAT");
    struct near_search near = { .word = type };
    for (size_t i = 0; i < sizeof type_names / sizeof type_names[0]; i++) {
        if (strcmp(type, type_names[i]) == 0) {
            *ret = (enum jsonl_type)i;
            return PANDO_OK;
        }
        near_offer(&near, type_names[i]);
    }
    return pando_err_set(reterr, PANDO_INVALID,
                         "a client does not say '%.40s'%s%s%s (JOIN, CHAT, CATCHUP_REQ, "
                         "HEARTBEAT)",
                         type, near.best != NULL ? "; did you mean '" : "",
                         near.best != NULL ? near.best : "",
                         near.best != NULL ? "'?" : "");
}

static enum pando_status read_numbers(const json_t *object, struct jsonl_message *m,
                                      struct pando_err *reterr)
{
    const json_t *sender = member(object, "sender_id");
    const json_t *last = member(object, "last_seq");
    const json_t *term = member(object, "term");
    if (sender != NULL && (!json_is_integer(sender) || json_integer_value(sender) < 0))
        return wrong(reterr, "sender_id", "a whole number from 0 on");
    if (last != NULL && (!json_is_integer(last) || json_integer_value(last) < 0))
        return wrong(reterr, "last_seq", "a whole number from 0 on");
    if (term != NULL && !json_is_number(term))
        return wrong(reterr, "term", "a number, or absent");
    m->sender_id = sender != NULL ? json_integer_value(sender) : -1;
    m->has_last_seq = last != NULL;
    m->last_seq = last != NULL ? (uint64_t)json_integer_value(last) : 0;
    return PANDO_OK;
}

static enum pando_status read_members(json_t *object, struct jsonl_message *m,
                                      struct pando_err *reterr)
{
    if (!read_name(object, "msg_id", "", m->msg_id, sizeof m->msg_id))
        return wrong(reterr, "msg_id", "a text of at most 64 bytes");
    enum pando_status st = read_type(object, &m->type, reterr);
    if (st == PANDO_OK)
        st = read_numbers(object, m, reterr);
    if (st != PANDO_OK)
        return st;
    if (!read_name(object, "room_id", JSONL_ROOM, m->room, sizeof m->room) ||
        m->room[0] == '\0')
        return wrong(reterr, "room_id", "a name of 1 to 64 bytes");
    if (!read_name(object, "token", "", m->token, sizeof m->token))
        return wrong(reterr, "token", "a text of at most 127 bytes");
    const json_t *payload = member(object, "payload");
    m->payload = json_string_value(payload);
    if (m->type == JSONL_CHAT &&
        (m->payload == NULL || json_string_length(payload) != strlen(m->payload)))
        return wrong(reterr, "payload", "the text of the message");
    return PANDO_OK;
}

enum pando_status jsonl_decode(struct pando_slice line, struct jsonl_message *ret,
                               struct pando_err *reterr)
{
    json_t *object = NULL;
    memset(ret, 0, sizeof *ret);
    enum pando_status st = json_text_parse(line, JSONL_MAX, &object, reterr);
    if (st != PANDO_OK)
        return PANDO_MALFORMED;
    if (json_is_object(object))
        st = read_members(object, ret, reterr);
    else
        st = pando_err_set(reterr, PANDO_MALFORMED, "a line is one JSON object");
    if (st == PANDO_OK)
        ret->json = object;
    else
        json_decref(object);
    return st;
}

void jsonl_release(struct jsonl_message *m)
{
    json_decref(m->json);
    m->json = NULL;
    m->payload = NULL;
}

static uint64_t client_of(const char *name, size_t len)
{
    const struct pando_id id = crypto_sha256(slice_of(name, len));
    uint64_t client = 0;
    for (size_t i = 0; i < 8; i++)
        client = client << 8 | id.bytes[i];
    return client >> 1 | 1; /* a JSON integer, and not 0 */
}

struct jsonl_session jsonl_session(const char *msg_id)
{
    const char *colon = strrchr(msg_id, ':');
    const size_t digits = colon != NULL ? strlen(colon + 1) : 0;
    if (colon != NULL && colon > msg_id && digits > 0 && digits < 18 &&
        colon[1] != '0' && strspn(colon + 1, "0123456789") == digits)
        return (struct jsonl_session){ client_of(msg_id, (size_t)(colon - msg_id)),
                                       strtoull(colon + 1, NULL, 10) };
    return (struct jsonl_session){ client_of(msg_id, strlen(msg_id)), 1 };
}

bool jsonl_is_uuid(const char *msg_id)
{
    size_t digits = 0;
    for (const char *c = msg_id; *c != '\0'; c++) {
        if (strchr("0123456789abcdefABCDEF-", *c) == NULL)
            return false;
        digits += *c != '-';
    }
    return digits == 32 && msg_id[strlen(msg_id) - 1] != '-';
}

int64_t jsonl_sender_id(const char *sender)
{
    const char *digits = strrchr(sender, '_');
    const size_t len = digits != NULL ? strlen(++digits) : 0;
    if (len == 0 || len > 15 || strspn(digits, "0123456789") != len)
        return -1;
    return strtoll(digits, NULL, 10);
}

/* Bytes of one byte of text inside a JSON string. */
static size_t escaped_size(unsigned char c)
{
    if (c == '"' || c == '\\' || (c >= '\b' && c <= '\r' && c != 0x0b))
        return 2;
    return c < 0x20 ? 6 : 1;
}

/* How much of `text` fits into a line; never within a character. */
static size_t fitting(const char *text, size_t len)
{
    size_t size = 0, at = 0;
    while (at < len && size + escaped_size((unsigned char)text[at]) <=
                           JSONL_MAX - ROOM_FOR_REST)
        size += escaped_size((unsigned char)text[at++]);
    while (at < len && at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80)
        at--;
    return at;
}

/* What both forms share; the text goes under `key`. */
static json_t *delivered(const json_t *entry, const char *key)
{
    const json_t *seq = json_object_get(entry, "seq");
    const char *sender = json_string_value(json_object_get(entry, "sender"));
    const char *room = json_string_value(json_object_get(entry, "room"));
    const json_t *text = json_object_get(entry, "text");
    const json_t *bytes = json_object_get(entry, "bytes");
    const json_t *id = json_object_get(entry, "msg_id");
    if (!json_is_integer(seq) || sender == NULL || room == NULL)
        return NULL;
    const char *words = json_is_string(text) ? json_string_value(text)
                        : json_is_string(bytes) ? json_string_value(bytes)
                                                : "";
    const size_t len = json_is_string(text)    ? json_string_length(text)
                       : json_is_string(bytes) ? json_string_length(bytes)
                                               : 0;
    const size_t fits = fitting(words, len);
    json_t *object = json_pack(
        "{s:I,s:s,s:I,s:s,s:I,s:f}", "sender_id", (json_int_t)jsonl_sender_id(sender),
        "sender", sender, "term",
        json_integer_value(json_object_get(entry, "term")), "room_id", room, "seq_no",
        json_integer_value(seq), "timestamp",
        (double)json_integer_value(json_object_get(entry, "time")) / 1000.0);
    if (object != NULL && json_object_set_new(object, key, json_stringn(words, fits)) != 0) {
        json_decref(object);
        return NULL;
    }
    if (fits < len)
        (void)json_object_set_new(object, "cut", json_true());
    if (!json_is_string(text) && json_is_string(bytes))
        (void)json_object_set_new(object, "base64", json_true());
    if (json_is_string(id))
        (void)json_object_set(object, "msg_id", (json_t *)(uintptr_t)id);
    return object;
}

json_t *jsonl_seq_chat(const json_t *entry)
{
    json_t *object = delivered(entry, "payload");
    if (object != NULL)
        (void)json_object_set_new(object, "type", json_string("SEQ_CHAT"));
    return object;
}

json_t *jsonl_record(const json_t *entry)
{
    return delivered(entry, "text");
}

bool jsonl_put(struct pando_buf *out, json_t *object)
{
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    const size_t before = out->len, len = text != NULL ? strlen(text) : JSONL_MAX;
    bool put = len < JSONL_MAX && buf_append(out, slice_of(text, len)) == PANDO_OK;
    if (put && buf_append(out, slice_text("\n")) != PANDO_OK) {
        out->len = before;
        put = false;
    }
    free(text);
    return put;
}

bool jsonl_put_error(struct pando_buf *out, const char *status, const char *text,
                     const char *msg_id)
{
    json_t *object = json_pack("{s:s}", "type", "ERROR");
    json_t *said = json_string(text);
    if (said == NULL)
        said = json_string("the reason is not UTF-8");
    (void)json_object_set_new(object, "text", said);
    if (status != NULL)
        (void)json_object_set_new(object, "status", json_string(status));
    if (msg_id != NULL && msg_id[0] != '\0')
        (void)json_object_set_new(object, "msg_id", json_string(msg_id));
    return jsonl_put(out, object);
}
