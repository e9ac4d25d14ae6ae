/* plain.h - reading JSON text that is as programs print it, without a tree.
 *
 * Plain means: texts without escapes, whole numbers of at most fifteen digits, blanks anywhere.
 * Whatever else JSON allows is not wrong, it is only not plain: the cursor fails, and the reader
 * of trees (codec/json.h) says what it is. So a reader made of these accepts nothing that the
 * other refuses, as long as it checks the UTF-8 of what it took (delta_seal does).
 *
 * Once it has failed a cursor stays failed, stands still and yields zeros.
 */
#ifndef SPACE_DELTA_PLAIN_H
#define SPACE_DELTA_PLAIN_H

#include "base/slice.h"

#include <stdbool.h>

#define PLAIN_DIGITS 15

struct plain {
    const uint8_t *at, *end;
    bool failed;
};

static inline struct plain plain_read(struct pando_slice text)
{
    const uint8_t *const at = text.len > 0 ? text.ptr : (const uint8_t *)"";
    return (struct plain){ .at = at, .end = at + text.len, .failed = text.len == 0 };
}

static inline void plain_blanks(struct plain *p)
{
    while (p->at < p->end &&
           (*p->at == ' ' || *p->at == '\n' || *p->at == '\t' || *p->at == '\r'))
        p->at++;
}

/* The byte that comes next behind blanks; 0 at the end. */
static inline uint8_t plain_peek(struct plain *p)
{
    if (p->failed)
        return 0;
    plain_blanks(p);
    return p->at < p->end ? *p->at : 0;
}

/* Take `c` if it comes next. */
static inline bool plain_take(struct plain *p, uint8_t c)
{
    const bool here = plain_peek(p) == c && p->at < p->end;
    p->at += here;
    return here;
}

static inline void plain_expect(struct plain *p, uint8_t c)
{
    if (!plain_take(p, c))
        p->failed = true;
}

/* Whether one of eight bytes ends the plain part of a text: a quote, a backslash, a control. */
static inline bool plain_ends_in(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101u, tops = ones << 7;
    const uint64_t quote = word ^ ones * '"', backslash = word ^ ones * '\\';
    return (((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) |
            ((word - ones * 0x20) & ~word)) &
           tops;
}

/* A text; what is between its quotes. */
static inline struct pando_slice plain_text(struct plain *p)
{
    plain_expect(p, '"');
    const uint8_t *const begin = p->at;
    const uint8_t *at = begin;
    if (p->failed)
        return SLICE_EMPTY;
    for (uint64_t word; p->end - at >= 8; at += 8) {
        memcpy(&word, at, sizeof word); /* any byte order: only asked whether one is there */
        if (plain_ends_in(word))
            break;
    }
    while (at < p->end && *at >= 0x20 && *at != '"' && *at != '\\')
        at++;
    if (at == p->end || *at != '"') {
        p->failed = true;
        return SLICE_EMPTY;
    }
    p->at = at + 1;
    return slice_of(begin, (size_t)(at - begin));
}

/* A text that is not empty. */
static inline struct pando_slice plain_name(struct plain *p)
{
    const struct pando_slice name = plain_text(p);
    p->failed = p->failed || name.len == 0;
    return name;
}

/* The name of a member and its colon. */
static inline struct pando_slice plain_key(struct plain *p)
{
    const struct pando_slice key = plain_text(p);
    plain_expect(p, ':');
    return key;
}

static inline bool plain_is(struct pando_slice text, const char *word, size_t len)
{
    return text.len == len && memcmp(text.ptr, word, len) == 0;
}
#define PLAIN_IS(text, word) plain_is(text, word, sizeof(word) - 1)

/* A whole number that is not negative. */
static inline uint64_t plain_number(struct plain *p)
{
    (void)plain_peek(p);
    const uint8_t *const begin = p->at;
    uint64_t number = 0;
    while (!p->failed && p->at < p->end && *p->at >= '0' && *p->at <= '9' &&
           p->at - begin <= PLAIN_DIGITS)
        number = number * 10 + (uint64_t)(*p->at++ - '0');
    const size_t digits = (size_t)(p->at - begin);
    if (digits == 0 || digits > PLAIN_DIGITS || (digits > 1 && *begin == '0') ||
        (p->at < p->end && (*p->at == '.' || *p->at == 'e' || *p->at == 'E')))
        p->failed = true;
    return p->failed ? 0 : number;
}

/* `word` itself, as true and false are written. */
static inline bool plain_word(struct plain *p, const char *word, size_t len)
{
    (void)plain_peek(p);
    const bool here = !p->failed && (size_t)(p->end - p->at) >= len &&
                      memcmp(p->at, word, len) == 0;
    p->at += here ? len : 0;
    return here;
}

static inline bool plain_bool(struct plain *p)
{
    if (plain_word(p, "true", 4))
        return true;
    if (!plain_word(p, "false", 5))
        p->failed = true;
    return false;
}

/* Behind a member or an item: whether there is one more before `close`. */
static inline bool plain_more(struct plain *p, uint8_t close)
{
    if (plain_take(p, ','))
        return true;
    plain_expect(p, close);
    return false;
}

#endif
