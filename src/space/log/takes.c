/* takes.c - messages on their way into the sequence.
 *
 * A take is one call's messages. It is handed to the leader, which may be ourselves, and kept
 * until its messages are seen in the sequence; when the leader changes it is handed over
 * again, in the old order, and what had been taken already is known by client and counter.
 * Our own calls share one session, whose counters are given when a take is first handed
 * over: until then nobody has it, and it may be withdrawn with a clear conscience.
 */
#include "space/log/engine.h"

#include "base/assert.h"
#include "base/slice.h"

#include <stdlib.h>
#include <string.h>

#define PIECE_BYTES (128u << 10) /* of one FORWARD; one more take may follow */
#define ENTRY_BYTES (RAFT_ENTRY_MAX - BATCH_HEAD_MAX)
#define PATIENCE    PANDO_SEC(2) /* without a quorum, before a call is refused */

struct log_inbox {
    struct bytes *message;
    uint32_t handle;
    struct log_inbox *next;
};

static void unlink_take(struct log *l, struct log_take *t)
{
    if (l->takes_next == t)
        l->takes_next = t->next;
    if (t->prev != NULL)
        t->prev->next = t->next;
    else
        l->takes_first = t->next;
    if (t->next != NULL)
        t->next->prev = t->prev;
    else
        l->takes_last = t->prev;
    l->takes_len -= t->count;
    l->takes_bytes -= bytes_view(t->messages).len;
    l->takes_foreign -= !t->own;
}

void log_take_free(struct log_take *t)
{
    if (t == NULL)
        return;
    bytes_unref(t->messages);
    free(t->seqs);
    free(t);
}

static void drop(struct log *l, struct log_take *t)
{
    unlink_take(l, t);
    log_take_free(t);
}

static void fail(struct log *l, struct log_take *t, enum pando_status status, const char *text)
{
    log_fail(l, t->token, status, "%s", text);
    drop(l, t);
}

/* Whether nothing will be taken soon, as text. */
static bool is_hopeless(struct log *l, char *text, size_t cap)
{
    log_no_quorum(l, text, cap);
    return text[0] != '\0' && l->leaderless_since.ns != PANDO_TIME_NEVER.ns &&
           pando_time_reached(pando_time_add(l->leaderless_since, PATIENCE), l->now);
}

/* A repeated call whose messages have numbers already needs no second way. */
static bool answer_again(struct log *l, struct log_take *t)
{
    uint32_t room;
    uint64_t seq;
    if (t->own || rooms_ask(&l->rooms, t->client, t->counter + t->count - 1, &room, &seq) !=
                      ROOMS_AGAIN)
        return false;
    for (uint32_t i = 0; i < t->count; i++)
        (void)rooms_ask(&l->rooms, t->client, t->counter + i, &room, &t->seqs[i]);
    log_take_answer(l, t);
    log_take_free(t);
    return true;
}

void log_take_call(struct log *l, struct log_take *t)
{
    char why[500];
    const size_t size = bytes_view(t->messages).len;
    if (answer_again(l, t))
        return;
    if (!space_admit(l->host.access, &l->host.key, SPACE_MAY_WRITE)) {
        log_fail(l, t->token, PANDO_REFUSED,
                 "this node may only read here: the space's access policy gives it no write "
                 "role");
        log_take_free(t);
        return;
    }
    if (l->stopping || l->takes_len + t->count > LOG_TAKES_MAX ||
        l->takes_bytes + size > LOG_TAKES_BYTES) {
        log_fail(l, t->token, l->stopping ? PANDO_UNAVAILABLE : PANDO_BUSY,
                 l->stopping ? "the node is stopping"
                             : "too many messages wait to be taken: slow down");
        log_take_free(t);
        return;
    }
    if (l->store_sick != PANDO_OK) {
        log_fail(l, t->token, l->store_sick,
                 "%s on this node: nothing was sent; free some space, or ask another node",
                 pando_status_text(l->store_sick));
        log_take_free(t);
        return;
    }
    if (is_hopeless(l, why, sizeof why)) {
        log_fail(l, t->token, PANDO_UNAVAILABLE, "%s", why);
        log_take_free(t);
        return;
    }
    t->prev = l->takes_last;
    t->next = NULL;
    if (l->takes_last != NULL)
        l->takes_last->next = t;
    else
        l->takes_first = t;
    l->takes_last = t;
    if (l->takes_next == NULL)
        l->takes_next = t;
    l->takes_len += t->count;
    l->takes_bytes += size;
    l->takes_foreign += !t->own;
    l->takes_due = pando_time_min(l->takes_due, t->due);
}

/* Give the messages the counters of our session. False without memory. */
static bool number(struct log *l, struct log_take *t)
{
    struct pando_buf b;
    struct batch_message m;
    struct pando_slice left = bytes_view(t->messages);
    if (!t->own || t->client == l->session)
        return true;
    uint64_t counter = l->session_next;
    bool ok = true;
    buf_init(&b, left.len + 16 * (size_t)t->count + 128);
    while (ok && left.len > 0) {
        ok = batch_next(&left, &m);
        m.client = l->session;
        m.counter = counter++;
        m.dated = m.counter == 1;
        m.since = m.dated ? l->rooms.applied : 0;
        ok = ok && batch_put(&b, &m) == PANDO_OK;
    }
    struct bytes *numbered = ok ? bytes_copy(buf_view(&b)) : NULL;
    buf_deinit(&b);
    if (numbered == NULL)
        return false;
    l->takes_bytes += bytes_view(numbered).len - bytes_view(t->messages).len;
    bytes_unref(t->messages);
    t->messages = numbered;
    t->client = l->session;
    t->counter = l->session_next;
    l->session_next = counter;
    return true;
}

/* Our session fell out of everybody's memory: what has not been seen of it never counted. */
static void begin_session(struct log *l)
{
    l->session = rng_next(&l->rng) | 1;
    l->session_next = 1;
    log_takes_reset(l); /* a take lies in one entry: it was seen whole, or not at all */
}

/* A snapshot has taken us over entries that we never saw. What was sent of a session that nobody
 * knows now may have counted in them, or not: sent anew it could count twice. */
void log_takes_jumped(struct log *l)
{
    uint32_t room;
    uint64_t seq;
    for (struct log_take *t = l->takes_first, *next; t != NULL; t = next) {
        next = t->next;
        if (t->state == LOG_TAKE_SENT &&
            rooms_ask(&l->rooms, t->client, 1, &room, &seq) == ROOMS_TAKEN)
            fail(l, t, PANDO_TIMEOUT,
                 "the outcome is not known: this member was away for so long that the group has "
                 "forgotten the session");
    }
    if (l->session_next > 1 &&
        rooms_ask(&l->rooms, l->session, 1, &room, &seq) == ROOMS_TAKEN)
        begin_session(l);
}

/* Propose what was gathered. False: raft takes nothing now, it stays gathered. */
bool log_batch_flush(struct log *l)
{
    uint8_t head[BATCH_HEAD_MAX];
    uint64_t index, term;
    if (l->batch_count == 0)
        return true;
    struct wire_writer w = wire_write(head, sizeof head);
    batch_put_head(&w, l->host.wall(l->host.ctx).ms, l->batch_count);
    const uint32_t size = (uint32_t)(w.len + l->batch.len);
    const enum pando_status st =
        raft_propose(l->raft, l->now, RAFT_DATA, size, &index, &term);
    if (st == PANDO_OK)
        log_propose_data(l, index, term, wire_written(&w), buf_view(&l->batch));
    if (st != PANDO_OK && l->role == RAFT_LEADER)
        return false;
    l->totals.proposed += st == PANDO_OK ? l->batch_count : 0;
    l->batch_count = 0;
    buf_reset(&l->batch);
    return st == PANDO_OK;
}

/* Add messages to the entry under construction. False: not now. */
static bool gather(struct log *l, struct pando_slice messages, uint32_t count)
{
    if (l->batch.len + messages.len > ENTRY_BYTES && !log_batch_flush(l))
        return false;
    if (buf_append(&l->batch, messages) != PANDO_OK)
        return false;
    l->batch_count += count;
    return true;
}

static void free_inbox(struct log *l, struct log_inbox *i)
{
    const size_t len = bytes_view(i->message).len;
    l->inbox_bytes -= len;
    log_emit(l, &(struct space_effect){ .kind = SPACE_DIGESTED,
                                        .peer = i->handle,
                                        .channel = LOG_LIVE,
                                        .value = len });
    bytes_unref(i->message);
    free(i);
}

static void gather_inbox(struct log *l)
{
    while (l->inbox_first != NULL) {
        struct log_inbox *i = l->inbox_first;
        const struct pando_slice messages = slice_from(bytes_view(i->message), 1);
        uint32_t count;
        const bool sound = batch_count(messages, &count);
        if (sound && !gather(l, messages, count))
            return;
        l->totals.received += sound ? count : 0;
        l->inbox_first = i->next;
        if (l->inbox_first == NULL)
            l->inbox_last = NULL;
        free_inbox(l, i);
    }
}

static void hand_to_self(struct log *l)
{
    gather_inbox(l);
    while (l->inbox_first == NULL && l->takes_next != NULL) {
        struct log_take *t = l->takes_next;
        if (!number(l, t) || !gather(l, bytes_view(t->messages), t->count))
            break;
        t->state = LOG_TAKE_SENT;
        l->takes_next = t->next;
    }
    (void)log_batch_flush(l);
    log_drive(l);
}

/* One FORWARD with as many takes as fit. */
static bool hand_piece(struct log *l, struct log_peer *p)
{
    static const uint8_t kind = LOG_WIRE_FORWARD;
    struct pando_buf b;
    struct log_take *t = l->takes_next;
    buf_init(&b, SPACE_MESSAGE_MAX);
    bool ok = buf_append(&b, SLICE_OF(kind)) == PANDO_OK;
    while (ok && t != NULL && b.len < PIECE_BYTES) {
        ok = number(l, t);
        if (!ok || b.len + bytes_view(t->messages).len > ENTRY_BYTES)
            break;
        ok = buf_append(&b, bytes_view(t->messages)) == PANDO_OK;
        t = t->next;
    }
    const bool sent = ok && b.len > 1 && p->credit[LOG_LIVE] >= (int64_t)b.len &&
                      log_send(l, p, LOG_LIVE, bytes_copy(buf_view(&b)));
    buf_deinit(&b);
    for (; sent && l->takes_next != t; l->takes_next = l->takes_next->next) {
        l->takes_next->state = LOG_TAKE_SENT;
        l->totals.forwarded += l->takes_next->count;
    }
    return sent;
}

void log_takes_run(struct log *l)
{
    if (l->role == RAFT_LEADER) {
        if (l->store_sick == PANDO_OK)
            hand_to_self(l);
        return;
    }
    struct log_peer *p = l->leader == 0 ? NULL : log_peer_of(l, l->leader);
    while (p != NULL && l->takes_next != NULL && hand_piece(l, p))
        ;
}

void log_takes_reset(struct log *l)
{
    l->takes_next = l->takes_first;
    l->batch_count = 0;
    buf_reset(&l->batch);
}

void log_takes_peer_up(struct log *l, const struct log_peer *p)
{
    if (p->member == l->leader)
        log_takes_reset(l);
}

static void answer(struct log *l, struct log_take *t)
{
    log_take_answer(l, t);
    drop(l, t);
}

/* Its next message is in the sequence. */
static void seen(struct log *l, struct log_take *t, enum rooms_verdict verdict, uint64_t seq)
{
    t->full |= verdict == ROOMS_FULL;
    t->seqs[t->done++] = verdict == ROOMS_FULL && t->raw ? UINT64_MAX : seq;
    if (t->done == t->count)
        answer(l, t);
}

static void own_seen(struct log *l, const struct batch_message *m, enum rooms_verdict verdict,
                     uint64_t seq)
{
    struct log_take *t = l->takes_first;
    while (t != NULL && !t->own)
        t = t->next;
    if (verdict == ROOMS_UNKNOWN) {
        begin_session(l);
        return;
    }
    if (verdict == ROOMS_GAP) { /* its predecessor was lost on the way */
        log_takes_reset(l);
        return;
    }
    if (t == NULL || t->client != m->client || m->counter != t->counter + t->done)
        return; /* seen before */
    seen(l, t, verdict, seq);
}

static void foreign_seen(struct log *l, const struct batch_message *m, enum rooms_verdict verdict,
                         uint64_t seq)
{
    struct log_take *t = l->takes_first;
    while (t != NULL && (t->own || t->client != m->client || t->counter + t->done != m->counter))
        t = t->next;
    if (t == NULL)
        return;
    if (verdict == ROOMS_GAP)
        fail(l, t, PANDO_INVALID, "this counter does not follow the client's last one");
    else if (verdict == ROOMS_UNKNOWN)
        fail(l, t, PANDO_INVALID, "this client is not known (any more): it begins with counter 1");
    else
        seen(l, t, verdict, seq);
}

void log_takes_seen(struct log *l, const struct batch_message *m, enum rooms_verdict verdict,
                    uint64_t seq)
{
    if (m->client == l->session)
        own_seen(l, m, verdict, seq);
    else if (l->takes_foreign > 0)
        foreign_seen(l, m, verdict, seq);
}

void log_takes_tick(struct log *l)
{
    char why[500];
    if (l->takes_first == NULL) {
        l->takes_due = PANDO_TIME_NEVER;
        return;
    }
    if (!pando_time_reached(l->takes_due, l->now) && l->leader != 0)
        return;
    const bool hopeless = is_hopeless(l, why, sizeof why);
    l->takes_due = PANDO_TIME_NEVER;
    for (struct log_take *t = l->takes_first, *next; t != NULL; t = next) {
        next = t->next;
        const bool late = pando_time_reached(t->due, l->now);
        if (t->state == LOG_TAKE_NEW && (late || hopeless)) {
            log_no_quorum(l, why, sizeof why);
            fail(l, t, PANDO_UNAVAILABLE,
                 why[0] == '\0' ? "the leader took nothing in time; nothing was sent" : why);
        } else if (late && t->token != LOG_NOBODY) {
            log_fail(l, t->token, PANDO_TIMEOUT,
                     "the outcome is not known: the leader may have taken the message; it is still "
                     "handed over, and will appear at most once");
            t->token = LOG_NOBODY; /* its counter must not be missing */
        } else if (!late) {
            l->takes_due = pando_time_min(l->takes_due, t->due);
        }
    }
    if (l->leader == 0)
        l->takes_due = pando_time_min(l->takes_due, pando_time_add(l->now, PANDO_MSEC(250)));
}

enum pando_status log_forwarded(struct log *l, struct log_peer *p, struct bytes *message,
                                bool *ret_kept)
{
    uint32_t count;
    const struct pando_slice messages = slice_from(bytes_view(message), 1);
    if (!batch_count(messages, &count) || messages.len > ENTRY_BYTES)
        return PANDO_MALFORMED;
    if (!space_admits(l->host.access, &p->id, SPACE_MAY_WRITE))
        return PANDO_REFUSED;
    struct log_inbox *i = NULL;
    if (l->role == RAFT_LEADER && l->inbox_bytes + messages.len <= LOG_INBOX_BYTES &&
        batch_find(log_members(l), p->member) != NULL)
        i = calloc(1, sizeof *i);
    if (i == NULL)
        return PANDO_OK; /* its owner sees that it is missing, and hands it over again */
    *i = (struct log_inbox){ bytes_ref(message), p->handle, NULL };
    if (l->inbox_last != NULL)
        l->inbox_last->next = i;
    else
        l->inbox_first = i;
    l->inbox_last = i;
    l->inbox_bytes += bytes_view(message).len;
    *ret_kept = true;
    return PANDO_OK;
}

/* Drop what waits, of one peer or (UINT32_MAX) of all. */
static void drop_inbox(struct log *l, uint32_t handle)
{
    struct log_inbox **link = &l->inbox_first, *last = NULL;
    while (*link != NULL) {
        struct log_inbox *i = *link;
        if (handle == UINT32_MAX || i->handle == handle) {
            *link = i->next;
            free_inbox(l, i);
        } else {
            last = i;
            link = &i->next;
        }
    }
    l->inbox_last = last;
}

void log_inbox_drop(struct log *l)
{
    drop_inbox(l, UINT32_MAX);
}

void log_inbox_drop_peer(struct log *l, uint32_t handle)
{
    drop_inbox(l, handle);
}

void log_takes_fail(struct log *l)
{
    while (l->takes_first != NULL) {
        struct log_take *t = l->takes_first;
        if (t->token == LOG_NOBODY)
            drop(l, t);
        else if (t->state == LOG_TAKE_NEW)
            fail(l, t, PANDO_UNAVAILABLE,
                 "this member's journal is damaged and is being repaired; nothing was sent");
        else
            fail(l, t, PANDO_TIMEOUT,
                 "the outcome is not known: this member's journal is damaged and is being repaired; "
                 "the message will appear at most once");
    }
}

void log_takes_deinit(struct log *l)
{
    while (l->takes_first != NULL) {
        struct log_take *t = l->takes_first;
        l->takes_first = t->next;
        log_take_free(t);
    }
    drop_inbox(l, UINT32_MAX);
    buf_deinit(&l->batch);
}
