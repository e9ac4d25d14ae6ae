/* fed_limits.c - what this instance allows on a link that another one dialled.
 *
 * Who dialled says in its hello what it wants. What is allowed narrows that, in the same terms:
 * modes and filters as the one who dialled sees them. It holds as long as the link, which a
 * reconnect of the other side ends, and through every hello on it.
 */
#include "space/delta/fed_state.h"

#include "space/delta/fed_config.h"
#include "space/delta/fed_trust.h"

void fed_limits_init(struct fed_limits *m)
{
    *m = (struct fed_limits){ .set = false };
    filter_init(&m->push);
    filter_init(&m->pull);
}

void fed_limits_deinit(struct fed_limits *m)
{
    filter_deinit(&m->push);
    filter_deinit(&m->pull);
    fed_limits_init(m);
}

bool fed_limits_let_go(const struct fed_link *l, const struct delta *d)
{
    const struct fed_limits *m = &l->limits;
    return !m->set || (m->mode != FED_PUSH && filter_passes(&m->pull, d));
}

const char *fed_limits_bar(const struct fed_link *l, const struct delta *d)
{
    const struct fed_limits *m = &l->limits;
    if (!m->set)
        return NULL;
    if (m->mode == FED_PULL)
        return "this instance takes nothing on this link";
    return filter_passes(&m->push, d) ? NULL : "the filter of this instance does not let it pass";
}

static void swap_filters(struct filter *a, struct filter *b)
{
    const struct filter kept = *a;
    *a = *b;
    *b = kept;
}

/* What was held back since limits came is looked at again, and may go now. */
static void look_again(struct fed_link *l)
{
    fed_window_reset(l);
    if (l->limits.since < l->cursor)
        l->cursor = l->limits.since;
    l->lagging = true;
}

void fed_limits_change(struct fed *f, struct fed_link *l, struct fed_link_config *config)
{
    struct fed_limits *m = &l->limits;
    const struct fed_trust trust = l->config.trust;
    if (!m->set)
        m->since = l->serve.active ? 0 : l->greeted ? l->cursor : f->host.newest(f->host.ctx);
    else if ((m->mode == FED_PUSH) != (config->mode == FED_PUSH) ||
             fed_filters_differ(&m->pull, &config->pull))
        look_again(l); /* the rest says nothing of what goes */
    m->set = true;
    m->mode = config->mode;
    swap_filters(&m->push, &config->push);
    swap_filters(&m->pull, &config->pull);
    l->config.trust = config->trust; /* a peer's hello never has one */
    config->trust = trust;
    fed_touch(f, l);
}

static enum pando_status put_filter(const char *member, const struct filter *filter,
                                    struct pando_buf *b)
{
    const enum pando_status st = buf_printf(b, ",\"%s\":", member);
    return st == PANDO_OK ? filter_to_json(filter, b) : st;
}

enum pando_status fed_limits_to_json(const struct fed_link *l, struct pando_buf *b)
{
    const struct fed_limits *m = &l->limits;
    if (!m->set)
        return buf_printf(b, "{}");
    enum pando_status st = buf_printf(b, "{\"mode\":\"%s\"", fed_mode_name(m->mode));
    if (st == PANDO_OK)
        st = put_filter("pushFilter", &m->push, b);
    if (st == PANDO_OK)
        st = put_filter("pullFilter", &m->pull, b);
    if (st == PANDO_OK)
        st = buf_printf(b, ",\"trustPolicy\":");
    if (st == PANDO_OK)
        st = fed_trust_to_json(&l->config.trust, b);
    return st == PANDO_OK ? buf_printf(b, "}") : st;
}

enum pando_status fed_limits_print(const struct fed_link *l, struct pando_buf *b)
{
    if (!l->limits.set)
        return PANDO_OK;
    const enum pando_status st = buf_printf(b, ",\"limits\":");
    return st == PANDO_OK ? fed_limits_to_json(l, b) : st;
}
