/* A batch of encoded messages is taken whole, in order, once; whatever is not one is refused. */
#include "check.h"
#include "base/slice.h"
#include "space/log/batch.h"
#include "space/space.h"
#include "store/files_memory.h"
#include "store/journal.h"

#include <string.h>

#define SPACE_MEMBER "{\"id\":1,\"members\":[1]}"

/* A member alone: what it appends is durable when `settle` has run. */
struct world {
    struct files_memory *disk;
    struct journal *journal;
    void *instance;
    struct pando_time now;
    enum pando_status status; /* of the last answer */
    bool answered, raw;
    uint64_t seqs[LOG_BATCH_MAX];
    size_t len;
};

static enum pando_status append(void *ctx, uint8_t record, struct pando_slice bytes,
                                const struct tables_fold *fold, uint64_t *ret_position)
{
    struct world *w = ctx;
    (void)fold;
    return journal_append(w->journal, record, bytes, ret_position);
}

static struct pando_wall wall(void *ctx)
{
    (void)ctx;
    return (struct pando_wall){ 1000 };
}

static void take_reply(struct world *w, const struct space_effect *e)
{
    w->answered = true;
    w->status = e->status;
    w->raw = e->raw;
    w->len = 0;
    struct wire_reader r = wire_read(bytes_view(e->bytes));
    while (e->raw && r.left.len >= 8)
        w->seqs[w->len++] = wire_get_be(&r, 8);
}

static void feed(struct world *w, const struct space_input *in)
{
    struct space_effect e;
    space_log_ops.step(w->instance, w->now, in);
    while (space_log_ops.poll(w->instance, &e)) {
        if (e.kind == SPACE_REPLY)
            take_reply(w, &e);
        bytes_unref(e.bytes);
    }
}

static void settle(struct world *w)
{
    for (int i = 0; i < 100; i++) {
        struct journal_group *group;
        w->now = pando_time_add(w->now, PANDO_MSEC(10));
        feed(w, &(struct space_input){ .kind = SPACE_TICK });
        if (!journal_commit_begin(w->journal, &group))
            continue;
        struct space_input in = { .kind = SPACE_DURABLE };
        journal_commit_run(group);
        CHECK_OK(journal_commit_end(w->journal, group, &in.value));
        feed(w, &in);
    }
}

static void begin(struct world *w)
{
    *w = (struct world){ .disk = files_memory_new(1), .now = { 1000000000 } };
    const struct journal_config config = { .files = files_memory_files(w->disk),
                                           .dir = "/j", .sync = true };
    struct pando_err err = { 0 };
    CHECK_OK(journal_open(&config, &w->journal, &err));
    const struct space_host host = { .ctx = w, .journal = w->journal, .append = append,
                                     .wall = wall, .seed = 5 };
    CHECK_OK(space_log_ops.open(&host, slice_text(SPACE_MEMBER), &w->instance, &err));
    settle(w);
}

static void end(struct world *w)
{
    space_log_ops.close(w->instance);
    journal_close(w->journal);
    files_memory_free(w->disk);
}

static void put(struct pando_buf *b, uint64_t client, uint64_t counter, const char *room)
{
    const struct batch_message m = { .client = client, .counter = counter,
                                     .room = slice_text(room), .sender = slice_text("t"),
                                     .body = slice_text("hello") };
    CHECK_OK(batch_put(b, &m));
}

static void call(struct world *w, struct pando_slice bytes)
{
    w->answered = false;
    feed(w, &(struct space_input){ .kind = SPACE_CALL, .token = 7, .verb = "append_batch",
                                   .text = bytes });
}

static void send(struct world *w, uint64_t client, uint64_t first, uint32_t count)
{
    struct pando_buf b;
    buf_init(&b, 1u << 20);
    for (uint32_t i = 0; i < count; i++)
        put(&b, client, first + i, "general");
    call(w, buf_view(&b));
    settle(w);
    buf_deinit(&b);
}

static void a_batch_is_numbered_in_its_order(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    send(&w, 9, 1, 500);
    CHECK(w.answered && w.raw);
    CHECK_OK(w.status);
    CHECK_EQ(w.len, 500);
    for (size_t i = 0; i < 500; i++)
        CHECK_EQ(w.seqs[i], i + 1);
    send(&w, 9, 501, 1);
    CHECK_EQ(w.seqs[0], 501);
    end(&w);
}

static void nothing_is_answered_before_it_is_durable(void **state)
{
    (void)state;
    struct world w;
    struct pando_buf b;
    begin(&w);
    buf_init(&b, 1000);
    put(&b, 9, 1, "general");
    call(&w, buf_view(&b));
    feed(&w, &(struct space_input){ .kind = SPACE_TICK });
    CHECK(!w.answered);
    settle(&w);
    CHECK(w.answered);
    buf_deinit(&b);
    end(&w);
}

static void a_repeated_batch_counts_once(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    send(&w, 9, 1, 20);
    send(&w, 9, 1, 20);
    CHECK_OK(w.status);
    CHECK_EQ(w.len, 20);
    CHECK_EQ(w.seqs[19], 20);
    CHECK_EQ(w.seqs[0], 0); /* taken, too long ago to tell */
    send(&w, 9, 16, 10); /* five that were taken, five that are new */
    CHECK_EQ(w.len, 10);
    CHECK_EQ(w.seqs[4], 20);
    CHECK_EQ(w.seqs[5], 21);
    CHECK_EQ(w.seqs[9], 25);
    send(&w, 9, 30, 2); /* its predecessors are missing */
    CHECK_EQ(w.status, PANDO_INVALID);
    end(&w);
}

/* One message, dated by its sender: it was in no entry up to `since`. */
static void send_dated(struct world *w, uint64_t client, uint64_t since)
{
    struct pando_buf b;
    const struct batch_message m = { .client = client, .counter = 1, .dated = true, .since = since,
                                     .room = slice_text("general"), .body = slice_text("x") };
    buf_init(&b, 1000);
    CHECK_OK(batch_put(&b, &m));
    call(w, buf_view(&b));
    buf_deinit(&b);
}

/* More sessions than are remembered have begun since; whoever repeats its first message with the
 * old date is told, and nothing is taken twice. */
static void a_first_message_of_a_forgotten_session_is_not_taken_again(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    send_dated(&w, 1, 0);
    settle(&w);
    CHECK_EQ(w.seqs[0], 1);
    for (uint64_t client = 2; client <= 4100; client++) {
        send_dated(&w, client, UINT32_MAX); /* a date that is not known yet is set right */
        if (client % 100 == 0)
            settle(&w);
    }
    send_dated(&w, 1, 0);
    settle(&w);
    CHECK_EQ(w.status, PANDO_INVALID);
    send(&w, 5000, 1, 1);
    CHECK_OK(w.status);
    CHECK_EQ(w.seqs[0], 4101);
    end(&w);
}

static void what_is_no_batch_is_refused(void **state)
{
    (void)state;
    struct world w;
    struct pando_buf b;
    begin(&w);
    buf_init(&b, 1u << 20);
    call(&w, SLICE_EMPTY);
    CHECK_EQ(w.status, PANDO_INVALID);
    put(&b, 9, 1, "general");
    call(&w, slice_of(b.ptr, b.len - 1)); /* cut off */
    CHECK_EQ(w.status, PANDO_INVALID);
    put(&b, 9, 3, "general"); /* a gap between them */
    call(&w, buf_view(&b));
    CHECK_EQ(w.status, PANDO_INVALID);
    buf_reset(&b);
    put(&b, 9, 1, "general");
    put(&b, 8, 2, "general"); /* of two clients */
    call(&w, buf_view(&b));
    CHECK_EQ(w.status, PANDO_INVALID);
    buf_reset(&b);
    put(&b, 0, 1, "general"); /* of nobody */
    call(&w, buf_view(&b));
    CHECK_EQ(w.status, PANDO_INVALID);
    buf_reset(&b);
    for (uint64_t i = 0; i <= LOG_BATCH_MAX; i++)
        put(&b, 9, i + 1, "general");
    call(&w, buf_view(&b));
    CHECK_EQ(w.status, PANDO_INVALID);
    buf_deinit(&b);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_numbered_in_its_order),
        cmocka_unit_test(nothing_is_answered_before_it_is_durable),
        cmocka_unit_test(a_repeated_batch_counts_once),
        cmocka_unit_test(a_first_message_of_a_forgotten_session_is_not_taken_again),
        cmocka_unit_test(what_is_no_batch_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
