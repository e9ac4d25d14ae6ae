/* crc32c.h - the checksum of everything that the store writes: CRC-32C (Castagnoli).
 *
 * It finds every single and double bit flip and every burst up to 32 bits in what one
 * journal group can hold, and processors compute it: 8 bytes per instruction with SSE 4.2
 * (detected at run time), else half a byte per step from a small table.
 *
 * Source: RFC 3720, appendix B.4 (test vectors).
 */
#ifndef STORE_CRC32C_H
#define STORE_CRC32C_H

#include <pando/types.h>

/* Continue `crc` (0 to begin) over `bytes`. */
uint32_t crc32c(uint32_t crc, struct pando_slice bytes);
/* The same without the processor's help; for tests and other machines. */
uint32_t crc32c_portable(uint32_t crc, struct pando_slice bytes);

#endif
