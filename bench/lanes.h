/* lanes.h - the client of a log space: a process that keeps messages under way.
 *
 * A lane is a connection to a node's control socket and a client (session) of its own; it
 * has one batch under way (log.append_batch) and sends the next one when the answer has
 * come, so lanes times batch messages are outstanding. A message is 128 bytes of body, and
 * has an id (client and counter) and a number of its own, which must rise within a lane.
 */
#ifndef BENCH_LANES_H
#define BENCH_LANES_H

#include "bench/spread.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define LANES_MAX       64
#define LANES_BODY      128
#define LANES_BATCH_MAX 512
#define LANES_ROOM      "general"

/* Filled by the client's process, in shared memory. */
struct load_result {
    uint64_t messages, elapsed_ns, cpu_ns;
    struct spread latency;
};

struct load_result *load_result_new(void); /* shared with processes forked later */

/* The bytes of a request for a batch, head and body; the counters follow `counter`.
 * Returns the length, `cap` is at least LANES_REQUEST_MAX. */
#define LANES_REQUEST_MAX (LANES_BATCH_MAX * 200 + 256)
size_t lanes_request(uint8_t *to, size_t cap, uint64_t client, uint64_t counter,
                     uint32_t count);
/* A whole answer at the head of `bytes`: its length, 0 when more is to come. `*ret_body`
 * are the numbers, be8 each. */
size_t lanes_answer(const uint8_t *bytes, size_t len, int *ret_status,
                    const uint8_t **ret_body, size_t *ret_body_len);
uint64_t lanes_be8(const uint8_t *bytes);

/* Run a client in a process of its own for so long (from `ret` being zeroed to the last
 * answer), and wait for it. `pace`: messages a second in all, 0: as fast as it goes. */
void lanes_load(const char *socket_path, uint32_t lanes, uint32_t batch, double seconds,
                double pace, struct load_result *ret);
/* The same without waiting; it ends by lanes_stop. */
pid_t lanes_start(const char *socket_path, uint32_t lanes, uint32_t batch, double seconds,
                  double pace, struct load_result *ret);
void lanes_wait(pid_t pid);

/* CPU time of a process so far, all its threads. */
uint64_t process_cpu_ns(pid_t pid);

#endif
