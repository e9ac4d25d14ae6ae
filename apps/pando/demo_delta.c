/* demo_delta.c - what the federation's demos have in common. */
#include "apps/pando/demo_delta.h"

#include "apps/pando/output.h"
#include "base/slice.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 4096

static json_t *ask(struct demo *d, size_t i, const char *verb, const char *format, ...)
    PANDO_PRINTF(4, 5);
static json_t *ask(struct demo *d, size_t i, const char *verb, const char *format, ...)
{
    char text[TEXT_MAX];
    struct pando_err err = { .text = "" };
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    json_t *answer = demo_ask(d, i, verb, text, &err);
    if (answer == NULL && strcmp(verb, "delta.get") != 0)
        (void)printf("   %s at %s: %s\n", verb, d->nodes[i].name, err.text);
    return answer;
}

enum pando_status demo_delta_start(struct demo *d, size_t i, const char *name, uint16_t port,
                                   const char *settings, struct pando_err *reterr)
{
    char args[TEXT_MAX];
    const enum pando_status st = demo_start(d, i, name, port, NULL, reterr);
    if (st != PANDO_OK)
        return st;
    (void)snprintf(args, sizeof args, "{\"name\":\"db\",\"kind\":\"delta\",\"settings\":%s}",
                   settings);
    json_t *made = demo_ask(d, i, "space.create", args, reterr);
    if (made == NULL)
        return PANDO_INVALID;
    json_decref(made);
    return PANDO_OK;
}

/* Up, and the first sync is behind it. */
static bool is_settled(const json_t *link, bool syncs)
{
    const char *status = json_string_value(json_object_get(link, "status"));
    const json_t *last = json_object_get(json_object_get(link, "stats"), "lastSyncTimestamp");
    return status != NULL && strcmp(status, "connected") == 0 && (!syncs || json_is_integer(last));
}

bool demo_delta_link(struct demo *d, size_t from, size_t to, const char *config,
                     char ret_link[40])
{
    bool up = false;
    const bool syncs = strstr(config, "\"none\"") == NULL && strstr(config, "\"push\"") == NULL;
    json_t *made = ask(d, from, "fed.connect", "{\"url\":\"ws://127.0.0.1:%u/federation\"%s}",
                       d->nodes[to].port, config);
    (void)text_of(made, "id", ret_link, 40);
    json_decref(made);
    const uint64_t begin = demo_now_us();
    while (made != NULL && !up && demo_now_us() - begin < DEMO_DELTA_LIMIT_MS * 1000u) {
        json_t *link = ask(d, from, "fed.link", "{\"id\":\"%s\"}", ret_link);
        up = is_settled(link, syncs);
        json_decref(link);
        demo_pause_ms(up ? 0 : 5);
    }
    return demo_check(d, up, "%s is linked with %s at ws://127.0.0.1:%u/federation",
                      d->nodes[from].name, d->nodes[to].name, d->nodes[to].port);
}

bool demo_delta_say(struct demo *d, size_t i, const char *object, const char *property,
                    const char *value, const char *more, char ret_id[64])
{
    char id[64];
    json_t *answer = ask(d, i, "delta.create",
                         "{\"pointers\":[{\"role\":\"about\",\"target\":{\"id\":\"%s\","
                         "\"context\":\"%s\"}},{\"role\":\"%s\",\"target\":\"%s\"}]%s}",
                         object, property, property, value, more);
    (void)text_of(answer, "id", id, sizeof id);
    if (ret_id != NULL)
        memcpy(ret_id, id, sizeof id);
    json_decref(answer);
    return demo_check(d, answer != NULL, "%-16s says  %s.%s = %s", d->nodes[i].name, object,
                      property, value);
}

bool demo_delta_has(struct demo *d, size_t i, const char *id)
{
    json_t *found = ask(d, i, "delta.get", "{\"id\":\"%s\"}", id);
    json_decref(found);
    return found != NULL;
}

long long demo_delta_stat(struct demo *d, size_t i, const char *link, const char *name)
{
    json_t *shown = ask(d, i, "fed.link", "{\"id\":\"%s\"}", link);
    const json_t *number = json_object_get(json_object_get(shown, "stats"), name);
    const long long value = json_is_integer(number) ? json_integer_value(number) : -1;
    json_decref(shown);
    return value;
}


void demo_delta_value(struct demo *d, size_t i, const char *object, const char *property,
                      char *ret, size_t cap)
{
    json_t *view = ask(d, i, "delta.hyperview", "{\"id\":\"%s\"}", object);
    const json_t *shown = json_object_get(view, property), *pointer;
    const json_t *last = json_array_get(shown, json_array_size(shown) - 1);
    size_t k;
    (void)snprintf(ret, cap, "%s", "");
    json_array_foreach(json_object_get(last, "pointers"), k, pointer)
    {
        char role[64];
        if (strcmp(text_of(pointer, "role", role, sizeof role), property) == 0)
            (void)text_of(pointer, "target", ret, cap);
    }
    json_decref(view);
}

/* ---- agreement ---- */

struct holding {
    long long deltas;
    char hash[80];
    char *view; /* JSON text with sorted keys */
};

static struct holding hold(struct demo *d, size_t i, const char *object)
{
    struct holding h = { .deltas = -1 };
    json_t *state = ask(d, i, "delta.hash", "{}");
    if (state != NULL)
        h.deltas = number_of(state, "deltas");
    (void)text_of(state, "hash", h.hash, sizeof h.hash);
    json_decref(state);
    if (object != NULL) {
        json_t *view = ask(d, i, "delta.hyperview", "{\"id\":\"%s\"}", object);
        h.view = view == NULL ? NULL : json_dumps(view, JSON_COMPACT | JSON_SORT_KEYS);
        json_decref(view);
    }
    return h;
}

static bool same(const struct holding *a, const struct holding *b, bool viewed)
{
    return strcmp(a->hash, b->hash) == 0 && a->hash[0] != '\0' &&
           (!viewed || (a->view != NULL && b->view != NULL && strcmp(a->view, b->view) == 0));
}

/* One look at all of them; printed when it is the last one. */
static bool look(struct demo *d, const struct demo_delta_goal *goal, bool print)
{
    bool agree = true;
    struct holding first = hold(d, goal->nodes[0], goal->object);
    for (size_t k = 0; k < goal->len; k++) {
        struct holding h = hold(d, goal->nodes[k], goal->object);
        agree &= h.deltas == goal->deltas && same(&first, &h, goal->object != NULL);
        if (print)
            (void)printf("   %-18s %3lld deltas   state %.16s\n", d->nodes[goal->nodes[k]].name,
                         h.deltas, h.hash);
        free(h.view);
    }
    free(first.view);
    return agree;
}

bool demo_delta_agree(struct demo *d, const struct demo_delta_goal *goal)
{
    const uint64_t begin = demo_now_us();
    bool agree = look(d, goal, false);
    while (!agree && demo_now_us() - begin < DEMO_DELTA_LIMIT_MS * 1000u) {
        demo_pause_ms(5);
        agree = look(d, goal, false);
    }
    const double ms = (double)(demo_now_us() - begin) / 1000.0;
    agree &= look(d, goal, true);
    return demo_check(d, agree, "%zu instances hold the same %lld deltas%s (agreed after %.0f ms)",
                      goal->len, goal->deltas,
                      goal->object == NULL ? "" : " and show the same view of them", ms);
}

bool demo_delta_counted(struct demo *d, size_t i, const char *link, const char *name,
                        long long wanted)
{
    const uint64_t begin = demo_now_us();
    long long value = demo_delta_stat(d, i, link, name);
    while (value < wanted && demo_now_us() - begin < DEMO_DELTA_LIMIT_MS * 1000u) {
        demo_pause_ms(5);
        value = demo_delta_stat(d, i, link, name);
    }
    return demo_check(d, value == wanted, "%s of %s's link: %lld", name, d->nodes[i].name, value);
}
