#include "apps/pando/table_delta.h"

#include "apps/pando/delta_args.h"

#define END \
    {       \
        0   \
    }
#define SPACE                                                                   \
    {                                                                           \
        "space", OPT_SPACE, "NAME", 0, "The delta space (the only one)", 1      \
    }
#define SCHEMA                                                                                \
    {                                                                                         \
        "schema", OPT_SCHEMA, "ID", 0, "The schema that says what belongs to the object", 1   \
    }
#define AT                                                                                    \
    {                                                                                         \
        "at", OPT_AT, "TIME", 0, "As it was then: ms since 1970, 2026-11-28T12:00Z, or 24h ago as 24h", \
            1                                                                                 \
    }

const struct argp_option delta_options[] = { SPACE, END };
const struct argp_option delta_create_options[] = {
    { "pointer", OPT_POINTER, "ROLE=TARGET", 0, "What it says; may repeat", 1 },
    { "author", OPT_AUTHOR, "NAME", 0, "Who says it (the node)", 1 },
    { "system", OPT_SYSTEM, "NAME", 0, "The system it comes from (the node)", 1 },
    { "id", OPT_ID, "ID", 0, "Its id (a new UUID)", 1 },
    { "timestamp", OPT_TIME, "TIME", 0, "When it was said (now)", 1 },
    SPACE,
    END,
};
const struct argp_option delta_query_options[] = {
    DELTA_FILTER_OPTIONS(1),
    AT,
    { "limit", OPT_LIMIT, "N", 0, "At most so many (100)", 1 },
    { "cursor", OPT_CURSOR, "CURSOR", 0, "Go on where an earlier answer ended", 1 },
    { "descending", OPT_DESCENDING, NULL, 0, "The newest first", 1 },
    SPACE,
    END,
};
const struct argp_option delta_negate_options[] = {
    { "reason", OPT_REASON, "TEXT", 0, "Why; becomes part of the negation", 1 },
    { "author", OPT_AUTHOR, "NAME", 0, "Who takes it back (the node)", 1 },
    { "absent", OPT_ABSENT, NULL, 0, "Also one that has not come here yet", 1 },
    SPACE,
    END,
};
const struct argp_option delta_view_options[] = {
    { "view", OPT_VIEW, "NAME|JSON|@FILE", 0, "A registered view, or a definition", 1 },
    SCHEMA,
    AT,
    SPACE,
    END,
};
const struct argp_option delta_hyperview_options[] = { SCHEMA, AT, SPACE, END };
const struct argp_option delta_schema_options[] = { SCHEMA, SPACE, END };
const struct argp_option delta_range_options[] = {
    { "since", OPT_SINCE, "TIME", 0, "Not before", 1 },
    { "until", OPT_UNTIL, "TIME", 0, "Not after", 1 },
    { "limit", OPT_LIMIT, "N", 0, "Of a replay: at most so many, evenly chosen (100)", 1 },
    SCHEMA,
    SPACE,
    END,
};
const struct argp_option delta_watch_options[] = {
    DELTA_FILTER_OPTIONS(1),
    SPACE,
    END,
};
const struct argp_option delta_stats_options[] = { AT, SPACE, END };
const struct argp_option delta_register_options[] = {
    { "view", OPT_IS_VIEW, NULL, 0, "What is registered is a view", 1 },
    SPACE,
    END,
};
const struct argp_option delta_export_options[] = {
    { "out", OPT_OUT, "FILE", 0, "Write here instead of to standard output", 1 },
    DELTA_FILTER_OPTIONS(1),
    SPACE,
    END,
};
const struct argp_option delta_archive_options[] = {
    { "before", OPT_BEFORE, "TIME", 0, "What was negated by then goes", 1 },
    { "out", OPT_OUT, "FILE", 0, "The file, which must not exist", 1 },
    SPACE,
    END,
};
const struct argp_option federate_options[] = {
    { "mode", OPT_MODE, "MODE", 0, "bidirectional, push (send only) or pull (receive only)", 1 },
    { "initial-sync", OPT_INITIAL, "WHAT", 0, "full, from_timestamp or none (full)", 1 },
    { "from", OPT_FROM, "TIME", 0, "Sync from then on: ms since 1970, 2026-11-28T12:00Z, or 24h ago "
      "as 24h", 1 },
    { "push-filter", OPT_PUSH_FILTER, "JSON|@FILE", 0, "Send only deltas that pass", 1 },
    { "pull-filter", OPT_PULL_FILTER, "JSON|@FILE", 0, "Receive only deltas that pass", 1 },
    { "trust-author", OPT_TRUST_AUTHOR, "NAME", 0, "Take only deltas of this author; may repeat",
      2 },
    { "trust-system", OPT_TRUST_SYSTEM, "NAME", 0, "Take only deltas of this system; may repeat",
      2 },
    { "trust-capsule", OPT_TRUST_CAPSULE, "CID", 0, "A capsule that judges each delta", 2 },
    { "reconnect-max-attempts", OPT_RECONNECT_MAX, "N", 0, "Give up after so many; 0 never (5)",
      3 },
    { "reconnect-initial-delay", OPT_RECONNECT_INITIAL, "MS", 0, "Wait before the first (1000)",
      3 },
    { "reconnect-max-delay", OPT_RECONNECT_MAX_DELAY, "MS", 0, "Wait at most (30000)", 3 },
    { "reconnect-backoff", OPT_RECONNECT_BACKOFF, "FACTOR", 0, "Each wait is so much longer (2)",
      3 },
    { "no-reconnect", OPT_NO_RECONNECT, NULL, 0, "End when the connection does", 3 },
    { "detach", OPT_DETACH, NULL, 0, "Leave the link to the node and end", 1 },
    SPACE,
    END,
};
