/* swap_push.c - passing on what arrived, and sending what a peer lacks.
 */
#include "space/delta/swap_state.h"

#include "base/slice.h"

#include <stdlib.h>

#define RECORD_ALIGN 8u /* of a record's position in the journal */
#define KEYS_AT_ONCE 512u /* of those that a peer lacks, in one message */

/* --- a message of groups --- */

static enum pando_status begin(struct swap *s, bool live)
{
    const uint8_t flag = live;
    buf_reset(&s->out);
    s->keys_len = 0;
    return buf_append(&s->out, slice_of(&flag, 1));
}

/* Which of the message's keys it is; the next one if it is not there yet. */
static size_t find_key(const struct swap *s, const struct pando_key *key)
{
    size_t i = 0;
    while (i < s->keys_len && !key_equal(&s->keys[i], key))
        i++;
    return i;
}

/* What stands before a group: its kind, of a signed one the key, and how long it is. Returns the
 * number of the key. */
static size_t put_head(struct swap *s, size_t len, struct wire_writer *w)
{
    const struct group *g = &s->group;
    const size_t key = find_key(s, &g->key);
    wire_put_be(w, g->is_signed ? DELTA_RECORD_SIGNED : DELTA_RECORD_PLAIN, 1);
    if (g->is_signed)
        wire_put_be(w, key, 1);
    if (g->is_signed && key == s->keys_len)
        wire_put_bytes(w, SLICE_OF(g->key));
    wire_put_uvarint(w, len);
    return key;
}

/* Append s->group. PANDO_FULL: there is no room for it. */
static enum pando_status put_group(struct swap *s)
{
    uint8_t head[2 + sizeof s->group.key + WIRE_UVARINT_MAX];
    struct pando_buf *body = &s->encoded;
    buf_reset(body);
    enum pando_status st = group_encode_bare(&s->group, body);
    if (st != PANDO_OK)
        return st;
    struct wire_writer w = wire_write(head, sizeof head);
    const size_t key = put_head(s, body->len, &w);
    if (s->out.len > 1 && s->out.len + w.len + body->len > SWAP_MESSAGE_MAX)
        return PANDO_FULL;
    st = buf_append(&s->out, wire_written(&w));
    if (st == PANDO_OK)
        st = buf_append(&s->out, buf_view(body));
    if (st == PANDO_OK && s->group.is_signed && key == s->keys_len)
        s->keys[s->keys_len++] = s->group.key;
    return st;
}

/* --- passing on --- */

/* Where the records end that came from this peer one behind the other, `record` among them; 0: it
 * did not come from it. */
static uint64_t origin_end(const struct swap *s, uint64_t record, uint32_t peer)
{
    for (size_t i = 0; i < SWAP_ORIGINS_MAX; i++)
        if (s->origins[i].peer == peer && s->origins[i].from <= record &&
            record < s->origins[i].to)
            return s->origins[i].to;
    return 0;
}

/* What came from the peer itself is passed over unread. */
static bool skip_own(struct swap *s, struct swap_peer *p)
{
    const uint64_t end = origin_end(s, p->cursor >> 8, p->handle);
    if (end != 0)
        p->cursor = (end + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN << 8;
    return end != 0;
}

/* Where that ends what is passed on. */
static uint64_t end_of(const struct swap *s)
{
    const uint64_t durable = delta_store_arrived_end(s->config.store);
    return s->told > durable ? s->told : durable;
}

enum pando_status swap_next_record(struct swap *s, struct swap_peer *p,
                                   uint64_t *ret_after)
{
    struct delta d;
    size_t index;
    for (;;) {
        while (skip_own(s, p))
            continue;
        if (p->cursor >= end_of(s))
            return PANDO_NOT_FOUND;
        uint64_t at = p->cursor;
        const enum pando_status st =
            delta_store_arrived_until(s->config.store, end_of(s), &at, &d);
        if (st != PANDO_OK) {
            p->cursor = at;
            return st;
        }
        const uint64_t place = at - 1, record = place >> 8;
        *ret_after = (record << 8) + 256;
        if (origin_end(s, record, p->handle) == 0)
            return delta_store_group(s->config.store, place, &s->group, &index);
        p->cursor = record << 8;
    }
}

/* Whether something was sent. */
static bool pass_on(struct swap *s, struct swap_peer *p)
{
    size_t groups = 0, deltas = 0;
    uint64_t after = 0;
    if (p->cursor >= end_of(s))
        return false;
    if (p->pruned)
        return swap_announce(s, p);
    if (begin(s, true) != PANDO_OK)
        return false;
    while (groups < SWAP_GROUPS_MAX) {
        enum pando_status st = swap_next_record(s, p, &after);
        if (st == PANDO_BUSY)
            s->again = true;
        if (st == PANDO_OK)
            st = put_group(s);
        if (st != PANDO_OK)
            break;
        deltas += group_held(&s->group);
        groups++;
        p->cursor = after;
    }
    if (groups == 0)
        return false;
    s->totals.sent += deltas;
    swap_send(s, p, SWAP_GROUPS, buf_view(&s->out));
    return true;
}

/* --- what a peer lacks --- */

static int compare_places(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Places of the keys that are still held. */
static size_t find_places(struct swap *s, const struct tally_key *keys, size_t len, uint64_t *ret)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (swap_rows_place(s, &keys[i], &ret[n]))
            n++;
    }
    qsort(ret, n, sizeof *ret, compare_places);
    return n;
}

/* Keep in s->group what is asked for. Returns how many of `places` lie in this record. */
static size_t choose(struct swap *s, const uint64_t *places, size_t len)
{
    bool wanted[DELTA_GROUP_MAX] = { false };
    size_t used = 0;
    for (; used < len && places[used] >> 8 == places[0] >> 8; used++)
        wanted[places[used] & 0xff] = true;
    group_part(&s->group, wanted, NULL);
    return used;
}

/* Send the deltas at `places`, in as many messages as they take. */
static void send_places(struct swap *s, struct swap_peer *p, const uint64_t *places, size_t len)
{
    size_t groups = 0, index;
    if (begin(s, false) != PANDO_OK)
        return;
    for (size_t i = 0; i < len;) {
        const enum pando_status found =
            delta_store_group(s->config.store, places[i], &s->group, &index);
        if (found != PANDO_OK) {
            i++; /* moved or archived meanwhile: the next comparison knows */
            continue;
        }
        const size_t used = choose(s, places + i, len - i);
        const enum pando_status st = groups < SWAP_GROUPS_MAX ? put_group(s) : PANDO_FULL;
        if (st == PANDO_FULL && groups > 0) {
            swap_send(s, p, SWAP_GROUPS, buf_view(&s->out));
            groups = 0;
            if (begin(s, false) != PANDO_OK)
                return;
            continue; /* the same group again, in a message of its own */
        }
        if (st == PANDO_OK) {
            groups++;
            s->totals.sent += group_held(&s->group);
        }
        i += used;
    }
    if (groups > 0)
        swap_send(s, p, SWAP_GROUPS, buf_view(&s->out));
}

static size_t take_keys(struct swap_peer *p, struct tally_key *ret)
{
    const size_t n = p->keys_len < KEYS_AT_ONCE ? p->keys_len : KEYS_AT_ONCE;
    if (n > 0)
        memcpy(ret, p->keys + p->keys_len - n, n * sizeof *ret);
    p->keys_len -= n;
    return n;
}

/* Whether something was sent or at least looked at. */
static bool send_lacking(struct swap *s, struct swap_peer *p)
{
    uint64_t places[KEYS_AT_ONCE];
    size_t n = 0;
    if (p->keys_len > 0) {
        struct tally_key keys[KEYS_AT_ONCE];
        const size_t len = take_keys(p, keys);
        n = find_places(s, keys, len, places);
    } else if (p->spans_len > 0) {
        struct swap_span *span = &p->spans[p->spans_len - 1];
        if (!swap_rows_span(s, span, places, KEYS_AT_ONCE, &n))
            p->spans_len--;
        qsort(places, n, sizeof *places, compare_places);
    } else {
        return false;
    }
    if (n > 0) {
        send_places(s, p, places, n);
        p->settle = true;
        swap_busy(s, p);
    }
    return true;
}

void swap_push(struct swap *s, struct swap_peer *p)
{
    bool moved = true;
    while (moved && p->reads && swap_can_send(p)) {
        moved = pass_on(s, p);
        if (swap_can_send(p) && send_lacking(s, p))
            moved = true;
    }
}
