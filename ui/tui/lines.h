/* lines.h - the transcript on the screen: lines of text, scrolled by rows.
 *
 * A line is kept whole and broken into rows for the width at hand, so a resize breaks it
 * anew and loses nothing. `up` says how many rows the view stands above the end; while it
 * stands above it, new lines do not move what is being read. The oldest line goes when there
 * are LINES_MAX.
 */
#ifndef UI_TUI_LINES_H
#define UI_TUI_LINES_H

#include <pando/status.h>
#include <pando/types.h>

#define LINES_MAX 10000

struct line {
    char *text;
    size_t len;
    int style; /* the owner's */
};

struct lines {
    struct line at[LINES_MAX]; /* a ring */
    size_t head, len;
    size_t up;
};

/* One row of the view: bytes [from, from + len) of a line. */
struct lines_row {
    const struct line *line; /* NULL: above the first line */
    size_t from, len;
};

void lines_init(struct lines *l);
void lines_deinit(struct lines *l);
/* Errors: PANDO_NOMEM. */
enum pando_status lines_add(struct lines *l, const char *text, int style, size_t cells) PANDO_MUST_USE;
/* By rows, up (positive) or down; stops at the ends. */
void lines_scroll(struct lines *l, long rows, size_t cells, size_t height);
/* The `height` rows on show, the lowest last. */
void lines_view(const struct lines *l, size_t cells, size_t height, struct lines_row *ret);

#endif
