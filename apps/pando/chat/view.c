#include "apps/pando/chat/view.h"

void chat_view_enter(struct chat_view *v)
{
    *v = (struct chat_view){ .visit = v->visit + 1 };
}

bool chat_view_wants(struct chat_view *v, uint64_t *ret_from, uint64_t *ret_limit)
{
    if (v->reading || (v->next != 0 && v->newest < v->next))
        return false;
    v->reading = true;
    v->asked = v->next;
    *ret_from = v->next;
    *ret_limit = v->next == 0 ? VIEW_PAST : VIEW_LIMIT;
    return true;
}

bool chat_view_told(struct chat_view *v, uint64_t seq)
{
    if (seq > v->newest)
        v->newest = seq;
    if (v->next == 0 || seq != v->next)
        return false;
    v->next++;
    return true;
}

void chat_view_missed(struct chat_view *v)
{
    if (v->newest < v->next)
        v->newest = v->next;
}

bool chat_view_read(struct chat_view *v, uint64_t seq)
{
    if (seq < v->next)
        return false;
    v->next = seq + 1; /* what lies between is not kept any more */
    return true;
}

void chat_view_read_end(struct chat_view *v, uint64_t last)
{
    v->reading = false;
    if (v->next == 0)
        v->next = last + 1;
    if (v->newest < last)
        v->newest = last; /* one answer may not hold them all */
    if (v->next == v->asked && v->newest >= v->next)
        v->newest = v->next - 1; /* it is not readable yet, and will be told of again */
}

void chat_view_read_failed(struct chat_view *v)
{
    v->reading = false;
}
