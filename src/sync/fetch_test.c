#include "sync/fetch.h"

#include "base/rng.h"
#include "check.h"

enum { OWNER = 9 };

static const struct fetch_limits LIMITS = {
    .wants_max = 100,
    .peers_max = 8,
    .inflight_peer_max = 2,
    .rounds_max = 2,
    .attempts_max = 20,
    .timeout = { 1000 },
    .lifetime = { 5000 },
};

static struct pando_time at(uint64_t ns)
{
    return (struct pando_time){ ns };
}

static struct pando_id name(uint32_t n)
{
    struct pando_id id = { { 0 } };
    memcpy(id.bytes, &n, sizeof n);
    return id;
}

static void want(struct fetch *f, uint64_t now, uint32_t n, uint32_t peer)
{
    const struct pando_id id = name(n);
    CHECK_OK(fetch_want(f, at(now), &id, OWNER, peer));
}

static void expect(struct fetch *f, enum fetch_effect_kind kind, uint32_t n,
                   uint32_t peer)
{
    struct fetch_effect e;
    const struct pando_id id = name(n);
    CHECK(fetch_poll(f, &e));
    CHECK_EQ(e.kind, kind);
    CHECK_MEM(e.id.bytes, id.bytes, sizeof id.bytes);
    if (kind == FETCH_ASK)
        CHECK_EQ(e.peer, peer);
    CHECK_EQ(e.owner, OWNER);
}

static void expect_nothing(struct fetch *f)
{
    struct fetch_effect e;
    CHECK(!fetch_poll(f, &e));
}

static void setup(struct fetch *f)
{
    fetch_init(f, &LIMITS, 1);
    for (uint32_t peer = 1; peer <= 3; peer++)
        CHECK_OK(fetch_peer_up(f, at(0), peer));
}

static void asks_the_announcer_and_forgets_what_was_found(void **state)
{
    (void)state;
    struct fetch f;
    setup(&f);
    want(&f, 10, 1, 2);
    expect(&f, FETCH_ASK, 1, 2);
    expect_nothing(&f);
    const struct pando_id id = name(1);
    CHECK(fetch_found(&f, at(20), &id));
    CHECK(!fetch_found(&f, at(20), &id));
    CHECK_EQ(fetch_deadline(&f).ns, PANDO_TIME_NEVER.ns);
    fetch_deinit(&f);
}

static void passes_on_to_the_next_announcer_after_the_timeout(void **state)
{
    (void)state;
    struct fetch f;
    setup(&f);
    want(&f, 10, 1, 2);
    want(&f, 11, 1, 3);
    expect(&f, FETCH_ASK, 1, 2);
    expect_nothing(&f);
    CHECK_EQ(fetch_deadline(&f).ns, 1011);
    fetch_tick(&f, at(1000));
    expect_nothing(&f);
    fetch_tick(&f, at(1011));
    expect(&f, FETCH_ASK, 1, 3);
    expect_nothing(&f);
    fetch_deinit(&f);
}

static void passes_on_at_once_when_a_peer_lacks_it(void **state)
{
    (void)state;
    struct fetch f;
    setup(&f);
    want(&f, 10, 1, 2);
    want(&f, 10, 1, 3);
    expect(&f, FETCH_ASK, 1, 2);
    expect_nothing(&f);
    const struct pando_id id = name(1);
    fetch_lacking(&f, at(20), &id, 3); /* was not asked */
    expect_nothing(&f);
    fetch_lacking(&f, at(20), &id, 2);
    expect(&f, FETCH_ASK, 1, 3);
    fetch_deinit(&f);
}

static void keeps_to_the_bound_of_each_peer(void **state)
{
    (void)state;
    struct fetch f;
    setup(&f);
    for (uint32_t n = 1; n <= 3; n++)
        want(&f, 10, n, 1);
    expect(&f, FETCH_ASK, 1, 1);
    expect(&f, FETCH_ASK, 2, 1);
    expect_nothing(&f); /* the third waits for its announcer */
    const struct pando_id id = name(1);
    CHECK(fetch_found(&f, at(20), &id));
    expect(&f, FETCH_ASK, 3, 1);
    expect_nothing(&f);
    fetch_deinit(&f);
}

static void asks_everybody_then_rests_and_gives_up_after_its_rounds(void **state)
{
    (void)state;
    struct fetch f;
    struct fetch_effect e;
    setup(&f);
    const struct pando_id id = name(1);
    want(&f, 10, 1, 2);
    for (uint32_t round = 0; round < LIMITS.rounds_max; round++) {
        bool asked[4] = { false };
        for (uint32_t i = 0; i < 3; i++) {
            CHECK(fetch_poll(&f, &e));
            CHECK_EQ(e.kind, FETCH_ASK);
            CHECK(!asked[e.peer]);
            CHECK(i > 0 || e.peer == 2);
            asked[e.peer] = true;
            fetch_lacking(&f, at(20 + 2000 * round), &id, e.peer);
        }
        if (round + 1 == LIMITS.rounds_max)
            break;
        expect_nothing(&f);
        CHECK_EQ(fetch_deadline(&f).ns, 1020);
        fetch_tick(&f, at(2000));
    }
    expect_nothing(&f);
    fetch_tick(&f, at(20 + 2000 + 1000));
    expect(&f, FETCH_GIVE_UP, 1, 0);
    CHECK_EQ(fetch_len(&f), 0);
    fetch_deinit(&f);
}

static void a_new_announcer_ends_the_rest(void **state)
{
    (void)state;
    struct fetch f;
    setup(&f);
    const struct pando_id id = name(1);
    struct fetch_effect e;
    want(&f, 10, 1, 2);
    for (int i = 0; i < 3; i++) {
        CHECK(fetch_poll(&f, &e));
        fetch_lacking(&f, at(20), &id, e.peer);
    }
    expect_nothing(&f);
    CHECK_OK(fetch_peer_up(&f, at(30), 7));
    want(&f, 30, 1, 7);
    CHECK(fetch_poll(&f, &e));
    CHECK_EQ(e.kind, FETCH_ASK);
    fetch_deinit(&f);
}

static void gives_up_when_nobody_is_left_for_its_lifetime(void **state)
{
    (void)state;
    struct fetch f;
    setup(&f);
    want(&f, 10, 1, 1);
    expect(&f, FETCH_ASK, 1, 1);
    for (uint32_t peer = 1; peer <= 3; peer++)
        fetch_peer_down(&f, at(20), peer);
    expect_nothing(&f);
    fetch_tick(&f, at(5019));
    expect_nothing(&f);
    CHECK_EQ(fetch_deadline(&f).ns, 5020);
    fetch_tick(&f, at(5020));
    expect(&f, FETCH_GIVE_UP, 1, 0);
    fetch_deinit(&f);
}

static void refuses_one_want_more_than_its_cap(void **state)
{
    (void)state;
    struct fetch f;
    setup(&f);
    for (uint32_t n = 0; n < LIMITS.wants_max; n++)
        want(&f, 10, n, 1);
    const struct pando_id id = name(5000);
    CHECK_EQ(fetch_want(&f, at(10), &id, OWNER, 1), PANDO_FULL);
    CHECK_EQ(fetch_len(&f), LIMITS.wants_max);
    fetch_deinit(&f);
}

/* Method: random wants, answers, refusals, peers coming and going. Safety: in-flight
 * never over the bound, no want is asked twice at a time. Liveness: once peers answer,
 * all end. */
static void keeps_its_bounds_under_any_history_and_ends(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct rng rng = rng_seeded(seed);
        struct fetch f;
        setup(&f);
        uint64_t now = 100;
        uint32_t asked[200] = { 0 }; /* by id: peer + 1 */
        bool up[4] = { false, true, true, true };
        for (int i = 0; i < 3000; i++) {
            now += rng_below(&rng, 300);
            const uint32_t n = (uint32_t)rng_below(&rng, 90);
            const uint32_t peer = 1 + (uint32_t)rng_below(&rng, 3);
            const struct pando_id id = name(n);
            switch (rng_below(&rng, 6)) {
            case 0:
            case 1:
                want(&f, now, n, peer);
                break;
            case 2:
                fetch_found(&f, at(now), &id);
                asked[n] = 0;
                break;
            case 3:
                if (asked[n] != 0)
                    fetch_lacking(&f, at(now), &id, asked[n] - 1);
                asked[n] = 0;
                break;
            case 4:
                if (up[peer])
                    fetch_peer_down(&f, at(now), peer);
                else
                    CHECK_OK(fetch_peer_up(&f, at(now), peer));
                up[peer] = !up[peer];
                break;
            case 5:
                fetch_tick(&f, at(now));
                break;
            }
            struct fetch_effect e;
            while (fetch_poll(&f, &e)) {
                uint32_t which;
                memcpy(&which, e.id.bytes, sizeof which);
                asked[which] = e.kind == FETCH_ASK ? e.peer + 1 : 0;
                if (e.kind == FETCH_ASK)
                    CHECK(up[e.peer]);
            }
            for (uint32_t k = 0; k < f.peers_len; k++)
                CHECK(f.peers[k].inflight <= LIMITS.inflight_peer_max);
        }
        for (int i = 0; i < 2000 && fetch_len(&f) > 0; i++) {
            now = fetch_deadline(&f).ns > now ? fetch_deadline(&f).ns : now;
            fetch_tick(&f, at(now));
            struct fetch_effect e;
            while (fetch_poll(&f, &e))
                ;
        }
        CHECK_EQ(fetch_len(&f), 0);
        for (uint32_t k = 0; k < f.peers_len; k++)
            CHECK_EQ(f.peers[k].inflight, 0);
        fetch_deinit(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(asks_the_announcer_and_forgets_what_was_found),
        TEST(passes_on_to_the_next_announcer_after_the_timeout),
        TEST(passes_on_at_once_when_a_peer_lacks_it),
        TEST(keeps_to_the_bound_of_each_peer),
        TEST(asks_everybody_then_rests_and_gives_up_after_its_rounds),
        TEST(a_new_announcer_ends_the_rest),
        TEST(gives_up_when_nobody_is_left_for_its_lifetime),
        TEST(refuses_one_want_more_than_its_cap),
        TEST(keeps_its_bounds_under_any_history_and_ends),
    };
    return CHECK_RUN(tests);
}
