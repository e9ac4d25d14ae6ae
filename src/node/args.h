/* args.h - JSON arguments of a call, and JSON text of an answer.
 *
 * Arguments come from people and programs, so every getter checks the type and the caller
 * says what a missing one means. Answers are built as text in a capped buffer.
 */
#ifndef NODE_ARGS_H
#define NODE_ARGS_H

#include "base/buf.h"
#include "base/bytes.h"

#include <jansson.h>

#include <pando/status.h>
#include <pando/types.h>

#define ARGS_TEXT_MAX (16u << 20)
#define ARGS_DEPTH 32

/* An object from JSON text ("" is {}); NULL and a reason when it is none. */
json_t *args_parse(struct pando_slice text, struct pando_err *reterr);
/* A string member, or `missing`. Valid as long as the object. */
const char *args_text(const json_t *args, const char *key, const char *missing);
bool args_bool(const json_t *args, const char *key, bool missing);
uint64_t args_uint(const json_t *args, const char *key, uint64_t missing);
/* A base64 member as shared bytes. Errors: PANDO_NOT_FOUND no such member;
 * PANDO_MALFORMED not base64; PANDO_FULL more than `max` bytes. */
enum pando_status args_base64(const json_t *args, const char *key, size_t max,
                              struct bytes **ret) PANDO_MUST_USE;
/* Append `text` as a JSON string with its quotes. */
enum pando_status answer_string(struct pando_buf *b, const char *text) PANDO_MUST_USE;
/* Append bytes as a base64 JSON string. */
enum pando_status answer_base64(struct pando_buf *b, struct pando_slice s) PANDO_MUST_USE;

#endif
