#include "ui/tui/edit.h"

#include "ui/tui/text.h"

#include <stdlib.h>
#include <string.h>

void edit_init(struct edit *e)
{
    memset(e, 0, sizeof *e);
}

void edit_deinit(struct edit *e)
{
    for (size_t i = 0; i < e->history_len; i++)
        free(e->history[i]);
    free(e->draft);
    memset(e, 0, sizeof *e);
}

static void cut(struct edit *e, size_t from, size_t to)
{
    memmove(e->text + from, e->text + to, e->len - to + 1);
    e->len -= to - from;
    e->cursor = from;
}

static void set(struct edit *e, const char *text)
{
    e->len = strlen(text);
    memcpy(e->text, text, e->len + 1);
    e->cursor = e->len;
}

static size_t right_of(const struct edit *e, size_t at)
{
    size_t cells;
    return at + text_cluster(e->text, e->len, at, &cells);
}

/* What stands behind the cursor may be a mark that now belongs to what stands before it:
 * the cursor moves behind the whole. A cluster begins with every ASCII character. */
static void settle(struct edit *e)
{
    size_t at = e->cursor, cells;
    while (at > 0 && ((unsigned char)e->text[at - 1] & 0x80) != 0)
        at--;
    at -= at > 0;
    while (at < e->cursor)
        at += text_cluster(e->text, e->len, at, &cells);
    e->cursor = at;
}

static size_t word_left(const struct edit *e)
{
    size_t at = e->cursor;
    while (at > 0 && e->text[at - 1] == ' ')
        at--;
    while (at > 0 && e->text[at - 1] != ' ')
        at--;
    return at;
}

static size_t word_right(const struct edit *e)
{
    size_t at = e->cursor;
    while (at < e->len && e->text[at] == ' ')
        at++;
    while (at < e->len && e->text[at] != ' ')
        at++;
    return at;
}

/* To an earlier line (-1) or a later one (+1); below the newest lies the draft. */
static void walk(struct edit *e, int step)
{
    if ((step < 0 && e->at == 0) || (step > 0 && e->at == e->history_len))
        return;
    if (e->at == e->history_len) {
        free(e->draft);
        e->draft = strdup(e->text);
    }
    e->at = step < 0 ? e->at - 1 : e->at + 1;
    set(e, e->at < e->history_len ? e->history[e->at] : e->draft != NULL ? e->draft : "");
}

static void act(struct edit *e, enum edit_key key)
{
    switch (key) {
    case EDIT_LEFT:
        e->cursor = text_before(e->text, e->len, e->cursor);
        return;
    case EDIT_RIGHT:
        e->cursor = right_of(e, e->cursor);
        return;
    case EDIT_WORD_LEFT:
        e->cursor = word_left(e);
        return;
    case EDIT_WORD_RIGHT:
        e->cursor = word_right(e);
        return;
    case EDIT_HOME:
        e->cursor = 0;
        return;
    case EDIT_END:
        e->cursor = e->len;
        return;
    case EDIT_BACKSPACE:
        cut(e, text_before(e->text, e->len, e->cursor), e->cursor);
        return;
    case EDIT_DELETE:
        cut(e, e->cursor, right_of(e, e->cursor));
        return;
    case EDIT_KILL_WORD:
        cut(e, word_left(e), e->cursor);
        return;
    case EDIT_KILL_HEAD:
        cut(e, 0, e->cursor);
        return;
    case EDIT_KILL_TAIL:
        cut(e, e->cursor, e->len);
        return;
    case EDIT_UP:
        walk(e, -1);
        return;
    case EDIT_DOWN:
        walk(e, 1);
        return;
    }
}

void edit_press(struct edit *e, enum edit_key key)
{
    act(e, key);
    settle(e);
}

void edit_insert(struct edit *e, const char *bytes, size_t len)
{
    if (e->len + len > EDIT_MAX)
        return;
    memmove(e->text + e->cursor + len, e->text + e->cursor, e->len - e->cursor + 1);
    memcpy(e->text + e->cursor, bytes, len);
    e->len += len;
    e->cursor += len;
    settle(e);
}

static void remember(struct edit *e)
{
    if (e->len == 0 || (e->history_len > 0 && strcmp(e->history[e->history_len - 1], e->text) == 0))
        return;
    if (e->history_len == EDIT_HISTORY_MAX) {
        free(e->history[0]);
        memmove(e->history, e->history + 1, (EDIT_HISTORY_MAX - 1) * sizeof e->history[0]);
        e->history_len--;
    }
    char *line = strdup(e->text);
    if (line != NULL)
        e->history[e->history_len++] = line;
}

size_t edit_enter(struct edit *e, char ret[EDIT_MAX + 8])
{
    const size_t len = e->len;
    memcpy(ret, e->text, len + 1);
    remember(e);
    e->at = e->history_len;
    set(e, "");
    return len;
}
