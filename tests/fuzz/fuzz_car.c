/* Property: no archive makes the reader hand out a block that its CID does not name. */
#include "base/assert.h"
#include "base/slice.h"
#include "codec/car.h"
#include "crypto/sign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct car_reader car;
    struct car_section section;
    struct cid root;
    struct pando_id want;
    if (car_open(slice_of(data, size), crypto_sha256, &car) != PANDO_OK)
        return 0;
    while (car_next_root(&car, &root))
        PANDO_ASSERT(root.len > 0);
    car.status = PANDO_OK;
    while (car_next(&car, &section)) {
        PANDO_ASSERT(section.data.len <= size);
        if (cid_sha256(&section.cid, &want) != PANDO_OK)
            continue;
        const struct pando_id got = crypto_sha256(section.data);
        PANDO_ASSERT(id_equal(&got, &want));
    }
    PANDO_ASSERT(!car_next(&car, &section)); /* the end stays the end */
    return 0;
}
