#include "ui/tui/tui.h"

#include "ui/tui/edit.h"
#include "ui/tui/lines.h"
#include "ui/tui/text.h"

#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <ncurses.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#define LIST_CELLS   30
#define LIST_MIN     70 /* columns of a screen that has room for the list */
#define HEIGHT_MAX   1000
#define CONTROL(letter) ((letter) - '@')
#define ESCAPE_MS    25

struct tui {
    SCREEN *screen;
    struct lines lines;
    struct edit edit;
    char entered[EDIT_MAX + 8];
    char title[256], status[256], prompt[80], list_title[64];
    enum tui_style status_style;
    struct tui_row list[TUI_ROWS_MAX];
    size_t list_len;
    bool wants_out;
};

/* Columns and rows of the transcript. */
static size_t transcript_cells(void)
{
    const int cells = COLS >= LIST_MIN ? COLS - LIST_CELLS - 1 : COLS;
    return cells < 1 ? 1 : (size_t)cells;
}

static size_t transcript_height(void)
{
    return LINES < 4 ? 1 : (size_t)LINES - 3;
}

enum pando_status tui_new(struct tui **ret, struct pando_err *reterr)
{
    (void)setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        (void)setlocale(LC_CTYPE, "C.UTF-8");
    struct tui *t = calloc(1, sizeof *t);
    if (t == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "memory is out");
    t->screen = newterm(NULL, stdout, stdin);
    if (t->screen == NULL) {
        free(t);
        return pando_err_set(reterr, PANDO_UNSUPPORTED,
                             "this terminal cannot show a screen (TERM=%.40s); use --plain",
                             getenv("TERM") != NULL ? getenv("TERM") : "");
    }
    lines_init(&t->lines);
    edit_init(&t->edit);
    (void)raw(); /* Ctrl+S must not stop the screen, nor Ctrl+Z the node */
    (void)noecho();
    (void)nodelay(stdscr, TRUE);
    (void)keypad(stdscr, TRUE);
    (void)set_escdelay(ESCAPE_MS);
    if (has_colors()) {
        (void)start_color();
        (void)use_default_colors();
        (void)init_pair(TUI_NOTE, COLOR_CYAN, -1);
        (void)init_pair(TUI_TROUBLE, COLOR_RED, -1);
    }
    *ret = t;
    return PANDO_OK;
}

void tui_free(struct tui *t)
{
    if (t == NULL)
        return;
    (void)endwin();
    delscreen(t->screen);
    lines_deinit(&t->lines);
    edit_deinit(&t->edit);
    free(t);
}

void tui_add(struct tui *t, enum tui_style style, const char *text)
{
    (void)!lines_add(&t->lines, text, (int)style, transcript_cells());
}

static void copy(char *place, size_t cap, const char *text)
{
    const size_t len = strlen(text);
    size_t fits = 0, cells;
    while (fits < len && fits < cap - 8)
        fits += text_cluster(text, len, fits, &cells);
    memcpy(place, text, fits < cap ? fits : cap - 1);
    place[fits < cap ? fits : cap - 1] = '\0';
}

void tui_title(struct tui *t, const char *text)
{
    copy(t->title, sizeof t->title, text);
}

void tui_status(struct tui *t, const char *text, enum tui_style style)
{
    copy(t->status, sizeof t->status, text);
    t->status_style = style;
}

void tui_prompt(struct tui *t, const char *text)
{
    copy(t->prompt, sizeof t->prompt, text);
}

void tui_list(struct tui *t, const char *title, const struct tui_row *rows, size_t len)
{
    copy(t->list_title, sizeof t->list_title, title);
    t->list_len = len < TUI_ROWS_MAX ? len : TUI_ROWS_MAX;
    for (size_t i = 0; i < t->list_len; i++)
        t->list[i] = rows[i];
}

static void insert(struct tui *t, wint_t c)
{
    char bytes[MB_LEN_MAX];
    mbstate_t state;
    memset(&state, 0, sizeof state);
    const size_t len = wcrtomb(bytes, (wchar_t)c, &state);
    if (len != (size_t)-1 && c >= 0x20 && c != 0x7f && !(c >= 0x80 && c < 0xa0))
        edit_insert(&t->edit, bytes, len);
}

static void scroll_by(struct tui *t, long pages)
{
    const size_t height = transcript_height();
    lines_scroll(&t->lines, pages * (long)(height > 2 ? height - 1 : 1), transcript_cells(), height);
}

static void press_special(struct tui *t, wint_t key)
{
    static const struct {
        int key;
        enum edit_key means;
    } keys[] = {
        { KEY_LEFT, EDIT_LEFT },           { KEY_RIGHT, EDIT_RIGHT },   { KEY_HOME, EDIT_HOME },
        { KEY_END, EDIT_END },             { KEY_DC, EDIT_DELETE },     { KEY_UP, EDIT_UP },
        { KEY_BACKSPACE, EDIT_BACKSPACE }, { KEY_DOWN, EDIT_DOWN },     { KEY_SLEFT, EDIT_WORD_LEFT },
        { KEY_SRIGHT, EDIT_WORD_RIGHT },
    };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (keys[i].key == (int)key)
            edit_press(&t->edit, keys[i].means);
    if (key == KEY_PPAGE)
        scroll_by(t, 1);
    if (key == KEY_NPAGE)
        scroll_by(t, -1);
    const char *name = keyname((int)key); /* words by Ctrl or Alt: names of terminfo's own */
    if (name != NULL && (strcmp(name, "kLFT5") == 0 || strcmp(name, "kLFT3") == 0))
        edit_press(&t->edit, EDIT_WORD_LEFT);
    if (name != NULL && (strcmp(name, "kRIT5") == 0 || strcmp(name, "kRIT3") == 0))
        edit_press(&t->edit, EDIT_WORD_RIGHT);
}

/* True: a line was entered. */
static bool press(struct tui *t, wint_t c)
{
    switch (c) {
    case '\r':
    case '\n':
        t->lines.up = 0;
        return edit_enter(&t->edit, t->entered) > 0;
    case CONTROL('C'):
        t->wants_out = true;
        return false;
    case CONTROL('D'):
        if (t->edit.len == 0)
            t->wants_out = true;
        edit_press(&t->edit, EDIT_DELETE);
        return false;
    case CONTROL('L'):
        (void)clearok(curscr, TRUE);
        return false;
    case CONTROL('A'):
        edit_press(&t->edit, EDIT_HOME);
        return false;
    case CONTROL('E'):
        edit_press(&t->edit, EDIT_END);
        return false;
    case CONTROL('B'):
        edit_press(&t->edit, EDIT_LEFT);
        return false;
    case CONTROL('F'):
        edit_press(&t->edit, EDIT_RIGHT);
        return false;
    case CONTROL('H'):
    case 0x7f:
        edit_press(&t->edit, EDIT_BACKSPACE);
        return false;
    case CONTROL('K'):
        edit_press(&t->edit, EDIT_KILL_TAIL);
        return false;
    case CONTROL('U'):
        edit_press(&t->edit, EDIT_KILL_HEAD);
        return false;
    case CONTROL('W'):
        edit_press(&t->edit, EDIT_KILL_WORD);
        return false;
    default:
        insert(t, c);
        return false;
    }
}

const char *tui_read(struct tui *t)
{
    wint_t c;
    int kind;
    bool any = false;
    while ((kind = get_wch(&c)) != ERR) {
        any = true;
        if (kind == KEY_CODE_YES)
            press_special(t, c);
        else if (press(t, c))
            return t->entered;
    }
    int waiting = 0;
    if (!any && (ioctl(STDIN_FILENO, FIONREAD, &waiting) != 0 || !isatty(STDIN_FILENO)))
        t->wants_out = true;
    return NULL;
}

bool tui_wants_out(const struct tui *t)
{
    return t->wants_out;
}

void tui_resize(struct tui *t)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0)
        return;
    (void)resizeterm(size.ws_row, size.ws_col);
    (void)clearok(curscr, TRUE);
    lines_scroll(&t->lines, 0, transcript_cells(), transcript_height());
}

static void use(enum tui_style style)
{
    (void)attrset(A_NORMAL);
    if (style == TUI_DIM)
        (void)attron(A_DIM);
    if (style == TUI_BOLD)
        (void)attron(A_BOLD);
    if ((style == TUI_NOTE || style == TUI_TROUBLE) && has_colors())
        (void)attron(COLOR_PAIR(style));
    else if (style == TUI_TROUBLE)
        (void)attron(A_BOLD);
}

/* Bytes of `text` that fit into so many cells. */
static size_t fitting(const char *text, size_t len, size_t cells)
{
    size_t at = 0, used = 0, width;
    while (at < len) {
        const size_t size = text_cluster(text, len, at, &width);
        if (used + width > cells)
            break;
        used += width;
        at += size;
    }
    return at;
}

static void put(int row, int column, const char *text, size_t len, size_t cells)
{
    (void)mvaddnstr(row, column, text, (int)fitting(text, len, cells));
}

static void draw_bar(int row, const char *text)
{
    (void)attron(A_REVERSE);
    (void)mvhline(row, 0, ' ', COLS);
    put(row, 0, text, strlen(text), (size_t)COLS);
    (void)attrset(A_NORMAL);
}

static void draw_transcript(const struct tui *t)
{
    static const struct lines_row nothing;
    struct lines_row rows[HEIGHT_MAX];
    const size_t height = transcript_height() < HEIGHT_MAX ? transcript_height() : HEIGHT_MAX;
    rows[0] = nothing;
    lines_view(&t->lines, transcript_cells(), height, rows);
    for (size_t i = 0; i < height; i++) {
        if (rows[i].line == NULL)
            continue;
        use((enum tui_style)rows[i].line->style);
        put((int)i + 1, 0, rows[i].line->text + rows[i].from, rows[i].len, transcript_cells());
    }
    (void)attrset(A_NORMAL);
}

static void draw_list(const struct tui *t)
{
    if (COLS < LIST_MIN)
        return;
    const int left = COLS - LIST_CELLS;
    const size_t height = transcript_height();
    (void)mvvline(1, left - 1, 0, (int)height);
    (void)attron(A_BOLD);
    put(1, left, t->list_title, strlen(t->list_title), LIST_CELLS);
    for (size_t i = 0; i < t->list_len && i + 1 < height; i++) {
        use(t->list[i].style);
        put((int)i + 2, left, t->list[i].text, strlen(t->list[i].text), LIST_CELLS);
    }
    (void)attrset(A_NORMAL);
}

/* The typed line scrolls sideways so that the cursor stays on the screen. */
static void draw_input(const struct tui *t)
{
    const struct edit *e = &t->edit;
    const int row = LINES - 1;
    const size_t head = text_cells(t->prompt, strlen(t->prompt));
    const size_t room = (size_t)COLS > head + 2 ? (size_t)COLS - head - 1 : 1;
    size_t from = 0, cells;
    while (text_cells(e->text + from, e->cursor - from) > room - 1 && from < e->cursor)
        from += text_cluster(e->text, e->len, from, &cells);
    (void)attron(A_BOLD);
    put(row, 0, t->prompt, strlen(t->prompt), (size_t)COLS);
    (void)attrset(A_NORMAL);
    put(row, (int)head, e->text + from, e->len - from, room);
    (void)move(row, (int)(head + text_cells(e->text + from, e->cursor - from)));
}

void tui_draw(struct tui *t)
{
    char status[320];
    (void)erase();
    draw_bar(0, t->title);
    draw_transcript(t);
    draw_list(t);
    if (t->lines.up > 0)
        (void)snprintf(status, sizeof status, " %zu rows below: PgDn | %s", t->lines.up, t->status);
    else
        (void)snprintf(status, sizeof status, "%s", t->status);
    if (LINES >= 3) {
        use(t->status_style);
        draw_bar(LINES - 2, status);
    }
    draw_input(t);
    (void)refresh();
}
