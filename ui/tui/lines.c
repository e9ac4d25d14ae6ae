#include "ui/tui/lines.h"

#include "ui/tui/text.h"

#include <stdlib.h>
#include <string.h>

void lines_init(struct lines *l)
{
    memset(l, 0, sizeof *l);
}

static const struct line *line_at(const struct lines *l, size_t i)
{
    return &l->at[(l->head + i) % LINES_MAX];
}

void lines_deinit(struct lines *l)
{
    for (size_t i = 0; i < l->len; i++)
        free(line_at(l, i)->text);
    lines_init(l);
}

enum pando_status lines_add(struct lines *l, const char *text, int style, size_t cells)
{
    const size_t len = strlen(text);
    char *copy = malloc(len + 1);
    if (copy == NULL)
        return PANDO_NOMEM;
    memcpy(copy, text, len + 1);
    if (l->len == LINES_MAX) {
        free(l->at[l->head].text);
        l->head = (l->head + 1) % LINES_MAX;
        l->len--;
    }
    l->at[(l->head + l->len++) % LINES_MAX] = (struct line){ copy, len, style };
    if (l->up > 0)
        l->up += text_rows(text, len, cells);
    return PANDO_OK;
}

/* Rows of all lines, but no more than `enough`. */
static size_t count_rows(const struct lines *l, size_t cells, size_t enough)
{
    size_t rows = 0;
    for (size_t i = l->len; i > 0 && rows < enough; i--)
        rows += text_rows(line_at(l, i - 1)->text, line_at(l, i - 1)->len, cells);
    return rows;
}

void lines_scroll(struct lines *l, long rows, size_t cells, size_t height)
{
    if (rows < 0) {
        l->up = l->up < (size_t)-rows ? 0 : l->up - (size_t)-rows;
        return;
    }
    l->up += (size_t)rows;
    const size_t all = count_rows(l, cells, l->up + height);
    if (all < l->up + height)
        l->up = all > height ? all - height : 0;
}

/* Row `k` of a line. */
static struct lines_row row_of(const struct line *line, size_t k, size_t cells)
{
    size_t from = 0;
    while (k-- > 0)
        from += text_row(line->text, line->len, from, cells);
    return (struct lines_row){ line, from, text_row(line->text, line->len, from, cells) };
}

void lines_view(const struct lines *l, size_t cells, size_t height, struct lines_row *ret)
{
    size_t skip = l->up, place = height;
    memset(ret, 0, height * sizeof *ret);
    for (size_t i = l->len; i > 0 && place > 0; i--) {
        const struct line *line = line_at(l, i - 1);
        for (size_t k = text_rows(line->text, line->len, cells); k > 0 && place > 0; k--) {
            if (skip > 0)
                skip--;
            else
                ret[--place] = row_of(line, k - 1, cells);
        }
    }
}
