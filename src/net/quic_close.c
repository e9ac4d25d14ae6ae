#include "base/slice.h"
#include "net/quic_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Application error codes of our own; 0 is libp2p's ordinary goodbye. docs/wire/links.md. */
static const struct {
    enum link_reason reason;
    uint64_t code;
} CODES[] = {
    { LINK_REASON_PROTOCOL, 0x1001 },     { LINK_REASON_LIMIT, 0x1002 },
    { LINK_REASON_DENIED, 0x1003 },       { LINK_REASON_NETWORK_NAME, 0x1004 },
    { LINK_REASON_CUT, 0x1005 },          { LINK_REASON_SHUTDOWN, 0x1006 },
};
#define CODES_LEN (sizeof CODES / sizeof CODES[0])
#define TRANSPORT_REFUSED 0x02
#define TRANSPORT_ALERT 0x100
#define ALERT_NO_CERTIFICATE 116
#define ALERT_NO_PROTOCOL 120

static uint64_t code_of(enum link_reason reason)
{
    for (size_t i = 0; i < CODES_LEN; i++)
        if (CODES[i].reason == reason)
            return CODES[i].code;
    return 0;
}

static enum link_reason reason_of(uint64_t code)
{
    for (size_t i = 0; i < CODES_LEN; i++)
        if (CODES[i].code == code)
            return CODES[i].reason;
    return LINK_REASON_REMOTE;
}

void quic_cause(struct quic_conn *c, enum link_reason reason, const char *format, ...)
{
    va_list args;
    if (c->cause != LINK_REASON_NONE)
        return;
    c->cause = reason;
    va_start(args, format);
    (void)vsnprintf(c->why, sizeof c->why, format, args);
    va_end(args);
}

/* What the peer wrote, with everything but plain ASCII masked. */
static void copy_phrase(const uint8_t *phrase, size_t len, char *ret_text, size_t cap)
{
    size_t at = 0;
    for (; at < len && at + 1 < cap; at++)
        ret_text[at] = phrase[at] >= 0x20 && phrase[at] < 0x7f ? (char)phrase[at] : '?';
    ret_text[at] = '\0';
}

static void cause_transport_close(struct quic_conn *c, uint64_t code, const char *phrase)
{
    const char *gap = phrase[0] != '\0' ? ": " : "";
    if (code == TRANSPORT_ALERT + ALERT_NO_PROTOCOL)
        quic_cause(c, LINK_REASON_PROTOCOL, "the peer speaks QUIC, but not libp2p");
    else if (code >= TRANSPORT_ALERT && code < TRANSPORT_ALERT + 256)
        quic_cause(c, LINK_REASON_IDENTITY,
                   "the peer did not accept our certificate (TLS alert %u)%s%s",
                   (unsigned)(code - TRANSPORT_ALERT), gap, phrase);
    else if (code == TRANSPORT_REFUSED)
        quic_cause(c, LINK_REASON_LIMIT, "the peer takes no more links%s%s", gap, phrase);
    else if (code == 0)
        quic_cause(c, LINK_REASON_REMOTE, "closed by the peer%s%s", gap, phrase);
    else
        quic_cause(c, LINK_REASON_PROTOCOL, "the peer ended the link (QUIC error 0x%llx)%s%s",
                   (unsigned long long)code, gap, phrase);
}

/* The peer said goodbye: take its reason. */
static void cause_from_peer(struct quic_conn *c)
{
    compat_close error;
    char phrase[128] = "";
    compat_get_close(c->ng, &error);
    if (error.reason != NULL)
        copy_phrase(error.reason, error.reasonlen, phrase, sizeof phrase);
    if (error.type != COMPAT_CLOSE_APPLICATION) {
        cause_transport_close(c, error.error_code, phrase);
        return;
    }
    const enum link_reason reason = reason_of(error.error_code);
    if (phrase[0] != '\0')
        quic_cause(c, reason, "the peer says: %s", phrase);
    else
        quic_cause(c, reason, "%s", link_reason_text(reason));
}

static void cause_no_answer(struct quic_conn *c)
{
    char where[UDP_ADDRESS_TEXT_MAX];
    udp_address_print(&c->remote, where);
    quic_cause(c, LINK_REASON_HANDSHAKE_TIMEOUT,
               "no answer from %s within %u s: is the node running there, and does the "
               "firewall let UDP port %u through?", where,
               (unsigned)(c->quic->config.handshake.ns / NGTCP2_SECONDS),
               udp_address_port(&c->remote));
}

static void cause_tls(struct quic_conn *c)
{
    const unsigned alert = ngtcp2_conn_get_tls_alert(c->ng);
    if (alert == ALERT_NO_PROTOCOL)
        quic_cause(c, LINK_REASON_PROTOCOL, "the peer speaks QUIC, but not libp2p");
    else if (alert == ALERT_NO_CERTIFICATE)
        quic_cause(c, LINK_REASON_IDENTITY, "the peer shows no certificate");
    else
        quic_cause(c, LINK_REASON_IDENTITY, "the TLS handshake failed (alert %u)", alert);
}

static void cause_from_error(struct quic_conn *c, int error)
{
    switch (error) {
    case NGTCP2_ERR_HANDSHAKE_TIMEOUT: cause_no_answer(c); return;
    case NGTCP2_ERR_IDLE_CLOSE:
        quic_cause(c, LINK_REASON_IDLE, "no packet within the idle limit");
        return;
    case NGTCP2_ERR_DRAINING: cause_from_peer(c); return;
    case NGTCP2_ERR_CRYPTO: cause_tls(c); return;
    case NGTCP2_ERR_RECV_VERSION_NEGOTIATION:
        quic_cause(c, LINK_REASON_PROTOCOL, "the peer does not speak QUIC version 1");
        return;
    case NGTCP2_ERR_NOMEM: case NGTCP2_ERR_CALLBACK_FAILURE:
        quic_cause(c, LINK_REASON_LIMIT, "memory is out on this node");
        return;
    default:
        quic_cause(c, LINK_REASON_PROTOCOL, "the peer broke QUIC (%s)",
                   ngtcp2_strerror(error));
    }
}

void quic_conn_note_end(struct quic_conn *c)
{
    struct quic *q = c->quic;
    if (c->end_noted)
        return;
    struct outbox_event event = { .reason = c->cause, .link = c->link, .token = c->token };
    event.kind = c->link != 0 ? LINK_DOWN : LINK_DIAL_FAILED;
    if (c->link == 0 && c->server) { /* a stranger who never proved anything: nobody waits for this news */
        trace(q->config.tracer, TRACE_NET, TRACE_DEBUG, "an inbound handshake ended: %s",
              c->why);
        c->end_noted = c->end_told = true;
        return;
    }
    c->end_noted = true;
    event.slot = c->slot;
    quic_note(q, &event, slice_of(c->why, strlen(c->why) + 1));
}

static void enter(struct quic_conn *c, enum quic_conn_state state)
{
    struct quic *q = c->quic;
    uint64_t wait = 0;
    if (c->ng != NULL)
        wait = 3 * ngtcp2_conn_get_pto(c->ng);
    if (state == CONN_CLOSING && c->close_len == 0)
        wait = 0; /* nothing to repeat */
    quic_conn_settle(c);
    if (c->link != 0)
        q->stats.links--;
    c->state = state;
    c->gone_at = pando_time_add(q->now, (struct pando_span){ wait });
    quic_conn_note_end(c);
    quic_conn_rearm(c);
}

static void write_close(struct quic_conn *c, const compat_close *error)
{
    ngtcp2_path_storage ps;
    ngtcp2_pkt_info info;
    ngtcp2_path_storage_zero(&ps);
    const ngtcp2_ssize n = ngtcp2_conn_write_connection_close(
        c->ng, &ps.path, &info, c->close_packet, sizeof c->close_packet, error,
        c->quic->now.ns);
    if (n <= 0)
        return;
    c->close_len = (size_t)n;
    quic_conn_closing_input(c);
}

static bool is_over(const struct quic_conn *c)
{
    return c->state >= CONN_CLOSING;
}

void quic_conn_failed(struct quic_conn *c, int error)
{
    compat_close close;
    if (is_over(c))
        return;
    cause_from_error(c, error);
    if (error == NGTCP2_ERR_DRAINING) {
        enter(c, CONN_DRAINING);
        return;
    }
    const bool silent = error == NGTCP2_ERR_DROP_CONN || error == NGTCP2_ERR_IDLE_CLOSE ||
                        error == NGTCP2_ERR_RETRY || error == NGTCP2_ERR_HANDSHAKE_TIMEOUT ||
                        error == NGTCP2_ERR_RECV_VERSION_NEGOTIATION;
    if (!silent) {
        compat_close_default(&close);
        if (error == NGTCP2_ERR_CRYPTO)
            compat_close_alert(&close, ngtcp2_conn_get_tls_alert(c->ng), NULL, 0);
        else
            compat_close_liberr(&close, error, NULL, 0);
        write_close(c, &close);
    }
    enter(c, CONN_CLOSING);
}

void quic_conn_close(struct quic_conn *c)
{
    compat_close close;
    if (is_over(c))
        return;
    if (c->ng != NULL) {
        compat_close_default(&close);
        /* A refusal's text travels; a plain goodbye needs none. */
        const uint64_t code = code_of(c->cause);
        const size_t len = code == 0 ? 0 : strlen(c->why);
        compat_close_app(&close, code, (const uint8_t *)c->why, len);
        write_close(c, &close);
    }
    enter(c, CONN_CLOSING);
}

/* Answer with the same packet, ever more seldom. */
void quic_conn_closing_input(struct quic_conn *c)
{
    c->close_hits++;
    if (c->close_len == 0 || (c->close_hits & (c->close_hits - 1)) != 0)
        return;
    const struct pando_slice packet = { c->close_packet, c->close_len };
    (void)udp_flush(c->udp);
    udp_send(c->udp, packet, &c->remote,
             c->server && c->udp->wildcard ? &c->local : NULL);
}
