/* Property: the guard changes only whole NEW_CONNECTION_ID frames, to zeros, so a second
 * walk over the result finds nothing more to do, and nothing else is touched. */
#include "base/assert.h"
#include "net/guard.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct guard_stops stops = { 0 };
    uint64_t highest = 0;
    uint8_t *buf = malloc(size + 1);
    if (buf == NULL)
        return 0;
    memcpy(buf, data, size);
    const size_t hits = guard_frames(buf, size, &highest, &stops);
    size_t changed = 0;
    for (size_t i = 0; i < size; i++) {
        PANDO_ASSERT(buf[i] == data[i] || buf[i] == 0);
        changed += buf[i] != data[i];
    }
    PANDO_ASSERT((changed > 0) == (hits > 0));
    PANDO_ASSERT(stops.len <= GUARD_STOPS_MAX);
    uint64_t again = 0;
    PANDO_ASSERT(guard_frames(buf, size, &again, &stops) == 0);
    PANDO_ASSERT(again <= highest);
    free(buf);
    return 0;
}
