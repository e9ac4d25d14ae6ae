/* journal_count.c - small files beside the segments that hold one number each: the epoch, and
 * how often the journal was repaired. One line of text, "pando-NAME 3 CRC".
 */
#include "store/journal_impl.h"

#include "base/slice.h"
#include "store/crc32c.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXT_MAX 80

static size_t print(const char *name, uint64_t count, char ret[static TEXT_MAX])
{
    char text[TEXT_MAX - 16];
    const int len = snprintf(text, sizeof text, "pando-%s %" PRIu64, name, count);
    const uint32_t crc = crc32c(0, slice_of(text, (size_t)len));
    return (size_t)snprintf(ret, TEXT_MAX, "%s %08x\n", text, crc);
}

enum pando_status journal_count_read(const struct pando_files *files, const char *dir,
                                     const char *name, uint64_t *ret,
                                     struct pando_err *reterr)
{
    char path[FILES_PATH_MAX], text[TEXT_MAX] = { 0 }, again[TEXT_MAX];
    size_t got = 0;
    int file;
    *ret = 0;
    enum pando_status st = files_path(path, dir, name);
    if (st == PANDO_OK)
        st = files->ops->open(files->ctx, path, FILES_READ, &file);
    if (st == PANDO_NOT_FOUND)
        return PANDO_OK;
    if (st != PANDO_OK)
        return pando_err_set(reterr, st, "journal: cannot read %.180s", path);
    st = files->ops->pread(files->ctx, file, 0, (uint8_t *)text, sizeof text - 1, &got);
    files->ops->close(files->ctx, file);
    const char *digits = strchr(text, ' ');
    const uint64_t count = digits == NULL ? 0 : strtoull(digits, NULL, 10);
    if (st != PANDO_OK || print(name, count, again) != got || memcmp(again, text, got) != 0)
        return pando_err_set(reterr, PANDO_CORRUPT,
                             "journal: %.160s is damaged; restore it from a backup", path);
    *ret = count;
    return PANDO_OK;
}

enum pando_status journal_count_raise(const struct pando_files *files, const char *dir,
                                      const char *name, uint64_t *ret,
                                      struct pando_err *reterr)
{
    char text[TEXT_MAX];
    uint64_t count;
    enum pando_status st = journal_count_read(files, dir, name, &count, reterr);
    if (st != PANDO_OK)
        return st;
    count++;
    const size_t len = print(name, count, text);
    st = files_replace(files, dir, name, slice_of(text, len));
    if (st != PANDO_OK)
        return pando_err_set(reterr, st, "journal: cannot write %.150s/%s: %s", dir, name,
                             pando_status_text(st));
    *ret = count;
    return PANDO_OK;
}

enum pando_status journal_epoch_read(const struct pando_files *files, const char *dir,
                                     uint64_t *ret_epoch, struct pando_err *reterr)
{
    return journal_count_read(files, dir, JOURNAL_EPOCH, ret_epoch, reterr);
}

enum pando_status journal_epoch_raise(const struct pando_files *files, const char *dir,
                                      uint64_t *ret_epoch, struct pando_err *reterr)
{
    return journal_count_raise(files, dir, JOURNAL_EPOCH, ret_epoch, reterr);
}

uint64_t journal_repairs(const struct journal *j)
{
    return j->repairs;
}
