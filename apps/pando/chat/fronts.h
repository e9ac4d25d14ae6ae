/* fronts.h - the two faces of `pando chat`, and what they share. */
#ifndef APPS_PANDO_CHAT_FRONTS_H
#define APPS_PANDO_CHAT_FRONTS_H

#include "apps/pando/chat/chat.h"

/* Lines in, lines out: for pipes, tests, and terminals that can no more. Messages and
 * answers go to standard output, the node's log and what went wrong to standard error. At
 * the end of its input it waits until what was said is in the log, then stops. */
enum pando_status chat_lines(struct chat_options *options, struct pando_err *reterr);
/* A whole terminal. */
enum pando_status chat_screen(struct chat_options *options, struct pando_err *reterr);

/* SIGINT, SIGTERM, SIGHUP and SIGWINCH as a descriptor; to be called before any thread starts, for
 * threads inherit what is blocked. -1 on failure. */
int chat_signals(void);
/* The session is over: from here on a signal ends the process, should closing hang. */
void chat_signals_end(int fd);
/* How the session ends: PANDO_OK, or what was typed and is not known to be in the log. */
enum pando_status chat_verdict(const struct chat *c, struct pando_err *reterr);

#endif
