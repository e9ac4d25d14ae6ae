#include "space/dag/engine.h"

void dag_list_push(struct dag_list *l, struct dag_item *item)
{
    item->prev = l->last;
    item->next = NULL;
    if (l->last != NULL)
        l->last->next = item;
    else
        l->first = item;
    l->last = item;
    l->len++;
}

void dag_list_remove(struct dag_list *l, struct dag_item *item)
{
    if (item->prev != NULL)
        item->prev->next = item->next;
    else
        l->first = item->next;
    if (item->next != NULL)
        item->next->prev = item->prev;
    else
        l->last = item->prev;
    item->prev = item->next = NULL;
    l->len--;
}
