/* What the QUIC library tells us. It must not be re-entered from here and the node must not
 * be called: everything is noted in the outbox or in a flag, and served after the library
 * returned. The few ngtcp2 calls below are those it allows inside callbacks. */
#include "base/slice.h"
#include "net/cert.h"
#include "net/quic_impl.h"

#include <gnutls/crypto.h>
#include <string.h>
#include <time.h>

/* The decrypt callback gets no user pointer, so the link whose packet is being read is
 * left here around ngtcp2_conn_read_pkt; per thread, as each endpoint is. */
static _Thread_local struct quic_conn *reading;

void quic_reading(struct quic_conn *c)
{
    reading = c;
}

static int decrypt(uint8_t *dest, const ngtcp2_crypto_aead *aead,
                   const ngtcp2_crypto_aead_ctx *ctx, const uint8_t *cipher, size_t len,
                   const uint8_t *nonce, size_t nonce_len, const uint8_t *aad, size_t aad_len)
{
    const int rc = ngtcp2_crypto_decrypt_cb(dest, aead, ctx, cipher, len, nonce, nonce_len,
                                            aad, aad_len);
    const bool is_short = aad_len > 0 && (aad[0] & 0x80) == 0;
    if (rc == 0 && reading != NULL && is_short && len > aead->max_overhead)
        reading->quic->stats.guarded += guard_frames(
            dest, len - aead->max_overhead, &reading->guard_highest, &reading->quic->stops);
    return rc;
}

static void give_random(uint8_t *dest, size_t len, const ngtcp2_rand_ctx *ctx)
{
    (void)ctx;
    (void)gnutls_rnd(GNUTLS_RND_NONCE, dest, len);
}

bool quic_verify(void *session_ptr, struct pando_slice der)
{
    struct quic_conn *c = ((ngtcp2_crypto_conn_ref *)session_ptr)->user_data;
    struct pando_err err = { 0 };
    struct timespec wall = { 0 };
    char want[PEER_ID_TEXT_MAX], got[PEER_ID_TEXT_MAX];

    (void)clock_gettime(CLOCK_REALTIME, &wall);
    const struct pando_wall now = { (int64_t)wall.tv_sec * 1000 };
    if (cert_verify(der, now, &c->peer, &err) != PANDO_OK) {
        quic_cause(c, LINK_REASON_IDENTITY, "%s", err.text);
        return false;
    }
    if (c->expected.len == 0 || peer_id_equal(&c->expected, &c->peer))
        return true;
    peer_id_print(&c->expected, want);
    peer_id_print(&c->peer, got);
    quic_cause(c, LINK_REASON_WRONG_PEER,
               "another identity: asked for peer %s, but %s answers there", want, got);
    return false;
}

static int on_new_id(ngtcp2_conn *ng, ngtcp2_cid *cid, uint8_t *token, size_t len, void *user)
{
    struct quic_conn *c = user;
    uint8_t bytes[NGTCP2_MAX_CIDLEN];
    (void)ng;
    crypto_random(bytes, len);
    ngtcp2_cid_init(cid, bytes, len);
    if (ngtcp2_crypto_generate_stateless_reset_token(token, c->quic->reset_secret,
                                                     sizeof c->quic->reset_secret, cid) != 0)
        return NGTCP2_ERR_CALLBACK_FAILURE;
    if (quic_cid_add(c->quic, cid, c))
        return 0;
    quic_cause(c, LINK_REASON_PROTOCOL, "the peer retires connection ids too fast");
    return NGTCP2_ERR_CALLBACK_FAILURE;
}

static int on_id_gone(ngtcp2_conn *ng, const ngtcp2_cid *cid, void *user)
{
    struct quic_conn *c = user;
    (void)ng;
    quic_cid_remove(c->quic, cid, c);
    return 0;
}

/* The peer's reset tokens, one per id that we may address it by. */
#if NGTCP2_VERSION_NUM < 0x010000
static int on_peer_id(ngtcp2_conn *ng, int type, uint64_t seq, const ngtcp2_cid *cid,
                      const uint8_t *token, void *user)
#else
static int on_peer_id(ngtcp2_conn *ng, ngtcp2_connection_id_status_type type, uint64_t seq,
                      const ngtcp2_cid *cid, const uint8_t *token, void *user)
#endif
{
    struct quic_conn *c = user;
    (void)ng;
    (void)seq;
    (void)cid;
    if (token == NULL)
        return 0;
    if (type == NGTCP2_CONNECTION_ID_STATUS_TYPE_ACTIVATE)
        quic_token_add(c, token);
    else
        quic_token_remove(c, token);
    return 0;
}

static int on_crypto(ngtcp2_conn *ng, compat_level level, uint64_t offset,
                     const uint8_t *data, size_t len, void *user)
{
    const struct quic_conn *c = user;
    if (c->tls == NULL)
        return 0; /* tickets and the like, behind the handshake: nothing that we want */
    return ngtcp2_crypto_recv_crypto_data_cb(ng, level, offset, data, len, user);
}

static int on_handshake_done(ngtcp2_conn *ng, void *user)
{
    struct quic_conn *c = user;
    const ngtcp2_transport_params *theirs = ngtcp2_conn_get_remote_transport_params(ng);
    c->handshake_done = true;
    ngtcp2_conn_set_keep_alive_timeout(
        ng, quic_keep_alive(c->quic->config.idle.ns, theirs->max_idle_timeout));
    if (!c->server && theirs->stateless_reset_token_present)
        quic_token_add(c, theirs->stateless_reset_token);
    if (c->server) {
        c->tls_done = true;
        quic_conn_proved(c); /* the client's certificate was verified within */
    }
    return 0;
}

/* Client: only now do we know that the server accepted our certificate. */
static int on_confirmed(ngtcp2_conn *ng, void *user)
{
    struct quic_conn *c = user;
    (void)ng;
    c->tls_done = true;
    quic_conn_proved(c);
    return 0;
}

static int note(struct quic_conn *c, enum link_event_kind kind, uint64_t stream)
{
    const struct outbox_event event = { .kind = kind, .link = c->link, .stream = stream };
    quic_note(c->quic, &event, SLICE_EMPTY);
    return 0;
}

static int on_stream_open(ngtcp2_conn *ng, int64_t id, void *user)
{
    struct quic_conn *c = user;
    quic_conn_proved(c); /* data from the peer proves as much as a confirmation */
    if (c->link == 0)
        return 0; /* about to be refused */
    struct quic_stream *s = quic_stream_new(c, id, LINK_EVENT);
    if (s == NULL)
        return NGTCP2_ERR_CALLBACK_FAILURE;
    (void)ngtcp2_conn_set_stream_user_data(ng, id, s);
    return note(c, LINK_STREAM, s->handle);
}

static int on_data(ngtcp2_conn *ng, uint32_t flags, int64_t id, uint64_t offset,
                   const uint8_t *data, size_t len, void *user, void *stream_user)
{
    struct quic_conn *c = user;
    struct quic_stream *s = stream_user;
    const bool fin = (flags & NGTCP2_STREAM_DATA_FLAG_FIN) != 0;
    (void)id;
    (void)offset;
    if (s == NULL || s->forgotten) {
        ngtcp2_conn_extend_max_offset(ng, len);
        return 0;
    }
    s->unconsumed += len;
    return outbox_put_data(quic_outbox(c->quic), c->link, s->handle, slice_of(data, len),
                           fin) == PANDO_OK ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
}

static int on_acked(ngtcp2_conn *ng, int64_t id, uint64_t offset, uint64_t len, void *user,
                    void *stream_user)
{
    struct quic_stream *s = stream_user;
    (void)ng;
    (void)id;
    (void)user;
    if (s != NULL)
        sendq_ack(&s->out, offset + len);
    return 0;
}

static int on_stream_close(ngtcp2_conn *ng, uint32_t flags, int64_t id, uint64_t code,
                           void *user, void *stream_user)
{
    struct quic_stream *s = stream_user;
    (void)ng;
    (void)flags;
    (void)id;
    (void)code;
    (void)user;
    if (s == NULL)
        return 0;
    s->closed = s->stopped = true;
    quic_stream_stop(s);
    if (s->forgotten || s->unconsumed == 0)
        quic_stream_finish(s);
    return 0;
}

static int on_stream_reset(ngtcp2_conn *ng, int64_t id, uint64_t final, uint64_t code,
                           void *user, void *stream_user)
{
    const struct quic_stream *s = stream_user;
    (void)ng;
    (void)id;
    (void)final;
    (void)code;
    return s == NULL || s->forgotten ? 0 : note(user, LINK_RESET, s->handle);
}

static int on_more_data(ngtcp2_conn *ng, int64_t id, uint64_t max, void *user,
                        void *stream_user)
{
    struct quic_stream *s = stream_user;
    (void)ng;
    (void)id;
    (void)max;
    (void)user;
    if (s != NULL && s->blocked) {
        s->blocked = false;
        quic_stream_ready(s);
    }
    return 0;
}

static int on_more_streams(ngtcp2_conn *ng, uint64_t max, void *user)
{
    struct quic_conn *c = user;
    (void)ng;
    (void)max;
    c->open_waiting = true;
    return 0;
}

static int on_stateless_reset(ngtcp2_conn *ng, const ngtcp2_pkt_stateless_reset *reset,
                              void *user)
{
    struct quic_conn *c = user;
    (void)ng;
    (void)reset;
    c->quic->stats.resets_seen++;
    quic_cause(c, LINK_REASON_RESET, "%s", link_reason_text(LINK_REASON_RESET));
    return 0;
}

void quic_callbacks_fill(ngtcp2_callbacks *ret)
{
    *ret = (ngtcp2_callbacks){
        .client_initial = ngtcp2_crypto_client_initial_cb,
        .recv_client_initial = ngtcp2_crypto_recv_client_initial_cb,
        .recv_crypto_data = on_crypto,
        .handshake_completed = on_handshake_done,
        .handshake_confirmed = on_confirmed,
        .encrypt = ngtcp2_crypto_encrypt_cb,
        .decrypt = decrypt,
        .hp_mask = ngtcp2_crypto_hp_mask_cb,
        .recv_stream_data = on_data,
        .acked_stream_data_offset = on_acked,
        .stream_open = on_stream_open,
        .stream_close = on_stream_close,
        .stream_reset = on_stream_reset,
        .extend_max_stream_data = on_more_data,
        .extend_max_local_streams_bidi = on_more_streams,
        .recv_stateless_reset = on_stateless_reset,
        .recv_retry = ngtcp2_crypto_recv_retry_cb,
        .rand = give_random,
        .get_new_connection_id = on_new_id,
        .remove_connection_id = on_id_gone,
        .dcid_status = on_peer_id,
        .update_key = ngtcp2_crypto_update_key_cb,
        .delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb,
        .delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb,
        .get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb,
        .version_negotiation = ngtcp2_crypto_version_negotiation_cb,
    };
}
