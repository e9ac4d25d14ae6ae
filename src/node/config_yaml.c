/* config_yaml.c - config.yml by libyaml's events: nothing is built but the config itself.
 */
#include "node/config.h"

#include "node/config_member.h"
#include "node/config_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

struct reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the one just read; valid while `holds` */
    bool holds;
    const char *name;
    struct config *config;
    uint64_t seen; /* by row */
    struct pando_err *reterr;
};

static enum pando_status fail_at(struct reader *r, yaml_mark_t mark, const char *what)
{
    return pando_err_set(r->reterr, PANDO_INVALID, "%s:%zu:%zu: %s", r->name,
                         mark.line + 1, mark.column + 1, what);
}

/* At the event just read. */
static enum pando_status refuse(struct reader *r, const char *what)
{
    return fail_at(r, r->event.start_mark, what);
}

static enum pando_status next(struct reader *r)
{
    if (r->holds)
        yaml_event_delete(&r->event);
    r->holds = false;
    if (!yaml_parser_parse(&r->parser, &r->event)) {
        if (r->parser.error == YAML_MEMORY_ERROR)
            return pando_err_set(r->reterr, PANDO_NOMEM, "%s: memory is out", r->name);
        const char *problem = r->parser.problem != NULL ? r->parser.problem : "not YAML";
        return fail_at(r, r->parser.problem_mark, problem);
    }
    r->holds = true;
    const yaml_event_t *e = &r->event;
    if (e->type == YAML_ALIAS_EVENT ||
        (e->type == YAML_SCALAR_EVENT && (e->data.scalar.anchor || e->data.scalar.tag)) ||
        (e->type == YAML_SEQUENCE_START_EVENT &&
         (e->data.sequence_start.anchor || e->data.sequence_start.tag)) ||
        (e->type == YAML_MAPPING_START_EVENT &&
         (e->data.mapping_start.anchor || e->data.mapping_start.tag)))
        return refuse(r, "anchors, aliases and tags are not used in this file");
    return PANDO_OK;
}

/* The scalar just read as a string; NULL when it holds a zero byte or is too long. */
static const char *scalar(const struct reader *r)
{
    const char *text = (const char *)r->event.data.scalar.value;
    const size_t len = r->event.data.scalar.length;
    return len < CONFIG_PATH_MAX && strlen(text) == len ? text : NULL;
}

static enum pando_status set_scalar(struct reader *r, const struct config_row *row)
{
    char problem[CONFIG_PROBLEM_MAX], text[CONFIG_PROBLEM_MAX + 64];
    if (r->event.type != YAML_SCALAR_EVENT || scalar(r) == NULL) {
        (void)snprintf(text, sizeof text, "%s takes one value", row->key);
        return refuse(r, text);
    }
    if (config_row_set(r->config, row, scalar(r), problem))
        return PANDO_OK;
    (void)snprintf(text, sizeof text, "%s %s", row->key, problem);
    return refuse(r, text);
}

/* Where YAML is read into as JSON. */
struct json_place {
    char *text;
    size_t cap;
    unsigned deepest;
    const char *full, *deep; /* what is said then */
};

static enum pando_status put_scalar(struct reader *r, const struct json_place *to, bool plain)
{
    return config_settings_scalar(to->text, to->cap,
                                  (const char *)r->event.data.scalar.value,
                                  r->event.data.scalar.length, plain)
               ? PANDO_OK
               : refuse(r, to->full);
}

/* What was just read and all inside it. Nesting ends where the text must. */
static enum pando_status read_json(struct reader *r, const struct json_place *to, unsigned depth)
{
    const bool mapping = r->event.type == YAML_MAPPING_START_EVENT;
    if (r->event.type == YAML_SCALAR_EVENT)
        return put_scalar(r, to, r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE);
    const char *separator = mapping ? "{" : "[";
    for (size_t i = 0; depth < to->deepest; i++) {
        const bool full = strlen(to->text) + 4 > to->cap;
        enum pando_status st = full ? PANDO_OK : next(r);
        if (full || st != PANDO_OK)
            return full ? refuse(r, to->full) : st;
        if (r->event.type == YAML_MAPPING_END_EVENT || r->event.type == YAML_SEQUENCE_END_EVENT) {
            (void)strcat(to->text, i == 0 ? (mapping ? "{}" : "[]") : mapping ? "}" : "]");
            return PANDO_OK;
        }
        (void)strcat(to->text, separator);
        separator = mapping && i % 2 == 0 ? ":" : ",";
        if (mapping && i % 2 == 0 && r->event.type != YAML_SCALAR_EVENT)
            return refuse(r, "a key of the settings is a short text");
        st = mapping && i % 2 == 0 ? put_scalar(r, to, false) : read_json(r, to, depth + 1);
        if (st != PANDO_OK)
            return st;
    }
    return refuse(r, to->deep);
}

/* `open`, or {PEER: ROLE, ...}. */
static enum pando_status read_access(struct reader *r, struct config_space *space)
{
    char peer[CONFIG_TEXT_MAX], problem[CONFIG_PROBLEM_MAX];
    enum pando_status st = next(r);
    if (st != PANDO_OK)
        return st;
    if (r->event.type == YAML_SCALAR_EVENT && scalar(r) != NULL &&
        strcmp(scalar(r), "open") == 0)
        return PANDO_OK;
    if (r->event.type != YAML_MAPPING_START_EVENT)
        return refuse(r, "access is open, or peer ids with a role each");
    for (;;) {
        st = next(r);
        if (st != PANDO_OK)
            return st;
        if (r->event.type == YAML_MAPPING_END_EVENT)
            return space->members_len > 0 ? PANDO_OK
                                          : refuse(r, "access lists nobody");
        const char *text = r->event.type == YAML_SCALAR_EVENT ? scalar(r) : NULL;
        if (text == NULL || strlen(text) >= sizeof peer)
            return refuse(r, "a peer id is a short text");
        (void)snprintf(peer, sizeof peer, "%s", text);
        st = next(r);
        if (st != PANDO_OK)
            return st;
        text = r->event.type == YAML_SCALAR_EVENT ? scalar(r) : NULL;
        if (!config_member_add(space, peer, text == NULL ? "" : text, problem))
            return refuse(r, problem);
    }
}

/* The value of one key of a space, which was not read yet. */
static enum pando_status read_space_value(struct reader *r, const char *key,
                                          struct config_space *space)
{
    char *place = space->settings;
    size_t cap = sizeof space->settings;
    if (strcmp(key, "access") == 0)
        return read_access(r, space);
    if (strcmp(key, "name") == 0) {
        place = space->name;
        cap = sizeof space->name;
    } else if (strcmp(key, "kind") == 0) {
        place = space->kind;
        cap = sizeof space->kind;
    } else if (strcmp(key, "settings") != 0) {
        return refuse(r, "a space has a name, a kind, an access and settings, nothing else");
    }
    const enum pando_status st = next(r);
    if (st != PANDO_OK)
        return st;
    if (place == space->settings && r->event.type == YAML_MAPPING_START_EVENT) {
        const struct json_place to = { place, cap, 4, "the settings of a space are a short text",
                                       "the settings of a space are nested too deep" };
        place[0] = '\0';
        return read_json(r, &to, 0);
    }
    const char *value = r->event.type == YAML_SCALAR_EVENT ? scalar(r) : NULL;
    if (value == NULL || strlen(value) >= cap)
        return refuse(r, "a space's name, kind and settings are short texts");
    (void)snprintf(place, cap, "%s", value);
    return PANDO_OK;
}

/* {name: N, kind: K, access: A, settings: {...}}, whose start was just read. */
static enum pando_status read_space(struct reader *r)
{
    struct config_space space = { 0 };
    char problem[CONFIG_PROBLEM_MAX], text[CONFIG_PROBLEM_MAX + 64];
    const yaml_mark_t start = r->event.start_mark;
    for (;;) {
        enum pando_status st = next(r);
        if (st != PANDO_OK || r->event.type == YAML_MAPPING_END_EVENT) {
            if (st != PANDO_OK || config_space_add(r->config, &space, problem))
                return st;
            (void)snprintf(text, sizeof text, "spaces %s", problem);
            return fail_at(r, start, text);
        }
        char key[32];
        const char *said = r->event.type == YAML_SCALAR_EVENT ? scalar(r) : NULL;
        (void)snprintf(key, sizeof key, "%.31s", said == NULL ? "" : said);
        st = read_space_value(r, key, &space);
        if (st != PANDO_OK)
            return st;
    }
}

static enum pando_status read_list(struct reader *r, const struct config_row *row)
{
    char text[96];
    if (r->event.type != YAML_SEQUENCE_START_EVENT) {
        (void)snprintf(text, sizeof text, "%s takes a list", row->key);
        return refuse(r, text);
    }
    config_row_clear(r->config, row);
    for (;;) {
        enum pando_status st = next(r);
        if (st != PANDO_OK || r->event.type == YAML_SEQUENCE_END_EVENT)
            return st;
        if (row->type == CONFIG_SPACES && r->event.type == YAML_MAPPING_START_EVENT)
            st = read_space(r);
        else
            st = set_scalar(r, row);
        if (st != PANDO_OK)
            return st;
    }
}

/* A mapping or a list, or its JSON text as a scalar. */
static enum pando_status read_json_value(struct reader *r, const struct config_row *row)
{
    char *text, problem[CONFIG_PROBLEM_MAX], why[CONFIG_PROBLEM_MAX + 64];
    if (r->event.type == YAML_SCALAR_EVENT)
        return set_scalar(r, row);
    if ((text = calloc(1, CONFIG_JSON_MAX)) == NULL)
        return pando_err_set(r->reterr, PANDO_NOMEM, "%s: memory is out", r->name);
    const struct json_place to = { text, CONFIG_JSON_MAX, 8, "this is too long a text",
                                   "this is nested too deep" };
    const yaml_mark_t start = r->event.start_mark;
    enum pando_status st = read_json(r, &to, 0);
    if (st == PANDO_OK && !config_row_set(r->config, row, text, problem)) {
        (void)snprintf(why, sizeof why, "%s %s", row->key, problem);
        st = fail_at(r, start, why);
    }
    free(text);
    return st;
}

static enum pando_status unknown_key(struct reader *r, const char *key)
{
    char text[160];
    const char *near = config_key_near(key);
    if (near != NULL)
        (void)snprintf(text, sizeof text, "there is no key '%.60s'; did you mean '%s'?",
                       key, near);
    else
        (void)snprintf(text, sizeof text,
                       "there is no key '%.60s'; see pando config explain", key);
    return refuse(r, text);
}

/* One key's value, by the table. */
static enum pando_status read_value(struct reader *r, const struct config_row *row)
{
    const uint64_t bit = (uint64_t)1 << (row - config_row_at(0));
    if (r->seen & bit)
        return refuse(r, "this key was given before");
    r->seen |= bit;
    const enum pando_status st = next(r);
    if (st != PANDO_OK)
        return st;
    if (row->type == CONFIG_JSON)
        return read_json_value(r, row);
    return row->type == CONFIG_LIST || row->type == CONFIG_SPACES ? read_list(r, row)
                                                                  : set_scalar(r, row);
}

/* The group that a key opens, "" when it opens none. Other programs part federation once more:
 * what stands in serverConfig is ours of the group itself. */
static const char *group_of(const char *group, const char *key)
{
    if (strcmp(key, "federation.serverConfig") == 0 ||
        strcmp(key, "federation.server_config") == 0)
        return "federation";
    return group[0] == '\0' && config_is_group(key) ? key : "";
}

/* A mapping whose start was just read; groups nest one level. */
static enum pando_status read_mapping(struct reader *r, const char *group)
{
    for (;;) {
        enum pando_status st = next(r);
        if (st != PANDO_OK || r->event.type == YAML_MAPPING_END_EVENT)
            return st;
        char key[CONFIG_TEXT_MAX];
        if (r->event.type != YAML_SCALAR_EVENT || scalar(r) == NULL ||
            r->event.data.scalar.length + strlen(group) + 2 > sizeof key)
            return refuse(r, "a key is a short text");
        (void)snprintf(key, sizeof key, "%s%s%s", group, group[0] != '\0' ? "." : "",
                       scalar(r));
        const struct config_row *row = config_row_find(key);
        if (row != NULL) {
            st = read_value(r, row);
        } else if (group_of(group, key)[0] != '\0') {
            st = next(r);
            if (st == PANDO_OK && r->event.type != YAML_MAPPING_START_EVENT)
                st = refuse(r, "this key holds a group of keys");
            if (st == PANDO_OK)
                st = read_mapping(r, group_of(group, key));
        } else {
            st = unknown_key(r, key);
        }
        if (st != PANDO_OK)
            return st;
    }
}

static enum pando_status read_stream(struct reader *r)
{
    enum pando_status st = next(r); /* stream start */
    if (st == PANDO_OK)
        st = next(r);
    if (st != PANDO_OK || r->event.type == YAML_STREAM_END_EVENT)
        return st; /* an empty file is a valid one */
    st = next(r);
    if (st != PANDO_OK)
        return st;
    if (r->event.type == YAML_SCALAR_EVENT && r->event.data.scalar.length == 0)
        st = PANDO_OK; /* only comments or `---` */
    else if (r->event.type != YAML_MAPPING_START_EVENT)
        return refuse(r, "the file is a list of `key: value` lines");
    else
        st = read_mapping(r, "");
    if (st == PANDO_OK)
        st = next(r); /* document end */
    if (st == PANDO_OK)
        st = next(r);
    if (st == PANDO_OK && r->event.type != YAML_STREAM_END_EVENT)
        return refuse(r, "a second document is not read");
    return st;
}

enum pando_status config_parse(struct config *c, struct pando_slice yaml,
                               const char *name, struct pando_err *reterr)
{
    static const uint8_t nothing[1] = { 0 };
    struct config changed = *c;
    if (config_is_member(yaml))
        return config_member_parse(c, yaml, name, reterr);
    struct reader r = { .name = name, .config = &changed, .reterr = reterr };
    if (!yaml_parser_initialize(&r.parser))
        return pando_err_set(reterr, PANDO_NOMEM, "%s: memory is out", name);
    yaml_parser_set_input_string(&r.parser, yaml.len > 0 ? yaml.ptr : nothing, yaml.len);
    const enum pando_status st = read_stream(&r);
    if (r.holds)
        yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    if (st == PANDO_OK)
        *c = changed;
    return st;
}

enum pando_status config_load(struct config *c, const char *path,
                              struct pando_err *reterr)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return pando_err_set(reterr, errno == ENOENT ? PANDO_NOT_FOUND : PANDO_IO,
                             "config: cannot read %s: %s", path, strerror(errno));
    struct pando_buf text;
    buf_init(&text, CONFIG_FILE_MAX);
    uint8_t chunk[4096];
    size_t len;
    enum pando_status st = PANDO_OK;
    while (st == PANDO_OK && (len = fread(chunk, 1, sizeof chunk, file)) > 0)
        st = buf_append(&text, (struct pando_slice){ chunk, len });
    if (st != PANDO_OK)
        (void)pando_err_set(reterr, st, "config: %s is larger than 1 MiB", path);
    else if (ferror(file))
        st = pando_err_set(reterr, PANDO_IO, "config: cannot read %s: %s", path,
                           strerror(errno));
    (void)fclose(file);
    if (st == PANDO_OK)
        st = config_parse(c, buf_view(&text), path, reterr);
    buf_deinit(&text);
    return st;
}
