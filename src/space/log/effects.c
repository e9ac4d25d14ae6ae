#include "space/log/engine.h"

#include "base/slice.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define SILENT_AFTER PANDO_SEC(3)

void log_emit(struct log *l, const struct space_effect *effect)
{
    space_effects_put(&l->effects, effect, NULL);
}

void log_reply(struct log *l, uint64_t token, enum pando_status status, struct pando_slice text,
               bool more)
{
    space_effects_reply(&l->effects, token, status, text, more, false);
}

void log_fail(struct log *l, uint64_t token, enum pando_status status, const char *format, ...)
{
    char text[400];
    struct pando_buf b;
    va_list args;
    if (token == LOG_NOBODY)
        return;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    buf_init(&b, 4096);
    if (buf_printf(&b, "{\"error\":") == PANDO_OK &&
        json_text_escape(&b, slice_text(text)) == PANDO_OK && buf_printf(&b, "}") == PANDO_OK)
        log_reply(l, token, status, buf_view(&b), false);
    else
        log_reply(l, token, status, SLICE_EMPTY, false);
    buf_deinit(&b);
}

struct log_peer *log_peer(struct log *l, uint32_t handle)
{
    for (size_t i = 0; i < l->peers_len; i++)
        if (l->peers[i].handle == handle)
            return &l->peers[i];
    return NULL;
}

struct log_peer *log_peer_of(struct log *l, uint64_t member)
{
    for (size_t i = 0; i < l->peers_len; i++)
        if (l->peers[i].hello && l->peers[i].member == member)
            return &l->peers[i];
    return NULL;
}

/* A killed process leaves a link that lives on until its idle limit. Members answer a leader
 * and candidates at once; between two followers nothing needs to be said. */
bool log_reaches(struct log *l, uint64_t member)
{
    const struct log_peer *p = log_peer_of(l, member);
    if (member == l->options.id)
        return true;
    if (p == NULL)
        return false;
    return (l->leader != 0 && l->role == RAFT_FOLLOWER) ||
           pando_time_since(l->now, p->heard).ns < SILENT_AFTER.ns;
}

void log_count_voters(struct log *l, uint32_t *ret_voters, uint32_t *ret_reachable)
{
    const struct batch_members *m = log_members(l);
    *ret_voters = *ret_reachable = 0;
    for (uint32_t i = 0; i < m->len; i++) {
        if (m->at[i].raft.standing != RAFT_VOTER)
            continue;
        ++*ret_voters;
        *ret_reachable += log_reaches(l, m->at[i].raft.id);
    }
}

bool log_send(struct log *l, struct log_peer *p, uint8_t channel, struct bytes *message)
{
    const size_t len = message == NULL ? 0 : bytes_view(message).len;
    if (message == NULL || p->credit[channel] < (int64_t)len) {
        l->totals.dropped_sends++;
        bytes_unref(message);
        return false;
    }
    p->credit[channel] -= (int64_t)len;
    log_emit(l, &(struct space_effect){ .kind = SPACE_SEND,
                                        .peer = p->handle,
                                        .channel = channel,
                                        .bytes = message });
    return true;
}
