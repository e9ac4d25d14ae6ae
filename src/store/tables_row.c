#include "store/tables_row.h"

#include "base/slice.h"
#include "store/crc32c.h"

static void put(uint8_t *to, uint64_t value, size_t len)
{
    for (size_t i = 0; i < len; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t take(const uint8_t *from, size_t len)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++)
        value |= (uint64_t)from[i] << (8 * i);
    return value;
}

void row_mark_encode(const struct row_mark *mark, uint8_t ret[static MARK_SIZE])
{
    put(ret + 4, mark->format, 4);
    memcpy(ret + 8, mark->space.bytes, sizeof mark->space.bytes);
    put(ret + 40, mark->position, 8);
    put(ret + 48, mark->rows, 8);
    put(ret + 56, mark->digest, 8);
    put(ret, crc32c(0, slice_of(ret + 4, MARK_SIZE - 4)), 4);
}

bool row_mark_decode(struct pando_slice bytes, struct row_mark *ret)
{
    if (bytes.len != MARK_SIZE ||
        take(bytes.ptr, 4) != crc32c(0, slice_of(bytes.ptr + 4, MARK_SIZE - 4)))
        return false;
    ret->format = (uint32_t)take(bytes.ptr + 4, 4);
    memcpy(ret->space.bytes, bytes.ptr + 8, sizeof ret->space.bytes);
    ret->position = take(bytes.ptr + 40, 8);
    ret->rows = take(bytes.ptr + 48, 8);
    ret->digest = take(bytes.ptr + 56, 8);
    return true;
}

uint32_t row_checksum(struct pando_slice row_key, struct pando_slice value)
{
    return crc32c(crc32c(0, row_key), value);
}

bool row_open(struct pando_slice row_key, struct pando_slice stored,
              struct pando_slice *ret)
{
    if (stored.len < ROW_CRC)
        return false;
    const struct pando_slice value = slice_of(stored.ptr + ROW_CRC, stored.len - ROW_CRC);
    if (take(stored.ptr, ROW_CRC) != row_checksum(row_key, value))
        return false;
    *ret = value;
    return true;
}

void row_put_checksum(uint32_t crc, uint8_t ret[static ROW_CRC])
{
    put(ret, crc, ROW_CRC);
}

uint64_t row_digest(struct pando_slice stored)
{
    if (stored.len < ROW_CRC)
        return 0;
    uint64_t z = (take(stored.ptr, ROW_CRC) + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}
