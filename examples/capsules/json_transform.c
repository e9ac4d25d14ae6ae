/* json_transform.c - a webhook's event, reduced to what the next system wants.
 *
 * {"type":"charge.succeeded",
 *  "data":{"object":{"id":"ch_1","amount":1250,"currency":"eur"}}}
 * gives
 * {"event":"charge.succeeded","id":"ch_1","amount":1250,"currency":"eur","digest":"..."}
 * where digest is the SHA-256 of the input in base64. Needs json, hash and base64.
 */
#include "pando_capsule.h"

static uint8_t out[8u << 10];

struct writer {
    uint8_t *at;
    const uint8_t *end;
};

/* One member: its value as the document has it, or null. */
static void member(struct writer *w, const uint8_t *in, uint32_t len, const char *key,
                   uint32_t key_len, const char *path, uint32_t path_len)
{
    if ((uint32_t)(w->end - w->at) < key_len + 16)
        pando_abort(0, 0, __LINE__, 0);
    *w->at++ = '"';
    w->at = pando_put(w->at, key, key_len);
    w->at = PANDO_PUT(w->at, "\":");
    const uint32_t room = (uint32_t)(w->end - w->at) - 128;
    const int32_t got = json_path(in, len, path, path_len, w->at, room);
    if (got == PANDO_MALFORMED || got == PANDO_NO_ROOM)
        pando_abort(0, 0, __LINE__, 0);
    if (got < 0)
        w->at = PANDO_PUT(w->at, "null");
    else
        w->at += got;
    *w->at++ = ',';
}
#define MEMBER(key, path)                                                                \
    member(&w, in, len, key, sizeof(key) - 1, path, sizeof(path) - 1)

PANDO_CAPSULE uint32_t run(const uint8_t *in, uint32_t len)
{
    static uint8_t digest[32];
    struct writer w = { out, out + sizeof out };
    *w.at++ = '{';
    MEMBER("event", "type");
    MEMBER("id", "data.object.id");
    MEMBER("amount", "/data/object/amount");
    MEMBER("currency", "$.data.object.currency");
    w.at = PANDO_PUT(w.at, "\"digest\":\"");
    hash_commit(in, len, digest);
    w.at += base64_encode(digest, sizeof digest, w.at, 44);
    w.at = PANDO_PUT(w.at, "\"}");
    return pando_reply(out, (uint32_t)(w.at - out));
}
