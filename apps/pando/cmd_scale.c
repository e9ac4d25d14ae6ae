/* cmd_scale.c - many chat peers at once, and a leader that dies in the middle.
 *
 * Each peer says its messages as fast as the group takes them. At the end every peer that
 * lives must hold the same transcript, byte for byte: numbers without a hole, each message of
 * each surviving peer exactly once and in the order in which it was said, and whatever the
 * killed leader had shown to its own person.
 */
#include "apps/pando/commands.h"

#include "apps/pando/chat_peers.h"
#include "apps/pando/demo.h"
#include "apps/pando/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTLE_LIMIT_US 60000000
#define RUN_LIMIT_US    300000000

struct scale {
    struct chat_peers peers;
    unsigned messages;
    bool kill_leader;
    int killed; /* -1: nobody */
    uint64_t begin, killed_at, elected_us, end;
    unsigned failed;
};

static enum pando_status number(const struct args *args, int option, const char *name, long low,
                                long high, const char *missing, long *ret, struct pando_err *reterr)
{
    const char *text = args_value(args, option, missing);
    char *end = NULL;
    *ret = strtol(text, &end, 10);
    if (end == text || *end != '\0' || *ret < low || *ret > high)
        return pando_err_set(reterr, PANDO_INVALID, "--%s takes a number from %ld to %ld, not '%.40s'",
                             name, low, high, text);
    return PANDO_OK;
}

static void check(struct scale *s, bool held, const char *what)
{
    (void)printf("%s %s\n", held ? "ok:" : "FAILED:", what);
    (void)fflush(stdout);
    s->failed += !held;
}

static enum pando_status start_all(struct scale *s, struct pando_err *reterr)
{
    struct chat_peers *p = &s->peers;
    const uint64_t begin = demo_now_us();
    enum pando_status st = PANDO_OK;
    for (size_t i = 0; i < p->len && st == PANDO_OK; i++)
        st = chat_peers_start(p, i, reterr);
    while (st == PANDO_OK && !chat_peers_settled(p, p->len)) {
        if (demo_now_us() - begin > SETTLE_LIMIT_US)
            return pando_err_set(reterr, PANDO_TIMEOUT, "the peers are not one group after 60 s");
        demo_pause_ms(20);
    }
    if (st == PANDO_OK)
        (void)printf("%zu peers are one group after %.1f s; peer_%d leads\n", p->len,
                     (double)(demo_now_us() - begin) / 1e6, chat_peers_leader(p) + 1);
    return st;
}

static size_t lines_of(const char *path)
{
    struct pando_buf b = chat_peers_file(path);
    size_t lines = 0;
    for (size_t i = 0; i < b.len; i++)
        lines += b.ptr[i] == '\n';
    buf_deinit(&b);
    return lines;
}

/* Kill whoever leads once half of the messages are out; then wait for another to lead. */
static void maybe_kill(struct scale *s, size_t delivered)
{
    struct chat_peers *p = &s->peers;
    if (s->killed >= 0 && s->elected_us == 0) {
        const int leader = chat_peers_leader(p);
        if (leader >= 0 && leader != s->killed) {
            s->elected_us = demo_now_us() - s->killed_at;
            (void)printf("peer_%d leads %.0f ms after the kill\n", leader + 1, (double)s->elected_us / 1e3);
        }
    }
    if (!s->kill_leader || s->killed >= 0 || delivered * 2 < p->len * s->messages)
        return;
    const int leader = chat_peers_leader(p);
    if (leader < 0)
        return;
    s->killed = leader;
    s->killed_at = demo_now_us();
    chat_peers_kill(p, (size_t)leader);
    (void)printf("peer_%d, the leader, is killed (SIGKILL) at %zu messages\n", leader + 1, delivered);
    (void)fflush(stdout);
}

/* How many messages of peer `i` stand in a transcript (each once, in order), or -1. */
static long count_of(const struct pando_buf *b, size_t i, unsigned messages)
{
    char key[64];
    const uint8_t *at = b->ptr;
    long count = 0;
    const int len = snprintf(key, sizeof key, "\"text\":\"Peer%zu_Msg", i + 1);
    for (size_t left = b->len; left > 0; count++) {
        const uint8_t *found = memmem(at, left, key, (size_t)len);
        if (found == NULL)
            break;
        if (strtol((const char *)found + len, NULL, 10) != count + 1)
            return -1;
        left -= (size_t)(found + len - at);
        at = found + len;
    }
    return count > (long)messages ? -1 : count;
}

static size_t watcher(const struct scale *s)
{
    return s->killed == 0 ? 1 : 0;
}

static bool is_complete(const struct scale *s, size_t delivered)
{
    const size_t living = s->peers.len - (s->killed >= 0);
    if (delivered < living * s->messages)
        return false;
    struct pando_buf b = chat_peers_file(s->peers.at[watcher(s)].transcript);
    bool all = true;
    for (size_t i = 0; i < s->peers.len; i++) {
        const long count = count_of(&b, i, s->messages);
        all &= count >= 0 && ((int)i == s->killed || count == (long)s->messages);
    }
    buf_deinit(&b);
    return all;
}

static bool run_until_complete(struct scale *s)
{
    struct chat_peers *p = &s->peers;
    uint64_t said = 0;
    for (;;) {
        (void)chat_peers_pump(p);
        const size_t delivered = lines_of(p->at[watcher(s)].transcript);
        const bool kill_due = s->kill_leader && (s->killed < 0 || s->elected_us == 0);
        const bool done = !kill_due && is_complete(s, delivered);
        const uint64_t now = demo_now_us();
        maybe_kill(s, delivered);
        if (now - said > 1000000) {
            (void)printf("%.1f s: %zu messages delivered\n", (double)(now - s->begin) / 1e6, delivered);
            (void)fflush(stdout);
            said = now;
        }
        s->end = now;
        if (done || now - s->begin > RUN_LIMIT_US)
            return done;
        demo_pause_ms(5);
    }
}

static bool are_contiguous(const struct pando_buf *b)
{
    unsigned long want = 1;
    for (size_t at = 0; at < b->len; want++) {
        const uint8_t *end = memchr(b->ptr + at, '\n', b->len - at);
        if (end == NULL || b->len - at < 11 || memcmp(b->ptr + at, "{\"seq_no\":", 10) != 0 ||
            strtoul((const char *)b->ptr + at + 10, NULL, 10) != want)
            return false;
        at = (size_t)(end - b->ptr) + 1;
    }
    return true;
}

/* What the killed peer had shown as its own is acknowledged: nothing of it may be missing. */
static bool holds_what_was_shown(struct scale *s, const struct pando_buf *b)
{
    if (s->killed < 0)
        return true;
    char key[64];
    struct pando_buf out = chat_peers_file(s->peers.at[s->killed].out);
    unsigned shown = 0;
    for (unsigned j = 1; j <= s->messages; j++) {
        const int len = snprintf(key, sizeof key, ": Peer%d_Msg%u\n", s->killed + 1, j);
        shown += out.len > 0 && memmem(out.ptr, out.len, key, (size_t)len) != NULL;
    }
    buf_deinit(&out);
    return count_of(b, (size_t)s->killed, s->messages) >= (long)shown;
}

/* Every living peer has the same bytes; the slow ones get some time. */
static bool all_equal(struct scale *s, const struct pando_buf *want, bool equal[CHAT_PEERS_MAX])
{
    const uint64_t begin = demo_now_us();
    bool all = false;
    while (!all && demo_now_us() - begin < 20000000) {
        all = true;
        for (size_t i = 0; i < s->peers.len; i++) {
            struct pando_buf b = chat_peers_file(s->peers.at[i].transcript);
            equal[i] = b.len == want->len && memcmp(b.ptr, want->ptr, b.len) == 0;
            all &= equal[i] || (int)i == s->killed;
            buf_deinit(&b);
        }
        if (!all)
            demo_pause_ms(20);
    }
    return all;
}

static void print_table(struct scale *s, const struct pando_buf *b, const bool equal[CHAT_PEERS_MAX])
{
    char role[32];
    (void)printf("\n%-10s %-10s %8s %8s  %s\n", "peer", "role", "said", "in log", "transcript");
    for (size_t i = 0; i < s->peers.len; i++) {
        json_t *state = s->peers.at[i].pid > 0 ? chat_peers_state(&s->peers, i) : NULL;
        char name[32];
        (void)snprintf(name, sizeof name, "peer_%zu", i + 1);
        (void)printf("%-10s %-10s %8u %8ld  %s\n", name,
                     (int)i == s->killed ? "killed" : text_of(state, "role", role, sizeof role),
                     s->messages, count_of(b, i, s->messages),
                     (int)i == s->killed ? "-" : equal[i] ? "equal" : "DIFFERS");
        json_decref(state);
    }
}

static void judge(struct scale *s, bool done)
{
    bool equal[CHAT_PEERS_MAX] = { false };
    struct pando_buf b = chat_peers_file(s->peers.at[watcher(s)].transcript);
    const bool same = all_equal(s, &b, equal);
    const size_t lines = lines_of(s->peers.at[watcher(s)].transcript);
    const double seconds = (double)(s->end - s->begin) / 1e6;
    print_table(s, &b, equal);
    (void)printf("\n%zu messages in %.2f s: %.0f per second", lines, seconds, (double)lines / seconds);
    if (s->killed >= 0)
        (void)printf("; a new leader after %.0f ms", (double)s->elected_us / 1e3);
    (void)printf("\n\n");
    check(s, done, "every message of every surviving peer was delivered once, in its order");
    check(s, are_contiguous(&b), "sequence numbers have no hole");
    check(s, same, "all surviving peers hold the same transcript, byte for byte");
    if (s->kill_leader)
        check(s, s->killed >= 0 && s->elected_us > 0 && holds_what_was_shown(s, &b),
              "the killed leader was replaced, and nothing that it had acknowledged is missing");
    buf_deinit(&b);
}

static enum pando_status run(struct scale *s, struct pando_err *reterr)
{
    struct chat_peers *p = &s->peers;
    const enum pando_status st = start_all(s, reterr);
    if (st != PANDO_OK)
        return st;
    s->begin = demo_now_us();
    for (size_t i = 0; i < p->len; i++)
        for (unsigned j = 1; j <= s->messages; j++)
            chat_peers_say(p, i, "Peer%zu_Msg%u", i + 1, j);
    judge(s, run_until_complete(s));
    for (size_t i = 0; i < p->len; i++)
        (void)chat_peers_stop(p, i);
    return s->failed == 0 ? PANDO_OK
                          : pando_err_set(reterr, PANDO_CORRUPT, "%u claims did not hold; logs are in %s",
                                          s->failed, p->dir);
}

enum pando_status run_scale_test(const struct args *args, struct pando_err *reterr)
{
    long peers, messages, port;
    enum pando_status st =
        number(args, OPT_PEERS, "peers", 2, CHAT_PEERS_MAX, "5", &peers, reterr);
    if (st == PANDO_OK)
        st = number(args, OPT_MESSAGES, "messages", 1, 100000, "20", &messages, reterr);
    if (st == PANDO_OK)
        st = number(args, OPT_BASE_PORT, "base-port", 1024, 64000, "7000", &port, reterr);
    if (st != PANDO_OK)
        return st;
    const bool kill_leader = args_has(args, OPT_KILL_LEADER);
    if (kill_leader && peers < 3)
        return pando_err_set(reterr, PANDO_INVALID,
                             "a group of two has no majority left when one dies: --peers 3 or more");
    struct scale *s = calloc(1, sizeof *s);
    if (s == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "memory is out");
    s->messages = (unsigned)messages;
    s->kill_leader = kill_leader;
    s->killed = -1;
    st = chat_peers_init(&s->peers, (size_t)peers, (uint16_t)port, reterr);
    if (st == PANDO_OK)
        st = run(s, reterr);
    chat_peers_deinit(&s->peers, st != PANDO_OK);
    free(s);
    return st;
}
