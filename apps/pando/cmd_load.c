/* cmd_load.c - a steady stream of messages to a log space, and what became of them.
 *
 * One session sends "Load test message I" under counters 1, 2, 3..., each when it is due or,
 * when the node is slower than that, right after the one before. A call whose outcome is not
 * known is repeated under its counter. Then the room is read back, here and on the nodes of
 * --check: every message once, in order, none missing.
 */
#include "apps/pando/commands.h"

#include "apps/pando/demo.h"
#include "apps/pando/log_args.h"
#include "apps/pando/output.h"
#include "apps/pando/reach.h"
#include "base/slice.h"
#include "crypto/sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_LIMIT     500
#define REPEAT_FOR_US  30000000
#define CHECK_LIMIT_US 20000000
#define TEXT           "Load test message "

struct load {
    const struct args *args;
    struct reach reach;
    long rate, count;
    uint64_t client;
    uint64_t *latency; /* of acknowledged messages, in us */
    size_t acked;
    long long first, last; /* their numbers */
    bool in_order;
    uint64_t took_us;
};

static enum pando_status number(const struct args *args, int option, const char *name, long high,
                                long *ret, struct pando_err *reterr)
{
    const char *text = args_value(args, option, "100");
    char *end = NULL;
    *ret = strtol(text, &end, 10);
    if (end == text || *end != '\0' || *ret < 1 || *ret > high)
        return pando_err_set(reterr, PANDO_INVALID, "--%s takes a number from 1 to %ld, not '%.40s'",
                             name, high, text);
    return PANDO_OK;
}

static json_t *ask(const struct reach *reach, const char *verb, json_t *question,
                   enum pando_status *ret_status, struct pando_err *reterr)
{
    struct pando_buf body;
    json_t *answer = NULL;
    buf_init(&body, 64u << 20);
    *ret_status = reach_ask(reach, verb, question, NULL, &body, reterr);
    if (*ret_status == PANDO_OK)
        answer = json_loadb((const char *)body.ptr, body.len, 0, NULL);
    buf_deinit(&body);
    json_decref(question);
    return answer;
}

/* Until it is acknowledged, or for REPEAT_FOR. */
static enum pando_status send_one(struct load *l, long i, long long *ret_seq,
                                  struct pando_err *reterr)
{
    char text[64];
    enum pando_status st;
    const uint64_t begin = demo_now_us();
    (void)snprintf(text, sizeof text, TEXT "%ld", i);
    do {
        json_t *question = log_question(l->args);
        (void)json_object_set_new(question, "text", json_string(text));
        (void)json_object_set_new(question, "client", json_integer((json_int_t)l->client));
        (void)json_object_set_new(question, "counter", json_integer(i + 1));
        json_t *answer = ask(&l->reach, "log.append", question, &st, reterr);
        if (answer != NULL) {
            *ret_seq = number_of(answer, "seq");
            json_decref(answer);
            return PANDO_OK;
        }
        if (st != PANDO_UNAVAILABLE && st != PANDO_TIMEOUT && st != PANDO_BUSY)
            return st;
        demo_pause_ms(100);
    } while (demo_now_us() - begin < REPEAT_FOR_US);
    return st;
}

static enum pando_status send_all(struct load *l, struct pando_err *reterr)
{
    const uint64_t begin = demo_now_us();
    uint64_t told = begin;
    enum pando_status st = PANDO_OK;
    l->in_order = true;
    for (long i = 0; i < l->count && st == PANDO_OK; i++) {
        long long seq = 0;
        const uint64_t due = begin + (uint64_t)i * 1000000u / (uint64_t)l->rate;
        while (demo_now_us() < due)
            demo_pause_ms(1);
        st = send_one(l, i, &seq, reterr);
        if (st != PANDO_OK)
            break;
        l->latency[l->acked++] = demo_now_us() - due;
        l->in_order &= seq > l->last;
        l->first = i == 0 ? seq : l->first;
        l->last = seq;
        if (!l->args->json && demo_now_us() - told > 1000000) {
            told = demo_now_us();
            (void)printf("%.0f s: %zu acknowledged\n", (double)(told - begin) / 1e6, l->acked);
            (void)fflush(stdout);
        }
    }
    l->took_us = demo_now_us() - begin;
    return st;
}

/* Count ours in one page; `*next` is the message expected. False: out of order. */
static bool check_page(const json_t *answer, long *next, long long *from)
{
    size_t i;
    json_t *m;
    bool good = true;
    json_array_foreach(json_object_get(answer, "messages"), i, m)
    {
        const char *text = json_string_value(json_object_get(m, "text"));
        *from = number_of(m, "seq") + 1;
        if (text == NULL || strncmp(text, TEXT, strlen(TEXT)) != 0)
            continue; /* somebody else's, in between */
        good &= strtol(text + strlen(TEXT), NULL, 10) == *next;
        ++*next;
    }
    return good;
}

/* Every acknowledged message stands there once and in order; what lags gets some time. */
static bool is_held_by(const struct load *l, const struct reach *reach)
{
    const uint64_t begin = demo_now_us();
    long next = 0;
    long long from = l->first;
    while (next < (long)l->acked) {
        enum pando_status st;
        json_t *question = log_question(l->args);
        (void)json_object_set_new(question, "from", json_integer(from));
        (void)json_object_set_new(question, "limit", json_integer(READ_LIMIT));
        const long long before = from;
        json_t *answer = ask(reach, "log.read", question, &st, NULL);
        const bool good = answer != NULL && check_page(answer, &next, &from);
        json_decref(answer);
        if ((answer != NULL && !good) || demo_now_us() - begin > CHECK_LIMIT_US)
            return false;
        if (from == before)
            demo_pause_ms(20);
    }
    return next == (long)l->acked;
}

static bool are_held(const struct load *l)
{
    bool all = is_held_by(l, &l->reach);
    if (!all && !l->args->json)
        (void)printf("the node itself does not hold them all\n");
    for (size_t i = 0; i < l->args->items_len; i++) {
        if (l->args->items[i].key != OPT_CHECK)
            continue;
        struct args other = *l->args;
        struct reach reach;
        other.items_len = 1;
        other.items[0].key = OPT_NODE;
        other.items[0].value = l->args->items[i].value;
        const bool held = reach_find(&other, &reach, NULL) == PANDO_OK && is_held_by(l, &reach);
        if (!l->args->json)
            (void)printf("%s %s\n", l->args->items[i].value, held ? "holds the same" : "DIFFERS");
        all &= held;
    }
    return all;
}

static int by_size(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static double at_percent(const struct load *l, unsigned percent)
{
    const size_t at = (l->acked * percent + 99) / 100;
    return l->acked == 0 ? 0 : (double)l->latency[at > 0 ? at - 1 : 0] / 1000.0;
}

static void report(struct load *l, bool held)
{
    double sum = 0;
    for (size_t i = 0; i < l->acked; i++)
        sum += (double)l->latency[i] / 1000.0;
    const double avg = l->acked == 0 ? 0 : sum / (double)l->acked;
    const double rate = (double)l->acked / ((double)l->took_us / 1e6);
    qsort(l->latency, l->acked, sizeof l->latency[0], by_size);
    if (l->args->json)
        (void)printf("{\"sent\":%ld,\"acknowledged\":%zu,\"lost\":%ld,\"in_order\":%s,\"held\":%s,"
                     "\"rate\":%.1f,\"avg_ms\":%.3f,\"p50_ms\":%.3f,\"p95_ms\":%.3f,\"p99_ms\":%.3f}\n",
                     l->count, l->acked, l->count - (long)l->acked, l->in_order ? "true" : "false",
                     held ? "true" : "false", rate, avg, at_percent(l, 50), at_percent(l, 95),
                     at_percent(l, 99));
    else
        (void)printf("Sent: %ld\nAcknowledged: %zu\nLost: %ld (%.1f %%)\nRate: %.1f per second\n"
                     "Latency: avg %.2f ms, p50 %.2f ms, p95 %.2f ms, p99 %.2f ms\nOrder: %s\n",
                     l->count, l->acked, l->count - (long)l->acked,
                     100.0 * (double)(l->count - (long)l->acked) / (double)l->count, rate, avg,
                     at_percent(l, 50), at_percent(l, 95), at_percent(l, 99),
                     l->in_order && held ? "every message once, as sent" : "BROKEN");
}

enum pando_status run_load(const struct args *args, struct pando_err *reterr)
{
    struct load l = { .args = args };
    enum pando_status st = number(args, OPT_RATE, "rate", 100000, &l.rate, reterr);
    if (st == PANDO_OK)
        st = number(args, OPT_COUNT, "count", 10000000, &l.count, reterr);
    if (st == PANDO_OK)
        st = reach_find(args, &l.reach, reterr);
    if (st != PANDO_OK)
        return st;
    l.latency = calloc((size_t)l.count, sizeof l.latency[0]);
    if (l.latency == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "memory is out");
    crypto_random((uint8_t *)&l.client, sizeof l.client);
    l.client = (l.client & ((UINT64_C(1) << 52) - 1)) | 1;
    st = send_all(&l, reterr);
    const bool held = l.acked > 0 && are_held(&l);
    if (l.acked > 0)
        report(&l, held);
    free(l.latency);
    if (st == PANDO_OK && (!held || !l.in_order))
        st = pando_err_set(reterr, PANDO_CORRUPT, "acknowledged messages are missing or out of order");
    return st;
}
