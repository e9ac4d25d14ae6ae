/* cmd_peer.c - peers and the links to them. */
#include "apps/pando/commands.h"

#include "apps/pando/output.h"
#include "apps/pando/reach.h"
#include "codec/multiaddr.h"

#include <stdio.h>
#include <string.h>

static void print_peer(const json_t *p)
{
    char id[96], address[256], state[32], reason[200], agent[80], network[80];
    const long long rtt = number_of(p, "rtt_us");
    (void)printf("%-12s %s\n", text_of(p, "state", state, sizeof state),
                 text_of(p, "peer_id", id, sizeof id)[0] != '\0' ? id
                                                                 : "(not known yet)");
    (void)printf("             %s%s", text_of(p, "address", address, sizeof address),
                 flag_of(p, "dialed") ? ", dialed" : "");
    if (rtt > 0)
        (void)printf(", %.2f ms", (double)rtt / 1000.0);
    if (text_of(p, "agent", agent, sizeof agent)[0] != '\0')
        (void)printf(", %s", agent);
    if (!flag_of(p, "pando"))
        (void)printf(", of network '%s'", text_of(p, "network", network, sizeof network));
    (void)printf("\n");
    if (text_of(p, "reason", reason, sizeof reason)[0] != '\0')
        (void)printf("             %s\n", reason);
}

static void print_ban(const json_t *ban)
{
    char id[96], reason[160];
    (void)printf("%-12s %s\n", "banned", text_of(ban, "peer_id", id, sizeof id));
    if (text_of(ban, "reason", reason, sizeof reason)[0] != '\0')
        (void)printf("             %s\n", reason);
}

enum pando_status run_peer_ls(const struct args *args, struct pando_err *reterr)
{
    json_t *answer = NULL;
    const enum pando_status st =
        reach_call(args, "peer.ls", json_object(), &answer, reterr);
    if (st == PANDO_OK && !args->json) {
        size_t i;
        json_t *peer;
        const json_t *peers = json_object_get(answer, "peers");
        json_array_foreach(peers, i, peer) print_peer(peer);
        const json_t *banned = json_object_get(answer, "banned");
        json_array_foreach(banned, i, peer) print_ban(peer);
        if (json_array_size(peers) == 0)
            (void)printf("No peers. Add one: pando peer add 127.0.0.1:9001\n");
    }
    json_decref(answer);
    return st;
}

static enum pando_status tell(const struct args *args, const char *verb, json_t *question,
                              const char *done, struct pando_err *reterr)
{
    json_t *answer = NULL;
    const enum pando_status st = reach_call(args, verb, question, &answer, reterr);
    if (st == PANDO_OK && !args->json)
        (void)printf("%s\n", done);
    json_decref(answer);
    return st;
}

enum pando_status run_peer_add(const struct args *args, struct pando_err *reterr)
{
    struct multiaddr address;
    if (multiaddr_parse_peer(args->words[0], &address, reterr) != PANDO_OK)
        return PANDO_INVALID;
    return tell(args, "peer.add", json_pack("{s:s}", "address", args->words[0]),
                "Added; 'pando peer ls' shows the link.", reterr);
}

enum pando_status run_peer_rm(const struct args *args, struct pando_err *reterr)
{
    return tell(args, "peer.rm", json_pack("{s:s}", "peer", args->words[0]), "Removed.",
                reterr);
}

enum pando_status run_peer_ban(const struct args *args, struct pando_err *reterr)
{
    json_t *question = json_pack("{s:s,s:s}", "peer", args->words[0], "reason",
                                 args_value(args, OPT_REASON, "by the operator"));
    return tell(args, "peer.ban", question,
                "Banned, also after a restart; 'pando peer unban' allows it again.",
                reterr);
}

enum pando_status run_peer_unban(const struct args *args, struct pando_err *reterr)
{
    return tell(args, "peer.unban", json_pack("{s:s}", "peer", args->words[0]),
                "Allowed again; 'pando peer add' dials it.", reterr);
}

enum pando_status run_peer_ping(const struct args *args, struct pando_err *reterr)
{
    json_t *answer = NULL;
    const enum pando_status st = reach_call(
        args, "peer.ping", json_pack("{s:s}", "peer", args->words[0]), &answer, reterr);
    if (st == PANDO_OK && !args->json)
        (void)printf("Round trip: %.3f ms\n",
                     (double)number_of(answer, "rtt_us") / 1000.0);
    json_decref(answer);
    return st;
}

enum pando_status run_link_cut(const struct args *args, struct pando_err *reterr)
{
    return tell(args, "link.cut", json_pack("{s:s}", "peer", args->words[0]),
                "Cut; 'pando link heal' allows it again.", reterr);
}

enum pando_status run_link_heal(const struct args *args, struct pando_err *reterr)
{
    return tell(args, "link.heal",
                json_pack("{s:s}", "peer", args->words_len > 0 ? args->words[0] : "all"),
                "Healed.", reterr);
}
