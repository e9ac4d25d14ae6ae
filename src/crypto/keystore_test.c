#include "crypto/keystore.h"

#include "base/slice.h"
#include "check.h"
#include "codec/multibase.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
    char dir[64];
    char path[96];
};

static void setup(struct fixture *f)
{
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/keystore_test.XXXXXX");
    CHECK(mkdtemp(f->dir) != NULL);
    (void)snprintf(f->path, sizeof f->path, "%s/keystore", f->dir);
}

/* Number of files in the folder: a temporary left behind would show. */
static int files(const struct fixture *f)
{
    DIR *dir = opendir(f->dir);
    int count = 0;
    CHECK(dir != NULL);
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir))
        count += e->d_name[0] != '.';
    (void)closedir(dir);
    return count;
}

static void teardown(struct fixture *f)
{
    (void)chmod(f->dir, 0700);
    (void)unlink(f->path);
    CHECK_EQ(rmdir(f->dir), 0);
}

static struct pando_key key_of(const struct keystore *ks, const char *name)
{
    const struct crypto_secret *secret;
    CHECK_OK(keystore_key(ks, name, &secret));
    return crypto_public(secret);
}

static void a_new_keystore_gives_the_same_key_again(void **state)
{
    (void)state;
    struct fixture f;
    struct keystore *ks, *again;
    struct pando_err err;
    struct stat info;
    setup(&f);
    CHECK_EQ(keystore_open(f.dir, false, &ks, &err), PANDO_NOT_FOUND);
    CHECK(strstr(err.text, f.dir) != NULL);
    CHECK_EQ(files(&f), 0);
    CHECK_OK(keystore_open(f.dir, true, &ks, &err));
    CHECK_EQ(stat(f.path, &info), 0);
    CHECK_EQ(info.st_mode & 0777, 0600);
    CHECK_EQ(files(&f), 1);
    for (int create = 0; create < 2; create++) {
        CHECK_OK(keystore_open(f.dir, create != 0, &again, &err));
        const struct pando_key a = key_of(ks, "node"), b = key_of(again, "node");
        CHECK(key_equal(&a, &b));
        keystore_close(again);
    }
    keystore_close(ks);
    keystore_close(NULL);
    teardown(&f);
}

static void further_keys_are_kept_beside_the_node_s(void **state)
{
    (void)state;
    struct fixture f;
    struct keystore *ks;
    struct pando_err err;
    const char *names[4];
    const struct crypto_secret *secret;
    setup(&f);
    CHECK_OK(keystore_open(f.dir, true, &ks, &err));
    CHECK_OK(keystore_new_key(ks, "author-2", &err));
    CHECK_EQ(keystore_new_key(ks, "author-2", &err), PANDO_EXISTS);
    CHECK_EQ(keystore_new_key(ks, "", &err), PANDO_INVALID);
    CHECK_EQ(keystore_new_key(ks, "Upper", &err), PANDO_INVALID);
    CHECK_EQ(keystore_new_key(ks, "a b", &err), PANDO_INVALID);
    CHECK_EQ(keystore_new_key(ks, "a\nkey", &err), PANDO_INVALID);
    CHECK_EQ(keystore_new_key(ks, "a23456789012345678901234567890123", &err),
             PANDO_INVALID);
    const struct pando_key node = key_of(ks, "node"), author = key_of(ks, "author-2");
    CHECK(!key_equal(&node, &author));
    keystore_close(ks);

    CHECK_OK(keystore_open(f.dir, false, &ks, &err));
    CHECK_EQ(keystore_names(ks, names, 4), 2);
    CHECK_STR(names[0], "node");
    CHECK_STR(names[1], "author-2");
    const struct pando_key node2 = key_of(ks, "node"), author2 = key_of(ks, "author-2");
    CHECK(key_equal(&node, &node2) && key_equal(&author, &author2));
    CHECK_EQ(keystore_key(ks, "other", &secret), PANDO_NOT_FOUND);
    CHECK_EQ(files(&f), 1);
    keystore_close(ks);
    teardown(&f);
}

static void the_number_of_keys_has_a_cap(void **state)
{
    (void)state;
    struct fixture f;
    struct keystore *ks;
    struct pando_err err;
    setup(&f);
    CHECK_OK(keystore_open(f.dir, true, &ks, &err));
    for (int i = 1; i < KEYSTORE_KEYS_MAX; i++) {
        char name[KEYSTORE_NAME_MAX + 1];
        (void)snprintf(name, sizeof name, "k%031d", i); /* the longest name */
        CHECK_OK(keystore_new_key(ks, name, &err));
    }
    CHECK_EQ(keystore_new_key(ks, "more", &err), PANDO_FULL);
    keystore_close(ks);
    CHECK_OK(keystore_open(f.dir, false, &ks, &err));
    CHECK_EQ(keystore_names(ks, NULL, 0), KEYSTORE_KEYS_MAX);
    keystore_close(ks);
    teardown(&f);
}

static void a_file_that_others_may_read_is_refused_with_the_remedy(void **state)
{
    (void)state;
    static const mode_t modes[] = { 0644, 0640, 0620, 0601, 0660 };
    struct fixture f;
    struct keystore *ks;
    struct pando_err err;
    setup(&f);
    CHECK_OK(keystore_open(f.dir, true, &ks, &err));
    keystore_close(ks);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        CHECK_EQ(chmod(f.path, modes[i]), 0);
        CHECK_EQ(keystore_open(f.dir, true, &ks, &err), PANDO_REFUSED);
        CHECK(strstr(err.text, "chmod 600 ") != NULL && strstr(err.text, f.path) != NULL);
    }
    CHECK_EQ(chmod(f.path, 0400), 0);
    CHECK_OK(keystore_open(f.dir, false, &ks, &err));
    keystore_close(ks);
    teardown(&f);
}

static void what_stands_in_its_place_is_not_followed_or_replaced(void **state)
{
    (void)state;
    struct fixture f;
    struct keystore *ks;
    struct pando_err err;
    setup(&f);
    CHECK_EQ(symlink("/etc/passwd", f.path), 0);
    CHECK_EQ(keystore_open(f.dir, true, &ks, &err), PANDO_IO);
    CHECK_EQ(unlink(f.path), 0);
    CHECK_EQ(mkfifo(f.path, 0600), 0); /* would block a plain open */
    CHECK_EQ(keystore_open(f.dir, true, &ks, &err), PANDO_REFUSED);
    teardown(&f);
}

static void a_missing_folder_is_named(void **state)
{
    (void)state;
    struct keystore *ks;
    struct pando_err err;
    CHECK_EQ(keystore_open("/nonexistent/folder", true, &ks, &err), PANDO_IO);
    CHECK(strstr(err.text, "/nonexistent/folder") != NULL);
}

/* Goal: two starters of one folder agree on one key, whoever is faster. */
static void racing_creators_end_with_one_key(void **state)
{
    (void)state;
    for (int round = 0; round < 10; round++) {
        struct fixture f;
        struct keystore *ks;
        struct pando_err err;
        int ends[2];
        pid_t children[4];
        struct pando_key keys[4], mine;
        setup(&f);
        CHECK_EQ(pipe(ends), 0);
        for (int i = 0; i < 4; i++) {
            children[i] = fork();
            if (children[i] != 0)
                continue;
            const struct crypto_secret *secret;
            if (keystore_open(f.dir, true, &ks, &err) != PANDO_OK ||
                keystore_key(ks, "node", &secret) != PANDO_OK)
                _exit(1);
            const struct pando_key key = crypto_public(secret);
            _exit(write(ends[1], &key, sizeof key) == (ssize_t)sizeof key ? 0 : 1);
        }
        for (int i = 0; i < 4; i++) {
            int status;
            CHECK_EQ(waitpid(children[i], &status, 0), children[i]);
            CHECK_EQ(status, 0);
            CHECK_EQ(read(ends[0], &keys[i], sizeof keys[i]), sizeof keys[i]);
        }
        CHECK_OK(keystore_open(f.dir, false, &ks, &err));
        mine = key_of(ks, "node");
        for (int i = 0; i < 4; i++)
            CHECK(key_equal(&keys[i], &mine));
        keystore_close(ks);
        (void)close(ends[0]);
        (void)close(ends[1]);
        CHECK_EQ(files(&f), 1);
        teardown(&f);
    }
}

static void a_failed_save_leaves_the_old_file_and_keys(void **state)
{
    (void)state;
    struct fixture f;
    struct keystore *ks;
    struct pando_err err;
    setup(&f);
    CHECK_OK(keystore_open(f.dir, true, &ks, &err));
    char moved[128];
    (void)snprintf(moved, sizeof moved, "%s.moved", f.dir);
    CHECK_EQ(rename(f.dir, moved), 0); /* saving has nowhere to go now */
    CHECK_EQ(keystore_new_key(ks, "author", &err), PANDO_IO);
    CHECK_EQ(keystore_names(ks, NULL, 0), 1);
    CHECK_EQ(rename(moved, f.dir), 0);
    CHECK_OK(keystore_new_key(ks, "author", &err));
    CHECK_EQ(files(&f), 1);
    keystore_close(ks);
    teardown(&f);
}

/* Text of a keystore with two keys. */
static struct pando_buf sample(void)
{
    struct fixture f;
    struct keystore *ks;
    struct pando_err err;
    struct pando_buf b;
    setup(&f);
    CHECK_OK(keystore_open(f.dir, true, &ks, &err));
    CHECK_OK(keystore_new_key(ks, "author", &err));
    buf_init(&b, 2 * KEYSTORE_SIZE_MAX);
    CHECK_OK(keystore_encode(ks, &b));
    keystore_close(ks);
    teardown(&f);
    return b;
}

static void no_byte_of_the_file_can_be_changed_unseen(void **state)
{
    (void)state;
    struct pando_buf b = sample();
    struct keystore *ks;
    struct pando_err err;
    CHECK_OK(keystore_decode(buf_view(&b), "/nowhere", &ks, &err));
    keystore_close(ks);
    for (size_t i = 0; i < b.len; i++) {
        b.ptr[i] ^= 1;
        const enum pando_status st = keystore_decode(buf_view(&b), "/nowhere", &ks, &err);
        CHECK(st == PANDO_CORRUPT || st == PANDO_UNSUPPORTED);
        b.ptr[i] ^= 1;
    }
    for (size_t len = 0; len < b.len; len++)
        CHECK_EQ(keystore_decode(slice_of(b.ptr, len), "/nowhere", &ks, &err),
                 PANDO_CORRUPT);
    CHECK_OK(buf_append(&b, slice_text("\n")));
    CHECK_EQ(keystore_decode(buf_view(&b), "/nowhere", &ks, &err), PANDO_CORRUPT);
    buf_deinit(&b);
}

static void another_version_is_named(void **state)
{
    (void)state;
    struct keystore *ks;
    struct pando_err err;
    const struct pando_slice text = slice_text("pando-keystore 27\nwhatever\n");
    CHECK_EQ(keystore_decode(text, "/nowhere", &ks, &err), PANDO_UNSUPPORTED);
    CHECK(strstr(err.text, "27") != NULL);
}

/* Decode `body` below the version line and above its true checksum. */
static enum pando_status decode_body(const char *body)
{
    struct pando_buf b;
    struct keystore *ks;
    struct pando_err err;
    char hex[65];
    buf_init(&b, 4096);
    CHECK_OK(buf_printf(&b, "pando-keystore 1\n%s", body));
    const struct pando_id sum = crypto_sha256(buf_view(&b));
    CHECK_OK(multibase_encode(MULTIBASE_16, SLICE_OF(sum.bytes), hex, sizeof hex));
    CHECK_OK(buf_printf(&b, "sha256 %s\n", hex));
    const enum pando_status st = keystore_decode(buf_view(&b), "/nowhere", &ks, &err);
    if (st == PANDO_OK)
        keystore_close(ks);
    buf_deinit(&b);
    return st;
}

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define P0 "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29"

static void a_true_checksum_does_not_excuse_bad_lines(void **state)
{
    (void)state;
    CHECK_OK(decode_body("key node ed25519 " ZEROS " " P0 "\n"));
    CHECK_EQ(decode_body(""), PANDO_CORRUPT); /* no node */
    CHECK_EQ(decode_body("key author ed25519 " ZEROS " " P0 "\n"), PANDO_CORRUPT);
    CHECK_EQ(decode_body("key node ed25519 " ZEROS " " ZEROS "\n"), PANDO_CORRUPT);
    CHECK_EQ(decode_body("key node rsa " ZEROS " " P0 "\n"), PANDO_CORRUPT);
    CHECK_EQ(decode_body("key node ed25519 " ZEROS " " P0 "\nkey node ed25519 " ZEROS
                         " " P0 "\n"),
             PANDO_CORRUPT);
    CHECK_EQ(decode_body("\nkey node ed25519 " ZEROS " " P0 "\n"), PANDO_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_keystore_gives_the_same_key_again),
        TEST(further_keys_are_kept_beside_the_node_s),
        TEST(the_number_of_keys_has_a_cap),
        TEST(a_file_that_others_may_read_is_refused_with_the_remedy),
        TEST(what_stands_in_its_place_is_not_followed_or_replaced),
        TEST(a_missing_folder_is_named),
        TEST(racing_creators_end_with_one_key),
        TEST(a_failed_save_leaves_the_old_file_and_keys),
        TEST(no_byte_of_the_file_can_be_changed_unseen),
        TEST(another_version_is_named),
        TEST(a_true_checksum_does_not_excuse_bad_lines),
    };
    return crypto_init() == PANDO_OK ? CHECK_RUN(tests) : 1;
}
