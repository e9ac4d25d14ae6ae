/* cbor_utf8.h - whether bytes are UTF-8.
 *
 * Strict as RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF.
 */
#ifndef CODEC_CBOR_UTF8_H
#define CODEC_CBOR_UTF8_H

#include <pando/types.h>

bool cbor_utf8_valid(struct pando_slice s);

#endif
