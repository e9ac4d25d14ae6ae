#include "space/delta/schema.h"

#include "base/slice.h"

#include <stdlib.h>
#include <string.h>

static bool text_is(struct pando_slice s, const char *text)
{
    return slice_equal(s, slice_text(text));
}

struct schema *schema_ref(struct schema *s)
{
    s->owners++;
    return s;
}

void schema_unref(struct schema *s)
{
    if (s == NULL || --s->owners > 0)
        return;
    for (size_t i = 0; i < s->picks_len; i++)
        free(s->picks[i].properties);
    free(s->picks);
    free(s->rules);
    json_decref(s->normal);
    free(s);
}

/* Add what is not yet among the properties. */
static size_t add(struct pando_slice property, struct pando_slice *ret, size_t len, size_t cap)
{
    for (size_t i = 0; i < len; i++)
        if (slice_equal(ret[i], property))
            return len;
    if (len < cap)
        ret[len++] = property;
    return len;
}

static const struct schema_pick *pick_for(const struct schema *s, struct pando_slice context)
{
    const struct schema_pick *other = NULL;
    for (size_t i = 0; i < s->picks_len; i++) {
        if (slice_equal(s->picks[i].context, context) && context.len > 0)
            return &s->picks[i];
        if (text_is(s->picks[i].context, "*"))
            other = &s->picks[i];
    }
    return other;
}

size_t schema_select(const struct schema *s, struct pando_slice object, const struct delta *d,
                     struct pando_slice *ret, size_t cap)
{
    size_t len = 0;
    for (size_t i = 0; i < d->pointers_len; i++) {
        const struct delta_pointer *p = &d->pointers[i];
        if (p->kind != DELTA_REF || !slice_equal(p->text, object))
            continue;
        if (s->picks == NULL) {
            if (p->context.len > 0)
                len = add(p->context, ret, len, cap);
            continue;
        }
        const struct schema_pick *pick = pick_for(s, p->context);
        for (size_t k = 0; pick != NULL && k < pick->properties_len; k++)
            len = add(pick->properties[k], ret, len, cap);
    }
    return len;
}

static bool target_is(const struct delta_pointer *p, const json_t *value)
{
    if (json_is_string(value))
        return p->kind == DELTA_STRING &&
               slice_equal(p->text, slice_of(json_string_value(value), json_string_length(value)));
    if (json_is_boolean(value))
        return p->kind == DELTA_BOOL && p->truth == json_is_true(value);
    if (p->kind != DELTA_NUMBER)
        return false;
    const double want = json_number_value(value);
    return p->number >= want && p->number <= want;
}

static bool part_holds(struct pando_slice want, struct pando_slice have)
{
    return want.len == 0 || slice_equal(want, have);
}

static bool when_holds(const struct schema_when *w, const struct delta *d,
                       const struct delta_pointer *p)
{
    const bool ref = p->kind == DELTA_REF;
    if (!part_holds(w->target_context, ref ? p->context : SLICE_EMPTY) ||
        !part_holds(w->target_id, ref ? p->text : SLICE_EMPTY) ||
        !part_holds(w->author, d->author) || !part_holds(w->system, d->system))
        return false;
    if (w->role.len == 0)
        return true;
    for (size_t i = 0; i < d->pointers_len; i++)
        if (slice_equal(d->pointers[i].role, w->role) &&
            (w->equals == NULL || target_is(&d->pointers[i], w->equals)))
            return true;
    return false;
}

const struct schema_rule *schema_rule_for(const struct schema *s, const struct delta *d,
                                          const struct delta_pointer *p)
{
    for (size_t i = 0; i < s->rules_len; i++)
        if (slice_equal(s->rules[i].role, p->role) && when_holds(&s->rules[i].when, d, p))
            return &s->rules[i];
    return NULL;
}

static const struct {
    const char *name;
    enum schema_primitive kind;
} PRIMITIVES[] = {
    { "String", SCHEMA_STRING },   { "String.EmailAddress", SCHEMA_EMAIL },
    { "Integer", SCHEMA_INTEGER }, { "Integer.Year", SCHEMA_YEAR },
    { "Boolean", SCHEMA_BOOLEAN },
};

enum schema_primitive schema_primitive_of(struct pando_slice id)
{
    for (size_t i = 0; i < sizeof PRIMITIVES / sizeof PRIMITIVES[0]; i++)
        if (text_is(id, PRIMITIVES[i].name))
            return PRIMITIVES[i].kind;
    return SCHEMA_OBJECT;
}

/* One "@", something before it, behind it a name with a point inside, no blanks. */
static bool is_email(struct pando_slice s)
{
    size_t at = 0, point = 0;
    for (size_t i = 0; i < s.len; i++) {
        const uint8_t c = s.ptr[i];
        if (c <= ' ' || c == 0x7f || (c == '@' && (at > 0 || i == 0)))
            return false;
        if (c == '@')
            at = i;
        else if (c == '.' && at > 0 && i > at + 1)
            point = i;
    }
    return s.len <= 254 && at > 0 && point > 0 && s.ptr[s.len - 1] != '.';
}

/* Whole, and told apart from its neighbours. */
static bool is_integer(double n)
{
    if (!(n >= -(double)DELTA_TIME_MAX && n <= (double)DELTA_TIME_MAX))
        return false;
    const double whole = (double)(int64_t)n;
    return whole >= n && whole <= n;
}

bool schema_validates(enum schema_primitive kind, const struct delta_pointer *p)
{
    switch (kind) {
    case SCHEMA_STRING:
        return p->kind == DELTA_STRING;
    case SCHEMA_EMAIL:
        return p->kind == DELTA_STRING && is_email(p->text);
    case SCHEMA_INTEGER:
        return p->kind == DELTA_NUMBER && is_integer(p->number);
    case SCHEMA_YEAR:
        return p->kind == DELTA_NUMBER && is_integer(p->number) && p->number >= 1800 &&
               p->number <= 2100;
    case SCHEMA_BOOLEAN:
        return p->kind == DELTA_BOOL;
    case SCHEMA_OBJECT:
        return p->kind == DELTA_REF;
    }
    return false;
}
