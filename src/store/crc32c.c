#include "store/crc32c.h"

/* Slicing by four bits: a table of 16 words fits two cache lines and needs no start-up.
 */
static const uint32_t NIBBLES[16] = {
    0x00000000u, 0x105ec76fu, 0x20bd8edeu, 0x30e349b1u, 0x417b1dbcu, 0x5125dad3u,
    0x61c69362u, 0x7198540du, 0x82f63b78u, 0x92a8fc17u, 0xa24bb5a6u, 0xb21572c9u,
    0xc38d26c4u, 0xd3d3e1abu, 0xe330a81au, 0xf36e6f75u,
};

uint32_t crc32c_portable(uint32_t crc, struct pando_slice bytes)
{
    crc = ~crc;
    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= bytes.ptr[i];
        crc = (crc >> 4) ^ NIBBLES[crc & 15];
        crc = (crc >> 4) ^ NIBBLES[crc & 15];
    }
    return ~crc;
}

#if defined(__x86_64__) && defined(__GNUC__)

#include <nmmintrin.h>
#include <string.h>

__attribute__((target("sse4.2"))) static uint32_t by_processor(uint32_t crc,
                                                               struct pando_slice bytes)
{
    uint64_t wide = (uint32_t)~crc;
    const uint8_t *p = bytes.ptr;
    size_t left = bytes.len;
    for (; left >= 8; left -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8); /* x86-64 is little-endian, as the instruction expects */
        wide = _mm_crc32_u64(wide, word);
    }
    crc = (uint32_t)wide;
    for (; left > 0; left--, p++)
        crc = _mm_crc32_u8(crc, *p);
    return ~crc;
}

uint32_t crc32c(uint32_t crc, struct pando_slice bytes)
{
    return __builtin_cpu_supports("sse4.2") ? by_processor(crc, bytes)
                                            : crc32c_portable(crc, bytes);
}

#else

uint32_t crc32c(uint32_t crc, struct pando_slice bytes)
{
    return crc32c_portable(crc, bytes);
}

#endif
