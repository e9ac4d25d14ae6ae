/* swap.c - life, inputs, effects.
 */
#include "space/delta/swap_state.h"

#include "base/assert.h"
#include "base/slice.h"

#include <stdlib.h>

static void changed(void *ctx, const struct delta_item *item, bool added)
{
    struct swap *s = ctx;
    struct tally_key key = { .time = (uint64_t)item->timestamp };
    memcpy(key.digest, item->digest.bytes, sizeof key.digest);
    if (added)
        tally_add(&s->tally, &key);
    else
        tally_remove(&s->tally, &key);
}

/* --- life --- */

enum pando_status swap_new(const struct swap_config *config, struct swap **ret)
{
    struct swap *s = calloc(1, sizeof *s);
    if (s == NULL)
        return PANDO_NOMEM;
    s->config = *config;
    if (config->capsule.len > SWAP_CAPSULE_MAX) {
        free(s);
        return PANDO_INVALID;
    }
    if (config->capsule.len > 0)
        memcpy(s->capsule, config->capsule.ptr, config->capsule.len);
    map_init(&s->barred, sizeof(struct delta_hash), 1, SWAP_BARRED_MAX, config->host->seed);
    buf_init(&s->json, 1u << 20);
    s->next_token = SWAP_TOKENS;
    tally_init(&s->tally, (struct tally_rows){ s, swap_rows_list });
    buf_init(&s->out, SPACE_MESSAGE_MAX - 1);
    buf_init(&s->encoded, GROUP_BYTES_MAX);
    delta_store_watch(config->store, (struct delta_watch){ s, changed });
    *ret = s;
    return PANDO_OK;
}

static void parcel_free(struct swap_parcel *parcel)
{
    bytes_unref(parcel->bytes);
    free(parcel->items);
    free(parcel->signed_bytes);
    free(parcel->digests);
    free(parcel);
}

static void parcels_free(struct swap_parcel *list)
{
    while (list != NULL) {
        struct swap_parcel *next = list->next;
        parcel_free(list);
        list = next;
    }
}

static void peer_free(struct swap_peer *p)
{
    parcels_free(p->first);
    free(p->keys);
    free(p);
}

void swap_free(struct swap *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->peers_len; i++)
        peer_free(s->peers[i]);
    parcels_free(s->orphans);
    delta_pile_deinit(&s->pile);
    space_effects_deinit(&s->effects);
    map_deinit(&s->barred);
    buf_deinit(&s->json);
    buf_deinit(&s->out);
    buf_deinit(&s->encoded);
    tally_deinit(&s->tally);
    free(s);
}

struct swap_peer *swap_peer(struct swap *s, uint32_t handle)
{
    for (size_t i = 0; i < s->peers_len; i++)
        if (s->peers[i]->handle == handle)
            return s->peers[i];
    return NULL;
}

/* --- effects --- */

void swap_emit(struct swap *s, const struct space_effect *effect)
{
    space_effects_put(&s->effects, effect, NULL);
}

bool swap_poll(struct swap *s, struct space_effect *ret)
{
    return space_effects_poll(&s->effects, ret);
}

bool swap_can_send(const struct swap_peer *p)
{
    return p->credit >= SPACE_MESSAGE_MAX;
}

void swap_send(struct swap *s, struct swap_peer *p, enum swap_message kind,
               struct pando_slice bytes)
{
    uint8_t *to;
    struct bytes *message = bytes_new(bytes.len + 1, &to);
    if (message == NULL)
        return;
    to[0] = (uint8_t)kind;
    if (bytes.len > 0)
        memcpy(to + 1, bytes.ptr, bytes.len);
    p->credit -= bytes.len + 1 < p->credit ? bytes.len + 1 : p->credit;
    s->totals.bytes_sent += bytes.len + 1;
    swap_emit(s, &(struct space_effect){ .kind = SPACE_SEND,
                                         .peer = p->handle,
                                         .channel = s->config.channel,
                                         .bytes = message });
}

static void digested(struct swap *s, const struct swap_peer *p, size_t len)
{
    swap_emit(s, &(struct space_effect){ .kind = SPACE_DIGESTED,
                                         .peer = p->handle,
                                         .channel = s->config.channel,
                                         .value = len });
}

static void fault(struct swap *s, const struct swap_peer *p, enum pando_status status)
{
    if (status == PANDO_FORGED)
        s->totals.forged++;
    else
        s->totals.malformed++;
    swap_emit(s, &(struct space_effect){
                     .kind = SPACE_FAULT,
                     .peer = p->handle,
                     .status = status,
                     .text = status == PANDO_FORGED ? "a group of deltas with a forged signature"
                                                    : "a message about deltas that does not read" });
}

/* The peer's oldest message is done with. */
static void parcel_done(struct swap *s, struct swap_peer *p)
{
    struct swap_parcel *parcel = p->first;
    p->first = parcel->next;
    if (p->first == NULL)
        p->last = NULL;
    p->parcels--;
    digested(s, p, bytes_view(parcel->bytes).len);
    swap_judge_forget(s, parcel);
    parcel_free(parcel);
}

/* --- inputs --- */

static void peer_up(struct swap *s, uint32_t handle, const struct peer_id *id)
{
    const struct space_access *access = s->config.host->access;
    struct swap_peer *p = swap_peer(s, handle) == NULL && s->peers_len < SWAP_PEERS_MAX
                              ? calloc(1, sizeof *p)
                              : NULL;
    if (p == NULL)
        return;
    p->handle = handle;
    p->reads = id == NULL || space_admits(access, id, SPACE_MAY_READ);
    p->writes = id == NULL || space_admits(access, id, SPACE_MAY_WRITE);
    p->credit = SPACE_CREDIT_START;
    p->every = SWAP_STATE_FIRST;
    p->due = true;
    p->cursor = delta_store_arrived_end(s->config.store);
    s->peers[s->peers_len++] = p;
}

/* What is being checked is kept until the verdict: others read it. */
static void drop_parcels(struct swap *s, struct swap_peer *p)
{
    while (p->first != NULL) {
        struct swap_parcel *c = p->first;
        p->first = c->next;
        s->waiting -= c->waits;
        swap_judge_forget(s, c);
        if (c->items == NULL || c->verified) {
            parcel_free(c);
            continue;
        }
        c->next = s->orphans;
        s->orphans = c;
    }
}

static void peer_down(struct swap *s, uint32_t handle)
{
    for (size_t i = 0; i < s->peers_len; i++) {
        if (s->peers[i]->handle != handle)
            continue;
        drop_parcels(s, s->peers[i]);
        peer_free(s->peers[i]);
        s->peers[i] = s->peers[--s->peers_len];
        swap_graft_all(s);
        return;
    }
}

static enum pando_status take_state(struct swap *s, struct swap_peer *p, struct pando_slice rest)
{
    struct wire_reader r = wire_read(rest);
    const struct pando_slice space = wire_get_bytes(&r, sizeof s->config.host->space.bytes);
    struct tally_sum sum;
    sum.count = wire_get_be(&r, 8);
    sum.low = wire_get_be(&r, 8);
    sum.high = wire_get_be(&r, 8);
    if (!wire_read_done(&r) || memcmp(space.ptr, s->config.host->space.bytes, space.len) != 0)
        return PANDO_MALFORMED;
    swap_state_come(s, p, &sum);
    return PANDO_OK;
}

/* A message that takes its turn behind the peer's others. */
static enum pando_status queue(struct swap *s, struct swap_peer *p, struct bytes *bytes,
                               enum swap_message kind)
{
    struct swap_parcel *parcel =
        p->parcels < SWAP_PARCELS_MAX ? calloc(1, sizeof *parcel) : NULL;
    if (parcel == NULL)
        return PANDO_FULL; /* dropped: a comparison will bring it again */
    parcel->bytes = bytes_ref(bytes);
    parcel->kind = kind;
    parcel->left = slice_from(bytes_view(bytes), 1);
    reconcile_read(&parcel->reader, parcel->left);
    const enum pando_status st =
        kind == SWAP_GROUPS ? swap_take_open(s, parcel) : PANDO_OK;
    if (st != PANDO_OK) {
        parcel_free(parcel);
        return st;
    }
    if (p->last != NULL)
        p->last->next = parcel;
    else
        p->first = parcel;
    p->last = parcel;
    p->parcels++;
    return PANDO_OK;
}

static void message(struct swap *s, const struct space_input *in)
{
    struct swap_peer *p = swap_peer(s, in->peer);
    const struct pando_slice bytes = bytes_view(in->bytes);
    enum pando_status st = PANDO_MALFORMED;
    bool queued = false;
    if (p == NULL)
        return;
    s->totals.bytes_received += bytes.len;
    switch (bytes.len > 0 ? bytes.ptr[0] : 0) {
    case SWAP_STATE:
        st = take_state(s, p, slice_from(bytes, 1));
        break;
    case SWAP_RANGES:
    case SWAP_GROUPS:
        if (!(bytes.ptr[0] == SWAP_GROUPS ? p->writes : p->reads)) {
            s->totals.unadmitted++;
            st = PANDO_REFUSED;
            break;
        }
        st = queue(s, p, in->bytes, bytes.ptr[0]);
        queued = st == PANDO_OK;
        break;
    case SWAP_PRUNE:
        p->pruned = p->pruned_it = true;
        st = PANDO_OK;
        break;
    case SWAP_GRAFT:
        p->pruned = p->pruned_it = false;
        p->again = 0;
        st = PANDO_OK;
        break;
    case SWAP_HAVE:
        st = p->writes ? swap_have_come(s, p, slice_from(bytes, 1)) : PANDO_REFUSED;
        break;
    case SWAP_WANT:
        st = p->reads ? swap_want_come(p, slice_from(bytes, 1)) : PANDO_REFUSED;
        break;
    default:
        break;
    }
    if (!queued)
        digested(s, p, bytes.len);
    if (st == PANDO_MALFORMED || st == PANDO_FORGED)
        fault(s, p, st);
}

static void free_orphan(struct swap *s, uint64_t token)
{
    for (struct swap_parcel **link = &s->orphans; *link != NULL; link = &(*link)->next)
        if ((*link)->token == token) {
            struct swap_parcel *gone = *link;
            *link = gone->next;
            parcel_free(gone);
            return;
        }
}

static void verified(struct swap *s, uint64_t token, const uint64_t *bits)
{
    s->verifying -= s->verifying > 0;
    free_orphan(s, token);
    for (size_t i = 0; i < s->peers_len; i++)
        for (struct swap_parcel *c = s->peers[i]->first; c != NULL; c = c->next)
            if (c->token == token && !c->verified) {
                c->valid = bits[0];
                c->verified = true;
                return;
            }
}

/* --- a turn --- */

static void go(struct swap *s, struct swap_peer *p)
{
    while (p->first != NULL) {
        struct swap_parcel *parcel = p->first;
        const enum pando_status st = parcel->kind == SWAP_GROUPS ? swap_take_go(s, p, parcel)
                                                                 : swap_ranges_go(s, p, parcel);
        if (st == PANDO_BUSY)
            return;
        if (st == PANDO_MALFORMED || st == PANDO_FORGED)
            fault(s, p, st);
        parcel_done(s, p);
    }
}

void swap_step(struct swap *s, struct pando_time now, const struct space_input *in)
{
    struct swap_peer *p = NULL;
    s->now = now;
    s->again = false;
    switch ((int)in->kind) {
    case SPACE_PEER_UP:
        peer_up(s, in->peer, in->peer_id);
        break;
    case SPACE_PEER_DOWN:
        peer_down(s, in->peer);
        break;
    case SPACE_MESSAGE:
        message(s, in);
        break;
    case SPACE_CREDIT:
        p = swap_peer(s, in->peer);
        if (p != NULL)
            p->credit += in->value;
        break;
    case SPACE_VERIFIED:
        verified(s, in->token, in->bits);
        break;
    case SPACE_RAN:
        swap_judge_end(s, in->token, in->status);
        break;
    case SPACE_DURABLE:
    case SPACE_STORE_BACK:
        s->stuck = false;
        break;
    case SPACE_TICK:
        s->stuck = false;
        break;
    default:
        return;
    }
    for (size_t i = 0; i < s->peers_len; i++)
        go(s, s->peers[i]);
    swap_take_verify(s);
    swap_lazy_tick(s);
    swap_compare_tick(s);
    for (size_t i = 0; i < s->peers_len; i++)
        swap_push(s, s->peers[i]);
}

void swap_tell(struct swap *s, struct pando_time now, uint64_t until)
{
    s->now = now;
    s->told = until;
    for (size_t i = 0; i < s->peers_len; i++)
        swap_push(s, s->peers[i]);
}

void swap_totals(const struct swap *s, struct swap_totals *ret)
{
    *ret = s->totals;
}
