/* Property: whatever lies in a journal's files, opening, walking, reading and verifying
 * end, within the memory of one group, and nothing is handed out that its checksum does
 * not cover; a journal that opened takes a record, and after a restart still has it. A repair
 * ends, too, and what opens behind one tells of it and goes on.
 *
 * The input is the content of up to four files: a byte for the name (0 to 2: the segment
 * at that many times 4096; 3: the epoch), two for the length, then the bytes. Checksums
 * are made right on demand (bit 7 of the name's byte), for else nothing would get past
 * them.
 */
#include "base/assert.h"
#include "base/slice.h"
#include "store/crc32c.h"
#include "store/files_memory.h"
#include "store/journal_layout.h"
#include "store/journal.h"

#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 16384, SEGMENT = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Make the checksum at `at` that of the bytes in front of it. */
static void seal(uint8_t *bytes, size_t from, size_t at)
{
    const uint32_t crc = crc32c(0, slice_of(bytes + from, at - from));
    for (size_t i = 0; i < 4; i++)
        bytes[at + i] = (uint8_t)(crc >> (8 * i));
}

/* Right checksums for the head of the segment and of each group that seems to follow. */
static void mend(uint8_t *bytes, size_t len)
{
    if (len < SEGMENT_HEAD)
        return;
    seal(bytes, 0, SEGMENT_HEAD - 4);
    for (size_t at = SEGMENT_HEAD; at + GROUP_HEAD <= len;) {
        const size_t payload = bytes[at + 4] | (size_t)bytes[at + 5] << 8;
        if (payload > len - at - GROUP_HEAD)
            return;
        const uint32_t crc = crc32c(0, slice_of(bytes + at + GROUP_HEAD, payload));
        for (size_t i = 0; i < 4; i++)
            bytes[at + 40 + i] = (uint8_t)(crc >> (8 * i));
        seal(bytes, at, at + GROUP_HEAD - 4);
        at += GROUP_HEAD + payload;
    }
}

static size_t put_file(const struct pando_files *files, struct pando_slice input)
{
    static const char *const names[] = { "0000000000000000.seg", "0000000000001000.seg",
                                         "0000000000002000.seg", "epoch" };
    uint8_t content[FILE_MAX];
    if (input.len < 3)
        return input.len;
    size_t len = input.ptr[1] | (size_t)(input.ptr[2] & 0x3f) << 8;
    len = len < input.len - 3 ? len : input.len - 3;
    memcpy(content, input.ptr + 3, len);
    if (input.ptr[0] & 0x80)
        mend(content, len);
    PANDO_ASSERT(files_replace(files, "/j", names[input.ptr[0] & 3],
                               slice_of(content, len)) == PANDO_OK);
    return 3 + len;
}

static void walk(struct journal *j)
{
    struct journal_cursor c;
    struct pando_slice bytes;
    uint64_t position, last = 0, steps = 0;
    uint8_t kind;
    journal_scan(j, journal_first(j), &c);
    while (journal_next(&c, &position, &kind, &bytes) == PANDO_OK) {
        PANDO_ASSERT(position > last && position < journal_end(j));
        PANDO_ASSERT(bytes.len <= JOURNAL_RECORD_MAX);
        PANDO_ASSERT(steps++ < 4 * FILE_MAX);
        last = position;
    }
    journal_scan_end(&c);
}

static void read_everywhere(struct journal *j, uint64_t end)
{
    struct pando_buf got;
    uint8_t kind;
    buf_init(&got, 2 * JOURNAL_RECORD_MAX);
    for (uint64_t at = 0; at < end; at += 4) {
        buf_reset(&got);
        if (journal_read(j, at, &kind, &got) == PANDO_OK)
            PANDO_ASSERT(got.len <= JOURNAL_RECORD_MAX);
    }
    buf_deinit(&got);
}

/* What opens goes on. */
static void use(const struct journal_config *config, struct journal *j)
{
    struct journal_group *group;
    uint64_t position, durable;
    uint8_t kind = 0;
    struct pando_buf got;
    walk(j);
    read_everywhere(j, 3 * SEGMENT);
    const enum pando_status st = journal_append(j, 5, slice_text("more"), &position);
    if (st != PANDO_OK || !journal_commit_begin(j, &group)) {
        journal_close(j);
        return;
    }
    journal_commit_run(group);
    const bool written = journal_commit_end(j, group, &durable) == PANDO_OK;
    journal_close(j);
    if (!written)
        return; /* a head that claims more than the disk has */
    struct pando_err err = { 0 };
    if (journal_open(config, &j, &err) != PANDO_OK)
        pando_bug(__FILE__, __LINE__, err.text);
    buf_init(&got, 100);
    PANDO_ASSERT(journal_read(j, position, &kind, &got) == PANDO_OK && kind == 5);
    PANDO_ASSERT(slice_equal(buf_view(&got), slice_text("more")));
    buf_deinit(&got);
    journal_close(j);
}

/* The same disk, repaired. */
static void repair(const struct journal_config *sound, const struct files_memory *disk)
{
    struct journal_config config = *sound;
    struct files_memory *copy = files_memory_fork(disk);
    struct journal_loss loss;
    struct journal *j;
    if (copy == NULL)
        return;
    config.files = files_memory_files(copy);
    files_memory_limit(copy, 1u << 20);
    if (journal_mend(&config.files, "/j", &loss, NULL) == PANDO_OK &&
        journal_open(&config, &j, NULL) == PANDO_OK) {
        PANDO_ASSERT(loss.repairs == 1 && journal_repairs(j) == 1);
        use(&config, j);
    }
    files_memory_free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct files_memory *disk = files_memory_new(1);
    if (disk == NULL)
        return 0;
    struct pando_slice left = slice_of(data, size);
    const struct journal_config config = { .files = files_memory_files(disk),
                                           .dir = "/j",
                                           .segment_min = SEGMENT,
                                           .segment_max = SEGMENT,
                                           .sync = true };
    struct journal *j;
    struct journal_audit audit;
    PANDO_ASSERT(files_mkdirs(&config.files, "/j") == PANDO_OK);
    for (int i = 0; i < 4 && left.len > 0; i++)
        left = slice_from(left, put_file(&config.files, left));
    files_memory_limit(disk, 1u << 20);
    (void)!journal_verify(&config.files, "/j", NULL, &audit);
    repair(&config, disk);
    if (journal_open(&config, &j, NULL) == PANDO_OK)
        use(&config, j);
    files_memory_free(disk);
    return 0;
}
