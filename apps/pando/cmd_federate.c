/* cmd_federate.c - a link with another instance for as long as this command runs.
 *
 * Events first, then the link: the node says when it listens, and only then is it asked to
 * connect, so that no event is missed. Ctrl+C asks the node to disconnect; the event of it
 * ends the stream.
 */
#include "apps/pando/commands.h"

#include "apps/pando/delta_print.h"
#include "apps/pando/federate_args.h"
#include "apps/pando/output.h"
#include "apps/pando/stream_lines.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct session {
    const struct args *args;
    struct reach reach;
    json_t *question; /* of fed.connect */
    char id[64];
    _Atomic(bool) linked; /* `id` is set */
    enum pando_status status;
    struct pando_err *reterr;
};

static json_t *link_question(const struct session *s)
{
    json_t *q = delta_question(s->args);
    (void)json_object_set_new(q, "id", json_string(s->id));
    return q;
}

/* Another thread than the one that reads events. */
static void *wait_for_interrupt(void *ctx)
{
    struct session *s = ctx;
    struct pando_err err = { .text = "" };
    json_t *answer = NULL;
    sigset_t set;
    int number = 0;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigwait(&set, &number);
    if (!atomic_load(&s->linked))
        _exit(0);
    json_t *q = link_question(s);
    if (delta_ask(&s->reach, "fed.disconnect", q, &answer, &err) != PANDO_OK)
        _exit(0); /* the link or the node has gone already */
    json_decref(answer);
    json_decref(q);
    (void)sigwait(&set, &number);
    _exit(0);
}

static void print_event(const json_t *e)
{
    struct timespec now;
    char time[DELTA_TIME_TEXT], name[32];
    static const char *const members[] = { "remoteUrl", "remoteSystemId", "deltaId", "error",
                                           "reason" };
    (void)clock_gettime(CLOCK_REALTIME, &now);
    delta_time_text((long long)now.tv_sec * 1000 + now.tv_nsec / 1000000, time);
    (void)printf("%s  %-17s", time, text_of(e, "event", name, sizeof name));
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        char *text = delta_clean(json_object_get(e, members[i]));
        if (text != NULL && text[0] != '\0')
            (void)printf(" %s", text);
        free(text);
    }
    if (json_is_integer(json_object_get(e, "deltasProcessed")))
        (void)printf(" %lld deltas", number_of(e, "deltasProcessed"));
    (void)printf("\n");
}

static bool connect_now(struct session *s)
{
    json_t *answer = NULL;
    s->status = delta_ask(&s->reach, "fed.connect", s->question, &answer, s->reterr);
    if (s->status != PANDO_OK)
        return false;
    (void)text_of(answer, "id", s->id, sizeof s->id);
    json_decref(answer);
    atomic_store(&s->linked, true);
    return true;
}

/* Has the link gone, or does it not try any more? */
static bool is_over(struct session *s, const char *event)
{
    struct pando_err err = { .text = "" };
    json_t *link = NULL, *q;
    char status[32], why[200];
    if (strcmp(event, "link:error") != 0 && strcmp(event, "link:disconnected") != 0)
        return false;
    q = link_question(s);
    const enum pando_status st = delta_ask(&s->reach, "fed.link", q, &link, &err);
    json_decref(q);
    if (st != PANDO_OK)
        return true;
    (void)text_of(link, "status", status, sizeof status);
    const json_t *reconnect =
        json_object_get(json_object_get(link, "config"), "reconnect");
    const bool over = strcmp(status, "error") == 0 ||
                      (strcmp(status, "disconnected") == 0 && !flag_of(reconnect, "enabled"));
    if (over) {
        s->status = pando_err_set(s->reterr, PANDO_UNAVAILABLE, "%s: %s", s->args->words[0],
                                  text_of(link, "lastError", why, sizeof why)[0] != '\0'
                                      ? why
                                      : "the link has ended");
        json_t *answer = NULL;
        q = link_question(s);
        (void)!delta_ask(&s->reach, "fed.disconnect", q, &answer, &err);
        json_decref(answer);
        json_decref(q);
    }
    json_decref(link);
    return over;
}

static bool take_event(void *ctx, struct pando_slice line)
{
    struct session *s = ctx;
    char event[32], id[64];
    bool go_on = true;
    json_t *e = json_loadb((const char *)line.ptr, line.len, 0, NULL);
    (void)text_of(e, "event", event, sizeof event);
    if (strcmp(event, "watching") == 0) {
        go_on = connect_now(s);
    } else if (strcmp(text_of(e, "linkId", id, sizeof id), s->id) == 0) {
        if (s->args->json)
            (void)printf("%.*s\n", (int)line.len, (const char *)line.ptr);
        else
            print_event(e);
        (void)fflush(stdout);
        go_on = !is_over(s, event);
    }
    json_decref(e);
    return go_on;
}

static enum pando_status stay(struct session *s, struct pando_err *reterr)
{
    struct stream_lines lines;
    pthread_t thread;
    sigset_t set;
    json_t *question = delta_question(s->args);
    (void)json_object_set_new(question, "ready", json_true());
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (pthread_create(&thread, NULL, wait_for_interrupt, s) != 0) {
        json_decref(question);
        return pando_err_set(reterr, PANDO_NOMEM, "a thread cannot be started");
    }
    stream_lines_init(&lines, s, take_event);
    const struct client_stream stream = stream_lines_stream(&lines);
    struct reach listening = s->reach;
    listening.target.timeout = PANDO_SEC(86400);
    const enum pando_status st =
        reach_ask(&listening, "fed.watch", question, &stream, NULL, reterr);
    stream_lines_deinit(&lines);
    json_decref(question);
    return st == PANDO_OK ? s->status : st;
}

static enum pando_status detach(struct session *s, struct pando_err *reterr)
{
    json_t *answer = NULL;
    const enum pando_status st =
        delta_ask(&s->reach, "fed.connect", s->question, &answer, reterr);
    if (st == PANDO_OK && s->args->json)
        (void)printf("{\"id\":\"%s\"}\n", text_of(answer, "id", s->id, sizeof s->id));
    else if (st == PANDO_OK)
        (void)printf("Link %s: 'pando link show %.8s' shows how it is; it is there again after "
                     "a restart, until 'pando link rm %.8s' (of a space in memory: until the "
                     "node's end).\n",
                     text_of(answer, "id", s->id, sizeof s->id), s->id, s->id);
    json_decref(answer);
    return st;
}

enum pando_status run_federate(const struct args *args, struct pando_err *reterr)
{
    static struct session s; /* the other thread may outlive this function */
    s.args = args;
    s.reterr = reterr;
    enum pando_status st = federate_question(args, &s.question, reterr);
    if (st == PANDO_OK)
        st = reach_find(args, &s.reach, reterr);
    if (st == PANDO_OK && !args_has(args, OPT_DETACH))
        (void)json_object_set_new(s.question, "keep", json_false()); /* it ends with us */
    if (st == PANDO_OK)
        st = args_has(args, OPT_DETACH) ? detach(&s, reterr) : stay(&s, reterr);
    json_decref(s.question);
    return st;
}
