/* demo_topologies.c - the seed's other shapes of a federation: a mesh of peers, a hierarchy of
 * regions, and a bridge that lets only some deltas across.
 */
#include "apps/pando/demo_delta.h"

#include <stdio.h>
#include <string.h>

#define PORT 8080

/* Deltas that `len` nodes have sent over all their links. */
static long long crossings(struct demo *d, size_t len)
{
    long long sum = 0;
    for (size_t i = 0; i < len; i++) {
        json_t *answer = demo_ask(d, i, "fed.links", "{}", NULL), *link;
        size_t k;
        json_array_foreach(json_object_get(answer, "links"), k, link)
            sum += json_integer_value(json_object_get(json_object_get(link, "stats"),
                                                      "deltasSent"));
        json_decref(answer);
    }
    return sum;
}

static enum pando_status start_all(struct demo *d, const char *const *names, size_t len,
                                   struct pando_err *reterr)
{
    enum pando_status st = PANDO_OK;
    for (size_t i = 0; st == PANDO_OK && i < len; i++) {
        char settings[100];
        (void)snprintf(settings, sizeof settings, "{\"systemId\":\"%s\"}", names[i]);
        st = demo_delta_start(d, i, names[i], PORT, settings, reterr);
    }
    return st;
}

/* ---- mesh ---- */

enum pando_status demo_mesh(struct demo *d, struct pando_err *reterr)
{
    static const char *const names[] = { "peer-a", "peer-b", "peer-c", "peer-d" };
    static const size_t all[] = { 0, 1, 2, 3 }, left[] = { 0, 2, 3 };
    char link[40], value[32];
    demo_step(d, "Four peers, each linked with each: six links, no server above them.");
    enum pando_status st = start_all(d, names, 4, reterr);
    for (size_t a = 0; st == PANDO_OK && a < 4; a++)
        for (size_t b = a + 1; b < 4; b++)
            (void)demo_delta_link(d, a, b, "", link);
    if (st != PANDO_OK)
        return st;
    demo_step(d, "Each peer writes five deltas.");
    for (size_t n = 0; n < 20; n++) {
        (void)snprintf(value, sizeof value, "%zu", n / 4 + 1);
        (void)demo_delta_say(d, n % 4, "board", names[n % 4], value, "", NULL);
    }
    (void)demo_delta_agree(d, &(struct demo_delta_goal){ all, 4, 20, "board" });
    demo_pause_ms(300); /* what still goes round would arrive */
    const long long sent = crossings(d, 4);
    (void)demo_check(d, sent >= 60 && sent <= 240,
                     "no loop: 20 deltas were sent %lld times (60 at least; over six links, once "
                     "each way, 240 at most)", sent);
    demo_step(d, "One peer goes; the others go on: no single point of failure.");
    (void)demo_check(d, demo_stop(d, 1), "peer-b has stopped");
    (void)demo_delta_say(d, 3, "board", "peer-d", "without peer-b", "", NULL);
    (void)demo_delta_agree(d, &(struct demo_delta_goal){ left, 3, 21, "board" });
    return PANDO_OK;
}

/* ---- hierarchy ---- */

enum pando_status demo_hierarchy(struct demo *d, struct pando_err *reterr)
{
    static const char *const names[] = { "global", "us", "eu", "a", "b", "c", "d" };
    static const size_t parent[] = { 0, 0, 0, 1, 1, 2, 2 };
    static const size_t all[] = { 0, 1, 2, 3, 4, 5, 6 };
    char link[40];
    demo_step(d, "One global instance, two regions below it, two instances in each.");
    enum pando_status st = start_all(d, names, 7, reterr);
    for (size_t i = 1; st == PANDO_OK && i < 7; i++)
        (void)demo_delta_link(d, i, parent[i], "", link);
    if (st != PANDO_OK)
        return st;
    demo_step(d, "Every leaf writes; each delta goes up and down through four links.");
    for (size_t i = 3; i < 7; i++)
        (void)demo_delta_say(d, i, "report", names[i], "ready", "", NULL);
    (void)demo_delta_agree(d, &(struct demo_delta_goal){ all, 7, 4, "report" });
    (void)demo_check(d, crossings(d, 7) == 24,
                     "each of 4 deltas crossed each of the 6 links once: %lld of 24",
                     crossings(d, 7));
    return PANDO_OK;
}

/* ---- bridge ---- */

static void say_both(struct demo *d, char ids[4][64])
{
    (void)demo_delta_say(d, 0, "page", "public", "open house on Friday", ",\"author\":\"guest\"",
                         ids[0]);
    (void)demo_delta_say(d, 0, "page", "spam", "buy now", ",\"author\":\"mallory\"", ids[1]);
    (void)demo_delta_say(d, 2, "page", "public", "minutes of the meeting", ",\"author\":\"alice\"",
                         ids[2]);
    (void)demo_delta_say(d, 2, "page", "salary", "confidential", ",\"author\":\"alice\"", ids[3]);
}

static bool holds_within(struct demo *d, size_t i, const char *id)
{
    const uint64_t begin = demo_now_us();
    while (!demo_delta_has(d, i, id) && demo_now_us() - begin < DEMO_DELTA_LIMIT_MS * 1000u)
        demo_pause_ms(5);
    return demo_delta_has(d, i, id);
}

/* The bridge dials both: what comes from outside must be by people it trusts, what leaves the
 * inside must be meant for the public. */
enum pando_status demo_bridge(struct demo *d, struct pando_err *reterr)
{
    static const char *const names[] = { "public", "bridge", "private" };
    char outside[40], inside[40], ids[4][64];
    demo_step(d, "A public and a private instance know only the bridge between them.");
    enum pando_status st = start_all(d, names, 3, reterr);
    if (st != PANDO_OK)
        return st;
    (void)demo_delta_link(d, 1, 0, ",\"trustPolicy\":{\"trustedAuthors\":[\"guest\",\"alice\"]}",
                          outside);
    (void)demo_delta_link(d, 1, 2, ",\"pullFilter\":{\"contexts\":[\"public\"]}", inside);
    demo_step(d, "Both sides write; the bridge filters and judges.");
    say_both(d, ids);
    (void)demo_check(d, holds_within(d, 2, ids[0]), "what a guest says in public reaches private");
    (void)demo_check(d, holds_within(d, 0, ids[2]), "what alice says under public reaches public");
    (void)demo_delta_counted(d, 1, outside, "deltasRejected", 1);
    demo_pause_ms(300); /* what should not come would be here */
    (void)demo_check(d, !demo_delta_has(d, 1, ids[1]) && !demo_delta_has(d, 2, ids[1]),
                     "mallory's delta stayed outside");
    (void)demo_check(d, !demo_delta_has(d, 1, ids[3]) && !demo_delta_has(d, 0, ids[3]),
                     "the salary stayed inside: it was not even sent to the bridge");
    (void)demo_delta_counted(d, 1, inside, "deltasReceived", 1);
    return PANDO_OK;
}
