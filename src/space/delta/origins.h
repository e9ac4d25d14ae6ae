/* origins.h - which link staged deltas came from, until they were handed on.
 *
 * Tickets rise, and deltas that come one after the other mostly come from one link: runs are
 * kept. At ORIGINS_MAX runs the newest is said to come from nobody: its deltas go to
 * everybody, and who had them says so.
 */
#ifndef SPACE_DELTA_ORIGINS_H
#define SPACE_DELTA_ORIGINS_H

#include <pando/types.h>

#define ORIGINS_MAX    65536u
#define ORIGINS_NOBODY UINT32_MAX

struct origins_run {
    uint64_t to; /* the last ticket */
    uint32_t origin;
};

struct origins {
    struct origins_run *runs; /* a ring */
    size_t head, len, cap;    /* cap: a power of two, or 0 */
    uint64_t nobodys; /* tickets up to it: there was no memory to note them */
};

void origins_deinit(struct origins *o);
/* Tickets up to this one, from where the last run ended. */
void origins_note(struct origins *o, uint64_t ticket, uint32_t origin);
/* ORIGINS_NOBODY when it was not noted. */
uint32_t origins_of(const struct origins *o, uint64_t ticket);
/* Whether all these tickets have one origin. */
bool origins_same(const struct origins *o, uint64_t from, uint64_t to);
/* Forget tickets up to this one. */
void origins_drop(struct origins *o, uint64_t ticket);

#endif
