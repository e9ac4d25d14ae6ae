/* A message's way through the router: received, verified, delivered, judged, forwarded.
 *
 * A forged copy must not hide the true message. So until its signature is verified a
 * message is remembered by its whole content only; its ids become known when it proved
 * true, and a second copy that was verified meanwhile is dropped then.
 */
#include "proto/gossipsub/gossip_internal.h"

#include "base/assert.h"
#include "base/slice.h"
#include "crypto/sign.h"

static void blame(struct gossip *g, uint32_t peer, enum pando_status status,
                  const char *text)
{
    if (peer == GOSSIP_NO_PEER)
        return;
    g->peers[peer].misdeeds++;
    gossip_fault(g, peer, status, text);
}

enum pando_status gossip_admit(struct gossip *g, uint32_t topic, uint32_t peer,
                               const struct gossip_message *m, uint32_t *ret_msg)
{
    const uint32_t i = gossip_msg_take(g);
    if (i == GOSSIP_NONE)
        return PANDO_FULL;
    struct gossip_msg *msg = &g->msgs[i];
    msg->topic = topic;
    g->topics[topic].messages_len++;
    msg->state = MSG_DELIVER_READY;
    msg->framed = gossip_message_frame(m, &msg->layout);
    msg->data_len = (uint32_t)m->data.len;
    if (msg->framed == NULL) {
        gossip_msg_free(g, i);
        return PANDO_NOMEM;
    }
    msg->sender = peer;
    if (peer != GOSSIP_NO_PEER)
        (void)bits_put(msg->has, peer, true);
    *ret_msg = i;
    return PANDO_OK;
}

static void count_admit(struct gossip *g, enum pando_status st)
{
    g->count.dropped_full += st == PANDO_FULL;
    g->count.dropped_memory += st == PANDO_NOMEM;
}

static void refuse(struct gossip *g, uint32_t peer, const char *text)
{
    g->count.malformed++;
    blame(g, peer, PANDO_MALFORMED, text);
}

/* A copy came while the first is with the application: its sender need not get it. */
static void on_repeat(struct gossip *g, uint32_t peer, struct gossip_key key)
{
    g->count.duplicates++;
    const uint32_t msg = gossip_msg_by_key(g, key);
    if (msg != GOSSIP_NONE)
        (void)bits_put(g->msgs[msg].has, peer, true);
}

static void on_self_certified(struct gossip *g, uint32_t peer, uint32_t topic,
                              const struct gossip_message *m)
{
    if (m->from.len + m->seqno.len + m->signature.len + m->key.len > 0) {
        refuse(g, peer, "a signed message on a topic without signatures");
        return;
    }
    struct gossip_topic *t = &g->topics[topic];
    const struct pando_id hash = crypto_sha256(m->data);
    const struct gossip_key key = gossip_key_of(g, SLICE_OF(hash));
    if (gossip_saw(g, t, key) && !MUTANT(NO_SEEN)) {
        on_repeat(g, peer, key);
        return;
    }
    uint32_t i;
    const enum pando_status st = gossip_admit(g, topic, peer, m, &i);
    if (st != PANDO_OK) {
        count_admit(g, st);
        return;
    }
    gossip_name_data(g, &g->msgs[i], &hash);
    (void)gossip_see_all(g, &g->msgs[i]);
    gossip_msg_index(g, i);
    g->count.recovered += !bits_has(t->mesh, peer);
    gossip_list_push(g, &g->effects, i);
}

/* Author, number and signature as StrictSign wants them; NULL or what is wrong. */
static const char *read_signed(const struct gossip_message *m, struct peer_id *ret_author,
                               uint64_t *ret_seqno, struct pando_sig *ret_sig)
{
    struct peer_id from_key;
    if (m->from.len == 0 || peer_id_decode(m->from, ret_author) != PANDO_OK)
        return "a message without a valid author";
    if (m->seqno.len != GOSSIP_SEQNO_SIZE)
        return "a message whose sequence number is not 8 bytes";
    if (m->signature.len == 0)
        return "a message without signature";
    if (m->key.len > 0 && (peer_id_from_public(m->key, &from_key) != PANDO_OK ||
                           !peer_id_equal(&from_key, ret_author)))
        return "a message whose key is not its author's";
    struct wire_reader r = wire_read(m->seqno);
    *ret_seqno = wire_get_be(&r, GOSSIP_SEQNO_SIZE);
    struct wire_reader s = wire_read(m->signature);
    wire_get_copy(&s, ret_sig->bytes, sizeof ret_sig->bytes);
    return NULL;
}

static void on_signed(struct gossip *g, uint32_t peer, uint32_t topic,
                      const struct gossip_message *m)
{
    struct peer_id author;
    struct pando_sig sig;
    uint64_t seqno;
    struct pando_key key;
    const char *wrong = read_signed(m, &author, &seqno, &sig);
    if (wrong != NULL) {
        refuse(g, peer, wrong);
        return;
    }
    if (peer_id_equal(&author, &g->config.self)) {
        g->count.own_echo++;
        return;
    }
    struct gossip_topic *t = &g->topics[topic];
    const struct gossip_key id = gossip_key_signed(g, &author, seqno);
    if (gossip_saw(g, t, id)) {
        on_repeat(g, peer, id);
        return;
    }
    if (peer_id_key(&author, &key) != PANDO_OK || m->signature.len != sizeof sig.bytes) {
        g->count.unsupported++; /* RSA and others: libp2p allows them, we cannot verify */
        return;
    }
    const struct gossip_key content = gossip_key_content(g, m);
    if (gossip_saw(g, t, content)) {
        g->count.duplicates++; /* being verified, or found forged */
        return;
    }
    uint32_t i;
    enum pando_status st = gossip_admit(g, topic, peer, m, &i);
    if (st != PANDO_OK) {
        count_admit(g, st);
        return;
    }
    struct gossip_msg *msg = &g->msgs[i];
    msg->signed_bytes = gossip_message_signed(m);
    if (msg->signed_bytes == NULL) {
        gossip_msg_free(g, i);
        g->count.dropped_memory++;
        return;
    }
    (void)gossip_see(g, t, content);
    msg->author = author;
    msg->seqno = seqno;
    msg->sig = sig;
    msg->state = MSG_VERIFY_READY;
    gossip_list_push(g, &g->effects, i);
}

void gossip_on_message(struct gossip *g, uint32_t peer, const struct gossip_message *m)
{
    const uint32_t topic = gossip_topic_find(g, m->topic);
    if (topic == GOSSIP_NONE || !g->topics[topic].subscribed ||
        !gossip_may_join(g, m->topic, peer))
        g->count.unwanted++;
    else if (m->data.len > GOSSIP_DATA_MAX)
        refuse(g, peer, "a message longer than the limit");
    else if (g->topics[topic].policy == GOSSIP_SELF_CERTIFIED)
        on_self_certified(g, peer, topic, m);
    else
        on_signed(g, peer, topic, m);
}

uint32_t gossip_send_to(struct gossip *g, const struct gossip_msg *m,
                        const uint64_t *peers, enum gossip_class class)
{
    uint32_t sent = 0, cursor = 0, peer;
    while (bits_next(peers, g->words, &cursor, &peer)) {
        if (bits_has(m->has, peer) ||
            (m->author.len > 0 && peer_id_equal(&m->author, &g->peers[peer].id)))
            continue;
        sent += gossip_queue_push(g, peer, class, m->framed);
    }
    return sent;
}

static void forward(struct gossip *g, const struct gossip_msg *m)
{
    if (g->topics[m->topic].subscribed && !MUTANT(NO_FORWARD))
        g->count.forwarded +=
            gossip_send_to(g, m, g->topics[m->topic].mesh, CLASS_FORWARD);
}

/* Found good: on to the mesh, and into the cache. The message is in no list. */
static void accept(struct gossip *g, uint32_t msg)
{
    g->count.accepted++;
    forward(g, &g->msgs[msg]);
    gossip_cache_put(g, msg);
}

static void emit_verify(struct gossip *g, uint32_t msg, struct gossip_effect *ret)
{
    struct gossip_msg *m = &g->msgs[msg];
    *ret = (struct gossip_effect){
        .kind = GOSSIP_VERIFY,
        .handle = gossip_msg_handle(g, msg),
        .peer = m->sender,
        .bytes = m->signed_bytes,
        .data = bytes_view(m->signed_bytes),
        .sig = m->sig,
    };
    const enum pando_status st = peer_id_key(&m->author, &ret->key);
    PANDO_ASSERT(st == PANDO_OK); /* on_signed asked before it admitted the message */
    m->signed_bytes = NULL;
    m->state = MSG_VERIFYING;
    m->waits_since = g->now;
    gossip_list_push(g, &g->waiting, msg);
}

static void emit_deliver(struct gossip *g, uint32_t msg, struct gossip_effect *ret)
{
    struct gossip_msg *m = &g->msgs[msg];
    const struct gossip_topic *t = &g->topics[m->topic];
    const bool judged = t->judged;
    *ret = (struct gossip_effect){
        .kind = GOSSIP_DELIVER,
        .handle = judged ? gossip_msg_handle(g, msg) : 0,
        .peer = m->sender,
        .bytes = bytes_ref(m->framed),
        .topic = gossip_topic_name(t),
        .data = slice_of(bytes_view(m->framed).ptr + m->layout.data_at, m->data_len),
        .author = m->author,
        .seqno = m->seqno,
    };
    g->count.delivered++;
    if (judged) {
        m->state = MSG_DELIVERING;
        m->waits_since = g->now;
        gossip_list_push(g, &g->waiting, msg);
        if (MUTANT(FORWARD_REJECTED))
            forward(g, m);
    } else {
        accept(g, msg);
    }
}

bool gossip_message_poll(struct gossip *g, struct gossip_effect *ret)
{
    while (g->effects.head != GOSSIP_NONE) {
        const uint32_t msg = g->effects.head;
        gossip_list_remove(g, &g->effects, msg);
        if (!g->topics[g->msgs[msg].topic].subscribed) {
            gossip_msg_free(g, msg); /* we left the topic meanwhile */
            continue;
        }
        if (g->msgs[msg].state == MSG_VERIFY_READY)
            emit_verify(g, msg, ret);
        else
            emit_deliver(g, msg, ret);
        return true;
    }
    return false;
}

enum pando_status gossip_verified(struct gossip *g, const struct gossip_input *in)
{
    const uint32_t i = gossip_msg_by_handle(g, in->handle);
    if (i == GOSSIP_NONE || g->msgs[i].state != MSG_VERIFYING)
        return PANDO_NOT_FOUND;
    struct gossip_msg *m = &g->msgs[i];
    gossip_list_remove(g, &g->waiting, i);
    if (!in->valid) {
        g->count.forged++;
        blame(g, m->sender, PANDO_FORGED, "a message with a wrong signature");
        gossip_msg_free(g, i);
        return PANDO_OK;
    }
    gossip_name_signed(g, m);
    if (!gossip_see_all(g, m)) { /* another copy was verified first */
        m->keys_len = 0;
        g->count.duplicates++;
        gossip_msg_free(g, i);
        return PANDO_OK;
    }
    gossip_msg_index(g, i);
    g->count.recovered +=
        m->sender != GOSSIP_NO_PEER && !bits_has(g->topics[m->topic].mesh, m->sender);
    m->state = MSG_DELIVER_READY;
    gossip_list_push(g, &g->effects, i);
    return PANDO_OK;
}

enum pando_status gossip_judge(struct gossip *g, const struct gossip_input *in)
{
    const uint32_t i = gossip_msg_by_handle(g, in->handle);
    if (i == GOSSIP_NONE || g->msgs[i].state != MSG_DELIVERING)
        return PANDO_NOT_FOUND;
    gossip_list_remove(g, &g->waiting, i);
    switch (in->verdict) {
    case GOSSIP_ACCEPT:
        accept(g, i);
        return PANDO_OK;
    case GOSSIP_REJECT:
        g->count.rejected++;
        blame(g, g->msgs[i].sender, PANDO_MALFORMED,
              "a message that the application rejects");
        break;
    case GOSSIP_IGNORE:
        g->count.ignored++;
        break;
    }
    gossip_msg_free(g, i);
    return PANDO_OK;
}

/* A verdict that does not come counts as IGNORE. */
void gossip_message_tick(struct gossip *g)
{
    while (g->waiting.head != GOSSIP_NONE) {
        const uint32_t msg = g->waiting.head;
        const struct gossip_msg *m = &g->msgs[msg];
        if (!pando_time_reached(pando_time_add(m->waits_since, g->config.verdict_after),
                                g->now))
            return;
        gossip_list_remove(g, &g->waiting, msg);
        g->count.verdict_late++;
        gossip_msg_free(g, msg);
    }
}
