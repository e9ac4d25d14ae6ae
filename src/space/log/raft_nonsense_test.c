/* raft_nonsense_test.c - whatever peers say and however little memory there is.
 *
 * A peer that lies can break what a consensus promises; it must not break the node. The
 * messages here are drawn near what would be right, so that they get far. Memory fails at
 * every point in turn: what was asked for is refused or lost, never half done.
 */
#include "base/rng.h"
#include "check.h"
#include "space/log/raft_hand.h"

#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_realloc(void *ptr, size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *ptr, size_t size);
void *__wrap_calloc(size_t n, size_t size);

/* Allocations that still succeed; the core is the only caller while it is not the
 * maximum. */
static uint64_t allocations_left = UINT64_MAX;

static bool spend(void)
{
    if (allocations_left == UINT64_MAX)
        return true;
    if (allocations_left == 0)
        return false;
    allocations_left--;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return spend() ? __real_malloc(size) : NULL;
}

void *__wrap_realloc(void *ptr, size_t size)
{
    return spend() ? __real_realloc(ptr, size) : NULL;
}

void *__wrap_calloc(size_t n, size_t size)
{
    return spend() ? __real_calloc(n, size) : NULL;
}

/* Mostly what it is, else next to it, else anything. */
static uint64_t near(struct rng *rng, uint64_t value)
{
    switch (rng_below(rng, 50)) {
    case 0:
        return 0;
    case 1:
        return rng_next(rng);
    case 2:
        return UINT64_MAX;
    case 3:
        return value + 1 + rng_below(rng, 3);
    case 4:
        return value - rng_below(rng, value < 4 ? value + 1 : 4);
    default:
        return value;
    }
}

static const struct raft_members *some_members(struct rng *rng)
{
    static struct raft_members m;
    m = hand_members(1 + (uint32_t)rng_below(rng, 4), (uint32_t)rng_below(rng, 3));
    if (rng_chance(rng, 1, 4))
        m.at[0].id = rng_below(rng, 4);
    if (rng_chance(rng, 1, 8))
        m.len = (uint32_t)rng_next(rng);
    return &m;
}

static struct raft_message drawn(struct rng *rng, const struct raft *r,
                                 struct raft_entry *entries)
{
    const struct raft_view v = raft_look(r);
    struct raft_message m = { .kind = (enum raft_message_kind)rng_below(rng, 9),
                              .from = near(rng, 1 + rng_below(rng, 4)),
                              .to = v.id,
                              .term = near(rng, v.term),
                              .index = near(rng, v.last_index - rng_below(rng, 4) %
                                                                    (v.last_index + 1)),
                              .commit = near(rng, v.commit),
                              .round = near(rng, 4),
                              .probe = near(rng, 6),
                              .count = (uint32_t)rng_below(rng, 5),
                              .granted = rng_chance(rng, 1, 2),
                              .transfer = rng_chance(rng, 1, 2),
                              .entries = entries };
    if (m.kind == RAFT_PREVOTE_REPLY)
        m.term++;
    m.log_term = rng_chance(rng, 2, 3) ? raft_term_at(r, m.index) : near(rng, v.term);
    for (uint32_t i = 0; i < m.count; i++) {
        entries[i] =
            (struct raft_entry){ .index = rng_chance(rng, 19, 20) ? m.index + 1 + i
                                                                  : near(rng, 5),
                                 .term = rng_chance(rng, 4, 5) ? m.term : near(rng, 2),
                                 .kind = RAFT_DATA,
                                 .size = (uint32_t)rng_below(rng, 300000) / 2 };
        if (!rng_chance(rng, 1, 6))
            continue;
        entries[i].kind = (enum raft_kind)rng_below(rng, 4);
        entries[i].config = rng_chance(rng, 3, 4) ? some_members(rng) : NULL;
    }
    return m;
}

/* Drain; writes are numbered without a gap and the commit index never falls. */
static void drain(struct raft *r, uint64_t *write, uint64_t *commit)
{
    struct raft_effect e;
    while (raft_poll(r, &e)) {
        if (e.write != 0)
            CHECK_EQ(e.write, ++*write);
        if (e.kind == RAFT_COMMIT) {
            CHECK(e.index > *commit);
            *commit = e.index;
        }
    }
    const struct raft_view v = raft_look(r);
    CHECK(v.commit <= v.last_index && v.durable_index <= v.last_index);
    CHECK(v.commit >= *commit);
}

static void act(struct rng *rng, struct raft *r, struct pando_time now, uint64_t write)
{
    struct raft_entry entries[8];
    uint64_t index, term;
    struct raft_message m;
    switch (rng_below(rng, 12)) {
    case 0:
        raft_step(r, now, &(struct raft_input){ .kind = RAFT_TICK });
        return;
    case 1:
        raft_step(r, now,
                  &(struct raft_input){ .kind = RAFT_WRITTEN,
                                        .write = rng_below(rng, write + 2) });
        return;
    case 2:
        raft_step(r, now,
                  &(struct raft_input){ .kind = RAFT_LINK_DOWN, .peer = near(rng, 3) });
        return;
    case 3:
        for (uint64_t i = rng_below(rng, 40); i > 0; i--)
            if (raft_propose(r, now, RAFT_DATA, (uint32_t)i, &index, &term) != PANDO_OK)
                return;
        return;
    case 4:
        if (raft_read(r, now, 1) != PANDO_OK)
            raft_compacted(r, near(rng, raft_look(r).commit));
        return;
    case 5:
        if (raft_propose_members(r, now, some_members(rng), 9, &index, &term) !=
                PANDO_OK &&
            raft_transfer(r, now, near(rng, 2)) != PANDO_OK && rng_chance(rng, 1, 20))
            raft_restored(r, now, near(rng, raft_look(r).last_index) % 1000, 1,
                          some_members(rng));
        return;
    default:
        m = drawn(rng, r, entries);
        raft_step(r, now, &(struct raft_input){ .kind = RAFT_RECEIVE, .message = &m });
        return;
    }
}

/* How far it got: nonsense that is turned away at the door proves little. */
static struct {
    uint64_t led, committed, entries;
} reached;

/* A history of one core; memory runs short `spare` allocations after its beginning, for a
 * while. */
static void live(uint64_t seed, uint64_t spare)
{
    struct rng rng = rng_seeded(seed);
    uint64_t write = 0, commit = 0;
    const struct raft_options options = { .id = 1 + seed % 3,
                                          .seed = seed,
                                          .demote = true };
    const struct raft_members m = hand_members(1 + (uint32_t)(seed % 4), 1);
    struct raft *r = raft_new(
        &options, &(struct raft_state){ .term = 3, .first_index = 1, .base = m });
    CHECK(r != NULL);
    allocations_left = spare;
    for (uint64_t i = 0; i < 600; i++) {
        const struct pando_time now = MS(i * rng_below(&rng, 20));
        act(&rng, r, now, write);
        if (i % 50 == 49)
            allocations_left = allocations_left == 0 ? UINT64_MAX : allocations_left;
        drain(r, &write, &commit);
        reached.led += raft_look(r).role == RAFT_LEADER;
    }
    reached.committed += commit;
    reached.entries += raft_look(r).last_index;
    allocations_left = UINT64_MAX;
    raft_free(r);
}

static void whatever_a_peer_says_nothing_breaks(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 400; seed++)
        live(seed, UINT64_MAX);
    CHECK_NOTE("%d steps as a leader, %d entries, %d committed\n", (int)reached.led,
               (int)reached.entries, (int)reached.committed);
    CHECK(reached.led > 1000 && reached.entries > 1000 && reached.committed > 300);
}

static void memory_may_end_anywhere(void **state)
{
    (void)state;
    for (uint64_t spare = 0; spare < 40; spare++)
        for (uint64_t seed = 1; seed <= 10; seed++)
            live(seed + spare * 100, spare);
    allocations_left = 0;
    struct raft *r =
        raft_new(&(struct raft_options){ .id = 1 }, &(struct raft_state){ 0 });
    allocations_left = UINT64_MAX;
    CHECK(r == NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(whatever_a_peer_says_nothing_breaks),
        TEST(memory_may_end_anywhere),
    };
    return CHECK_RUN(tests);
}
