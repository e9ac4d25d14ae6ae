/* delta_disk.h - the store of a delta space on a real disk.
 *
 * Journals and tables are the real ones, synced; commits and flushes are the program's own to run.
 */
#ifndef BENCH_DELTA_DISK_H
#define BENCH_DELTA_DISK_H

#include "space/delta/store.h"
#include "store/store.h"

struct delta_disk {
    struct store *store;
    struct store_space *space;
    struct space_host seam;
    struct delta_store *deltas;
};

void delta_disk_open(struct delta_disk *d, const char *dir);
void delta_disk_close(struct delta_disk *d);

#endif
