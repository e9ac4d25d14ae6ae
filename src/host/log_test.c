#include "host/log.h"

#include "base/buf.h"
#include "base/slice.h"

#include "check.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct fixture {
    char folder[64];
    char path[128];
    struct log *log;
    int64_t ms;
};

static struct pando_wall wall(void *ctx)
{
    return (struct pando_wall){ ((struct fixture *)ctx)->ms };
}

static void setup(struct fixture *f, bool json, uint64_t rotate_bytes)
{
    *f = (struct fixture){ .folder = "/tmp/pando-log-XXXXXX", .ms = 1784000000123 };
    CHECK(mkdtemp(f->folder) != NULL);
    (void)snprintf(f->path, sizeof f->path, "%s/logs/node.log", f->folder);
    const struct log_config config = { .id = "node1",
                                       .file = f->path,
                                       .json = json,
                                       .rotate_bytes = rotate_bytes,
                                       .keep = 2,
                                       .wall = wall,
                                       .wall_ctx = f };
    struct pando_err err = { 0 };
    CHECK_OK(log_new(&config, &f->log, &err));
}

static void teardown(struct fixture *f)
{
    char path[160];
    log_free(f->log);
    for (int i = 0; i < 4; i++) {
        (void)snprintf(path, sizeof path, i ? "%s.%d" : "%s", f->path, i);
        (void)unlink(path);
    }
    (void)snprintf(path, sizeof path, "%s/logs", f->folder);
    (void)rmdir(path);
    (void)rmdir(f->folder);
}

static size_t content(const char *path, char *text, size_t cap)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    const size_t len = fread(text, 1, cap - 1, file);
    text[len] = '\0';
    (void)fclose(file);
    return len;
}

static void a_line_tells_date_module_id_level_and_text(void **state)
{
    (void)state;
    struct fixture f;
    char text[512];
    (void)setenv("TZ", "UTC", 1);
    tzset();
    setup(&f, false, 0);
    trace(log_tracer(f.log), TRACE_DAG, TRACE_WARNING, "gap of %d", 5);
    trace(log_tracer(f.log), TRACE_DAG, TRACE_DEBUG, "below the level");
    CHECK(content(f.path, text, sizeof text) > 0);
    CHECK_STR(text, "2026-07-14 03:33:20,123 - dag.node1 - WARNING - gap of 5\n");
    teardown(&f);
}

static void json_lines_escape_what_a_peer_may_have_said(void **state)
{
    (void)state;
    struct fixture f;
    char text[512];
    setup(&f, true, 0);
    trace(log_tracer(f.log), TRACE_NET, TRACE_ERROR, "name \"x\\\n\x1b[31m\"");
    CHECK(content(f.path, text, sizeof text) > 0);
    CHECK_STR(
        text,
        "{\"time\":\"2026-07-14T03:33:20.123Z\",\"module\":\"net\",\"id\":\"node1\","
        "\"level\":\"ERROR\",\"text\":\"name \\\"x\\\\\\u000a\\u001b[31m\\\"\"}\n");
    teardown(&f);
}

static void levels_change_per_module_and_a_slip_changes_nothing(void **state)
{
    (void)state;
    struct fixture f;
    struct pando_err err = { 0 };
    setup(&f, false, 0);
    const uint8_t *levels = log_tracer(f.log)->levels;
    CHECK_OK(log_level_set(f.log, "WARNING,dag=debug", &err));
    CHECK_EQ(levels[TRACE_NET], TRACE_WARNING);
    CHECK_EQ(levels[TRACE_DAG], TRACE_DEBUG);
    CHECK_EQ(log_level_set(f.log, "error,gosip=info", &err), PANDO_INVALID);
    CHECK_STR(err.text, "log level: there is no module 'gosip'; did you mean 'gossip'?");
    CHECK_EQ(log_level_check("loud", &err), PANDO_INVALID);
    CHECK_EQ(log_level_check("", &err), PANDO_INVALID);
    CHECK_EQ(log_level_check("dag=", &err), PANDO_INVALID);
    CHECK_EQ(levels[TRACE_NET], TRACE_WARNING);
    teardown(&f);
}

static void a_file_rotates_by_size_and_keeps_as_many_as_told(void **state)
{
    (void)state;
    struct fixture f;
    char text[512], old[160];
    setup(&f, false, 100);
    for (int i = 0; i < 7; i++)
        trace(log_tracer(f.log), TRACE_NODE, TRACE_INFO, "line %d", i);
    CHECK(content(f.path, text, sizeof text) <= 100 && strstr(text, "line 6") != NULL);
    (void)snprintf(old, sizeof old, "%s.2", f.path);
    CHECK(content(old, text, sizeof text) > 0 && strstr(text, "line 4") != NULL);
    (void)snprintf(old, sizeof old, "%s.3", f.path);
    CHECK_EQ(access(old, F_OK), -1);
    teardown(&f);
}

static void a_chatterbox_is_cut_and_the_cut_is_told(void **state)
{
    (void)state;
    struct fixture f;
    static char text[200000];
    setup(&f, false, 0);
    for (int i = 0; i < LOG_RATE + 30; i++)
        trace(log_tracer(f.log), TRACE_NET, TRACE_INFO, "noise");
    trace(log_tracer(f.log), TRACE_DAG, TRACE_INFO, "another module still speaks");
    CHECK_EQ(log_lost(f.log), 30);
    f.ms += 1000;
    trace(log_tracer(f.log), TRACE_NET, TRACE_INFO, "next second");
    CHECK(content(f.path, text, sizeof text) > 0);
    CHECK(strstr(text, "suppressed 30 records of one second") != NULL);
    CHECK(strstr(text, "another module still speaks") != NULL);
    CHECK(strstr(text, "next second") != NULL);
    teardown(&f);
}

static void a_file_that_cannot_be_written_is_named(void **state)
{
    (void)state;
    struct log *log = NULL;
    struct pando_err err = { 0 };
    const struct log_config config = { .file = "/proc/nowhere/node.log" };
    CHECK_EQ(log_new(&config, &log, &err), PANDO_IO);
    CHECK(strstr(err.text, "/proc/nowhere/node.log") != NULL);
    CHECK(log == NULL);
}

static void take_line(void *ctx, struct pando_slice line)
{
    struct pando_buf *all = ctx;
    CHECK_OK(buf_append(all, line));
}

static void a_sink_takes_the_lines_that_no_file_takes(void **state)
{
    (void)state;
    struct pando_buf all;
    struct fixture f = { .ms = 1784000000123 };
    struct pando_err err = { 0 };
    buf_init(&all, 4096);
    const struct log_config config = {
        .id = "node1", .sink = take_line, .sink_ctx = &all, .wall = wall, .wall_ctx = &f
    };
    CHECK_OK(log_new(&config, &f.log, &err));
    trace(log_tracer(f.log), TRACE_NODE, TRACE_INFO, "Became LEADER");
    trace(log_tracer(f.log), TRACE_NODE, TRACE_DEBUG, "unseen");
    log_free(f.log);
    CHECK_OK(buf_append(&all, slice_of("", 1)));
    CHECK(strstr((char *)all.ptr, " - node.node1 - INFO - Became LEADER\n") != NULL);
    CHECK(strstr((char *)all.ptr, "unseen") == NULL);
    buf_deinit(&all);
}

static void a_line_may_count_in_seconds(void **state)
{
    (void)state;
    struct fixture f;
    char text[400];
    setup(&f, false, 0);
    log_free(f.log);
    const struct log_config config = {
        .id = "2", .file = f.path, .seconds = true, .wall = wall, .wall_ctx = &f
    };
    struct pando_err err = { 0 };
    CHECK_OK(log_new(&config, &f.log, &err));
    trace(log_tracer(f.log), TRACE_NODE, TRACE_INFO, "Became LEADER");
    CHECK(content(f.path, text, sizeof text) > 0);
    CHECK_STR(text + strlen("2026-07-14 03:33:20"), " - node.2 - INFO - Became LEADER\n");
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_line_tells_date_module_id_level_and_text),
        TEST(json_lines_escape_what_a_peer_may_have_said),
        TEST(levels_change_per_module_and_a_slip_changes_nothing),
        TEST(a_file_rotates_by_size_and_keeps_as_many_as_told),
        TEST(a_chatterbox_is_cut_and_the_cut_is_told),
        TEST(a_file_that_cannot_be_written_is_named),
        TEST(a_sink_takes_the_lines_that_no_file_takes),
        TEST(a_line_may_count_in_seconds),
    };
    return CHECK_RUN(tests);
}
