#include "space/delta/engine.h"

#include "base/slice.h"
#include "codec/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The queue grows as long as memory lasts: what goes into it is bounded by credit (pipes),
 * by what came in (DIGESTED) and by budgets of a step (REPLY, NOTICE, RUN). Without memory the
 * effect is lost, as if the network had lost it. */
void deltas_emit(struct deltas *d, const struct space_effect *effect, const char *text)
{
    if (d->effects_head == d->effects_len)
        d->effects_head = d->effects_len = 0;
    if (d->effects_len == d->effects_cap) {
        const size_t cap = d->effects_cap == 0 ? 64 : d->effects_cap * 2;
        struct deltas_effect *grown = realloc(d->effects, cap * sizeof *grown);
        if (grown == NULL) {
            bytes_unref(effect->bytes);
            return;
        }
        d->effects = grown;
        d->effects_cap = cap;
    }
    struct deltas_effect *e = &d->effects[d->effects_len];
    *e = (struct deltas_effect){ .effect = *effect };
    if (text != NULL) {
        const size_t size = strlen(text) + 1;
        e->text = malloc(size);
        if (e->text == NULL) {
            bytes_unref(effect->bytes);
            return;
        }
        memcpy(e->text, text, size);
        e->effect.text = e->text;
    }
    d->effects_len++;
}

static void reply(struct deltas *d, uint64_t token, enum pando_status status,
                  struct pando_slice text, bool more, bool raw)
{
    if (token == SPACE_NOBODY)
        return;
    struct bytes *bytes = bytes_copy(text);
    if (bytes == NULL)
        status = PANDO_NOMEM;
    deltas_emit(d, &(struct space_effect){ .kind = SPACE_REPLY,
                                           .token = token,
                                           .status = status,
                                           .bytes = bytes,
                                           .more = more,
                                           .raw = raw },
                NULL);
}

void deltas_reply(struct deltas *d, uint64_t token, struct pando_slice text, bool more)
{
    reply(d, token, PANDO_OK, text, more, false);
}

void deltas_reply_raw(struct deltas *d, uint64_t token, struct pando_slice bytes, bool more)
{
    reply(d, token, PANDO_OK, bytes, more, true);
}

void deltas_fail(struct deltas *d, uint64_t token, enum pando_status status, const char *format,
                 ...)
{
    char text[400];
    struct pando_buf b;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    buf_init(&b, 4096);
    if (buf_printf(&b, "{\"error\":") == PANDO_OK &&
        json_text_escape(&b, slice_text(text)) == PANDO_OK && buf_printf(&b, "}") == PANDO_OK)
        reply(d, token, status, buf_view(&b), false, false);
    else
        reply(d, token, status, SLICE_EMPTY, false, false);
    buf_deinit(&b);
}

bool deltas_is_heard(const struct deltas *d)
{
    return d->host.heard == NULL || d->host.heard(d->host.ctx);
}

void deltas_notice(struct deltas *d, struct pando_slice json)
{
    struct bytes *bytes = bytes_copy(json);
    if (bytes != NULL)
        deltas_emit(d, &(struct space_effect){ .kind = SPACE_NOTICE, .bytes = bytes }, NULL);
}

/* Version 4: what is hashed never occurs twice, on no node. */
void deltas_uuid(struct deltas *d, char ret[FED_ID_TEXT])
{
    struct crypto_sha256_state st;
    const uint64_t numbers[3] = { d->host.seed, d->host.epoch, ++d->uuids };
    crypto_sha256_begin(&st);
    crypto_sha256_add(&st, SLICE_OF(d->host.key));
    crypto_sha256_add(&st, SLICE_OF(d->host.space));
    crypto_sha256_add(&st, SLICE_OF(numbers));
    struct pando_id id = crypto_sha256_end(&st);
    uint8_t *p = id.bytes;
    p[6] = (uint8_t)((p[6] & 0x0f) | 0x40);
    p[8] = (uint8_t)((p[8] & 0x3f) | 0x80);
    (void)snprintf(ret, FED_ID_TEXT,
                   "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", p[0],
                   p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8], p[9], p[10], p[11], p[12],
                   p[13], p[14], p[15]);
}
