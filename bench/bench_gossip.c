/* What a message costs in the gossip router: one router with eight peers in its mesh
 * takes in distinct 300-byte messages of a topic without signatures, hands each to the
 * application, is told to accept it and forwards it to the seven others; and what a
 * repeat of a message costs. Prints `name value unit`. */
#include "base/slice.h"
#include "proto/gossipsub/gossip.h"
#include "proto/gossipsub/gossip_wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { PEERS = 8, MESSAGES = 200000, DATA = 300, BATCH = 500 };

static struct pando_time now(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (struct pando_time){ (uint64_t)ts.tv_sec * 1000000000u +
                                (uint64_t)ts.tv_nsec };
}

struct bench {
    struct gossip *g;
    uint64_t sent;
};

static void check(enum pando_status st, const char *what)
{
    if (st == PANDO_OK)
        return;
    fprintf(stderr, "bench_gossip: %s: %s\n", what, pando_status_text(st));
    exit(1);
}

/* Carry out effects as a node would, with a network that takes all at once. */
static void drain(struct bench *b)
{
    struct gossip_effect e;
    uint64_t verdicts[BATCH];
    uint64_t left[PEERS] = { 0 };
    do {
        size_t len = 0;
        while (len < BATCH && gossip_poll(b->g, &e)) {
            if (e.kind == GOSSIP_DELIVER)
                verdicts[len++] = e.handle;
            if (e.kind == GOSSIP_SEND) {
                left[e.peer] += bytes_view(e.bytes).len;
                b->sent++;
            }
            bytes_unref(e.bytes);
        }
        for (size_t i = 0; i < len; i++)
            check(gossip_step(b->g, now(),
                              &(struct gossip_input){ .kind = GOSSIP_VERDICT,
                                                      .handle = verdicts[i],
                                                      .verdict = GOSSIP_ACCEPT }),
                  "verdict");
        if (len == 0)
            break;
    } while (true);
    for (uint32_t p = 0; p < PEERS; p++) {
        if (left[p] > 0)
            check(gossip_step(b->g, now(),
                              &(struct gossip_input){
                                  .kind = GOSSIP_CREDIT, .peer = p, .credit = left[p] }),
                  "credit");
    }
}

static void start(struct bench *b)
{
    struct gossip_config c;
    gossip_defaults(&c, 64);
    struct arena measure = arena_measure();
    (void)gossip_place(&c, now(), &measure);
    void *memory = malloc(measure.used);
    if (memory == NULL)
        exit(1);
    struct arena arena = arena_over(memory, measure.used);
    b->g = gossip_place(&c, now(), &arena);
    printf("gossip_memory %.1f MiB\n", (double)measure.used / 1048576);
    check(gossip_step(b->g, now(),
                      &(struct gossip_input){ .kind = GOSSIP_SUBSCRIBE,
                                              .topic = slice_text("t"),
                                              .policy = GOSSIP_SELF_CERTIFIED,
                                              .judged = true }),
          "subscribe");
    for (uint32_t p = 0; p < PEERS; p++) {
        const struct pando_key key = { { (uint8_t)p } };
        const struct peer_id id = peer_id_from_key(&key);
        check(gossip_step(b->g, now(),
                          &(struct gossip_input){ .kind = GOSSIP_PEER_UP,
                                                  .peer = p,
                                                  .peer_id = &id,
                                                  .version = GOSSIP_V11,
                                                  .credit = 64u << 20 }),
              "peer up");
        uint8_t graft[64];
        struct wire_writer w = wire_write(graft, sizeof graft);
        gossip_put_graft(&w, slice_text("t"));
        struct bytes *rpc = gossip_control_frame(SLICE_EMPTY, wire_written(&w));
        check(
            gossip_step(b->g, now(),
                        &(struct gossip_input){ .kind = GOSSIP_RPC,
                                                .peer = p,
                                                .data = slice_from(bytes_view(rpc), 1) }),
            "graft");
        bytes_unref(rpc);
        drain(b);
    }
}

/* All messages from one peer, in batches between which the effects are carried out. */
static double receive_all(struct bench *b, uint32_t peer, struct bytes **rpcs,
                          size_t *heads)
{
    const struct pando_time begin = now();
    for (size_t i = 0; i < MESSAGES; i++) {
        check(gossip_step(b->g, now(),
                          &(struct gossip_input){
                              .kind = GOSSIP_RPC,
                              .peer = peer,
                              .data = slice_from(bytes_view(rpcs[i]), heads[i]) }),
              "rpc");
        if (i % BATCH == BATCH - 1)
            drain(b);
        if (pando_time_reached(gossip_deadline(b->g), now())) {
            check(gossip_step(b->g, now(), &(struct gossip_input){ .kind = GOSSIP_TICK }),
                  "tick");
            drain(b);
        }
    }
    drain(b);
    return (double)pando_time_since(now(), begin).ns / MESSAGES;
}

int main(void)
{
    static struct bytes *rpcs[MESSAGES];
    static size_t heads[MESSAGES];
    struct bench b = { 0 };
    check(crypto_init(), "crypto");
    for (size_t i = 0; i < MESSAGES; i++) {
        uint8_t data[DATA] = { 0 };
        uint64_t len;
        struct gossip_layout layout;
        struct wire_writer w = wire_write(data, sizeof data);
        wire_put_be(&w, i, 8);
        rpcs[i] = gossip_message_frame(
            &(struct gossip_message){ .topic = slice_text("t"), .data = SLICE_OF(data) },
            &layout);
        heads[i] = (size_t)wire_peek_uvarint(bytes_view(rpcs[i]), &len);
    }
    start(&b);
    const double fresh = receive_all(&b, 0, rpcs, heads);
    /* The last 100,000 are still known; all others would be new again. */
    const uint64_t sent = b.sent;
    struct pando_time begin = now();
    for (size_t i = MESSAGES - 100000; i < MESSAGES; i++)
        check(gossip_step(b.g, now(),
                          &(struct gossip_input){
                              .kind = GOSSIP_RPC,
                              .peer = 1,
                              .data = slice_from(bytes_view(rpcs[i]), heads[i]) }),
              "repeat");
    const double repeat = (double)pando_time_since(now(), begin).ns / 100000;
    printf("gossip_new_message %.0f ns\n", fresh);
    printf("gossip_forwarded_copies %.2f per_message\n", (double)sent / MESSAGES);
    printf("gossip_repeated_message %.0f ns\n", repeat);
    printf("gossip_delivered %" PRIu64 " messages\n", gossip_count(b.g)->delivered);
    return gossip_count(b.g)->delivered == MESSAGES ? 0 : 1;
}
