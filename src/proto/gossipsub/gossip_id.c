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
    const bool fresh =
        gossip_seen_add(&g->seen, gossip_key_in(t, key), stamp_of(g), &forgot);
    g->count.seen_forgotten += forgot;
    return fresh;
}

bool gossip_saw(const struct gossip *g, const struct gossip_topic *t,
                struct gossip_key key)
{
    return gossip_seen_has(&g->seen, gossip_key_in(t, key));
}

/* A signed message's id: go joins peer id and number; js the serialized public key, which
 * for Ed25519 is what the peer id wraps, and the number; rust writes both as text. */
static void write_id(struct wire_writer *w, const struct peer_id *author, uint64_t seqno,
                     enum gossip_form form)
{
    struct pando_key key;
    char text[PEER_ID_TEXT_MAX], digits[20];
    size_t at = sizeof digits;
    if (form == GOSSIP_FORM_RUST) {
        peer_id_print(author, text);
        wire_put_bytes(w, slice_text(text));
        do {
            digits[--at] = (char)('0' + seqno % 10);
            seqno /= 10;
        } while (seqno > 0);
        wire_put_bytes(w, slice_of(digits + at, sizeof digits - at));
        return;
    }
    if (form == GOSSIP_FORM_JS && peer_id_key(author, &key) == PANDO_OK) {
        uint8_t public_key[PEER_ID_PUBLIC_SIZE];
        peer_id_public(&key, public_key);
        wire_put_bytes(w, SLICE_OF(public_key));
    } else {
        wire_put_bytes(w, slice_of(author->bytes, author->len));
    }
    wire_put_be(w, seqno, GOSSIP_SEQNO_SIZE);
}

static struct gossip_key key_in_form(const struct gossip *g, const struct peer_id *author,
                                     uint64_t seqno, enum gossip_form form)
{
    uint8_t id[PEER_ID_TEXT_MAX + 24];
    struct wire_writer w = wire_write(id, sizeof id);
    write_id(&w, author, seqno, form);
    return gossip_key_of(g, wire_written(&w));
}

struct gossip_key gossip_key_signed(const struct gossip *g, const struct peer_id *author,
                                    uint64_t seqno)
{
    return key_in_form(g, author, seqno, GOSSIP_FORM_GO);
}

void gossip_put_name(struct wire_writer *w, const struct gossip_msg *m,
                     enum gossip_form form)
{
    if (m->author.len == 0)
        wire_put_bytes(w, SLICE_OF(m->id));
    else
        write_id(w, &m->author, m->seqno, form);
}

static bool starts_with(struct pando_slice s, const char *prefix)
{
    const struct pando_slice p = slice_text(prefix);
    return s.len > p.len && memcmp(s.ptr, p.ptr, p.len) == 0;
}

void gossip_learn_form(struct gossip_peer *p, struct pando_slice id)
{
    if (id.len == sizeof(struct pando_id))
        return;
    if (starts_with(id, "12D3Koo") || starts_with(id, "16Uiu2") || starts_with(id, "Qm"))
        p->form = GOSSIP_FORM_RUST;
    else if (id.len == PEER_ID_PUBLIC_SIZE + GOSSIP_SEQNO_SIZE &&
             starts_with(id, "\x08\x01\x12\x20"))
        p->form = GOSSIP_FORM_JS;
    else if (starts_with(id, "\x12\x20") || (id.len > 0 && id.ptr[0] == 0))
        p->form = GOSSIP_FORM_GO;
}

enum gossip_form gossip_form_of_agent(const char *agent)
{
    if (strncmp(agent, "js-libp2p", 9) == 0)
        return GOSSIP_FORM_JS;
    return strncmp(agent, "rust-libp2p", 11) == 0 ? GOSSIP_FORM_RUST : GOSSIP_FORM_GO;
}

void gossip_name_signed(const struct gossip *g, struct gossip_msg *m)
{
    for (int form = 0; form < GOSSIP_FORMS; form++)
        m->keys[form] = key_in_form(g, &m->author, m->seqno, (enum gossip_form)form);
    m->keys_len = GOSSIP_FORMS;
}

void gossip_name_data(const struct gossip *g, struct gossip_msg *m,
                      const struct pando_id *hash)
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

struct gossip_key gossip_key_content(const struct gossip *g,
                                     const struct gossip_message *m)
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
