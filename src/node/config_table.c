#include "node/config_table.h"

#include "base/near.h"
#include "node/config_schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TYPE_TEXT          CONFIG_TEXT, NULL
#define TYPE_PATH          CONFIG_PATH, NULL
#define TYPE_PORT          CONFIG_PORT, NULL
#define TYPE_NUMBER        CONFIG_NUMBER, NULL
#define TYPE_BOOL          CONFIG_BOOL, NULL
#define TYPE_ENUM(choices) CONFIG_ENUM, choices
#define TYPE_LIST          CONFIG_LIST, NULL
#define TYPE_SPACES        CONFIG_SPACES, NULL
#define TYPE_JSON          CONFIG_JSON, NULL

static const struct config_row rows[] = {
#define X(key, type, field, fallback, low, high, help) \
    { key,                                             \
      TYPE_##type,                                     \
      offsetof(struct config, field),                  \
      sizeof(((struct config *)NULL)->field),          \
      fallback,                                        \
      low,                                             \
      high,                                            \
      help },
    CONFIG_SCHEMA(X)
#undef X
};

#define ROWS (sizeof rows / sizeof rows[0])
_Static_assert(ROWS <= CONFIG_ROWS_MAX, "the parser's bit set of seen keys holds all");

size_t config_rows_len(void)
{
    return ROWS;
}

const struct config_row *config_row_at(size_t index)
{
    return &rows[index];
}

/* Other programs write federation.enableServer: their spelling in ours. False: it is not
 * theirs. */
static bool from_camel(const char *key, char ret[CONFIG_TEXT_MAX])
{
    size_t len = 0;
    bool capitals = false;
    if (strncmp(key, "federation.", 11) != 0 && strncmp(key, "delta.", 6) != 0)
        return false;
    for (; *key != '\0' && len + 3 < CONFIG_TEXT_MAX; key++) {
        const bool capital = *key >= 'A' && *key <= 'Z';
        capitals |= capital;
        if (capital)
            ret[len++] = '_';
        ret[len++] = capital ? (char)(*key - 'A' + 'a') : *key;
    }
    ret[len] = '\0';
    return capitals && *key == '\0';
}

const struct config_row *config_row_find(const char *key)
{
    char plain[CONFIG_TEXT_MAX];
    for (size_t i = 0; i < ROWS; i++)
        if (strcmp(rows[i].key, key) == 0)
            return &rows[i];
    return from_camel(key, plain) ? config_row_find(plain) : NULL;
}

bool config_is_group(const char *key)
{
    const size_t len = strlen(key);
    for (size_t i = 0; i < ROWS; i++)
        if (strncmp(rows[i].key, key, len) == 0 && rows[i].key[len] == '.')
            return true;
    return false;
}

const char *config_key_near(const char *key)
{
    struct near_search s = { .word = key };
    for (size_t i = 0; i < ROWS; i++) {
        near_offer(&s, rows[i].key);
        const char *dot = strchr(rows[i].key, '.');
        struct near_search tail = { .word = key };
        if (dot != NULL)
            near_offer(&tail, dot + 1);
        if (tail.best != NULL && (s.best == NULL || tail.distance < s.distance)) {
            s.best = rows[i].key;
            s.distance = tail.distance;
        }
    }
    return s.best;
}

static void *field(struct config *c, const struct config_row *row)
{
    return (uint8_t *)c + row->offset;
}

void config_row_clear(struct config *c, const struct config_row *row)
{
    if (row->type == CONFIG_LIST || row->type == CONFIG_SPACES)
        memset(field(c, row), 0, row->size);
}

/* Copies with zeros behind, so that equal configs compare equal. */
static bool set_text(char *place, size_t size, const char *value, char *problem)
{
    const size_t len = strlen(value);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)value[i] < 0x20 || value[i] == 0x7f) {
            (void)snprintf(problem, CONFIG_PROBLEM_MAX, "holds a control character");
            return false;
        }
    if (len >= size) {
        (void)snprintf(problem, CONFIG_PROBLEM_MAX, "is longer than %zu bytes", size - 1);
        return false;
    }
    memset(place, 0, size);
    memcpy(place, value, len);
    return true;
}

static bool set_ranged_text(char *place, const struct config_row *row, const char *value,
                            char *problem)
{
    const long len = (long)strlen(value);
    if (row->type == CONFIG_TEXT && (len < row->low || len > row->high)) {
        (void)snprintf(problem, CONFIG_PROBLEM_MAX, "must have %ld to %ld bytes, not %ld",
                       row->low, row->high, len);
        return false;
    }
    return set_text(place, row->size, value, problem);
}

/* What brackets it is all that is looked at here: whoever gets it reads it. */
static bool set_json(char *place, const struct config_row *row, const char *value, char *problem)
{
    static const char brackets[2][2] = { { '{', '}' }, { '[', ']' } };
    const size_t len = strlen(value);
    if (len < 2 || value[0] != brackets[row->low][0] || value[len - 1] != brackets[row->low][1]) {
        (void)snprintf(problem, CONFIG_PROBLEM_MAX, "must be a %s, in JSON %c...%c, not '%.40s'",
                       row->low == 0 ? "mapping" : "list", brackets[row->low][0],
                       brackets[row->low][1], value);
        return false;
    }
    return set_text(place, row->size, value, problem);
}

static bool set_number(void *place, const struct config_row *row, const char *value,
                       char *problem)
{
    char *end = NULL;
    const bool digits = value[0] >= '0' && value[0] <= '9' && strlen(value) <= 9;
    const long number = digits ? strtol(value, &end, 10) : -1;
    if (!digits || *end != '\0' || number < row->low || number > row->high) {
        (void)snprintf(problem, CONFIG_PROBLEM_MAX,
                       "must be a number from %ld to %ld, not '%.40s'", row->low,
                       row->high, value);
        return false;
    }
    if (row->type == CONFIG_PORT)
        *(uint16_t *)place = (uint16_t)number;
    else
        *(uint32_t *)place = (uint32_t)number;
    return true;
}

static bool set_bool(bool *place, const char *value, char *problem)
{
    static const char *const words[] = { "no", "yes", "false", "true", "off", "on" };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i], value) == 0) {
            *place = i % 2 == 1;
            return true;
        }
    (void)snprintf(problem, CONFIG_PROBLEM_MAX, "must be yes or no, not '%.40s'", value);
    return false;
}

static bool set_enum(void *place, const struct config_row *row, const char *value,
                     char *problem)
{
    const size_t len = strlen(value);
    int index = 0;
    for (const char *at = row->choices; at != NULL; index++) {
        const char *end = strchr(at, '|');
        const size_t at_len = end != NULL ? (size_t)(end - at) : strlen(at);
        if (at_len == len && memcmp(at, value, len) == 0) {
            memcpy(place, &index, sizeof index); /* every enum here is as wide as int */
            return true;
        }
        at = end != NULL ? end + 1 : NULL;
    }
    (void)snprintf(problem, CONFIG_PROBLEM_MAX, "must be one of %s, not '%.40s'",
                   row->choices, value);
    return false;
}
_Static_assert(sizeof(enum config_durability) == sizeof(int), "enums are stored as int");

static bool add_item(struct config_list *list, const struct config_row *row,
                     const char *value, char *problem)
{
    if (value[0] == '\0') {
        (void)snprintf(problem, CONFIG_PROBLEM_MAX, "has an empty item");
        return false;
    }
    if (list->len >= (size_t)row->high || list->len >= CONFIG_LIST_MAX) {
        (void)snprintf(problem, CONFIG_PROBLEM_MAX, "takes at most %ld items", row->high);
        return false;
    }
    if (!set_text(list->items[list->len], sizeof list->items[0], value, problem))
        return false;
    list->len++;
    return true;
}

static bool is_name(const char *text)
{
    const size_t len = strlen(text);
    const size_t good =
        strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                     "0123456789-_.");
    return len > 0 && len < 64 && good == len && text[0] != '.';
}

bool config_member_add(struct config_space *space, const char *peer, const char *role,
                       char ret_problem[CONFIG_PROBLEM_MAX])
{
    struct config_member m = { 0 };
    if (strcmp(role, "read") != 0 && strcmp(role, "write") != 0 &&
        strcmp(role, "admin") != 0) {
        (void)snprintf(ret_problem, CONFIG_PROBLEM_MAX,
                       "a role is read, write or admin, not '%.40s'", role);
        return false;
    }
    if (space->members_len == CONFIG_MEMBERS_MAX) {
        (void)snprintf(ret_problem, CONFIG_PROBLEM_MAX, "access lists at most %d peers",
                       CONFIG_MEMBERS_MAX);
        return false;
    }
    if (!set_text(m.peer, sizeof m.peer, peer, ret_problem) ||
        !set_text(m.role, sizeof m.role, role, ret_problem))
        return false;
    space->members[space->members_len++] = m;
    return true;
}

bool config_space_add(struct config *c, const struct config_space *space,
                      char ret_problem[CONFIG_PROBLEM_MAX])
{
    struct config_spaces *s = &c->spaces;
    const char *name = space->name, *kind = space->kind[0] == '\0' ? "dag" : space->kind;
    if (!is_name(name) || !is_name(kind) || strlen(kind) >= sizeof s->items[0].kind) {
        (void)snprintf(
            ret_problem, CONFIG_PROBLEM_MAX,
            "needs a name and a kind of letters, digits, '-', '_' and '.', not '%.40s'",
            name);
        return false;
    }
    for (size_t i = 0; i < s->len; i++)
        if (strcmp(s->items[i].name, name) == 0) {
            (void)snprintf(ret_problem, CONFIG_PROBLEM_MAX, "names '%.63s' twice", name);
            return false;
        }
    if (s->len == CONFIG_SPACES_MAX) {
        (void)snprintf(ret_problem, CONFIG_PROBLEM_MAX, "takes at most %d items",
                       CONFIG_SPACES_MAX);
        return false;
    }
    const size_t own = strlen(space->settings);
    if (own > 0 && (own < 2 || space->settings[0] != '{' || space->settings[own - 1] != '}')) {
        (void)snprintf(ret_problem, CONFIG_PROBLEM_MAX,
                       "of '%.63s' have settings that are no JSON object", name);
        return false;
    }
    struct config_space *item = &s->items[s->len];
    *item = *space;
    if (!set_text(item->name, sizeof item->name, name, ret_problem) ||
        !set_text(item->kind, sizeof item->kind, kind, ret_problem))
        return false;
    s->len++;
    return true;
}

/* name, name:kind or name:kind:{settings}; all or nothing is added. */
static bool add_space_text(struct config *c, const char *value, char *problem)
{
    struct config_space space = { 0 };
    char text[CONFIG_TEXT_MAX + CONFIG_SETTINGS_MAX];
    if (!set_text(text, sizeof text, value, problem))
        return false;
    char *kind = strchr(text, ':');
    if (kind != NULL)
        *kind++ = '\0';
    char *settings = kind != NULL ? strchr(kind, ':') : NULL;
    if (settings != NULL)
        *settings++ = '\0';
    if (!set_text(space.name, sizeof space.name, text, problem) ||
        (kind != NULL && !set_text(space.kind, sizeof space.kind, kind, problem)) ||
        (settings != NULL &&
         !set_text(space.settings, sizeof space.settings, settings, problem)))
        return false;
    return config_space_add(c, &space, problem);
}

bool config_row_set(struct config *c, const struct config_row *row, const char *value,
                    char ret_problem[CONFIG_PROBLEM_MAX])
{
    void *place = field(c, row);
    switch (row->type) {
    case CONFIG_TEXT:
    case CONFIG_PATH:
        return set_ranged_text(place, row, value, ret_problem);
    case CONFIG_PORT:
    case CONFIG_NUMBER:
        return set_number(place, row, value, ret_problem);
    case CONFIG_BOOL:
        return set_bool(place, value, ret_problem);
    case CONFIG_ENUM:
        return set_enum(place, row, value, ret_problem);
    case CONFIG_LIST:
        return add_item(place, row, value, ret_problem);
    case CONFIG_JSON:
        return set_json(place, row, value, ret_problem);
    case CONFIG_SPACES:
        return add_space_text(c, value, ret_problem);
    }
    return false;
}
