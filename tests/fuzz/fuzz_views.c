/* Property: {"deltas": [...], "calls": [[verb, arguments], ...]}: every call ends, with JSON or
 * with a reason, and a kept hyperview is the one that is built anew. Definitions of schemas
 * and views come in through the calls. */
#include "base/assert.h"
#include "base/slice.h"
#include "codec/json.h"
#include "space/delta/delta_json.h"
#include "space/delta/views.h"

#include <stdlib.h>
#include <string.h>

#define DELTAS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct space {
    struct delta deltas[DELTAS];
    struct delta_room *rooms[DELTAS];
    struct pando_buf bytes[DELTAS];
    size_t len;
};

static void read_deltas(struct space *s, const json_t *list)
{
    const struct delta_defaults defaults = { .author = slice_text("a"), .system = slice_text("s"),
                                             .timestamp = 5 };
    for (size_t i = 0; i < json_array_size(list) && s->len < DELTAS; i++) {
        const size_t at = s->len;
        buf_init(&s->bytes[at], DELTA_BYTES_MAX);
        s->rooms[at] = malloc(sizeof *s->rooms[at]);
        PANDO_ASSERT(s->rooms[at] != NULL);
        if (delta_from_json(json_array_get(list, i), &defaults, s->rooms[at], &s->bytes[at],
                            &s->deltas[at], NULL) == PANDO_OK) {
            s->len++;
            continue;
        }
        buf_deinit(&s->bytes[at]);
        free(s->rooms[at]);
    }
}

/* The capsule of the day: it puts out its input, and at times nothing. */
static void run(struct views_call *c)
{
    struct pando_slice capsule, input;
    struct pando_buf copy;
    if (!views_call_wants(c, &capsule, &input))
        return;
    buf_init(&copy, 64u << 20);
    PANDO_ASSERT(buf_append(&copy, input) == PANDO_OK);
    views_call_give(c, capsule.len % 3 == 0 ? PANDO_TIMEOUT : PANDO_OK, buf_view(&copy));
    buf_deinit(&copy);
}

static enum pando_status call(struct views *v, const char *verb, const json_t *args,
                              struct pando_buf *text)
{
    struct pando_err err = { .text = "" };
    struct views_call *c = NULL;
    json_t *answer;
    buf_reset(text);
    enum pando_status st = views_call_new(v, verb, args, &c, &err);
    if (st == PANDO_OK) {
        for (size_t turns = 0; (st = views_call_step(c, text, &err)) == PANDO_BUSY; turns++) {
            PANDO_ASSERT(turns < 1000000);
            run(c);
        }
        views_call_free(c);
    }
    if (st != PANDO_OK) {
        PANDO_ASSERT(err.text[0] != '\0' && text->len == 0);
        return st;
    }
    answer = json_loadb((const char *)text->ptr, text->len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
                        NULL);
    PANDO_ASSERT(answer != NULL || memmem(text->ptr, text->len, "\\u0000", 6) != NULL);
    json_decref(answer);
    return st;
}

static void run_calls(struct views *v, const json_t *calls)
{
    struct pando_buf text, again;
    buf_init(&text, 64u << 20);
    buf_init(&again, 64u << 20);
    for (size_t i = 0; i < json_array_size(calls) && i < 64; i++) {
        const json_t *one = json_array_get(calls, i), *args = json_array_get(one, 1);
        const char *verb = json_string_value(json_array_get(one, 0));
        if (verb == NULL || call(v, verb, args, &text) != PANDO_OK ||
            strcmp(verb, "hyperview") != 0)
            continue;
        PANDO_ASSERT(call(v, verb, args, &again) == PANDO_OK);
        PANDO_ASSERT(slice_equal(buf_view(&text), buf_view(&again)));
    }
    buf_deinit(&text);
    buf_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct space s; /* large; emptied below */
    struct source_array array;
    struct views *v;
    json_t *json = NULL;
    if (json_text_parse(slice_of(data, size), 1u << 16, &json, NULL) != PANDO_OK)
        return 0;
    s.len = 0;
    read_deltas(&s, json_object_get(json, "deltas"));
    PANDO_ASSERT(source_array_init(&array, s.deltas, s.len) == PANDO_OK);
    const struct views_config config = { .source = source_array_of(&array) };
    PANDO_ASSERT(views_new(&config, &v, NULL) == PANDO_OK);
    run_calls(v, json_object_get(json, "calls"));
    views_free(v);
    source_array_deinit(&array);
    for (size_t i = 0; i < s.len; i++) {
        buf_deinit(&s.bytes[i]);
        free(s.rooms[i]);
    }
    json_decref(json);
    return 0;
}
