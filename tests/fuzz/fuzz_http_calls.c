/* fuzz_http_calls.c - requests, from their line to the answer of a whole node.
 *
 * The bytes are requests with 0x1e between them, each `METHOD PATH[?QUERY]\nBODY`. They
 * go the way that src/api sends them: the route table, the arguments joined, the call;
 * behind it stands a real node with a delta space (and whatever space.create adds) on a
 * disk in memory. Only sockets and headers are left out.
 *
 * Properties: every call is answered, with a reason where it fails; what reads changes
 * nothing; the space comes back from its disk as it was.
 */
#include "api/args.h"
#include "base/assert.h"
#include "base/slice.h"
#include "sim/sim.h"

#include <stdlib.h>
#include <string.h>

#define REQUESTS_MAX 24
#define SEPARATOR    0x1e

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct caller {
    struct sim *sim;
    struct pando_buf answer;
    struct pando_buf hash; /* of the space, after the last request that writes */
};

static bool take_hash(struct caller *c, struct pando_buf *ret)
{
    return sim_ask(c->sim, 0, "delta.hash", "{\"space\":\"default\"}", ret) == PANDO_OK;
}

static void check_hash(struct caller *c)
{
    (void)take_hash(c, &c->answer);
    PANDO_ASSERT(slice_equal(buf_view(&c->answer), buf_view(&c->hash)));
}

static void call(struct caller *c, const struct route_verb *verb, struct pando_slice args)
{
    if (verb->rights == ROUTE_STREAM) {
        char *text = strndup((const char *)args.ptr, args.len);
        PANDO_ASSERT(text != NULL);
        sim_watch(c->sim, 0, verb->name, text);
        sim_run_for(c->sim, PANDO_MSEC(20));
        free(text);
    } else if (sim_ask_bytes(c->sim, 0, verb->name, args, &c->answer) != PANDO_OK) {
        PANDO_ASSERT(c->answer.len > 0); /* an answer that did not come has no reason */
    }
    if (route_writes(verb))
        (void)take_hash(c, &c->hash);
    else
        check_hash(c);
}

/* False: it was the last one. */
static bool request(struct caller *c, const char *method, char *uri,
                    struct pando_slice body)
{
    struct route_match m;
    struct pando_err err = { .text = "" };
    char *text = NULL;
    char *query = strchr(uri, '?');
    if (query != NULL)
        *query++ = '\0';
    route_find(method, uri, &m);
    if (m.result != ROUTE_FOUND || strcmp(m.verb->name, "node.stop") == 0)
        return m.result != ROUTE_FOUND;
    if (m.verb->rights == ROUTE_BYTES) {
        call(c, m.verb, body);
        return true;
    }
    json_t *args = json_object();
    PANDO_ASSERT(args != NULL);
    if (query == NULL || args_add_query(args, query) == PANDO_OK) {
        if (args_join(args, &m, body, &text, &err) == PANDO_OK)
            call(c, m.verb, text != NULL ? slice_text(text) : body);
        else
            PANDO_ASSERT(err.text[0] != '\0');
    }
    free(text);
    json_decref(args);
    return true;
}

static bool one(struct caller *c, struct pando_slice bytes)
{
    const uint8_t *end = memchr(bytes.ptr, '\n', bytes.len);
    const size_t len = end != NULL ? (size_t)(end - bytes.ptr) : bytes.len;
    const size_t body_at = end != NULL ? len + 1 : len;
    char *line = strndup((const char *)bytes.ptr, len);
    PANDO_ASSERT(line != NULL);
    char *uri = strchr(line, ' ');
    bool more = true;
    if (uri != NULL) {
        *uri++ = '\0';
        more = request(c, line, uri, slice_of(bytes.ptr + body_at, bytes.len - body_at));
    }
    free(line);
    return more;
}

static void all(struct caller *c, struct pando_slice bytes)
{
    bool more = true;
    for (size_t i = 0; more && i < REQUESTS_MAX && bytes.len > 0; i++) {
        const uint8_t *end = memchr(bytes.ptr, SEPARATOR, bytes.len);
        const size_t len = end != NULL ? (size_t)(end - bytes.ptr) : bytes.len;
        const size_t next = end != NULL ? len + 1 : len;
        more = one(c, slice_of(bytes.ptr, len));
        bytes = slice_of(bytes.ptr + next, bytes.len - next);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sim_config config = sim_config_default(7, 1);
    struct caller c;
    config.kind = "delta";
    c.sim = sim_new(&config);
    buf_init(&c.answer, 32u << 20);
    buf_init(&c.hash, 4096);
    PANDO_ASSERT(sim_start(c.sim, 0) && take_hash(&c, &c.hash));
    all(&c, slice_of(data, size));
    if (take_hash(&c, &c.hash)) {
        sim_stop(c.sim, 0);
        PANDO_ASSERT(sim_start(c.sim, 0));
        check_hash(&c);
    }
    PANDO_ASSERT(sim_error(c.sim) == NULL);
    buf_deinit(&c.answer);
    buf_deinit(&c.hash);
    sim_free(c.sim);
    return 0;
}
