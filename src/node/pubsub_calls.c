/* pubsub_calls.c - pubsub.*: topics of programs, next to those of spaces. */
#include "node/args.h"
#include "node/state.h"

#include <stdio.h>
#include <stdlib.h>

static void subscribe(struct node *n, uint64_t token, const char *topic)
{
    const enum pando_status st =
        gossip_step(n->gossip, n->now,
                    &(struct gossip_input){ .kind = GOSSIP_SUBSCRIBE,
                                            .topic = slice_text(topic),
                                            .policy = GOSSIP_STRICT_SIGN });
    pubsub_settle(n);
    if (st == PANDO_OK || st == PANDO_EXISTS)
        call_reply(n, token, PANDO_OK, slice_text("{\"subscribed\":true}"));
    else
        call_fail(n, token, st, "cannot subscribe to '%s': %s", topic,
                  pando_status_text(st));
}

static void publish(struct node *n, uint64_t token, const char *topic, const char *data)
{
    const enum pando_status st =
        gossip_step(n->gossip, n->now,
                    &(struct gossip_input){ .kind = GOSSIP_PUBLISH,
                                            .topic = slice_text(topic),
                                            .policy = GOSSIP_STRICT_SIGN,
                                            .data = slice_text(data) });
    const uint32_t reached = st == PANDO_OK ? gossip_reached(n->gossip) : 0;
    pubsub_settle(n);
    if (st != PANDO_OK) {
        call_fail(n, token, st, "cannot publish on '%s': %s", topic,
                  pando_status_text(st));
        return;
    }
    char text[64];
    const int len = snprintf(text, sizeof text, "{\"peers\":%u}", reached);
    call_reply(n, token, PANDO_OK, slice_of(text, (size_t)len));
}

static enum pando_status print_message(struct pando_buf *b, const struct pubsub_view *v,
                                       bool first)
{
    char author[PEER_ID_TEXT_MAX];
    peer_id_print(&v->author, author);
    enum pando_status st =
        buf_printf(b, "%s{\"seq\":%llu,\"from\":\"%s\",\"data\":", first ? "" : ",",
                   (unsigned long long)v->seq, author);
    /* Text stays text; anything else is shown in base64 beside it. */
    json_t *text = json_stringn((const char *)v->data.ptr, v->data.len);
    char *quoted = text == NULL ? NULL : json_dumps(text, JSON_ENCODE_ANY);
    json_decref(text);
    if (st == PANDO_OK)
        st = buf_printf(b, "%s", quoted == NULL ? "null,\"base64\":" : quoted);
    if (st == PANDO_OK && quoted == NULL)
        st = answer_base64(b, v->data);
    free(quoted);
    return st == PANDO_OK ? buf_printf(b, "}") : st;
}

static void messages(struct node *n, uint64_t token, const char *topic, uint64_t since)
{
    struct pando_buf b;
    buf_init(&b, 32u << 20);
    enum pando_status st = buf_printf(&b, "{\"messages\":[");
    bool first = true;
    struct pubsub_view v;
    for (uint64_t seq = since; st == PANDO_OK && pubsub_kept(n, &seq, topic, &v); seq++) {
        st = print_message(&b, &v, first);
        first = false;
    }
    if (st == PANDO_OK)
        st = buf_printf(&b, "]}");
    if (st == PANDO_OK)
        call_reply(n, token, PANDO_OK, buf_view(&b));
    else
        call_fail(n, token, st, "too many messages are kept: ask with a later \"since\"");
    buf_deinit(&b);
}

void pubsub_call(struct node *n, uint64_t token, const char *verb,
                 struct pando_slice text)
{
    struct pando_err err = { 0 };
    json_t *args = args_parse(text, &err);
    const char *topic = args == NULL ? NULL : args_text(args, "topic", NULL);
    const char *data = args == NULL ? NULL : args_text(args, "data", NULL);
    if (args == NULL)
        call_fail(n, token, err.status, "%s", err.text);
    else if (topic == NULL || space_by_topic(n, slice_text(topic)) != NULL)
        call_fail(n, token, PANDO_INVALID,
                  "give \"topic\": a name that is not a space's topic");
    else if (strcmp(verb, "pubsub.subscribe") == 0)
        subscribe(n, token, topic);
    else if (strcmp(verb, "pubsub.publish") == 0 && data != NULL)
        publish(n, token, topic, data);
    else if (strcmp(verb, "pubsub.messages") == 0)
        messages(n, token, topic, args_uint(args, "since", 0));
    else
        call_fail(n, token, PANDO_UNSUPPORTED,
                  "there is no verb '%s', or \"data\" is missing", verb);
    json_decref(args);
}
