#include "space/dag/engine.h"

#include "base/slice.h"

#include <string.h>

void dag_emit(struct dag *d, const struct space_effect *effect)
{
    space_effects_put(&d->effects, effect, NULL);
}

void dag_reply(struct dag *d, uint64_t token, enum pando_status status,
               struct pando_slice text, bool more, bool raw)
{
    space_effects_reply(&d->effects, token, status, text, more, raw);
}

void dag_reply_error(struct dag *d, uint64_t token, enum pando_status status,
                     const char *text)
{
    struct pando_buf b;
    buf_init(&b, 1024);
    if (buf_printf(&b, "{\"error\":\"%s\"}", text) == PANDO_OK)
        dag_reply(d, token, status, buf_view(&b), false, false);
    else
        dag_reply(d, token, status, SLICE_EMPTY, false, false);
    buf_deinit(&b);
}

void dag_notice(struct dag *d, struct pando_slice json)
{
    struct bytes *bytes = bytes_copy(json);
    if (bytes != NULL)
        dag_emit(d, &(struct space_effect){ .kind = SPACE_NOTICE, .bytes = bytes });
}

bool dag_is_heard(const struct dag *d)
{
    return d->host.heard == NULL || d->host.heard(d->host.ctx);
}

void dag_fault(struct dag *d, uint32_t peer, enum pando_status status, const char *text)
{
    d->totals.faults++;
    if (dag_peer(d, peer) != NULL)
        dag_emit(d,
                 &(struct space_effect){
                     .kind = SPACE_FAULT, .peer = peer, .status = status, .text = text });
}

struct dag_peer *dag_peer(const struct dag *d, uint32_t handle)
{
    for (size_t i = 0; i < d->peers_len; i++)
        if (d->peers[i].handle == handle)
            return &d->peers[i];
    return NULL;
}

bool dag_send(struct dag *d, struct dag_peer *p, uint8_t channel,
              struct pando_slice message)
{
    if (p->credit[channel] < (int64_t)message.len)
        return false;
    struct bytes *bytes = bytes_copy(message);
    if (bytes == NULL)
        return false;
    p->credit[channel] -= (int64_t)message.len;
    d->totals.sync_sent += message.len;
    dag_emit(d, &(struct space_effect){ .kind = SPACE_SEND,
                                        .peer = p->handle,
                                        .channel = channel,
                                        .bytes = bytes });
    return true;
}
