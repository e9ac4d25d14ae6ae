/* floor_log.h - the least that a replicated log can be, to measure ours by.
 *
 * A leader and two followers, processes over TCP on loopback, one client on a connection.
 * A record is 136 bytes: a number and a body of 128. Each process writes what has come
 * into a file that was written before, and fdatasyncs it; what the leader and one follower
 * have on disk is acknowledged to the client, by one cumulative number. No elections, no
 * terms, no encryption, no numbering per room, nothing is checked, read back or kept: the
 * files begin anew at their end.
 */
#ifndef BENCH_FLOOR_LOG_H
#define BENCH_FLOOR_LOG_H

#include "bench/lanes.h"

struct floor_log {
    pid_t pids[3];
    uint16_t port; /* of the leader, for the client */
};

void floor_log_begin(struct floor_log *f, const char *dir);
void floor_log_end(struct floor_log *f);
/* One client with `outstanding` records under way, in a process of its own. */
void floor_log_load(const struct floor_log *f, uint32_t outstanding, double seconds,
                    struct load_result *ret);

#endif
