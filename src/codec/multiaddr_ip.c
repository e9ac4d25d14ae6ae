#include "codec/multiaddr_protocol.h"

#include "base/slice.h"

#include <stdio.h>
#include <string.h>

bool multiaddr_number_parse(struct pando_slice text, uint64_t max, uint64_t *ret_value)
{
    if (text.len == 0 || (text.len > 1 && text.ptr[0] == '0'))
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        const uint8_t c = text.ptr[i];
        if (c < '0' || c > '9' || value > (max - (uint64_t)(c - '0')) / 10)
            return false;
        value = value * 10 + (uint64_t)(c - '0');
    }
    *ret_value = value;
    return true;
}

bool multiaddr_ip4_parse(struct pando_slice text, uint8_t ret_ip[4])
{
    for (int i = 0; i < 4; i++) {
        const uint8_t *dot = text.len > 0 ? memchr(text.ptr, '.', text.len) : NULL;
        if ((i < 3) != (dot != NULL))
            return false;
        const size_t len = dot != NULL ? (size_t)(dot - text.ptr) : text.len;
        uint64_t value;
        if (!multiaddr_number_parse(slice_of(text.ptr, len), 255, &value))
            return false;
        ret_ip[i] = (uint8_t)value;
        text = slice_from(text, len + 1);
    }
    return true;
}

void multiaddr_ip4_print(const uint8_t ip[4], char ret_text[MULTIADDR_IP_TEXT])
{
    (void)snprintf(ret_text, MULTIADDR_IP_TEXT, "%u.%u.%u.%u", ip[0], ip[1], ip[2],
                   ip[3]);
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* One group of 1..4 hex digits at the head of `text`; returns its length or 0. */
static size_t hex_group(struct pando_slice text, uint8_t ret[2])
{
    uint32_t value = 0;
    size_t len = 0;
    while (len < text.len && len < 5 && hex_value(text.ptr[len]) >= 0)
        value = value << 4 | (uint32_t)hex_value(text.ptr[len++]);
    if (len == 0 || len > 4)
        return 0;
    ret[0] = (uint8_t)(value >> 8);
    ret[1] = (uint8_t)value;
    return len;
}

/* Groups separated by single colons; an IPv4 tail counts as two. Returns bytes or -1. */
static int groups_parse(struct pando_slice text, bool tail, uint8_t ret[16])
{
    int len = 0;
    while (text.len > 0) {
        const bool last = memchr(text.ptr, ':', text.len) == NULL;
        if (last && tail && len <= 12 && memchr(text.ptr, '.', text.len) != NULL)
            return multiaddr_ip4_parse(text, ret + len) ? len + 4 : -1;
        const size_t took = len <= 14 ? hex_group(text, ret + len) : 0;
        if (took == 0)
            return -1;
        len += 2;
        text = slice_from(text, took);
        if (text.len == 0)
            return len;
        if (text.ptr[0] != ':' || text.len == 1)
            return -1;
        text = slice_from(text, 1);
    }
    return len;
}

bool multiaddr_ip6_parse(struct pando_slice text, uint8_t ret_ip[16])
{
    uint8_t head[16], tail[16];
    size_t gap = 0;
    if (text.len > 45)
        return false;
    while (gap + 1 < text.len && !(text.ptr[gap] == ':' && text.ptr[gap + 1] == ':'))
        gap++;
    if (gap + 1 >= text.len) /* no "::" */
        return text.len > 0 && groups_parse(text, true, ret_ip) == 16;
    const int front = groups_parse(slice_of(text.ptr, gap), false, head);
    const int back = groups_parse(slice_from(text, gap + 2), true, tail);
    if (front < 0 || back < 0 || front + back > 14)
        return false;
    memset(ret_ip, 0, 16);
    memcpy(ret_ip, head, (size_t)front);
    memcpy(ret_ip + 16 - back, tail, (size_t)back);
    return true;
}

/* The longest run of at least two zero groups; the first of equals. Its length or 0. */
static int longest_gap(const uint8_t ip[16], int *ret_from)
{
    int best = 1, run = 0;
    for (int i = 0; i < 8; i++) {
        run = ip[2 * i] == 0 && ip[2 * i + 1] == 0 ? run + 1 : 0;
        if (run > best) {
            best = run;
            *ret_from = i - run + 1;
        }
    }
    return best > 1 ? best : 0;
}

void multiaddr_ip6_print(const uint8_t ip[16], char ret_text[MULTIADDR_IP_TEXT])
{
    static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
    int from = 8, at = 0;
    const int gap = longest_gap(ip, &from);
    if (memcmp(ip, mapped, sizeof mapped) == 0) {
        (void)snprintf(ret_text, MULTIADDR_IP_TEXT, "::ffff:%u.%u.%u.%u", ip[12], ip[13],
                       ip[14], ip[15]);
        return;
    }
    if (gap == 8)
        at = snprintf(ret_text, MULTIADDR_IP_TEXT, "::");
    for (int i = 0; i < 8; i++) {
        if (gap > 0 && i >= from && i < from + gap)
            continue;
        const bool after = gap > 0 && i == from + gap;
        const unsigned group = (unsigned)ip[2 * i] << 8 | ip[2 * i + 1];
        const char *mark = after ? "::" : i > 0 ? ":" : "";
        at += snprintf(ret_text + at, (size_t)(MULTIADDR_IP_TEXT - at), "%s%x", mark,
                       group);
    }
    if (gap > 0 && gap < 8 && from + gap == 8)
        (void)snprintf(ret_text + at, (size_t)(MULTIADDR_IP_TEXT - at), "::");
}
