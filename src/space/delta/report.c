/* report.c - one delta with its state, and the numbers of a space. */
#include "space/delta/engine.h"

#include "base/slice.h"
#include "codec/json.h"
#include "space/delta/negate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The id of the negation with that name; PANDO_NOT_FOUND when it is none of the first ones. */
static enum pando_status put_negation(struct deltas *d, struct pando_slice id,
                                      const struct negate_state *state, struct pando_buf *b)
{
    struct pando_slice target = id;
    const struct filter f = { .target_ids = { &target, 1 },
                              .start = state->negated_at,
                              .end = state->negated_at };
    struct delta_place place = { .set = false };
    struct delta delta;
    enum pando_status st = PANDO_OK;
    for (size_t i = 0; i < DELTAS_STEP && (st == PANDO_OK || st == PANDO_BUSY); i++) {
        st = source_next(&d->source, &f, false, &place, &delta);
        if (st != PANDO_OK || memcmp(&delta.name, &state->by, sizeof state->by) != 0)
            continue;
        st = buf_printf(b, ",\"negatedBy\":");
        return st == PANDO_OK ? json_text_escape(b, delta.id) : st;
    }
    return PANDO_NOT_FOUND;
}

static enum pando_status print_delta(struct deltas *d, struct pando_slice id, struct pando_buf *b)
{
    struct delta delta;
    struct negate_state state;
    enum pando_status st = source_get(&d->source, id, &delta);
    if (st != PANDO_OK)
        return st;
    st = buf_append(b, slice_text("{\"delta\":"));
    if (st == PANDO_OK)
        st = delta_to_json(&delta, b);
    if (st == PANDO_OK)
        st = negate_state_of(&d->source, id, NEGATE_NOW, &state);
    if (st == PANDO_OK)
        st = buf_printf(b, ",\"negated\":%s,\"wasNegated\":%s", state.negated ? "true" : "false",
                        state.was_negated ? "true" : "false");
    if (st == PANDO_OK && state.negated)
        st = buf_printf(b, ",\"negatedAt\":%" PRId64, state.negated_at);
    if (st == PANDO_OK && state.negated) {
        st = put_negation(d, id, &state, b);
        st = st == PANDO_NOT_FOUND ? PANDO_OK : st;
    }
    return st == PANDO_OK ? buf_append(b, slice_text("}")) : st;
}

void deltas_get(struct deltas *d, uint64_t token, const json_t *args)
{
    struct pando_buf b;
    const struct pando_slice id = deltas_text_arg(args, "id");
    if (id.len == 0) {
        deltas_fail(d, token, PANDO_INVALID, "\"id\" is missing: which delta?");
        return;
    }
    buf_init(&b, 2u << 20);
    const enum pando_status st = print_delta(d, id, &b);
    if (st == PANDO_OK)
        deltas_reply(d, token, buf_view(&b), false);
    else if (st == PANDO_NOT_FOUND)
        deltas_fail(d, token, st, "there is no delta '%.*s' here",
                    (int)(id.len < 100 ? id.len : 100), (const char *)id.ptr);
    else
        deltas_fail(d, token, st, "the delta cannot be read: %s", pando_status_text(st));
    buf_deinit(&b);
}

static enum pando_status print_stats(struct deltas *d, struct pando_buf *b)
{
    struct delta_store_stats s;
    struct views_stats v;
    const uint64_t asked = (views_stats(d->views, &v), v.hits + v.misses);
    delta_store_stats(d->store, &s);
    enum pando_status st = buf_printf(b, "{\"systemId\":");
    if (st == PANDO_OK)
        st = json_text_escape(b, slice_text(d->options.system_id));
    if (st == PANDO_OK)
        st = buf_printf(b,
                        ",\"totalDeltas\":%" PRIu64 ",\"archived\":%" PRIu64
                        ",\"conflicts\":%" PRIu64 ",\"latestTimestamp\":%" PRId64
                        ",\"activeSubscriptions\":%zu,\"storageType\":\"%s\","
                        "\"journalBytes\":%" PRIu64 ",\"onTheirWay\":%" PRIu64,
                        s.deltas, s.archived, s.conflicts, s.latest, d->watchers_len,
                        d->host.memory ? "memory" : "journal",
                        s.journal_bytes, delta_store_on_way_count(d->store));
    if (st == PANDO_OK)
        st = buf_printf(b,
                        ",\"materializedHyperViews\":%" PRIu64 ",\"schemas\":%" PRIu64
                        ",\"cacheStats\":{\"hits\":%" PRIu64 ",\"misses\":%" PRIu64
                        ",\"evictions\":%" PRIu64 ",\"stale\":%" PRIu64 ",\"bytes\":%" PRIu64
                        ",\"hitRate\":%.4f}",
                        v.materialised, v.schemas, v.hits, v.misses, v.evictions, v.stale,
                        v.cached_bytes, asked == 0 ? 0.0 : (double)v.hits / (double)asked);
    if (st == PANDO_OK)
        st = buf_printf(b,
                        ",\"indexStats\":{\"ids\":%" PRIu64 ",\"timestamps\":%" PRIu64
                        ",\"targets\":%" PRIu64 ",\"contexts\":%" PRIu64 ",\"authors\":%" PRIu64
                        ",\"systems\":%" PRIu64 "}}",
                        s.by_id, s.by_time, s.by_target, s.by_context, s.by_author, s.by_system);
    return st;
}

void deltas_stats(struct deltas *d, uint64_t token)
{
    struct pando_buf b;
    buf_init(&b, 1u << 16);
    const enum pando_status st = print_stats(d, &b);
    if (st == PANDO_OK)
        deltas_reply(d, token, buf_view(&b), false);
    else
        deltas_fail(d, token, st, "the report does not fit");
    buf_deinit(&b);
}

size_t deltas_status(const void *instance, char *ret_text, size_t cap)
{
    const struct deltas *d = instance;
    struct delta_store_stats s;
    delta_store_stats(d->store, &s);
    const int len = snprintf(ret_text, cap,
                             "\"deltas\":%" PRIu64 ",\"delta_conflicts\":%" PRIu64
                             ",\"delta_watchers\":%zu,\"delta_storage\":\"%s\"",
                             s.deltas, s.conflicts, d->watchers_len,
                             d->host.memory ? "memory" : "durable");
    return len > 0 && (size_t)len < cap ? (size_t)len : 0;
}

size_t deltas_metrics(const void *instance, struct space_metric *ret, size_t cap)
{
    const struct deltas *d = instance;
    struct delta_store_stats s;
    struct views_stats v;
    struct swap_totals t;
    struct fed_totals f;
    delta_store_stats(d->store, &s);
    views_stats(d->views, &v);
    swap_totals(d->swap, &t);
    fed_totals(d->fed, &f);
    const struct space_metric rows[] = {
        { "deltas", "deltas held, negated ones included", false, (double)s.deltas },
        { "archived", "deltas that were archived", false, (double)s.archived },
        { "journal_bytes", "bytes of the journal", false, (double)s.journal_bytes },
        { "new_total", "deltas that were new here", true, (double)d->totals.fresh },
        { "known_total", "deltas that came again", true, (double)d->totals.known },
        { "shadowed_total", "deltas whose id another one has", true, (double)d->totals.shadowed },
        { "refused_total", "imported lines that are no deltas", true, (double)d->totals.refused },
        { "handed_on_total", "durable deltas told to watchers and links", true,
          (double)d->totals.handed_on },
        { "on_the_way", "deltas staged and not handed on yet", false,
          (double)delta_store_on_way_count(d->store) },
        { "calls_total", "calls", true, (double)d->totals.calls },
        { "watchers", "streams of deltas or events", false, (double)d->watchers_len },
        { "nodes_received_total", "deltas that other nodes sent", true, (double)t.received },
        { "nodes_known_total", "of them: known already", true, (double)t.known },
        { "nodes_refused_total", "of them: refused by policy or capsule", true, (double)t.refused },
        { "nodes_judged_total", "deltas of nodes about which a capsule was asked", true,
          (double)t.judged },
        { "nodes_sent_total", "deltas sent to other nodes", true, (double)t.sent },
        { "nodes_forged_total", "groups whose signature is wrong", true, (double)t.forged },
        { "nodes_malformed_total", "messages of nodes that break a rule", true,
          (double)t.malformed },
        { "nodes_unadmitted_total", "messages of nodes whose role does not allow them", true,
          (double)t.unadmitted },
        { "nodes_comparisons_total", "comparisons of what two nodes hold", true,
          (double)t.comparisons },
        { "nodes_prunes_total", "peers told to pass nothing on", true, (double)t.prunes },
        { "nodes_grafts_total", "peers asked to pass on again", true, (double)t.grafts },
        { "nodes_bytes_sent_total", "bytes sent to nodes", true, (double)t.bytes_sent },
        { "nodes_bytes_received_total", "bytes of nodes", true, (double)t.bytes_received },
        { "fed_links", "federation links", false, (double)f.links },
        { "fed_pipes", "of them: with an open connection", false, (double)f.pipes },
        { "fed_sent_total", "deltas sent over federation", true, (double)f.sent },
        { "fed_received_total", "deltas of federation that were new", true, (double)f.received },
        { "fed_rejected_total", "deltas of federation that were refused here", true,
          (double)f.rejected },
        { "fed_refused_total", "deltas that federation peers refused", true, (double)f.refused },
        { "fed_acked_total", "deltas that federation peers acknowledged", true,
          (double)f.acked },
        { "fed_bytes_sent_total", "bytes sent over federation", true, (double)f.bytes_sent },
        { "fed_bytes_received_total", "bytes of federation", true, (double)f.bytes_received },
        { "view_hits_total", "views answered from the cache", true, (double)v.hits },
        { "view_misses_total", "views that were built", true, (double)v.misses },
    };
    const size_t len = sizeof rows / sizeof rows[0];
    size_t n = 0;
    for (; n < len && n < cap; n++)
        ret[n] = rows[n];
    return n;
}
