/* json.h - JSON in and out: what people and their tools speak to a node.
 *
 * Values inside are DAG-CBOR; at the edge they are DAG-JSON, its text form: bytes are
 * {"/":{"bytes":"base64 without padding"}}, links {"/":"CID"}. The bridge is strict: text
 * is at most JSON_TEXT_MAX long and JSON_DEPTH_MAX deep, duplicate keys are refused. What
 * comes from CBOR keeps the order of its keys, so the text is DAG-JSON's data model but
 * not necessarily its canonical order: never hash it. The objects that stand for bytes
 * and links count as levels of the text.
 *
 * Numbers: an integer beyond int64 is printed from CBOR but refused in text (jansson has
 * no such type); a number with a point or an exponent is a float.
 *
 * The names begin with json_text_, for jansson owns json_.
 */
#ifndef CODEC_JSON_H
#define CODEC_JSON_H

#include "base/buf.h"

#include <jansson.h>
#include <pando/status.h>

#define JSON_TEXT_MAX (8u << 20)
#define JSON_DEPTH_MAX 64

/* Parse one JSON value (any type; strings may hold \u0000). Owns: the caller gives the
 * value back with json_decref. Errors: PANDO_MALFORMED, reterr tells line and column;
 * PANDO_FULL longer than `max` or JSON_TEXT_MAX. */
enum pando_status json_text_parse(struct pando_slice text, size_t max, json_t **ret_value,
                                  struct pando_err *reterr) PANDO_MUST_USE;
/* The same with JavaScript's numbers: an integer beyond int64 is read as a float, which is how
 * programs print large floats. */
enum pando_status json_text_parse_js(struct pando_slice text, size_t max, json_t **ret_value,
                                     struct pando_err *reterr) PANDO_MUST_USE;
/* Append `text` as a JSON string with its quotes. Any bytes: what is not UTF-8 becomes
 * U+FFFD, so a log line or an error always remains readable JSON.
 * Errors: PANDO_FULL, PANDO_NOMEM; the buffer is as it was. */
enum pando_status json_text_escape(struct pando_buf *b,
                                   struct pando_slice text) PANDO_MUST_USE;

/* Append a finite number: the shortest decimal of 15 to 17 digits that reads back as the
 * same double, always with a point or an exponent. Errors: PANDO_FULL, PANDO_NOMEM. */
enum pando_status json_text_float(struct pando_buf *b, double value) PANDO_MUST_USE;

/* Append the DAG-CBOR of DAG-JSON text. Errors: as json_text_parse; PANDO_FULL the
 * buffer's cap; the buffer is as it was. */
enum pando_status json_text_to_cbor(struct pando_slice text, struct pando_buf *cbor,
                                    struct pando_err *reterr) PANDO_MUST_USE;
/* Append the DAG-CBOR of a parsed value; `max` caps it. Errors: PANDO_MALFORMED a link or
 * bytes object that is none; PANDO_FULL; the buffer is as it was. */
enum pando_status json_text_encode(const json_t *value, struct pando_buf *cbor,
                                   struct pando_err *reterr) PANDO_MUST_USE;
/* Append the DAG-JSON text of one strict DAG-CBOR value. Errors: PANDO_MALFORMED not
 * strict; PANDO_UNSUPPORTED a map that in DAG-JSON would read as bytes or a link;
 * PANDO_FULL; the buffer is as it was. */
enum pando_status json_text_from_cbor(struct pando_slice cbor,
                                      struct pando_buf *text) PANDO_MUST_USE;

#endif
