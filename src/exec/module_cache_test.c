/* Compiled modules in memory and on disk. */
#include <dirent.h>
#include <unistd.h>

#include "exec/exec_fixture.h"

struct folder {
    char dir[64];
    char file[400]; /* the only compiled module in it */
    uint8_t key[32];
};

static void setup(struct folder *f)
{
    CHECK_OK(crypto_init());
    memset(f, 0, sizeof *f);
    strcpy(f->dir, "/tmp/pando-exec-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    struct crypto_secret secret;
    static const uint8_t seed[32] = { 9 };
    crypto_secret_from_seed(seed, &secret);
    exec_cache_key(&secret, f->key);
}

static size_t count(struct folder *f)
{
    size_t files = 0;
    DIR *dir = opendir(f->dir);
    assert_non_null(dir);
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(f->file, sizeof f->file, "%s/%s", f->dir, entry->d_name);
        files++;
    }
    (void)closedir(dir);
    return files;
}

static void teardown(struct folder *f)
{
    while (count(f) > 0)
        CHECK_EQ(unlink(f->file), 0);
    CHECK_EQ(rmdir(f->dir), 0);
}

/* Run hello in a new runner over the folder; what the runner had to do. */
static struct exec_stats run_once(const struct folder *f)
{
    struct exec *x = NULL;
    const struct exec_config config = { f->dir, f->key };
    CHECK_OK(exec_new(&config, &x, NULL));
    fixture_expect(x, "hello", "{\"name\":\"test\"}", "{\"greeting\":\"Hello, test!\"}");
    const struct exec_stats s = exec_stats(x);
    exec_free(x);
    return s;
}

static void the_second_start_need_not_compile(void **state)
{
    (void)state;
    struct folder f;
    setup(&f);
    struct exec_stats s = run_once(&f);
    CHECK_EQ(s.compiled, 1);
    CHECK_EQ(count(&f), 1);
    s = run_once(&f);
    CHECK_EQ(s.compiled, 0);
    CHECK_EQ(s.disk_hits, 1);
    teardown(&f);
}

static void overwrite(const struct folder *f, long at, const void *bytes, size_t len)
{
    FILE *file = fopen(f->file, "r+b");
    assert_non_null(file);
    CHECK_EQ(fseek(file, at, at < 0 ? SEEK_END : SEEK_SET), 0);
    CHECK_EQ(fwrite(bytes, 1, len, file), len);
    CHECK_EQ(fclose(file), 0);
}

/* Machine code of somebody else's making must never be loaded. */
static void files_that_are_not_ours_are_not_loaded(void **state)
{
    (void)state;
    struct folder f;
    setup(&f);
    static const long places[] = { 0, 8, 39, 40, 1000, -1 };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        while (count(&f) > 0)
            CHECK_EQ(unlink(f.file), 0);
        CHECK_EQ(run_once(&f).compiled, 1);
        CHECK_EQ(count(&f), 1);
        overwrite(&f, places[i], "\x5a", 1); /* one byte of magic, seal or code */
        const struct exec_stats s = run_once(&f);
        CHECK_EQ(s.disk_hits, 0);
        CHECK_EQ(s.compiled, 1); /* and written anew: */
        CHECK_EQ(run_once(&f).disk_hits, 1);
    }
    CHECK_EQ(truncate(f.file, 20), 0);
    CHECK_EQ(run_once(&f).compiled, 1);
    f.key[0] ^= 1; /* another node's folder */
    CHECK_EQ(run_once(&f).disk_hits, 0);
    teardown(&f);
}

static void a_folder_needs_a_key_and_must_exist_or_be_made(void **state)
{
    (void)state;
    struct exec *x = NULL;
    struct pando_err err;
    const uint8_t key[32] = { 0 };
    struct exec_config config = { "/tmp", NULL };
    CHECK_EQ(exec_new(&config, &x, &err), PANDO_INVALID);
    CHECK(strstr(err.text, "key") != NULL);
    config = (struct exec_config){ "/proc/nowhere/at/all", key };
    CHECK_EQ(exec_new(&config, &x, &err), PANDO_IO);
    CHECK(strstr(err.text, "/proc/nowhere") != NULL);
    CHECK(x == NULL);
}

/* hello with a custom section of two bytes: another id, the same program. */
static struct pando_slice variant(struct fixture_file *f, size_t number)
{
    const struct pando_slice s = fixture_load(f, "wide");
    const uint8_t section[] = {
        0, 4, 1, 'n', (uint8_t)(number & 0x7f), (uint8_t)(number >> 7)
    };
    memcpy(f->bytes + s.len, section, sizeof section);
    return slice_of(f->bytes, s.len + sizeof section);
}

static void memory_holds_a_hundred_and_drops_the_least_used(void **state)
{
    (void)state;
    struct exec *x = fixture_exec();
    const struct exec_limits limits = exec_limits_default();
    static struct exec_report report;
    struct fixture_file f;
    for (size_t i = 0; i <= EXEC_MODULES_MAX; i++) {
        CHECK_OK(exec_validate(x, variant(&f, i), &limits, &report));
        CHECK_OK(exec_validate(x, variant(&f, 0), &limits, &report)); /* always in use */
    }
    struct exec_stats s = exec_stats(x);
    CHECK_EQ(s.modules, EXEC_MODULES_MAX);
    CHECK_EQ(s.compiled, EXEC_MODULES_MAX + 1);
    CHECK_OK(exec_validate(x, variant(&f, 1), &limits, &report)); /* was dropped */
    CHECK_EQ(exec_stats(x).compiled, EXEC_MODULES_MAX + 2);
    CHECK_OK(exec_validate(x, variant(&f, 0), &limits, &report)); /* was not */
    CHECK_EQ(exec_stats(x).compiled, EXEC_MODULES_MAX + 2);
    exec_free(x);
}

static void the_folder_keeps_at_most_its_number_of_files(void **state)
{
    (void)state;
    struct folder folder;
    setup(&folder);
    struct exec *x = NULL;
    const struct exec_config config = { folder.dir, folder.key };
    const struct exec_limits limits = exec_limits_default();
    static struct exec_report report;
    struct fixture_file f;
    CHECK_OK(exec_new(&config, &x, NULL));
    for (size_t i = 0; i < EXEC_DISK_MAX + 5; i++)
        CHECK_OK(exec_validate(x, variant(&f, i), &limits, &report));
    CHECK_EQ(count(&folder), EXEC_DISK_MAX);
    exec_free(x);
    teardown(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_second_start_need_not_compile),
        TEST(files_that_are_not_ours_are_not_loaded),
        TEST(a_folder_needs_a_key_and_must_exist_or_be_made),
        TEST(memory_holds_a_hundred_and_drops_the_least_used),
        TEST(the_folder_keeps_at_most_its_number_of_files),
    };
    return CHECK_RUN(tests);
}
