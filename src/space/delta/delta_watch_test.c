/* Watchers of a delta space, on a whole instance. */
#include "space/delta/delta_ask.h"

#include "base/slice.h"
#include "check.h"

static void watchers_see_each_delta_once_and_only_durable_ones(void **state)
{
    (void)state;
    struct delta_world w;
    delta_world_init(&w, "{}");
    ask_fill(&w, 0, 1200);
    delta_world_watch(&w, "watch", "{'since':0}");
    ask_fill(&w, 1200, 600); /* while the history is read */
    CHECK_EQ(w.lines, 1800);
    delta_world_call(&w, "create", ASK_PLAIN("late", "5"));
    delta_world_work(&w);
    CHECK_EQ(w.lines, 1800);
    delta_world_settle(&w);
    CHECK_EQ(w.lines, 1801);
    delta_world_watch(&w, "cancel", "{}");
    ask_fill(&w, 2000, 10);
    CHECK_EQ(w.lines, 0);
    delta_world_deinit(&w);
}

static void a_watcher_sees_what_its_filter_lets_pass(void **state)
{
    (void)state;
    struct delta_world w;
    delta_world_init(&w, "{}");
    ask_fill(&w, 0, 10);
    delta_world_watch(&w, "watch", "{'filter':{'authors':['a1']}}");
    ask_fill(&w, 10, 50);
    CHECK_EQ(w.lines, 10);
    delta_world_deinit(&w);
}

static size_t watcher_stat(struct delta_world *w, const char *name)
{
    json_t *json = delta_world_ask(w, "subs.ls", "{}", PANDO_OK);
    const json_t *one = json_array_get(json_object_get(json, "subscriptions"), 0);
    const int64_t number = ask_number(json_object_get(one, "stats"), name);
    json_decref(json);
    return (size_t)number;
}

static void a_paused_watcher_keeps_as_much_as_it_said(void **state)
{
    (void)state;
    struct delta_world w;
    delta_world_init(&w, "{}");
    delta_world_watch(&w, "watch", "{'bufferSize':10,'overflow':'drop_newest'}");
    ask_ok(&w, "subs.pause", "{'id':1}");
    ask_fill(&w, 0, 25);
    CHECK_EQ(w.lines, 0);
    CHECK_EQ(watcher_stat(&w, "size"), 10);
    CHECK_EQ(watcher_stat(&w, "dropped"), 15);
    ask_ok(&w, "subs.resume", "{'id':1}");
    CHECK_EQ(w.lines, 10);
    ask_error(&w, "subs.pause", "{'id':9}", PANDO_NOT_FOUND, "there is no subscription 9");
    delta_world_deinit(&w);
}

/* One that blocks loses nothing. */
static void a_watcher_that_blocks_gets_everything_later(void **state)
{
    (void)state;
    struct delta_world w;
    delta_world_init(&w, "{}");
    delta_world_watch(&w, "watch", "{'bufferSize':10,'overflow':'block'}");
    ask_ok(&w, "subs.pause", "{'id':1}");
    ask_fill(&w, 0, 25);
    CHECK_EQ(w.lines, 0);
    ask_ok(&w, "subs.resume", "{'id':1}");
    CHECK_EQ(w.lines, 25);
    delta_world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(watchers_see_each_delta_once_and_only_durable_ones),
        TEST(a_watcher_sees_what_its_filter_lets_pass),
        TEST(a_paused_watcher_keeps_as_much_as_it_said),
        TEST(a_watcher_that_blocks_gets_everything_later),
    };
    return CHECK_RUN(tests);
}
