/* random_time.c - tells the time and draws lots: both are the receipt's, not the host's.
 *
 * Answers {"now":<ms>,"iso":"...","dice":<1..6>,"token":"<16 random bytes, base64>"}.
 * Needs time, random and base64. A replay of the receipt gives the same answer.
 */
#include "pando_capsule.h"

static uint8_t out[256];

static uint8_t *put_number(uint8_t *at, uint64_t value)
{
    uint8_t digits[20];
    uint32_t len = 0;
    do {
        digits[len++] = (uint8_t)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    while (len > 0)
        *at++ = digits[--len];
    return at;
}

PANDO_CAPSULE uint32_t run(const uint8_t *in, uint32_t len)
{
    (void)in;
    (void)len;
    uint8_t token[16];
    uint8_t *at = PANDO_PUT(out, "{\"now\":");
    at = put_number(at, (uint64_t)time_now_ms());
    at = PANDO_PUT(at, ",\"iso\":\"");
    at += time_iso8601(at, 24);
    at = PANDO_PUT(at, "\",\"dice\":");
    at = put_number(at, random_u32() % 6 + 1);
    at = PANDO_PUT(at, ",\"token\":\"");
    random_bytes(token, sizeof token);
    at += base64_encode(token, sizeof token, at, 24);
    at = PANDO_PUT(at, "\"}");
    return pando_reply(out, (uint32_t)(at - out));
}
