#include "space/delta/fed_state.h"

#include "base/bytes.h"
#include "base/slice.h"

#include <stdlib.h>
#include <string.h>

/* Room for one more; NULL when memory is out. */
static struct fed_out *out_add(struct fed *f)
{
    if (f->outs_head == f->outs_len)
        f->outs_head = f->outs_len = 0;
    if (f->outs_len == f->outs_cap) {
        const size_t cap = f->outs_cap > 0 ? f->outs_cap * 2 : 64;
        struct fed_out *outs = realloc(f->outs, cap * sizeof *outs);
        if (outs == NULL)
            return NULL;
        f->outs = outs;
        f->outs_cap = cap;
    }
    f->outs[f->outs_len] = (struct fed_out){ 0 };
    return &f->outs[f->outs_len++];
}

/* The texts one after another, each with a terminator; NULL when memory is out. */
static char *texts_copy(const struct pando_slice *texts, size_t len, struct pando_slice *ret)
{
    size_t size = 0;
    for (size_t i = 0; i < len; i++)
        size += texts[i].len + 1;
    char *all = malloc(size);
    if (all == NULL)
        return NULL;
    for (size_t i = 0, at = 0; i < len; i++) {
        if (texts[i].len > 0)
            memcpy(all + at, texts[i].ptr, texts[i].len);
        all[at + texts[i].len] = '\0';
        ret[i] = slice_of(all + at, texts[i].len);
        at += texts[i].len + 1;
    }
    return all;
}

/* An effect that has a text; false when memory is out. */
static bool emit_text(struct fed *f, const struct fed_effect *e, struct pando_slice text)
{
    struct pando_slice copy;
    char *owned = texts_copy(&text, 1, &copy);
    struct fed_out *o = owned != NULL ? out_add(f) : NULL;
    if (o == NULL) {
        free(owned);
        return false;
    }
    *o = (struct fed_out){ *e, owned };
    o->effect.text = owned;
    return true;
}

void fed_send_bytes(struct fed *f, struct fed_link *l, struct bytes *message)
{
    const size_t len = bytes_view(message).len;
    struct fed_out *o = l->piped ? out_add(f) : NULL;
    if (o == NULL) {
        bytes_unref(message);
        if (l->piped)
            fed_link_close(f, l, FED_CLOSE_INTERNAL, "out of memory");
        return;
    }
    o->effect = (struct fed_effect){ .kind = FED_SEND, .pipe = l->pipe, .bytes = message };
    if (l->in_flight == 0)
        l->stall_at = pando_time_add(f->now, FED_STALL_AFTER);
    l->in_flight += len;
    l->stats.bytes_sent += len;
}

void fed_send_out(struct fed *f, struct fed_link *l, enum pando_status st)
{
    struct bytes *message = st == PANDO_OK ? bytes_copy(buf_view(&f->out)) : NULL;
    buf_reset(&f->out);
    if (message != NULL)
        fed_send_bytes(f, l, message);
    else if (l->piped)
        fed_link_close(f, l, FED_CLOSE_INTERNAL, "a message cannot be written: out of memory");
}

void fed_emit_close(struct fed *f, uint32_t pipe, unsigned code, const char *reason)
{
    (void)emit_text(f, &(struct fed_effect){ .kind = FED_CLOSE, .pipe = pipe, .value = code },
                    slice_text(reason));
}

void fed_emit_dial(struct fed *f, const struct fed_link *l)
{
    (void)emit_text(f, &(struct fed_effect){ .kind = FED_DIAL, .link = l->handle },
                    buf_view(&l->url));
}

void fed_emit_digested(struct fed *f, struct fed_link *l)
{
    struct fed_out *o = l->digested > 0 && l->piped ? out_add(f) : NULL;
    if (o == NULL)
        return;
    o->effect = (struct fed_effect){ .kind = FED_DIGESTED,
                                     .pipe = l->pipe,
                                     .link = l->handle,
                                     .value = l->digested };
    l->digested = 0;
}

bool fed_emit_judge(struct fed *f, uint64_t token, struct pando_slice capsule,
                    struct bytes *delta)
{
    const struct fed_effect e = { .kind = FED_JUDGE, .token = token, .bytes = delta };
    return emit_text(f, &e, capsule);
}

static void happened(struct fed *f, const struct fed_link *l, enum fed_event_kind kind,
                     uint64_t processed, const struct pando_slice texts[static 3])
{
    struct pando_slice copies[3];
    char *owned = texts_copy(texts, 3, copies);
    struct fed_out *o = owned != NULL ? out_add(f) : NULL;
    if (o == NULL) {
        free(owned);
        return; /* a person misses a line, the protocol goes on */
    }
    *o = (struct fed_out){ { .kind = FED_HAPPENED, .link = l->handle }, owned };
    struct fed_event *e = &o->effect.event;
    e->kind = kind;
    memcpy(e->link, l->id, sizeof e->link);
    e->processed = processed;
    e->delta_id = copies[0];
    e->remote = copies[1];
    e->reason = copies[2];
}

void fed_happened(struct fed *f, const struct fed_link *l, enum fed_event_kind kind,
                  struct pando_slice text)
{
    const bool remote = kind == FED_LINK_CONNECTING || kind == FED_LINK_CONNECTED;
    const struct pando_slice texts[3] = { SLICE_EMPTY, remote ? text : SLICE_EMPTY,
                                          remote ? SLICE_EMPTY : text };
    happened(f, l, kind, 0, texts);
}

void fed_delta_happened(struct fed *f, const struct fed_link *l, enum fed_event_kind kind,
                        struct pando_slice delta_id, struct pando_slice reason)
{
    const struct pando_slice texts[3] = { delta_id, SLICE_EMPTY, reason };
    if (f->listening)
        happened(f, l, kind, 0, texts);
}

void fed_sync_happened(struct fed *f, const struct fed_link *l, enum fed_event_kind kind,
                       uint64_t processed)
{
    const struct pando_slice texts[3] = { SLICE_EMPTY, SLICE_EMPTY, SLICE_EMPTY };
    happened(f, l, kind, processed, texts);
}
