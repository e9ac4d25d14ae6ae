#include "host/state.h"

#include "base/slice.h"
#include "exec/receipt.h"
#include "host/lookup.h"
#include "host/report.h"
#include "node/args.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Up to so many signatures are checked on the loop itself when nobody else waits: two
 * thread switches cost more than they do, and latency is what a lone event wants. */
#define INLINE_ITEMS 2

/* The items are copies: whoever asked may be gone before the answer. */
struct verify_job {
    struct pool_job job;
    struct host *host;
    uint64_t number;
    struct space_verify_item *items; /* and the signed bytes behind them */
    size_t len;
    uint64_t bits[SPACE_VERIFY_MAX / 64];
};

static struct space_verify_item *copy_items(const struct space_verify_item *items, size_t len)
{
    size_t bytes = 0;
    for (size_t i = 0; i < len; i++)
        bytes += items[i].signed_bytes.len;
    struct space_verify_item *copies = malloc(len * sizeof *copies + bytes + 1);
    uint8_t *at = (uint8_t *)(copies + len);
    for (size_t i = 0; copies != NULL && i < len; i++) {
        const struct pando_slice from = items[i].signed_bytes;
        copies[i] = items[i];
        copies[i].signed_bytes = slice_of(at, from.len);
        if (from.len > 0)
            memcpy(at, from.ptr, from.len);
        at += from.len;
    }
    return copies;
}

static void check_all(const struct space_verify_item *items, size_t len, uint64_t *bits)
{
    for (size_t i = 0; i < len; i++)
        if (crypto_verify(&items[i].key, items[i].signed_bytes, &items[i].sig))
            bits[i / 64] |= UINT64_C(1) << (i % 64);
}

static void run_verify(struct pool_job *job)
{
    struct verify_job *v = (struct verify_job *)job;
    check_all(v->items, v->len, v->bits);
}

static void verified(struct pool_job *job)
{
    struct verify_job *v = (struct verify_job *)job;
    node_verified(v->host->node, host_now(v->host), v->number, v->bits);
    free(v->items);
    free(v);
}

/* A completion that is ready at once still comes from the loop, not from inside the port.
 */
static void on_inline_done(uv_idle_t *idle)
{
    struct host *h = idle->data;
    (void)uv_idle_stop(idle);
    for (struct pool_job *job = h->ready, *next; job != NULL; job = next) {
        next = job->next;
        h->ready = next;
        job->done(job);
    }
    loop_again(h); /* idle handles run before the wait, what we did asks for commits */
}

static void finish_soon(struct host *h, struct pool_job *job)
{
    struct pool_job **last = &h->ready;
    while (*last != NULL)
        last = &(*last)->next;
    job->next = NULL;
    *last = job;
    (void)uv_idle_start(&h->idle, on_inline_done);
}

void workers_verify(void *ctx, uint64_t job, const struct space_verify_item *items,
                    size_t len)
{
    struct host *h = ctx;
    struct verify_job *v = calloc(1, sizeof *v);
    struct space_verify_item *copies = copy_items(items, len);
    if (v == NULL || copies == NULL)
        abort(); /* nothing can be judged any more: better no node than an unverified one
                  */
    *v = (struct verify_job){ .job = { .run = run_verify, .done = verified },
                              .host = h,
                              .number = job,
                              .items = copies,
                              .len = len };
    if ((len <= INLINE_ITEMS && pool_pending(h->verifiers) == 0) ||
        pool_submit(h->verifiers, &v->job) != PANDO_OK) {
        run_verify(&v->job);
        finish_soon(h, &v->job);
    }
}

struct run_job {
    struct pool_job job;
    struct host *host;
    uint64_t number;
    struct node_run run;
    struct exec_limits limits;
    struct exec_result *result;
    struct exec_report *report;
    struct receipt receipt;
    bool has_receipt;
    enum pando_status status;
    struct pando_err err;
};

static void run_capsule(struct pool_job *job)
{
    struct run_job *r = (struct run_job *)job;
    if (r->run.limits != NULL)
        r->status =
            exec_limits_parse(bytes_view(r->run.limits), &r->limits, &r->limits, &r->err);
    if (r->status != PANDO_OK) {
        if (r->result != NULL) {
            r->result->failure = EXEC_FAIL_INPUT;
            (void)snprintf(r->result->text, sizeof r->result->text, "%.239s", r->err.text);
        }
        return;
    }
    if (r->run.validate_only) {
        r->status = exec_validate(r->host->exec, bytes_view(r->run.capsule), &r->limits,
                                  r->report);
        return;
    }
    const struct exec_request request = {
        .capsule = bytes_view(r->run.capsule),
        .input = bytes_view(r->run.input),
        .limits = r->limits,
        .time = r->run.time,
        .nonce = r->run.nonce,
    };
    if (exec_run(r->host->exec, &request, r->result) != PANDO_OK || !r->run.receipt ||
        receipt_make(&request, r->result, &r->run.space, &r->receipt) != PANDO_OK)
        return;
    receipt_sign(&r->receipt, r->host->secret);
    r->has_receipt = true;
}

static void free_run(struct run_job *r)
{
    bytes_unref(r->run.capsule);
    bytes_unref(r->run.input);
    bytes_unref(r->run.limits);
    if (r->result != NULL)
        exec_result_deinit(r->result);
    free(r->result);
    free(r->report);
    free(r);
}

static void ran(struct pool_job *job)
{
    struct run_job *r = (struct run_job *)job;
    struct host *h = r->host;
    if (!r->run.validate_only) {
        node_ran(h->node, host_now(h), r->number, r->result,
                 r->has_receipt ? &r->receipt : NULL);
    } else {
        struct pando_buf b;
        buf_init(&b, 64u << 10);
        enum pando_status st =
            r->err.text[0] != '\0' ? r->err.status : report_print(r->report, &b);
        node_worked(h->node, host_now(h), r->number, st,
                    st == PANDO_OK ? buf_view(&b) : slice_text(r->err.text));
        buf_deinit(&b);
    }
    free_run(r);
}

enum pando_status workers_run(void *ctx, uint64_t job, const struct node_run *run)
{
    struct host *h = ctx;
    struct run_job *r = calloc(1, sizeof *r);
    if (r == NULL)
        return PANDO_NOMEM;
    *r = (struct run_job){ .job = { .run = run_capsule, .done = ran },
                           .host = h,
                           .number = job,
                           .run = *run,
                           .limits = h->limits };
    if (run->validate_only)
        r->report = calloc(1, sizeof *r->report);
    else
        r->result = calloc(1, sizeof *r->result);
    enum pando_status st =
        r->report == NULL && r->result == NULL ? PANDO_NOMEM : PANDO_OK;
    if (st == PANDO_OK)
        st = pool_submit(h->runners, &r->job);
    if (st != PANDO_OK) { /* the references stay the caller's */
        free(r->result);
        free(r->report);
        free(r);
    }
    return st;
}

struct resolve_job {
    struct pool_job job;
    struct host *host;
    uint32_t token;
    struct lookup_wish wish;
    char name[254];
    uint8_t ip[16];
    uint8_t ip_len;
    char text[200];
};

static void run_resolve(struct pool_job *job)
{
    struct resolve_job *r = (struct resolve_job *)job;
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM };
    struct addrinfo *list = NULL;
    const int rc = getaddrinfo(r->name, NULL, &hints, &list);
    if (rc != 0) {
        (void)snprintf(r->text, sizeof r->text, "'%.80s' does not resolve: %s", r->name,
                       gai_strerror(rc));
        return;
    }
    if (lookup_choose(list, &r->wish, r->ip, &r->ip_len) != PANDO_OK)
        (void)snprintf(r->text, sizeof r->text,
                       "'%.80s' has no address that this node can dial: it listens on %s",
                       r->name,
                       r->wish.ip4 && r->wish.ip6 ? "IPv4 and IPv6"
                       : r->wish.ip6              ? "IPv6 only"
                                                  : "IPv4 only");
    freeaddrinfo(list);
}

static void resolved(struct pool_job *job)
{
    struct resolve_job *r = (struct resolve_job *)job;
    node_resolved(r->host->node, host_now(r->host), r->token, r->ip, r->ip_len, r->text);
    free(r);
}

void workers_resolve(void *ctx, uint32_t token, const char *name, uint8_t family,
                     uint32_t attempt)
{
    struct host *h = ctx;
    struct resolve_job *r = calloc(1, sizeof *r);
    if (r == NULL)
        return; /* the dialler's own limit ends the wait */
    *r = (struct resolve_job){ .job = { .run = run_resolve, .done = resolved },
                               .host = h,
                               .token = token,
                               .wish = { .family = family, .attempt = attempt } };
    struct multiaddr local;
    struct multiaddr_udp udp;
    for (size_t i = 0; h->quic != NULL && quic_local(h->quic, i, &local); i++) {
        if (multiaddr_to_udp(&local, &udp) != PANDO_OK)
            continue;
        r->wish.ip4 = r->wish.ip4 || udp.ip_len == 4;
        r->wish.ip6 = r->wish.ip6 || udp.ip_len == 16;
    }
    (void)snprintf(r->name, sizeof r->name, "%s", name);
    if (pool_submit(h->helpers, &r->job) != PANDO_OK)
        free(r);
}

/* Slow work that a call asked for. */
enum work_kind { WORK_BACKUP, WORK_VERIFY, WORK_KEEP };

struct work_job {
    struct pool_job job;
    struct host *host;
    uint64_t number;
    enum work_kind kind;
    struct bytes *kept; /* KEEP: the text */
    struct store_backup_plan *plan;
    char target[1024];
    enum pando_status status;
    struct pando_err err;
    struct store_verdict verdict;
};

static void run_work(struct pool_job *job)
{
    struct work_job *w = (struct work_job *)job;
    const struct store_progress progress = { 0 };
    if (w->kind == WORK_BACKUP)
        w->status = store_backup(w->plan, w->target, &progress, &w->err);
    else if (w->kind == WORK_KEEP)
        w->status =
            store_note_write(w->host->config->data, bytes_view(w->kept), &w->err);
    else
        w->status =
            store_verify(w->host->config->data, true, &progress, &w->verdict, &w->err);
}

static void worked(struct pool_job *job)
{
    struct work_job *w = (struct work_job *)job;
    w->host->walks -= w->kind != WORK_KEEP;
    char text[512];
    int len;
    if (w->status != PANDO_OK)
        len = snprintf(text, sizeof text, "%s", w->err.text);
    else if (w->kind != WORK_VERIFY)
        len = snprintf(text, sizeof text, "{\"done\":true}");
    else
        len = snprintf(
            text, sizeof text,
            "{\"spaces\":%llu,\"files\":%llu,\"records\":%llu,\"table_entries\":%llu,"
            "\"bytes\":%llu,\"damaged\":%llu}",
            (unsigned long long)w->verdict.spaces, (unsigned long long)w->verdict.files,
            (unsigned long long)w->verdict.records,
            (unsigned long long)w->verdict.table_entries,
            (unsigned long long)w->verdict.bytes, (unsigned long long)w->verdict.damaged);
    node_worked(w->host->node, host_now(w->host), w->number, w->status,
                slice_of(text, (size_t)len));
    bytes_unref(w->kept);
    free(w);
}

static enum work_kind work_named(const char *what)
{
    return strcmp(what, "backup") == 0 ? WORK_BACKUP
           : strcmp(what, "keep") == 0 ? WORK_KEEP
                                       : WORK_VERIFY;
}

enum pando_status workers_work(void *ctx, uint64_t job, const char *what,
                               struct pando_slice args)
{
    struct host *h = ctx;
    struct work_job *w = calloc(1, sizeof *w);
    if (w == NULL)
        return PANDO_NOMEM;
    *w = (struct work_job){ .job = { .run = run_work, .done = worked },
                            .host = h,
                            .number = job,
                            .kind = work_named(what) };
    enum pando_status st = PANDO_OK;
    if (w->kind == WORK_KEEP && (w->kept = bytes_copy(args)) == NULL)
        st = PANDO_NOMEM;
    if (w->kind == WORK_BACKUP) {
        json_t *parsed = args_parse(args, NULL);
        const char *target = args_text(parsed, "path", NULL);
        st = target == NULL ? PANDO_INVALID : store_backup_plan(h->store, &w->plan);
        (void)snprintf(w->target, sizeof w->target, "%s", target == NULL ? "" : target);
        json_decref(parsed);
    }
    if (st == PANDO_OK)
        st = pool_submit(h->helpers, &w->job);
    h->walks += st == PANDO_OK && w->kind != WORK_KEEP;
    if (st != PANDO_OK) {
        store_backup_plan_free(w->plan);
        bytes_unref(w->kept);
        free(w);
    }
    return st;
}
