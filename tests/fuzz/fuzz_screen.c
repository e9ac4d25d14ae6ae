/* fuzz_screen.c - hostile text on its way to a terminal, and keys pressed in any order.
 *
 * The first bytes are keys, the rest is text. Properties: what is cleaned is UTF-8 without
 * a control character, and cleaning it again changes nothing; rows of every width are the
 * whole text, none empty and none too wide unless one character is; whatever is pressed,
 * the cursor stands inside the line and never inside a character.
 */
#include "apps/pando/chat/clean.h"
#include "ui/tui/edit.h"
#include "ui/tui/text.h"

#include "base/assert.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 2000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_clean(const char *text, size_t len)
{
    char again[TEXT_MAX + 8];
    for (size_t at = 0; at < len;) {
        uint32_t code;
        const size_t step = chat_clean_next(text + at, len - at, &code);
        PANDO_ASSERT(step > 0 && code >= 0x20 && !(code >= 0x7f && code < 0xa0));
        at += step;
    }
    PANDO_ASSERT(chat_clean_text(text, len, again, sizeof again) == len);
    PANDO_ASSERT(memcmp(text, again, len) == 0);
}

static void check_rows(const char *text, size_t len, size_t cells)
{
    size_t rows = 0, one;
    for (size_t at = 0; at < len; rows++) {
        const size_t row = text_row(text, len, at, cells);
        PANDO_ASSERT(row > 0 && row <= len - at);
        const size_t shown = row - (row > 1 && text[at + row - 1] == ' '); /* behind the edge */
        PANDO_ASSERT(text_cluster(text, len, at, &one) >= shown ||
                     text_cells(text + at, shown) <= cells);
        at += row;
    }
    PANDO_ASSERT(rows == text_rows(text, len, cells) || len == 0);
}

static void press(struct edit *e, uint8_t key, const char *text, size_t len)
{
    char line[EDIT_MAX + 8];
    if (key % 16 <= EDIT_DOWN) {
        edit_press(e, (enum edit_key)(key % 16));
    } else if (key % 16 == EDIT_DOWN + 1) {
        (void)edit_enter(e, line);
    } else {
        for (size_t at = 0, step; at < len && at < 64; at += step) {
            uint32_t code;
            step = chat_clean_next(text + at, len - at, &code);
            edit_insert(e, text + at, step);
        }
    }
    size_t at = 0, cells;
    PANDO_ASSERT(e->cursor <= e->len && e->len <= EDIT_MAX && strlen(e->text) == e->len);
    while (at < e->cursor)
        at += text_cluster(e->text, e->len, at, &cells);
    PANDO_ASSERT(at == e->cursor);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[TEXT_MAX + 8];
    struct edit *e = malloc(sizeof *e);
    if (e == NULL)
        abort();
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    const size_t keys = size > 0 && (size_t)data[0] % 32 < size ? (size_t)data[0] % 32 : 0;
    const size_t len = chat_clean_text((const char *)data + keys, size - keys, text, TEXT_MAX);
    check_clean(text, len);
    for (size_t cells = 1; cells < 12; cells++)
        check_rows(text, len, cells);
    edit_init(e);
    for (size_t i = 0; i < keys; i++)
        press(e, data[i], text, len);
    edit_deinit(e);
    free(e);
    return 0;
}
