/* clean.h - text that a peer chose, made fit for a terminal.
 *
 * Control characters (C0, DEL, C1) would move the cursor or worse, and characters that turn
 * the writing direction would show another text than the one that was sent: each becomes
 * '?', a newline or tab a space. What is not UTF-8 becomes '?' byte by byte.
 */
#ifndef APPS_PANDO_CHAT_CLEAN_H
#define APPS_PANDO_CHAT_CLEAN_H

#include <pando/types.h>

/* Length in bytes of the UTF-8 character at `text` (`left` bytes), and its code point; 0
 * when there is none. */
size_t chat_clean_next(const char *text, size_t left, uint32_t *ret_code);
/* Fill `ret` (terminated, whole characters only) from the `len` bytes at `text`. Returns
 * the length. */
size_t chat_clean_text(const char *text, size_t len, char *ret, size_t cap);

#endif
