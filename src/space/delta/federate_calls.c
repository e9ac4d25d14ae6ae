/* federate_calls.c - the verbs about links: made, listed, steered, and kept for the next start. */
#include "space/delta/engine.h"

#include "base/slice.h"
#include "codec/json.h"

#include <stdio.h>
#include <string.h>

#define ANSWER_MAX (16u << 20)
#define ID_ANSWER  64

static void failed(struct deltas *d, uint64_t token, enum pando_status st,
                   const struct pando_err *err)
{
    deltas_fail(d, token, st, "%s", err->text[0] != '\0' ? err->text : pando_status_text(st));
}

/* What is said of a link, beside which one it is. */
static enum pando_status config_arg(const json_t *args, struct fed_link_config *ret,
                                    struct pando_err *reterr)
{
    json_t *own = json_copy((json_t *)args);
    (void)json_object_del(own, "url");
    (void)json_object_del(own, "id");
    if (json_object_get(args, "url") != NULL)
        (void)json_object_del(own, "keep");
    (void)json_object_del(own, "space");
    const enum pando_status st = fed_config_from_json(own, ret, reterr);
    json_decref(own);
    return st;
}

/* A link as it is, with what a call names in the place of the old; null: as by default. */
static enum pando_status change_arg(const struct deltas *d, struct pando_slice id,
                                    const json_t *args, struct fed_link_config *ret,
                                    struct pando_err *reterr)
{
    struct pando_buf text;
    json_t *whole = NULL;
    buf_init(&text, ANSWER_MAX);
    enum pando_status st = fed_present(d->fed, id, &text);
    if (st == PANDO_OK)
        st = json_text_parse(buf_view(&text), ANSWER_MAX, &whole, reterr);
    else if (st == PANDO_NOT_FOUND) /* which is said when the arguments are right */
        st = (whole = json_object()) != NULL ? PANDO_OK : PANDO_NOMEM;
    buf_deinit(&text);
    if (st == PANDO_OK && json_object_update(whole, (json_t *)args) != 0)
        st = PANDO_NOMEM;
    if (st == PANDO_OK)
        st = config_arg(whole, ret, reterr);
    json_decref(whole);
    return st;
}

/* Whether a call that links asks to have the link again at the next start. */
static enum pando_status keep_arg(const struct deltas *d, const json_t *args, bool *ret,
                                  struct pando_err *reterr)
{
    const json_t *keep = json_object_get(args, "keep");
    if (keep != NULL && !json_is_boolean(keep))
        return pando_err_set(reterr, PANDO_INVALID, "\"keep\" must be true or false");
    *ret = !json_is_false(keep) && !d->host.memory;
    return PANDO_OK;
}

static void answer_id(char id[static FED_ID_TEXT], char ret[static ID_ANSWER])
{
    (void)snprintf(ret, ID_ANSWER, "{\"id\":\"%s\"}", id);
}

/* Whether a change of a link may be kept; else the call was answered. Where the store has failed
 * it is made nevertheless, and deltas_keep says how long it holds: a link can be cut always. */
static bool may_keep(struct deltas *d, uint64_t token, struct pando_slice url, size_t len)
{
    return d->store_failed || deltas_may_keep(d, token, DELTA_KEPT_LINK, url, len);
}

static bool is_kept(const struct fed_face *link)
{
    return link->keeper == FED_KEPT_BY_NODE || link->keeper == FED_KEPT_LOST;
}

/* A link that is there again at the next start takes the place of an earlier one like it. */
static void connect_kept(struct deltas *d, uint64_t token, struct pando_slice url,
                         struct fed_link_config *config)
{
    struct pando_err err = { .text = "" };
    struct fed_face old;
    struct pando_buf text;
    char id[FED_ID_TEXT], old_id[FED_ID_TEXT], answer[ID_ANSWER];
    if (deltas_federate_is_configured(d, url)) {
        deltas_fail(d, token, PANDO_EXISTS,
                    "config.yml has a link with this URL: change it there, or link without "
                    "keeping it: \"keep\": false");
        return;
    }
    const bool again = fed_find_kept(d->fed, url, &old) == PANDO_OK;
    if (again)
        memcpy(old_id, old.id, sizeof old_id);
    buf_init(&text, ANSWER_MAX);
    enum pando_status st = fed_config_to_json(config, &text);
    if (st == PANDO_OK && !deltas_may_keep(d, token, DELTA_KEPT_LINK, url, text.len)) {
        buf_deinit(&text);
        return;
    }
    if (st == PANDO_OK)
        st = fed_connect(d->fed, d->now, url, config, id, &err);
    if (st == PANDO_OK) {
        if (again)
            (void)!fed_disconnect(d->fed, d->now, slice_text(old_id));
        fed_set_keeper(d->fed, slice_text(id), FED_KEPT_BY_NODE);
        answer_id(id, answer);
        deltas_keep(d, token, DELTA_KEPT_LINK, url, buf_view(&text), slice_text(answer));
    } else {
        failed(d, token, st, &err);
    }
    buf_deinit(&text);
}

static void connect_once(struct deltas *d, uint64_t token, struct pando_slice url,
                         struct fed_link_config *config)
{
    struct pando_err err = { .text = "" };
    char id[FED_ID_TEXT], answer[ID_ANSWER];
    const enum pando_status st = fed_connect(d->fed, d->now, url, config, id, &err);
    if (st != PANDO_OK) {
        failed(d, token, st, &err);
        return;
    }
    answer_id(id, answer);
    deltas_reply(d, token, slice_text(answer), false);
}

static void connect_to(struct deltas *d, uint64_t token, const json_t *args)
{
    struct pando_err err = { .text = "" };
    struct fed_link_config config;
    bool keep = true;
    const struct pando_slice url = deltas_text_arg(args, "url");
    if (url.len == 0) {
        deltas_fail(d, token, PANDO_INVALID, "\"url\" is missing: ws://HOST:PORT/federation");
        return;
    }
    enum pando_status st = fed_url_check(url, &err);
    if (st == PANDO_OK)
        st = keep_arg(d, args, &keep, &err);
    if (st == PANDO_OK)
        st = config_arg(args, &config, &err);
    if (st != PANDO_OK) {
        failed(d, token, st, &err);
        return;
    }
    (keep ? connect_kept : connect_once)(d, token, url, &config);
    fed_config_deinit(&config);
}

static void list_links(struct deltas *d, uint64_t token, const json_t *args)
{
    struct pando_buf b;
    (void)args;
    buf_init(&b, ANSWER_MAX);
    enum pando_status st = buf_append(&b, slice_text("{\"links\":"));
    if (st == PANDO_OK)
        st = fed_links(d->fed, &b);
    if (st == PANDO_OK)
        st = buf_append(&b, slice_text("}"));
    if (st == PANDO_OK)
        deltas_reply(d, token, buf_view(&b), false);
    else
        deltas_fail(d, token, st, "the list of links does not fit");
    buf_deinit(&b);
}

static void no_link(struct deltas *d, uint64_t token, enum pando_status st,
                    struct pando_slice id)
{
    if (id.len == 0)
        deltas_fail(d, token, PANDO_INVALID, "\"id\" is missing: which link?");
    else if (st == PANDO_NOT_FOUND)
        deltas_fail(d, token, st, "there is no single link '%.*s'; `pando link ls` lists them",
                    (int)(id.len < 64 ? id.len : 64), (const char *)id.ptr);
    else
        deltas_fail(d, token, st, "%s", pando_status_text(st));
}

static void show_link(struct deltas *d, uint64_t token, const json_t *args)
{
    struct pando_buf b;
    const struct pando_slice id = deltas_text_arg(args, "id");
    buf_init(&b, ANSWER_MAX);
    const enum pando_status st = id.len == 0 ? PANDO_INVALID : fed_link(d->fed, id, &b);
    if (st == PANDO_OK)
        deltas_reply(d, token, buf_view(&b), false);
    else
        no_link(d, token, st, id);
    buf_deinit(&b);
}

/* Another configuration of a kept link is kept likewise. */
static void configure_kept(struct deltas *d, uint64_t token, const struct fed_face *link,
                           struct fed_link_config *config)
{
    struct pando_buf text;
    buf_init(&text, ANSWER_MAX);
    enum pando_status st = fed_config_to_json(config, &text);
    if (st == PANDO_OK && !may_keep(d, token, link->url, text.len)) {
        buf_deinit(&text);
        return;
    }
    if (st == PANDO_OK)
        st = fed_configure(d->fed, d->now, slice_text(link->id), config);
    if (st == PANDO_OK) {
        fed_set_keeper(d->fed, slice_text(link->id), FED_KEPT_BY_NODE);
        deltas_keep(d, token, DELTA_KEPT_LINK, link->url, buf_view(&text), slice_text("{}"));
    } else {
        deltas_fail(d, token, st, "%s", pando_status_text(st));
    }
    buf_deinit(&text);
}

/* Some things only who dialled can decide. */
static enum pando_status check_inbound(const json_t *args, struct pando_err *reterr)
{
    static const char *const theirs[] = { "initialSync", "syncFromTimestamp", "reconnect" };
    for (size_t i = 0; i < sizeof theirs / sizeof theirs[0]; i++)
        if (json_object_get(args, theirs[i]) != NULL)
            return pando_err_set(reterr, PANDO_UNSUPPORTED,
                                 "%s: who dialled this link decides that: change it there; here "
                                 "mode, pushFilter, pullFilter and trustPolicy narrow what it "
                                 "asked for",
                                 theirs[i]);
    return PANDO_OK;
}

static void configure_link(struct deltas *d, uint64_t token, const json_t *args)
{
    struct pando_err err = { .text = "" };
    struct fed_link_config config;
    struct fed_face link;
    const struct pando_slice id = deltas_text_arg(args, "id");
    enum pando_status st =
        id.len == 0 ? PANDO_INVALID : change_arg(d, id, args, &config, &err);
    if (st != PANDO_OK) {
        if (id.len == 0)
            no_link(d, token, st, id);
        else
            failed(d, token, st, &err);
        return;
    }
    st = fed_face(d->fed, id, &link);
    if (st == PANDO_OK && link.inbound)
        st = check_inbound(args, &err);
    if (st == PANDO_OK && is_kept(&link)) {
        configure_kept(d, token, &link, &config);
        fed_config_deinit(&config);
        return;
    }
    if (st == PANDO_OK)
        st = fed_configure(d->fed, d->now, id, &config);
    fed_config_deinit(&config);
    if (st == PANDO_OK)
        deltas_reply(d, token, slice_text("{}"), false);
    else if (err.text[0] != '\0')
        failed(d, token, st, &err);
    else
        no_link(d, token, st, id);
}

static void change_link(struct deltas *d, uint64_t token, const json_t *args,
                        enum pando_status (*change)(struct fed *f, struct pando_time now,
                                                    struct pando_slice id))
{
    const struct pando_slice id = deltas_text_arg(args, "id");
    const enum pando_status st = id.len == 0 ? PANDO_INVALID : change(d->fed, d->now, id);
    if (st == PANDO_OK)
        deltas_reply(d, token, slice_text("{}"), false);
    else
        no_link(d, token, st, id);
}

static void pause_link(struct deltas *d, uint64_t token, const json_t *args)
{
    change_link(d, token, args, fed_pause);
}

static void resume_link(struct deltas *d, uint64_t token, const json_t *args)
{
    change_link(d, token, args, fed_resume);
}

/* One that was kept does not come back at the next start. */
static void disconnect_link(struct deltas *d, uint64_t token, const json_t *args)
{
    const struct pando_slice id = deltas_text_arg(args, "id");
    struct fed_face link;
    uint8_t url[FED_URL_MAX];
    if (id.len == 0 || fed_face(d->fed, id, &link) != PANDO_OK || !is_kept(&link)) {
        change_link(d, token, args, fed_disconnect);
        return;
    }
    const size_t len = link.url.len;
    if (!may_keep(d, token, link.url, 0))
        return;
    memcpy(url, link.url.ptr, len);
    const enum pando_status st = fed_disconnect(d->fed, d->now, slice_text(link.id));
    if (st == PANDO_OK)
        deltas_keep(d, token, DELTA_KEPT_LINK, slice_of(url, len), SLICE_EMPTY, slice_text("{}"));
    else
        no_link(d, token, st, id);
}

static void watch_events(struct deltas *d, uint64_t token, const json_t *args)
{
    deltas_watch_events(d, token, args);
}

bool deltas_federate_call(struct deltas *d, uint64_t token, const char *verb, const json_t *args)
{
    static const struct {
        const char *name;
        void (*run)(struct deltas *d, uint64_t token, const json_t *args);
    } verbs[] = {
        { "fed.connect", connect_to },         { "fed.links", list_links },
        { "fed.link", show_link },             { "fed.pause", pause_link },
        { "fed.resume", resume_link },         { "fed.watch", watch_events },
        { "fed.disconnect", disconnect_link }, { "fed.configure", configure_link },
    };
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verbs[i].name, verb) != 0)
            continue;
        verbs[i].run(d, token, args);
        deltas_federate_drain(d);
        return true;
    }
    return false;
}
