#include "space/effects.h"

#include <stdlib.h>
#include <string.h>

void space_effects_deinit(struct space_effects *q)
{
    for (size_t i = q->head; i < q->len; i++) {
        bytes_unref(q->items[i].effect.bytes);
        free(q->items[i].text);
    }
    free(q->items);
    free(q->given);
    *q = (struct space_effects){ 0 };
}

static bool grow(struct space_effects *q)
{
    const size_t cap = q->cap == 0 ? 64 : q->cap * 2;
    struct space_effects_item *grown = realloc(q->items, cap * sizeof *grown);
    if (grown == NULL)
        return false;
    q->items = grown;
    q->cap = cap;
    return true;
}

static char *copy(const char *text)
{
    const size_t size = strlen(text) + 1;
    char *own = malloc(size);
    if (own != NULL)
        memcpy(own, text, size);
    return own;
}

void space_effects_put(struct space_effects *q, const struct space_effect *effect,
                       const char *text)
{
    struct space_effects_item item = { .effect = *effect };
    if (q->head == q->len)
        q->head = q->len = 0;
    if (text != NULL)
        item.effect.text = item.text = copy(text);
    if ((text != NULL && item.text == NULL) || (q->len == q->cap && !grow(q))) {
        bytes_unref(effect->bytes);
        free(item.text);
        return;
    }
    q->items[q->len++] = item;
}

void space_effects_reply(struct space_effects *q, uint64_t token, enum pando_status status,
                         struct pando_slice text, bool more, bool raw)
{
    if (token == SPACE_NOBODY)
        return;
    struct bytes *bytes = bytes_copy(text);
    space_effects_put(q,
                      &(struct space_effect){ .kind = SPACE_REPLY,
                                              .token = token,
                                              .status = bytes == NULL ? PANDO_NOMEM : status,
                                              .bytes = bytes,
                                              .more = more,
                                              .raw = raw },
                      NULL);
}

bool space_effects_poll(struct space_effects *q, struct space_effect *ret)
{
    free(q->given);
    q->given = NULL;
    if (q->head == q->len)
        return false;
    const struct space_effects_item *item = &q->items[q->head++];
    *ret = item->effect;
    q->given = item->text;
    return true;
}

bool space_effects_empty(const struct space_effects *q)
{
    return q->head == q->len;
}
