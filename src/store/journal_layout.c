#include "store/journal_layout.h"

#include "base/slice.h"
#include "store/crc32c.h"

static const char SEGMENT_MAGIC[8] = { 'P', 'A', 'N', 'D', 'O', 'J', 'N', 'L' };

static void put_le(uint8_t *to, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++, value >>= 8)
        to[i] = (uint8_t)value;
}

static uint64_t get_le(const uint8_t *from, size_t size)
{
    uint64_t value = 0;
    for (size_t i = size; i > 0; i--)
        value = value << 8 | from[i - 1];
    return value;
}

void segment_head_encode(const struct segment_head *h, uint8_t ret[static SEGMENT_HEAD])
{
    memset(ret, 0, SEGMENT_HEAD);
    memcpy(ret, SEGMENT_MAGIC, 8);
    put_le(ret + 8, h->format, 4);
    memcpy(ret + 16, h->space.bytes, 32);
    put_le(ret + 48, h->generation, 8);
    put_le(ret + 56, h->base, 8);
    put_le(ret + 64, h->size, 8);
    put_le(ret + SEGMENT_HEAD - 4, crc32c(0, slice_of(ret, SEGMENT_HEAD - 4)), 4);
}

bool segment_head_decode(const uint8_t bytes[static SEGMENT_HEAD],
                         struct segment_head *ret)
{
    if (memcmp(bytes, SEGMENT_MAGIC, 8) != 0 ||
        get_le(bytes + SEGMENT_HEAD - 4, 4) !=
            crc32c(0, slice_of(bytes, SEGMENT_HEAD - 4)))
        return false;
    ret->format = (uint32_t)get_le(bytes + 8, 4);
    memcpy(ret->space.bytes, bytes + 16, 32);
    ret->generation = get_le(bytes + 48, 8);
    ret->base = get_le(bytes + 56, 8);
    ret->size = get_le(bytes + 64, 8);
    return ret->format > JOURNAL_FORMAT ||
           (ret->size >= SEGMENT_HEAD + GROUP_HEAD && ret->size <= SEGMENT_SIZE_MAX &&
            ret->base <= UINT64_MAX / 2 && ret->size % 8 == 0 && ret->base % 8 == 0);
}

void group_head_encode(const struct group_head *h, uint8_t ret[static GROUP_HEAD])
{
    put_le(ret, GROUP_MAGIC, 4);
    put_le(ret + 4, h->len, 4);
    put_le(ret + 8, h->count, 4);
    put_le(ret + 12, h->generation, 4);
    put_le(ret + 16, h->position, 8);
    put_le(ret + 24, h->durable, 8);
    put_le(ret + 32, h->previous, 8);
    put_le(ret + 40, h->payload_crc, 4);
    put_le(ret + 44, crc32c(0, slice_of(ret, GROUP_HEAD - 4)), 4);
}

bool group_head_decode(const uint8_t bytes[static GROUP_HEAD], struct group_head *ret)
{
    if (get_le(bytes, 4) != GROUP_MAGIC ||
        get_le(bytes + 44, 4) != crc32c(0, slice_of(bytes, GROUP_HEAD - 4)))
        return false;
    ret->len = (uint32_t)get_le(bytes + 4, 4);
    ret->count = (uint32_t)get_le(bytes + 8, 4);
    ret->generation = (uint32_t)get_le(bytes + 12, 4);
    ret->position = get_le(bytes + 16, 8);
    ret->durable = get_le(bytes + 24, 8);
    ret->previous = get_le(bytes + 32, 8);
    ret->payload_crc = (uint32_t)get_le(bytes + 40, 4);
    return true;
}

static uint32_t record_crc(uint8_t kind, struct pando_slice body)
{
    uint8_t head[5] = { kind };
    put_le(head + 1, body.len, 4);
    return crc32c(crc32c(0, SLICE_OF(head)), body);
}

void record_head_encode(uint8_t kind, struct pando_slice body,
                        uint8_t ret[static RECORD_HEAD])
{
    put_le(ret, body.len, 4);
    put_le(ret + 4, record_crc(kind, body), 4);
    put_le(ret + 8, kind, 4);
}

void record_head_decode(const uint8_t bytes[static RECORD_HEAD], struct record_head *ret)
{
    ret->len = (uint32_t)get_le(bytes, 4);
    ret->crc = (uint32_t)get_le(bytes + 4, 4);
    ret->kind = bytes[8];
}

bool record_is_whole(const struct record_head *h, struct pando_slice body)
{
#ifdef STORE_MUTANT_NO_RECORD_CRC
    return true;
#endif
    return h->crc == record_crc(h->kind, body);
}
