/* handshake.h - the HTTP upgrade, from both sides (RFC 6455, section 4).
 *
 * Pure: the random bytes are given.
 */
#ifndef WS_HANDSHAKE_H
#define WS_HANDSHAKE_H

#include "base/buf.h"
#include "ws/url.h"

#define WS_KEY_TEXT    24
#define WS_ACCEPT_TEXT 28
#define WS_HEAD_MAX    (16u << 10) /* bytes of a server's answer */

/* A key's text out of 16 random bytes. */
void ws_key_print(const uint8_t nonce[16], char ret[WS_KEY_TEXT + 1]);
/* Whether that is the base64 of 16 bytes. */
bool ws_key_is_valid(const char *key);
/* What a server answers to that key. */
void ws_key_accept(const char *key, char ret[WS_ACCEPT_TEXT + 1]);
/* Whether a comma-separated header value names `token`, whatever its case. */
bool ws_header_names(const char *value, const char *token);

/* The client's request. */
enum pando_status ws_request_print(const struct ws_url *url, const char *key,
                                   struct pando_buf *ret) PANDO_MUST_USE;
/* Read the server's answer. `*ret_len`: its bytes; frames follow behind.
 * Errors: PANDO_BUSY it is not whole yet; else it is no upgrade, and reterr says why:
 *         PANDO_NOT_FOUND, PANDO_REFUSED, PANDO_UNAVAILABLE by its HTTP status,
 *         PANDO_UNSUPPORTED it speaks HTTP but no WebSocket here, PANDO_MALFORMED. */
enum pando_status ws_answer_read(struct pando_slice bytes, const char *key, size_t *ret_len,
                                 struct pando_err *reterr) PANDO_MUST_USE;

#endif
