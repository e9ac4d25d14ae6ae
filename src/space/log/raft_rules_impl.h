/* raft_rules_impl.h - what the files of schedules share. */
#ifndef SPACE_LOG_RAFT_RULES_IMPL_H
#define SPACE_LOG_RAFT_RULES_IMPL_H

#include "space/log/raft_sim.h"

#include <stddef.h>

struct sim *rules_world(uint32_t voters, uint32_t learners);
/* End: what was broken, or what was expected and did not come. */
const char *rules_done(struct sim *s, const char *missing);
/* Whether the disk writes only when it is told to. */
void rules_by_hand(struct sim *s, uint64_t id, bool hand);
/* Give `to` the leadership. */
bool rules_make_leader(struct sim *s, uint64_t to);

/* raft_rules_members.c */
const char *rule_two_memberships(void);
const char *rule_a_cluster_is_replaced(void);
const char *rule_a_disaster(void);
const char *rule_the_policy(void);
const char *rule_a_removal_that_only_the_leader_knows(void);
const char *rule_a_promotion_that_only_the_leader_knows(void);

/* raft_rules_loss.c */
const char *rule_power_cuts(void);
const char *rule_a_lost_folder(void);
const char *rule_a_lost_vote(void);
const char *rule_too_many_losses(void);

#endif
