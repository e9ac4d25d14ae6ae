#include "apps/pando/output.h"

#include "base/slice.h"
#include "codec/multibase.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

const char *text_of(const json_t *object, const char *key, char *room, size_t cap)
{
    const char *text = json_string_value(json_object_get(object, key));
    size_t len = 0;
    for (; text != NULL && *text != '\0' && len + 1 < cap; text++)
        room[len++] = (unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text;
    room[len] = '\0';
    return room;
}

long long number_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_real(value) ? (long long)json_real_value(value)
                               : json_integer_value(value);
}

bool flag_of(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

void time_text(long long ms, char ret_text[32])
{
    const time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    (void)localtime_r(&seconds, &tm);
    if (strftime(ret_text, 32, "%Y-%m-%d %H:%M:%S", &tm) == 0)
        ret_text[0] = '\0';
}

void size_text(double bytes, char ret_text[32])
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    size_t unit = 0;
    for (; bytes >= 1024 && unit < 4; unit++)
        bytes /= 1024;
    (void)snprintf(ret_text, 32, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
}

bool output_is_utf8(void)
{
    static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
    for (size_t i = 0; i < 3; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && value[0] != '\0')
            return strcasestr(value, "utf-8") != NULL ||
                   strcasestr(value, "utf8") != NULL;
    }
    return false;
}

enum pando_status file_read(const char *path, size_t max, struct pando_buf *ret,
                            struct pando_err *reterr)
{
    const bool standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(path, "re");
    uint8_t chunk[16384];
    size_t len;
    if (file == NULL)
        return pando_err_set(reterr, errno == ENOENT ? PANDO_NOT_FOUND : PANDO_IO,
                             "cannot read %.160s: %s", path, strerror(errno));
    enum pando_status st = PANDO_OK;
    buf_init(ret, max);
    while (st == PANDO_OK && (len = fread(chunk, 1, sizeof chunk, file)) > 0)
        st = buf_append(ret, slice_of(chunk, len));
    if (st != PANDO_OK)
        (void)pando_err_set(reterr, st, "%.160s is larger than %zu bytes", path, max);
    else if (ferror(file))
        st = pando_err_set(reterr, PANDO_IO, "cannot read %.160s: %s", path,
                           strerror(errno));
    if (!standard)
        (void)fclose(file);
    return st;
}

json_t *base64_json(struct pando_slice bytes)
{
    const size_t cap = bytes.len / 3 * 4 + 8;
    char *text = malloc(cap);
    json_t *value = NULL;
    if (text != NULL && multibase_encode(MULTIBASE_64, bytes, text, cap) == PANDO_OK)
        value = json_string(text);
    free(text);
    return value;
}

enum pando_status base64_bytes(const char *text, struct pando_buf *ret)
{
    size_t len = strlen(text), got = 0;
    while (len > 0 && text[len - 1] == '=')
        len--;
    enum pando_status st = buf_reserve(ret, len);
    if (st == PANDO_OK && len > 0)
        st = multibase_decode(MULTIBASE_64, slice_of(text, len), ret->ptr + ret->len,
                              ret->cap - ret->len, &got);
    if (st == PANDO_OK)
        ret->len += got;
    return st;
}
