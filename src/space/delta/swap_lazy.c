/* swap_lazy.c - what is announced only: keys go where nothing is passed on, and what has not come
 * some time after it was announced is asked for.
 *
 * Who prunes whom is decided by each pair alone, so that the links that are left may fall apart
 * into pieces; the announcements go over the others, and join the pieces again.
 */
#include "space/delta/swap_state.h"

#include "base/slice.h"

#define KEY_BYTES 24u

static void put_key(struct wire_writer *w, const struct tally_key *key)
{
    wire_put_be(w, key->time, 8);
    wire_put_bytes(w, SLICE_OF(key->digest));
}

static bool get_key(struct wire_reader *r, struct tally_key *ret)
{
    ret->time = wire_get_be(r, 8);
    const struct pando_slice digest = wire_get_bytes(r, sizeof ret->digest);
    if (r->failed)
        return false;
    memcpy(ret->digest, digest.ptr, sizeof ret->digest);
    return true;
}

/* The keys of s->group, which is held here. */
static void announce_group(struct swap *s, struct wire_writer *w)
{
    for (size_t i = 0; i < s->group.len; i++) {
        struct delta d;
        struct tally_key key;
        if (!s->group.held[i] || delta_decode(s->group.bodies[i], &s->room, &d) != PANDO_OK)
            continue;
        key.time = (uint64_t)d.timestamp;
        memcpy(key.digest, d.digest.bytes, sizeof key.digest);
        put_key(w, &key);
    }
}

bool swap_announce(struct swap *s, struct swap_peer *p)
{
    uint8_t room[SWAP_ANNOUNCE_MAX * KEY_BYTES];
    struct wire_writer w = wire_write(room, sizeof room);
    uint64_t after = 0;
    enum pando_status st = PANDO_OK;
    bool moved = false;
    while (st == PANDO_OK && sizeof room - w.len >= DELTA_GROUP_MAX * KEY_BYTES) {
        st = swap_next_record(s, p, &after);
        if (st != PANDO_OK)
            break;
        announce_group(s, &w);
        p->cursor = after;
        moved = true;
    }
    if (st == PANDO_BUSY)
        s->again = true;
    if (w.len > 0)
        swap_send(s, p, SWAP_HAVE, wire_written(&w));
    return moved;
}

/* At the cap what does not fit is dropped: the next comparison finds it. */
enum pando_status swap_have_come(struct swap *s, struct swap_peer *p, struct pando_slice keys)
{
    struct wire_reader r = wire_read(keys);
    struct tally_key key;
    uint64_t place;
    if (keys.len == 0 || keys.len % KEY_BYTES != 0 || keys.len > SWAP_ANNOUNCE_MAX * KEY_BYTES)
        return PANDO_MALFORMED;
    while (r.left.len > 0 && get_key(&r, &key)) {
        if (p->announced_len == SWAP_ANNOUNCE_MAX || swap_rows_place(s, &key, &place))
            continue;
        if (p->announced_len == 0)
            p->want_at = pando_time_add(s->now, SWAP_WANT_AFTER);
        p->announced[p->announced_len++] = key;
    }
    return PANDO_OK;
}

enum pando_status swap_want_come(struct swap_peer *p, struct pando_slice keys)
{
    struct wire_reader r = wire_read(keys);
    struct tally_key key;
    if (keys.len == 0 || keys.len % KEY_BYTES != 0 || keys.len > SWAP_ANNOUNCE_MAX * KEY_BYTES)
        return PANDO_MALFORMED;
    while (r.left.len > 0 && get_key(&r, &key))
        swap_lacks(p, &key, 1);
    return PANDO_OK;
}

static bool is_behind(const struct swap *s)
{
    for (size_t i = 0; i < s->peers_len; i++)
        if (s->peers[i]->first != NULL)
            return true; /* it may lie there */
    return s->stuck;
}

static void want(struct swap *s, struct swap_peer *p)
{
    uint8_t room[SWAP_ANNOUNCE_MAX * KEY_BYTES];
    struct wire_writer w = wire_write(room, sizeof room);
    uint64_t place;
    for (size_t i = 0; i < p->announced_len; i++)
        if (!swap_rows_place(s, &p->announced[i], &place))
            put_key(&w, &p->announced[i]);
    p->announced_len = 0;
    if (w.len > 0)
        swap_send(s, p, SWAP_WANT, wire_written(&w));
}

void swap_lazy_tick(struct swap *s)
{
    for (size_t i = 0; i < s->peers_len; i++) {
        struct swap_peer *p = s->peers[i];
        if (p->announced_len == 0 || !pando_time_reached(p->want_at, s->now))
            continue;
        if (is_behind(s) || !swap_can_send(p))
            p->want_at = pando_time_add(s->now, SWAP_WANT_AFTER);
        else
            want(s, p);
    }
}
