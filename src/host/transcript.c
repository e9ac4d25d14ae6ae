#include "host/transcript.h"

#include "base/slice.h"
#include "codec/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_MAX_LEN 1024
#define LINE_MAX_LEN (1u << 20)

struct transcript {
    FILE *file;
    uint64_t lost;
    uint64_t unflushed; /* lines */
    struct pando_buf line;
};

/* Every folder above the file. */
static void make_folders(const char *path)
{
    char part[PATH_MAX_LEN];
    (void)snprintf(part, sizeof part, "%s", path);
    for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(part, 0755); /* if it fails, opening the file says why */
        *slash = '/';
    }
}

enum pando_status transcript_new(const char *path, struct transcript **ret,
                                 struct pando_err *reterr)
{
    if (strlen(path) >= PATH_MAX_LEN)
        return pando_err_set(reterr, PANDO_INVALID, "the transcript's path is too long");
    struct transcript *t = calloc(1, sizeof *t);
    if (t == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "memory is out");
    buf_init(&t->line, LINE_MAX_LEN);
    make_folders(path);
    t->file = fopen(path, "we");
    if (t->file == NULL) {
        const int why = errno;
        transcript_free(t);
        return pando_err_set(reterr, why == ENOSPC ? PANDO_NOSPACE : PANDO_IO,
                             "cannot write the transcript %.150s: %s", path, strerror(why));
    }
    *ret = t;
    return PANDO_OK;
}

void transcript_free(struct transcript *t)
{
    if (t == NULL)
        return;
    if (t->file != NULL)
        (void)fclose(t->file);
    buf_deinit(&t->line);
    free(t);
}

/* The digits behind the last '_', or NULL: then the whole name speaks. */
static const char *number_of(const char *sender)
{
    const char *at = strrchr(sender, '_');
    if (at == NULL)
        return NULL;
    const size_t len = strspn(++at, "0123456789");
    const bool good = len > 0 && len <= 15 && at[len] == '\0' && (at[0] != '0' || len == 1);
    return good ? at : NULL;
}

static enum pando_status put_string(struct pando_buf *b, const char *key, const json_t *value)
{
    enum pando_status st = buf_printf(b, "\"%s\":", key);
    return st != PANDO_OK ? st
                          : json_text_escape(b, slice_of(json_string_value(value),
                                                         json_string_length(value)));
}

enum pando_status transcript_line(const json_t *message, struct pando_buf *b)
{
    const json_t *seq = json_object_get(message, "seq"), *term = json_object_get(message, "term");
    const json_t *id = json_object_get(message, "msg_id"), *text = json_object_get(message, "text");
    const json_t *sender = json_object_get(message, "sender");
    const json_t *room = json_object_get(message, "room");
    const json_t *time = json_object_get(message, "time");
    const bool is_text = json_is_string(text);
    if (!is_text)
        text = json_object_get(message, "bytes");
    if (!json_is_integer(seq) || !json_is_integer(term) || !json_is_string(id) ||
        !json_is_string(sender) || !json_is_string(room) || !json_is_string(text) ||
        !json_is_integer(time) || json_integer_value(time) < 0)
        return PANDO_MALFORMED;
    const char *number = number_of(json_string_value(sender));
    const json_int_t ms = json_integer_value(time);
    enum pando_status st = buf_printf(b, "{\"seq_no\":%lld,\"term\":%lld,",
                                      (long long)json_integer_value(seq),
                                      (long long)json_integer_value(term));
    if (st == PANDO_OK)
        st = put_string(b, "msg_id", id);
    if (st == PANDO_OK)
        st = buf_printf(b, ",");
    if (st == PANDO_OK)
        st = number != NULL ? buf_printf(b, "\"sender_id\":%s", number)
                            : put_string(b, "sender_id", sender);
    if (st == PANDO_OK)
        st = buf_printf(b, ",");
    if (st == PANDO_OK)
        st = put_string(b, "room_id", room);
    if (st == PANDO_OK)
        st = buf_printf(b, ",");
    if (st == PANDO_OK)
        st = put_string(b, is_text ? "text" : "bytes", text);
    return st == PANDO_OK ? buf_printf(b, ",\"timestamp\":%lld.%03lld}\n", (long long)(ms / 1000),
                                       (long long)(ms % 1000))
                          : st;
}

enum pando_status transcript_put(struct transcript *t, const json_t *message)
{
    buf_reset(&t->line);
    const enum pando_status st = transcript_line(message, &t->line);
    if (st != PANDO_OK)
        return st;
    if (fwrite(t->line.ptr, 1, t->line.len, t->file) != t->line.len) {
        clearerr(t->file);
        t->lost++;
    } else {
        t->unflushed++;
    }
    return PANDO_OK;
}

void transcript_flush(struct transcript *t)
{
    if (t->unflushed > 0 && fflush(t->file) != 0) {
        clearerr(t->file);
        t->lost += t->unflushed;
    }
    t->unflushed = 0;
}

uint64_t transcript_lost(const struct transcript *t)
{
    return t->lost;
}
