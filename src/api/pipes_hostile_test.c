/* Clients that do as they like: raw bytes over real loopback sockets. */
#include "pipes_hand.h"

#include "base/slice.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Ask with these bytes; the answer begins with `status`. */
static void expect_answer(const char *request, const char *status, const char *word)
{
    struct hand *f = hand_begin();
    const int fd = pipe_world_connect(&f->world, 0);
    hand_put_text(fd, request);
    hand_await(f, fd, "\r\n\r\n");
    hand_turn(f, fd);
    CHECK_NOTE("%s", request);
    CHECK(memcmp(f->seen, status, strlen(status)) == 0);
    CHECK(memmem(f->seen, f->seen_len, word, strlen(word)) != NULL);
    hand_finish(f, fd);
}

static void the_upgrade_is_answered_by_the_book(void **state)
{
    (void)state;
    expect_answer(ASK(""), "HTTP/1.1 101",
                  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    expect_answer(ASK(""), "HTTP/1.1 101", "Upgrade: websocket");
}

static void what_is_no_upgrade_is_told_so(void **state)
{
    (void)state;
    expect_answer("GET /federation HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 426",
                  "ws://");
    expect_answer("GET /federation HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 426",
                  "Upgrade: websocket");
    expect_answer("GET /elsewhere HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" KEY "\r\n",
                  "HTTP/1.1 404", "/elsewhere");
    expect_answer("GET /federation HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                  "Connection: Upgrade\r\nSec-WebSocket-Version: 8\r\n" KEY "\r\n",
                  "HTTP/1.1 426", "Sec-WebSocket-Version: 13");
    expect_answer("GET /federation HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                  "Sec-WebSocket-Key: short\r\n\r\n",
                  "HTTP/1.1 400", "16 bytes");
    expect_answer(
        "POST /federation HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nContent-Length: 0\r\n" KEY
        "\r\n",
        "HTTP/1.1 400", "GET");
}

static void pages_of_other_origins_stay_outside(void **state)
{
    (void)state;
    expect_answer(ASK("Origin: http://evil.example\r\n"), "HTTP/1.1 403", "Host");
    expect_answer(
        "GET /federation HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\n" KEY "Host: localhost\r\n"
        "Origin: http://evil.example\r\n\r\n",
        "HTTP/1.1 403", "another site");
    expect_answer(ASK("Origin: https://page.example:8443\r\n"), "HTTP/1.1 101",
                  "websocket");
    expect_answer(ASK("Origin: http://localhost:8000\r\n"), "HTTP/1.1 101", "websocket");
    expect_answer(ASK("Authorization: Bearer guess\r\n"), "HTTP/1.1 401", "token");
}

static void single_bytes_make_messages(void **state)
{
    (void)state;
    struct hand *f = hand_begin();
    const int fd = hand_upgrade(f);
    static const uint8_t frames[] = { 0x01, 0x82, 0, 0, 0, 0,  'a', 'b',
                                      0x00, 0x81, 0, 0, 0, 0,  'c', 0x80,
                                      0x81, 0,    0, 0, 0, 'd' };
    for (size_t i = 0; i < sizeof frames; i++) {
        hand_put(fd, &frames[i], 1);
        hand_turn(f, fd);
    }
    for (int i = 0; i < 100 && f->owner.texts == 0; i++)
        hand_turn(f, fd);
    CHECK_EQ(f->owner.texts, 1);
    CHECK_STR(f->owner.last, "abcd");
    hand_finish(f, fd);
}

/* Method: much more waits in the socket than one turn may read; the readiness of the
 * socket is served once. */
static void a_busy_connection_reads_a_bounded_part_in_a_turn(void **state)
{
    (void)state;
    enum { BLOCK = 700, FRAME = 106 };
    struct hand *f = hand_begin();
    const int fd = hand_upgrade(f);
    static uint8_t frames[BLOCK * FRAME];
    for (size_t i = 0; i < sizeof frames; i += FRAME) {
        memcpy(frames + i, "\x81\xe4\0\0\0\0", 6);
        memset(frames + i + 6, 'x', FRAME - 6);
    }
    for (int i = 0; i < 10; i++)
        hand_put(fd, frames, sizeof frames);
    pipe_world_serve(&f->world, 100);
    CHECK(f->owner.texts > 0);
    CHECK(f->owner.texts <= (4 * 65536) / FRAME + 1);
    hand_finish(f, fd);
}

static void frames_may_come_with_the_request(void **state)
{
    (void)state;
    struct hand *f = hand_begin();
    const int fd = pipe_world_connect(&f->world, 0);
    static const char all[] = ASK("") "\x81\x82\0\0\0\0hi";
    hand_put(fd, all, sizeof all - 1);
    for (int i = 0; i < 200 && f->owner.texts == 0; i++)
        hand_turn(f, fd);
    CHECK_EQ(f->owner.texts, 1);
    hand_finish(f, fd);
}

/* After these bytes the client sees a close with `code` and then the end, even though it
 * goes on talking. */
static void expect_close(const void *bytes, size_t len, unsigned code)
{
    struct hand *f = hand_begin();
    const int fd = hand_upgrade(f);
    hand_put(fd, bytes, len);
    hand_put_text(fd, "more and more and more");
    hand_await(f, fd, NULL);
    CHECK(f->seen_len >= 4 && f->seen[0] == 0x88);
    CHECK_EQ(f->seen[2] << 8 | f->seen[3], code);
    CHECK_EQ(f->owner.closed, 1);
    CHECK_EQ(f->owner.code, code);
    CHECK(f->owner.why[0] != '\0');
    hand_finish(f, fd);
}

static void broken_rules_end_with_their_code(void **state)
{
    (void)state;
    expect_close("\x81\x02hi", 4, PIPE_CODE_PROTOCOL); /* no mask */
    expect_close("\x82\x81\0\0\0\0x", 7, PIPE_CODE_KIND);
    expect_close("\x81\x81\0\0\0\0\xff", 7, PIPE_CODE_TEXT);
    expect_close("\x81\xff\0\0\0\0\0\x80\0\1\0\0\0\0x", 15,
                 PIPE_CODE_SIZE); /* 8 MiB and one */
}

static void a_ping_flood_is_ended(void **state)
{
    (void)state;
    uint8_t pings[300 * 6];
    for (size_t i = 0; i < sizeof pings; i += 6)
        memcpy(pings + i, "\x89\x80\0\0\0\0", 6);
    expect_close(pings, sizeof pings, PIPE_CODE_POLICY);
}

static void a_close_is_answered_and_the_connection_ends(void **state)
{
    (void)state;
    struct hand *f = hand_begin();
    const int fd = hand_upgrade(f);
    hand_put(fd, "\x88\x82\0\0\0\0\x03\xe8", 8);
    hand_await(f, fd, NULL);
    CHECK_EQ(f->seen_len, 4);
    CHECK_MEM(f->seen, "\x88\x02\x03\xe8", 4);
    CHECK_EQ(f->owner.status, PANDO_OK);
    CHECK_EQ(f->owner.code, 1000);
    hand_finish(f, fd);
}

static void a_silent_client_is_pinged_and_then_cut(void **state)
{
    (void)state;
    struct hand *f = hand_begin();
    const int fd = hand_upgrade(f);
    f->world.ahead = PANDO_SEC(31);
    hand_await(f, fd, "\x89");
    CHECK_EQ(f->owner.closed, 0);
    f->world.ahead = PANDO_SEC(62);
    hand_await(f, fd, NULL);
    CHECK_EQ(f->owner.status, PANDO_TIMEOUT);
    hand_finish(f, fd);
}

static void send_much(struct hand *f, size_t count)
{
    enum { SIZE = 1 << 20 };
    const struct pipe_port p = ws_port(f->world.machines[0].ws);
    char *text = malloc(SIZE);
    CHECK(text != NULL);
    memset(text, 'x', SIZE);
    for (size_t i = 0; i < count; i++)
        p.ops->send(p.ctx, f->owner.pipe, bytes_copy(slice_of(text, SIZE)));
    free(text);
}

static void a_client_that_takes_nothing_is_cut(void **state)
{
    (void)state;
    struct hand *f = hand_begin();
    const int fd = hand_upgrade(f);
    send_much(f, 16);
    for (int i = 0; i < 20; i++)
        pipe_world_serve(&f->world, 1);
    CHECK_EQ(f->owner.closed, 0);
    f->world.ahead = PANDO_SEC(31);
    for (int i = 0; i < 20; i++)
        pipe_world_serve(&f->world, 1);
    CHECK_EQ(f->owner.closed, 1);
    CHECK_EQ(f->owner.status, PANDO_TIMEOUT);
    hand_finish(f, fd);
}

static void there_is_a_wall_behind_the_credit(void **state)
{
    (void)state;
    struct hand *f = hand_begin();
    const int fd = hand_upgrade(f);
    send_much(f, 40);
    for (int i = 0; i < 5; i++)
        pipe_world_serve(&f->world, 1);
    CHECK_EQ(f->owner.closed, 1);
    CHECK_EQ(f->owner.status, PANDO_FULL);
    hand_finish(f, fd);
}

/* Method: twenty clients each send most of a message of 8 MiB and never its end. */
static void unfinished_messages_share_a_wall(void **state)
{
    (void)state;
    enum { CLIENTS = 20, MOST = 7 << 20, BLOCK = 1 << 16 };
    struct hand *f = hand_begin();
    static const uint8_t block[BLOCK];
    int fds[CLIENTS];
    size_t left[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = pipe_world_connect(&f->world, 0);
        left[i] = MOST;
        hand_put_text(fds[i], ASK(""));
    }
    for (int i = 0; i < 500 && f->owner.opened < CLIENTS; i++)
        pipe_world_serve(&f->world, 5);
    for (int i = 0; i < CLIENTS; i++)
        hand_put(fds[i], "\x81\xff\0\0\0\0\0\x7f\0\0\0\0\0\0", 14);
    for (int round = 0; round < 20000 && f->owner.closed == 0; round++) {
        for (int i = 0; i < CLIENTS; i++) {
            const ssize_t sent =
                left[i] < BLOCK ? 0
                                : send(fds[i], block, BLOCK, MSG_NOSIGNAL | MSG_DONTWAIT);
            left[i] -= sent > 0 ? (size_t)sent : 0;
        }
        pipe_world_serve(&f->world, 0);
    }
    CHECK(f->owner.closed > 0 && f->owner.closed < CLIENTS / 2);
    CHECK_EQ(f->owner.status, PANDO_FULL);
    CHECK_EQ(f->owner.code, PIPE_CODE_LATER);
    for (int i = 0; i < CLIENTS; i++)
        (void)close(fds[i]);
    hand_finish(f, -1);
}

static void a_client_that_vanishes_is_noticed(void **state)
{
    (void)state;
    struct hand *f = hand_begin();
    const int fd = hand_upgrade(f);
    hand_finish(
        f, fd); /* closes without a word; pipe_world_end checks that nothing is left */
    f = hand_begin();
    const int other = hand_upgrade(f);
    (void)close(other);
    for (int i = 0; i < 200 && f->owner.closed == 0; i++)
        pipe_world_serve(&f->world, 1);
    CHECK_EQ(f->owner.closed, 1);
    CHECK_EQ(f->owner.status, PANDO_UNAVAILABLE);
    hand_finish(f, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_upgrade_is_answered_by_the_book),
        TEST(what_is_no_upgrade_is_told_so),
        TEST(pages_of_other_origins_stay_outside),
        TEST(single_bytes_make_messages),
        TEST(a_busy_connection_reads_a_bounded_part_in_a_turn),
        TEST(frames_may_come_with_the_request),
        TEST(broken_rules_end_with_their_code),
        TEST(a_ping_flood_is_ended),
        TEST(a_close_is_answered_and_the_connection_ends),
        TEST(a_silent_client_is_pinged_and_then_cut),
        TEST(a_client_that_takes_nothing_is_cut),
        TEST(there_is_a_wall_behind_the_credit),
        TEST(unfinished_messages_share_a_wall),
        TEST(a_client_that_vanishes_is_noticed),
    };
    return CHECK_RUN(tests);
}
