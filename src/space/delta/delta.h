/* delta.h - the one thing that a delta space keeps: an immutable assertion.
 *
 * A delta says who (author) asserted what (pointers) where (system) and when (timestamp).
 * It is named by the id that its author gave it, which round-trips unchanged. Nothing is
 * agreed on: a space is the set of deltas it has seen; conflicts are resolved when read.
 *
 * One delta has one encoding, its canonical bytes: DAG-CBOR of
 *
 *     {"id": text, "author": text, "system": text, "pointers": [POINTER...], "timestamp": uint}
 *     POINTER = {"role": text, "target": TEXT | NUMBER | BOOL | {"id": text, "context"?: text}}
 *
 * (keys in DAG-CBOR's order). A number that is whole and less than 2^53 either way is an
 * integer, any other a float: JSON does not tell 1 from 1.0, so neither do we. The *name* of a delta is
 * the first 16 bytes of SHA-256 of its id, its *digest* those of its canonical bytes.
 *
 * Two deltas with one id and different bytes are a conflict: the one with the lesser digest
 * counts, on every instance, whatever came first.
 *
 * `struct delta` borrows from the bytes it was read from. Thread: any; pure.
 */
#ifndef SPACE_DELTA_DELTA_H
#define SPACE_DELTA_DELTA_H

#include "base/buf.h"

#include <pando/status.h>
#include <pando/types.h>

#define DELTA_TEXT_MAX     (64u << 10) /* bytes of one string target */
#define DELTA_NAME_MAX     512         /* bytes of an id, author, system, role, context */
#define DELTA_POINTERS_MAX 256
#define DELTA_BYTES_MAX    (128u << 10) /* canonical bytes of one delta */
#define DELTA_TIME_MAX     INT64_C(9007199254740991)

enum delta_target_kind { DELTA_REF, DELTA_STRING, DELTA_NUMBER, DELTA_BOOL };

struct delta_pointer {
    struct pando_slice role;
    enum delta_target_kind kind;
    struct pando_slice text;    /* STRING; REF: the object's id */
    struct pando_slice context; /* REF: the property of the object; empty: none */
    double number;
    bool truth;
};

/* 16 bytes of SHA-256: of an id (its name) or of canonical bytes (its digest). */
struct delta_hash {
    uint8_t bytes[16];
};

struct delta {
    struct pando_slice id, author, system;
    int64_t timestamp; /* ms since 1970 */
    const struct delta_pointer *pointers;
    size_t pointers_len;
    struct pando_slice bytes; /* canonical */
    struct delta_hash name;   /* of the id */
    struct delta_hash digest; /* of `bytes` */
};

/* Room for the pointers of one delta; whoever decodes gives one. */
struct delta_room {
    struct delta_pointer pointers[DELTA_POINTERS_MAX];
};

/* Read canonical bytes. The delta borrows `bytes` and `room`.
 * Errors: PANDO_MALFORMED not strict, or a rule of the model is broken. */
enum pando_status delta_decode(struct pando_slice bytes, struct delta_room *room,
                               struct delta *ret) PANDO_MUST_USE;
/* The same, but name and digest are left out (zeros): for a caller who knows them, or needs none. */
enum pando_status delta_parse(struct pando_slice bytes, struct delta_room *room,
                              struct delta *ret) PANDO_MUST_USE;
/* Check a delta whose fields (but for bytes, name, digest) were filled in, append its
 * canonical bytes to `buf`, and point it at them. `buf` must not move afterwards.
 * Errors: PANDO_INVALID reterr names the field and the rule; PANDO_FULL, PANDO_NOMEM. */
enum pando_status delta_seal(struct delta *d, struct pando_buf *buf,
                             struct pando_err *reterr) PANDO_MUST_USE;
struct delta_hash delta_name_of(struct pando_slice id);

#endif
