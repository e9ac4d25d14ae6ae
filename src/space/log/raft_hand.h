/* raft_hand.h - one core, fed by hand: the words of its tests.
 *
 * An input is given, all effects are drained and kept until the next one.
 */
#ifndef SPACE_LOG_RAFT_HAND_H
#define SPACE_LOG_RAFT_HAND_H

#include "space/log/raft.h"

#define MS(n) ((struct pando_time){ 1000000000 + (uint64_t)(n)*1000000 })

/* A core and what it wished for since the last look. */
struct hand {
    struct raft *r;
    struct raft_effect seen[512];
    uint32_t len;
    uint64_t write; /* the highest number given */
};

struct raft_members hand_members(uint32_t voters, uint32_t learners);
void hand_drain(struct hand *h);
void hand_give(struct hand *h, uint64_t ms, const struct raft_input *in);
void hand_tick(struct hand *h, uint64_t ms);
void hand_written(struct hand *h, uint64_t ms);
void hand_receive(struct hand *h, uint64_t ms, struct raft_message m);
/* The n-th effect of its kind, or NULL. */
const struct raft_effect *hand_effect(const struct hand *h, enum raft_effect_kind kind,
                                      uint32_t n);
const struct raft_message *hand_sent(const struct hand *h, enum raft_message_kind kind,
                                     uint32_t n);
const struct raft_message *hand_sent_to(const struct hand *h, enum raft_message_kind kind,
                                        uint64_t to);
/* A core of `m`, in `term`, with `terms` as its log on disk. */
struct hand hand_open_with(uint64_t id, const struct raft_members *m, uint64_t term,
                           const char *terms, struct raft_options o);
struct hand hand_open(uint64_t id, uint32_t voters, uint64_t term, const char *terms);
void hand_close(struct hand *h);
/* Make it the leader of the next term, by the votes of everybody. */
void hand_elect(struct hand *h, uint64_t ms);
struct raft_message hand_ack(uint64_t from, uint64_t term, uint64_t index);
/* An APPEND of leader `from`: `terms` are those of its entries. */
void hand_append(struct hand *h, uint64_t ms, uint64_t from, uint64_t term, uint64_t prev,
                 uint64_t prev_term, const char *terms, uint64_t commit, uint64_t round);
struct raft_message hand_vote(uint64_t from, uint64_t term, uint64_t last,
                              uint64_t last_term);

#endif
