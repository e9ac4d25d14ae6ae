#include "apps/pando/delta_print.h"

#include "apps/pando/chat/clean.h"
#include "apps/pando/output.h"
#include "space/delta/render_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void delta_time_text(long long ms, char ret_text[DELTA_TIME_TEXT])
{
    char seconds[32];
    time_text(ms, seconds);
    (void)snprintf(ret_text, DELTA_TIME_TEXT, "%s.%03lld", seconds, ms % 1000);
}

static char *clean(const char *text, size_t len)
{
    char *ret = malloc(len + 1);
    if (ret != NULL)
        (void)chat_clean_text(text, len, ret, len + 1);
    return ret;
}

char *delta_clean(const json_t *text)
{
    return json_is_string(text) ? clean(json_string_value(text), json_string_length(text))
                                : clean("", 0);
}

static void print_text(const char *before, const json_t *text)
{
    char *clean = delta_clean(text);
    (void)printf("%s%s", before, clean != NULL ? clean : "?");
    free(clean);
}

#define JSON_MAX (256u << 20)

/* As JSON, in which a text stands in quotes. */
static void print_value(const char *before, const json_t *value)
{
    struct pando_buf b;
    buf_init(&b, JSON_MAX);
    char *shown = render_json(&b, value) == PANDO_OK ? clean((const char *)b.ptr, b.len) : NULL;
    (void)printf("%s%s", before, shown != NULL ? shown : "?");
    free(shown);
    buf_deinit(&b);
}

void delta_print_json(const json_t *value)
{
    struct pando_buf b;
    buf_init(&b, JSON_MAX);
    if (render_json(&b, value) == PANDO_OK)
        (void)printf("%.*s\n", (int)b.len, (const char *)b.ptr);
    buf_deinit(&b);
}

static void break_line(unsigned depth)
{
    (void)printf("\n%*s", (int)depth * 2, "");
}

/* Blanks between the parts of compact JSON; texts are gone through whole. */
void delta_print_indented(const json_t *value)
{
    struct pando_buf b;
    unsigned depth = 0;
    buf_init(&b, JSON_MAX);
    if (render_json(&b, value) != PANDO_OK)
        b.len = 0;
    for (size_t i = 0; i < b.len; i++) {
        const char c = (char)b.ptr[i];
        size_t len = 1;
        const bool empty = (c == '{' || c == '[') && i + 1 < b.len &&
                           (b.ptr[i + 1] == '}' || b.ptr[i + 1] == ']');
        if (c == '"')
            while (i + len < b.len && b.ptr[i + len++] != '"')
                len += b.ptr[i + len - 1] == '\\';
        if (c == '}' || c == ']')
            break_line(--depth);
        len += empty;
        (void)printf("%.*s", (int)len, (const char *)b.ptr + i);
        i += len - 1;
        if (!empty && (c == '{' || c == '['))
            break_line(++depth);
        else if (c == ',')
            break_line(depth);
        else if (c == ':')
            (void)printf(" ");
    }
    (void)printf("\n");
    buf_deinit(&b);
}

static void print_pointer(const char *before, const json_t *pointer)
{
    const json_t *target = json_object_get(pointer, "target");
    print_text(before, json_object_get(pointer, "role"));
    if (json_is_object(target)) {
        print_text("=@", json_object_get(target, "id"));
        if (json_is_string(json_object_get(target, "context")))
            print_text(":", json_object_get(target, "context"));
    } else {
        print_value(json_is_string(target) ? "=" : ":=", target);
    }
}

void delta_print_line(const json_t *delta)
{
    char time[DELTA_TIME_TEXT];
    size_t i;
    json_t *pointer;
    delta_time_text(number_of(delta, "timestamp"), time);
    (void)printf("%s", time);
    print_text("  ", json_object_get(delta, "author"));
    print_text("@", json_object_get(delta, "system"));
    print_text("  ", json_object_get(delta, "id"));
    json_array_foreach(json_object_get(delta, "pointers"), i, pointer)
        print_pointer(i == 0 ? "  " : " ", pointer);
    (void)printf("\n");
}

void delta_print_whole(const json_t *delta)
{
    char time[DELTA_TIME_TEXT];
    size_t i;
    json_t *pointer;
    delta_time_text(number_of(delta, "timestamp"), time);
    print_text("Delta:     ", json_object_get(delta, "id"));
    (void)printf("\nTime:      %s (%lld)", time, number_of(delta, "timestamp"));
    print_text("\nAuthor:    ", json_object_get(delta, "author"));
    print_text("\nSystem:    ", json_object_get(delta, "system"));
    json_array_foreach(json_object_get(delta, "pointers"), i, pointer)
        print_pointer(i == 0 ? "\nPointers:  " : "\n           ", pointer);
    (void)printf("\n");
}
