/* main.c - find the command, read its options, run it, turn its status into an exit code.
 */
#include "apps/pando/command.h"

#include "apps/pando/help.h"
#include "base/near.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* "peer ls" before "peer": the longest name that fits. */
static const struct command *find(int argc, char **argv, int *ret_used)
{
    char two[80];
    if (argc > 2) {
        (void)snprintf(two, sizeof two, "%.30s %.30s", argv[1], argv[2]);
        const struct command *c = command_find(two);
        *ret_used = 3;
        if (c != NULL)
            return c;
    }
    *ret_used = 2;
    return command_find(argv[1]);
}

static bool is_group(const char *word)
{
    const size_t len = strlen(word);
    for (size_t i = 0; i < commands_len; i++)
        if (strncmp(commands[i].name, word, len) == 0 && commands[i].name[len] == ' ')
            return true;
    return false;
}

static int unknown(int argc, char **argv)
{
    char word[80];
    if (is_group(argv[1]) && (argc < 3 || argv[2][0] == '-')) {
        const bool asked = argc > 2 && strcmp(argv[2], "--help") == 0;
        help_group(asked ? stdout : stderr, argv[1]);
        return asked ? 0 : pando_status_exit(PANDO_INVALID);
    }
    (void)snprintf(word, sizeof word, is_group(argv[1]) ? "%.30s %.30s" : "%.60s",
                   argv[1], argc > 2 ? argv[2] : "");
    struct near_search near = { .word = word };
    for (size_t i = 0; i < commands_len; i++) {
        near_offer(&near, commands[i].name);
        if (commands[i].alias != NULL)
            near_offer(&near, commands[i].alias);
        if (near.best == NULL && strchr(commands[i].name, ' ') != NULL) {
            char group[32];
            (void)snprintf(group, sizeof group, "%.*s",
                           (int)strcspn(commands[i].name, " "), commands[i].name);
            if (near_distance(group, argv[1]) == 1)
                near.best = commands[i].name;
        }
    }
    (void)fprintf(stderr, "pando: there is no command '%s'", word);
    if (near.best != NULL)
        (void)fprintf(stderr, "; did you mean 'pando %s'?\n", near.best);
    else
        (void)fprintf(stderr, "; see pando --help\n");
    return pando_status_exit(PANDO_INVALID);
}

int main(int argc, char **argv)
{
    struct pando_err err = { 0 };
    struct args args;
    int used = 0;
#ifdef M_ARENA_MAX
    /* One heap for all threads: glibc enlarges the others by single pages, a system call each,
     * while the index is written, and keeps what they freed. */
    (void)mallopt(M_ARENA_MAX, 1);
#endif
    (void)signal(SIGPIPE, SIG_IGN); /* `pando dag ls | head` ends by a failing write */
    if (argc < 2) {
        help_all(stderr);
        return pando_status_exit(PANDO_INVALID);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        help_all(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        (void)printf("pando %s\n", PANDO_VERSION);
        return 0;
    }
    const struct command *command = find(argc, argv, &used);
    if (command == NULL)
        return unknown(argc, argv);
    enum pando_status st =
        args_read(command, argc - used + 1, argv + used - 1, &args, &err);
    if (st == PANDO_OK)
        st = command->run(&args, &err);
    if (st != PANDO_OK)
        (void)fprintf(stderr, "pando %s: %s\n", command->name,
                      err.text[0] != '\0' ? err.text : pando_status_text(st));
    if (fflush(stdout) != 0 && st == PANDO_OK)
        st = PANDO_IO;
    return pando_status_exit(st);
}
