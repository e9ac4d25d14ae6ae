/* files_posix.c - the real disk. errno ends here: nothing above sees it. */
#include "store/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static enum pando_status from_errno(int number)
{
    switch (number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return PANDO_NOSPACE;
    case EACCES:
    case EPERM:
    case EROFS:
        return PANDO_REFUSED;
    case ENOENT:
    case ENOTDIR:
        return PANDO_NOT_FOUND;
    case EEXIST:
        return PANDO_EXISTS;
    case ENOMEM:
        return PANDO_NOMEM;
    case EMFILE:
    case ENFILE:
        return PANDO_FULL;
    case EWOULDBLOCK:
        return PANDO_BUSY;
    default:
        return PANDO_IO;
    }
}

static enum pando_status from_result(int result)
{
    return result == 0 ? PANDO_OK : from_errno(errno);
}

static enum pando_status posix_open(void *ctx, const char *path, enum files_mode mode,
                                    int *ret_file)
{
    (void)ctx;
    static const int flags[] = {
        [FILES_READ] = O_RDONLY,
        [FILES_WRITE] = O_RDWR,
        [FILES_CREATE] = O_RDWR | O_CREAT,
        [FILES_NEW] = O_RDWR | O_CREAT | O_EXCL,
    };
    const int fd = open(path, flags[mode] | O_CLOEXEC, 0600);
    if (fd < 0)
        return from_errno(errno);
    *ret_file = fd;
    return PANDO_OK;
}

static void posix_close(void *ctx, int file)
{
    (void)ctx;
    (void)close(file);
}

static enum pando_status posix_pread(void *ctx, int file, uint64_t offset, uint8_t *ptr,
                                     size_t len, size_t *ret_len)
{
    (void)ctx;
    size_t done = 0;
    while (done < len) {
        const ssize_t n = pread(file, ptr + done, len - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return from_errno(errno);
        if (n == 0)
            break;
        done += (size_t)n;
    }
    *ret_len = done;
    return PANDO_OK;
}

static enum pando_status posix_pwrite(void *ctx, int file, uint64_t offset,
                                      struct pando_slice bytes)
{
    (void)ctx;
    size_t done = 0;
    while (done < bytes.len) {
        const ssize_t n =
            pwrite(file, bytes.ptr + done, bytes.len - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return from_errno(errno);
        done += (size_t)n;
    }
    return PANDO_OK;
}

static enum pando_status posix_fdatasync(void *ctx, int file)
{
    (void)ctx;
    return from_result(fdatasync(file));
}

static enum pando_status posix_forget(void *ctx, int file)
{
    (void)ctx;
    const int number = posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    return number == 0 ? PANDO_OK : from_errno(number);
}

static enum pando_status posix_reserve(void *ctx, int file, uint64_t size)
{
    (void)ctx;
    struct stat st;
    if (fstat(file, &st) != 0)
        return from_errno(errno);
    if ((uint64_t)st.st_size >= size)
        return PANDO_OK;
    if (fallocate(file, 0, 0, (off_t)size) == 0)
        return PANDO_OK;
    if (errno != EOPNOTSUPP && errno != ENOSYS)
        return from_errno(errno);
    return from_result(ftruncate(file, (off_t)size)); /* the file system cannot reserve */
}

static enum pando_status posix_truncate(void *ctx, int file, uint64_t size)
{
    (void)ctx;
    return from_result(ftruncate(file, (off_t)size));
}

static enum pando_status posix_size(void *ctx, int file, uint64_t *ret_size)
{
    (void)ctx;
    struct stat st;
    if (fstat(file, &st) != 0)
        return from_errno(errno);
    *ret_size = (uint64_t)st.st_size;
    return PANDO_OK;
}

static enum pando_status posix_rename(void *ctx, const char *from, const char *to)
{
    (void)ctx;
    return from_result(rename(from, to));
}

static enum pando_status posix_unlink(void *ctx, const char *path)
{
    (void)ctx;
    return from_result(unlink(path));
}

static enum pando_status posix_mkdir(void *ctx, const char *path)
{
    (void)ctx;
    return from_result(mkdir(path, 0700));
}

static enum pando_status posix_sync_dir(void *ctx, const char *path)
{
    (void)ctx;
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return from_errno(errno);
    const enum pando_status st = from_result(fsync(fd));
    (void)close(fd);
    return st;
}

static bool is_directory(const char *dir, const struct dirent *entry)
{
    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type == DT_DIR;
    char path[FILES_PATH_MAX];
    struct stat st;
    return files_path(path, dir, entry->d_name) == PANDO_OK && stat(path, &st) == 0 &&
           S_ISDIR(st.st_mode);
}

static enum pando_status posix_list(void *ctx, const char *path, void *arg,
                                    void (*each)(void *arg, const char *name,
                                                 bool is_dir))
{
    (void)ctx;
    DIR *dir = opendir(path);
    if (dir == NULL)
        return from_errno(errno);
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (entry == NULL)
            break;
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            each(arg, entry->d_name, is_directory(path, entry));
    }
    const int number = errno;
    (void)closedir(dir);
    return number == 0 ? PANDO_OK : from_errno(number);
}

static int read_holder(int fd)
{
    char text[24];
    const ssize_t n = pread(fd, text, sizeof text - 1, 0);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    const long pid = strtol(text, NULL, 10);
    return pid > 0 && pid <= INT32_MAX ? (int)pid : 0;
}

/* flock belongs to the opening, not to the process: two nodes in one process exclude each
 * other too, and the kernel gives it back when a holder dies. */
static enum pando_status posix_lock(void *ctx, const char *path, int *ret_file,
                                    int *ret_holder)
{
    (void)ctx;
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return from_errno(errno);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        const enum pando_status st = from_errno(errno);
        if (st == PANDO_BUSY)
            *ret_holder = read_holder(fd);
        (void)close(fd);
        return st;
    }
    char text[24];
    const int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    enum pando_status st = from_result(ftruncate(fd, 0));
    if (st == PANDO_OK)
        st = posix_pwrite(NULL, fd, 0,
                          (struct pando_slice){ (uint8_t *)text, (size_t)len });
    if (st != PANDO_OK && st != PANDO_NOSPACE) { /* a full disk must not keep us out */
        (void)close(fd);
        return st;
    }
    *ret_file = fd;
    return PANDO_OK;
}

struct pando_files files_posix(void)
{
    static const struct files_ops ops = {
        .open = posix_open,
        .close = posix_close,
        .pread = posix_pread,
        .pwrite = posix_pwrite,
        .fdatasync = posix_fdatasync,
        .forget = posix_forget,
        .fallocate = posix_reserve,
        .truncate = posix_truncate,
        .size = posix_size,
        .rename = posix_rename,
        .unlink = posix_unlink,
        .mkdir = posix_mkdir,
        .sync_dir = posix_sync_dir,
        .list = posix_list,
        .lock = posix_lock,
    };
    return (struct pando_files){ NULL, &ops };
}
