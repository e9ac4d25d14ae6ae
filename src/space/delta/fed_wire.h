/* fed_wire.h - the messages of `rhizomedb-federation-v1`: JSON text, one object a message.
 *
 * Fourteen types; every message has `type` and `timestamp` (wall ms). What is read is checked
 * for the members that its type must have and nothing else: unknown members are ignored,
 * and a type that is not known is no error here. A message of too many values is refused
 * before it is parsed, because a parsed value is many times larger than its text.
 *
 * Fields, rules and limits: docs/wire/federation.md.
 */
#ifndef SPACE_DELTA_FED_WIRE_H
#define SPACE_DELTA_FED_WIRE_H

#include "base/buf.h"
#include "space/delta/delta.h"

#include <jansson.h>

#define FED_OBJECTS_MAX 65536  /* objects and arrays of one message */
#define FED_VALUES_MAX  524288 /* commas of one message */
#define FED_REASON_MAX  512    /* bytes of a reason or error text that are kept */

#define FED_MESSAGE_MAP(X)                                                                \
    X(HELLO, "hello") X(HELLO_ACK, "hello_ack") X(DELTA, "delta") X(DELTA_ACK, "delta_ack")  \
    X(DELTA_NACK, "delta_nack") X(SYNC_REQUEST, "sync_request") X(SYNC_START, "sync_start") \
    X(SYNC_BATCH, "sync_batch") X(SYNC_COMPLETE, "sync_complete") X(PAUSE, "pause")         \
    X(RESUME, "resume") X(PING, "ping") X(PONG, "pong") X(ERROR, "error")

enum fed_message_kind {
#define X(name, text) FED_SAYS_##name,
    FED_MESSAGE_MAP(X)
#undef X
        FED_SAYS_UNKNOWN,
};

/* One message. Slices and values borrow from `root`. */
struct fed_message {
    enum fed_message_kind kind;
    struct pando_slice type;
    int64_t timestamp; /* 0: left out */
    struct pando_slice system_id, link_id, protocol; /* HELLO, HELLO_ACK */
    struct pando_slice session;                      /* HELLO_ACK: the server's, since it started */
    struct pando_slice delta_id, reason;             /* DELTA_ACK, DELTA_NACK */
    struct pando_slice code, text;                   /* ERROR */
    bool fatal;
    bool resumes; /* HELLO_ACK: the server goes on where a pause stopped it */
    bool is_last; /* SYNC_BATCH */
    bool has_from;
    int64_t from;                       /* SYNC_REQUEST: inclusive */
    uint64_t total, batch_size, number; /* SYNC_START, SYNC_BATCH; COMPLETE: total */
    const json_t *config, *filter;      /* HELLO; SYNC_REQUEST; NULL: left out */
    const json_t *delta, *deltas;       /* DELTA; SYNC_BATCH */
    json_t *root;
    bool is_plain;            /* there is no tree: slices borrow from the text */
    struct pando_slice plain; /* DELTA: its text; SYNC_BATCH: the list's, without brackets */
    size_t plain_len;         /* deltas of the list */
};

/* Errors: PANDO_MALFORMED, PANDO_FULL reterr names what is wrong. */
enum pando_status fed_message_decode(struct pando_slice text, struct fed_message *ret,
                                     struct pando_err *reterr) PANDO_MUST_USE;
/* The same for a DELTA, a SYNC_BATCH or a DELTA_ACK that is plain (plain.h): every delta of it
 * can be read with delta_text.h. False: fed_message_decode shall say what it is. */
bool fed_message_plain(struct pando_slice text, struct delta_room *room, struct fed_message *ret);
void fed_message_deinit(struct fed_message *m);

/* Each appends one whole message. Errors: PANDO_FULL, PANDO_NOMEM: the buffer is as it was. */
/* `config` is the JSON text of fed_config_for_peer. */
enum pando_status fed_say_hello(struct pando_buf *b, int64_t now, struct pando_slice system_id,
                                struct pando_slice config) PANDO_MUST_USE;
enum pando_status fed_say_hello_ack(struct pando_buf *b, int64_t now,
                                    struct pando_slice system_id,
                                    struct pando_slice link_id,
                                    struct pando_slice session) PANDO_MUST_USE;
enum pando_status fed_say_delta(struct pando_buf *b, int64_t now,
                                const struct delta *d) PANDO_MUST_USE;
enum pando_status fed_say_ack(struct pando_buf *b, int64_t now,
                              struct pando_slice delta_id) PANDO_MUST_USE;
enum pando_status fed_say_nack(struct pando_buf *b, int64_t now, struct pando_slice delta_id,
                               struct pando_slice reason) PANDO_MUST_USE;
/* `filter`: JSON text, empty none. */
enum pando_status fed_say_sync_request(struct pando_buf *b, int64_t now,
                                       struct pando_slice filter, bool has_from,
                                       int64_t from) PANDO_MUST_USE;
enum pando_status fed_say_sync_start(struct pando_buf *b, int64_t now,
                                     uint64_t total) PANDO_MUST_USE;
/* A batch is written in three: head, deltas (delta_to_json and commas), tail. */
enum pando_status fed_say_batch_head(struct pando_buf *b, int64_t now) PANDO_MUST_USE;
enum pando_status fed_say_batch_tail(struct pando_buf *b, uint64_t number,
                                     bool is_last) PANDO_MUST_USE;
enum pando_status fed_say_sync_complete(struct pando_buf *b, int64_t now,
                                        uint64_t processed) PANDO_MUST_USE;
/* PAUSE, RESUME, PING, PONG. */
enum pando_status fed_say_plain(struct pando_buf *b, int64_t now,
                                enum fed_message_kind kind) PANDO_MUST_USE;
enum pando_status fed_say_error(struct pando_buf *b, int64_t now, const char *code,
                                struct pando_slice text, bool fatal) PANDO_MUST_USE;

#endif
