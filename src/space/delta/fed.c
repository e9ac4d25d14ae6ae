#include "space/delta/fed_state.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/slice.h"
#include "space/delta/fed_config.h"
#include "space/delta/fed_mutant.h"
#include "space/delta/fed_trust.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 4096 /* a URL, a name, an error */

int64_t fed_wall(const struct fed *f)
{
    return f->host.wall(f->host.ctx).ms;
}

enum pando_status fed_text_set(struct pando_buf *b, struct pando_slice text)
{
    buf_reset(b);
    return buf_append(b, text);
}

/* --- the table of links ----------------------------------------------------------------- */

/* A free index, with room in the table; PANDO_FULL at the cap. */
static enum pando_status free_index(struct fed *f, uint32_t *ret)
{
    for (uint32_t i = 0; i < f->links_len; i++) {
        if (f->links[i] == NULL) {
            *ret = i;
            return PANDO_OK;
        }
    }
    if (f->links_len == FED_LINKS_MAX)
        return PANDO_FULL;
    if (f->links_len == f->links_cap) {
        const uint32_t cap = f->links_cap > 0 ? f->links_cap * 2 : 16;
        struct fed_link **links = realloc(f->links, cap * sizeof(struct fed_link *));
        if (links == NULL)
            return PANDO_NOMEM;
        f->links = links;
        f->links_cap = cap;
    }
    *ret = f->links_len;
    f->links[f->links_len++] = NULL;
    return PANDO_OK;
}

/* The lower bits of a handle are an index, the others tell one use of it from the next. */
static uint32_t next_handle(struct fed *f, uint32_t index)
{
    f->generation = f->generation % (UINT32_MAX / FED_LINKS_MAX - 1) + 1;
    return f->generation * FED_LINKS_MAX + index;
}

void fed_link_renew_origin(struct fed *f, struct fed_link *l)
{
    l->origin = next_handle(f, l->handle % FED_LINKS_MAX);
    l->runs_len = 0;
    l->run_open = false;
}

enum pando_status fed_link_new(struct fed *f, bool inbound, struct fed_link **ret)
{
    uint32_t index;
    const enum pando_status st = free_index(f, &index);
    struct fed_link *l = st == PANDO_OK ? calloc(1, sizeof *l) : NULL;
    if (l == NULL)
        return st == PANDO_OK ? PANDO_NOMEM : st;
    l->handle = l->origin = next_handle(f, index);
    l->inbound = inbound;
    f->host.uuid(f->host.ctx, l->id);
    buf_init(&l->url, TEXT_MAX);
    buf_init(&l->remote_system, TEXT_MAX);
    buf_init(&l->last_error, TEXT_MAX);
    buf_init(&l->session, TEXT_MAX);
    fed_config_init(&l->config);
    fed_limits_init(&l->limits);
    l->window.full_at = PANDO_TIME_NEVER;
    l->hello_at = l->ping_at = l->stall_at = PANDO_TIME_NEVER;
    l->retry_at = l->again_at = l->armed = PANDO_TIME_NEVER;
    f->links[index] = l;
    f->inbound_len += inbound;
    *ret = l;
    return PANDO_OK;
}

static void link_free(struct fed *f, struct fed_link *l)
{
    const uint32_t index = l->handle % FED_LINKS_MAX;
    fed_judge_forget(f, l);
    fed_totals_add(&f->gone, l);
    heap_remove(&f->timers, index);
    f->inbound_len -= l->inbound;
    f->links[index] = NULL;
    fed_link_deinit(l);
    free(l);
}

struct fed_link *fed_link_of(const struct fed *f, uint32_t handle)
{
    const uint32_t index = handle % FED_LINKS_MAX;
    struct fed_link *l = index < f->links_len ? f->links[index] : NULL;
    return l != NULL && l->handle == handle ? l : NULL;
}

struct fed_link *fed_link_named(const struct fed *f, struct pando_slice id)
{
    struct fed_link *found = NULL;
    for (uint32_t i = 0; i < f->links_len; i++) {
        struct fed_link *l = f->links[i];
        if (l == NULL || l->dying || id.len == 0 || id.len > strlen(l->id) ||
            memcmp(l->id, id.ptr, id.len) != 0)
            continue;
        if (found != NULL)
            return NULL; /* a prefix of two */
        found = l;
    }
    return found;
}

void fed_pipe_map(struct fed *f, struct fed_link *l, uint32_t pipe)
{
    void *value;
    bool added;
    if (map_put(&f->pipes, &pipe, &value, &added) != PANDO_OK) {
        fed_link_close(f, l, FED_CLOSE_INTERNAL, "out of memory");
        return;
    }
    *(uint32_t *)value = l->handle;
}

void fed_pipe_unmap(struct fed *f, const struct fed_link *l)
{
    (void)map_del(&f->pipes, &l->pipe);
}

static struct fed_link *of_pipe(const struct fed *f, uint32_t pipe)
{
    const uint32_t *handle = map_find(&f->pipes, &pipe);
    return handle != NULL ? fed_link_of(f, *handle) : NULL;
}

/* --- the end of a step ------------------------------------------------------------------ */

void fed_touch(struct fed *f, struct fed_link *l)
{
    if (l->touched)
        return;
    l->touched = true;
    f->touched[(f->touched_head + f->touched_len++) % FED_LINKS_MAX] =
        l->handle % FED_LINKS_MAX;
}

/* What belonged to a pipe that is gone. What was not acked will go again. */
static void forget_pipe(struct fed *f, struct fed_link *l)
{
    fed_take_forget(l);
    fed_ack_forget(l);
    fed_judge_forget(f, l);
    l->judging = 0;
    l->last_ticket = 0;
    l->in_flight = 0;
    fed_serve_end(l);
    const uint64_t floor = fed_window_floor(l);
    if (!MUTANT(NO_REWIND) && floor < l->cursor) {
        l->cursor = floor;
        l->lagging = true;
    }
    fed_window_reset(l);
}

/* Messages stop at FED_ACKS_MAX deltas without an answer; answers make room for more, and when
 * all that was staged is durable nothing else will come to wake us. */
static void take_and_answer(struct fed *f, struct fed_link *l)
{
    for (bool again = true; again;) {
        fed_take_inbox(f, l);
        const uint64_t first = l->acks.first;
        again = l->acks.len >= FED_ACKS_MAX;
        fed_ack_flush(f, l);
        again = again && l->piped && l->inbox.len > 0 && l->acks.first != first;
    }
}

static void settle_pipe(struct fed *f, struct fed_link *l)
{
    if (l->judging > 0)
        fed_judge_stage(f, l);
    take_and_answer(f, l);
    if (l->piped)
        fed_serve_step(f, l);
    if (l->piped)
        fed_send_pump(f, l);
    fed_emit_digested(f, l);
}

void fed_settle(struct fed *f)
{
    while (f->touched_len > 0) {
        struct fed_link *l = f->links[f->touched[f->touched_head]];
        f->touched_head = (f->touched_head + 1) % FED_LINKS_MAX;
        f->touched_len--;
        l->touched = false;
        if (l->piped)
            settle_pipe(f, l);
        if (!l->piped)
            forget_pipe(f, l);
        if (l->dying && !l->piped && !l->touched)
            link_free(f, l);
        else
            fed_link_arm(f, l);
    }
}

/* --- inputs ----------------------------------------------------------------------------- */

static void on_closed(struct fed *f, const struct fed_input *in)
{
    struct fed_link *l = of_pipe(f, in->pipe);
    struct pando_err why;
    if (in->pipe == FED_NO_PIPE)
        l = fed_link_of(f, in->link);
    if (l == NULL || (in->pipe == FED_NO_PIPE && !l->dialling))
        return; /* it was given up meanwhile */
    (void)pando_err_set(&why, in->status, "%.*s",
                        in->text.len < 300 ? (int)in->text.len : 300,
                        in->text.len > 0 ? (const char *)in->text.ptr : "");
    fed_link_lost(f, l, in->text.len > 0 ? why.text : "the connection ended");
}

static void on_durable(struct fed *f, uint64_t ticket)
{
    f->durable = ticket > f->durable ? ticket : f->durable;
    for (uint32_t i = 0; i < f->links_len; i++) {
        struct fed_link *l = f->links[i];
        if (l != NULL && l->piped && l->acks.len + l->inbox.len > 0)
            fed_touch(f, l);
    }
}

static void on_tick(struct fed *f)
{
    uint32_t index;
    while (heap_pop_due(&f->timers, f->now, &index)) {
        f->links[index]->armed = PANDO_TIME_NEVER;
        fed_link_tick(f, f->links[index]);
    }
}

static void on_pipe(struct fed *f, const struct fed_input *in)
{
    struct fed_link *l = of_pipe(f, in->pipe);
    if (l == NULL)
        return; /* closed already */
    if (in->kind == FED_PIPE_TEXT)
        fed_take_text(f, l, in->bytes);
    else
        fed_link_credit(f, l, in->value);
    fed_touch(f, l);
}

void fed_step(struct fed *f, struct pando_time now, const struct fed_input *in)
{
    f->now = now;
    switch (in->kind) {
    case FED_PIPE_OPEN:
        if (in->link == FED_NO_LINK)
            fed_server_open(f, in->pipe, in->text);
        else
            fed_client_open(f, in->link, in->pipe);
        break;
    case FED_PIPE_TEXT:
    case FED_PIPE_CREDIT: on_pipe(f, in); break;
    case FED_PIPE_CLOSED: on_closed(f, in); break;
    case FED_DURABLE: on_durable(f, in->value); break;
    case FED_NEW: fed_send_new(f, in); break;
    case FED_JUDGED: fed_judge_end(f, in->token, in->status); break;
    case FED_TICK: on_tick(f); break;
    }
    fed_settle(f);
}

bool fed_poll(struct fed *f, struct fed_effect *ret)
{
    free(f->spoken);
    f->spoken = NULL;
    if (f->outs_head == f->outs_len)
        return false;
    const struct fed_out *o = &f->outs[f->outs_head++];
    *ret = o->effect;
    f->spoken = o->text;
    return true;
}

struct pando_time fed_deadline(const struct fed *f)
{
    return heap_first(&f->timers);
}

void fed_listen(struct fed *f, bool listening)
{
    f->listening = listening;
}

/* --- life ------------------------------------------------------------------------------- */

static enum pando_status fill(struct fed *f, const struct fed_config *config)
{
    struct fed_trust trust;
    f->touched = calloc(FED_LINKS_MAX, sizeof *f->touched);
    if (f->touched == NULL)
        return PANDO_NOMEM;
    enum pando_status st = fed_text_set(&f->system_id, config->system_id);
    if (st == PANDO_OK)
        st = fed_trust_copy(&config->trust, &trust);
    if (st == PANDO_OK)
        f->config.trust = trust;
    return st;
}

enum pando_status fed_new(const struct fed_config *config, const struct fed_host *host,
                          struct fed **ret, struct pando_err *reterr)
{
    if (config->system_id.len == 0 || config->system_id.len > DELTA_NAME_MAX)
        return pando_err_set(reterr, PANDO_INVALID, "systemId: must have 1 to %d bytes",
                             DELTA_NAME_MAX);
    struct fed *f = calloc(1, sizeof *f);
    if (f == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "federation: out of memory");
    f->config = *config;
    f->host = *host;
    fed_trust_init(&f->config.trust);
    buf_init(&f->system_id, DELTA_NAME_MAX);
    buf_init(&f->scratch, FED_FRAME_MAX);
    buf_init(&f->out, FED_FRAME_MAX);
    map_init(&f->pipes, sizeof(uint32_t), sizeof(uint32_t), FED_LINKS_MAX, config->seed);
    heap_init(&f->timers);
    const enum pando_status st = fill(f, config);
    if (st != PANDO_OK) {
        fed_free(f);
        return pando_err_set(reterr, st, "federation: out of memory");
    }
    f->config.system_id = buf_view(&f->system_id);
    *ret = f;
    return PANDO_OK;
}

void fed_free(struct fed *f)
{
    struct fed_effect e;
    if (f == NULL)
        return;
    while (fed_poll(f, &e))
        bytes_unref(e.bytes);
    for (uint32_t i = 0; i < f->links_len; i++)
        if (f->links[i] != NULL)
            link_free(f, f->links[i]);
    free(f->links);
    free(f->touched);
    free(f->outs);
    map_deinit(&f->pipes);
    heap_deinit(&f->timers);
    fed_trust_deinit(&f->config.trust);
    buf_deinit(&f->system_id);
    buf_deinit(&f->scratch);
    buf_deinit(&f->out);
    free(f);
}
