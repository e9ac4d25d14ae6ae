/* serve.c - the other side of pull.c: streams and single events for those who lack them.
 *
 * The journal is read in order from the first position of anything that the vector lacks;
 * what the vector covers is skipped. Only durable records leave. Work is cut into pieces,
 * a few batches a step, and stops when the peer's credit is used up.
 */
#include "space/dag/engine.h"

#include "base/slice.h"

#include <stdlib.h>
#include <string.h>

#define BATCHES_PER_STEP 2
#define SCANNED_PER_STEP 8192 /* records */
#define BLOCKS_MAX       4096 /* of one message */

struct have_key {
    struct pando_key author;
    uint8_t epoch[4];
};

static struct have_key have_key(const struct pando_key *author, uint32_t epoch)
{
    struct have_key k = { .author = *author };
    for (size_t i = 0; i < 4; i++)
        k.epoch[i] = (uint8_t)(epoch >> (24 - 8 * i));
    return k;
}

static uint64_t has(const struct dag_serve *s, const struct pando_key *author,
                    uint32_t epoch)
{
    const struct have_key k = have_key(author, epoch);
    const uint64_t *seq = map_find(&s->have, &k);
    return seq == NULL ? 0 : *seq;
}

void dag_serve_stop(struct dag_peer *p)
{
    if (p->serve == NULL)
        return;
    if (p->serve->ready)
        journal_scan_end(&p->serve->walk);
    map_deinit(&p->serve->have);
    free(p->serve);
    p->serve = NULL;
}

static size_t serving(const struct dag *d)
{
    size_t n = 0;
    for (size_t i = 0; i < d->peers_len; i++)
        n += d->peers[i].serve != NULL;
    return n;
}

/* The lowest position of what is missing. With forks a number may have several. */
static uint64_t start_of(struct dag *d, const struct dag_serve *s)
{
    struct index_cursor cursor = { .begun = false };
    struct index_author a;
    uint64_t start = d->durable, positions[INDEX_FORKS_MAX];
    while (index_next_author(d->host.tables, &cursor, &a)) {
        const uint64_t seq = has(s, &a.key, a.epoch);
        if (seq >= a.seq)
            continue;
        const size_t len = index_find_seq(d->host.tables, a.author, seq + 1, positions);
        for (size_t i = 0; i < len; i++)
            start = positions[i] < start ? positions[i] : start;
    }
    return start;
}

static void refuse(struct dag *d, struct dag_peer *p, uint64_t session)
{
    uint8_t bytes[DAG_HEAD_MAX];
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    dag_wire_put_stop(&w, &d->host.space, session);
    (void)dag_send(d, p, DAG_SYNC, wire_written(&w));
    dag_serve_stop(p);
}

static bool begin(struct dag *d, struct dag_peer *p, uint64_t session)
{
    if (p->serve != NULL && p->serve->session == session)
        return true;
    dag_serve_stop(p);
    p->serve = serving(d) < DAG_SERVES_MAX ? calloc(1, sizeof *p->serve) : NULL;
    if (p->serve == NULL) {
        refuse(d, p, session);
        return false;
    }
    p->serve->session = session;
    map_init(&p->serve->have, sizeof(struct have_key), sizeof(uint64_t),
             DAG_SERVE_AUTHORS_MAX, d->host.seed);
    return true;
}

void dag_serve_vector(struct dag *d, struct dag_peer *p, struct dag_message *m)
{
    struct pando_key author;
    uint32_t epoch;
    uint64_t seq;
    if (!begin(d, p, m->session) || p->serve->ready)
        return;
    while (dag_wire_next_author(m, &author, &epoch, &seq)) {
        const struct have_key k = have_key(&author, epoch);
        void *value;
        bool added;
        if (map_put(&p->serve->have, &k, &value, &added) != PANDO_OK) {
            refuse(d, p, m->session); /* more authors than we are willing to keep */
            return;
        }
        memcpy(value, &seq, sizeof seq);
    }
    if (m->more)
        return;
    journal_scan(d->host.journal, start_of(d, p->serve), &p->serve->walk);
    p->serve->ready = true;
    d->totals.served++;
    dag_serve_run(d, p);
}

/* A message under construction: blocks are gathered first, for their number stands ahead.
 */
struct batch {
    struct pando_buf blocks;
    uint32_t len;
};

static bool add(struct batch *b, struct pando_slice block)
{
    uint8_t head[8];
    struct wire_writer w = wire_write(head, sizeof head);
    dag_wire_put_block_head(&w, block.len);
    if (buf_reserve(&b->blocks, w.len + block.len) != PANDO_OK)
        return false;
    if (buf_append(&b->blocks, wire_written(&w)) != PANDO_OK ||
        buf_append(&b->blocks, block) != PANDO_OK)
        return false;
    b->len++;
    return true;
}

static bool send_batch(struct dag *d, struct dag_peer *p, struct batch *b,
                       uint64_t session, bool more)
{
    uint8_t head[DAG_HEAD_MAX];
    struct pando_buf message;
    struct wire_writer w = wire_write(head, sizeof head);
    dag_wire_put_list(&w, &d->host.space, DAG_EVENTS, session, more, b->len);
    buf_init(&message, SPACE_MESSAGE_MAX);
    const bool sent = buf_append(&message, wire_written(&w)) == PANDO_OK &&
                      buf_append(&message, buf_view(&b->blocks)) == PANDO_OK &&
                      dag_send(d, p, DAG_SYNC, buf_view(&message));
    if (sent)
        d->totals.event_bytes_served += b->blocks.len;
    buf_deinit(&message);
    buf_reset(&b->blocks);
    b->len = 0;
    return sent;
}

/* Fill one message. True when the end of the durable journal was reached. */
static bool gather(const struct dag *d, struct dag_serve *s, struct batch *b,
                   uint32_t *scanned)
{
    uint64_t position;
    uint8_t kind;
    struct pando_slice block;
    struct event ev;
    while (b->blocks.len < DAG_BATCH_SIZE && b->len < BLOCKS_MAX &&
           *scanned < SCANNED_PER_STEP) {
        if (journal_next(&s->walk, &position, &kind, &block) != PANDO_OK ||
            !dag_is_durable(d, position))
            return true;
        (*scanned)++;
        if (kind != DAG_RECORD_EVENT || event_peek(block, &ev) != PANDO_OK ||
            ev.seq <= has(s, &ev.author, ev.epoch))
            continue;
        if (!add(b, block))
            return true;
    }
    return false;
}

static bool has_credit(const struct dag_peer *p)
{
    return p->credit[DAG_SYNC] >= (int64_t)SPACE_MESSAGE_MAX;
}

void dag_serve_run(struct dag *d, struct dag_peer *p)
{
    struct batch b = { .len = 0 };
    struct dag_serve *s = p->serve;
    uint32_t scanned = 0;
    bool end = false;

    if (s == NULL || !s->ready)
        return;
    buf_init(&b.blocks, SPACE_MESSAGE_MAX - DAG_HEAD_MAX);
    for (int i = 0; i < BATCHES_PER_STEP && !end && has_credit(p); i++) {
        end = gather(d, s, &b, &scanned);
        if ((b.len > 0 || end) && !send_batch(d, p, &b, s->session, !end))
            end = true; /* without memory: the peer notices the stall and comes again */
    }
    buf_deinit(&b.blocks);
    if (end)
        dag_serve_stop(p);
    else
        d->more_work = d->more_work || has_credit(p);
}

static void send_lack(struct dag *d, struct dag_peer *p, enum dag_message_kind kind,
                      const struct pando_id *ids, size_t len)
{
    uint8_t bytes[64 * 34 + DAG_HEAD_MAX];
    struct wire_writer w = wire_write(bytes, sizeof bytes);
    if (len == 0)
        return;
    dag_wire_put_ids(&w, &d->host.space, kind, len);
    for (size_t i = 0; i < len; i++)
        dag_wire_put_id(&w, &ids[i]);
    (void)dag_send(d, p, DAG_SYNC, wire_written(&w));
}

/* Answers what fits into the credit; the rest is asked for again after its timeout. */
void dag_serve_want(struct dag *d, struct dag_peer *p, struct dag_message *m)
{
    struct pando_id lack[64], id;
    struct batch b = { .len = 0 };
    size_t lack_len = 0;
    buf_init(&b.blocks, SPACE_MESSAGE_MAX - DAG_HEAD_MAX);
    for (int n = 0; n < 64 && dag_wire_next_id(m, &id); n++) {
        struct index_event known;
        struct event ev;
        struct bytes *bytes = NULL;
        if (index_find(d->host.tables, &id, &known) && dag_is_durable(d, known.position))
            bytes = dag_read_event(d, known.position, &ev);
        if (bytes == NULL) {
            lack[lack_len++] = id;
            continue;
        }
        if (b.blocks.len >= DAG_BATCH_SIZE && !send_batch(d, p, &b, 0, false)) {
            bytes_unref(bytes);
            break;
        }
        (void)add(&b, ev.block);
        bytes_unref(bytes);
    }
    if (b.len > 0)
        (void)send_batch(d, p, &b, 0, false);
    buf_deinit(&b.blocks);
    send_lack(d, p, DAG_LACK, lack, lack_len);
}
