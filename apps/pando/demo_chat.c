/* demo_chat.c - the chat guide's Demos 1 to 6, for real, and one step beyond.
 *
 * Three chat processes; what a person would type goes through their input, what a person
 * would see is read from their output. The guide contradicts itself about who leads when
 * (docs/guide/chat.md): here whoever leads is the one that is stopped, and it comes back as
 * a follower. The step beyond: a minority takes no message, and says why.
 */
#include "apps/pando/demo.h"

#include "apps/pando/chat_peers.h"
#include "apps/pando/output.h"
#include "base/slice.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEERS    3
#define LIMIT_US 60000000
#define PORT     6001 /* as the guide has it, or the next free ones */

struct play {
    struct demo *d;
    struct chat_peers peers;
    size_t seen[PEERS]; /* bytes of OUT that earlier steps have looked at */
    size_t heard[PEERS]; /* of ERR */
    unsigned long seq;  /* number of the last message */
};

static bool within(bool (*holds)(struct play *, const void *), struct play *s, const void *arg)
{
    const uint64_t begin = demo_now_us();
    while (demo_now_us() - begin < LIMIT_US) {
        (void)chat_peers_pump(&s->peers);
        if (holds(s, arg))
            return true;
        demo_pause_ms(5);
    }
    return false;
}

static void mark(struct play *s)
{
    for (size_t i = 0; i < PEERS; i++) {
        s->seen[i] = chat_peers_size(s->peers.at[i].out);
        s->heard[i] = chat_peers_size(s->peers.at[i].err);
    }
}

struct wanted {
    size_t peer;
    bool log; /* in what the node logs, not in what the person is shown */
    char text[400];
};

static bool is_there(struct play *s, const void *arg)
{
    const struct wanted *w = arg;
    const struct chat_peer *p = &s->peers.at[w->peer];
    return chat_peers_has(w->log ? p->err : p->out, w->log ? s->heard[w->peer] : s->seen[w->peer],
                          w->text);
}

static bool sees(struct play *s, size_t peer, bool log, const char *format, ...) PANDO_PRINTF(4, 5);
static bool sees(struct play *s, size_t peer, bool log, const char *format, ...)
{
    struct wanted w = { .peer = peer, .log = log };
    va_list args;
    va_start(args, format);
    (void)vsnprintf(w.text, sizeof w.text, format, args);
    va_end(args);
    return within(is_there, s, &w);
}

/* Everybody who runs is shown the next number with this text. */
static bool all_see_next(struct play *s, size_t sender, const char *text)
{
    bool all = true;
    s->seq++;
    for (size_t i = 0; i < PEERS; i++)
        if (s->peers.at[i].pid > 0)
            all &= sees(s, i, false, "[seq=%lu] peer_%zu: %s\n", s->seq, sender + 1, text);
    return all;
}

/* One says it, all are shown it under the next number. */
static void say(struct play *s, size_t sender, const char *text)
{
    chat_peers_say(&s->peers, sender, "%s", text);
    const bool seen = all_see_next(s, sender, text);
    (void)demo_check(s->d, seen, "[seq=%lu] peer_%zu: %s", s->seq, sender + 1, text);
}

static bool is_settled(struct play *s, const void *arg)
{
    return chat_peers_settled(&s->peers, *(const size_t *)arg);
}

static bool settles(struct play *s)
{
    const size_t members = PEERS;
    return within(is_settled, s, &members);
}

static enum pando_status start_all(struct play *s, struct pando_err *reterr)
{
    enum pando_status st = PANDO_OK;
    for (size_t i = 0; i < PEERS && st == PANDO_OK; i++)
        st = chat_peers_start(&s->peers, i, reterr);
    if (st == PANDO_OK && !settles(s))
        st = pando_err_set(reterr, PANDO_TIMEOUT, "the peers are not one group; see %s", s->peers.dir);
    return st;
}

/* The lines of messages that a peer was shown since the last mark. */
static size_t messages_of(struct play *s, size_t i, struct pando_buf *ret)
{
    struct pando_buf all = chat_peers_file(s->peers.at[i].out);
    size_t lines = 0;
    buf_init(ret, 1u << 20);
    for (size_t at = s->seen[i]; at < all.len;) {
        const uint8_t *end = memchr(all.ptr + at, '\n', all.len - at);
        const size_t len = end == NULL ? all.len - at : (size_t)(end - all.ptr) + 1 - at;
        if (len > 5 && memcmp(all.ptr + at, "[seq=", 5) == 0 &&
            buf_append(ret, slice_of(all.ptr + at, len)) == PANDO_OK)
            lines++;
        at += len;
    }
    buf_deinit(&all);
    return lines;
}

static bool have_shown(struct play *s, const void *arg)
{
    const size_t want = *(const size_t *)arg;
    bool all = true;
    for (size_t i = 0; i < PEERS; i++) {
        struct pando_buf b;
        all &= s->peers.at[i].pid <= 0 || messages_of(s, i, &b) >= want;
        buf_deinit(&b);
    }
    return all;
}

/* So many messages came, to all in one order; prints that order. */
static bool same_order(struct play *s, size_t want)
{
    struct pando_buf first, other;
    bool same = within(have_shown, s, &want);
    (void)messages_of(s, 0, &first);
    for (size_t i = 1; i < PEERS; i++) {
        (void)messages_of(s, i, &other);
        same &= slice_equal(buf_view(&first), buf_view(&other));
        buf_deinit(&other);
    }
    (void)printf("%.*s", (int)first.len, first.len > 0 ? (const char *)first.ptr : "");
    buf_deinit(&first);
    s->seq += want;
    return same;
}

static enum pando_status play_order(struct play *s, struct pando_err *reterr)
{
    demo_step(s->d, "Demo 1: three peers, one order. peer_1 begins, the others know its address.");
    const enum pando_status st = start_all(s, reterr);
    if (st != PANDO_OK)
        return st;
    for (size_t i = 0; i < PEERS; i++)
        chat_peers_say(&s->peers, i, "/status");
    (void)demo_check(s->d, sees(s, 0, false, "Role: LEADER\nLeader: peer_1\n"), "peer_1 is LEADER");
    (void)demo_check(s->d, sees(s, 1, false, "Role: FOLLOWER\nLeader: peer_1\n") &&
                               sees(s, 2, false, "Role: FOLLOWER\nLeader: peer_1\n"),
                     "peer_2 and peer_3 are FOLLOWER; later ones do not take the lead");
    (void)demo_check(s->d, chat_peers_has(s->peers.at[0].err, 0, "Sent JOIN_ACK"),
                     "peer_1 has logged \"Sent JOIN_ACK\"");
    say(s, 0, "Hello from peer 1!");
    say(s, 0, "This is message 2");
    say(s, 1, "Hello from peer 2!");
    return PANDO_OK;
}

/* Who runs and does not lead. */
static size_t follower(const struct play *s, size_t leader, size_t nth)
{
    for (size_t i = 0; i < PEERS; i++)
        if (i != leader && s->peers.at[i].pid > 0 && nth-- == 0)
            return i;
    return 0;
}

static bool another_leads(struct play *s, const void *arg)
{
    const int leader = chat_peers_leader(&s->peers);
    return leader >= 0 && leader != *(const int *)arg;
}

static int play_failure(struct play *s)
{
    demo_step(s->d, "Demo 2: the leader stops (Ctrl+C); another takes over, numbers go on.");
    const int gone = chat_peers_leader(&s->peers);
    say(s, 2, "Before leader failure");
    mark(s);
    const uint64_t begin = demo_now_us();
    const bool stopped = chat_peers_stop(&s->peers, (size_t)gone);
    (void)demo_check(s->d, stopped, "peer_%d, the leader, is gone", gone + 1);
    const bool replaced = within(another_leads, s, &gone);
    const double ms = (double)(demo_now_us() - begin) / 1000.0;
    const int leader = chat_peers_leader(&s->peers);
    (void)demo_check(s->d, replaced && leader >= 0, "peer_%d leads %.0f ms after the Ctrl+C", leader + 1, ms);
    if (leader < 0)
        return gone;
    const size_t other = follower(s, (size_t)leader, 0);
    (void)demo_check(s->d, sees(s, (size_t)leader, true, "Leader timeout!") &&
                               sees(s, (size_t)leader, true, "Starting election...") &&
                               sees(s, (size_t)leader, true, "Became LEADER"),
                     "it logged: Leader timeout! Starting election... Became LEADER");
    chat_peers_say(&s->peers, other, "/status");
    (void)demo_check(s->d, sees(s, other, false, "Role: FOLLOWER\nLeader: peer_%d\n", leader + 1),
                     "peer_%zu is FOLLOWER of peer_%d", other + 1, leader + 1);
    say(s, other, "After leader failure");
    say(s, (size_t)leader, "Ordering continues!");
    return gone;
}

static enum pando_status play_rejoin(struct play *s, int gone, struct pando_err *reterr)
{
    demo_step(s->d, "Demo 3: the former leader comes back as a follower and catches up.");
    const int leader = chat_peers_leader(&s->peers);
    const size_t back = (size_t)gone, other = follower(s, (size_t)leader, 0);
    say(s, other, "Message while a peer is offline");
    say(s, (size_t)leader, "Another message");
    const enum pando_status st = chat_peers_start(&s->peers, back, reterr);
    if (st != PANDO_OK)
        return st;
    (void)demo_check(s->d, settles(s), "peer_%d is back and knows who leads", gone + 1);
    const bool caught_up =
        sees(s, back, false, "[seq=%lu] peer_%zu: Message while a peer is offline\n[seq=%lu] peer_%d: "
             "Another message\n", s->seq - 1, other + 1, s->seq, leader + 1);
    (void)demo_check(s->d, caught_up, "it is shown what it missed, in order");
    chat_peers_say(&s->peers, back, "/status");
    (void)demo_check(s->d, sees(s, back, false, "Role: FOLLOWER\nLeader: peer_%d\n", leader + 1),
                     "Role: FOLLOWER, Leader: peer_%d: it does not take the lead back", leader + 1);
    say(s, back, "I'm back as a follower!");
    return PANDO_OK;
}

static void play_concurrent(struct play *s)
{
    demo_step(s->d, "Demo 4: all three speak at once; everybody sees one order.");
    mark(s);
    for (unsigned k = 1; k <= 3; k++)
        for (size_t i = 0; i < PEERS; i++)
            chat_peers_say(&s->peers, i, "%c%u", (int)('A' + i), k);
    (void)demo_check(s->d, same_order(s, 9), "nine messages, the same lines on all three screens");
}

static void play_fast(struct play *s)
{
    demo_step(s->d, "Demo 5: messages in quick succession are shown by their numbers.");
    mark(s);
    chat_peers_say(&s->peers, 0, "Fast 1\nFast 2\nFast 3");
    chat_peers_say(&s->peers, 1, "Fast 4");
    (void)demo_check(s->d, same_order(s, 4), "the same lines on all three screens");
    struct pando_buf b;
    size_t at[3] = { 0 };
    (void)messages_of(s, 2, &b);
    for (size_t k = 0; k < 3; k++) {
        char text[16];
        (void)snprintf(text, sizeof text, "Fast %zu\n", k + 1);
        const uint8_t *found = b.len == 0 ? NULL : memmem(b.ptr, b.len, text, strlen(text));
        at[k] = found == NULL ? 0 : (size_t)(found - b.ptr);
    }
    (void)demo_check(s->d, 0 < at[0] && at[0] < at[1] && at[1] < at[2],
                     "what one peer said in a row stands in that row");
    buf_deinit(&b);
}

static bool are_equal(struct play *s, const void *arg)
{
    const struct pando_buf *want = arg;
    bool all = true;
    for (size_t i = 0; i < PEERS; i++) {
        struct pando_buf b = chat_peers_file(s->peers.at[i].transcript);
        all &= slice_equal(buf_view(&b), buf_view(want));
        buf_deinit(&b);
    }
    return all;
}

static enum pando_status play_recovery(struct play *s, struct pando_err *reterr)
{
    demo_step(s->d, "Demo 6: everybody crashes (SIGKILL) and starts again; numbers go on.");
    say(s, 0, "Persistent message 1");
    say(s, 1, "Persistent message 2");
    say(s, 2, "Persistent message 3");
    struct pando_buf before = chat_peers_file(s->peers.at[0].transcript);
    (void)demo_check(s->d, before.len > 0 && within(are_equal, s, &before),
                     "peer_1.log, peer_2.log and peer_3.log are equal, byte for byte");
    for (size_t i = 0; i < PEERS; i++)
        chat_peers_kill(&s->peers, i);
    (void)remove(s->peers.at[1].transcript);
    mark(s);
    const enum pando_status st = start_all(s, reterr);
    if (st == PANDO_OK) {
        (void)demo_check(s->d, within(are_equal, s, &before),
                         "the logs hold the same again; deleting peer_2.log deleted nothing");
        say(s, 0, "After restart");
    }
    buf_deinit(&before);
    return st;
}

static bool has_no_quorum(struct play *s, const void *arg)
{
    json_t *state = chat_peers_state(&s->peers, *(const size_t *)arg);
    const bool none = state != NULL && !flag_of(state, "quorum");
    json_decref(state);
    return none;
}

static enum pando_status play_minority(struct play *s, struct pando_err *reterr)
{
    const size_t alone = 2;
    const char *text = "Said without a majority";
    demo_step(s->d, "Beyond the guide: a minority takes no message, says why, and loses none.");
    mark(s);
    (void)chat_peers_stop(&s->peers, 0);
    (void)chat_peers_stop(&s->peers, 1);
    const bool lonely = within(has_no_quorum, s, &alone);
    chat_peers_say(&s->peers, alone, "%s\n/status", text);
    (void)demo_check(s->d, lonely && sees(s, alone, false, "Quorum: no: no quorum: 1 of 3 voters reachable"),
                     "peer_3 alone: no quorum, 1 of 3 voters reachable");
    (void)demo_check(s->d, sees(s, alone, true, "not delivered yet") &&
                               !chat_peers_has(s->peers.at[alone].out, s->seen[alone], text),
                     "the line waits: it has no number and is not shown");
    const enum pando_status st = chat_peers_start(&s->peers, 0, reterr);
    if (st != PANDO_OK)
        return st;
    const bool seen = all_see_next(s, alone, text);
    (void)demo_check(s->d, seen, "peer_1 is back: [seq=%lu] peer_3: %s", s->seq, text);
    return PANDO_OK;
}

static enum pando_status play(struct play *s, struct pando_err *reterr)
{
    enum pando_status st = play_order(s, reterr);
    if (st != PANDO_OK)
        return st;
    st = play_rejoin(s, play_failure(s), reterr);
    if (st == PANDO_OK) {
        play_concurrent(s);
        play_fast(s);
        st = play_recovery(s, reterr);
    }
    if (st == PANDO_OK)
        st = play_minority(s, reterr);
    return st;
}

enum pando_status demo_chat(struct demo *d, struct pando_err *reterr)
{
    struct play *s = calloc(1, sizeof *s);
    if (s == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "memory is out");
    s->d = d;
    enum pando_status st = chat_peers_init(&s->peers, PEERS, PORT, reterr);
    if (st == PANDO_OK) {
        (void)printf("Chat demo: three real peers, folder %s, ports %u, %u, %u\n", s->peers.dir,
                     s->peers.at[0].port, s->peers.at[1].port, s->peers.at[2].port);
        st = play(s, reterr);
    }
    const bool good = st == PANDO_OK && d->failed == 0;
    (void)printf("\n%s\n", good ? "Every step held." : "Not every step held.");
    if (!good)
        (void)printf("What the peers printed is in %s\n", s->peers.dir);
    chat_peers_deinit(&s->peers, !good);
    free(s);
    return st;
}
