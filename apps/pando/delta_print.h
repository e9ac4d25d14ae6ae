/* delta_print.h - deltas for people: one line each, pointers as --pointer takes them. */
#ifndef APPS_PANDO_DELTA_PRINT_H
#define APPS_PANDO_DELTA_PRINT_H

#include "base/buf.h"

#include <jansson.h>

#define DELTA_TIME_TEXT 40

/* Local time with milliseconds. */
void delta_time_text(long long ms, char ret_text[DELTA_TIME_TEXT]);
/* A text that a peer chose, fit for a terminal, terminated; NULL when memory is out. The
 * caller frees it. */
char *delta_clean(const json_t *text);
/* As JSON, numbers in their shortest form. */
void delta_print_json(const json_t *value);
/* The same over indented lines. */
void delta_print_indented(const json_t *value);
/* One line: time, author@system, id, pointers. */
void delta_print_line(const json_t *delta);
/* Over several lines, a pointer each. */
void delta_print_whole(const json_t *delta);

#endif
