#include "space/delta/delta_text.h"

#include <stdlib.h>

#define NUMBER_MAX 63 /* characters of a number that is plain here */

/* What came of a target that is written in two places. */
struct target {
    struct delta_pointer *p;
    bool is_object, has_context;
};

static void once(struct plain *p, unsigned *seen, unsigned member)
{
    p->failed = p->failed || (*seen & member) != 0;
    *seen |= member;
}

static void read_object(struct plain *p, struct target *t)
{
    enum { ID = 1, CONTEXT = 2 };
    unsigned seen = 0;
    plain_expect(p, '{');
    do {
        const struct pando_slice key = plain_key(p);
        if (PLAIN_IS(key, "id")) {
            once(p, &seen, ID);
            t->p->text = plain_name(p);
        } else if (PLAIN_IS(key, "context")) {
            once(p, &seen, CONTEXT);
            t->p->context = plain_name(p);
        } else {
            p->failed = true;
        }
    } while (!p->failed && plain_more(p, '}'));
    p->failed = p->failed || (seen & ID) == 0;
    t->is_object = true;
    t->has_context = (seen & CONTEXT) != 0;
    t->p->kind = DELTA_REF;
}

static bool is_of_number(uint8_t c)
{
    return (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+' || c == 'e' || c == 'E';
}

static const char *digits_end(const char *c)
{
    while (*c >= '0' && *c <= '9')
        c++;
    return c;
}

/* Whether the whole of it is JSON's number with a fraction or an exponent. Whole numbers of many
 * digits, and -0, are integers to the other reader: it shall decide. */
static bool is_fraction(const char *text)
{
    const char *c = text + (*text == '-'), *const begin = c;
    c = digits_end(c);
    bool good = c > begin && (*begin != '0' || c == begin + 1) && *c != '\0';
    if (*c == '.') {
        const char *const point = c++;
        c = digits_end(c);
        good = good && c > point + 1;
    }
    if (*c == 'e' || *c == 'E') {
        c++;
        c += *c == '+' || *c == '-';
        const char *const exponent = c;
        c = digits_end(c);
        good = good && c > exponent;
    }
    return good && *c == '\0';
}

static double read_fraction(struct plain *p)
{
    char text[NUMBER_MAX + 1], *end = text;
    size_t len = 0;
    while (p->at < p->end && is_of_number(*p->at) && len < NUMBER_MAX)
        text[len++] = (char)*p->at++;
    text[len] = '\0';
    const double value = is_fraction(text) ? strtod(text, &end) : 0;
    /* Not where the locale writes numbers otherwise; not what is too large. */
    p->failed = p->failed || len == 0 || end != text + len || value - value != 0;
    return value;
}

static double read_number(struct plain *p)
{
    struct plain whole = *p;
    const bool negative = plain_take(&whole, '-');
    if (negative && (whole.at == whole.end || !is_of_number(*whole.at)))
        whole.failed = true; /* no blanks behind a sign */
    const uint64_t number = plain_number(&whole);
    if (whole.failed || (negative && number == 0))
        return read_fraction(p);
    *p = whole;
    return negative ? -(double)number : (double)number;
}

static void read_target(struct plain *p, struct target *t)
{
    const uint8_t first = plain_peek(p);
    if (first == '{') {
        read_object(p, t);
    } else if (first == '"') {
        t->p->kind = DELTA_STRING;
        t->p->text = plain_text(p);
    } else if (first == 't' || first == 'f') {
        t->p->kind = DELTA_BOOL;
        t->p->truth = plain_bool(p);
    } else {
        t->p->kind = DELTA_NUMBER;
        t->p->number = read_number(p);
    }
}

/* A context that stands beside its target, as it was once written. */
static void settle_context(struct plain *p, struct target *t, struct pando_slice context)
{
    const bool is_text = t->p->kind == DELTA_STRING && t->p->text.len > 0;
    if (context.len == 0)
        return;
    p->failed = p->failed || t->has_context || (!t->is_object && !is_text);
    t->p->kind = DELTA_REF;
    t->p->context = context;
}

static void read_pointer(struct plain *p, struct delta_pointer *ret)
{
    enum { ROLE = 1, TARGET = 2, CONTEXT = 4 };
    struct target t = { .p = ret };
    struct pando_slice context = SLICE_EMPTY;
    unsigned seen = 0;
    *ret = (struct delta_pointer){ .kind = DELTA_REF };
    plain_expect(p, '{');
    do {
        const struct pando_slice key = plain_key(p);
        if (PLAIN_IS(key, "role") || PLAIN_IS(key, "localContext")) {
            once(p, &seen, ROLE);
            ret->role = plain_name(p);
        } else if (PLAIN_IS(key, "target")) {
            once(p, &seen, TARGET);
            read_target(p, &t);
        } else if (PLAIN_IS(key, "targetContext")) {
            once(p, &seen, CONTEXT);
            context = plain_name(p);
        } else {
            p->failed = true;
        }
    } while (!p->failed && plain_more(p, '}'));
    p->failed = p->failed || (seen & (ROLE | TARGET)) != (ROLE | TARGET);
    settle_context(p, &t, context);
}

static size_t read_pointers(struct plain *p, struct delta_room *room)
{
    size_t len = 0;
    plain_expect(p, '[');
    if (plain_take(p, ']'))
        return 0;
    do {
        if (len == DELTA_POINTERS_MAX)
            p->failed = true;
        else
            read_pointer(p, &room->pointers[len++]);
    } while (!p->failed && plain_more(p, ']'));
    return len;
}

bool delta_text_next(struct plain *p, struct delta_room *room, struct delta *ret)
{
    enum { ID = 1, AUTHOR = 2, SYSTEM = 4, TIMESTAMP = 8, POINTERS = 16, ALL = 31 };
    struct delta d = { .pointers = room->pointers };
    unsigned seen = 0;
    plain_expect(p, '{');
    do {
        const struct pando_slice key = plain_key(p);
        if (PLAIN_IS(key, "id")) {
            once(p, &seen, ID);
            d.id = plain_name(p);
        } else if (PLAIN_IS(key, "timestamp")) {
            once(p, &seen, TIMESTAMP);
            d.timestamp = (int64_t)plain_number(p);
        } else if (PLAIN_IS(key, "author")) {
            once(p, &seen, AUTHOR);
            d.author = plain_name(p);
        } else if (PLAIN_IS(key, "system")) {
            once(p, &seen, SYSTEM);
            d.system = plain_name(p);
        } else if (PLAIN_IS(key, "pointers")) {
            once(p, &seen, POINTERS);
            d.pointers_len = read_pointers(p, room);
        } else {
            p->failed = true;
        }
    } while (!p->failed && plain_more(p, '}'));
    p->failed = p->failed || seen != ALL;
    if (!p->failed)
        *ret = d;
    return !p->failed;
}

bool delta_from_text(struct pando_slice text, struct delta_room *room, struct pando_buf *buf,
                     struct delta *ret)
{
    struct plain p = plain_read(text);
    struct delta d;
    if (!delta_text_next(&p, room, &d))
        return false;
    plain_blanks(&p);
    if (p.at < p.end || delta_seal(&d, buf, NULL) != PANDO_OK)
        return false;
    *ret = d;
    return true;
}
