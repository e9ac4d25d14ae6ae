#include "apps/pando/local.h"

#include "apps/pando/reach.h"
#include "host/host.h"

#include <stdlib.h>

struct taker {
    const struct client_stream *stream;
    struct pando_buf *body;
    bool enough;
    enum pando_status status;
    struct pando_err *reterr;
};

static void take(void *ctx, enum pando_status status, struct pando_slice body, bool raw,
                 bool more)
{
    struct taker *t = ctx;
    (void)raw;
    (void)more;
    if (status != PANDO_OK && !t->enough) /* its body is a sentence */
        (void)pando_err_set(t->reterr, status, "%.*s", (int)body.len, (const char *)body.ptr);
    if (status != PANDO_OK || t->status != PANDO_OK || t->enough)
        return;
    if (t->stream != NULL)
        t->enough = !t->stream->part(t->stream->ctx, body);
    else
        t->status = buf_append(t->body, body);
}

enum pando_status local_call(const char *data, const char *verb, struct pando_slice args,
                             const struct client_stream *stream,
                             struct pando_buf *ret_body, struct pando_err *reterr)
{
    struct config *config = malloc(sizeof *config);
    struct taker t = { .stream = stream, .body = ret_body, .reterr = reterr };
    const struct host_reply reply = { &t, take };
    if (config == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "memory is out");
    enum pando_status st = reach_config(data, config, reterr);
    if (st == PANDO_OK)
        st = host_call(config, verb, args, &reply, reterr);
    free(config);
    if (st == PANDO_OK && t.status != PANDO_OK)
        st = pando_err_set(reterr, t.status, "the answer is too long");
    return st;
}
