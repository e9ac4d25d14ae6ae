#include "node/kinds.h"
#include "node/ops.h"

#include "base/assert.h"
#include "crypto/sign.h"

#include <stdio.h>
#include <stdlib.h>

#define TOPIC_PREFIX "/pando/space/"

/* "pando/space/1", name, kind and immutable config, each with its length before it. */
static struct pando_id space_id(const struct node_space_config *c, const char *config)
{
    const char *const parts[] = { "pando/space/1", c->name, c->kind, config };
    struct crypto_sha256_state st;
    crypto_sha256_begin(&st);
    for (size_t i = 0; i < 4; i++) {
        const size_t len = strlen(parts[i]);
        const uint8_t head[4] = { (uint8_t)(len >> 24), (uint8_t)(len >> 16),
                                  (uint8_t)(len >> 8), (uint8_t)len };
        crypto_sha256_add(&st, SLICE_OF(head));
        crypto_sha256_add(&st, slice_text(parts[i]));
    }
    return crypto_sha256_end(&st);
}

struct node_space *space_at(struct node *n, uint32_t slot)
{
    return slot < NODE_SPACES_MAX && n->spaces[slot].used ? &n->spaces[slot] : NULL;
}

struct node_space *space_by_name(struct node *n, const char *name, const char *kind)
{
    struct node_space *only = NULL;
    size_t count = 0;
    for (size_t i = 0; i < NODE_SPACES_MAX; i++) {
        struct node_space *s = &n->spaces[i];
        if (!s->used || (kind != NULL && strcmp(s->ops->kind, kind) != 0))
            continue;
        if (name != NULL && (strcmp(s->name, name) == 0 || strcmp(s->hex, name) == 0))
            return s;
        if (name == NULL && strcmp(s->name, "default") == 0)
            return s;
        only = s;
        count++;
    }
    return name == NULL && count == 1 ? only : NULL;
}

struct node_space *space_by_topic(struct node *n, struct pando_slice topic)
{
    for (size_t i = 0; i < NODE_SPACES_MAX; i++)
        if (n->spaces[i].used && slice_equal(slice_text(n->spaces[i].topic), topic))
            return &n->spaces[i];
    return NULL;
}

static const struct space_ops *kind_named(const struct node *n, const char *kind,
                                          uint8_t *ret_index)
{
    for (size_t i = 0; i < n->config.kinds_len; i++) {
        if (strcmp(n->config.kinds[i]->kind, kind) != 0)
            continue;
        *ret_index = (uint8_t)i;
        return n->config.kinds[i];
    }
    return NULL;
}

static struct pando_wall wall_for_space(void *ctx)
{
    const struct node_space *s = ctx;
    return s->node->ports.wall(s->node->ports.ctx);
}

static bool heard_for_space(void *ctx)
{
    const struct node_space *s = ctx;
    return node_is_heard(s->node);
}

static enum pando_status append_for_space(void *ctx, uint8_t record,
                                          struct pando_slice bytes,
                                          const struct tables_fold *fold,
                                          uint64_t *ret_position);

static void fill_host(struct node *n, struct node_space *s)
{
    s->host = (struct space_host){
        .ctx = s,
        .tables = s->store.tables,
        .journal = s->store.journal,
        .append = append_for_space,
        .wall = wall_for_space,
        .heard = heard_for_space,
        .tracer = n->tracer,
        .secret = n->config.secret,
        .key = n->key,
        .node_name = n->config.name,
        .space = s->id,
        .space_name = s->name,
        .seed = rng_next(&n->rng),
        .epoch = s->store.epoch,
        .repairs = s->store.repairs,
        .memory = s->store.memory,
        .snapshot = s->store.snapshot == NULL ? SLICE_EMPTY : bytes_view(s->store.snapshot),
        .snapshot_position = s->store.snapshot_position,
        .access = &s->access,
    };
}

static struct node_space *free_slot(struct node *n)
{
    for (uint32_t i = 0; i < NODE_SPACES_MAX; i++) {
        if (n->spaces[i].used)
            continue;
        n->spaces[i] = (struct node_space){ .slot = i, .node = n };
        return &n->spaces[i];
    }
    return NULL;
}

static enum pando_status check_new(struct node *n, const struct node_space_config *c,
                                   struct pando_err *reterr)
{
    const size_t len = strlen(c->name);
    if (len == 0 || len >= sizeof n->spaces[0].name)
        return pando_err_set(reterr, PANDO_INVALID,
                             "a space's name has 1 to %zu characters",
                             sizeof n->spaces[0].name - 1);
    if (space_by_name(n, c->name, NULL) != NULL)
        return pando_err_set(reterr, PANDO_EXISTS, "there is a space named '%s' already",
                             c->name);
    return PANDO_OK;
}

/* What the space shall say of us when it announces us. Nobody waits for the answer. */
static void tell_addresses(struct node *n, struct node_space *s)
{
    struct pando_buf b;
    char id[PEER_ID_TEXT_MAX], text[MULTIADDR_TEXT_MAX];
    buf_init(&b, 64u << 10);
    peer_id_print(&n->id, id);
    enum pando_status st = buf_printf(&b, "{\"now\":false,\"addresses\":[");
    for (size_t i = 0; i < n->listen_len && st == PANDO_OK; i++)
        if (multiaddr_print(&n->listen[i], text, sizeof text) == PANDO_OK)
            st = buf_printf(&b, "%s\"%s/p2p/%s\"", i == 0 ? "" : ",", text, id);
    if (st == PANDO_OK)
        st = buf_printf(&b, "]}");
    if (st == PANDO_OK)
        space_call(n, s, NODE_INTERNAL_TOKEN, "announce", buf_view(&b));
    buf_deinit(&b);
}

/* Read the policy and give the space its id; `s->config_text` is to be freed. */
static enum pando_status identify_space(struct node *n, struct node_space *s,
                                        const struct node_space_config *config,
                                        struct pando_err *reterr)
{
    const enum pando_status st =
        policy_read(config->config_json, &s->access, &s->config_text, reterr);
    if (st != PANDO_OK)
        return st;
    if (!policy_admits(s, &n->id, SPACE_MAY_READ)) {
        char id[PEER_ID_TEXT_MAX];
        peer_id_print(&n->id, id);
        return pando_err_set(reterr, PANDO_REFUSED,
                             "space '%s': its access policy gives this node (%s) no role",
                             config->name, id);
    }
    s->id = space_id(config, s->config_text);
    (void)snprintf(s->name, sizeof s->name, "%s", config->name);
    for (size_t i = 0; i < 32; i++)
        (void)snprintf(s->hex + 2 * i, 3, "%02x", (unsigned)s->id.bytes[i]);
    memcpy(s->topic, TOPIC_PREFIX, sizeof TOPIC_PREFIX - 1);
    memcpy(s->topic + sizeof TOPIC_PREFIX - 1, s->hex, sizeof s->hex);
    return PANDO_OK;
}

/* Its files, and the instance over them. */
static enum pando_status open_instance(struct node *n, struct node_space *s,
                                       const struct node_space_config *config,
                                       struct pando_err *reterr)
{
    enum pando_status st =
        n->ports.space_open(n->ports.ctx, s->slot, &s->id, s->ops, &s->store, reterr);
    if (st != PANDO_OK)
        return st;
    fill_host(n, s);
    s->host.reopened = config->reopened;
    const char *json = config->local_json == NULL ? "{}" : config->local_json;
    s->used = true; /* the instance may append while it opens */
    st = s->ops->open(&s->host, slice_text(json), &s->instance, reterr);
    s->host.snapshot = SLICE_EMPTY;
    bytes_unref(s->store.snapshot);
    s->store.snapshot = NULL;
    if (st == PANDO_OK)
        return st;
    s->used = false;
    n->ports.space_close(n->ports.ctx, s->slot);
    return st;
}

/* Damage is taken out where the records come again from others; then it is tried once more. */
static enum pando_status open_or_mend(struct node *n, struct node_space *s,
                                      const struct node_space_config *config,
                                      struct pando_err *reterr)
{
    struct pando_err why = { 0 };
    enum pando_status st = open_instance(n, s, config, &why);
    if (st == PANDO_CORRUPT && s->ops->mends && n->ports.space_mend != NULL) {
        st = n->ports.space_mend(n->ports.ctx, &s->id, reterr);
        if (st == PANDO_OK)
            return open_instance(n, s, config, reterr);
        if (st != PANDO_NOT_FOUND)
            return st;
        st = PANDO_CORRUPT;
    }
    if (st != PANDO_OK && reterr != NULL)
        *reterr = why;
    return st;
}

enum pando_status spaces_open(struct node *n, const struct node_space_config *config,
                              uint32_t *ret_slot, struct pando_err *reterr)
{
    enum pando_status st = check_new(n, config, reterr);
    if (st != PANDO_OK)
        return st;
    uint8_t kind;
    const struct space_ops *ops = kind_named(n, config->kind, &kind);
    if (ops == NULL)
        return pando_err_set(reterr, PANDO_UNSUPPORTED,
                             "this version has no kind of space '%s'", config->kind);
    struct node_space *s = free_slot(n);
    if (s == NULL)
        return pando_err_set(reterr, PANDO_FULL, "a node holds at most %d spaces",
                             NODE_SPACES_MAX);
    s->ops = ops;
    s->kind = kind;
    s->local_text = strdup(config->local_json == NULL ? "{}" : config->local_json);
    st = s->local_text == NULL ? pando_err_set(reterr, PANDO_NOMEM, "memory is out")
                               : identify_space(n, s, config, reterr);
    if (st == PANDO_OK)
        st = open_or_mend(n, s, config, reterr);
    if (st != PANDO_OK) {
        free(s->config_text);
        free(s->local_text);
        return st;
    }
    node_kinds_wire(n);
    pubsub_join_space(n, s);
    tell_addresses(n, s);
    *ret_slot = s->slot;
    return PANDO_OK;
}

void spaces_close(struct node *n, uint32_t slot)
{
    struct node_space *s = space_at(n, slot);
    if (s == NULL)
        return;
    for (uint32_t i = 0; i < n->peers_max; i++)
        if (n->peers[i].used)
            n->peers[i].spaces[slot] = (struct peer_space){ 0 };
    if (n->gossip != NULL)
        pubsub_leave_space(n, s);
    pipes_drop(n, slot, "its space is closed here");
    s->ops->close(s->instance);
    s->used = false;
    runs_forget(n, slot);
    free(s->config_text);
    free(s->local_text);
    n->ports.space_close(n->ports.ctx, slot);
}

static enum pando_status append_for_space(void *ctx, uint8_t record,
                                          struct pando_slice bytes,
                                          const struct tables_fold *fold,
                                          uint64_t *ret_position)
{
    struct node_space *s = ctx;
    const enum pando_status st = node_store_append(s, record, bytes, fold, ret_position);
    if (st == PANDO_OK && !s->commit_wanted) {
        s->commit_wanted = true;
        s->node->commits_wanted = true;
    }
    return st;
}

void space_input(struct node *n, struct node_space *s, const struct space_input *in)
{
    s->ops->step(s->instance, n->now, in);
    s->busy = true;
}

void space_call(struct node *n, struct node_space *s, uint64_t token, const char *verb,
                struct pando_slice args)
{
    space_input(n, s,
                &(struct space_input){
                    .kind = SPACE_CALL, .token = token, .verb = verb, .text = args });
}

void space_put(struct node *n, struct node_space *s, uint64_t token, const char *verb,
               struct bytes *bytes)
{
    space_input(n, s,
                &(struct space_input){
                    .kind = SPACE_PUT, .token = token, .verb = verb, .bytes = bytes });
}

static void verify(struct node *n, struct node_space *s, const struct space_effect *e)
{
    const uint64_t job = job_add(n, JOB_SPACE, s->slot, e->token);
    PANDO_ASSERT(job != 0); /* engines keep fewer in flight than NODE_JOBS_MAX */
    n->ports.verify(n->ports.ctx, job, e->items, e->items_len);
}

static void dial(struct node *n, struct pando_slice address)
{
    char text[MULTIADDR_TEXT_MAX];
    if (address.len >= sizeof text || n->stopping)
        return;
    memcpy(text, address.ptr, address.len);
    text[address.len] = '\0';
    nodes_meet(n, text);
}

static void carry_out(struct node *n, struct node_space *s, const struct space_effect *e)
{
    switch (e->kind) {
    case SPACE_SEND:
        channels_send(n, s, e);
        return;
    case SPACE_PUBLISH:
        pubsub_publish_space(n, s, e->bytes);
        bytes_unref(e->bytes);
        return;
    case SPACE_VERDICT:
        pubsub_verdict(n, e->token, e->status);
        return;
    case SPACE_VERIFY:
        verify(n, s, e);
        return;
    case SPACE_DIGESTED:
        channels_digested(n, s, e);
        return;
    case SPACE_REPLY:
        ops_reply(n, e->token, e->status, e->bytes, e->raw, e->more);
        bytes_unref(e->bytes);
        return;
    case SPACE_NOTICE:
        calls_notice(n, s->ops->kind, bytes_view(e->bytes));
        nodes_heard(n, bytes_view(e->bytes));
        bytes_unref(e->bytes);
        return;
    case SPACE_FAULT:
        if (e->peer < n->peers_max && n->peers[e->peer].used)
            peers_fault(n, e->peer, e->status, e->text);
        return;
    case SPACE_SNAPSHOT:
        n->ports.snapshot(n->ports.ctx, s->slot, e->value, e->bytes);
        return;
    case SPACE_DIAL:
        dial(n, bytes_view(e->bytes));
        bytes_unref(e->bytes);
        return;
    case SPACE_REOPEN:
        s->reopen = true;
        return;
    case SPACE_PIPE_DIAL:
    case SPACE_PIPE_SEND:
    case SPACE_PIPE_CLOSE:
    case SPACE_PIPE_DIGESTED:
        pipes_carry_out(n, s, e);
        return;
    case SPACE_RUN:
        space_runs_begin(n, s, e);
        return;
    }
}

void spaces_settle(struct node *n)
{
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 0; i < NODE_SPACES_MAX; i++) {
            struct node_space *s = &n->spaces[i];
            if (!s->used || !s->busy)
                continue;
            s->busy = false;
            struct space_effect e;
            while (s->ops->poll(s->instance, &e)) {
                carry_out(n, s, &e);
                again = true;
            }
        }
        pubsub_settle(n);
    }
    reopenings_begin(n);
    if (!n->commits_wanted)
        return;
    n->commits_wanted = false;
    for (size_t i = 0; i < NODE_SPACES_MAX; i++) {
        struct node_space *s = &n->spaces[i];
        if (!s->used || !s->commit_wanted)
            continue;
        s->commit_wanted = false;
        n->ports.commit(n->ports.ctx, s->slot);
    }
}
