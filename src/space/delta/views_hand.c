#include "space/delta/views_hand.h"

#include "base/slice.h"
#include "check.h"
#include "codec/json.h"
#include "space/delta/delta_json.h"

#include <stdlib.h>
#include <string.h>

void hand_init(struct hand *h)
{
    memset(h, 0, sizeof *h);
}

static void drop(struct hand *h, size_t at)
{
    buf_deinit(&h->bytes[at]);
    free(h->rooms[at]);
}

static void forget_array(struct hand *h)
{
    if (h->sorted)
        source_array_deinit(&h->array);
    h->sorted = false;
}

void hand_deinit(struct hand *h)
{
    forget_array(h);
    for (size_t i = 0; i < h->len; i++)
        drop(h, i);
    free(h->given);
    free(h->given_room);
    memset(h, 0, sizeof *h);
}

/* What was given before is gone from here on. */
static struct delta_source begin(struct hand *h)
{
    free(h->given);
    free(h->given_room);
    h->given = NULL;
    h->given_room = NULL;
    if (!h->sorted)
        CHECK_OK(source_array_init(&h->array, h->deltas, h->len));
    h->sorted = true;
    return source_array_of(&h->array);
}

static enum pando_status give(struct hand *h, const struct delta *d, struct delta *ret)
{
    h->given = malloc(d->bytes.len);
    h->given_room = malloc(sizeof *h->given_room);
    CHECK(h->given != NULL && h->given_room != NULL);
    memcpy(h->given, d->bytes.ptr, d->bytes.len);
    return delta_decode(slice_of(h->given, d->bytes.len), h->given_room, ret);
}

static enum pando_status hand_get(void *ctx, struct pando_slice id, struct delta *ret)
{
    struct hand *h = ctx;
    struct delta d;
    uint8_t text[DELTA_NAME_MAX];
    CHECK(id.len <= sizeof text);
    memcpy(text, id.ptr, id.len);
    const struct delta_source s = begin(h);
    const enum pando_status st = source_get(&s, slice_of(text, id.len), &d);
    return st == PANDO_OK ? give(h, &d, ret) : st;
}

static enum pando_status hand_next(void *ctx, const struct filter *f, bool descending,
                                   struct delta_place *place, struct delta *ret)
{
    struct hand *h = ctx;
    struct delta d;
    const struct delta_source s = begin(h);
    if (h->busy_every != 0 && ++h->calls % h->busy_every == 0)
        return PANDO_BUSY;
    const enum pando_status st = source_next(&s, f, descending, place, &d);
    return st == PANDO_OK ? give(h, &d, ret) : st;
}

struct delta_source hand_source(struct hand *h)
{
    static const struct delta_source_ops ops = { .get = hand_get, .next = hand_next };
    return (struct delta_source){ h, &ops };
}

json_t *hand_json(const char *text)
{
    json_t *value = NULL;
    struct pando_err err = { 0 };
    if (json_text_parse(slice_text(text), JSON_TEXT_MAX, &value, &err) != PANDO_OK)
        fail_msg("%s in: %s", err.text, text);
    return value;
}

static void add_one(struct hand *h, const json_t *json)
{
    const struct delta_defaults defaults = { .author = slice_text("a"), .system = slice_text("s") };
    const size_t at = h->len;
    struct pando_err err = { 0 };
    struct delta d;
    CHECK(at < HAND_MAX);
    buf_init(&h->bytes[at], DELTA_BYTES_MAX);
    h->rooms[at] = malloc(sizeof *h->rooms[at]);
    CHECK(h->rooms[at] != NULL);
    if (delta_from_json(json, &defaults, h->rooms[at], &h->bytes[at], &d, &err) != PANDO_OK)
        fail_msg("%s", err.text);
    CHECK_OK(delta_decode(buf_view(&h->bytes[at]), h->rooms[at], &h->deltas[at]));
    size_t same = 0;
    while (same < at && !slice_equal(h->deltas[same].bytes, h->deltas[at].bytes))
        same++;
    if (same == at) {
        h->len++;
        forget_array(h);
    } else {
        drop(h, at);
    }
    if (h->views != NULL)
        views_on_delta(h->views, &h->deltas[same]);
}

void hand_add_value(struct hand *h, const json_t *json)
{
    if (!json_is_array(json))
        add_one(h, json);
    for (size_t i = 0; i < json_array_size(json); i++)
        add_one(h, json_array_get(json, i));
}

void hand_add(struct hand *h, const char *json)
{
    json_t *value = hand_json(json);
    hand_add_value(h, value);
    json_decref(value);
}

void hand_say(struct hand *h, const char *id, int64_t time, const char *object,
              const char *property, const char *value)
{
    json_t *v = json_loads(value, JSON_DECODE_ANY, NULL);
    json_t *json = json_pack("{s:s, s:I, s:[{s:s, s:{s:s, s:s}}, {s:s, s:o}]}", "id", id,
                             "timestamp", (json_int_t)time, "pointers", "role", "of", "target",
                             "id", object, "context", property, "role", property, "target", v);
    CHECK(json != NULL);
    hand_add_value(h, json);
    json_decref(json);
}

void hand_negate(struct hand *h, const char *id, int64_t time, const char *negated)
{
    json_t *json = json_pack("{s:s, s:I, s:[{s:s, s:{s:s, s:s}}]}", "id", id, "timestamp",
                             (json_int_t)time, "pointers", "role", "negates", "target", "id",
                             negated, "context", "negated_by");
    hand_add_value(h, json);
    json_decref(json);
}

/* As an archive does: the source shows it no more, then the views hear of it. */
void hand_remove(struct hand *h, const char *id)
{
    size_t at = 0;
    while (at < h->len && !slice_equal(h->deltas[at].id, slice_text(id)))
        at++;
    CHECK(at < h->len);
    forget_array(h);
    const struct pando_buf bytes = h->bytes[at];
    struct delta_room *const room = h->rooms[at];
    const struct delta gone = h->deltas[at];
    h->len--;
    h->bytes[at] = h->bytes[h->len];
    h->rooms[at] = h->rooms[h->len];
    h->deltas[at] = h->deltas[h->len];
    if (h->views != NULL)
        views_on_delta(h->views, &gone);
    struct pando_buf last = bytes;
    buf_deinit(&last);
    free(room);
}

static void run_capsule(struct views_call *c, hand_capsule *capsule)
{
    struct pando_slice name, input;
    char text[128];
    if (!views_call_wants(c, &name, &input))
        return;
    CHECK(capsule != NULL && name.len < sizeof text);
    memcpy(text, name.ptr, name.len);
    text[name.len] = '\0';
    json_t *value = json_loadb((const char *)input.ptr, input.len, 0, NULL);
    CHECK(value != NULL);
    const char *output = capsule(text, value);
    json_decref(value);
    if (output == NULL)
        views_call_give(c, PANDO_TIMEOUT, SLICE_EMPTY);
    else
        views_call_give(c, PANDO_OK, slice_text(output));
}

enum pando_status hand_call_text(struct views *v, const char *verb, const char *args,
                                 hand_capsule *capsule, struct pando_buf *text,
                                 struct pando_err *err)
{
    json_t *value = args != NULL ? hand_json(args) : NULL;
    struct views_call *c = NULL;
    buf_reset(text);
    enum pando_status st = views_call_new(v, verb, value, &c, err);
    json_decref(value);
    if (st != PANDO_OK)
        return st;
    for (size_t turns = 0; (st = views_call_step(c, text, err)) == PANDO_BUSY; turns++) {
        CHECK(turns < 100000);
        CHECK_EQ(text->len, 0);
        run_capsule(c, capsule);
    }
    views_call_free(c);
    return st;
}

enum pando_status hand_call(struct views *v, const char *verb, const char *args,
                            hand_capsule *capsule, json_t **ret, struct pando_err *err)
{
    struct pando_buf text;
    buf_init(&text, 64u << 20);
    const enum pando_status st = hand_call_text(v, verb, args, capsule, &text, err);
    if (st == PANDO_OK && ret != NULL) {
        *ret = json_loadb((const char *)text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL);
        if (*ret == NULL)
            fail_msg("%s answered no JSON: %.*s", verb, (int)text.len, (const char *)text.ptr);
    }
    buf_deinit(&text);
    return st;
}

struct views *hand_open(struct hand *h)
{
    struct views *v = NULL;
    hand_init(h);
    const struct views_config config = { .source = hand_source(h) };
    CHECK_OK(views_new(&config, &v, NULL));
    return v;
}

void hand_close(struct hand *h, struct views *v)
{
    views_free(v);
    hand_deinit(h);
}

json_t *hand_ask(struct views *v, const char *verb, const char *args)
{
    struct pando_err err = { 0 };
    json_t *got = NULL;
    if (hand_call(v, verb, args, NULL, &got, &err) != PANDO_OK)
        fail_msg("%s: %s", verb, err.text);
    return got;
}
