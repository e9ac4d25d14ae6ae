/* raft_lead_test.c - the rules one by one: what a leader does. */
#include "check.h"
#include "space/log/raft_hand.h"

#include <string.h>

static void a_leader_counts_itself_when_its_disk_has_come_so_far(void **state)
{
    (void)state;
    struct hand h = hand_open(3, 3, 1, "");
    uint64_t index, term;
    hand_elect(&h, 400);
    CHECK_OK(raft_propose(h.r, MS(401), RAFT_DATA, 100, &index, &term));
    CHECK(index == 2 && term == 2);
    hand_receive(&h, 402, hand_ack(1, 2, 2));
    CHECK_EQ(raft_look(h.r).commit, 0); /* one disk of three */
    hand_written(&h, 403);
    CHECK_EQ(hand_effect(&h, RAFT_COMMIT, 0)->index, 2);
    hand_close(&h);
}

static void a_leader_need_not_be_in_the_majority(void **state)
{
    (void)state;
    struct hand h = hand_open(3, 3, 1, "");
    hand_elect(&h, 400);
    hand_receive(&h, 402, hand_ack(1, 2, 1));
    hand_receive(&h, 402, hand_ack(2, 2, 1));
    CHECK_EQ(raft_look(h.r).commit, 1);
    CHECK_EQ(raft_look(h.r).durable_index, 0);
    hand_close(&h);
}

/* Figure 8 in one node: a majority holds an entry of an older term, and it counts for
 * nothing until one of the own term is there as well. */
static void entries_of_older_terms_are_committed_by_an_own_one(void **state)
{
    (void)state;
    struct hand h = hand_open(3, 3, 3, "12");
    hand_elect(&h, 400);
    hand_written(&h, 401);
    hand_receive(&h, 402, hand_ack(1, 4, 2));
    hand_receive(&h, 402, hand_ack(2, 4, 2));
    CHECK_EQ(raft_look(h.r).commit, 0);
    hand_receive(&h, 403, hand_ack(1, 4, 3));
    CHECK_EQ(raft_look(h.r).commit, 3);
    hand_close(&h);
}

static void proposals_between_two_drains_share_messages(void **state)
{
    (void)state;
    struct hand h = hand_open(3, 3, 1, "");
    uint64_t index, term;
    hand_elect(&h, 400);
    hand_receive(&h, 401, hand_ack(1, 2, 1));
    hand_receive(&h, 401, hand_ack(2, 2, 1));
    h.len = 0;
    for (int i = 0; i < 20; i++)
        CHECK_OK(raft_propose(h.r, MS(402), RAFT_DATA, 100, &index, &term));
    hand_drain(&h);
    uint32_t appends = 0, entries = 0;
    for (uint32_t i = 0; i < h.len; i++)
        if (h.seen[i].kind == RAFT_SEND && h.seen[i].message.count > 0) {
            appends++;
            entries += h.seen[i].message.count;
            CHECK_EQ(h.seen[i].message.lane, RAFT_LANE_LIVE);
        }
    CHECK(appends == 2 && entries == 40);
    hand_close(&h);
}

/* Pieces, a byte cap, and the catch-up lane; then the live one again. */
static void a_peer_far_behind_is_not_flooded(void **state)
{
    (void)state;
    char terms[3001];
    memset(terms, '1', 3000);
    terms[3000] = 0;
    struct hand h = hand_open(3, 3, 1, terms);
    hand_elect(&h, 400);
    const uint64_t probe = hand_sent_to(&h, RAFT_APPEND, 1)->probe;
    hand_receive(&h, 401,
                 (struct raft_message){ .kind = RAFT_APPEND_REPLY,
                                        .from = 1,
                                        .term = 2,
                                        .index = 0,
                                        .probe = probe });
    CHECK_EQ(hand_sent_to(&h, RAFT_APPEND, 1)->count, RAFT_BATCH_MAX); /* one probe */
    CHECK_EQ(hand_sent_to(&h, RAFT_APPEND, 1)->lane, RAFT_LANE_CATCHUP);
    struct raft_message m = hand_ack(1, 2, 256);
    m.probe = hand_sent_to(&h, RAFT_APPEND, 1)->probe;
    CHECK(hand_sent(&h, RAFT_APPEND, 1) == NULL);
    hand_receive(&h, 402, m);
    uint64_t bytes = 0;
    uint32_t n = 0;
    for (const struct raft_message *a; (a = hand_sent(&h, RAFT_APPEND, n)) != NULL; n++) {
        CHECK_EQ(a->lane, RAFT_LANE_CATCHUP);
        CHECK(a->count <= RAFT_BATCH_MAX);
        bytes += (uint64_t)a->count * 10;
    }
    CHECK(n > 1 && bytes <= 512u << 10);
    for (uint64_t at = 512; at < 3001; at += 256)
        hand_receive(&h, 403, hand_ack(1, 2, at < 3001 ? at : 3001));
    uint64_t index, term;
    h.len = 0;
    CHECK_OK(raft_propose(h.r, MS(404), RAFT_DATA, 100, &index, &term));
    hand_drain(&h);
    CHECK_EQ(hand_sent_to(&h, RAFT_APPEND, 1)->lane, RAFT_LANE_LIVE);
    hand_close(&h);
}

static void a_stale_refusal_moves_nothing_back(void **state)
{
    (void)state;
    struct hand h = hand_open(3, 3, 1, "1111");
    hand_elect(&h, 400);
    const uint64_t first = hand_sent_to(&h, RAFT_APPEND, 1)->probe;
    struct raft_message refusal = { .kind = RAFT_APPEND_REPLY,
                                    .from = 1,
                                    .term = 2,
                                    .index = 2,
                                    .log_term = 1,
                                    .probe = first };
    hand_receive(&h, 401, refusal);
    const uint64_t second = hand_sent_to(&h, RAFT_APPEND, 1)->probe;
    CHECK_EQ(hand_sent_to(&h, RAFT_APPEND, 1)->index, 2);
    refusal.index = 0;
    hand_receive(&h, 402, refusal); /* the first one again, late and different */
    CHECK(hand_sent_to(&h, RAFT_APPEND, 1) == NULL);
    struct raft_message m = hand_ack(1, 2, 5);
    m.probe = second;
    hand_receive(&h, 403, m);
    refusal.probe = second;
    hand_receive(&h, 404, refusal);
    CHECK(hand_sent_to(&h, RAFT_APPEND, 1) == NULL);
    uint64_t match;
    struct pando_time heard;
    CHECK(raft_progress(h.r, 1, &match, &heard));
    CHECK_EQ(match, 5);
    hand_close(&h);
}

static void what_got_lost_is_sent_again(void **state)
{
    (void)state;
    struct hand h = hand_open(3, 3, 1, "");
    uint64_t index, term;
    hand_elect(&h, 400);
    hand_receive(&h, 401, hand_ack(1, 2, 1));
    h.len = 0;
    CHECK_OK(raft_propose(h.r, MS(402), RAFT_DATA, 100, &index, &term));
    hand_drain(&h);
    CHECK_EQ(hand_sent_to(&h, RAFT_APPEND, 1)->index, 1);
    bool again = false;
    for (uint64_t ms = 450; ms < 1000 && !again; ms += 50) {
        hand_receive(&h, ms, hand_ack(1, 2, 1)); /* alive, but it has not come */
        hand_tick(&h, ms);
        for (uint32_t i = 0; i < h.len; i++)
            again |= h.seen[i].kind == RAFT_SEND && h.seen[i].message.to == 1 &&
                     h.seen[i].message.count == 1;
    }
    CHECK(again);
    hand_close(&h);
}

static void a_learner_is_not_asked_and_does_not_count(void **state)
{
    (void)state;
    const struct raft_members m = hand_members(2, 2);
    struct hand h = hand_open_with(2, &m, 1, "", (struct raft_options){ 0 });
    hand_elect(&h, 400);
    CHECK(hand_sent_to(&h, RAFT_VOTE, 3) == NULL);
    hand_written(&h, 401);
    hand_receive(&h, 402, hand_ack(3, 2, 1));
    hand_receive(&h, 402, hand_ack(4, 2, 1));
    CHECK_EQ(raft_look(h.r).commit, 0);
    hand_receive(&h, 402, hand_ack(1, 2, 1));
    CHECK_EQ(raft_look(h.r).commit, 1);
    hand_close(&h);
}

static void a_leader_without_a_majority_steps_down(void **state)
{
    (void)state;
    struct hand h = hand_open(3, 3, 1, "");
    hand_elect(&h, 400);
    hand_receive(&h, 450, hand_ack(1, 2, 0));
    hand_tick(&h, 700);
    CHECK_EQ(raft_look(h.r).role, RAFT_LEADER);
    CHECK_OK(raft_read(h.r, MS(701), 5));
    hand_tick(&h, 751);
    CHECK_EQ(raft_look(h.r).role, RAFT_FOLLOWER);
    CHECK_EQ(hand_effect(&h, RAFT_ROLE, 0)->why, RAFT_WHY_NO_QUORUM);
    CHECK_EQ(hand_effect(&h, RAFT_READ, 0)->index, 0); /* it failed */
    hand_close(&h);
}

/* On a busy machine answers come late, and a leader that is well is left alone: its patience
 * is three of the longest gap, and comes back when answers are quick again. */
static void who_is_answered_late_is_patient(void **state)
{
    (void)state;
    struct hand h = hand_open(3, 3, 1, "");
    hand_elect(&h, 400);
    hand_receive(&h, 600, hand_ack(1, 2, 0));
    hand_tick(&h, 1700);
    CHECK_EQ(raft_look(h.r).role, RAFT_LEADER);
    for (int i = 0; i < 1000; i++)
        hand_receive(&h, 1710 + 10 * (uint64_t)i, hand_ack(1, 2, 0));
    hand_tick(&h, 11700 + 301);
    CHECK_EQ(raft_look(h.r).role, RAFT_FOLLOWER);
    hand_close(&h);
}

static void a_read_waits_for_a_round_that_began_after_it(void **state)
{
    (void)state;
    struct hand h = hand_open(3, 3, 1, "");
    hand_elect(&h, 400);
    const uint64_t before = hand_sent_to(&h, RAFT_APPEND, 1)->round;
    hand_receive(&h, 401, hand_ack(1, 2, 1));
    hand_written(&h, 402);
    CHECK_EQ(raft_look(h.r).commit, 1);
    h.len = 0;
    CHECK_OK(raft_read(h.r, MS(403), 5));
    CHECK_OK(raft_read(h.r, MS(403), 6));
    hand_drain(&h);
    const uint64_t round = hand_sent_to(&h, RAFT_APPEND, 1)->round;
    CHECK(round > before);
    struct raft_message m = hand_ack(1, 2, 1);
    m.round = before;
    hand_receive(&h, 404, m);
    CHECK(hand_effect(&h, RAFT_READ, 0) == NULL);
    m.round = round;
    hand_receive(&h, 405, m);
    CHECK_EQ(hand_effect(&h, RAFT_READ, 0)->index, 1);
    CHECK_EQ(hand_effect(&h, RAFT_READ, 1)->token, 6);
    hand_close(&h);
}

static void a_transfer_waits_until_the_heir_has_everything(void **state)
{
    (void)state;
    struct hand h = hand_open(3, 3, 1, "");
    uint64_t index, term;
    hand_elect(&h, 400);
    hand_written(&h, 401);
    hand_receive(&h, 401, hand_ack(1, 2, 1));
    CHECK_OK(raft_propose(h.r, MS(402), RAFT_DATA, 10, &index, &term));
    CHECK_OK(raft_transfer(h.r, MS(402), 1));
    hand_drain(&h);
    CHECK(hand_sent(&h, RAFT_TIMEOUT_NOW, 0) == NULL);
    CHECK_EQ(raft_propose(h.r, MS(403), RAFT_DATA, 10, &index, &term), PANDO_UNAVAILABLE);
    hand_receive(&h, 404, hand_ack(1, 2, 2));
    CHECK_EQ(hand_sent(&h, RAFT_TIMEOUT_NOW, 0)->to, 1);
    hand_tick(&h, 553); /* it takes too long: all goes on */
    CHECK_OK(raft_propose(h.r, MS(554), RAFT_DATA, 10, &index, &term));
    CHECK_EQ(raft_transfer(h.r, MS(555), 3), PANDO_INVALID);
    hand_close(&h);
    h = hand_open(1, 3, 2, "2");
    hand_append(&h, 1, 3, 2, 1, 2, "", 0, 1);
    hand_receive(&h, 2,
                 (struct raft_message){ .kind = RAFT_TIMEOUT_NOW, .from = 3, .term = 2 });
    hand_written(&h, 3);
    CHECK(hand_sent(&h, RAFT_VOTE, 1)->transfer);
    hand_close(&h);
}

static struct raft_members without(struct raft_members m, uint32_t i)
{
    m.len--;
    for (; i < m.len; i++)
        m.at[i] = m.at[i + 1];
    return m;
}

static void memberships_change_one_at_a_time_after_an_own_commit(void **state)
{
    (void)state;
    struct hand h = hand_open(3, 3, 1, "");
    const struct raft_members five = hand_members(5, 0);
    const struct raft_members m = without(hand_members(3, 0), 0), one = without(m, 0);
    uint64_t index, term;
    hand_elect(&h, 400);
    CHECK_EQ(raft_propose_members(h.r, MS(401), &m, 9, &index, &term), PANDO_BUSY);
    hand_written(&h, 401);
    hand_receive(&h, 401, hand_ack(1, 2, 1));
    CHECK_EQ(raft_propose_members(h.r, MS(402), &five, 9, &index, &term), PANDO_INVALID);
    h.len = 0;
    CHECK_OK(raft_propose_members(h.r, MS(402), &m, 9, &index, &term));
    hand_drain(&h);
    CHECK_EQ(hand_effect(&h, RAFT_WRITE_ENTRY, 0)->entry.config->len, 2);
    CHECK_EQ(raft_members_now(h.r)->len, 2); /* in force at once */
    CHECK_EQ(raft_propose_members(h.r, MS(403), &one, 9, &index, &term), PANDO_BUSY);
    hand_written(&h, 404);
    CHECK_EQ(raft_look(h.r).commit, 1);
    hand_receive(&h, 405, hand_ack(2, 2, 2));
    CHECK_EQ(raft_look(h.r).commit, 2);
    hand_close(&h);
}

static void a_leader_that_removes_itself_leads_until_that_is_committed(void **state)
{
    (void)state;
    struct hand h = hand_open(3, 3, 1, "");
    const struct raft_members m = hand_members(2, 0);
    uint64_t index, term;
    hand_elect(&h, 400);
    hand_written(&h, 401);
    hand_receive(&h, 401, hand_ack(1, 2, 1));
    CHECK_OK(raft_propose_members(h.r, MS(402), &m, 9, &index, &term));
    hand_drain(&h);
    hand_written(&h, 403);
    hand_receive(&h, 404, hand_ack(1, 2, 2));
    CHECK_EQ(raft_look(h.r).role, RAFT_LEADER);
    CHECK_EQ(raft_look(h.r).commit, 1); /* it does not count itself */
    hand_receive(&h, 405, hand_ack(2, 2, 2));
    CHECK_EQ(hand_effect(&h, RAFT_COMMIT, 0)->index, 2);
    CHECK_EQ(hand_effect(&h, RAFT_ROLE, 0)->why, RAFT_WHY_REMOVED);
    CHECK_EQ(hand_sent_to(&h, RAFT_APPEND, 1)->commit, 2); /* the news is out */
    hand_tick(&h, 60000);
    CHECK_EQ(raft_look(h.r).role, RAFT_FOLLOWER);
    hand_close(&h);
}

static void the_policy_promotes_who_caught_up_and_demotes_who_is_silent(void **state)
{
    (void)state;
    const struct raft_members m = hand_members(3, 1);
    struct hand h = hand_open_with(3, &m, 1, "", (struct raft_options){ .demote = true });
    struct raft_members want;
    hand_elect(&h, 400);
    hand_written(&h, 401);
    CHECK(!raft_wants_change(h.r, MS(402), NULL, NULL, &want)); /* nothing is committed yet */
    hand_receive(&h, 402, hand_ack(1, 2, 1));
    CHECK(!raft_wants_change(h.r, MS(403), NULL, NULL, &want));
    hand_receive(&h, 404, hand_ack(4, 2, 1));
    CHECK(raft_wants_change(h.r, MS(405), NULL, NULL, &want));
    CHECK_EQ(want.at[3].standing, RAFT_VOTER);
    for (uint64_t ms = 500; ms < 10500; ms += 100) {
        hand_receive(&h, ms, hand_ack(1, 2, 1));
        hand_tick(&h, ms);
    }
    CHECK(raft_wants_change(h.r, MS(10500), NULL, NULL, &want));
    CHECK_EQ(want.at[1].standing, RAFT_LEARNER); /* 2 was never heard */
    hand_close(&h);
}

static bool not_the_fifth(void *ctx, uint64_t id)
{
    (void)ctx;
    return id != 5;
}

static void a_learner_that_may_not_vote_keeps_nobody_waiting(void **state)
{
    (void)state;
    const struct raft_members m = hand_members(3, 2);
    struct hand h = hand_open_with(3, &m, 1, "", (struct raft_options){ .demote = true });
    struct raft_members want;
    hand_elect(&h, 400);
    hand_written(&h, 401);
    hand_receive(&h, 402, hand_ack(1, 2, 1));
    hand_receive(&h, 403, hand_ack(4, 2, 1));
    hand_receive(&h, 404, hand_ack(5, 2, 1));
    CHECK(raft_wants_change(h.r, MS(405), NULL, NULL, &want));
    CHECK_EQ(want.at[4].standing, RAFT_VOTER); /* the highest first */
    CHECK(raft_wants_change(h.r, MS(405), not_the_fifth, NULL, &want));
    CHECK(want.at[3].standing == RAFT_VOTER && want.at[4].standing == RAFT_LEARNER);
    hand_close(&h);
}

static void whoever_is_on_the_mend_counts_for_nothing(void **state)
{
    (void)state;
    struct hand h = hand_open(3, 3, 1, "");
    struct raft_members want;
    uint64_t index, term;
    hand_elect(&h, 400);
    hand_written(&h, 401);
    struct raft_message ack = hand_ack(1, 2, 1);
    ack.mending = true;
    ack.log_term = 77;
    hand_receive(&h, 402, ack);
    CHECK_EQ(raft_look(h.r).commit, 0);
    hand_receive(&h, 403, hand_ack(2, 2, 1));
    CHECK_EQ(raft_look(h.r).commit, 1);
    CHECK(raft_wants_change(h.r, MS(404), NULL, NULL, &want));
    CHECK_EQ(want.at[0].standing, RAFT_LEARNER);
    struct raft_members other = *raft_members_now(h.r);
    other.at[1].standing = RAFT_LEARNER; /* 1 and 3 would be left */
    CHECK_EQ(raft_propose_members(h.r, MS(405), &other, 9, &index, &term), PANDO_BUSY);
    CHECK_OK(raft_propose_members(h.r, MS(405), &want, 9, &index, &term));
    h.len = 0;
    hand_drain(&h);
    hand_written(&h, 406);
    ack.index = 2;
    hand_receive(&h, 407, ack);
    CHECK(raft_look(h.r).commit == 1 && hand_sent(&h, RAFT_MEND_DONE, 0) == NULL);
    hand_receive(&h, 408, hand_ack(2, 2, 2));
    CHECK_EQ(raft_look(h.r).commit, 2);
    hand_receive(&h, 409, ack);
    CHECK_EQ(hand_sent(&h, RAFT_MEND_DONE, 0)->round, 77);
    CHECK_EQ(hand_sent(&h, RAFT_MEND_DONE, 0)->index, 2);
    CHECK(!raft_wants_change(h.r, MS(410), NULL, NULL, &want)); /* not before it is well */
    ack.mending = false;
    hand_receive(&h, 411, ack);
    CHECK(raft_wants_change(h.r, MS(412), NULL, NULL, &want));
    hand_close(&h);
}

static void who_lacks_what_is_gone_needs_a_snapshot(void **state)
{
    (void)state;
    struct hand h = hand_open(3, 3, 1, "1111");
    hand_elect(&h, 400);
    hand_written(&h, 401);
    hand_receive(&h, 402, hand_ack(1, 2, 5));
    CHECK_EQ(raft_look(h.r).commit, 5);
    raft_compacted(h.r, 4);
    CHECK(raft_look(h.r).first_index == 5 && raft_term_at(h.r, 4) == 1);
    hand_tick(&h, 450);
    struct raft_message m = { .kind = RAFT_APPEND_REPLY,
                              .from = 2,
                              .term = 2,
                              .index = 1,
                              .log_term = 1,
                              .probe = hand_sent_to(&h, RAFT_APPEND, 2)->probe };
    hand_receive(&h, 451, m);
    CHECK_EQ(hand_effect(&h, RAFT_NEED_SNAPSHOT, 0)->peer, 2);
    hand_receive(&h, 452,
                 (struct raft_message){ .kind = RAFT_SNAPSHOT_DONE,
                                        .from = 2,
                                        .term = 2,
                                        .index = 4,
                                        .log_term = 1 });
    CHECK_EQ(hand_sent_to(&h, RAFT_APPEND, 2)->index, 4);
    CHECK_EQ(hand_sent_to(&h, RAFT_APPEND, 2)->count, 1);
    hand_close(&h);
}

/* What had arrived was lost in a crash, and is compacted away by now. */
static void what_arrived_may_be_gone_again(void **state)
{
    (void)state;
    struct hand h = hand_open(3, 3, 1, "11111");
    hand_elect(&h, 400);
    hand_written(&h, 401);
    hand_receive(&h, 402, hand_ack(1, 2, 6));
    struct raft_message m = hand_ack(2, 2, 2);
    m.commit = 6; /* in its memory */
    hand_receive(&h, 402, m);
    raft_compacted(h.r, 5);
    bool asked = false;
    m = (struct raft_message){
        .kind = RAFT_APPEND_REPLY, .from = 2, .term = 2, .index = 2
    };
    for (uint64_t ms = 450; ms < 1000 && !asked; ms += 50) {
        hand_receive(&h, ms, hand_ack(1, 2, 6));
        hand_tick(&h, ms);
        const struct raft_message *beat = hand_sent_to(&h, RAFT_APPEND, 2);
        CHECK(beat != NULL && beat->index == 5);
        asked = hand_effect(&h, RAFT_NEED_SNAPSHOT, 0) != NULL;
        m.probe = beat->probe;
        m.round = beat->round;
        hand_receive(&h, ms, m);
        asked |= hand_effect(&h, RAFT_NEED_SNAPSHOT, 0) != NULL;
    }
    CHECK(asked);
    hand_close(&h);
}

static void too_much_that_is_not_committed_is_refused(void **state)
{
    (void)state;
    struct hand h = hand_open(3, 3, 1, "");
    uint64_t index, term, taken = 0;
    hand_elect(&h, 400);
    while (raft_propose(h.r, MS(401), RAFT_DATA, 100000, &index, &term) == PANDO_OK)
        taken++;
    CHECK(taken > 70 && taken < 90);
    CHECK_EQ(raft_propose(h.r, MS(401), RAFT_DATA, 1, &index, &term), PANDO_BUSY);
    CHECK_EQ(raft_propose(h.r, MS(401), RAFT_DATA, RAFT_ENTRY_MAX + 1, &index, &term),
             PANDO_INVALID);
    hand_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(entries_of_older_terms_are_committed_by_an_own_one),
        TEST(memberships_change_one_at_a_time_after_an_own_commit),
        TEST(a_leader_counts_itself_when_its_disk_has_come_so_far),
        TEST(a_leader_need_not_be_in_the_majority),
        TEST(proposals_between_two_drains_share_messages),
        TEST(a_peer_far_behind_is_not_flooded),
        TEST(a_stale_refusal_moves_nothing_back),
        TEST(what_got_lost_is_sent_again),
        TEST(a_learner_is_not_asked_and_does_not_count),
        TEST(a_leader_without_a_majority_steps_down),
        TEST(who_is_answered_late_is_patient),
        TEST(a_read_waits_for_a_round_that_began_after_it),
        TEST(a_transfer_waits_until_the_heir_has_everything),
        TEST(a_leader_that_removes_itself_leads_until_that_is_committed),
        TEST(the_policy_promotes_who_caught_up_and_demotes_who_is_silent),
        TEST(a_learner_that_may_not_vote_keeps_nobody_waiting),
        TEST(whoever_is_on_the_mend_counts_for_nothing),
        TEST(who_lacks_what_is_gone_needs_a_snapshot),
        TEST(what_arrived_may_be_gone_again),
        TEST(too_much_that_is_not_committed_is_refused),
    };
    return CHECK_RUN(tests);
}
