#include "codec/cbor.h"

#include "base/slice.h"
#include "codec/cbor_utf8.h"
#include "codec/cid.h"

#include <string.h>

/* A head in its shortest form: three bits of major type, then the argument. */
static void put_head(struct wire_writer *w, uint8_t major, uint64_t argument)
{
    const uint64_t top = (uint64_t)major << 5;
    if (argument < 24) {
        wire_put_be(w, top | argument, 1);
    } else if (argument <= UINT8_MAX) {
        wire_put_be(w, top | 24, 1);
        wire_put_be(w, argument, 1);
    } else if (argument <= UINT16_MAX) {
        wire_put_be(w, top | 25, 1);
        wire_put_be(w, argument, 2);
    } else if (argument <= UINT32_MAX) {
        wire_put_be(w, top | 26, 1);
        wire_put_be(w, argument, 4);
    } else {
        wire_put_be(w, top | 27, 1);
        wire_put_be(w, argument, 8);
    }
}

void cbor_put_uint(struct wire_writer *w, uint64_t value)
{
    put_head(w, 0, value);
}

void cbor_put_nint(struct wire_writer *w, uint64_t value)
{
    put_head(w, 1, value);
}

void cbor_put_int(struct wire_writer *w, int64_t value)
{
    if (value >= 0)
        put_head(w, 0, (uint64_t)value);
    else
        put_head(w, 1, (uint64_t)(-1 - value));
}

void cbor_put_bytes(struct wire_writer *w, struct pando_slice s)
{
    put_head(w, 2, s.len);
    wire_put_bytes(w, s);
}

void cbor_put_text(struct wire_writer *w, struct pando_slice s)
{
    if (!cbor_utf8_valid(s))
        w->failed = true;
    put_head(w, 3, s.len);
    wire_put_bytes(w, s);
}

void cbor_put_key(struct wire_writer *w, const char *key)
{
    cbor_put_text(w, slice_text(key));
}

void cbor_put_array(struct wire_writer *w, size_t len)
{
    put_head(w, 4, len);
}

void cbor_put_map(struct wire_writer *w, size_t len)
{
    put_head(w, 5, len);
}

void cbor_put_bool(struct wire_writer *w, bool value)
{
    wire_put_be(w, value ? 0xf5 : 0xf4, 1);
}

void cbor_put_null(struct wire_writer *w)
{
    wire_put_be(w, 0xf6, 1);
}

void cbor_put_float(struct wire_writer *w, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    if ((bits & 0x7ff0000000000000u) == 0x7ff0000000000000u)
        w->failed = true; /* an infinity or not a number */
    wire_put_be(w, 0xfb, 1);
    wire_put_be(w, bits, 8);
}

void cbor_put_cid(struct wire_writer *w, struct pando_slice cid)
{
    if (!cid_valid(cid))
        w->failed = true;
    put_head(w, 6, 42);
    put_head(w, 2, cid.len + 1);
    wire_put_be(w, 0, 1);
    wire_put_bytes(w, cid);
}

void cbor_put_link(struct wire_writer *w, uint16_t codec, const struct pando_id *id)
{
    uint8_t cid[CID_SHA256_SIZE];
    cid_write_sha256((enum cid_codec)codec, id, cid);
    cbor_put_cid(w, SLICE_OF(cid));
}
