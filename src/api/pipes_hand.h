/* pipes_hand.h - a WebSocket listener and dialler over real loopback sockets, with raw
 * bytes on the other side, which the test says by hand.
 *
 * pipe_world.h has the machines; what their node is told lies in `owner`.
 */
#ifndef API_PIPES_HAND_H
#define API_PIPES_HAND_H

#include "check.h"
#include "pipe_world.h"

#define TLS_DIR PANDO_SOURCE_DIR "/tests/vectors/tls/"
#define KEY     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define ASK(headers)                                                            \
    "GET /federation HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
    "Sec-WebSocket-Version: 13\r\n" KEY "Host: somewhere.example\r\n" headers "\r\n"

enum { HAND_SEEN = 70000 };

/* What the node behind a machine was told. */
struct hand_owner {
    int opened, texts, closed;
    uint32_t pipe;
    enum pando_status status;
    uint16_t code;
    char why[320], last[40];
};

struct hand {
    struct pipe_world world;
    struct hand_owner owner;
    uint8_t seen[HAND_SEEN];
    size_t seen_len;
    bool ended;
};

struct hand *hand_begin_with(struct pipe_world_config config);
/* With page.example in http_hosts, and http://localhost:8000 in federation.origins. */
struct hand *hand_begin(void);
/* Close `fd` (unless negative) and end the world, which checks that nothing is left. */
void hand_finish(struct hand *f, int fd);
/* As far as the other side takes it. */
void hand_put(int fd, const void *bytes, size_t len);
void hand_put_text(int fd, const char *text);
/* Serve, and collect what the client sees. */
void hand_turn(struct hand *f, int fd);
/* Until the client has seen `text`, or the end with NULL. */
void hand_await(struct hand *f, int fd, const char *text);
/* A client whose upgrade is through. */
int hand_upgrade(struct hand *f);

#endif
