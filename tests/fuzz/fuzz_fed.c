/* Property: whatever a peer says, in either role and in whatever order, the engine neither crashes
 * nor leaks, its queues keep their bounds, all that it says can be read, and nothing is
 * acknowledged that is not durable. Input: a byte of set-up (the role, a policy, a mode), then
 * {op, length as two bytes, message}: op 0 and 1 say the message, others commit, give credit,
 * judge, let time pass, create a delta, cut the pipe, pause, resume. */
#include "base/assert.h"
#include "base/bytes.h"
#include "base/slice.h"
#include "codec/wire.h"
#include "space/delta/fed_config.h"
#include "space/delta/fed_sim_store.h"
#include "space/delta/fed_state.h"
#include "space/delta/fed_trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CAPSULE "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"

struct world {
    struct fed *fed;
    struct sim_store *store;
    struct fed_host host;
    struct pando_time now;
    struct sim_room room;
    char id[FED_ID_TEXT];
    uint32_t pipe, link, created;
    uint64_t credit, token;
    bool open;
};

static struct world *of(void *ctx)
{
    return ((const struct sim_store *)ctx)->owner;
}

static struct pando_wall wall(void *ctx)
{
    return (struct pando_wall){ (int64_t)(of(ctx)->now.ns / 1000000) + 1 };
}

static void uuid(void *ctx, char ret[FED_ID_TEXT])
{
    (void)ctx;
    (void)snprintf(ret, FED_ID_TEXT, "00000000-0000-4000-8000-000000000000");
}

static void on_send(const struct world *w, struct bytes *bytes)
{
    struct fed_message m;
    PANDO_ASSERT(fed_message_decode(bytes_view(bytes), &m, NULL) == PANDO_OK);
    if (m.kind == FED_SAYS_DELTA_ACK) {
        const struct delta_hash name = delta_name_of(m.delta_id);
        PANDO_ASSERT(sim_store_has(w->store, &name));
    }
    fed_message_deinit(&m);
}

static void drain(struct world *w)
{
    struct fed_effect e;
    while (fed_poll(w->fed, &e)) {
        if (e.kind == FED_SEND) {
            on_send(w, e.bytes);
            w->credit += bytes_view(e.bytes).len;
        } else if (e.kind == FED_DIAL) {
            w->link = e.link;
        } else if (e.kind == FED_CLOSE) {
            w->open = false;
        } else if (e.kind == FED_JUDGE) {
            w->token = e.token;
        }
        bytes_unref(e.bytes);
    }
    for (uint32_t i = 0; i < w->fed->links_len; i++) {
        const struct fed_link *l = w->fed->links[i];
        PANDO_ASSERT(l == NULL || (l->acks.len <= FED_ACKS_MAX && l->inbox.len <= FED_INBOX_MAX));
        PANDO_ASSERT(l == NULL || l->in_flight <= FED_CREDIT + 4096);
    }
}

static void give(struct world *w, struct fed_input in)
{
    fed_step(w->fed, w->now, &in);
    drain(w);
}

static void commit(struct world *w)
{
    struct sim_store *s = w->store;
    sim_store_commit(s, s->len);
    give(w, (struct fed_input){ .kind = FED_DURABLE, .value = s->durable });
    while (s->told < s->durable) {
        const struct sim_delta *d = s->arrived[s->told++];
        give(w, (struct fed_input){
                    .kind = FED_NEW, .delta = &d->d, .link = d->link, .value = s->told });
    }
}

static void create(struct world *w)
{
    enum delta_outcome outcome;
    uint64_t ticket;
    struct delta d;
    sim_delta_make(&w->room, 1, w->created, 1000 + w->created, &d);
    w->created++;
    (void)sim_store_stage(w->store, FED_NO_LINK, &d, &outcome, &ticket);
}

static void say(struct world *w, struct pando_slice message)
{
    struct bytes *b = bytes_copy(message);
    PANDO_ASSERT(b != NULL);
    give(w, (struct fed_input){ .kind = FED_PIPE_TEXT, .pipe = w->pipe, .bytes = b });
    bytes_unref(b);
}

static void cut(struct world *w)
{
    give(w, (struct fed_input){ .kind = FED_PIPE_CLOSED, .pipe = w->pipe, .link = FED_NO_LINK });
    w->open = false;
}

static void tick(struct world *w)
{
    const struct pando_time at = fed_deadline(w->fed);
    if (at.ns != PANDO_TIME_NEVER.ns && at.ns > w->now.ns)
        w->now = at;
    give(w, (struct fed_input){ .kind = FED_TICK });
    PANDO_ASSERT(fed_deadline(w->fed).ns > w->now.ns);
}

static void open_pipe(struct world *w, bool client)
{
    w->open = true;
    w->credit = 0;
    give(w, (struct fed_input){ .kind = FED_PIPE_OPEN,
                                .pipe = ++w->pipe,
                                .link = client ? w->link : FED_NO_LINK });
}

static void run_one(struct world *w, struct wire_reader *r, bool client)
{
    const uint64_t op = wire_get_be(r, 1) % 10;
    const uint64_t len = wire_get_be(r, 2);
    const struct pando_slice s =
        wire_get_bytes(r, len < r->left.len ? (size_t)len : r->left.len);
    if (!w->open)
        open_pipe(w, client);
    switch (op) {
    case 2: commit(w); break;
    case 3:
        give(w, (struct fed_input){
                    .kind = FED_PIPE_CREDIT, .pipe = w->pipe, .value = w->credit });
        w->credit = 0;
        break;
    case 4:
        give(w, (struct fed_input){ .kind = FED_JUDGED,
                                    .token = w->token,
                                    .status = len % 2 ? PANDO_REFUSED : PANDO_OK });
        break;
    case 5: tick(w); break;
    case 6: create(w); break;
    case 7: cut(w); break;
    case 8: (void)(fed_pause(w->fed, w->now, slice_text(w->id)) != PANDO_OK); break;
    case 9: (void)(fed_resume(w->fed, w->now, slice_text(w->id)) != PANDO_OK); break;
    default: say(w, s); break;
    }
    drain(w);
}

static void start(struct world *w, uint64_t set_up)
{
    struct fed_config config = { .system_id = slice_text("here"),
                                 .server = true,
                                 .auto_broadcast = true,
                                 .max_connections = 4 };
    json_t *policy = (set_up & 4) != 0 ? json_pack("{s:s}", "capsule", CAPSULE) : NULL;
    PANDO_ASSERT(fed_trust_from_json(policy, &config.trust, NULL) == PANDO_OK);
    json_decref(policy);
    w->now.ns = 1000000000;
    w->store = sim_store_new(8);
    w->store->owner = w;
    w->host = sim_store_host(w->store, wall, uuid);
    PANDO_ASSERT(fed_new(&config, &w->host, &w->fed, NULL) == PANDO_OK);
    fed_trust_deinit(&config.trust);
    fed_listen(w->fed, true);
    for (int i = 0; i < 5; i++)
        create(w);
    commit(w);
    if ((set_up & 1) == 0)
        return;
    struct fed_link_config link;
    fed_config_init(&link);
    link.mode = (enum fed_mode)(set_up / 8 % 3);
    link.reconnect.max_attempts = 0;
    PANDO_ASSERT(fed_connect(w->fed, w->now, slice_text("ws://there/"), &link, w->id, NULL) ==
                 PANDO_OK);
    drain(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = { 0 };
    struct wire_reader r = wire_read(slice_of(data, size));
    const uint64_t set_up = wire_get_be(&r, 1);
    start(&w, set_up);
    if ((set_up & 2) != 0) { /* greeted already */
        const bool client = (set_up & 1) != 0;
        open_pipe(&w, client);
        say(&w, client ? slice_text("{\"type\":\"hello_ack\",\"systemId\":\"there\"}")
                       : slice_text("{\"type\":\"hello\",\"systemId\":\"there\",\"config\":{},"
                                    "\"protocol\":\"rhizomedb-federation-v1\"}"));
    }
    while (r.left.len > 2 && !r.failed)
        run_one(&w, &r, (set_up & 1) != 0);
    struct pando_buf text;
    buf_init(&text, 1u << 20);
    PANDO_ASSERT(fed_links(w.fed, &text) == PANDO_OK);
    buf_deinit(&text);
    fed_free(w.fed);
    sim_store_free(w.store);
    buf_deinit(&w.room.buf);
    return 0;
}
