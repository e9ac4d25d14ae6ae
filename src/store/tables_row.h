/* tables_row.h - how rows and marks lie in LMDB.
 *
 *     rows   key:   space (8) | table (1) | key (1..64)
 *            value: CRC-32C over key and value (4) | value
 *     marks  key:   space (8)
 *            value: CRC-32C over the rest (4) | format (4) | space id (32) |
 *                   position (8) | rows (8) | digest (8)
 *
 * Integers are little endian. `space` is the first 8 bytes of the id. The digest is the
 * sum of a mixed checksum of every row, so that it can be kept up while rows come and go.
 */
#ifndef STORE_TABLES_ROW_H
#define STORE_TABLES_ROW_H

#include "base/buf.h"
#include "store/tables.h"

#define ROW_SPACE   8u
#define ROW_KEY_MAX (ROW_SPACE + 1 + TABLES_KEY_MAX)
#define ROW_CRC     4u
#define MARK_SIZE   64u

struct row_mark {
    uint32_t format;
    struct pando_id space;
    uint64_t position;
    uint64_t rows;
    uint64_t digest;
};

void row_mark_encode(const struct row_mark *mark, uint8_t ret[static MARK_SIZE]);
/* False when the bytes are damaged. */
bool row_mark_decode(struct pando_slice bytes, struct row_mark *ret);

/* The checksum that belongs before `value` under the whole row key. */
uint32_t row_checksum(struct pando_slice row_key, struct pando_slice value);
/* Take the value out of a stored row. False when it is damaged. */
bool row_open(struct pando_slice row_key, struct pando_slice stored,
              struct pando_slice *ret);
void row_put_checksum(uint32_t crc, uint8_t ret[static ROW_CRC]);
/* What a stored row adds to the digest. */
uint64_t row_digest(struct pando_slice stored);

#endif
