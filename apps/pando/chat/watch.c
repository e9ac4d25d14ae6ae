/* watch.c - following the space: every delivered message into the transcript, then to the
 * front. The callback runs on the node's thread; between its last part and the next
 * chat_watch nothing else touches the transcript. */
#include "apps/pando/chat/chat_impl.h"

#include "base/slice.h"

#include <string.h>

static void take_line(struct chat *c, struct pando_slice line)
{
    json_t *json = line.len == 0 ? NULL : json_loadb((const char *)line.ptr, line.len, 0, NULL);
    if (json == NULL)
        return;
    if (json_is_integer(json_object_get(json, "seq")) && c->transcript != NULL)
        (void)!transcript_put(c->transcript, json);
    chat_queue_put(&c->queue, CHAT_ITEM_TOLD, PANDO_OK, NULL, json, SLICE_EMPTY);
}

static void on_part(void *ctx, enum pando_status status, struct pando_slice body, bool more)
{
    struct chat *c = ctx;
    const bool failed = status != PANDO_OK;
    while (!failed && body.len > 0) {
        const uint8_t *end = memchr(body.ptr, '\n', body.len);
        const size_t len = end == NULL ? body.len : (size_t)(end - body.ptr);
        take_line(c, slice_of(body.ptr, len));
        body = slice_from(body, len + 1);
    }
    if (c->transcript != NULL)
        transcript_flush(c->transcript);
    if (!more)
        chat_queue_put(&c->queue, CHAT_ITEM_UNTOLD, status, NULL, NULL, failed ? body : SLICE_EMPTY);
}

void chat_watch(struct chat *c)
{
    struct pando_err err = { 0 };
    transcript_free(c->transcript);
    c->transcript = NULL;
    if (transcript_new(c->transcript_path, &c->transcript, &err) != PANDO_OK)
        chat_say(c, CHAT_TROUBLE, "%s", err.text);
    c->watching = pando_node_call(c->node, "log.watch",
                                  "{\"space\":\"" CHAT_SPACE "\",\"from\":1,\"roles\":true}",
                                  on_part, c) == PANDO_OK;
}
