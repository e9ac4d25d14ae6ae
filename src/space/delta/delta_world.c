#include "space/delta/delta_world.h"

#include "base/slice.h"
#include "check.h"
#include "sim/rows.h"

#include <string.h>

enum { CALL = 1, STREAM = 2 };

static enum pando_status append(void *ctx, uint8_t record, struct pando_slice bytes,
                                const struct tables_fold *fold, uint64_t *ret_position)
{
    struct delta_world *w = ctx;
    if (w->busy)
        return PANDO_BUSY;
    const enum pando_status st = journal_append(w->journal, record, bytes, ret_position);
    if (st != PANDO_OK)
        return st;
    CHECK_OK(space_delta_ops.fold(rows_tables(w->twin), &w->host.space, record, *ret_position,
                                  bytes));
    if (fold != NULL)
        return fold->run(fold->ctx, rows_tables(w->rows), *ret_position);
    return space_delta_ops.fold(rows_tables(w->rows), &w->host.space, record, *ret_position,
                                bytes);
}

static struct pando_wall wall(void *ctx)
{
    return (struct pando_wall){ ((struct delta_world *)ctx)->wall++ };
}

static void fold_all(struct delta_world *w)
{
    struct journal_cursor c;
    struct pando_slice bytes;
    uint64_t position;
    uint8_t kind;
    journal_scan(w->journal, journal_first(w->journal), &c);
    while (journal_next(&c, &position, &kind, &bytes) == PANDO_OK) {
        CHECK_OK(space_delta_ops.fold(rows_tables(w->rows), &w->host.space, kind, position,
                                      bytes));
        CHECK_OK(space_delta_ops.fold(rows_tables(w->twin), &w->host.space, kind, position,
                                      bytes));
    }
    journal_scan_end(&c);
}

static void open_instance(struct delta_world *w, const char *settings)
{
    const uint8_t seed[32] = { 7 };
    const struct journal_config config = { .files = files_memory_files(w->disk),
                                           .dir = "/j", .sync = true };
    struct pando_err err = { .text = "" };
    w->rows = rows_new();
    w->twin = rows_new();
    CHECK_OK(journal_open(&config, &w->journal, &err));
    crypto_secret_from_seed(seed, &w->secret);
    w->host = (struct space_host){ .ctx = w,
                                   .tables = rows_tables(w->rows),
                                   .journal = w->journal,
                                   .append = append,
                                   .wall = wall,
                                   .secret = &w->secret,
                                   .key = crypto_public(&w->secret),
                                   .node_name = "node-a",
                                   .seed = 5 + w->openings++ };
    fold_all(w);
    const enum pando_status st =
        space_delta_ops.open(&w->host, slice_text(settings), &w->instance, &err);
    if (st != PANDO_OK)
        CHECK_NOTE("%s\n", err.text);
    CHECK_OK(st);
}

void delta_world_init(struct delta_world *w, const char *settings)
{
    *w = (struct delta_world){ .disk = files_memory_new(1),
                               .now = { 1000000000 },
                               .wall = 1700000000000 };
    CHECK_OK(crypto_init());
    buf_init(&w->answer, 64u << 20);
    buf_init(&w->stream, 64u << 20);
    open_instance(w, settings);
}

static void close_instance(struct delta_world *w)
{
    space_delta_ops.close(w->instance);
    journal_close(w->journal);
    CHECK(rows_equal(w->rows, w->twin));
    rows_free(w->rows);
    rows_free(w->twin);
}

void delta_world_restart(struct delta_world *w, bool crash, const char *settings)
{
    struct rng rng = rng_seeded(1);
    close_instance(w);
    if (crash)
        CHECK_OK(files_memory_crash(w->disk, FILES_CRASH_NONE, &rng));
    open_instance(w, settings);
}

void delta_world_deinit(struct delta_world *w)
{
    close_instance(w);
    files_memory_free(w->disk);
    buf_deinit(&w->answer);
    buf_deinit(&w->stream);
}

static void take_reply(struct delta_world *w, const struct space_effect *e)
{
    struct pando_buf *to = e->token == STREAM ? &w->stream : &w->answer;
    const struct pando_slice bytes = bytes_view(e->bytes);
    if (e->token == CALL) {
        CHECK(!w->answered);
        buf_reset(to);
        w->answered = true;
        w->status = e->status;
    } else {
        w->ended = !e->more;
        for (size_t i = 0; i < bytes.len; i++)
            w->lines += bytes.ptr[i] == '\n';
    }
    CHECK_OK(buf_append(to, bytes));
}

static void take(struct delta_world *w, const struct space_effect *e)
{
    if (e->kind == SPACE_REPLY)
        take_reply(w, e);
    else if (e->kind == SPACE_SEND || e->kind == SPACE_VERIFY || e->kind == SPACE_DIGESTED) {
        if (w->on_pipe != NULL)
            w->on_pipe(w->ctx, w, e);
    } else if (e->kind == SPACE_SNAPSHOT) {
        w->snapshot = true;
        w->snapshot_position = e->value;
    } else if (e->kind >= SPACE_PIPE_DIAL && w->on_pipe != NULL)
        w->on_pipe(w->ctx, w, e);
    bytes_unref(e->bytes);
}

void delta_world_feed(struct delta_world *w, const struct space_input *in)
{
    struct space_effect e;
    space_delta_ops.step(w->instance, w->now, in);
    while (space_delta_ops.poll(w->instance, &e))
        take(w, &e);
}

void delta_world_work(struct delta_world *w)
{
    for (int i = 0; i < 100000; i++) {
        const struct pando_time at = space_delta_ops.deadline(w->instance);
        if (at.ns > w->now.ns + 1000000)
            return;
        w->now = pando_time_add(w->now, PANDO_MSEC(1));
        delta_world_feed(w, &(struct space_input){ .kind = SPACE_TICK });
    }
    CHECK(false); /* it never rests */
}

static void take_snapshot(struct delta_world *w)
{
    const struct pando_files files = files_memory_files(w->disk);
    w->snapshot = false;
    CHECK_OK(journal_snapshot_write(&files, "/j", w->snapshot_position, SLICE_EMPTY, NULL));
    CHECK_OK(journal_drop_before(w->journal, w->snapshot_position, NULL));
    delta_world_feed(w, &(struct space_input){ .kind = SPACE_SNAPSHOTTED });
    delta_world_work(w);
}

void delta_world_settle(struct delta_world *w)
{
    struct journal_group *group;
    delta_world_work(w);
    for (bool again = true; again;) {
        again = journal_commit_begin(w->journal, &group);
        if (again) {
            struct space_input in = { .kind = SPACE_DURABLE };
            journal_commit_run(group);
            CHECK_OK(journal_commit_end(w->journal, group, &in.value));
            delta_world_feed(w, &in);
            delta_world_work(w);
        } else if (w->snapshot) {
            again = true;
            take_snapshot(w);
        }
    }
}

static void send(struct delta_world *w, uint64_t token, const char *verb, const char *args)
{
    struct pando_buf text;
    buf_init(&text, 64u << 20);
    CHECK_OK(buf_append(&text, slice_text(args)));
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == '\'')
            text.ptr[i] = '"';
    delta_world_feed(w, &(struct space_input){ .kind = SPACE_CALL,
                                               .token = token,
                                               .verb = verb,
                                               .text = buf_view(&text) });
    buf_deinit(&text);
}

void delta_world_call(struct delta_world *w, const char *verb, const char *args)
{
    w->answered = false;
    send(w, CALL, verb, args);
}

static json_t *answer_of(struct delta_world *w, const char *verb, enum pando_status status)
{
    delta_world_settle(w);
    CHECK(w->answered);
    if (w->status != status)
        CHECK_NOTE("%s: %.*s\n", verb, (int)w->answer.len, (const char *)w->answer.ptr);
    CHECK_EQ(w->status, status);
    json_t *json = json_loadb((const char *)w->answer.ptr, w->answer.len, 0, NULL);
    CHECK(json != NULL);
    return json;
}

json_t *delta_world_ask(struct delta_world *w, const char *verb, const char *args,
                        enum pando_status status)
{
    delta_world_call(w, verb, args);
    return answer_of(w, verb, status);
}

json_t *delta_world_give(struct delta_world *w, const char *verb, struct pando_slice bytes,
                         enum pando_status status)
{
    w->answered = false;
    delta_world_feed(w, &(struct space_input){ .kind = SPACE_CALL,
                                               .token = CALL,
                                               .verb = verb,
                                               .text = bytes });
    return answer_of(w, verb, status);
}

void delta_world_watch(struct delta_world *w, const char *verb, const char *args)
{
    buf_reset(&w->stream);
    w->lines = 0;
    w->ended = false;
    send(w, STREAM, verb, args);
}
