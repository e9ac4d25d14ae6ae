/* The names of messages: go's, js's and rust's forms of an id, and content hashes. */
#include "proto/gossipsub/gossip_internal.h"

#include "base/slice.h"
#include "crypto/sign.h"

/* A 32-byte id is a hash already. Others are hashed with our secret before them, so that
 * no data can be chosen whose own hash equals the key of another id. */
struct gossip_key gossip_key_of(const struct gossip *g, struct pando_slice id)
{
    struct pando_id hash;
    if (id.len == sizeof hash.bytes) {
        memcpy(hash.bytes, id.ptr, sizeof hash.bytes);
    } else {
        struct crypto_sha256_state st;
        crypto_sha256_begin(&st);
        crypto_sha256_add(&st, SLICE_OF(g->secret));
        crypto_sha256_add(&st, id);
        hash = crypto_sha256_end(&st);
    }
    struct wire_reader r = wire_read(SLICE_OF(hash));
    struct gossip_key key;
    key.a = wire_get_le(&r, 8) ^ g->secret[0];
    key.b = wire_get_le(&r, 8) ^ g->secret[1];
    return key;
}

struct gossip_key gossip_key_in(const struct gossip_topic *t, struct gossip_key key)
{
    return (struct gossip_key){ key.a ^ t->salt, key.b };
}

/* Seconds since place(): coarse enough for two minutes. */
static uint32_t stamp_of(const struct gossip *g)
{
    return (uint32_t)(pando_time_since(g->now, g->started).ns / 1000000000u);
}

bool gossip_see(struct gossip *g, const struct gossip_topic *t, struct gossip_key key)
{
    bool forgot;
    const bool fresh = gossip_seen_add(&g->seen, gossip_key_in(t, key), stamp_of(g), &forgot);
    g->count.seen_forgotten += forgot;
    return fresh;
}

bool gossip_saw(const struct gossip *g, const struct gossip_topic *t, struct gossip_key key)
{
    return gossip_seen_has(&g->seen, gossip_key_in(t, key));
}

/* Key of `author` followed by the sequence number: the form of go (peer id) and, with the
 * serialized public key for author, of js. */
static struct gossip_key key_with_seqno(const struct gossip *g, struct pando_slice author,
                                        uint64_t seqno)
{
    uint8_t id[64 + GOSSIP_SEQNO_SIZE];
    struct wire_writer w = wire_write(id, sizeof id);
    wire_put_bytes(&w, author);
    wire_put_be(&w, seqno, GOSSIP_SEQNO_SIZE);
    return gossip_key_of(g, wire_written(&w));
}

struct gossip_key gossip_key_signed(const struct gossip *g, const struct peer_id *author,
                                    uint64_t seqno)
{
    return key_with_seqno(g, slice_of(author->bytes, author->len), seqno);
}

/* rust: the peer id's text followed by the decimal number. */
static struct gossip_key key_of_text(const struct gossip *g, const struct peer_id *author,
                                     uint64_t seqno)
{
    char text[PEER_ID_TEXT_MAX + 24];
    peer_id_print(author, text);
    size_t len = strlen(text);
    char digits[20];
    size_t digits_len = 0;
    do {
        digits[digits_len++] = (char)('0' + seqno % 10);
        seqno /= 10;
    } while (seqno > 0);
    while (digits_len > 0)
        text[len++] = digits[--digits_len];
    return gossip_key_of(g, slice_of(text, len));
}

void gossip_name_signed(const struct gossip *g, struct gossip_msg *m)
{
    struct pando_key key;
    m->keys[0] = gossip_key_signed(g, &m->author, m->seqno);
    m->keys[1] = key_of_text(g, &m->author, m->seqno);
    m->keys_len = 2;
    if (peer_id_key(&m->author, &key) == PANDO_OK) {
        uint8_t public_key[PEER_ID_PUBLIC_SIZE];
        peer_id_public(&key, public_key);
        m->keys[m->keys_len++] =
            key_with_seqno(g, slice_of(public_key, sizeof public_key), m->seqno);
    }
}

void gossip_name_data(const struct gossip *g, struct gossip_msg *m, const struct pando_id *hash)
{
    m->id = *hash;
    m->keys[0] = gossip_key_of(g, SLICE_OF(*hash));
    m->keys_len = 1;
}

bool gossip_see_all(struct gossip *g, const struct gossip_msg *m)
{
    bool fresh = true;
    for (uint32_t i = 0; i < m->keys_len; i++)
        fresh &= gossip_see(g, &g->topics[m->topic], m->keys[i]);
    return fresh || MUTANT(NO_SEEN);
}

/* Kept apart from ids by a salt of its own. */
#define CONTENT_SALT 0xa5c3d2e1f0b49687u

struct gossip_key gossip_key_content(const struct gossip *g, const struct gossip_message *m)
{
    struct crypto_sha256_state st;
    crypto_sha256_begin(&st);
    crypto_sha256_add(&st, SLICE_OF(g->secret));
    crypto_sha256_add(&st, m->from);
    crypto_sha256_add(&st, m->seqno);
    crypto_sha256_add(&st, m->signature);
    crypto_sha256_add(&st, m->data);
    const struct pando_id hash = crypto_sha256_end(&st);
    struct gossip_key key = gossip_key_of(g, SLICE_OF(hash));
    key.a ^= CONTENT_SALT;
    return key;
}
