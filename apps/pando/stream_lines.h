/* stream_lines.h - a streamed answer, line by line. */
#ifndef APPS_PANDO_STREAM_LINES_H
#define APPS_PANDO_STREAM_LINES_H

#include "api/client.h"

struct stream_lines {
    void *ctx;
    bool (*line)(void *ctx, struct pando_slice line); /* without its newline; false ends */
    struct pando_buf rest;                            /* of a line whose end has not come */
};

void stream_lines_init(struct stream_lines *s, void *ctx,
                       bool (*line)(void *ctx, struct pando_slice line));
void stream_lines_deinit(struct stream_lines *s);
/* The stream to ask with; valid as long as `s`. */
struct client_stream stream_lines_stream(struct stream_lines *s);

#endif
