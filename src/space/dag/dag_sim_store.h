/* dag_sim_store.h - the disk of one simulated node: a journal that can lose its tail.
 *
 * Records are kept in memory in order. What was appended is durable once sim_store_commit
 * said so; sim_store_crash loses the rest and folds the tables anew, as a restart does.
 */
#ifndef SPACE_DAG_SIM_STORE_H
#define SPACE_DAG_SIM_STORE_H

#include "space/space.h"

struct sim_store;

struct sim_store *sim_store_new(const struct pando_id *space);
void sim_store_free(struct sim_store *s);
struct tables *sim_store_tables(struct sim_store *s);
struct journal *sim_store_journal(struct sim_store *s);
enum pando_status sim_store_append(struct sim_store *s, uint8_t record,
                                   struct pando_slice bytes, uint64_t *ret_position);
/* Appends are refused with PANDO_BUSY beyond so many bytes that are not durable. */
void sim_store_cap(struct sim_store *s, uint64_t staged_max);
uint64_t sim_store_end(const struct sim_store *s);
uint64_t sim_store_durable(const struct sim_store *s);
void sim_store_commit(struct sim_store *s, uint64_t position);
void sim_store_crash(struct sim_store *s);

#endif
