#include "store/files.h"

#include <stdio.h>
#include <string.h>

const char *files_remedy(enum pando_status status)
{
    switch (status) {
    case PANDO_NOSPACE:
        return "free some space or raise the quota; it goes on by itself then";
    case PANDO_REFUSED:
        return "make the directory writable for this user, or choose another "
               "with --data";
    case PANDO_NOT_FOUND:
        return "check the path";
    case PANDO_BUSY:
        return "stop the other process, or choose another directory with --data";
    case PANDO_IO:
        return "look into the kernel's log for a failing disk";
    default:
        return "";
    }
}

enum pando_status files_path(char ret_path[static FILES_PATH_MAX], const char *dir,
                             const char *name)
{
    const int len = snprintf(ret_path, FILES_PATH_MAX, "%s/%s", dir, name);
    return len < 0 || len >= FILES_PATH_MAX ? PANDO_INVALID : PANDO_OK;
}

enum pando_status files_mkdirs(const struct pando_files *f, const char *path)
{
    char part[FILES_PATH_MAX];
    const size_t len = strlen(path);
    if (len == 0 || len >= sizeof part)
        return PANDO_INVALID;
    memcpy(part, path, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        part[i] = '\0';
        const enum pando_status st = f->ops->mkdir(f->ctx, part);
        if (st != PANDO_OK && st != PANDO_EXISTS && i == len)
            return st;
        part[i] = path[i];
    }
    return PANDO_OK;
}

static enum pando_status write_new(const struct pando_files *f, const char *path,
                                   struct pando_slice bytes)
{
    int file;
    enum pando_status st = f->ops->open(f->ctx, path, FILES_CREATE, &file);
    if (st != PANDO_OK)
        return st;
    st = f->ops->truncate(f->ctx, file, 0);
    if (st == PANDO_OK)
        st = f->ops->pwrite(f->ctx, file, 0, bytes);
    if (st == PANDO_OK)
        st = f->ops->fdatasync(f->ctx, file);
    f->ops->close(f->ctx, file);
    return st;
}

enum pando_status files_replace(const struct pando_files *f, const char *dir,
                                const char *name, struct pando_slice bytes)
{
    char path[FILES_PATH_MAX], fresh[FILES_PATH_MAX];
    enum pando_status st = files_path(path, dir, name);
    if (st == PANDO_OK &&
        snprintf(fresh, sizeof fresh, "%s/%s.tmp", dir, name) >= (int)sizeof fresh)
        st = PANDO_INVALID;
    if (st != PANDO_OK)
        return st;
    st = write_new(f, fresh, bytes);
    if (st == PANDO_OK)
        st = f->ops->rename(f->ctx, fresh, path);
    if (st != PANDO_OK) {
        (void)f->ops->unlink(f->ctx, fresh);
        return st;
    }
    return f->ops->sync_dir(f->ctx, dir);
}

bool files_has(const struct pando_files *f, const char *dir, const char *name)
{
    char path[FILES_PATH_MAX];
    int file;
    if (files_path(path, dir, name) != PANDO_OK ||
        f->ops->open(f->ctx, path, FILES_READ, &file) != PANDO_OK)
        return false;
    f->ops->close(f->ctx, file);
    return true;
}
