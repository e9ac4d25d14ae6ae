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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_small_call_is_not_kept_by_a_large_one_before_it),
    };
    return CHECK_RUN(tests);
}
