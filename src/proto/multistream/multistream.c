#include "proto/multistream/multistream.h"

#include "base/assert.h"
#include "base/slice.h"

static const char HEADER[] = "/multistream/1.0.0";
static const char NOT_AVAILABLE[] = "na";

static void put_line(struct wire_writer *out, struct pando_slice text)
{
    wire_put_uvarint(out, text.len + 1);
    wire_put_bytes(out, text);
    wire_put_be(out, '\n', 1);
}

static enum ms_outcome fail(struct ms *m, enum pando_status status)
{
    m->status = status;
    m->outcome = MS_FAILED;
    return m->outcome;
}

static enum ms_outcome done(struct ms *m, uint32_t protocol)
{
    m->protocol = protocol;
    m->outcome = MS_DONE;
    return m->outcome;
}

/* The dialer's turn: our proposal was repeated, or refused and the next one follows. */
static enum ms_outcome on_answer(struct ms *m, struct pando_slice text,
                                 struct wire_writer *out)
{
    if (slice_equal(text, slice_text(m->names[m->proposals])))
        return done(m, m->proposals);
    if (!slice_equal(text, slice_text(NOT_AVAILABLE)))
        return fail(m, PANDO_MALFORMED);
    if (++m->proposals == m->names_len)
        return fail(m, PANDO_UNSUPPORTED);
    put_line(out, slice_text(m->names[m->proposals]));
    return MS_NEED_MORE;
}

/* The listener's turn: repeat what we speak, refuse what we do not. */
static enum ms_outcome on_proposal(struct ms *m, struct pando_slice text, bool known_form,
                                   struct wire_writer *out)
{
    uint32_t protocol;
    if (known_form && m->table.find(m->table.ctx, text, &protocol)) {
        put_line(out, text);
        return done(m, protocol);
    }
    put_line(out, slice_text(NOT_AVAILABLE));
    if (++m->proposals == MS_PROPOSALS_MAX)
        return fail(m, PANDO_FULL);
    return MS_NEED_MORE;
}

/* A line is whole. One that was longer than any name of ours is of no known form. */
static enum ms_outcome on_line(struct ms *m, struct wire_writer *out)
{
    const bool known_form = m->line_len <= sizeof m->line;
    if (known_form && m->line[m->line_len - 1] != '\n')
        return fail(m, PANDO_MALFORMED);
    const struct pando_slice text = slice_of(m->line, known_form ? m->line_len - 1u : 0);

    if (!m->greeted) {
        if (!known_form || !slice_equal(text, slice_text(HEADER)))
            return fail(m, PANDO_MALFORMED);
        m->greeted = true;
        if (!m->dialer)
            put_line(out, text);
        return MS_NEED_MORE;
    }
    if (!m->dialer)
        return on_proposal(m, text, known_form, out);
    return known_form ? on_answer(m, text, out) : fail(m, PANDO_MALFORMED);
}

/* One byte of a line's length: at most two, minimal, 1 to MS_MESSAGE_MAX. */
static enum ms_outcome on_head_byte(struct ms *m, uint8_t byte)
{
    m->head[m->head_len++] = byte;
    uint64_t len = 0;
    const int size = wire_peek_uvarint(slice_of(m->head, m->head_len), &len);
    if (size == 0)
        return m->head_len < sizeof m->head ? MS_NEED_MORE : fail(m, PANDO_MALFORMED);
    if (size < 0 || len == 0 || len > MS_MESSAGE_MAX)
        return fail(m, PANDO_MALFORMED);
    m->line_len = m->line_left = (uint16_t)len;
    return MS_NEED_MORE;
}

/* Take in what belongs to the current line; what exceeds any name is only counted. */
static size_t gather(struct ms *m, struct pando_slice in)
{
    const size_t take = in.len < m->line_left ? in.len : m->line_left;
    const size_t at = (size_t)m->line_len - m->line_left;
    if (at < sizeof m->line) {
        const size_t room = sizeof m->line - at;
        memcpy(m->line + at, in.ptr, take < room ? take : room);
    }
    m->line_left = (uint16_t)(m->line_left - take);
    return take;
}

void ms_dial_init(struct ms *m, const char *const *names, size_t names_len,
                  struct wire_writer *out)
{
    PANDO_ASSERT(names_len > 0);
    *m = (struct ms){ .dialer = true, .names = names, .names_len = names_len };
    for (size_t i = 0; i < names_len; i++)
        PANDO_ASSERT(strlen(names[i]) <= MS_NAME_MAX);
    put_line(out, slice_text(HEADER));
    put_line(out, slice_text(names[0]));
}

void ms_listen_init(struct ms *m, struct ms_table table)
{
    *m = (struct ms){ .table = table };
}

enum ms_outcome ms_feed(struct ms *m, struct pando_slice in, size_t *ret_consumed,
                        struct wire_writer *out)
{
    size_t at = 0;
    while (m->outcome == MS_NEED_MORE && at < in.len) {
        if (m->line_left == 0) {
            (void)on_head_byte(m, in.ptr[at++]);
            continue;
        }
        at += gather(m, slice_from(in, at));
        if (m->line_left > 0)
            break;
        m->head_len = 0;
        (void)on_line(m, out);
    }
    *ret_consumed = at;
    return m->outcome;
}
