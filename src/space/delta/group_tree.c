/* group_tree.c - the tree over the digests of a group: its hash, and parts of groups.
 *
 * Both walk the tree from left to right and take the hashes that the group has as they come: a
 * range of which the group holds nothing, while it holds something beside it, is what the next
 * hash stands for.
 */
#include "space/delta/group.h"

#include "base/assert.h"
#include "space/delta/group_mutant.h"

/* How many of the first i members are there, for each i: whether a range has any. */
struct count {
    uint16_t before[DELTA_GROUP_MAX + 1];
};

struct walk {
    const struct group *g;
    const struct delta *deltas; /* whose digests are known, or NULL */
    struct count held;
    size_t next; /* of g->hashes */
};

static void count(struct count *c, const bool *there, size_t len)
{
    c->before[0] = 0;
    for (size_t i = 0; i < len; i++)
        c->before[i + 1] = (uint16_t)(c->before[i] + there[i]);
}

static bool has_any(const struct count *c, size_t from, size_t len)
{
    return c->before[from + len] != c->before[from];
}

/* Members on the left side of a tree of `len`: the greatest power of two below it. */
static size_t left_of(size_t len)
{
    size_t k = 1;
    while (2 * k < len)
        k *= 2;
    return k;
}

static struct delta_hash join(const struct delta_hash *left, const struct delta_hash *right)
{
    uint8_t node[1 + 2 * GROUP_HASH];
    const bool swap = GROUP_MUTANT == 3 && memcmp(left, right, sizeof *left) > 0;
    node[0] = GROUP_NODE;
    memcpy(node + 1, swap ? right->bytes : left->bytes, GROUP_HASH);
    memcpy(node + 1 + GROUP_HASH, swap ? left->bytes : right->bytes, GROUP_HASH);
    return group_hash((struct pando_slice){ node, sizeof node });
}

static struct delta_hash hash_of(struct walk *w, size_t from, size_t len)
{
    if (!has_any(&w->held, from, len)) {
        PANDO_ASSERT(w->next < w->g->hashes_len);
        return w->g->hashes[w->next++];
    }
    if (len == 1 && w->deltas != NULL)
        return w->deltas[from].digest;
    if (len == 1)
        return w->g->digests != NULL ? w->g->digests[from] : group_hash(w->g->bodies[from]);
    const size_t k = left_of(len);
    const struct delta_hash left = hash_of(w, from, k);
    const struct delta_hash right = hash_of(w, from + k, len - k);
    if (GROUP_MUTANT == 4 && len - k == 1 && k > 1) {
        const struct delta_hash twice = join(&right, &right);
        return join(&left, &twice);
    }
    return join(&left, &right);
}

struct delta_hash group_root(const struct group *g)
{
    struct walk w = { .g = g };
    count(&w.held, g->held, g->len);
    return hash_of(&w, 0, g->len);
}

static size_t gaps(const struct count *held, size_t from, size_t len)
{
    if (!has_any(held, from, len))
        return 1;
    if (len == 1)
        return 0;
    const size_t k = left_of(len);
    return gaps(held, from, k) + gaps(held, from + k, len - k);
}

size_t group_gaps(const bool held[static DELTA_GROUP_MAX], size_t len)
{
    struct count c;
    count(&c, held, len);
    return c.before[len] == len ? 0 : gaps(&c, 0, len);
}

size_t group_held(const struct group *g)
{
    size_t n = 0;
    for (size_t i = 0; i < g->len; i++)
        n += g->held[i];
    return n;
}

/* The hashes of the largest subtrees of which nothing is kept. */
struct hashes {
    struct delta_hash of[GROUP_HASHES_MAX];
    size_t len;
};

static void leave(struct walk *w, const struct count *kept, size_t from, size_t len,
                  struct hashes *ret)
{
    if (!has_any(kept, from, len)) {
        ret->of[ret->len++] = hash_of(w, from, len);
    } else if (len > 1) {
        const size_t k = left_of(len);
        leave(w, kept, from, k, ret);
        leave(w, kept, from + k, len - k, ret);
    }
}

static void close_up(struct group *g, const bool *keep)
{
    size_t len = 0;
    for (size_t i = 0; i < g->len; i++)
        if (keep[i] && g->held[i])
            g->bodies[len++] = g->bodies[i];
    for (size_t i = 0; i < len; i++)
        g->held[i] = true;
    g->len = len;
    g->digests = NULL;
}

void group_part(struct group *g, const bool keep[static DELTA_GROUP_MAX],
                const struct delta *deltas)
{
    struct walk w = { .g = g, .deltas = deltas };
    struct count kept;
    struct hashes left;
    bool stays[DELTA_GROUP_MAX];
    if (!g->is_signed) {
        close_up(g, keep);
        return;
    }
    for (size_t i = 0; i < g->len; i++)
        stays[i] = keep[i] && g->held[i];
    count(&w.held, g->held, g->len);
    count(&kept, stays, g->len);
    if (kept.before[g->len] == w.held.before[g->len])
        return; /* nothing is left out */
    left.len = 0;
    leave(&w, &kept, 0, g->len, &left);
    memcpy(g->held, stays, g->len * sizeof *stays);
    memcpy(g->hashes, left.of, left.len * sizeof *left.of);
    g->hashes_len = left.len;
}
