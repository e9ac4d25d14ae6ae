#include "crypto/keystore_private.h"

#include "base/slice.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium/utils.h>

/* The only place that reads errno; `doing` and `path` make the text. */
static enum pando_status from_errno(struct pando_err *reterr, const char *doing,
                                    const char *path)
{
    const int error = errno;
    const enum pando_status st = error == ENOSPC || error == EDQUOT ? PANDO_NOSPACE
                                 : error == ENOMEM                  ? PANDO_NOMEM
                                                                    : PANDO_IO;
    return pando_err_set(reterr, st, "keystore: cannot %s %s: %s", doing, path,
                         strerror(error));
}

static bool join(const char *dir, const char *name, char ret_path[PATH_MAX])
{
    const int len = snprintf(ret_path, PATH_MAX, "%s/%s", dir, name);
    return len > 0 && len < PATH_MAX;
}

static bool write_all(int fd, struct pando_slice s)
{
    while (s.len > 0) {
        const ssize_t n = write(fd, s.ptr, s.len);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0)
            s = slice_from(s, (size_t)n);
    }
    return true;
}

/* Make a rename in `dir` durable. */
static bool sync_dir(const char *dir)
{
    const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    const bool good = fsync(fd) == 0;
    (void)close(fd);
    return good;
}

/* Put `from` in the place of `to`; with `fresh` only where nothing is. File systems that
 * cannot promise that get a plain rename, as the data folder's lock keeps others away. */
static int put_in_place(const char *from, const char *to, bool fresh)
{
    if (fresh) {
        if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
            return 0;
        if (errno != EINVAL && errno != ENOSYS)
            return -1;
    }
    return rename(from, to);
}

/* Write the file as a whole. Errors: PANDO_EXISTS `fresh` and somebody was faster. */
static enum pando_status save(const struct keystore *ks, bool fresh,
                              struct pando_err *reterr)
{
    char path[PATH_MAX], temp[PATH_MAX];
    struct pando_buf text;
    const char *doing = "name the files in", *object = ks->dir;
    int fd = -1;
    bool made = false;
    enum pando_status st;

    buf_init(&text, KEYSTORE_SIZE_MAX + 64);
    errno = ENAMETOOLONG;
    if (!join(ks->dir, KEYSTORE_FILE, path) ||
        !join(ks->dir, KEYSTORE_FILE ".XXXXXX", temp))
        goto fail;
    st = keystore_encode(ks, &text);
    if (st != PANDO_OK) {
        keystore_wipe_buf(&text);
        return pando_err_set(reterr, st, "keystore: %s", pando_status_text(st));
    }
    doing = "create a file like";
    object = temp;
    fd = mkostemp(temp, O_CLOEXEC); /* mode 0600 */
    if (fd < 0)
        goto fail;
    made = true;
    doing = "write";
    if (!write_all(fd, buf_view(&text)) || fsync(fd) != 0)
        goto fail;
    doing = "rename to";
    object = path;
    if (put_in_place(temp, path, fresh) != 0)
        goto fail;
    made = false;
    doing = "make durable the folder";
    object = ks->dir;
    if (!sync_dir(ks->dir))
        goto fail;
    (void)close(fd);
    keystore_wipe_buf(&text);
    return PANDO_OK;

fail:
    st = errno == EEXIST && fresh ? PANDO_EXISTS : from_errno(reterr, doing, object);
    if (fd >= 0)
        (void)close(fd);
    if (made)
        (void)unlink(temp);
    keystore_wipe_buf(&text);
    return st;
}

/* Only a regular file that nobody else may read. */
static enum pando_status check_mode(int fd, const char *path, struct pando_err *reterr)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return from_errno(reterr, "look at", path);
    if (!S_ISREG(info.st_mode))
        return pando_err_set(reterr, PANDO_REFUSED,
                             "keystore: %.120s is not a regular file", path);
    if ((info.st_mode & 077) != 0)
        return pando_err_set(
            reterr, PANDO_REFUSED,
            "keystore: other users may open it (mode %04o); run: chmod 600 %.120s",
            (unsigned)info.st_mode & 07777, path);
    return PANDO_OK;
}

/* The whole file, or KEYSTORE_SIZE_MAX + 1 bytes of a longer one. */
static bool read_all(int fd, uint8_t ret[KEYSTORE_SIZE_MAX + 1], size_t *ret_len)
{
    size_t len = 0;
    while (len <= KEYSTORE_SIZE_MAX) {
        const ssize_t n = read(fd, ret + len, KEYSTORE_SIZE_MAX + 1 - len);
        if (n == 0)
            break;
        if (n < 0 && errno != EINTR)
            return false;
        len += n > 0 ? (size_t)n : 0;
    }
    *ret_len = len;
    return true;
}

/* Errors: PANDO_NOT_FOUND, with no text: the caller knows what that means. */
static enum pando_status load(const char *dir, struct keystore **ret_keystore,
                              struct pando_err *reterr)
{
    char path[PATH_MAX];
    uint8_t text[KEYSTORE_SIZE_MAX + 1];
    size_t len = 0;
    errno = ENAMETOOLONG;
    if (!join(dir, KEYSTORE_FILE, path))
        return from_errno(reterr, "name the file in", dir);
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? PANDO_NOT_FOUND : from_errno(reterr, "open", path);
    enum pando_status st = check_mode(fd, path, reterr);
    if (st == PANDO_OK && !read_all(fd, text, &len))
        st = from_errno(reterr, "read", path);
    (void)close(fd);
    if (st == PANDO_OK)
        st = keystore_decode(slice_of(text, len), dir, ret_keystore, reterr);
    sodium_memzero(text, sizeof text);
    return st;
}

static enum pando_status create_fresh(const char *dir, struct keystore **ret_keystore,
                                      struct pando_err *reterr)
{
    uint8_t seed[32];
    struct keystore *ks = keystore_empty(dir);
    if (ks == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "keystore: out of memory");
    crypto_random(seed, sizeof seed);
    enum pando_status st = keystore_add(ks, slice_text("node"), seed, reterr);
    sodium_memzero(seed, sizeof seed);
    if (st == PANDO_OK)
        st = save(ks, true, reterr);
    if (st != PANDO_OK) {
        keystore_close(ks);
        return st == PANDO_EXISTS ? load(dir, ret_keystore, reterr) : st;
    }
    *ret_keystore = ks;
    return PANDO_OK;
}

enum pando_status keystore_open(const char *dir, bool create,
                                struct keystore **ret_keystore, struct pando_err *reterr)
{
    const enum pando_status st = load(dir, ret_keystore, reterr);
    if (st != PANDO_NOT_FOUND)
        return st;
    if (create)
        return create_fresh(dir, ret_keystore, reterr);
    return pando_err_set(
        reterr, PANDO_NOT_FOUND,
        "keystore: there is none in %.120s; start a node on that folder once, "
        "or restore the file from a backup",
        dir);
}

enum pando_status keystore_new_key(struct keystore *ks, const char *name,
                                   struct pando_err *reterr)
{
    uint8_t seed[32];
    crypto_random(seed, sizeof seed);
    enum pando_status st = keystore_add(ks, slice_text(name), seed, reterr);
    sodium_memzero(seed, sizeof seed);
    if (st != PANDO_OK)
        return st;
    st = save(ks, false, reterr);
    if (st != PANDO_OK)
        sodium_memzero(&ks->entries[--ks->len], sizeof ks->entries[0]);
    return st;
}
