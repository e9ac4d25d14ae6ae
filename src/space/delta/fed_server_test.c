/* fed_server_test.c - what an engine does for who dialled it, message by message. */
#include "check.h"
#include "base/slice.h"
#include "space/delta/fed_config.h"
#include "space/delta/fed_hand.h"
#include "space/delta/fed_state.h"

#include <stdlib.h>

#define BOTH "{\"mode\":\"bidirectional\",\"initialSync\":\"full\"}"
#define PUSH "{\"mode\":\"push\"}"
#define PULL "{\"mode\":\"pull\"}"
#define SYNC "{\"type\":\"sync_request\",\"timestamp\":1}"

static void greets_who_says_hello(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    hand_client(h, HAND_PIPE, BOTH);
    const struct hand_said *ack = hand_find(h, FED_SEND, "\"type\":\"hello_ack\"");
    CHECK(ack != NULL && strstr(ack->text, "\"systemId\":\"here\"") != NULL);
    CHECK(strstr(ack->text, "\"linkId\":\"00000001-") != NULL);
    CHECK(strstr(ack->text, "\"protocol\":\"rhizomedb-federation-v1\"") != NULL);
    CHECK(hand_event(h, FED_LINK_CONNECTED) != NULL);
    CHECK(hand_find(h, FED_DIGESTED, "") != NULL);
    hand_free(h);
}

static void refuses_another_protocol_for_good(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    hand_open(h, HAND_PIPE, FED_NO_LINK);
    hand_say(h, HAND_PIPE, "{\"type\":\"hello\",\"systemId\":\"x\",\"config\":{},\"protocol\":\"v9\"}");
    const struct hand_said *error = hand_find(h, FED_SEND, "\"code\":\"PROTOCOL_MISMATCH\"");
    CHECK(error != NULL && strstr(error->text, "\"fatal\":true") != NULL);
    CHECK_EQ(hand_find(h, FED_CLOSE, "PROTOCOL_MISMATCH")->value, 1002);
    hand_free(h);
}

static void closes_the_connection_beyond_the_limit(void **state)
{
    (void)state;
    struct hand *h = hand_new(2, NULL);
    hand_client(h, 1, BOTH);
    hand_client(h, 2, BOTH);
    hand_open(h, 3, FED_NO_LINK);
    const struct hand_said *close = hand_find(h, FED_CLOSE, "Max connections reached");
    CHECK(close != NULL);
    CHECK_EQ(close->value, 1008);
    CHECK_EQ(close->pipe, 3);
    hand_give(h, &(struct fed_input){ .kind = FED_PIPE_CLOSED, .pipe = 1, .link = FED_NO_LINK });
    hand_clear(h);
    hand_client(h, 4, BOTH);
    CHECK(hand_find(h, FED_SEND, "hello_ack") != NULL);
    hand_free(h);
}

static void acknowledges_a_delta_only_when_it_is_durable(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    hand_client(h, HAND_PIPE, BOTH);
    hand_say_delta(h, HAND_PIPE, 5, 1, 1000);
    CHECK(hand_find(h, FED_SEND, "delta_ack") == NULL);
    CHECK(hand_event(h, FED_DELTA_RECEIVED) == NULL);
    hand_commit(h);
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"delta_ack\""), 1);
    CHECK(hand_find(h, FED_SEND, "\"deltaId\":\"d-5-1\"") != NULL);
    CHECK(hand_event(h, FED_DELTA_RECEIVED) != NULL);
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"delta\""), 0); /* not back to its origin */
    hand_clear(h);
    hand_say_delta(h, HAND_PIPE, 5, 1, 1000); /* known: acknowledged at once, not forwarded */
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"delta_ack\""), 1);
    CHECK(hand_event(h, FED_DELTA_RECEIVED) == NULL);
    hand_free(h);
}

static void forwards_to_all_but_origin_and_pushers(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    hand_client(h, 1, BOTH);
    hand_client(h, 2, BOTH);
    hand_client(h, 3, PUSH);
    hand_client(h, 4, PULL);
    hand_client(h, 5, "{\"pullFilter\":{\"contexts\":[\"public\"]}}");
    hand_clear(h);
    hand_say_delta(h, 1, 5, 1, 1000); /* private */
    hand_commit(h);
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"delta\""), 2);
    for (size_t i = 0; i < h->len; i++)
        if (h->said[i].kind == FED_SEND && strstr(h->said[i].text, "\"type\":\"delta\"") != NULL)
            CHECK(h->said[i].pipe == 2 || h->said[i].pipe == 4);
    hand_clear(h);
    hand_say_delta(h, 3, 5, 2, 1000); /* public, by the pusher */
    hand_commit(h);
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"delta\""), 4);
    hand_free(h);
}

static void refuses_whom_the_node_does_not_trust(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, "{\"trustedSystems\":[\"s1\"],\"trustedAuthors\":[\"a1\"]}");
    /* the peer's own policy must not replace ours */
    hand_client(h, HAND_PIPE, "{\"trustPolicy\":{}}");
    hand_say_delta(h, HAND_PIPE, 9, 1, 1000);
    hand_say_delta(h, HAND_PIPE, 1, 2, 1000); /* a2 */
    hand_say_delta(h, HAND_PIPE, 1, 1, 1000);
    hand_commit(h);
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"delta_nack\""), 2);
    CHECK_EQ(hand_count(h, FED_SEND, "\"reason\":\"Failed trust policy verification\""), 2);
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"delta_ack\""), 1);
    CHECK_EQ(h->store->len, 1);
    CHECK(hand_event(h, FED_DELTA_REJECTED) != NULL);
    struct pando_buf text;
    buf_init(&text, 1u << 16);
    CHECK_OK(fed_links(h->fed, &text));
    CHECK_OK(buf_append(&text, slice_of("", 1)));
    CHECK(strstr((char *)text.ptr, "\"deltasRejected\":2") != NULL);
    CHECK(strstr((char *)text.ptr, "\"deltasReceived\":1") != NULL);
    buf_deinit(&text);
    hand_free(h);
}

static void refuses_deltas_of_a_client_in_pull_mode(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    hand_client(h, HAND_PIPE, PULL);
    hand_say_delta(h, HAND_PIPE, 9, 1, 1000);
    CHECK(hand_find(h, FED_SEND, "delta_nack") != NULL);
    CHECK_EQ(h->store->len, 0);
    hand_free(h);
}

static void serves_a_sync_oldest_first_in_batches_of_100(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    for (uint32_t n = 0; n < 250; n++)
        hand_create(h, 0, n, 5000 - n);
    hand_commit(h);
    hand_client(h, HAND_PIPE, BOTH);
    hand_clear(h);
    hand_say(h, HAND_PIPE, SYNC);
    hand_wait(h, PANDO_SEC(1));
    CHECK(hand_find(h, FED_SEND, "\"totalDeltas\":250,\"batchSize\":100}") != NULL);
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"sync_batch\""), 3);
    CHECK_EQ(hand_count(h, FED_SEND, "\"isLastBatch\":true"), 1);
    const struct hand_said *first = hand_find(h, FED_SEND, "\"batchNumber\":0");
    CHECK(first != NULL);
    CHECK(strstr(first->text, "d-0-249") != NULL && strstr(first->text, "d-0-149\"") == NULL);
    CHECK(hand_find(h, FED_SEND, "\"deltasProcessed\":250") != NULL);
    CHECK(hand_event(h, FED_SYNC_STARTED) != NULL);
    CHECK_EQ(hand_event(h, FED_SYNC_COMPLETED)->event.processed, 250);
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"delta\""), 0);
    hand_free(h);
}

static void completes_a_sync_of_nothing(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    hand_client(h, 1, BOTH);
    hand_client(h, 2, PUSH);
    hand_create(h, 0, 1, 500);
    hand_commit(h);
    hand_clear(h);
    hand_say(h, 1, "{\"type\":\"sync_request\",\"fromTimestamp\":501}");
    hand_say(h, 2, SYNC);
    CHECK_EQ(hand_count(h, FED_SEND, "\"totalDeltas\":0"), 2);
    CHECK_EQ(hand_count(h, FED_SEND, "\"deltasProcessed\":0"), 2);
    hand_clear(h);
    hand_say(h, 1, "{\"type\":\"sync_request\",\"fromTimestamp\":500}"); /* inclusive */
    CHECK_EQ(hand_count(h, FED_SEND, "\"deltasProcessed\":1"), 1);
    CHECK_EQ(hand_count(h, FED_SEND, "\"isLastBatch\":true"), 1);
    hand_free(h);
}

static void narrows_a_sync_by_its_filter_and_that_of_the_hello(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    for (uint32_t n = 0; n < 12; n++)
        hand_create(h, 0, n, 1000 + n);
    hand_commit(h);
    hand_client(h, HAND_PIPE, "{\"pullFilter\":{\"contexts\":[\"public\"]}}");
    hand_clear(h);
    hand_say(h, HAND_PIPE, "{\"type\":\"sync_request\",\"filter\":{\"authors\":[\"a0\"]}}");
    CHECK(hand_find(h, FED_SEND, "\"deltasProcessed\":2") != NULL); /* n = 0, 6 */
    hand_clear(h);
    hand_say(h, HAND_PIPE, "{\"type\":\"sync_request\",\"filter\":{\"authors\":7}}");
    CHECK(hand_find(h, FED_SEND, "\"code\":\"SYNC_ERROR\"") != NULL);
    hand_free(h);
}

/* While nothing leaves, half a mebibyte is on its way and no more; then it goes on. */
static void waits_for_credit_and_loses_nothing(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    hand_client(h, HAND_PIPE, BOTH);
    hand_credit(h, HAND_PIPE);
    hand_clear(h);
    for (uint32_t n = 0; n < 4000; n++)
        hand_create(h, 0, n, 1000 + n);
    hand_commit(h);
    const size_t before = hand_count(h, FED_SEND, "\"type\":\"delta\"");
    CHECK(before > 1000 && before < 4000);
    CHECK(h->credit_owed <= FED_DATA_CREDIT);
    for (int i = 0; i < 20 && h->credit_owed > 0; i++) {
        hand_credit(h, HAND_PIPE);
        hand_wait(h, PANDO_MSEC(300));
    }
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"delta\""), 4000);
    hand_free(h);
}

static void closes_on_a_reader_that_reads_nothing_for_a_minute(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    hand_client(h, HAND_PIPE, BOTH);
    for (uint32_t n = 0; n < 3000; n++)
        hand_create(h, 0, n, 1000 + n);
    hand_commit(h);
    hand_clear(h);
    for (int i = 0; i < 5; i++) { /* it is alive, but does not read */
        hand_wait(h, PANDO_SEC(14));
        hand_say(h, HAND_PIPE, "{\"type\":\"ping\"}");
    }
    const struct hand_said *close = hand_find(h, FED_CLOSE, "slow reader");
    CHECK(close != NULL);
    CHECK_EQ(close->value, 1008);
    hand_free(h);
}

/* A peer that asks for a pause gets nothing, and everything afterwards. */
static void holds_deltas_while_the_peer_pauses(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    hand_client(h, HAND_PIPE, BOTH);
    hand_say(h, HAND_PIPE, "{\"type\":\"pause\"}");
    CHECK(hand_event(h, FED_LINK_PAUSED) != NULL);
    hand_clear(h);
    for (uint32_t n = 0; n < 300; n++)
        hand_create(h, 0, n, 1000 + n);
    hand_commit(h);
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"delta\""), 0);
    hand_say_delta(h, HAND_PIPE, 5, 1, 1); /* it may still send */
    hand_commit(h);
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"delta_ack\""), 1);
    hand_say(h, HAND_PIPE, "{\"type\":\"resume\"}");
    hand_wait(h, PANDO_MSEC(100));
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"delta\""), 300); /* and not its own */
    CHECK(hand_event(h, FED_LINK_RESUMED) != NULL);
    hand_free(h);
}

static void gives_up_on_garbage_after_16_messages(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    hand_client(h, HAND_PIPE, BOTH);
    for (int i = 0; i < 15; i++)
        hand_say(h, HAND_PIPE, i % 2 ? "{" : "[1,2]");
    CHECK_EQ(hand_count(h, FED_SEND, "\"code\":\"MESSAGE_ERROR\""), 15);
    CHECK(hand_find(h, FED_CLOSE, "") == NULL);
    hand_say(h, HAND_PIPE, "\xff");
    const struct hand_said *close = hand_find(h, FED_CLOSE, "");
    CHECK(close != NULL);
    CHECK_EQ(close->value, 1007);
    hand_free(h);
}

static void answers_messages_in_the_wrong_order(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    hand_open(h, HAND_PIPE, FED_NO_LINK);
    hand_say_delta(h, HAND_PIPE, 1, 1, 1);
    hand_say(h, HAND_PIPE, SYNC);
    hand_say(h, HAND_PIPE, "{\"type\":\"nonsense\"}");
    CHECK_EQ(hand_count(h, FED_SEND, "the first message must be a hello"), 3);
    CHECK_EQ(h->store->len, 0);
    hand_client(h, 8, BOTH);
    hand_clear(h);
    hand_say(h, 8, "{\"type\":\"sync_batch\",\"deltas\":[]}");
    hand_say(h, 8, "{\"type\":\"hello_ack\",\"systemId\":\"x\"}");
    CHECK_EQ(hand_count(h, FED_SEND, "UNEXPECTED_MESSAGE"), 2);
    hand_say(h, 8, "{\"type\":\"nonsense\"}");
    CHECK_EQ(hand_count(h, FED_SEND, "UNKNOWN_MESSAGE"), 1);
    CHECK(hand_find(h, FED_CLOSE, "") == NULL);
    hand_free(h);
}

static void nacks_a_delta_that_breaks_the_model(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    hand_client(h, HAND_PIPE, BOTH);
    hand_say(h, HAND_PIPE,
             "{\"type\":\"delta\",\"delta\":{\"id\":\"x1\",\"timestamp\":-5,\"author\":\"a\","
             "\"system\":\"s\",\"pointers\":[]}}");
    CHECK(hand_find(h, FED_SEND, "\"type\":\"delta_nack\"") != NULL);
    hand_say(h, HAND_PIPE, "{\"type\":\"delta\",\"delta\":{}}"); /* whose? */
    CHECK(hand_find(h, FED_SEND, "MESSAGE_ERROR") != NULL);
    hand_free(h);
}

static void closes_on_silence(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    hand_open(h, 1, FED_NO_LINK);
    hand_client(h, 2, BOTH);
    hand_wait(h, PANDO_SEC(11));
    CHECK_EQ(hand_count(h, FED_CLOSE, "no hello"), 1);
    hand_wait(h, PANDO_SEC(25));
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"ping\""), 1);
    hand_say(h, 2, "{\"type\":\"pong\"}");
    hand_wait(h, PANDO_SEC(30));
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"ping\""), 2);
    CHECK_EQ(hand_count(h, FED_CLOSE, ""), 1);
    hand_wait(h, PANDO_SEC(30));
    CHECK_EQ(hand_find(h, FED_CLOSE, "no answer to a ping")->value, 1001);
    hand_free(h);
}

/* Pings without end do not fill our memory with pongs: what is not read is not answered. */
static void reads_no_further_when_its_answers_are_not_read(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    hand_client(h, HAND_PIPE, BOTH);
    hand_clear(h);
    const struct fed_link *l;
    for (int i = 0; i < 60000 && (l = h->fed->links[0]) != NULL; i++) {
        CHECK(l->in_flight <= FED_CREDIT + 100 && l->inbox.len <= FED_INBOX_MAX);
        hand_clear(h);
        hand_say(h, HAND_PIPE, "{\"type\":\"ping\"}");
    }
    CHECK(h->fed->links[0] == NULL); /* its inbox was full */
    CHECK_EQ(hand_find(h, FED_CLOSE, "too many messages wait")->value, 1008);
    hand_free(h);
}

static void a_full_disk_is_no_refusal(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    hand_client(h, HAND_PIPE, BOTH);
    h->store->failing = true;
    hand_say_delta(h, HAND_PIPE, 1, 1, 1);
    CHECK_EQ(hand_count(h, FED_SEND, "delta_nack"), 0);
    CHECK_EQ(hand_count(h, FED_SEND, "delta_ack"), 0);
    CHECK(hand_find(h, FED_SEND, "STORE_FAILED") != NULL);
    CHECK_EQ(hand_find(h, FED_CLOSE, "")->value, 1011);
    hand_free(h);
}

/* A busy store: the message waits, and its bytes are not given back to the peer. */
static void waits_while_the_store_is_busy(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    h->store->staged_max = 2;
    hand_client(h, HAND_PIPE, BOTH);
    hand_clear(h);
    for (uint32_t n = 0; n < 5; n++)
        hand_say_delta(h, HAND_PIPE, 1, n, 1);
    CHECK_EQ(h->store->len, 2);
    CHECK_EQ(hand_count(h, FED_DIGESTED, ""), 2);
    for (int i = 0; i < 3; i++)
        hand_commit(h);
    CHECK_EQ(h->store->durable, 5);
    CHECK_EQ(hand_count(h, FED_SEND, "delta_ack"), 5);
    hand_free(h);
}

static void asks_the_capsule_before_it_stores(void **state)
{
    (void)state;
    struct hand *h = hand_new(
        10, "{\"capsule\":\"bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy\"}");
    hand_client(h, HAND_PIPE, BOTH);
    hand_clear(h);
    for (uint32_t n = 1; n <= 3; n++)
        hand_say_delta(h, HAND_PIPE, 1, n, 1);
    CHECK_EQ(hand_count(h, FED_JUDGE, "\"id\":\"d-1-"), 3);
    CHECK_EQ(h->store->len, 0);
    uint64_t tokens[3];
    for (size_t i = 0, at = 0; i < h->len; i++)
        if (h->said[i].kind == FED_JUDGE)
            tokens[at++] = h->said[i].token;
    static const enum pando_status verdicts[3] = { PANDO_OK, PANDO_REFUSED, PANDO_OK };
    for (size_t i = 3; i-- > 0;) /* in any order */
        hand_give(h, &(struct fed_input){
                         .kind = FED_JUDGED, .token = tokens[i], .status = verdicts[i] });
    CHECK_EQ(h->store->len, 2);
    CHECK_EQ(hand_count(h, FED_SEND, "delta_"), 0);
    hand_commit(h);
    CHECK_EQ(hand_count(h, FED_SEND, "delta_ack"), 2);
    const struct hand_said *nack = hand_find(h, FED_SEND, "delta_nack");
    CHECK(nack != NULL && strstr(nack->text, "d-1-2") != NULL);
    CHECK(nack > hand_find(h, FED_SEND, "d-1-1") && nack < hand_find(h, FED_SEND, "\"d-1-3\""));
    hand_free(h);
}

/* More deltas than capsules may be asked at once: the others wait, none is lost. */
static void asks_the_capsule_for_a_bounded_number_at_once(void **state)
{
    (void)state;
    struct hand *h = hand_new(
        10, "{\"capsule\":\"bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy\"}");
    hand_client(h, HAND_PIPE, BOTH);
    hand_clear(h);
    for (uint32_t n = 0; n < 400; n++)
        hand_say_delta(h, HAND_PIPE, 1, n, 1);
    CHECK_EQ(hand_count(h, FED_JUDGE, ""), FED_JUDGES_MAX);
    for (size_t i = 0; i < h->len; i++)
        if (h->said[i].kind == FED_JUDGE)
            hand_give(h, &(struct fed_input){ .kind = FED_JUDGED, .token = h->said[i].token });
    hand_commit(h);
    CHECK_EQ(hand_count(h, FED_JUDGE, ""), 400);
    CHECK_EQ(hand_count(h, FED_SEND, "delta_ack"), 400);
    hand_free(h);
}

/* A client that says hello again has new wishes, on the same link. */
static void takes_a_second_hello_as_new_wishes(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    hand_client(h, HAND_PIPE, PUSH);
    hand_create(h, 0, 1, 5);
    hand_commit(h);
    hand_say(h, HAND_PIPE,
             "{\"type\":\"hello\",\"systemId\":\"there\",\"config\":{\"mode\":\"pull\"},"
             "\"protocol\":\"rhizomedb-federation-v1\"}");
    CHECK_EQ(hand_count(h, FED_SEND, "\"linkId\":\"00000001-"), 2);
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"delta\""), 0);
    hand_create(h, 0, 2, 6);
    hand_commit(h);
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"delta\""), 1);
    hand_free(h);
}

static void limit(struct hand *h, enum fed_mode mode)
{
    struct fed_link_config c;
    fed_config_init(&c);
    c.mode = mode;
    CHECK_OK(fed_configure(h->fed, h->now, slice_text("00000001"), &c));
    hand_wait(h, PANDO_MSEC(100));
}

/* What went is not sent again when nothing changes of what goes. */
static void limits_of_what_comes_send_nothing_again(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    hand_client(h, HAND_PIPE, BOTH);
    limit(h, FED_BIDIRECTIONAL);
    for (uint32_t n = 0; n < 5; n++)
        hand_create(h, 0, n, 100);
    hand_commit(h);
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"delta\""), 5);
    limit(h, FED_PULL);
    limit(h, FED_PULL);
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"delta\""), 5);
    hand_free(h);
}

/* What was here before the hello is the business of a sync. */
static void limits_before_the_hello_hold_nothing_back_of_before(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    for (uint32_t n = 0; n < 5; n++)
        hand_create(h, 0, n, 100);
    hand_commit(h);
    hand_open(h, HAND_PIPE, FED_NO_LINK);
    limit(h, FED_PUSH);
    hand_say(h, HAND_PIPE, "{\"type\":\"hello\",\"systemId\":\"x\",\"config\":" BOTH
                           ",\"protocol\":\"rhizomedb-federation-v1\"}");
    hand_create(h, 0, 5, 100);
    hand_commit(h);
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"delta\""), 0);
    limit(h, FED_BIDIRECTIONAL);
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"delta\""), 1);
    hand_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(greets_who_says_hello),
        TEST(refuses_another_protocol_for_good),
        TEST(closes_the_connection_beyond_the_limit),
        TEST(acknowledges_a_delta_only_when_it_is_durable),
        TEST(forwards_to_all_but_origin_and_pushers),
        TEST(refuses_whom_the_node_does_not_trust),
        TEST(refuses_deltas_of_a_client_in_pull_mode),
        TEST(serves_a_sync_oldest_first_in_batches_of_100),
        TEST(completes_a_sync_of_nothing),
        TEST(narrows_a_sync_by_its_filter_and_that_of_the_hello),
        TEST(waits_for_credit_and_loses_nothing),
        TEST(closes_on_a_reader_that_reads_nothing_for_a_minute),
        TEST(holds_deltas_while_the_peer_pauses),
        TEST(gives_up_on_garbage_after_16_messages),
        TEST(answers_messages_in_the_wrong_order),
        TEST(nacks_a_delta_that_breaks_the_model),
        TEST(closes_on_silence),
        TEST(reads_no_further_when_its_answers_are_not_read),
        TEST(a_full_disk_is_no_refusal),
        TEST(waits_while_the_store_is_busy),
        TEST(asks_the_capsule_before_it_stores),
        TEST(asks_the_capsule_for_a_bounded_number_at_once),
        TEST(takes_a_second_hello_as_new_wishes),
        TEST(limits_of_what_comes_send_nothing_again),
        TEST(limits_before_the_hello_hold_nothing_back_of_before),
    };
    return CHECK_RUN(tests);
}
