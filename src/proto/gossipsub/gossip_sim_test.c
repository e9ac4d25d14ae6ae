/* Goal: the router's promises over whole networks: safety always, speed where the network
 * is calm, liveness in the end. Method: three scenarios over virtual networks of 2 to 200
 * nodes (or as many as the first argument says), each from several seeds.
 *
 *   gossip_sim_test                 all scenarios as unit tests
 *   gossip_sim_test NODES [SEED]    one big network through all scenarios
 *   gossip_sim_test mutant NUMBER   passes only if the planted bug is noticed
 */
#include "proto/gossipsub/gossip_sim.h"

#include "check.h"

#include <inttypes.h>
#include <stdlib.h>

static uint32_t random_node(struct sim *s)
{
    return (uint32_t)rng_below(&s->rng, s->nodes_len);
}

/* Publish `len` messages, one each 100 ms, and claim that within a heartbeat all have
 * them although gossip was hardly needed. */
static void publish_in_calm(struct sim *s, uint32_t len)
{
    const uint32_t first = s->messages_len;
    const uint64_t asked = SIM_SUM(s, iwant_served);
    for (uint32_t i = 0; i < len; i++) {
        (void)sim_publish(s, random_node(s), i % 10 == 9);
        sim_run_for(s, PANDO_MSEC(100));
    }
    sim_run_for(s, PANDO_SEC(1));
    uint64_t deliveries = 0;
    for (uint32_t i = first; i < s->messages_len; i++) {
        const struct sim_message *m = &s->messages[i];
        if (m->bad)
            continue;
        deliveries += m->got;
        sim_claim(s, SIM_LIVENESS, m->got == s->nodes_len);
        sim_claim(s, SIM_SPEED, m->last_at - m->at < 900 * UINT64_C(1000000));
    }
    sim_claim(s, SIM_SPEED, (SIM_SUM(s, iwant_served) - asked) * 20 <= deliveries);
}

/* More at once than a link's credit: it waits its turn and still arrives. */
static void publish_a_burst(struct sim *s)
{
    const uint32_t first = s->messages_len, node = random_node(s);
    for (uint32_t i = 0; i < 90; i++)
        (void)sim_publish(s, node, false);
    sim_run_for(s, PANDO_SEC(2));
    for (uint32_t i = first; i < s->messages_len; i++)
        sim_claim(s, SIM_LIVENESS, s->messages[i].got == s->nodes_len);
}

static void calm(struct sim *s)
{
    sim_run_for(s, PANDO_SEC(15));
    publish_in_calm(s, 20);
    publish_a_burst(s);
    sim_check_meshes(s);
}

/* Links come and go, nodes leave the topic and join again, messages are under way. */
static void churn(struct sim *s)
{
    sim_run_for(s, PANDO_SEC(5));
    for (uint32_t round = 0; round < 60; round++) {
        for (uint32_t i = 0; i < 1 + s->links_len / 20; i++) {
            const uint32_t link = (uint32_t)rng_below(&s->rng, s->links_len);
            sim_link_set(s, link, rng_chance(&s->rng, 2, 3));
        }
        const uint32_t node = random_node(s);
        sim_subscribe(s, node, false);
        sim_run_for(s, PANDO_MSEC(250));
        sim_subscribe(s, node, true);
        (void)sim_publish(s, random_node(s), false);
        sim_run_for(s, PANDO_MSEC(250));
    }
    for (uint32_t i = 0; i < s->links_len; i++)
        sim_link_set(s, i, true);
    sim_run_for(s, PANDO_SEC(90)); /* all back-offs are over */
    publish_in_calm(s, 20);
    sim_check_meshes(s);
}

/* The network is cut in two; both halves talk on. What they said shortly before the cut
 * is healed crosses by gossip, what they say later by the mesh. */
static void partition(struct sim *s)
{
    sim_run_for(s, PANDO_SEC(10));
    sim_partition(s, s->nodes_len / 2);
    for (uint32_t i = 0; i < 10; i++) {
        (void)sim_publish(s, random_node(s), false);
        sim_run_for(s, PANDO_SEC(1));
    }
    uint32_t late[4];
    for (uint32_t i = 0; i < 4; i++) {
        late[i] = sim_publish(s, i % 2 == 0 ? 0 : s->nodes_len - 1, false);
        sim_run_for(s, PANDO_MSEC(200));
    }
    sim_partition(s, 0);
    sim_run_for(s, PANDO_SEC(8));
    for (uint32_t i = 0; i < 4; i++)
        sim_claim(s, SIM_LIVENESS, s->messages[late[i]].got == s->nodes_len);
    sim_run_for(s, PANDO_SEC(80));
    publish_in_calm(s, 20);
    sim_check_meshes(s);
}

struct scenario {
    const char *name;
    void (*play)(struct sim *s);
};

static const struct scenario SCENARIOS[] = { { "calm", calm },
                                             { "churn", churn },
                                             { "partition", partition } };
#define SCENARIOS_LEN (sizeof SCENARIOS / sizeof SCENARIOS[0])

/* Play one scenario; says what broke. Returns the number of broken claims. */
static uint32_t play(const struct scenario *sc, uint32_t nodes, uint32_t degree,
                     uint64_t seed, uint32_t mutant, bool loud, uint64_t *ret_hash)
{
    static struct sim s;
    uint32_t broken = 0;
    sim_init(&s, nodes, degree, seed, mutant);
    s.hasty = mutant != GOSSIP_MUTANT_NONE; /* one breach is enough */
    sc->play(&s);
    for (int claim = 0; claim < SIM_CLAIMS; claim++) {
        if (s.broken[claim] == 0)
            continue;
        broken++;
        if (loud)
            print_message("%s, %u nodes of degree %u, seed %" PRIu64
                          ": not true that %s (%u)\n",
                          sc->name, nodes, degree, seed,
                          sim_claim_name((enum sim_claim)claim), s.broken[claim]);
    }
    *ret_hash = s.hash;
    sim_deinit(&s);
    return broken;
}

static void play_all(const struct scenario *sc)
{
    static const uint32_t nodes[] = { 2, 3, 10, 50, 200 };
    for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++) {
        const uint64_t seeds = nodes[i] >= 200 ? 1 : nodes[i] >= 50 ? 3 : 6;
        for (uint64_t seed = 1; seed <= seeds; seed++) {
            uint64_t hash;
            const uint32_t degree = seed % 2 == 0 ? 18 : 9;
            CHECK_EQ(play(sc, nodes[i], degree, seed, GOSSIP_MUTANT_NONE, true, &hash),
                     0);
        }
    }
}

static void a_calm_network_carries_every_message_by_its_meshes(void **state)
{
    (void)state;
    play_all(&SCENARIOS[0]);
}

static void churn_leaves_sound_meshes_behind(void **state)
{
    (void)state;
    play_all(&SCENARIOS[1]);
}

static void a_healed_partition_exchanges_what_was_said_last(void **state)
{
    (void)state;
    play_all(&SCENARIOS[2]);
}

static void the_same_seed_has_the_same_history(void **state)
{
    (void)state;
    for (size_t i = 0; i < SCENARIOS_LEN; i++) {
        uint64_t first, again, other;
        CHECK_EQ(play(&SCENARIOS[i], 20, 9, 5, GOSSIP_MUTANT_NONE, true, &first), 0);
        CHECK_EQ(play(&SCENARIOS[i], 20, 9, 5, GOSSIP_MUTANT_NONE, true, &again), 0);
        CHECK_EQ(play(&SCENARIOS[i], 20, 9, 6, GOSSIP_MUTANT_NONE, true, &other), 0);
        CHECK(first == again);
        CHECK(first != other);
    }
}

static int one_big_network(uint32_t nodes, uint64_t seed)
{
    uint32_t broken = 0;
    for (size_t i = 0; i < SCENARIOS_LEN; i++) {
        uint64_t hash;
        broken += play(&SCENARIOS[i], nodes, 10, seed, GOSSIP_MUTANT_NONE, true, &hash);
        print_message("%s: %u nodes, seed %" PRIu64 ", history %016" PRIx64 "\n",
                      SCENARIOS[i].name, nodes, seed, hash);
    }
    return broken == 0 ? 0 : 1;
}

/* The very same claims over small networks must notice the bug. */
static int mutant_is_noticed(uint32_t mutant)
{
    uint32_t sane = 0, broken = 0;
    for (size_t i = 0; i < SCENARIOS_LEN; i++) {
        for (uint64_t seed = 1; seed <= 2; seed++) {
            uint64_t hash;
            sane += play(&SCENARIOS[i], 30, 18, seed, GOSSIP_MUTANT_NONE, true, &hash);
            broken += play(&SCENARIOS[i], 30, 18, seed, mutant, true, &hash);
        }
    }
    print_message("mutant %u: %u claims broken, %u without it\n", mutant, broken, sane);
    return sane == 0 && broken > 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "mutant") == 0)
        return mutant_is_noticed((uint32_t)strtoul(argv[2], NULL, 10));
    if (argc >= 2)
        return one_big_network((uint32_t)strtoul(argv[1], NULL, 10),
                               argc > 2 ? strtoull(argv[2], NULL, 10) : 1);
    const struct CMUnitTest tests[] = {
        TEST(a_calm_network_carries_every_message_by_its_meshes),
        TEST(churn_leaves_sound_meshes_behind),
        TEST(a_healed_partition_exchanges_what_was_said_last),
        TEST(the_same_seed_has_the_same_history),
    };
    return CHECK_RUN(tests);
}
