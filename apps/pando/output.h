/* output.h - small things that every command prints with. */
#ifndef APPS_PANDO_OUTPUT_H
#define APPS_PANDO_OUTPUT_H

#include "base/buf.h"

#include <jansson.h>
#include <pando/status.h>
#include <pando/types.h>

/* A string member for printing: "" when absent, control characters replaced, because a
 * peer may have chosen it and it goes to a terminal. Valid until the caller's `room`
 * goes. */
const char *text_of(const json_t *object, const char *key, char *room, size_t cap);
long long number_of(const json_t *object, const char *key);
bool flag_of(const json_t *object, const char *key);
/* Milliseconds since 1970 as local time. */
void time_text(long long ms, char ret_text[32]);
/* "1.2 KiB" */
void size_text(double bytes, char ret_text[32]);
/* Does standard output show UTF-8? Then glyphs may stand there. */
bool output_is_utf8(void);

/* A whole file, or standard input for "-". Errors: PANDO_NOT_FOUND, PANDO_FULL, PANDO_IO.
 */
enum pando_status file_read(const char *path, size_t max, struct pando_buf *ret,
                            struct pando_err *reterr) PANDO_MUST_USE;
/* A JSON string of base64, NULL when memory is out. */
json_t *base64_json(struct pando_slice bytes);
enum pando_status base64_bytes(const char *text, struct pando_buf *ret) PANDO_MUST_USE;

#endif
