#include "bench/delta_made.h"

#include "base/slice.h"
#include "bench/figure.h"

#include <string.h>

/* {"id":"","timestamp":1700000000000,"author":"","system":"system_1","pointers":[
 * {"role":"named","target":{"id":"","context":"name"}},{"role":"name","target":""}]} */
#define AROUND 154

struct delta delta_made(const char *id, const char *author, const char *object,
                        const char *property, int64_t timestamp, struct pando_buf *buf)
{
    static struct delta_pointer pointers[2];
    static char value[DELTA_JSON_BYTES];
    const size_t around = AROUND + strlen(id) + strlen(author) + strlen(object);
    const size_t len = DELTA_JSON_BYTES > around ? DELTA_JSON_BYTES - around : 1;
    memset(value, 'v', sizeof value);
    pointers[0] = (struct delta_pointer){ .role = slice_text("named"),
                                          .kind = DELTA_REF,
                                          .text = slice_text(object),
                                          .context = slice_text(property) };
    pointers[1] = (struct delta_pointer){ .role = slice_text("name"),
                                          .kind = DELTA_STRING,
                                          .text = slice_of(value, len) };
    struct delta d = { .id = slice_text(id),
                       .author = slice_text(author),
                       .system = slice_text("system_1"),
                       .timestamp = timestamp,
                       .pointers = pointers,
                       .pointers_len = 2 };
    if (delta_seal(&d, buf, NULL) != PANDO_OK)
        bench_fail("a delta cannot be made");
    return d;
}
