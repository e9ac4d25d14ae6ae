/* options.c - this node's own settings of a space; spaces.h says what each means. */
#include "space/delta/engine.h"

#include "base/slice.h"
#include "codec/json.h"
#include "space/delta/spelling.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum pando_status bad(struct pando_err *reterr, const char *name, const char *what)
{
    return pando_err_set(reterr, PANDO_INVALID, "delta: \"%s\" must be %s", name, what);
}

static enum pando_status load_text(const json_t *v, const char *name,
                                   char ret[DELTA_NAME_MAX + 1], struct pando_err *reterr)
{
    const size_t len = json_string_length(v);
    if (!json_is_string(v) || len == 0 || len > DELTA_NAME_MAX ||
        memchr(json_string_value(v), 0, len) != NULL)
        return bad(reterr, name, "a text of 1 to 512 bytes");
    memcpy(ret, json_string_value(v), len);
    ret[len] = '\0';
    return PANDO_OK;
}

static enum pando_status load_flag(const json_t *v, const char *name, bool *ret,
                                   struct pando_err *reterr)
{
    if (!json_is_boolean(v))
        return bad(reterr, name, "true or false");
    *ret = json_is_true(v);
    return PANDO_OK;
}

static enum pando_status load_number(const json_t *v, const char *name, int64_t low, int64_t high,
                                     uint64_t *ret, struct pando_err *reterr)
{
    const int64_t number = json_integer_value(v);
    if (!json_is_integer(v) || number < low || number > high)
        return pando_err_set(reterr, PANDO_INVALID,
                             "delta: \"%s\" must be a whole number from %lld to %lld", name,
                             (long long)low, (long long)high);
    *ret = (uint64_t)number;
    return PANDO_OK;
}

/* An error of a part, behind the name of the member that holds it. */
static enum pando_status within(struct pando_err *reterr, enum pando_status st, const char *name)
{
    struct pando_err inner = { .text = "" };
    if (st == PANDO_OK || reterr == NULL)
        return st;
    inner = *reterr;
    return pando_err_set(reterr, st, "delta: %s: %s", name, inner.text);
}

static enum pando_status load_link(const json_t *v, size_t index, struct deltas_options *o,
                                   struct pando_err *reterr)
{
    char name[32];
    struct deltas_link *link = &o->links[o->links_len];
    const struct pando_slice url = deltas_text_arg(v, "url");
    (void)snprintf(name, sizeof name, "links[%zu]", index);
    if (!json_is_object(v) || url.len == 0 || url.len > FED_URL_MAX)
        return bad(reterr, name, "an object with a \"url\"");
    enum pando_status st = fed_url_check(url, reterr);
    json_t *rest = json_copy((json_t *)v);
    (void)json_object_del(rest, "url");
    if (st == PANDO_OK)
        st = fed_config_from_json(rest, &link->config, reterr);
    json_decref(rest);
    if (st != PANDO_OK)
        return within(reterr, st, name);
    memcpy(link->url, url.ptr, url.len);
    link->url[url.len] = '\0';
    o->links_len++;
    return PANDO_OK;
}

static enum pando_status load_links(const json_t *v, struct deltas_options *o,
                                    struct pando_err *reterr)
{
    const size_t len = json_array_size(v);
    enum pando_status st = PANDO_OK;
    if (!json_is_array(v) || len > DELTAS_LINKS_MAX)
        return bad(reterr, "links", "a list of at most 64 links");
    o->links = calloc(len > 0 ? len : 1, sizeof *o->links);
    if (o->links == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "delta: memory is out");
    for (size_t i = 0; st == PANDO_OK && i < len; i++)
        st = load_link(json_array_get(v, i), i, o, reterr);
    return st;
}

static enum pando_status load_one(const char *name, const json_t *v, struct deltas_options *o,
                                  struct pando_err *reterr)
{
    uint64_t number = 0;
    enum pando_status st;
    if (strcmp(name, "systemId") == 0)
        return load_text(v, name, o->system_id, reterr);
    if (strcmp(name, "author") == 0)
        return load_text(v, name, o->author, reterr);
    if (strcmp(name, "enableServer") == 0)
        return load_flag(v, name, &o->server, reterr);
    if (strcmp(name, "autoBroadcast") == 0)
        return load_flag(v, name, &o->auto_broadcast, reterr);
    if (strcmp(name, "validateSchemas") == 0)
        return load_flag(v, name, &o->validate_schemas, reterr);
    if (strcmp(name, "links") == 0)
        return load_links(v, o, reterr);
    if (strcmp(name, "trustPolicy") == 0) {
        struct fed_trust trust;
        st = within(reterr, fed_trust_from_json(v, &trust, reterr), name);
        if (st == PANDO_OK) {
            fed_trust_deinit(&o->trust);
            o->trust = trust;
        }
        return st;
    }
    if (strcmp(name, "maxConnections") == 0) {
        st = load_number(v, name, 1, SPACE_PIPES_MAX, &number, reterr);
        o->max_connections = st == PANDO_OK ? (uint32_t)number : o->max_connections;
        return st;
    }
    if (strcmp(name, "cacheSize") == 0) {
        st = load_number(v, name, 1, 1000000, &number, reterr);
        o->cache_size = st == PANDO_OK ? (uint32_t)number : o->cache_size;
        return st;
    }
    if (strcmp(name, "cacheBytes") == 0) {
        st = load_number(v, name, 65536, INT64_C(1) << 34, &number, reterr);
        o->cache_bytes = st == PANDO_OK ? (size_t)number : o->cache_bytes;
        return st;
    }
    return pando_err_set(reterr, PANDO_INVALID,
                         "delta: there is no setting \"%.60s\": there are systemId, author, "
                         "cacheSize, cacheBytes, validateSchemas, enableServer, maxConnections, "
                         "autoBroadcast, trustPolicy, links",
                         name);
}

static void name_after(char ret[DELTA_NAME_MAX + 1], const char *name)
{
    if (ret[0] == '\0')
        (void)snprintf(ret, DELTA_NAME_MAX + 1, "%s",
                       name != NULL && name[0] != '\0' ? name : "pando");
}

enum pando_status deltas_options_load(struct pando_slice json, const struct space_host *host,
                                      struct deltas_options *ret, struct pando_err *reterr)
{
    struct deltas_options o = { .server = true, .auto_broadcast = true, .max_connections = 1000 };
    json_t *root = NULL, *value;
    const char *name;
    enum pando_status st = PANDO_OK;
    fed_trust_init(&o.trust);
    if (json.len > 0)
        st = json_text_parse(json, 1u << 20, &root, reterr);
    if (st == PANDO_OK && root != NULL && !json_is_object(root))
        st = pando_err_set(reterr, PANDO_MALFORMED, "delta: the settings must be a JSON object");
    if (st == PANDO_OK && root != NULL)
        st = within(reterr, spelling_camel(root, reterr), "the settings");
    if (st == PANDO_OK && root != NULL)
        json_object_foreach(root, name, value)
            if (st == PANDO_OK)
                st = load_one(name, value, &o, reterr);
    json_decref(root);
    if (st != PANDO_OK) {
        deltas_options_deinit(&o);
        return st;
    }
    name_after(o.system_id, host->node_name);
    name_after(o.author, host->node_name);
    *ret = o;
    return PANDO_OK;
}

void deltas_options_deinit(struct deltas_options *o)
{
    for (size_t i = 0; i < o->links_len; i++)
        fed_config_deinit(&o->links[i].config);
    free(o->links);
    fed_trust_deinit(&o->trust);
    *o = (struct deltas_options){ .links_len = 0 };
}
