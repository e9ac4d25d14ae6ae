/* vectors.h - reads tests/vectors/NAME.txt: one vector a line, columns between blanks.
 *
 * Lines that begin with '#' are comments. The first column is the vector's name; a column
 * that is "-" stands for no bytes. A file that is missing or has no vector fails the
 * test.
 */
#ifndef TESTS_VECTORS_H
#define TESTS_VECTORS_H

#include "check.h"

#include <pando/types.h>

enum { VECTORS_COLUMNS = 6, VECTORS_LINE = 32768 };

struct vectors {
    FILE *file;
    size_t count;
    size_t columns_len;
    const char *columns[VECTORS_COLUMNS];
    char line[VECTORS_LINE];
    uint8_t bytes[VECTORS_COLUMNS][VECTORS_LINE / 2];
};

static inline void vectors_open(struct vectors *v, const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof path, PANDO_SOURCE_DIR "/tests/vectors/%s.txt", name);
    v->file = fopen(path, "r");
    v->count = 0;
    if (v->file == NULL)
        fail_msg("cannot open %s", path);
}

/* The next vector; false at the end, where at least one must have been read. */
static inline bool vectors_next(struct vectors *v)
{
    do {
        if (fgets(v->line, sizeof v->line, v->file) == NULL) {
            (void)fclose(v->file);
            CHECK(v->count > 0);
            return false;
        }
    } while (v->line[0] == '#' || v->line[0] == '\n');
    CHECK(strchr(v->line, '\n') != NULL);
    v->columns_len = 0;
    v->count++;
    for (char *at = strtok(v->line, " \n"); at != NULL; at = strtok(NULL, " \n")) {
        CHECK(v->columns_len < VECTORS_COLUMNS);
        v->columns[v->columns_len++] = at;
    }
    return true;
}

static inline bool vectors_is(const struct vectors *v, size_t column, const char *word)
{
    CHECK(column < v->columns_len);
    return strcmp(v->columns[column], word) == 0;
}

static inline uint8_t vectors_digit(char c)
{
    const char *digits = "0123456789abcdef", *at = c != '\0' ? strchr(digits, c) : NULL;
    CHECK(at != NULL);
    return (uint8_t)(at - digits);
}

/* The bytes of a hexadecimal column, valid until the next vector. */
static inline struct pando_slice vectors_bytes(struct vectors *v, size_t column)
{
    if (vectors_is(v, column, "-"))
        return (struct pando_slice){ v->bytes[column], 0 };
    const char *hex = v->columns[column];
    const size_t len = strlen(hex);
    CHECK(len % 2 == 0);
    for (size_t i = 0; i < len / 2; i++)
        v->bytes[column][i] =
            (uint8_t)(vectors_digit(hex[2 * i]) << 4 | vectors_digit(hex[2 * i + 1]));
    return (struct pando_slice){ v->bytes[column], len / 2 };
}

#endif
