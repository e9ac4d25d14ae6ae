/* What members say to each other, and what entries hold, comes back as it was put. */
#include "check.h"
#include "base/slice.h"
#include "crypto/sign.h"
#include "space/log/wire.h"

static void messages_come_back_as_they_were(void **state)
{
    (void)state;
    struct pando_buf b;
    struct batch_message got;
    const struct batch_message put[] = {
        { .client = 7, .counter = 1, .room = slice_text("general"), .body = slice_text("x") },
        { .binary = true, .named = true, .client = UINT64_MAX, .counter = 1u << 30,
          .id = { { 1, 2, 3 } }, .room = slice_text("r"), .sender = slice_text("peer_1") },
    };
    buf_init(&b, 1000);
    CHECK_OK(batch_put(&b, &put[0]));
    CHECK_OK(batch_put(&b, &put[1]));
    struct pando_slice left = buf_view(&b);
    uint32_t count;
    CHECK(batch_count(left, &count));
    CHECK_EQ(count, 2);
    for (size_t i = 0; i < 2; i++) {
        CHECK(batch_next(&left, &got));
        CHECK_EQ(got.client, put[i].client);
        CHECK_EQ(got.counter, put[i].counter);
        CHECK_EQ(got.binary, put[i].binary);
        CHECK(slice_equal(got.room, put[i].room));
        CHECK(slice_equal(got.sender, put[i].sender));
        CHECK(slice_equal(got.body, put[i].body));
    }
    CHECK_EQ(got.id.bytes[2], 3);
    CHECK_EQ(left.len, 0);
    left = slice_of(b.ptr, b.len - 1);
    CHECK(!batch_count(left, &count));
    buf_deinit(&b);
}

static void a_message_over_its_caps_is_refused(void **state)
{
    (void)state;
    static uint8_t large[LOG_MESSAGE_MAX + 1];
    struct pando_buf b;
    buf_init(&b, 1u << 20);
    struct batch_message m = { .counter = 1, .room = slice_text("r"),
                               .body = slice_of(large, LOG_MESSAGE_MAX) };
    CHECK_OK(batch_put(&b, &m));
    const size_t len = b.len;
    m.body.len++;
    CHECK_EQ(batch_put(&b, &m), PANDO_INVALID);
    m.body.len = 0;
    m.room = SLICE_EMPTY;
    CHECK_EQ(batch_put(&b, &m), PANDO_INVALID);
    m.room = slice_of("a\0b", 3);
    CHECK_EQ(batch_put(&b, &m), PANDO_INVALID);
    CHECK_EQ(b.len, len);
    buf_deinit(&b);
}

static void members_come_back_and_must_rise(void **state)
{
    (void)state;
    struct pando_buf b;
    struct batch_members m = { .len = 2 }, got;
    const struct pando_key key = { { 9 } };
    m.at[0] = (struct batch_member){ .raft = { 1, RAFT_VOTER }, .peer = peer_id_from_key(&key),
                                     .name = "peer_1", .address = "/ip4/127.0.0.1/udp/1" };
    m.at[1] = (struct batch_member){ .raft = { 5, RAFT_LEARNER } };
    buf_init(&b, 4096);
    CHECK_OK(batch_put_members(&b, &m));
    CHECK_OK(batch_read_members(buf_view(&b), &got));
    CHECK_EQ(got.len, 2);
    CHECK(peer_id_equal(&got.at[0].peer, &m.at[0].peer));
    CHECK_STR(got.at[0].address, m.at[0].address);
    CHECK_EQ(got.at[1].raft.standing, RAFT_LEARNER);
    CHECK_EQ(got.at[1].peer.len, 0);
    CHECK_EQ(batch_read_members(slice_of(b.ptr, b.len - 1), &got), PANDO_MALFORMED);
    buf_reset(&b);
    m.at[1].raft.id = 1;
    CHECK_OK(batch_put_members(&b, &m));
    CHECK_EQ(batch_read_members(buf_view(&b), &got), PANDO_MALFORMED);
    buf_deinit(&b);
}

static void raft_messages_come_back_with_their_entries(void **state)
{
    (void)state;
    uint8_t bytes[512];
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    const struct raft_message m = { .kind = RAFT_APPEND, .from = 1, .to = 2, .term = 3,
                                    .index = 4, .log_term = 5, .commit = 6, .round = 7,
                                    .probe = 8, .count = 1 };
    log_wire_put_raft(&w, &m);
    CHECK_EQ(w.len, LOG_WIRE_RAFT_HEAD);
    wire_put_be(&w, LOG_WIRE_RECORD_HEAD + 2, 4);
    log_wire_put_record(&w, 5, 3, RAFT_DATA);
    wire_put_bytes(&w, slice_text("hi"));
    struct raft_message got;
    struct pando_slice entries, record, body;
    struct raft_entry e;
    CHECK_OK(log_wire_get_raft(slice_from(wire_written(&w), 1), &got, &entries));
    CHECK_EQ(got.kind, m.kind);
    CHECK_EQ(got.probe, 8);
    CHECK_EQ(got.count, 1);
    CHECK(log_wire_next_record(&entries, &record));
    CHECK(log_wire_get_record(record, &e, &body));
    CHECK_EQ(e.index, 5);
    CHECK_EQ(e.size, 2);
    CHECK(slice_equal(body, slice_text("hi")));
    CHECK(!log_wire_next_record(&entries, &record));
    bytes[1] = 99;
    CHECK_EQ(log_wire_get_raft(slice_from(wire_written(&w), 1), &got, &entries),
             PANDO_MALFORMED);
}

static void greetings_come_back(void **state)
{
    (void)state;
    uint8_t bytes[512];
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    struct log_hello h = { .member = 3, .blank = true, .mending = true, .name = "peer_3",
                           .address = "" }, got;
    log_wire_put_hello(&w, LOG_WIRE_HELLO, &h);
    CHECK_OK(log_wire_get_hello(slice_from(wire_written(&w), 1), &got));
    CHECK_EQ(got.member, 3);
    CHECK(!got.known && got.blank && got.mending && !got.empty);
    CHECK_STR(got.name, "peer_3");
    uint8_t other[512];
    struct wire_writer v = wire_write(other, sizeof other);
    h.empty = true;
    h.term = 7;
    log_wire_put_hello(&v, LOG_WIRE_HELLO, &h);
    CHECK_OK(log_wire_get_hello(slice_from(wire_written(&v), 1), &got));
    CHECK(got.empty && got.term == 7);
    bytes[1] = 2;
    CHECK_EQ(log_wire_get_hello(slice_from(wire_written(&w), 1), &got), PANDO_UNSUPPORTED);
    w = wire_write(bytes, sizeof bytes);
    struct log_join_ack a = { .status = LOG_WIRE_JOIN_REFUSED, .leader = 1, .text = "no" }, b;
    log_wire_put_join_ack(&w, &a);
    CHECK_OK(log_wire_get_join_ack(slice_from(wire_written(&w), 1), &b));
    CHECK_EQ(b.status, LOG_WIRE_JOIN_REFUSED);
    CHECK_STR(b.text, "no");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(messages_come_back_as_they_were),  TEST(a_message_over_its_caps_is_refused),
        TEST(members_come_back_and_must_rise),  TEST(raft_messages_come_back_with_their_entries),
        TEST(greetings_come_back),
    };
    return CHECK_RUN(tests);
}
