/* store_tickets.c - from staged to durable to handed on, by numbers.
 *
 * Records of new deltas stand in a queue in the order of the journal until they are passed.
 */
#include "space/delta/store_state.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

enum pando_status store_reserve_pending(struct delta_store *s)
{
    if (s->pending_head + s->pending_len < s->pending_cap)
        return PANDO_OK;
    if (s->pending_head > s->pending_cap / 2) {
        memmove(s->pending, s->pending + s->pending_head,
                s->pending_len * sizeof *s->pending);
        s->pending_head = 0;
        return PANDO_OK;
    }
    /* bounded by what may be on its way */
    const size_t cap = s->pending_cap == 0 ? 64 : s->pending_cap * 2;
    struct pending *grown = realloc(s->pending, cap * sizeof *grown);
    if (grown == NULL)
        return PANDO_NOMEM;
    s->pending = grown;
    s->pending_cap = cap;
    return PANDO_OK;
}

void store_give_tickets(struct delta_store *s, uint64_t position, size_t n)
{
    PANDO_ASSERT(s->pending_head + s->pending_len < s->pending_cap && n > 0);
    s->pending[s->pending_head + s->pending_len++] =
        (struct pending){ position, s->tickets + 1, s->tickets + n };
    s->tickets += n;
}

void delta_store_on_durable(struct delta_store *s, uint64_t position)
{
    if (position > s->durable_position)
        s->durable_position = position;
    while (s->pending_durable < s->pending_len) {
        const struct pending *p = &s->pending[s->pending_head + s->pending_durable];
        if (p->position >= position)
            break;
        s->durable_ticket = p->last;
        s->pending_durable++;
    }
}

uint64_t delta_store_durable(const struct delta_store *s)
{
    return s->durable_ticket;
}

uint64_t delta_store_durable_position(const struct delta_store *s)
{
    return s->durable_position;
}

/* The record at `position`; NULL: it is not in the queue. */
static const struct pending *find(const struct delta_store *s, uint64_t position)
{
    size_t from = s->pending_head, to = s->pending_head + s->pending_len;
    const size_t end = to;
    while (from < to) {
        const size_t mid = from + (to - from) / 2;
        if (s->pending[mid].position < position)
            from = mid + 1;
        else
            to = mid;
    }
    return from < end && s->pending[from].position == position ? &s->pending[from] : NULL;
}

uint64_t store_ticket_at(const struct delta_store *s, uint64_t position)
{
    const struct pending *p = find(s, position);
    return p != NULL && p->last > s->durable_ticket ? p->last : 0;
}

/* --- on their way --- */

bool delta_store_tickets(const struct delta_store *s, uint64_t position, uint64_t *ret_first,
                         uint64_t *ret_last)
{
    const struct pending *p = find(s, position);
    if (p == NULL)
        return false;
    *ret_first = p->first;
    *ret_last = p->last;
    return true;
}

uint64_t delta_store_pass(struct delta_store *s, uint64_t place)
{
    while (s->pending_durable > 0) {
        const struct pending *p = &s->pending[s->pending_head];
        if ((p->position + 1) << 8 > place)
            break;
        s->passed_ticket = p->last;
        s->pending_head++;
        s->pending_len--;
        s->pending_durable--;
    }
    if (s->pending_len == 0)
        s->pending_head = 0;
    return s->passed_ticket;
}

enum pando_status delta_store_unpassed(const struct delta_store *s, uint64_t *ret_position)
{
    if (s->pending_durable == 0)
        return PANDO_NOT_FOUND;
    *ret_position = s->pending[s->pending_head].position;
    return PANDO_OK;
}

bool delta_store_on_way(struct delta_store *s, const struct delta_hash *name)
{
    struct row_name row;
    if (delta_store_on_way_count(s) == 0)
        return false;
    if (store_open_member(s, name) != NULL)
        return true;
    return rows_name(s->host.tables, name, &row) == PANDO_OK && !row.archived &&
           find(s, row.place >> 8) != NULL;
}

uint64_t delta_store_on_way_count(const struct delta_store *s)
{
    return s->tickets + s->open.len - s->passed_ticket;
}
