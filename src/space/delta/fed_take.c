#include "space/delta/fed_state.h"

#include "base/bytes.h"
#include "base/slice.h"
#include "codec/json.h"
#include "space/delta/delta_json.h"
#include "space/delta/delta_text.h"
#include "space/delta/fed_mutant.h"
#include "space/delta/fed_trust.h"

#include <stdlib.h>
#include <string.h>

/* --- the inbox ------------------------------------------------------------------------- */

static bool grow(struct fed_inbox *q)
{
    const uint32_t cap = q->cap > 0 ? q->cap * 2 : 16;
    struct bytes **ring = calloc(cap, sizeof(struct bytes *));
    if (ring == NULL)
        return false;
    for (uint32_t i = 0; i < q->len; i++)
        ring[i] = q->ring[(q->head + i) & (q->cap - 1)];
    free(q->ring);
    q->ring = ring;
    q->cap = cap;
    q->head = 0;
    return true;
}

void fed_take_text(struct fed *f, struct fed_link *l, struct bytes *text)
{
    struct fed_inbox *q = &l->inbox;
    const size_t len = bytes_view(text).len;
    l->stats.bytes_received += len;
    l->heard = true;
    if (len > FED_FRAME_MAX)
        fed_link_close(f, l, FED_CLOSE_BIG, "a message is longer than 8 MiB");
    else if (q->len == FED_INBOX_MAX)
        fed_link_close(f, l, FED_CLOSE_POLICY, "too many messages wait to be read");
    else if (q->len == q->cap && !grow(q))
        fed_link_close(f, l, FED_CLOSE_INTERNAL, "out of memory");
    else
        q->ring[(q->head + q->len++) & (q->cap - 1)] = bytes_ref(text);
}

static void pop(struct fed_link *l)
{
    struct fed_inbox *q = &l->inbox;
    if (l->has_half)
        fed_message_deinit(&l->half);
    l->has_half = false;
    l->half_at = 0;
    if (q->len == 0)
        return; /* the pipe was closed meanwhile */
    struct bytes *head = q->ring[q->head];
    l->digested += bytes_view(head).len;
    bytes_unref(head);
    q->head = (q->head + 1) & (q->cap - 1);
    q->len--;
}

void fed_take_forget(struct fed_link *l)
{
    while (l->inbox.len > 0)
        pop(l);
    free(l->inbox.ring);
    l->inbox = (struct fed_inbox){ 0 };
    l->digested = 0;
}

/* --- one delta ------------------------------------------------------------------------- */

/* Why the link does not take deltas at all, or NULL. */
static const char *closed_to_deltas(const struct fed_link *l)
{
    if (l->inbound && l->config.mode == FED_PULL)
        return "this link is in pull mode: it sends nothing";
    if (!l->inbound && l->config.mode == FED_PUSH)
        return "this link is in push mode: it receives nothing";
    return NULL;
}

/* Why this delta is not taken, or NULL. */
static const char *refusal(const struct fed *f, const struct fed_link *l, const struct delta *d)
{
    const char *closed = closed_to_deltas(l);
    if (closed != NULL)
        return closed;
    if (fed_limits_bar(l, d) != NULL)
        return fed_limits_bar(l, d);
    if (!l->inbound && !filter_passes(&l->config.pull, d))
        return "the pull filter does not let it pass";
    if (!fed_trust_passes(&f->config.trust, d) || !fed_trust_passes(&l->config.trust, d))
        return FED_UNTRUSTED;
    return NULL;
}

static enum fed_progress out_of_memory(struct fed *f, struct fed_link *l)
{
    fed_link_close(f, l, FED_CLOSE_INTERNAL, "out of memory");
    return FED_DONE;
}

static enum fed_progress refuse(struct fed *f, struct fed_link *l, struct pando_slice id,
                                const char *reason)
{
    struct fed_ack *a = fed_ack_add(l, id);
    if (a == NULL)
        return out_of_memory(f, l);
    fed_ack_refuse(l, a, reason);
    return FED_DONE;
}

/* The store cannot take it: the peer must not think that it was refused for good. */
static void store_failed(struct fed *f, struct fed_link *l, enum pando_status st)
{
    fed_send_out(f, l, fed_say_error(&f->out, fed_wall(f), "STORE_FAILED",
                                     slice_text(pando_status_text(st)), true));
    if (l->piped)
        fed_link_close(f, l, FED_CLOSE_INTERNAL, "deltas cannot be stored now");
}

enum fed_progress fed_take_stage(struct fed *f, struct fed_link *l, const struct delta *d,
                                 struct fed_ack *ack)
{
    enum delta_outcome outcome = DELTA_NEW;
    uint64_t ticket = 0;
    const enum pando_status st =
        f->host.stage(f->host.ctx, l->origin, d, &outcome, &ticket);
    if (st == PANDO_BUSY) {
        fed_link_again(f, l, FED_BUSY_AFTER);
        return FED_WAIT;
    }
    if (st == PANDO_INVALID || st == PANDO_MALFORMED || st == PANDO_FULL) {
        fed_ack_refuse(l, ack, pando_status_text(st));
        return FED_DONE;
    }
    if (st != PANDO_OK) {
        store_failed(f, l, st);
        return FED_DONE;
    }
    ack->state = FED_ACK_WAITS;
    ack->ticket = MUTANT(ACK_BEFORE_DURABLE) ? 0 : ticket;
    ack->is_new = outcome != DELTA_KNOWN;
    l->stats.received += ack->is_new;
    l->last_ticket = ticket > l->last_ticket ? ticket : l->last_ticket;
    return FED_DONE;
}

/* Check, stage. `answer`: an ack is owed; a refusal is always said. */
static enum fed_progress take_sealed(struct fed *f, struct fed_link *l, const struct delta *d,
                                     bool answer)
{
    const char *reason = refusal(f, l, d);
    if (reason != NULL && !MUTANT(DROPPED_IS_ACKED))
        return refuse(f, l, d->id, reason);
    if (fed_judge_needed(f, l))
        return fed_judge_begin(f, l, d, answer);
    struct fed_ack *a = fed_ack_add(l, d->id);
    if (a == NULL)
        return out_of_memory(f, l);
    a->answer = answer;
    if (MUTANT(DROPPED_IS_ACKED) && reason != NULL)
        return FED_DONE;
    if (fed_take_stage(f, l, d, a) == FED_DONE)
        return FED_DONE;
    fed_ack_undo(l);
    return FED_WAIT;
}

static enum fed_progress take(struct fed *f, struct fed_link *l, const json_t *json, bool answer)
{
    const struct delta_defaults nothing = { 0 };
    struct pando_err why = { 0 };
    struct delta d;
    buf_reset(&f->scratch);
    if (delta_from_json(json, &nothing, &f->room, &f->scratch, &d, &why) != PANDO_OK) {
        const json_t *id = json_object_get(json, "id");
        const size_t len = json_string_length(id);
        if (json_is_string(id) && len > 0 && len <= DELTA_NAME_MAX)
            return refuse(f, l, slice_of(json_string_value(id), len), why.text);
        fed_link_fault(f, l, "MESSAGE_ERROR", why.text);
        return FED_DONE;
    }
    return take_sealed(f, l, &d, answer);
}

/* One of a message without a tree: it reads well, for it was read before. A rule of the model
 * that it breaks is told by way of a tree. */
static enum fed_progress take_plain(struct fed *f, struct fed_link *l, struct pando_slice text,
                                    struct delta *d, bool answer)
{
    json_t *json = NULL;
    buf_reset(&f->scratch);
    if (delta_seal(d, &f->scratch, NULL) == PANDO_OK)
        return take_sealed(f, l, d, answer);
    if (json_text_parse_js(text, FED_FRAME_MAX, &json, NULL) != PANDO_OK)
        return out_of_memory(f, l);
    const enum fed_progress progress = take(f, l, json, answer);
    json_decref(json);
    return progress;
}

/* The delta at the head of a list, which is moved behind it unless it must wait. */
static enum fed_progress take_next(struct fed *f, struct fed_link *l, struct pando_slice *left,
                                   bool answer)
{
    struct plain p = plain_read(*left);
    struct delta d;
    if (!delta_text_next(&p, &f->room, &d))
        return out_of_memory(f, l); /* cannot be: it was read before */
    const struct pando_slice text = slice_of(left->ptr, (size_t)(p.at - left->ptr));
    (void)plain_take(&p, ',');
    if (take_plain(f, l, text, &d, answer) == FED_WAIT)
        return FED_WAIT;
    *left = slice_of(p.at, (size_t)(p.end - p.at));
    return FED_DONE;
}

static bool may_take(const struct fed_link *l)
{
    return l->piped && l->acks.len < FED_ACKS_MAX && l->in_flight < FED_CREDIT;
}

static enum fed_progress take_batch(struct fed *f, struct fed_link *l)
{
    const bool plain = l->half.is_plain;
    const size_t len = plain ? l->half.plain_len : json_array_size(l->half.deltas);
    if (len > FED_BATCH_MAX) {
        fed_send_out(f, l, fed_say_error(&f->out, fed_wall(f), "BATCH_TOO_LARGE",
                                         slice_text("a batch has at most 1000 deltas"), true));
        if (l->piped)
            fed_link_close(f, l, FED_CLOSE_BIG, "a batch has too many deltas");
        return FED_DONE;
    }
    while (l->half_at < len) {
        if (!may_take(l) ||
            (plain ? take_next(f, l, &l->half.plain, false)
                   : take(f, l, json_array_get(l->half.deltas, l->half_at), false)) == FED_WAIT)
            return l->piped ? FED_WAIT : FED_DONE;
        if (!l->piped)
            return FED_DONE; /* and the message is gone with it */
        l->half_at++;
        l->processed++;
    }
    return FED_DONE;
}

/* --- one message ----------------------------------------------------------------------- */

static void unexpected(struct fed *f, struct fed_link *l, const char *what)
{
    fed_link_fault(f, l, "UNEXPECTED_MESSAGE", what);
}

static int shown(struct pando_slice s, size_t max)
{
    return (int)(s.len < max ? s.len : max);
}

static const char *chars(struct pando_slice s)
{
    return s.len > 0 ? (const char *)s.ptr : "";
}

static void on_error(struct fed *f, struct fed_link *l, const struct fed_message *m)
{
    struct pando_err why;
    (void)pando_err_set(&why, PANDO_REFUSED, "%.*s: %.*s", shown(m->code, 64), chars(m->code),
                        shown(m->text, 200), chars(m->text));
    fed_link_error(f, l, why.text);
    l->asked = false;
    if (!m->fatal)
        return;
    l->final = slice_equal(m->code, slice_text("PROTOCOL_MISMATCH"));
    fed_link_close(f, l, FED_CLOSE_NORMAL, why.text);
}

static void on_pause(struct fed *f, struct fed_link *l, bool paused)
{
    if (l->paused_there == paused)
        return;
    l->paused_there = paused;
    fed_happened(f, l, paused ? FED_LINK_PAUSED : FED_LINK_RESUMED,
                 slice_text("asked for by the peer"));
}

static void on_answer(struct fed *f, struct fed_link *l, const struct fed_message *m)
{
    fed_window_acked(l, m->delta_id);
    if (m->kind == FED_SAYS_DELTA_ACK) {
        l->stats.acked++;
        return;
    }
    l->stats.refused++;
    fed_delta_happened(f, l, FED_DELTA_REJECTED, m->delta_id, m->reason);
}

/* Messages of one role only; before a hello there is nothing but a hello. */
static bool is_expected(const struct fed_link *l, const struct fed_message *m)
{
    switch (m->kind) {
    case FED_SAYS_HELLO: return l->inbound;
    case FED_SAYS_HELLO_ACK: return !l->inbound;
    case FED_SAYS_ERROR: return true;
    case FED_SAYS_SYNC_REQUEST: return l->greeted && l->inbound;
    case FED_SAYS_SYNC_START: return l->greeted && l->asked;
    case FED_SAYS_SYNC_BATCH:
    case FED_SAYS_SYNC_COMPLETE: return l->greeted && l->receiving;
    default: return l->greeted;
    }
}

static void on_control(struct fed *f, struct fed_link *l, const struct fed_message *m)
{
    switch (m->kind) {
    case FED_SAYS_HELLO: fed_server_hello(f, l, m); break;
    case FED_SAYS_HELLO_ACK: fed_client_hello_ack(f, l, m); break;
    case FED_SAYS_DELTA_ACK:
    case FED_SAYS_DELTA_NACK: on_answer(f, l, m); break;
    case FED_SAYS_SYNC_REQUEST: fed_server_sync(f, l, m); break;
    case FED_SAYS_SYNC_START: fed_client_sync_start(f, l); break;
    case FED_SAYS_SYNC_COMPLETE: fed_client_sync_complete(f, l); break;
    case FED_SAYS_PAUSE: on_pause(f, l, true); break;
    case FED_SAYS_RESUME: on_pause(f, l, false); break;
    case FED_SAYS_PING:
        fed_send_out(f, l, fed_say_plain(&f->out, fed_wall(f), FED_SAYS_PONG));
        break;
    case FED_SAYS_ERROR: on_error(f, l, m); break;
    default: break; /* PONG: it was heard */
    }
}

static enum fed_progress handle(struct fed *f, struct fed_link *l)
{
    const struct fed_message *m = &l->half;
    if (m->kind == FED_SAYS_UNKNOWN && l->greeted) {
        fed_send_out(f, l, fed_say_error(&f->out, fed_wall(f), "UNKNOWN_MESSAGE",
                                         slice_text("this type of message is not known"),
                                         false));
        return FED_DONE;
    }
    if (!is_expected(l, m)) {
        unexpected(f, l, l->greeted ? "this message has no place here"
                                    : "the first message must be a hello");
        return FED_DONE;
    }
    if (m->kind == FED_SAYS_DELTA)
        return m->is_plain ? take_next(f, l, &l->half.plain, true) : take(f, l, m->delta, true);
    if (m->kind == FED_SAYS_SYNC_BATCH)
        return take_batch(f, l);
    on_control(f, l, m);
    return FED_DONE;
}

static bool decode(struct fed *f, struct fed_link *l)
{
    struct pando_err why = { 0 };
    if (l->has_half)
        return true;
    const struct pando_slice text = bytes_view(l->inbox.ring[l->inbox.head]);
    if (fed_message_plain(text, &f->room, &l->half) ||
        fed_message_decode(text, &l->half, &why) == PANDO_OK)
        l->has_half = true;
    else
        fed_link_fault(f, l, "MESSAGE_ERROR", why.text);
    return l->has_half;
}

void fed_take_inbox(struct fed *f, struct fed_link *l)
{
    while (l->inbox.len > 0 && may_take(l)) {
        if (decode(f, l) && handle(f, l) == FED_WAIT)
            return;
        pop(l);
    }
}
