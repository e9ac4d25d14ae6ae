/* cbor.h - strict DAG-CBOR: one value, one encoding.
 *
 * The reader accepts exactly what the writer emits: minimal heads, definite lengths,
 * 64-bit floats without NaN or infinity, text keys unique and sorted by (length, bytes),
 * tag 42 only, valid UTF-8, nothing behind the value. cbor_check() proves all of that for
 * a whole value, iteratively and with a cap on depth; after it, the pull reader may be
 * trusted about order and depth, and a decoder built on it only has to check the fields
 * it wants.
 */
#ifndef CODEC_CBOR_H
#define CODEC_CBOR_H

#include "codec/wire.h"

#include <pando/status.h>

#define CBOR_DEPTH_MAX 64

enum cbor_kind {
    CBOR_UINT,
    CBOR_NINT,
    CBOR_BYTES,
    CBOR_TEXT,
    CBOR_ARRAY,
    CBOR_MAP,
    CBOR_LINK,
    CBOR_FALSE,
    CBOR_TRUE,
    CBOR_NULL,
    CBOR_FLOAT,
};

struct cbor_item {
    enum cbor_kind kind;
    uint64_t value; /* UINT; NINT as -1 - value; ARRAY and MAP: element or pair count */
    double number;  /* FLOAT */
    struct pando_slice bytes; /* BYTES, TEXT, LINK (the CID's bytes without the 00) */
};

/* Whether `bytes` is exactly one strict value. Errors: PANDO_MALFORMED. */
enum pando_status cbor_check(struct pando_slice bytes) PANDO_MUST_USE;
/* The same for an item that lies inside `outer` containers: they count as depth. */
enum pando_status cbor_check_inside(struct pando_slice bytes, size_t outer) PANDO_MUST_USE;

/* The next item's head (and its bytes for strings). Sets r->failed on anything not strict
 * in itself; order of keys is cbor_check's part. False after a failure. */
bool cbor_next(struct wire_reader *r, struct cbor_item *ret_item);
/* Typed reads: fail (sticky) when the next item is of another kind. */
uint64_t cbor_get_uint(struct wire_reader *r);
int64_t cbor_get_int(struct wire_reader *r);
struct pando_slice cbor_get_bytes(struct wire_reader *r, size_t max);
struct pando_slice cbor_get_text(struct wire_reader *r, size_t max);
size_t cbor_get_array(struct wire_reader *r, size_t max);
size_t cbor_get_map(struct wire_reader *r, size_t max);
bool cbor_get_bool(struct wire_reader *r);
/* A link to a sha2-256 CIDv1 of `codec`. */
struct pando_id cbor_get_link(struct wire_reader *r, uint16_t codec);
/* The next item must be the text `key`: for maps whose fields are all required. */
void cbor_expect_key(struct wire_reader *r, const char *key);
/* Skip one whole value and give its bytes. */
struct pando_slice cbor_skip(struct wire_reader *r);

void cbor_put_uint(struct wire_writer *w, uint64_t value);
void cbor_put_int(struct wire_writer *w, int64_t value);
/* The integer -1 - value, down to -2^64. */
void cbor_put_nint(struct wire_writer *w, uint64_t value);
void cbor_put_bytes(struct wire_writer *w, struct pando_slice s);
/* Fails (sticky) on text that is not UTF-8; so does put_float on NaN and infinities. */
void cbor_put_text(struct wire_writer *w, struct pando_slice s);
void cbor_put_key(struct wire_writer *w, const char *key);
void cbor_put_array(struct wire_writer *w, size_t len);
void cbor_put_map(struct wire_writer *w, size_t len);
void cbor_put_bool(struct wire_writer *w, bool value);
void cbor_put_null(struct wire_writer *w);
void cbor_put_float(struct wire_writer *w, double value);
/* A link to any CID; fails (sticky) on bytes that are none. */
void cbor_put_cid(struct wire_writer *w, struct pando_slice cid);
void cbor_put_link(struct wire_writer *w, uint16_t codec, const struct pando_id *id);

#endif
