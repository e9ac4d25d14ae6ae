/* pipe_space_test.c - a kind of space that uses pipes and runs, in whole nodes.
 *
 * "echo" sends back what it hears on a pipe from outside. Its call "dial" opens one, says
 * something, and answers with what came back; "run" answers with what a capsule said.
 */
#include "base/slice.h"
#include "check.h"
#include "exec/exec.h"
#include "node/kinds.h"
#include "node/state.h"
#include "sim/state.h"

#include <stdlib.h>

enum { EFFECTS = 64, NAME = 80 };

struct echo {
    struct space_effect effects[EFFECTS];
    size_t first, len;
    uint64_t asked; /* token of the call that waits */
    uint32_t mine;  /* the pipe that was dialled */
    int inbound;
    char got[NAME], url[NAME];
};

static struct echo *last_echo[2]; /* instances, in the order of opening */
static size_t echoes;

static enum pando_status echo_open(const struct space_host *host, struct pando_slice config,
                                   void **ret, struct pando_err *reterr)
{
    (void)host, (void)config, (void)reterr;
    struct echo *e = calloc(1, sizeof *e);
    CHECK(e != NULL);
    e->mine = SPACE_NO_PIPE;
    last_echo[echoes++ % 2] = e;
    *ret = e;
    return PANDO_OK;
}

static void emit(struct echo *e, struct space_effect effect)
{
    CHECK(e->len < EFFECTS);
    e->effects[(e->first + e->len++) % EFFECTS] = effect;
}

static void echo_close(void *instance)
{
    struct echo *e = instance;
    for (; e->len > 0; e->len--, e->first++)
        bytes_unref(e->effects[e->first % EFFECTS].bytes);
    free(e);
}

static enum pando_status echo_fold(struct tables *t, const struct pando_id *space, uint8_t record,
                                   uint64_t position, struct pando_slice bytes)
{
    (void)t, (void)space, (void)record, (void)position, (void)bytes;
    return PANDO_OK;
}

static void reply(struct echo *e, enum pando_status status, const char *text, size_t len)
{
    char json[300];
    const int size = snprintf(json, sizeof json,
                              status == PANDO_OK ? "{\"got\":\"%.*s\"}" : "{\"error\":\"%.*s\"}",
                              (int)len, text);
    emit(e, (struct space_effect){ .kind = SPACE_REPLY,
                                   .token = e->asked,
                                   .status = status,
                                   .bytes = bytes_copy(slice_of(json, (size_t)size)) });
}

static void on_text(struct echo *e, const struct space_input *in)
{
    const struct pando_slice text = bytes_view(in->bytes);
    emit(e, (struct space_effect){
                .kind = SPACE_PIPE_DIGESTED, .pipe = in->pipe, .value = text.len });
    if (in->pipe != e->mine) {
        emit(e, (struct space_effect){
                    .kind = SPACE_PIPE_SEND, .pipe = in->pipe, .bytes = bytes_ref(in->bytes) });
        return;
    }
    (void)snprintf(e->got, sizeof e->got, "%.*s", (int)text.len, (const char *)text.ptr);
    emit(e, (struct space_effect){
                .kind = SPACE_PIPE_CLOSE, .pipe = in->pipe, .value = 1000, .text = "thanks" });
}

static void on_call(struct echo *e, const struct space_input *in)
{
    e->asked = in->token;
    (void)snprintf(e->url, sizeof e->url, "%.*s", (int)(in->text.len - 11),
                   (const char *)in->text.ptr + 9); /* {"what":"..."} */
    const bool dial = strcmp(in->verb, "dial") == 0;
    emit(e, (struct space_effect){
                .kind = dial ? SPACE_PIPE_DIAL : SPACE_RUN,
                .token = 77,
                .text = e->url,
                .bytes = bytes_copy(dial ? slice_text(e->url) : slice_text("an input")) });
}

static void echo_step(void *instance, struct pando_time now, const struct space_input *in)
{
    struct echo *e = instance;
    (void)now;
    switch (in->kind) {
    case SPACE_CALL:
        if (strcmp(in->verb, "dial") == 0 || strcmp(in->verb, "run") == 0)
            on_call(e, in);
        return;
    case SPACE_PIPE_OPEN:
        e->inbound += in->token == SPACE_NOBODY;
        if (in->token == SPACE_NOBODY)
            return;
        CHECK_EQ(in->token, 77);
        e->mine = in->pipe;
        emit(e, (struct space_effect){ .kind = SPACE_PIPE_SEND,
                                       .pipe = in->pipe,
                                       .bytes = bytes_copy(slice_text("hello")) });
        return;
    case SPACE_PIPE_TEXT:
        on_text(e, in);
        return;
    case SPACE_PIPE_CLOSED:
        if (in->pipe == SPACE_NO_PIPE)
            reply(e, in->status, (const char *)in->text.ptr, in->text.len);
        else if (in->pipe == e->mine)
            reply(e, in->status, e->got, strlen(e->got));
        e->inbound -= in->pipe != SPACE_NO_PIPE && in->pipe != e->mine;
        return;
    case SPACE_RAN:
        CHECK_EQ(in->token, 77);
        reply(e, in->status, (const char *)in->text.ptr, in->text.len);
        return;
    default:
        return;
    }
}

static bool echo_poll(void *instance, struct space_effect *ret)
{
    struct echo *e = instance;
    if (e->len == 0)
        return false;
    *ret = e->effects[e->first++ % EFFECTS];
    e->len--;
    return true;
}

static struct pando_time echo_deadline(const void *instance)
{
    (void)instance;
    return PANDO_TIME_NEVER;
}

static size_t echo_metrics(const void *instance, struct space_metric *ret, size_t cap)
{
    (void)instance, (void)ret, (void)cap;
    return 0;
}

static size_t echo_status(const void *instance, char *ret, size_t cap)
{
    (void)instance, (void)ret, (void)cap;
    return 0;
}

static const char *const echo_verbs[] = { "dial", "run", NULL };

static const struct space_ops echo_ops = {
    .kind = "echo",
    .pipes = true,
    .verbs = echo_verbs,
    .open = echo_open,
    .close = echo_close,
    .fold = echo_fold,
    .step = echo_step,
    .poll = echo_poll,
    .deadline = echo_deadline,
    .metrics = echo_metrics,
    .status = echo_status,
};

static struct sim *world(const char *kind)
{
    static const struct space_ops *kinds[2] = { &echo_ops };
    kinds[1] = node_kinds[0];
    struct sim_config config = sim_config_default(3, 2);
    config.kinds = kinds;
    config.kinds_len = 2;
    config.kind = kind;
    echoes = 0;
    struct sim *s = sim_new(&config);
    sim_start_all(s);
    return s;
}

/* The answer, or its error's text. */
static enum pando_status ask(struct sim *s, const char *verb, const char *what,
                             struct pando_buf *ret)
{
    char args[200];
    buf_reset(ret);
    (void)snprintf(args, sizeof args, "{\"what\":\"%s\"}", what);
    return sim_ask(s, 0, verb, args, ret);
}

static void expect(struct pando_buf *b, const char *word)
{
    if (strstr((const char *)b->ptr, word) == NULL)
        print_error("'%s' is not in '%s'\n", word, (const char *)b->ptr);
    CHECK(strstr((const char *)b->ptr, word) != NULL);
}

static void a_pipe_goes_from_space_to_space(void **state)
{
    (void)state;
    struct sim *s = world("echo");
    struct pando_buf b;
    buf_init(&b, 4096);
    CHECK_OK(ask(s, "echo.dial", "ws://n1:9000/federation", &b));
    expect(&b, "\"got\":\"hello\"");
    CHECK_OK(ask(s, "echo.dial", "ws://n1:9000/federation/default", &b));
    sim_run_for(s, PANDO_SEC(1));
    CHECK_EQ(sim_node(s, 0)->pipes.len, 0);
    CHECK_EQ(sim_node(s, 1)->pipes.len, 0);
    CHECK_EQ(sim_node(s, 0)->pipe_dials.len, 0);
    CHECK_EQ(last_echo[1]->inbound, 0);
    buf_deinit(&b);
    sim_free(s);
}

static void what_goes_over_pipes_is_counted(void **state)
{
    (void)state;
    struct sim *s = world("echo");
    struct pando_buf b;
    buf_init(&b, 65536);
    CHECK_OK(ask(s, "echo.dial", "ws://n1:9000/federation", &b));
    CHECK_EQ(ask(s, "echo.dial", "ws://n1:9000/elsewhere", &b), PANDO_NOT_FOUND);
    CHECK_EQ(ask(s, "echo.dial", "http://n1/federation", &b), PANDO_INVALID);
    sim_run_for(s, PANDO_SEC(1));
    CHECK_OK(sim_ask(s, 0, "metrics", "{}", &b));
    expect(&b, "pando_websockets 0\n");
    expect(&b, "pando_websockets_opened_total{direction=\"in\"} 0\n");
    expect(&b, "pando_websockets_opened_total{direction=\"out\"} 1\n");
    expect(&b, "pando_websocket_messages_total{direction=\"in\"} 1\n");
    expect(&b, "pando_websocket_bytes_total{direction=\"out\"} 5\n"); /* hello */
    expect(&b, "pando_websocket_dials_failed_total 2\n");
    expect(&b, "pando_websockets_closed_total{code=\"1000\"} 1\n");
    CHECK_OK(sim_ask(s, 1, "metrics", "{}", &b));
    expect(&b, "pando_websockets_opened_total{direction=\"in\"} 1\n");
    expect(&b, "pando_websocket_bytes_total{direction=\"in\"} 5\n");
    expect(&b, "pando_websockets_closed_total{code=\"1000\"} 1\n");
    expect(&b, "pando_websockets_closed_total{code=\"other\"} 0\n");
    buf_deinit(&b);
    sim_free(s);
}

static void a_dial_that_fails_reaches_whoever_asked(void **state)
{
    (void)state;
    struct sim *s = world("echo");
    struct pando_buf b;
    buf_init(&b, 4096);
    CHECK_EQ(ask(s, "echo.dial", "ws://n1:9000/federation/other", &b), PANDO_NOT_FOUND);
    CHECK_EQ(ask(s, "echo.dial", "ws://n1:9000/elsewhere", &b), PANDO_NOT_FOUND);
    CHECK_EQ(ask(s, "echo.dial", "http://n1/federation", &b), PANDO_INVALID);
    expect(&b, "try ws://n1/federation");
    sim_crash(s, 1);
    CHECK_EQ(ask(s, "echo.dial", "ws://n1:9000/federation", &b), PANDO_TIMEOUT);
    CHECK_EQ(sim_node(s, 0)->pipe_dials.len, 0);
    buf_deinit(&b);
    sim_free(s);
}

static void a_space_that_takes_no_pipes_is_not_reached(void **state)
{
    (void)state;
    struct sim *s = world("dag");
    struct pando_err err = { 0 };
    CHECK_EQ(node_takes_pipe(sim_node(s, 0), "/federation", &err), PANDO_NOT_FOUND);
    CHECK_EQ(node_takes_pipe(sim_node(s, 0), "/federation/default", &err), PANDO_NOT_FOUND);
    CHECK(strstr(err.text, "default") != NULL);
    CHECK_EQ(node_takes_pipe(sim_node(s, 0), "/federations", &err), PANDO_NOT_FOUND);
    sim_free(s);
}

static void a_stopping_node_says_goodbye(void **state)
{
    (void)state;
    struct sim *s = world("echo");
    struct pando_err err;
    struct space_effect dial = { .kind = SPACE_PIPE_DIAL, .token = 77,
                                 .bytes = bytes_copy(slice_text("ws://n1/federation")) };
    pipes_carry_out(sim_node(s, 0), space_at(sim_node(s, 0), 0), &dial);
    sim_run_for(s, PANDO_MSEC(12)); /* open on the other side */
    CHECK_EQ(sim_node(s, 1)->pipes.len, 1);
    sim_stop(s, 1);
    CHECK_EQ(node_takes_pipe(sim_node(s, 0), "/federation", &err), PANDO_OK);
    sim_run_for(s, PANDO_SEC(1));
    CHECK_EQ(sim_node(s, 0)->pipes.len, 0);
    sim_free(s);
}

static uint64_t run_job;
static enum pando_status take_run(void *ctx, uint64_t job, const struct node_run *run)
{
    (void)ctx;
    CHECK(!run->receipt);
    CHECK(slice_equal(bytes_view(run->input), slice_text("an input")));
    bytes_unref(run->capsule);
    bytes_unref(run->input);
    run_job = job;
    return PANDO_OK;
}

/* The capsule's bytes stand in the node's cache, as after a first run. */
static void keep_capsule(struct node *n, const char *cid)
{
    (void)snprintf(n->run_cid, sizeof n->run_cid, "%s", cid);
    n->run_bytes = bytes_copy(slice_text("a capsule"));
}

static void a_run_comes_back_with_output_or_reason(void **state)
{
    (void)state;
    struct sim *s = world("echo");
    struct pando_buf b;
    buf_init(&b, 4096);
    CHECK_EQ(ask(s, "echo.run", "not a cid", &b), PANDO_INVALID);
    CHECK_EQ(ask(s, "echo.run", "bafkreiczsrdrvoybcevpzqmblh3my5fu6ui3tgag3jm3hsxvvhaxhswpyu", &b),
             PANDO_NOT_FOUND); /* no dag space to look in */
    keep_capsule(sim_node(s, 0), "bafkrei");
    CHECK_EQ(ask(s, "echo.run", "bafkrei", &b), PANDO_UNSUPPORTED); /* no engine here */
    sim_node(s, 0)->ports.run = take_run;
    struct exec_result result = { .failure = EXEC_FAIL_NONE };
    buf_init(&result.output, 100);
    CHECK_OK(buf_append(&result.output, slice_text("yes")));
    struct space_effect run = { .kind = SPACE_RUN, .token = 77, .text = "bafkrei",
                                .bytes = bytes_copy(slice_text("an input")) };
    space_put(sim_node(s, 0), space_at(sim_node(s, 0), 0), SPACE_NOBODY, "", NULL); /* be polled */
    last_echo[0]->asked = 1u << 20;
    emit(last_echo[0], run);
    node_turn(sim_node(s, 0), sim_now(s));
    CHECK(run_job != 0);
    node_ran(sim_node(s, 0), sim_now(s), run_job, &result, NULL);
    struct space_effect said = { 0 };
    CHECK(echo_poll(last_echo[0], &said));
    CHECK_EQ(said.status, PANDO_OK);
    CHECK(slice_equal(bytes_view(said.bytes), slice_text("{\"got\":\"yes\"}")));
    bytes_unref(said.bytes);
    CHECK_EQ(sim_node(s, 0)->ops.len, 0);
    buf_deinit(&result.output);
    buf_deinit(&b);
    sim_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_pipe_goes_from_space_to_space),
        TEST(what_goes_over_pipes_is_counted),
        TEST(a_dial_that_fails_reaches_whoever_asked),
        TEST(a_space_that_takes_no_pipes_is_not_reached),
        TEST(a_stopping_node_says_goodbye),
        TEST(a_run_comes_back_with_output_or_reason),
    };
    return CHECK_RUN(tests);
}
