/* edit.h - the line that a person is typing: cursor, editing keys, and earlier lines.
 *
 * Keys come as what they mean, not as bytes of a terminal. The cursor moves by clusters
 * (text.h). Going up shows earlier lines; what was being typed waits below the newest and
 * comes back on the way down. A line that repeats the one before is remembered once.
 *
 * Full at EDIT_MAX bytes: further characters are not taken.
 */
#ifndef UI_TUI_EDIT_H
#define UI_TUI_EDIT_H

#include <pando/types.h>

#define EDIT_MAX         16000
#define EDIT_HISTORY_MAX 200

enum edit_key {
    EDIT_LEFT,
    EDIT_RIGHT,
    EDIT_WORD_LEFT,
    EDIT_WORD_RIGHT,
    EDIT_HOME,
    EDIT_END,
    EDIT_BACKSPACE,
    EDIT_DELETE,
    EDIT_KILL_WORD, /* the word before the cursor */
    EDIT_KILL_HEAD, /* all before it */
    EDIT_KILL_TAIL, /* all behind it */
    EDIT_UP,
    EDIT_DOWN,
};

struct edit {
    char text[EDIT_MAX + 8]; /* terminated */
    size_t len, cursor;
    char *history[EDIT_HISTORY_MAX]; /* oldest first */
    size_t history_len, at;          /* `at` == history_len: the new line */
    char *draft;
};

void edit_init(struct edit *e);
void edit_deinit(struct edit *e);
void edit_press(struct edit *e, enum edit_key key);
/* Insert one UTF-8 character at the cursor. */
void edit_insert(struct edit *e, const char *bytes, size_t len);
/* Copy the line out (terminated), remember it, begin anew. Returns its length. */
size_t edit_enter(struct edit *e, char ret[EDIT_MAX + 8]);

#endif
