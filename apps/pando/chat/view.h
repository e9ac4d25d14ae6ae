/* view.h - which messages of the room on show are printed, so that none is lost or doubled.
 *
 * Messages come by their numbers: the next one is shown, an earlier one was shown already,
 * a later one means that some were dropped on the way (the front was far behind, or the
 * room was just entered): then they are read from the log, which holds all. Entering a room
 * shows its newest VIEW_PAST messages and, from there on, every one.
 *
 * Pure: chat.c asks the node.
 */
#ifndef APPS_PANDO_CHAT_VIEW_H
#define APPS_PANDO_CHAT_VIEW_H

#include <pando/types.h>

#define VIEW_PAST  50
#define VIEW_LIMIT 500 /* messages of one read */

struct chat_view {
    uint64_t next;   /* number of the next message to show; 0: the first read tells */
    uint64_t newest; /* highest number heard of */
    bool reading;
    uint64_t asked;  /* `next` when the read under way began */
    uint64_t visit; /* answers of an earlier visit count no more */
};

void chat_view_enter(struct chat_view *v);
/* A read is due: from which number (0: the newest) and how many. Marks it as under way. */
bool chat_view_wants(struct chat_view *v, uint64_t *ret_from, uint64_t *ret_limit);
/* A message was told of. True: show it now. */
bool chat_view_told(struct chat_view *v, uint64_t seq);
/* Messages were told of that did not come through: look in the log whether they are ours. */
void chat_view_missed(struct chat_view *v);
/* A message of a read, in their order. True: show it now. */
bool chat_view_read(struct chat_view *v, uint64_t seq);
/* The read is over; the room's last number was `last`. */
void chat_view_read_end(struct chat_view *v, uint64_t last);
/* It failed: again later. */
void chat_view_read_failed(struct chat_view *v);

#endif
