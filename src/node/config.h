/* config.h - what a node may be told, from one table.
 *
 * config_schema.h lists every key once: its type, default, range and help. From it come
 * the parser of config.yml, the command line flags (`log.rotate_mb` is
 * `--log-rotate-mb`), and `pando config explain` as text, JSON and Markdown, so they
 * cannot disagree. Precedence: default, then file, then flag.
 *
 * The YAML read is the plain part: mappings, sequences and scalars. Anchors, aliases,
 * tags and second documents are refused. An error names file:line:column and the nearest
 * key.
 *
 * A file that speaks of node_id, seed_nodes and their like is in the dialect of the chat
 * nodes (config_member.h) and means a node with one log space.
 *
 * A config is a value of fixed size: copying and comparing is assignment and memcmp, and
 * there is nothing to free. Thread: none.
 */
#ifndef NODE_CONFIG_H
#define NODE_CONFIG_H

#include "base/buf.h"

#include <pando/status.h>
#include <pando/types.h>

#define CONFIG_TEXT_MAX   256
#define CONFIG_PATH_MAX   512
#define CONFIG_LIST_MAX   64
#define CONFIG_SPACES_MAX 16
#define CONFIG_SETTINGS_MAX 4096
#define CONFIG_JSON_MAX   8192
#define CONFIG_MEMBERS_MAX 64 /* of one space */
#define CONFIG_FILE_MAX   (1u << 20)

struct config_list {
    size_t len;
    char items[CONFIG_LIST_MAX][CONFIG_TEXT_MAX];
};

struct config_member {
    char peer[80]; /* a peer id */
    char role[8];  /* read, write or admin */
};

struct config_space {
    char name[CONFIG_TEXT_MAX];
    char kind[16];
    char settings[CONFIG_SETTINGS_MAX]; /* JSON object of this node's own, or "" */
    size_t members_len; /* 0: open to everybody */
    struct config_member members[CONFIG_MEMBERS_MAX];
};

struct config_spaces {
    size_t len;
    struct config_space items[CONFIG_SPACES_MAX];
};

enum config_durability { CONFIG_DURABILITY_FSYNC, CONFIG_DURABILITY_NONE };
enum config_storage { CONFIG_STORAGE_DURABLE, CONFIG_STORAGE_MEMORY };
enum config_log_format { CONFIG_LOG_TEXT, CONFIG_LOG_JSON };
enum config_log_clock { CONFIG_LOG_MILLISECONDS, CONFIG_LOG_SECONDS };
enum config_preset {
    CONFIG_PRESET_DEFAULT,
    CONFIG_PRESET_DEVELOPMENT,
    CONFIG_PRESET_PRODUCTION
};

/* The fields stand in the order of config_schema.h. */
struct config {
    char name[CONFIG_TEXT_MAX];
    char data[CONFIG_PATH_MAX];
    char network[CONFIG_TEXT_MAX];
    char listen[CONFIG_TEXT_MAX]; /* of QUIC */
    uint16_t port;
    char http_listen[CONFIG_TEXT_MAX];
    uint16_t http_port; /* filled by config_finish() */
    struct config_list http_hosts;
    char token[CONFIG_TEXT_MAX];
    bool lines_open;
    char tls_cert[CONFIG_PATH_MAX];
    char tls_key[CONFIG_PATH_MAX];
    struct {
        bool enable_server;
        uint16_t port;
        char path[CONFIG_TEXT_MAX];
        uint32_t max_connections;
        bool auto_broadcast;
        char trust_policy[CONFIG_JSON_MAX];
        char links[CONFIG_JSON_MAX];
        char reconnect[CONFIG_JSON_MAX];
        char ca[CONFIG_PATH_MAX];
        struct config_list origins;
    } federation;
    struct {
        char space[CONFIG_TEXT_MAX];
        enum config_storage storage;
        char system_id[CONFIG_TEXT_MAX];
        char author[CONFIG_TEXT_MAX];
        uint32_t cache_size;
    } delta;
    struct config_list peers;
    struct config_list advertise;
    bool mesh;
    struct config_list allow;
    struct config_list deny;
    struct config_spaces spaces;
    char chat_dir[CONFIG_PATH_MAX];
    enum config_durability durability;
    uint32_t heartbeat_s;
    uint32_t sync_s;
    struct {
        char level[CONFIG_TEXT_MAX];
        char file[CONFIG_PATH_MAX];
        uint32_t rotate_mb;
        enum config_log_format format;
        char id[CONFIG_TEXT_MAX];
        enum config_log_clock clock;
    } log;
    struct {
        enum config_preset limits;
        bool no_store;
    } exec;
};

/* Every default of the table. */
void config_init(struct config *c);
/* Read a file over what is there; keys it does not name stay.
 * Errors: PANDO_NOT_FOUND; PANDO_INVALID with `file:line:column: ...`; PANDO_FULL over
 *         CONFIG_FILE_MAX; PANDO_IO. `c` is unchanged on failure. */
enum pando_status config_load(struct config *c, const char *path,
                              struct pando_err *reterr) PANDO_MUST_USE;
/* The same from memory; `name` stands in error texts. */
enum pando_status config_parse(struct config *c, struct pando_slice yaml,
                               const char *name, struct pando_err *reterr) PANDO_MUST_USE;
/* Set one key from text, as a flag does. A list key takes one more item per call, a space
 * is `name`, `name:kind` or `name:kind:{settings}`. Errors: PANDO_INVALID unknown key (with the nearest) or a
 * value out of type or range; `c` is unchanged. */
enum pando_status config_set(struct config *c, const char *key, const char *value,
                             struct pando_err *reterr) PANDO_MUST_USE;
/* Fill what depends on other keys: name (node-PORT), data (./NAME_data), http_port (=
 * port), spaces (one dag named default). Checks what only holds together. */
enum pando_status config_finish(struct config *c,
                                struct pando_err *reterr) PANDO_MUST_USE;

/* A row of the table, for flags, completions and explanations. */
struct config_key {
    const char *key;
    const char *type; /* "text", "path", "port", "number", "yes or no", "list", or a|b */
    const char *fallback; /* as it would be written in the file */
    long low, high;       /* of a number or port; else of lengths */
    const char *help;
};
size_t config_keys_len(void);
struct config_key config_key_at(size_t index); /* index < config_keys_len() */
/* The nearest key to a mistyped one, or NULL when none is near. */
const char *config_key_near(const char *key);

enum config_style { CONFIG_EXPLAIN_TEXT, CONFIG_EXPLAIN_JSON, CONFIG_EXPLAIN_MARKDOWN };
/* Append the explanation of one key, or of all with `key` NULL. `c` (or NULL) adds the
 * value in force; the token is never shown. Errors: PANDO_NOT_FOUND unknown key;
 * PANDO_FULL. */
enum pando_status config_explain(const struct config *c, const char *key,
                                 enum config_style style,
                                 struct pando_buf *ret) PANDO_MUST_USE;

#endif
