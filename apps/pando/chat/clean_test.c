#include "apps/pando/chat/clean.h"

#include "check.h"

static void expect(const char *raw, size_t len, const char *want)
{
    char clean[64];
    CHECK_EQ(chat_clean_text(raw, len, clean, sizeof clean), strlen(want));
    CHECK_STR(clean, want);
}

static void ordinary_text_of_all_scripts_stays(void **state)
{
    (void)state;
    const char *text = "Gr\u00fc\u00dfe, \u4f60\u597d \U0001f333 \u05e9\u05dc\u05d5\u05dd";
    expect(text, strlen(text), text);
}

/* ESC, CSI in its one-character form, DEL, and what turns the direction of writing. */
static void what_would_move_the_cursor_is_shown_as_a_mark(void **state)
{
    (void)state;
    expect("a\x1b[2Jb", 6, "a?[2Jb");
    expect("a\xc2\x9b" "2Jb", 6, "a?2Jb");
    expect("a\x7f\x00z", 4, "a??z");
    expect("x\u202ey\u2066z", 9, "x?y?z");
    expect("a\nb\tc\rd", 7, "a b c d");
}

static void bytes_that_are_no_text_are_marked_one_by_one(void **state)
{
    (void)state;
    expect("\xff\xc0\x80\xed\xa0\x80|", 7, "??????|");
    expect("\xe4\xbd", 2, "??");
    expect("\xf4\x90\x80\x80", 4, "????");
}

/* Never half a character at the end of the room. */
static void it_ends_with_a_whole_character(void **state)
{
    (void)state;
    char clean[6];
    CHECK_EQ(chat_clean_text("\u4f60\u597d", 6, clean, sizeof clean), 3);
    CHECK_STR(clean, "\u4f60");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ordinary_text_of_all_scripts_stays),
        TEST(what_would_move_the_cursor_is_shown_as_a_mark),
        TEST(bytes_that_are_no_text_are_marked_one_by_one),
        TEST(it_ends_with_a_whole_character),
    };
    return CHECK_RUN(tests);
}
