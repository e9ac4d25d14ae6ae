/* delta_made.h - the delta that figures are about: 273 bytes of JSON, one property of one object. */
#ifndef BENCH_DELTA_MADE_H
#define BENCH_DELTA_MADE_H

#include "space/delta/delta.h"

#define DELTA_JSON_BYTES 273

/* Gives `property` of `object` a value of v's, as long as it takes. Its bytes go behind what is in
 * `buf`; it is valid until the next one. */
struct delta delta_made(const char *id, const char *author, const char *object,
                        const char *property, int64_t timestamp, struct pando_buf *buf);

#endif
