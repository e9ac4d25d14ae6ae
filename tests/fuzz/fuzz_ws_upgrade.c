/* A server's answer to our upgrade, and URLs that somebody typed or sent: no crash, and what
 * is refused is refused with a reason. */
#include "base/assert.h"
#include "base/slice.h"
#include "ws/handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_answer(struct pando_slice bytes)
{
    struct pando_err err = { 0 };
    size_t len = 0;
    const enum pando_status st =
        ws_answer_read(bytes, "dGhlIHNhbXBsZSBub25jZQ==", &len, &err);
    if (st == PANDO_OK)
        PANDO_ASSERT(len >= 4 && len <= bytes.len && memcmp(bytes.ptr + len - 4, "\r\n\r\n", 4) == 0);
    else
        PANDO_ASSERT(st == PANDO_BUSY ? bytes.len < WS_HEAD_MAX : err.text[0] != '\0');
}

static void read_url(struct pando_slice text)
{
    struct pando_err err = { 0 };
    struct ws_url url;
    struct pando_buf request;
    if (ws_url_parse(text, &url, &err) != PANDO_OK) {
        PANDO_ASSERT(err.text[0] != '\0');
        return;
    }
    PANDO_ASSERT(url.host[0] != '\0' && url.port != 0 && url.target[0] == '/');
    buf_init(&request, 1u << 16);
    PANDO_ASSERT(ws_request_print(&url, "dGhlIHNhbXBsZSBub25jZQ==", &request) == PANDO_OK);
    /* One request only: nothing in a URL ends a line. */
    const uint8_t *end = memmem(request.ptr, request.len, "\r\n\r\n", 4);
    PANDO_ASSERT(end + 4 == request.ptr + request.len);
    buf_deinit(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_answer(slice_of(data, size));
    read_url(slice_of(data, size));
    return 0;
}
