#include "node/args.h"
#include "node/state.h"

#include <stdio.h>
#include <stdlib.h>

static void list(struct node *n, uint64_t token)
{
    struct pando_buf b;
    char members[2048];
    buf_init(&b, 1u << 20);
    enum pando_status st = buf_printf(&b, "{\"spaces\":[");
    const char *comma = "";
    for (size_t i = 0; i < NODE_SPACES_MAX && st == PANDO_OK; i++) {
        struct node_space *s = &n->spaces[i];
        if (!s->used)
            continue;
        st = buf_printf(&b, "%s{\"name\":", comma);
        comma = ",";
        if (st == PANDO_OK)
            st = answer_string(&b, s->name);
        size_t peers = 0;
        for (uint32_t k = 0; k < n->peers_max; k++)
            peers += n->peers[k].used && n->peers[k].spaces[i].shared;
        if (st == PANDO_OK)
            st = buf_printf(
                &b, ",\"kind\":\"%s\",\"id\":\"%s\",\"peers\":%zu,\"journal\":\"%s\"",
                s->ops->kind, s->hex, peers, s->failed ? "stopped" : "ok");
        if (st == PANDO_OK)
            st = policy_print(n, s, &b);
        const size_t len = s->ops->status(s->instance, members, sizeof members);
        if (st == PANDO_OK && len > 0)
            st = buf_printf(&b, ",%.*s", (int)len, members);
        if (st == PANDO_OK)
            st = buf_printf(&b, "}");
    }
    if (st == PANDO_OK)
        st = buf_printf(&b, "]}");
    if (st == PANDO_OK)
        call_reply(n, token, PANDO_OK, buf_view(&b));
    else
        call_fail(n, token, st, "the list of spaces is too long");
    buf_deinit(&b);
}

/* The immutable config as text, with "access" in it wherever it was said; NULL none. */
static char *config_text(const json_t *args)
{
    json_t *config = json_object_get(args, "config"), *access = json_object_get(args, "access");
    if (config == NULL && access == NULL)
        return NULL;
    json_t *whole = config == NULL ? json_object() : json_copy(config);
    if (access != NULL)
        (void)json_object_set(whole, "access", access);
    char *text = json_dumps(whole, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(whole);
    return text;
}

/* Creating and joining are one act: a space is its name, kind and config. */
static void create(struct node *n, uint64_t token, const json_t *args)
{
    struct pando_err err = { 0 };
    if (!keeping_has_room(n, token))
        return;
    const json_t *settings = json_object_get(args, "settings");
    char *text = config_text(args);
    char *local = settings == NULL ? NULL : json_dumps(settings, JSON_COMPACT);
    const struct node_space_config c = {
        .name = args_text(args, "name", ""),
        .kind = args_text(args, "kind", "dag"),
        .config_json = text,
        .local_json = local,
    };
    uint32_t slot;
    enum pando_status st = spaces_open(n, &c, &slot, &err);
    if (st == PANDO_OK) {
        char answer[160];
        const struct node_space *s = &n->spaces[slot];
        (void)snprintf(answer, sizeof answer, "{\"created\":true,\"id\":\"%s\"}", s->hex);
        protocols_push(n);
        n->ports.notice(n->ports.ctx, "spaces_changed", SLICE_EMPTY);
        st = kept_space_add(n->kept, s->name, s->ops->kind, s->config_text,
                            local == NULL ? "{}" : local);
        if (st == PANDO_OK)
            keeping_save(n, token, answer);
        else
            call_fail(n, token, st, "created, but only until the node ends: %s",
                      pando_status_text(st));
    } else {
        call_fail(n, token, st, "%s",
                  err.text[0] == '\0' ? pando_status_text(st) : err.text);
    }
    free(text);
    free(local);
}

static bool jobs_of(const struct node *n, uint32_t slot)
{
    size_t cursor = 0;
    const void *key;
    void *value;
    while (map_next(&n->jobs, &cursor, &key, &value)) {
        const struct node_job *job = value;
        if (job->owner == JOB_SPACE && job->slot == slot)
            return true;
    }
    return false;
}

static void remove_space(struct node *n, uint64_t token, const json_t *args)
{
    struct pando_err err = { 0 };
    const char *name = args_text(args, "name", args_text(args, "space", NULL));
    struct node_space *s = name == NULL ? NULL : space_by_name(n, name, NULL);
    if (s == NULL) {
        call_fail(n, token, PANDO_NOT_FOUND,
                  "there is no space '%s' here; `pando space ls` lists them",
                  name == NULL ? "" : name);
        return;
    }
    if (jobs_of(n, s->slot)) { /* the items of those jobs live in the instance */
        call_fail(n, token, PANDO_BUSY, "events of '%s' are being verified: try again", name);
        return;
    }
    if (!keeping_has_room(n, token))
        return;
    const struct pando_id id = s->id;
    kept_space_remove(n->kept, s->name);
    spaces_close(n, s->slot);
    protocols_push(n);
    const enum pando_status st = n->ports.space_remove(n->ports.ctx, &id, &err);
    n->ports.notice(n->ports.ctx, "spaces_changed", SLICE_EMPTY);
    if (st == PANDO_OK)
        keeping_save(n, token, "{\"removed\":true}");
    else
        call_fail(n, token, st, "%s", err.text);
}

void calls_spaces(struct node *n, uint64_t token, const char *verb,
                  struct pando_slice text)
{
    struct pando_err err = { 0 };
    json_t *args = args_parse(text, &err);
    if (args == NULL)
        call_fail(n, token, err.status, "%s", err.text);
    else if (strcmp(verb, "space.ls") == 0)
        list(n, token);
    else if (strcmp(verb, "space.create") == 0 || strcmp(verb, "space.join") == 0)
        create(n, token, args);
    else if (strcmp(verb, "space.rm") == 0)
        remove_space(n, token, args);
    else
        call_fail(n, token, PANDO_UNSUPPORTED, "there is no verb '%s'", verb);
    json_decref(args);
}
