/* report.c - the dag as people see it: JSON, newest first, bounded. */
#include "space/dag/engine.h"

#include "base/slice.h"
#include "codec/cid.h"
#include "codec/json.h"

#define REPORT_MAX        (8u << 20)
#define LS_SCANNED_MAX    2000 /* reads of one call; "next" goes on */
#define HEADS_SHOWN_MAX   1000
#define AUTHORS_SHOWN_MAX 10000

static enum pando_status put_cid(struct pando_buf *b, const char *before,
                                 const struct pando_id *id)
{
    char text[CID_SHA256_TEXT_SIZE];
    cid_text_sha256(CID_DAG_CBOR, id, text);
    return buf_printf(b, "%s\"%s\"", before, text);
}

static void author_text(const struct pando_key *key, char ret[PEER_ID_TEXT_MAX])
{
    const struct peer_id id = peer_id_from_key(key);
    peer_id_print(&id, ret);
}

enum pando_status dag_report_event(struct pando_buf *b, const struct event *ev, bool body)
{
    char author[PEER_ID_TEXT_MAX];
    author_text(&ev->author, author);
    enum pando_status st = put_cid(b, "{\"id\":", &ev->id);
    if (st == PANDO_OK)
        st = buf_printf(b,
                        ",\"kind\":\"%s\",\"author\":\"%s\",\"epoch\":%u,\"seq\":%llu,"
                        "\"time\":%lld,\"parents\":[",
                        event_kind_name(ev->kind), author, ev->epoch,
                        (unsigned long long)ev->seq, (long long)ev->time);
    for (size_t i = 0; i < ev->parents_len && st == PANDO_OK; i++)
        st = put_cid(b, i == 0 ? "" : ",", &ev->parents[i]);
    if (st == PANDO_OK)
        st = buf_printf(b, body ? "],\"body\":" : "],\"size\":%zu}", ev->block.len);
    if (st != PANDO_OK || !body)
        return st;
    st = json_text_from_cbor(ev->body, b);
    if (st == PANDO_UNSUPPORTED)
        st = buf_append(b, slice_text("null"));
    return st == PANDO_OK ? buf_printf(b, ",\"size\":%zu}", ev->block.len) : st;
}

static void answer(struct dag *d, uint64_t token, enum pando_status st,
                   struct pando_buf *b)
{
    if (st == PANDO_OK)
        dag_reply(d, token, PANDO_OK, buf_view(b), false, false);
    else
        dag_reply_error(d, token, st,
                        st == PANDO_FULL ? "the answer is too long: use limit"
                                         : pando_status_text(st));
    buf_deinit(b);
}

static bool matches(const struct event *ev, int kind, const struct pando_key *author)
{
    return (kind < 0 || (int)ev->kind == kind) &&
           (author == NULL || key_equal(author, &ev->author));
}

void dag_report_ls(struct dag *d, uint64_t token, uint32_t limit, uint64_t before,
                   int kind, const struct pando_key *author)
{
    struct pando_buf b;
    const struct index_counts counts = index_counts(d->host.tables);
    uint64_t number = before < counts.events ? before : counts.events;
    uint32_t shown = 0;
    buf_init(&b, REPORT_MAX);
    enum pando_status st = buf_append(&b, slice_text("{\"events\":["));
    for (uint32_t scanned = 0;
         st == PANDO_OK && number > 0 && shown < limit && scanned < LS_SCANNED_MAX;
         scanned++) {
        uint64_t position;
        struct event ev;
        if (!index_find_number(d->host.tables, --number, &position) ||
            !dag_is_durable(d, position))
            continue;
        struct bytes *bytes = dag_read_event(d, position, &ev);
        if (bytes == NULL) {
            st = PANDO_CORRUPT;
            break;
        }
        if (matches(&ev, kind, author)) {
            st = shown++ > 0 ? buf_append(&b, slice_text(",")) : PANDO_OK;
            if (st == PANDO_OK)
                st = dag_report_event(&b, &ev, ev.body.len <= 1024);
        }
        bytes_unref(bytes);
    }
    if (st == PANDO_OK)
        st = buf_printf(&b,
                        number > 0 ? "],\"total\":%llu,\"next\":%llu}"
                                   : "],\"total\":%llu,\"next\":null}",
                        (unsigned long long)counts.events, (unsigned long long)number);
    answer(d, token, st, &b);
}

static void show_at(struct dag *d, uint64_t token, uint64_t position)
{
    struct pando_buf b;
    struct event ev;
    struct index_event known;
    if (!dag_is_durable(d, position)) {
        dag_reply_error(d, token, PANDO_BUSY, "the event is being written: ask again");
        return;
    }
    struct bytes *bytes = dag_read_event(d, position, &ev);
    buf_init(&b, REPORT_MAX);
    enum pando_status st =
        bytes == NULL ? PANDO_CORRUPT : dag_report_event(&b, &ev, true);
    if (st == PANDO_OK && index_find(d->host.tables, &ev.id, &known)) {
        b.len--; /* the closing brace */
        st = buf_printf(&b, ",\"height\":%u,\"position\":%llu}", known.height,
                        (unsigned long long)position);
    }
    bytes_unref(bytes);
    answer(d, token, st, &b);
}

void dag_report_show(struct dag *d, uint64_t token, const struct pando_id *id)
{
    struct index_event known;
    if (index_find(d->host.tables, id, &known))
        show_at(d, token, known.position);
    else
        dag_reply_error(d, token, PANDO_NOT_FOUND, "there is no such event");
}

void dag_report_receipt(struct dag *d, uint64_t token, const struct pando_id *receipt)
{
    struct index_event known;
    uint64_t position;
    if (index_find_receipt(d->host.tables, receipt, &position))
        show_at(d, token, position);
    else if (index_find(d->host.tables, receipt, &known) && known.kind == EVENT_RECEIPT)
        show_at(d, token, known.position); /* the event's id serves as well */
    else
        dag_reply_error(d, token, PANDO_NOT_FOUND, "there is no such receipt");
}

void dag_report_heads(struct dag *d, uint64_t token)
{
    struct pando_buf b;
    struct index_cursor cursor = { .begun = false };
    struct pando_id id;
    uint32_t height, shown = 0;
    buf_init(&b, REPORT_MAX);
    enum pando_status st = buf_append(&b, slice_text("{\"heads\":["));
    while (st == PANDO_OK && shown < HEADS_SHOWN_MAX &&
           index_next_head(d->host.tables, &cursor, &id, &height)) {
        st = put_cid(&b, shown++ == 0 ? "{\"id\":" : ",{\"id\":", &id);
        if (st == PANDO_OK)
            st = buf_printf(&b, ",\"height\":%u}", height);
    }
    if (st == PANDO_OK)
        st = buf_printf(&b, "],\"count\":%llu}",
                        (unsigned long long)index_counts(d->host.tables).heads);
    answer(d, token, st, &b);
}

void dag_report_vector(struct dag *d, uint64_t token)
{
    struct pando_buf b;
    struct index_cursor cursor = { .begun = false };
    struct index_author a;
    uint32_t shown = 0;
    buf_init(&b, REPORT_MAX);
    enum pando_status st = buf_append(&b, slice_text("{\"authors\":["));
    while (st == PANDO_OK && shown < AUTHORS_SHOWN_MAX &&
           index_next_author(d->host.tables, &cursor, &a)) {
        char author[PEER_ID_TEXT_MAX];
        author_text(&a.key, author);
        st = buf_printf(&b, "%s{\"author\":\"%s\",\"epoch\":%u,\"seq\":%llu",
                        shown++ == 0 ? "" : ",", author, a.epoch,
                        (unsigned long long)a.seq);
        if (st == PANDO_OK)
            st = put_cid(&b, ",\"last\":", &a.last);
        if (st == PANDO_OK)
            st = buf_append(&b, slice_text("}"));
    }
    if (st == PANDO_OK)
        st = buf_append(&b, slice_text("]}"));
    answer(d, token, st, &b);
}

void dag_report_stats(struct dag *d, uint64_t token)
{
    struct pando_buf b;
    const struct index_counts c = index_counts(d->host.tables);
    buf_init(&b, REPORT_MAX);
    const enum pando_status st = buf_printf(
        &b,
        "{\"total_events\":%llu,\"head_count\":%llu,\"receipt_count\":%llu,\"node_"
        "count\":%u,"
        "\"earliest\":%lld,\"latest\":%lld,\"equivocations\":%llu,\"orphans\":%zu,"
        "\"pending\":%zu,\"blobs\":%llu,\"blob_bytes\":%llu,\"epoch\":%u,\"seq\":%llu}",
        (unsigned long long)c.events, (unsigned long long)c.heads,
        (unsigned long long)c.receipts, c.nodes, (long long)c.earliest,
        (long long)c.latest, (unsigned long long)c.equivocations, d->orphans.len,
        d->pending.len, (unsigned long long)c.blobs, (unsigned long long)c.blob_bytes,
        d->epoch, (unsigned long long)d->seq);
    answer(d, token, st, &b);
}

void dag_report_nodes(struct dag *d, uint64_t token)
{
    struct pando_buf b;
    size_t cursor = 0, shown = 0;
    const void *key;
    void *value;
    buf_init(&b, REPORT_MAX);
    enum pando_status st = buf_append(&b, slice_text("{\"nodes\":["));
    while (st == PANDO_OK && map_next(&d->beats, &cursor, &key, &value)) {
        char author[PEER_ID_TEXT_MAX];
        const struct dag_beat *beat = value;
        author_text(key, author);
        st = buf_printf(
            &b,
            "%s{\"author\":\"%s\",\"time\":%lld,\"load\":%.3f,\"uptime\":%llu,"
            "\"peers\":%llu,\"age_ms\":%llu}",
            shown++ == 0 ? "" : ",", author, (long long)beat->time, beat->load,
            (unsigned long long)beat->uptime_s, (unsigned long long)beat->peers,
            (unsigned long long)(pando_time_since(d->now, beat->seen).ns / 1000000u));
    }
    if (st == PANDO_OK)
        st = buf_append(&b, slice_text("]}"));
    answer(d, token, st, &b);
}

static enum pando_status put_proof(struct dag *d, struct pando_buf *b,
                                   const struct index_equivocation *e, bool first)
{
    enum pando_status st = PANDO_OK;
    for (size_t i = 0; i < e->positions_len && st == PANDO_OK; i++) {
        struct event ev;
        char author[PEER_ID_TEXT_MAX];
        struct bytes *bytes = dag_read_event(d, e->positions[i], &ev);
        if (bytes == NULL)
            return PANDO_CORRUPT;
        author_text(&ev.author, author);
        if (i == 0)
            st = buf_printf(
                b, "%s{\"author\":\"%s\",\"epoch\":%u,\"seq\":%llu,\"events\":[",
                first ? "" : ",", author, ev.epoch, (unsigned long long)ev.seq);
        if (st == PANDO_OK)
            st = put_cid(b, i == 0 ? "" : ",", &ev.id);
        bytes_unref(bytes);
    }
    return st == PANDO_OK ? buf_append(b, slice_text("]}")) : st;
}

void dag_report_equivocations(struct dag *d, uint64_t token)
{
    struct pando_buf b;
    struct index_cursor cursor = { .begun = false };
    struct index_equivocation e;
    uint32_t shown = 0;
    buf_init(&b, REPORT_MAX);
    enum pando_status st = buf_append(&b, slice_text("{\"equivocations\":["));
    while (st == PANDO_OK && shown < HEADS_SHOWN_MAX &&
           index_next_equivocation(d->host.tables, &cursor, &e))
        st = put_proof(d, &b, &e, shown++ == 0);
    if (st == PANDO_OK)
        st = buf_printf(&b, "],\"count\":%llu}",
                        (unsigned long long)index_counts(d->host.tables).equivocations);
    answer(d, token, st, &b);
}
