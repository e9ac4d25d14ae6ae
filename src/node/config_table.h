/* config_table.h - config_schema.h as an array, for the three files that work on it. */
#ifndef NODE_CONFIG_TABLE_H
#define NODE_CONFIG_TABLE_H

#include "node/config.h"

enum config_type {
    CONFIG_TEXT,
    CONFIG_PATH,
    CONFIG_PORT,
    CONFIG_NUMBER,
    CONFIG_BOOL,
    CONFIG_ENUM,
    CONFIG_LIST,
    CONFIG_SPACES,
    CONFIG_JSON,
};

struct config_row {
    const char *key;
    enum config_type type;
    const char *choices; /* of an ENUM */
    size_t offset;       /* of the field in struct config */
    size_t size;
    const char *fallback;
    long low, high;
    const char *help;
};

#define CONFIG_ROWS_MAX    64
#define CONFIG_PROBLEM_MAX 160

size_t config_rows_len(void);
const struct config_row *config_row_at(size_t index);
const struct config_row *config_row_find(const char *key); /* or NULL */
/* Some key begins with `key` and a dot. */
bool config_is_group(const char *key);
/* Empty a list; sets nothing else. */
void config_row_clear(struct config *c, const struct config_row *row);
/* Set or append one value. False leaves `c` as it was and says why. */
bool config_row_set(struct config *c, const struct config_row *row, const char *value,
                    char ret_problem[CONFIG_PROBLEM_MAX]);
/* One space; a kind "" is dag. */
bool config_space_add(struct config *c, const struct config_space *space,
                      char ret_problem[CONFIG_PROBLEM_MAX]);
/* One more member of a space that is being read. */
bool config_member_add(struct config_space *space, const char *peer, const char *role,
                       char ret_problem[CONFIG_PROBLEM_MAX]);

/* config_settings.c: append one YAML scalar to JSON text: a number, a truth value or null
 * when it is `plain`, else a string. False: no room, or not UTF-8. */
bool config_settings_scalar(char *text, size_t cap, const char *value, size_t len, bool plain);

#endif
