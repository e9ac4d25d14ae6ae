/* verified.c - a trust policy as a capsule: is this delta to be taken?
 *
 * The input is a delta as JSON; the answer is true when one of its pointers has the role
 * "verified", else false. Use it with `pando federate URL --trust-capsule CID`, or as "capsule"
 * of a trustPolicy. Needs json.
 */
#include "pando_capsule.h"

#define WANTED "\"verified\""
#define POINTERS_MAX 1000

static uint8_t role[256];

/* "/pointers/N/role"; its length. */
static uint32_t path_of(uint32_t n, uint8_t path[32])
{
    uint8_t digits[8], *at = PANDO_PUT(path, "/pointers/");
    uint32_t len = 0;
    do {
        digits[len++] = (uint8_t)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    while (len > 0)
        *at++ = digits[--len];
    return (uint32_t)(PANDO_PUT(at, "/role") - path);
}

static int is_wanted(int32_t len)
{
    if (len != (int32_t)sizeof(WANTED) - 1)
        return 0;
    for (int32_t i = 0; i < len; i++)
        if (role[i] != (uint8_t)WANTED[i])
            return 0;
    return 1;
}

PANDO_CAPSULE uint32_t run(const uint8_t *in, uint32_t len)
{
    static uint8_t path[32];
    static const uint8_t yes[] = "true", no[] = "false";
    for (uint32_t n = 0; n < POINTERS_MAX; n++) {
        const int32_t got = json_path(in, len, path, path_of(n, path), role, sizeof role);
        if (got == PANDO_NOT_FOUND || got == PANDO_MALFORMED)
            break;
        if (is_wanted(got))
            return pando_reply(yes, 4);
    }
    return pando_reply(no, 5);
}
