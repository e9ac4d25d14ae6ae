#include "link_witness.h"

#include "base/bytes.h"
#include "base/slice.h"
#include "check.h"

static void comes_up_on_both_sides_with_the_right_identities(void **state)
{
    struct fixture *f = witness_begin(state);
    witness_join(f);
    const struct seen_event *dialer = witness_find(&f->sides[0], LINK_UP, 0);
    const struct seen_event *listener = witness_find(&f->sides[1], LINK_UP, 0);
    CHECK(dialer->dialed && !listener->dialed);
    CHECK_EQ(dialer->token, 77);
    CHECK_EQ(listener->token, 0);
    CHECK(dialer->link != 0 && listener->link != 0);
    CHECK(peer_id_equal(&dialer->peer, &f->sides[1].at.id));
    CHECK(peer_id_equal(&listener->peer, &f->sides[0].at.id));
    CHECK(multiaddr_equal(&dialer->address, &f->sides[1].at.address));
    witness_end(f);
}

static void refuses_a_peer_with_another_identity(void **state)
{
    struct fixture *f = witness_begin(state);
    const struct link_port *p = &f->sides[0].at.port;
    const struct link_target target = { f->sides[1].at.address, f->sides[0].at.id };
    char want[PEER_ID_TEXT_MAX], got[PEER_ID_TEXT_MAX];
    CHECK_OK(p->ops->dial(p->ctx, &target, 5));
    witness_await_events(f, 0, LINK_DIAL_FAILED, 1);
    const struct seen_event *failed = witness_find(&f->sides[0], LINK_DIAL_FAILED, 0);
    CHECK_EQ(failed->token, 5);
    CHECK_EQ(failed->reason, LINK_REASON_WRONG_PEER);
    peer_id_print(&f->sides[0].at.id, want);
    peer_id_print(&f->sides[1].at.id, got);
    CHECK(strstr(failed->text, want) != NULL && strstr(failed->text, got) != NULL);
    f->h->run_for(f->h->ctx, PANDO_MSEC(200));
    CHECK_EQ(witness_count(&f->sides[0], LINK_UP), 0);
    CHECK_EQ(witness_count(&f->sides[1], LINK_UP), 0);
    witness_end(f);
}

static void takes_any_identity_when_none_is_asked_for(void **state)
{
    struct fixture *f = witness_begin(state);
    const struct link_port *p = &f->sides[0].at.port;
    const struct link_target target = { .address = f->sides[1].at.address };
    CHECK_OK(p->ops->dial(p->ctx, &target, 6));
    witness_await_events(f, 0, LINK_UP, 1);
    CHECK(peer_id_equal(&witness_find(&f->sides[0], LINK_UP, 0)->peer, &f->sides[1].at.id));
    witness_end(f);
}

static void fails_a_dial_that_nobody_answers(void **state)
{
    struct fixture *f = witness_begin(state);
    const struct link_port *p = &f->sides[0].at.port;
    const struct link_target target = { .address = f->h->nobody };
    CHECK_OK(p->ops->dial(p->ctx, &target, 9));
    witness_await_events(f, 0, LINK_DIAL_FAILED, 1);
    const struct seen_event *failed = witness_find(&f->sides[0], LINK_DIAL_FAILED, 0);
    CHECK_EQ(failed->token, 9);
    CHECK(failed->reason == LINK_REASON_UNREACHABLE ||
          failed->reason == LINK_REASON_HANDSHAKE_TIMEOUT);
    CHECK(strlen(failed->text) > 0);
    witness_end(f);
}

static void carries_streams_opened_by_either_side(void **state)
{
    struct fixture *f = witness_begin(state);
    witness_join(f);
    for (int side = 0; side < 2; side++) {
        struct side *other = &f->sides[1 - side];
        const size_t index = other->streams_len;
        const uint64_t stream = witness_open_stream(f, side, LINK_EVENT);
        CHECK_OK(witness_send_text(f, side, stream, "hello ", false));
        CHECK_OK(witness_send_text(f, side, stream, "there", true));
        witness_await(f, witness_has_fin, (struct wait){ .side = other, .stream = index });
        CHECK(other->streams[index].remote);
        CHECK_EQ(other->streams[index].link, witness_link_of(f, 1 - side));
        CHECK_EQ(other->streams[index].len, 11);
        CHECK_MEM(other->streams[index].head, "hello there", 11);
        /* and the answer on the same stream */
        const size_t back = f->sides[side].streams_len;
        CHECK_OK(witness_send_text(f, 1 - side, other->streams[index].stream, "yes", true));
        witness_await(f, witness_has_fin, (struct wait){ .side = &f->sides[side], .stream = back });
        CHECK_EQ(f->sides[side].streams[back].stream, stream);
        CHECK_MEM(f->sides[side].streams[back].head, "yes", 3);
    }
    witness_end(f);
}

static void ends_a_stream_with_nothing_in_it(void **state)
{
    struct fixture *f = witness_begin(state);
    witness_join(f);
    const uint64_t stream = witness_open_stream(f, 0, LINK_EVENT);
    CHECK_OK(witness_send_text(f, 0, stream, NULL, true));
    witness_await(f, witness_has_fin, (struct wait){ .side = &f->sides[1] });
    CHECK_EQ(f->sides[1].streams[0].len, 0);
    CHECK_EQ(witness_send_text(f, 0, stream, "more", false), PANDO_NOT_FOUND);
    witness_end(f);
}

static void joins_many_small_sends_in_order(void **state)
{
    struct fixture *f = witness_begin(state);
    witness_join(f);
    const uint64_t stream = witness_open_stream(f, 0, LINK_CONTROL);
    uint64_t want = 0, at = 0;
    for (int i = 0; i < 5000; i++) {
        char text[32];
        const int len = snprintf(text, sizeof text, "%d,", i);
        for (int k = 0; k < len; k++)
            want = witness_mix(want, at++, (uint8_t)text[k]);
        CHECK_OK(witness_send_text(f, 0, stream, text, i == 4999));
    }
    witness_await(f, witness_has_fin, (struct wait){ .side = &f->sides[1] });
    CHECK_EQ(f->sides[1].streams[0].len, at);
    CHECK_EQ(f->sides[1].streams[0].sum, want);
    witness_end(f);
}

static void carries_ten_megabytes_unharmed(void **state)
{
    struct fixture *f = witness_begin(state);
    witness_join(f);
    struct side *s = &f->sides[0];
    const uint64_t total = 10u << 20;
    s->sending = witness_open_stream(f, 0, LINK_BULK);
    s->to_send = total;
    witness_push_pattern(s);
    witness_await(f, witness_has_fin, (struct wait){ .side = &f->sides[1] });
    uint64_t want = 0;
    for (uint64_t i = 0; i < total; i++)
        want = witness_mix(want, i, witness_pattern(i));
    CHECK_EQ(f->sides[1].streams[0].len, total);
    CHECK(f->sides[1].streams[0].sum == want);
    CHECK_EQ(s->at.port.ops->queued(s->at.port.ctx, s->sending), 0);
    witness_end(f);
}

/* Nobody digests: the sender comes to a stop, is told so, and goes on after consume. */
static void stops_the_sender_when_nothing_is_consumed(void **state)
{
    struct fixture *f = witness_begin(state);
    witness_join(f);
    struct side *s = &f->sides[0], *r = &f->sides[1];
    const struct link_port *rp = &r->at.port;
    r->consume = false;
    s->sending = witness_open_stream(f, 0, LINK_BULK);
    s->to_send = 64u << 20;
    witness_push_pattern(s);
    CHECK(s->to_send > 0); /* refused above LINK_SEND_HIGH */
    witness_await(f, witness_has_bytes, (struct wait){ .side = r, .len = 1000 });
    f->h->run_for(f->h->ctx, PANDO_MSEC(500));
    const uint64_t stalled = r->streams[0].len;
    CHECK(stalled < 33u << 20);
    CHECK(s->at.port.ops->queued(s->at.port.ctx, s->sending) > 0);
    f->h->run_for(f->h->ctx, PANDO_MSEC(300));
    CHECK_EQ(r->streams[0].len, stalled);
    r->consume = true;
    rp->ops->consume(rp->ctx, r->streams[0].stream, (size_t)stalled);
    witness_await(f, witness_has_fin, (struct wait){ .side = r });
    CHECK_EQ(r->streams[0].len, 64u << 20);
    witness_end(f);
}

static void send_zeros(struct side *s, uint64_t stream, size_t len)
{
    uint8_t *data;
    struct bytes *b = bytes_new(len, &data);
    CHECK(b != NULL);
    memset(data, 0, len);
    CHECK_OK(s->at.port.ops->send(s->at.port.ctx, stream, b, false));
    bytes_unref(b);
}

/* A message is digested when its last byte is there: the window must have room for that,
 * wherever the bytes before it left it. */
static void carries_messages_that_are_digested_when_whole(void **state)
{
    struct fixture *f = witness_begin(state);
    witness_join(f);
    struct side *s = &f->sides[0], *r = &f->sides[1];
    const struct link_port *rp = &r->at.port;
    const uint64_t stream = witness_open_stream(f, 0, LINK_EVENT);
    const size_t whole = 256u << 10;
    uint64_t total = 0;
    for (int i = 0; i < 12; i++) {
        r->consume = true;
        send_zeros(s, stream, 13000);
        total += 13000;
        witness_await(f, witness_has_bytes, (struct wait){ .side = r, .len = total });
        r->consume = false;
        send_zeros(s, stream, whole);
        total += whole;
        witness_await(f, witness_has_bytes, (struct wait){ .side = r, .len = total });
        rp->ops->consume(rp->ctx, r->streams[0].stream, whole);
    }
    witness_end(f);
}

static void tells_a_reset_to_both_directions(void **state)
{
    struct fixture *f = witness_begin(state);
    witness_join(f);
    const struct link_port *p = &f->sides[0].at.port;
    const uint64_t stream = witness_open_stream(f, 0, LINK_EVENT);
    CHECK_OK(witness_send_text(f, 0, stream, "some", false));
    witness_await(f, witness_has_bytes, (struct wait){ .side = &f->sides[1], .len = 4 });
    p->ops->reset(p->ctx, stream);
    CHECK_EQ(witness_send_text(f, 0, stream, "more", false), PANDO_NOT_FOUND);
    witness_await_events(f, 1, LINK_RESET, 1);
    witness_await(f, witness_has_stopped, (struct wait){ .side = &f->sides[1] });
    CHECK_EQ(witness_send_text(f, 1, f->sides[1].streams[0].stream, "x", false), PANDO_NOT_FOUND);
    witness_end(f);
}

static void forgets_a_stream_that_it_reset(void **state)
{
    struct fixture *f = witness_begin(state);
    witness_join(f);
    const struct link_port *p1 = &f->sides[1].at.port;
    const uint64_t stream = witness_open_stream(f, 0, LINK_EVENT);
    CHECK_OK(witness_send_text(f, 0, stream, "a", false));
    witness_await(f, witness_has_bytes, (struct wait){ .side = &f->sides[1], .len = 1 });
    p1->ops->reset(p1->ctx, f->sides[1].streams[0].stream);
    (void)witness_send_text(f, 0, stream, "b", false);
    witness_await_events(f, 0, LINK_STOPPED, 1);
    f->h->run_for(f->h->ctx, PANDO_MSEC(200));
    CHECK_EQ(f->sides[1].streams[0].len, 1); /* nothing came after */
    witness_end(f);
}

static bool all_streams_ended(void *arg)
{
    const struct wait *w = arg;
    size_t ended = 0;
    for (size_t i = 0; i < w->side->streams_len; i++)
        ended += w->side->streams[i].fin;
    return ended >= w->count;
}

/* More streams than the peer admits at once: the rest follow as earlier ones end. */
static void admits_waiting_streams_when_earlier_ones_end(void **state)
{
    enum { MANY = 400 };
    struct fixture *f = witness_begin(state);
    witness_join(f);
    for (int i = 0; i < MANY; i++) {
        const uint64_t stream = witness_open_stream(f, 0, LINK_EVENT);
        CHECK_OK(witness_send_text(f, 0, stream, "x", true));
    }
    const struct wait w = { .side = &f->sides[1], .count = MANY };
    f->sides[1].answer = true;
    witness_await(f, all_streams_ended, w);
    for (size_t i = 0; i < MANY; i++)
        CHECK_EQ(f->sides[1].streams[i].len, 1);
    witness_end(f);
}

static void never_uses_a_handle_twice(void **state)
{
    struct fixture *f = witness_begin(state);
    uint64_t seen[40];
    size_t len = 0;
    for (uint32_t round = 0; round < 4; round++) {
        const struct link_port *p = &f->sides[0].at.port;
        witness_dial(f, 0, 1, round);
        witness_await_events(f, 0, LINK_UP, round + 1);
        const uint64_t link = witness_find(&f->sides[0], LINK_UP, round)->link;
        seen[len++] = link;
        for (int i = 0; i < 3; i++) {
            uint64_t stream;
            CHECK_OK(p->ops->open(p->ctx, link, LINK_EVENT, &stream));
            seen[len++] = stream + (1ull << 40); /* links and streams count apart */
        }
        p->ops->close(p->ctx, link, LINK_REASON_LOCAL);
        witness_await_events(f, 0, LINK_DOWN, round + 1);
        uint64_t none;
        CHECK_EQ(p->ops->open(p->ctx, link, LINK_EVENT, &none), PANDO_NOT_FOUND);
    }
    for (size_t i = 0; i < len; i++)
        for (size_t k = 0; k < i; k++)
            CHECK(seen[i] != seen[k]);
    witness_end(f);
}

static void close_with(void **state, enum link_reason reason, enum link_reason remote)
{
    struct fixture *f = witness_begin(state);
    witness_join(f);
    const struct link_port *p = &f->sides[0].at.port;
    p->ops->close(p->ctx, witness_link_of(f, 0), reason);
    CHECK_EQ(witness_count(&f->sides[0], LINK_DOWN), 0); /* not from within the operation */
    witness_await_events(f, 0, LINK_DOWN, 1);
    witness_await_events(f, 1, LINK_DOWN, 1);
    const struct seen_event *ours = witness_find(&f->sides[0], LINK_DOWN, 0);
    const struct seen_event *theirs = witness_find(&f->sides[1], LINK_DOWN, 0);
    CHECK_EQ(ours->reason, reason);
    CHECK_EQ(theirs->reason, remote);
    CHECK_EQ(ours->link, witness_link_of(f, 0));
    CHECK_EQ(theirs->link, witness_link_of(f, 1));
    CHECK(strlen(theirs->text) > 0);
    f->h->run_for(f->h->ctx, PANDO_MSEC(200));
    CHECK_EQ(witness_count(&f->sides[0], LINK_DOWN), 1);
    CHECK_EQ(witness_count(&f->sides[1], LINK_DOWN), 1);
    witness_end(f);
}

static void tells_the_reason_of_a_close_to_both_ends(void **state)
{
    close_with(state, LINK_REASON_LOCAL, LINK_REASON_REMOTE);
    close_with(state, LINK_REASON_NETWORK_NAME, LINK_REASON_NETWORK_NAME);
    close_with(state, LINK_REASON_SHUTDOWN, LINK_REASON_SHUTDOWN);
    close_with(state, LINK_REASON_CUT, LINK_REASON_CUT);
}

static void keeps_both_links_of_simultaneous_dials(void **state)
{
    struct fixture *f = witness_begin(state);
    witness_dial(f, 0, 1, 1);
    witness_dial(f, 1, 0, 2);
    witness_await_events(f, 0, LINK_UP, 2);
    witness_await_events(f, 1, LINK_UP, 2);
    f->h->run_for(f->h->ctx, PANDO_MSEC(200));
    CHECK_EQ(witness_count(&f->sides[0], LINK_DOWN), 0);
    CHECK_EQ(witness_count(&f->sides[1], LINK_DOWN), 0);
    witness_end(f);
}

static void knows_the_round_trip_of_a_used_link(void **state)
{
    struct fixture *f = witness_begin(state);
    const struct link_port *p = &f->sides[0].at.port;
    witness_join(f);
    CHECK(p->ops->rtt(p->ctx, witness_link_of(f, 0)).ns > 0);
    CHECK_EQ(p->ops->rtt(p->ctx, 99999).ns, 0);
    witness_end(f);
}

static void refuses_addresses_that_are_not_its_own_kind(void **state)
{
    struct fixture *f = witness_begin(state);
    const struct link_port *p = &f->sides[0].at.port;
    struct link_target target = { 0 };
    CHECK_OK(multiaddr_parse("/ip4/127.0.0.1/tcp/4001", &target.address, NULL));
    CHECK_EQ(p->ops->dial(p->ctx, &target, 1), PANDO_UNSUPPORTED);
    witness_end(f);
}

/* Megabytes of bulk are queued first; the control bytes sent after them arrive before the
 * bulk has gone through, and the bulk still arrives. */
static void serves_control_before_queued_bulk(void **state)
{
    struct fixture *f = witness_begin(state);
    witness_join(f);
    struct side *s = &f->sides[0], *r = &f->sides[1];
    const uint64_t total = 16u << 20;
    s->sending = witness_open_stream(f, 0, LINK_BULK);
    s->to_send = total;
    witness_push_pattern(s);
    const uint64_t control = witness_open_stream(f, 0, LINK_BULK);
    s->at.port.ops->classify(s->at.port.ctx, control, LINK_CONTROL);
    CHECK_OK(witness_send_text(f, 0, control, "urgent", true));
    witness_await_events(f, 1, LINK_STREAM, 2);
    const size_t urgent = r->streams[0].len == 6 || r->streams[0].fin ? 0 : 1;
    const size_t bulk = 1 - urgent;
    witness_await(f, witness_has_fin, (struct wait){ .side = r, .stream = urgent });
    CHECK_EQ(r->streams[urgent].len, 6);
    CHECK(r->streams[bulk].len < total);
    witness_await(f, witness_has_fin, (struct wait){ .side = r, .stream = bulk });
    CHECK_EQ(r->streams[bulk].len, total);
    witness_end(f);
}

int link_conformance_run(const char *name, struct link_harness *harness)
{
    struct CMUnitTest tests[] = {
        TEST(comes_up_on_both_sides_with_the_right_identities),
        TEST(refuses_a_peer_with_another_identity),
        TEST(takes_any_identity_when_none_is_asked_for),
        TEST(fails_a_dial_that_nobody_answers),
        TEST(carries_streams_opened_by_either_side),
        TEST(ends_a_stream_with_nothing_in_it),
        TEST(joins_many_small_sends_in_order),
        TEST(carries_ten_megabytes_unharmed),
        TEST(stops_the_sender_when_nothing_is_consumed),
        TEST(carries_messages_that_are_digested_when_whole),
        TEST(tells_a_reset_to_both_directions),
        TEST(forgets_a_stream_that_it_reset),
        TEST(admits_waiting_streams_when_earlier_ones_end),
        TEST(never_uses_a_handle_twice),
        TEST(tells_the_reason_of_a_close_to_both_ends),
        TEST(keeps_both_links_of_simultaneous_dials),
        TEST(knows_the_round_trip_of_a_used_link),
        TEST(refuses_addresses_that_are_not_its_own_kind),
        TEST(serves_control_before_queued_bulk),
    };
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
        tests[i].initial_state = harness;
    return _cmocka_run_group_tests(name, tests, sizeof tests / sizeof tests[0], NULL, NULL);
}
