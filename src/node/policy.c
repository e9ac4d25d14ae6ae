/* policy.c - a space's immutable config in its one spelling, and the access policy in it.
 *
 * The config is hashed into the space's id, so two nodes that mean the same must write the
 * same: keys sorted, no white space, ids of members as base58, and no "access" at all when
 * the space is open. What else stands in it is the kind's own matter.
 */
#include "node/args.h"
#include "node/state.h"

#include <stdlib.h>

/* The policy of the config's "access"; the canonical form takes its place. */
static enum pando_status settle_access(json_t *config, struct space_access *ret,
                                       struct pando_err *reterr)
{
    const json_t *said = json_object_get(config, "access");
    memset(ret, 0, sizeof *ret);
    if (said == NULL)
        return PANDO_OK;
    char *text = json_dumps(said, JSON_COMPACT | JSON_ENCODE_ANY);
    if (text == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "memory is out");
    enum pando_status st = space_access_parse(slice_text(text), ret, reterr);
    free(text);
    if (st != PANDO_OK)
        return st;
    if (!ret->closed) {
        (void)json_object_del(config, "access");
        return PANDO_OK;
    }
    struct pando_buf b;
    buf_init(&b, 64u << 10);
    st = space_access_print(ret, &b);
    json_t *canonical = st == PANDO_OK ? args_parse(buf_view(&b), NULL) : NULL;
    buf_deinit(&b);
    if (canonical == NULL || json_object_set_new(config, "access", canonical) != 0)
        return pando_err_set(reterr, PANDO_NOMEM, "memory is out");
    return PANDO_OK;
}

enum pando_status policy_read(const char *config_json, struct space_access *ret_access,
                              char **ret_text, struct pando_err *reterr)
{
    json_t *config =
        args_parse(slice_text(config_json == NULL ? "{}" : config_json), NULL);
    if (config == NULL)
        return pando_err_set(reterr, PANDO_INVALID, "a space's config is a JSON object");
    const enum pando_status st = settle_access(config, ret_access, reterr);
    char *text =
        st == PANDO_OK ? json_dumps(config, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(config);
    if (st != PANDO_OK)
        return st;
    if (text == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "memory is out");
    *ret_text = text;
    return PANDO_OK;
}

bool policy_admits(const struct node_space *s, const struct peer_id *who,
                   enum space_action action)
{
    return space_admits(&s->access, who, action);
}

enum pando_status policy_print(const struct node *n, const struct node_space *s,
                               struct pando_buf *b)
{
    enum pando_status st = buf_printf(
        b, ",\"role\":\"%s\",\"access\":", space_role_name(space_role_of(&s->access, &n->id)));
    return st == PANDO_OK ? space_access_print(&s->access, b) : st;
}

/* Topics of spaces are for those who may read; others belong to nobody. */
bool policy_may_join(void *ctx, struct pando_slice topic, const struct peer_id *peer)
{
    const struct node_space *s = space_by_topic(ctx, topic);
    return s == NULL || policy_admits(s, peer, SPACE_MAY_READ);
}
