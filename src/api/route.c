#include "api/route.h"

#include "base/near.h"

#include <stdio.h>
#include <string.h>

static const struct route_verb verbs[] = {
#define X(name, rights, args, summary) { name, ROUTE_##rights, args, summary },
    API_VERBS(X)
#undef X
};

static const struct route_row rows[] = {
#define X(method, path, verb) { method, path, verb },
    API_ROUTES(X)
#undef X
};

#define NEAR_PATH_MAX 32
#define VERBS         (sizeof verbs / sizeof verbs[0])
#define ROWS          (sizeof rows / sizeof rows[0])

size_t route_verbs_len(void)
{
    return VERBS;
}

const struct route_verb *route_verb_at(size_t index)
{
    return &verbs[index];
}

size_t route_rows_len(void)
{
    return ROWS;
}

const struct route_row *route_row_at(size_t index)
{
    return &rows[index];
}

const struct route_verb *route_verb_find(const char *name)
{
    for (size_t i = 0; i < VERBS; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

bool route_writes(const struct route_verb *verb)
{
    return verb->rights == ROUTE_WRITE || verb->rights == ROUTE_BYTES;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool route_decode(const char *text, size_t len, bool plus, char *ret_text, size_t cap)
{
    size_t used = 0;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '%') {
            const int high = i + 2 < len ? hex_digit(text[i + 1]) : -1;
            const int low = i + 2 < len ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (plus && c == '+') {
            c = ' ';
        }
        if (c == '\0' || used + 1 >= cap)
            return false;
        ret_text[used++] = c;
    }
    ret_text[used] = '\0';
    return true;
}

/* Does `path` fit the pattern? Fills the parameters on the way. */
static bool fits(const char *pattern, const char *path, struct route_match *m)
{
    m->params_len = 0;
    while (*pattern != '\0') {
        if (*pattern != '{') {
            if (*pattern++ != *path++)
                return false;
            continue;
        }
        const char *end = strchr(pattern, '}');
        const size_t len = strcspn(path, "/");
        struct route_param *p = &m->params[m->params_len++];
        (void)snprintf(p->name, sizeof p->name, "%.*s", (int)(end - pattern - 1),
                       pattern + 1);
        if (len == 0 || !route_decode(path, len, false, p->value, sizeof p->value))
            return false;
        path += len;
        pattern = end + 1;
    }
    return *path == '\0';
}

static void allow(struct route_match *m, const char *method)
{
    if (strstr(m->allow, method) != NULL)
        return;
    const size_t len = strlen(m->allow);
    (void)snprintf(m->allow + len, sizeof m->allow - len, "%s%s", len > 0 ? ", " : "",
                   method);
}

static void find_near(const char *path, struct route_match *m)
{
    struct near_search s = { .word = path };
    if (strlen(path) > NEAR_PATH_MAX)
        return; /* the search costs its length times all routes, and strangers may ask */
    for (size_t i = 0; i < ROWS; i++)
        near_offer(&s, rows[i].path);
    near_offer(&s, "/api");
    near_offer(&s, "/rpc");
    if (s.best != NULL) {
        (void)snprintf(m->near, sizeof m->near, "%s", s.best);
        return;
    }
    if (strncmp(path, "/api/", 5) != 0)
        return;
    s.word = path + 5;
    for (size_t i = 0; i < VERBS; i++)
        near_offer(&s, verbs[i].name);
    if (s.best != NULL)
        (void)snprintf(m->near, sizeof m->near, "/api/%s", s.best);
}

static bool is_method(const char *method, const char *wanted)
{
    return strcmp(method, wanted) == 0 ||
           (strcmp(wanted, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

static bool find_row(const char *method, const char *path, struct route_match *m)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (!fits(rows[i].path, path, m))
            continue;
        if (is_method(method, rows[i].method)) {
            m->result = ROUTE_FOUND;
            m->verb = route_verb_find(rows[i].verb);
            return true;
        }
        allow(m, rows[i].method);
    }
    return false;
}

static bool find_verb(const char *method, const char *path, struct route_match *m)
{
    const struct route_verb *verb =
        strncmp(path, "/api/", 5) == 0 ? route_verb_find(path + 5) : NULL;
    m->params_len = 0;
    if (verb == NULL)
        return false;
    if (is_method(method, "POST") ||
        (!route_writes(verb) && is_method(method, "GET"))) {
        m->result = ROUTE_FOUND;
        m->verb = verb;
        return true;
    }
    allow(m, "POST");
    if (!route_writes(verb))
        allow(m, "GET");
    return false;
}

void route_find(const char *method, const char *path, struct route_match *ret_match)
{
    struct route_match *m = ret_match;
    *m = (struct route_match){ .result = ROUTE_MISSING };
    const bool list = strcmp(path, "/api") == 0 || strcmp(path, "/") == 0;
    const bool rpc = strcmp(path, "/rpc") == 0;
    if (list || rpc) {
        const bool good = is_method(method, list ? "GET" : "POST");
        allow(m, list ? "GET" : "POST");
        m->result = !good ? ROUTE_BAD_METHOD : list ? ROUTE_LIST : ROUTE_RPC;
        return;
    }
    if (find_row(method, path, m) || find_verb(method, path, m))
        return;
    if (m->allow[0] != '\0')
        m->result = ROUTE_BAD_METHOD;
    else
        find_near(path, m);
}
