/* Subscriptions: who gets what, and what happens when nobody takes it. */
#include "check.h"

#include "base/slice.h"
#include "codec/json.h"
#include "space/delta/subs.h"
#include "space/delta/views_hand.h"

#include <string.h>

struct world {
    struct hand h;
    struct delta_source source;
    struct subs *s;
    uint64_t position;
};

static void setup(struct world *w)
{
    memset(w, 0, sizeof *w);
    hand_init(&w->h);
    w->source = hand_source(&w->h);
    CHECK_OK(subs_new(&w->source, &w->s));
}

static void teardown(struct world *w)
{
    subs_free(w->s);
    hand_deinit(&w->h);
}

static uint64_t add(struct world *w, const char *config)
{
    struct subs_config c;
    struct pando_err err = { 0 };
    uint64_t id;
    json_t *json = hand_json(config);
    if (subs_config_from_json(json, &c, &err) != PANDO_OK || subs_add(w->s, &c, &id, &err) != PANDO_OK)
        fail_msg("%s", err.text);
    json_decref(json);
    return id;
}

/* A new delta with this context, offered. */
static enum pando_status offer(struct world *w, const char *context)
{
    char id[24];
    (void)snprintf(id, sizeof id, "d%llu", (unsigned long long)++w->position);
    hand_say(&w->h, id, (int64_t)w->position, "o", context, "1");
    return subs_offer(w->s, w->position, &w->h.deltas[w->h.len - 1]);
}

/* The position of the next delta that is polled; 0: nothing. */
static uint64_t next(struct world *w, uint64_t id)
{
    struct pando_slice bytes;
    struct delta_room room;
    struct delta d;
    uint64_t position;
    if (subs_poll(w->s, id, &bytes, &position) != PANDO_OK)
        return 0;
    CHECK_OK(delta_decode(bytes, &room, &d));
    CHECK_EQ(d.timestamp, position);
    return position;
}

static struct subs_stats stats(struct world *w, uint64_t id)
{
    struct subs_stats st;
    CHECK(subs_stats(w->s, id, &st));
    return st;
}

static void a_filter_decides_who_gets_what(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    const uint64_t all = add(&w, "{}"), some = add(&w, "{\"filter\":{\"targetContexts\":[\"b\"]}}");
    const uint64_t later = add(&w, "{\"position\":2}");
    CHECK_OK(offer(&w, "a"));
    CHECK_OK(offer(&w, "b"));
    CHECK_OK(offer(&w, "a"));
    CHECK_EQ(next(&w, all), 1);
    CHECK_EQ(next(&w, all), 2);
    CHECK_EQ(next(&w, all), 3);
    CHECK_EQ(next(&w, all), 0);
    CHECK_EQ(next(&w, some), 2);
    CHECK_EQ(next(&w, some), 0);
    CHECK_EQ(next(&w, later), 3);
    CHECK_EQ(stats(&w, all).received, 3);
    CHECK_EQ(stats(&w, all).processed, 3);
    CHECK_EQ(stats(&w, some).position, 2);
    CHECK(subs_remove(w.s, some));
    CHECK(!subs_remove(w.s, some));
    struct pando_slice bytes;
    CHECK_EQ(subs_poll(w.s, some, &bytes, &w.position), PANDO_INVALID);
    CHECK_EQ(subs_count(w.s), 2);
    teardown(&w);
}

static void what_was_negated_before_it_came_is_not_shown(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    const uint64_t plain = add(&w, "{\"filter\":{\"targetContexts\":[\"a\"]}}");
    const uint64_t negated = add(&w, "{\"filter\":{\"targetContexts\":[\"a\"],"
        "\"includeNegated\":true}}");
    hand_negate(&w.h, "n", 50, "d1");
    CHECK_OK(offer(&w, "a"));
    CHECK_EQ(next(&w, plain), 0);
    CHECK_EQ(next(&w, negated), 1);
    teardown(&w);
}

static void a_plain_one_drops_while_paused_and_a_buffered_one_keeps(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    const uint64_t plain = add(&w, "{\"buffered\":false}"), buffered = add(&w, "{}");
    CHECK(subs_pause(w.s, plain) && subs_pause(w.s, buffered));
    CHECK_OK(offer(&w, "a"));
    CHECK_OK(offer(&w, "a"));
    CHECK_EQ(next(&w, buffered), 0);
    CHECK(stats(&w, buffered).paused);
    CHECK(subs_resume(w.s, plain) && subs_resume(w.s, buffered));
    CHECK_OK(offer(&w, "a"));
    CHECK_EQ(next(&w, plain), 3);
    CHECK_EQ(stats(&w, plain).dropped, 2);
    CHECK_EQ(next(&w, buffered), 1);
    CHECK_EQ(next(&w, buffered), 2);
    CHECK_EQ(stats(&w, buffered).dropped, 0);
    CHECK(!subs_pause(w.s, 99) && !subs_resume(w.s, 99));
    teardown(&w);
}

static void each_overflow_strategy_does_what_its_name_says(void **state)
{
    (void)state;
    struct world w;
    struct pando_slice bytes;
    uint64_t position;
    setup(&w);
    const uint64_t oldest = add(&w, "{\"bufferSize\":3}");
    const uint64_t newest = add(&w, "{\"bufferSize\":3,\"overflow\":\"drop_newest\"}");
    const uint64_t error = add(&w, "{\"bufferSize\":3,\"overflow\":\"error\"}");
    for (int i = 0; i < 5; i++)
        CHECK_OK(offer(&w, "a"));
    CHECK_EQ(stats(&w, oldest).percent_full, 100);
    CHECK_EQ(stats(&w, oldest).dropped, 2);
    CHECK_EQ(stats(&w, oldest).overflows, 2);
    CHECK_EQ(next(&w, oldest), 3);
    CHECK_EQ(stats(&w, newest).dropped, 2);
    for (uint64_t i = 1; i <= 3; i++)
        CHECK_EQ(next(&w, newest), i);
    CHECK_EQ(next(&w, newest), 0);
    CHECK(stats(&w, error).failed);
    for (uint64_t i = 1; i <= 3; i++)
        CHECK_EQ(next(&w, error), i);
    CHECK_EQ(subs_poll(w.s, error, &bytes, &position), PANDO_FULL);
    CHECK(subs_resume(w.s, error));
    CHECK_OK(offer(&w, "a"));
    CHECK_EQ(next(&w, error), 6);
    teardown(&w);
}

/* One that blocks and is full is passed over, and nobody else; it reads on when half is free. */
static void a_blocking_one_holds_back_only_itself(void **state)
{
    (void)state;
    struct world w;
    uint64_t position = 0;
    setup(&w);
    const uint64_t other = add(&w, "{}"), block = add(&w, "{\"bufferSize\":4,\"overflow\":\"block\"}");
    for (uint64_t i = 1; i <= 9; i++) {
        CHECK_OK(offer(&w, "a"));
        CHECK_EQ(next(&w, other), i);
    }
    CHECK_EQ(stats(&w, block).overflows, 1);
    CHECK_EQ(stats(&w, block).size, 4);
    CHECK(!subs_reads_on(w.s, block, &position));
    CHECK_EQ(next(&w, block), 1);
    CHECK(!subs_reads_on(w.s, block, &position));
    CHECK_EQ(next(&w, block), 2);
    CHECK(subs_reads_on(w.s, block, &position));
    CHECK(!subs_reads_on(w.s, other, &position));
    for (uint64_t at = 3; at <= 9;) {
        while (at <= 9 && subs_reads_on(w.s, block, &position)) {
            CHECK(position >= 4);
            if (position == 9)
                break;
            CHECK_OK(subs_offer_to(w.s, block, position + 1, &w.h.deltas[position]));
        }
        CHECK_EQ(next(&w, block), at++);
    }
    subs_pass_over(w.s, block, 9, true);
    CHECK(!subs_reads_on(w.s, block, &position));
    CHECK_OK(offer(&w, "a"));
    CHECK_EQ(next(&w, block), 10);
    CHECK_EQ(next(&w, block), 0);
    CHECK_EQ(stats(&w, block).dropped, 0);
    CHECK_EQ(stats(&w, block).received, 10);
    teardown(&w);
}

/* After an error some have it, and do not get it twice. */
static void nobody_gets_a_delta_twice(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    const uint64_t one = add(&w, "{}");
    CHECK_OK(offer(&w, "a"));
    CHECK_OK(subs_offer(w.s, 1, &w.h.deltas[w.h.len - 1]));
    CHECK_EQ(next(&w, one), 1);
    CHECK_EQ(next(&w, one), 0);
    teardown(&w);
}

static void the_warning_comes_once_each_time_the_threshold_is_passed(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    const uint64_t id = add(&w, "{\"bufferSize\":5}");
    for (int i = 0; i < 3; i++)
        CHECK_OK(offer(&w, "a"));
    CHECK(!subs_take_warning(w.s, id));
    CHECK_OK(offer(&w, "a"));
    CHECK(subs_take_warning(w.s, id));
    CHECK_OK(offer(&w, "a"));
    CHECK(!subs_take_warning(w.s, id));
    CHECK(next(&w, id) != 0 && next(&w, id) != 0);
    CHECK_OK(offer(&w, "a"));
    CHECK(subs_take_warning(w.s, id));
    teardown(&w);
}

static void statistics_are_json_and_a_wrong_wish_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        { "[]", "a subscription must be an object" },
        { "{\"bufferSise\":1}", "bufferSise is unknown: a subscription takes filter, buffered, "
            "overflow, "
                                "bufferSize, warningThreshold, position" },
        { "{\"overflow\":\"drop\"}", "overflow must be drop_oldest, drop_newest, error or block" },
        { "{\"bufferSize\":0}", "bufferSize must be a whole number from 1 to 100000" },
        { "{\"warningThreshold\":101}", "warningThreshold must be a whole number from 1 to 100" },
        { "{\"buffered\":1}", "buffered must be true or false" },
    };
    struct world w;
    struct pando_buf text;
    setup(&w);
    buf_init(&text, 4096);
    const uint64_t id = add(&w, "{}");
    CHECK_OK(offer(&w, "a"));
    CHECK_OK(subs_stats_json(w.s, id, &text));
    CHECK(slice_equal(buf_view(&text),
                      slice_text("{\"size\":1,\"capacity\":1000,\"percentFull\":0,\"received\":1,"
                          "\"processed\":0,"
                                 "\"dropped\":0,\"overflowCount\":0,\"position\":0,\"paused\":false,"
                                 "\"failed\":false}")));
    CHECK_EQ(subs_stats_json(w.s, 99, &text), PANDO_NOT_FOUND);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct subs_config c;
        struct pando_err err = { 0 };
        json_t *json = hand_json(cases[i].text);
        CHECK_EQ(subs_config_from_json(json, &c, &err), PANDO_INVALID);
        CHECK_STR(err.text, cases[i].want);
        json_decref(json);
    }
    buf_deinit(&text);
    teardown(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_filter_decides_who_gets_what),
        TEST(what_was_negated_before_it_came_is_not_shown),
        TEST(a_plain_one_drops_while_paused_and_a_buffered_one_keeps),
        TEST(each_overflow_strategy_does_what_its_name_says),
        TEST(a_blocking_one_holds_back_only_itself),
        TEST(nobody_gets_a_delta_twice),
        TEST(the_warning_comes_once_each_time_the_threshold_is_passed),
        TEST(statistics_are_json_and_a_wrong_wish_is_named),
    };
    return CHECK_RUN(tests);
}
