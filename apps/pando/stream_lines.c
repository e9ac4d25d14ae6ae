#include "apps/pando/stream_lines.h"

#include "base/slice.h"

#include <stdio.h>
#include <string.h>

#define LINE_MAX_LEN (4u << 20)

void stream_lines_init(struct stream_lines *s, void *ctx,
                       bool (*line)(void *ctx, struct pando_slice line))
{
    *s = (struct stream_lines){ .ctx = ctx, .line = line };
    buf_init(&s->rest, LINE_MAX_LEN);
}

void stream_lines_deinit(struct stream_lines *s)
{
    buf_deinit(&s->rest);
}

static bool take_part(void *ctx, struct pando_slice part)
{
    struct stream_lines *s = ctx;
    size_t from = 0;
    bool go_on = buf_append(&s->rest, part) == PANDO_OK;
    while (go_on && from < s->rest.len) {
        const uint8_t *end = memchr(s->rest.ptr + from, '\n', s->rest.len - from);
        if (end == NULL)
            break;
        const size_t len = (size_t)(end - s->rest.ptr) - from;
        go_on = len == 0 || s->line(s->ctx, slice_of(s->rest.ptr + from, len));
        from += len + 1;
    }
    buf_consume(&s->rest, from);
    return go_on && fflush(stdout) == 0;
}

struct client_stream stream_lines_stream(struct stream_lines *s)
{
    return (struct client_stream){ s, take_part };
}
