/* lookup_test.c - names with several addresses. */
#include "check.h"
#include "host/lookup.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

/* 2001:db8::1, 192.0.2.1, 2001:db8::2: as a system that prefers IPv6 lists them. */
struct answers {
    struct addrinfo list[3];
    struct sockaddr_in6 v6[2];
    struct sockaddr_in v4;
};

static void setup(struct answers *a)
{
    memset(a, 0, sizeof *a);
    for (int i = 0; i < 2; i++) {
        a->v6[i].sin6_family = AF_INET6;
        CHECK_EQ(inet_pton(AF_INET6, i == 0 ? "2001:db8::1" : "2001:db8::2",
                           &a->v6[i].sin6_addr),
                 1);
        a->list[2 * i].ai_family = AF_INET6;
        a->list[2 * i].ai_addr = (struct sockaddr *)(void *)&a->v6[i];
    }
    a->v4.sin_family = AF_INET;
    CHECK_EQ(inet_pton(AF_INET, "192.0.2.1", &a->v4.sin_addr), 1);
    a->list[1].ai_family = AF_INET;
    a->list[1].ai_addr = (struct sockaddr *)(void *)&a->v4;
    a->list[0].ai_next = &a->list[1];
    a->list[1].ai_next = &a->list[2];
}

static void expect(const struct answers *a, struct lookup_wish wish, const char *address)
{
    uint8_t ip[16] = { 0 }, len = 0;
    char text[INET6_ADDRSTRLEN] = "";
    CHECK_OK(lookup_choose(a->list, &wish, ip, &len));
    CHECK(inet_ntop(len == 4 ? AF_INET : AF_INET6, ip, text, sizeof text) != NULL);
    CHECK_STR(text, address);
}

static void attempts_take_the_addresses_in_turn(void **state)
{
    (void)state;
    struct answers a;
    setup(&a);
    static const char *const turns[] = { "2001:db8::1", "192.0.2.1", "2001:db8::2",
                                         "2001:db8::1" };
    for (uint32_t i = 0; i < 4; i++)
        expect(&a, (struct lookup_wish){ .ip4 = true, .ip6 = true, .attempt = i },
               turns[i]);
}

static void only_families_that_a_socket_has_are_taken(void **state)
{
    (void)state;
    struct answers a;
    setup(&a);
    for (uint32_t i = 0; i < 3; i++)
        expect(&a, (struct lookup_wish){ .ip4 = true, .attempt = i }, "192.0.2.1");
    expect(&a, (struct lookup_wish){ .ip6 = true, .attempt = 1 }, "2001:db8::2");
}

static void dns4_and_dns6_mean_their_family(void **state)
{
    (void)state;
    struct answers a;
    uint8_t ip[16], len;
    setup(&a);
    expect(&a, (struct lookup_wish){ .ip4 = true, .ip6 = true, .family = 4 }, "192.0.2.1");
    expect(&a, (struct lookup_wish){ .ip4 = true, .ip6 = true, .family = 6 },
           "2001:db8::1");
    const struct lookup_wish none = { .ip4 = true, .family = 6 };
    CHECK_EQ(lookup_choose(a.list, &none, ip, &len), PANDO_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(attempts_take_the_addresses_in_turn),
        TEST(only_families_that_a_socket_has_are_taken),
        TEST(dns4_and_dns6_mean_their_family),
    };
    return CHECK_RUN(tests);
}
