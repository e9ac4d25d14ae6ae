/* ngtcp2_compat.h - the few places where libngtcp2 0.12 (Debian 12) and 1.x (Debian 13)
 * differ, under one set of names. Nothing else in the folder asks for the version. */
#ifndef NET_NGTCP2_COMPAT_H
#define NET_NGTCP2_COMPAT_H

#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>

#if NGTCP2_VERSION_NUM < 0x010000

#define compat_level ngtcp2_crypto_level
#define compat_close ngtcp2_connection_close_error
#define compat_stat ngtcp2_conn_stat
#define compat_close_default ngtcp2_connection_close_error_default
#define compat_close_liberr ngtcp2_connection_close_error_set_transport_error_liberr
#define compat_close_alert ngtcp2_connection_close_error_set_transport_error_tls_alert
#define compat_close_app ngtcp2_connection_close_error_set_application_error
#define COMPAT_CLOSE_APPLICATION NGTCP2_CONNECTION_CLOSE_ERROR_CODE_TYPE_APPLICATION
#define COMPAT_CLOSE_TRANSPORT NGTCP2_CONNECTION_CLOSE_ERROR_CODE_TYPE_TRANSPORT

static inline void compat_get_close(ngtcp2_conn *conn, compat_close *ret)
{
    ngtcp2_conn_get_connection_close_error(conn, ret);
}
static inline void compat_get_stat(ngtcp2_conn *conn, compat_stat *ret)
{
    ngtcp2_conn_get_conn_stat(conn, ret);
}
static inline int compat_shutdown_stream(ngtcp2_conn *conn, int64_t id, uint64_t code)
{
    return ngtcp2_conn_shutdown_stream(conn, id, code);
}
static inline size_t compat_scid_count(ngtcp2_conn *conn)
{
    return ngtcp2_conn_get_num_scid(conn);
}
static inline void compat_set_odcid(ngtcp2_transport_params *p, const ngtcp2_cid *odcid)
{
    p->original_dcid = *odcid;
}
static inline void compat_set_token(ngtcp2_settings *s, const uint8_t *token, size_t len)
{
    s->token.base = (uint8_t *)(uintptr_t)token;
    s->token.len = len;
}
static inline const uint8_t *compat_token(const ngtcp2_pkt_hd *hd, size_t *ret_len)
{
    *ret_len = hd->token.len;
    return hd->token.base;
}

#else

#define compat_level ngtcp2_encryption_level
#define compat_close ngtcp2_ccerr
#define compat_stat ngtcp2_conn_info
#define compat_close_default ngtcp2_ccerr_default
#define compat_close_liberr ngtcp2_ccerr_set_liberr
#define compat_close_alert ngtcp2_ccerr_set_tls_alert
#define compat_close_app ngtcp2_ccerr_set_application_error
#define COMPAT_CLOSE_APPLICATION NGTCP2_CCERR_TYPE_APPLICATION
#define COMPAT_CLOSE_TRANSPORT NGTCP2_CCERR_TYPE_TRANSPORT

static inline void compat_get_close(ngtcp2_conn *conn, compat_close *ret)
{
    *ret = *ngtcp2_conn_get_ccerr(conn);
}
static inline void compat_get_stat(ngtcp2_conn *conn, compat_stat *ret)
{
    ngtcp2_conn_get_conn_info(conn, ret);
}
static inline int compat_shutdown_stream(ngtcp2_conn *conn, int64_t id, uint64_t code)
{
    return ngtcp2_conn_shutdown_stream(conn, 0, id, code);
}
static inline size_t compat_scid_count(ngtcp2_conn *conn)
{
    return ngtcp2_conn_get_scid(conn, NULL);
}
static inline void compat_set_odcid(ngtcp2_transport_params *p, const ngtcp2_cid *odcid)
{
    p->original_dcid = *odcid;
    p->original_dcid_present = 1;
}
static inline void compat_set_token(ngtcp2_settings *s, const uint8_t *token, size_t len)
{
    s->token = token;
    s->tokenlen = len;
}
static inline const uint8_t *compat_token(const ngtcp2_pkt_hd *hd, size_t *ret_len)
{
    *ret_len = hd->tokenlen;
    return hd->token;
}

#endif

#endif
