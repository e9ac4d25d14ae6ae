/* raft_rules.h - schedules of several nodes that broke others' cores, and ours must not.
 *
 * Each returns what was broken, or NULL; so a planted bug can be hunted with them, too.
 */
#ifndef SPACE_LOG_RAFT_RULES_H
#define SPACE_LOG_RAFT_RULES_H

#include <stdint.h>

struct raft_rule {
    const char *name;
    const char *(*run)(void);
};

extern const struct raft_rule raft_rules[];
extern const uint32_t raft_rules_len;

#endif
