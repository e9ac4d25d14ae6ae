#include "codec/cbor_utf8.h"

#include <string.h>

/* Length of the sequence that starts with `first`, and the range of its second byte; 0
 * when no sequence starts so. Overlong forms, surrogates and planes above 16 are all
 * excluded by that range. */
static size_t sequence(uint8_t first, uint8_t *ret_low, uint8_t *ret_high)
{
    *ret_low = 0x80;
    *ret_high = 0xbf;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef) {
        if (first == 0xe0)
            *ret_low = 0xa0;
        if (first == 0xed)
            *ret_high = 0x9f;
        return 3;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        if (first == 0xf0)
            *ret_low = 0x90;
        if (first == 0xf4)
            *ret_high = 0x8f;
        return 4;
    }
    return 0;
}

/* Skip what is ASCII, eight bytes at a time. */
static size_t ascii_end(struct pando_slice s, size_t i)
{
    while (s.len - i >= 8) {
        uint64_t word;
        memcpy(&word, s.ptr + i, sizeof word); /* only the top bits: any byte order */
        if ((word & 0x8080808080808080u) != 0)
            break;
        i += 8;
    }
    while (i < s.len && s.ptr[i] < 0x80)
        i++;
    return i;
}

bool cbor_utf8_valid(struct pando_slice s)
{
    for (size_t i = 0; (i = ascii_end(s, i)) < s.len;) {
        uint8_t low, high;
        const size_t len = sequence(s.ptr[i], &low, &high);
        if (len == 0 || s.len - i < len || s.ptr[i + 1] < low || s.ptr[i + 1] > high)
            return false;
        for (size_t j = 2; j < len; j++)
            if ((s.ptr[i + j] & 0xc0) != 0x80)
                return false;
        i += len;
    }
    return true;
}
