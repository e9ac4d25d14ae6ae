/* Property: whatever decodes as an event encodes back to the very same bytes, and its
 * signed bytes are what the layout says. One event, one encoding, one id. */
#include "base/assert.h"
#include "base/slice.h"
#include "space/dag/event.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct event ev, peeked;
    const struct pando_slice in = slice_of(data, size);

    if (event_decode(in, &ev) != PANDO_OK)
        return 0;
    uint8_t *again = malloc(size), *covered = malloc(event_signed_size(&ev));
    PANDO_ASSERT(again != NULL && covered != NULL);
    struct wire_writer w = wire_write(again, size);
    event_encode(&ev, &w);
    PANDO_ASSERT(!w.failed);
    PANDO_ASSERT(slice_equal(wire_written(&w), in));
    event_signed_bytes(&ev, covered);
    PANDO_ASSERT(covered[EVENT_SIGN_PREFIX] == 0xa9);
    PANDO_ASSERT(event_peek(in, &peeked) == PANDO_OK);
    PANDO_ASSERT(peeked.seq == ev.seq && slice_equal(peeked.body, ev.body));
    free(again);
    free(covered);
    return 0;
}
