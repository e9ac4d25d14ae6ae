#include "ui/tui/text.h"

#include "check.h"

#include <locale.h>

static size_t cells_of(const char *text)
{
    return text_cells(text, strlen(text));
}

static void wide_characters_take_two_cells_and_marks_none(void **state)
{
    (void)state;
    CHECK_EQ(cells_of("abc"), 3);
    CHECK_EQ(cells_of("\u4f60\u597d"), 4);
    CHECK_EQ(cells_of("e\u0301"), 1);
    CHECK_EQ(cells_of("\U0001f333"), 2);
    CHECK_EQ(cells_of("\xff"), 1);
    CHECK_EQ(cells_of(""), 0);
}

static void a_cluster_is_a_character_with_its_marks(void **state)
{
    (void)state;
    const char *text = "ae\u0301\u4f60";
    const size_t len = strlen(text);
    size_t cells;
    CHECK_EQ(text_cluster(text, len, 1, &cells), 3);
    CHECK_EQ(cells, 1);
    CHECK_EQ(text_before(text, len, 4), 1);
    CHECK_EQ(text_before(text, len, len), 4);
    CHECK_EQ(text_before(text, len, 0), 0);
    CHECK_EQ(text_cluster(text, len, len, &cells), 0);
}

static void rows_break_at_spaces(void **state)
{
    (void)state;
    const char *text = "one two three";
    CHECK_EQ(text_row(text, 13, 0, 8), 8);  /* "one two " */
    CHECK_EQ(text_row(text, 13, 0, 7), 8);  /* the space falls behind the edge */
    CHECK_EQ(text_row(text, 13, 0, 6), 4);  /* "one " */
    CHECK_EQ(text_row(text, 13, 0, 13), 13);
    CHECK_EQ(text_rows(text, 13, 8), 2);
    CHECK_EQ(text_rows(text, 13, 6), 3);
    CHECK_EQ(text_rows("", 0, 6), 1);
}

static void a_word_without_spaces_breaks_where_it_must(void **state)
{
    (void)state;
    const char *wide = "\u4f60\u597d\u4f60\u597d";
    CHECK_EQ(text_row("abcdef", 6, 0, 4), 4);
    CHECK_EQ(text_row(wide, 12, 0, 5), 6); /* two wide ones: the third would need a sixth cell */
    CHECK_EQ(text_row(wide, 12, 0, 1), 3); /* one at least, or it would never end */
    CHECK_EQ(text_rows(wide, 12, 5), 2);
}

/* Whatever the width, the rows together are the text. */
static void rows_lose_nothing(void **state)
{
    (void)state;
    const char *text = "a bb  ccc \u4f60\u597d e\u0301e\u0301 dddddddddddd  e";
    const size_t len = strlen(text);
    for (size_t cells = 1; cells < 40; cells++) {
        size_t at = 0, rows = 0;
        while (at < len) {
            const size_t row = text_row(text, len, at, cells);
            CHECK(row > 0);
            at += row;
            rows++;
        }
        CHECK_EQ(at, len);
        CHECK_EQ(rows, text_rows(text, len, cells));
    }
}

int main(void)
{
    CHECK(setlocale(LC_CTYPE, "C.UTF-8") != NULL);
    const struct CMUnitTest tests[] = {
        TEST(wide_characters_take_two_cells_and_marks_none),
        TEST(a_cluster_is_a_character_with_its_marks),
        TEST(rows_break_at_spaces),
        TEST(a_word_without_spaces_breaks_where_it_must),
        TEST(rows_lose_nothing),
    };
    return CHECK_RUN(tests);
}
