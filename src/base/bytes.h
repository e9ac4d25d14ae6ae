/* bytes.h - immutable bytes that several owners share.
 *
 * An event's body is held at once by the send queues of many streams, by the journal's
 * staging group and by a verify job on another thread. It never changes after it was made,
 * so a count of its owners (atomic) is all the coordination it needs.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <pando/types.h>

struct bytes; /* opaque: count, length, data */

/* A new object with one owner holding a copy of `s`; NULL when memory is out. */
struct bytes *bytes_copy(struct pando_slice s);
/* A new object of `len` bytes to be filled through `*ret_data` before it is shared. */
struct bytes *bytes_new(size_t len, uint8_t **ret_data);
/* A new object whose bytes are `part` of those of `whole`, which lives as long as it does:
 * nothing is copied. NULL when memory is out. */
struct bytes *bytes_part(struct bytes *whole, struct pando_slice part);
/* One more owner. Returns its argument. Thread: any. */
struct bytes *bytes_ref(struct bytes *b);
/* One owner less; the last one frees. Accepts NULL. Thread: any. */
void bytes_unref(struct bytes *b);
/* Valid as long as the caller owns a reference. */
struct pando_slice bytes_view(const struct bytes *b);

#endif
