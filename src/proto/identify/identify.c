#include "proto/identify/identify.h"

#include "base/assert.h"
#include "base/slice.h"
#include "codec/pb.h"

enum {
    PUBLIC_KEY = 1,
    ADDRESS = 2,
    PROTOCOL = 3,
    OBSERVED = 4,
    VERSION = 5,
    AGENT = 6,
    RECORD = 8
};

void identify_init(struct identify_info *info)
{
    memset(info, 0, sizeof *info);
}

/* A peer's text reaches people's terminals: what is not printable ASCII becomes '?'. */
static void take_text(char *to, struct pando_slice s)
{
    const size_t len = s.len < IDENTIFY_TEXT_MAX ? s.len : IDENTIFY_TEXT_MAX;
    for (size_t i = 0; i < len; i++)
        to[i] = s.ptr[i] >= 0x20 && s.ptr[i] < 0x7f ? (char)s.ptr[i] : '?';
    to[len] = '\0';
}

/* Copy an address without any /p2p at its end; false when we cannot read it. */
static bool take_address(struct multiaddr *to, struct pando_slice s)
{
    struct multiaddr a;
    if (multiaddr_decode(s, &a) != PANDO_OK)
        return false;
    size_t cursor = 0, end = 0;
    struct multiaddr_part part;
    while (multiaddr_next(&a, &cursor, &part)) {
        if (part.code != MULTIADDR_P2P)
            end = cursor;
    }
    if (end == 0)
        return false;
    memset(a.bytes + end, 0, sizeof a.bytes - end);
    a.len = (uint16_t)end;
    *to = a;
    return true;
}

static bool add_address(struct identify_info *info, struct pando_slice s)
{
    struct multiaddr a;
    if (info->addresses_len == IDENTIFY_ADDRESSES_MAX || !take_address(&a, s))
        return false;
    for (size_t i = 0; i < info->addresses_len; i++) {
        if (multiaddr_equal(&info->addresses[i], &a))
            return true;
    }
    info->addresses[info->addresses_len++] = a;
    return true;
}

static bool network_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '.' || c == '_' || c == '-';
}

bool identify_network_is_valid(const char *name)
{
    size_t len = 0;
    while (name[len] != '\0') {
        if (len == IDENTIFY_NETWORK_MAX || !network_char(name[len]))
            return false;
        len++;
    }
    return len > 0;
}

/* The first network name said counts. */
static void note_network(struct identify_info *info, const char *protocol)
{
    static const char prefix[] = IDENTIFY_NETWORK_PREFIX;
    if (info->network[0] != '\0' || strncmp(protocol, prefix, sizeof prefix - 1) != 0)
        return;
    const char *name = protocol + sizeof prefix - 1;
    if (identify_network_is_valid(name))
        memcpy(info->network, name, strlen(name) + 1);
}

/* Names that hold a control character or a NUL are no protocols of anybody. */
static bool is_name(struct pando_slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < 0x20 || s.ptr[i] == 0x7f)
            return false;
    }
    return s.len > 0;
}

static bool add_protocol(struct identify_info *info, struct pando_slice s)
{
    info->has_protocols = true;
    if (!is_name(s) || info->protocols_len == IDENTIFY_PROTOCOLS_MAX ||
        s.len + 1 > (size_t)(IDENTIFY_NAMES_SIZE - info->names_len))
        return false;
    char *at = info->names + info->names_len;
    memcpy(at, s.ptr, s.len);
    at[s.len] = '\0';
    info->protocols[info->protocols_len++] = info->names_len;
    info->names_len = (uint16_t)(info->names_len + s.len + 1);
    note_network(info, at);
    return true;
}

static bool take_blob(uint8_t *to, uint16_t *to_len, size_t max, struct pando_slice s)
{
    if (s.len == 0 || s.len > max)
        return false;
    memcpy(to, s.ptr, s.len);
    *to_len = (uint16_t)s.len;
    return true;
}

/* One field; false when it is one of ours and could not be taken in. */
static bool take_field(struct identify_info *info, const struct pb_field *field)
{
    if (field->type != PB_BYTES)
        return true;
    const struct pando_slice s = field->bytes;
    switch (field->number) {
    case PUBLIC_KEY:
        return take_blob(info->key, &info->key_len, IDENTIFY_KEY_MAX, s);
    case ADDRESS:
        return add_address(info, s);
    case PROTOCOL:
        return add_protocol(info, s);
    case OBSERVED:
        if (!take_address(&info->observed, s))
            return false;
        info->has_observed = true;
        return true;
    case VERSION:
        take_text(info->version, s);
        return true;
    case AGENT:
        take_text(info->agent, s);
        return true;
    case RECORD:
        return take_blob(info->record, &info->record_len, IDENTIFY_RECORD_MAX, s);
    default:
        return true;
    }
}

enum pando_status identify_merge(struct identify_info *info, struct pando_slice message)
{
    if (info->messages_len == IDENTIFY_MESSAGES_MAX || message.len > IDENTIFY_IN_MAX)
        return PANDO_FULL;
    struct pb_field field;
    struct wire_reader check = wire_read(message);
    while (pb_next(&check, &field))
        continue;
    if (!wire_read_done(&check))
        return PANDO_MALFORMED;

    info->messages_len++;
    struct wire_reader r = wire_read(message);
    while (pb_next(&r, &field)) {
        if (!take_field(info, &field) && info->dropped < UINT16_MAX)
            info->dropped++;
    }
    return PANDO_OK;
}

enum pando_status identify_check(const struct identify_info *info,
                                 const struct peer_id *peer)
{
    if (info->messages_len == 0)
        return PANDO_MALFORMED;
    if (info->key_len == 0)
        return PANDO_OK;
    struct peer_id said;
    if (peer_id_from_public(slice_of(info->key, info->key_len), &said) != PANDO_OK)
        return PANDO_MALFORMED;
    return peer_id_equal(&said, peer) ? PANDO_OK : PANDO_FORGED;
}

const char *identify_protocol(const struct identify_info *info, size_t i)
{
    PANDO_ASSERT(i < info->protocols_len);
    return info->names + info->protocols[i];
}

bool identify_speaks(const struct identify_info *info, const char *protocol)
{
    for (size_t i = 0; i < info->protocols_len; i++) {
        if (strcmp(identify_protocol(info, i), protocol) == 0)
            return true;
    }
    return false;
}

bool identify_is_foreign(const struct identify_info *info, const char *network)
{
    return info->network[0] != '\0' && strcmp(info->network, network) != 0;
}
