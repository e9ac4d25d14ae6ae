/* delta.c - two databases of deltas in one program: a server, a client, events, trust, a pause.
 *
 * Build: cc delta.c $(pkg-config --cflags --libs pando) -o delta
 */
#include <pando/pando.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct seen {
    atomic_int connected, synced, received, rejected, deltas;
};

static void on_event(void *ctx, const struct pando_delta_event *e)
{
    struct seen *seen = ctx;
    (void)printf("  %s %s%s%s %s\n", e->type, e->remote_url, e->remote_system_id, e->delta_id,
                 e->reason);
    seen->connected += strcmp(e->type, "link:connected") == 0;
    seen->synced += strcmp(e->type, "sync:completed") == 0;
    seen->received += strcmp(e->type, "delta:received") == 0;
    seen->rejected += strcmp(e->type, "delta:rejected") == 0;
}

struct once {
    atomic_int calls;
    struct pando_delta_subscription *_Atomic sub;
};

/* One that has heard enough says so by itself. */
static void on_first_event(void *ctx, const struct pando_delta_event *e)
{
    struct once *once = ctx;
    (void)e;
    once->calls++;
    pando_delta_unsubscribe(atomic_exchange(&once->sub, NULL));
}

static void on_delta(void *ctx, struct pando_slice delta)
{
    (void)delta;
    ((struct seen *)ctx)->deltas++;
}

static void must(enum pando_status st, const struct pando_err *err, const char *doing)
{
    if (st == PANDO_OK)
        return;
    (void)fprintf(stderr, "%s: %s\n", doing, err->text);
    exit(1);
}

static void wait_for(atomic_int *count, int wanted, const char *what)
{
    const struct timespec ten_ms = { 0, 10000000 };
    for (int i = 0; i < 1000 && atomic_load(count) < wanted; i++)
        (void)nanosleep(&ten_ms, NULL);
    if (atomic_load(count) >= wanted)
        return;
    (void)fprintf(stderr, "after ten seconds there is no %s\n", what);
    exit(1);
}

static struct pando_delta_db *open_server(unsigned short port)
{
    static const char *const trusted[] = { "alice", "bob" };
    struct pando_err err = { PANDO_OK, "" };
    struct pando_delta_db *db = NULL;
    struct pando_delta_config config = PANDO_DELTA_CONFIG;
    config.storage = PANDO_DELTA_MEMORY;
    config.system_id = "my-server";
    config.federation.enable_server = true;
    config.federation.port = port;
    config.federation.trust.authors = trusted;
    config.federation.trust.authors_len = 2;
    must(pando_delta_open(&config, &db, &err), &err, "open the server");
    return db;
}

static struct pando_delta_db *open_client(void)
{
    struct pando_err err = { PANDO_OK, "" };
    struct pando_delta_db *db = NULL;
    struct pando_delta_config config = PANDO_DELTA_CONFIG;
    config.storage = PANDO_DELTA_MEMORY;
    config.system_id = "my-client";
    must(pando_delta_open(&config, &db, &err), &err, "open the client");
    return db;
}

static void say(struct pando_delta_db *db, const char *author, const char *name, char *ret_id)
{
    struct pando_err err = { PANDO_OK, "" };
    const struct pando_delta_pointer pointers[] = {
        pando_delta_ref("named", "prod_1", "name"),
        pando_delta_text("name", name),
    };
    must(pando_delta_create(db, author, pointers, 2, ret_id, &err), &err, "create");
}

static void expect_text(struct pando_delta_db *db, const char *wanted)
{
    char *text = NULL;
    struct pando_err err = { PANDO_OK, "" };
    must(pando_delta_hyperview(db, "prod_1", NULL, &text, &err), &err, "hyperview");
    const int held = strstr(text, wanted) != NULL;
    if (!held)
        (void)fprintf(stderr, "%s does not hold %s\n", text, wanted);
    free(text);
    if (!held)
        exit(1);
}

/* What is said while the link is paused comes when it goes on. */
static void pause_and_resume(struct pando_delta_db *server, struct pando_delta_db *client,
                             const struct pando_delta_link *link, struct seen *seen)
{
    struct pando_err err = { PANDO_OK, "" };
    struct pando_delta_link_stats stats;
    const int before = atomic_load(&seen->received);
    must(pando_delta_link_pause(client, link, &err), &err, "pause");
    must(pando_delta_link_stats(client, link, &stats, &err), &err, "stats");
    (void)printf("client: %s\n", stats.status);
    say(server, "bob", "Widget Max", NULL);
    must(pando_delta_link_resume(client, link, &err), &err, "resume");
    wait_for(&seen->received, before + 1, "delta from the pause");
    expect_text(client, "Widget Max");
}

int main(int argc, char **argv)
{
    const unsigned short port = (unsigned short)(argc > 1 ? strtoul(argv[1], NULL, 10) : 8080);
    char url[64], id[PANDO_DELTA_ID_MAX];
    struct pando_err err = { PANDO_OK, "" };
    struct pando_delta_link link;
    struct pando_delta_subscription *events = NULL, *server_events = NULL, *deltas = NULL;
    struct pando_delta_subscription *first = NULL;
    struct seen seen = { 0 }, at_server = { 0 };
    struct once once = { 0 };
    struct pando_delta_db *server = open_server(port), *client = open_client();
    say(server, "alice", "Widget Pro", id);
    must(pando_delta_on_event(client, on_event, &seen, &events, &err), &err, "on_event");
    must(pando_delta_on_event(server, on_event, &at_server, &server_events, &err), &err, "on_event");
    must(pando_delta_on_event(client, on_first_event, &once, &first, &err), &err, "on_event");
    atomic_store(&once.sub, first);
    must(pando_delta_subscribe(client, "{\"targetIds\":[\"prod_1\"]}", 0, on_delta, &seen, &deltas,
                               &err), &err, "subscribe");
    if (pando_delta_connect_remote(client, "http://localhost/", NULL, &link, &err) !=
        PANDO_INVALID)
        return 1;
    (void)printf("as it should be: %s\n", err.text);

    (void)snprintf(url, sizeof url, "ws://localhost:%u/federation", (unsigned)port);
    struct pando_delta_link_config how = PANDO_DELTA_LINK_CONFIG;
    how.reconnect.max_attempts = 0;
    must(pando_delta_connect_remote(client, url, &how, &link, &err), &err, "connect");
    wait_for(&seen.synced, 1, "first sync");
    wait_for(&seen.deltas, 1, "delta of the subscription");
    expect_text(client, "Widget Pro");
    pause_and_resume(server, client, &link, &seen);

    say(client, "eve", "Widget Free", NULL);
    wait_for(&at_server.rejected, 1, "rejection of eve's delta");
    must(pando_delta_negate(client, id, "renamed", NULL, &err), &err, "negate");
    wait_for(&at_server.rejected, 2, "rejection of a negation by nobody the server trusts");
    if (atomic_load(&once.calls) != 1)
        return 1;
    pando_delta_unsubscribe(deltas);
    pando_delta_unsubscribe(events);
    must(pando_delta_link_disconnect(client, &link, &err), &err, "disconnect");
    if (pando_delta_link_resume(client, &link, &err) != PANDO_NOT_FOUND)
        return 1;
    pando_delta_close(client);
    pando_delta_close(server);
    (void)printf("Both agreed, and nothing was taken from eve.\n");
    return 0;
}
