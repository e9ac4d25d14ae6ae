#include "space/delta/fed_sim_store.h"

#include "base/assert.h"
#include "base/slice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READS 40 /* then BUSY */

struct sim_store *sim_store_new(size_t staged_max)
{
    struct sim_store *s = calloc(1, sizeof *s);
    PANDO_ASSERT(s != NULL);
    map_init(&s->names, sizeof(struct delta_hash), sizeof(uint64_t), 1u << 20, 5);
    s->staged_max = staged_max;
    return s;
}

static void delta_free(struct sim_delta *d)
{
    free(d->pointers);
    free(d->bytes);
    free(d);
}

void sim_store_free(struct sim_store *s)
{
    for (size_t i = 0; i < s->len; i++)
        delta_free(s->arrived[i]);
    free(s->arrived);
    free(s->sorted);
    map_deinit(&s->names);
    free(s);
}

static int compare(const struct delta *d, int64_t timestamp, const struct delta_hash *digest)
{
    if (d->timestamp != timestamp)
        return d->timestamp < timestamp ? -1 : 1;
    return memcmp(&d->digest, digest, sizeof *digest);
}

static struct sim_delta *copy(const struct delta *d, uint32_t link)
{
    static _Thread_local struct delta_room room;
    struct sim_delta *c = calloc(1, sizeof *c);
    PANDO_ASSERT(c != NULL);
    c->bytes = malloc(d->bytes.len);
    PANDO_ASSERT(c->bytes != NULL);
    memcpy(c->bytes, d->bytes.ptr, d->bytes.len);
    PANDO_ASSERT(delta_decode(slice_of(c->bytes, d->bytes.len), &room, &c->d) == PANDO_OK);
    c->pointers = calloc(c->d.pointers_len + 1, sizeof *c->pointers);
    PANDO_ASSERT(c->pointers != NULL);
    memcpy(c->pointers, room.pointers, c->d.pointers_len * sizeof *c->pointers);
    c->d.pointers = c->pointers;
    c->link = link;
    return c;
}

enum pando_status sim_store_stage(struct sim_store *s, uint32_t link, const struct delta *d,
                                  enum delta_outcome *ret_outcome, uint64_t *ret_ticket)
{
    const uint64_t *known = map_find(&s->names, &d->name);
    void *value;
    bool added;
    if (known != NULL) {
        const struct delta *other = &s->arrived[*known - 1]->d;
        *ret_outcome = memcmp(&other->digest, &d->digest, sizeof d->digest) == 0 ? DELTA_KNOWN
                                                                                  : DELTA_SHADOWED;
        *ret_ticket = *known > s->durable ? *known : 0;
        return PANDO_OK;
    }
    if (s->failing)
        return PANDO_NOSPACE;
    if (s->len - s->durable >= s->staged_max)
        return PANDO_BUSY;
    if (s->len == s->cap) {
        s->cap = s->cap > 0 ? s->cap * 2 : 64;
        s->arrived = realloc(s->arrived, s->cap * sizeof(struct sim_delta *));
        PANDO_ASSERT(s->arrived != NULL);
    }
    s->arrived[s->len++] = copy(d, link);
    PANDO_ASSERT(map_put(&s->names, &d->name, &value, &added) == PANDO_OK);
    *(uint64_t *)value = s->len;
    *ret_outcome = DELTA_NEW;
    *ret_ticket = s->len;
    return PANDO_OK;
}

static void sort_in(struct sim_store *s, struct sim_delta *d)
{
    size_t at = s->durable;
    if (s->durable == s->sorted_cap) {
        s->sorted_cap = s->sorted_cap > 0 ? s->sorted_cap * 2 : 64;
        s->sorted = realloc(s->sorted, s->sorted_cap * sizeof(struct sim_delta *));
        PANDO_ASSERT(s->sorted != NULL);
    }
    while (at > 0 && compare(&s->sorted[at - 1]->d, d->d.timestamp, &d->d.digest) > 0) {
        s->sorted[at] = s->sorted[at - 1];
        at--;
    }
    s->sorted[at] = d;
    s->durable++;
}

void sim_store_commit(struct sim_store *s, size_t ticket)
{
    while (s->durable < ticket && s->durable < s->len)
        sort_in(s, s->arrived[s->durable]);
}

void sim_store_crash(struct sim_store *s)
{
    while (s->len > s->durable) {
        struct sim_delta *d = s->arrived[--s->len];
        (void)map_del(&s->names, &d->d.name);
        delta_free(d);
    }
    s->told = s->durable;
    s->early = 0;
}

size_t sim_store_said(const struct sim_store *s)
{
    return s->early > s->told ? s->early : s->told;
}

bool sim_store_has(const struct sim_store *s, const struct delta_hash *name)
{
    const uint64_t *place = map_find(&s->names, name);
    return place != NULL && *place <= s->durable;
}

/* --- what the engine asks ---------------------------------------------------------------- */

static enum pando_status stage(void *ctx, uint32_t link, const struct delta *d,
                               enum delta_outcome *ret_outcome, uint64_t *ret_ticket)
{
    return sim_store_stage(ctx, link, d, ret_outcome, ret_ticket);
}

static enum pando_status source_by_id(void *ctx, struct pando_slice id, struct delta *ret)
{
    struct sim_store *s = ctx;
    const struct delta_hash name = delta_name_of(id);
    const uint64_t *place = map_find(&s->names, &name);
    if (place == NULL || *place > s->durable)
        return PANDO_NOT_FOUND;
    *ret = s->arrived[*place - 1]->d;
    return PANDO_OK;
}

static bool is_told(const struct sim_store *s, const struct delta *d)
{
    const uint64_t *place = map_find(&s->names, &d->name);
    return place != NULL && *place <= s->told;
}

static enum pando_status source_after(void *ctx, const struct filter *f, bool descending,
                                      struct delta_place *place, struct delta *ret)
{
    struct sim_store *s = ctx;
    PANDO_ASSERT(!descending);
    size_t low = 0, high = s->durable;
    while (place->set && low < high) {
        const size_t middle = (low + high) / 2;
        if (compare(&s->sorted[middle]->d, place->timestamp, &place->digest) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < s->durable; low++) {
        const struct delta *d = &s->sorted[low]->d;
        const bool passes = filter_passes(f, d) && is_told(s, d);
        if (!passes && ++s->reads % READS != 0)
            continue;
        *place = (struct delta_place){ d->timestamp, d->digest, true };
        *ret = *d;
        return passes ? PANDO_OK : PANDO_BUSY;
    }
    return PANDO_NOT_FOUND;
}

static enum pando_status arrived(void *ctx, uint64_t *position, struct delta *ret)
{
    struct sim_store *s = ctx;
    if (*position >= sim_store_said(s))
        return PANDO_NOT_FOUND;
    if (++s->reads % READS == 0)
        return PANDO_BUSY;
    *ret = s->arrived[*position]->d;
    ++*position;
    return PANDO_OK;
}

static uint64_t newest(void *ctx)
{
    const struct sim_store *s = ctx;
    return s->told;
}

static enum pando_status count(void *ctx, const struct filter *f, int64_t from, uint64_t *ret)
{
    const struct sim_store *s = ctx;
    *ret = 0;
    for (size_t i = 0; i < s->durable; i++)
        *ret += s->sorted[i]->d.timestamp >= from && filter_passes(f, &s->sorted[i]->d);
    return PANDO_OK;
}

struct fed_host sim_store_host(struct sim_store *s, struct pando_wall (*wall)(void *ctx),
                               void (*uuid)(void *ctx, char ret[FED_ID_TEXT]))
{
    static const struct delta_source_ops ops = { .get = source_by_id, .next = source_after };
    return (struct fed_host){ .ctx = s,
                              .wall = wall,
                              .uuid = uuid,
                              .stage = stage,
                              .source = { s, &ops },
                              .arrived = arrived,
                              .newest = newest,
                              .count = count };
}

void sim_delta_make(struct sim_room *r, uint32_t node, uint32_t n, int64_t timestamp,
                    struct delta *ret)
{
    struct pando_err why;
    (void)snprintf(r->id, sizeof r->id, "d-%u-%u", node, n);
    (void)snprintf(r->author, sizeof r->author, "a%u", n % 3);
    (void)snprintf(r->system, sizeof r->system, "s%u", node);
    (void)snprintf(r->text, sizeof r->text, "what %u says for the %uth time", node, n);
    for (size_t i = strlen(r->text); r->pad > 0 && i < r->pad && i + 1 < sizeof r->text; i++) {
        r->text[i] = (char)('a' + i % 26);
        r->text[i + 1] = '\0';
    }
    r->pointers[0] =
        (struct delta_pointer){ .role = slice_text("about"),
                                .kind = DELTA_REF,
                                .text = slice_text("thing"),
                                .context = slice_text(n % 2 == 0 ? "public" : "private") };
    r->pointers[1] = (struct delta_pointer){ .role = slice_text("says"),
                                             .kind = DELTA_STRING,
                                             .text = slice_text(r->text) };
    *ret = (struct delta){ .id = slice_text(r->id),
                           .author = slice_text(r->author),
                           .system = slice_text(r->system),
                           .timestamp = timestamp,
                           .pointers = r->pointers,
                           .pointers_len = 2 };
    if (r->buf.max == 0)
        buf_init(&r->buf, DELTA_BYTES_MAX);
    buf_reset(&r->buf);
    const enum pando_status st = delta_seal(ret, &r->buf, &why);
    PANDO_ASSERT(st == PANDO_OK);
}
