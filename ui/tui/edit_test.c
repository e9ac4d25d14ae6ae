#include "ui/tui/edit.h"

#include "check.h"

#include <locale.h>
#include <stdlib.h>

static struct edit *typed(const char *text)
{
    struct edit *e = malloc(sizeof *e);
    CHECK(e != NULL);
    edit_init(e);
    edit_insert(e, text, strlen(text));
    return e;
}

static void finish(struct edit *e)
{
    edit_deinit(e);
    free(e);
}

static void characters_go_in_at_the_cursor(void **state)
{
    (void)state;
    struct edit *e = typed("ac");
    edit_press(e, EDIT_LEFT);
    edit_insert(e, "b", 1);
    CHECK_STR(e->text, "abc");
    edit_press(e, EDIT_HOME);
    edit_press(e, EDIT_DELETE);
    CHECK_STR(e->text, "bc");
    edit_press(e, EDIT_BACKSPACE);
    CHECK_STR(e->text, "bc");
    edit_press(e, EDIT_END);
    edit_press(e, EDIT_RIGHT);
    edit_press(e, EDIT_BACKSPACE);
    CHECK_STR(e->text, "b");
    finish(e);
}

/* A letter and its accent, or a wide character, go as one. */
static void the_cursor_never_stands_inside_a_character(void **state)
{
    (void)state;
    struct edit *e = typed("\u4f60e\u0301x");
    edit_press(e, EDIT_LEFT);
    edit_press(e, EDIT_LEFT);
    CHECK_EQ(e->cursor, 3);
    edit_press(e, EDIT_DELETE);
    CHECK_STR(e->text, "\u4f60x");
    edit_press(e, EDIT_BACKSPACE);
    CHECK_STR(e->text, "x");
    finish(e);
}

/* What is typed before a mark takes it over, and the cursor stands behind both. */
static void a_mark_joins_what_is_typed_before_it(void **state)
{
    (void)state;
    struct edit *e = typed("a\u0301x");
    edit_press(e, EDIT_HOME);
    edit_press(e, EDIT_RIGHT);
    CHECK_EQ(e->cursor, 3);
    edit_press(e, EDIT_HOME);
    edit_press(e, EDIT_KILL_TAIL);
    edit_insert(e, "\u0301", 2);
    edit_press(e, EDIT_HOME);
    edit_insert(e, "e", 1);
    CHECK_STR(e->text, "e\u0301");
    CHECK_EQ(e->cursor, 3);
    finish(e);
}

static void words_and_ends_can_be_killed(void **state)
{
    (void)state;
    struct edit *e = typed("one two  three");
    edit_press(e, EDIT_KILL_WORD);
    CHECK_STR(e->text, "one two  ");
    edit_press(e, EDIT_KILL_WORD);
    CHECK_STR(e->text, "one ");
    edit_insert(e, "2 3", 3);
    edit_press(e, EDIT_WORD_LEFT);
    edit_press(e, EDIT_WORD_LEFT);
    edit_press(e, EDIT_KILL_HEAD);
    CHECK_STR(e->text, "2 3");
    edit_press(e, EDIT_WORD_RIGHT);
    edit_press(e, EDIT_KILL_TAIL);
    CHECK_STR(e->text, "2");
    finish(e);
}

static void earlier_lines_come_back_and_the_draft_waits(void **state)
{
    (void)state;
    char line[EDIT_MAX + 8];
    struct edit *e = typed("first");
    CHECK_EQ(edit_enter(e, line), 5);
    CHECK_STR(line, "first");
    CHECK_EQ(e->len, 0);
    edit_insert(e, "second", 6);
    (void)edit_enter(e, line);
    edit_insert(e, "second", 6);
    (void)edit_enter(e, line); /* remembered once */
    edit_insert(e, "draft", 5);
    edit_press(e, EDIT_UP);
    CHECK_STR(e->text, "second");
    edit_press(e, EDIT_UP);
    CHECK_STR(e->text, "first");
    edit_press(e, EDIT_UP);
    CHECK_STR(e->text, "first");
    edit_press(e, EDIT_DOWN);
    edit_press(e, EDIT_DOWN);
    CHECK_STR(e->text, "draft");
    edit_press(e, EDIT_DOWN);
    CHECK_STR(e->text, "draft");
    finish(e);
}

static void history_and_line_have_their_caps(void **state)
{
    (void)state;
    char line[EDIT_MAX + 8];
    struct edit *e = typed("");
    for (int i = 0; i < EDIT_HISTORY_MAX + 5; i++) {
        char text[16];
        const int len = snprintf(text, sizeof text, "%d", i);
        edit_insert(e, text, (size_t)len);
        (void)edit_enter(e, line);
    }
    CHECK_EQ(e->history_len, EDIT_HISTORY_MAX);
    CHECK_STR(e->history[0], "5");
    for (int i = 0; i < EDIT_MAX + 3; i++)
        edit_insert(e, "x", 1);
    CHECK_EQ(e->len, EDIT_MAX);
    finish(e);
}

int main(void)
{
    CHECK(setlocale(LC_CTYPE, "C.UTF-8") != NULL);
    const struct CMUnitTest tests[] = {
        TEST(characters_go_in_at_the_cursor),
        TEST(the_cursor_never_stands_inside_a_character),
        TEST(a_mark_joins_what_is_typed_before_it),
        TEST(words_and_ends_can_be_killed),
        TEST(earlier_lines_come_back_and_the_draft_waits),
        TEST(history_and_line_have_their_caps),
    };
    return CHECK_RUN(tests);
}
