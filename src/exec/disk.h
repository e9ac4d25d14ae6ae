/* disk.h - compiled modules in a directory, so that a restart need not compile again.
 *
 * A compiled module is machine code that the engine trusts, so a file is believed only
 * after its HMAC-SHA256 under a key of this node was checked over the very bytes that are
 * then loaded:
 *
 *   "PANDOX01" | HMAC (32) | compiled module as the engine serializes it
 *
 * The HMAC covers a prefix, the engine's name and version, the capsule id and the module.
 * Whatever fails, fails into compiling anew. At most EXEC_DISK_MAX files are kept; the
 * one written first goes. The directory is the cache's own.
 */
#ifndef EXEC_DISK_H
#define EXEC_DISK_H

#include "exec/engine.h"

struct disk {
    char *dir; /* NULL: no cache */
    uint8_t key[32];
};

/* Makes the directory (0700) if need be. Errors: PANDO_IO. */
enum pando_status disk_init(struct disk *d, const char *dir, const uint8_t key[32],
                            struct pando_err *reterr) PANDO_MUST_USE;
/* Accepts a zeroed one. */
void disk_deinit(struct disk *d);
/* The module of an authentic file, or NULL. Thread: any. */
wasmtime_module_t *disk_find(const struct disk *d, struct engine *e,
                             const struct pando_id *id);
/* Write one; a failure is no error, the next start compiles. Thread: any. */
void disk_put(const struct disk *d, wasmtime_module_t *wasm, const struct pando_id *id);

#endif
