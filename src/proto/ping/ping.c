#include "proto/ping/ping.h"

#include <string.h>

void ping_answer(struct ping_responder *r, struct pando_slice in, size_t *ret_consumed,
                 struct wire_writer *out)
{
    size_t at = 0;
    while (at < in.len) {
        const size_t room = PING_BLOCK - r->part_len;
        const size_t take = in.len - at < room ? in.len - at : room;
        if (take == room && out->cap - out->len < PING_BLOCK)
            break;
        memcpy(r->part + r->part_len, in.ptr + at, take);
        r->part_len += take;
        at += take;
        if (r->part_len == PING_BLOCK) {
            wire_put_bytes(out, (struct pando_slice){ r->part, PING_BLOCK });
            r->part_len = 0;
            r->answered++;
        }
    }
    *ret_consumed = at;
}

void pinger_send(struct pinger *p, struct pando_time now,
                 const uint8_t block[static PING_BLOCK], struct wire_writer *out)
{
    *p = (struct pinger){ .state = PINGER_WAITING, .sent_at = now };
    memcpy(p->block, block, PING_BLOCK);
    wire_put_bytes(out, (struct pando_slice){ p->block, PING_BLOCK });
}

enum pinger_state pinger_receive(struct pinger *p, struct pando_time now,
                                 struct pando_slice in, bool fin)
{
    if (p->state != PINGER_WAITING)
        return p->state;
    if (in.len > PING_BLOCK - p->matched ||
        (in.len > 0 && memcmp(p->block + p->matched, in.ptr, in.len) != 0)) {
        p->state = PINGER_FAILED;
        return p->state;
    }
    p->matched += in.len;
    if (p->matched == PING_BLOCK) {
        p->rtt = pando_time_since(now, p->sent_at);
        p->state = PINGER_DONE;
    } else if (fin) {
        p->state = PINGER_FAILED;
    }
    return p->state;
}
