#include "space/delta/subs.h"

#include "base/bytes.h"
#include "base/slice.h"
#include "space/delta/negate.h"

#include <stdlib.h>
#include <string.h>

struct waiting {
    struct bytes *bytes;
    uint64_t position;
};

/* One subscription; its buffer is a ring that grows up to the capacity. */
struct sub {
    uint64_t id;
    struct subs_config config;
    struct waiting *ring;
    size_t head, len, cap;
    size_t bytes;
    uint64_t offered; /* position of the last delta that it was offered */
    uint64_t polled;
    uint64_t received, processed, dropped, overflows;
    bool paused, failed, warned, warning;
    bool lagging; /* it blocks and was full: it reads on by itself, from `offered` */
};

struct subs {
    struct delta_source source;
    struct sub **items; /* by rising id */
    size_t len, cap;
    uint64_t next_id;
    struct bytes *lent; /* given by the last poll */
};

enum pando_status subs_new(const struct delta_source *source, struct subs **ret)
{
    struct subs *s = calloc(1, sizeof *s);
    if (s == NULL)
        return PANDO_NOMEM;
    s->source = *source;
    s->next_id = 1;
    *ret = s;
    return PANDO_OK;
}

static struct waiting *oldest(const struct sub *b)
{
    return &b->ring[b->head];
}

static struct bytes *take_oldest(struct sub *b)
{
    struct bytes *bytes = oldest(b)->bytes;
    b->bytes -= bytes_view(bytes).len;
    b->head = (b->head + 1) % b->cap;
    b->len--;
    return bytes;
}

static void sub_free(struct sub *b)
{
    while (b->len > 0)
        bytes_unref(take_oldest(b));
    filter_deinit(&b->config.filter);
    free(b->ring);
    free(b);
}

void subs_free(struct subs *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->len; i++)
        sub_free(s->items[i]);
    bytes_unref(s->lent);
    free(s->items);
    free(s);
}

static size_t index_of(const struct subs *s, uint64_t id)
{
    size_t low = 0, high = s->len;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        if (s->items[mid]->id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low < s->len && s->items[low]->id == id ? low : SIZE_MAX;
}

static struct sub *find(const struct subs *s, uint64_t id)
{
    const size_t at = index_of(s, id);
    return at == SIZE_MAX ? NULL : s->items[at];
}

static enum pando_status check(const struct subs *s, const struct subs_config *config,
                               struct pando_err *reterr)
{
    if (s->len == SUBS_MAX)
        return pando_err_set(reterr, PANDO_FULL, "%d subscriptions are the limit: end one", SUBS_MAX);
    if (config->capacity > SUBS_CAPACITY_MAX)
        return pando_err_set(reterr, PANDO_INVALID, "bufferSize is at most %d", SUBS_CAPACITY_MAX);
    if (config->warn_percent > 100)
        return pando_err_set(reterr, PANDO_INVALID, "warningThreshold is a percentage, 1 to 100");
    return PANDO_OK;
}

enum pando_status subs_add(struct subs *s, struct subs_config *config, uint64_t *ret_id,
                           struct pando_err *reterr)
{
    const enum pando_status st = check(s, config, reterr);
    if (st != PANDO_OK)
        return st;
    if (s->len == s->cap) {
        const size_t cap = s->cap == 0 ? 8 : s->cap * 2;
        struct sub **items = realloc(s->items, cap * sizeof *items);
        if (items == NULL)
            return PANDO_NOMEM;
        s->items = items;
        s->cap = cap;
    }
    struct sub *b = calloc(1, sizeof *b);
    if (b == NULL)
        return PANDO_NOMEM;
    *b = (struct sub){ .id = s->next_id++, .config = *config, .offered = config->position,
                       .polled = config->position };
    if (b->config.capacity == 0)
        b->config.capacity = SUBS_CAPACITY;
    if (b->config.warn_percent == 0)
        b->config.warn_percent = SUBS_WARN_PERCENT;
    filter_init(&config->filter);
    s->items[s->len++] = b;
    *ret_id = b->id;
    return PANDO_OK;
}

bool subs_remove(struct subs *s, uint64_t id)
{
    const size_t at = index_of(s, id);
    if (at == SIZE_MAX)
        return false;
    sub_free(s->items[at]);
    memmove(&s->items[at], &s->items[at + 1], (s->len - at - 1) * sizeof(struct sub *));
    s->len--;
    return true;
}

bool subs_pause(struct subs *s, uint64_t id)
{
    struct sub *b = find(s, id);
    if (b != NULL)
        b->paused = true;
    return b != NULL;
}

bool subs_resume(struct subs *s, uint64_t id)
{
    struct sub *b = find(s, id);
    if (b != NULL)
        b->paused = b->failed = false;
    return b != NULL;
}

static bool is_full(const struct sub *b, size_t more)
{
    return b->len >= b->config.capacity || (b->len > 0 && b->bytes + more > SUBS_BYTES_MAX);
}

static enum pando_status grow(struct sub *b)
{
    if (b->len < b->cap)
        return PANDO_OK;
    size_t cap = b->cap == 0 ? 16 : b->cap * 2;
    if (cap > b->config.capacity)
        cap = b->config.capacity;
    struct waiting *ring = calloc(cap, sizeof *ring);
    if (ring == NULL)
        return PANDO_NOMEM;
    for (size_t i = 0; i < b->len; i++)
        ring[i] = b->ring[(b->head + i) % b->cap];
    free(b->ring);
    b->ring = ring;
    b->head = 0;
    b->cap = cap;
    return PANDO_OK;
}

static enum pando_status keep(struct sub *b, uint64_t position, struct bytes *bytes)
{
    const enum pando_status st = grow(b);
    if (st != PANDO_OK)
        return st;
    b->ring[(b->head + b->len) % b->cap] = (struct waiting){ bytes_ref(bytes), position };
    b->len++;
    b->bytes += bytes_view(bytes).len;
    if (b->len * 100 < (uint64_t)b->config.capacity * b->config.warn_percent)
        return PANDO_OK;
    b->warning = b->warning || !b->warned;
    b->warned = true;
    return PANDO_OK;
}

/* The capacity is met. PANDO_OK: there is room now; PANDO_CANCELLED: the delta is not kept;
 * PANDO_BUSY: not yet. */
static enum pando_status make_room(struct sub *b, size_t more)
{
    switch (b->config.overflow) {
    case SUBS_DROP_OLDEST:
        b->overflows++;
        while (is_full(b, more)) {
            bytes_unref(take_oldest(b));
            b->dropped++;
        }
        return PANDO_OK;
    case SUBS_DROP_NEWEST:
        b->overflows++;
        b->dropped++;
        return PANDO_CANCELLED;
    case SUBS_ERROR:
        b->overflows++;
        b->dropped++;
        b->failed = true;
        return PANDO_CANCELLED;
    case SUBS_BLOCK:
        b->overflows += !b->lagging;
        b->lagging = true;
        return PANDO_BUSY;
    }
    return PANDO_CANCELLED;
}

static enum pando_status offer(struct sub *b, uint64_t position, struct bytes *bytes)
{
    const size_t len = bytes_view(bytes).len;
    enum pando_status st = PANDO_OK;
    if (b->failed || (b->paused && !b->config.buffered)) {
        b->dropped++;
        st = PANDO_CANCELLED;
    } else if (is_full(b, len)) {
        st = make_room(b, len);
    }
    if (st == PANDO_OK)
        st = keep(b, position, bytes);
    if (st != PANDO_OK && st != PANDO_CANCELLED)
        return st;
    b->offered = position;
    b->received++;
    return PANDO_OK;
}

/* Whether the subscription is to have it; negation is asked about once, when somebody cares. */
static enum pando_status is_wanted(const struct subs *s, const struct sub *b, const struct delta *d,
                                   int *negated, bool *ret)
{
    *ret = filter_passes(&b->config.filter, d);
    if (!*ret || b->config.filter.include_negated)
        return PANDO_OK;
    if (*negated < 0) {
        bool is = false;
        const enum pando_status st = negate_is(&s->source, d->id, NEGATE_NOW, &is);
        if (st != PANDO_OK)
            return st;
        *negated = is;
    }
    *ret = *negated == 0;
    return PANDO_OK;
}

/* A delta that goes round. */
struct round {
    const struct delta *d;
    uint64_t position;
    struct bytes *bytes; /* NULL: nobody has wanted it yet */
    int negated;         /* -1: nobody has asked yet */
};

static enum pando_status offer_one(const struct subs *s, struct sub *b, struct round *r)
{
    bool wanted = false;
    if (b->offered >= r->position)
        return PANDO_OK;
    enum pando_status st = is_wanted(s, b, r->d, &r->negated, &wanted);
    if (st == PANDO_OK && wanted && r->bytes == NULL) {
        r->bytes = bytes_copy(r->d->bytes);
        st = r->bytes == NULL ? PANDO_NOMEM : PANDO_OK;
    }
    if (st == PANDO_OK && wanted)
        st = offer(b, r->position, r->bytes);
    else if (st == PANDO_OK)
        b->offered = r->position;
    return st;
}

enum pando_status subs_offer(struct subs *s, uint64_t position, const struct delta *d)
{
    struct round r = { .d = d, .position = position, .negated = -1 };
    enum pando_status result = PANDO_OK;
    for (size_t i = 0; i < s->len; i++) {
        struct sub *b = s->items[i];
        const enum pando_status st = b->lagging ? PANDO_OK : offer_one(s, b, &r);
        if (st != PANDO_OK && !b->lagging)
            result = st;
    }
    bytes_unref(r.bytes);
    return result;
}

/* Half of its room is free: reading on is worth the while. */
static bool has_room(const struct sub *b)
{
    return b->len <= b->config.capacity / 2 && b->bytes <= SUBS_BYTES_MAX / 2;
}

bool subs_reads_on(const struct subs *s, uint64_t id, uint64_t *ret_position)
{
    const struct sub *b = find(s, id);
    if (b == NULL || !b->lagging || !has_room(b))
        return false;
    *ret_position = b->offered;
    return true;
}

enum pando_status subs_offer_to(struct subs *s, uint64_t id, uint64_t position,
                                const struct delta *d)
{
    struct round r = { .d = d, .position = position, .negated = -1 };
    struct sub *b = find(s, id);
    const enum pando_status st = b == NULL ? PANDO_INVALID : offer_one(s, b, &r);
    bytes_unref(r.bytes);
    return st;
}

void subs_pass_over(struct subs *s, uint64_t id, uint64_t position, bool end)
{
    struct sub *b = find(s, id);
    if (b == NULL)
        return;
    b->lagging = b->lagging && !end;
    if (b->offered < position)
        b->offered = position;
}

enum pando_status subs_poll(struct subs *s, uint64_t id, struct pando_slice *ret_bytes,
                            uint64_t *ret_position)
{
    struct sub *b = find(s, id);
    if (b == NULL)
        return PANDO_INVALID;
    if (b->paused)
        return PANDO_NOT_FOUND;
    if (b->len == 0)
        return b->failed ? PANDO_FULL : PANDO_NOT_FOUND;
    b->polled = *ret_position = oldest(b)->position;
    bytes_unref(s->lent);
    s->lent = take_oldest(b);
    *ret_bytes = bytes_view(s->lent);
    b->processed++;
    if (b->len * 100 < (uint64_t)b->config.capacity * b->config.warn_percent)
        b->warned = false;
    return PANDO_OK;
}

bool subs_take_warning(struct subs *s, uint64_t id)
{
    struct sub *b = find(s, id);
    const bool warning = b != NULL && b->warning;
    if (warning)
        b->warning = false;
    return warning;
}

bool subs_stats(const struct subs *s, uint64_t id, struct subs_stats *ret)
{
    const struct sub *b = find(s, id);
    if (b == NULL)
        return false;
    *ret = (struct subs_stats){ .size = b->len,
                                .capacity = b->config.capacity,
                                .percent_full = b->len * 100 / b->config.capacity,
                                .received = b->received,
                                .processed = b->processed,
                                .dropped = b->dropped,
                                .overflows = b->overflows,
                                .position = b->polled,
                                .paused = b->paused,
                                .failed = b->failed };
    return true;
}

size_t subs_count(const struct subs *s)
{
    return s->len;
}
