/* load.c - what the journal holds of the sequence, read once at open. */
#include "space/log/engine.h"

#include "base/slice.h"

#include <stdlib.h>
#include <string.h>

struct loader {
    struct log *l;
    struct raft_state state;
    struct raft_entry *entries; /* from first_index on, without their members */
    size_t len, cap;
    uint64_t member; /* of the IDENTITY record; 0 none */
    bool grouped;
    const char *damage;
    uint64_t at;
};

static bool load_identity(struct loader *d, struct pando_slice s)
{
    struct wire_reader r = wire_read(s);
    struct raft_members m = { 0 };
    d->member = wire_get_be(&r, 8);
    wire_get_copy(&r, d->l->group.bytes, sizeof d->l->group.bytes);
    d->l->left = wire_get_be(&r, 1) != 0;
    const uint64_t len = wire_get_be(&r, 1);
    for (; m.len < len && m.len < RAFT_MEMBERS_MAX; m.len++) {
        m.at[m.len].id = wire_get_be(&r, 8);
        m.at[m.len].standing = (enum raft_standing)wire_get_be(&r, 1);
    }
    d->grouped = true;
    if (d->l->base_index == 0)
        d->state.base = m;
    return wire_read_done(&r);
}

static bool load_entry(struct loader *d, struct pando_slice s, uint64_t position)
{
    struct raft_entry e;
    struct pando_slice bytes;
    struct log *l = d->l;
    if (!log_wire_get_record(s, &e, &bytes))
        return false;
    if (e.index < l->first_index)
        return true; /* covered by the snapshot */
    if (e.index != l->first_index + d->len)
        return false;
    if (d->len == d->cap) {
        d->cap = d->cap == 0 ? 1024 : d->cap * 2;
        struct raft_entry *grown = realloc(d->entries, d->cap * sizeof *grown);
        if (grown == NULL)
            return false;
        d->entries = grown;
    }
    if (l->places_cap <= d->len) {
        const size_t cap = d->cap;
        struct log_place *grown = realloc(l->places, cap * sizeof *grown);
        if (grown == NULL)
            return false;
        l->places = grown;
        l->places_cap = cap;
    }
    l->places[d->len].position = position;
    d->entries[d->len++] = e;
    return true;
}

static bool load_truncate(struct loader *d, struct pando_slice s)
{
    struct wire_reader r = wire_read(s);
    const uint64_t from = wire_get_be(&r, 8);
    if (!wire_read_done(&r))
        return false;
    if (from < d->l->first_index)
        d->len = 0; /* a conflict was cut, and mended by what follows */
    else if (from - d->l->first_index < d->len)
        d->len = from - d->l->first_index;
    return true;
}

static bool load_numbers(struct pando_slice s, uint64_t *ret_a, uint64_t *ret_b)
{
    struct wire_reader r = wire_read(s);
    *ret_a = wire_get_be(&r, 8);
    if (ret_b != NULL)
        *ret_b = wire_get_be(&r, 8);
    return wire_read_done(&r);
}

static bool load_commit(struct loader *d, struct pando_slice s)
{
    uint64_t commit;
    if (!load_numbers(s, &commit, NULL))
        return false;
    d->state.commit = commit > d->state.commit ? commit : d->state.commit;
    return true;
}

static bool load_record(struct loader *d, uint8_t kind, struct pando_slice s, uint64_t position)
{
    const bool covered = position < d->l->host.snapshot_position;
    switch (kind) {
    case LOG_RECORD_IDENTITY:
        return load_identity(d, s);
    case LOG_RECORD_STATE:
        return load_numbers(s, &d->state.term, &d->state.vote);
    case LOG_RECORD_ENTRY:
        return covered || load_entry(d, s, position);
    case LOG_RECORD_TRUNCATE:
        return covered || load_truncate(d, s);
    case LOG_RECORD_COMMIT:
        return load_commit(d, s);
    case LOG_RECORD_MEND:
        return log_mend_load(d->l, s);
    default:
        return false;
    }
}

static enum pando_status scan(struct loader *d, struct pando_err *reterr)
{
    struct journal_cursor c;
    struct pando_slice bytes;
    uint64_t position = 0;
    uint8_t kind = 0;
    enum pando_status st;
    journal_scan(d->l->host.journal, journal_first(d->l->host.journal), &c);
    while ((st = journal_next(&c, &position, &kind, &bytes)) == PANDO_OK)
        if (!load_record(d, kind, bytes, position)) {
            st = kind > LOG_RECORD_LAST ? PANDO_UNSUPPORTED : PANDO_CORRUPT;
            break;
        }
    journal_scan_end(&c);
    if (st == PANDO_NOT_FOUND)
        return PANDO_OK;
    return pando_err_set(reterr, st,
                         "log: the record of kind %u at position %llu does not fit: %s; look "
                         "with 'pando db verify'",
                         kind, (unsigned long long)position, pando_status_text(st));
}

static enum pando_status load_members(struct log *l, uint64_t index, struct raft_members *ret)
{
    struct batch_members m;
    struct raft_entry e;
    struct pando_slice payload;
    struct bytes *record = log_entry(l, index);
    enum pando_status st = PANDO_CORRUPT;
    if (record != NULL && log_wire_get_record(bytes_view(record), &e, &payload))
        st = batch_read_members(payload, &m);
    bytes_unref(record);
    if (st != PANDO_OK)
        return st;
    log_config_push(l, index, &m);
    batch_to_raft(&m, ret);
    return PANDO_OK;
}

static enum pando_status feed_raft(struct loader *d)
{
    enum pando_status st = PANDO_OK;
    for (size_t i = 0; i < d->len && st == PANDO_OK; i++) {
        struct raft_entry *e = &d->entries[i];
        struct raft_members m;
        if (e->kind == RAFT_CONFIG) {
            st = load_members(d->l, e->index, &m);
            e->config = &m;
        }
        if (st == PANDO_OK)
            st = raft_load_entry(d->l->raft, e);
        e->config = NULL;
    }
    return st;
}

static enum pando_status start_raft(struct loader *d, struct pando_err *reterr)
{
    struct log *l = d->l;
    const struct raft_options options = {
        .id = l->options.id,
        .heartbeat = l->options.heartbeat,
        .election = l->options.election,
        .demote_after = l->options.demote_after,
        .demote = l->options.demote,
        .start_window = l->options.has_members && d->len == 0,
        .seed = l->host.seed ^ l->options.id,
    };
    d->state.first_index = l->first_index;
    d->state.base_term = l->base_term;
    d->state.last_index = l->first_index - 1 + d->len;
    if (d->state.commit > d->state.last_index)
        d->state.commit = d->state.last_index;
    l->raft = raft_new(&options, &d->state);
    if (l->raft == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "log: memory is out");
    l->places_len = d->len;
    l->commit = l->commit_written = d->state.commit;
    if (l->base_index == 0) {
        l->base_members.len = d->state.base.len;
        for (uint32_t i = 0; i < d->state.base.len; i++)
            l->base_members.at[i].raft = d->state.base.at[i];
    }
    log_config_push(l, l->base_index, &l->base_members);
    const enum pando_status st = feed_raft(d);
    return st == PANDO_OK ? st
                          : pando_err_set(reterr, st, "log: the entries on disk do not fit: %s",
                                          pando_status_text(st));
}

/* A fresh founder or static member knows its group at once; a joiner is told. */
static void begin_group(struct loader *d)
{
    static const char tag[] = "pando/log/group/1";
    struct log *l = d->l;
    struct crypto_sha256_state sha;
    if (!l->options.found && !l->options.has_members)
        return;
    crypto_sha256_begin(&sha);
    crypto_sha256_add(&sha, slice_text(tag));
    crypto_sha256_add(&sha, SLICE_OF(l->host.space));
    if (l->options.found) {
        crypto_sha256_add(&sha, SLICE_OF(l->host.key));
        crypto_sha256_add(&sha, SLICE_OF(l->host.seed)); /* anew after a reset */
        l->options.members = (struct raft_members){ .len = 1,
                                                    .at = { { l->options.id, RAFT_VOTER } } };
    } else {
        for (uint32_t i = 0; i < l->options.members.len; i++) {
            uint8_t be[8];
            struct wire_writer w = wire_write(be, sizeof be);
            wire_put_be(&w, l->options.members.at[i].id, 8);
            crypto_sha256_add(&sha, SLICE_OF(be));
        }
    }
    const struct pando_id id = crypto_sha256_end(&sha);
    memcpy(l->group.bytes, id.bytes, sizeof l->group.bytes);
    l->grouped = true;
    d->state.base = l->options.members;
    log_identity_write(l);
}

static enum pando_status load_snapshot(struct loader *d, struct pando_err *reterr)
{
    struct log *l = d->l;
    struct log_snapshot snap;
    if (l->host.snapshot.len == 0)
        return PANDO_OK;
    enum pando_status st = log_snapshot_get(l->host.snapshot, &snap, &l->rooms);
    if (st != PANDO_OK)
        return pando_err_set(reterr, st, "log: the snapshot does not fit: %s; restore a backup",
                             pando_status_text(st));
    struct bytes *rooms = bytes_copy(snap.rooms);
    if (rooms == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "log: memory is out");
    log_base_set(l, &snap, rooms);
    l->first_index = snap.index + 1;
    l->group = snap.group;
    l->left = snap.left;
    l->mend = snap.mend;
    d->grouped = true;
    d->member = snap.member;
    d->state.term = snap.vote_term;
    d->state.vote = snap.vote;
    d->state.commit = snap.index;
    batch_to_raft(&snap.members, &d->state.base);
    return PANDO_OK;
}

enum pando_status log_load(struct log *l, struct pando_err *reterr)
{
    struct loader d = { .l = l };
    l->durable = journal_durable(l->host.journal);
    l->first_index = 1;
    enum pando_status st = load_snapshot(&d, reterr);
    if (st == PANDO_OK)
        st = scan(&d, reterr);
    if (st == PANDO_OK && d.grouped && d.member != l->options.id)
        st = pando_err_set(reterr, PANDO_REFUSED,
                           "log: this data directory belongs to member %llu of the space, not to "
                           "%llu; give it the right id, or another directory",
                           (unsigned long long)d.member, (unsigned long long)l->options.id);
    l->grouped = d.grouped;
    if (st == PANDO_OK && !d.grouped)
        begin_group(&d);
    if (st == PANDO_OK)
        st = start_raft(&d, reterr);
    if (st == PANDO_OK)
        st = log_mend_open(l, d.grouped, reterr);
    free(d.entries);
    return st;
}
