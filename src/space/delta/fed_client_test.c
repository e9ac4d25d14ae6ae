/* fed_client_test.c - what an engine does on links that it dialled, message by message. */
#include "check.h"
#include "base/slice.h"
#include "space/delta/fed_config.h"
#include "space/delta/fed_hand.h"
#include "space/delta/fed_state.h"

#include <stdio.h>
#include <stdlib.h>

#define START "{\"type\":\"sync_start\",\"timestamp\":1,\"totalDeltas\":9,\"batchSize\":100}"
#define DONE  "{\"type\":\"sync_complete\",\"timestamp\":1,\"deltasProcessed\":9}"

static void lose(struct hand *h, uint32_t pipe)
{
    hand_give(h, &(struct fed_input){ .kind = FED_PIPE_CLOSED,
                                      .pipe = pipe,
                                      .link = FED_NO_LINK,
                                      .status = PANDO_IO,
                                      .text = slice_text("connection reset") });
}

static void fail_dial(struct hand *h, uint32_t link)
{
    hand_give(h, &(struct fed_input){ .kind = FED_PIPE_CLOSED,
                                      .pipe = UINT32_MAX,
                                      .link = link,
                                      .status = PANDO_UNAVAILABLE,
                                      .text = slice_text("connection refused") });
}

static void ack(struct hand *h, uint32_t pipe, uint32_t node, uint32_t n)
{
    char text[128];
    (void)snprintf(text, sizeof text, "{\"type\":\"delta_ack\",\"deltaId\":\"d-%u-%u\"}", node, n);
    hand_say(h, pipe, text);
}

static char *show(struct hand *h, struct pando_buf *text)
{
    buf_reset(text);
    CHECK_OK(fed_link(h->fed, slice_text(h->id), text));
    CHECK_OK(buf_append(text, slice_of("", 1)));
    return (char *)text->ptr;
}

static void introduces_itself_and_asks_for_a_sync(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    const uint32_t link = hand_connect(
        h, "{\"initialSync\":\"from_timestamp\",\"syncFromTimestamp\":77,\"trustPolicy\":"
           "{\"trustedAuthors\":[\"a1\"]},\"pullFilter\":{\"contexts\":[\"public\"]}}");
    CHECK(hand_find(h, FED_DIAL, "ws://there:8080/federation") != NULL);
    CHECK(hand_event(h, FED_LINK_CONNECTING) != NULL);
    hand_open(h, HAND_PIPE, link);
    const struct hand_said *hello = hand_find(h, FED_SEND, "\"type\":\"hello\"");
    CHECK(hello != NULL && strstr(hello->text, "\"mode\":\"bidirectional\"") != NULL);
    CHECK(strstr(hello->text, "rhizomedb-federation-v1") != NULL);
    CHECK(strstr(hello->text, "a1") == NULL); /* our policy is nobody's business */
    CHECK_EQ(hand_count(h, FED_SEND, ""), 1);
    hand_say(h, HAND_PIPE, "{\"type\":\"hello_ack\",\"systemId\":\"there\"}");
    const struct hand_said *ask = hand_find(h, FED_SEND, "\"type\":\"sync_request\"");
    CHECK(ask != NULL && strstr(ask->text, "\"fromTimestamp\":77") != NULL);
    CHECK(strstr(ask->text, "public") != NULL);
    hand_free(h);
}

static void takes_what_a_sync_brings(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    struct pando_buf text;
    char batch[4096];
    buf_init(&text, 1u << 16);
    hand_dial(h, HAND_PIPE, "{\"trustPolicy\":{\"trustedAuthors\":[\"a1\",\"a2\"]}}");
    hand_say(h, HAND_PIPE, START);
    CHECK(strstr(show(h, &text), "\"status\":\"syncing\"") != NULL);
    size_t at = (size_t)snprintf(batch, sizeof batch, "{\"type\":\"sync_batch\",\"deltas\":[");
    for (uint32_t n = 0; n < 3; n++)
        at += (size_t)snprintf(batch + at, sizeof batch - at,
                               "%s{\"id\":\"b%u\",\"timestamp\":5,\"author\":\"a%u\",\"system\":"
                               "\"s\",\"pointers\":[]}", n ? "," : "", n, n);
    (void)snprintf(batch + at, sizeof batch - at, "],\"batchNumber\":0,\"isLastBatch\":true}");
    hand_say(h, HAND_PIPE, batch);
    hand_say(h, HAND_PIPE, DONE);
    CHECK_EQ(h->store->len, 2);
    CHECK(hand_event(h, FED_SYNC_COMPLETED) == NULL); /* not before it is durable */
    hand_commit(h);
    CHECK_EQ(hand_event(h, FED_SYNC_COMPLETED)->event.processed, 3);
    CHECK_EQ(hand_count(h, FED_SEND, "delta_ack"), 0);
    CHECK_EQ(hand_count(h, FED_SEND, "delta_nack"), 1);
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"delta\""), 0); /* no echo */
    CHECK(strstr(show(h, &text), "\"status\":\"connected\"") != NULL);
    buf_deinit(&text);
    hand_free(h);
}

/* The inbox stops where too many deltas have no answer. When all of them are durable at once,
 * nothing more comes that would wake it. */
static void goes_on_when_all_that_was_staged_is_durable(void **state)
{
    (void)state;
    enum { EACH = 1000, BATCHES = 9 };
    static char batch[EACH * 100];
    struct hand *h = hand_new(10, NULL);
    hand_dial(h, HAND_PIPE, "{}");
    hand_say(h, HAND_PIPE, START);
    for (uint32_t b = 0; b < BATCHES; b++) {
        size_t at = (size_t)snprintf(batch, sizeof batch, "{\"type\":\"sync_batch\",\"deltas\":[");
        for (uint32_t n = 0; n < EACH; n++)
            at += (size_t)snprintf(batch + at, sizeof batch - at,
                                   "%s{\"id\":\"b%u\",\"timestamp\":5,\"author\":\"a\","
                                   "\"system\":\"s\",\"pointers\":[]}",
                                   n ? "," : "", b * EACH + n);
        (void)snprintf(batch + at, sizeof batch - at, "],\"batchNumber\":%u}", b);
        hand_say(h, HAND_PIPE, batch);
    }
    CHECK(h->store->len < EACH * BATCHES);
    sim_store_commit(h->store, h->store->len);
    hand_give(h, &(struct fed_input){ .kind = FED_DURABLE, .value = h->store->durable });
    CHECK_EQ(h->store->len, EACH * BATCHES);
    hand_free(h);
}

static void offers_its_backlog_as_deltas(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    for (uint32_t n = 0; n < 60; n++)
        hand_create(h, 0, n, 100 + n);
    hand_commit(h);
    hand_dial(h, HAND_PIPE, "{\"initialSync\":\"from_timestamp\",\"syncFromTimestamp\":120,"
                            "\"pushFilter\":{\"contexts\":[\"public\"]}}");
    hand_wait(h, PANDO_MSEC(50));
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"delta\""), 20);
    CHECK(hand_find(h, FED_SEND, "\"d-0-20\"") != NULL); /* inclusive */
    hand_create(h, 0, 100, 3);
    hand_commit(h); /* what is new goes, however old it says it is */
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"delta\""), 21);
    hand_free(h);
}

static void sends_nothing_in_pull_mode_and_takes_nothing_in_push_mode(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    hand_create(h, 0, 1, 100);
    hand_commit(h);
    hand_dial(h, 1, "{\"mode\":\"pull\"}");
    hand_create(h, 0, 2, 100);
    hand_commit(h);
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"delta\""), 0);
    hand_clear(h);
    hand_dial(h, 2, "{\"mode\":\"push\"}");
    CHECK_EQ(hand_count(h, FED_SEND, "sync_request"), 0);
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"delta\""), 2);
    hand_say_delta(h, 2, 5, 5, 5);
    CHECK_EQ(hand_count(h, FED_SEND, "delta_nack"), 1);
    CHECK_EQ(h->store->len, 2);
    hand_free(h);
}

/* Initial sync "none": only what comes; after a break, what came since the first meeting. */
static void asks_after_a_break_for_what_it_missed(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    hand_create(h, 0, 1, 100);
    hand_commit(h);
    const uint32_t link = hand_dial(h, 1, "{\"initialSync\":\"none\"}");
    CHECK_EQ(hand_count(h, FED_SEND, "sync_request"), 0);
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"delta\""), 0);
    lose(h, 1);
    hand_wait(h, PANDO_SEC(2));
    CHECK_EQ(hand_count(h, FED_DIAL, ""), 2);
    hand_open(h, 2, link);
    hand_say(h, 2, "{\"type\":\"hello_ack\",\"systemId\":\"there\"}");
    CHECK(hand_find(h, FED_SEND, "\"fromTimestamp\":1789999999000") != NULL);
    hand_free(h);
}

static void sends_again_what_was_not_acked(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    const uint32_t link = hand_dial(h, 1, "{}");
    for (uint32_t n = 1; n <= 5; n++)
        hand_create(h, 0, n, 100);
    hand_commit(h);
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"delta\""), 5);
    ack(h, 1, 0, 1);
    ack(h, 1, 0, 2);
    ack(h, 1, 0, 4);
    hand_say(h, 1, "{\"type\":\"delta_nack\",\"deltaId\":\"d-0-3\",\"reason\":\"no\"}");
    lose(h, 1);
    hand_clear(h);
    hand_wait(h, PANDO_SEC(2));
    hand_open(h, 2, link);
    hand_say(h, 2, "{\"type\":\"hello_ack\",\"systemId\":\"there\"}");
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"delta\""), 1);
    CHECK(hand_find(h, FED_SEND, "\"d-0-5\"") != NULL);
    hand_free(h);
}

/* It may have less than it acked: a backup may have taken its place. */
static void sends_everything_to_a_server_that_was_started_anew(void **state)
{
    (void)state;
    static const char *const sessions[] = { "one", "one", "two" };
    struct hand *h = hand_new(10, NULL);
    char text[120];
    const uint32_t link = hand_dial(h, 1, "{}");
    for (uint32_t n = 1; n <= 3; n++)
        hand_create(h, 0, n, 100);
    hand_commit(h);
    for (uint32_t n = 1; n <= 3; n++)
        ack(h, 1, 0, n);
    for (uint32_t i = 0; i < 3; i++) {
        lose(h, i + 1);
        hand_clear(h);
        hand_wait(h, PANDO_SEC(5));
        hand_open(h, i + 2, link);
        (void)snprintf(text, sizeof text,
                       "{\"type\":\"hello_ack\",\"systemId\":\"there\",\"session\":\"%s\"}",
                       sessions[i]);
        hand_say(h, i + 2, text);
        CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"delta\""), i == 2 ? 3 : 0);
    }
    hand_free(h);
}

/* A peer that acks nothing gets all the same, and after a break from its first delta on. */
static void goes_on_when_the_peer_never_acks(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    const uint32_t link = hand_dial(h, HAND_PIPE, "{}");
    hand_credit(h, HAND_PIPE);
    hand_clear(h);
    for (uint32_t n = 0; n < 5000; n++)
        hand_create(h, 0, n, 100);
    hand_commit(h);
    for (int i = 0; i < 10; i++) {
        hand_credit(h, HAND_PIPE);
        hand_wait(h, PANDO_MSEC(300));
    }
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"delta\""), FED_WINDOW_MAX);
    hand_wait(h, PANDO_SEC(11));
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"delta\""), 5000);
    lose(h, HAND_PIPE);
    hand_clear(h);
    hand_wait(h, PANDO_SEC(2));
    hand_open(h, 9, link);
    hand_say(h, 9, "{\"type\":\"hello_ack\",\"systemId\":\"there\"}");
    CHECK(hand_find(h, FED_SEND, "\"d-0-0\"") != NULL);
    hand_free(h);
}

static void backs_off_as_configured_and_gives_up_in_the_end(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    struct pando_buf text;
    buf_init(&text, 1u << 16);
    const uint32_t link = hand_connect(
        h, "{\"reconnect\":{\"maxAttempts\":3,\"initialDelay\":100,\"maxDelay\":300,"
           "\"backoffMultiplier\":2}}");
    static const uint64_t delays[] = { 100, 200, 300 };
    for (size_t i = 0; i < 3; i++) {
        fail_dial(h, link);
        hand_clear(h);
        hand_wait(h, PANDO_MSEC(delays[i] - 1));
        CHECK_EQ(hand_count(h, FED_DIAL, ""), 0);
        hand_wait(h, PANDO_MSEC(1));
        CHECK_EQ(hand_count(h, FED_DIAL, ""), 1);
    }
    fail_dial(h, link);
    hand_clear(h);
    hand_wait(h, PANDO_SEC(100));
    CHECK_EQ(hand_count(h, FED_DIAL, ""), 0);
    CHECK(strstr(show(h, &text), "\"status\":\"error\"") != NULL);
    CHECK_OK(fed_resume(h->fed, h->now, slice_text(h->id)));
    hand_wait(h, PANDO_MSEC(1));
    CHECK_EQ(hand_count(h, FED_DIAL, ""), 1);
    buf_deinit(&text);
    hand_free(h);
}

static void a_success_resets_the_attempts(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    const uint32_t link = hand_connect(
        h, "{\"reconnect\":{\"maxAttempts\":2,\"initialDelay\":100,\"maxDelay\":1000}}");
    for (uint32_t i = 0; i < 6; i++) {
        fail_dial(h, link);
        hand_wait(h, PANDO_MSEC(200));
        hand_open(h, 20 + i, link);
        hand_say(h, 20 + i, "{\"type\":\"hello_ack\",\"systemId\":\"there\"}");
        lose(h, 20 + i);
        hand_wait(h, PANDO_MSEC(100));
    }
    CHECK_EQ(hand_count(h, FED_DIAL, ""), 13);
    hand_free(h);
}

static void a_disconnect_cancels_everything(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    hand_dial(h, 1, "{}");
    CHECK_OK(fed_disconnect(h->fed, h->now, slice_text(h->id)));
    hand_wait(h, PANDO_SEC(200));
    CHECK_EQ(hand_find(h, FED_CLOSE, "")->value, 1000);
    CHECK_EQ(hand_count(h, FED_DIAL, ""), 1);
    CHECK(hand_event(h, FED_LINK_DISCONNECTED) != NULL);
    CHECK_EQ(fed_disconnect(h->fed, h->now, slice_text(h->id)), PANDO_NOT_FOUND);
    /* while it dials, too: the connection that comes is closed */
    hand_clear(h);
    const uint32_t link = hand_connect(h, "{}");
    CHECK_OK(fed_disconnect(h->fed, h->now, slice_text(h->id)));
    hand_open(h, 2, link);
    CHECK_EQ(hand_count(h, FED_CLOSE, ""), 1);
    CHECK_EQ(hand_count(h, FED_SEND, ""), 0);
    hand_free(h);
}

static void another_protocol_is_the_end(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    struct pando_buf text;
    buf_init(&text, 1u << 16);
    const uint32_t link = hand_connect(h, "{}");
    hand_open(h, 1, link);
    hand_say(h, 1, "{\"type\":\"error\",\"code\":\"PROTOCOL_MISMATCH\",\"message\":\"v2 only\","
                   "\"fatal\":true}");
    hand_wait(h, PANDO_SEC(200));
    CHECK_EQ(hand_count(h, FED_DIAL, ""), 1);
    CHECK(strstr(show(h, &text), "\"status\":\"error\"") != NULL);
    CHECK(strstr((char *)text.ptr, "PROTOCOL_MISMATCH: v2 only") != NULL);
    buf_deinit(&text);
    hand_free(h);
}

/* A pause holds both ways; a server that drops meanwhile is asked for everything again. */
static void a_pause_loses_nothing(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    struct pando_buf text;
    buf_init(&text, 1u << 16);
    hand_dial(h, 1, "{}");
    hand_clear(h);
    CHECK_OK(fed_pause(h->fed, h->now, slice_of(h->id, 8)));
    hand_wait(h, PANDO_MSEC(1));
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"pause\""), 1);
    CHECK(strstr(show(h, &text), "\"pausedBy\":\"here\"") != NULL);
    for (uint32_t n = 0; n < 50; n++)
        hand_create(h, 0, n, 100);
    hand_commit(h);
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"delta\""), 0);
    CHECK_OK(fed_resume(h->fed, h->now, slice_text(h->id)));
    hand_wait(h, PANDO_MSEC(100));
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"resume\""), 1);
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"sync_request\""), 1);
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"delta\""), 50);
    buf_deinit(&text);
    hand_free(h);
}

static void a_wider_filter_synchronises_again(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    struct fed_link_config c;
    for (uint32_t n = 0; n < 10; n++)
        hand_create(h, 0, n, 100);
    hand_commit(h);
    hand_dial(h, 1, "{\"pushFilter\":{\"contexts\":[\"public\"]},"
                    "\"pullFilter\":{\"contexts\":[\"public\"]}}");
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"delta\""), 5);
    hand_clear(h);
    fed_config_init(&c);
    CHECK_OK(fed_configure(h->fed, h->now, slice_text(h->id), &c));
    hand_wait(h, PANDO_MSEC(100));
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"hello\""), 1);
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"delta\""), 10);
    hand_say(h, 1, "{\"type\":\"hello_ack\",\"systemId\":\"there\"}");
    CHECK_EQ(hand_count(h, FED_SEND, "sync_request"), 1);
    hand_clear(h);
    fed_config_init(&c);
    CHECK_OK(fed_configure(h->fed, h->now, slice_text(h->id), &c)); /* nothing new */
    hand_say(h, 1, "{\"type\":\"hello_ack\",\"systemId\":\"there\"}");
    CHECK_EQ(hand_count(h, FED_SEND, "\"type\":\"delta\""), 0);
    CHECK_EQ(hand_count(h, FED_SEND, "sync_request"), 0);
    hand_free(h);
}

static void refuses_a_batch_nobody_asked_for_or_too_large(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    hand_dial(h, 1, "{\"initialSync\":\"none\"}");
    hand_say(h, 1, START);
    CHECK_EQ(hand_count(h, FED_SEND, "UNEXPECTED_MESSAGE"), 1);
    hand_dial(h, 2, "{}");
    hand_say(h, 2, START);
    char *big = malloc(16384);
    CHECK(big != NULL);
    size_t at = (size_t)snprintf(big, 16384, "{\"type\":\"sync_batch\",\"deltas\":[0");
    for (int i = 0; i < 1000; i++)
        at += (size_t)snprintf(big + at, 16384 - at, ",0");
    (void)snprintf(big + at, 16384 - at, "]}");
    hand_say(h, 2, big);
    free(big);
    CHECK_EQ(hand_count(h, FED_SEND, "BATCH_TOO_LARGE"), 1);
    CHECK_EQ(hand_find(h, FED_CLOSE, "")->value, 1009);
    hand_free(h);
}

static void an_error_that_is_not_fatal_is_shown(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    hand_dial(h, 1, "{}");
    hand_say(h, 1, "{\"type\":\"error\",\"code\":\"SYNC_NOT_SUPPORTED\",\"message\":\"no\"}");
    CHECK(hand_event(h, FED_LINK_ERROR) != NULL);
    CHECK(hand_find(h, FED_CLOSE, "") == NULL);
    hand_say(h, 1, "{\"type\":\"error\",\"code\":\"X\",\"message\":\"bye\",\"fatal\":true}");
    CHECK(hand_find(h, FED_CLOSE, "X: bye") != NULL);
    hand_wait(h, PANDO_SEC(2));
    CHECK_EQ(hand_count(h, FED_DIAL, ""), 2); /* it may be better next time */
    hand_free(h);
}

static void events_per_delta_are_made_for_listeners_only(void **state)
{
    (void)state;
    struct hand *h = hand_new(10, NULL);
    fed_listen(h->fed, false);
    hand_dial(h, 1, "{}");
    hand_create(h, 0, 1, 1);
    hand_commit(h);
    CHECK(hand_event(h, FED_DELTA_SENT) == NULL);
    fed_listen(h->fed, true);
    hand_create(h, 0, 2, 1);
    hand_commit(h);
    CHECK(hand_event(h, FED_DELTA_SENT) != NULL);
    hand_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(introduces_itself_and_asks_for_a_sync),
        TEST(takes_what_a_sync_brings),
        TEST(goes_on_when_all_that_was_staged_is_durable),
        TEST(offers_its_backlog_as_deltas),
        TEST(sends_nothing_in_pull_mode_and_takes_nothing_in_push_mode),
        TEST(asks_after_a_break_for_what_it_missed),
        TEST(sends_again_what_was_not_acked),
        TEST(sends_everything_to_a_server_that_was_started_anew),
        TEST(goes_on_when_the_peer_never_acks),
        TEST(backs_off_as_configured_and_gives_up_in_the_end),
        TEST(a_success_resets_the_attempts),
        TEST(a_disconnect_cancels_everything),
        TEST(another_protocol_is_the_end),
        TEST(a_pause_loses_nothing),
        TEST(a_wider_filter_synchronises_again),
        TEST(refuses_a_batch_nobody_asked_for_or_too_large),
        TEST(an_error_that_is_not_fatal_is_shown),
        TEST(events_per_delta_are_made_for_listeners_only),
    };
    return CHECK_RUN(tests);
}
