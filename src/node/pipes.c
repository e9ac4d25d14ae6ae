/* pipes.c - which space a pipe belongs to.
 *
 * A pipe that is opened from outside names its space by its path: the configured one alone
 * means the only space that takes pipes (or the one named default), with /NAME behind it
 * that one. A dial belongs to whoever asked. From then on effects and events pass through.
 */
#include "node/state.h"

#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

#define STALE "its space is closed here"

const uint16_t node_pipe_codes[NODE_PIPE_CLOSES - 1] = {
    0,
    PIPE_CODE_NORMAL,
    PIPE_CODE_GOING,
    PIPE_CODE_PROTOCOL,
    PIPE_CODE_KIND,
    PIPE_CODE_ABSENT,
    PIPE_CODE_TEXT,
    PIPE_CODE_POLICY,
    PIPE_CODE_SIZE,
    PIPE_CODE_INTERNAL,
    PIPE_CODE_LATER,
};

static void count_event(struct node_pipe_counts *c, const struct pipe_event *ev)
{
    size_t i = 0;
    if (ev->kind == PIPE_OPEN) {
        c->opened[ev->dial == PIPE_INBOUND ? NODE_PIPE_IN : NODE_PIPE_OUT]++;
        c->open++;
    } else if (ev->kind == PIPE_TEXT) {
        c->messages[NODE_PIPE_IN]++;
        c->bytes[NODE_PIPE_IN] += bytes_view(ev->bytes).len;
    } else if (ev->kind == PIPE_CLOSED && ev->pipe == PIPE_NONE) {
        c->dials_failed++;
    } else if (ev->kind == PIPE_CLOSED) {
        while (i < NODE_PIPE_CLOSES - 1 && node_pipe_codes[i] != ev->code)
            i++;
        c->closed[i]++;
        c->open--;
    }
}

void pipes_init(struct node *n)
{
    const size_t most = (size_t)NODE_SPACES_MAX * SPACE_PIPES_MAX;
    map_init(&n->pipes, sizeof(uint32_t), sizeof(uint32_t), most, n->config.seed ^ 1);
    map_init(&n->pipe_dials, sizeof(uint64_t), sizeof(struct node_pipe_dial), most,
             n->config.seed ^ 2);
}

void pipes_deinit(struct node *n)
{
    map_deinit(&n->pipes);
    map_deinit(&n->pipe_dials);
}

static struct node_space *only_taker(struct node *n)
{
    struct node_space *only = NULL;
    size_t count = 0;
    for (size_t i = 0; i < NODE_SPACES_MAX; i++) {
        struct node_space *s = &n->spaces[i];
        if (!s->used || !s->ops->pipes)
            continue;
        if (strcmp(s->name, "default") == 0)
            return s;
        only = s;
        count++;
    }
    return count == 1 ? only : NULL;
}

/* The space at `path`, without a query. NULL: `reterr` says why. */
static struct node_space *space_at_path(struct node *n, const char *path,
                                        struct pando_err *reterr)
{
    const char *base = n->config.pipe_path == NULL ? "/federation" : n->config.pipe_path;
    const size_t len = strlen(base);
    char name[96];
    if (n->config.no_pipes || strncmp(path, base, len) != 0 ||
        (path[len] != '\0' && path[len] != '/')) {
        (void)pando_err_set(reterr, PANDO_NOT_FOUND, "no space takes connections at this path");
        return NULL;
    }
    (void)snprintf(name, sizeof name, "%s", path[len] == '/' ? path + len + 1 : "");
    if (name[0] == '\0') {
        struct node_space *s = only_taker(n);
        if (s == NULL)
            (void)pando_err_set(reterr, PANDO_NOT_FOUND,
                                "%s/SPACE names the space: there is none here that takes "
                                "connections, or more than one",
                                base);
        return s;
    }
    struct node_space *s = space_by_name(n, name, NULL);
    if (s != NULL && s->ops->pipes)
        return s;
    (void)pando_err_set(reterr, PANDO_NOT_FOUND, "there is no space '%.63s' that takes connections",
                        name);
    return NULL;
}

enum pando_status node_takes_pipe(struct node *n, const char *path, struct pando_err *reterr)
{
    if (n->stopping)
        return pando_err_set(reterr, PANDO_UNAVAILABLE, "this node stops");
    const struct node_space *s = space_at_path(n, path, reterr);
    return s != NULL ? PANDO_OK : PANDO_NOT_FOUND;
}

static void close_pipe(struct node *n, uint32_t pipe, uint16_t code, const char *reason)
{
    n->ports.pipes.ops->close(n->ports.pipes.ctx, pipe, code, reason);
}

/* The space that the pipe belongs to, NULL none. */
static struct node_space *owner_of(struct node *n, uint32_t pipe)
{
    const uint32_t *slot = map_find(&n->pipes, &pipe);
    return slot == NULL ? NULL : space_at(n, *slot);
}

static void opened(struct node *n, const struct pipe_event *ev)
{
    struct node_pipe_dial d = { .slot = NODE_NONE, .token = SPACE_NOBODY };
    const struct node_pipe_dial *dial =
        ev->dial == PIPE_INBOUND ? NULL : map_find(&n->pipe_dials, &ev->dial);
    struct node_space *s = NULL;
    void *place;
    bool added;
    if (dial != NULL) {
        d = *dial;
        (void)map_del(&n->pipe_dials, &ev->dial);
        s = space_at(n, d.slot);
    } else if (ev->dial == PIPE_INBOUND) {
        s = space_at_path(n, ev->path, NULL);
    }
    if (s == NULL || n->stopping) {
        close_pipe(n, ev->pipe, PIPE_CODE_GOING, n->stopping ? "this node stops" : STALE);
        return;
    }
    if (s->pipes == SPACE_PIPES_MAX || map_put(&n->pipes, &ev->pipe, &place, &added) != PANDO_OK) {
        close_pipe(n, ev->pipe, PIPE_CODE_POLICY, "too many connections: try again later");
        return;
    }
    memcpy(place, &s->slot, sizeof s->slot);
    s->pipes++;
    space_input(n, s,
                &(struct space_input){ .kind = SPACE_PIPE_OPEN,
                                       .pipe = ev->pipe,
                                       .token = d.token,
                                       .text = slice_text(ev->text) });
}

/* A dial has failed: whoever asked hears of it. */
static void dial_failed(struct node *n, uint64_t number, enum pando_status status,
                        const char *text)
{
    const struct node_pipe_dial *found = map_find(&n->pipe_dials, &number);
    if (found == NULL)
        return;
    const struct node_pipe_dial d = *found;
    (void)map_del(&n->pipe_dials, &number);
    struct node_space *s = space_at(n, d.slot);
    if (s != NULL)
        space_input(n, s,
                    &(struct space_input){ .kind = SPACE_PIPE_CLOSED,
                                           .pipe = SPACE_NO_PIPE,
                                           .token = d.token,
                                           .status = status,
                                           .text = slice_text(text) });
}

static void closed(struct node *n, const struct pipe_event *ev)
{
    if (ev->pipe == PIPE_NONE) {
        dial_failed(n, ev->dial, ev->status, ev->text);
        return;
    }
    struct node_space *s = owner_of(n, ev->pipe);
    if (!map_del(&n->pipes, &ev->pipe) || s == NULL)
        return;
    s->pipes--;
    space_input(n, s,
                &(struct space_input){ .kind = SPACE_PIPE_CLOSED,
                                       .pipe = ev->pipe,
                                       .token = SPACE_NOBODY,
                                       .value = ev->code,
                                       .status = ev->status,
                                       .text = slice_text(ev->text) });
}

void node_pipe_event(struct node *n, struct pando_time now, const struct pipe_event *ev)
{
    n->now = now;
    count_event(&n->pipe_counts, ev);
    struct node_space *s = ev->kind == PIPE_TEXT || ev->kind == PIPE_CREDIT
                               ? owner_of(n, ev->pipe)
                               : NULL;
    switch (ev->kind) {
    case PIPE_OPEN:
        opened(n, ev);
        return;
    case PIPE_CLOSED:
        closed(n, ev);
        return;
    case PIPE_TEXT:
        if (s != NULL)
            space_input(n, s,
                        &(struct space_input){ .kind = SPACE_PIPE_TEXT,
                                               .pipe = ev->pipe,
                                               .bytes = ev->bytes });
        return;
    case PIPE_CREDIT:
        if (s != NULL)
            space_input(n, s,
                        &(struct space_input){ .kind = SPACE_PIPE_CREDIT,
                                               .pipe = ev->pipe,
                                               .value = ev->value });
        return;
    }
}

static void dial(struct node *n, struct node_space *s, const struct space_effect *e)
{
    struct pando_err err = { 0 };
    void *place;
    bool added;
    const uint64_t number = ++n->next_pipe_dial;
    enum pando_status st = map_put(&n->pipe_dials, &number, &place, &added);
    if (st == PANDO_OK) {
        *(struct node_pipe_dial *)place = (struct node_pipe_dial){ e->token, s->slot };
        st = n->stopping ? pando_err_set(&err, PANDO_UNAVAILABLE, "this node stops")
             : n->ports.pipes.ops == NULL
                 ? pando_err_set(&err, PANDO_UNSUPPORTED, "there are no connections here")
                 : n->ports.pipes.ops->dial(n->ports.pipes.ctx, bytes_view(e->bytes), number,
                                            &err);
    } else {
        (void)pando_err_set(&err, st, "too many dials are under way");
    }
    n->pipe_counts.dials_failed += st != PANDO_OK;
    if (st != PANDO_OK && map_find(&n->pipe_dials, &number) != NULL)
        dial_failed(n, number, st, err.text);
    else if (st != PANDO_OK)
        space_input(n, s,
                    &(struct space_input){ .kind = SPACE_PIPE_CLOSED,
                                           .pipe = SPACE_NO_PIPE,
                                           .token = e->token,
                                           .status = st,
                                           .text = slice_text(err.text) });
}

void pipes_carry_out(struct node *n, struct node_space *s, const struct space_effect *e)
{
    const struct pipe_port *port = &n->ports.pipes;
    const bool ours = e->kind == SPACE_PIPE_DIAL || owner_of(n, e->pipe) == s;
    switch (e->kind) {
    case SPACE_PIPE_DIAL:
        dial(n, s, e);
        bytes_unref(e->bytes);
        return;
    case SPACE_PIPE_SEND:
        if (!ours) {
            bytes_unref(e->bytes); /* it closed meanwhile */
            return;
        }
        n->pipe_counts.messages[NODE_PIPE_OUT]++;
        n->pipe_counts.bytes[NODE_PIPE_OUT] += bytes_view(e->bytes).len;
        port->ops->send(port->ctx, e->pipe, e->bytes);
        return;
    case SPACE_PIPE_CLOSE:
        if (ours)
            close_pipe(n, e->pipe, (uint16_t)e->value, e->text);
        return;
    case SPACE_PIPE_DIGESTED:
        if (ours)
            port->ops->digested(port->ctx, e->pipe, e->value);
        return;
    default:
        PANDO_UNREACHABLE();
    }
}

void pipes_drop(struct node *n, uint32_t slot, const char *why)
{
    size_t cursor = 0;
    const void *key;
    void *value;
    while (map_next(&n->pipes, &cursor, &key, &value)) {
        uint32_t pipe, owner;
        memcpy(&pipe, key, sizeof pipe);
        memcpy(&owner, value, sizeof owner);
        if (slot != NODE_NONE && owner != slot)
            continue;
        close_pipe(n, pipe, PIPE_CODE_GOING, why);
        if (slot == NODE_NONE)
            continue; /* the spaces live on and hear of it */
        (void)map_del(&n->pipes, &pipe);
        cursor--;
    }
    cursor = 0;
    while (slot != NODE_NONE && map_next(&n->pipe_dials, &cursor, &key, &value)) {
        uint64_t number;
        memcpy(&number, key, sizeof number);
        if (((const struct node_pipe_dial *)value)->slot != slot)
            continue;
        (void)map_del(&n->pipe_dials, &number);
        cursor--;
    }
}
