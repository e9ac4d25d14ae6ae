#include "codec/multibase.h"

#include "base/assert.h"

#include <string.h>

enum {
    BIG_MAX = 128,      /* bytes that the bases which need long division take */
    BIG_TEXT_MAX = 200, /* 128 bytes in base 36 */
    NO_DIGIT = 0xff,
};

static const char *alphabet(enum multibase base)
{
    switch (base) {
    case MULTIBASE_16: return "0123456789abcdef";
    case MULTIBASE_32: return "abcdefghijklmnopqrstuvwxyz234567";
    case MULTIBASE_36: return "0123456789abcdefghijklmnopqrstuvwxyz";
    case MULTIBASE_58:
        return "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    case MULTIBASE_64:
        return "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    case MULTIBASE_64URL:
        return "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    }
    PANDO_UNREACHABLE();
}

/* Bits per character, or 0 for the bases that are no power of two. */
static unsigned bits_of(enum multibase base)
{
    switch (base) {
    case MULTIBASE_16: return 4;
    case MULTIBASE_32: return 5;
    case MULTIBASE_64:
    case MULTIBASE_64URL: return 6;
    case MULTIBASE_36:
    case MULTIBASE_58: return 0;
    }
    PANDO_UNREACHABLE();
}

static enum pando_status encode_bits(const char *digits, unsigned bits,
                                     struct pando_slice s, char *ret_text, size_t cap)
{
    if (s.len > (SIZE_MAX - 7) / 8 || cap == 0 || (s.len * 8 + bits - 1) / bits >= cap)
        return PANDO_FULL;
    const uint32_t mask = (1u << bits) - 1;
    uint32_t acc = 0;
    unsigned held = 0;
    size_t len = 0;
    for (size_t i = 0; i < s.len; i++) {
        acc = acc << 8 | s.ptr[i];
        for (held += 8; held >= bits;) {
            held -= bits;
            ret_text[len++] = digits[acc >> held & mask];
        }
        acc &= (1u << held) - 1;
    }
    if (held > 0)
        ret_text[len++] = digits[acc << (bits - held) & mask];
    ret_text[len] = '\0';
    return PANDO_OK;
}

/* Long division, digit by digit; leading zero bytes become leading zero digits. */
static enum pando_status encode_big(const char *digits, uint32_t base,
                                    struct pando_slice s, char *ret_text, size_t cap)
{
    if (s.len > BIG_MAX)
        return PANDO_INVALID;
    uint8_t places[BIG_TEXT_MAX]; /* least significant first */
    size_t len = 0, zeros = 0;
    while (zeros < s.len && s.ptr[zeros] == 0)
        zeros++;
    for (size_t i = zeros; i < s.len; i++) {
        uint32_t carry = s.ptr[i];
        for (size_t j = 0; j < len || carry > 0; j++) {
            carry += j < len ? (uint32_t)places[j] << 8 : 0;
            places[j] = (uint8_t)(carry % base);
            carry /= base;
            if (j == len)
                len++;
        }
    }
    if (zeros + len >= cap)
        return PANDO_FULL;
    memset(ret_text, digits[0], zeros);
    for (size_t i = 0; i < len; i++)
        ret_text[zeros + i] = digits[places[len - 1 - i]];
    ret_text[zeros + len] = '\0';
    return PANDO_OK;
}

enum pando_status multibase_encode(enum multibase base, struct pando_slice s,
                                   char *ret_text, size_t cap)
{
    const char *digits = alphabet(base);
    const unsigned bits = bits_of(base);
    if (bits > 0)
        return encode_bits(digits, bits, s, ret_text, cap);
    return encode_big(digits, (uint32_t)strlen(digits), s, ret_text, cap);
}

static enum pando_status decode_bits(const uint8_t values[256], unsigned bits,
                                     struct pando_slice text, uint8_t *ret_bytes,
                                     size_t cap, size_t *ret_len)
{
    uint32_t acc = 0;
    unsigned held = 0;
    size_t len = 0;
    if (text.len / 8 * bits + text.len % 8 * bits / 8 > cap)
        return PANDO_FULL;
    for (size_t i = 0; i < text.len; i++) {
        const uint8_t digit = values[text.ptr[i]];
        if (digit == NO_DIGIT)
            return PANDO_MALFORMED;
        acc = acc << bits | digit;
        held += bits;
        if (held >= 8) {
            held -= 8;
            ret_bytes[len++] = (uint8_t)(acc >> held);
            acc &= (1u << held) - 1;
        }
    }
    if (held >= bits || acc != 0)
        return PANDO_MALFORMED; /* a character too many, or padding that is not zero */
    *ret_len = len;
    return PANDO_OK;
}

static enum pando_status decode_big(const uint8_t values[256], uint32_t base,
                                    struct pando_slice text, uint8_t *ret_bytes,
                                    size_t cap, size_t *ret_len)
{
    if (text.len > BIG_TEXT_MAX)
        return PANDO_FULL;
    uint8_t places[BIG_TEXT_MAX]; /* least significant first */
    size_t len = 0, zeros = 0;
    while (zeros < text.len && values[text.ptr[zeros]] == 0)
        zeros++;
    for (size_t i = zeros; i < text.len; i++) {
        uint32_t carry = values[text.ptr[i]];
        if (carry == NO_DIGIT)
            return PANDO_MALFORMED;
        for (size_t j = 0; j < len || carry > 0; j++) {
            carry += j < len ? places[j] * base : 0;
            places[j] = (uint8_t)carry;
            carry >>= 8;
            if (j == len)
                len++;
        }
    }
    if (zeros + len > cap || zeros + len > BIG_MAX)
        return PANDO_FULL;
    if (zeros > 0)
        memset(ret_bytes, 0, zeros);
    for (size_t i = 0; i < len; i++)
        ret_bytes[zeros + i] = places[len - 1 - i];
    *ret_len = zeros + len;
    return PANDO_OK;
}

enum pando_status multibase_decode(enum multibase base, struct pando_slice text,
                                   uint8_t *ret_bytes, size_t cap, size_t *ret_len)
{
    const char *digits = alphabet(base);
    const unsigned bits = bits_of(base);
    const size_t digits_len = strlen(digits);
    uint8_t values[256];
    memset(values, NO_DIGIT, sizeof values);
    for (size_t i = 0; i < digits_len; i++)
        values[(uint8_t)digits[i]] = (uint8_t)i;
    if (bits > 0)
        return decode_bits(values, bits, text, ret_bytes, cap, ret_len);
    return decode_big(values, (uint32_t)digits_len, text, ret_bytes, cap, ret_len);
}
