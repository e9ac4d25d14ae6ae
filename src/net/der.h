/* der.h - a strict walker over ASN.1 DER: just enough to take a certificate apart.
 *
 * Strict means: one-byte tags, definite lengths in their shortest form, nothing cut off.
 * The first failure sticks and every later read yields empty slices, so a parser reads
 * straight through and checks once.
 */
#ifndef NET_DER_H
#define NET_DER_H

#include <pando/types.h>

enum der_tag {
    DER_BOOLEAN = 0x01, DER_INTEGER = 0x02, DER_OCTETS = 0x04, DER_OID = 0x06,
    DER_SEQUENCE = 0x30,
};

struct der {
    struct pando_slice left;
    bool failed;
};

/* The next element's tag without taking it; 0 at the end. */
uint8_t der_peek(const struct der *d);
/* The content of the next element, which must have tag `tag`. */
struct pando_slice der_take(struct der *d, uint8_t tag);
/* The whole next element with its head, whatever its tag. */
struct pando_slice der_take_whole(struct der *d);
/* Whether everything was read and nothing failed. */
bool der_done(const struct der *d);

#endif
