/* transcript.h - what a member of a log space has delivered, as a file of JSON lines.
 *
 *     {"seq_no":1,"term":1,"msg_id":"...","sender_id":1,"room_id":"general",
 *      "text":"Hello","timestamp":1732795200.123}            (one line)
 *
 * The file is a copy for people and their tools; the truth is the space's journal. It is
 * written anew from there when the node starts, so deleting it deletes nothing. All of a
 * line is part of the message as the leader took it, the time too: two members that have
 * delivered the same messages hold the same bytes.
 *
 * `sender_id` is the number behind the last '_' of the sender's name (peer_1, node_9999);
 * a name without one stands there as it is. Bytes that are no text stand under "bytes" in
 * base64 in place of "text".
 *
 * Thread: one owner at a time.
 */
#ifndef HOST_TRANSCRIPT_H
#define HOST_TRANSCRIPT_H

#include "base/buf.h"

#include <jansson.h>
#include <pando/status.h>
#include <pando/types.h>

struct transcript;

/* Begin the file anew, and its folder if need be. `path` is copied.
 * Errors: PANDO_IO, PANDO_NOSPACE with the path and the reason; PANDO_NOMEM. */
enum pando_status transcript_new(const char *path, struct transcript **ret,
                                 struct pando_err *reterr) PANDO_MUST_USE;
/* Writes what is left, then closes. Accepts NULL. */
void transcript_free(struct transcript *t);

/* Append one message in the form in which the log verbs tell it: {seq, term, msg_id,
 * sender, room, text | bytes, time}. Errors: PANDO_MALFORMED it is none. */
enum pando_status transcript_put(struct transcript *t, const json_t *message) PANDO_MUST_USE;
/* Hand what was put to the system. A disk that fails is not the message's fault: the lines
 * are counted as lost and the next start writes them again. */
void transcript_flush(struct transcript *t);
/* Lines that could not be written. */
uint64_t transcript_lost(const struct transcript *t);

/* The line of a message, with its newline. Errors: as transcript_put; PANDO_FULL. */
enum pando_status transcript_line(const json_t *message, struct pando_buf *ret) PANDO_MUST_USE;

#endif
