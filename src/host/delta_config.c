/* delta_config.c - the groups delta and federation of config.yml, as settings of delta spaces.
 *
 * What a space's own settings say counts before. federation.links go to the space that a link
 * names, else to the first delta space of the config.
 */
#include "host/state.h"

#include "space/delta/spelling.h"

#include <jansson.h>
#include <string.h>

static enum pando_status read_group(const char *key, const char *text, json_t **ret,
                                    struct pando_err *reterr)
{
    json_error_t problem;
    struct pando_err inner = { .text = "" };
    *ret = json_loads(text, JSON_REJECT_DUPLICATES, &problem);
    if (*ret == NULL)
        return pando_err_set(reterr, PANDO_INVALID, "config: %s: column %d: %s", key,
                             problem.column, problem.text);
    const enum pando_status st = spelling_camel(*ret, &inner);
    if (st == PANDO_OK)
        return st;
    json_decref(*ret);
    *ret = NULL;
    return pando_err_set(reterr, st, "config: %s: %s", key, inner.text);
}

static const char *first_delta_space(const struct config *c)
{
    for (size_t i = 0; i < c->spaces.len; i++)
        if (strcmp(c->spaces.items[i].kind, "delta") == 0)
            return c->spaces.items[i].name;
    return "";
}

static bool is_delta_space(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->spaces.len; i++)
        if (strcmp(c->spaces.items[i].kind, "delta") == 0 &&
            strcmp(c->spaces.items[i].name, name) == 0)
            return true;
    return false;
}

/* Those links that are this space's, without the name of the space. */
static enum pando_status pick_links(const struct config *c, const char *name, const json_t *links,
                                    json_t *ret, struct pando_err *reterr)
{
    size_t i;
    json_t *link;
    json_array_foreach(links, i, link) {
        const json_t *space = json_object_get(link, "space");
        const char *whose = space == NULL ? first_delta_space(c) : json_string_value(space);
        if (!json_is_object(link) || whose == NULL || !is_delta_space(c, whose))
            return pando_err_set(reterr, PANDO_INVALID,
                                 "config: federation.links[%zu] must be a mapping with a url; its "
                                 "space, if it names one, must be a delta space of this config",
                                 i);
        if (strcmp(whose, name) != 0)
            continue;
        json_t *own = json_deep_copy(link);
        (void)json_object_del(own, "space");
        (void)json_array_append_new(ret, own);
    }
    return PANDO_OK;
}

/* Links of the space's own settings and of the config, with the usual way to reconnect. */
static enum pando_status put_links(const struct config *c, const char *name, json_t *settings,
                                   struct pando_err *reterr)
{
    json_t *links = NULL, *reconnect = NULL, *mine = json_array(), *link;
    size_t i;
    enum pando_status st = read_group("federation.links", c->federation.links, &links, reterr);
    if (st == PANDO_OK)
        st = read_group("federation.reconnect", c->federation.reconnect, &reconnect, reterr);
    if (st == PANDO_OK && json_is_array(json_object_get(settings, "links")))
        (void)json_array_extend(mine, json_object_get(settings, "links"));
    if (st == PANDO_OK)
        st = pick_links(c, name, links, mine, reterr);
    json_array_foreach(mine, i, link)
        if (json_object_size(reconnect) > 0 && json_object_get(link, "reconnect") == NULL)
            (void)json_object_set(link, "reconnect", reconnect);
    if (st == PANDO_OK && json_array_size(mine) > 0)
        (void)json_object_set(settings, "links", mine);
    json_decref(mine);
    json_decref(links);
    json_decref(reconnect);
    return st;
}

static enum pando_status put_trust(const struct config *c, json_t *usual, struct pando_err *reterr)
{
    json_t *trust = NULL;
    const enum pando_status st =
        read_group("federation.trust_policy", c->federation.trust_policy, &trust, reterr);
    if (st == PANDO_OK && json_object_size(trust) > 0)
        (void)json_object_set(usual, "trustPolicy", trust);
    json_decref(trust);
    return st;
}

/* One store holds them all: a space's own word may only agree. */
static enum pando_status check_storage(const struct config *c, const char *name, json_t *settings,
                                       struct pando_err *reterr)
{
    const char *all = c->delta.storage == CONFIG_STORAGE_MEMORY ? "memory" : "durable";
    const json_t *own = json_object_get(settings, "storage");
    if (own != NULL && (!json_is_string(own) || strcmp(json_string_value(own), all) != 0))
        return pando_err_set(reterr, PANDO_INVALID,
                             "config: settings of space %.63s: storage is one for all delta "
                             "spaces of a node: set delta.storage (now %s)",
                             name, all);
    (void)json_object_del(settings, "storage");
    return PANDO_OK;
}

enum pando_status host_delta_settings(const struct config *c, const struct config_space *space,
                                      json_t *settings, struct pando_err *reterr)
{
    struct pando_err inner = { .text = "" };
    enum pando_status st = spelling_camel(settings, &inner);
    if (st != PANDO_OK)
        return pando_err_set(reterr, st, "config: settings of space %.63s: %s", space->name,
                             inner.text);
    json_t *usual = json_pack("{s:b,s:i,s:b,s:i}", "enableServer", c->federation.enable_server,
                              "maxConnections", (int)c->federation.max_connections,
                              "autoBroadcast", c->federation.auto_broadcast, "cacheSize",
                              (int)c->delta.cache_size);
    if (c->delta.system_id[0] != '\0')
        (void)json_object_set_new(usual, "systemId", json_string(c->delta.system_id));
    if (c->delta.author[0] != '\0')
        (void)json_object_set_new(usual, "author", json_string(c->delta.author));
    st = check_storage(c, space->name, settings, reterr);
    if (st == PANDO_OK)
        st = put_trust(c, usual, reterr);
    (void)json_object_update_missing(settings, usual);
    json_decref(usual);
    return st == PANDO_OK ? put_links(c, space->name, settings, reterr) : st;
}
