#include "ui/tui/text.h"

#include <string.h>
#include <wchar.h>

/* One character: its bytes, and its cells (0 for a mark). */
static size_t one(const char *text, size_t left, size_t *ret_cells)
{
    wchar_t c;
    mbstate_t state;
    memset(&state, 0, sizeof state);
    const size_t len = left == 0 ? 0 : mbrtowc(&c, text, left, &state);
    *ret_cells = 1;
    if (left == 0 || len == 0 || len > left)
        return left == 0 ? 0 : 1;
    const int width = wcwidth(c);
    *ret_cells = width < 0 ? 1 : (size_t)width;
    return len;
}

size_t text_cluster(const char *text, size_t len, size_t at, size_t *ret_cells)
{
    size_t cells, size = one(text + at, len - at, ret_cells);
    while (size > 0 && at + size < len) {
        const size_t mark = one(text + at + size, len - at - size, &cells);
        if (cells != 0)
            break;
        size += mark;
    }
    return size;
}

size_t text_before(const char *text, size_t len, size_t at)
{
    size_t last = 0, cells;
    for (size_t i = 0; i < at && i < len;) {
        last = i;
        i += text_cluster(text, len, i, &cells);
    }
    return last;
}

size_t text_cells(const char *text, size_t len)
{
    size_t sum = 0, cells;
    for (size_t i = 0; i < len; sum += cells)
        i += text_cluster(text, len, i, &cells);
    return sum;
}

size_t text_row(const char *text, size_t len, size_t from, size_t cells)
{
    size_t at = from, used = 0, space = 0, width;
    while (at < len) {
        const size_t size = text_cluster(text, len, at, &width);
        if (used + width > cells && at > from) {
            if (text[at] == ' ')
                return at + 1 - from; /* the space falls behind the edge */
            return space > from ? space - from : at - from;
        }
        used += width;
        at += size;
        if (text[at - size] == ' ')
            space = at;
    }
    return len - from;
}

size_t text_rows(const char *text, size_t len, size_t cells)
{
    size_t rows = 1;
    for (size_t at = text_row(text, len, 0, cells); at < len; rows++)
        at += text_row(text, len, at, cells);
    return rows;
}
