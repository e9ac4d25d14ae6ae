/* append_batch.c - many messages of one client in one call, as bytes; log.h has the format. */
#include "space/log/engine.h"

#include "base/slice.h"

#include <stdlib.h>

const char *const log_raw_verbs[] = { "append_batch", NULL };

/* Whether the bytes are what they must be; the first message and how many there are. */
static bool check(struct pando_slice left, struct batch_message *ret_first, uint32_t *ret_count)
{
    struct batch_message m;
    uint32_t count = 0;
    while (left.len > 0) {
        if (count == LOG_BATCH_MAX || !batch_next(&left, &m))
            return false;
        if (count == 0)
            *ret_first = m;
        if (m.client == 0 || m.counter == 0 || m.client != ret_first->client ||
            m.counter != ret_first->counter + count)
            return false;
        count++;
    }
    *ret_count = count;
    return count > 0;
}

/* A session's first message says up to which entry it was not in the sequence; what the sender
 * says of that counts where it is the earlier one. */
static struct bytes *dated(struct log *l, struct pando_slice messages,
                           const struct batch_message *first)
{
    struct batch_message m = *first;
    struct pando_slice rest = messages;
    struct pando_buf b;
    if (m.counter != 1 || (m.dated && m.since <= l->rooms.applied))
        return bytes_copy(messages);
    (void)batch_next(&rest, &m);
    m.dated = true;
    m.since = l->rooms.applied;
    buf_init(&b, messages.len + 128);
    struct bytes *copy = batch_put(&b, &m) == PANDO_OK && buf_append(&b, rest) == PANDO_OK
                             ? bytes_copy(buf_view(&b))
                             : NULL;
    buf_deinit(&b);
    return copy;
}

static struct log_take *make(struct log *l, uint64_t token, struct pando_slice messages,
                             const struct batch_message *first, uint32_t count)
{
    struct log_take *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->token = token;
    t->raw = true;
    t->client = first->client;
    t->counter = first->counter;
    t->count = count;
    t->due = pando_time_add(l->now, LOG_TIMEOUT);
    t->seqs = calloc(count, sizeof *t->seqs);
    t->messages = dated(l, messages, first);
    if (t->seqs != NULL && t->messages != NULL)
        return t;
    log_take_free(t);
    return NULL;
}

void log_append_batch(struct log *l, uint64_t token, struct pando_slice messages)
{
    struct batch_message first;
    uint32_t count;
    if (messages.len > LOG_BATCH_BYTES || !check(messages, &first, &count)) {
        log_fail(l, token, PANDO_INVALID,
                 "append_batch takes 1 to %d encoded messages of one client, their counters "
                 "following each other, at most %u bytes in all", LOG_BATCH_MAX, LOG_BATCH_BYTES);
        return;
    }
    struct log_take *t = make(l, token, messages, &first, count);
    if (t == NULL)
        log_fail(l, token, PANDO_NOMEM, "memory is out");
    else
        log_take_call(l, t);
}

void log_batch_answer(struct log *l, const struct log_take *t)
{
    uint8_t *data;
    const size_t size = 8 * (size_t)t->count;
    struct bytes *bytes = bytes_new(size, &data);
    if (bytes != NULL) {
        struct wire_writer w = wire_write(data, size);
        for (uint32_t i = 0; i < t->count; i++)
            wire_put_be(&w, t->seqs[i], 8);
    }
    log_emit(l, &(struct space_effect){ .kind = SPACE_REPLY,
                                        .token = t->token,
                                        .status = bytes == NULL ? PANDO_NOMEM : PANDO_OK,
                                        .raw = true,
                                        .bytes = bytes });
}
