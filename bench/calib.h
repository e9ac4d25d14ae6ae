/* calib.h - what this machine can do in this minute, to measure ourselves by.
 *
 * A virtual machine drifts, so every ratio is taken against a calibration made between
 * the runs that it is compared with:
 *
 *   calib_verify  Ed25519 verifications of 256 bytes per second, on one core
 *   calib_fsync   us, median: append 256 B to a pre-written file and fdatasync
 *   calib_udp     us, median: round trip of 400 B between two processes over UDP
 *   floor         us, median: sign, commit, send, verify in another process, commit
 *                 there, answer; 200 times a second, so with its sleeps and wake-ups
 */
#ifndef BENCH_CALIB_H
#define BENCH_CALIB_H

#include "bench/figure.h"

double calib_verify(void);
double calib_fsync(const char *dir);
double calib_udp(void);
double calib_floor(const char *dir);

struct calib {
    struct figure verify, fsync, udp;
};
void calib_begin(struct calib *c);
void calib_run(struct calib *c, const char *dir); /* one more sample of each */
void calib_print(const struct calib *c);

#endif
