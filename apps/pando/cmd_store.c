/* cmd_store.c - backup, restore, and the checks of a store. */
#include "apps/pando/commands.h"

#include "apps/pando/output.h"
#include "apps/pando/reach.h"
#include "apps/pando/running.h"
#include "node/kinds.h"
#include "space/space.h"
#include "store/store.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum pando_status run_backup(const struct args *args, struct pando_err *reterr)
{
    /* The node may run in another folder: it must not take the path as its own. */
    char cwd[PATH_MAX] = "", path[2 * PATH_MAX];
    if (args->words[0][0] != '/' && getcwd(cwd, sizeof cwd) == NULL)
        return pando_err_set(reterr, PANDO_IO, "the current folder has no path");
    (void)snprintf(path, sizeof path, "%s%s%s", cwd, cwd[0] != '\0' ? "/" : "",
                   args->words[0]);
    json_t *answer = NULL;
    const enum pando_status st = reach_call(
        args, "store.backup", json_pack("{s:s}", "path", path), &answer, reterr);
    if (st == PANDO_OK && !args->json)
        (void)printf("Backed up to %s. It holds the node's key: keep it private.\n",
                     path);
    json_decref(answer);
    return st;
}

static void found(void *ctx, const char *text)
{
    (void)ctx;
    (void)fprintf(stderr, "damaged: %s\n", text);
}

static enum pando_status data_of(const struct args *args, const char **ret_data,
                                 struct pando_err *reterr)
{
    const char *data = reach_data(args);
    if (data == NULL)
        return pando_err_set(reterr, PANDO_INVALID, "name the data folder with --data");
    *ret_data = data;
    return PANDO_OK;
}

enum pando_status run_restore(const struct args *args, struct pando_err *reterr)
{
    const char *data = NULL;
    const struct store_progress progress = { .found = found };
    enum pando_status st = data_of(args, &data, reterr);
    if (st == PANDO_OK)
        st = store_restore(args->words[0], data, &progress, reterr);
    if (st == PANDO_OK && args->json)
        (void)printf("{\"restored\":true}\n");
    else if (st == PANDO_OK)
        (void)printf(
            "Restored into %s; its authors continue in a new epoch.\n"
            "Never run the old node and the restored one together: they have one key.\n",
            data);
    return st;
}

static void print_verdict(const struct args *args, const struct store_verdict *v)
{
    char size[32];
    if (args->json) {
        (void)printf(
            "{\"spaces\":%llu,\"files\":%llu,\"records\":%llu,\"table_entries\":%llu,"
            "\"bytes\":%llu,\"damaged\":%llu}\n",
            (unsigned long long)v->spaces, (unsigned long long)v->files,
            (unsigned long long)v->records, (unsigned long long)v->table_entries,
            (unsigned long long)v->bytes, (unsigned long long)v->damaged);
        return;
    }
    size_text((double)v->bytes, size);
    (void)printf(
        "%llu spaces, %llu files, %llu records, %llu table entries, %s: %llu damaged\n",
        (unsigned long long)v->spaces, (unsigned long long)v->files,
        (unsigned long long)v->records, (unsigned long long)v->table_entries, size,
        (unsigned long long)v->damaged);
}

static bool is_running(const char *data)
{
    char path[600];
    (void)snprintf(path, sizeof path, "%.500s/control.sock", data);
    return !running_is_stopped(path);
}

/* A running node checks itself, up to what is durable. */
static enum pando_status verify_running(const struct args *args, struct pando_err *reterr)
{
    return reach_show(args, "store.verify", json_object(), reterr);
}

enum pando_status run_db_verify(const struct args *args, struct pando_err *reterr)
{
    const char *data = reach_data(args);
    struct store_verdict verdict = { 0 };
    const struct store_progress progress = { .found = found };
    if (data == NULL || is_running(data))
        return verify_running(args, reterr);
    const enum pando_status st = store_verify(data, false, &progress, &verdict, reterr);
    if (st == PANDO_OK || st == PANDO_CORRUPT)
        print_verdict(args, &verdict);
    return st;
}

/* What the records of the space at hand mean to the tables is said by its kind. */
struct reindex {
    const char *data;
    struct pando_id space;
    const struct space_ops *ops; /* NULL: of no space yet */
    char kind[STORE_KIND_MAX + 1];
    bool unknown;
};

static const struct space_ops *kind_of(struct reindex *r, const struct pando_id *space)
{
    if (r->ops != NULL && memcmp(&r->space, space, sizeof *space) == 0)
        return r->ops;
    r->ops = NULL;
    r->space = *space;
    r->kind[0] = '\0';
    if (store_kind_read(r->data, space, r->kind) != PANDO_OK)
        return NULL;
    for (size_t i = 0; i < node_kinds_len; i++)
        if (strcmp(node_kinds[i]->kind, r->kind) == 0)
            r->ops = node_kinds[i];
    return r->ops;
}

static enum pando_status fold(void *ctx, struct tables *tables,
                              const struct pando_id *space, uint8_t record,
                              uint64_t position, struct pando_slice bytes)
{
    struct reindex *r = ctx;
    const struct space_ops *ops = kind_of(r, space);
    r->unknown = ops == NULL;
    return ops == NULL ? PANDO_UNSUPPORTED
                       : ops->fold(tables, space, record, position, bytes);
}

/* The old index is gone by then, and a start folds what has none. */
static enum pando_status unknown_kind(const struct reindex *r, struct pando_err *reterr)
{
    return pando_err_set(reterr, PANDO_UNSUPPORTED,
                         "a space of %.150s is of %s: start its node once, which rebuilds the index "
                         "by itself",
                         r->data, r->kind[0] != '\0' ? "a kind that this version does not know"
                                                    : "no noted kind (an older version made it)");
}

enum pando_status run_db_reindex(const struct args *args, struct pando_err *reterr)
{
    const char *data = NULL;
    struct store_verdict verdict = { 0 };
    const struct store_progress progress = { .found = found };
    enum pando_status st = data_of(args, &data, reterr);
    if (st == PANDO_OK && is_running(data))
        st = pando_err_set(reterr, PANDO_BUSY, "the node of %.150s runs: stop it first",
                           data);
    if (st != PANDO_OK)
        return st;
    struct reindex r = { .data = data };
    const struct store_fold how = { &r, fold, NULL };
    st = store_reindex(data, &how, &progress, &verdict, reterr);
    if (st != PANDO_OK && r.unknown)
        return unknown_kind(&r, reterr);
    if (st == PANDO_OK)
        print_verdict(args, &verdict);
    return st;
}
