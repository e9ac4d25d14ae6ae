/* cmd_log_group.c - the members of a log space: who they are, who leads, who goes. */
#include "apps/pando/commands.h"

#include "apps/pando/chat/chat.h"
#include "apps/pando/log_args.h"
#include "apps/pando/output.h"
#include "apps/pando/reach.h"

#include <stdio.h>

static void print_members(const json_t *answer)
{
    size_t i;
    json_t *m;
    char name[80], standing[32], address[128], peer[96];
    json_array_foreach(json_object_get(answer, "members"), i, m)
    {
        (void)printf("%4lld  %-16s %-8s %-11s lag %-6lld %s %s\n", number_of(m, "id"),
                     text_of(m, "name", name, sizeof name),
                     text_of(m, "standing", standing, sizeof standing),
                     flag_of(m, "reachable") ? "reachable" : "unreachable", number_of(m, "lag"),
                     text_of(m, "address", address, sizeof address),
                     text_of(m, "peer_id", peer, sizeof peer));
    }
}

enum pando_status run_log_members(const struct args *args, struct pando_err *reterr)
{
    json_t *answer = NULL;
    const enum pando_status st =
        reach_call(args, "log.members", log_question(args), &answer, reterr);
    if (st == PANDO_OK && !args->json)
        print_members(answer);
    json_decref(answer);
    return st;
}

enum pando_status run_log_stat(const struct args *args, struct pando_err *reterr)
{
    json_t *s = NULL;
    char name[80], role[32], leader[80], why[200];
    const enum pando_status st = reach_call(args, "log.status", log_question(args), &s, reterr);
    if (st == PANDO_OK && !args->json) {
        (void)text_of(s, "leader_name", leader, sizeof leader);
        (void)text_of(s, "why", why, sizeof why);
        (void)printf("Member: %s (id %lld)\nRole: %s\nLeader: %s\nTerm: %lld\n",
                     text_of(s, "name", name, sizeof name), number_of(s, "id"),
                     text_of(s, "role", role, sizeof role), leader[0] != '\0' ? leader : "Unknown",
                     number_of(s, "term"));
        (void)printf("Committed: %lld\nApplied: %lld\nEntries: %lld to %lld\nElections: %lld\n",
                     number_of(s, "commit"), number_of(s, "applied"), number_of(s, "first_index"),
                     number_of(s, "last_index"), number_of(s, "elections"));
        if (flag_of(s, "quorum"))
            (void)printf("Quorum: yes (%lld of %lld voters reachable)\n", chat_reachable(s),
                         number_of(s, "voters"));
        else
            (void)printf("Quorum: no%s%s\n", why[0] != '\0' ? ": " : "", why);
        print_members(s);
    }
    json_decref(s);
    return st;
}

enum pando_status run_log_rooms(const struct args *args, struct pando_err *reterr)
{
    json_t *answer = NULL, *room;
    size_t i;
    char name[80];
    const enum pando_status st = reach_call(args, "log.rooms", log_question(args), &answer, reterr);
    if (st == PANDO_OK && !args->json)
        json_array_foreach(json_object_get(answer, "rooms"), i, room)(void)
            printf("%-24s %lld messages, seq %lld to %lld\n", text_of(room, "name", name, sizeof name),
                   number_of(room, "messages"), number_of(room, "first"), number_of(room, "last"));
    json_decref(answer);
    return st;
}

enum pando_status run_log_transfer(const struct args *args, struct pando_err *reterr)
{
    json_t *answer = NULL, *question = log_question(args);
    const enum pando_status bad =
        args->words_len > 0 ? log_put_number(question, "to", args->words[0], 1, reterr) : PANDO_OK;
    if (bad != PANDO_OK) {
        json_decref(question);
        return bad;
    }
    const enum pando_status st = reach_call(args, "log.transfer", question, &answer, reterr);
    if (st == PANDO_OK && !args->json && number_of(answer, "leader") > 0)
        (void)printf("Member %lld leads now.\n", number_of(answer, "leader"));
    else if (st == PANDO_OK && !args->json)
        (void)printf("The lead is being handed over; pando log stat tells who has it.\n");
    json_decref(answer);
    return st;
}

enum pando_status run_log_leave(const struct args *args, struct pando_err *reterr)
{
    json_t *answer = NULL;
    const enum pando_status st = reach_call(args, "log.leave", log_question(args), &answer, reterr);
    if (st == PANDO_OK && !args->json)
        (void)printf("The group has agreed: this node is no member any more.\n");
    json_decref(answer);
    return st;
}

enum pando_status run_log_remove(const struct args *args, struct pando_err *reterr)
{
    json_t *answer = NULL, *question = log_question(args);
    const enum pando_status bad = log_put_number(question, "id", args->words[0], 1, reterr);
    if (bad != PANDO_OK) {
        json_decref(question);
        return bad;
    }
    const enum pando_status st = reach_call(args, "log.remove", question, &answer, reterr);
    if (st == PANDO_OK && !args->json)
        (void)printf("Member %s is out of the group.\n", args->words[0]);
    json_decref(answer);
    return st;
}

enum pando_status run_log_recover(const struct args *args, struct pando_err *reterr)
{
    const char *members = args_value(args, OPT_MEMBERS, NULL);
    json_t *answer = NULL;
    if (!args_has(args, OPT_UNSAFE))
        return pando_err_set(
            reterr, PANDO_REFUSED,
            "messages that only the lost members hold would be gone, and two groups would "
            "live if those members do. Bring a majority back instead; if they are lost "
            "for good, say --unsafe");
    if (members == NULL)
        return pando_err_set(reterr, PANDO_INVALID,
                             "--members 1,2 says who is left: the new group is these, this node "
                             "among them");
    json_t *question = log_question(args);
    (void)json_object_set_new(question, "unsafe", json_true());
    enum pando_status st = log_put_members(question, members, reterr);
    if (st != PANDO_OK) {
        json_decref(question);
        return st;
    }
    st = reach_call(args, "log.recover", question, &answer, reterr);
    if (st == PANDO_OK && !args->json)
        (void)printf("The group is now %s. Delete the data of the lost members before one of "
                     "them starts again.\n", members);
    json_decref(answer);
    return st;
}
