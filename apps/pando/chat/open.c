/* open.c - a chat's node: what its config says, starting and stopping it. */
#include "apps/pando/chat/chat_impl.h"

#include "base/slice.h"
#include "crypto/sign.h"
#include "host/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the older chat program printed, and what its guide says to look for. */
#define LEVELS "warning,failure=%s,election=%s,ordering=%s,membership=%s,storage=%s,node=%s"

static void on_log(void *ctx, struct pando_slice line)
{
    struct chat *c = ctx;
    chat_queue_put(&c->queue, CHAT_ITEM_LOG, PANDO_OK, NULL, NULL, line);
}

static void on_stopped(void *ctx)
{
    struct chat *c = ctx;
    chat_queue_put(&c->queue, CHAT_ITEM_STOPPED, PANDO_OK, NULL, NULL, SLICE_EMPTY);
}

/* "chat:log:{...}". Who names no seed is the first of its group. */
static enum pando_status add_space(struct chat *c, struct pando_err *reterr)
{
    char space[CONFIG_SETTINGS_MAX + 32];
    json_t *settings = json_pack("{s:I,s:s}", "id", (json_int_t)c->options.id, "name", c->config.name);
    if (c->options.seeds_len == 0)
        (void)json_object_set_new(settings, "found", json_true());
    char *text = json_dumps(settings, JSON_COMPACT);
    (void)snprintf(space, sizeof space, CHAT_SPACE ":log:%s", text == NULL ? "" : text);
    free(text);
    json_decref(settings);
    return config_set(&c->config, "spaces", space, reterr);
}

static enum pando_status make_config(struct chat *c, struct pando_err *reterr)
{
    const struct chat_options *o = &c->options;
    char name[32], port[24], levels[160];
    const char *level = o->verbose ? "debug" : "info";
    (void)snprintf(name, sizeof name, "peer_%lu", o->id);
    (void)snprintf(port, sizeof port, "%lu", o->port);
    (void)snprintf(levels, sizeof levels, LEVELS, level, level, level, level, level, level);
    config_init(&c->config);
    enum pando_status st = config_set(&c->config, "name", name, reterr);
    if (st == PANDO_OK)
        st = config_set(&c->config, "port", port, reterr);
    if (st == PANDO_OK)
        st = config_set(&c->config, "listen", o->host, reterr);
    if (st == PANDO_OK && o->data != NULL)
        st = config_set(&c->config, "data", o->data, reterr);
    if (st == PANDO_OK)
        st = config_set(&c->config, "mesh", "yes", reterr);
    if (st == PANDO_OK)
        st = config_set(&c->config, "log.level", levels, reterr);
    for (size_t i = 0; i < o->seeds_len && st == PANDO_OK; i++)
        st = config_set(&c->config, "peers", o->seeds[i], reterr);
    if (st == PANDO_OK)
        st = add_space(c, reterr);
    return st == PANDO_OK ? config_finish(&c->config, reterr) : st;
}

/* 53 bits: what every reader of JSON holds. */
static uint64_t new_session(void)
{
    uint64_t client = 0;
    crypto_random((uint8_t *)&client, sizeof client);
    return (client & ((UINT64_C(1) << 52) - 1)) | 1;
}

static enum pando_status start(struct chat *c, struct pando_err *reterr)
{
    enum pando_status st = make_config(c, reterr);
    if (st != PANDO_OK)
        return st;
    (void)snprintf(c->transcript_path, sizeof c->transcript_path, "%s/%.31s.log", c->options.log_dir,
                   c->config.name);
    const struct host_guest guest = { c, on_log, on_stopped };
    st = host_node_open(&c->config, &guest, &c->node, reterr);
    if (st != PANDO_OK)
        return st;
    chat_outbox_init(&c->outbox, new_session());
    chat_enter_room(c, c->options.room);
    chat_watch(c);
    return pando_node_start(c->node, reterr);
}

enum pando_status chat_open(const struct chat_options *options, const struct chat_front *front,
                            struct chat **ret, struct pando_err *reterr)
{
    struct chat *c = calloc(1, sizeof *c);
    if (c == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "memory is out");
    c->options = *options;
    c->front = *front;
    enum pando_status st = chat_queue_init(&c->queue, reterr);
    if (st == PANDO_OK)
        st = start(c, reterr);
    if (st != PANDO_OK) {
        chat_close(c);
        return st;
    }
    *ret = c;
    return PANDO_OK;
}

void chat_close(struct chat *c)
{
    if (c == NULL)
        return;
    pando_node_close(c->node);
    bool dropped;
    for (struct chat_item *item = chat_queue_take(&c->queue, &dropped), *next; item != NULL;
         item = next) {
        next = item->next;
        if (item->kind == CHAT_ITEM_ANSWER)
            chat_free_call(item->ctx);
        else if (item->kind == CHAT_ITEM_LOG)
            chat_say(c, CHAT_LOG, "%.*s", (int)(item->len > 0 ? item->len - 1 : 0), item->text);
        chat_queue_item_free(item);
    }
    transcript_free(c->transcript);
    chat_outbox_deinit(&c->outbox);
    chat_queue_deinit(&c->queue);
    json_decref(c->state);
    free(c);
}

int chat_fd(const struct chat *c)
{
    return c->queue.fd;
}
