#include "peer/dialer.h"

#include "check.h"
#include "crypto/sign.h"

struct fixture {
    struct dialer d;
    uint32_t token;
    struct peer_id peer;
};

static struct pando_time ms(uint64_t n)
{
    return (struct pando_time){ n * 1000000u };
}

static void setup(struct fixture *f, const char *address)
{
    struct multiaddr a;
    dialer_init(&f->d, 1);
    struct pando_key key = { { 9 } };
    f->peer = peer_id_from_key(&key);
    CHECK_OK(multiaddr_parse_peer(address, &a, NULL));
    CHECK_OK(dialer_add(&f->d, ms(0), &a, true, &f->token));
}

static void expect_dial(struct fixture *f, struct pando_time now)
{
    struct dialer_effect e;
    CHECK(dialer_poll(&f->d, now, &e));
    CHECK_EQ(e.kind, DIALER_DIAL);
    CHECK_EQ(e.token, f->token);
    CHECK(!dialer_poll(&f->d, now, &e));
}

/* Goal: nobody is hammered, nobody is forgotten. Waits double up to the longest. */
static void waits_longer_after_each_failure_and_never_gives_up(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, "127.0.0.1:9000");
    struct pando_time now = ms(0);
    uint64_t waits[20];
    for (size_t i = 0; i < 20; i++) {
        expect_dial(&f, now);
        dialer_failed(&f.d, now, f.token, LINK_REASON_UNREACHABLE, "no answer");
        const struct pando_time due = dialer_deadline(&f.d);
        waits[i] = due.ns - now.ns;
        now = due;
    }
    CHECK(waits[0] >= 187500000 && waits[0] <= 312500000);
    CHECK(waits[3] > waits[0]);
    for (size_t i = 10; i < 20; i++)
        CHECK(waits[i] >= 22500000000u && waits[i] <= 37500000000u);
    CHECK_STR(f.d.entries[0].text, "no answer");
}

static void rests_while_its_peer_is_linked_and_returns_after_a_loss(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, "127.0.0.1:9000");
    expect_dial(&f, ms(0));
    dialer_linked(&f.d, f.token, &f.peer);
    CHECK_EQ(dialer_deadline(&f.d).ns, UINT64_MAX);
    dialer_peer_down(&f.d, ms(1000), &f.peer, "no packet");
    CHECK(dialer_deadline(&f.d).ns >= ms(1187).ns);
    dialer_hurry(&f.d, ms(1001));
    expect_dial(&f, ms(1001));
}

static void resolves_a_name_for_every_attempt(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, "localhost:9000");
    struct dialer_effect e;
    CHECK(dialer_poll(&f.d, ms(0), &e));
    CHECK_EQ(e.kind, DIALER_RESOLVE);
    CHECK_STR(e.name, "localhost");
    CHECK_EQ(e.family, 0);
    CHECK_EQ(e.attempt, 0);
    const uint8_t ip[4] = { 127, 0, 0, 1 };
    dialer_resolved(&f.d, ms(5), f.token, ip, 4, NULL);
    expect_dial(&f, ms(5));
    dialer_failed(&f.d, ms(6), f.token, LINK_REASON_UNREACHABLE, "no");
    CHECK(dialer_poll(&f.d, ms(1000), &e));
    CHECK_EQ(e.kind, DIALER_RESOLVE);
    CHECK_EQ(e.attempt, 1); /* so that the next address has its turn */
    CHECK(!dialer_poll(&f.d, ms(1001), &e));
    CHECK(!dialer_poll(&f.d, ms(11001), &e)); /* the lookup's limit */
    CHECK_EQ(f.d.entries[0].state, DIALER_DUE);
}

static void stale_answers_do_not_touch_a_reused_slot(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, "127.0.0.1:9000");
    expect_dial(&f, ms(0));
    const uint32_t old = f.token;
    struct multiaddr a;
    CHECK_OK(multiaddr_parse_peer("127.0.0.1:9000", &a, NULL));
    CHECK_EQ(dialer_remove_address(&f.d, &a), 1);
    CHECK_OK(dialer_add(&f.d, ms(1), &a, true, &f.token));
    CHECK(f.token != old);
    dialer_failed(&f.d, ms(1), old, LINK_REASON_UNREACHABLE, "late");
    expect_dial(&f, ms(1));
}

static void refuses_more_entries_than_its_cap(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, "127.0.0.1:9000");
    struct multiaddr a;
    char text[40];
    for (int i = 1; i < DIALER_ENTRIES_MAX; i++) {
        (void)snprintf(text, sizeof text, "127.0.0.1:%d", 9000 + i);
        CHECK_OK(multiaddr_parse_peer(text, &a, NULL));
        CHECK_OK(dialer_add(&f.d, ms(0), &a, true, &f.token));
    }
    CHECK_OK(multiaddr_parse_peer("127.0.0.1:8000", &a, NULL));
    CHECK_EQ(dialer_add(&f.d, ms(0), &a, true, &f.token), PANDO_FULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(waits_longer_after_each_failure_and_never_gives_up),
        TEST(rests_while_its_peer_is_linked_and_returns_after_a_loss),
        TEST(resolves_a_name_for_every_attempt),
        TEST(stale_answers_do_not_touch_a_reused_slot),
        TEST(refuses_more_entries_than_its_cap),
    };
    return CHECK_RUN(tests);
}
