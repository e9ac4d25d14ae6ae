#include "space/access.h"

#include "base/slice.h"
#include "codec/json.h"

#include <string.h>

#define ACCESS_TEXT_MAX (64u << 10)

static const char *const ROLES[] = { "none", "read", "write", "admin" };

const char *space_role_name(enum space_role role)
{
    return ROLES[role];
}

static int compare(const struct peer_id *a, const struct peer_id *b)
{
    return memcmp(a, b, sizeof *a);
}

/* Where the id stands, or belongs. */
static size_t place_of(const struct space_access *a, const struct peer_id *id)
{
    size_t low = 0, high = a->members_len;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (compare(&a->members[middle].id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

enum space_role space_role_of(const struct space_access *access, const struct peer_id *id)
{
    if (access == NULL || !access->closed)
        return SPACE_ROLE_ADMIN;
    const size_t at = place_of(access, id);
    const bool found =
        at < access->members_len && compare(&access->members[at].id, id) == 0;
    return found ? access->members[at].role : SPACE_ROLE_NONE;
}

bool space_admits(const struct space_access *access, const struct peer_id *id,
                  enum space_action action)
{
    return (int)space_role_of(access, id) >= (int)action;
}

bool space_admit(const struct space_access *access, const struct pando_key *key,
                 enum space_action action)
{
    if (access == NULL || !access->closed)
        return true;
    const struct peer_id id = peer_id_from_key(key);
    return space_admits(access, &id, action);
}

static enum pando_status take_member(struct space_access *a, const char *text,
                                     const json_t *role, struct pando_err *reterr)
{
    struct space_member m = { .role = SPACE_ROLE_NONE };
    const char *name = json_string_value(role);
    if (peer_id_parse(text, &m.id) != PANDO_OK)
        return pando_err_set(reterr, PANDO_INVALID,
                             "access: '%.80s' is not a peer id (12D3Koo...)", text);
    for (int r = SPACE_ROLE_READ; r <= SPACE_ROLE_ADMIN && name != NULL; r++)
        if (strcmp(ROLES[r], name) == 0)
            m.role = (enum space_role)r;
    if (m.role == SPACE_ROLE_NONE)
        return pando_err_set(reterr, PANDO_INVALID,
                             "access: the role of %.80s must be read, write or admin, "
                             "not '%.40s'",
                             text, name == NULL ? "" : name);
    if (a->members_len == SPACE_MEMBERS_MAX)
        return pando_err_set(reterr, PANDO_FULL, "access: a space lists at most %d peers",
                             SPACE_MEMBERS_MAX);
    const size_t at = place_of(a, &m.id);
    if (at < a->members_len && compare(&a->members[at].id, &m.id) == 0)
        return pando_err_set(reterr, PANDO_EXISTS, "access: %.80s is listed twice", text);
    memmove(&a->members[at + 1], &a->members[at],
            (a->members_len - at) * sizeof a->members[0]);
    a->members[at] = m;
    a->members_len++;
    return PANDO_OK;
}

static enum pando_status take_value(struct space_access *a, json_t *value,
                                    struct pando_err *reterr)
{
    const char *id;
    json_t *role;
    if (json_is_string(value) && strcmp(json_string_value(value), "open") == 0)
        return PANDO_OK;
    if (!json_is_object(value) || json_object_size(value) == 0)
        return pando_err_set(reterr, PANDO_INVALID,
                             "access: expected \"open\" or peer ids with a role each, "
                             "{\"12D3Koo...\": \"write\"}");
    a->closed = true;
    json_object_foreach(value, id, role)
    {
        const enum pando_status st = take_member(a, id, role, reterr);
        if (st != PANDO_OK)
            return st;
    }
    return PANDO_OK;
}

enum pando_status space_access_parse(struct pando_slice json,
                                     struct space_access *ret_access,
                                     struct pando_err *reterr)
{
    json_t *value = NULL;
    memset(ret_access, 0, sizeof *ret_access);
    if (json_text_parse(json, ACCESS_TEXT_MAX, &value, NULL) != PANDO_OK)
        return pando_err_set(reterr, PANDO_INVALID,
                             "access: it is no JSON, or longer than 64 KiB");
    const enum pando_status st = take_value(ret_access, value, reterr);
    json_decref(value);
    return st;
}

/* The bytes of an id do not sort as its text does. */
static void sort_texts(char (*texts)[PEER_ID_TEXT_MAX], uint16_t *order, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        size_t at = i;
        for (; at > 0 && strcmp(texts[order[at - 1]], texts[i]) > 0; at--)
            order[at] = order[at - 1];
        order[at] = (uint16_t)i;
    }
}

enum pando_status space_access_print(const struct space_access *access,
                                     struct pando_buf *b)
{
    char texts[SPACE_MEMBERS_MAX][PEER_ID_TEXT_MAX];
    uint16_t order[SPACE_MEMBERS_MAX];
    if (access == NULL || !access->closed)
        return buf_append(b, slice_text("\"open\""));
    for (size_t i = 0; i < access->members_len; i++)
        peer_id_print(&access->members[i].id, texts[i]);
    sort_texts(texts, order, access->members_len);
    enum pando_status st = buf_append(b, slice_text("{"));
    for (size_t i = 0; i < access->members_len && st == PANDO_OK; i++)
        st = buf_printf(b, "%s\"%s\":\"%s\"", i == 0 ? "" : ",", texts[order[i]],
                        space_role_name(access->members[order[i]].role));
    return st == PANDO_OK ? buf_append(b, slice_text("}")) : st;
}
