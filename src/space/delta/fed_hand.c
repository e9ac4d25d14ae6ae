#include "space/delta/fed_hand.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/slice.h"
#include "space/delta/fed_config.h"
#include "space/delta/fed_trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WALL_BASE INT64_C(1790000000000)

static struct hand *of(void *ctx)
{
    return ((const struct sim_store *)ctx)->owner;
}

static struct pando_wall wall(void *ctx)
{
    return (struct pando_wall){ WALL_BASE + (int64_t)(of(ctx)->now.ns / 1000000) };
}

static void uuid(void *ctx, char ret[FED_ID_TEXT])
{
    (void)snprintf(ret, FED_ID_TEXT, "%08x-0000-4000-8000-000000000000", ++of(ctx)->uuids);
}

static json_t *parse(const char *text)
{
    json_t *v = text != NULL ? json_loads(text, 0, NULL) : NULL;
    PANDO_ASSERT(text == NULL || v != NULL);
    return v;
}

struct hand *hand_new(uint32_t max_connections, const char *trust)
{
    struct hand *h = calloc(1, sizeof *h);
    struct fed_config config = { .system_id = slice_text("here"),
                                 .server = true,
                                 .auto_broadcast = true,
                                 .max_connections = max_connections,
                                 .seed = 1 };
    PANDO_ASSERT(h != NULL);
    json_t *policy = parse(trust);
    PANDO_ASSERT(fed_trust_from_json(policy, &config.trust, NULL) == PANDO_OK);
    json_decref(policy);
    h->now.ns = 1000000000;
    h->store = sim_store_new(10000);
    h->store->owner = h;
    h->host = sim_store_host(h->store, wall, uuid);
    PANDO_ASSERT(fed_new(&config, &h->host, &h->fed, NULL) == PANDO_OK);
    fed_trust_deinit(&config.trust);
    fed_listen(h->fed, true);
    return h;
}

void hand_clear(struct hand *h)
{
    for (size_t i = 0; i < h->len; i++)
        free(h->said[i].text);
    h->len = 0;
}

void hand_free(struct hand *h)
{
    hand_clear(h);
    fed_free(h->fed);
    sim_store_free(h->store);
    buf_deinit(&h->room.buf);
    free(h);
}

static char *text_of(const struct fed_effect *e)
{
    const struct fed_event *ev = &e->event;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    PANDO_ASSERT(out != NULL);
    if (e->bytes != NULL) {
        const struct pando_slice s = bytes_view(e->bytes);
        (void)fwrite(s.ptr, 1, s.len, out);
    } else if (e->kind == FED_HAPPENED) {
        (void)fprintf(out, "%s|%s|%s", (const char *)ev->delta_id.ptr,
                      (const char *)ev->remote.ptr, (const char *)ev->reason.ptr);
    } else if (e->text != NULL) {
        (void)fprintf(out, "%s", e->text);
    }
    (void)fclose(out);
    return text;
}

static void drain(struct hand *h)
{
    struct fed_effect e;
    while (fed_poll(h->fed, &e)) {
        PANDO_ASSERT(h->len < HAND_SAID_MAX);
        h->said[h->len++] = (struct hand_said){ e.kind,  e.pipe,      e.link, e.value,
                                                e.token, text_of(&e), e.event };
        if (e.kind == FED_SEND && e.pipe == HAND_PIPE)
            h->credit_owed += bytes_view(e.bytes).len;
        bytes_unref(e.bytes);
    }
}

void hand_give(struct hand *h, const struct fed_input *in)
{
    drain(h);
    fed_step(h->fed, h->now, in);
    drain(h);
}

void hand_open(struct hand *h, uint32_t pipe, uint32_t link)
{
    hand_give(h, &(struct fed_input){ .kind = FED_PIPE_OPEN,
                                      .pipe = pipe,
                                      .link = link,
                                      .text = slice_text("127.0.0.1:5000") });
}

void hand_say(struct hand *h, uint32_t pipe, const char *text)
{
    struct bytes *b = bytes_copy(slice_text(text));
    PANDO_ASSERT(b != NULL);
    hand_give(h, &(struct fed_input){ .kind = FED_PIPE_TEXT, .pipe = pipe, .bytes = b });
    bytes_unref(b);
}

void hand_wait(struct hand *h, struct pando_span span)
{
    const struct pando_time end = pando_time_add(h->now, span);
    drain(h);
    while (pando_time_reached(fed_deadline(h->fed), end)) {
        if (fed_deadline(h->fed).ns > h->now.ns)
            h->now = fed_deadline(h->fed);
        hand_give(h, &(struct fed_input){ .kind = FED_TICK });
        PANDO_ASSERT(fed_deadline(h->fed).ns > h->now.ns);
    }
    h->now = end;
}

void hand_credit(struct hand *h, uint32_t pipe)
{
    const uint64_t owed = h->credit_owed;
    h->credit_owed = 0;
    hand_give(h, &(struct fed_input){ .kind = FED_PIPE_CREDIT, .pipe = pipe, .value = owed });
}

void hand_create(struct hand *h, uint32_t node, uint32_t n, int64_t timestamp)
{
    enum delta_outcome outcome;
    uint64_t ticket;
    struct delta d;
    sim_delta_make(&h->room, node, n, timestamp, &d);
    PANDO_ASSERT(sim_store_stage(h->store, FED_NO_LINK, &d, &outcome, &ticket) == PANDO_OK);
}

void hand_commit(struct hand *h)
{
    struct sim_store *s = h->store;
    sim_store_commit(s, s->len);
    hand_give(h, &(struct fed_input){ .kind = FED_DURABLE, .value = s->durable });
    while (s->told < s->durable) {
        const struct sim_delta *d = s->arrived[s->told++];
        hand_give(h, &(struct fed_input){
                         .kind = FED_NEW, .delta = &d->d, .link = d->link, .value = s->told });
    }
}

void hand_say_delta(struct hand *h, uint32_t pipe, uint32_t node, uint32_t n, int64_t timestamp)
{
    struct pando_buf b;
    struct delta d;
    buf_init(&b, FED_FRAME_MAX);
    sim_delta_make(&h->room, node, n, timestamp, &d);
    PANDO_ASSERT(fed_say_delta(&b, 1, &d) == PANDO_OK);
    PANDO_ASSERT(buf_append(&b, slice_of("", 1)) == PANDO_OK);
    hand_say(h, pipe, (const char *)b.ptr);
    buf_deinit(&b);
}

void hand_client(struct hand *h, uint32_t pipe, const char *config)
{
    char text[1024];
    (void)snprintf(text, sizeof text,
                   "{\"type\":\"hello\",\"timestamp\":1,\"systemId\":\"there\",\"config\":%s,"
                   "\"protocol\":\"rhizomedb-federation-v1\"}",
                   config);
    hand_open(h, pipe, FED_NO_LINK);
    hand_say(h, pipe, text);
}

uint32_t hand_connect(struct hand *h, const char *config)
{
    struct fed_link_config c;
    struct pando_err why = { 0 };
    json_t *json = parse(config);
    PANDO_ASSERT(fed_config_from_json(json, &c, &why) == PANDO_OK);
    json_decref(json);
    drain(h);
    PANDO_ASSERT(fed_connect(h->fed, h->now, slice_text("ws://there:8080/federation"), &c, h->id,
                             &why) == PANDO_OK);
    drain(h);
    for (size_t i = h->len; i-- > 0;)
        if (h->said[i].kind == FED_DIAL)
            return h->said[i].link;
    PANDO_UNREACHABLE();
}

uint32_t hand_dial(struct hand *h, uint32_t pipe, const char *config)
{
    const uint32_t link = hand_connect(h, config);
    hand_open(h, pipe, link);
    hand_say(h, pipe,
             "{\"type\":\"hello_ack\",\"timestamp\":1789999999000,\"systemId\":\"there\","
             "\"linkId\":\"x\",\"protocol\":\"rhizomedb-federation-v1\"}");
    return link;
}

const struct hand_said *hand_find(const struct hand *h, enum fed_effect_kind kind,
                                  const char *part)
{
    for (size_t i = 0; i < h->len; i++)
        if (h->said[i].kind == kind && strstr(h->said[i].text, part) != NULL)
            return &h->said[i];
    return NULL;
}

size_t hand_count(const struct hand *h, enum fed_effect_kind kind, const char *part)
{
    size_t n = 0;
    for (size_t i = 0; i < h->len; i++)
        n += h->said[i].kind == kind && strstr(h->said[i].text, part) != NULL;
    return n;
}

const struct hand_said *hand_event(const struct hand *h, enum fed_event_kind kind)
{
    for (size_t i = 0; i < h->len; i++)
        if (h->said[i].kind == FED_HAPPENED && h->said[i].event.kind == kind)
            return &h->said[i];
    return NULL;
}
