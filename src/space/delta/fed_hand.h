/* fed_hand.h - one federation engine fed by hand: what it says is kept, to be looked at.
 *
 * The tests of the engine's rules speak to it as a peer would, message by message; the store
 * behind it is fed_sim_store.h, and nothing becomes durable before hand_commit.
 */
#ifndef SPACE_DELTA_FED_HAND_H
#define SPACE_DELTA_FED_HAND_H

#include "space/delta/fed_sim_store.h"
#include "space/delta/fed_wire.h"

#define HAND_SAID_MAX 32768
#define HAND_PIPE     7

struct hand_said {
    enum fed_effect_kind kind;
    uint32_t pipe, link;
    uint64_t value, token;
    char *text; /* of the message, the reason, the URL, or the event's */
    struct fed_event event;
};

struct hand {
    struct fed *fed;
    struct sim_store *store;
    struct fed_host host;
    struct pando_time now;
    struct hand_said said[HAND_SAID_MAX];
    size_t len;
    uint32_t uuids;
    struct sim_room room;
    uint64_t credit_owed; /* of HAND_PIPE */
    char id[FED_ID_TEXT]; /* of the last connect */
};

/* An engine named "here"; `trust` JSON of the node's policy, or NULL. */
struct hand *hand_new(uint32_t max_connections, const char *trust);
void hand_free(struct hand *h);
/* Forget what it said. */
void hand_clear(struct hand *h);
void hand_give(struct hand *h, const struct fed_input *in);
void hand_open(struct hand *h, uint32_t pipe, uint32_t link);
void hand_say(struct hand *h, uint32_t pipe, const char *text);
void hand_wait(struct hand *h, struct pando_span span);
void hand_credit(struct hand *h, uint32_t pipe);
/* A delta made here; it is durable and announced after hand_commit. */
void hand_create(struct hand *h, uint32_t node, uint32_t n, int64_t timestamp);
void hand_commit(struct hand *h);
/* Say a delta as a peer does. */
void hand_say_delta(struct hand *h, uint32_t pipe, uint32_t node, uint32_t n, int64_t timestamp);
/* An inbound pipe that said hello in this mode. */
void hand_client(struct hand *h, uint32_t pipe, const char *config);
/* An outbound link that is greeted; its handle. */
uint32_t hand_dial(struct hand *h, uint32_t pipe, const char *config);
uint32_t hand_connect(struct hand *h, const char *config);

/* The nth effect of a kind whose text holds `part`, from the first; NULL when there is none. */
const struct hand_said *hand_find(const struct hand *h, enum fed_effect_kind kind,
                                  const char *part);
size_t hand_count(const struct hand *h, enum fed_effect_kind kind, const char *part);
const struct hand_said *hand_event(const struct hand *h, enum fed_event_kind kind);

#endif
