/* access_test.c - roles, and the one text that a policy has. */
#include "base/slice.h"
#include "check.h"
#include "crypto/sign.h"
#include "space/access.h"

static struct pando_key key_of(unsigned name)
{
    const uint8_t seed[32] = { (uint8_t)name, (uint8_t)(name >> 8), 3 };
    struct crypto_secret secret;
    crypto_secret_from_seed(seed, &secret);
    return crypto_public(&secret);
}

static const char *text_of(unsigned name)
{
    static char texts[8][PEER_ID_TEXT_MAX];
    static unsigned next;
    char *text = texts[next++ % 8];
    const struct pando_key key = key_of(name);
    const struct peer_id id = peer_id_from_key(&key);
    peer_id_print(&id, text);
    return text;
}

static enum pando_status parse(const char *json, struct space_access *ret)
{
    return space_access_parse(slice_text(json), ret, NULL);
}

static bool may(const struct space_access *a, unsigned name, enum space_action action)
{
    const struct pando_key key = key_of(name);
    const struct peer_id id = peer_id_from_key(&key);
    CHECK_EQ(space_admit(a, &key, action), space_admits(a, &id, action));
    return space_admit(a, &key, action);
}

static void an_open_space_admits_everybody(void **state)
{
    (void)state;
    struct space_access a;
    CHECK_OK(parse("\"open\"", &a));
    CHECK(may(&a, 1, SPACE_MAY_READ) && may(&a, 1, SPACE_MAY_WRITE));
    CHECK(may(&a, 1, SPACE_MAY_ADMIN));
    CHECK(may(NULL, 1, SPACE_MAY_ADMIN));
}

static void a_role_holds_those_before_it_and_a_stranger_has_none(void **state)
{
    (void)state;
    char json[400];
    struct space_access a;
    (void)snprintf(json, sizeof json,
                   "{\"%s\":\"admin\",\"%s\":\"write\",\"%s\":\"read\"}", text_of(1),
                   text_of(2), text_of(3));
    CHECK_OK(parse(json, &a));
    static const bool table[5][4] = {
        [1] = { 0, 1, 1, 1 }, [2] = { 0, 1, 1, 0 }, [3] = { 0, 1, 0, 0 }
    };
    for (unsigned who = 1; who <= 4; who++)
        for (int action = SPACE_MAY_READ; action <= SPACE_MAY_ADMIN; action++)
            CHECK_EQ(may(&a, who, (enum space_action)action), table[who][action]);
}

/* Whatever the order in which people write it. */
static void one_policy_has_one_text(void **state)
{
    (void)state;
    char json[2][400];
    struct space_access a;
    struct pando_buf texts[2];
    for (unsigned i = 0; i < 2; i++) {
        (void)snprintf(json[i], sizeof json[i],
                       "{ \"%s\": \"read\", \"%s\":\"write\",\"%s\":\"read\"}",
                       text_of(i == 0 ? 1 : 3), text_of(2), text_of(i == 0 ? 3 : 1));
        buf_init(&texts[i], 4096);
        CHECK_OK(parse(json[i], &a));
        CHECK_OK(space_access_print(&a, &texts[i]));
    }
    CHECK(slice_equal(buf_view(&texts[0]), buf_view(&texts[1])));
    struct space_access again;
    CHECK_OK(space_access_parse(buf_view(&texts[0]), &again, NULL));
    CHECK_MEM(&a, &again, sizeof a);
    buf_reset(&texts[0]);
    CHECK_OK(space_access_print(NULL, &texts[0]));
    CHECK(slice_equal(buf_view(&texts[0]), slice_text("\"open\"")));
    buf_deinit(&texts[0]);
    buf_deinit(&texts[1]);
}

static void what_is_no_policy_is_named(void **state)
{
    (void)state;
    char json[400];
    struct space_access a;
    struct pando_err err = { 0 };
    CHECK_EQ(parse("\"closed\"", &a), PANDO_INVALID);
    CHECK_EQ(parse("{}", &a), PANDO_INVALID);
    CHECK_EQ(parse("[]", &a), PANDO_INVALID);
    CHECK_EQ(parse("{", &a), PANDO_INVALID);
    CHECK_EQ(space_access_parse(slice_text("{\"me\":\"read\"}"), &a, &err),
             PANDO_INVALID);
    CHECK(strstr(err.text, "'me' is not a peer id") != NULL);
    (void)snprintf(json, sizeof json, "{\"%s\":\"owner\"}", text_of(1));
    CHECK_EQ(space_access_parse(slice_text(json), &a, &err), PANDO_INVALID);
    CHECK(strstr(err.text, "'owner'") != NULL);
    (void)snprintf(json, sizeof json, "{\"%s\":3}", text_of(1));
    CHECK_EQ(parse(json, &a), PANDO_INVALID);
}

static void a_policy_lists_at_most_so_many(void **state)
{
    (void)state;
    struct pando_buf b;
    struct space_access a;
    buf_init(&b, 64u << 10);
    CHECK_OK(buf_printf(&b, "{"));
    for (unsigned i = 0; i < SPACE_MEMBERS_MAX; i++)
        CHECK_OK(buf_printf(&b, "%s\"%s\":\"read\"", i == 0 ? "" : ",", text_of(i)));
    const size_t len = b.len;
    CHECK_OK(buf_printf(&b, "}"));
    CHECK_OK(space_access_parse(buf_view(&b), &a, NULL));
    CHECK_EQ(a.members_len, SPACE_MEMBERS_MAX);
    for (unsigned i = 0; i < SPACE_MEMBERS_MAX; i++)
        CHECK(may(&a, i, SPACE_MAY_READ) && !may(&a, i, SPACE_MAY_WRITE));
    CHECK(!may(&a, SPACE_MEMBERS_MAX, SPACE_MAY_READ));
    b.len = len;
    CHECK_OK(buf_printf(&b, ",\"%s\":\"read\"}", text_of(SPACE_MEMBERS_MAX)));
    CHECK_EQ(space_access_parse(buf_view(&b), &a, NULL), PANDO_FULL);
    buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_open_space_admits_everybody),
        TEST(a_role_holds_those_before_it_and_a_stranger_has_none),
        TEST(one_policy_has_one_text),
        TEST(what_is_no_policy_is_named),
        TEST(a_policy_lists_at_most_so_many),
    };
    if (crypto_init() != PANDO_OK)
        return 1;
    return CHECK_RUN(tests);
}
