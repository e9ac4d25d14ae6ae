/* cmd_status.c - how a node is, what happens on it, how much it says. */
#include "apps/pando/commands.h"

#include "apps/pando/output.h"
#include "apps/pando/reach.h"
#include "host/log.h"

#include <stdio.h>

static void print_status(const json_t *s)
{
    char text[300], size[32];
    (void)printf("Node:            %s\n", text_of(s, "name", text, sizeof text));
    (void)printf("Peer id:         %s\n", text_of(s, "peer_id", text, sizeof text));
    (void)printf("Network:         %s\n", text_of(s, "network", text, sizeof text));
    size_t i;
    json_t *address;
    json_array_foreach(json_object_get(s, "listen"), i, address)(void)
        printf("Listening:       %s\n",
               json_is_string(address) ? json_string_value(address) : "?");
    (void)printf("Data:            %s\n", text_of(s, "data", text, sizeof text));
    (void)printf("Durability:      %s\n", text_of(s, "durability", text, sizeof text));
    if (number_of(s, "spaces_in_memory") > 0)
        (void)printf("In memory:       %lld spaces, in no file: gone when the node ends\n",
                     number_of(s, "spaces_in_memory"));
    (void)printf("Connected Peers: %lld\n", number_of(s, "connected_peers"));
    (void)printf("DAG Events:      %lld\n", number_of(s, "dag_events"));
    (void)printf("DAG Heads:       %lld\n", number_of(s, "dag_heads"));
    (void)printf("Receipt Count:   %lld\n", number_of(s, "receipt_count"));
    (void)printf("Node Count:      %lld\n", number_of(s, "node_count"));
    size_text((double)number_of(s, "rss_bytes"), size);
    (void)printf("Uptime:          %.1f s\nMemory:          %s\nVersion:         %s\n",
                 (double)number_of(s, "uptime_ms") / 1000.0, size,
                 text_of(s, "version", text, sizeof text));
}

enum pando_status run_status(const struct args *args, struct pando_err *reterr)
{
    json_t *answer = NULL;
    const enum pando_status st =
        reach_call(args, "status", json_object(), &answer, reterr);
    if (st == PANDO_OK && !args->json)
        print_status(answer);
    json_decref(answer);
    return st;
}

static bool print_line(void *ctx, struct pando_slice part)
{
    (void)ctx;
    return fwrite(part.ptr, 1, part.len, stdout) == part.len && fflush(stdout) == 0;
}

enum pando_status run_watch(const struct args *args, struct pando_err *reterr)
{
    struct reach reach;
    const struct client_stream stream = { NULL, print_line };
    enum pando_status st = reach_find(args, &reach, reterr);
    if (st != PANDO_OK)
        return st;
    reach.target.timeout = PANDO_SEC(86400); /* a quiet node is a well node */
    json_t *question = json_object();
    st = reach_ask(&reach, "node.watch", question, &stream, NULL, reterr);
    json_decref(question);
    return st;
}

enum pando_status run_log_level(const struct args *args, struct pando_err *reterr)
{
    json_t *answer = NULL;
    enum pando_status st = log_level_check(args->words[0], reterr);
    if (st == PANDO_OK)
        st = reach_call(args, "log.level", json_pack("{s:s}", "level", args->words[0]),
                        &answer, reterr);
    if (st == PANDO_OK && !args->json)
        (void)printf("Log level: %s\n", args->words[0]);
    json_decref(answer);
    return st;
}
