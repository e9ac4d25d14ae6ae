/* link_witness.h - two ports, and everything that their owners were told.
 *
 * The kit of link_conformance.c: a witness per side records the events, sums up the bytes
 * of every stream in a way that shows their order, digests or withholds them, and pushes
 * a known pattern as fast as the port takes it.
 */
#ifndef TESTS_LINK_WITNESS_H
#define TESTS_LINK_WITNESS_H

#include "link_conformance.h"

enum { WITNESS_EVENTS = 2048, WITNESS_STREAMS = 512, WITNESS_TEXT = 240, WITNESS_KEEP = 64 };

/* What one side saw of one stream. */
struct seen_stream {
    uint64_t stream;
    uint64_t link;
    uint64_t len;
    uint64_t sum; /* position-dependent, so that order shows */
    bool fin, reset, stopped, remote;
    uint8_t head[WITNESS_KEEP]; /* the first bytes */
};

struct seen_event {
    enum link_event_kind kind;
    enum link_reason reason;
    bool dialed;
    uint32_t token;
    uint64_t link;
    uint64_t stream;
    struct peer_id peer;
    struct multiaddr address;
    char text[WITNESS_TEXT];
};

struct side {
    struct link_harness_port at;
    bool consume; /* digest bytes as they come */
    bool answer;  /* end our half of a stream when the peer ended its own */
    size_t events_len;
    struct seen_event events[WITNESS_EVENTS];
    size_t streams_len;
    struct seen_stream streams[WITNESS_STREAMS];
    uint64_t to_send; /* bytes of the pattern still to go on `sending` */
    uint64_t sent;
    uint64_t sending;
};

struct fixture {
    struct link_harness *h;
    struct side sides[CONFORMANCE_PORTS];
};

/* Conditions to wait for. */
struct wait {
    const struct side *side;
    enum link_event_kind kind;
    size_t count;
    size_t stream; /* index */
    uint64_t len;
};

/* The byte of the pushed pattern at `at`, and the sum over bytes in their order. */
uint8_t witness_pattern(uint64_t at);
uint64_t witness_mix(uint64_t sum, uint64_t at, uint8_t byte);
/* Send what is left of the pattern on `sending` until the port refuses. */
void witness_push_pattern(struct side *s);
/* The nth event of a kind, or NULL; how many there are. */
const struct seen_event *witness_find(const struct side *s, enum link_event_kind kind,
                                      size_t nth);
size_t witness_count(const struct side *s, enum link_event_kind kind);
/* Conditions for witness_await over a struct wait. */
bool witness_has_bytes(void *arg);
bool witness_has_fin(void *arg);
bool witness_has_stopped(void *arg);
void witness_await(struct fixture *f, bool (*done)(void *), struct wait w);
void witness_await_events(struct fixture *f, int side, enum link_event_kind kind,
                          size_t many);
/* A fixture over the harness in *state; witness_end frees it. */
struct fixture *witness_begin(void **state);
void witness_end(struct fixture *f);
/* Side `from` dials side `to`; join: side 0 dials side 1 and both are up. */
void witness_dial(struct fixture *f, int from, int to, uint32_t token);
void witness_join(struct fixture *f);
uint64_t witness_link_of(struct fixture *f, int side);
uint64_t witness_open_stream(struct fixture *f, int side, enum link_class class);
enum pando_status witness_send_text(struct fixture *f, int side, uint64_t stream,
                                    const char *text, bool fin);

#endif
