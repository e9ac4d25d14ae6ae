/* log_args.h - what the commands of the family `pando log` take alike. */
#ifndef APPS_PANDO_LOG_ARGS_H
#define APPS_PANDO_LOG_ARGS_H

#include "apps/pando/command.h"

#include <jansson.h>

/* {"space":...,"room":...} with what the options say. */
json_t *log_question(const struct args *args);
/* `text` as a number of at least `low` into the question. Errors: PANDO_INVALID. */
enum pando_status log_put_number(json_t *question, const char *key, const char *text, long long low,
                                 struct pando_err *reterr) PANDO_MUST_USE;
/* "1,2,3" as "members". Errors: PANDO_INVALID. */
enum pando_status log_put_members(json_t *question, const char *text,
                                  struct pando_err *reterr) PANDO_MUST_USE;

#endif
