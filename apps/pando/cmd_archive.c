/* cmd_archive.c - negated deltas into a file, and then out of the node.
 *
 * The file is on disk under its own name before the node is told to let go of anything.
 */
#include "apps/pando/commands.h"

#include "apps/pando/delta_args.h"
#include "apps/pando/delta_print.h"
#include "apps/pando/output.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_ROOM 1024

struct archive {
    const char *path;
    char part[PATH_ROOM]; /* where it is written until it is whole */
    FILE *file;
    unsigned long long bytes;
    bool failed;
};

static bool write_part(void *ctx, struct pando_slice part)
{
    struct archive *a = ctx;
    char size[32];
    a->failed = fwrite(part.ptr, 1, part.len, a->file) != part.len;
    a->bytes += part.len;
    size_text((double)a->bytes, size);
    if (isatty(STDERR_FILENO))
        (void)fprintf(stderr, "\rArchived %s   ", size);
    return !a->failed;
}

static bool sync_folder(const char *path)
{
    char copy[PATH_ROOM];
    (void)snprintf(copy, sizeof copy, "%s", path);
    const int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool good = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        (void)close(fd);
    return good;
}

static enum pando_status begin_file(struct archive *a, struct pando_err *reterr)
{
    const int len = snprintf(a->part, sizeof a->part, "%s.part", a->path);
    if (len < 0 || (size_t)len >= sizeof a->part)
        return pando_err_set(reterr, PANDO_INVALID, "--out is too long");
    if (access(a->path, F_OK) == 0)
        return pando_err_set(reterr, PANDO_EXISTS,
                             "%.160s is there already: an archive never takes the place of "
                             "another file",
                             a->path);
    a->file = fopen(a->part, "we");
    return a->file != NULL ? PANDO_OK
                           : pando_err_set(reterr, PANDO_IO, "cannot write %.160s: %s", a->part,
                                           strerror(errno));
}

/* On disk, contents and name. */
static enum pando_status keep_file(struct archive *a, enum pando_status st,
                                   struct pando_err *reterr)
{
    const bool whole = st == PANDO_OK && !a->failed && fflush(a->file) == 0 &&
                       fsync(fileno(a->file)) == 0;
    const bool good = fclose(a->file) == 0 && whole && rename(a->part, a->path) == 0 &&
                      sync_folder(a->path);
    if (!good && st == PANDO_OK)
        st = pando_err_set(reterr, errno == ENOSPC ? PANDO_NOSPACE : PANDO_IO,
                           "writing %.160s: %s; nothing was taken out", a->path,
                           strerror(errno));
    if (!good)
        (void)unlink(a->part);
    return st;
}

static enum pando_status write_file(const struct args *args, const struct reach *reach,
                                    struct archive *a, struct pando_err *reterr)
{
    const struct client_stream stream = { a, write_part };
    json_t *question = delta_question(args);
    enum pando_status st =
        delta_put_time(args, OPT_BEFORE, "--before", "before", question, reterr);
    if (st == PANDO_OK)
        st = begin_file(a, reterr);
    if (st == PANDO_OK)
        st = keep_file(a, reach_ask(reach, "delta.archive", question, &stream, NULL, reterr),
                       reterr);
    json_decref(question);
    return st;
}

static void print_archive(const struct args *args, const struct archive *a, const json_t *answer)
{
    char size[32];
    if (args->json) {
        json_t *whole = json_pack("{s:s,s:I}", "file", a->path, "bytes", (json_int_t)a->bytes);
        (void)json_object_update(whole, (json_t *)answer);
        delta_print_json(whole);
        json_decref(whole);
        return;
    }
    size_text((double)a->bytes, size);
    (void)printf("Archived %lld deltas to %s (%s); %lld that stay were written again, the room of "
                 "the others is free.\n",
                 number_of(answer, "archived"), a->path, size, number_of(answer, "moved"));
}

enum pando_status run_delta_archive(const struct args *args, struct pando_err *reterr)
{
    struct archive a = { .path = args_value(args, OPT_OUT, NULL) };
    struct reach reach;
    json_t *answer = NULL;
    if (a.path == NULL || !args_has(args, OPT_BEFORE))
        return pando_err_set(reterr, PANDO_INVALID,
                             "--before TIME says what goes (what was negated by then), --out FILE "
                             "where to");
    enum pando_status st = reach_find(args, &reach, reterr);
    if (st == PANDO_OK) {
        reach.target.timeout = PANDO_SEC(3600); /* it may look for long before it writes */
        st = write_file(args, &reach, &a, reterr);
    }
    if (st != PANDO_OK)
        return st;
    if (isatty(STDERR_FILENO))
        (void)fprintf(stderr, "\n");
    json_t *question = delta_question(args);
    st = delta_ask(&reach, "delta.archive_commit", question, &answer, reterr);
    json_decref(question);
    if (st == PANDO_OK)
        print_archive(args, &a, answer);
    json_decref(answer);
    return st;
}
