/* tui.h - a screen with a transcript, a list beside it, two bars and a line to type in.
 *
 * A renderer: it knows no node and no protocol. Its owner gives it text to show and asks it
 * for the lines that a person entered; it never blocks. Text must be fit for a terminal.
 * The owner polls standard input, calls tui_read when there is some, tui_resize at SIGWINCH,
 * and tui_draw once after whatever has changed.
 *
 *     | title bar                                   |
 *     | transcript                   | list         |
 *     | status bar                                  |
 *     | prompt> the line being typed                |
 *
 * Keys: Enter, arrows, Home/End, Ctrl+A E B F D H K U W, Alt/Ctrl with arrows by words,
 * Up/Down for earlier lines, PgUp/PgDn to scroll, Ctrl+L to draw anew, Ctrl+C and, on an
 * empty line, Ctrl+D to leave. The list is left out where the screen is narrow.
 */
#ifndef UI_TUI_TUI_H
#define UI_TUI_TUI_H

#include <pando/status.h>
#include <pando/types.h>

enum tui_style { TUI_PLAIN, TUI_NOTE, TUI_TROUBLE, TUI_DIM, TUI_BOLD };

#define TUI_ROWS_MAX 64 /* of the list */

struct tui_row {
    char text[96];
    enum tui_style style;
};

struct tui;

/* Take the terminal. Errors: PANDO_UNSUPPORTED no terminal, or one that cannot; the text
 * says so. */
enum pando_status tui_new(struct tui **ret, struct pando_err *reterr) PANDO_MUST_USE;
/* Give it back as it was. Accepts NULL. */
void tui_free(struct tui *t);

void tui_add(struct tui *t, enum tui_style style, const char *text);
void tui_title(struct tui *t, const char *text);
void tui_status(struct tui *t, const char *text, enum tui_style style);
void tui_prompt(struct tui *t, const char *text);
void tui_list(struct tui *t, const char *title, const struct tui_row *rows, size_t len);

/* Take the keys that wait. A line that was entered comes back, valid until the next call;
 * ask again until it is NULL. */
const char *tui_read(struct tui *t);
/* The person wants to leave, or the terminal is gone. */
bool tui_wants_out(const struct tui *t);
void tui_resize(struct tui *t);
void tui_draw(struct tui *t);

#endif
