/* reach.h - which node a command speaks to, and asking it.
 *
 * --data DIR, else --node NAME|HOST:PORT, else $PANDO_DATA, else the only running node of
 * this user (the registry of running nodes); several: an error that lists them. Where the
 * data folder is known and no node runs on it, verbs that need no live node are answered
 * in this process.
 */
#ifndef APPS_PANDO_REACH_H
#define APPS_PANDO_REACH_H

#include "api/client.h"
#include "apps/pando/command.h"
#include "node/config.h"

#include <jansson.h>

struct reach {
    struct client_target target;
    char data[CONFIG_PATH_MAX]; /* "" for a node elsewhere */
    char socket[CONFIG_PATH_MAX + 16];
    char host[256];
    char name[64];
    char token[CONFIG_TEXT_MAX];
};

/* Choose the node. Errors: PANDO_UNAVAILABLE none runs; PANDO_NOT_FOUND no running node
 * of that name; PANDO_INVALID several run: named in the text. */
enum pando_status reach_find(const struct args *args, struct reach *ret_reach,
                             struct pando_err *reterr) PANDO_MUST_USE;
/* Ask a chosen node. `stream` NULL: the whole body goes to `ret_body`. */
enum pando_status reach_ask(const struct reach *reach, const char *verb,
                            const json_t *args, const struct client_stream *stream,
                            struct pando_buf *ret_body,
                            struct pando_err *reterr) PANDO_MUST_USE;
/* The same with arguments that are bytes already. */
enum pando_status reach_ask_bytes(const struct reach *reach, const char *verb,
                                  struct pando_slice args, const struct client_stream *stream,
                                  struct pando_buf *ret_body,
                                  struct pando_err *reterr) PANDO_MUST_USE;
/* Find, ask, parse; `question` is consumed. The caller gives the answer back with
 * json_decref. With --json the answer was printed already. */
enum pando_status reach_call(const struct args *args, const char *verb, json_t *question,
                             json_t **ret_answer,
                             struct pando_err *reterr) PANDO_MUST_USE;
/* The same for an answer that is best read as it is: it is printed. */
enum pando_status reach_show(const struct args *args, const char *verb, json_t *question,
                             struct pando_err *reterr) PANDO_MUST_USE;
/* The data folder of --data, --db or $PANDO_DATA; NULL when none was named. */
const char *reach_data(const struct args *args);
/* The config of a data folder: defaults, then its config.yml if there is one. */
enum pando_status reach_config(const char *data, struct config *ret_config,
                               struct pando_err *reterr) PANDO_MUST_USE;

#endif
