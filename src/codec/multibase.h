/* multibase.h - bytes as text: base16, base32, base36, base58btc, base64. */
#ifndef CODEC_MULTIBASE_H
#define CODEC_MULTIBASE_H

#include <pando/status.h>
#include <pando/types.h>

enum multibase {
    MULTIBASE_16 = 'f',
    MULTIBASE_32 = 'b',
    MULTIBASE_36 = 'k',
    MULTIBASE_58 = 'z',
    MULTIBASE_64 = 'm',
    MULTIBASE_64URL = 'u',
};

/* Text of `s` without the multibase prefix, terminated. Bases 36 and 58 take at most 128
 * bytes of input. Errors: PANDO_FULL `cap` is too small (nothing useful written);
 * PANDO_INVALID input too long for its base. */
enum pando_status multibase_encode(enum multibase base, struct pando_slice s,
                                   char *ret_text, size_t cap) PANDO_MUST_USE;
/* Bytes of text without prefix. Errors: PANDO_MALFORMED a character outside the alphabet,
 * or padding bits that are not zero; PANDO_FULL. */
enum pando_status multibase_decode(enum multibase base, struct pando_slice text,
                                   uint8_t *ret_bytes, size_t cap,
                                   size_t *ret_len) PANDO_MUST_USE;

#endif
