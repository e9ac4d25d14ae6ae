#include "apps/pando/help.h"

#include "apps/pando/command.h"
#include "node/config.h"

#include <string.h>

static void line(FILE *to, const struct command *c)
{
    char name[48];
    (void)snprintf(name, sizeof name, "%s%s%s", c->name, c->alias != NULL ? ", " : "",
                   c->alias != NULL ? c->alias : "");
    (void)fprintf(to, "  %-22s %s\n", name, c->summary);
}

void help_all(FILE *to)
{
    (void)fprintf(
        to, "Pando: peer-to-peer nodes with shared state and no server.\n\n"
            "Usage: pando COMMAND [OPTIONS]   (pando COMMAND --help tells more)\n\n");
    for (size_t i = 0; i < commands_len; i++)
        line(to, &commands[i]);
    (void)fprintf(
        to, "\nWhich node a command speaks to: --data DIR, else --node NAME|HOST:PORT, "
            "else\n$PANDO_DATA, else the only running node of this user.\n"
            "Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 refused by policy,\n"
            "5 unavailable, 6 timeout, 7 integrity.\n\n"
            "Start here:\n"
            "  pando node --port 9000 --name node1\n"
            "  pando node --port 9001 --name node2 --peer 127.0.0.1:9000\n"
            "  pando status --node node1\n");
}

void help_group(FILE *to, const char *group)
{
    const size_t len = strlen(group);
    (void)fprintf(to, "Usage: pando %s COMMAND [OPTIONS]\n\n", group);
    for (size_t i = 0; i < commands_len; i++)
        if (strncmp(commands[i].name, group, len) == 0 && commands[i].name[len] == ' ')
            line(to, &commands[i]);
}

static void markdown_options(FILE *to, const struct command *c)
{
    struct option_set set;
    command_options(c, &set);
    (void)fprintf(to, "| option | meaning |\n| --- | --- |\n");
    for (const struct argp_option *o = set.rows; !option_is_end(o); o++) {
        if (o->name == NULL) {
            (void)fprintf(to, "| `-%c %s` | %s |\n", o->key, o->arg, o->doc);
            continue;
        }
        (void)fprintf(to, "| `");
        const bool may = (o->flags & OPTION_ARG_OPTIONAL) != 0;
        (void)fprintf(to, "--%s%s", o->name, o->arg == NULL ? "" : may ? "[=" : "=");
        for (const char *at = o->arg != NULL ? o->arg : ""; *at != '\0'; at++)
            (void)fprintf(to, "%s%c", *at == '|' ? "\\" : "", *at);
        (void)fprintf(to, "%s` | %s |\n", may ? "]" : "", o->doc);
    }
}

static void markdown_command(FILE *to, const struct command *c)
{
    (void)fprintf(to, "\n## pando %s\n\n%s.%s%s", c->name, c->summary,
                  c->alias != NULL ? " Alias: " : "", c->alias != NULL ? c->alias : "");
    (void)fprintf(to, "\n\n    pando %s%s%s [OPTIONS]\n\n", c->name,
                  c->usage[0] != '\0' ? " " : "", c->usage);
    if (c->more != NULL)
        (void)fprintf(to, "%s\n\n", c->more);
    markdown_options(to, c);
    (void)fprintf(to, "\n```sh\n%s```\n", c->examples);
}

void help_markdown(FILE *to)
{
    struct pando_buf keys;
    (void)fprintf(
        to, "# Commands\n\n<!-- Written by `pando help --markdown`; a test keeps it "
            "current. -->\n\n"
            "Which node a command speaks to: `--data DIR`, else `--node "
            "NAME|HOST:PORT`, else\n`$PANDO_DATA`, else the only running node of this "
            "user. Exit codes: 0 ok, 1 failed, 2 usage,\n3 not found, 4 refused by "
            "policy, 5 unavailable, 6 timeout, 7 integrity.\n");
    for (size_t i = 0; i < commands_len; i++)
        markdown_command(to, &commands[i]);
    (void)fprintf(to, "\n## Keys of config.yml\n\n"
                      "Each key is also an option of `pando node`: `log.rotate_mb` is "
                      "`--log-rotate-mb`.\n\n");
    buf_init(&keys, 1u << 20);
    if (config_explain(NULL, NULL, CONFIG_EXPLAIN_MARKDOWN, &keys) == PANDO_OK)
        (void)fprintf(to, "%.*s", (int)keys.len, (const char *)keys.ptr);
    buf_deinit(&keys);
}
