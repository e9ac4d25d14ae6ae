#include "codec/car.h"

#include "base/slice.h"
#include "codec/cbor.h"

#include <string.h>

enum {
    LINK_SIZE = 5 + CID_SHA256_SIZE, /* d8 2a 58 25 00, CID */
    V2_PRAGMA_SIZE = 11,
    V2_HEADER_SIZE = 40,
};

static const uint8_t v2_pragma[V2_PRAGMA_SIZE] = { 0x0a, 0xa1, 0x67, 'v', 'e', 'r',
                                                   's',  'i',  'o',  'n', 0x02 };

/* Bytes of a CBOR head with this argument. */
static size_t head_size(size_t argument)
{
    return argument < 24 ? 1 : argument < 0x100 ? 2 : argument < 0x10000 ? 3 : 5;
}

/* {"roots": [...], "version": 1} */
static size_t header_body_size(size_t roots_len)
{
    return 1 + 6 + head_size(roots_len) + roots_len * LINK_SIZE + 8 + 1;
}

size_t car_header_size(size_t roots_len)
{
    const size_t body = header_body_size(roots_len);
    return wire_uvarint_size(body) + body;
}

void car_put_header(struct wire_writer *w, enum cid_codec codec,
                    const struct pando_id *roots, size_t roots_len)
{
    if (roots_len > CAR_HEADER_MAX / LINK_SIZE - 1) {
        w->failed = true;
        return;
    }
    wire_put_uvarint(w, header_body_size(roots_len));
    cbor_put_map(w, 2);
    cbor_put_key(w, "roots");
    cbor_put_array(w, roots_len);
    for (size_t i = 0; i < roots_len; i++)
        cbor_put_link(w, (uint16_t)codec, &roots[i]);
    cbor_put_key(w, "version");
    cbor_put_uint(w, 1);
}

void car_put_section_head(struct wire_writer *w, enum cid_codec codec,
                          const struct pando_id *id, size_t data_len)
{
    uint8_t cid[CID_SHA256_SIZE];
    if (data_len > CAR_SECTION_MAX - sizeof cid)
        w->failed = true;
    cid_write_sha256(codec, id, cid);
    wire_put_uvarint(w, sizeof cid + data_len);
    wire_put_bytes(w, SLICE_OF(cid));
}

/* The version 1 archive inside a version 2 wrapper; `bytes` itself when there is none. */
static enum pando_status unwrap(struct pando_slice bytes, struct pando_slice *ret_inner)
{
    *ret_inner = bytes;
    if (bytes.len < V2_PRAGMA_SIZE || memcmp(bytes.ptr, v2_pragma, V2_PRAGMA_SIZE) != 0)
        return PANDO_OK;
    struct wire_reader r = wire_read(slice_from(bytes, V2_PRAGMA_SIZE));
    (void)wire_get_bytes(&r,
                         16); /* characteristics: hints about an index we do not use */
    const uint64_t offset = wire_get_le(&r, 8);
    const uint64_t size = wire_get_le(&r, 8);
    if (r.failed || offset < V2_PRAGMA_SIZE + V2_HEADER_SIZE || offset > bytes.len ||
        size > bytes.len - offset)
        return PANDO_MALFORMED;
    *ret_inner = slice_of(bytes.ptr + offset, (size_t)size);
    return PANDO_OK;
}

enum pando_status car_open(struct pando_slice bytes,
                           struct pando_id (*sha256)(struct pando_slice s),
                           struct car_reader *ret_reader)
{
    struct pando_slice inner;
    const enum pando_status st = unwrap(bytes, &inner);
    if (st != PANDO_OK)
        return st;
    struct car_reader car = { .sections = wire_read(inner), .sha256 = sha256 };
    const struct pando_slice header = wire_get_block(&car.sections, CAR_HEADER_MAX);
    if (car.sections.failed || cbor_check(header) != PANDO_OK)
        return PANDO_MALFORMED;

    struct wire_reader r = wire_read(header);
    if (cbor_get_map(&r, 2) != 2)
        return PANDO_MALFORMED;
    cbor_expect_key(&r, "roots");
    car.roots_left = cbor_get_array(&r, CAR_HEADER_MAX);
    car.roots = r;
    for (size_t i = 0; i < car.roots_left; i++) {
        struct cbor_item item;
        if (!cbor_next(&r, &item) || item.kind != CBOR_LINK)
            return PANDO_MALFORMED;
    }
    cbor_expect_key(&r, "version");
    const uint64_t version = cbor_get_uint(&r);
    if (!wire_read_done(&r))
        return PANDO_MALFORMED;
    if (version != 1)
        return PANDO_UNSUPPORTED;
    *ret_reader = car;
    return PANDO_OK;
}

bool car_next_root(struct car_reader *r, struct cid *ret_cid)
{
    struct cbor_item item;
    if (r->roots_left == 0 || !cbor_next(&r->roots, &item))
        return false;
    r->status = cid_decode(item.bytes, ret_cid);
    r->roots_left = r->status == PANDO_OK ? r->roots_left - 1 : 0;
    return r->status == PANDO_OK;
}

/* Bytes that a CID at the head of a section takes; 0 when there is none. */
static size_t cid_size(struct pando_slice s)
{
    struct wire_reader r = wire_read(s);
    if (s.len >= 2 && s.ptr[0] == 0x12 && s.ptr[1] == 0x20) /* version 0 */
        return s.len >= 34 ? 34 : 0;
    (void)wire_get_uvarint(&r); /* version */
    (void)wire_get_uvarint(&r); /* codec */
    (void)wire_get_uvarint(&r); /* hash function */
    (void)wire_get_block(&r, CID_MAX);
    return r.failed ? 0 : s.len - r.left.len;
}

static enum pando_status verify(const struct car_reader *r, const struct car_section *s)
{
    struct pando_id want;
    if (cid_sha256(&s->cid, &want) == PANDO_OK) {
        const struct pando_id got = r->sha256(s->data);
        return id_equal(&got, &want) ? PANDO_OK : PANDO_CORRUPT;
    }
    if (s->cid.hash != 0)
        return PANDO_UNSUPPORTED;
    struct wire_reader multihash = wire_read(slice_of(s->cid.multihash, s->cid.len));
    (void)wire_get_uvarint(&multihash);
    const struct pando_slice digest = wire_get_block(&multihash, CID_MAX);
    return slice_equal(digest, s->data) ? PANDO_OK : PANDO_CORRUPT;
}

bool car_next(struct car_reader *r, struct car_section *ret_section)
{
    if (r->status != PANDO_OK || (r->sections.left.len == 0 && !r->sections.failed))
        return false;
    struct car_section section;
    const struct pando_slice bytes = wire_get_block(&r->sections, CAR_SECTION_MAX);
    const size_t size = r->sections.failed ? 0 : cid_size(bytes);
    if (size == 0) {
        r->status = PANDO_MALFORMED;
        return false;
    }
    r->status = cid_decode(slice_of(bytes.ptr, size), &section.cid);
    section.data = slice_from(bytes, size);
    if (r->status == PANDO_OK)
        r->status = verify(r, &section);
    if (r->status != PANDO_OK)
        return false;
    *ret_section = section;
    return true;
}
