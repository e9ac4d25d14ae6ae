#include "host/state.h"

#include "base/slice.h"
#include "crypto/keystore.h"
#include "node/args.h"
#include "node/kinds.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

void host_begin_stop(struct host *h)
{
    if (h->stopping)
        return;
    h->stopping = true;
    if (h->api != NULL)
        api_stop_listening(h->api);
    node_stop(h->node, host_now(h));
}

static enum pando_status open_keys(struct host *h, struct pando_err *reterr)
{
    const enum pando_status st =
        keystore_open(h->config->data, true, &h->keystore, reterr);
    if (st != PANDO_OK)
        return st;
    return keystore_key(h->keystore, "node", &h->secret);
}

/* A secret of its own for sealing compiled modules, derived from the node's. */
static void cache_key(const struct host *h, uint8_t ret[32])
{
    struct crypto_sha256_state st;
    crypto_sha256_begin(&st);
    crypto_sha256_add(&st, slice_text("pando/module-cache/1"));
    crypto_sha256_add(&st, SLICE_OF(h->secret->bytes));
    const struct pando_id id = crypto_sha256_end(&st);
    memcpy(ret, id.bytes, 32);
}

/* A command that found no node running holds the folder for some milliseconds: whoever starts
 * meanwhile waits for it, but not for another node. */
static enum pando_status open_store(const struct store_config *sc, struct store **ret,
                                    struct pando_err *reterr)
{
    const struct timespec pause = { .tv_nsec = 50000000 };
    enum pando_status st = store_open(sc, ret, reterr);
    for (int i = 0; st == PANDO_BUSY && i < 20; i++) {
        (void)nanosleep(&pause, NULL);
        st = store_open(sc, ret, reterr);
    }
    return st;
}

static enum pando_status open_parts(struct host *h, struct pando_err *reterr)
{
    const struct config *c = h->config;
    const struct store_config sc = { .dir = c->data,
                                     .sync = c->durability == CONFIG_DURABILITY_FSYNC,
                                     .tracer = h->tracer };
    enum pando_status st = open_store(&sc, &h->store, reterr);
    if (st == PANDO_OK)
        st = open_keys(h, reterr);
    if (st != PANDO_OK)
        return st;
    char dir[CONFIG_PATH_MAX + 16];
    uint8_t key[32];
    (void)snprintf(dir, sizeof dir, "%s/cache", c->data);
    (void)mkdir(dir, 0700);
    cache_key(h, key);
    static const char *const presets[] = { "default", "development", "production" };
    st = exec_limits_preset(presets[c->exec.limits], &h->limits);
    if (st == PANDO_OK)
        st = exec_new(&(struct exec_config){ .cache_dir = dir, .cache_key = key },
                      &h->exec, reterr);
    return st;
}

static enum pando_status start_pools(struct host *h, struct pando_err *reterr)
{
    const unsigned cores =
        uv_available_parallelism() < 4 ? uv_available_parallelism() : 4;
    enum pando_status st = pool_new(&h->loop, cores, 1024, &h->verifiers);
    if (st == PANDO_OK)
        st = pool_new(&h->loop, 2, NODE_SPACES_MAX + 1, &h->syncers);
    if (st == PANDO_OK)
        st = pool_new(&h->loop, cores, 1024, &h->runners);
    if (st == PANDO_OK)
        st = pool_new(&h->loop, 2, 64, &h->helpers);
    return st == PANDO_OK ? st
                          : pando_err_set(reterr, st, "worker threads cannot be started");
}

static size_t parse_ids(const struct config_list *list, struct peer_id *ret,
                        struct pando_err *reterr, enum pando_status *ret_status)
{
    size_t len = 0;
    for (size_t i = 0; i < list->len; i++) {
        if (peer_id_parse(list->items[i], &ret[len]) == PANDO_OK)
            len++;
        else
            *ret_status =
                pando_err_set(reterr, PANDO_INVALID, "'%s' is not a peer id (12D3Koo...)",
                              list->items[i]);
    }
    return len;
}

/* What the config says of this space, and where the space has none: for a dag the node's own
 * two times, for a delta space what is said of federation. `*ret` is the host's to free. */
static enum pando_status space_settings(const struct config *c, const struct config_space *space,
                                        char **ret, struct pando_err *reterr)
{
    json_error_t problem;
    const char *text = space->settings[0] == '\0' ? "{}" : space->settings;
    json_t *settings = json_loads(text, JSON_REJECT_DUPLICATES, &problem);
    if (settings == NULL)
        return pando_err_set(reterr, PANDO_INVALID, "config: settings of space %.63s: %s",
                             space->name, problem.text);
    if (strcmp(space->kind, "dag") == 0) {
        json_t *usual = json_pack("{s:i,s:i}", "heartbeat_ms", (int)c->heartbeat_s * 1000,
                                  "heads_ms", (int)c->sync_s * 1000);
        (void)json_object_update_missing(settings, usual);
        json_decref(usual);
    }
    enum pando_status st = PANDO_OK;
    if (strcmp(space->kind, "delta") == 0)
        st = host_delta_settings(c, space, settings, reterr);
    if (st != PANDO_OK) {
        json_decref(settings);
        return st;
    }
    *ret = json_dumps(settings, JSON_COMPACT);
    json_decref(settings);
    return *ret != NULL ? PANDO_OK : pando_err_set(reterr, PANDO_NOMEM, "memory is out");
}

static enum pando_status access_json(const struct config_space *s, struct pando_buf *b)
{
    buf_init(b, 64u << 10);
    enum pando_status st = buf_printf(b, "{%s", s->members_len == 0 ? "" : "\"access\":{");
    for (size_t i = 0; i < s->members_len && st == PANDO_OK; i++) {
        st = i == 0 ? PANDO_OK : buf_printf(b, ",");
        if (st == PANDO_OK)
            st = answer_string(b, s->members[i].peer);
        if (st == PANDO_OK)
            st = buf_printf(b, ":\"%s\"", s->members[i].role);
    }
    return st == PANDO_OK ? buf_printf(b, "%s", s->members_len == 0 ? "}" : "}}") : st;
}

_Static_assert(CONFIG_SPACES_MAX <= NODE_SPACES_MAX, "a node opens all it is told");

static enum pando_status configure_spaces(struct host *h, struct pando_err *reterr)
{
    const struct config *c = h->config;
    enum pando_status st = PANDO_OK;
    for (size_t i = 0; i < c->spaces.len && st == PANDO_OK; i++) {
        const struct config_space *s = &c->spaces.items[i];
        st = space_settings(c, s, &h->local_json[i], reterr);
        if (st == PANDO_OK && access_json(s, &h->space_json[i]) != PANDO_OK)
            st = pando_err_set(reterr, PANDO_NOMEM, "memory is out");
        h->space_configs[i] = (struct node_space_config){
            .name = s->name,
            .kind = s->kind,
            .config_json = (const char *)h->space_json[i].ptr,
            .local_json = h->local_json[i],
        };
    }
    return st;
}

static enum pando_status make_node(struct host *h, struct pando_err *reterr)
{
    const struct config *c = h->config;
    enum pando_status st = configure_spaces(h, reterr);
    if (st != PANDO_OK)
        return st;
    struct node_config nc = {
        .secret = h->secret,
        .name = c->name,
        .network = c->network,
        .data = c->data,
        .durability = c->durability == CONFIG_DURABILITY_FSYNC ? "fsync" : "none",
        .allow = h->allow,
        .deny = h->deny,
        .mesh = c->mesh,
        .notices = h->printing && h->json,
        .no_store = c->exec.no_store,
        .no_pipes = !c->federation.enable_server,
        .pipe_path = c->federation.path,
        .tracer = h->tracer,
        .kinds = node_kinds,
        .kinds_len = node_kinds_len,
        .spaces = h->space_configs,
        .spaces_len = c->spaces.len,
    };
    nc.allow_len = parse_ids(&c->allow, h->allow, reterr, &st);
    nc.deny_len = parse_ids(&c->deny, h->deny, reterr, &st);
    buf_init(&h->note, STORE_NOTE_MAX);
    const enum pando_status noted =
        st == PANDO_OK ? store_note_read(c->data, &h->note, reterr) : st;
    h->kept = buf_view(&h->note);
    if (noted == PANDO_OK)
        nc.kept = &h->kept;
    else if (noted != PANDO_NOT_FOUND)
        return noted;
    crypto_random((uint8_t *)&nc.seed, sizeof nc.seed);
    const struct node_ports ports = host_ports(h);
    return st == PANDO_OK ? node_new(&nc, &ports, &h->node, reterr) : st;
}

static enum pando_status add_peers(struct host *h, struct pando_err *reterr)
{
    for (size_t i = 0; i < h->config->peers.len; i++) {
        struct multiaddr a;
        enum pando_status st =
            multiaddr_parse_peer(h->config->peers.items[i], &a, reterr);
        if (st == PANDO_OK)
            st = node_add_peer(h->node, host_now(h), &a);
        if (st == PANDO_UNSUPPORTED)
            return pando_err_set(
                reterr, PANDO_INVALID,
                "'%s' cannot be dialled: expected IP:PORT (e.g., 127.0.0.1:9001)",
                h->config->peers.items[i]);
        if (st != PANDO_OK)
            return st;
    }
    node_add_kept_peers(h->node, host_now(h));
    return PANDO_OK;
}

static enum pando_status start_node(struct host *h, struct pando_err *reterr)
{
    struct multiaddr listen[NODE_LISTEN_HOST_MAX];
    const size_t len = ports_listen(h, listen, NODE_LISTEN_HOST_MAX);
    enum pando_status st = node_start(h->node, host_now(h), listen, len, reterr);
    if (st != PANDO_OK)
        return st;
    st = h->network ? add_peers(h, reterr) : PANDO_OK;
    loop_arm(h);
    return st;
}

void host_close(struct host *h)
{
    api_free(h->api);
    quic_free(h->quic); /* its links die without events: the node goes next */
    pool_free(h->runners);
    pool_free(h->verifiers);
    pool_free(h->syncers);
    pool_free(h->helpers);
    h->runners = h->verifiers = h->syncers = h->helpers = NULL;
    for (struct pool_job *job = h->ready, *next; job != NULL; job = next) {
        next = job->next;
        job->done(job);
    }
    node_free(h->node);
    pipes_close(h);
    delivery_stop(h);
    buf_deinit(&h->note);
    for (size_t i = 0; i < NODE_SPACES_MAX; i++) {
        buf_deinit(&h->space_json[i]);
        free(h->local_json[i]);
    }
    exec_free(h->exec);
    store_close(h->store);
    memory_store_close(h);
    loop_stop(h);
    keystore_close(h->keystore);
    log_free(h->log);
}

enum pando_status host_open(struct host *h, struct pando_err *reterr)
{
    const struct config *c = h->config;
    if (uv_loop_init(&h->loop) != 0)
        return pando_err_set(reterr, PANDO_IO, "the event loop cannot be made");
    const struct log_config lc = { .id = c->log.id[0] != '\0' ? c->log.id : c->name,
                                   .seconds = c->log.clock == CONFIG_LOG_SECONDS,
                                   .file = c->log.file,
                                   .rotate_bytes = (uint64_t)c->log.rotate_mb << 20,
                                   .json = c->log.format == CONFIG_LOG_JSON,
                                   .sink = h->guest.line,
                                   .sink_ctx = h->guest.ctx };
    enum pando_status st = log_new(&lc, &h->log, reterr);
    if (st == PANDO_OK)
        st = log_level_set(h->log, c->log.level, reterr);
    if (st != PANDO_OK)
        return st;
    h->tracer = log_tracer(h->log);
    st = crypto_init();
    if (st == PANDO_OK)
        st = open_parts(h, reterr);
    if (st == PANDO_OK)
        st = start_pools(h, reterr);
    if (st == PANDO_OK && h->network)
        st = ports_open_quic(h, reterr);
    if (st == PANDO_OK && h->network)
        st = pipes_open(h, reterr);
    if (st == PANDO_OK)
        st = make_node(h, reterr);
    if (st == PANDO_OK)
        st = loop_start(h, reterr);
    if (st == PANDO_OK && h->network)
        st = ports_open_api(h, reterr);
    return st == PANDO_OK ? start_node(h, reterr) : st;
}

enum pando_status host_run(const struct config *config,
                           const struct host_options *options, struct pando_err *reterr)
{
    struct host *h = calloc(1, sizeof *h);
    if (h == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "memory is out");
    h->config = config;
    h->network = h->signals_wanted = true;
    h->printing = !options->quiet;
    h->json = options->json;
    enum pando_status st = host_open(h, reterr);
    if (st == PANDO_OK) {
        registry_write(h);
        print_start(h);
        st = delivery_start(h, reterr);
    }
    if (st == PANDO_OK) {
        (void)uv_run(&h->loop, UV_RUN_DEFAULT);
        print_stop(h);
    }
    registry_remove(h);
    host_close(h);
    free(h);
    return st;
}

enum pando_status host_call(const struct config *config, const char *verb,
                            struct pando_slice args, const struct host_reply *reply,
                            struct pando_err *reterr)
{
    struct host *h = calloc(1, sizeof *h);
    if (h == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "memory is out");
    h->config = config;
    h->direct = reply;
    enum pando_status st = host_open(h, reterr);
    if (st == PANDO_OK) {
        node_call(h->node, host_now(h), 1, verb, args);
        node_turn(h->node, host_now(h));
        commits_start_all(h);
        uv_ref((uv_handle_t *)&h->check);
        while (!h->direct_done)
            (void)uv_run(&h->loop, UV_RUN_ONCE);
        st = h->direct_status;
    }
    host_close(h);
    free(h);
    return st;
}
