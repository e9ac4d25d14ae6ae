#include "space/delta/fed_state.h"

#include "base/slice.h"

#include <stdlib.h>
#include <string.h>

static struct fed_ack *at(const struct fed_acks *q, uint32_t i)
{
    return &q->ring[(q->head + i) & (q->cap - 1)];
}

static bool grow(struct fed_acks *q)
{
    const uint32_t cap = q->cap > 0 ? q->cap * 2 : 16;
    struct fed_ack *ring = calloc(cap, sizeof *ring);
    if (ring == NULL)
        return false;
    for (uint32_t i = 0; i < q->len; i++)
        ring[i] = *at(q, i);
    free(q->ring);
    q->ring = ring;
    q->cap = cap;
    q->head = 0;
    return true;
}

/* Its texts: an id and, behind it, a reason. */
static bool set_text(struct fed_ack *a, struct pando_slice id, struct pando_slice reason)
{
    uint8_t *text = malloc(id.len + reason.len + 1);
    if (text == NULL)
        return false;
    if (id.len > 0)
        memcpy(text, id.ptr, id.len);
    if (reason.len > 0)
        memcpy(text + id.len, reason.ptr, reason.len);
    free(a->text);
    a->text = text;
    a->id_len = (uint32_t)id.len;
    a->reason_len = (uint32_t)reason.len;
    return true;
}

struct fed_ack *fed_ack_add(struct fed_link *l, struct pando_slice id)
{
    struct fed_acks *q = &l->acks;
    if (q->len == q->cap && !grow(q))
        return NULL;
    struct fed_ack *a = at(q, q->len);
    *a = (struct fed_ack){ 0 };
    if (!set_text(a, id, SLICE_EMPTY))
        return NULL;
    q->len++;
    return a;
}

void fed_ack_undo(struct fed_link *l)
{
    free(at(&l->acks, --l->acks.len)->text);
}

struct fed_ack *fed_ack_at(struct fed_link *l, uint64_t sequence)
{
    struct fed_acks *q = &l->acks;
    return sequence - q->first < q->len ? at(q, (uint32_t)(sequence - q->first)) : NULL;
}

void fed_ack_refuse(struct fed_link *l, struct fed_ack *a, const char *reason)
{
    struct pando_slice why = slice_text(reason);
    why.len = why.len > FED_REASON_MAX ? FED_REASON_MAX : why.len;
    a->state = FED_ACK_REFUSED;
    a->answer = true;
    (void)set_text(a, slice_of(a->text, a->id_len), why); /* without memory: no reason */
    l->stats.rejected++;
}

static bool is_ready(const struct fed *f, const struct fed_ack *a)
{
    return a->state == FED_ACK_REFUSED ||
           (a->state == FED_ACK_WAITS && a->ticket <= f->durable);
}

/* Say what became of one delta. */
static void answer(struct fed *f, struct fed_link *l, const struct fed_ack *a)
{
    const struct pando_slice id = slice_of(a->text, a->id_len);
    const struct pando_slice reason = slice_of(a->text + a->id_len, a->reason_len);
    if (a->sync_ends) {
        fed_sync_happened(f, l, FED_SYNC_COMPLETED, a->processed);
    } else if (a->state == FED_ACK_REFUSED) {
        fed_delta_happened(f, l, FED_DELTA_REJECTED, id, reason);
        fed_send_out(f, l, fed_say_nack(&f->out, fed_wall(f), id, reason));
    } else {
        if (a->is_new)
            fed_delta_happened(f, l, FED_DELTA_RECEIVED, id, SLICE_EMPTY);
        if (a->answer)
            fed_send_out(f, l, fed_say_ack(&f->out, fed_wall(f), id));
    }
}

void fed_ack_flush(struct fed *f, struct fed_link *l)
{
    struct fed_acks *q = &l->acks;
    while (l->piped && q->len > 0 && l->in_flight < FED_CREDIT) {
        struct fed_ack a = *at(q, 0);
        if (!is_ready(f, &a))
            return;
        at(q, 0)->text = NULL;
        q->head = (q->head + 1) & (q->cap - 1);
        q->len--;
        q->first++;
        answer(f, l, &a);
        free(a.text);
    }
}

void fed_ack_forget(struct fed_link *l)
{
    struct fed_acks *q = &l->acks;
    for (uint32_t i = 0; i < q->len; i++)
        free(at(q, i)->text);
    free(q->ring);
    *q = (struct fed_acks){ .first = q->first + q->len };
}
