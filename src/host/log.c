#include "host/log.h"

#include "base/near.h"
#include "base/slice.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define PATH_MAX_LEN 512
#define KEEP_MAX     99
#define LEVELS       5

struct rate {
    int64_t second;
    unsigned lines;
    uint64_t dropped; /* in this second */
};

struct log {
    struct tracer tracer;
    pthread_mutex_t lock; /* over all below; records come from any thread */
    char id[64];
    char path[PATH_MAX_LEN];
    FILE *file;
    uint64_t size;
    uint64_t rotate_bytes;
    unsigned keep;
    bool json, seconds;
    void (*sink)(void *ctx, struct pando_slice line);
    void *sink_ctx;
    struct pando_wall (*wall)(void *ctx);
    void *wall_ctx;
    struct rate rates[TRACE_MODULES];
    uint64_t lost;
};

static struct pando_wall system_wall(void *ctx)
{
    (void)ctx;
    struct timespec ts;
    (void)clock_gettime(CLOCK_REALTIME, &ts);
    return (struct pando_wall){ ts.tv_sec * 1000 + ts.tv_nsec / 1000000 };
}

static FILE *open_file(const char *path, uint64_t *ret_size)
{
    FILE *file = fopen(path, "ae");
    struct stat st;
    *ret_size = file != NULL && fstat(fileno(file), &st) == 0 ? (uint64_t)st.st_size : 0;
    return file;
}

/* FILE.4 -> FILE.5, ..., FILE -> FILE.1; the oldest is lost. */
static void rotate(struct log *l)
{
    char from[PATH_MAX_LEN + 16], to[PATH_MAX_LEN + 16];
    (void)fclose(l->file);
    for (unsigned i = l->keep; i > 0; i--) {
        (void)snprintf(to, sizeof to, "%s.%u", l->path, i);
        if (i == 1)
            (void)snprintf(from, sizeof from, "%s", l->path);
        else
            (void)snprintf(from, sizeof from, "%s.%u", l->path, i - 1);
        (void)rename(from, to);
    }
    l->file = open_file(l->path, &l->size);
}

/* A line that cannot be written is counted; the next one tries again. */
static void put_line(struct log *l, const char *line, size_t len)
{
    if (l->file == stderr && l->sink != NULL) {
        l->sink(l->sink_ctx, slice_of(line, len));
        return;
    }
    if (l->file != stderr && l->file != NULL && l->rotate_bytes > 0 && l->size > 0 &&
        l->size + len > l->rotate_bytes)
        rotate(l);
    if (l->file == NULL)
        l->file = open_file(l->path, &l->size);
    if (l->file == NULL || fwrite(line, 1, len, l->file) != len || fflush(l->file) != 0) {
        if (l->file != NULL)
            clearerr(l->file);
        l->lost++;
        return;
    }
    l->size += len;
}

/* Control characters must not reach a terminal or break the line into two records. */
static size_t put_safe(const char *raw, bool json, char *text, size_t cap)
{
    size_t len = 0;
    for (; *raw != '\0' && len + 8 < cap; raw++) {
        const unsigned char c = (unsigned char)*raw;
        if (c < 0x20 || c == 0x7f)
            len +=
                (size_t)snprintf(text + len, cap - len, json ? "\\u%04x" : "\\x%02x", c);
        else if (json && (c == '"' || c == '\\'))
            len += (size_t)snprintf(text + len, cap - len, "\\%c", c);
        else
            text[len++] = *raw;
    }
    text[len] = '\0';
    return len;
}

static void write_record(struct log *l, struct pando_wall now, enum trace_module module,
                         enum trace_level level, const char *text)
{
    char safe[1600], line[2048], date[32];
    const time_t seconds = (time_t)(now.ms / 1000);
    struct tm tm;
    (void)put_safe(text, l->json, safe, sizeof safe);
    if (l->json) {
        (void)gmtime_r(&seconds, &tm);
        (void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
    } else {
        (void)localtime_r(&seconds, &tm);
        (void)strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &tm);
    }
    char part[8];
    (void)snprintf(part, sizeof part, l->json ? ".%03d" : ",%03d", (int)(now.ms % 1000));
    const int len = snprintf(
        line, sizeof line,
        l->json
            ? "{\"time\":\"%s%sZ\",\"module\":\"%s\",\"id\":\"%s\",\"level\":\"%s\","
              "\"text\":\"%s\"}\n"
            : "%s%s - %s.%s - %s - %s\n",
        date, l->seconds && !l->json ? "" : part, trace_module_name(module), l->id,
        trace_level_name(level), safe);
    if (len > 0)
        put_line(l, line, (size_t)len < sizeof line ? (size_t)len : sizeof line - 1);
}

static void tell_suppressed(struct log *l, struct pando_wall now,
                            enum trace_module module)
{
    struct rate *r = &l->rates[module];
    if (r->dropped == 0)
        return;
    char text[80];
    (void)snprintf(text, sizeof text, "suppressed %llu records of one second",
                   (unsigned long long)r->dropped);
    write_record(l, now, module, TRACE_WARNING, text);
    r->dropped = 0;
}

static void emit(void *ctx, const struct trace_record *record)
{
    struct log *l = ctx;
    (void)pthread_mutex_lock(&l->lock);
    const struct pando_wall now = l->wall(l->wall_ctx);
    struct rate *r = &l->rates[record->module];
    if (r->second != now.ms / 1000) {
        tell_suppressed(l, now, record->module);
        r->second = now.ms / 1000;
        r->lines = 0;
    }
    if (r->lines < LOG_RATE) {
        r->lines++;
        write_record(l, now, record->module, record->level, record->text);
    } else {
        r->dropped++;
        l->lost++;
    }
    (void)pthread_mutex_unlock(&l->lock);
}

/* Every folder above the file. */
static void make_folders(const char *path)
{
    char part[PATH_MAX_LEN];
    (void)snprintf(part, sizeof part, "%s", path);
    for (char *slash = strchr(part + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(part, 0700); /* if it fails, opening the file says why */
        *slash = '/';
    }
}

enum pando_status log_new(const struct log_config *config, struct log **ret_log,
                          struct pando_err *reterr)
{
    struct log *l = calloc(1, sizeof *l);
    if (l == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "log: memory is out");
    (void)put_safe(config->id != NULL ? config->id : "", config->json, l->id,
                   sizeof l->id);
    l->file = stderr;
    l->rotate_bytes = config->rotate_bytes;
    l->keep = config->keep == 0 ? 5 : config->keep > KEEP_MAX ? KEEP_MAX : config->keep;
    l->json = config->json;
    l->seconds = config->seconds;
    l->sink = config->sink;
    l->sink_ctx = config->sink_ctx;
    l->wall = config->wall != NULL ? config->wall : system_wall;
    l->wall_ctx = config->wall_ctx;
    l->tracer = (struct tracer){ .ctx = l, .emit = emit };
    memset(l->tracer.levels, TRACE_INFO, sizeof l->tracer.levels);
    (void)pthread_mutex_init(&l->lock, NULL);
    if (config->file != NULL && config->file[0] != '\0') {
        if (strlen(config->file) >= sizeof l->path) {
            log_free(l);
            return pando_err_set(reterr, PANDO_INVALID,
                                 "log: the file's path is too long");
        }
        (void)snprintf(l->path, sizeof l->path, "%s", config->file);
        make_folders(l->path);
        l->file = open_file(l->path, &l->size);
        if (l->file == NULL) {
            const int why = errno;
            log_free(l);
            return pando_err_set(reterr, why == ENOSPC ? PANDO_NOSPACE : PANDO_IO,
                                 "log: cannot write %s: %s (log.file in config.yml)",
                                 config->file, strerror(why));
        }
    }
    *ret_log = l;
    return PANDO_OK;
}

void log_free(struct log *l)
{
    if (l == NULL)
        return;
    for (int i = 0; i < TRACE_MODULES; i++)
        if (l->rates[i].dropped > 0)
            tell_suppressed(l, l->wall(l->wall_ctx), (enum trace_module)i);
    if (l->file != NULL && l->file != stderr)
        (void)fclose(l->file);
    (void)pthread_mutex_destroy(&l->lock);
    free(l);
}

const struct tracer *log_tracer(const struct log *l)
{
    return &l->tracer;
}

static bool same_word(const char *word, size_t len, const char *name)
{
    char text[32];
    if (len == 0 || len >= sizeof text)
        return false;
    memcpy(text, word, len);
    text[len] = '\0';
    return near_distance(text, name) == 0; /* compares without case */
}

/* The index of a word among `count` names; -1 with the nearest in reterr. */
static int index_of(const char *word, size_t len, int count, bool levels,
                    struct pando_err *reterr)
{
    char text[NEAR_WORD_MAX + 1];
    (void)snprintf(text, sizeof text, "%.*s", (int)(len < 40 ? len : 40), word);
    struct near_search near = { .word = text };
    for (int i = 0; i < count; i++) {
        const char *name = levels ? trace_level_name((enum trace_level)i)
                                  : trace_module_name((enum trace_module)i);
        if (same_word(word, len, name))
            return i;
        near_offer(&near, name);
    }
    (void)pando_err_set(reterr, PANDO_INVALID, "log level: there is no %s '%s'%s%s%s",
                        levels ? "level" : "module", text,
                        near.best != NULL ? "; did you mean '" : "",
                        near.best != NULL ? near.best : "",
                        near.best != NULL ? "'?"
                        : levels          ? " (debug, info, warning, error, critical)"
                                          : "");
    return -1;
}

static enum pando_status parse_levels(const char *spec, uint8_t levels[TRACE_MODULES],
                                      struct pando_err *reterr)
{
    for (const char *at = spec;; at++) {
        const size_t len = strcspn(at, ",");
        const char *equals = memchr(at, '=', len);
        const char *word = equals != NULL ? equals + 1 : at;
        const int level = index_of(word, len - (size_t)(word - at), LEVELS, true, reterr);
        if (level < 0)
            return PANDO_INVALID;
        if (equals == NULL) {
            memset(levels, level, TRACE_MODULES);
        } else {
            const int module =
                index_of(at, (size_t)(equals - at), TRACE_MODULES, false, reterr);
            if (module < 0)
                return PANDO_INVALID;
            levels[module] = (uint8_t)level;
        }
        at += len;
        if (*at == '\0')
            return PANDO_OK;
    }
}

enum pando_status log_level_set(struct log *l, const char *spec, struct pando_err *reterr)
{
    uint8_t levels[TRACE_MODULES];
    memcpy(levels, l->tracer.levels, sizeof levels);
    const enum pando_status st = parse_levels(spec, levels, reterr);
    if (st == PANDO_OK)
        memcpy(l->tracer.levels, levels, sizeof levels);
    return st;
}

enum pando_status log_level_check(const char *spec, struct pando_err *reterr)
{
    uint8_t levels[TRACE_MODULES] = { 0 };
    return parse_levels(spec, levels, reterr);
}

uint64_t log_lost(const struct log *l)
{
    struct log *mine = (struct log *)(uintptr_t)l; /* the lock is not part of the value */
    (void)pthread_mutex_lock(&mine->lock);
    const uint64_t lost = l->lost;
    (void)pthread_mutex_unlock(&mine->lock);
    return lost;
}
