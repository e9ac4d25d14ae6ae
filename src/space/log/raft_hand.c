/* raft_hand.c - see raft_hand.h. */
#include "space/log/raft_hand.h"

#include "check.h"

#include <string.h>

struct raft_members hand_members(uint32_t voters, uint32_t learners)
{
    struct raft_members m = { .len = voters + learners };
    for (uint32_t i = 0; i < m.len; i++) {
        m.at[i].id = i + 1;
        m.at[i].standing = i < voters ? RAFT_VOTER : RAFT_LEARNER;
    }
    return m;
}

void hand_drain(struct hand *h)
{
    struct raft_effect e;
    while (raft_poll(h->r, &e)) {
        CHECK(h->len < 512);
        h->seen[h->len++] = e;
        if (e.write > h->write)
            h->write = e.write;
    }
}

void hand_give(struct hand *h, uint64_t ms, const struct raft_input *in)
{
    h->len = 0;
    raft_step(h->r, MS(ms), in);
    hand_drain(h);
}

void hand_tick(struct hand *h, uint64_t ms)
{
    hand_give(h, ms, &(struct raft_input){ .kind = RAFT_TICK });
}

void hand_written(struct hand *h, uint64_t ms)
{
    hand_give(h, ms, &(struct raft_input){ .kind = RAFT_WRITTEN, .write = h->write });
}

void hand_receive(struct hand *h, uint64_t ms, struct raft_message m)
{
    m.to = raft_look(h->r).id;
    hand_give(h, ms, &(struct raft_input){ .kind = RAFT_RECEIVE, .message = &m });
}

/* The n-th effect of its kind, or NULL. */
const struct raft_effect *hand_effect(const struct hand *h, enum raft_effect_kind kind,
                                      uint32_t n)
{
    for (uint32_t i = 0; i < h->len; i++)
        if (h->seen[i].kind == kind && n-- == 0)
            return &h->seen[i];
    return NULL;
}

const struct raft_message *hand_sent(const struct hand *h, enum raft_message_kind kind,
                                     uint32_t n)
{
    for (uint32_t i = 0; i < h->len; i++)
        if (h->seen[i].kind == RAFT_SEND && h->seen[i].message.kind == kind && n-- == 0)
            return &h->seen[i].message;
    return NULL;
}

const struct raft_message *hand_sent_to(const struct hand *h, enum raft_message_kind kind,
                                        uint64_t to)
{
    for (uint32_t i = 0; i < h->len; i++)
        if (h->seen[i].kind == RAFT_SEND && h->seen[i].message.kind == kind &&
            h->seen[i].message.to == to)
            return &h->seen[i].message;
    return NULL;
}

/* A core of `m`, in `term`, with `terms` as its log on disk. */
struct hand hand_open_with(uint64_t id, const struct raft_members *m, uint64_t term,
                           const char *terms, struct raft_options o)
{
    struct hand h = { 0 };
    o.id = id;
    o.seed = 1;
    const uint64_t last = strlen(terms);
    h.r = raft_new(&o,
                   &(struct raft_state){
                       .term = term, .first_index = 1, .last_index = last, .base = *m });
    CHECK(h.r != NULL);
    for (uint64_t i = 1; i <= last; i++)
        CHECK_OK(raft_load_entry(
            h.r, &(struct raft_entry){ .index = i,
                                       .term = (uint64_t)(terms[i - 1] - '0'),
                                       .kind = RAFT_DATA,
                                       .size = 10 }));
    hand_tick(&h, 0);
    return h;
}

struct hand hand_open(uint64_t id, uint32_t voters, uint64_t term, const char *terms)
{
    const struct raft_members m = hand_members(voters, 0);
    return hand_open_with(id, &m, term, terms, (struct raft_options){ 0 });
}

void hand_close(struct hand *h)
{
    raft_free(h->r);
}

/* Make it the leader of the next term, by the votes of everybody. */
void hand_elect(struct hand *h, uint64_t ms)
{
    const struct raft_view v = raft_look(h->r);
    hand_tick(h, ms);
    CHECK(hand_sent(h, RAFT_PREVOTE, 0) != NULL);
    for (uint64_t i = 1; i <= 7; i++)
        if (i != v.id)
            hand_receive(h, ms,
                         (struct raft_message){ .kind = RAFT_PREVOTE_REPLY,
                                                .from = i,
                                                .term = v.term + 1,
                                                .granted = true });
    CHECK_EQ(raft_look(h->r).role, RAFT_CANDIDATE);
    hand_written(h, ms);
    for (uint64_t i = 1; i <= 7 && raft_look(h->r).role != RAFT_LEADER; i++)
        if (i != v.id)
            hand_receive(h, ms,
                         (struct raft_message){ .kind = RAFT_VOTE_REPLY,
                                                .from = i,
                                                .term = v.term + 1,
                                                .granted = true });
    CHECK_EQ(raft_look(h->r).role, RAFT_LEADER);
}

struct raft_message hand_ack(uint64_t from, uint64_t term, uint64_t index)
{
    return (struct raft_message){ .kind = RAFT_APPEND_REPLY,
                                  .from = from,
                                  .term = term,
                                  .index = index,
                                  .commit = index,
                                  .granted = true };
}

/* An APPEND of leader `from`: `terms` are those of its entries. */
void hand_append(struct hand *h, uint64_t ms, uint64_t from, uint64_t term, uint64_t prev,
                 uint64_t prev_term, const char *terms, uint64_t commit, uint64_t round)
{
    struct raft_entry entries[RAFT_BATCH_MAX];
    const uint32_t count = (uint32_t)strlen(terms);
    for (uint32_t i = 0; i < count; i++)
        entries[i] = (struct raft_entry){ .index = prev + 1 + i,
                                          .term = (uint64_t)(terms[i] - '0'),
                                          .kind = RAFT_DATA,
                                          .size = 10 };
    hand_receive(h, ms,
                 (struct raft_message){ .kind = RAFT_APPEND,
                                        .from = from,
                                        .term = term,
                                        .index = prev,
                                        .log_term = prev_term,
                                        .commit = commit,
                                        .round = round,
                                        .probe = 7,
                                        .count = count,
                                        .entries = entries });
}

struct raft_message hand_vote(uint64_t from, uint64_t term, uint64_t last,
                              uint64_t last_term)
{
    return (struct raft_message){ .kind = RAFT_VOTE,
                                  .from = from,
                                  .term = term,
                                  .index = last,
                                  .log_term = last_term };
}
