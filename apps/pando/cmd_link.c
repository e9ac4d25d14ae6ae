/* cmd_link.c - federation links of a node, looked at and steered. */
#include "apps/pando/commands.h"

#include "apps/pando/delta_args.h"
#include "apps/pando/delta_print.h"
#include "apps/pando/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_row(const json_t *link)
{
    char id[64], status[32], direction[16], kept[16], error[160];
    const json_t *stats = json_object_get(link, "stats");
    const json_t *system = json_object_get(link, "remoteSystemId");
    char *remote = delta_clean(json_is_string(system) ? system
                                                      : json_object_get(link, "remoteUrl"));
    (void)printf("%-8.8s  %-12s  %-8s  %-6s  %9lld  %9lld  %8lld  %s", text_of(link, "id", id, sizeof id),
                 text_of(link, "status", status, sizeof status),
                 text_of(link, "direction", direction, sizeof direction),
                 text_of(link, "kept", kept, sizeof kept),
                 number_of(stats, "deltasSent"), number_of(stats, "deltasReceived"),
                 number_of(stats, "deltasRejected"), remote != NULL ? remote : "?");
    if (text_of(link, "lastError", error, sizeof error)[0] != '\0')
        (void)printf("  (%s)", error);
    (void)printf("\n");
    free(remote);
}

enum pando_status run_link_ls(const struct args *args, struct pando_err *reterr)
{
    json_t *answer = NULL, *link;
    size_t i;
    const enum pando_status st =
        reach_call(args, "fed.links", delta_question(args), &answer, reterr);
    if (st == PANDO_OK && !args->json) {
        const json_t *links = json_object_get(answer, "links");
        if (json_array_size(links) == 0)
            (void)printf("No federation links. Make one: pando federate ws://HOST:PORT/federation "
                         "--detach\n");
        else
            (void)printf("%-8s  %-12s  %-8s  %-6s  %9s  %9s  %8s  %s\n", "LINK", "STATUS",
                         "OPENED", "KEPT", "SENT", "RECEIVED", "REJECTED", "REMOTE");
        json_array_foreach(links, i, link)
            print_row(link);
    }
    json_decref(answer);
    return st;
}

static json_t *about(const struct args *args)
{
    json_t *question = delta_question(args);
    (void)json_object_set_new(question, "id", json_string(args->words[0]));
    return question;
}

static void print_moment(const char *name, long long ms)
{
    char text[DELTA_TIME_TEXT] = "never";
    if (ms > 0)
        delta_time_text(ms, text);
    (void)printf("%s%s\n", name, text);
}

static void print_link(const json_t *link)
{
    static const char *const rows[][2] = { { "Link:          ", "id" },
                                           { "Status:        ", "status" },
                                           { "Paused by:     ", "pausedBy" },
                                           { "Direction:     ", "direction" },
                                           { "Kept by:       ", "kept" },
                                           { "Remote URL:    ", "remoteUrl" },
                                           { "Remote system: ", "remoteSystemId" },
                                           { "Last error:    ", "lastError" } };
    const json_t *stats = json_object_get(link, "stats");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *text = delta_clean(json_object_get(link, rows[i][1]));
        if (text != NULL && text[0] != '\0')
            (void)printf("%s%s\n", rows[i][0], text);
        free(text);
    }
    print_moment("Connected:     ", number_of(stats, "connectedAt"));
    print_moment("Last sync:     ", number_of(stats, "lastSyncTimestamp"));
    (void)printf("Deltas:        %lld sent (%lld acknowledged, %lld refused there), %lld received "
                 "(%lld rejected here)\n",
                 number_of(stats, "deltasSent"), number_of(stats, "deltasAcked"),
                 number_of(stats, "deltasRefused"), number_of(stats, "deltasReceived"),
                 number_of(stats, "deltasRejected"));
    (void)printf("Bytes:         %lld sent, %lld received\n", number_of(stats, "bytesSent"),
                 number_of(stats, "bytesReceived"));
    (void)printf("Configuration: ");
    delta_print_json(json_object_get(link, "config"));
}

enum pando_status run_link_show(const struct args *args, struct pando_err *reterr)
{
    json_t *answer = NULL;
    const enum pando_status st = reach_call(args, "fed.link", about(args), &answer, reterr);
    if (st == PANDO_OK && !args->json)
        print_link(answer);
    json_decref(answer);
    return st;
}

static enum pando_status tell(const struct args *args, const char *verb, const char *done,
                              struct pando_err *reterr)
{
    json_t *answer = NULL;
    const enum pando_status st = reach_call(args, verb, about(args), &answer, reterr);
    if (st == PANDO_OK && !args->json)
        (void)printf("%s\n", done);
    json_decref(answer);
    return st;
}

enum pando_status run_link_pause(const struct args *args, struct pando_err *reterr)
{
    return tell(args, "fed.pause", "Paused; what comes meanwhile is sent after 'pando link resume'.",
                reterr);
}

enum pando_status run_link_resume(const struct args *args, struct pando_err *reterr)
{
    return tell(args, "fed.resume", "Resumed.", reterr);
}

enum pando_status run_link_rm(const struct args *args, struct pando_err *reterr)
{
    return tell(args, "fed.disconnect", "Disconnected.", reterr);
}
