/* text.h - how wide UTF-8 text is on a terminal, and where it breaks into rows.
 *
 * A cell is one column; wide characters take two, combining marks none. A cluster is a
 * character with the marks that follow it: a cursor never stands inside one. Widths are the
 * C library's for the current locale, which must be one of UTF-8.
 */
#ifndef UI_TUI_TEXT_H
#define UI_TUI_TEXT_H

#include <pando/types.h>

/* Bytes and cells of the cluster at `text[at]`; at the end 0 bytes. What is not a character
 * counts one byte and one cell. */
size_t text_cluster(const char *text, size_t len, size_t at, size_t *ret_cells);
/* Where the cluster before `at` begins; 0 at the beginning. */
size_t text_before(const char *text, size_t len, size_t at);
size_t text_cells(const char *text, size_t len);
/* How many bytes from `from` on make one row of at most `cells`: up to the last space where
 * there is one (it stays at the row's end), else as many as fit, but at least one cluster. */
size_t text_row(const char *text, size_t len, size_t from, size_t cells);
/* Rows of the whole text; an empty one has one. */
size_t text_rows(const char *text, size_t len, size_t cells);

#endif
