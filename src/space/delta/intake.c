/* intake.c - calls that bring deltas: create, negate, import.
 *
 * Calls take turns: each stages a slice of what a turn of the loop is to stage, and whoever has more
 * goes behind the others, so that a small call is not kept by a large one that came before. A call
 * is answered when the last of its deltas is durable. A create is checked as a whole
 * before its first delta is staged; an import goes line by line and says which lines it
 * refused.
 */
#include "space/delta/engine.h"

#include "base/slice.h"
#include "codec/json.h"
#include "space/delta/delta_text.h"
#include "space/delta/negate.h"

#include <stdlib.h>
#include <string.h>

#define REASONS_MAX     100 /* refused lines that an answer tells of */
#define LINE_BYTES_MAX  (1u << 20)
#define CREATE_MAX      16384 /* deltas of one call */
#define TURN_MAX        (4 * DELTAS_STEP) /* deltas that one turn stages, of all calls */
#define SLICE_MIN       16                /* of one call, however many there are */

/* ---- the two queues ---- */

static void free_intake(struct deltas *d, struct deltas_intake *i)
{
    d->intake_bytes -= i->counted;
    buf_deinit(&i->bytes);
    buf_deinit(&i->ids);
    buf_deinit(&i->refused);
    free(i);
}

static void push(struct deltas_intakes *q, struct deltas_intake *i)
{
    i->next = NULL;
    if (q->first == NULL)
        q->last = &q->first;
    *q->last = i;
    q->last = &i->next;
    q->len++;
}

static struct deltas_intake *pop(struct deltas_intakes *q)
{
    struct deltas_intake *i = q->first;
    q->first = i->next;
    q->len--;
    return i;
}

static struct deltas_intake *new_intake(struct deltas *d, uint64_t token)
{
    if (d->stopping || d->store_failed) {
        deltas_fail(d, token, PANDO_UNAVAILABLE,
                    d->stopping ? "the node is stopping" : "the store has stopped; see the log");
        return NULL;
    }
    if (d->intakes.len + d->waiting.len >= DELTAS_INTAKES_MAX ||
        d->intake_bytes >= DELTAS_INTAKE_BYTES) {
        deltas_fail(d, token, PANDO_BUSY, "too many deltas are on their way: try again");
        return NULL;
    }
    struct deltas_intake *i = calloc(1, sizeof *i);
    if (i == NULL) {
        deltas_fail(d, token, PANDO_NOMEM, "memory is out");
        return NULL;
    }
    i->token = token;
    buf_init(&i->bytes, 32u << 20);
    buf_init(&i->ids, 16u << 20);
    buf_init(&i->refused, 1u << 20);
    return i;
}

static void submit(struct deltas *d, struct deltas_intake *i)
{
    i->counted = i->bytes.len;
    d->intake_bytes += i->counted;
    push(&d->intakes, i);
}

/* ---- answers ---- */

static enum pando_status put(struct pando_buf *b, const char *text)
{
    return buf_append(b, slice_text(text));
}

static enum pando_status print_answer(const struct deltas_intake *i, struct pando_buf *b)
{
    enum pando_status st;
    if (i->lines)
        st = buf_printf(b, "{\"accepted\":%llu",
                        (unsigned long long)(i->fresh + i->known + i->shadowed));
    else
        st = put(b, i->single ? "{\"id\":" : "{\"ids\":[");
    if (st == PANDO_OK && !i->lines)
        st = buf_append(b, buf_view(&i->ids));
    if (st == PANDO_OK && !i->lines && !i->single)
        st = put(b, "]");
    if (st == PANDO_OK)
        st = buf_printf(b, ",\"new\":%llu,\"known\":%llu,\"shadowed\":%llu",
                        (unsigned long long)i->fresh, (unsigned long long)i->known,
                        (unsigned long long)i->shadowed);
    if (st == PANDO_OK && i->car)
        st = buf_printf(b, ",\"returned\":%llu", (unsigned long long)i->returned);
    if (st == PANDO_OK && i->lines) {
        st = buf_printf(b, ",\"refused\":%llu,\"reasons\":[", (unsigned long long)i->refused_len);
        if (st == PANDO_OK)
            st = buf_append(b, buf_view(&i->refused));
        if (st == PANDO_OK)
            st = put(b, "]");
    }
    return st == PANDO_OK ? put(b, "}") : st;
}

static void answer(struct deltas *d, const struct deltas_intake *i)
{
    struct pando_buf b;
    buf_init(&b, 20u << 20);
    const enum pando_status st = print_answer(i, &b);
    if (st == PANDO_OK)
        deltas_reply(d, i->token, buf_view(&b), false);
    else
        deltas_fail(d, i->token, st, "the deltas are stored, the answer does not fit");
    buf_deinit(&b);
}

/* ---- create and negate ---- */

/* Keep a sealed delta, and its id for the answer. */
static enum pando_status keep(struct deltas_intake *i, const struct delta *delta)
{
    const size_t len = delta->bytes.len;
    const uint8_t head[4] = { (uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8),
                              (uint8_t)len };
    enum pando_status st = buf_append(&i->bytes, SLICE_OF(head));
    if (st == PANDO_OK)
        st = buf_append(&i->bytes, delta->bytes);
    if (st == PANDO_OK && i->ids.len > 0)
        st = put(&i->ids, ",");
    return st == PANDO_OK ? json_text_escape(&i->ids, delta->id) : st;
}

static struct delta_defaults defaults_of(struct deltas *d, char uuid[FED_ID_TEXT])
{
    deltas_uuid(d, uuid);
    return (struct delta_defaults){ slice_text(uuid), slice_text(d->options.author),
                                    slice_text(d->options.system_id),
                                    d->host.wall(d->host.ctx).ms };
}

static enum pando_status take_one(struct deltas *d, struct deltas_intake *i, const json_t *json,
                                  struct pando_err *err)
{
    char uuid[FED_ID_TEXT];
    struct delta delta;
    const struct delta_defaults defaults = defaults_of(d, uuid);
    buf_reset(&d->line);
    enum pando_status st =
        delta_from_json(json, &defaults, &d->room, &d->line, &delta, err);
    if (st == PANDO_OK && (st = keep(i, &delta)) != PANDO_OK)
        st = pando_err_set(err, st, "the deltas are too large for one call");
    return st;
}

static void create(struct deltas *d, struct deltas_intake *i, const json_t *many,
                   const json_t *one)
{
    struct pando_err err = { .text = "" };
    const size_t len = many == NULL ? 1 : json_array_size(many);
    enum pando_status st = PANDO_OK;
    size_t n = 0;
    for (; st == PANDO_OK && n < len; n++)
        st = take_one(d, i, many == NULL ? one : json_array_get(many, n), &err);
    if (st == PANDO_OK) {
        submit(d, i);
        return;
    }
    if (many == NULL)
        deltas_fail(d, i->token, st, "%s", err.text);
    else
        deltas_fail(d, i->token, st, "deltas[%zu]: %s", n - 1, err.text);
    free_intake(d, i);
}

void deltas_create(struct deltas *d, uint64_t token, const json_t *args)
{
    const json_t *many = json_object_get(args, "deltas");
    const size_t len = json_array_size(many);
    if (many != NULL && (len == 0 || len > CREATE_MAX)) {
        deltas_fail(d, token, PANDO_INVALID, "\"deltas\" is a list of 1 to %d deltas",
                    CREATE_MAX);
        return;
    }
    struct deltas_intake *i = new_intake(d, token);
    if (i == NULL)
        return;
    i->own = true;
    i->single = many == NULL;
    create(d, i, many, args);
}

static void negate(struct deltas *d, struct deltas_intake *i, struct pando_slice target,
                   const json_t *args)
{
    char uuid[FED_ID_TEXT];
    struct pando_err err = { .text = "" };
    const struct delta_defaults defaults = defaults_of(d, uuid);
    const struct pando_slice reason = deltas_text_arg(args, "reason");
    const struct pando_slice author = deltas_text_arg(args, "author");
    const struct delta_pointer pointers[2] = {
        { .role = slice_text(NEGATE_ROLE), .kind = DELTA_REF, .text = target,
          .context = slice_text(NEGATE_CONTEXT) },
        { .role = slice_text("reason"), .kind = DELTA_STRING, .text = reason },
    };
    struct delta delta = { .id = defaults.id,
                           .author = author.len > 0 ? author : defaults.author,
                           .system = defaults.system,
                           .timestamp = defaults.timestamp,
                           .pointers = pointers,
                           .pointers_len = reason.len > 0 ? 2 : 1 };
    buf_reset(&d->line);
    enum pando_status st = delta_seal(&delta, &d->line, &err);
    if (st == PANDO_OK)
        st = keep(i, &delta);
    if (st == PANDO_OK) {
        submit(d, i);
        return;
    }
    deltas_fail(d, i->token, st, "%s", err.text);
    free_intake(d, i);
}

void deltas_negate(struct deltas *d, uint64_t token, const json_t *args)
{
    const struct pando_slice id = deltas_text_arg(args, "id");
    struct delta found;
    enum pando_status st = PANDO_OK;
    if (id.len == 0) {
        deltas_fail(d, token, PANDO_INVALID, "\"id\" is missing: which delta?");
        return;
    }
    if (!json_is_true(json_object_get(args, "absent")))
        st = source_get(&d->source, id, &found);
    if (st == PANDO_NOT_FOUND) {
        deltas_fail(d, token, st,
                    "there is no delta '%.*s' here; with \"absent\":true it is negated before it "
                    "comes",
                    (int)(id.len < 100 ? id.len : 100), (const char *)id.ptr);
        return;
    }
    struct deltas_intake *i = st == PANDO_OK ? new_intake(d, token) : NULL;
    if (st != PANDO_OK)
        deltas_fail(d, token, st, "the delta cannot be read: %s", pando_status_text(st));
    if (i == NULL)
        return;
    i->own = i->single = true;
    negate(d, i, id, args);
}

/* ---- import ---- */

void deltas_import(struct deltas *d, uint64_t token, struct pando_slice lines)
{
    struct deltas_intake *i = new_intake(d, token);
    if (i == NULL)
        return;
    struct pando_err err = { .text = "import at most 32 MiB in one call" };
    i->lines = true;
    i->car = deltas_is_car(lines);
    enum pando_status st = buf_append(&i->bytes, lines);
    if (st == PANDO_OK && i->car)
        st = deltas_restore_open(i, &err);
    if (st == PANDO_OK) {
        submit(d, i);
        return;
    }
    deltas_fail(d, token, st, "%s", err.text);
    free_intake(d, i);
}

static void refuse_line(struct deltas *d, struct deltas_intake *i, const char *reason)
{
    enum pando_status st = PANDO_OK;
    d->totals.refused++;
    if (i->refused_len++ >= REASONS_MAX)
        return;
    const size_t before = i->refused.len;
    st = buf_printf(&i->refused, "%s{\"line\":%llu,\"reason\":", before > 0 ? "," : "",
                    (unsigned long long)i->line);
    if (st == PANDO_OK)
        st = json_text_escape(&i->refused, slice_text(reason));
    if (st == PANDO_OK)
        st = put(&i->refused, "}");
    if (st != PANDO_OK)
        i->refused.len = before;
}

/* The next line; false at the end. */
static bool next_line(const struct deltas_intake *i, struct pando_slice *ret, size_t *ret_end)
{
    const struct pando_slice left = slice_from(buf_view(&i->bytes), i->at);
    if (left.len == 0)
        return false;
    const uint8_t *end = memchr(left.ptr, '\n', left.len);
    const size_t len = end == NULL ? left.len : (size_t)(end - left.ptr);
    *ret = slice_of(left.ptr, len > 0 && left.ptr[len - 1] == '\r' ? len - 1 : len);
    *ret_end = i->at + len + (end != NULL);
    return true;
}

static bool is_blank(struct pando_slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] != ' ' && s.ptr[i] != '\t')
            return false;
    return true;
}

void deltas_intake_count(struct deltas_intake *i, enum delta_outcome outcome, uint64_t ticket)
{
    i->fresh += outcome == DELTA_NEW;
    i->known += outcome == DELTA_KNOWN;
    i->shadowed += outcome == DELTA_SHADOWED;
    if (ticket > i->ticket)
        i->ticket = ticket;
}

/* Its texts borrow from the line or are gone; its canonical bytes are in d->line. */
static enum pando_status read_line(struct deltas *d, struct pando_slice line, struct delta *ret,
                                   struct pando_err *err)
{
    json_t *json = NULL;
    buf_reset(&d->line);
    if (line.len <= LINE_BYTES_MAX && delta_from_text(line, &d->room, &d->line, ret))
        return PANDO_OK;
    enum pando_status st = json_text_parse_js(line, LINE_BYTES_MAX, &json, err);
    if (st == PANDO_OK)
        st = delta_from_json(json, NULL, &d->room, &d->line, ret, err);
    json_decref(json);
    return st == PANDO_OK ? delta_decode(ret->bytes, &d->room, ret) : st;
}

/* PANDO_OK: one was dealt with; PANDO_NOT_FOUND: there are no more; others: not now. */
static enum pando_status stage_line(struct deltas *d, struct deltas_intake *i)
{
    struct pando_slice line;
    struct pando_err err = { .text = "" };
    struct delta delta;
    enum delta_outcome outcome;
    uint64_t ticket;
    size_t end;
    if (!next_line(i, &line, &end))
        return PANDO_NOT_FOUND;
    i->line++;
    enum pando_status st = is_blank(line) ? PANDO_NOT_FOUND : read_line(d, line, &delta, &err);
    if (st == PANDO_OK) {
        st = deltas_stage(d, &delta, false, DELTAS_OWN, &outcome, &ticket);
        if (st == PANDO_OK)
            deltas_intake_count(i, outcome, ticket);
    } else if (st != PANDO_NOMEM) {
        if (st != PANDO_NOT_FOUND)
            refuse_line(d, i, err.text);
        st = PANDO_OK;
    }
    if (st == PANDO_OK)
        i->at = end;
    else
        i->line--;
    return st;
}

/* ---- turns ---- */

static enum pando_status stage_next(struct deltas *d, struct deltas_intake *i)
{
    struct delta delta;
    enum delta_outcome outcome;
    uint64_t ticket;
    if (i->car)
        return deltas_restore_block(d, i);
    if (i->lines)
        return stage_line(d, i);
    const struct pando_slice left = slice_from(buf_view(&i->bytes), i->at);
    if (left.len == 0)
        return PANDO_NOT_FOUND;
    const size_t len = (size_t)left.ptr[0] << 24 | (size_t)left.ptr[1] << 16 |
                       (size_t)left.ptr[2] << 8 | left.ptr[3];
    enum pando_status st = delta_decode(slice_of(left.ptr + 4, len), &d->room, &delta);
    if (st == PANDO_OK)
        st = deltas_stage(d, &delta, i->own, DELTAS_OWN, &outcome, &ticket);
    if (st != PANDO_OK)
        return st;
    deltas_intake_count(i, outcome, ticket);
    i->at += 4 + len;
    return PANDO_OK;
}

/* The first one's slice of what is left of the turn. PANDO_OK: whose turn is next? */
static enum pando_status stage_slice(struct deltas *d, size_t *left)
{
    struct deltas_intake *i = d->intakes.first;
    enum pando_status st = PANDO_OK;
    size_t slice = TURN_MAX / d->intakes.len;
    slice = slice < SLICE_MIN ? SLICE_MIN : slice;
    slice = slice < *left ? slice : *left;
    for (*left -= slice; slice > 0 && (st = stage_next(d, i)) == PANDO_OK; slice--)
        ;
    *left += slice;
    if (st == PANDO_NOT_FOUND)
        push(&d->waiting, pop(&d->intakes));
    else if (st == PANDO_OK)
        push(&d->intakes, pop(&d->intakes));
    return st == PANDO_NOT_FOUND ? PANDO_OK : st;
}

void deltas_intakes_run(struct deltas *d)
{
    size_t budget = TURN_MAX;
    enum pando_status st = PANDO_OK;
    while (d->intakes.first != NULL && budget > 0 && st == PANDO_OK && !d->store_failed)
        st = stage_slice(d, &budget);
    if (st != PANDO_OK && st != PANDO_BUSY && st != PANDO_NOMEM) {
        struct deltas_intake *i = pop(&d->intakes);
        deltas_fail(d, i->token, st, "the delta cannot be stored: %s", pando_status_text(st));
        free_intake(d, i);
    }
    d->blocked = d->blocked || st == PANDO_NOMEM; /* it may be there again soon */
    d->more_work = d->more_work || (budget == 0 && d->intakes.first != NULL);
}

/* Tickets rise with the queue, or nearly so: who waits behind a later one waits a little. */
void deltas_intakes_durable(struct deltas *d)
{
    const uint64_t durable = delta_store_durable(d->store);
    while (d->waiting.first != NULL && d->waiting.first->ticket <= durable) {
        struct deltas_intake *i = pop(&d->waiting);
        answer(d, i);
        free_intake(d, i);
    }
}

void deltas_intakes_fail(struct deltas *d, enum pando_status status)
{
    struct deltas_intakes *const queues[2] = { &d->waiting, &d->intakes };
    for (size_t q = 0; q < 2; q++)
        while (queues[q]->first != NULL) {
            struct deltas_intake *i = pop(queues[q]);
            deltas_fail(d, i->token, status, "the store has stopped: the outcome is not known");
            free_intake(d, i);
        }
}

void deltas_intakes_drop(struct deltas *d)
{
    while (d->intakes.first != NULL)
        free_intake(d, pop(&d->intakes));
    while (d->waiting.first != NULL)
        free_intake(d, pop(&d->waiting));
}

/* Nobody waits for the answer any more; what was brought stays. */
void deltas_intakes_cancel(struct deltas *d, uint64_t token)
{
    for (struct deltas_intake *i = d->intakes.first; i != NULL; i = i->next)
        if (i->token == token)
            i->token = SPACE_NOBODY;
    for (struct deltas_intake *i = d->waiting.first; i != NULL; i = i->next)
        if (i->token == token)
            i->token = SPACE_NOBODY;
}
