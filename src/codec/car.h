/* car.h - content-addressed archives: a header with roots, then blocks that prove
 * themselves.
 *
 *   uvarint length | DAG-CBOR {"roots": [CID...], "version": 1}
 *   uvarint length | CID | data          (repeated to the end; length covers CID and
 * data)
 *
 * We write version 1, which every IPLD tool reads. The reader also looks through the
 * version 2 wrapper to the archive inside. It borrows from bytes in memory (map the file)
 * and believes no block: each one is hashed before it is handed out. The hash function is
 * a parameter, because this folder lies below the one that hashes.
 */
#ifndef CODEC_CAR_H
#define CODEC_CAR_H

#include "codec/cid.h"
#include "codec/wire.h"

#define CAR_HEADER_MAX (1u << 20)
#define CAR_SECTION_MAX (8u << 20)
/* Length, CID of a section: all but its data. */
#define CAR_SECTION_HEAD_MAX (WIRE_UVARINT_MAX + CID_SHA256_SIZE)

/* Bytes of the header with that many roots. */
size_t car_header_size(size_t roots_len);
/* Write the header; the roots are sha2-256 CIDs of one codec. IPLD tools expect at least
 * one root, though many read an archive without. */
void car_put_header(struct wire_writer *w, enum cid_codec codec,
                    const struct pando_id *roots, size_t roots_len);
/* Write the head of a section whose `data_len` bytes follow from elsewhere. Fails
 * (sticky) above CAR_SECTION_MAX. */
void car_put_section_head(struct wire_writer *w, enum cid_codec codec,
                          const struct pando_id *id, size_t data_len);

struct car_reader {
    struct wire_reader roots; /* what car_next_root has not yet given */
    struct wire_reader sections;
    struct pando_id (*sha256)(struct pando_slice s);
    size_t roots_left;
    enum pando_status status; /* why the walk ended: PANDO_OK at the end of the archive */
};

struct car_section {
    struct cid cid;
    struct pando_slice data;
};

/* Check the header and stand before the first root and section; borrows `bytes`.
 * Errors: PANDO_MALFORMED; PANDO_UNSUPPORTED an unknown version. */
enum pando_status car_open(struct pando_slice bytes,
                           struct pando_id (*sha256)(struct pando_slice s),
                           struct car_reader *ret_reader) PANDO_MUST_USE;
/* The next root; false when none is left. Roots that cid.h cannot hold end the walk with
 * PANDO_UNSUPPORTED in `status`. */
bool car_next_root(struct car_reader *r, struct cid *ret_cid);
/* The next section, verified; false at the end or after a failure. `status` then tells:
 * PANDO_MALFORMED; PANDO_CORRUPT the data do not match their CID; PANDO_UNSUPPORTED the
 * CID's hash function is none that we verify (sha2-256 and identity are). */
bool car_next(struct car_reader *r, struct car_section *ret_section);

#endif
