/* nodes.c - deltas of other nodes, over the channel of swap.h. */
#include "space/delta/engine.h"

#include "base/slice.h"

/* The node's policy holds for nodes, too. */
static bool admits(void *ctx, const struct delta *delta)
{
    const struct deltas *d = ctx;
    return fed_trust_passes(&d->options.trust, delta);
}

/* A delta of a peer was staged; what became of the others is the peer's affair. */
static void took(void *ctx, uint32_t peer, const struct delta *delta, uint64_t ticket)
{
    struct deltas *d = ctx;
    (void)peer;
    deltas_took(d, delta, DELTAS_OWN, ticket);
}

enum pando_status deltas_nodes_open(struct deltas *d, struct pando_err *reterr)
{
    const struct swap_config config = { .host = &d->host,
                                        .store = d->store,
                                        .channel = 0,
                                        .ctx = d,
                                        .admits = admits,
                                        .capsule = buf_view(&d->options.trust.capsule),
                                        .took = took };
    const enum pando_status st = swap_new(&config, &d->swap);
    if (st == PANDO_INVALID)
        return pando_err_set(reterr, st,
                             "delta: the capsule of the trust policy has a CID of %zu bytes, %d is "
                             "the limit: name another",
                             config.capsule.len, SWAP_CAPSULE_MAX);
    return st == PANDO_OK ? st : pando_err_set(reterr, st, "delta: memory is out");
}

static void drain(struct deltas *d)
{
    struct space_effect e;
    while (swap_poll(d->swap, &e))
        deltas_emit(d, &e, e.text);
}

void deltas_nodes_feed(struct deltas *d, const struct space_input *in)
{
    swap_step(d->swap, d->now, in);
    drain(d);
}

void deltas_nodes_tell(struct deltas *d, uint64_t until)
{
    swap_tell(d->swap, d->now, until);
    drain(d);
}
