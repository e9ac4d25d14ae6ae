/* memory.c - a store that is kept in memory: for delta spaces of a node that wants no files.
 *
 * It is a store like the other, in a folder of its own under /dev/shm, which the kernel keeps
 * in memory. Its name comes from the data folder, so that what a killed process left there is
 * found and removed when the next one begins.
 */
#include "host/state.h"

#include "base/slice.h"
#include "crypto/sign.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMORY_ROOT "/dev/shm"

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    (void)remove(path);
    return 0;
}

static void remove_all(const char *dir)
{
    (void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void name_folder(const struct host *h, char *ret, size_t cap)
{
    char real[PATH_MAX];
    const char *data = realpath(h->config->data, real);
    const struct pando_id id = crypto_sha256(slice_text(data != NULL ? data : h->config->data));
    (void)snprintf(ret, cap, "%s/pando-%u-%02x%02x%02x%02x%02x%02x", MEMORY_ROOT,
                   (unsigned)getuid(), id.bytes[0], id.bytes[1], id.bytes[2], id.bytes[3],
                   id.bytes[4], id.bytes[5]);
}

enum pando_status memory_store_open(struct host *h, struct pando_err *reterr)
{
    if (h->memory != NULL)
        return PANDO_OK;
    name_folder(h, h->memory_dir, sizeof h->memory_dir);
    remove_all(h->memory_dir);
    if (mkdir(h->memory_dir, 0700) != 0) {
        const int why = errno;
        const enum pando_status st = pando_err_set(
            reterr, PANDO_IO, "delta.storage memory needs a folder in %s: %s", MEMORY_ROOT,
            strerror(why));
        h->memory_dir[0] = '\0';
        return st;
    }
    const struct store_config sc = { .dir = h->memory_dir, .sync = false, .tracer = h->tracer };
    return store_open(&sc, &h->memory, reterr);
}

void memory_store_close(struct host *h)
{
    store_close(h->memory);
    h->memory = NULL;
    if (h->memory_dir[0] != '\0')
        remove_all(h->memory_dir);
}
