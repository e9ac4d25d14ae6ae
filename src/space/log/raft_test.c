/* raft_test.c - the rules one by one: elections, and what a follower does.
 *
 * A single core is fed by hand. The leader's rules are in raft_lead_test.c, schedules of
 * several nodes in raft_rules_test.c, storms in raft_sim_test.c.
 */
#include "check.h"
#include "space/log/raft_hand.h"

static void a_vote_waits_for_the_disk(void **state)
{
    (void)state;
    struct hand h = hand_open(1, 3, 1, "1");
    hand_receive(&h, 1, hand_vote(2, 2, 1, 1));
    CHECK(hand_effect(&h, RAFT_WRITE_STATE, 0) != NULL);
    CHECK(hand_sent(&h, RAFT_VOTE_REPLY, 0) == NULL);
    hand_written(&h, 2);
    CHECK(hand_sent(&h, RAFT_VOTE_REPLY, 0)->granted);
    hand_receive(&h, 3, hand_vote(3, 2, 1, 1)); /* one vote a term */
    CHECK(!hand_sent(&h, RAFT_VOTE_REPLY, 0)->granted);
    hand_close(&h);
}

static void a_candidacy_is_announced_when_it_is_durable(void **state)
{
    (void)state;
    struct hand h = hand_open(3, 3, 1, "1");
    hand_tick(&h, 400);
    CHECK_EQ(hand_sent(&h, RAFT_PREVOTE, 0)->term, 2);
    CHECK_EQ(raft_look(h.r).term, 1); /* nobody's term rises by asking */
    hand_receive(&h, 401,
                 (struct raft_message){
                     .kind = RAFT_PREVOTE_REPLY, .from = 1, .term = 2, .granted = true });
    CHECK_EQ(hand_effect(&h, RAFT_WRITE_STATE, 0)->vote, 3);
    CHECK(hand_sent(&h, RAFT_VOTE, 0) == NULL);
    hand_written(&h, 402);
    CHECK(hand_sent(&h, RAFT_VOTE, 1) != NULL);
    hand_close(&h);
}

static void a_vote_survives_a_restart(void **state)
{
    (void)state;
    struct hand h = hand_open(1, 3, 1, "1");
    hand_receive(&h, 1, hand_vote(2, 2, 1, 1));
    const struct raft_effect *e = hand_effect(&h, RAFT_WRITE_STATE, 1);
    CHECK(e != NULL && e->vote == 2 && e->term == 2);
    hand_close(&h);
    const struct raft_members m = hand_members(3, 0);
    h = (struct hand){ .r = raft_new(
                           &(struct raft_options){ .id = 1 },
                           &(struct raft_state){
                               .term = 2, .vote = 2, .first_index = 1, .base = m }) };
    hand_receive(&h, 1, hand_vote(3, 2, 9, 2));
    CHECK(!hand_sent(&h, RAFT_VOTE_REPLY, 0)->granted);
    hand_close(&h);
}

static void nobody_votes_for_an_older_log(void **state)
{
    (void)state;
    struct hand h = hand_open(1, 3, 3, "113");
    hand_receive(&h, 1, hand_vote(2, 4, 9, 2));
    CHECK(!hand_sent(&h, RAFT_VOTE_REPLY, 0)->granted);
    hand_receive(&h, 2, hand_vote(2, 5, 2, 3));
    CHECK(!hand_sent(&h, RAFT_VOTE_REPLY, 0)->granted);
    hand_receive(&h, 3, hand_vote(2, 6, 3, 3));
    hand_written(&h, 4);
    CHECK(hand_sent(&h, RAFT_VOTE_REPLY, 0)->granted);
    hand_close(&h);
}

static void an_acknowledgement_waits_for_the_disk(void **state)
{
    (void)state;
    struct hand h = hand_open(1, 3, 1, "1");
    hand_append(&h, 1, 2, 1, 1, 1, "11", 0, 0);
    CHECK_EQ(hand_effect(&h, RAFT_WRITE_ENTRY, 1)->entry.index, 3);
    CHECK(hand_sent(&h, RAFT_APPEND_REPLY, 0) == NULL);
    hand_give(&h, 2, &(struct raft_input){ .kind = RAFT_WRITTEN, .write = h.write - 1 });
    CHECK_EQ(hand_sent(&h, RAFT_APPEND_REPLY, 0)->index, 2);
    CHECK_EQ(hand_sent(&h, RAFT_APPEND_REPLY, 0)->commit, 3); /* arrived */
    hand_written(&h, 3);
    CHECK_EQ(hand_sent(&h, RAFT_APPEND_REPLY, 0)->index, 3);
    CHECK_EQ(hand_sent(&h, RAFT_APPEND_REPLY, 0)->probe, 7);
    hand_close(&h);
}

static void one_answer_covers_many_appends(void **state)
{
    (void)state;
    struct hand h = hand_open(1, 3, 1, "");
    for (uint64_t i = 0; i < 10; i++)
        hand_append(&h, 1, 2, 1, i, i == 0 ? 0 : 1, "1", 0, 0);
    hand_written(&h, 2);
    CHECK_EQ(hand_sent(&h, RAFT_APPEND_REPLY, 0)->index, 10);
    CHECK(hand_sent(&h, RAFT_APPEND_REPLY, 1) == NULL);
    hand_close(&h);
}

/* A follower with a stale tail answers a heartbeat: only what was matched counts. */
static void an_acknowledgement_names_what_was_matched(void **state)
{
    (void)state;
    struct hand h = hand_open(1, 3, 2, "11111");
    hand_append(&h, 1, 2, 2, 2, 1, "", 0, 1);
    CHECK(hand_sent(&h, RAFT_APPEND_REPLY, 0)->granted);
    CHECK_EQ(hand_sent(&h, RAFT_APPEND_REPLY, 0)->index, 2);
    CHECK_EQ(hand_sent(&h, RAFT_APPEND_REPLY, 0)->round, 1);
    hand_close(&h);
}

static void an_old_duplicate_cuts_nothing(void **state)
{
    (void)state;
    struct hand h = hand_open(1, 3, 1, "");
    hand_append(&h, 1, 2, 1, 0, 0, "1111", 0, 0);
    hand_append(&h, 2, 2, 1, 0, 0, "11", 0, 0);
    CHECK(hand_effect(&h, RAFT_WRITE_TRUNCATE, 0) == NULL);
    CHECK_EQ(raft_look(h.r).last_index, 4);
    hand_close(&h);
}

static void a_conflict_cuts_the_log(void **state)
{
    (void)state;
    struct hand h = hand_open(1, 3, 1, "1111");
    hand_append(&h, 1, 2, 2, 2, 1, "22", 0, 0);
    CHECK_EQ(hand_effect(&h, RAFT_WRITE_TRUNCATE, 0)->index, 3);
    CHECK_EQ(hand_effect(&h, RAFT_WRITE_ENTRY, 0)->entry.index, 3);
    CHECK(hand_effect(&h, RAFT_WRITE_TRUNCATE, 0)->write <
          hand_effect(&h, RAFT_WRITE_ENTRY, 0)->write);
    CHECK_EQ(raft_term_at(h.r, 4), 2);
    CHECK_EQ(raft_look(h.r).durable_index, 2);
    hand_written(&h, 2);
    CHECK_EQ(hand_sent(&h, RAFT_APPEND_REPLY, 0)->index, 4);
    hand_close(&h);
}

static void what_is_committed_is_never_cut(void **state)
{
    (void)state;
    struct hand h = hand_open(1, 3, 1, "11");
    hand_append(&h, 1, 2, 1, 2, 1, "", 2, 1);
    CHECK_EQ(raft_look(h.r).commit, 2);
    hand_append(&h, 2, 3, 5, 1, 1, "5", 2, 0); /* a liar */
    CHECK(hand_effect(&h, RAFT_WRITE_TRUNCATE, 0) == NULL);
    CHECK_EQ(raft_look(h.r).last_index, 2);
    hand_close(&h);
}

static void a_follower_commits_no_further_than_it_matched(void **state)
{
    (void)state;
    struct hand h = hand_open(1, 3, 2, "1111");
    hand_append(&h, 1, 2, 2, 1, 1, "", 4, 1);
    CHECK_EQ(raft_look(h.r).commit, 1);
    hand_append(&h, 2, 2, 2, 1, 1, "2", 4, 0);
    CHECK_EQ(raft_look(h.r).commit, 2);
    hand_close(&h);
}

static void a_refusal_says_where_the_logs_may_meet(void **state)
{
    (void)state;
    struct hand h = hand_open(1, 3, 4, "1122444");
    hand_append(&h, 1, 2, 5, 7, 3, "", 0, 1); /* ours of term 4 cannot be below a 3 */
    const struct raft_message *m = hand_sent(&h, RAFT_APPEND_REPLY, 0);
    CHECK(!m->granted && m->index == 4 && m->log_term == 2 && m->probe == 7);
    hand_append(&h, 2, 2, 5, 9, 5, "", 0, 2); /* a gap */
    m = hand_sent(&h, RAFT_APPEND_REPLY, 0);
    CHECK(!m->granted && m->index == 7 && m->log_term == 4);
    hand_close(&h);
}

static void an_append_behind_a_gap_is_held_back(void **state)
{
    (void)state;
    struct hand h = hand_open(1, 3, 1, "");
    hand_append(&h, 1, 2, 1, 2, 1, "11", 0, 0);
    const struct raft_effect *held = hand_effect(&h, RAFT_HELD, 0);
    CHECK(held != NULL && held->index == 2 && held->expected == 0);
    const uint64_t token = held->token;
    hand_append(&h, 2, 2, 1, 0, 0, "11", 4, 0);
    CHECK_EQ(hand_effect(&h, RAFT_WRITE_ENTRY, 1)->token, 0);
    CHECK_EQ(hand_effect(&h, RAFT_WRITE_ENTRY, 2)->token, token);
    CHECK_EQ(hand_effect(&h, RAFT_WRITE_ENTRY, 3)->from_message, 1);
    CHECK_EQ(hand_effect(&h, RAFT_WRITE_ENTRY, 3)->entry.index, 4);
    CHECK_EQ(hand_effect(&h, RAFT_RELEASED, 0)->token, token);
    CHECK_EQ(raft_look(h.r).commit, 4);
    hand_written(&h, 3);
    CHECK_EQ(hand_sent(&h, RAFT_APPEND_REPLY, 0)->index, 4);
    hand_close(&h);
}

static void what_is_held_dies_with_its_term(void **state)
{
    (void)state;
    struct hand h = hand_open(1, 3, 1, "");
    hand_append(&h, 1, 2, 1, 2, 1, "11", 0, 0);
    hand_append(&h, 2, 3, 2, 0, 0, "22", 0, 0);
    CHECK(hand_effect(&h, RAFT_RELEASED, 0) != NULL);
    CHECK_EQ(raft_look(h.r).last_index, 2);
    for (uint64_t i = 0; i < 100; i++)
        hand_append(&h, 3, 3, 2, 10 + i, 2, "2", 0, 0);
    CHECK(hand_effect(&h, RAFT_HELD, 0) == NULL); /* not more than RAFT_HELD_MAX */
    hand_close(&h);
}

static void a_deposed_leader_is_told(void **state)
{
    (void)state;
    struct hand h = hand_open(1, 3, 5, "1");
    hand_append(&h, 1, 2, 4, 1, 1, "4", 0, 1);
    CHECK(!hand_sent(&h, RAFT_APPEND_REPLY, 0)->granted);
    CHECK_EQ(hand_sent(&h, RAFT_APPEND_REPLY, 0)->term, 5);
    CHECK_EQ(raft_look(h.r).last_index, 1);
    hand_close(&h);
}

/* Nonsense of a peer is ignored or refused, and changes nothing. */
static void nonsense_changes_nothing(void **state)
{
    (void)state;
    struct hand h = hand_open(1, 3, 5, "1");
    const struct raft_entry skew[2] = { { .index = 2, .term = 5, .kind = RAFT_DATA },
                                        { .index = 9, .term = 5, .kind = RAFT_DATA } };
    struct raft_message m = { .kind = RAFT_APPEND,
                              .from = 2,
                              .term = 5,
                              .index = 1,
                              .log_term = 1,
                              .count = 2,
                              .entries = skew };
    hand_receive(&h, 1, m);
    m.count = 100000;
    hand_receive(&h, 1, m);
    m = (struct raft_message){
        .kind = RAFT_APPEND, .from = 2, .term = 5, .index = UINT64_MAX, .log_term = 1
    };
    hand_receive(&h, 1, m);
    m.term = UINT64_MAX;
    m.kind = RAFT_VOTE;
    hand_receive(&h, 1, m);
    m.kind = (enum raft_message_kind)99;
    m.term = 5;
    hand_receive(&h, 1, m);
    CHECK_EQ(raft_look(h.r).last_index, 1);
    CHECK_EQ(raft_look(h.r).term, 5);
    hand_elect(&h, 900);
    hand_receive(&h, 901, hand_ack(2, 6, 99)); /* it acknowledges what does not exist */
    hand_receive(&h, 901, hand_ack(9, 6, 2));
    CHECK_EQ(raft_look(h.r).commit, 0);
    hand_close(&h);
}

static void a_learner_neither_stands_nor_votes(void **state)
{
    (void)state;
    const struct raft_members m = hand_members(2, 1);
    struct hand h = hand_open_with(3, &m, 1, "1", (struct raft_options){ 0 });
    CHECK_EQ(raft_deadline(h.r).ns, UINT64_MAX);
    hand_tick(&h, 60000);
    CHECK_EQ(raft_look(h.r).role, RAFT_FOLLOWER);
    hand_receive(&h, 60001, hand_vote(1, 2, 1, 1));
    hand_written(&h, 60002);
    CHECK(hand_sent(&h, RAFT_VOTE_REPLY, 0) == NULL);
    hand_receive(&h, 60003, hand_vote(2, 3, 2, 2)); /* its log may hold our promotion */
    hand_written(&h, 60004);
    CHECK(hand_sent(&h, RAFT_VOTE_REPLY, 0)->granted);
    hand_close(&h);
}

static void a_joiner_stays_quiet(void **state)
{
    (void)state;
    const struct raft_members m = hand_members(3, 0);
    struct hand h = hand_open_with(9, &m, 0, "", (struct raft_options){ 0 });
    hand_tick(&h, 60000);
    CHECK(h.len == 0 && raft_look(h.r).role == RAFT_FOLLOWER);
    hand_append(&h, 60001, 2, 3, 0, 0, "33", 0, 1);
    hand_written(&h, 60002);
    CHECK_EQ(hand_sent(&h, RAFT_APPEND_REPLY, 0)->index, 2);
    hand_close(&h);
}

static void a_live_leader_makes_its_followers_deaf(void **state)
{
    (void)state;
    struct hand h = hand_open(1, 3, 1, "1");
    hand_append(&h, 1, 2, 1, 1, 1, "", 0, 1);
    const struct raft_message pre = {
        .kind = RAFT_PREVOTE, .from = 3, .term = 2, .index = 1, .log_term = 1
    };
    hand_receive(&h, 100, pre);
    CHECK(!hand_sent(&h, RAFT_PREVOTE_REPLY, 0)->granted);
    hand_receive(&h, 101, hand_vote(3, 7, 1, 1));
    CHECK(h.len == 0 && raft_look(h.r).term == 1);
    hand_receive(&h, 152, pre); /* bounded by time, not by the own timer */
    CHECK(hand_sent(&h, RAFT_PREVOTE_REPLY, 0)->granted);
    struct raft_message asked = hand_vote(3, 2, 1, 1);
    hand_append(&h, 153, 2, 1, 1, 1, "", 0, 2);
    asked.transfer = true; /* it stands by the leader's wish */
    hand_receive(&h, 154, asked);
    CHECK_EQ(raft_look(h.r).term, 2);
    hand_close(&h);
}

static void the_highest_stands_first(void **state)
{
    (void)state;
    uint64_t last = 0;
    for (uint64_t id = 5; id >= 1; id--) {
        struct hand h = hand_open(id, 5, 1, "1");
        const uint64_t at = raft_deadline(h.r).ns;
        CHECK(at > last);
        last = at;
        hand_close(&h);
    }
}

static void a_leaders_closed_link_lets_the_highest_stand_at_once(void **state)
{
    (void)state;
    struct hand h = hand_open(4, 5, 1, "1");
    hand_append(&h, 1, 5, 1, 1, 1, "", 0, 1);
    hand_give(&h, 2, &(struct raft_input){ .kind = RAFT_LINK_DOWN, .peer = 5 });
    CHECK(hand_sent(&h, RAFT_PREVOTE, 3) != NULL);
    CHECK_EQ(hand_effect(&h, RAFT_ROLE, 0)->why, RAFT_WHY_LINK);
    hand_close(&h);
    h = hand_open(2, 5, 1, "1");
    hand_append(&h, 1, 5, 1, 1, 1, "", 0, 1);
    hand_give(&h, 2, &(struct raft_input){ .kind = RAFT_LINK_DOWN, .peer = 5 });
    CHECK(hand_sent(&h, RAFT_PREVOTE, 0) == NULL);
    CHECK(raft_deadline(h.r).ns >= MS(2 + 100).ns &&
          raft_deadline(h.r).ns < MS(2 + 130).ns);
    hand_append(&h, 3, 5, 1, 1, 1, "", 0, 2); /* it was only the link */
    CHECK_EQ(raft_look(h.r).leader, 5);
    CHECK(raft_deadline(h.r).ns >= MS(3 + 150).ns);
    hand_close(&h);
}

static void alone_it_leads_at_once(void **state)
{
    (void)state;
    struct hand h = hand_open(1, 1, 0, "");
    CHECK_EQ(hand_effect(&h, RAFT_WRITE_STATE, 0)->vote, 1);
    hand_written(&h, 1);
    CHECK_EQ(hand_effect(&h, RAFT_ROLE, 0)->why, RAFT_WHY_ALONE);
    CHECK_EQ(hand_effect(&h, RAFT_WRITE_ENTRY, 0)->entry.kind, RAFT_NOOP);
    CHECK_EQ(raft_look(h.r).commit, 0);
    hand_written(&h, 2);
    CHECK_EQ(raft_look(h.r).commit, 1);
    CHECK_OK(raft_read(h.r, MS(3), 77));
    h.len = 0;
    hand_drain(&h);
    CHECK_EQ(hand_effect(&h, RAFT_READ, 0)->token, 77);
    hand_close(&h);
}

static void a_membership_falls_with_its_entry(void **state)
{
    (void)state;
    struct hand h = hand_open(1, 3, 1, "1");
    const struct raft_members four = hand_members(4, 0);
    const struct raft_entry e = {
        .index = 2, .term = 1, .kind = RAFT_CONFIG, .size = 9, .config = &four
    };
    hand_receive(&h, 1,
                 (struct raft_message){ .kind = RAFT_APPEND,
                                        .from = 2,
                                        .term = 1,
                                        .index = 1,
                                        .log_term = 1,
                                        .count = 1,
                                        .entries = &e });
    CHECK_EQ(raft_members_now(h.r)->len, 4);
    hand_append(&h, 2, 3, 2, 1, 1, "2", 0, 0);
    CHECK_EQ(raft_members_now(h.r)->len, 3);
    CHECK(hand_effect(&h, RAFT_MEMBERS, 0) != NULL);
    hand_close(&h);
}

static void a_snapshot_begins_the_log_anew_but_keeps_what_fits(void **state)
{
    (void)state;
    const struct raft_members m = hand_members(3, 0);
    struct hand h = hand_open(1, 3, 2, "11");
    hand_append(&h, 1, 2, 2, 8, 2, "", 0, 1);
    raft_restored(h.r, MS(2), 8, 2, &m);
    h.len = 0;
    hand_drain(&h);
    CHECK(raft_look(h.r).first_index == 9 && raft_look(h.r).commit == 8);
    CHECK_EQ(hand_sent(&h, RAFT_SNAPSHOT_DONE, 0)->index, 8);
    hand_append(&h, 3, 2, 2, 8, 2, "222", 8, 0);
    raft_restored(h.r, MS(4), 10, 2, &m); /* 11 may have been acknowledged */
    CHECK(raft_look(h.r).first_index == 11 && raft_look(h.r).last_index == 11);
    raft_restored(h.r, MS(5), 9, 2, &m); /* late */
    CHECK(raft_look(h.r).first_index == 11 && raft_look(h.r).commit == 10);
    hand_close(&h);
}

static void who_has_lost_something_waits_for_a_leaders_word(void **state)
{
    (void)state;
    const struct raft_members m = hand_members(3, 0);
    struct hand h = { .r = raft_new(
                          &(struct raft_options){ .id = 3 },
                          &(struct raft_state){
                              .term = 1, .first_index = 1, .base = m, .mend = 77 }) };
    hand_tick(&h, 0);
    hand_tick(&h, 60000);
    CHECK_EQ(raft_look(h.r).role, RAFT_FOLLOWER);
    hand_receive(&h, 60001, hand_vote(2, 2, 5, 1));
    CHECK(!hand_sent(&h, RAFT_VOTE_REPLY, 0)->granted);
    hand_append(&h, 60002, 2, 2, 0, 0, "22", 0, 1);
    hand_written(&h, 60003);
    const struct raft_message *ack = hand_sent(&h, RAFT_APPEND_REPLY, 0);
    CHECK(ack->granted && ack->mending && ack->log_term == 77);
    struct raft_message done = { .kind = RAFT_MEND_DONE, .from = 2, .term = 2, .index = 3, .round = 77 };
    hand_receive(&h, 60004, done); /* 3 is not here */
    CHECK_EQ(raft_look(h.r).mend, 77);
    done.index = 2;
    done.round = 78; /* of another loss */
    hand_receive(&h, 60005, done);
    CHECK_EQ(raft_look(h.r).mend, 77);
    done.round = 77;
    hand_receive(&h, 60006, done);
    CHECK(hand_effect(&h, RAFT_MENDED, 0)->index == 2 && raft_look(h.r).mend == 0);
    CHECK(raft_deadline(h.r).ns != UINT64_MAX);
    hand_close(&h);
}

/* Its vote in the terms that it may have forgotten is spent; the term is on disk before any other. */
static void where_nobody_has_anything_it_votes_in_later_terms_only(void **state)
{
    (void)state;
    struct hand h = { .r = raft_new(&(struct raft_options){ .id = 3 },
                                    &(struct raft_state){ .first_index = 1,
                                                          .base = hand_members(3, 0),
                                                          .mend = 77 }) };
    hand_tick(&h, 0);
    CHECK(raft_mend_void(h.r, MS(1), 4));
    hand_drain(&h);
    const struct raft_effect *state_written = hand_effect(&h, RAFT_WRITE_STATE, 0);
    CHECK(state_written->term == 4 && state_written->vote == 3);
    CHECK_EQ(raft_look(h.r).mend, 0);
    hand_receive(&h, 60000, hand_vote(2, 4, 0, 0)); /* the vote that it may have given before */
    CHECK(!hand_sent(&h, RAFT_VOTE_REPLY, 0)->granted);
    hand_receive(&h, 60001, hand_vote(2, 5, 0, 0));
    CHECK(hand_sent(&h, RAFT_VOTE_REPLY, 0) == NULL);
    hand_written(&h, 60002);
    CHECK(hand_sent(&h, RAFT_VOTE_REPLY, 0)->granted);
    hand_close(&h);
    h = hand_open(2, 3, 4, "14");
    raft_mend(h.r, MS(1), 77);
    CHECK(!raft_mend_void(h.r, MS(2), 9)); /* it has something */
    CHECK_EQ(raft_look(h.r).mend, 77);
    hand_close(&h);
}

static void members_can_be_forced_when_no_quorum_is_left(void **state)
{
    (void)state;
    struct hand h = hand_open(2, 3, 4, "14");
    struct raft_members m = { .len = 1, .at = { { 2, RAFT_VOTER } } };
    uint64_t index, term;
    CHECK_OK(raft_force_members(h.r, MS(1), &m, 9, &index, &term));
    hand_drain(&h);
    CHECK(term == 5 && index == 4);
    hand_written(&h, 2);
    CHECK_EQ(raft_look(h.r).commit, 4);
    CHECK_EQ(raft_members_now(h.r)->len, 1);
    hand_close(&h);
}

static void the_log_is_loaded_in_order(void **state)
{
    (void)state;
    struct hand h = { .r = raft_new(&(struct raft_options){ .id = 1 },
                                    &(struct raft_state){ .term = 3,
                                                          .first_index = 5,
                                                          .base_term = 2,
                                                          .commit = 9,
                                                          .base = hand_members(3, 0) }) };
    struct raft_entry e = { .index = 6, .term = 2, .kind = RAFT_DATA };
    CHECK_EQ(raft_load_entry(h.r, &e), PANDO_INVALID);
    e.index = 5;
    CHECK_OK(raft_load_entry(h.r, &e));
    e.index = 6;
    e.term = 1;
    CHECK_EQ(raft_load_entry(h.r, &e), PANDO_INVALID);
    e.term = 4;
    CHECK_EQ(raft_load_entry(h.r, &e), PANDO_INVALID);
    hand_tick(&h, 0);
    CHECK_EQ(raft_look(h.r).commit, 5);
    CHECK(raft_term_at(h.r, 4) == 2 && raft_term_at(h.r, 3) == 0);
    hand_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_vote_waits_for_the_disk),
        TEST(a_candidacy_is_announced_when_it_is_durable),
        TEST(a_vote_survives_a_restart),
        TEST(nobody_votes_for_an_older_log),
        TEST(an_acknowledgement_waits_for_the_disk),
        TEST(one_answer_covers_many_appends),
        TEST(an_acknowledgement_names_what_was_matched),
        TEST(an_old_duplicate_cuts_nothing),
        TEST(a_conflict_cuts_the_log),
        TEST(what_is_committed_is_never_cut),
        TEST(a_follower_commits_no_further_than_it_matched),
        TEST(a_refusal_says_where_the_logs_may_meet),
        TEST(an_append_behind_a_gap_is_held_back),
        TEST(what_is_held_dies_with_its_term),
        TEST(a_deposed_leader_is_told),
        TEST(nonsense_changes_nothing),
        TEST(a_learner_neither_stands_nor_votes),
        TEST(a_joiner_stays_quiet),
        TEST(a_live_leader_makes_its_followers_deaf),
        TEST(the_highest_stands_first),
        TEST(a_leaders_closed_link_lets_the_highest_stand_at_once),
        TEST(alone_it_leads_at_once),
        TEST(a_membership_falls_with_its_entry),
        TEST(a_snapshot_begins_the_log_anew_but_keeps_what_fits),
        TEST(who_has_lost_something_waits_for_a_leaders_word),
        TEST(where_nobody_has_anything_it_votes_in_later_terms_only),
        TEST(members_can_be_forced_when_no_quorum_is_left),
        TEST(the_log_is_loaded_in_order),
    };
    return CHECK_RUN(tests);
}
