/* command.h - what a command is: one row of the table in table.c, one function.
 *
 * A command declares its options as argp options; their values arrive as a list, in the
 * order given, so that a command is a short function that reads what it needs. Every
 * command also takes the common ones: --json, and where it speaks to a node --data,
 * --node,
 * --token and --timeout. --help is made from the row, examples included.
 */
#ifndef APPS_PANDO_COMMAND_H
#define APPS_PANDO_COMMAND_H

#include <pando/status.h>
#include <pando/types.h>

#include <argp.h>

#define ARGS_ITEMS_MAX 256
#define ARGS_WORDS_MAX 16
#define OPT_CONFIG_KEY 0x1000 /* + index of a key of node/config_schema.h */

enum option_id {
    OPT_DATA = 0x200,
    OPT_NODE,
    OPT_TOKEN,
    OPT_TIMEOUT,
    OPT_JSON,
    OPT_METRICS,
    OPT_SHOW_RECEIPT,
    OPT_LIMITS,
    OPT_NO_STORE,
    OPT_SPACE,
    OPT_RAW,
    OPT_REPLAY,
    OPT_MAX_AGE,
    OPT_LIMIT,
    OPT_SINCE,
    OPT_KIND,
    OPT_AUTHOR,
    OPT_OUT,
    OPT_REASON,
    OPT_ID,
    OPT_SPACE_CONFIG,
    OPT_ACCESS,
    OPT_NAME,
    OPT_TEMPLATE,
    OPT_FILE,
    OPT_MARKDOWN,
    OPT_DB,
    OPT_PEER,
    OPT_QUIET,
    OPT_INPUT_FILE,
    OPT_SEED,
    OPT_SCENARIO,
    OPT_NODES,
    OPT_SEEDS,
    OPT_SECONDS,
    OPT_PLANT,
    OPT_TRACE,
    OPT_LIST,
    OPT_PORT,
    OPT_HOST,
    OPT_ROOM,
    OPT_LOG_DIR,
    OPT_VERBOSE,
    OPT_PLAIN,
    OPT_FOUND,
    OPT_JOIN,
    OPT_MEMBERS,
    OPT_FROM,
    OPT_LINEAR,
    OPT_UNSAFE,
    OPT_PEERS,
    OPT_MESSAGES,
    OPT_KILL_LEADER,
    OPT_BASE_PORT,
    OPT_RATE,
    OPT_COUNT,
    OPT_CHECK,
    OPT_CLIENT_ID,
    OPT_EVERY,
    OPT_FILTER,
    OPT_SYSTEM,
    OPT_TARGET,
    OPT_CONTEXT,
    OPT_UNTIL,
    OPT_NEGATED,
    OPT_POINTER,
    OPT_TIME,
    OPT_ABSENT,
    OPT_AT,
    OPT_CURSOR,
    OPT_DESCENDING,
    OPT_SCHEMA,
    OPT_VIEW,
    OPT_IS_VIEW,
    OPT_BEFORE,
    OPT_MODE,
    OPT_INITIAL,
    OPT_PUSH_FILTER,
    OPT_PULL_FILTER,
    OPT_TRUST_AUTHOR,
    OPT_TRUST_SYSTEM,
    OPT_TRUST_CAPSULE,
    OPT_RECONNECT_MAX,
    OPT_RECONNECT_INITIAL,
    OPT_RECONNECT_MAX_DELAY,
    OPT_RECONNECT_BACKOFF,
    OPT_NO_RECONNECT,
    OPT_DETACH,
    OPT_DELTA,
    OPT_FEDERATION,
    OPT_NONE, /* no option has it */
};

struct args {
    const struct command *command;
    struct {
        int key;
        const char *value; /* "" for a flag */
    } items[ARGS_ITEMS_MAX];
    size_t items_len;
    const char *words[ARGS_WORDS_MAX];
    size_t words_len;
    bool json;
};

/* The last value of an option, or `missing`. */
const char *args_value(const struct args *a, int key, const char *missing);
bool args_has(const struct args *a, int key);

enum command_needs {
    NEEDS_NOTHING, /* takes only --json */
    NEEDS_DATA,    /* a data directory: --data, $PANDO_DATA */
    NEEDS_NODE,    /* a node, running or not: --data, --node, --token, --timeout */
};

struct command {
    const char *name;  /* "peer ls" */
    const char *alias; /* or NULL */
    enum command_needs needs;
    size_t words_min, words_max;
    const char *usage; /* names of the words */
    const char *summary;
    const char *more;                  /* one paragraph, or NULL */
    const char *examples;              /* lines, each begins with "pando" */
    const struct argp_option *options; /* ends with {0}, or NULL */
    bool config_flags;                 /* takes every key of config.yml as a flag too */
    enum pando_status (*run)(const struct args *args, struct pando_err *reterr);
};

/* table.c */
extern const struct command commands[];
extern const size_t commands_len;
const struct command *command_find(const char *name);

/* options.c: parse words behind the command's name. Errors: PANDO_INVALID, told in reterr
 * with the nearest option. `--help` prints and exits. */
enum pando_status args_read(const struct command *command, int argc, char **argv,
                            struct args *ret_args, struct pando_err *reterr);
/* All options of a command, common ones included; ends with {0}. */
#define OPTIONS_MAX 96
struct option_set {
    struct argp_option rows[OPTIONS_MAX];
    char names[OPTIONS_MAX][32]; /* of config flags */
};
void command_options(const struct command *command, struct option_set *ret_set);
static inline bool option_is_end(const struct argp_option *o)
{
    return o->name == NULL && o->key == 0;
}

#endif
