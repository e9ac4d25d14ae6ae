/* An archive that is read in again, on a whole instance: what is right comes back, what is not is
 * named. */
#include "space/delta/delta_world.h"

#include "base/slice.h"
#include "check.h"

#include <string.h>

static int64_t number_of(const json_t *json, const char *name)
{
    CHECK(json_is_integer(json_object_get(json, name)));
    return json_integer_value(json_object_get(json, name));
}

static int64_t held(struct delta_world *w)
{
    json_t *json = delta_world_ask(w, "stats", "{}", PANDO_OK);
    const int64_t len = number_of(json, "totalDeltas");
    json_decref(json);
    return len;
}

/* 20 deltas, ten of them negated and archived with their negations; the file is the stream. */
static void archived(struct delta_world *w)
{
    delta_world_init(w, "{}");
    for (int i = 0; i < 20; i++) {
        char args[256];
        (void)snprintf(args, sizeof args,
                       "{'id':'d%d','author':'a','pointers':[{'role':'n','target':%d}]}", i, i);
        json_decref(delta_world_ask(w, "create", args, PANDO_OK));
        (void)snprintf(args, sizeof args, "{'id':'d%d'}", i);
        if (i % 2 == 0)
            json_decref(delta_world_ask(w, "negate", args, PANDO_OK));
    }
    delta_world_watch(w, "archive", "{'before':9007199254740991}");
    delta_world_settle(w);
    CHECK(w->ended);
    json_t *json = delta_world_ask(w, "archive_commit", "{}", PANDO_OK);
    CHECK_EQ(number_of(json, "archived"), 20);
    json_decref(json);
    CHECK_EQ(held(w), 10);
}

static void expect_counts(json_t *json, int64_t fresh, int64_t returned, int64_t known,
                          int64_t refused)
{
    CHECK_EQ(number_of(json, "new"), fresh);
    CHECK_EQ(number_of(json, "returned"), returned);
    CHECK_EQ(number_of(json, "known"), known);
    CHECK_EQ(number_of(json, "refused"), refused);
    CHECK_EQ(json_array_size(json_object_get(json, "reasons")), (size_t)refused);
}

static void an_archive_is_held_again_and_then_known(void **state)
{
    (void)state;
    struct delta_world w;
    archived(&w);
    json_t *json = delta_world_give(&w, "import", buf_view(&w.stream), PANDO_OK);
    expect_counts(json, 20, 20, 0, 0);
    json_decref(json);
    delta_world_restart(&w, true, "{}");
    CHECK_EQ(held(&w), 30);
    json = delta_world_give(&w, "import", buf_view(&w.stream), PANDO_OK);
    expect_counts(json, 0, 0, 20, 0);
    json_decref(json);
    json = delta_world_ask(&w, "query", "{}", PANDO_OK);
    CHECK_EQ(json_array_size(json_object_get(json, "deltas")), 20); /* ten, ten negations */
    json_decref(json);
    delta_world_deinit(&w);
    archived(&w);
    struct delta_world other; /* one that never had them */
    delta_world_init(&other, "{}");
    json = delta_world_give(&other, "import", buf_view(&w.stream), PANDO_OK);
    expect_counts(json, 20, 0, 0, 0);
    json_decref(json);
    delta_world_deinit(&other);
    delta_world_deinit(&w);
}

static void it_is_answered_when_it_is_on_disk_and_waits_for_the_journal(void **state)
{
    (void)state;
    struct delta_world w;
    archived(&w);
    w.busy = true;
    w.answered = false;
    delta_world_feed(&w, &(struct space_input){ .kind = SPACE_CALL, .token = 1, .verb = "import",
                                                .text = buf_view(&w.stream) });
    for (int i = 0; i < 50; i++) {
        w.now = pando_time_add(w.now, PANDO_MSEC(2));
        delta_world_feed(&w, &(struct space_input){ .kind = SPACE_TICK });
    }
    CHECK(!w.answered);
    w.busy = false;
    w.now = pando_time_add(w.now, PANDO_MSEC(2));
    delta_world_work(&w);
    CHECK(!w.answered);
    delta_world_settle(&w);
    CHECK(w.answered);
    CHECK_OK(w.status);
    CHECK_EQ(held(&w), 30);
    delta_world_deinit(&w);
}

static void a_damaged_block_is_named_and_the_others_come(void **state)
{
    (void)state;
    struct delta_world w;
    archived(&w);
    w.stream.ptr[w.stream.len - 1] ^= 1;
    json_t *json = delta_world_give(&w, "import", buf_view(&w.stream), PANDO_OK);
    expect_counts(json, 19, 19, 0, 1);
    const json_t *reason = json_array_get(json_object_get(json, "reasons"), 0);
    CHECK_EQ(number_of(reason, "block"), 21);
    CHECK(strncmp(json_string_value(json_object_get(reason, "cid")), "bafyrei", 7) == 0);
    CHECK_STR(json_string_value(json_object_get(reason, "reason")),
              "its bytes do not match its CID: it is damaged; take another copy of the file");
    json_decref(json);
    CHECK_EQ(held(&w), 29);
    delta_world_deinit(&w);
}

static void a_file_that_is_cut_off_says_where(void **state)
{
    (void)state;
    struct delta_world w;
    archived(&w);
    json_t *json = delta_world_give(&w, "import",
                                    slice_of(w.stream.ptr, w.stream.len - 5), PANDO_OK);
    expect_counts(json, 19, 19, 0, 1);
    const json_t *reason = json_array_get(json_object_get(json, "reasons"), 0);
    CHECK_EQ(number_of(reason, "block"), 21);
    CHECK_STR(json_string_value(json_object_get(reason, "reason")),
              "the file is cut off or damaged here and was read no further; take another copy of "
              "it");
    json_decref(json);
    json = delta_world_give(&w, "import", slice_of(w.stream.ptr, 20), PANDO_MALFORMED);
    CHECK_STR(json_string_value(json_object_get(json, "error")),
              "this is neither JSON lines nor a CAR archive: its header does not read; take "
              "another copy of the file");
    json_decref(json);
    delta_world_deinit(&w);
}

/* Every prefix, and every byte turned: an answer, and nothing that is no delta of the file. */
static void no_damage_brings_what_was_not_archived(void **state)
{
    (void)state;
    struct delta_world w;
    archived(&w);
    for (size_t i = 0; i < w.stream.len; i += 7) {
        struct delta_world other;
        delta_world_init(&other, "{}");
        w.stream.ptr[i] ^= 0x15;
        other.answered = false;
        delta_world_feed(&other, &(struct space_input){ .kind = SPACE_CALL, .token = 1,
                                                        .verb = "import",
                                                        .text = buf_view(&w.stream) });
        delta_world_settle(&other);
        CHECK(other.answered);
        w.stream.ptr[i] ^= 0x15;
        const int64_t before = held(&other);
        json_t *json = delta_world_give(&other, "import", buf_view(&w.stream), PANDO_OK);
        CHECK_EQ(number_of(json, "known"), before);
        json_decref(json);
        CHECK_EQ(held(&other), 20);
        delta_world_deinit(&other);
    }
    delta_world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_archive_is_held_again_and_then_known),
        TEST(it_is_answered_when_it_is_on_disk_and_waits_for_the_journal),
        TEST(a_damaged_block_is_named_and_the_others_come),
        TEST(a_file_that_is_cut_off_says_where),
        TEST(no_damage_brings_what_was_not_archived),
    };
    return CHECK_RUN(tests);
}
