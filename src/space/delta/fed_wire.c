#include "space/delta/fed_wire.h"

#include "base/slice.h"
#include "codec/json.h"
#include "space/delta/delta_json.h"
#include "space/delta/fed.h"

#include <inttypes.h>
#include <string.h>

static const char *const kind_names[] = {
#define X(name, text) [FED_SAYS_##name] = text,
    FED_MESSAGE_MAP(X)
#undef X
};

/* Whether the text has few enough values to be parsed. */
static bool is_modest(struct pando_slice text)
{
    size_t objects = 0, commas = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.len; i++) {
        const uint8_t c = text.ptr[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '['))
            objects++;
        else if (!quoted && c == ',')
            commas++;
    }
    return objects <= FED_OBJECTS_MAX && commas <= FED_VALUES_MAX;
}

/* --- reading members ------------------------------------------------------------------ */

struct reading {
    const json_t *root;
    struct pando_err *err;
    enum pando_status st;
};

static void wrong(struct reading *r, const char *member, const char *rule)
{
    if (r->st == PANDO_OK)
        r->st = pando_err_set(r->err, PANDO_MALFORMED, "%s %s", member, rule);
}

static struct pando_slice text_of(const json_t *v)
{
    return slice_of(json_string_value(v), json_string_length(v));
}

/* A text of 1..max bytes. */
static struct pando_slice need_text(struct reading *r, const char *member, size_t max)
{
    const json_t *v = json_object_get(r->root, member);
    if (!json_is_string(v) || json_string_length(v) == 0 || json_string_length(v) > max) {
        wrong(r, member, "is missing, no text, empty or too long");
        return SLICE_EMPTY;
    }
    return text_of(v);
}

/* A text that is only shown: cut, empty when left out. */
static struct pando_slice any_text(const struct reading *r, const char *member)
{
    const json_t *v = json_object_get(r->root, member);
    struct pando_slice s = json_is_string(v) ? text_of(v) : SLICE_EMPTY;
    s.len = s.len > FED_REASON_MAX ? FED_REASON_MAX : s.len;
    return s;
}

/* A whole number from 0 to 2^53, also when it is written as a float. */
static bool any_number(const struct reading *r, const char *member, int64_t *ret)
{
    const json_t *v = json_object_get(r->root, member);
    const double most = (double)DELTA_TIME_MAX;
    if (json_is_integer(v) && json_integer_value(v) >= 0 &&
        json_integer_value(v) <= DELTA_TIME_MAX)
        *ret = json_integer_value(v);
    else if (json_is_real(v) && json_real_value(v) >= 0 && json_real_value(v) <= most)
        *ret = (int64_t)json_real_value(v);
    else
        return false;
    return true;
}

static uint64_t number_or_none(const struct reading *r, const char *member)
{
    int64_t n = 0;
    return any_number(r, member, &n) ? (uint64_t)n : 0;
}

static const json_t *need_object(struct reading *r, const char *member)
{
    const json_t *v = json_object_get(r->root, member);
    if (!json_is_object(v))
        wrong(r, member, "is missing or no object");
    return v;
}

/* NULL when it is left out or null. */
static const json_t *any_object(struct reading *r, const char *member)
{
    const json_t *v = json_object_get(r->root, member);
    if (v == NULL || json_is_null(v))
        return NULL;
    if (!json_is_object(v))
        wrong(r, member, "is no object");
    return v;
}

static void read_sync(struct reading *r, struct fed_message *m)
{
    const json_t *v;
    switch (m->kind) {
    case FED_SAYS_SYNC_REQUEST:
        m->filter = any_object(r, "filter");
        v = json_object_get(r->root, "fromTimestamp");
        m->has_from = any_number(r, "fromTimestamp", &m->from);
        if (!m->has_from && v != NULL && !json_is_null(v))
            wrong(r, "fromTimestamp", "is no whole number of milliseconds");
        break;
    case FED_SAYS_SYNC_START:
        m->total = number_or_none(r, "totalDeltas");
        m->batch_size = number_or_none(r, "batchSize");
        break;
    case FED_SAYS_SYNC_BATCH:
        m->deltas = json_object_get(r->root, "deltas");
        if (!json_is_array(m->deltas))
            wrong(r, "deltas", "is missing or no array");
        m->number = number_or_none(r, "batchNumber");
        m->is_last = json_is_true(json_object_get(r->root, "isLastBatch"));
        break;
    default:
        m->total = number_or_none(r, "deltasProcessed");
        break;
    }
}

static void read_members(struct reading *r, struct fed_message *m)
{
    switch (m->kind) {
    case FED_SAYS_HELLO:
        m->config = any_object(r, "config");
        m->system_id = need_text(r, "systemId", DELTA_NAME_MAX);
        m->protocol = any_text(r, "protocol");
        break;
    case FED_SAYS_HELLO_ACK:
        m->system_id = need_text(r, "systemId", DELTA_NAME_MAX);
        m->link_id = any_text(r, "linkId");
        m->protocol = any_text(r, "protocol");
        m->session = any_text(r, "session");
        m->resumes = json_is_true(json_object_get(r->root, "resumes"));
        break;
    case FED_SAYS_DELTA: m->delta = need_object(r, "delta"); break;
    case FED_SAYS_DELTA_NACK:
    case FED_SAYS_DELTA_ACK:
        m->delta_id = need_text(r, "deltaId", DELTA_NAME_MAX);
        m->reason = any_text(r, "reason");
        break;
    case FED_SAYS_SYNC_REQUEST:
    case FED_SAYS_SYNC_START:
    case FED_SAYS_SYNC_BATCH:
    case FED_SAYS_SYNC_COMPLETE: read_sync(r, m); break;
    case FED_SAYS_ERROR:
        m->code = any_text(r, "code");
        m->text = any_text(r, "message");
        m->fatal = json_is_true(json_object_get(r->root, "fatal"));
        break;
    default: break;
    }
}

static enum fed_message_kind kind_of(struct pando_slice type)
{
    for (unsigned i = 0; i < FED_SAYS_UNKNOWN; i++)
        if (slice_equal(type, slice_text(kind_names[i])))
            return (enum fed_message_kind)i;
    return FED_SAYS_UNKNOWN;
}

enum pando_status fed_message_decode(struct pando_slice text, struct fed_message *ret,
                                     struct pando_err *reterr)
{
    struct fed_message m = { 0 };
    if (text.len <= FED_FRAME_MAX && !is_modest(text))
        return pando_err_set(reterr, PANDO_FULL, "more than %d objects or %d values",
                             FED_OBJECTS_MAX, FED_VALUES_MAX);
    enum pando_status st = json_text_parse_js(text, FED_FRAME_MAX, &m.root, reterr);
    if (st != PANDO_OK)
        return st;
    struct reading r = { .root = m.root, .err = reterr };
    if (json_is_object(m.root)) {
        m.type = need_text(&r, "type", FED_REASON_MAX);
        m.kind = kind_of(m.type);
        (void)any_number(&r, "timestamp", &m.timestamp);
        read_members(&r, &m);
    } else {
        wrong(&r, "the message", "is no object");
    }
    if (r.st != PANDO_OK)
        json_decref(m.root);
    else
        *ret = m;
    return r.st;
}

void fed_message_deinit(struct fed_message *m)
{
    json_decref(m->root);
    *m = (struct fed_message){ 0 };
}

/* --- writing -------------------------------------------------------------------------- */

/* Appends pieces; the first failure sticks and the buffer goes back. */
struct saying {
    struct pando_buf *b;
    size_t before;
    enum pando_status st;
};

static void put(struct saying *s, const char *text)
{
    if (s->st == PANDO_OK)
        s->st = buf_append(s->b, slice_text(text));
}

static void put_raw(struct saying *s, struct pando_slice text)
{
    if (s->st == PANDO_OK)
        s->st = buf_append(s->b, text);
}

static void put_text(struct saying *s, struct pando_slice text)
{
    if (s->st == PANDO_OK)
        s->st = json_text_escape(s->b, text);
}

static void put_number(struct saying *s, uint64_t n)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    put_raw(s, slice_of(digits + at, sizeof digits - at));
}

static struct saying say(struct pando_buf *b, enum fed_message_kind kind, int64_t now)
{
    struct saying s = { b, b->len, PANDO_OK };
    put(&s, "{\"type\":\"");
    put(&s, kind_names[kind]);
    put(&s, "\",\"timestamp\":");
    put_number(&s, now > 0 ? (uint64_t)now : 0);
    return s;
}

static enum pando_status finish(struct saying *s, const char *end)
{
    put(s, end);
    if (s->st != PANDO_OK)
        s->b->len = s->before;
    return s->st;
}

enum pando_status fed_say_hello(struct pando_buf *b, int64_t now, struct pando_slice system_id,
                                struct pando_slice config)
{
    struct saying s = say(b, FED_SAYS_HELLO, now);
    put(&s, ",\"systemId\":");
    put_text(&s, system_id);
    put(&s, ",\"config\":");
    put_raw(&s, config);
    return finish(&s, ",\"protocol\":\"" FED_PROTOCOL "\"}");
}

enum pando_status fed_say_hello_ack(struct pando_buf *b, int64_t now,
                                    struct pando_slice system_id, struct pando_slice link_id,
                                    struct pando_slice session)
{
    struct saying s = say(b, FED_SAYS_HELLO_ACK, now);
    put(&s, ",\"systemId\":");
    put_text(&s, system_id);
    put(&s, ",\"linkId\":");
    put_text(&s, link_id);
    put(&s, ",\"session\":");
    put_text(&s, session);
    return finish(&s, ",\"protocol\":\"" FED_PROTOCOL "\",\"resumes\":true}");
}

enum pando_status fed_say_delta(struct pando_buf *b, int64_t now, const struct delta *d)
{
    struct saying s = say(b, FED_SAYS_DELTA, now);
    put(&s, ",\"delta\":");
    if (s.st == PANDO_OK)
        s.st = delta_to_json(d, b);
    return finish(&s, "}");
}

enum pando_status fed_say_ack(struct pando_buf *b, int64_t now, struct pando_slice delta_id)
{
    struct saying s = say(b, FED_SAYS_DELTA_ACK, now);
    put(&s, ",\"deltaId\":");
    put_text(&s, delta_id);
    return finish(&s, "}");
}

enum pando_status fed_say_nack(struct pando_buf *b, int64_t now, struct pando_slice delta_id,
                               struct pando_slice reason)
{
    struct saying s = say(b, FED_SAYS_DELTA_NACK, now);
    put(&s, ",\"deltaId\":");
    put_text(&s, delta_id);
    put(&s, ",\"reason\":");
    put_text(&s, reason);
    return finish(&s, "}");
}

enum pando_status fed_say_sync_request(struct pando_buf *b, int64_t now,
                                       struct pando_slice filter, bool has_from, int64_t from)
{
    struct saying s = say(b, FED_SAYS_SYNC_REQUEST, now);
    if (filter.len > 0) {
        put(&s, ",\"filter\":");
        put_raw(&s, filter);
    }
    if (has_from) {
        put(&s, ",\"fromTimestamp\":");
        put_number(&s, from > 0 ? (uint64_t)from : 0);
    }
    return finish(&s, "}");
}

enum pando_status fed_say_sync_start(struct pando_buf *b, int64_t now, uint64_t total)
{
    struct saying s = say(b, FED_SAYS_SYNC_START, now);
    put(&s, ",\"totalDeltas\":");
    put_number(&s, total);
    put(&s, ",\"batchSize\":");
    put_number(&s, FED_BATCH);
    return finish(&s, "}");
}

enum pando_status fed_say_batch_head(struct pando_buf *b, int64_t now)
{
    struct saying s = say(b, FED_SAYS_SYNC_BATCH, now);
    return finish(&s, ",\"deltas\":[");
}

enum pando_status fed_say_batch_tail(struct pando_buf *b, uint64_t number, bool is_last)
{
    struct saying s = { b, b->len, PANDO_OK };
    put(&s, "],\"batchNumber\":");
    put_number(&s, number);
    return finish(&s, is_last ? ",\"isLastBatch\":true}" : ",\"isLastBatch\":false}");
}

enum pando_status fed_say_sync_complete(struct pando_buf *b, int64_t now, uint64_t processed)
{
    struct saying s = say(b, FED_SAYS_SYNC_COMPLETE, now);
    put(&s, ",\"deltasProcessed\":");
    put_number(&s, processed);
    return finish(&s, "}");
}

enum pando_status fed_say_plain(struct pando_buf *b, int64_t now, enum fed_message_kind kind)
{
    struct saying s = say(b, kind, now);
    return finish(&s, "}");
}

enum pando_status fed_say_error(struct pando_buf *b, int64_t now, const char *code,
                                struct pando_slice text, bool fatal)
{
    struct saying s = say(b, FED_SAYS_ERROR, now);
    put(&s, ",\"code\":\"");
    put(&s, code);
    put(&s, "\",\"message\":");
    put_text(&s, text);
    return finish(&s, fatal ? ",\"fatal\":true}" : ",\"fatal\":false}");
}
