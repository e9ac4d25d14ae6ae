#include "space/dag/dag_sim_impl.h"

#include "base/assert.h"
#include "base/slice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct dag *sim_dag(struct sim *s, uint32_t node)
{
    return s->nodes[node].instance;
}

void sim_run_for(struct sim *s, struct pando_span span)
{
    const struct pando_time end = pando_time_add(s->now, span);
    while (agenda_due(&s->agenda).ns <= end.ns && s->violation == NULL) {
        struct sim_event *e = agenda_take(&s->agenda);
        s->now = e->due.at;
        sim_deliver(s, e);
        bytes_unref(e->bytes);
        free(e);
    }
    if (s->violation == NULL)
        s->now = end;
}

struct sim *sim_new(const struct sim_config *config)
{
    struct sim *s = calloc(1, sizeof *s);
    PANDO_ASSERT(s != NULL && config->nodes <= SIM_NODES_MAX);
    s->config = *config;
    s->rng = rng_seeded(config->seed);
    s->now.ns = 1000000000;
    s->acks = calloc(SIM_ACKS_MAX, sizeof *s->acks);
    PANDO_ASSERT(s->acks != NULL);
    memset(s->space.bytes, 0x5a, sizeof s->space.bytes);
    map_init(&s->appends, sizeof(uint64_t), sizeof(uint32_t), SIM_ACKS_MAX, 1);
    buf_init(&s->reply.text, 64u << 20);
    for (uint32_t i = 0; i < config->nodes; i++) {
        struct sim_node *n = &s->nodes[i];
        uint8_t seed[32] = { (uint8_t)(i + 1) };
        crypto_secret_from_seed(seed, &n->secret);
        n->key = crypto_public(&n->secret);
        n->peer_id = peer_id_from_key(&n->key);
        n->index = i;
        n->sim = s;
        n->store = sim_store_new(&s->space);
        sim_open(s, n);
    }
    return s;
}

void sim_free(struct sim *s)
{
    for (uint32_t i = 0; i < s->config.nodes; i++) {
        if (s->nodes[i].up)
            sim_close(s, &s->nodes[i]);
        sim_store_free(s->nodes[i].store);
    }
    for (struct sim_event *e; (e = agenda_take(&s->agenda)) != NULL;) {
        bytes_unref(e->bytes);
        free(e);
    }
    agenda_deinit(&s->agenda);
    free(s->acks);
    map_deinit(&s->appends);
    buf_deinit(&s->reply.text);
    free(s);
}

static void change(struct sim *s, uint32_t a, uint32_t b, bool up)
{
    struct sim_link *l = &s->links[a][b];
    const uint32_t old = sim_handle(s, a, b);
    l->up = up;
    if (up)
        l->generation++;
    if (s->nodes[a].up)
        sim_step(s, &s->nodes[a],
                 &(struct space_input){ .kind = up ? SPACE_PEER_UP : SPACE_PEER_DOWN,
                                        .peer = up ? sim_handle(s, a, b) : old,
                                        .peer_id = &s->nodes[b].peer_id });
}

void sim_link(struct sim *s, uint32_t a, uint32_t b, bool up)
{
    if (a == b || s->links[a][b].up == up || (up && (!s->nodes[a].up || !s->nodes[b].up)))
        return;
    change(s, a, b, up);
    change(s, b, a, up);
}

void sim_link_all(struct sim *s)
{
    for (uint32_t a = 0; a < s->config.nodes; a++)
        for (uint32_t b = a + 1; b < s->config.nodes; b++)
            sim_link(s, a, b, true);
}

void sim_partition(struct sim *s, uint32_t first)
{
    for (uint32_t a = 0; a < first; a++)
        for (uint32_t b = first; b < s->config.nodes; b++)
            sim_link(s, a, b, false);
}

void sim_crash(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->nodes[node];
    if (!n->up)
        return;
    sim_close(s, n);
    for (uint32_t b = 0; b < s->config.nodes; b++)
        sim_link(s, node, b, false);
    sim_store_crash(n->store);
}

void sim_restart(struct sim *s, uint32_t node)
{
    if (!s->nodes[node].up)
        sim_open(s, &s->nodes[node]);
}

static uint64_t call(struct sim *s, uint32_t node, const char *verb, const char *json)
{
    const uint64_t token = ++s->next_token;
    void *value;
    bool added;
    if (strcmp(verb, "append") == 0) {
        PANDO_ASSERT(map_put(&s->appends, &token, &value, &added) == PANDO_OK);
        *(uint32_t *)value = node;
    }
    s->watched = token;
    buf_reset(&s->reply.text);
    s->reply.done = false;
    sim_step(
        s, &s->nodes[node],
        &(struct space_input){
            .kind = SPACE_CALL, .token = token, .verb = verb, .text = slice_text(json) });
    return token;
}

void sim_call(struct sim *s, uint32_t node, const char *verb, const char *json)
{
    if (s->nodes[node].up)
        (void)call(s, node, verb, json);
}

enum pando_status sim_ask(struct sim *s, uint32_t node, const char *verb,
                          const char *json, struct pando_span limit)
{
    const struct pando_time end = pando_time_add(s->now, limit);
    (void)call(s, node, verb, json);
    while (!s->reply.done && s->now.ns < end.ns && s->violation == NULL)
        sim_run_for(s, PANDO_MSEC(1));
    return s->reply.done ? s->reply.status : PANDO_TIMEOUT;
}

void sim_give(struct sim *s, uint32_t node, const struct space_input *in)
{
    sim_step(s, &s->nodes[node], in);
}

void sim_append(struct sim *s, uint32_t node)
{
    char json[64];
    snprintf(json, sizeof json, "{\"body\":{\"n\":%llu}}",
             (unsigned long long)s->agenda.orders);
    sim_call(s, node, "append", json);
}

void sim_inject(struct sim *s, uint32_t to, struct pando_slice message)
{
    struct sim_node *n = &s->nodes[to];
    struct held *h = malloc(sizeof *h);
    struct bytes *bytes = bytes_copy(message);
    PANDO_ASSERT(h != NULL && bytes != NULL);
    if (!n->up || !sim_first_sight(n, bytes)) {
        free(h);
    } else {
        *h = (struct held){ bytes_ref(bytes), SIM_NODES_MAX };
        sim_step(s, n,
                 &(struct space_input){ .kind = SPACE_GOSSIP,
                                        .token = (uintptr_t)h,
                                        .peer = UINT32_MAX,
                                        .bytes = bytes });
    }
    bytes_unref(bytes);
}
