/* delta_args.h - what the commands of the families `pando delta` and `pando link` take alike. */
#ifndef APPS_PANDO_DELTA_ARGS_H
#define APPS_PANDO_DELTA_ARGS_H

#include "apps/pando/command.h"
#include "apps/pando/reach.h"

#include <jansson.h>

/* Options of a filter, for tables of options; the rest of the table follows. */
#define DELTA_FILTER_OPTIONS(GROUP)                                                          \
    { "filter", OPT_FILTER, "JSON", 0,                                                       \
      "A filter as JSON: ids, targetIds, targetContexts, authors, systems, "                 \
      "timestampRange, includeNegated",                                                      \
      GROUP },                                                                               \
        { "author", OPT_AUTHOR, "AUTHOR", 0, "Only of this author; may repeat", GROUP },     \
        { "system", OPT_SYSTEM, "SYSTEM", 0, "Only of this system; may repeat", GROUP },     \
        { "target", OPT_TARGET, "ID", 0, "Only about this object; may repeat", GROUP },      \
        { "context", OPT_CONTEXT, "NAME", 0, "Only in this context; may repeat", GROUP },    \
        { "since", OPT_SINCE, "TIME", 0, "Not before: ms since 1970, 2026-11-28T12:00Z, 24h ago " \
          "as 24h", GROUP },                                                                 \
        { "until", OPT_UNTIL, "TIME", 0, "Not after", GROUP },                               \
    {                                                                                        \
        "include-negated", OPT_NEGATED, NULL, 0, "Negated deltas too", GROUP                 \
    }

/* {"space":...} with what --space says. */
json_t *delta_question(const struct args *args);
/* A time as people write it: ms since 1970, "now", 2026-11-28, 2026-11-28T12:00:00.5Z (without
 * Z: local), or how long ago: 90s, 30m, 24h, 7d; a minus before it is allowed.
 * Errors: PANDO_INVALID, `name` stands in the text. */
enum pando_status delta_time(const char *name, const char *text, long long *ret_ms,
                             struct pando_err *reterr) PANDO_MUST_USE;
/* The option's time into the question, if it was given. */
enum pando_status delta_put_time(const struct args *args, int option, const char *name,
                                 const char *key, json_t *question,
                                 struct pando_err *reterr) PANDO_MUST_USE;
enum pando_status delta_put_number(const struct args *args, int option, const char *name,
                                   long long low, const char *key, json_t *question,
                                   struct pando_err *reterr) PANDO_MUST_USE;
void delta_put_text(const struct args *args, int option, const char *key, json_t *question);
/* Every value of an option that may repeat, as a list under `key`; nothing when there is none. */
void delta_put_list(const struct args *args, int option, const char *key, json_t *object);
/* JSON text, @FILE or - for standard input. Errors: PANDO_INVALID names the column. */
enum pando_status delta_json(const char *name, const char *text, json_t **ret,
                             struct pando_err *reterr) PANDO_MUST_USE;
/* The filter options as "filter", unless they let everything pass. */
enum pando_status delta_put_filter(const struct args *args, json_t *question,
                                   struct pando_err *reterr) PANDO_MUST_USE;
/* delta_pointer.c: ROLE=TARGET as a pointer. Errors: PANDO_INVALID. */
enum pando_status delta_pointer(const char *text, json_t **ret,
                                struct pando_err *reterr) PANDO_MUST_USE;
/* Ask a chosen node and parse; `question` stays the caller's, nothing is printed. */
enum pando_status delta_ask(const struct reach *reach, const char *verb, const json_t *question,
                            json_t **ret_answer, struct pando_err *reterr) PANDO_MUST_USE;
/* Ask and, without --json, print the answer indented. Consumes `question`. */
enum pando_status delta_show(const struct args *args, const char *verb, json_t *question,
                             struct pando_err *reterr) PANDO_MUST_USE;

#endif
