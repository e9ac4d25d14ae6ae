/* keeping.c - the operator's changes on their way to the disk.
 *
 * One save is under way at a time and carries everything that is in force when it begins;
 * a change that comes meanwhile waits for the next one, so an older text never overwrites
 * a newer one. A call is answered when its change is on disk. When that fails the change
 * stays in force until the node ends, and the answer says so.
 */
#include "node/state.h"

#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

#define KEEPING_ANSWER_MAX 160

struct waiter {
    uint64_t token;
    char answer[KEEPING_ANSWER_MAX];
    bool saving;        /* by the save that is under way */
};

struct keeping {
    bool busy;
    size_t waiters_len;
    struct waiter waiters[NODE_KEEPING_MAX];
};

enum pando_status keeping_new(struct node *n)
{
    n->kept = calloc(1, sizeof *n->kept);
    n->keeping = calloc(1, sizeof *n->keeping);
    return n->kept == NULL || n->keeping == NULL ? PANDO_NOMEM : PANDO_OK;
}

void keeping_free(struct node *n)
{
    if (n->kept != NULL)
        kept_deinit(n->kept);
    free(n->kept);
    free(n->keeping);
}

bool keeping_is_busy(const struct node *n)
{
    return n->keeping->busy;
}

enum pando_status keeping_load(struct node *n, struct pando_err *reterr)
{
    struct pando_err err = { 0 };
    if (n->config.kept == NULL)
        return PANDO_OK;
    const enum pando_status st = kept_parse(n->kept, *n->config.kept, &err);
    if (st != PANDO_OK)
        return pando_err_set(reterr, st,
                             "%s/operator.json: %s; mend it, or move it away to start "
                             "without the operator's changes",
                             n->config.data, err.text);
    return PANDO_OK;
}

bool keeping_has_room(struct node *n, uint64_t token)
{
    if (n->keeping->waiters_len < NODE_KEEPING_MAX)
        return true;
    call_fail(n, token, PANDO_BUSY, "%d changes wait for the disk already; try again",
              NODE_KEEPING_MAX);
    return false;
}

static void begin(struct node *n)
{
    struct keeping *k = n->keeping;
    struct pando_buf b;
    for (size_t i = 0; i < k->waiters_len; i++)
        k->waiters[i].saving = true;
    k->busy = true;
    buf_init(&b, KEPT_TEXT_MAX);
    enum pando_status st = kept_print(n->kept, &b);
    const uint64_t job = st == PANDO_OK ? job_add(n, JOB_KEEP, 0, 0) : 0;
    if (st == PANDO_OK)
        st = job == 0 ? PANDO_BUSY
                      : n->ports.work(n->ports.ctx, job, "keep", buf_view(&b));
    buf_deinit(&b);
    if (st == PANDO_OK)
        return;
    struct node_job gone;
    if (job != 0)
        (void)job_take(n, job, &gone);
    keeping_done(n, st, slice_text(pando_status_text(st)));
}

void keeping_done(struct node *n, enum pando_status status, struct pando_slice text)
{
    struct keeping *k = n->keeping;
    size_t left = 0;
    k->busy = false;
    for (size_t i = 0; i < k->waiters_len; i++) {
        const struct waiter *w = &k->waiters[i];
        if (!w->saving)
            k->waiters[left++] = *w;
        else if (status == PANDO_OK)
            call_reply(n, w->token, PANDO_OK, slice_text(w->answer));
        else
            call_fail(n, w->token, status,
                      "done, but only until the node ends: it cannot be kept: %.*s",
                      (int)(text.len < 200 ? text.len : 200), (const char *)text.ptr);
    }
    k->waiters_len = left;
    if (left > 0)
        begin(n);
}

void keeping_save(struct node *n, uint64_t token, const char *answer)
{
    struct keeping *k = n->keeping;
    struct waiter *w = &k->waiters[k->waiters_len++];
    *w = (struct waiter){ .token = token };
    (void)snprintf(w->answer, sizeof w->answer, "%s", answer);
    PANDO_ASSERT(strlen(answer) < sizeof w->answer);
    if (!k->busy)
        begin(n);
}

enum pando_status node_add_peer(struct node *n, struct pando_time now,
                                const struct multiaddr *address)
{
    uint32_t token;
    if (kept_configure(n->kept, address))
        return dialer_add(&n->dialer, now, address, true, &token);
    char text[MULTIADDR_TEXT_MAX];
    if (multiaddr_print(address, text, sizeof text) == PANDO_OK)
        trace(n->tracer, TRACE_PEER, TRACE_WARNING,
              "%.120s is not dialled: it was removed; `pando peer add` brings it back",
              text);
    return PANDO_OK;
}

enum pando_status keeping_open_spaces(struct node *n, struct pando_err *reterr)
{
    for (size_t i = 0; i < n->kept->spaces_len; i++) {
        const struct kept_space *k = &n->kept->spaces[i];
        uint32_t slot;
        const enum pando_status st = spaces_open(
            n,
            &(struct node_space_config){
                .name = k->name, .kind = k->kind, .config_json = k->config,
                .local_json = k->settings },
            &slot, reterr);
        if (st == PANDO_EXISTS)
            trace(n->tracer, TRACE_NODE, TRACE_WARNING,
                  "the configuration opens a space '%s': the one that was created is left alone",
                  k->name);
        else if (st != PANDO_OK)
            return st;
    }
    return PANDO_OK;
}

void node_add_kept_peers(struct node *n, struct pando_time now)
{
    uint32_t token;
    for (size_t i = 0; i < n->kept->addresses_len; i++) {
        const struct kept_address *a = &n->kept->addresses[i];
        if (a->added &&
            dialer_add(&n->dialer, now, &a->address, true, &token) != PANDO_OK)
            trace(n->tracer, TRACE_PEER, TRACE_WARNING,
                  "an added address is not dialled: %d are kept already",
                  DIALER_ENTRIES_MAX);
    }
}
