/* demo_federation.c - the three federation examples of the seed, checked: one server and one
 * client; a hub with three spokes; policies that say whose deltas are taken.
 */
#include "apps/pando/demo_delta.h"

#include "apps/pando/demo_capsule.h"
#include "apps/pando/output.h"
#include "base/slice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORT    8080 /* as the seed has it, or the next free one */
#define UPDATES 10

/* ---- federation-simple ---- */

static bool stock_is(struct demo *d, size_t i, const char *wanted)
{
    char seen[64];
    const uint64_t begin = demo_now_us();
    do {
        demo_delta_value(d, i, "prod_1", "stock", seen, sizeof seen);
        if (strcmp(seen, wanted) == 0)
            return true;
        demo_pause_ms(2);
    } while (demo_now_us() - begin < DEMO_DELTA_LIMIT_MS * 1000u);
    return false;
}

static void update_stock(struct demo *d)
{
    char stock[16];
    demo_step(d, "The server updates the stock %d times, every %ld ms; the client sees each one.",
              UPDATES, d->every_ms);
    for (unsigned n = 1; n <= UPDATES; n++) {
        (void)snprintf(stock, sizeof stock, "%u", 100 - n * 5);
        (void)demo_delta_say(d, 0, "prod_1", "stock", stock, "", NULL);
        if (!demo_check(d, stock_is(d, 1, stock), "%-16s sees  prod_1.stock = %s", d->nodes[1].name,
                        stock))
            return;
        demo_pause_ms(d->every_ms);
    }
}

/* The server goes and comes back; the client dials again by itself. */
static void restart_server(struct demo *d, const char *link, struct pando_err *reterr)
{
    const uint16_t port = d->nodes[0].port;
    demo_step(d, "The server stops; the client goes on alone, and reconnects when it is back.");
    (void)demo_check(d, demo_stop(d, 0), "the server has stopped");
    (void)demo_delta_say(d, 1, "prod_1", "note", "written while the server was away", "", NULL);
    if (demo_start(d, 0, "my-server", port, NULL, reterr) != PANDO_OK) {
        (void)demo_check(d, false, "the server starts again");
        return;
    }
    (void)demo_check(d, d->nodes[0].port == port, "the server is back at its port");
    const uint64_t begin = demo_now_us();
    while (demo_delta_stat(d, 1, link, "deltasAcked") < 2 &&
           demo_now_us() - begin < DEMO_DELTA_LIMIT_MS * 1000u)
        demo_pause_ms(10);
}

enum pando_status demo_federation_simple(struct demo *d, struct pando_err *reterr)
{
    static const size_t both[] = { 0, 1 };
    char link[40];
    demo_step(d, "A server with a product.");
    enum pando_status st =
        demo_delta_start(d, 0, "my-server", PORT,
                         "{\"systemId\":\"my-server\",\"author\":\"shop\",\"autoBroadcast\":true}",
                         reterr);
    if (st != PANDO_OK)
        return st;
    (void)demo_delta_say(d, 0, "prod_1", "name", "Widget Pro", "", NULL);
    (void)demo_delta_say(d, 0, "prod_1", "price", "99.99", "", NULL);
    demo_step(d, "A client links: mode bidirectional, initialSync full.");
    st = demo_delta_start(d, 1, "my-client", PORT,
                          "{\"systemId\":\"my-client\",\"author\":\"customer\"}", reterr);
    if (st != PANDO_OK)
        return st;
    (void)demo_delta_link(d, 1, 0,
                          ",\"mode\":\"bidirectional\",\"initialSync\":\"full\",\"reconnect\":{"
                          "\"maxAttempts\":0,\"initialDelay\":100}",
                          link);
    (void)demo_delta_agree(d, &(struct demo_delta_goal){ both, 2, 2, "prod_1" });
    update_stock(d);
    demo_step(d, "The client sends a review.");
    (void)demo_delta_say(d, 1, "prod_1", "review", "Great product!", "", NULL);
    (void)demo_delta_agree(d, &(struct demo_delta_goal){ both, 2, 3 + UPDATES, "prod_1" });
    (void)demo_delta_counted(d, 1, link, "deltasReceived", 2 + UPDATES);
    (void)demo_delta_counted(d, 1, link, "deltasAcked", 1);
    restart_server(d, link, reterr);
    (void)demo_delta_agree(d, &(struct demo_delta_goal){ both, 2, 4 + UPDATES, "prod_1" });
    return PANDO_OK;
}

/* ---- hub-and-spoke ---- */

enum pando_status demo_hub_and_spoke(struct demo *d, struct pando_err *reterr)
{
    static const size_t all[] = { 0, 1, 2, 3 };
    static const struct {
        const char *name, *settings, *property, *value;
    } spokes[] = {
        { "spoke-a", "{\"systemId\":\"spoke-a\",\"author\":\"alice\"}", "title", "Design notes" },
        { "spoke-b", "{\"systemId\":\"spoke-b\",\"author\":\"bob\"}", "content", "Deltas converge." },
        { "spoke-c", "{\"systemId\":\"spoke-c\",\"author\":\"carol\"}", "comment", "Agreed." },
    };
    char links[3][40];
    demo_step(d, "A hub, and three spokes that know only the hub.");
    enum pando_status st = demo_delta_start(d, 0, "hub", PORT, "{\"systemId\":\"hub\"}", reterr);
    for (size_t i = 0; st == PANDO_OK && i < 3; i++) {
        st = demo_delta_start(d, i + 1, spokes[i].name, PORT, spokes[i].settings, reterr);
        if (st == PANDO_OK)
            (void)demo_delta_link(d, i + 1, 0, "", links[i]);
    }
    if (st != PANDO_OK)
        return st;
    demo_step(d, "Each spoke writes one part of a document; the hub passes it on.");
    for (size_t i = 0; i < 3; i++)
        (void)demo_delta_say(d, i + 1, "doc_1", spokes[i].property, spokes[i].value, "", NULL);
    (void)demo_delta_agree(d, &(struct demo_delta_goal){ all, 4, 3, "doc_1" });
    for (size_t i = 0; i < 3; i++) {
        char seen[64];
        demo_delta_value(d, 1 + (i + 1) % 3, "doc_1", spokes[i].property, seen, sizeof seen);
        (void)demo_check(d, strcmp(seen, spokes[i].value) == 0, "%s sees  doc_1.%s = %s",
                         d->nodes[1 + (i + 1) % 3].name, spokes[i].property, seen);
        (void)demo_delta_counted(d, i + 1, links[i], "deltasSent", 1);
        (void)demo_delta_counted(d, i + 1, links[i], "deltasReceived", 2);
    }
    return PANDO_OK;
}

/* ---- trust-policies ---- */

#define VERIFIED ",{\"role\":\"verified\",\"target\":true}"

/* Say one thing, wait for the server's word on it, and check which word it was. */
static void offer(struct demo *d, size_t i, const char *link, bool accepted, const char *author,
                  const char *verified)
{
    char args[600], id[64], more[64];
    const char *word = accepted ? "deltasAcked" : "deltasRefused";
    const long long before = demo_delta_stat(d, i, link, word);
    (void)snprintf(more, sizeof more, ",\"author\":\"%s\"", author);
    (void)snprintf(args, sizeof args,
                   "{\"pointers\":[{\"role\":\"about\",\"target\":{\"id\":\"doc_1\",\"context\":"
                   "\"note\"}}%s]%s}",
                   verified, more);
    json_t *made = demo_ask(d, i, "delta.create", args, NULL);
    (void)text_of(made, "id", id, sizeof id);
    json_decref(made);
    const uint64_t begin = demo_now_us();
    while (demo_delta_stat(d, i, link, word) <= before &&
           demo_now_us() - begin < DEMO_DELTA_LIMIT_MS * 1000u)
        demo_pause_ms(2);
    (void)demo_check(d, demo_delta_stat(d, i, link, word) == before + 1 &&
                            demo_delta_has(d, 0, id) == accepted,
                     "%s, author %s%s: %s", d->nodes[i].name, author,
                     verified[0] == '\0' ? "" : ", verified", accepted ? "accepted" : "rejected");
}

static long long rejected_by(struct demo *d, size_t i)
{
    json_t *answer = demo_ask(d, i, "fed.links", "{}", NULL), *link;
    long long sum = 0;
    size_t k;
    json_array_foreach(json_object_get(answer, "links"), k, link)
        sum += number_of(json_object_get(link, "stats"), "deltasRejected");
    json_decref(answer);
    return sum;
}

/* Put the capsule where the server finds it; its CID. */
static bool keep_capsule(struct demo *d, char ret_cid[80])
{
    json_t *args = json_pack("{s:o}", "data",
                             base64_json(slice_of(demo_verified, demo_verified_len)));
    char *text = args == NULL ? NULL : json_dumps(args, JSON_COMPACT);
    json_t *kept = text == NULL ? NULL : demo_ask(d, 0, "dag.blob_put", text, NULL);
    (void)text_of(kept, "cid", ret_cid, 80);
    free(text);
    json_decref(args);
    json_decref(kept);
    return kept != NULL;
}

/* A server whose node accepts by `policy`, and its two clients. */
static enum pando_status arrange(struct demo *d, const char *policy, char links[2][40],
                                 struct pando_err *reterr)
{
    static const char *const clients[] = { "trusted-client-1", "untrusted-client-999" };
    char args[400];
    (void)snprintf(args, sizeof args,
                   "{\"name\":\"db\",\"kind\":\"delta\",\"settings\":{\"systemId\":\"server\","
                   "\"trustPolicy\":%s}}",
                   policy);
    for (size_t i = 0; i < 2; i++)
        json_decref(demo_ask(d, i + 1, "space.rm", "{\"name\":\"db\"}", NULL));
    json_decref(demo_ask(d, 0, "space.rm", "{\"name\":\"db\"}", NULL));
    json_t *made = demo_ask(d, 0, "space.create", args, reterr);
    if (made == NULL)
        return PANDO_INVALID;
    json_decref(made);
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(args, sizeof args,
                       "{\"name\":\"db\",\"kind\":\"delta\",\"settings\":{\"systemId\":\"%s\"}}",
                       clients[i]);
        made = demo_ask(d, i + 1, "space.create", args, reterr);
        if (made == NULL)
            return PANDO_INVALID;
        json_decref(made);
        (void)demo_delta_link(d, i + 1, 0, "", links[i]);
    }
    return PANDO_OK;
}

struct policy {
    const char *title, *json; /* %s: the capsule's CID */
    struct {
        bool accepted[2]; /* of the trusted and of the untrusted system */
        const char *author, *verified;
    } offers[4];
    size_t offers_len;
};

static const struct policy policies[] = {
    { "By system: only trusted-client-1.", "{\"trustedSystems\":[\"trusted-client-1\"]}",
      { { { true, false }, "alice", "" } }, 1 },
    { "By author: only alice and bob, through whomever.", "{\"trustedAuthors\":[\"alice\",\"bob\"]}",
      { { { true, true }, "alice", "" }, { { false, false }, "mallory", "" } }, 2 },
    { "A policy of one's own: a capsule that wants a pointer named verified.",
      "{\"capsule\":\"%s\"}",
      { { { true, true }, "alice", VERIFIED }, { { false, false }, "alice", "" } }, 2 },
    { "All of them at once: each must agree.",
      "{\"trustedAuthors\":[\"alice\"],\"trustedSystems\":[\"trusted-client-1\"],"
      "\"capsule\":\"%s\"}",
      { { { true, false }, "alice", VERIFIED },
        { { false, false }, "alice", "" },
        { { false, false }, "bob", VERIFIED } }, 3 },
};

static enum pando_status try_policy(struct demo *d, const struct policy *p, const char *cid,
                                    struct pando_err *reterr)
{
    char json[300], links[2][40];
    long long refusals = 0;
    const char *hole = strstr(p->json, "%s");
    const int before = hole == NULL ? (int)strlen(p->json) : (int)(hole - p->json);
    (void)snprintf(json, sizeof json, "%.*s%s%s", before, p->json, hole == NULL ? "" : cid,
                   hole == NULL ? "" : hole + 2);
    demo_step(d, "%s", p->title);
    const enum pando_status st = arrange(d, json, links, reterr);
    for (size_t k = 0; st == PANDO_OK && k < p->offers_len; k++)
        for (size_t i = 0; i < 2; i++) {
            const bool accepted = p->offers[k].accepted[i];
            offer(d, i + 1, links[i], accepted, p->offers[k].author, p->offers[k].verified);
            refusals += !accepted;
        }
    if (st == PANDO_OK)
        (void)demo_check(d, rejected_by(d, 0) == refusals,
                         "the server counts %lld rejected deltas, %lld were to be", rejected_by(d, 0),
                         refusals);
    return st;
}

enum pando_status demo_trust_policies(struct demo *d, struct pando_err *reterr)
{
    static const char *const names[] = { "server", "trusted-client-1", "untrusted-client-999" };
    char cid[80] = "";
    enum pando_status st = PANDO_OK;
    demo_step(d, "A server and two clients.");
    for (size_t i = 0; st == PANDO_OK && i < 3; i++)
        st = demo_delta_start(d, i, names[i], PORT, "{}", reterr);
    if (st != PANDO_OK)
        return st;
    (void)demo_check(d, keep_capsule(d, cid), "the server keeps the capsule %s", cid);
    for (size_t k = 0; st == PANDO_OK && k < sizeof policies / sizeof policies[0]; k++)
        st = try_policy(d, &policies[k], cid, reterr);
    return st;
}
