/* fed_plain.c - the messages of which there are many, without a tree (plain.h): deltas, batches,
 * acks. Anything about them that is not as programs print it is for fed_message_decode. */
#include "space/delta/fed_wire.h"

#include "codec/cbor_utf8.h"
#include "space/delta/delta_text.h"

#include <assert.h>

/* Less text than this cannot hold more values than FED_OBJECTS_MAX and FED_VALUES_MAX: an object
 * that is plain takes 16 bytes at least, a comma two. */
#define PLAIN_MAX (15u * FED_OBJECTS_MAX)
static_assert(PLAIN_MAX < 2u * FED_VALUES_MAX, "commas are fewer, too");

enum member {
    HAS_TYPE = 1,
    HAS_TIMESTAMP = 2,
    HAS_DELTA = 4,
    HAS_DELTAS = 8,
    HAS_NUMBER = 16,
    HAS_LAST = 32,
    HAS_ID = 64,
};

struct reading {
    struct plain p;
    struct delta_room *room;
    unsigned seen;
};

static void read_delta(struct reading *r, struct fed_message *m)
{
    struct delta d;
    (void)plain_peek(&r->p);
    const uint8_t *const begin = r->p.at;
    if (delta_text_next(&r->p, r->room, &d))
        m->plain = slice_of(begin, (size_t)(r->p.at - begin));
}

/* The list from behind its bracket to before the other one. */
static void read_deltas(struct reading *r, struct fed_message *m)
{
    struct plain *p = &r->p;
    struct delta d;
    plain_expect(p, '[');
    const uint8_t *const begin = p->at;
    m->plain_len = 0;
    if (!plain_take(p, ']'))
        do {
            m->plain_len += delta_text_next(p, r->room, &d);
        } while (!p->failed && plain_more(p, ']'));
    if (!p->failed)
        m->plain = slice_of(begin, (size_t)(p->at - 1 - begin));
}

static unsigned read_member(struct reading *r, struct fed_message *m)
{
    struct plain *p = &r->p;
    const struct pando_slice key = plain_key(p);
    if (PLAIN_IS(key, "type")) {
        m->type = plain_name(p);
        return HAS_TYPE;
    }
    if (PLAIN_IS(key, "timestamp")) {
        m->timestamp = (int64_t)plain_number(p);
        return HAS_TIMESTAMP;
    }
    if (PLAIN_IS(key, "delta")) {
        read_delta(r, m);
        return HAS_DELTA;
    }
    if (PLAIN_IS(key, "deltas")) {
        read_deltas(r, m);
        return HAS_DELTAS;
    }
    if (PLAIN_IS(key, "batchNumber")) {
        m->number = plain_number(p);
        return HAS_NUMBER;
    }
    if (PLAIN_IS(key, "isLastBatch")) {
        m->is_last = plain_bool(p);
        return HAS_LAST;
    }
    if (PLAIN_IS(key, "deltaId")) {
        m->delta_id = plain_name(p);
        return HAS_ID;
    }
    p->failed = true;
    return 0;
}

/* Whether these members are those of the message's type; which type is told in `m`. */
static bool settle(unsigned seen, struct fed_message *m)
{
    seen &= ~(unsigned)HAS_TIMESTAMP;
    if (seen == (HAS_TYPE | HAS_DELTA) && PLAIN_IS(m->type, "delta")) {
        m->kind = FED_SAYS_DELTA;
        return true;
    }
    if (seen == (HAS_TYPE | HAS_ID) && PLAIN_IS(m->type, "delta_ack")) {
        m->kind = FED_SAYS_DELTA_ACK;
        return m->delta_id.len <= DELTA_NAME_MAX;
    }
    seen &= ~(unsigned)(HAS_NUMBER | HAS_LAST);
    m->kind = FED_SAYS_SYNC_BATCH;
    return seen == (HAS_TYPE | HAS_DELTAS) && PLAIN_IS(m->type, "sync_batch");
}

bool fed_message_plain(struct pando_slice text, struct delta_room *room, struct fed_message *ret)
{
    struct reading r = { .p = plain_read(text), .room = room };
    struct fed_message m = { 0 };
    if (text.len > PLAIN_MAX || !cbor_utf8_valid(text))
        return false;
    plain_expect(&r.p, '{');
    do {
        const unsigned member = read_member(&r, &m);
        r.p.failed = r.p.failed || (r.seen & member) != 0;
        r.seen |= member;
    } while (!r.p.failed && plain_more(&r.p, '}'));
    plain_blanks(&r.p);
    if (r.p.failed || r.p.at < r.p.end || !settle(r.seen, &m))
        return false;
    m.is_plain = true;
    *ret = m;
    return true;
}
