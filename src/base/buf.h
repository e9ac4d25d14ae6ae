/* buf.h - owned bytes that grow up to a mandatory cap.
 *
 * The third of our byte types (a slice borrows, a cursor walks): used where the final size
 * is not known, and where a peer could otherwise make it unbounded. Growth doubles; at the
 * cap an append is refused with PANDO_FULL and the buffer stays as it was.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <pando/status.h>
#include <pando/types.h>

struct pando_buf {
    uint8_t *ptr;
    size_t len;
    size_t cap;
    size_t max;
};

/* An empty buffer that may grow to `max` bytes. Allocates nothing yet. */
void buf_init(struct pando_buf *b, size_t max);
/* Free the bytes. Accepts a zeroed buffer; the buffer is empty afterwards, `max` kept. */
void buf_deinit(struct pando_buf *b);
/* Forget the content, keep the capacity. */
void buf_reset(struct pando_buf *b);
/* Make room for `more` bytes behind `len`. Errors: PANDO_FULL at the cap, PANDO_NOMEM. */
enum pando_status buf_reserve(struct pando_buf *b, size_t more) PANDO_MUST_USE;
enum pando_status buf_append(struct pando_buf *b, struct pando_slice s) PANDO_MUST_USE;
/* Append formatted text (no terminator is counted, one is kept behind `len`). */
enum pando_status buf_printf(struct pando_buf *b, const char *format, ...)
    PANDO_PRINTF(2, 3) PANDO_MUST_USE;
/* Drop the first `len` bytes. Cost: O(bytes left). */
void buf_consume(struct pando_buf *b, size_t len);
/* Valid until the next change of the buffer. */
struct pando_slice buf_view(const struct pando_buf *b);

#endif
