/* Goal: both disks keep the seam's contract, and the simulated one forgets what it may.
 */
#include "store/files.h"

#include "base/rng.h"
#include "base/slice.h"
#include "check.h"
#include "store/files_memory.h"

#include <stdlib.h>
#include <unistd.h>

static void write_text(const struct pando_files *f, int handle, uint64_t at,
                       const char *text)
{
    CHECK_OK(f->ops->pwrite(f->ctx, handle, at, slice_text(text)));
}

static void expect(const struct pando_files *f, int handle, uint64_t at, const char *text)
{
    uint8_t got[64];
    size_t len;
    CHECK_OK(f->ops->pread(f->ctx, handle, at, got, strlen(text), &len));
    CHECK_EQ(len, strlen(text));
    CHECK_MEM(got, text, strlen(text));
}

static void count(void *arg, const char *name, bool is_dir)
{
    CHECK(!is_dir);
    int *seen = arg;
    *seen += strcmp(name, "a") == 0 ? 1 : strcmp(name, "b") == 0 ? 100 : 10000;
}

static void reads_and_writes(const struct pando_files *f, const char *path)
{
    int h;
    uint64_t size;
    uint8_t byte[8];
    size_t got;
    CHECK_EQ(f->ops->open(f->ctx, path, FILES_WRITE, &h), PANDO_NOT_FOUND);
    CHECK_OK(f->ops->open(f->ctx, path, FILES_NEW, &h));
    CHECK_EQ(f->ops->open(f->ctx, path, FILES_NEW, &h), PANDO_EXISTS);
    write_text(f, h, 4090, "across two pages");
    CHECK_OK(f->ops->fallocate(f->ctx, h, 108192));
    CHECK_OK(f->ops->fdatasync(f->ctx, h));
    CHECK_OK(f->ops->size(f->ctx, h, &size));
    CHECK_EQ(size, 108192);
    expect(f, h, 4090, "across two pages");
    CHECK_OK(f->ops->pread(f->ctx, h, 108190, byte, 8, &got));
    CHECK_EQ(got, 2);
    CHECK_EQ(byte[0] | byte[1], 0);
    CHECK_OK(f->ops->truncate(f->ctx, h, 4092));
    CHECK_OK(f->ops->truncate(f->ctx, h, 5000));
    CHECK_OK(f->ops->pread(f->ctx, h, 4091, byte, 3, &got));
    CHECK_EQ(byte[0], 'c');
    CHECK_EQ(byte[1] | byte[2], 0);
    CHECK_OK(f->ops->forget(f->ctx, h));
    f->ops->close(f->ctx, h);
}

static void behaves(const struct pando_files *f, const char *dir)
{
    char a[FILES_PATH_MAX], b[FILES_PATH_MAX];
    int h, seen = 0;
    CHECK_OK(files_mkdirs(f, dir));
    CHECK_OK(files_mkdirs(f, dir));
    CHECK_EQ(f->ops->mkdir(f->ctx, dir), PANDO_EXISTS);
    CHECK_OK(files_path(a, dir, "a"));
    CHECK_OK(files_path(b, dir, "b"));
    reads_and_writes(f, a);
    CHECK_OK(files_replace(f, dir, "b", slice_text("first, longer")));
    CHECK_OK(files_replace(f, dir, "b", slice_text("second")));
    CHECK_OK(f->ops->open(f->ctx, b, FILES_READ, &h));
    expect(f, h, 0, "second");
    uint64_t size;
    CHECK_OK(f->ops->size(f->ctx, h, &size));
    CHECK_EQ(size, 6);
    f->ops->close(f->ctx, h);
    CHECK_OK(f->ops->list(f->ctx, dir, &seen, count));
    CHECK_EQ(seen, 101);
    CHECK_OK(f->ops->rename(f->ctx, a, b));
    CHECK_EQ(f->ops->rename(f->ctx, a, b), PANDO_NOT_FOUND);
    CHECK_OK(f->ops->sync_dir(f->ctx, dir));
    int again, holder;
    CHECK(!files_has(f, dir, "a"));
    CHECK(files_has(f, dir, "b"));
    CHECK_OK(f->ops->lock(f->ctx, b, &h, &holder));
    CHECK_EQ(f->ops->lock(f->ctx, b, &again, &holder), PANDO_BUSY);
    f->ops->close(f->ctx, h);
    CHECK_OK(f->ops->lock(f->ctx, b, &h, &holder));
    f->ops->close(f->ctx, h);
    CHECK_OK(f->ops->unlink(f->ctx, b));
    CHECK_EQ(f->ops->unlink(f->ctx, b), PANDO_NOT_FOUND);
}

static void the_operating_system_keeps_the_contract(void **state)
{
    (void)state;
    char root[] = "/tmp/pando-files-XXXXXX", dir[64], middle[64];
    CHECK(mkdtemp(root) != NULL);
    (void)snprintf(middle, sizeof middle, "%s/deep", root);
    (void)snprintf(dir, sizeof dir, "%s/deep/er", root);
    const struct pando_files f = files_posix();
    behaves(&f, dir);
    CHECK_EQ(rmdir(dir), 0);
    CHECK_EQ(rmdir(middle), 0);
    CHECK_EQ(rmdir(root), 0);
}

static void the_simulated_disk_keeps_the_contract(void **state)
{
    (void)state;
    struct files_memory *disk = files_memory_new(7);
    const struct pando_files f = files_memory_files(disk);
    behaves(&f, "/x");
    files_memory_free(disk);
}

/* One file "/d/a" with "old" synced and its name safe, then "NEW" written unsynced. */
static struct files_memory *half_synced(uint64_t seed, int *ret_handle)
{
    struct files_memory *disk = files_memory_new(seed);
    const struct pando_files f = files_memory_files(disk);
    CHECK_OK(f.ops->mkdir(f.ctx, "/d"));
    CHECK_OK(f.ops->open(f.ctx, "/d/a", FILES_CREATE, ret_handle));
    write_text(&f, *ret_handle, 0, "old");
    CHECK_OK(f.ops->fdatasync(f.ctx, *ret_handle));
    CHECK_OK(f.ops->sync_dir(f.ctx, "/d"));
    write_text(&f, *ret_handle, 0, "NEW");
    return disk;
}

static void expect_after(struct files_memory *disk, const char *text)
{
    const struct pando_files f = files_memory_files(disk);
    int h;
    CHECK_OK(f.ops->open(f.ctx, "/d/a", FILES_READ, &h));
    expect(&f, h, 0, text);
    f.ops->close(f.ctx, h);
}

static void a_crash_may_lose_what_was_not_synced_and_nothing_else(void **state)
{
    (void)state;
    struct rng rng = rng_seeded(1);
    int h, other;
    struct files_memory *disk = half_synced(7, &h);
    const struct pando_files f = files_memory_files(disk);
    CHECK_OK(f.ops->open(f.ctx, "/d/b", FILES_NEW, &other));
    CHECK_OK(f.ops->fdatasync(f.ctx, other));
    struct files_memory *kept = files_memory_fork(disk);
    CHECK(kept != NULL && files_memory_unsynced(kept) == 2);
    CHECK_OK(files_memory_crash(kept, FILES_CRASH_ALL, &rng));
    expect_after(kept, "NEW");
    expect_after(disk, "NEW");
    CHECK_OK(files_memory_crash(disk, FILES_CRASH_NONE, &rng));
    expect_after(disk, "old");
    CHECK_EQ(f.ops->open(f.ctx, "/d/b", FILES_READ, &other),
             PANDO_NOT_FOUND); /* no sync_dir */
    files_memory_free(kept);
    files_memory_free(disk);
}

static void a_crash_tears_writes_at_sectors(void **state)
{
    (void)state;
    struct rng rng = rng_seeded(1);
    uint8_t big[8192], got[8192];
    memset(big, 'x', sizeof big);
    bool partial = false;
    for (int round = 0; round < 100; round++) {
        int h;
        struct files_memory *disk = half_synced(7, &h);
        const struct pando_files f = files_memory_files(disk);
        CHECK_OK(f.ops->fallocate(f.ctx, h, sizeof big));
        CHECK_OK(f.ops->fdatasync(f.ctx, h));
        CHECK_OK(f.ops->pwrite(f.ctx, h, 0, slice_of(big, sizeof big)));
        CHECK_OK(files_memory_crash(disk, FILES_CRASH_SOME, &rng));
        CHECK_OK(f.ops->open(f.ctx, "/d/a", FILES_READ, &h));
        size_t len;
        CHECK_OK(f.ops->pread(f.ctx, h, 0, got, sizeof got, &len));
        CHECK_EQ(len, sizeof got);
        size_t kept = 0;
        for (size_t i = 0; i < sizeof got; i++) {
            CHECK_EQ(got[i] == 'x', got[(i / 512 == 0 ? 8 : i / 512 * 512)] == 'x');
            kept += got[i] == 'x';
        }
        partial = partial || (kept > 0 && kept < sizeof got);
        files_memory_free(disk);
    }
    CHECK(partial);
}

static void a_failed_sync_loses_pages_that_still_look_written(void **state)
{
    (void)state;
    struct rng rng = rng_seeded(1);
    int lost = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        int h;
        struct files_memory *disk = half_synced(seed, &h);
        const struct pando_files f = files_memory_files(disk);
        files_memory_fail(disk, FILES_FAULT_FDATASYNC, 1, 1, PANDO_IO);
        CHECK_EQ(f.ops->fdatasync(f.ctx, h), PANDO_IO);
        CHECK_OK(
            f.ops->fdatasync(f.ctx, h)); /* asking again succeeds, and proves nothing */
        expect(&f, h, 0, "NEW");
        uint8_t got[3];
        CHECK_OK(f.ops->forget(f.ctx, h));
        size_t len;
        CHECK_OK(f.ops->pread(f.ctx, h, 0, got, 3, &len));
        lost += memcmp(got, "old", 3) == 0;
        CHECK_OK(files_memory_crash(disk, FILES_CRASH_ALL, &rng));
        expect_after(disk, memcmp(got, "old", 3) == 0 ? "old" : "NEW");
        files_memory_free(disk);
    }
    CHECK(lost > 0 && lost < 20);
}

static void a_full_disk_refuses_growth_until_there_is_room(void **state)
{
    (void)state;
    int h;
    struct files_memory *disk = half_synced(7, &h);
    const struct pando_files f = files_memory_files(disk);
    files_memory_limit(disk, 100);
    CHECK_EQ(f.ops->fallocate(f.ctx, h, 101), PANDO_NOSPACE);
    write_text(&f, h, 97, "fit");
    CHECK_EQ(f.ops->pwrite(f.ctx, h, 98, slice_text("not")), PANDO_NOSPACE);
    files_memory_limit(disk, 0);
    write_text(&f, h, 98, "now");
    files_memory_free(disk);
}

static void a_thousand_empty_segments_cost_little(void **state)
{
    (void)state;
    struct files_memory *disk = files_memory_new(7);
    const struct pando_files f = files_memory_files(disk);
    int h;
    CHECK_OK(f.ops->open(f.ctx, "/s", FILES_NEW, &h));
    static const uint8_t zeros[1 << 20];
    for (uint64_t at = 0; at < 64; at++)
        CHECK_OK(f.ops->pwrite(f.ctx, h, at << 20, slice_of(zeros, sizeof zeros)));
    CHECK_OK(f.ops->fdatasync(f.ctx, h));
    write_text(&f, h, 512, "head");
    CHECK(files_memory_footprint(disk) < 16384);
    files_memory_free(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_operating_system_keeps_the_contract),
        TEST(the_simulated_disk_keeps_the_contract),
        TEST(a_crash_may_lose_what_was_not_synced_and_nothing_else),
        TEST(a_crash_tears_writes_at_sectors),
        TEST(a_failed_sync_loses_pages_that_still_look_written),
        TEST(a_full_disk_refuses_growth_until_there_is_room),
        TEST(a_thousand_empty_segments_cost_little),
    };
    return CHECK_RUN(tests);
}
