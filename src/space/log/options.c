/* options.c - this member's own settings; log.h says what each means. */
#include "space/log/engine.h"

#include "base/slice.h"

#include <stdio.h>
#include <string.h>

#define MS_MAX       3600000
#define KEEP_DEFAULT (UINT64_C(256) << 20)
#define KEEP_MIN     4096

static enum pando_status bad(struct pando_err *reterr, const char *name, const char *what)
{
    return pando_err_set(reterr, PANDO_INVALID, "log: \"%s\" must be %s", name, what);
}

static enum pando_status load_span(const json_t *v, const char *name, struct pando_span *ret,
                                   struct pando_err *reterr)
{
    const json_int_t ms = json_integer_value(v);
    if (!json_is_integer(v) || ms < 0 || ms > MS_MAX)
        return bad(reterr, name, "a number of milliseconds up to 3600000");
    *ret = PANDO_MSEC((uint64_t)ms);
    return PANDO_OK;
}

static enum pando_status load_members(const json_t *v, struct log_options *o,
                                      struct pando_err *reterr)
{
    const json_t *one;
    size_t i;
    bool self = false;
    if (json_array_size(v) == 0 || json_array_size(v) > RAFT_VOTERS_MAX)
        return bad(reterr, "members", "a list of 1 to 7 ids");
    json_array_foreach(v, i, one)
    {
        const json_int_t id = json_integer_value(one);
        struct raft_members *m = &o->members;
        uint32_t at = m->len;
        if (!json_is_integer(one) || id < 1)
            return bad(reterr, "members", "a list of ids of 1 or more");
        for (; at > 0 && m->at[at - 1].id >= (uint64_t)id; at--)
            if (m->at[at - 1].id == (uint64_t)id)
                return bad(reterr, "members", "a list of ids, each once");
        memmove(&m->at[at + 1], &m->at[at], (m->len - at) * sizeof m->at[0]);
        m->at[at] = (struct raft_member){ (uint64_t)id, RAFT_VOTER };
        m->len++;
        self |= (uint64_t)id == o->id;
    }
    o->has_members = true;
    return self ? PANDO_OK : bad(reterr, "members", "a list with this member's own id");
}

static enum pando_status load_one(const char *name, const json_t *v, struct log_options *o,
                                  struct pando_err *reterr)
{
    if (strcmp(name, "id") == 0 || strcmp(name, "members") == 0)
        return PANDO_OK; /* read before and after the others */
    if (strcmp(name, "found") == 0 || strcmp(name, "demote") == 0) {
        if (!json_is_boolean(v))
            return bad(reterr, name, "true or false");
        *(name[0] == 'f' ? &o->found : &o->demote) = json_is_true(v);
        return PANDO_OK;
    }
    if (strcmp(name, "name") == 0) {
        if (!json_is_string(v) || json_string_length(v) > BATCH_NAME_MAX)
            return bad(reterr, name, "a text of at most 64 bytes");
        (void)snprintf(o->name, sizeof o->name, "%s", json_string_value(v));
        return PANDO_OK;
    }
    if (strcmp(name, "keep_bytes") == 0) {
        if (!json_is_integer(v) || json_integer_value(v) < KEEP_MIN)
            return bad(reterr, name, "a number of bytes of 4096 or more");
        o->keep_bytes = (uint64_t)json_integer_value(v);
        return PANDO_OK;
    }
    if (strcmp(name, "heartbeat_ms") == 0)
        return load_span(v, name, &o->heartbeat, reterr);
    if (strcmp(name, "election_ms") == 0)
        return load_span(v, name, &o->election, reterr);
    if (strcmp(name, "demote_ms") == 0)
        return load_span(v, name, &o->demote_after, reterr);
    return pando_err_set(reterr, PANDO_INVALID, "log: there is no setting \"%s\"", name);
}

static enum pando_status load(const json_t *root, struct log_options *o, struct pando_err *reterr)
{
    enum pando_status st = PANDO_OK;
    const char *name;
    json_t *value;
    const json_t *id = json_object_get(root, "id"), *members = json_object_get(root, "members");
    if (!json_is_integer(id) || json_integer_value(id) < 1)
        return pando_err_set(reterr, PANDO_INVALID,
                             "log: a member needs an \"id\" of 1 or more in the space's settings");
    o->id = (uint64_t)json_integer_value(id);
    json_object_foreach((json_t *)root, name, value)
        if (st == PANDO_OK)
            st = load_one(name, value, o, reterr);
    if (st == PANDO_OK && members != NULL)
        st = load_members(members, o, reterr);
    if (st == PANDO_OK && o->found && o->has_members)
        st = pando_err_set(reterr, PANDO_INVALID,
                           "log: \"found\" and \"members\" exclude each other");
    if (st == PANDO_OK && o->name[0] == '\0')
        (void)snprintf(o->name, sizeof o->name, "node_%llu", (unsigned long long)o->id);
    return st;
}

enum pando_status log_options_load(struct pando_slice json, struct log_options *ret,
                                   struct pando_err *reterr)
{
    struct log_options o = { .demote = true, .keep_bytes = KEEP_DEFAULT };
    json_t *root = NULL;
    enum pando_status st = json_text_parse(json, 1u << 16, &root, reterr);
    if (st == PANDO_OK && !json_is_object(root))
        st = pando_err_set(reterr, PANDO_MALFORMED, "log: the settings must be a JSON object");
    if (st == PANDO_OK)
        st = load(root, &o, reterr);
    json_decref(root);
    if (st == PANDO_OK)
        *ret = o;
    return st;
}
