/* Property: what a peer says stays within the caps and is printable, and a message made
 * of it and of us is read back as it was meant. */
#include "base/assert.h"
#include "base/slice.h"
#include "proto/identify/identify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct identify_info *info)
{
    PANDO_ASSERT(info->protocols_len <= IDENTIFY_PROTOCOLS_MAX);
    PANDO_ASSERT(info->addresses_len <= IDENTIFY_ADDRESSES_MAX);
    for (size_t i = 0; i < info->protocols_len; i++)
        PANDO_ASSERT(strlen(identify_protocol(info, i)) < IDENTIFY_NAMES_SIZE);
    for (const char *c = info->agent; *c != '\0'; c++)
        PANDO_ASSERT(*c >= 0x20 && *c < 0x7f);
    PANDO_ASSERT(info->network[0] == '\0' || identify_network_is_valid(info->network));
}

/* Say the same addresses and protocols of ourselves. */
static void say_again(const struct identify_info *info)
{
    static const char *protocols[IDENTIFY_PROTOCOLS_MAX];
    static uint8_t out[IDENTIFY_OUT_MAX];
    static struct identify_info again;
    for (size_t i = 0; i < info->protocols_len; i++)
        protocols[i] = identify_protocol(info, i);
    const struct identify_self self = {
        .key = { { 1 } },
        .network = info->network[0] != '\0' ? info->network : NULL,
        .agent = info->agent,
        .protocols = protocols,
        .protocols_len = info->protocols_len,
        .addresses = info->addresses,
        .addresses_len = info->addresses_len,
    };
    struct wire_writer w = wire_write(out, sizeof out);
    if (identify_encode(&self, info->has_observed ? &info->observed : NULL, &w) !=
        PANDO_OK)
        return;
    PANDO_ASSERT(w.len <= IDENTIFY_OUT_MAX);
    identify_init(&again);
    PANDO_ASSERT(identify_merge(&again, wire_written(&w)) == PANDO_OK);
    PANDO_ASSERT(strcmp(again.agent, info->agent) == 0);
    PANDO_ASSERT(again.addresses_len <= info->addresses_len);
    for (size_t i = 0; i < again.addresses_len; i++)
        PANDO_ASSERT(multiaddr_equal(&again.addresses[i], &info->addresses[i]));
    for (size_t i = 0; i < info->protocols_len && i < again.protocols_len; i++)
        PANDO_ASSERT(strcmp(identify_protocol(&again, i), protocols[i]) == 0);
    PANDO_ASSERT(strcmp(again.network, info->network) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct identify_info info;
    const struct pando_key key = { { 1 } };
    const struct peer_id peer = peer_id_from_key(&key);
    uint64_t seq;
    identify_init(&info);
    const size_t half = size / 2;
    const enum pando_status first = identify_merge(&info, slice_of(data, half));
    if (identify_merge(&info, slice_of(data + half, size - half)) != PANDO_OK &&
        first != PANDO_OK && identify_merge(&info, slice_of(data, size)) != PANDO_OK)
        return 0;
    check(&info);
    if (identify_check(&info, &peer) == PANDO_OK && info.key_len > 0)
        PANDO_ASSERT(info.key_len == PEER_ID_PUBLIC_SIZE);
    if (identify_certify(&info, &peer, &seq) == PANDO_OK)
        check(&info);
    say_again(&info);
    return 0;
}
