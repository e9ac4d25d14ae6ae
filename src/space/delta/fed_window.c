#include "space/delta/fed_state.h"

#include <stdlib.h>
#include <string.h>

static struct fed_sent *at(const struct fed_window *w, uint32_t i)
{
    return &w->ring[(w->head + i) & (w->cap - 1)];
}

static bool grow(struct fed_window *w)
{
    const uint32_t cap = w->cap > 0 ? w->cap * 2 : 64;
    struct fed_sent *ring = calloc(cap, sizeof *ring);
    if (ring == NULL)
        return false;
    for (uint32_t i = 0; i < w->len; i++)
        ring[i] = *at(w, i);
    free(w->ring);
    w->ring = ring;
    w->cap = cap;
    w->head = 0;
    return true;
}

bool fed_window_room(struct fed *f, struct fed_link *l)
{
    struct fed_window *w = &l->window;
    if (l->inbound || w->deaf || w->len < FED_WINDOW_MAX) {
        w->full_at = PANDO_TIME_NEVER;
        return true;
    }
    if (w->full_at.ns == PANDO_TIME_NEVER.ns)
        w->full_at = pando_time_add(f->now, FED_DEAF_AFTER);
    if (!pando_time_reached(w->full_at, f->now))
        return false;
    w->frozen = fed_window_floor(l);
    w->deaf = true;
    w->len = 0;
    w->full_at = PANDO_TIME_NEVER;
    return true;
}

bool fed_window_add(struct fed_link *l, uint64_t behind, const struct delta_hash *name)
{
    struct fed_window *w = &l->window;
    if (l->inbound || w->deaf)
        return true;
    if (w->len == w->cap && !grow(w))
        return false;
    *at(w, w->len++) = (struct fed_sent){ .behind = behind, .name = *name };
    return true;
}

void fed_window_acked(struct fed_link *l, struct pando_slice delta_id)
{
    struct fed_window *w = &l->window;
    if (w->len == 0)
        return;
    const struct delta_hash name = delta_name_of(delta_id);
    uint32_t i = 0;
    while (i < w->len && (at(w, i)->done || memcmp(&at(w, i)->name, &name, sizeof name) != 0))
        i++;
    if (i < w->len)
        at(w, i)->done = true;
    while (w->len > 0 && at(w, 0)->done) {
        w->head = (w->head + 1) & (w->cap - 1);
        w->len--;
    }
    fed_run_drop(l, fed_window_floor(l));
}

uint64_t fed_window_floor(const struct fed_link *l)
{
    const struct fed_window *w = &l->window;
    if (w->deaf)
        return w->frozen;
    return w->len > 0 ? at(w, 0)->behind : l->cursor;
}

void fed_window_reset(struct fed_link *l)
{
    free(l->window.ring);
    l->window = (struct fed_window){ .full_at = PANDO_TIME_NEVER };
}

/* --- what came from this link ---------------------------------------------------------- */

void fed_run_note(struct fed_link *l, uint64_t place)
{
    if (l->run_open && l->runs_len > 0) {
        l->runs[(l->runs_head + l->runs_len - 1) % FED_RUNS_MAX].last = place;
        return;
    }
    if (l->runs_len == FED_RUNS_MAX) { /* the oldest may echo: the peer knows it and says so */
        l->runs_head = (l->runs_head + 1) % FED_RUNS_MAX;
        l->runs_len--;
    }
    l->runs[(l->runs_head + l->runs_len++) % FED_RUNS_MAX] = (struct fed_run){ place, place };
    l->run_open = true;
}

bool fed_run_has(const struct fed_link *l, uint64_t place)
{
    for (uint32_t i = 0; i < l->runs_len; i++) {
        const struct fed_run *r = &l->runs[(l->runs_head + i) % FED_RUNS_MAX];
        if (place >= r->first && place <= r->last)
            return true;
    }
    return false;
}

void fed_run_drop(struct fed_link *l, uint64_t floor)
{
    while (l->runs_len > 0 && l->runs[l->runs_head].last <= floor) {
        l->runs_head = (l->runs_head + 1) % FED_RUNS_MAX;
        l->runs_len--;
    }
}
