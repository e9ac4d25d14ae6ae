/* delta_db.c - opening and closing a database: its config as that of a node. */
#include "host/delta_db.h"

#include "base/slice.h"
#include "host/host.h"
#include "node/config.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    (void)remove(path);
    return 0;
}

static json_t *names(const char *const *items, size_t len)
{
    json_t *list = json_array();
    for (size_t i = 0; i < len; i++)
        if (json_array_append_new(list, json_string(items[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

json_t *delta_db_trust(const struct pando_delta_trust *trust)
{
    json_t *t = json_object();
    bool good = t != NULL;
    if (trust->authors_len > 0)
        good &= json_object_set_new(t, "trustedAuthors",
                                    names(trust->authors, trust->authors_len)) == 0;
    if (trust->systems_len > 0)
        good &= json_object_set_new(t, "trustedSystems",
                                    names(trust->systems, trust->systems_len)) == 0;
    if (trust->capsule != NULL)
        good &= json_object_set_new(t, "capsule", json_string(trust->capsule)) == 0;
    if (good)
        return t;
    json_decref(t);
    return NULL;
}

static enum pando_status set(struct config *c, const char *key, const char *value,
                             struct pando_err *reterr)
{
    return value == NULL ? PANDO_OK : config_set(c, key, value, reterr);
}

static enum pando_status set_number(struct config *c, const char *key, unsigned value,
                                    struct pando_err *reterr)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%u", value);
    return config_set(c, key, text, reterr);
}

static enum pando_status set_trust(struct config *c, const struct pando_delta_trust *trust,
                                   struct pando_err *reterr)
{
    json_t *json = delta_db_trust(trust);
    char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
    json_decref(json);
    if (text == NULL)
        return pando_err_set(reterr, PANDO_INVALID, "federation.trust: a name is not UTF-8");
    const enum pando_status st = config_set(c, "federation.trust_policy", text, reterr);
    free(text);
    return st;
}

/* The system's name where it can name a node. */
static const char *node_name(const char *system_id)
{
    const size_t len = strlen(system_id);
    return len > 0 && len < 64 && strchr(system_id, '/') == NULL && system_id[0] != '.' ? system_id
                                                                                        : "pando";
}

static enum pando_status take_federation(const struct pando_delta_config *in, struct config *c,
                                         struct pando_err *reterr)
{
    enum pando_status st = set(c, "federation.enable_server",
                               in->federation.enable_server ? "yes" : "no", reterr);
    if (st == PANDO_OK)
        st = set_number(c, "federation.port", in->federation.port, reterr);
    if (st == PANDO_OK)
        st = set(c, "http_listen", in->federation.listen, reterr);
    if (st == PANDO_OK)
        st = set(c, "federation.path", in->federation.path, reterr);
    if (st == PANDO_OK && in->federation.max_connections != 0)
        st = set_number(c, "federation.max_connections", in->federation.max_connections, reterr);
    if (st == PANDO_OK)
        st = set(c, "federation.auto_broadcast", in->federation.auto_broadcast ? "yes" : "no",
                 reterr);
    return st == PANDO_OK ? set_trust(c, &in->federation.trust, reterr) : st;
}

static enum pando_status take_config(const struct pando_delta_config *in, const char *data,
                                     struct config *c, struct pando_err *reterr)
{
    const char *system_id = in->system_id != NULL ? in->system_id : "pando";
    config_init(c);
    enum pando_status st = set(c, "data", data, reterr);
    if (st == PANDO_OK)
        st = set(c, "name", node_name(system_id), reterr);
    if (st == PANDO_OK)
        st = set(c, "listen", "127.0.0.1", reterr); /* links are WebSockets here */
    if (st == PANDO_OK)
        st = set(c, "port", "0", reterr);
    if (st == PANDO_OK)
        st = set(c, "log.level", in->log_level == NULL ? "warning" : in->log_level, reterr);
    if (st == PANDO_OK)
        st = set(c, "delta.space", in->space == NULL ? "deltas" : in->space, reterr);
    if (st == PANDO_OK)
        st = set(c, "delta.storage", in->storage == PANDO_DELTA_MEMORY ? "memory" : "durable",
                 reterr);
    if (st == PANDO_OK)
        st = set(c, "delta.system_id", system_id, reterr);
    if (st == PANDO_OK)
        st = set(c, "delta.author", in->author != NULL ? in->author : system_id, reterr);
    if (st == PANDO_OK && in->cache_size != 0)
        st = set_number(c, "delta.cache_size", in->cache_size, reterr);
    if (st == PANDO_OK)
        st = take_federation(in, c, reterr);
    return st == PANDO_OK ? config_finish(c, reterr) : st;
}

/* In memory, the key needs a place, too. */
static enum pando_status own_folder(struct pando_delta_db *db, struct pando_err *reterr)
{
    (void)snprintf(db->folder, sizeof db->folder, "/dev/shm/pando-db-XXXXXX");
    if (mkdtemp(db->folder) != NULL)
        return PANDO_OK;
    db->folder[0] = '\0';
    return pando_err_set(reterr, PANDO_IO, "a folder in /dev/shm cannot be made: %s",
                         strerror(errno));
}

static enum pando_status open_node(struct pando_delta_db *db,
                                   const struct pando_delta_config *config,
                                   struct pando_err *reterr)
{
    struct config *c = malloc(sizeof *c);
    enum pando_status st = PANDO_OK;
    if (c == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "memory is out");
    if (config->data == NULL && config->storage == PANDO_DELTA_MEMORY)
        st = own_folder(db, reterr);
    if (st == PANDO_OK)
        st = take_config(config, db->folder[0] != '\0' ? db->folder : config->data, c, reterr);
    if (st == PANDO_OK) {
        (void)snprintf(db->space, sizeof db->space, "%.63s", c->delta.space);
        st = host_node_open(c, NULL, &db->node, reterr);
    }
    if (st == PANDO_OK)
        st = pando_node_start(db->node, reterr);
    free(c);
    return st;
}

enum pando_status pando_delta_open(const struct pando_delta_config *config,
                                   struct pando_delta_db **ret, struct pando_err *reterr)
{
    if (config->size != sizeof *config)
        return pando_err_set(reterr, PANDO_UNSUPPORTED,
                             "config.size is %zu, this library wants %zu: use PANDO_DELTA_CONFIG "
                             "and rebuild",
                             config->size, sizeof *config);
    struct pando_delta_db *db = calloc(1, sizeof *db);
    if (db == NULL || uv_mutex_init(&db->lock) != 0) {
        free(db);
        return pando_err_set(reterr, PANDO_NOMEM, "memory is out");
    }
    if (uv_cond_init(&db->changed) != 0) {
        uv_mutex_destroy(&db->lock);
        free(db);
        return pando_err_set(reterr, PANDO_NOMEM, "memory is out");
    }
    const enum pando_status st = open_node(db, config, reterr);
    if (st == PANDO_OK)
        *ret = db;
    else
        pando_delta_close(db);
    return st;
}

void pando_delta_close(struct pando_delta_db *db)
{
    if (db == NULL)
        return;
    pando_node_close(db->node); /* the last word to every subscription */
    while (db->subscriptions != NULL) {
        struct pando_delta_subscription *next = db->subscriptions->next;
        free(db->subscriptions);
        db->subscriptions = next;
    }
    if (db->folder[0] != '\0')
        (void)nftw(db->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    uv_cond_destroy(&db->changed);
    uv_mutex_destroy(&db->lock);
    free(db);
}

struct pando_node *pando_delta_node(struct pando_delta_db *db)
{
    return db->node;
}

enum pando_status delta_db_ask(struct pando_delta_db *db, const char *verb, json_t *args,
                               char **ret_text, struct pando_err *reterr)
{
    char *text = NULL;
    if (args != NULL && json_object_set_new(args, "space", json_string(db->space)) == 0)
        text = json_dumps(args, JSON_COMPACT);
    json_decref(args);
    if (text == NULL)
        return pando_err_set(reterr, PANDO_INVALID, "%s: a text is not UTF-8, or memory is out",
                             verb);
    const enum pando_status st = pando_node_ask(db->node, verb, text, ret_text, reterr);
    free(text);
    return st;
}

enum pando_status delta_db_answer(struct pando_delta_db *db, const char *verb, json_t *args,
                                  json_t **ret, struct pando_err *reterr)
{
    char *text = NULL;
    const enum pando_status st = delta_db_ask(db, verb, args, &text, reterr);
    if (st != PANDO_OK)
        return st;
    *ret = json_loads(text, 0, NULL);
    free(text);
    return *ret != NULL ? PANDO_OK
                        : pando_err_set(reterr, PANDO_NOMEM, "%s: memory is out", verb);
}
