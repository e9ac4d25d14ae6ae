/* jsonl_codec.h - the words of the JSON-lines chat dialect: one JSON object per line.
 *
 * What a client says is read leniently (unknown members are passed over, null counts as
 * absent, a missing term is 0), because the programs that speak it are short scripts.
 * What a node says is one line below JSONL_MAX bytes: a text that would not fit is cut
 * between two characters and marked `"cut":true`. docs/wire/chat-lines.md shows each line.
 */
#ifndef API_JSONL_CODEC_H
#define API_JSONL_CODEC_H

#include "base/buf.h"

#include <jansson.h>
#include <pando/status.h>
#include <pando/types.h>

#define JSONL_MAX      (64u << 10) /* bytes of a line, its newline counted */
#define JSONL_NAME_MAX 64          /* bytes of a room's name, of a message id */
#define JSONL_TOKEN_MAX 127
#define JSONL_ROOM     "general"
#define JSONL_NOBODY   9999 /* who speaks when no sender_id was ever said */

enum jsonl_type { JSONL_JOIN, JSONL_CHAT, JSONL_CATCHUP_REQ, JSONL_HEARTBEAT };

struct jsonl_message {
    enum jsonl_type type;
    int64_t sender_id; /* -1: not said */
    bool has_last_seq;
    uint64_t last_seq;
    char room[JSONL_NAME_MAX + 1];
    char msg_id[JSONL_NAME_MAX + 1];  /* "": not said */
    char token[JSONL_TOKEN_MAX + 1];
    const char *payload; /* of a CHAT; lives as long as `json` */
    json_t *json;
};

/* Read one line without its newline. Owns: give it back with jsonl_release.
 * Errors: PANDO_MALFORMED no JSON object; PANDO_INVALID a member of the wrong type or
 * size, an unknown type (reterr names it and the nearest). On an error `ret` holds the
 * msg_id if one was read, for the answer; there is nothing to give back. */
enum pando_status jsonl_decode(struct pando_slice line, struct jsonl_message *ret,
                               struct pando_err *reterr) PANDO_MUST_USE;
void jsonl_release(struct jsonl_message *m);

/* How to make an append harmless when it is said twice: `NAME:7` is the 7th message of
 * session NAME (they count from 1, none left out), any other id is a session of its own
 * with one message. */
struct jsonl_session {
    uint64_t client; /* 1 or more, below 2^63: of the name's SHA-256 */
    uint64_t counter;
};
struct jsonl_session jsonl_session(const char *msg_id);
/* 32 hexadecimal digits, dashes anywhere between them: the log keeps such an id. */
bool jsonl_is_uuid(const char *msg_id);

/* The number behind the last '_' (node_101 and peer_101 are 101); -1 without one. */
int64_t jsonl_sender_id(const char *sender);

/* A delivered message, as a log space tells it ({seq, term, msg_id, sender, room, text,
 * time}), as a SEQ_CHAT line or as a record of a CATCHUP_RESP. NULL: not such an object,
 * or memory is out. */
json_t *jsonl_seq_chat(const json_t *entry);
json_t *jsonl_record(const json_t *entry);
/* Append `object` as one line and give it back; false when it is NULL or does not fit. */
bool jsonl_put(struct pando_buf *out, json_t *object);
/* Append an ERROR line; `msg_id` and `status` may be NULL. */
bool jsonl_put_error(struct pando_buf *out, const char *status, const char *text,
                     const char *msg_id);

#endif
