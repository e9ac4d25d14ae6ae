#include "sim/state.h"

#include "base/assert.h"
#include "base/slice.h"
#include "store/files_memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define STOP_LIMIT PANDO_SEC(4)

struct sim_config sim_config_default(uint64_t seed, uint32_t nodes)
{
    return (struct sim_config){
        .seed = seed,
        .nodes = nodes,
        .weather = { .latency = PANDO_MSEC(5), .jitter = PANDO_MSEC(2), .shred = true },
        .disk_latency = PANDO_MSEC(2),
        .idle = PANDO_SEC(10),
    };
}

static void emit(void *ctx, const struct trace_record *record)
{
    const struct sim_node *n = ctx;
    (void)fprintf(stderr, "%10.4f %s %s %s: %s\n", (double)n->sim->queue.now.ns / 1e9, n->name,
                  trace_level_name(record->level), trace_module_name(record->module),
                  record->text);
}

/* A member of a log: the first `voters` nodes are its static members. */
static void init_member(struct sim *s, struct sim_node *n)
{
    size_t len = (size_t)snprintf(n->settings, sizeof n->settings, "{\"id\":%u", n->index + 1);
    for (uint32_t k = 0; n->index < s->config.voters && k < s->config.voters; k++)
        len += (size_t)snprintf(n->settings + len, sizeof n->settings - len, "%s%u",
                                k == 0 ? ",\"members\":[" : ",", k + 1);
    if (n->index < s->config.voters)
        len += (size_t)snprintf(n->settings + len, sizeof n->settings - len, "]");
    if (s->config.keep_bytes > 0)
        len += (size_t)snprintf(n->settings + len, sizeof n->settings - len, ",\"keep_bytes\":%llu",
                                (unsigned long long)s->config.keep_bytes);
    (void)snprintf(n->settings + len, sizeof n->settings - len, "}");
    n->space = (struct node_space_config){ .name = "chat", .kind = "log",
                                           .local_json = n->settings };
}

static void init_node(struct sim *s, uint32_t i)
{
    struct sim_node *n = &s->nodes[i];
    uint8_t seed[32];
    rng_fill(&s->rng, seed, sizeof seed);
    *n = (struct sim_node){ .sim = s, .index = i };
    crypto_secret_from_seed(seed, &n->secret);
    const struct pando_key key = crypto_public(&n->secret);
    n->id = peer_id_from_key(&key);
    if (s->config.forger && i + 1 == s->config.nodes)
        n->secret.bytes[0] ^= 1; /* the public half stays as it is */
    n->link = net_port(s->net, i);
    n->pipe = pipes_port(s->pipes, i);
    (void)snprintf(n->name, sizeof n->name, "n%u", i);
    n->tracer = (struct tracer){ .ctx = n, .emit = emit };
    const struct disk_owner owner = sim_disk_owner(n);
    n->disk = disk_new(&s->queue, rng_next(&s->rng), &owner);
    disk_set_latency(n->disk, s->config.disk_latency);
    disk_plant(n->disk, s->config.plant == SIM_EARLY_ACK ? DISK_EARLY_ACK
                        : s->config.plant == SIM_NO_SYNC ? DISK_NO_SYNC
                                                         : DISK_HONEST);
    const int64_t most = s->config.clock_off_ms;
    if (most > 0)
        n->clock_off_ms = (int64_t)rng_below(&s->rng, (uint64_t)(2 * most + 1)) - most;
    n->space = (struct node_space_config){ .name = "default",
                                           .kind = s->config.kind == NULL ? "dag" : s->config.kind,
                                           .local_json = s->config.local_json };
    if (s->config.voters > 0)
        init_member(s, n);
}

struct sim *sim_new(const struct sim_config *config)
{
    struct sim *s = calloc(1, sizeof *s);
    PANDO_ASSERT(s != NULL && crypto_init() == PANDO_OK);
    s->config = *config;
    s->rng = rng_seeded(config->seed);
    queue_init(&s->queue);
    const struct net_config nc = { .seed = rng_next(&s->rng), .ports = config->nodes,
                                   .weather = config->weather, .idle = config->idle,
                                   .dial_limit = PANDO_SEC(5) };
    s->net = net_new(&s->queue, &nc);
    s->pipes = pipes_new(&s->queue, s->net, config->seed ^ UINT64_C(0x7069706573), config->nodes,
                         config->idle);
    if (config->plant == SIM_LOST_BYTES)
        net_plant_loss(s->net, 997);
    map_init(&s->verdicts, sizeof(struct pando_id), 1, SIM_VERDICTS_MAX, config->seed);
    map_init(&s->calls, sizeof(uint64_t), sizeof(void *), SIZE_MAX / 4, config->seed);
    map_init(&s->told, sizeof(uint64_t), sizeof(struct sim_told), SIZE_MAX / 4, config->seed);
    s->nodes = calloc(config->nodes, sizeof *s->nodes);
    s->acked = calloc(SIM_ACKED_MAX, sizeof *s->acked);
    s->said = calloc(SIM_SAID_MAX, sizeof *s->said);
    PANDO_ASSERT(s->nodes != NULL && s->acked != NULL && s->said != NULL);
    for (uint32_t i = 0; i < config->nodes; i++)
        init_node(s, i);
    return s;
}

/* Events that own memory are run dry: their nodes are gone by then. */
static void drain(struct sim *s)
{
    while (queue_step(&s->queue, PANDO_TIME_NEVER))
        ;
}

void sim_free(struct sim *s)
{
    if (s == NULL)
        return;
    for (uint32_t i = 0; i < s->config.nodes; i++)
        if (s->nodes[i].up)
            sim_crash(s, i);
    drain(s);
    for (uint32_t i = 0; i < s->config.nodes; i++) {
        disk_free(s->nodes[i].disk);
        files_memory_free(s->nodes[i].backup);
        free(s->nodes[i].own);
        bytes_unref(s->nodes[i].kept);
    }
    pipes_free(s->pipes);
    net_free(s->net);
    queue_deinit(&s->queue);
    map_deinit(&s->verdicts);
    map_deinit(&s->calls);
    map_deinit(&s->told);
    free(s->nodes);
    free(s->acked);
    free(s->said);
    free(s);
}

static void wake(void *ctx, const struct sim_event *e)
{
    struct sim_node *n = ctx;
    if (!n->up || n->life != e->b || n->wake_at != e->at)
        return;
    n->wake_at = 0;
    n->dirty = true;
    sim_turn(n);
}

void sim_turn(struct sim_node *n)
{
    struct sim *s = n->sim;
    if (!n->up || !n->dirty)
        return;
    n->dirty = false;
    node_turn(n->node, s->queue.now);
    const struct pando_time at = node_deadline(n->node);
    if (at.ns == UINT64_MAX || (n->wake_at != 0 && n->wake_at <= at.ns))
        return;
    /* A deadline in the past is met at the next instant, as a timer would. */
    const struct pando_span in = { at.ns > s->queue.now.ns ? at.ns - s->queue.now.ns : 1000 };
    n->wake_at = s->queue.now.ns + in.ns;
    queue_put(&s->queue, in,
              (struct sim_event){ .fire = wake, .ctx = n, .a = n->index, .b = n->life });
}

static void link_event(void *ctx, const struct link_event *event)
{
    struct sim_node *n = ctx;
    if (n->sim->config.plant == SIM_DEAF && event->kind == LINK_DOWN)
        return;
    node_link_event(n->node, n->sim->queue.now, event);
    n->dirty = true;
    sim_turn(n);
}

static void pipe_event(void *ctx, const struct pipe_event *event)
{
    struct sim_node *n = ctx;
    node_pipe_event(n->node, n->sim->queue.now, event);
    n->dirty = true;
    sim_turn(n);
}

static enum pando_status takes_pipe(void *ctx, const char *path, struct pando_err *reterr)
{
    return node_takes_pipe(((struct sim_node *)ctx)->node, path, reterr);
}

static void dial(struct sim_node *n, uint32_t peer)
{
    struct multiaddr address;
    net_address(peer, &address);
    if (node_add_peer(n->node, n->sim->queue.now, &address) != PANDO_OK)
        sim_set_error(n->sim, "%s cannot dial node %u", n->name, peer);
    n->dirty = true;
}

static void end_life(struct sim *s, struct sim_node *n)
{
    n->up = false;
    n->life++;
    node_free(n->node);
    n->node = NULL;
    sim_calls_forget(s, n->index);
}

bool sim_start(struct sim *s, uint32_t i)
{
    struct sim_node *n = &s->nodes[i];
    struct pando_err err = { 0 };
    struct multiaddr listen;
    PANDO_ASSERT(!n->up);
    if (s->config.trace)
        memset(n->tracer.levels, TRACE_DEBUG, sizeof n->tracer.levels);
    else
        memset(n->tracer.levels, TRACE_CRITICAL + 1, sizeof n->tracer.levels);
    if (n->kept != NULL)
        n->kept_view = bytes_view(n->kept);
    const struct node_config config = {
        .notices = true,
        .secret = &n->secret, .name = n->name, .network = "sim", .data = "memory",
        .durability = "fsync", .peers_max = s->config.peers_max, .seed = rng_next(&s->rng),
        .tracer = &n->tracer, 
        .kinds = s->config.kinds == NULL ? node_kinds : s->config.kinds,
        .kinds_len = s->config.kinds == NULL ? node_kinds_len : s->config.kinds_len,
        .spaces = &n->space, .spaces_len = 1,
        .kept = n->kept == NULL ? NULL : &n->kept_view,
    };
    const struct node_ports ports = sim_ports(n);
    n->life++;
    n->wake_at = 0;
    n->dials = 0;
    net_address(i, &listen);
    enum pando_status st = node_new(&config, &ports, &n->node, &err);
    if (st == PANDO_OK) {
        const struct link_sink sink = { n, link_event };
        const struct pipes_owner owner = { { n, pipe_event }, takes_pipe };
        net_up(s->net, i, &n->id, sink);
        pipes_up(s->pipes, i, &owner);
        st = node_start(n->node, s->queue.now, &listen, 1, &err);
    }
    if (st != PANDO_OK) {
        sim_set_error(s, "%s does not start: %s", n->name, err.text);
        net_down(s->net, i);
        pipes_down(s->pipes, i);
        end_life(s, n);
        return false;
    }
    node_kinds_wire(n->node);
    n->up = true;
    for (uint32_t k = 0; k < n->peers_len; k++)
        dial(n, n->peers[k]);
    n->dirty = true;
    sim_turn(n);
    return true;
}

void sim_start_all(struct sim *s)
{
    for (uint32_t i = 0; i < s->config.nodes; i++)
        if (!s->nodes[i].up)
            (void)sim_start(s, i);
}

void sim_connect(struct sim *s, uint32_t i, uint32_t j)
{
    struct sim_node *n = &s->nodes[i];
    PANDO_ASSERT(i != j && n->peers_len < SIM_PEERS_MAX);
    n->peers[n->peers_len++] = j;
    if (n->up) {
        dial(n, j);
        sim_turn(n);
    }
}

void sim_crash(struct sim *s, uint32_t i)
{
    struct sim_node *n = &s->nodes[i];
    PANDO_ASSERT(n->up);
    net_down(s->net, i);
    pipes_down(s->pipes, i);
    disk_power_off(n->disk, &s->rng);
    end_life(s, n);
    disk_power_on(n->disk, &s->rng);
}

static bool has_stopped(struct sim *s, void *ctx)
{
    const struct sim_node *n = ctx;
    (void)s;
    return node_stopped(n->node);
}

void sim_stop(struct sim *s, uint32_t i)
{
    struct sim_node *n = &s->nodes[i];
    PANDO_ASSERT(n->up);
    node_stop(n->node, s->queue.now);
    n->dirty = true;
    sim_turn(n);
    (void)sim_run_until(s, has_stopped, n, PANDO_MSEC(20), STOP_LIMIT);
    net_leave(s->net, i);
    pipes_down(s->pipes, i);
    end_life(s, n);
}

bool sim_is_up(const struct sim *s, uint32_t i)
{
    return s->nodes[i].up;
}

struct disk *sim_disk(struct sim *s, uint32_t i)
{
    return s->nodes[i].disk;
}

struct net *sim_net(struct sim *s)
{
    return s->net;
}

struct node *sim_node(struct sim *s, uint32_t i)
{
    return s->nodes[i].node;
}

void sim_partition(struct sim *s, uint32_t first)
{
    for (uint32_t i = 0; i < first; i++)
        for (uint32_t j = first; j < s->config.nodes; j++) {
            net_cut(s->net, i, j, true);
            net_cut(s->net, j, i, true);
        }
}

void sim_set_clock(struct sim *s, uint32_t i, int64_t off_ms)
{
    s->nodes[i].clock_off_ms = off_ms;
}

const char *sim_error(const struct sim *s)
{
    return s->error[0] == '\0' ? NULL : s->error;
}

void sim_set_error(struct sim *s, const char *format, ...)
{
    va_list args;
    if (s->error[0] != '\0')
        return; /* the first one counts */
    va_start(args, format);
    (void)vsnprintf(s->error, sizeof s->error, format, args);
    va_end(args);
}

struct pando_time sim_now(const struct sim *s)
{
    return s->queue.now;
}

void sim_run_for(struct sim *s, struct pando_span span)
{
    const struct pando_time until = pando_time_add(s->queue.now, span);
    while (queue_step(&s->queue, until))
        ;
}

bool sim_run_until(struct sim *s, bool (*reached)(struct sim *s, void *ctx), void *ctx,
                   struct pando_span step, struct pando_span limit)
{
    const struct pando_time end = pando_time_add(s->queue.now, limit);
    while (!reached(s, ctx)) {
        if (pando_time_reached(end, s->queue.now) || sim_error(s) != NULL)
            return false;
        sim_run_for(s, step);
    }
    return true;
}

uint64_t sim_hash(const struct sim *s)
{
    return s->queue.hash;
}

uint64_t sim_steps(const struct sim *s)
{
    return s->queue.steps;
}

const struct space_ops *sim_kind(const struct sim *s)
{
    const char *kind = s->nodes[0].space.kind;
    size_t i = 0;
    while (i + 1 < node_kinds_len && strcmp(node_kinds[i]->kind, kind) != 0)
        i++;
    return node_kinds[i];
}

void sim_settings(struct sim *s, uint32_t i, const char *json)
{
    struct sim_node *n = &s->nodes[i];
    free(n->own);
    n->own = strdup(json);
    PANDO_ASSERT(n->own != NULL);
    n->space.local_json = n->own;
}

void sim_backup(struct sim *s, uint32_t i)
{
    struct sim_node *n = &s->nodes[i];
    files_memory_free(n->backup);
    n->backup = disk_copy(n->disk);
}

bool sim_restore(struct sim *s, uint32_t i)
{
    struct sim_node *n = &s->nodes[i];
    PANDO_ASSERT(!n->up);
    if (n->backup == NULL)
        return false;
    disk_replace(n->disk, n->backup);
    n->backup = NULL;
    return true;
}

struct rng *sim_rng(struct sim *s)
{
    return &s->rng;
}

uint32_t sim_nodes(const struct sim *s)
{
    return s->config.nodes;
}
