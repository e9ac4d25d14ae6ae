/* ports.c - a node's ports over the virtual machine. */
#include "sim/state.h"

#include "base/assert.h"
#include "base/slice.h"

#include <stdlib.h>
#include <string.h>

#define EPOCH_MS INT64_C(1790000000000) /* wall time at the start of every run */
#define VERIFY_BASE 60000               /* ns of a verification job, and of each item */
#define VERIFY_ITEM 40000

static enum pando_status space_open(void *ctx, uint32_t slot, const struct pando_id *id,
                                    const struct space_ops *ops, struct node_space_store *ret,
                                    struct pando_err *reterr)
{
    return disk_open(((struct sim_node *)ctx)->disk, slot, id, ops, ret, reterr);
}

static void space_close(void *ctx, uint32_t slot)
{
    disk_close(((struct sim_node *)ctx)->disk, slot);
}

static void snapshot(void *ctx, uint32_t slot, uint64_t position, struct bytes *state)
{
    disk_snapshot(((struct sim_node *)ctx)->disk, slot, position, state);
}

static enum pando_status space_remove(void *ctx, const struct pando_id *id,
                                      struct pando_err *reterr)
{
    (void)ctx, (void)id;
    return pando_err_set(reterr, PANDO_UNSUPPORTED, "the simulator keeps every space");
}

static enum pando_status append(void *ctx, uint32_t slot, uint8_t record,
                                struct pando_slice bytes, const struct tables_fold *fold,
                                uint64_t *ret_position)
{
    struct disk *d = ((struct sim_node *)ctx)->disk;
    return disk_append(d, slot, record, bytes, fold, ret_position);
}

static void commit(void *ctx, uint32_t slot)
{
    disk_commit(((struct sim_node *)ctx)->disk, slot);
}

/* Many nodes meet the same event: its signature is checked once per run. */
static bool is_valid(struct sim *s, const struct space_verify_item *item)
{
    struct crypto_sha256_state sha;
    void *place;
    bool added;
    crypto_sha256_begin(&sha);
    crypto_sha256_add(&sha, SLICE_OF(item->key));
    crypto_sha256_add(&sha, SLICE_OF(item->sig));
    crypto_sha256_add(&sha, item->signed_bytes);
    const struct pando_id id = crypto_sha256_end(&sha);
    const uint8_t *known = map_find(&s->verdicts, &id);
    if (known != NULL)
        return *known != 0;
    const uint8_t valid = crypto_verify(&item->key, item->signed_bytes, &item->sig);
    if (s->verdicts.len == SIM_VERDICTS_MAX)
        map_reset(&s->verdicts);
    if (map_put(&s->verdicts, &id, &place, &added) == PANDO_OK)
        memcpy(place, &valid, sizeof valid);
    return valid != 0;
}

static void verified(void *ctx, const struct sim_event *e)
{
    struct sim_verify *v = ctx;
    struct sim_node *n = v->node;
    (void)e;
    if (n->up && n->life == v->life) {
        node_verified(n->node, n->sim->queue.now, v->job, v->bits);
        n->dirty = true;
        sim_turn(n);
    }
    free(v);
}

static void verify(void *ctx, uint64_t job, const struct space_verify_item *items, size_t len)
{
    struct sim_node *n = ctx;
    struct sim_verify *v = calloc(1, sizeof *v);
    PANDO_ASSERT(v != NULL && len <= SPACE_VERIFY_MAX);
    *v = (struct sim_verify){ .node = n, .life = n->life, .job = job };
    for (size_t i = 0; i < len; i++)
        if (n->sim->config.plant == SIM_TRUSTS_ALL || is_valid(n->sim, &items[i]))
            v->bits[i / 64] |= UINT64_C(1) << (i % 64);
    queue_put(&n->sim->queue, (struct pando_span){ VERIFY_BASE + len * VERIFY_ITEM },
              (struct sim_event){ .fire = verified, .ctx = v, .a = job, .b = n->index });
}

static enum pando_status run(void *ctx, uint64_t job, const struct node_run *how)
{
    (void)ctx, (void)job, (void)how;
    return PANDO_UNSUPPORTED;
}

static void kept(void *ctx, const struct sim_event *e)
{
    struct sim_node *n = ctx;
    if (!n->up || n->life != e->b)
        return;
    node_worked(n->node, n->sim->queue.now, e->a, PANDO_OK, slice_text("{\"done\":true}"));
    n->dirty = true;
    sim_turn(n);
}

/* Of the slow works only "keep" makes sense here. The text is on disk at once; a crash before
 * the answer leaves the caller in doubt, as a real one does. */
static enum pando_status work(void *ctx, uint64_t job, const char *what, struct pando_slice args)
{
    struct sim_node *n = ctx;
    if (strcmp(what, "keep") != 0)
        return PANDO_UNSUPPORTED;
    struct bytes *text = bytes_copy(args);
    if (text == NULL)
        return PANDO_NOMEM;
    bytes_unref(n->kept);
    n->kept = text;
    queue_put(&n->sim->queue, PANDO_MSEC(1),
              (struct sim_event){ .fire = kept, .ctx = n, .a = job, .b = n->life });
    return PANDO_OK;
}

struct lookup {
    struct sim_node *node;
    uint32_t life, token;
};

static void looked_up(void *ctx, const struct sim_event *e)
{
    struct lookup *l = ctx;
    struct sim_node *n = l->node;
    (void)e;
    if (n->up && n->life == l->life) {
        node_resolved(n->node, n->sim->queue.now, l->token, NULL, 0, "there are no names here");
        n->dirty = true;
        sim_turn(n);
    }
    free(l);
}

static void resolve(void *ctx, uint32_t token, const char *name, uint8_t family,
                    uint32_t attempt)
{
    (void)family, (void)attempt;
    struct sim_node *n = ctx;
    struct lookup *l = calloc(1, sizeof *l);
    (void)name;
    PANDO_ASSERT(l != NULL);
    *l = (struct lookup){ n, n->life, token };
    queue_put(&n->sim->queue, PANDO_MSEC(1),
              (struct sim_event){ .fire = looked_up, .ctx = l, .a = token, .b = n->index });
}

static struct pando_wall wall(void *ctx)
{
    const struct sim_node *n = ctx;
    return (struct pando_wall){ EPOCH_MS + (int64_t)(n->sim->queue.now.ns / 1000000u) +
                                n->clock_off_ms };
}

static void entropy(void *ctx, uint8_t *ret, size_t len)
{
    struct sim_node *n = ctx;
    rng_fill(&n->sim->rng, ret, len);
}

static void reply(void *ctx, uint64_t token, enum pando_status status, struct pando_slice body,
                  bool raw, bool more)
{
    struct sim_node *n = ctx;
    (void)raw;
    sim_replied(n->sim, token, status, body, more);
}

static void notice(void *ctx, const char *kind, struct pando_slice json)
{
    if (strcmp(kind, "dag") == 0)
        sim_noticed(ctx, json);
}

static uint64_t memory(void *ctx)
{
    (void)ctx;
    return 0;
}

static enum pando_status log_level(void *ctx, const char *text, struct pando_err *reterr)
{
    (void)ctx, (void)text;
    return pando_err_set(reterr, PANDO_UNSUPPORTED, "run with --trace");
}

static void stop(void *ctx)
{
    struct sim_node *n = ctx;
    node_stop(n->node, n->sim->queue.now);
}

/* A planted bug: after its first dials the node only thinks that it dials. */
static enum pando_status dial_rarely(void *ctx, const struct link_target *target, uint32_t token)
{
    struct sim_node *n = ctx;
    return n->dials++ < n->peers_len ? n->link.ops->dial(n->link.ctx, target, token) : PANDO_OK;
}

static void closing(void *ctx, uint64_t link, enum link_reason reason)
{
    struct sim_node *n = ctx;
    n->link.ops->close(n->link.ctx, link, reason);
}
static enum pando_status opening(void *ctx, uint64_t link, enum link_class class, uint64_t *ret)
{
    struct sim_node *n = ctx;
    return n->link.ops->open(n->link.ctx, link, class, ret);
}
static enum pando_status sending(void *ctx, uint64_t stream, struct bytes *bytes, bool fin)
{
    struct sim_node *n = ctx;
    return n->link.ops->send(n->link.ctx, stream, bytes, fin);
}
static size_t queued(void *ctx, uint64_t stream)
{
    struct sim_node *n = ctx;
    return n->link.ops->queued(n->link.ctx, stream);
}
static void resetting(void *ctx, uint64_t stream)
{
    struct sim_node *n = ctx;
    n->link.ops->reset(n->link.ctx, stream);
}
static void consuming(void *ctx, uint64_t stream, size_t len)
{
    struct sim_node *n = ctx;
    n->link.ops->consume(n->link.ctx, stream, len);
}
static void classifying(void *ctx, uint64_t stream, enum link_class class)
{
    struct sim_node *n = ctx;
    n->link.ops->classify(n->link.ctx, stream, class);
}
static struct pando_span round_trip(void *ctx, uint64_t link)
{
    struct sim_node *n = ctx;
    return n->link.ops->rtt(n->link.ctx, link);
}

static const struct link_ops lazy_links = { dial_rarely, closing,   opening,
                                            sending,     queued,    resetting,
                                            consuming,   classifying, round_trip };

struct node_ports sim_ports(struct sim_node *n)
{
    const bool lazy = n->sim->config.plant == SIM_NO_REDIAL;
    return (struct node_ports){
        .ctx = n,
        .link = lazy ? (struct link_port){ n, &lazy_links } : n->link,
        .pipes = n->pipe,
        .space_open = space_open,
        .space_close = space_close,
        .space_remove = space_remove,
        .append = append,
        .commit = commit,
        .snapshot = snapshot,
        .verify = verify,
        .run = run,
        .work = work,
        .resolve = resolve,
        .wall = wall,
        .entropy = entropy,
        .reply = reply,
        .notice = notice,
        .memory = memory,
        .log_level = log_level,
        .stop = stop,
    };
}

static void durable(void *ctx, uint32_t slot, uint64_t position)
{
    struct sim_node *n = ctx;
    node_durable(n->node, n->sim->queue.now, slot, position);
    n->dirty = true;
    sim_turn(n);
}

static void failed(void *ctx, uint32_t slot, enum pando_status why)
{
    struct sim_node *n = ctx;
    node_store_failed(n->node, n->sim->queue.now, slot, why);
    n->dirty = true;
    sim_turn(n);
}

static void back(void *ctx, uint32_t slot)
{
    struct sim_node *n = ctx;
    node_store_back(n->node, n->sim->queue.now, slot);
    n->dirty = true;
    sim_turn(n);
}

static void snapshotted(void *ctx, uint32_t slot, enum pando_status status)
{
    struct sim_node *n = ctx;
    node_snapshotted(n->node, n->sim->queue.now, slot, status);
    n->dirty = true;
    sim_turn(n);
}

struct disk_owner sim_disk_owner(struct sim_node *n)
{
    return (struct disk_owner){ n, durable, failed, back, snapshotted };
}
