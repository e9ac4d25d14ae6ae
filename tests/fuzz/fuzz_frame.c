/* Property: however a stream is cut, the reader yields the same messages and the same
 * end; memory stays within the limit. The first byte chooses the cuts. */
#include "base/assert.h"
#include "base/slice.h"
#include "proto/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    uint64_t hash;
    size_t messages;
    enum pando_status status;
    bool clean;
};

static struct outcome run(struct pando_slice stream, size_t piece)
{
    struct outcome o = { .status = PANDO_OK };
    struct frame_reader f;
    frame_init(&f, 300);
    while (stream.len > 0 && o.status == PANDO_OK) {
        const size_t len = piece < stream.len ? piece : stream.len;
        struct pando_slice in = slice_of(stream.ptr, len), message;
        stream = slice_from(stream, len);
        bool found = true;
        while (found && (o.status = frame_next(&f, &in, &message, &found)) == PANDO_OK) {
            if (!found)
                break;
            PANDO_ASSERT(message.len <= 300);
            o.messages++;
            for (size_t i = 0; i < message.len; i++)
                o.hash = (o.hash ^ message.ptr[i]) * 0x100000001b3u;
            o.hash = (o.hash ^ message.len) * 0x100000001b3u;
        }
        PANDO_ASSERT(o.status != PANDO_OK || in.len == 0);
        PANDO_ASSERT(f.part.len <= 310);
    }
    o.clean = o.status == PANDO_OK && frame_is_clean(&f);
    frame_deinit(&f);
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const struct pando_slice stream = slice_of(data + 1, size - 1);
    const struct outcome whole = run(stream, SIZE_MAX),
                         cut = run(stream, 1u + data[0] % 64u);
    PANDO_ASSERT(whole.messages == cut.messages && whole.hash == cut.hash);
    PANDO_ASSERT(whole.status == cut.status && whole.clean == cut.clean);
    return 0;
}
