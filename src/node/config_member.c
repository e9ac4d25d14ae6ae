#include "node/config_member.h"

#include "base/near.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#define SEEDS_MAX 6 /* a log space has at most seven voters */
#define HOST_MAX  200

enum member_key {
    KEY_NODE_ID, KEY_HOST, KEY_PORT, KEY_SEED_NODES, KEY_HEARTBEAT, KEY_TIMEOUT,
    KEY_LOG_DIR, KEY_ADVERTISE, KEY_DATA, KEY_LOG_LEVEL, KEYS,
};

/* Those with `own` are no keys of an ordinary config. */
static const struct {
    const char *name;
    bool own;
} keys[KEYS] = {
    [KEY_NODE_ID] = { "node_id", true },
    [KEY_HOST] = { "host", false },
    [KEY_PORT] = { "port", false },
    [KEY_SEED_NODES] = { "seed_nodes", true },
    [KEY_HEARTBEAT] = { "heartbeat_interval_ms", true },
    [KEY_TIMEOUT] = { "leader_timeout_ms", true },
    [KEY_LOG_DIR] = { "log_dir", true },
    [KEY_ADVERTISE] = { "advertise", false },
    [KEY_DATA] = { "data", false },
    [KEY_LOG_LEVEL] = { "log_level", true },
};

struct member_node {
    long id, port;
    char host[HOST_MAX];
};

struct member {
    struct member_node self;
    struct member_node seeds[SEEDS_MAX];
    size_t seeds_len;
    long heartbeat, timeout;
    const char *texts[KEYS]; /* log_dir, advertise, data, log_level; NULL: not said */
};

struct reader {
    yaml_document_t document;
    const char *name;
    struct pando_err *reterr;
};

bool config_is_member(struct pando_slice yaml)
{
    const char *text = (const char *)yaml.ptr;
    for (size_t at = 0; at < yaml.len;) {
        const char *end = memchr(text + at, '\n', yaml.len - at);
        const size_t len = end != NULL ? (size_t)(end - text) - at : yaml.len - at;
        for (size_t k = 0; k < KEYS; k++) {
            const size_t key_len = strlen(keys[k].name);
            if (keys[k].own && len > key_len && memcmp(text + at, keys[k].name, key_len) == 0 &&
                (text[at + key_len] == ':' || text[at + key_len] == ' '))
                return true;
        }
        at += len + 1;
    }
    return false;
}

static enum pando_status refuse(const struct reader *r, const yaml_node_t *node,
                                const char *what)
{
    return pando_err_set(r->reterr, PANDO_INVALID, "%s:%zu:%zu: %s", r->name,
                         node->start_mark.line + 1, node->start_mark.column + 1, what);
}

static const char *scalar(const yaml_node_t *node)
{
    const char *text = node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value
                                                      : NULL;
    return text != NULL && strlen(text) == node->data.scalar.length && text[0] != '\0' ? text
                                                                                       : NULL;
}

static enum pando_status read_number(const struct reader *r, const yaml_node_t *node,
                                     const char *key, long low, long high, long *ret)
{
    const char *text = scalar(node);
    char problem[160];
    if (text != NULL && strlen(text) <= 9 && strspn(text, "0123456789") == strlen(text) &&
        strtol(text, NULL, 10) >= low && strtol(text, NULL, 10) <= high) {
        *ret = strtol(text, NULL, 10);
        return PANDO_OK;
    }
    (void)snprintf(problem, sizeof problem, "%s must be a number from %ld to %ld", key, low,
                   high);
    return refuse(r, node, problem);
}

static enum pando_status read_host(const struct reader *r, const yaml_node_t *node,
                                   const char *key, char ret[HOST_MAX])
{
    const char *text = scalar(node);
    char problem[160];
    if (text == NULL || strlen(text) >= HOST_MAX || strpbrk(text, " \t\n/") != NULL) {
        (void)snprintf(problem, sizeof problem, "%s must be an address or a host's name", key);
        return refuse(r, node, problem);
    }
    (void)snprintf(ret, HOST_MAX, "%s", text);
    return PANDO_OK;
}

static enum pando_status unknown_key(const struct reader *r, const yaml_node_t *node,
                                     const char *const *names, size_t names_len)
{
    char problem[200];
    const char *key = scalar(node);
    struct near_search near = { .word = key != NULL ? key : "" };
    for (size_t i = 0; i < names_len; i++)
        near_offer(&near, names[i]);
    (void)snprintf(problem, sizeof problem, "there is no key '%.60s'%s%s%s",
                   key != NULL ? key : "", near.best != NULL ? "; did you mean '" : "",
                   near.best != NULL ? near.best : "", near.best != NULL ? "'?" : "");
    return refuse(r, node, problem);
}

/* The place of a key among `names`; each may be given once. */
static enum pando_status take_key(const struct reader *r, const yaml_node_t *node,
                                  const char *const *names, size_t names_len,
                                  unsigned *seen, size_t *ret)
{
    const char *key = scalar(node);
    for (size_t i = 0; key != NULL && i < names_len; i++) {
        if (strcmp(names[i], key) != 0)
            continue;
        if ((*seen & 1u << i) != 0)
            return refuse(r, node, "this key was given before");
        *seen |= 1u << i;
        *ret = i;
        return PANDO_OK;
    }
    return unknown_key(r, node, names, names_len);
}

static yaml_node_t *node_at(struct reader *r, int index)
{
    return yaml_document_get_node(&r->document, index);
}

static enum pando_status read_seed(struct reader *r, yaml_node_t *node,
                                   struct member_node *ret)
{
    static const char *const names[] = { "node_id", "host", "port" };
    unsigned seen = 0;
    size_t key = 0;
    enum pando_status st = PANDO_OK;
    if (node->type != YAML_MAPPING_NODE)
        return refuse(r, node, "a seed node is {node_id: N, host: ADDRESS, port: PORT}");
    for (yaml_node_pair_t *p = node->data.mapping.pairs.start;
         p < node->data.mapping.pairs.top && st == PANDO_OK; p++) {
        st = take_key(r, node_at(r, p->key), names, 3, &seen, &key);
        if (st == PANDO_OK && key == 0)
            st = read_number(r, node_at(r, p->value), "node_id", 1, 999999999, &ret->id);
        else if (st == PANDO_OK && key == 1)
            st = read_host(r, node_at(r, p->value), "host", ret->host);
        else if (st == PANDO_OK)
            st = read_number(r, node_at(r, p->value), "port", 1, 65535, &ret->port);
    }
    if (st == PANDO_OK && seen != 7)
        return refuse(r, node, "a seed node has a node_id, a host and a port");
    return st;
}

static enum pando_status read_seeds(struct reader *r, yaml_node_t *node, struct member *m)
{
    if (node->type == YAML_SCALAR_NODE && node->data.scalar.length == 0)
        return PANDO_OK; /* the key with nothing behind it */
    if (node->type != YAML_SEQUENCE_NODE)
        return refuse(r, node, "seed_nodes is a list");
    for (yaml_node_item_t *i = node->data.sequence.items.start;
         i < node->data.sequence.items.top; i++) {
        struct member_node seed = { 0 };
        const enum pando_status st = read_seed(r, node_at(r, *i), &seed);
        if (st != PANDO_OK)
            return st;
        for (size_t k = 0; k < m->seeds_len; k++)
            if (m->seeds[k].id == seed.id)
                return refuse(r, node_at(r, *i), "this node_id was given before");
        if (m->seeds_len == SEEDS_MAX)
            return refuse(r, node_at(r, *i), "a chat has at most 7 nodes");
        m->seeds[m->seeds_len++] = seed;
    }
    return PANDO_OK;
}

static enum pando_status read_value(struct reader *r, yaml_node_t *node, enum member_key key,
                                    struct member *m)
{
    switch (key) {
    case KEY_NODE_ID:
        return read_number(r, node, "node_id", 1, 999999999, &m->self.id);
    case KEY_PORT:
        return read_number(r, node, "port", 1, 65535, &m->self.port);
    case KEY_HEARTBEAT:
        return read_number(r, node, "heartbeat_interval_ms", 10, 60000, &m->heartbeat);
    case KEY_TIMEOUT:
        return read_number(r, node, "leader_timeout_ms", 30, 600000, &m->timeout);
    case KEY_HOST:
        return read_host(r, node, "host", m->self.host);
    case KEY_SEED_NODES:
        return read_seeds(r, node, m);
    default:
        m->texts[key] = scalar(node);
        return m->texts[key] != NULL ? PANDO_OK : refuse(r, node, "this key takes one text");
    }
}

static enum pando_status read_file(struct reader *r, struct member *m)
{
    const char *names[KEYS];
    unsigned seen = 0;
    size_t key = 0;
    yaml_node_t *root = yaml_document_get_root_node(&r->document);
    if (root == NULL || root->type != YAML_MAPPING_NODE)
        return pando_err_set(r->reterr, PANDO_INVALID, "%s: the file is `key: value` lines",
                             r->name);
    for (size_t i = 0; i < KEYS; i++)
        names[i] = keys[i].name;
    for (yaml_node_pair_t *p = root->data.mapping.pairs.start;
         p < root->data.mapping.pairs.top; p++) {
        enum pando_status st = take_key(r, node_at(r, p->key), names, KEYS, &seen, &key);
        if (st == PANDO_OK)
            st = read_value(r, node_at(r, p->value), (enum member_key)key, m);
        if (st != PANDO_OK)
            return st;
    }
    if ((seen & 1u << KEY_NODE_ID) == 0 || (seen & 1u << KEY_PORT) == 0)
        return refuse(r, root, "a node needs its node_id and its port");
    if (m->timeout < 2 * m->heartbeat)
        return refuse(r, root, "leader_timeout_ms must be at least twice heartbeat_interval_ms");
    return PANDO_OK;
}

/* "chat:log:{...}" with all members, this one too. */
static enum pando_status set_space(const struct member *m, struct config *c,
                                   struct pando_err *reterr)
{
    char text[CONFIG_SETTINGS_MAX];
    int len = snprintf(text, sizeof text, "chat:log:{\"id\":%ld,\"members\":[%ld", m->self.id,
                       m->self.id);
    for (size_t i = 0; i < m->seeds_len; i++)
        if (m->seeds[i].id != m->self.id)
            len += snprintf(text + len, sizeof text - (size_t)len, ",%ld", m->seeds[i].id);
    (void)snprintf(text + len, sizeof text - (size_t)len,
                   "],\"name\":\"node_%ld\",\"heartbeat_ms\":%ld,\"election_ms\":%ld}",
                   m->self.id, m->heartbeat, m->timeout);
    memset(&c->spaces, 0, sizeof c->spaces);
    return config_set(c, "spaces", text, reterr);
}

static enum pando_status set_peers(const struct member *m, struct config *c,
                                   struct pando_err *reterr)
{
    char text[HOST_MAX + 16];
    enum pando_status st = PANDO_OK;
    memset(&c->peers, 0, sizeof c->peers);
    for (size_t i = 0; i < m->seeds_len && st == PANDO_OK; i++) {
        (void)snprintf(text, sizeof text, "%s:%ld", m->seeds[i].host, m->seeds[i].port);
        if (m->seeds[i].id != m->self.id)
            st = config_set(c, "peers", text, reterr);
    }
    const char *advertise = m->texts[KEY_ADVERTISE];
    if (st != PANDO_OK || advertise == NULL)
        return st;
    (void)snprintf(text, sizeof text, "%.200s", advertise);
    if (strchr(advertise, ':') == NULL && advertise[0] != '/')
        (void)snprintf(text, sizeof text, "%.200s:%ld", advertise, m->self.port);
    return config_set(c, "advertise", text, reterr);
}

static enum pando_status apply(const struct member *m, struct config *c,
                               struct pando_err *reterr)
{
    char id[24], name[24], port[24], data[48];
    struct in_addr ip;
    const char *host = strcmp(m->self.host, "localhost") == 0 ? "127.0.0.1" : m->self.host;
    if (inet_pton(AF_INET, host, &ip) != 1)
        return pando_err_set(reterr, PANDO_INVALID,
                             "host: '%.80s' is no IPv4 address to listen on; 0.0.0.0 is "
                             "everywhere, and advertise says what others shall dial",
                             host);
    (void)snprintf(id, sizeof id, "%ld", m->self.id);
    (void)snprintf(name, sizeof name, "node_%ld", m->self.id);
    (void)snprintf(port, sizeof port, "%ld", m->self.port);
    (void)snprintf(data, sizeof data, "./data/%s", name);
    const char *const rows[][2] = {
        { "name", name },
        { "port", port },
        { "listen", host },
        { "http_listen", host },
        { "lines_open", ntohl(ip.s_addr) >> 24 == 127 ? "no" : "yes" },
        { "data", m->texts[KEY_DATA] != NULL ? m->texts[KEY_DATA] : data },
        { "chat_dir", m->texts[KEY_LOG_DIR] },
        { "log.id", id },
        { "log.clock", "seconds" },
        { "log.level", m->texts[KEY_LOG_LEVEL] },
    };
    enum pando_status st = PANDO_OK;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0] && st == PANDO_OK; i++)
        if (rows[i][1] != NULL)
            st = config_set(c, rows[i][0], rows[i][1], reterr);
    if (st == PANDO_OK)
        st = set_peers(m, c, reterr);
    return st == PANDO_OK ? set_space(m, c, reterr) : st;
}

static enum pando_status load(struct reader *r, struct pando_slice yaml)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return pando_err_set(r->reterr, PANDO_NOMEM, "%s: memory is out", r->name);
    yaml_parser_set_input_string(&parser, yaml.ptr, yaml.len);
    enum pando_status st = PANDO_OK;
    if (!yaml_parser_load(&parser, &r->document))
        st = pando_err_set(r->reterr, PANDO_INVALID, "%s:%zu:%zu: %s", r->name,
                           parser.problem_mark.line + 1, parser.problem_mark.column + 1,
                           parser.problem != NULL ? parser.problem : "not YAML");
    yaml_parser_delete(&parser);
    return st;
}

enum pando_status config_member_parse(struct config *c, struct pando_slice yaml,
                                      const char *name, struct pando_err *reterr)
{
    struct config changed = *c;
    struct reader r = { .name = name, .reterr = reterr };
    struct member m = { .self.host = "127.0.0.1", .heartbeat = 800, .timeout = 2500 };
    enum pando_status st = load(&r, yaml);
    if (st != PANDO_OK)
        return st;
    st = read_file(&r, &m);
    if (st == PANDO_OK)
        st = apply(&m, &changed, reterr);
    yaml_document_delete(&r.document);
    if (st == PANDO_OK)
        *c = changed;
    return st;
}
