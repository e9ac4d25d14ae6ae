/* cmd_chat.c - a member of a chat, in lines or on a whole terminal. */
#include "apps/pando/commands.h"

#include "apps/pando/chat/fronts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum pando_status number(const struct args *args, int option, const char *name,
                                unsigned long low, unsigned long high, unsigned long *ret,
                                struct pando_err *reterr)
{
    const char *text = args_value(args, option, NULL);
    char *end = NULL;
    if (text == NULL)
        return pando_err_set(reterr, PANDO_INVALID,
                             "--%s is missing: pando chat --id 1 --port 6001", name);
    const bool digits = text[0] >= '0' && text[0] <= '9';
    *ret = digits ? strtoul(text, &end, 10) : 0;
    if (!digits || *end != '\0' || *ret < low || *ret > high)
        return pando_err_set(reterr, PANDO_INVALID, "--%s takes a number from %lu to %lu, not '%.40s'",
                             name, low, high, text);
    return PANDO_OK;
}

/* ID:HOST:PORT: the number in front is for people; the node is found by its address. */
static const char *seed_address(const char *seed)
{
    const size_t digits = strspn(seed, "0123456789");
    return digits > 0 && seed[digits] == ':' && strchr(seed + digits + 1, ':') != NULL
               ? seed + digits + 1
               : seed;
}

static enum pando_status read_options(const struct args *args, struct chat_options *o,
                                      struct pando_err *reterr)
{
    *o = (struct chat_options){ .host = args_value(args, OPT_HOST, "127.0.0.1"),
                                .room = args_value(args, OPT_ROOM, "general"),
                                .data = args_value(args, OPT_DATA, NULL),
                                .log_dir = args_value(args, OPT_LOG_DIR, "data/logs"),
                                .verbose = args_has(args, OPT_VERBOSE) };
    for (size_t i = 0; i < args->items_len; i++) {
        if (args->items[i].key != OPT_SEED)
            continue;
        if (o->seeds_len == CHAT_SEEDS_MAX)
            return pando_err_set(reterr, PANDO_INVALID, "at most %d seeds", CHAT_SEEDS_MAX);
        o->seeds[o->seeds_len++] = seed_address(args->items[i].value);
    }
    if (o->room[0] == '\0' || strlen(o->room) > 64)
        return pando_err_set(reterr, PANDO_INVALID, "--room takes a name of 1 to 64 bytes");
    const enum pando_status st = number(args, OPT_ID, "id", 1, 999999999, &o->id, reterr);
    return st == PANDO_OK ? number(args, OPT_PORT, "port", 1, 65535, &o->port, reterr) : st;
}

enum pando_status run_chat(const struct args *args, struct pando_err *reterr)
{
    struct chat_options options;
    const enum pando_status st = read_options(args, &options, reterr);
    const char *term = getenv("TERM");
    if (st != PANDO_OK)
        return st;
    const bool screen = !args_has(args, OPT_PLAIN) && isatty(STDIN_FILENO) &&
                        isatty(STDOUT_FILENO) && term != NULL && strcmp(term, "dumb") != 0;
    options.live = screen;
    return screen ? chat_screen(&options, reterr) : chat_lines(&options, reterr);
}
