/* udp_rx.h - the receive buffers of one socket: a batch of 64 KiB messages each with room
 * for its sender, its GRO segment size and the local address it came to. */
#ifndef NET_UDP_RX_H
#define NET_UDP_RX_H

struct udp_rx;

struct udp_rx *udp_rx_new(void);
/* Accepts NULL. */
void udp_rx_free(struct udp_rx *rx);

#endif
