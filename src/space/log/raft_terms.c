/* raft_terms.c - the shape of a log without its bytes: terms in runs, sizes in classes.
 *
 * Terms never fall along a log and change only at elections, so a run per term is all
 * there is to remember; lookups are a binary search, and nearly always the last run. A
 * size is kept as one byte, an octave and three bits behind its leading one, rounded up:
 * enough for flow control, at a byte an entry for logs of any length.
 */
#include "space/log/raft_state.h"

#include <stdlib.h>
#include <string.h>

/* 0..7 as they are; then eight classes an octave, rounded up. */
static uint8_t class_of(uint32_t size)
{
    if (size < 8)
        return (uint8_t)size;
    unsigned octave = 0;
    for (uint32_t left = size; left >= 16; left >>= 1)
        octave++;
    const uint32_t rounded = (size + (1u << octave) - 1) >> octave; /* 8..16 */
    return (uint8_t)(octave * 8 + rounded);
}

static uint64_t size_of(uint8_t class)
{
    if (class < 16)
        return class;
    return (uint64_t)(8 + class % 8) << (class / 8 - 1);
}

/* The run that holds `index`; the log must hold it. */
static uint32_t run_at(const struct raft_log *l, uint64_t index)
{
    uint32_t low = 0, high = l->runs_len;
    if (l->runs[high - 1].first <= index)
        return high - 1;
    while (high - low > 1) {
        const uint32_t middle = low + (high - low) / 2;
        if (l->runs[middle].first <= index)
            low = middle;
        else
            high = middle;
    }
    return low;
}

uint64_t raft_log_term(const struct raft_log *l, uint64_t index)
{
    if (index == l->last_index)
        return l->last_term;
    if (index + 1 == l->first_index)
        return l->base_term;
    if (index < l->first_index || index > l->last_index)
        return 0;
    return l->runs[run_at(l, index)].term;
}

uint64_t raft_log_meet(const struct raft_log *l, uint64_t index, uint64_t term)
{
    if (index > l->last_index)
        index = l->last_index;
    while (index >= l->first_index) {
        const struct term_run *run = &l->runs[run_at(l, index)];
        if (run->term <= term)
            return index;
        index = run->first - 1;
    }
    return l->first_index - 1;
}

static bool grow_sizes(struct raft_log *l, uint64_t need)
{
    uint64_t cap = l->sizes_cap == 0 ? 1024 : l->sizes_cap;
    while (cap < need)
        cap *= 2;
    uint8_t *sizes = malloc(cap);
    if (sizes == NULL)
        return false;
    for (uint64_t i = l->first_index; i <= l->last_index; i++)
        sizes[i & (cap - 1)] = l->sizes[i & (l->sizes_cap - 1)];
    free(l->sizes);
    l->sizes = sizes;
    l->sizes_cap = cap;
    return true;
}

bool raft_log_room(struct raft_log *l, uint32_t entries)
{
    const uint64_t need = l->last_index + 1 - l->first_index + entries;
    if (need > RAFT_KEPT_MAX || (need > l->sizes_cap && !grow_sizes(l, need)))
        return false;
    if (l->runs_len + entries <= l->runs_cap)
        return true;
    const uint32_t cap = (l->runs_len + entries) * 2;
    struct term_run *runs = realloc(l->runs, cap * sizeof *runs);
    if (runs == NULL)
        return false;
    l->runs = runs;
    l->runs_cap = cap;
    return true;
}

void raft_log_append(struct raft_log *l, uint64_t term, enum raft_kind kind,
                     uint32_t size)
{
    l->last_index++;
    if (l->runs_len == 0 || term != l->last_term) {
        PANDO_ASSERT(l->runs_len < l->runs_cap);
        l->runs[l->runs_len++] = (struct term_run){ l->last_index, term };
        l->last_term = term;
    }
    l->sizes[l->last_index & (l->sizes_cap - 1)] = class_of(size);
    if (kind == RAFT_DATA && l->data_index == 0)
        l->data_index = l->last_index;
}

/* The last term after the runs were cut. */
static void settle_last(struct raft_log *l)
{
    l->last_term = l->runs_len > 0 ? l->runs[l->runs_len - 1].term : l->base_term;
}

void raft_log_truncate(struct raft_log *l, uint64_t index)
{
    PANDO_ASSERT(index >= l->first_index);
    while (l->runs_len > 0 && l->runs[l->runs_len - 1].first >= index)
        l->runs_len--;
    l->last_index = index - 1;
    settle_last(l);
    if (l->data_index >= index)
        l->data_index = 0;
}

void raft_log_compact(struct raft_log *l, uint64_t index)
{
    PANDO_ASSERT(index >= l->first_index && index <= l->last_index);
    const uint32_t run = run_at(l, index);
    l->base_term = l->runs[run].term;
    const bool ends = run + 1 < l->runs_len ? l->runs[run + 1].first == index + 1
                                            : l->last_index == index;
    const uint32_t gone = ends ? run + 1 : run;
    l->runs_len -= gone;
    memmove(l->runs, l->runs + gone, l->runs_len * sizeof *l->runs);
    if (!ends)
        l->runs[0].first = index + 1;
    l->first_index = index + 1;
    settle_last(l);
}

void raft_log_restart(struct raft_log *l, uint64_t index, uint64_t term)
{
    l->first_index = index + 1;
    l->last_index = index;
    l->base_term = l->last_term = term;
    l->runs_len = 0;
    l->data_index = index;
}

uint64_t raft_log_cost(const struct raft_log *l, uint64_t index)
{
    if (index < l->first_index || index > l->last_index)
        return RAFT_ENTRY_COST;
    return RAFT_ENTRY_COST + size_of(l->sizes[index & (l->sizes_cap - 1)]);
}

uint64_t raft_log_costs(const struct raft_log *l, uint64_t after, uint64_t up_to)
{
    uint64_t sum = 0;
    for (uint64_t i = after + 1; i <= up_to; i++)
        sum += raft_log_cost(l, i);
    return sum;
}
