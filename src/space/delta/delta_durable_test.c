/* A delta space and its disk, on a whole instance: full, stopped, crashed, archived. */
#include "space/delta/delta_ask.h"

#include "base/slice.h"
#include "check.h"

static void a_full_journal_lets_calls_wait(void **state)
{
    (void)state;
    struct delta_world w;
    delta_world_init(&w, "{}");
    w.busy = true;
    delta_world_call(&w, "create", ASK_PLAIN("d1", "5"));
    delta_world_work(&w);
    CHECK(!w.answered);
    w.busy = false; /* nobody says so */
    w.now = pando_time_add(w.now, PANDO_MSEC(2));
    CHECK(pando_time_reached(space_delta_ops.deadline(w.instance), w.now));
    delta_world_feed(&w, &(struct space_input){ .kind = SPACE_TICK });
    delta_world_settle(&w);
    CHECK(w.answered);
    CHECK_OK(w.status);
    delta_world_deinit(&w);
}

static void a_stopped_journal_answers_those_who_wait(void **state)
{
    (void)state;
    struct delta_world w;
    delta_world_init(&w, "{}");
    delta_world_call(&w, "create", ASK_PLAIN("d1", "5"));
    delta_world_feed(&w, &(struct space_input){ .kind = SPACE_STORE_FAIL,
                                                .status = PANDO_NOSPACE });
    CHECK(w.answered);
    CHECK_EQ(w.status, PANDO_NOSPACE);
    delta_world_call(&w, "create", ASK_PLAIN("d2", "5"));
    CHECK(w.answered);
    CHECK_EQ(w.status, PANDO_UNAVAILABLE);
    delta_world_feed(&w, &(struct space_input){ .kind = SPACE_STORE_BACK });
    ask_ok(&w, "create", ASK_PLAIN("d3", "5"));
    delta_world_deinit(&w);
}

static void what_was_answered_is_there_after_a_crash(void **state)
{
    (void)state;
    struct delta_world w;
    delta_world_init(&w, "{}");
    ask_fill(&w, 0, 500);
    json_t *before = delta_world_ask(&w, "hash", "{}", PANDO_OK);
    delta_world_call(&w, "create", ASK_PLAIN("never", "5"));
    delta_world_restart(&w, true, "{}");
    json_t *after = delta_world_ask(&w, "hash", "{}", PANDO_OK);
    CHECK(json_equal(before, after));
    delta_world_watch(&w, "watch", "{}");
    ask_fill(&w, 500, 5);
    CHECK_EQ(w.lines, 5); /* what was there is no news */
    json_decref(before);
    json_decref(after);
    delta_world_deinit(&w);
}

/* The file first, then what it holds goes; what came from others does not come back. */
static void an_archive_takes_out_what_was_negated(void **state)
{
    (void)state;
    struct delta_world w;
    delta_world_init(&w, "{}");
    ask_fill(&w, 0, 400);
    for (int i = 0; i < 50; i++) {
        char args[64];
        (void)snprintf(args, sizeof args, "{'id':'f%d'}", i * 2);
        ask_ok(&w, "negate", args);
    }
    ask_error(&w, "archive_commit", "{}", PANDO_INVALID,
                 "there is no complete archive: ask for one with delta.archive first");
    delta_world_watch(&w, "archive", "{'before':9007199254740991}");
    delta_world_settle(&w);
    CHECK(w.ended);
    CHECK(w.stream.len > 5000);
    json_t *json = delta_world_ask(&w, "hash", "{}", PANDO_OK);
    CHECK_EQ(ask_number(json, "deltas"), 450);
    json_decref(json);
    json = delta_world_ask(&w, "archive_commit", "{}", PANDO_OK);
    CHECK_EQ(ask_number(json, "archived"), 100);
    json_decref(json);
    delta_world_restart(&w, true, "{}");
    json = delta_world_ask(&w, "hash", "{}", PANDO_OK);
    CHECK_EQ(ask_number(json, "deltas"), 350);
    json_decref(json);
    CHECK_EQ(ask_shown(&w, "{'limit':1000}"), 350);
    ask_error(&w, "get", "{'id':'f2'}", PANDO_NOT_FOUND, "there is no delta 'f2' here");
    ask_fill(&w, 0, 400);
    CHECK_EQ(ask_shown(&w, "{'limit':1000}"), 350);
    delta_world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_full_journal_lets_calls_wait),
        TEST(a_stopped_journal_answers_those_who_wait),
        TEST(what_was_answered_is_there_after_a_crash),
        TEST(an_archive_takes_out_what_was_negated),
    };
    return CHECK_RUN(tests);
}
