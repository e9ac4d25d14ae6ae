#include "space/delta/fed_state.h"

#include "base/slice.h"
#include "codec/json.h"
#include "space/delta/fed_config.h"

#include <inttypes.h>
#include <string.h>

static const char *const statuses[] = { "disconnected", "connecting", "connected",
                                        "syncing", "paused", "error" };

/* A member with a text, or null. */
static enum pando_status put_text(struct pando_buf *b, const char *member,
                                  struct pando_slice text)
{
    const enum pando_status st = buf_printf(b, ",\"%s\":", member);
    if (st != PANDO_OK)
        return st;
    return text.len > 0 ? json_text_escape(b, text) : buf_append(b, slice_text("null"));
}

static enum pando_status put_time(struct pando_buf *b, const char *member, int64_t ms)
{
    return ms > 0 ? buf_printf(b, ",\"%s\":%" PRId64, member, ms)
                  : buf_printf(b, ",\"%s\":null", member);
}

static enum pando_status put_stats(const struct fed_stats *s, struct pando_buf *b)
{
    enum pando_status st = buf_printf(
        b,
        ",\"stats\":{\"deltasSent\":%" PRIu64 ",\"deltasReceived\":%" PRIu64
        ",\"deltasRejected\":%" PRIu64 ",\"deltasRefused\":%" PRIu64 ",\"deltasAcked\":%" PRIu64
        ",\"bytesSent\":%" PRIu64 ",\"bytesReceived\":%" PRIu64,
        s->sent, s->received, s->rejected, s->refused, s->acked, s->bytes_sent,
        s->bytes_received);
    if (st == PANDO_OK)
        st = put_time(b, "lastSyncTimestamp", s->last_sync);
    if (st == PANDO_OK)
        st = put_time(b, "connectedAt", s->connected_at);
    return st == PANDO_OK ? buf_append(b, slice_text("}")) : st;
}

static const char *const keepers[] = { "no", "node", "config", "no" };

static const char *paused_by(const struct fed_link *l)
{
    return l->paused_here && l->paused_there ? "both"
           : l->paused_here                  ? "here"
           : l->paused_there                 ? "peer"
                                             : "nobody";
}

static enum pando_status put_link(const struct fed_link *l, struct pando_buf *b)
{
    enum pando_status st = buf_printf(
        b, "{\"id\":\"%s\",\"direction\":\"%s\",\"status\":\"%s\",\"pausedBy\":\"%s\","
           "\"kept\":\"%s\"",
        l->id, l->inbound ? "inbound" : "outbound", statuses[fed_link_status(l)], paused_by(l),
        keepers[l->keeper]);
    if (st == PANDO_OK)
        st = put_text(b, "remoteSystemId", buf_view(&l->remote_system));
    if (st == PANDO_OK)
        st = put_text(b, "remoteUrl", buf_view(&l->url));
    if (st == PANDO_OK)
        st = put_text(b, "lastError", buf_view(&l->last_error));
    if (st == PANDO_OK)
        st = buf_append(b, slice_text(",\"config\":"));
    if (st == PANDO_OK)
        st = l->inbound ? fed_config_for_peer(&l->config, b) : fed_config_to_json(&l->config, b);
    if (st == PANDO_OK)
        st = fed_limits_print(l, b);
    if (st == PANDO_OK)
        st = put_stats(&l->stats, b);
    return st == PANDO_OK ? buf_append(b, slice_text("}")) : st;
}

enum pando_status fed_links(const struct fed *f, struct pando_buf *text)
{
    const size_t before = text->len;
    const char *between = "[";
    enum pando_status st = PANDO_OK;
    for (uint32_t i = 0; st == PANDO_OK && i < f->links_len; i++) {
        if (f->links[i] == NULL || f->links[i]->dying)
            continue;
        st = buf_append(text, slice_text(between));
        if (st == PANDO_OK)
            st = put_link(f->links[i], text);
        between = ",";
    }
    if (st == PANDO_OK)
        st = buf_append(text, slice_text(between[0] == '[' ? "[]" : "]"));
    if (st != PANDO_OK)
        text->len = before;
    return st;
}

enum pando_status fed_link(const struct fed *f, struct pando_slice id, struct pando_buf *text)
{
    const struct fed_link *l = fed_link_named(f, id);
    const size_t before = text->len;
    if (l == NULL)
        return PANDO_NOT_FOUND;
    const enum pando_status st = put_link(l, text);
    if (st != PANDO_OK)
        text->len = before;
    return st;
}

enum pando_status fed_present(const struct fed *f, struct pando_slice id, struct pando_buf *text)
{
    const struct fed_link *l = fed_link_named(f, id);
    if (l == NULL)
        return PANDO_NOT_FOUND;
    return l->inbound ? fed_limits_to_json(l, text) : fed_config_to_json(&l->config, text);
}

void fed_set_keeper(struct fed *f, struct pando_slice id, enum fed_keeper keeper)
{
    struct fed_link *l = fed_link_named(f, id);
    if (l != NULL)
        l->keeper = keeper;
}

static void show(const struct fed_link *l, struct fed_face *ret)
{
    memcpy(ret->id, l->id, sizeof ret->id);
    ret->inbound = l->inbound;
    ret->keeper = l->keeper;
    ret->url = buf_view(&l->url);
}

enum pando_status fed_face(const struct fed *f, struct pando_slice id, struct fed_face *ret)
{
    const struct fed_link *l = fed_link_named(f, id);
    if (l == NULL)
        return PANDO_NOT_FOUND;
    show(l, ret);
    return PANDO_OK;
}

enum pando_status fed_find_kept(const struct fed *f, struct pando_slice url, struct fed_face *ret)
{
    for (uint32_t i = 0; i < f->links_len; i++) {
        const struct fed_link *l = f->links[i];
        if (l == NULL || l->dying || !slice_equal(buf_view(&l->url), url) ||
            (l->keeper != FED_KEPT_BY_NODE && l->keeper != FED_KEPT_LOST))
            continue;
        show(l, ret);
        return PANDO_OK;
    }
    return PANDO_NOT_FOUND;
}

void fed_totals_add(struct fed_totals *t, const struct fed_link *l)
{
    t->sent += l->stats.sent;
    t->received += l->stats.received;
    t->rejected += l->stats.rejected;
    t->refused += l->stats.refused;
    t->acked += l->stats.acked;
    t->bytes_sent += l->stats.bytes_sent;
    t->bytes_received += l->stats.bytes_received;
}

void fed_totals(const struct fed *f, struct fed_totals *ret)
{
    *ret = f->gone;
    for (uint32_t i = 0; i < f->links_len; i++) {
        if (f->links[i] == NULL)
            continue;
        fed_totals_add(ret, f->links[i]);
        ret->links += !f->links[i]->dying;
        ret->pipes += f->links[i]->piped;
    }
}
