/* journal_layout.h - the bytes of a journal on disk.
 *
 *     segment   head 512 B | group | group | ... | zeros
 *     group     head 48 B  | record | record | ...
 *     record    head 12 B  | bytes | up to 7 zeros
 *
 * A position is the offset of a record in the endless file that the segments form:
 * segment base + offset in the segment. Groups and records start at multiples of 8. A
 * group's head says where it is, which segment it belongs to, and what was known durable
 * when it was made: that mark tells rot from a torn tail. Numbers are little-endian.
 * docs/wire/journal.md.
 */
#ifndef STORE_JOURNAL_LAYOUT_H
#define STORE_JOURNAL_LAYOUT_H

#include <pando/types.h>

#define SEGMENT_HEAD     512u
#define GROUP_HEAD       48u
#define RECORD_HEAD      12u
#define GROUP_MAGIC      0x50524750u /* above any record's length */
#define JOURNAL_FORMAT   1u
#define SEGMENT_SIZE_MAX (1u << 30) /* a head that claims more is refused */

struct segment_head {
    uint32_t format;
    struct pando_id space;
    uint64_t generation;
    uint64_t base;
    uint64_t size;
};

struct group_head {
    uint32_t len; /* of everything behind the head, padding included */
    uint32_t count;
    uint32_t generation; /* low bits of the segment's */
    uint64_t position;
    uint64_t durable;
    uint64_t
        previous; /* where the group before it ended: finds a lost one across segments */
    uint32_t payload_crc;
};

struct record_head {
    uint32_t len;
    uint32_t crc; /* over kind, length and bytes */
    uint8_t kind;
};

void segment_head_encode(const struct segment_head *h, uint8_t ret[static SEGMENT_HEAD]);
/* False: the checksum is wrong, or a number is none that we write. A newer format is the
 * caller's to refuse. */
bool segment_head_decode(const uint8_t bytes[static SEGMENT_HEAD],
                         struct segment_head *ret);
void group_head_encode(const struct group_head *h, uint8_t ret[static GROUP_HEAD]);
bool group_head_decode(const uint8_t bytes[static GROUP_HEAD], struct group_head *ret);
void record_head_encode(uint8_t kind, struct pando_slice body,
                        uint8_t ret[static RECORD_HEAD]);
void record_head_decode(const uint8_t bytes[static RECORD_HEAD], struct record_head *ret);
bool record_is_whole(const struct record_head *h, struct pando_slice body);

static inline uint64_t journal_align(uint64_t n)
{
    return (n + 7) & ~UINT64_C(7);
}

#endif
