#include "base/assert.h"
#include "base/slice.h"
#include "net/quic_impl.h"

#include <stdlib.h>
#include <string.h>

/* Keep-alive well inside the shorter idle limit: 20 s of our 60, 5 s of quinn's 10. */
uint64_t quic_keep_alive(uint64_t ours, uint64_t theirs)
{
    const uint64_t idle = theirs == 0 || ours < theirs ? ours : theirs;
    return idle < 30 * NGTCP2_SECONDS ? idle / 2 : idle / 3;
}

static struct quic_cid_key cid_key(const uint8_t *cid, size_t len)
{
    struct quic_cid_key key = { 0 };
    key.len = (uint8_t)len;
    memcpy(key.bytes, cid, len);
    return key;
}

/* Pointers are what these tables hold: one place to put one in. */
static bool put_pointer(struct map *m, const void *key, void *pointer)
{
    void *value;
    bool added;
    if (map_put(m, key, &value, &added) != PANDO_OK)
        return false;
    memcpy(value, &pointer, sizeof pointer);
    return true;
}

static struct quic_conn *find_pointer(const struct map *m, const void *key)
{
    struct quic_conn *c = NULL;
    const void *value = map_find(m, key);
    if (value != NULL)
        memcpy(&c, value, sizeof c);
    return c;
}

/* A link may hold only so many at once, however fast its peer retires them. */
bool quic_cid_add(struct quic *q, const ngtcp2_cid *cid, struct quic_conn *c)
{
    const struct quic_cid_key key = cid_key(cid->data, cid->datalen);
    if (c->cids_len == QUIC_CIDS_MAX || find_pointer(&q->cids, &key) != NULL ||
        !put_pointer(&q->cids, &key, c))
        return false;
    c->cids_len++;
    return true;
}

void quic_cid_remove(struct quic *q, const ngtcp2_cid *cid, struct quic_conn *c)
{
    const struct quic_cid_key key = cid_key(cid->data, cid->datalen);
    if (find_pointer(&q->cids, &key) != c)
        return;
    (void)map_del(&q->cids, &key);
    c->cids_len--;
}

struct quic_conn *quic_cid_find(const struct quic *q, const uint8_t *cid, size_t len)
{
    if (len > NGTCP2_MAX_CIDLEN)
        return NULL;
    const struct quic_cid_key key = cid_key(cid, len);
    return find_pointer(&q->cids, &key);
}

void quic_token_remove(struct quic_conn *c, const uint8_t *token)
{
    for (uint32_t i = 0; i < c->tokens_len; i++) {
        if (memcmp(c->tokens[i], token, NGTCP2_STATELESS_RESET_TOKENLEN) != 0)
            continue;
        if (find_pointer(&c->quic->tokens, token) == c)
            (void)map_del(&c->quic->tokens, token);
        c->tokens_len--;
        if (i != c->tokens_len)
            memcpy(c->tokens[i], c->tokens[c->tokens_len], NGTCP2_STATELESS_RESET_TOKENLEN);
        return;
    }
}

/* At the cap the token is not watched: that link ends by its idle limit instead. */
void quic_token_add(struct quic_conn *c, const uint8_t *token)
{
    if (c->tokens_len == QUIC_TOKENS_MAX || find_pointer(&c->quic->tokens, token) != NULL ||
        !put_pointer(&c->quic->tokens, token, c))
        return;
    memcpy(c->tokens[c->tokens_len++], token, NGTCP2_STATELESS_RESET_TOKENLEN);
}

static void source_left(struct quic_conn *c)
{
    struct map *sources = &c->quic->sources;
    uint32_t count = 0;
    void *value = map_find(sources, c->source);
    if (value == NULL)
        return;
    memcpy(&count, value, sizeof count);
    count--;
    if (count == 0)
        (void)map_del(sources, c->source);
    else
        memcpy(value, &count, sizeof count);
}

void quic_conn_settle(struct quic_conn *c)
{
    if (!c->half_open)
        return;
    c->half_open = false;
    c->quic->stats.half_open--;
    if (c->server) {
        c->quic->half_open_in--;
        source_left(c);
    }
}

static void remove_ids(struct quic_conn *c)
{
    ngtcp2_cid ids[QUIC_CIDS_MAX + 1]; /* one more may have been refused */
    const size_t count = compat_scid_count(c->ng);
    PANDO_ASSERT(count <= sizeof ids / sizeof ids[0]);
    (void)ngtcp2_conn_get_scid(c->ng, ids);
    for (size_t i = 0; i < count; i++)
        quic_cid_remove(c->quic, &ids[i], c);
    if (c->first_dcid.datalen != 0) /* none yet: it could not start */
        quic_cid_remove(c->quic, &c->first_dcid, c);
    while (c->tokens_len > 0) {
        uint8_t token[NGTCP2_STATELESS_RESET_TOKENLEN];
        memcpy(token, c->tokens[0], sizeof token);
        quic_token_remove(c, token);
    }
}

static void leave_dirty_list(struct quic_conn *c)
{
    struct quic_conn *before = NULL;
    for (struct quic_conn *d = c->quic->dirty_first; d != NULL && d != c; d = d->dirty_next)
        before = d;
    if (before == NULL)
        c->quic->dirty_first = c->dirty_next;
    else
        before->dirty_next = c->dirty_next;
    if (c->quic->dirty_last == c)
        c->quic->dirty_last = before;
}

void quic_conn_free(struct quic_conn *c)
{
    if (c == NULL)
        return;
    struct quic *q = c->quic;
    while (c->streams != NULL)
        quic_stream_free(c->streams);
    quic_conn_settle(c);
    if (c->dirty)
        leave_dirty_list(c);
    if (c->link != 0)
        (void)map_del(&q->links, &c->link);
    heap_remove(&q->timers, c->slot);
    if (c->ng != NULL) {
        remove_ids(c);
        ngtcp2_conn_del(c->ng);
    }
    if (c->tls != NULL)
        gnutls_deinit(c->tls);
    q->conns[c->slot] = NULL;
    q->free_slots[q->free_len++] = c->slot;
    free(c);
}

/* Links that ended give way before a new one is refused. */
static void evict_closing(struct quic *q)
{
    struct quic_conn *oldest = NULL;
    for (size_t i = 0; i < q->slots_len; i++) {
        struct quic_conn *c = q->conns[i];
        if (c != NULL && c->state >= CONN_CLOSING && c->end_told &&
            (oldest == NULL || c->gone_at.ns < oldest->gone_at.ns))
            oldest = c;
    }
    quic_conn_free(oldest);
}

struct quic_conn *quic_conn_new(struct quic *q, bool server)
{
    if (q->free_len == 0)
        evict_closing(q);
    if (q->free_len == 0)
        return NULL;
    struct quic_conn *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    c->quic = q;
    c->server = server;
    c->ref.user_data = c;
    c->handshake_until = c->gone_at = PANDO_TIME_NEVER;
    c->slot = q->free_slots[--q->free_len];
    c->half_open = true;
    q->conns[c->slot] = c;
    q->stats.half_open++;
    return c;
}

void quic_conn_mark(struct quic_conn *c)
{
    struct quic *q = c->quic;
    if (c->dirty)
        return;
    c->dirty = true;
    c->dirty_next = NULL;
    if (q->dirty_last == NULL)
        q->dirty_first = c;
    else
        q->dirty_last->dirty_next = c;
    q->dirty_last = c;
}

static ngtcp2_conn *conn_of_ref(ngtcp2_crypto_conn_ref *ref)
{
    return ((struct quic_conn *)ref->user_data)->ng;
}

/* Packets to ourselves need not fit into those of an Ethernet, and no path is probed. */
static void choose_packets(struct quic_conn *c, ngtcp2_settings *s)
{
    uint8_t ip[16];
    const size_t large = c->quic->config.loopback_packet_max;
    static const uint8_t six[16] = { [15] = 1 };
    const uint8_t len = udp_address_ip(&c->remote, ip);
    c->packet_max = s->max_tx_udp_payload_size = QUIC_UDP_PAYLOAD_MAX;
    if (large <= QUIC_UDP_PAYLOAD_MAX ||
        !(len == 4 ? ip[0] == 127 : memcmp(ip, six, sizeof six) == 0))
        return;
    c->packet_max = s->max_tx_udp_payload_size = large;
    s->no_tx_udp_payload_size_shaping = 1;
    s->no_pmtud = 1;
}

static void fill_settings(struct quic_conn *c, ngtcp2_settings *s, ngtcp2_transport_params *p)
{
    const struct quic *q = c->quic;
    const struct quic_config *config = &q->config;
    ngtcp2_settings_default(s);
    s->initial_ts = q->now.ns;
    s->handshake_timeout = config->handshake.ns;
    choose_packets(c, s);
    s->cc_algo = NGTCP2_CC_ALGO_CUBIC;
    s->max_stream_window = config->stream_window_max;
    s->max_window = config->stream_window_max + config->stream_window_max / 2;
    ngtcp2_transport_params_default(p);
    p->initial_max_streams_bidi = config->streams_max;
    p->initial_max_streams_uni = 0;
    p->initial_max_stream_data_bidi_local = config->stream_window;
    p->initial_max_stream_data_bidi_remote = config->stream_window;
    p->initial_max_data = 4 * config->stream_window;
    p->max_idle_timeout = config->idle.ns;
    p->active_connection_id_limit = QUIC_TOKENS_MAX - 1;
}

static ngtcp2_path path_of(struct quic_conn *c)
{
    return (ngtcp2_path){
        .local = { .addr = &c->local.sa.any, .addrlen = c->local.len },
        .remote = { .addr = &c->remote.sa.any, .addrlen = c->remote.len },
    };
}

static void random_cid(ngtcp2_cid *cid, size_t len)
{
    uint8_t bytes[NGTCP2_MAX_CIDLEN];
    crypto_random(bytes, len);
    ngtcp2_cid_init(cid, bytes, len);
}

/* Bind session and connection to each other and begin the handshake's clock. */
static enum pando_status begin(struct quic_conn *c, const ngtcp2_cid *scid)
{
    c->ref.get_conn = conn_of_ref;
    if (tls_session(&c->quic->tls, c->server, &c->ref, &c->tls) != PANDO_OK)
        return PANDO_NOMEM;
    ngtcp2_conn_set_tls_native_handle(c->ng, c->tls);
    if (!quic_cid_add(c->quic, scid, c))
        return PANDO_NOMEM;
    c->state = CONN_HANDSHAKE;
    c->handshake_until = pando_time_add(c->quic->now, c->quic->config.handshake);
    quic_conn_mark(c);
    quic_conn_rearm(c);
    return PANDO_OK;
}

enum pando_status quic_conn_start_client(struct quic_conn *c)
{
    ngtcp2_callbacks callbacks;
    ngtcp2_settings settings;
    ngtcp2_transport_params params;
    ngtcp2_cid dcid, scid;
    const ngtcp2_path path = path_of(c);

    quic_callbacks_fill(&callbacks);
    fill_settings(c, &settings, &params);
    random_cid(&dcid, 18);
    random_cid(&scid, QUIC_CID_LEN);
    if (ngtcp2_conn_client_new(&c->ng, &dcid, &scid, &path, NGTCP2_PROTO_VER_V1, &callbacks,
                               &settings, &params, NULL, c) != 0)
        return PANDO_NOMEM;
    return begin(c, &scid);
}

enum pando_status quic_conn_start_server(struct quic_conn *c, const ngtcp2_pkt_hd *hd,
                                         const ngtcp2_cid *odcid, bool retried)
{
    ngtcp2_callbacks callbacks;
    ngtcp2_settings settings;
    ngtcp2_transport_params params;
    ngtcp2_cid scid;
    size_t token_len = 0;
    const uint8_t *token = compat_token(hd, &token_len);
    const ngtcp2_path path = path_of(c);

    PANDO_ASSERT(hd->dcid.datalen != 0);
    quic_callbacks_fill(&callbacks);
    fill_settings(c, &settings, &params);
    random_cid(&scid, QUIC_CID_LEN);
    compat_set_odcid(&params, odcid);
    if (retried) {
        params.retry_scid = hd->dcid;
        params.retry_scid_present = 1;
        compat_set_token(&settings, token, token_len);
    }
    if (ngtcp2_crypto_generate_stateless_reset_token(params.stateless_reset_token,
                                                     c->quic->reset_secret,
                                                     sizeof c->quic->reset_secret, &scid) != 0)
        return PANDO_NOMEM;
    params.stateless_reset_token_present = 1;
    if (ngtcp2_conn_server_new(&c->ng, &hd->scid, &scid, &path, hd->version, &callbacks,
                               &settings, &params, NULL, c) != 0)
        return PANDO_NOMEM;
    if (!quic_cid_add(c->quic, &hd->dcid, c))
        return PANDO_NOMEM;
    c->first_dcid = hd->dcid;
    return begin(c, &scid);
}

static struct pando_time next_deadline(const struct quic_conn *c)
{
    if (c->state == CONN_NEW)
        return PANDO_TIME_NEVER;
    if (c->state >= CONN_CLOSING)
        return c->gone_at;
    struct pando_time at = { ngtcp2_conn_get_expiry(c->ng) };
    if (c->link == 0)
        at = pando_time_min(at, c->handshake_until);
    return at;
}

void quic_conn_rearm(struct quic_conn *c)
{
    /* The heap holds one entry per slot at most and was sized on the first use; when even
     * that memory is out, the link is served by its next packet. */
    (void)!heap_set(&c->quic->timers, c->slot, next_deadline(c));
}

void quic_conn_expire(struct quic_conn *c)
{
    const struct pando_time now = c->quic->now;
    if (c->state >= CONN_CLOSING) {
        quic_conn_note_end(c); /* again, when memory was out */
        if (c->end_told)
            quic_conn_free(c);
        else
            (void)!heap_set(&c->quic->timers, c->slot, pando_time_add(now, PANDO_MSEC(10)));
        return;
    }
    if (c->link == 0 && pando_time_reached(c->handshake_until, now)) {
        quic_conn_failed(c, NGTCP2_ERR_HANDSHAKE_TIMEOUT);
        return;
    }
    const int rc = ngtcp2_conn_handle_expiry(c->ng, now.ns);
    if (rc != 0) {
        quic_conn_failed(c, rc);
        return;
    }
    quic_conn_mark(c); /* the write pass sets the next deadline */
}

struct multiaddr quic_conn_address(const struct quic_conn *c)
{
    struct multiaddr address;
    uint8_t ip[16];
    const uint8_t ip_len = udp_address_ip(&c->remote, ip);
    multiaddr_from_udp(ip, ip_len, udp_address_port(&c->remote), &address);
    return address;
}

/* Tell the node, once. Called from within the library's callbacks: only notes things. */
void quic_conn_proved(struct quic_conn *c)
{
    struct quic *q = c->quic;
    if (c->link != 0 || c->close_wanted || c->state != CONN_HANDSHAKE || c->peer.len == 0)
        return;
    const struct outbox_identity identity = { c->peer, quic_conn_address(c) };
    if (q->config.admit != NULL &&
        !q->config.admit(q->config.admit_ctx, &c->peer, &identity.address)) {
        quic_cause(c, LINK_REASON_DENIED, "this node's allow or deny list refuses the peer");
        c->close_wanted = true;
        return;
    }
    const uint64_t link = q->next_link;
    if (!put_pointer(&q->links, &link, c)) {
        quic_cause(c, LINK_REASON_LIMIT, "this node holds as many links as it may");
        c->close_wanted = true;
        return;
    }
    q->next_link++;
    q->stats.links++;
    c->link = link;
    c->state = CONN_UP;
    quic_conn_settle(c);
    const struct outbox_event event = { .kind = LINK_UP, .link = link, .dialed = !c->server,
                                        .token = c->token };
    quic_note(q, &event, SLICE_OF(identity));
}
