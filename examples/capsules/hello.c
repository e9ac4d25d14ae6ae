/* hello.c - greets: {"name":"test"} gives {"greeting":"Hello, test!"}.
 *
 * JSON without a name greets the world; input that is not a JSON object is greeted as it
 * is: Alice gives "Hello Alice".
 */
#include "pando_capsule.h"

#define BEFORE "{\"greeting\":\"Hello, "
#define AFTER "!\"}"

/* The name is put by the host where it belongs in the answer, its opening quote on the
 * last byte of BEFORE, so that it is copied once and its escapes stay escaped. */
static uint8_t out[22u << 10];
#define NAME_AT (sizeof(BEFORE) - 2)
#define NAME_ROOM (sizeof(out) - NAME_AT - sizeof(AFTER))

static int is_object(const uint8_t *in, uint32_t len)
{
    uint32_t i = 0;
    while (i < len && (in[i] == ' ' || in[i] == '\n' || in[i] == '\t' || in[i] == '\r'))
        i++;
    return i < len && in[i] == '{';
}

static uint32_t greet(const uint8_t *in, uint32_t len)
{
    uint8_t *at = PANDO_PUT(out, "Hello ");
    at = pando_put(at, in, len);
    return pando_reply(out, (uint32_t)(at - out));
}

PANDO_CAPSULE uint32_t run(const uint8_t *in, uint32_t len)
{
    if (len > sizeof(out) - 16)
        pando_abort(0, 0, __LINE__, 0);
    if (!is_object(in, len))
        return greet(in, len);

    const int32_t got = json_path(in, len, "name", 4, out + NAME_AT, NAME_ROOM);
    if (got == PANDO_MALFORMED)
        return greet(in, len);
    uint8_t *end;
    if (got > 2 && out[NAME_AT] == '"')
        end = out + NAME_AT + got - 1; /* on the closing quote */
    else
        end = PANDO_PUT(out + NAME_AT + 1, "World");
    (void)PANDO_PUT(out, BEFORE);
    end = PANDO_PUT(end, AFTER);
    return pando_reply(out, (uint32_t)(end - out));
}
