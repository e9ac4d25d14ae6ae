#include "ws/handshake.h"

#include "base/slice.h"

#include <nettle/base64.h>
#include <nettle/sha1.h>
#include <stdio.h>
#include <strings.h>

/* RFC 6455, section 1.3 */
static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

void ws_key_print(const uint8_t nonce[16], char ret[WS_KEY_TEXT + 1])
{
    nettle_base64_encode_raw(ret, 16, nonce);
    ret[WS_KEY_TEXT] = '\0';
}

bool ws_key_is_valid(const char *key)
{
    struct base64_decode_ctx ctx;
    uint8_t raw[BASE64_DECODE_LENGTH(WS_KEY_TEXT)];
    size_t len = 0;
    if (strlen(key) != WS_KEY_TEXT)
        return false;
    nettle_base64_decode_init(&ctx);
    return nettle_base64_decode_update(&ctx, &len, raw, WS_KEY_TEXT, key) == 1 &&
           nettle_base64_decode_final(&ctx) == 1 && len == 16;
}

void ws_key_accept(const char *key, char ret[WS_ACCEPT_TEXT + 1])
{
    struct sha1_ctx sha;
    uint8_t digest[SHA1_DIGEST_SIZE];
    nettle_sha1_init(&sha);
    nettle_sha1_update(&sha, strlen(key), (const uint8_t *)key);
    nettle_sha1_update(&sha, sizeof guid - 1, (const uint8_t *)guid);
    nettle_sha1_digest(&sha, sizeof digest, digest);
    nettle_base64_encode_raw(ret, sizeof digest, digest);
    ret[WS_ACCEPT_TEXT] = '\0';
}

bool ws_header_names(const char *value, const char *token)
{
    const size_t len = strlen(token);
    while (*value != '\0') {
        value += strspn(value, " \t,");
        const size_t part = strcspn(value, " \t,;");
        if (part == len && strncasecmp(value, token, len) == 0)
            return true;
        value += strcspn(value, ",");
    }
    return false;
}

enum pando_status ws_request_print(const struct ws_url *url, const char *key,
                                   struct pando_buf *ret)
{
    char port[8] = "";
    if (url->port != (url->tls ? 443 : 80))
        (void)snprintf(port, sizeof port, ":%u", url->port);
    return buf_printf(ret,
                      "GET %s HTTP/1.1\r\nHost: %s%s%s%s\r\nUpgrade: websocket\r\n"
                      "Connection: Upgrade\r\nSec-WebSocket-Key: %s\r\n"
                      "Sec-WebSocket-Version: 13\r\nUser-Agent: pando/" PANDO_VERSION "\r\n\r\n",
                      url->target, url->ip6 ? "[" : "", url->host, url->ip6 ? "]" : "", port, key);
}

/* The first byte of whoever speaks TLS (RFC 8446, section 5.1). */
enum { TLS_ALERT = 0x15, TLS_HANDSHAKE = 0x16 };

/* The headers that count, as they were sent; "" where one was not. */
struct answer {
    unsigned status;
    char upgrade[64], connection[64], accept[64];
    bool extended; /* an extension or subprotocol that nobody asked for */
};

static void take_header(struct answer *a, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    if (colon == NULL)
        return;
    const size_t name = (size_t)(colon - line);
    const char *value = colon + 1;
    size_t value_len = len - name - 1;
    while (value_len > 0 && (*value == ' ' || *value == '\t'))
        value++, value_len--;
    while (value_len > 0 && (value[value_len - 1] == ' ' || value[value_len - 1] == '\t'))
        value_len--;
    const struct {
        const char *name;
        char *place;
    } known[] = { { "Upgrade", a->upgrade },
                  { "Connection", a->connection },
                  { "Sec-WebSocket-Accept", a->accept } };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (name == strlen(known[i].name) && strncasecmp(line, known[i].name, name) == 0)
            (void)snprintf(known[i].place, 64, "%.*s", (int)(value_len < 64 ? value_len : 64),
                           value);
    if ((name == 24 && strncasecmp(line, "Sec-WebSocket-Extensions", name) == 0) ||
        (name == 22 && strncasecmp(line, "Sec-WebSocket-Protocol", name) == 0))
        a->extended = a->extended || value_len > 0;
}

static bool take_status(struct answer *a, const char *line, size_t len)
{
    if (len < 12 || memcmp(line, "HTTP/1.", 7) != 0 || line[8] != ' ')
        return false;
    for (size_t i = 9; i < 12; i++) {
        if (line[i] < '0' || line[i] > '9')
            return false;
        a->status = a->status * 10 + (unsigned)(line[i] - '0');
    }
    return len == 12 || line[12] == ' ';
}

static enum pando_status judge_status(unsigned status, struct pando_err *reterr)
{
    if (status == 404 || status == 410)
        return pando_err_set(reterr, PANDO_NOT_FOUND,
                             "the server has nothing at this path (HTTP %u): check the URL's "
                             "path, /federation as a rule",
                             status);
    if (status == 401 || status == 403)
        return pando_err_set(reterr, PANDO_REFUSED, "the server refused (HTTP %u)", status);
    if (status >= 500)
        return pando_err_set(reterr, PANDO_UNAVAILABLE,
                             "the server cannot serve this now (HTTP %u)", status);
    if (status >= 300 && status < 400)
        return pando_err_set(reterr, PANDO_UNSUPPORTED,
                             "the server redirects (HTTP %u), which is not followed: give the "
                             "final URL",
                             status);
    return pando_err_set(reterr, PANDO_UNSUPPORTED,
                         "an HTTP server answers there, but speaks no WebSocket at this path "
                         "(HTTP %u)",
                         status);
}

static enum pando_status judge(const struct answer *a, const char *key, struct pando_err *reterr)
{
    char wanted[WS_ACCEPT_TEXT + 1];
    if (a->status != 101)
        return judge_status(a->status, reterr);
    ws_key_accept(key, wanted);
    if (!ws_header_names(a->upgrade, "websocket") || !ws_header_names(a->connection, "upgrade") ||
        strcmp(a->accept, wanted) != 0)
        return pando_err_set(reterr, PANDO_MALFORMED,
                             "the server's upgrade does not answer our key: something between "
                             "us and it does not pass WebSockets on");
    if (a->extended)
        return pando_err_set(reterr, PANDO_MALFORMED,
                             "the server speaks an extension that was not asked for");
    return PANDO_OK;
}

enum pando_status ws_answer_read(struct pando_slice bytes, const char *key, size_t *ret_len,
                                 struct pando_err *reterr)
{
    static const char proto[] = "HTTP/1.";
    struct answer a = { 0 };
    const char *text = (const char *)bytes.ptr;
    const size_t seen = bytes.len < 7 ? bytes.len : 7;
    if (seen > 0 && (bytes.ptr[0] == TLS_ALERT || bytes.ptr[0] == TLS_HANDSHAKE))
        return pando_err_set(reterr, PANDO_MALFORMED,
                             "whoever answers there speaks TLS: try wss://");
    if (seen > 0 && memcmp(text, proto, seen) != 0)
        return pando_err_set(reterr, PANDO_MALFORMED,
                             "whoever answers there does not speak HTTP");
    const char *end = bytes.len < 4 ? NULL : memmem(text, bytes.len, "\r\n\r\n", 4);
    if (end == NULL)
        return bytes.len < WS_HEAD_MAX
                   ? PANDO_BUSY
                   : pando_err_set(reterr, PANDO_MALFORMED,
                                   "the server's answer has no end after %u bytes", WS_HEAD_MAX);
    bool first = true;
    for (const char *at = text; at < end + 2;) {
        const char *line_end = memmem(at, (size_t)(end + 2 - at), "\r\n", 2);
        const size_t len = (size_t)(line_end - at);
        if (first && !take_status(&a, at, len))
            return pando_err_set(reterr, PANDO_MALFORMED,
                                 "whoever answers there does not speak HTTP/1.1");
        if (!first)
            take_header(&a, at, len);
        first = false;
        at = line_end + 2;
    }
    *ret_len = (size_t)(end - text) + 4;
    return judge(&a, key, reterr);
}
