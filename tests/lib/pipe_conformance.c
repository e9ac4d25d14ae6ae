#include "pipe_conformance.h"

#include "base/slice.h"
#include "check.h"

#include <stdlib.h>

enum { WHY = 200, KEEP = 32 };

/* What one owner was told. */
struct seen {
    bool digest; /* messages are done with as they come */
    struct pipe_port port;
    uint32_t pipe;
    uint64_t dial;
    int opened, closed, texts;
    char path[64], remote[64], why[WHY];
    enum pando_status status;
    uint16_t code;
    uint32_t closed_pipe;
    uint64_t bytes, credit, sum; /* sum: depends on the order */
    char last[KEEP];
};

struct fixture {
    struct pipe_harness *h;
    struct pipe_harness_port ports[PIPE_PORTS];
    struct seen seen[PIPE_PORTS];
};

static struct pipe_harness *used; /* the suite's tests take no argument */

static uint64_t mix(uint64_t sum, struct pando_slice s)
{
    for (size_t i = 0; i < s.len; i++)
        sum = (sum ^ s.ptr[i]) * UINT64_C(1099511628211);
    return sum ^ s.len;
}

static void take_text(struct seen *s, const struct pipe_event *ev)
{
    const struct pando_slice text = bytes_view(ev->bytes);
    CHECK_EQ(ev->pipe, s->pipe);
    s->texts++;
    s->bytes += text.len;
    s->sum = mix(s->sum, text);
    (void)snprintf(s->last, sizeof s->last, "%.*s", (int)(text.len < KEEP ? text.len : KEEP),
                   (const char *)text.ptr);
    if (s->digest)
        s->port.ops->digested(s->port.ctx, ev->pipe, text.len);
}

static void on_event(void *ctx, const struct pipe_event *ev)
{
    struct seen *s = ctx;
    switch (ev->kind) {
    case PIPE_OPEN:
        s->opened++;
        s->pipe = ev->pipe;
        s->dial = ev->dial;
        (void)snprintf(s->path, sizeof s->path, "%s", ev->path == NULL ? "" : ev->path);
        (void)snprintf(s->remote, sizeof s->remote, "%s", ev->text);
        return;
    case PIPE_TEXT:
        take_text(s, ev);
        return;
    case PIPE_CREDIT:
        CHECK_EQ(ev->pipe, s->pipe);
        s->credit += ev->value;
        return;
    case PIPE_CLOSED:
        s->closed++;
        s->dial = ev->dial;
        s->closed_pipe = ev->pipe;
        s->status = ev->status;
        s->code = ev->code;
        (void)snprintf(s->why, sizeof s->why, "%s", ev->text);
        return;
    }
}

static struct fixture *begin(void)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct pipe_sink sinks[PIPE_PORTS];
    CHECK(f != NULL);
    f->h = used;
    for (int i = 0; i < PIPE_PORTS; i++)
        sinks[i] = (struct pipe_sink){ &f->seen[i], on_event };
    used->begin(used->ctx, sinks, f->ports);
    for (int i = 0; i < PIPE_PORTS; i++) {
        f->seen[i].port = f->ports[i].port;
        f->seen[i].digest = true;
    }
    return f;
}

static void finish(struct fixture *f)
{
    f->h->end(f->h->ctx);
    free(f);
}

static void dial(struct fixture *f, int from, const char *url, uint64_t number)
{
    struct pando_err err = { 0 };
    const struct pipe_port *p = &f->ports[from].port;
    CHECK_OK(p->ops->dial(p->ctx, slice_text(url), number, &err));
}

static void say(struct fixture *f, int from, struct pando_slice text)
{
    const struct pipe_port *p = &f->ports[from].port;
    struct bytes *bytes = bytes_copy(text);
    CHECK(bytes != NULL);
    p->ops->send(p->ctx, f->seen[from].pipe, bytes);
}

static void close_it(struct fixture *f, int from, uint16_t code, const char *reason)
{
    const struct pipe_port *p = &f->ports[from].port;
    p->ops->close(p->ctx, f->seen[from].pipe, code, reason);
}

static bool both_open(void *arg)
{
    const struct fixture *f = arg;
    return f->seen[0].opened == 1 && f->seen[1].opened == 1;
}

static struct fixture *begin_open(void)
{
    struct fixture *f = begin();
    dial(f, 0, f->ports[1].url, 77);
    CHECK(f->h->run_until(f->h->ctx, both_open, f));
    return f;
}

static bool first_closed(void *arg)
{
    return ((const struct fixture *)arg)->seen[0].closed > 0;
}
static bool both_closed(void *arg)
{
    const struct fixture *f = arg;
    return f->seen[0].closed > 0 && f->seen[1].closed > 0;
}

/* Messages and credit for a wait. */
struct want {
    const struct seen *who;
    int texts;
    uint64_t credit;
};
static bool has(void *arg)
{
    const struct want *w = arg;
    return w->who->texts >= w->texts && w->who->credit >= w->credit;
}

static void wait_for(struct fixture *f, int who, int texts, uint64_t credit)
{
    struct want w = { &f->seen[who], texts, credit };
    CHECK(f->h->run_until(f->h->ctx, has, &w));
}

static void a_dial_opens_on_both_sides(void **state)
{
    (void)state;
    struct fixture *f = begin_open();
    CHECK_EQ(f->seen[0].dial, 77);
    CHECK(f->seen[1].dial == PIPE_INBOUND);
    CHECK_STR(f->seen[1].path, "/federation");
    CHECK(f->seen[0].remote[0] != '\0' && f->seen[1].remote[0] != '\0');
    finish(f);
}

static void a_wrong_url_is_refused_at_once(void **state)
{
    (void)state;
    struct fixture *f = begin();
    struct pando_err err = { 0 };
    const struct pipe_port *p = &f->ports[0].port;
    CHECK_EQ(p->ops->dial(p->ctx, slice_text("http://x/"), 1, &err), PANDO_INVALID);
    CHECK(strstr(err.text, "ws://") != NULL);
    f->h->run_for(f->h->ctx, PANDO_MSEC(50));
    CHECK_EQ(f->seen[0].closed, 0);
    finish(f);
}

static void a_dial_to_nobody_fails_with_a_reason(void **state)
{
    (void)state;
    struct fixture *f = begin();
    dial(f, 0, f->h->nobody, 5);
    CHECK_EQ(f->seen[0].closed, 0); /* no operation calls back */
    CHECK(f->h->run_until(f->h->ctx, first_closed, f));
    CHECK_EQ(f->seen[0].closed_pipe, PIPE_NONE);
    CHECK_EQ(f->seen[0].dial, 5);
    CHECK(f->seen[0].status != PANDO_OK && f->seen[0].why[0] != '\0');
    finish(f);
}

static void a_path_that_nobody_serves_is_refused(void **state)
{
    (void)state;
    struct fixture *f = begin();
    char url[200];
    (void)snprintf(url, sizeof url, "%s-not", f->ports[1].url);
    dial(f, 0, url, 6);
    CHECK(f->h->run_until(f->h->ctx, first_closed, f));
    CHECK_EQ(f->seen[0].status, PANDO_NOT_FOUND);
    CHECK_EQ(f->seen[1].opened, 0);
    finish(f);
}

static void messages_come_whole_and_in_order_both_ways(void **state)
{
    (void)state;
    struct fixture *f = begin_open();
    static const size_t sizes[] = { 0, 1, 125, 126, 65535, 65536, 300000, 3, PIPE_MESSAGE_MAX };
    const int count = sizeof sizes / sizeof sizes[0];
    uint64_t sum = 0, bytes = 0;
    char *text = malloc(PIPE_MESSAGE_MAX);
    CHECK(text != NULL);
    for (int i = 0; i < count; i++) {
        for (size_t k = 0; k < sizes[i]; k++)
            text[k] = (char)('a' + (k + (size_t)i) % 26);
        sum = mix(sum, slice_of(text, sizes[i]));
        bytes += sizes[i];
        say(f, 0, slice_of(text, sizes[i]));
        say(f, 1, slice_of(text, sizes[i]));
    }
    free(text);
    for (int i = 0; i < PIPE_PORTS; i++) {
        wait_for(f, i, count, bytes);
        CHECK(f->seen[i].sum == sum);
        CHECK(f->seen[i].credit == bytes); /* exactly what was sent has left */
    }
    finish(f);
}

static void a_close_says_code_and_reason_behind_what_was_sent(void **state)
{
    (void)state;
    struct fixture *f = begin_open();
    say(f, 0, slice_text("last words"));
    close_it(f, 0, 4001, "that was all");
    CHECK_EQ(f->seen[0].closed, 0); /* no operation calls back */
    CHECK(f->h->run_until(f->h->ctx, both_closed, f));
    CHECK_STR(f->seen[1].last, "last words");
    CHECK_EQ(f->seen[1].code, 4001);
    CHECK_STR(f->seen[1].why, "that was all");
    CHECK_EQ(f->seen[0].status, PANDO_OK);
    CHECK_EQ(f->seen[0].closed_pipe, f->seen[0].pipe);
    f->h->run_for(f->h->ctx, PANDO_SEC(1));
    CHECK_EQ(f->seen[0].closed, 1);
    CHECK_EQ(f->seen[1].closed, 1);
    finish(f);
}

static void both_may_close_at_once(void **state)
{
    (void)state;
    struct fixture *f = begin_open();
    close_it(f, 0, PIPE_CODE_NORMAL, "");
    close_it(f, 1, PIPE_CODE_GOING, "");
    CHECK(f->h->run_until(f->h->ctx, both_closed, f));
    f->h->run_for(f->h->ctx, PANDO_SEC(1));
    CHECK_EQ(f->seen[0].closed, 1);
    CHECK_EQ(f->seen[1].closed, 1);
    finish(f);
}

static void a_void_handle_is_ignored(void **state)
{
    (void)state;
    struct fixture *f = begin_open();
    close_it(f, 0, PIPE_CODE_NORMAL, "");
    CHECK(f->h->run_until(f->h->ctx, both_closed, f));
    f->h->run_for(f->h->ctx, PANDO_SEC(1));
    say(f, 0, slice_text("too late"));
    say(f, 1, slice_text("too late"));
    close_it(f, 0, PIPE_CODE_NORMAL, "");
    f->ports[0].port.ops->digested(f->ports[0].port.ctx, f->seen[0].pipe, 9);
    f->h->run_for(f->h->ctx, PANDO_SEC(1));
    CHECK_EQ(f->seen[0].texts + f->seen[1].texts, 0);
    CHECK_EQ(f->seen[0].closed + f->seen[1].closed, 2);
    finish(f);
}

static void an_undigested_pipe_is_read_no_further(void **state)
{
    (void)state;
    enum { SIZE = 65536, COUNT = 200 };
    struct fixture *f = begin_open();
    char *text = malloc(SIZE);
    CHECK(text != NULL);
    memset(text, 'x', SIZE);
    f->seen[1].digest = false;
    for (int i = 0; i < COUNT; i++)
        say(f, 0, slice_of(text, SIZE));
    free(text);
    wait_for(f, 1, PIPE_HELD_MAX / SIZE, 0);
    f->h->run_for(f->h->ctx, PANDO_MSEC(300));
    CHECK(f->seen[1].bytes <= PIPE_HELD_MAX + SIZE);
    CHECK_EQ(f->seen[0].closed, 0);
    f->seen[1].digest = true;
    f->seen[1].port.ops->digested(f->seen[1].port.ctx, f->seen[1].pipe, f->seen[1].bytes);
    wait_for(f, 1, COUNT, 0);
    wait_for(f, 0, 0, (uint64_t)COUNT * SIZE);
    finish(f);
}

static void many_pipes_live_side_by_side(void **state)
{
    (void)state;
    struct fixture *f = begin();
    for (uint64_t i = 0; i < 50; i++)
        dial(f, 0, f->ports[1].url, i);
    for (int i = 0; i < 300 && f->seen[1].opened < 50; i++)
        f->h->run_for(f->h->ctx, PANDO_MSEC(20));
    CHECK_EQ(f->seen[0].opened, 50);
    CHECK_EQ(f->seen[1].opened, 50);
    finish(f);
}

int pipe_conformance_run(const char *name, struct pipe_harness *harness)
{
    const struct CMUnitTest tests[] = {
        TEST(a_dial_opens_on_both_sides),
        TEST(a_wrong_url_is_refused_at_once),
        TEST(a_dial_to_nobody_fails_with_a_reason),
        TEST(a_path_that_nobody_serves_is_refused),
        TEST(messages_come_whole_and_in_order_both_ways),
        TEST(a_close_says_code_and_reason_behind_what_was_sent),
        TEST(both_may_close_at_once),
        TEST(a_void_handle_is_ignored),
        TEST(an_undigested_pipe_is_read_no_further),
        TEST(many_pipes_live_side_by_side),
    };
    used = harness;
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}
