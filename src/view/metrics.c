#include "view/metrics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX (4u << 20)

struct metric_sample {
    size_t name, help, labels; /* offsets of strings in `text` */
    size_t first;              /* index of the first sample of this name */
    enum metric_kind kind;
    double value;
};

void metrics_init(struct metrics *m)
{
    *m = (struct metrics){ 0 };
    buf_init(&m->text, TEXT_MAX);
}

void metrics_deinit(struct metrics *m)
{
    free(m->samples);
    buf_deinit(&m->text);
    *m = (struct metrics){ 0 };
}

static bool is_name(const char *name, bool colon)
{
    for (size_t i = 0; name[i] != '\0'; i++) {
        const char c = name[i];
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                            c == '_' || (colon && c == ':');
        if (!letter && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return name[0] != '\0';
}

static const char *text_at(const struct metrics *m, size_t offset)
{
    return (const char *)m->text.ptr + offset;
}

/* Append a string with its terminator. */
static enum pando_status put_string(struct metrics *m, const char *s, size_t *ret_offset)
{
    const size_t offset = m->text.len;
    const enum pando_status st =
        buf_append(&m->text, (struct pando_slice){ (const uint8_t *)s, strlen(s) + 1 });
    if (st == PANDO_OK)
        *ret_offset = offset;
    return st;
}

/* Backslash, newline and, in labels, the quote are escaped. */
static enum pando_status put_escaped(struct pando_buf *b, const char *s, bool quotes)
{
    enum pando_status st = PANDO_OK;
    for (; *s != '\0' && st == PANDO_OK; s++) {
        if (*s == '\\' || (quotes && *s == '"'))
            st = buf_printf(b, "\\%c", *s);
        else if (*s == '\n')
            st = buf_printf(b, "\\n");
        else
            st = buf_append(b, (struct pando_slice){ (const uint8_t *)s, 1 });
    }
    return st;
}

static enum pando_status put_labels(struct metrics *m, const struct metric_label *labels,
                                    size_t *ret_offset)
{
    const size_t offset = m->text.len;
    enum pando_status st = PANDO_OK;
    for (size_t i = 0; labels != NULL && labels[i].name != NULL; i++) {
        if (i == METRIC_LABELS_MAX || !is_name(labels[i].name, false))
            return PANDO_INVALID;
        st = buf_printf(&m->text, "%c%s=\"", i == 0 ? '{' : ',', labels[i].name);
        if (st == PANDO_OK)
            st = put_escaped(&m->text, labels[i].value, true);
        if (st == PANDO_OK)
            st = buf_printf(&m->text, "\"");
        if (st != PANDO_OK)
            return st;
    }
    st = buf_append(&m->text, (struct pando_slice){ (const uint8_t *)"}",
                                                    m->text.len > offset ? 1 : 0 });
    if (st == PANDO_OK)
        st = buf_append(&m->text, (struct pando_slice){ (const uint8_t *)"", 1 });
    if (st == PANDO_OK)
        *ret_offset = offset;
    return st;
}

static enum pando_status grow(struct metrics *m)
{
    if (m->len < m->cap)
        return PANDO_OK;
    if (m->cap >= METRICS_MAX)
        return PANDO_FULL;
    const size_t cap = m->cap == 0 ? 64 : m->cap * 2;
    struct metric_sample *samples = realloc(m->samples, cap * sizeof *samples);
    if (samples == NULL)
        return PANDO_NOMEM;
    m->samples = samples;
    m->cap = cap;
    return PANDO_OK;
}

static size_t first_of(const struct metrics *m, const char *name)
{
    for (size_t i = 0; i < m->len; i++)
        if (m->samples[i].first == i && strcmp(text_at(m, m->samples[i].name), name) == 0)
            return i;
    return m->len;
}

enum pando_status metrics_add(struct metrics *m, enum metric_kind kind, const char *name,
                              const char *help, const struct metric_label *labels,
                              double value)
{
    if (!is_name(name, true))
        return PANDO_INVALID;
    enum pando_status st = grow(m);
    if (st != PANDO_OK)
        return st;
    const size_t mark = m->text.len;
    struct metric_sample s = { .first = first_of(m, name), .kind = kind, .value = value };
    if (s.first < m->len) {
        s.name = m->samples[s.first].name;
        s.help = m->samples[s.first].help;
    } else {
        st = put_string(m, name, &s.name);
        if (st == PANDO_OK)
            st = put_string(m, help, &s.help);
    }
    if (st == PANDO_OK)
        st = put_labels(m, labels, &s.labels);
    if (st != PANDO_OK) {
        m->text.len = mark;
        return st;
    }
    m->samples[m->len++] = s;
    return PANDO_OK;
}

static enum pando_status render_sample(const struct metrics *m,
                                       const struct metric_sample *s,
                                       struct pando_buf *ret)
{
    const char *name = text_at(m, s->name), *labels = text_at(m, s->labels);
    if (isnan(s->value))
        return buf_printf(ret, "%s%s NaN\n", name, labels);
    if (isinf(s->value))
        return buf_printf(ret, "%s%s %cInf\n", name, labels, s->value > 0 ? '+' : '-');
    if (floor(s->value) == s->value && fabs(s->value) < 9007199254740992.0)
        return buf_printf(ret, "%s%s %.0f\n", name, labels, s->value);
    return buf_printf(ret, "%s%s %.9g\n", name, labels, s->value);
}

enum pando_status metrics_render(const struct metrics *m, struct pando_buf *ret)
{
    enum pando_status st = PANDO_OK;
    for (size_t i = 0; i < m->len && st == PANDO_OK; i++) {
        const struct metric_sample *first = &m->samples[i];
        if (first->first != i)
            continue;
        st = buf_printf(ret, "# HELP %s ", text_at(m, first->name));
        if (st == PANDO_OK)
            st = put_escaped(ret, text_at(m, first->help), false);
        if (st == PANDO_OK)
            st = buf_printf(ret, "\n# TYPE %s %s\n", text_at(m, first->name),
                            first->kind == METRIC_COUNTER ? "counter" : "gauge");
        for (size_t j = i; j < m->len && st == PANDO_OK; j++)
            if (m->samples[j].first == i)
                st = render_sample(m, &m->samples[j], ret);
    }
    return st;
}
