/* effects.h - the queue in which an instance's effects wait for the node.
 *
 * It grows as long as memory lasts: what goes into it is bounded by credit (SEND, PIPE_SEND), by
 * what came in (VERDICT, DIGESTED, FAULT), by jobs (VERIFY, RUN) and by budgets of a step
 * (REPLY, NOTICE). Without memory an effect is lost, as if the network had lost it.
 */
#ifndef SPACE_EFFECTS_H
#define SPACE_EFFECTS_H

#include "space/space.h"

struct space_effects_item {
    struct space_effect effect;
    char *text; /* owned; what effect.text borrows, or NULL */
};

/* Zeroed: empty. */
struct space_effects {
    struct space_effects_item *items;
    size_t head, len, cap;
    char *given; /* the text of the effect that was polled last */
};

void space_effects_deinit(struct space_effects *q);
/* Takes over the effect's bytes; `text`, where it is not NULL, is copied and becomes its text. */
void space_effects_put(struct space_effects *q, const struct space_effect *effect,
                       const char *text);
/* An answer to a call: a copy of `text`, or PANDO_NOMEM without one. Nobody gets none. */
void space_effects_reply(struct space_effects *q, uint64_t token, enum pando_status status,
                         struct pando_slice text, bool more, bool raw);
/* The oldest one; a text is valid until the next call. False: there is none. */
bool space_effects_poll(struct space_effects *q, struct space_effect *ret);
bool space_effects_empty(const struct space_effects *q);

#endif
