#include "codec/multiaddr.h"

#include "base/slice.h"
#include "codec/cid.h"
#include "codec/multiaddr_protocol.h"
#include "codec/multibase.h"
#include "codec/wire.h"

#include <stdio.h>
#include <string.h>

/* A value on its way from text to binary. */
struct value {
    uint8_t bytes[MULTIADDR_MAX];
    size_t len;
};

static void put_number(struct value *v, uint64_t number, size_t size)
{
    for (size_t i = 0; i < size; i++)
        v->bytes[v->len++] = (uint8_t)(number >> (8 * (size - 1 - i)));
}

static bool parse_number(struct pando_slice text, uint64_t max, size_t size,
                         struct value *v)
{
    uint64_t number;
    if (!multiaddr_number_parse(text, max, &number))
        return false;
    put_number(v, number, size);
    return true;
}

/* base58 of the multihash, or the text of a CID of a libp2p key. */
static bool parse_peer_value(struct pando_slice text, struct value *v)
{
    char copy[CID_TEXT_MAX];
    if (text.len == 0 || text.len >= sizeof copy)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    if (copy[0] == '1' || (copy[0] == 'Q' && copy[1] == 'm'))
        return !multibase_decode(MULTIBASE_58, text, v->bytes, sizeof v->bytes, &v->len);
    struct cid cid;
    if (cid_parse(copy, &cid) != PANDO_OK || cid.codec != CID_LIBP2P_KEY)
        return false;
    memcpy(v->bytes, cid.multihash, cid.len);
    v->len = cid.len;
    return true;
}

static bool parse_hash(struct pando_slice text, struct value *v)
{
    static const char prefixes[] = "ufbzmk";
    if (text.len < 2 || text.ptr[0] == '\0' || strchr(prefixes, text.ptr[0]) == NULL)
        return false;
    return !multibase_decode((enum multibase)text.ptr[0], slice_from(text, 1), v->bytes,
                             sizeof v->bytes, &v->len);
}

static bool parse_escaped(struct pando_slice text, struct value *v)
{
    size_t took;
    for (size_t i = 0; i < text.len; i++) {
        if (v->len >= sizeof v->bytes)
            return false;
        if (text.ptr[i] != '%') {
            v->bytes[v->len++] = text.ptr[i];
            continue;
        }
        uint8_t pair[2];
        if (text.len - i < 3)
            return false;
        for (size_t j = 0; j < 2; j++) {
            const uint8_t c = text.ptr[i + 1 + j];
            pair[j] = c >= 'A' && c <= 'F' ? (uint8_t)(c - 'A' + 'a') : c;
        }
        if (multibase_decode(MULTIBASE_16, SLICE_OF(pair), v->bytes + v->len, 1, &took))
            return false;
        v->len++;
        i += 2;
    }
    return true;
}

static bool parse_onion3(struct pando_slice text, struct value *v)
{
    if (text.len < 58 || text.ptr[56] != ':' ||
        multibase_decode(MULTIBASE_32, slice_of(text.ptr, 56), v->bytes, 35, &v->len))
        return false;
    return parse_number(slice_from(text, 57), UINT16_MAX, 2, v);
}

static bool parse_value(const struct multiaddr_protocol *p, struct pando_slice text,
                        struct value *v)
{
    *v = (struct value){ .len = 0 };
    switch (p->value) {
    case VALUE_NONE: return true;
    case VALUE_IP4: v->len = 4; return multiaddr_ip4_parse(text, v->bytes);
    case VALUE_IP6: v->len = 16; return multiaddr_ip6_parse(text, v->bytes);
    case VALUE_NUMBER: return parse_number(text, UINT8_MAX, 1, v);
    case VALUE_PORT: return parse_number(text, UINT16_MAX, 2, v);
    case VALUE_U64: return parse_number(text, UINT64_MAX, 8, v);
    case VALUE_PEER: return parse_peer_value(text, v);
    case VALUE_HASH: return parse_hash(text, v);
    case VALUE_ESCAPED: return parse_escaped(text, v);
    case VALUE_ONION3: return parse_onion3(text, v);
    case VALUE_NAME:
    case VALUE_PATH: break;
    }
    if (text.len == 0 || text.len > sizeof v->bytes)
        return false;
    v->len = text.len;
    memcpy(v->bytes, text.ptr, text.len);
    return true;
}

/* Cut the text between slashes off the head of `left`, which starts with a slash. */
static struct pando_slice take_word(struct pando_slice *left)
{
    const struct pando_slice rest = slice_from(*left, 1);
    const uint8_t *slash = rest.len > 0 ? memchr(rest.ptr, '/', rest.len) : NULL;
    const size_t len = slash != NULL ? (size_t)(slash - rest.ptr) : rest.len;
    *left = slice_from(rest, len);
    return slice_of(rest.ptr, len);
}

static enum pando_status bad(struct pando_err *reterr, const char *what,
                             struct pando_slice word)
{
    return pando_err_set(reterr, PANDO_MALFORMED, "multiaddr: %s '%.*s'", what,
                         (int)(word.len > 100 ? 100 : word.len),
                         word.len > 0 ? (const char *)word.ptr : "");
}

enum pando_status multiaddr_parse(const char *text, struct multiaddr *ret,
                                  struct pando_err *reterr)
{
    struct pando_slice left = slice_text(text);
    struct multiaddr a = { 0 };
    if (left.len < 2 || left.ptr[0] != '/' || left.len > MULTIADDR_TEXT_MAX)
        return bad(reterr, "expected /ip4/192.0.2.7/udp/9000/quic-v1 or the like, not",
                   left);
    while (left.len > 0) {
        const struct pando_slice name = take_word(&left);
        const struct multiaddr_protocol *p = multiaddr_protocol_by_name(name);
        if (p == NULL)
            return bad(reterr, "there is no address component", name);
        struct pando_slice word = SLICE_EMPTY;
        struct value v;
        if (p->value == VALUE_PATH) {
            word = left;
            left = SLICE_EMPTY;
        } else if (p->value != VALUE_NONE) {
            if (left.len == 0)
                return bad(reterr, "a value is missing after", name);
            word = take_word(&left);
        }
        if (!parse_value(p, word, &v))
            return bad(reterr, "not a valid value of its component:", word);
        const enum pando_status st =
            multiaddr_append(&a, p->code, slice_of(v.bytes, v.len));
        if (st == PANDO_FULL)
            return pando_err_set(reterr, PANDO_MALFORMED,
                                 "multiaddr: longer than %d bytes", MULTIADDR_MAX);
        if (st != PANDO_OK)
            return bad(reterr, "not a valid value of its component:", word);
    }
    *ret = a;
    return PANDO_OK;
}

static uint64_t number_of(struct pando_slice value)
{
    struct wire_reader r = wire_read(value);
    return wire_get_be(&r, value.len);
}

/* Bytes that a URL may carry bare stay, all others become %XX. */
static bool print_escaped(struct pando_slice value, char *text, size_t cap)
{
    size_t len = 0;
    for (size_t i = 0; i < value.len; i++) {
        const uint8_t c = value.ptr[i];
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
                           c == '~';
        if (len + 4 > cap)
            return false;
        len += (size_t)snprintf(text + len, cap - len, plain ? "%c" : "%%%02X", c);
    }
    return true;
}

static bool print_onion3(struct pando_slice value, char *text, size_t cap)
{
    if (cap < 64 || multibase_encode(MULTIBASE_32, slice_of(value.ptr, 35), text, cap))
        return false;
    const unsigned port = (unsigned)number_of(slice_from(value, 35));
    return snprintf(text + 56, cap - 56, ":%u", port) > 0;
}

/* The text of a value into `text`, terminated; false when it does not fit. */
static bool print_value(enum multiaddr_value kind, struct pando_slice value, char *text,
                        size_t cap)
{
    switch (kind) {
    case VALUE_NONE: text[0] = '\0'; return true;
    case VALUE_IP4: multiaddr_ip4_print(value.ptr, text); return true;
    case VALUE_IP6: multiaddr_ip6_print(value.ptr, text); return true;
    case VALUE_NUMBER:
    case VALUE_PORT:
    case VALUE_U64:
        return snprintf(text, cap, "%llu", (unsigned long long)number_of(value)) > 0;
    case VALUE_PEER: return !multibase_encode(MULTIBASE_58, value, text, cap);
    case VALUE_HASH:
        text[0] = (char)MULTIBASE_64URL;
        return !multibase_encode(MULTIBASE_64URL, value, text + 1, cap - 1);
    case VALUE_ESCAPED: return print_escaped(value, text, cap);
    case VALUE_ONION3: return print_onion3(value, text, cap);
    case VALUE_NAME:
    case VALUE_PATH: break;
    }
    if (value.len >= cap)
        return false;
    memcpy(text, value.ptr, value.len);
    text[value.len] = '\0';
    return true;
}

enum pando_status multiaddr_print(const struct multiaddr *a, char *ret_text, size_t cap)
{
    char word[3 * MULTIADDR_MAX + 8];
    struct multiaddr_part part;
    size_t at = 0, len = 0;
    if (cap == 0)
        return PANDO_FULL;
    ret_text[0] = '\0';
    while (multiaddr_next(a, &at, &part)) {
        const struct multiaddr_protocol *p = multiaddr_protocol_by_code(part.code);
        if (p == NULL || !print_value(p->value, part.value, word, sizeof word))
            return PANDO_FULL;
        const char *slash = p->value == VALUE_NONE || p->value == VALUE_PATH ? "" : "/";
        const int took =
            snprintf(ret_text + len, cap - len, "/%s%s%s", p->name, slash, word);
        if (took < 0 || (size_t)took >= cap - len)
            return PANDO_FULL;
        len += (size_t)took;
    }
    return at == a->len ? PANDO_OK : PANDO_MALFORMED;
}

/* A name that DNS could know: a last label of digits only would be a mistyped IPv4. */
static bool is_host(struct pando_slice host)
{
    bool digits = true;
    for (size_t i = 0; i < host.len; i++) {
        const uint8_t c = host.ptr[i];
        const bool digit = c >= '0' && c <= '9';
        if (c == '.' && i + 1 < host.len)
            digits = true;
        else if (!digit)
            digits = false;
        if (!digit && c != '.' && c != '-' && c != '_' && !(c >= 'a' && c <= 'z') &&
            !(c >= 'A' && c <= 'Z'))
            return false;
    }
    return host.len > 0 && host.len <= 253 && !digits;
}

static enum pando_status append_host(struct pando_slice host, bool bracketed,
                                     struct multiaddr *a)
{
    uint8_t ip[16];
    if (bracketed)
        return multiaddr_ip6_parse(host, ip)
                   ? multiaddr_append(a, MULTIADDR_IP6, slice_of(ip, 16))
                   : PANDO_MALFORMED;
    if (multiaddr_ip4_parse(host, ip))
        return multiaddr_append(a, MULTIADDR_IP4, slice_of(ip, 4));
    return is_host(host) ? multiaddr_append(a, MULTIADDR_DNS, host) : PANDO_MALFORMED;
}

enum pando_status multiaddr_parse_peer(const char *text, struct multiaddr *ret,
                                       struct pando_err *reterr)
{
    if (text[0] == '/')
        return multiaddr_parse(text, ret, reterr);
    struct multiaddr a = { 0 };
    const bool bracketed = text[0] == '[';
    const char *end = bracketed ? strchr(text, ']') : strchr(text, ':');
    const char *colon = bracketed && end != NULL ? end + 1 : end;
    uint64_t port = 0;
    if (colon == NULL || *colon != ':')
        goto fail;
    const char *start = text + (bracketed ? 1 : 0);
    if (append_host(slice_of(start, (size_t)(end - start)), bracketed, &a) != PANDO_OK)
        goto fail;
    if (!multiaddr_number_parse(slice_text(colon + 1), UINT16_MAX, &port) || port == 0)
        goto fail;
    const uint8_t wire_port[2] = { (uint8_t)(port >> 8), (uint8_t)port };
    if (multiaddr_append(&a, MULTIADDR_UDP, SLICE_OF(wire_port)) != PANDO_OK ||
        multiaddr_append(&a, MULTIADDR_QUIC_V1, SLICE_EMPTY) != PANDO_OK)
        goto fail;
    *ret = a;
    return PANDO_OK;
fail:
    return pando_err_set(reterr, PANDO_MALFORMED,
                         "peer address: expected IP:PORT (e.g., 127.0.0.1:9001) or "
                         "[2001:db8::7]:9000, HOST:PORT or a multiaddr, not '%.80s'",
                         text);
}
