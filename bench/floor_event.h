/* floor_event.h - what two processes do at least so that an event is on the disks of both: the
 * first reads it from a socket, writes it to a file, passes it on, fdatasyncs and answers; the
 * second reads, writes, fdatasyncs and tells. No JSON, no index, no signature.
 */
#ifndef BENCH_FLOOR_EVENT_H
#define BENCH_FLOOR_EVENT_H

#include <stddef.h>
#include <stdint.h>

/* From sending until both have said so, `len` times, one every `every_ns`; microseconds. */
void floor_event(const char *dir, double *ret_us, size_t len, uint64_t every_ns);

#endif
