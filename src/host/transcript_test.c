#include "host/transcript.h"

#include "base/slice.h"

#include "check.h"

#include <stdlib.h>
#include <unistd.h>

static const char *const hello =
    "{\"seq\":7,\"term\":2,\"msg_id\":\"ab-1\",\"sender\":\"peer_12\",\"room\":\"general\","
    "\"text\":\"a \\\"b\\\"\\n\u00fc\",\"time\":1732795200007}";

static void expect_line(const char *json, const char *want)
{
    struct pando_buf line;
    json_t *message = json_loads(json, 0, NULL);
    CHECK(message != NULL);
    buf_init(&line, 1 << 16);
    CHECK_OK(transcript_line(message, &line));
    CHECK_OK(buf_append(&line, slice_of("", 1)));
    CHECK_STR((char *)line.ptr, want);
    buf_deinit(&line);
    json_decref(message);
}

static void a_message_is_one_line_of_the_known_fields(void **state)
{
    (void)state;
    expect_line(hello, "{\"seq_no\":7,\"term\":2,\"msg_id\":\"ab-1\",\"sender_id\":12,"
                       "\"room_id\":\"general\",\"text\":\"a \\\"b\\\"\\n\u00fc\","
                       "\"timestamp\":1732795200.007}\n");
}

static void a_sender_without_a_number_stands_as_it_is(void **state)
{
    (void)state;
    expect_line("{\"seq\":1,\"term\":1,\"msg_id\":\"x\",\"sender\":\"alice\",\"room\":\"r\","
                "\"bytes\":\"AAE=\",\"time\":5}",
                "{\"seq_no\":1,\"term\":1,\"msg_id\":\"x\",\"sender_id\":\"alice\","
                "\"room_id\":\"r\",\"bytes\":\"AAE=\",\"timestamp\":0.005}\n");
    expect_line("{\"seq\":1,\"term\":1,\"msg_id\":\"x\",\"sender\":\"peer_007\",\"room\":\"r\","
                "\"text\":\"\",\"time\":5}",
                "{\"seq_no\":1,\"term\":1,\"msg_id\":\"x\",\"sender_id\":\"peer_007\","
                "\"room_id\":\"r\",\"text\":\"\",\"timestamp\":0.005}\n");
}

static void what_is_no_message_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{}",
        "{\"seq\":1,\"term\":1,\"msg_id\":\"x\",\"sender\":\"a\",\"room\":\"r\",\"time\":5}",
        "{\"seq\":\"1\",\"term\":1,\"msg_id\":\"x\",\"sender\":\"a\",\"room\":\"r\","
        "\"text\":\"t\",\"time\":5}",
        "{\"seq\":1,\"term\":1,\"msg_id\":\"x\",\"sender\":\"a\",\"room\":\"r\","
        "\"text\":\"t\",\"time\":-5}",
    };
    struct pando_buf line;
    buf_init(&line, 1 << 16);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        json_t *message = json_loads(bad[i], 0, NULL);
        CHECK_EQ(transcript_line(message, &line), PANDO_MALFORMED);
        json_decref(message);
    }
    buf_deinit(&line);
}

static size_t size_of(const char *path)
{
    FILE *file = fopen(path, "re");
    CHECK(file != NULL);
    CHECK_EQ(fseek(file, 0, SEEK_END), 0);
    const long size = ftell(file);
    (void)fclose(file);
    return (size_t)size;
}

/* What stood in the file before is written anew by who opens it. */
static void the_file_begins_anew_and_its_folder_is_made(void **state)
{
    (void)state;
    char dir[] = "/tmp/pando-transcript-XXXXXX", path[128];
    struct transcript *t = NULL;
    CHECK(mkdtemp(dir) != NULL);
    (void)snprintf(path, sizeof path, "%s/logs/peer_1.log", dir);
    json_t *message = json_loads(hello, 0, NULL);
    CHECK_OK(transcript_new(path, &t, NULL));
    CHECK_OK(transcript_put(t, message));
    CHECK_OK(transcript_put(t, message));
    transcript_flush(t);
    const size_t two = size_of(path);
    transcript_free(t);
    CHECK(two > 0);
    CHECK_OK(transcript_new(path, &t, NULL));
    CHECK_EQ(size_of(path), 0);
    CHECK_OK(transcript_put(t, message));
    CHECK_EQ(transcript_lost(t), 0);
    transcript_free(t);
    CHECK_EQ(size_of(path) * 2, two);
    json_decref(message);
    CHECK_EQ(unlink(path), 0);
    path[strlen(path) - strlen("/peer_1.log")] = '\0';
    CHECK_EQ(rmdir(path), 0);
    CHECK_EQ(rmdir(dir), 0);
}

static void a_path_that_cannot_be_written_is_named(void **state)
{
    (void)state;
    struct pando_err err = { 0 };
    struct transcript *t = NULL;
    CHECK_EQ(transcript_new("/dev/null/x.log", &t, &err), PANDO_IO);
    CHECK(strstr(err.text, "/dev/null/x.log") != NULL);
}

/* A full disk counts the lines and stops nobody. */
static void lines_that_a_full_disk_refuses_are_counted(void **state)
{
    (void)state;
    struct transcript *t = NULL;
    json_t *message = json_loads(hello, 0, NULL);
    CHECK_OK(transcript_new("/dev/full", &t, NULL));
    CHECK_OK(transcript_put(t, message));
    transcript_flush(t);
    CHECK_EQ(transcript_lost(t), 1);
    transcript_free(t);
    json_decref(message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_message_is_one_line_of_the_known_fields),
        TEST(a_sender_without_a_number_stands_as_it_is),
        TEST(what_is_no_message_is_refused),
        TEST(the_file_begins_anew_and_its_folder_is_made),
        TEST(a_path_that_cannot_be_written_is_named),
        TEST(lines_that_a_full_disk_refuses_are_counted),
    };
    return CHECK_RUN(tests);
}
