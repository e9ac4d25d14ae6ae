#include "store/journal_hand.h"

#include "base/slice.h"
#include "check.h"

struct journal_config hand_config(struct files_memory *disk)
{
    return (struct journal_config){
        .files = files_memory_files(disk),
        .dir = "/j",
        .space = { { 1, 2, 3 } },
        .seed = 99,
        .segment_min = 4096,
        .segment_max = 16384,
        .sync = true,
    };
}

uint64_t hand_append(struct journal *j, uint8_t kind, const char *text)
{
    uint64_t position;
    CHECK_OK(journal_append(j, kind, slice_text(text), &position));
    return position;
}

void hand_commit(struct journal *j)
{
    struct journal_group *group;
    uint64_t durable = 0;
    CHECK(journal_commit_begin(j, &group));
    journal_commit_run(group);
    CHECK_OK(journal_commit_end(j, group, &durable));
    CHECK_EQ(durable, journal_durable(j));
}

void hand_expect(struct journal *j, uint64_t position, uint8_t kind, const char *text)
{
    struct pando_buf got;
    uint8_t got_kind = 0;
    buf_init(&got, JOURNAL_RECORD_MAX);
    CHECK_OK(journal_read(j, position, &got_kind, &got));
    CHECK_EQ(got_kind, kind);
    CHECK(slice_equal(buf_view(&got), slice_text(text)));
    buf_reset(&got); /* and a part of it, even one that goes beyond its end */
    const size_t from = strlen(text) / 3;
    CHECK_OK(journal_read_part(j, position, from, 5, &got_kind, &got));
    CHECK_EQ(got_kind, kind);
    CHECK_EQ(got.len, strlen(text) - from < 5 ? strlen(text) - from : 5);
    CHECK(slice_equal(buf_view(&got), slice_of(text + from, got.len)));
    buf_deinit(&got);
}
