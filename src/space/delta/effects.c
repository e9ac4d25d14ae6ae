#include "space/delta/engine.h"

#include "base/slice.h"
#include "codec/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void deltas_emit(struct deltas *d, const struct space_effect *effect, const char *text)
{
    space_effects_put(&d->effects, effect, text);
}

void deltas_reply(struct deltas *d, uint64_t token, struct pando_slice text, bool more)
{
    space_effects_reply(&d->effects, token, PANDO_OK, text, more, false);
}

void deltas_reply_raw(struct deltas *d, uint64_t token, struct pando_slice bytes, bool more)
{
    space_effects_reply(&d->effects, token, PANDO_OK, bytes, more, true);
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
        space_effects_reply(&d->effects, token, status, buf_view(&b), false, false);
    else
        space_effects_reply(&d->effects, token, status, SLICE_EMPTY, false, false);
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
