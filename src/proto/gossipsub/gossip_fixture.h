/* gossip_fixture.h - one router under test, its peers played by the test.
 *
 * Everything the router emits is drained into lists after each input; RPCs are taken
 * apart again, so that a test asks "was peer 3 told to GRAFT?" rather than looks at
 * bytes.
 */
#ifndef GOSSIPSUB_GOSSIP_FIXTURE_H
#define GOSSIPSUB_GOSSIP_FIXTURE_H

#include "base/slice.h"
#include "check.h"
#include "codec/pb.h"
#include "crypto/sign.h"
#include "proto/frame.h"
#include "proto/gossipsub/gossip_wire.h"

#include <stdlib.h>

#define FIXTURE_EFFECTS 4096
#define FIXTURE_CREDIT  (1u << 20)

struct fixture {
    struct gossip_config config;
    struct gossip *g;
    void *memory;
    struct pando_time now;
    struct gossip_effect effects[FIXTURE_EFFECTS]; /* of the last input; not SENDs */
    size_t effects_len;
    struct gossip_effect sends[FIXTURE_EFFECTS];
    size_t sends_len;
};

static inline struct crypto_secret fixture_secret(uint32_t peer)
{
    uint8_t seed[32] = { 0 };
    seed[0] = (uint8_t)peer;
    seed[1] = (uint8_t)(peer >> 8);
    seed[2] = 1;
    struct crypto_secret s;
    crypto_secret_from_seed(seed, &s);
    return s;
}

static inline struct peer_id fixture_id(uint32_t peer)
{
    const struct crypto_secret s = fixture_secret(peer);
    const struct pando_key key = crypto_public(&s);
    return peer_id_from_key(&key);
}

static inline struct pando_sig fixture_sign(void *ctx, struct pando_slice message)
{
    const struct crypto_secret s = fixture_secret(*(uint32_t *)ctx);
    return crypto_sign(&s, message);
}

static inline void fixture_forget(struct fixture *f)
{
    for (size_t i = 0; i < f->effects_len; i++)
        bytes_unref(f->effects[i].bytes);
    for (size_t i = 0; i < f->sends_len; i++)
        bytes_unref(f->sends[i].bytes);
    f->effects_len = f->sends_len = 0;
}

static inline void fixture_drain(struct fixture *f)
{
    struct gossip_effect e;
    while (gossip_poll(f->g, &e)) {
        if (e.kind == GOSSIP_SEND) {
            CHECK(f->sends_len < FIXTURE_EFFECTS);
            f->sends[f->sends_len++] = e;
        } else {
            CHECK(f->effects_len < FIXTURE_EFFECTS);
            f->effects[f->effects_len++] = e;
        }
    }
}

/* One input after forgetting what the last one caused. */
static inline enum pando_status fixture_step(struct fixture *f, struct gossip_input in)
{
    fixture_forget(f);
    const enum pando_status st = gossip_step(f->g, f->now, &in);
    fixture_drain(f);
    return st;
}

static inline void fixture_defaults(struct fixture *f, uint32_t peers_max)
{
    static uint32_t self = 5000;
    memset(f, 0, sizeof *f);
    gossip_defaults(&f->config, peers_max);
    f->config.seen_max = 8192;
    f->config.messages_max = 512;
    f->config.cache_max = 512;
    f->config.topics_max = 64;
    f->config.peer_topics_max = 16;
    f->config.seed = 7;
    f->config.seqno = 1000;
    f->config.flood_publish = false;
    f->config.self = fixture_id(self);
    f->config.sign_ctx = &self;
    f->config.sign = fixture_sign;
    f->now = (struct pando_time){ 1000000000u };
}

static inline void fixture_start(struct fixture *f)
{
    struct arena measure = arena_measure();
    CHECK(gossip_place(&f->config, f->now, &measure) == NULL);
    f->memory = malloc(measure.used);
    CHECK(f->memory != NULL);
    struct arena arena = arena_over(f->memory, measure.used);
    f->g = gossip_place(&f->config, f->now, &arena);
    CHECK_EQ(arena.used, measure.used);
}

static inline void fixture_setup(struct fixture *f, uint32_t peers_max)
{
    fixture_defaults(f, peers_max);
    fixture_start(f);
}

static inline void fixture_teardown(struct fixture *f)
{
    fixture_forget(f);
    gossip_deinit(f->g);
    free(f->memory);
}

static inline void fixture_up(struct fixture *f, uint32_t peer, bool outbound)
{
    const struct peer_id id = fixture_id(peer);
    CHECK_OK(fixture_step(f, (struct gossip_input){ .kind = GOSSIP_PEER_UP,
                                                    .peer = peer,
                                                    .peer_id = &id,
                                                    .version = GOSSIP_V11,
                                                    .outbound = outbound,
                                                    .credit = FIXTURE_CREDIT }));
}

static inline enum pando_status fixture_join(struct fixture *f, const char *topic,
                                             enum gossip_policy policy, bool judged)
{
    return fixture_step(f, (struct gossip_input){ .kind = GOSSIP_SUBSCRIBE,
                                                  .topic = slice_text(topic),
                                                  .policy = policy,
                                                  .judged = judged });
}

static inline enum pando_status fixture_publish(struct fixture *f, const char *topic,
                                                struct pando_slice data,
                                                enum gossip_policy policy)
{
    return fixture_step(f, (struct gossip_input){ .kind = GOSSIP_PUBLISH,
                                                  .topic = slice_text(topic),
                                                  .data = data,
                                                  .policy = policy });
}

static inline void fixture_rpc(struct fixture *f, uint32_t peer, struct pando_slice rpc)
{
    CHECK_OK(fixture_step(
        f, (struct gossip_input){ .kind = GOSSIP_RPC, .peer = peer, .data = rpc }));
}

/* An RPC that was framed by one of the codec's functions; takes the reference. */
static inline void fixture_framed(struct fixture *f, uint32_t peer, struct bytes *framed)
{
    CHECK(framed != NULL);
    uint64_t len;
    const int head = wire_peek_uvarint(bytes_view(framed), &len);
    CHECK(head > 0 && (size_t)head + len == bytes_view(framed).len);
    fixture_rpc(f, peer, slice_from(bytes_view(framed), (size_t)head));
    bytes_unref(framed);
}

static inline void fixture_subscription(struct fixture *f, uint32_t peer,
                                        const char *topic, bool subscribe)
{
    uint8_t out[400];
    struct wire_writer w = wire_write(out, sizeof out);
    gossip_put_subscription(&w, subscribe, slice_text(topic));
    fixture_rpc(f, peer, wire_written(&w));
}

static inline void fixture_graft(struct fixture *f, uint32_t peer, const char *topic)
{
    uint8_t out[400];
    struct wire_writer w = wire_write(out, sizeof out);
    gossip_put_graft(&w, slice_text(topic));
    fixture_framed(f, peer, gossip_control_frame(SLICE_EMPTY, wire_written(&w)));
}

static inline void fixture_prune(struct fixture *f, uint32_t peer, const char *topic,
                                 uint64_t seconds)
{
    uint8_t out[400];
    struct wire_writer w = wire_write(out, sizeof out);
    gossip_put_prune(&w, slice_text(topic), seconds > 0, seconds);
    fixture_framed(f, peer, gossip_control_frame(SLICE_EMPTY, wire_written(&w)));
}

static inline void fixture_message(struct fixture *f, uint32_t peer,
                                   const struct gossip_message *m)
{
    struct gossip_layout layout;
    fixture_framed(f, peer, gossip_message_frame(m, &layout));
}

/* A message of a topic without signatures. */
static inline void fixture_plain(struct fixture *f, uint32_t peer, const char *topic,
                                 const char *data)
{
    const struct gossip_message m = { .topic = slice_text(topic),
                                      .data = slice_text(data) };
    fixture_message(f, peer, &m);
}

/* A message signed by `author`, forwarded by `peer`; `spoil` makes the signature wrong.
 */
static inline void fixture_signed(struct fixture *f, uint32_t peer, uint32_t author,
                                  uint64_t seqno, const char *topic, const char *data,
                                  bool spoil)
{
    const struct crypto_secret secret = fixture_secret(author);
    const struct peer_id id = fixture_id(author);
    uint8_t seqno_bytes[8];
    struct wire_writer w = wire_write(seqno_bytes, sizeof seqno_bytes);
    wire_put_be(&w, seqno, 8);
    struct gossip_message m = {
        .from = slice_of(id.bytes, id.len),
        .seqno = SLICE_OF(seqno_bytes),
        .topic = slice_text(topic),
        .data = slice_text(data),
    };
    struct bytes *to_sign = gossip_message_signed(&m);
    struct pando_sig sig = crypto_sign(&secret, bytes_view(to_sign));
    bytes_unref(to_sign);
    sig.bytes[5] ^= spoil;
    m.signature = SLICE_OF(sig);
    fixture_message(f, peer, &m);
}

static inline void fixture_ids(struct fixture *f, uint32_t peer, const char *topic,
                               struct pando_slice id)
{
    uint8_t out[600];
    struct wire_writer w = wire_write(out, sizeof out);
    gossip_put_id(&w, topic[0] != '\0', id);
    fixture_framed(f, peer, gossip_ids_frame(slice_text(topic), wire_written(&w)));
}

/* Answer all VERIFY effects of the last input truthfully. */
static inline void fixture_verify(struct fixture *f)
{
    struct gossip_input answers[64];
    size_t len = 0;
    for (size_t i = 0; i < f->effects_len; i++) {
        const struct gossip_effect *e = &f->effects[i];
        if (e->kind == GOSSIP_VERIFY && len < 64)
            answers[len++] = (struct gossip_input){
                .kind = GOSSIP_VERIFIED,
                .handle = e->handle,
                .valid = crypto_verify(&e->key, bytes_view(e->bytes), &e->sig)
            };
    }
    fixture_forget(f);
    for (size_t i = 0; i < len; i++)
        CHECK_OK(gossip_step(f->g, f->now, &answers[i]));
    fixture_drain(f);
}

static inline enum pando_status fixture_verdict(struct fixture *f, uint64_t handle,
                                                enum gossip_verdict verdict)
{
    return fixture_step(f, (struct gossip_input){ .kind = GOSSIP_VERDICT,
                                                  .handle = handle,
                                                  .verdict = verdict });
}

/* To the next heartbeat. */
static inline void fixture_beat(struct fixture *f)
{
    f->now = gossip_deadline(f->g);
    CHECK_OK(fixture_step(f, (struct gossip_input){ .kind = GOSSIP_TICK }));
    CHECK(gossip_deadline(f->g).ns > f->now.ns);
}

static inline void fixture_wait(struct fixture *f, struct pando_span span)
{
    const struct pando_time end = pando_time_add(f->now, span);
    while (gossip_deadline(f->g).ns <= end.ns)
        fixture_beat(f);
    f->now = end;
}

/* How many items of `kind` (of `topic`, if one is named) were sent to `peer` by the last
 * input; the last of them in `*ret_item`. */
static inline size_t fixture_sent(const struct fixture *f, uint32_t peer,
                                  enum gossip_item_kind kind, const char *topic,
                                  struct gossip_item *ret_item)
{
    size_t count = 0;
    for (size_t i = 0; i < f->sends_len; i++) {
        if (f->sends[i].peer != peer)
            continue;
        uint64_t len;
        const struct pando_slice framed = bytes_view(f->sends[i].bytes);
        const int head = wire_peek_uvarint(framed, &len);
        CHECK(head > 0 && (size_t)head + len == framed.len);
        CHECK_OK(gossip_rpc_check(slice_from(framed, (size_t)head)));
        struct gossip_rpc r = gossip_rpc_read(slice_from(framed, (size_t)head));
        struct gossip_item item;
        while (gossip_rpc_next(&r, &item)) {
            const struct pando_slice of =
                item.kind == GOSSIP_ITEM_MESSAGE ? item.message.topic : item.topic;
            if (item.kind != kind ||
                (topic != NULL && !slice_equal(of, slice_text(topic))))
                continue;
            count++;
            if (ret_item != NULL)
                *ret_item = item;
        }
    }
    return count;
}

static inline size_t fixture_count(const struct fixture *f, enum gossip_effect_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < f->effects_len; i++)
        count += f->effects[i].kind == kind;
    return count;
}

static inline const struct gossip_effect *fixture_first(const struct fixture *f,
                                                        enum gossip_effect_kind kind)
{
    for (size_t i = 0; i < f->effects_len; i++) {
        if (f->effects[i].kind == kind)
            return &f->effects[i];
    }
    fail();
    return NULL;
}

static inline size_t fixture_mesh_len(const struct fixture *f, const char *topic)
{
    return gossip_mesh(f->g, slice_text(topic), NULL, 0);
}

static inline bool fixture_in_mesh(const struct fixture *f, const char *topic,
                                   uint32_t peer)
{
    uint32_t peers[256];
    const size_t len = gossip_mesh(f->g, slice_text(topic), peers, 256);
    for (size_t i = 0; i < len && i < 256; i++) {
        if (peers[i] == peer)
            return true;
    }
    return false;
}

#endif
