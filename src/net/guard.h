/* guard.h - frames that must not reach the QUIC library, and one that it keeps to itself.
 *
 * libngtcp2 before 1.4 aborts the process when a peer makes it retire the same connection
 * id twice: a NEW_CONNECTION_ID frame raises "retire prior to", two later ones carry one
 * sequence number below it. Anybody who completes a handshake could stop a node that way.
 * The guard walks the frames of a decrypted 1-RTT packet and overwrites every
 * NEW_CONNECTION_ID below the highest "retire prior to" seen so far with padding. The peer
 * asked for those ids to be retired anyway, so nothing is lost.
 *
 * The library also answers STOP_SENDING by itself without telling anybody, so the walk notes
 * which streams it named.
 *
 * Pure: works on bytes in place, never grows or reorders them. What it cannot parse it
 * leaves to the library, which refuses the whole packet.
 *
 * Source: RFC 9000 sections 12.4 and 19; ngtcp2 commit 354042ec (the fix in 1.4.0).
 */
#ifndef NET_GUARD_H
#define NET_GUARD_H

#include <pando/types.h>

/* Streams that the peer asked us to stop sending on, in packets read since the last reset
 * of `len`. Beyond the cap they are found out at the next write. */
#define GUARD_STOPS_MAX 64
struct guard_stops {
    size_t len;
    int64_t ids[GUARD_STOPS_MAX];
};

/* Neutralise the dangerous frames of one packet payload in `buf` and note STOP_SENDING.
 * `*highest` is the connection's memory, zero at first. Returns the number of frames
 * overwritten. */
size_t guard_frames(uint8_t *buf, size_t len, uint64_t *highest, struct guard_stops *stops);

#endif
