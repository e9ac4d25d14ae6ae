#include "ui/tui/lines.h"

#include "check.h"

#include <locale.h>
#include <stdlib.h>

static struct lines *filled(int count)
{
    struct lines *l = malloc(sizeof *l);
    CHECK(l != NULL);
    lines_init(l);
    for (int i = 1; i <= count; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "line %d", i);
        CHECK_OK(lines_add(l, text, i, 80));
    }
    return l;
}

static void finish(struct lines *l)
{
    lines_deinit(l);
    free(l);
}

static void expect(const struct lines *l, size_t cells, size_t height, const char *const *want)
{
    struct lines_row rows[16];
    lines_view(l, cells, height, rows);
    for (size_t i = 0; i < height; i++) {
        char got[64] = "";
        if (rows[i].line != NULL)
            (void)snprintf(got, sizeof got, "%.*s", (int)rows[i].len,
                           rows[i].line->text + rows[i].from);
        CHECK_STR(got, want[i]);
    }
}

static void the_newest_lines_stand_at_the_bottom(void **state)
{
    (void)state;
    struct lines *l = filled(4);
    expect(l, 80, 3, (const char *const[]){ "line 2", "line 3", "line 4" });
    expect(l, 80, 5, (const char *const[]){ "", "line 1", "line 2", "line 3", "line 4" });
    finish(l);
}

/* A narrower screen breaks lines anew; none is lost. */
static void a_resize_breaks_lines_anew(void **state)
{
    (void)state;
    struct lines *l = filled(2);
    expect(l, 5, 4, (const char *const[]){ "line ", "1", "line ", "2" });
    expect(l, 80, 2, (const char *const[]){ "line 1", "line 2" });
    finish(l);
}

static void who_reads_above_is_not_moved_by_new_lines(void **state)
{
    (void)state;
    struct lines *l = filled(6);
    lines_scroll(l, 2, 80, 3);
    expect(l, 80, 3, (const char *const[]){ "line 2", "line 3", "line 4" });
    CHECK_OK(lines_add(l, "line 7", 0, 80));
    expect(l, 80, 3, (const char *const[]){ "line 2", "line 3", "line 4" });
    lines_scroll(l, 100, 80, 3);
    expect(l, 80, 3, (const char *const[]){ "line 1", "line 2", "line 3" });
    lines_scroll(l, -100, 80, 3);
    expect(l, 80, 3, (const char *const[]){ "line 5", "line 6", "line 7" });
    finish(l);
}

static void a_short_transcript_does_not_scroll(void **state)
{
    (void)state;
    struct lines *l = filled(2);
    lines_scroll(l, 5, 80, 3);
    CHECK_EQ(l->up, 0);
    finish(l);
}

static void the_oldest_line_goes_at_the_cap(void **state)
{
    (void)state;
    struct lines *l = filled(LINES_MAX + 2);
    CHECK_EQ(l->len, LINES_MAX);
    CHECK_STR(l->at[l->head].text, "line 3");
    finish(l);
}

int main(void)
{
    CHECK(setlocale(LC_CTYPE, "C.UTF-8") != NULL);
    const struct CMUnitTest tests[] = {
        TEST(the_newest_lines_stand_at_the_bottom),
        TEST(a_resize_breaks_lines_anew),
        TEST(who_reads_above_is_not_moved_by_new_lines),
        TEST(a_short_transcript_does_not_scroll),
        TEST(the_oldest_line_goes_at_the_cap),
    };
    return CHECK_RUN(tests);
}
