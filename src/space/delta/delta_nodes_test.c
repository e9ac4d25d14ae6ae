/* Two whole instances as peers of each other, over the channel of deltas. */
#include "space/delta/delta_world.h"

#include "base/slice.h"
#include "check.h"
#include "codec/cid.h"

#include <stdlib.h>
#include <string.h>

enum { EVENTS_MAX = 4096, PEER = 3, ITEMS_MAX = SPACE_VERIFY_MAX / 64, RUNS_MAX = 512 };

struct event {
    struct delta_world *to;
    struct space_input input;
    uint64_t bits[ITEMS_MAX];
};

struct pair {
    struct delta_world w[2];
    struct event *events;
    size_t head, len;
    /* The capsule accepts deltas that say "verified"; it may be slow, or fail. */
    bool slow;
    enum pando_status fails;
    size_t asked, digested;
    struct event runs[RUNS_MAX]; /* verdicts that wait; of slow ones */
    size_t runs_len;
};

static struct event *queue(struct pair *p, struct delta_world *to, struct space_input in)
{
    CHECK(p->len < EVENTS_MAX);
    struct event *e = &p->events[p->len++];
    *e = (struct event){ .to = to, .input = in };
    return e;
}

/* The capsule's answer, at once or when it is let. */
static void judge(struct pair *p, struct delta_world *w, const struct space_effect *e)
{
    const struct pando_slice in = bytes_view(e->bytes);
    const bool good = memmem(in.ptr, in.len, "verified", 8) != NULL;
    const struct space_input ran = { .kind = SPACE_RAN, .token = e->token, .status = p->fails,
                                     .text = slice_text(good ? "true" : "false") };
    CHECK_EQ(strlen(e->text), 59);
    p->asked++;
    if (!p->slow) {
        (void)queue(p, w, ran);
        return;
    }
    CHECK(p->runs_len < RUNS_MAX);
    p->runs[p->runs_len++] = (struct event){ .to = w, .input = ran };
}

static void take(void *ctx, struct delta_world *w, const struct space_effect *e)
{
    struct pair *p = ctx;
    struct delta_world *other = w == &p->w[0] ? &p->w[1] : &p->w[0];
    if (e->kind == SPACE_SEND) {
        (void)queue(p, other, (struct space_input){ .kind = SPACE_MESSAGE, .peer = PEER,
                                                    .channel = e->channel,
                                                    .bytes = bytes_ref(e->bytes) });
        (void)queue(p, w, (struct space_input){ .kind = SPACE_CREDIT, .peer = PEER,
                                                .channel = e->channel,
                                                .value = bytes_view(e->bytes).len });
    } else if (e->kind == SPACE_VERIFY) {
        struct event *v = queue(p, w, (struct space_input){ .kind = SPACE_VERIFIED,
                                                            .token = e->token });
        for (size_t i = 0; i < e->items_len; i++) {
            const struct space_verify_item *item = &e->items[i];
            if (crypto_verify(&item->key, item->signed_bytes, &item->sig))
                v->bits[i / 64] |= UINT64_C(1) << (i % 64);
        }
    } else if (e->kind == SPACE_RUN) {
        judge(p, w, e);
    } else if (e->kind == SPACE_DIGESTED && w == &p->w[1]) {
        p->digested += e->value;
    }
}

static void settle(struct pair *p)
{
    do {
        while (p->head < p->len) {
            struct event *e = &p->events[p->head++];
            e->input.bits = e->bits;
            delta_world_feed(e->to, &e->input);
            bytes_unref(e->input.bytes);
        }
        p->head = p->len = 0;
        delta_world_settle(&p->w[0]);
        delta_world_settle(&p->w[1]);
    } while (p->len > 0);
}

static void start(struct pair *p, const char *settings)
{
    *p = (struct pair){ .events = calloc(EVENTS_MAX, sizeof *p->events) };
    CHECK(p->events != NULL);
    for (size_t i = 0; i < 2; i++) {
        delta_world_init(&p->w[i], i == 1 ? settings : "{}");
        p->w[i].ctx = p;
        p->w[i].on_pipe = take;
    }
}

static void meet(struct pair *p)
{
    for (size_t i = 0; i < 2; i++)
        delta_world_feed(&p->w[i], &(struct space_input){ .kind = SPACE_PEER_UP, .peer = PEER });
    settle(p);
}

static void stop(struct pair *p)
{
    for (size_t i = 0; i < 2; i++)
        delta_world_deinit(&p->w[i]);
    free(p->events);
}

static void create(struct pair *p, size_t i, int id, const char *author)
{
    char args[256];
    (void)snprintf(args, sizeof args,
                   "{'id':'d%d','author':'%s','pointers':[{'role':'of','target':{'id':'o',"
                   "'context':'c'}}]}",
                   id, author);
    json_decref(delta_world_ask(&p->w[i], "create", args, PANDO_OK));
    settle(p);
}

static int64_t held(struct pair *p, size_t i)
{
    json_t *json = delta_world_ask(&p->w[i], "stats", "{}", PANDO_OK);
    const int64_t len = json_integer_value(json_object_get(json, "totalDeltas"));
    json_decref(json);
    return len;
}

static void expect_equal(struct pair *p)
{
    json_t *a = delta_world_ask(&p->w[0], "hash", "{}", PANDO_OK);
    json_t *b = delta_world_ask(&p->w[1], "hash", "{}", PANDO_OK);
    CHECK(json_equal(a, b));
    json_decref(a);
    json_decref(b);
}

static void peers_hold_the_same_and_watchers_hear_of_it(void **state)
{
    (void)state;
    struct pair p;
    start(&p, "{}");
    for (int i = 0; i < 30; i++)
        create(&p, (size_t)(i % 2), i, "alice");
    CHECK_EQ(held(&p, 0), 15);
    delta_world_watch(&p.w[1], "watch", "{}");
    meet(&p);
    CHECK_EQ(held(&p, 0), 30);
    expect_equal(&p);
    CHECK_EQ(p.w[1].lines, 15);
    create(&p, 0, 100, "alice");
    CHECK_EQ(p.w[1].lines, 16);
    create(&p, 1, 101, "bob");
    CHECK_EQ(p.w[1].lines, 17); /* its own, once */
    expect_equal(&p);
    stop(&p);
}

/* A peer is passed what our disk still writes; a crash takes it from us, the peer gives it back. */
static void what_a_crash_takes_from_its_maker_comes_back(void **state)
{
    (void)state;
    struct pair p;
    start(&p, "{}");
    create(&p, 0, 1, "alice");
    meet(&p);
    delta_world_call(&p.w[0], "create", "{'id':'x','pointers':[{'role':'r','target':'t'}]}");
    do {
        while (p.head < p.len) {
            struct event *e = &p.events[p.head++];
            e->input.bits = e->bits;
            delta_world_feed(e->to, &e->input);
            bytes_unref(e->input.bytes);
        }
        p.head = p.len = 0;
        delta_world_settle(&p.w[1]);
    } while (p.len > 0);
    CHECK_EQ(held(&p, 1), 2);
    CHECK(!p.w[0].answered);
    delta_world_restart(&p.w[0], true, "{}");
    CHECK_EQ(held(&p, 0), 1);
    delta_world_feed(&p.w[1], &(struct space_input){ .kind = SPACE_PEER_DOWN, .peer = PEER });
    meet(&p);
    CHECK_EQ(held(&p, 0), 2);
    expect_equal(&p);
    stop(&p);
}

static void the_policy_holds_for_peers(void **state)
{
    (void)state;
    struct pair p;
    start(&p, "{\"trustPolicy\":{\"trustedAuthors\":[\"alice\"]}}");
    create(&p, 0, 1, "alice");
    create(&p, 0, 2, "mallory");
    meet(&p);
    CHECK_EQ(held(&p, 1), 1);
    stop(&p);
}

/* Archive all that is negated; the file comes as the stream of that instance. */
static void archive(struct pair *p, size_t i)
{
    delta_world_watch(&p->w[i], "archive", "{'before':9007199254740991}");
    settle(p);
    CHECK(p->w[i].ended);
    json_t *json = delta_world_ask(&p->w[i], "archive_commit", "{}", PANDO_OK);
    CHECK_EQ(json_integer_value(json_object_get(json, "archived")), 2);
    json_decref(json);
    settle(p);
}

/* Seconds pass: whoever compares does so once more. */
static void later(struct pair *p, uint64_t seconds)
{
    for (size_t i = 0; i < 2; i++) {
        p->w[i].now = pando_time_add(p->w[i].now, PANDO_SEC(seconds));
        delta_world_feed(&p->w[i], &(struct space_input){ .kind = SPACE_TICK });
    }
    settle(p);
}

static void what_one_reads_in_again_stays_archived_at_the_other(void **state)
{
    (void)state;
    struct pair p;
    start(&p, "{}");
    create(&p, 0, 1, "alice");
    create(&p, 0, 2, "alice");
    json_decref(delta_world_ask(&p.w[0], "negate", "{'id':'d1'}", PANDO_OK));
    meet(&p);
    CHECK_EQ(held(&p, 1), 3);
    archive(&p, 0);
    archive(&p, 1);
    CHECK_EQ(held(&p, 0), 1);
    json_t *json = delta_world_give(&p.w[0], "import", buf_view(&p.w[0].stream), PANDO_OK);
    CHECK_EQ(json_integer_value(json_object_get(json, "new")), 2);
    json_decref(json);
    for (int i = 0; i < 5; i++)
        later(&p, 61);
    CHECK_EQ(held(&p, 0), 3);
    CHECK_EQ(held(&p, 1), 1);
    create(&p, 0, 3, "alice"); /* all else goes on */
    create(&p, 1, 4, "alice");
    CHECK_EQ(held(&p, 0), 5);
    CHECK_EQ(held(&p, 1), 3);
    stop(&p);
}

/* A node that never had them gets them like any others. */
static void what_is_read_in_again_goes_to_those_who_never_had_it(void **state)
{
    (void)state;
    struct pair p;
    start(&p, "{}");
    create(&p, 0, 1, "alice");
    json_decref(delta_world_ask(&p.w[0], "negate", "{'id':'d1'}", PANDO_OK));
    archive(&p, 0);
    meet(&p);
    CHECK_EQ(held(&p, 1), 0);
    json_decref(delta_world_give(&p.w[0], "import", buf_view(&p.w[0].stream), PANDO_OK));
    settle(&p);
    CHECK_EQ(held(&p, 1), 2);
    expect_equal(&p);
    stop(&p);
}

/* --- a policy that asks a capsule --- */

/* The second instance asks it; the first holds `good` deltas that it accepts and `bad` others. */
static void start_judged(struct pair *p, int good, int bad)
{
    char settings[512], cid[CID_TEXT_MAX];
    const struct pando_id id = { { 7 } };
    cid_text_sha256(CID_RAW, &id, cid);
    (void)snprintf(settings, sizeof settings,
                   "{\"trustPolicy\":{\"trustedAuthors\":[\"alice\"],\"capsule\":\"%s\"}}", cid);
    start(p, settings);
    struct pando_buf args;
    buf_init(&args, 1u << 20);
    CHECK_OK(buf_printf(&args, "{'deltas':["));
    for (int i = 0; i < good + bad; i++)
        CHECK_OK(buf_printf(&args,
                            "%s{'id':'d%d','author':'alice','pointers':[{'role':'%s','target':1}]}",
                            i > 0 ? "," : "", i, i < good ? "verified" : "claimed"));
    CHECK_OK(buf_append(&args, slice_of("]}", 3)));
    json_decref(delta_world_ask(&p->w[0], "create", (const char *)args.ptr, PANDO_OK));
    buf_deinit(&args);
    settle(p);
}

/* Let `n` slow verdicts come. */
static void let_come(struct pair *p, size_t n)
{
    for (; n > 0 && p->runs_len > 0; n--) {
        const struct event e = p->runs[--p->runs_len];
        (void)queue(p, e.to, e.input);
    }
    settle(p);
}

static void what_the_capsule_accepts_is_taken_and_nothing_else(void **state)
{
    (void)state;
    struct pair p;
    start_judged(&p, 300, 200);
    delta_world_watch(&p.w[1], "watch", "{}");
    meet(&p);
    CHECK_EQ(held(&p, 1), 300);
    CHECK_EQ(p.w[1].lines, 300);
    CHECK_EQ(p.asked, 500);
    create(&p, 0, 1000, "alice"); /* says nothing */
    create(&p, 0, 1001, "mallory");
    CHECK_EQ(held(&p, 1), 300);
    CHECK_EQ(p.asked, 501); /* whom the policy bars is not asked about */
    for (int i = 0; i < 3; i++)
        later(&p, 61);
    CHECK_EQ(p.asked, 501); /* nor what it refused before */
    json_decref(delta_world_ask(&p.w[0], "create",
                                "{'id':'last','author':'alice','pointers':[{'role':'verified',"
                                "'target':1}]}", PANDO_OK));
    settle(&p);
    CHECK_EQ(held(&p, 1), 301);
    stop(&p);
}

static void nothing_is_taken_before_the_verdict_and_the_sender_waits(void **state)
{
    (void)state;
    struct pair p;
    start_judged(&p, 400, 0);
    p.slow = true;
    meet(&p);
    const size_t digested = p.digested;
    CHECK_EQ(held(&p, 1), 0);
    CHECK_EQ(p.runs_len, 64); /* no more at once */
    let_come(&p, 1);
    CHECK_EQ(p.runs_len, 64); /* but the next */
    CHECK_EQ(p.digested, digested);
    while (p.runs_len > 0)
        let_come(&p, 7);
    CHECK(p.digested > digested);
    CHECK_EQ(p.asked, 400);
    CHECK_EQ(held(&p, 1), 400);
    expect_equal(&p);
    stop(&p);
}

static void a_capsule_that_fails_has_refused_nothing_for_good(void **state)
{
    (void)state;
    struct pair p;
    start_judged(&p, 100, 0);
    p.fails = PANDO_NOT_FOUND; /* it is not here yet */
    meet(&p);
    CHECK_EQ(held(&p, 1), 0);
    p.fails = PANDO_OK;
    for (int i = 0; i < 3; i++)
        later(&p, 61);
    CHECK_EQ(held(&p, 1), 100);
    stop(&p);
}

/* Too much is under way at the node: the very same message goes on a little later. */
static void a_capsule_that_is_busy_is_asked_again(void **state)
{
    (void)state;
    struct pair p;
    start_judged(&p, 100, 10);
    p.slow = true;
    p.fails = PANDO_BUSY;
    meet(&p);
    CHECK(p.runs_len > 0);
    p.fails = PANDO_OK;
    p.slow = false;
    let_come(&p, SIZE_MAX);
    later(&p, 1);
    CHECK_EQ(held(&p, 1), 100);
    CHECK(p.asked > 110);
    stop(&p);
}

static void a_verdict_about_what_a_peer_brought_that_is_gone_is_passed_over(void **state)
{
    (void)state;
    struct pair p;
    start_judged(&p, 100, 0);
    p.slow = true;
    meet(&p);
    CHECK(p.runs_len > 0);
    for (size_t i = 0; i < 2; i++)
        delta_world_feed(&p.w[i], &(struct space_input){ .kind = SPACE_PEER_DOWN, .peer = PEER });
    settle(&p);
    let_come(&p, p.runs_len / 2);
    meet(&p); /* the places of the others are free as their verdicts come */
    while (p.runs_len > 0)
        let_come(&p, SIZE_MAX);
    CHECK_EQ(held(&p, 1), 100);
    stop(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(peers_hold_the_same_and_watchers_hear_of_it),
        TEST(what_a_crash_takes_from_its_maker_comes_back),
        TEST(the_policy_holds_for_peers),
        TEST(what_the_capsule_accepts_is_taken_and_nothing_else),
        TEST(nothing_is_taken_before_the_verdict_and_the_sender_waits),
        TEST(a_capsule_that_fails_has_refused_nothing_for_good),
        TEST(a_capsule_that_is_busy_is_asked_again),
        TEST(a_verdict_about_what_a_peer_brought_that_is_gone_is_passed_over),
        TEST(what_one_reads_in_again_stays_archived_at_the_other),
        TEST(what_is_read_in_again_goes_to_those_who_never_had_it),
    };
    return CHECK_RUN(tests);
}
