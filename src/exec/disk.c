#include "exec/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/slice.h"
#include "exec/hmac.h"

#define FILE_MAGIC "PANDOX01"
#define HEAD_SIZE 40
#define FILE_MAX (16u << 20)
#define DIR_MAX 3900
#define SUFFIX ".cwasm"
#define NAME_LEN 70 /* 64 hex digits and the suffix */

static void path_of(const struct disk *d, const struct pando_id *id, const char *suffix,
                    char *ret_path, size_t cap)
{
    char hex[65];
    for (size_t i = 0; i < sizeof id->bytes; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", id->bytes[i]);
    (void)snprintf(ret_path, cap, "%s/%s%s", d->dir, hex, suffix);
}

static struct pando_id seal(const struct disk *d, const struct pando_id *id,
                            struct pando_slice module)
{
    static const char prefix[] = "pando/compiled/1";
    struct hmac h;
    hmac_begin(&h, SLICE_OF(d->key));
    hmac_add(&h, SLICE_OF(prefix));
    hmac_add(&h, slice_of(exec_engine_name(), strlen(exec_engine_name()) + 1));
    hmac_add(&h, SLICE_OF(*id));
    hmac_add(&h, module);
    return hmac_end(&h);
}

enum pando_status disk_init(struct disk *d, const char *dir, const uint8_t key[32],
                            struct pando_err *reterr)
{
    *d = (struct disk){ NULL, { 0 } };
    if (strlen(dir) > DIR_MAX)
        return pando_err_set(reterr, PANDO_INVALID,
                             "exec: the cache directory's path has more than %d bytes",
                             DIR_MAX);
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return pando_err_set(reterr, PANDO_IO,
                             "exec: cannot make the cache directory %s: %s", dir,
                             strerror(errno));
    d->dir = strdup(dir);
    if (d->dir == NULL)
        return PANDO_NOMEM;
    memcpy(d->key, key, sizeof d->key);
    return PANDO_OK;
}

void disk_deinit(struct disk *d)
{
    free(d->dir);
    explicit_bzero(d->key, sizeof d->key);
    d->dir = NULL;
}

/* The whole file, or NULL. The caller frees. */
static uint8_t *read_file(const char *path, size_t *ret_len)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return NULL;
    struct stat st;
    uint8_t *bytes = NULL;
    size_t len = 0;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > HEAD_SIZE &&
        st.st_size <= (off_t)FILE_MAX)
        bytes = malloc((size_t)st.st_size);
    while (bytes != NULL && len < (size_t)st.st_size) {
        const ssize_t n = read(fd, bytes + len, (size_t)st.st_size - len);
        if (n <= 0 && !(n < 0 && errno == EINTR)) {
            free(bytes);
            bytes = NULL;
        } else if (n > 0) {
            len += (size_t)n;
        }
    }
    (void)close(fd);
    *ret_len = len;
    return bytes;
}

wasmtime_module_t *disk_find(const struct disk *d, struct engine *e,
                             const struct pando_id *id)
{
    if (d->dir == NULL)
        return NULL;
    char path[DIR_MAX + 100];
    path_of(d, id, SUFFIX, path, sizeof path);
    size_t len = 0;
    uint8_t *bytes = read_file(path, &len);
    if (bytes == NULL)
        return NULL;
    const struct pando_slice module = slice_of(bytes + HEAD_SIZE, len - HEAD_SIZE);
    const struct pando_id want = seal(d, id, module);
    struct pando_id have;
    memcpy(have.bytes, bytes + 8, sizeof have.bytes);
    wasmtime_module_t *wasm = NULL;
    if (memcmp(bytes, FILE_MAGIC, 8) == 0 && hmac_equal(&have, &want)) {
        wasmtime_error_t *error =
            wasmtime_module_deserialize(e->wasm, module.ptr, module.len, &wasm);
        if (error != NULL) {
            wasmtime_error_delete(error);
            wasm = NULL;
        }
    }
    free(bytes);
    return wasm;
}

static bool is_ours(const char *name)
{
    return strlen(name) == NAME_LEN && strcmp(name + 64, SUFFIX) == 0;
}

/* Remove the oldest file when there are too many. */
static void make_room(const struct disk *d)
{
    DIR *dir = opendir(d->dir);
    if (dir == NULL)
        return;
    size_t count = 0;
    char oldest[NAME_LEN + 1] = "";
    struct timespec when = { 0, 0 };
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        struct stat st;
        if (!is_ours(entry->d_name) || fstatat(dirfd(dir), entry->d_name, &st, 0) != 0)
            continue;
        const bool older =
            st.st_mtim.tv_sec < when.tv_sec ||
            (st.st_mtim.tv_sec == when.tv_sec && st.st_mtim.tv_nsec < when.tv_nsec);
        if (count++ == 0 || older) {
            when = st.st_mtim;
            memcpy(oldest, entry->d_name, sizeof oldest);
        }
    }
    if (count >= EXEC_DISK_MAX)
        (void)unlinkat(dirfd(dir), oldest, 0);
    (void)closedir(dir);
}

static bool write_all(int fd, struct pando_slice s)
{
    while (s.len > 0) {
        const ssize_t n = write(fd, s.ptr, s.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        s = slice_from(s, (size_t)n);
    }
    return true;
}

void disk_put(const struct disk *d, wasmtime_module_t *wasm, const struct pando_id *id)
{
    if (d->dir == NULL)
        return;
    wasm_byte_vec_t bytes;
    wasmtime_error_t *error = wasmtime_module_serialize(wasm, &bytes);
    if (error != NULL) {
        wasmtime_error_delete(error);
        return;
    }
    const struct pando_slice module = slice_of(bytes.data, bytes.size);
    const struct pando_id mac = seal(d, id, module);
    char path[DIR_MAX + 100], temporary[DIR_MAX + 100];
    path_of(d, id, SUFFIX, path, sizeof path);
    path_of(d, id, ".XXXXXX", temporary, sizeof temporary);
    make_room(d);
    const int fd =
        module.len + HEAD_SIZE <= FILE_MAX ? mkostemp(temporary, O_CLOEXEC) : -1;
    if (fd >= 0) {
        const bool written = write_all(fd, slice_of(FILE_MAGIC, 8)) &&
                             write_all(fd, SLICE_OF(mac)) && write_all(fd, module);
        (void)close(fd);
        if (!written || rename(temporary, path) != 0)
            (void)unlink(temporary);
    }
    wasm_byte_vec_delete(&bytes);
}
