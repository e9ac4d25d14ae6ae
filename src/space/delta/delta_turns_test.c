/* Who waits for whom: calls that bring deltas, and those who are told of them. */
#include "space/delta/delta_world.h"

#include "base/slice.h"
#include "check.h"

#include <string.h>

static void commit(struct delta_world *w)
{
    struct space_input in = { .kind = SPACE_DURABLE };
    struct journal_group *group;
    if (!journal_commit_begin(w->journal, &group))
        return;
    journal_commit_run(group);
    CHECK_OK(journal_commit_end(w->journal, group, &in.value));
    delta_world_feed(w, &in);
}

/* Calls take turns: the small one is stored and answered while the large one goes on. */
static void a_small_call_is_not_kept_by_a_large_one_before_it(void **state)
{
    (void)state;
    enum { LINES = 20000 };
    struct delta_world w;
    struct pando_buf lines;
    char args[128];
    delta_world_init(&w, "{}");
    buf_init(&lines, 8u << 20);
    for (int i = 0; i < LINES; i++)
        CHECK_OK(buf_printf(&lines,
                            "{'id':'l%d','timestamp':%d,'author':'a','system':'s','pointers':"
                            "[{'role':'r','target':'t'}]}\n",
                            i, 1 + i));
    CHECK_OK(buf_append(&lines, slice_of("", 1)));
    delta_world_watch(&w, "import", (const char *)lines.ptr);
    for (int i = 0; i < 3; i++) {
        (void)snprintf(args, sizeof args,
                       "{'id':'small%d','pointers':[{'role':'r','target':'t'}]}", i);
        delta_world_call(&w, "create", args);
        commit(&w);
        CHECK(w.answered);
        CHECK_EQ(w.status, PANDO_OK);
        CHECK(!w.ended);
    }
    delta_world_settle(&w);
    CHECK(w.ended);
    CHECK_OK(buf_append(&w.stream, slice_of("", 1)));
    CHECK(strstr((const char *)w.stream.ptr, "{\"accepted\":20000,\"new\":20000,") != NULL);
    json_t *json = delta_world_ask(&w, "stats", "{}", PANDO_OK);
    CHECK_EQ(json_integer_value(json_object_get(json, "totalDeltas")), LINES + 3);
    json_decref(json);
    buf_deinit(&lines);
    delta_world_deinit(&w);
}

static void create(struct delta_world *w, int i)
{
    char args[128];
    (void)snprintf(args, sizeof args, "{'id':'d%d','pointers':[{'role':'r','target':'t'}]}", i);
    json_decref(delta_world_ask(w, "create", args, PANDO_OK));
}

static json_int_t subs_number(struct delta_world *w, const char *name)
{
    json_t *json = delta_world_ask(w, "subs.ls", "{}", PANDO_OK);
    const json_t *one = json_array_get(json_object_get(json, "subscriptions"), 0);
    const json_int_t n =
        json_integer_value(json_object_get(json_object_get(one, "stats"), name));
    json_decref(json);
    return n;
}

/* A subscription that blocks, is full and is not read: the news go on without it. It keeps its
 * capacity and no more, and when it is read it gets all, in order, once. */
static void one_that_blocks_holds_back_only_itself(void **state)
{
    (void)state;
    struct delta_world w;
    char id[24];
    delta_world_init(&w, "{}");
    delta_world_watch(&w, "watch", "{'bufferSize':8,'overflow':'block'}");
    json_decref(delta_world_ask(&w, "subs.pause", "{'id':1}", PANDO_OK));
    for (int i = 0; i < 100; i++)
        create(&w, i);
    json_t *json = delta_world_ask(&w, "stats", "{}", PANDO_OK);
    CHECK_EQ(json_integer_value(json_object_get(json, "onTheirWay")), 0);
    json_decref(json);
    CHECK_EQ(subs_number(&w, "size"), 8);
    CHECK_EQ(subs_number(&w, "overflowCount"), 1);
    CHECK_EQ(w.lines, 0);
    json_decref(delta_world_ask(&w, "subs.resume", "{'id':1}", PANDO_OK));
    CHECK_EQ(w.lines, 100);
    CHECK_OK(buf_append(&w.stream, slice_of("", 1)));
    const char *at = (const char *)w.stream.ptr;
    for (int i = 0; i < 100; i++) {
        (void)snprintf(id, sizeof id, "{\"id\":\"d%d\"", i);
        at = strstr(at, id);
        CHECK(at != NULL);
    }
    create(&w, 100);
    CHECK_EQ(w.lines, 101);
    delta_world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_small_call_is_not_kept_by_a_large_one_before_it),
        TEST(one_that_blocks_holds_back_only_itself),
    };
    return CHECK_RUN(tests);
}
