#include "space/dag/event.h"

#include "base/slice.h"
#include "codec/cbor.h"
#include "codec/cid.h"

#include <assert.h>
#include <string.h>

/* Offsets that follow from the layout: a one-byte head, "v": 1, "seq" and its number. The
 * entry of the signature is text(3) "sig", bytes(64). */
#define SIG_ENTRY_SIZE (4 + 2 + 64)
#define SIG_VALUE_AT   (4 + 2)
#define BODY_DEPTH     1 /* the event's map is around it */

static size_t uint_size(uint64_t value)
{
    return value < 24            ? 1
           : value <= 0xff       ? 2
           : value <= 0xffff     ? 3
           : value <= 0xffffffff ? 5
                                 : 9;
}

/* Where the signature's entry begins: after map head, "v" 1, "seq" n. */
static size_t sig_entry_at(uint64_t seq)
{
    return 1 + 3 + 4 + uint_size(seq);
}

const char *event_kind_name(enum event_kind kind)
{
    switch (kind) {
#define X(name, text)  \
    case EVENT_##name: \
        return text;
        EVENT_KIND_MAP(X)
#undef X
    case EVENT_KINDS:
        break;
    }
    return "unknown";
}

enum pando_status event_kind_parse(struct pando_slice name, enum event_kind *ret_kind)
{
    for (int kind = 0; kind < EVENT_KINDS; kind++)
        if (slice_equal(name, slice_text(event_kind_name((enum event_kind)kind)))) {
            *ret_kind = (enum event_kind)kind;
            return PANDO_OK;
        }
    return PANDO_UNSUPPORTED;
}

static bool parents_distinct(const struct event *ev)
{
    for (size_t i = 1; i < ev->parents_len; i++)
        for (size_t k = 0; k < i; k++)
            if (id_equal(&ev->parents[i], &ev->parents[k]))
                return false;
    return true;
}

static bool fields_in_bounds(const struct event *ev)
{
    return ev->seq >= 1 && ev->seq <= EVENT_SEQ_MAX && ev->time >= 0 &&
           (uint64_t)ev->time <= EVENT_SEQ_MAX && ev->body.len >= 1 &&
           ev->body.len <= EVENT_BODY_MAX && ev->parents_len <= EVENT_PARENTS_MAX &&
           parents_distinct(ev);
}

static void get_fixed(struct wire_reader *r, uint8_t *to, size_t len)
{
    const struct pando_slice s = cbor_get_bytes(r, len);
    if (s.len != len)
        r->failed = true;
    else
        memcpy(to, s.ptr, len);
}

/* All fields in the order of their keys. `*ret_version` is read first. */
static void read_fields(struct wire_reader *r, struct event *ev, uint64_t *ret_version,
                        struct pando_slice *ret_kind)
{
    if (cbor_get_map(r, 10) != 10)
        r->failed = true;
    cbor_expect_key(r, "v");
    *ret_version = cbor_get_uint(r);
    if (r->failed || *ret_version != EVENT_VERSION)
        return;
    cbor_expect_key(r, "seq");
    ev->seq = cbor_get_uint(r);
    cbor_expect_key(r, "sig");
    get_fixed(r, ev->sig.bytes, sizeof ev->sig.bytes);
    cbor_expect_key(r, "body");
    ev->body = cbor_skip(r);
    cbor_expect_key(r, "kind");
    *ret_kind = cbor_get_text(r, 32);
    cbor_expect_key(r, "time");
    const uint64_t time = cbor_get_uint(r);
    cbor_expect_key(r, "epoch");
    const uint64_t epoch = cbor_get_uint(r);
    cbor_expect_key(r, "space");
    get_fixed(r, ev->space.bytes, sizeof ev->space.bytes);
    cbor_expect_key(r, "author");
    get_fixed(r, ev->author.bytes, sizeof ev->author.bytes);
    cbor_expect_key(r, "parents");
    ev->parents_len = (uint8_t)cbor_get_array(r, EVENT_PARENTS_MAX);
    for (size_t i = 0; i < ev->parents_len && !r->failed; i++)
        ev->parents[i] = cbor_get_link(r, CID_DAG_CBOR);
    if (time > EVENT_SEQ_MAX || epoch > UINT32_MAX)
        r->failed = true;
    ev->time = (int64_t)(time & EVENT_SEQ_MAX);
    ev->epoch = (uint32_t)epoch;
}

enum pando_status event_peek(struct pando_slice block, struct event *ret_event)
{
    struct wire_reader r = wire_read(block);
    struct event ev = { .block = block };
    struct pando_slice kind = SLICE_EMPTY;
    uint64_t version = 0;

    if (block.len > EVENT_BLOCK_MAX)
        return PANDO_MALFORMED;
    read_fields(&r, &ev, &version, &kind);
    if (!r.failed && version != EVENT_VERSION)
        return PANDO_UNSUPPORTED;
    if (!wire_read_done(&r) || !fields_in_bounds(&ev))
        return PANDO_MALFORMED;
    if (event_kind_parse(kind, &ev.kind) != PANDO_OK)
        return PANDO_UNSUPPORTED;
    *ret_event = ev;
    return PANDO_OK;
}

enum pando_status event_decode(struct pando_slice block, struct event *ret_event)
{
    struct event ev;

    /* Reading the fields one by one in their strict form checks all but what the body
     * holds; an event of the future is looked at as a whole. */
    const enum pando_status st = event_peek(block, &ev);
    if (st == PANDO_UNSUPPORTED && cbor_check(block) != PANDO_OK)
        return PANDO_MALFORMED;
    if (st != PANDO_OK)
        return st;
    if (cbor_check_inside(ev.body, BODY_DEPTH) != PANDO_OK)
        return PANDO_MALFORMED;
    ev.id = crypto_sha256(block);
    *ret_event = ev;
    return PANDO_OK;
}

void event_encode(const struct event *ev, struct wire_writer *w)
{
    cbor_put_map(w, 10);
    cbor_put_key(w, "v");
    cbor_put_uint(w, EVENT_VERSION);
    cbor_put_key(w, "seq");
    cbor_put_uint(w, ev->seq);
    cbor_put_key(w, "sig");
    cbor_put_bytes(w, SLICE_OF(ev->sig));
    cbor_put_key(w, "body");
    wire_put_bytes(w, ev->body);
    cbor_put_key(w, "kind");
    cbor_put_text(w, slice_text(event_kind_name(ev->kind)));
    cbor_put_key(w, "time");
    cbor_put_uint(w, (uint64_t)ev->time);
    cbor_put_key(w, "epoch");
    cbor_put_uint(w, ev->epoch);
    cbor_put_key(w, "space");
    cbor_put_bytes(w, SLICE_OF(ev->space));
    cbor_put_key(w, "author");
    cbor_put_bytes(w, SLICE_OF(ev->author));
    cbor_put_key(w, "parents");
    cbor_put_array(w, ev->parents_len);
    for (size_t i = 0; i < ev->parents_len; i++)
        cbor_put_link(w, CID_DAG_CBOR, &ev->parents[i]);
}

size_t event_signed_size(const struct event *ev)
{
    return EVENT_SIGN_PREFIX + ev->block.len - SIG_ENTRY_SIZE;
}

void event_signed_bytes(const struct event *ev, uint8_t *ret_bytes)
{
    const size_t at = sig_entry_at(ev->seq), after = at + SIG_ENTRY_SIZE;
    uint8_t *p = ret_bytes;

    memcpy(p, EVENT_SIGN_TAG, sizeof(EVENT_SIGN_TAG) - 1);
    memcpy(p + sizeof(EVENT_SIGN_TAG) - 1, ev->space.bytes, 32);
    p += EVENT_SIGN_PREFIX;
    memcpy(p, ev->block.ptr, at);
    *p = (uint8_t)(*p - 1); /* a map of nine */
    memcpy(p + at, ev->block.ptr + after, ev->block.len - after);
}

enum pando_status event_sign(struct event *ev, const struct crypto_secret *secret,
                             uint8_t *ret_block, size_t cap)
{
    static_assert(EVENT_SIGN_PREFIX < SIG_ENTRY_SIZE,
                  "signed bytes fit where a block fits");
    uint8_t scratch[EVENT_BLOCK_MAX];
    struct wire_writer w = wire_write(ret_block, cap);

    if (!fields_in_bounds(ev) || cbor_check_inside(ev->body, BODY_DEPTH) != PANDO_OK)
        return PANDO_INVALID;
    memset(&ev->sig, 0, sizeof ev->sig);
    event_encode(ev, &w);
    if (w.failed || w.len > EVENT_BLOCK_MAX)
        return PANDO_INVALID;
    ev->block = wire_written(&w);
    event_signed_bytes(ev, scratch);
    ev->sig = crypto_sign(secret, slice_of(scratch, event_signed_size(ev)));
    memcpy(ret_block + sig_entry_at(ev->seq) + SIG_VALUE_AT, ev->sig.bytes,
           sizeof ev->sig.bytes);
    ev->id = crypto_sha256(ev->block);
    return PANDO_OK;
}
