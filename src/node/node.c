#include "node/state.h"

#include "base/assert.h"
#include "exec/exec.h"
#include "node/ops.h"

#include <stdlib.h>

#define STOP_LIMIT PANDO_SEC(3)

static enum pando_status check_kinds(const struct node_config *c,
                                     struct pando_err *reterr)
{
    for (size_t i = 0; i < c->spaces_len; i++) {
        bool known = false;
        for (size_t k = 0; k < c->kinds_len; k++)
            known |= strcmp(c->kinds[k]->kind, c->spaces[i].kind) == 0;
        if (!known)
            return pando_err_set(reterr, PANDO_INVALID,
                                 "space '%s': this version has no kind '%s'",
                                 c->spaces[i].name, c->spaces[i].kind);
    }
    return PANDO_OK;
}

static void init_tables(struct node *n)
{
    const size_t streams = (size_t)n->peers_max * NODE_STREAMS_PER_PEER;
    map_init(&n->streams, sizeof(uint64_t), sizeof(void *), streams, rng_next(&n->rng));
    map_init(&n->links, sizeof(uint64_t), sizeof(void *),
             (size_t)n->peers_max * NODE_LINKS_PER_PEER, rng_next(&n->rng));
    map_init(&n->by_id, sizeof(struct peer_id), sizeof(uint32_t), n->peers_max,
             rng_next(&n->rng));
    map_init(&n->jobs, sizeof(uint64_t), sizeof(struct node_job), NODE_JOBS_MAX,
             rng_next(&n->rng));
    map_init(&n->ops, sizeof(uint64_t), sizeof(void *), NODE_OPS_MAX, rng_next(&n->rng));
    dialer_init(&n->dialer, rng_next(&n->rng));
    pipes_init(n);
}

enum pando_status node_new(const struct node_config *config,
                           const struct node_ports *ports, struct node **ret,
                           struct pando_err *reterr)
{
    enum pando_status st = check_kinds(config, reterr);
    if (st != PANDO_OK)
        return st;
    const uint32_t peers_max = config->peers_max == 0 ? 64 : config->peers_max;
    if (peers_max > NODE_PEERS_MAX)
        return pando_err_set(reterr, PANDO_INVALID, "at most %d peers", NODE_PEERS_MAX);
    struct node *n = calloc(1, sizeof *n);
    if (n == NULL || (n->peers = calloc(peers_max, sizeof *n->peers)) == NULL) {
        free(n);
        return pando_err_set(reterr, PANDO_NOMEM,
                             "the node's tables do not fit into memory");
    }
    n->config = *config;
    n->ports = *ports;
    n->peers_max = peers_max;
    n->tracer = config->tracer;
    n->rng = rng_seeded(config->seed);
    n->key = crypto_public(config->secret);
    n->id = peer_id_from_key(&n->key);
    init_tables(n);
    st = keeping_new(n);
    if (st == PANDO_OK)
        st = keeping_load(n, reterr);
    else
        (void)pando_err_set(reterr, st, "the node's tables do not fit into memory");
    if (st != PANDO_OK) {
        node_free(n);
        return st;
    }
    *ret = n;
    return PANDO_OK;
}

static void free_links(struct node *n)
{
    size_t cursor = 0;
    const void *key;
    void *value;
    while (map_next(&n->links, &cursor, &key, &value))
        free(*(struct node_link **)value);
    cursor = 0;
    while (map_next(&n->streams, &cursor, &key, &value)) {
        struct node_stream *s = *(struct node_stream **)value;
        frame_deinit(&s->frame);
        free(s->info);
        free(s);
    }
}

static void free_jobs(struct node *n)
{
    size_t cursor = 0;
    const void *key;
    void *value;
    while (map_next(&n->jobs, &cursor, &key, &value)) {
        const struct node_job *job = value;
        if (job->owner == JOB_GOSSIP)
            pubsub_drop_job(job->token);
    }
}

void node_free(struct node *n)
{
    if (n == NULL)
        return;
    for (uint32_t i = 0; i < NODE_SPACES_MAX; i++)
        spaces_close(n, i);
    reopenings_deinit(n);
    free_jobs(n);
    pubsub_deinit(n);
    free_links(n);
    ops_drop_all(n);
    map_deinit(&n->streams);
    map_deinit(&n->links);
    map_deinit(&n->by_id);
    map_deinit(&n->jobs);
    pipes_deinit(n);
    bytes_unref(n->run_bytes);
    keeping_free(n);
    free(n->peers);
    free(n);
}

enum pando_status node_start(struct node *n, struct pando_time now,
                             const struct multiaddr *listen, size_t listen_len,
                             struct pando_err *reterr)
{
    n->now = n->started = now;
    n->sweep_at = pando_time_add(now, PANDO_SEC(1));
    n->nonce = (uint64_t)n->ports.wall(n->ports.ctx).ms << 20;
    n->listen_len = listen_len < NODE_LISTEN_MAX ? listen_len : NODE_LISTEN_MAX;
    if (listen_len > 0)
        memcpy(n->listen, listen, n->listen_len * sizeof *listen);
    enum pando_status st = pubsub_init(n);
    if (st != PANDO_OK)
        return pando_err_set(reterr, st, "the gossip engine does not fit into memory");
    for (size_t i = 0; i < n->config.spaces_len && st == PANDO_OK; i++) {
        uint32_t slot;
        st = spaces_open(n, &n->config.spaces[i], &slot, reterr);
    }
    return st == PANDO_OK ? keeping_open_spaces(n, reterr) : st;
}

void node_stop(struct node *n, struct pando_time now)
{
    n->now = now;
    if (n->stopping)
        return;
    n->stopping = true;
    n->stop_by = pando_time_add(now, STOP_LIMIT);
    for (size_t i = 0; i < NODE_SPACES_MAX; i++)
        if (n->spaces[i].used)
            space_input(n, &n->spaces[i],
                        &(struct space_input){ .kind = SPACE_STOPPING });
    node_turn(n, now);
    pipes_drop(n, NODE_NONE, "this node stops"); /* those that their spaces left open */
}

/* Whether bytes for peers still wait inside the node or its port. */
static bool has_unsent(const struct node *n)
{
    for (uint32_t i = 0; i < n->peers_max; i++) {
        const struct node_peer *p = &n->peers[i];
        if (p->used && p->gossip_up &&
            n->ports.link.ops->queued(n->ports.link.ctx, p->gossip_out) > 0)
            return true;
    }
    return false;
}

bool node_stopped(const struct node *n)
{
    if (!n->stopping)
        return false;
    if (pando_time_reached(n->stop_by, n->now))
        return true;
    for (size_t i = 0; i < NODE_SPACES_MAX; i++) {
        const struct node_space *s = &n->spaces[i];
        if (s->used && !s->failed && s->durable < s->appended)
            return false;
    }
    return !keeping_is_busy(n) && !has_unsent(n);
}

void node_link_event(struct node *n, struct pando_time now,
                     const struct link_event *event)
{
    n->now = now;
    switch (event->kind) {
    case LINK_UP:
        peers_link_up(n, event);
        break;
    case LINK_DOWN:
        peers_link_down(n, event);
        break;
    case LINK_DIAL_FAILED:
        trace(n->tracer, TRACE_PEER, TRACE_WARNING, "Failed to connect: %s", event->text);
        dialer_failed(&n->dialer, now, event->token, event->reason, event->text);
        break;
    default:
        streams_event(n, event);
        break;
    }
}

void node_verified(struct node *n, struct pando_time now, uint64_t job,
                   const uint64_t *bits)
{
    struct node_job who;
    n->now = now;
    if (!job_take(n, job, &who))
        return;
    struct node_space *s = space_at(n, who.slot);
    if (who.owner == JOB_GOSSIP)
        pubsub_verified(n, who.token, (bits[0] & 1) != 0);
    else if (s != NULL)
        space_input(n, s,
                    &(struct space_input){
                        .kind = SPACE_VERIFIED, .token = who.token, .bits = bits });
}

void node_ran(struct node *n, struct pando_time now, uint64_t job,
              const struct exec_result *result, const struct receipt *receipt)
{
    struct node_job who;
    n->now = now;
    if (job_take(n, job, &who))
        ops_ran(n, who.token, result, receipt);
}

void node_worked(struct node *n, struct pando_time now, uint64_t job,
                 enum pando_status status, struct pando_slice json)
{
    struct node_job who;
    n->now = now;
    if (!job_take(n, job, &who))
        return;
    if (who.owner == JOB_KEEP)
        keeping_done(n, status, json);
    else
        ops_worked(n, who.token, status, json);
}

void node_resolved(struct node *n, struct pando_time now, uint32_t token,
                   const uint8_t *ip, uint8_t ip_len, const char *text)
{
    n->now = now;
    dialer_resolved(&n->dialer, now, token, ip, ip_len, text);
}

static void dial(struct node *n)
{
    struct dialer_effect e;
    if (n->stopping || n->cut_all)
        return;
    while (dialer_poll(&n->dialer, n->now, &e)) {
        if (e.kind == DIALER_RESOLVE) {
            n->ports.resolve(n->ports.ctx, e.token, e.name, e.family, e.attempt);
            continue;
        }
        enum link_reason why = LINK_REASON_UNREACHABLE;
        const char *text = "the address is not one that this node can dial";
        if (e.target.peer.len > 0 && peers_is_cut(n, &e.target.peer)) {
            why = LINK_REASON_CUT;
            text = link_reason_text(why);
        } else if (n->ports.link.ops->dial(n->ports.link.ctx, &e.target, e.token) ==
                   PANDO_OK) {
            continue;
        }
        dialer_failed(&n->dialer, n->now, e.token, why, text);
    }
}

static void tick_spaces(struct node *n)
{
    for (size_t i = 0; i < NODE_SPACES_MAX; i++) {
        struct node_space *s = &n->spaces[i];
        if (s->used && pando_time_reached(s->ops->deadline(s->instance), n->now))
            space_input(n, s, &(struct space_input){ .kind = SPACE_TICK });
    }
}

void node_turn(struct node *n, struct pando_time now)
{
    n->now = now;
    if (pando_time_reached(n->sweep_at, now)) {
        n->sweep_at = pando_time_add(now, PANDO_SEC(1));
        streams_sweep(n);
        peers_sweep(n);
        spaces_sweep(n);
        reopenings_sweep(n);
    }
    dial(n);
    pubsub_tick(n);
    tick_spaces(n);
    spaces_credit(n);
    spaces_settle(n);
}

struct pando_time node_deadline(const struct node *n)
{
    struct pando_time first = pando_time_min(n->sweep_at, pubsub_deadline(n));
    if (!n->stopping && !n->cut_all)
        first = pando_time_min(first, dialer_deadline(&n->dialer));
    for (size_t i = 0; i < NODE_SPACES_MAX; i++)
        if (n->spaces[i].used)
            first =
                pando_time_min(first, n->spaces[i].ops->deadline(n->spaces[i].instance));
    return n->stopping ? pando_time_min(first, n->stop_by) : first;
}

const struct peer_id *node_id(const struct node *n)
{
    return &n->id;
}

struct node_view node_look(const struct node *n)
{
    return n->counts;
}

void *node_space_instance(const struct node *n, uint32_t slot)
{
    return slot < NODE_SPACES_MAX && n->spaces[slot].used ? n->spaces[slot].instance
                                                          : NULL;
}
