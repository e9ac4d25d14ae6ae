/* host_json.c - JSON for capsules: one value of a document by its path; see hostcall.h.
 *
 * Paths come in two spellings: "user.tags[2]" (with or without a leading "$" or "$.",
 * names also as ["a b"]) and JSON pointers (RFC 6901), which begin with a slash.
 */
#include <string.h>

#include <jansson.h>

#include "base/slice.h"
#include "exec/hostcall.h"

#define PATH_MAX_LEN 512u
#define STEP_MAX 256u

/* One step of a path: a name, or an index when `is_index`. */
struct step {
    char name[STEP_MAX];
    size_t len;
    size_t index;
    bool is_index;
};

struct path {
    const uint8_t *at, *end;
    bool malformed;
};

static bool more(const struct path *p)
{
    return p->at < p->end && !p->malformed;
}

static void step_add(struct path *p, struct step *s, uint8_t c)
{
    if (s->len + 1 >= STEP_MAX || c == 0)
        p->malformed = true;
    else
        s->name[s->len++] = (char)c;
}

/* Whether the name is a plain decimal number, without leading zeros, of at most 9 digits.
 */
static void name_index(struct step *s)
{
    s->is_index = s->len > 0 && s->len <= 9 && (s->len == 1 || s->name[0] != '0');
    s->index = 0;
    for (size_t i = 0; i < s->len; i++) {
        if (s->name[i] < '0' || s->name[i] > '9')
            s->is_index = false;
        s->index = s->index * 10 + (size_t)(unsigned char)(s->name[i] - '0');
    }
}

/* "/a~1b": ~0 is a tilde, ~1 a slash. */
static void next_pointer(struct path *p, struct step *s)
{
    p->at++; /* the slash */
    while (more(p) && *p->at != '/') {
        uint8_t c = *p->at++;
        if (c == '~') {
            if (p->at == p->end || (*p->at != '0' && *p->at != '1'))
                p->malformed = true;
            else
                c = *p->at++ == '0' ? '~' : '/';
        }
        step_add(p, s, c);
    }
    name_index(s);
}

static void next_bracket(struct path *p, struct step *s)
{
    p->at++; /* the bracket */
    uint8_t quote = 0;
    if (more(p) && (*p->at == '"' || *p->at == '\''))
        quote = *p->at++;
    const uint8_t until = quote != 0 ? quote : ']';
    while (more(p) && *p->at != until)
        step_add(p, s, *p->at++);
    if (p->at == p->end)
        p->malformed = true;
    else
        p->at++;
    if (quote != 0) {
        if (p->at == p->end || *p->at != ']')
            p->malformed = true;
        else
            p->at++;
        return;
    }
    name_index(s);
    if (!s->is_index)
        p->malformed = true;
}

static void next_dotted(struct path *p, struct step *s)
{
    if (*p->at == '.')
        p->at++;
    while (more(p) && *p->at != '.' && *p->at != '[')
        step_add(p, s, *p->at++);
    if (s->len == 0)
        p->malformed = true;
}

/* The value that `text` leads to, or NULL. */
static json_t *walk(json_t *value, struct pando_slice text, bool *ret_malformed)
{
    struct path p = { text.ptr, text.ptr + text.len, text.len > PATH_MAX_LEN };
    const bool pointer = more(&p) && *p.at == '/';
    if (more(&p) && *p.at == '$')
        p.at++;
    while (more(&p)) {
        struct step s = { .len = 0 };
        if (pointer)
            next_pointer(&p, &s);
        else if (*p.at == '[')
            next_bracket(&p, &s);
        else
            next_dotted(&p, &s);
        s.name[s.len] = '\0';
        if (json_is_array(value))
            value = s.is_index ? json_array_get(value, s.index) : NULL;
        else
            value = s.is_index && !pointer ? NULL : json_object_get(value, s.name);
    }
    *ret_malformed = p.malformed;
    return value;
}

static int64_t answer(const json_t *value, bool unquoted, uint8_t *out, uint32_t room)
{
    if (unquoted && json_is_string(value)) {
        const size_t len = json_string_length(value);
        if (len > room)
            return HOSTCALL_NO_ROOM;
        memcpy(out, json_string_value(value), len);
        return (int64_t)len;
    }
    const size_t len =
        json_dumpb(value, (char *)out, room, JSON_COMPACT | JSON_ENCODE_ANY);
    if (len == 0)
        return HOSTCALL_MALFORMED;
    return len > room ? HOSTCALL_NO_ROOM : (int64_t)len;
}

static int64_t find(struct hostcall_frame *f, bool unquoted)
{
    const struct pando_slice doc = hostcall_in(f, f->args[0], f->args[1]);
    const struct pando_slice path = hostcall_in(f, f->args[2], f->args[3]);
    uint8_t *out = hostcall_out(f, f->args[4], f->args[5]);
    if (f->failed != EXEC_FAIL_NONE)
        return 0;
    if (doc.len > HOSTCALL_JSON_MAX)
        return HOSTCALL_TOO_LARGE;
    json_t *root = json_loadb((const char *)doc.ptr, doc.len, JSON_DECODE_ANY, NULL);
    if (root == NULL)
        return HOSTCALL_MALFORMED;
    bool malformed;
    const json_t *value = walk(root, path, &malformed);
    int64_t result;
    if (malformed)
        result = HOSTCALL_MALFORMED;
    else if (value == NULL)
        result = HOSTCALL_NOT_FOUND;
    else
        result = answer(value, unquoted, out, f->args[5]);
    json_decref(root);
    return result;
}

int64_t hostcall_do_json_path(struct hostcall_frame *f)
{
    return find(f, false);
}

int64_t hostcall_do_json_extract(struct hostcall_frame *f)
{
    return find(f, true);
}
