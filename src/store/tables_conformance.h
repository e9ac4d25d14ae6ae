/* tables_conformance.h - what every `struct tables` must do, whoever implements it.
 *
 * A random program of puts, dels, gets and walks runs against the tables and against a
 * plain sorted array. Keys are short and alike, so that prefixes, empty keys, 0xff bytes
 * and neighbours of other tables meet often. `upset` is called now and then: LMDB's test
 * flushes there, so that rows lie in every layer.
 */
#ifndef STORE_TABLES_CONFORMANCE_H
#define STORE_TABLES_CONFORMANCE_H

#include "store/tables.h"

struct conformance {
    struct tables *tables;
    void *ctx;
    void (*upset)(void *ctx); /* may be NULL; voids views */
};

/* Each fails through cmocka. The tables are empty before, and need not be after. */
void conformance_agrees_with_a_model(const struct conformance *c, uint64_t seed);
void conformance_walks_see_changes(const struct conformance *c);
void conformance_limits_are_kept(const struct conformance *c);

#endif
