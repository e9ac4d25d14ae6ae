/* cmd_help.c - help by word, the Markdown of all of it, and completions for bash. */
#include "apps/pando/commands.h"

#include "apps/pando/help.h"

#include <stdio.h>
#include <string.h>

enum pando_status run_help(const struct args *args, struct pando_err *reterr)
{
    char name[80];
    struct args unused;
    if (args_has(args, OPT_MARKDOWN)) {
        help_markdown(stdout);
        return PANDO_OK;
    }
    if (args->words_len == 0) {
        help_all(stdout);
        return PANDO_OK;
    }
    (void)snprintf(name, sizeof name, "%.30s%s%.30s", args->words[0],
                   args->words_len > 1 ? " " : "",
                   args->words_len > 1 ? args->words[1] : "");
    const struct command *command = command_find(name);
    if (command == NULL)
        return pando_err_set(reterr, PANDO_NOT_FOUND, "there is no command '%s'", name);
    char program[] = "pando", option[] = "--help";
    char *argv[] = { program, option, NULL };
    return args_read(command, 2, argv, &unused, reterr); /* prints and ends the process */
}

static void print_words(const struct command *c)
{
    struct option_set set;
    command_options(c, &set);
    (void)printf("    '%s') words='", c->name);
    for (const struct argp_option *o = set.rows; !option_is_end(o); o++)
        if (o->name != NULL)
            (void)printf("--%s ", o->name);
    (void)printf("--help' ;;\n");
}

enum pando_status run_completions(const struct args *args, struct pando_err *reterr)
{
    if (strcmp(args->words[0], "bash") != 0)
        return pando_err_set(reterr, PANDO_UNSUPPORTED,
                             "completions are written for bash");
    (void)printf(
        "# source <(pando completions bash)\n_pando() {\n"
        "  local word=${COMP_WORDS[COMP_CWORD]} words=''\n"
        "  local one=${COMP_WORDS[1]} two=\"${COMP_WORDS[1]} ${COMP_WORDS[2]}\"\n"
        "  case $two in\n");
    for (size_t i = 0; i < commands_len; i++)
        if (strchr(commands[i].name, ' ') != NULL)
            print_words(&commands[i]);
    (void)printf("    *) case $one in\n");
    for (size_t i = 0; i < commands_len; i++)
        if (strchr(commands[i].name, ' ') == NULL)
            print_words(&commands[i]);
    (void)printf("    esac ;;\n  esac\n  if [ \"$COMP_CWORD\" = 1 ]; then words='");
    for (size_t i = 0; i < commands_len; i++) {
        const size_t len = strcspn(commands[i].name, " ");
        if (i == 0 || strncmp(commands[i - 1].name, commands[i].name, len + 1) != 0 ||
            commands[i].name[len] == '\0')
            (void)printf("%.*s ", (int)len, commands[i].name);
    }
    (void)printf(
        "'; fi\n  if [ \"$COMP_CWORD\" = 2 ] && [ -z \"$words\" ]; then case $one in\n");
    for (size_t i = 0; i < commands_len; i++) {
        const char *space = strchr(commands[i].name, ' ');
        if (space != NULL)
            (void)printf("    %.*s) words=\"$words %s\" ;;&\n",
                         (int)(space - commands[i].name), commands[i].name, space + 1);
    }
    (void)printf(
        "  esac; fi\n  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
        "  [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- \"$word\"))\n}\n"
        "complete -o filenames -F _pando pando\n");
    return PANDO_OK;
}
