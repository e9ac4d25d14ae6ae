#include "node/kept.h"

#include "base/slice.h"
#include "node/args.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_VERSION 1

static struct kept_address *find(struct kept *k, const struct multiaddr *address)
{
    for (size_t i = 0; i < k->addresses_len; i++)
        if (multiaddr_equal(&k->addresses[i].address, address))
            return &k->addresses[i];
    return NULL;
}

static struct kept_address *find_or_make(struct kept *k, const struct multiaddr *address)
{
    struct kept_address *a = find(k, address);
    if (a != NULL || k->addresses_len == KEPT_ADDRESSES_MAX)
        return a;
    a = &k->addresses[k->addresses_len++];
    *a = (struct kept_address){ .address = *address };
    return a;
}

bool kept_configure(struct kept *k, const struct multiaddr *address)
{
    struct kept_address *a = find_or_make(k, address);
    if (a == NULL)
        return true; /* at the cap it is dialled, but its removal would not last */
    a->configured = true;
    return !a->removed;
}

static size_t added_len(const struct kept *k)
{
    size_t len = 0;
    for (size_t i = 0; i < k->addresses_len; i++)
        len += k->addresses[i].added;
    return len;
}

enum pando_status kept_add(struct kept *k, const struct multiaddr *address)
{
    struct kept_address *a = find(k, address);
    if ((a == NULL || (!a->configured && !a->added)) && added_len(k) == KEPT_ADDED_MAX)
        return PANDO_FULL;
    a = find_or_make(k, address);
    if (a == NULL)
        return PANDO_FULL;
    a->removed = false;
    a->added = a->added || !a->configured;
    return PANDO_OK;
}

void kept_remove(struct kept *k, const struct multiaddr *address)
{
    struct kept_address *a = find(k, address);
    if (a == NULL)
        return;
    a->added = false;
    a->removed = a->configured || a->removed;
    if (!a->removed)
        *a = k->addresses[--k->addresses_len];
}

static struct kept_ban *find_ban(struct kept *k, const struct peer_id *peer)
{
    for (size_t i = 0; i < k->bans_len; i++)
        if (peer_id_equal(&k->bans[i].peer, peer))
            return &k->bans[i];
    return NULL;
}

enum pando_status kept_ban(struct kept *k, const struct peer_id *peer, const char *reason)
{
    struct kept_ban *b = find_ban(k, peer);
    if (b == NULL && k->bans_len == KEPT_BANS_MAX)
        return PANDO_FULL;
    if (b == NULL)
        b = &k->bans[k->bans_len++];
    b->peer = *peer;
    (void)snprintf(b->reason, sizeof b->reason, "%s", reason);
    /* Not in the middle of a character. */
    size_t len = strlen(b->reason);
    if (strlen(reason) > len)
        while (len > 0 && ((uint8_t)reason[len] & 0xc0) == 0x80)
            len--;
    b->reason[len] = '\0';
    return PANDO_OK;
}

bool kept_unban(struct kept *k, const struct peer_id *peer)
{
    struct kept_ban *b = find_ban(k, peer);
    if (b == NULL)
        return false;
    *b = k->bans[--k->bans_len];
    return true;
}

bool kept_is_banned(const struct kept *k, const struct peer_id *peer)
{
    for (size_t i = 0; i < k->bans_len; i++)
        if (peer_id_equal(&k->bans[i].peer, peer))
            return true;
    return false;
}

static struct kept_space *find_space(struct kept *k, const char *name)
{
    for (size_t i = 0; i < k->spaces_len; i++)
        if (strcmp(k->spaces[i].name, name) == 0)
            return &k->spaces[i];
    return NULL;
}

static void free_texts(struct kept_space *s)
{
    free(s->config);
    free(s->settings);
}

enum pando_status kept_space_add(struct kept *k, const char *name, const char *kind,
                                 const char *config, const char *settings)
{
    struct kept_space s = { .config = NULL };
    if (strlen(name) >= sizeof s.name || strlen(kind) >= sizeof s.kind ||
        strlen(config) > KEPT_CONFIG_MAX || strlen(settings) > KEPT_CONFIG_MAX)
        return PANDO_INVALID;
    if (find_space(k, name) != NULL)
        return PANDO_OK;
    if (k->spaces_len == KEPT_SPACES_MAX)
        return PANDO_FULL;
    s.config = strdup(config);
    s.settings = strdup(settings);
    if (s.config == NULL || s.settings == NULL) {
        free_texts(&s);
        return PANDO_NOMEM;
    }
    memcpy(s.name, name, strlen(name));
    memcpy(s.kind, kind, strlen(kind));
    k->spaces[k->spaces_len++] = s;
    return PANDO_OK;
}

void kept_space_remove(struct kept *k, const char *name)
{
    struct kept_space *s = find_space(k, name);
    if (s == NULL)
        return;
    free_texts(s);
    const size_t behind = (size_t)(&k->spaces[--k->spaces_len] - s);
    memmove(s, s + 1, behind * sizeof *s); /* the order of creation stays */
}

void kept_deinit(struct kept *k)
{
    for (size_t i = 0; i < k->spaces_len; i++)
        free_texts(&k->spaces[i]);
    k->spaces_len = 0;
}

/* --- text --- */

static enum pando_status wrong(struct pando_err *reterr, const char *key,
                               const char *expected)
{
    return pando_err_set(reterr, PANDO_MALFORMED, "\"%s\" must be %s", key, expected);
}

static enum pando_status parse_addresses(struct kept *k, const json_t *list, bool removed,
                                         struct pando_err *reterr)
{
    const char *key = removed ? "removed" : "added";
    const json_t *one;
    size_t i;
    if (list != NULL && !json_is_array(list))
        return wrong(reterr, key, "a list of addresses");
    json_array_foreach(list, i, one)
    {
        struct multiaddr address;
        const char *text = json_string_value(one);
        if (text == NULL || multiaddr_parse(text, &address, NULL) != PANDO_OK)
            return wrong(reterr, key, "a list of addresses");
        struct kept_address *a = find_or_make(k, &address);
        if (a == NULL || (!removed && added_len(k) == KEPT_ADDED_MAX))
            return pando_err_set(reterr, PANDO_FULL, "\"%s\" holds too many addresses",
                                 key);
        a->added = a->added || !removed;
        a->removed = removed;
    }
    return PANDO_OK;
}

static enum pando_status parse_bans(struct kept *k, const json_t *list,
                                    struct pando_err *reterr)
{
    const json_t *one;
    size_t i;
    if (list != NULL && !json_is_array(list))
        return wrong(reterr, "bans", "a list of {\"peer\", \"reason\"}");
    json_array_foreach(list, i, one)
    {
        struct peer_id peer;
        const char *text = args_text(one, "peer", NULL);
        if (text == NULL || peer_id_parse(text, &peer) != PANDO_OK)
            return wrong(reterr, "bans", "a list of {\"peer\": 12D3Koo..., \"reason\"}");
        if (kept_ban(k, &peer, args_text(one, "reason", "")) != PANDO_OK)
            return pando_err_set(reterr, PANDO_FULL, "\"bans\" holds more than %d peers",
                                 KEPT_BANS_MAX);
    }
    return PANDO_OK;
}

static enum pando_status parse_space(struct kept *k, const json_t *one)
{
    const char *name = args_text(one, "name", NULL), *kind = args_text(one, "kind", NULL);
    const json_t *config = json_object_get(one, "config");
    const json_t *settings = json_object_get(one, "settings");
    if (name == NULL || kind == NULL || !json_is_object(config) ||
        (settings != NULL && !json_is_object(settings)))
        return PANDO_INVALID;
    char *config_text = json_dumps(config, JSON_COMPACT | JSON_SORT_KEYS);
    char *own_text = settings == NULL ? strdup("{}") : json_dumps(settings, JSON_COMPACT);
    const enum pando_status st =
        config_text == NULL || own_text == NULL
            ? PANDO_NOMEM
            : kept_space_add(k, name, kind, config_text, own_text);
    free(config_text);
    free(own_text);
    return st;
}

static enum pando_status parse_spaces(struct kept *k, const json_t *list,
                                      struct pando_err *reterr)
{
    const json_t *one;
    size_t i;
    if (list != NULL && !json_is_array(list))
        return wrong(reterr, "spaces", "a list of {\"name\", \"kind\", \"config\"}");
    json_array_foreach(list, i, one)
    {
        const enum pando_status st = parse_space(k, one);
        if (st == PANDO_INVALID)
            return wrong(reterr, "spaces", "a list of {\"name\", \"kind\", \"config\"}");
        if (st != PANDO_OK)
            return pando_err_set(reterr, st, "\"spaces\" holds more than %d spaces",
                                 KEPT_SPACES_MAX);
    }
    return PANDO_OK;
}

enum pando_status kept_parse(struct kept *k, struct pando_slice text,
                             struct pando_err *reterr)
{
    json_t *object = text.len == 0 ? NULL : args_parse(text, NULL);
    if (object == NULL)
        return pando_err_set(reterr, PANDO_MALFORMED, "it is not a JSON object");
    const json_t *version = json_object_get(object, "version");
    enum pando_status st = PANDO_OK;
    if (!json_is_integer(version) || json_integer_value(version) < 1)
        st = wrong(reterr, "version", "a number");
    else if (json_integer_value(version) > KEPT_VERSION)
        st = pando_err_set(reterr, PANDO_UNSUPPORTED,
                           "it has version %lld, this program reads up to %d",
                           (long long)json_integer_value(version), KEPT_VERSION);
    if (st == PANDO_OK)
        st = parse_addresses(k, json_object_get(object, "added"), false, reterr);
    if (st == PANDO_OK)
        st = parse_addresses(k, json_object_get(object, "removed"), true, reterr);
    if (st == PANDO_OK)
        st = parse_bans(k, json_object_get(object, "bans"), reterr);
    if (st == PANDO_OK)
        st = parse_spaces(k, json_object_get(object, "spaces"), reterr);
    json_decref(object);
    return st;
}

static enum pando_status print_addresses(const struct kept *k, bool removed,
                                         struct pando_buf *b)
{
    char text[MULTIADDR_TEXT_MAX];
    const char *comma = "";
    enum pando_status st = buf_printf(b, ",\"%s\":[", removed ? "removed" : "added");
    for (size_t i = 0; i < k->addresses_len && st == PANDO_OK; i++) {
        const struct kept_address *a = &k->addresses[i];
        if (!(removed ? a->removed : a->added) ||
            multiaddr_print(&a->address, text, sizeof text) != PANDO_OK)
            continue;
        st = buf_printf(b, "%s\"%s\"", comma, text);
        comma = ",";
    }
    return st == PANDO_OK ? buf_printf(b, "]") : st;
}

static enum pando_status print_spaces(const struct kept *k, struct pando_buf *b)
{
    enum pando_status st = buf_printf(b, "],\"spaces\":[");
    for (size_t i = 0; i < k->spaces_len && st == PANDO_OK; i++) {
        const struct kept_space *s = &k->spaces[i];
        st = buf_printf(b, "%s{\"name\":", i == 0 ? "" : ",");
        if (st == PANDO_OK)
            st = answer_string(b, s->name);
        if (st == PANDO_OK)
            st = buf_printf(b, ",\"kind\":\"%s\",\"config\":", s->kind);
        if (st == PANDO_OK)
            st = buf_append(b, slice_text(s->config));
        if (st == PANDO_OK)
            st = buf_printf(b, ",\"settings\":%s}", s->settings);
    }
    return st == PANDO_OK ? buf_printf(b, "]}") : st;
}

enum pando_status kept_print(const struct kept *k, struct pando_buf *b)
{
    char id[PEER_ID_TEXT_MAX];
    enum pando_status st = buf_printf(b, "{\"version\":%d", KEPT_VERSION);
    if (st == PANDO_OK)
        st = print_addresses(k, false, b);
    if (st == PANDO_OK)
        st = print_addresses(k, true, b);
    if (st == PANDO_OK)
        st = buf_printf(b, ",\"bans\":[");
    for (size_t i = 0; i < k->bans_len && st == PANDO_OK; i++) {
        peer_id_print(&k->bans[i].peer, id);
        st = buf_printf(b, "%s{\"peer\":\"%s\",\"reason\":", i == 0 ? "" : ",", id);
        if (st == PANDO_OK)
            st = answer_string(b, k->bans[i].reason);
        if (st == PANDO_OK)
            st = buf_printf(b, "}");
    }
    return st == PANDO_OK ? print_spaces(k, b) : st;
}
