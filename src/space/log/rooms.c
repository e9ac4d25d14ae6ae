#include "space/log/rooms.h"

#include "base/assert.h"
#include "base/slice.h"

#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

/* Members must not differ because one of them is short of memory: a state that cannot follow
 * the sequence is worth nothing, so growing (by little, up to caps) has to succeed. */
static void *grown(void *old, size_t len, size_t *cap, size_t size)
{
    if (len < *cap)
        return old;
    const size_t more = *cap == 0 ? 16 : *cap * 2;
    void *place = realloc(old, more * size);
    PANDO_ASSERT(place != NULL);
    *cap = more;
    return place;
}

struct room_key {
    uint8_t bytes[LOG_ROOM_MAX];
};

static struct room_key key_of(struct pando_slice name)
{
    struct room_key k = { { 0 } };
    memcpy(k.bytes, name.ptr, name.len < sizeof k.bytes ? name.len : sizeof k.bytes);
    return k;
}

enum pando_status rooms_init(struct rooms *r, uint64_t seed)
{
    *r = (struct rooms){ .oldest = NONE, .newest = NONE };
    map_init(&r->by_name, LOG_ROOM_MAX, sizeof(uint32_t), LOG_ROOMS_MAX, seed);
    map_init(&r->by_client, sizeof(uint64_t), sizeof(uint32_t), ROOMS_SESSIONS_MAX + 1, seed);
    r->sessions = calloc(ROOMS_SESSIONS_MAX, sizeof *r->sessions);
    return r->sessions == NULL ? PANDO_NOMEM : PANDO_OK;
}

void rooms_deinit(struct rooms *r)
{
    for (uint32_t i = 0; i < r->len; i++)
        free(r->at[i].runs);
    free(r->at);
    free(r->sessions);
    free(r->skips);
    map_deinit(&r->by_name);
    map_deinit(&r->by_client);
    *r = (struct rooms){ 0 };
}

static uint32_t room_at(const struct rooms *r, struct pando_slice name)
{
    const char *latest = r->latest < r->len ? r->at[r->latest].name : NULL;
    if (latest != NULL && memcmp(latest, name.ptr, name.len) == 0 && latest[name.len] == '\0')
        return r->latest;
    const struct room_key k = key_of(name);
    const uint32_t *found = map_find(&r->by_name, &k);
    return found == NULL ? NONE : *found;
}

struct rooms_room *rooms_find(const struct rooms *r, struct pando_slice name)
{
    const uint32_t at = name.len == 0 || name.len > LOG_ROOM_MAX ? NONE : room_at(r, name);
    return at == NONE ? NULL : &r->at[at];
}

static uint32_t room_make(struct rooms *r, struct pando_slice name)
{
    size_t cap = r->cap;
    void *place;
    bool added;
    if (r->len == LOG_ROOMS_MAX)
        return NONE;
    r->at = grown(r->at, r->len, &cap, sizeof *r->at);
    r->cap = (uint32_t)cap;
    const struct room_key k = key_of(name);
    PANDO_ASSERT(map_put(&r->by_name, &k, &place, &added) == PANDO_OK && added);
    memcpy(place, &r->len, sizeof r->len);
    r->at[r->len] = (struct rooms_room){ .first = 1 };
    memcpy(r->at[r->len].name, name.ptr, name.len);
    return r->len++;
}

static void unlink_session(struct rooms *r, uint32_t i)
{
    const struct rooms_session *s = &r->sessions[i];
    if (s->older != NONE)
        r->sessions[s->older].newer = s->newer;
    else
        r->oldest = s->newer;
    if (s->newer != NONE)
        r->sessions[s->newer].older = s->older;
    else
        r->newest = s->older;
}

static void make_newest(struct rooms *r, uint32_t i)
{
    r->sessions[i].older = r->newest;
    r->sessions[i].newer = NONE;
    if (r->newest != NONE)
        r->sessions[r->newest].newer = i;
    else
        r->oldest = i;
    r->newest = i;
}

static uint32_t session_at(const struct rooms *r, uint64_t client)
{
    if (r->newest != NONE && r->sessions[r->newest].client == client)
        return r->newest;
    const uint32_t *found = map_find(&r->by_client, &client);
    return found == NULL ? NONE : *found;
}

static uint32_t session_make(struct rooms *r, uint64_t client)
{
    void *place;
    bool added;
    uint32_t i = r->sessions_len;
    if (i == ROOMS_SESSIONS_MAX) {
        i = r->oldest;
        if (r->sessions[i].born > r->forgotten)
            r->forgotten = r->sessions[i].born;
        unlink_session(r, i);
        (void)map_del(&r->by_client, &r->sessions[i].client);
    } else {
        r->sessions_len++;
    }
    r->sessions[i] = (struct rooms_session){ .client = client };
    make_newest(r, i);
    PANDO_ASSERT(map_put(&r->by_client, &client, &place, &added) == PANDO_OK && added);
    memcpy(place, &i, sizeof i);
    return i;
}

static enum rooms_verdict ask(const struct rooms *r, uint32_t session, uint64_t counter,
                              uint32_t *ret_room, uint64_t *ret_seq)
{
    *ret_room = NONE;
    *ret_seq = 0;
    if (session == NONE)
        return counter == 1 ? ROOMS_TAKEN : ROOMS_UNKNOWN;
    const struct rooms_session *s = &r->sessions[session];
    if (counter == s->last + 1)
        return ROOMS_TAKEN;
    if (counter > s->last)
        return ROOMS_GAP;
    if (s->last - counter < ROOMS_ANSWERS) {
        *ret_room = s->rooms[counter % ROOMS_ANSWERS];
        *ret_seq = s->seqs[counter % ROOMS_ANSWERS];
    }
    return ROOMS_AGAIN;
}

enum rooms_verdict rooms_ask(const struct rooms *r, uint64_t client, uint64_t counter,
                             uint32_t *ret_room, uint64_t *ret_seq)
{
    return ask(r, session_at(r, client), counter, ret_room, ret_seq);
}

static void skip(struct rooms *r, uint64_t index, uint32_t ordinal)
{
    r->skips = grown(r->skips, r->skips_len, &r->skips_cap, sizeof *r->skips);
    r->skips[r->skips_len++] = (struct rooms_skip){ index, ordinal };
}

static uint64_t number(struct rooms *r, uint32_t at, uint64_t index)
{
    struct rooms_room *room = &r->at[at];
    const uint64_t seq = ++room->last;
    if (room->runs_len == 0 || room->runs[room->runs_len - 1].index != index) {
        room->runs = grown(room->runs, room->runs_len, &room->runs_cap, sizeof *room->runs);
        room->runs[room->runs_len++] = (struct rooms_run){ seq, index };
    }
    r->messages++;
    r->latest = at;
    return seq;
}

enum rooms_verdict rooms_apply(struct rooms *r, uint64_t index, uint32_t ordinal,
                               const struct batch_message *m, uint32_t *ret_room,
                               uint64_t *ret_seq)
{
    uint32_t session = session_at(r, m->client);
    enum rooms_verdict verdict = ask(r, session, m->counter, ret_room, ret_seq);
    if (session == NONE && m->dated && m->since < r->forgotten)
        verdict = ROOMS_UNKNOWN;
    if (verdict != ROOMS_TAKEN) {
        skip(r, index, ordinal);
        return verdict;
    }
    if (session == NONE) {
        session = session_make(r, m->client);
        r->sessions[session].born = m->dated ? index : 0;
    } else if (session != r->newest) {
        unlink_session(r, session);
        make_newest(r, session);
    }
    uint32_t at = room_at(r, m->room);
    if (at == NONE)
        at = room_make(r, m->room);
    struct rooms_session *s = &r->sessions[session];
    s->last = m->counter;
    *ret_room = at;
    *ret_seq = at == NONE ? 0 : number(r, at, index);
    s->rooms[m->counter % ROOMS_ANSWERS] = at;
    s->seqs[m->counter % ROOMS_ANSWERS] = *ret_seq;
    if (at != NONE)
        return ROOMS_TAKEN;
    skip(r, index, ordinal);
    return ROOMS_FULL;
}

/* The last run whose member (first, or index) is not above `value`; runs_len when none. */
static size_t run_below(const struct rooms_room *room, uint64_t value, bool by_index)
{
    size_t low = 0, high = room->runs_len;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        const struct rooms_run *run = &room->runs[mid];
        if ((by_index ? run->index : run->first) <= value)
            low = mid + 1;
        else
            high = mid;
    }
    return low == 0 ? room->runs_len : low - 1;
}

bool rooms_locate(const struct rooms_room *room, uint64_t seq, struct rooms_run *ret)
{
    if (seq < room->first || seq > room->last)
        return false;
    const size_t at = run_below(room, seq, false);
    if (at == room->runs_len)
        return false;
    *ret = room->runs[at];
    return true;
}

bool rooms_in_entry(const struct rooms_room *room, uint64_t index, uint64_t *ret_first)
{
    const size_t at = run_below(room, index, true);
    if (at == room->runs_len || room->runs[at].index != index)
        return false;
    *ret_first = room->runs[at].first;
    return true;
}

bool rooms_skipped(const struct rooms *r, uint64_t index, uint32_t ordinal)
{
    size_t low = 0, high = r->skips_len;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        const struct rooms_skip *s = &r->skips[mid];
        if (s->index == index && s->ordinal == ordinal)
            return true;
        if (s->index < index || (s->index == index && s->ordinal < ordinal))
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}

void rooms_drop_before(struct rooms *r, uint64_t index)
{
    for (uint32_t i = 0; i < r->len; i++) {
        struct rooms_room *room = &r->at[i];
        size_t gone = 0;
        while (gone < room->runs_len && room->runs[gone].index < index)
            gone++;
        room->first = gone < room->runs_len ? room->runs[gone].first : room->last + 1;
        if (gone == 0)
            continue;
        memmove(room->runs, room->runs + gone, (room->runs_len - gone) * sizeof *room->runs);
        room->runs_len -= gone;
    }
    size_t gone = 0;
    while (gone < r->skips_len && r->skips[gone].index < index)
        gone++;
    if (gone == 0)
        return;
    memmove(r->skips, r->skips + gone, (r->skips_len - gone) * sizeof *r->skips);
    r->skips_len -= gone;
}
