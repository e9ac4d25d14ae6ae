/* What the world checks in every message that an engine sends, and in its queues. */
#include "space/delta/fed_sim.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/slice.h"
#include "space/delta/fed_state.h"

#include <string.h>

void sim_broken(struct sim *s, const char *what)
{
    if (s->violation == NULL)
        s->violation = what;
}

static void look_at_ack(struct sim *s, struct sim_node *n, struct pando_slice id)
{
    uint8_t key[20];
    const struct delta_hash name = delta_name_of(id);
    void *value;
    bool added;
    s->tally.acks++;
    if (!sim_store_has(n->store, &name))
        sim_broken(s, "acknowledged, but not durable");
    memcpy(key, &n->index, 4);
    memcpy(key + 4, &name, 16);
    PANDO_ASSERT(map_put(&s->acked, key, &value, &added) == PANDO_OK);
}

struct fed_link *sim_link_of(struct sim_node *n, uint32_t pipe)
{
    const uint32_t *handle = map_find(&n->fed->pipes, &pipe);
    return handle != NULL ? fed_link_of(n->fed, *handle) : NULL;
}

/* What engines write begins with its type: only acknowledgements are worth a parser here. */
static bool is_a(struct pando_slice text, const char *type)
{
    return text.len > 9 + strlen(type) && memcmp(text.ptr, "{\"type\":\"", 9) == 0 &&
           memcmp(text.ptr + 9, type, strlen(type)) == 0 && text.ptr[9 + strlen(type)] == '"';
}

static size_t deltas_in(struct pando_slice text)
{
    static const char mark[] = "\"pointers\":";
    size_t n = 0;
    const uint8_t *at = text.ptr, *end = text.ptr + text.len;
    while ((at = memmem(at, (size_t)(end - at), mark, sizeof mark - 1)) != NULL) {
        at += sizeof mark - 1;
        n++;
    }
    return n;
}

static void look_at_data(struct sim *s, struct sim_node *n, uint32_t pipe, size_t deltas)
{
    const struct fed_link *l = sim_link_of(n, pipe);
    if (l != NULL && l->paused_there)
        sim_broken(s, "deltas were sent to a peer who paused");
    if (deltas > FED_BATCH)
        sim_broken(s, "a batch of more than 100");
}

void sim_look_at(struct sim *s, struct sim_node *n, uint32_t pipe, struct bytes *bytes)
{
    const struct pando_slice text = bytes_view(bytes);
    struct fed_message m;
    if (is_a(text, "delta")) {
        look_at_data(s, n, pipe, 1);
        s->tally.deltas++;
    } else if (is_a(text, "sync_batch")) {
        const size_t deltas = deltas_in(text);
        look_at_data(s, n, pipe, deltas);
        s->tally.batches++;
        s->tally.batched += deltas;
    } else if (is_a(text, "delta_ack")) {
        if (fed_message_decode(text, &m, NULL) == PANDO_OK) {
            look_at_ack(s, n, m.delta_id);
            fed_message_deinit(&m);
        }
    } else if (is_a(text, "error")) {
        sim_broken(s, "an engine took another's message for an error");
    }
    s->tally.nacks += is_a(text, "delta_nack");
    s->tally.syncs += is_a(text, "sync_complete");
}

void sim_look_at_bounds(struct sim *s, const struct sim_node *n)
{
    for (uint32_t i = 0; i < n->fed->links_len; i++) {
        const struct fed_link *l = n->fed->links[i];
        if (l == NULL)
            continue;
        if (l->in_flight > FED_CREDIT + 1024 || l->acks.len > FED_ACKS_MAX ||
            l->inbox.len > FED_INBOX_MAX || l->window.len > FED_WINDOW_MAX ||
            l->serve.batch.len > FED_BATCH_BYTES + (256u << 10))
            sim_broken(s, "a queue is beyond its bound");
    }
}
