#include "apps/pando/chat/clean.h"

#include <string.h>

size_t chat_clean_next(const char *text, size_t left, uint32_t *ret_code)
{
    static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
    if (left == 0)
        return 0;
    const uint8_t first = (uint8_t)text[0];
    const size_t len = first < 0x80 ? 1 : (first >> 5) == 6 ? 2 : (first >> 4) == 14 ? 3
                       : (first >> 3) == 30 ? 4 : 0;
    if (len == 0 || len > left)
        return 0;
    uint32_t code = len == 1 ? first : first & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if (((uint8_t)text[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | ((uint8_t)text[i] & 0x3f);
    }
    if (code < least[len] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        return 0;
    *ret_code = code;
    return len;
}

static bool is_unfit(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

size_t chat_clean_text(const char *text, size_t len, char *ret, size_t cap)
{
    size_t out = 0;
    for (size_t at = 0; at < len;) {
        uint32_t code = 0;
        const size_t size = chat_clean_next(text + at, len - at, &code);
        const bool space = code == '\n' || code == '\t' || code == '\r';
        const bool unfit = size == 0 || is_unfit(code);
        const size_t need = unfit ? 1 : size;
        if (out + need + 1 > cap)
            break;
        if (unfit)
            ret[out] = size > 0 && space ? ' ' : '?';
        else
            memcpy(ret + out, text + at, size);
        out += need;
        at += size == 0 ? 1 : size;
    }
    if (cap > 0)
        ret[out] = '\0';
    return out;
}
