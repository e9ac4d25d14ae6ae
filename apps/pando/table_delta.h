/* table_delta.h - options of the delta and federation commands, for the rows of table.c. */
#ifndef APPS_PANDO_TABLE_DELTA_H
#define APPS_PANDO_TABLE_DELTA_H

#include <argp.h>

#define DELTA_POINTER_HELP                                                                   \
    "A pointer is ROLE=TARGET. @ID is a reference to an object, @ID:CONTEXT one under which " \
    "the object shows what the delta says; ID:CONTEXT is that too, where ID has no blank and " \
    "no colon and CONTEXT is a name. Anything else is a text. ROLE:=JSON takes a number, true, " \
    "false, a text in quotes, or {\"id\":...,\"context\":...}. Without options the node says " \
    "who the author is, and when; a delta in JSON may leave the same out."

extern const struct argp_option delta_options[], delta_create_options[], delta_query_options[],
    delta_negate_options[], delta_view_options[], delta_hyperview_options[],
    delta_schema_options[], delta_range_options[], delta_watch_options[], delta_stats_options[],
    delta_register_options[], delta_export_options[], delta_archive_options[], federate_options[];

#endif
