/* kept_test.c - what an operator changed is found again, and nothing else. */
#include "base/slice.h"
#include "check.h"
#include "crypto/sign.h"
#include "node/kept.h"

#include <stdlib.h>

static struct multiaddr address(const char *text)
{
    struct multiaddr a;
    CHECK_OK(multiaddr_parse_peer(text, &a, NULL));
    return a;
}

static struct multiaddr numbered(unsigned number)
{
    char text[40];
    (void)snprintf(text, sizeof text, "10.0.%u.%u:9000", number / 256, number % 256);
    return address(text);
}

static struct peer_id peer(uint8_t name)
{
    const uint8_t seed[32] = { name };
    struct crypto_secret secret;
    crypto_secret_from_seed(seed, &secret);
    const struct pando_key key = crypto_public(&secret);
    return peer_id_from_key(&key);
}

static struct kept *fresh(void)
{
    struct kept *k = calloc(1, sizeof *k);
    CHECK(k != NULL);
    return k;
}

static void drop(struct kept *k)
{
    kept_deinit(k);
    free(k);
}

/* Print `k`, free it, and read what was printed. */
static struct kept *after_a_restart(struct kept *k)
{
    struct pando_err err = { 0 };
    struct pando_buf b;
    buf_init(&b, KEPT_TEXT_MAX);
    CHECK_OK(kept_print(k, &b));
    drop(k);
    k = fresh();
    CHECK_OK(kept_parse(k, buf_view(&b), &err));
    buf_deinit(&b);
    return k;
}

static bool is_added(const struct kept *k, const struct multiaddr *a)
{
    for (size_t i = 0; i < k->addresses_len; i++)
        if (k->addresses[i].added && multiaddr_equal(&k->addresses[i].address, a))
            return true;
    return false;
}

static void an_added_address_comes_back_until_it_is_removed(void **state)
{
    (void)state;
    const struct multiaddr a = address("127.0.0.1:9001"), b = address("[::1]:9002");
    struct kept *k = fresh();
    CHECK_OK(kept_add(k, &a));
    CHECK_OK(kept_add(k, &b));
    CHECK_OK(kept_add(k, &b));
    k = after_a_restart(k);
    CHECK_EQ(k->addresses_len, 2);
    CHECK(is_added(k, &a) && is_added(k, &b));
    kept_remove(k, &a);
    k = after_a_restart(k);
    CHECK_EQ(k->addresses_len, 1);
    CHECK(!is_added(k, &a) && is_added(k, &b));
    drop(k);
}

static void a_removed_address_of_the_configuration_stays_away(void **state)
{
    (void)state;
    const struct multiaddr a = address("127.0.0.1:9001");
    struct kept *k = fresh();
    CHECK(kept_configure(k, &a));
    kept_remove(k, &a);
    k = after_a_restart(k);
    CHECK(!kept_configure(k, &a));
    k = after_a_restart(k); /* also when nothing was changed in between */
    CHECK(!kept_configure(k, &a));
    CHECK_OK(kept_add(k, &a));
    CHECK(!is_added(k, &a)); /* the configuration names it: that is enough */
    k = after_a_restart(k);
    CHECK(kept_configure(k, &a));
    drop(k);
}

static void a_ban_lasts_until_it_is_lifted(void **state)
{
    (void)state;
    const struct peer_id a = peer(1), b = peer(2);
    struct kept *k = fresh();
    CHECK_OK(kept_ban(k, &a, "spam"));
    CHECK_OK(kept_ban(k, &b, "\"quoted\""));
    CHECK_OK(kept_ban(k, &a, "worse"));
    k = after_a_restart(k);
    CHECK_EQ(k->bans_len, 2);
    CHECK(kept_is_banned(k, &a));
    CHECK_STR(k->bans[0].reason, "worse");
    CHECK_STR(k->bans[1].reason, "\"quoted\"");
    CHECK(kept_unban(k, &a));
    CHECK(!kept_unban(k, &a));
    k = after_a_restart(k);
    CHECK(!kept_is_banned(k, &a));
    CHECK(kept_is_banned(k, &b));
    drop(k);
}

static void a_long_reason_is_cut_between_characters(void **state)
{
    (void)state;
    const struct peer_id a = peer(1);
    struct kept *k = fresh();
    char reason[200] = "x";
    for (size_t i = 1; i + 2 < sizeof reason; i += 2)
        memcpy(reason + i, "\xc3\xa4", 3);
    CHECK_OK(kept_ban(k, &a, reason));
    CHECK_EQ(strlen(k->bans[0].reason), KEPT_REASON_MAX - 1);
    k = after_a_restart(k);
    CHECK_EQ(strlen(k->bans[0].reason), KEPT_REASON_MAX - 1);
    drop(k);
}

static void a_created_space_comes_back_with_its_config(void **state)
{
    (void)state;
    struct kept *k = fresh();
    CHECK_OK(kept_space_add(k, "lab", "dag", "{\"access\":{\"x\":\"read\"}}", "{}"));
    CHECK_OK(kept_space_add(k, "plain", "dag", "{}", "{}"));
    CHECK_OK(kept_space_add(k, "third", "dag", "{}", "{}"));
    CHECK_OK(kept_space_add(k, "lab", "dag", "{}", "{}")); /* known: nothing changes */
    k = after_a_restart(k);
    CHECK_EQ(k->spaces_len, 3);
    CHECK_STR(k->spaces[0].name, "lab");
    CHECK_STR(k->spaces[0].kind, "dag");
    CHECK_STR(k->spaces[0].config, "{\"access\":{\"x\":\"read\"}}");
    kept_space_remove(k, "lab");
    kept_space_remove(k, "never was");
    k = after_a_restart(k);
    CHECK_EQ(k->spaces_len, 2);
    CHECK_STR(k->spaces[0].name, "plain");
    CHECK_STR(k->spaces[1].name, "third");
    for (int i = 2; i < KEPT_SPACES_MAX; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "s%d", i);
        CHECK_OK(kept_space_add(k, name, "dag", "{}", "{}"));
    }
    CHECK_EQ(kept_space_add(k, "more", "dag", "{}", "{}"), PANDO_FULL);
    CHECK_EQ(kept_space_add(k, "more", "a kind with a long name", "{}", "{}"), PANDO_INVALID);
    drop(k);
}

static void lists_have_their_caps(void **state)
{
    (void)state;
    struct kept *k = fresh();
    for (unsigned i = 0; i < KEPT_ADDED_MAX; i++) {
        const struct multiaddr a = numbered(i);
        CHECK_OK(kept_add(k, &a));
    }
    const struct multiaddr more = numbered(KEPT_ADDED_MAX), known = numbered(0);
    CHECK_EQ(kept_add(k, &more), PANDO_FULL);
    CHECK_OK(kept_add(k, &known));
    CHECK(kept_configure(k, &more));
    CHECK_OK(kept_add(k, &more)); /* it costs nothing more */
    for (unsigned i = 0; i < KEPT_BANS_MAX; i++) {
        struct peer_id p = peer(1);
        p.bytes[10] = (uint8_t)i;
        CHECK_OK(kept_ban(k, &p, ""));
    }
    const struct peer_id last = peer(2);
    CHECK_EQ(kept_ban(k, &last, ""), PANDO_FULL);
    drop(k);
}

static void what_does_not_read_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum pando_status status;
        const char *says;
    } cases[] = {
        { "", PANDO_MALFORMED, "not a JSON object" },
        { "[]", PANDO_MALFORMED, "not a JSON object" },
        { "{}", PANDO_MALFORMED, "\"version\"" },
        { "{\"version\":2}", PANDO_UNSUPPORTED, "version 2" },
        { "{\"version\":1,\"added\":{}}", PANDO_MALFORMED, "\"added\"" },
        { "{\"version\":1,\"removed\":[\"x\"]}", PANDO_MALFORMED, "\"removed\"" },
        { "{\"version\":1,\"bans\":[7]}", PANDO_MALFORMED, "\"bans\"" },
        { "{\"version\":1,\"bans\":[{\"peer\":\"x\"}]}", PANDO_MALFORMED, "12D3Koo" },
        { "{\"version\":1,\"spaces\":[{\"name\":\"x\"}]}", PANDO_MALFORMED, "\"spaces\"" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pando_err err = { 0 };
        struct kept *k = fresh();
        CHECK_EQ(kept_parse(k, slice_text(cases[i].text), &err), cases[i].status);
        CHECK(strstr(err.text, cases[i].says) != NULL);
        drop(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_added_address_comes_back_until_it_is_removed),
        TEST(a_removed_address_of_the_configuration_stays_away),
        TEST(a_ban_lasts_until_it_is_lifted),
        TEST(a_long_reason_is_cut_between_characters),
        TEST(a_created_space_comes_back_with_its_config),
        TEST(lists_have_their_caps),
        TEST(what_does_not_read_is_named),
    };
    if (crypto_init() != PANDO_OK)
        return 1;
    return CHECK_RUN(tests);
}
