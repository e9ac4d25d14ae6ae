/* commands.h - the functions behind the rows of table.c, one file per family. */
#ifndef APPS_PANDO_COMMANDS_H
#define APPS_PANDO_COMMANDS_H

#include "apps/pando/command.h"

/* X(function) */
#define COMMAND_FUNCTIONS(X)                                                             \
    X(run_node) X(run_stop) X(run_status) X(run_watch) X(run_log_level) X(run_exec)      \
    X(run_validate) X(run_receipt_verify) X(run_receipt_show) X(run_dag_ls)              \
    X(run_dag_show) X(run_dag_heads) X(run_dag_stats) X(run_dag_equivocations)           \
    X(run_dag_export) X(run_peer_ls) X(run_peer_add) X(run_peer_rm) X(run_peer_ban)      \
    X(run_peer_unban) X(run_peer_ping) X(run_link_cut) X(run_link_heal) X(run_space_ls)                    \
    X(run_space_create) X(run_space_join) X(run_space_rm) X(run_key_new)                 \
    X(run_key_show) X(run_backup) X(run_restore) X(run_db_verify) X(run_db_reindex)      \
    X(run_config_explain) X(run_log_create) X(run_log_append) X(run_log_read)            \
    X(run_log_tail) X(run_log_members) X(run_log_stat) X(run_log_rooms)                  \
    X(run_log_transfer) X(run_log_leave) X(run_log_remove) X(run_log_recover)            \
    X(run_delta_create) X(run_delta_get) X(run_delta_query) X(run_delta_negate)          \
    X(run_delta_watch) X(run_delta_view) X(run_delta_hyperview) X(run_delta_at)          \
    X(run_delta_timeline) X(run_delta_replay) X(run_delta_changes) X(run_delta_compare)  \
    X(run_delta_origin) X(run_delta_stats) X(run_delta_hash) X(run_delta_schema)         \
    X(run_delta_import) X(run_delta_export) X(run_delta_archive) X(run_federate)          \
    X(run_link_ls)                                                                       \
    X(run_link_show) X(run_link_pause) X(run_link_resume) X(run_link_rm)                 \
    X(run_chat) X(run_client) X(run_scale_test) X(run_load) X(run_demo) X(run_sim)       \
    X(run_init) X(run_completions) X(run_help)

#define X(function) \
    enum pando_status function(const struct args *args, struct pando_err *reterr);
COMMAND_FUNCTIONS(X)
#undef X

#endif
