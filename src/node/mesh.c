/* mesh.c - dial whom the spaces name: members, or with --mesh every node that is announced.
 *
 * An announce event carries the addresses of its author. A node that hears of an address
 * which it does not know yet adds it to the dialler, so three nodes that know one of them
 * soon know each other. Loopback addresses are dialled only by nodes that listen on
 * loopback themselves: elsewhere they would mean another machine.
 */
#include "node/args.h"
#include "node/state.h"

#define MESH_ADDRESSES_MAX 4

static bool is_loopback(const struct multiaddr *a)
{
    struct multiaddr_udp udp;
    static const uint8_t one[16] = { [15] = 1 };
    return multiaddr_to_udp(a, &udp) == PANDO_OK &&
           ((udp.ip_len == 4 && udp.ip[0] == 127) ||
            (udp.ip_len == 16 && memcmp(udp.ip, one, sizeof one) == 0));
}

static bool listens_on_loopback(const struct node *n)
{
    for (size_t i = 0; i < n->listen_len; i++)
        if (is_loopback(&n->listen[i]))
            return true;
    return false;
}

void nodes_meet(struct node *n, const char *text)
{
    struct multiaddr a;
    struct multiaddr_udp udp;
    struct peer_id id;
    uint32_t index, token;
    if (multiaddr_parse(text, &a, NULL) != PANDO_OK ||
        multiaddr_to_udp(&a, &udp) != PANDO_OK || udp.p2p.len == 0 ||
        peer_id_decode(udp.p2p, &id) != PANDO_OK)
        return;
    if (!node_admits(n, &id) || peer_find(n, &id, &index) != NULL ||
        (is_loopback(&a) && !listens_on_loopback(n)))
        return;
    (void)!dialer_add(&n->dialer, n->now, &a, true, &token);
}

void nodes_heard(struct node *n, struct pando_slice notice)
{
    if (!n->config.mesh || n->stopping)
        return;
    json_t *said = args_parse(notice, NULL);
    const json_t *body = json_object_get(json_object_get(said, "event"), "body");
    const json_t *addresses = json_object_get(body, "addresses");
    for (size_t i = 0; i < json_array_size(addresses) && i < MESH_ADDRESSES_MAX; i++) {
        const char *text = json_string_value(json_array_get(addresses, i));
        if (text != NULL)
            nodes_meet(n, text);
    }
    json_decref(said);
}
