#include "node/config.h"

#include "base/assert.h"
#include "codec/multiaddr.h"
#include "node/config_table.h"

#include <stdio.h>
#include <string.h>

void config_init(struct config *c)
{
    char problem[CONFIG_PROBLEM_MAX];
    memset(c, 0, sizeof *c);
    for (size_t i = 0; i < config_rows_len(); i++) {
        const struct config_row *row = config_row_at(i);
        if (row->type == CONFIG_LIST || row->type == CONFIG_SPACES)
            continue; /* every list begins empty */
        const bool good = config_row_set(c, row, row->fallback, problem);
        PANDO_ASSERT(good); /* the table's own defaults are in range */
    }
}

enum pando_status config_set(struct config *c, const char *key, const char *value,
                             struct pando_err *reterr)
{
    char problem[CONFIG_PROBLEM_MAX];
    const struct config_row *row = config_row_find(key);
    if (row == NULL) {
        const char *near = config_key_near(key);
        return pando_err_set(reterr, PANDO_INVALID,
                             "config: there is no key '%.60s'%s%s%s", key,
                             near != NULL ? "; did you mean '" : "",
                             near != NULL ? near : "", near != NULL ? "'?" : "");
    }
    if (!config_row_set(c, row, value, problem))
        return pando_err_set(reterr, PANDO_INVALID, "config: %s %s", key, problem);
    return PANDO_OK;
}

static enum pando_status check_peers(const struct config *c, struct pando_err *reterr)
{
    enum pando_status st = PANDO_OK;
    struct multiaddr address;
    for (size_t i = 0; i < c->peers.len && st == PANDO_OK; i++)
        st = multiaddr_parse_peer(c->peers.items[i], &address, reterr);
    return st == PANDO_OK ? PANDO_OK : PANDO_INVALID; /* our user wrote it, not a peer */
}

/* The listener of federation is the node's HTTP listener. */
static enum pando_status finish_ports(struct config *c, struct pando_err *reterr)
{
    if (c->federation.port != 0 && c->http_port != 0 && c->federation.port != c->http_port)
        return pando_err_set(reterr, PANDO_INVALID,
                             "config: federation.port %u and http_port %u are one listener: name "
                             "one of them",
                             c->federation.port, c->http_port);
    if (c->federation.port != 0)
        c->http_port = c->federation.port;
    if (c->http_port == 0)
        c->http_port = c->port;
    return PANDO_OK;
}

static enum pando_status finish_spaces(struct config *c, struct pando_err *reterr)
{
    char problem[CONFIG_PROBLEM_MAX];
    const struct config_space fallback = { .name = "default" };
    struct config_space delta = { .kind = "delta" };
    if (c->spaces.len == 0 && !config_space_add(c, &fallback, problem))
        return pando_err_set(reterr, PANDO_INVALID, "config: spaces %s", problem);
    for (size_t i = 0; i < c->spaces.len; i++)
        if (strcmp(c->spaces.items[i].name, c->delta.space) == 0 &&
            strcmp(c->spaces.items[i].kind, "delta") == 0)
            return PANDO_OK;
    (void)snprintf(delta.name, sizeof delta.name, "%s", c->delta.space);
    if (delta.name[0] != '\0' && !config_space_add(c, &delta, problem))
        return pando_err_set(reterr, PANDO_INVALID, "config: delta.space %s", problem);
    return PANDO_OK;
}

static bool is_file_name(const char *name)
{
    return strchr(name, '/') == NULL && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* SCHEME://HOST[:PORT], as browsers send it. "null" is what any page can make itself be. */
static enum pando_status check_origin(const char *origin, struct pando_err *reterr)
{
    const size_t scheme = strcspn(origin, ":");
    const char *authority = origin + scheme + 3;
    const bool well = scheme > 0 && strncmp(origin + scheme, "://", 3) == 0;
    if (strcmp(origin, "null") == 0 || strchr(origin, '*') != NULL)
        return pando_err_set(reterr, PANDO_INVALID,
                             "config: federation.origins '%.60s' would let every page in: serve "
                             "yours from a place of its own, as http://localhost:8000, and name "
                             "that",
                             origin);
    if (!well || authority[0] == '\0' || authority[strcspn(authority, "/?#@ ")] != '\0')
        return pando_err_set(reterr, PANDO_INVALID,
                             "config: federation.origins '%.60s' is no origin: SCHEME://HOST or "
                             "SCHEME://HOST:PORT, without a path",
                             origin);
    return PANDO_OK;
}

static enum pando_status check_federation(const struct config *c, struct pando_err *reterr)
{
    enum pando_status st = PANDO_OK;
    const size_t path = strlen(c->federation.path);
    if (c->federation.path[0] != '/' || c->federation.path[path - 1] == '/')
        return pando_err_set(reterr, PANDO_INVALID,
                             "config: federation.path '%.63s' begins with '/' and does not end "
                             "with it, as /federation",
                             c->federation.path);
    for (size_t i = 0; i < c->federation.origins.len && st == PANDO_OK; i++)
        st = check_origin(c->federation.origins.items[i], reterr);
    return st;
}

enum pando_status config_finish(struct config *c, struct pando_err *reterr)
{
    const enum pando_status st = check_peers(c, reterr);
    if (st != PANDO_OK)
        return st;
    if (c->name[0] == '\0')
        (void)snprintf(c->name, sizeof c->name, "node-%u", (unsigned)c->port);
    if (!is_file_name(c->name))
        return pando_err_set(
            reterr, PANDO_INVALID,
            "config: name '%.63s' must not hold '/': it names the data folder", c->name);
    if (c->data[0] == '\0')
        (void)snprintf(c->data, sizeof c->data, "./%s_data", c->name);
    if (finish_ports(c, reterr) != PANDO_OK)
        return PANDO_INVALID;
    if (check_federation(c, reterr) != PANDO_OK)
        return PANDO_INVALID;
    if ((c->tls_cert[0] == '\0') != (c->tls_key[0] == '\0'))
        return pando_err_set(reterr, PANDO_INVALID,
                             "config: tls_cert and tls_key go together: %s is missing",
                             c->tls_key[0] == '\0' ? "tls_key" : "tls_cert");
    if (finish_spaces(c, reterr) != PANDO_OK)
        return PANDO_INVALID;
    for (size_t i = 0; i < c->allow.len; i++)
        for (size_t j = 0; j < c->deny.len; j++)
            if (strcmp(c->allow.items[i], c->deny.items[j]) == 0)
                return pando_err_set(reterr, PANDO_INVALID,
                                     "config: %s is both allowed and denied",
                                     c->deny.items[j]);
    return PANDO_OK;
}
