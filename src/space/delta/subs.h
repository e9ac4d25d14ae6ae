/* subs.h - subscriptions: deltas that pass a filter, as they arrive, to whoever asked.
 *
 * The space offers each delta once it is durable, with its position in the order of arrival;
 * each subscriber polls. A *buffered* subscription keeps what comes while it is paused or slow,
 * up to its capacity; a plain one has a buffer for the moment only and drops what comes while
 * it is paused. What happens at the capacity is the subscription's choice:
 *
 *     drop_oldest  the oldest waiting delta gives way (default)
 *     drop_newest  the new one is dropped
 *     error        nothing more is taken: poll ends with PANDO_FULL after what is waiting, until
 *                  resume
 *     block        it is passed over from now on, others are not; when half of its room is free
 *                  the space reads on for it (subs_reads_on), until it has caught up
 *
 * Deltas are shared between subscriptions, not copied. Thread: one owner; pure.
 */
#ifndef SPACE_DELTA_SUBS_H
#define SPACE_DELTA_SUBS_H

#include "space/delta/source.h"

#define SUBS_MAX          4096
#define SUBS_CAPACITY     1000       /* unless said otherwise */
#define SUBS_CAPACITY_MAX 100000
#define SUBS_BYTES_MAX    (8u << 20) /* waiting in one subscription; counts as its capacity */
#define SUBS_WARN_PERCENT 80

enum subs_overflow { SUBS_DROP_OLDEST, SUBS_DROP_NEWEST, SUBS_ERROR, SUBS_BLOCK };

struct subs_config {
    struct filter filter; /* taken over */
    bool buffered;
    enum subs_overflow overflow;
    uint32_t capacity; /* 0: SUBS_CAPACITY */
    uint32_t warn_percent; /* 0: SUBS_WARN_PERCENT */
    uint64_t position; /* deltas at or below this one are not wanted */
};

struct subs_stats {
    uint64_t size, capacity, percent_full; /* whole percent */
    uint64_t received, processed, dropped, overflows; /* overflows: times that the capacity was met */
    uint64_t position; /* of the last delta that was polled, or where it began */
    bool paused, failed;
};

struct subs;

/* `source` outlives it: asked whether a new delta is negated already. */
enum pando_status subs_new(const struct delta_source *source, struct subs **ret) PANDO_MUST_USE;
void subs_free(struct subs *s); /* accepts NULL */
/* Errors: PANDO_FULL SUBS_MAX; PANDO_INVALID a capacity; PANDO_NOMEM: the filter stays the caller's. */
enum pando_status subs_add(struct subs *s, struct subs_config *config, uint64_t *ret_id,
                           struct pando_err *reterr) PANDO_MUST_USE;
/* {"filter":{...},"buffered":true,"overflow":"drop_oldest","bufferSize":1000,
 *  "warningThreshold":80,"position":0}, each member may be left out.
 * Errors: PANDO_INVALID reterr names the member. */
enum pando_status subs_config_from_json(const json_t *json, struct subs_config *ret,
                                        struct pando_err *reterr) PANDO_MUST_USE;
bool subs_remove(struct subs *s, uint64_t id);
/* False: there is no such subscription. Resume also ends a failure. */
bool subs_pause(struct subs *s, uint64_t id);
bool subs_resume(struct subs *s, uint64_t id);

/* A delta that became durable at `position` (rising). `d` must not come from the source.
 * Errors: PANDO_NOMEM, of the source: some have it, offer it again. */
enum pando_status subs_offer(struct subs *s, uint64_t position, const struct delta *d) PANDO_MUST_USE;
/* Whether a subscription that blocks lags and has room: then what lies behind the position is
 * offered to it alone. */
bool subs_reads_on(const struct subs *s, uint64_t id, uint64_t *ret_position);
/* Errors: PANDO_BUSY it is full again; as subs_offer. */
enum pando_status subs_offer_to(struct subs *s, uint64_t id, uint64_t position,
                                const struct delta *d) PANDO_MUST_USE;
/* Nothing is left in front of `position`; `end`: nor behind, and it is offered what all are. */
void subs_pass_over(struct subs *s, uint64_t id, uint64_t position, bool end);
/* The next delta of a subscription, as canonical bytes; valid until the next call.
 * Errors: PANDO_NOT_FOUND nothing is waiting, or it is paused; PANDO_FULL it has failed;
 * PANDO_INVALID no such subscription. */
enum pando_status subs_poll(struct subs *s, uint64_t id, struct pando_slice *ret_bytes,
                            uint64_t *ret_position) PANDO_MUST_USE;
/* True once each time that the buffer has risen above the threshold. */
bool subs_take_warning(struct subs *s, uint64_t id);
bool subs_stats(const struct subs *s, uint64_t id, struct subs_stats *ret);
/* The same as JSON: size, capacity, percentFull, received, processed, dropped, overflowCount,
 * position, paused, failed. Errors: PANDO_NOT_FOUND. */
enum pando_status subs_stats_json(const struct subs *s, uint64_t id,
                                  struct pando_buf *text) PANDO_MUST_USE;
size_t subs_count(const struct subs *s);

#endif
