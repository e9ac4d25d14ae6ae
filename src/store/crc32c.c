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

/* One instruction waits three cycles for the one before: three lanes at once hide that. */
#define LANE 2048

/* What a register becomes behind LANE zero bytes: the image of each of its bits. */
static const uint32_t BEHIND_LANE[32] = {
    0xf7506984u, 0xeb4ca5f9u, 0xd3753d03u, 0xa3060cf7u, 0x43e06f1fu, 0x87c0de3eu,
    0x0a6dca8du, 0x14db951au, 0x29b72a34u, 0x536e5468u, 0xa6dca8d0u, 0x48552751u,
    0x90aa4ea2u, 0x24b8ebb5u, 0x4971d76au, 0x92e3aed4u, 0x202b2b59u, 0x405656b2u,
    0x80acad64u, 0x04b52c39u, 0x096a5872u, 0x12d4b0e4u, 0x25a961c8u, 0x4b52c390u,
    0x96a58720u, 0x28a778b1u, 0x514ef162u, 0xa29de2c4u, 0x40d7b379u, 0x81af66f2u,
    0x06b2bb15u, 0x0d65762au,
};

static uint32_t behind_lane(uint32_t crc)
{
    uint32_t sum = 0;
    for (unsigned bit = 0; bit < 32; bit++)
        sum ^= BEHIND_LANE[bit] & (0u - (crc >> bit & 1));
    return sum;
}

static uint64_t word_at(const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, 8); /* x86-64 is little-endian, as the instruction expects */
    return word;
}

__attribute__((target("sse4.2"))) static uint32_t three_lanes(uint32_t crc, const uint8_t *p)
{
    uint64_t a = crc, b = 0, c = 0;
    for (size_t i = 0; i < LANE; i += 8) {
        a = _mm_crc32_u64(a, word_at(p + i));
        b = _mm_crc32_u64(b, word_at(p + LANE + i));
        c = _mm_crc32_u64(c, word_at(p + 2 * LANE + i));
    }
    return behind_lane(behind_lane((uint32_t)a) ^ (uint32_t)b) ^ (uint32_t)c;
}

__attribute__((target("sse4.2"))) static uint32_t by_processor(uint32_t crc,
                                                               struct pando_slice bytes)
{
    uint64_t wide = (uint32_t)~crc;
    const uint8_t *p = bytes.ptr;
    size_t left = bytes.len;
    for (; left >= 3 * LANE; left -= 3 * LANE, p += 3 * LANE)
        wide = three_lanes((uint32_t)wide, p);
    for (; left >= 8; left -= 8, p += 8)
        wide = _mm_crc32_u64(wide, word_at(p));
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
