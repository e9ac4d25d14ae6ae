#include "crypto/keystore_private.h"

#include "base/slice.h"
#include "codec/multibase.h"

#include <stdlib.h>
#include <string.h>

#include <sodium/utils.h>

#define MAGIC "pando-keystore "

struct keystore *keystore_empty(const char *dir)
{
    struct keystore *ks = calloc(1, sizeof *ks);
    if (ks == NULL)
        return NULL;
    ks->dir = strdup(dir);
    if (ks->dir == NULL) {
        free(ks);
        return NULL;
    }
    return ks;
}

void keystore_close(struct keystore *ks)
{
    if (ks == NULL)
        return;
    free(ks->dir);
    sodium_memzero(ks, sizeof *ks);
    free(ks);
}

void keystore_wipe_buf(struct pando_buf *b)
{
    if (b->ptr != NULL)
        sodium_memzero(b->ptr, b->cap);
    buf_deinit(b);
}

static bool is_name(struct pando_slice s)
{
    if (s.len == 0 || s.len > KEYSTORE_NAME_MAX || s.ptr[0] < 'a' || s.ptr[0] > 'z')
        return false;
    for (size_t i = 0; i < s.len; i++) {
        const uint8_t c = s.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_')
            return false;
    }
    return true;
}

static const struct keystore_entry *find(const struct keystore *ks,
                                         struct pando_slice name)
{
    for (size_t i = 0; i < ks->len; i++)
        if (slice_equal(slice_text(ks->entries[i].name), name))
            return &ks->entries[i];
    return NULL;
}

enum pando_status keystore_add(struct keystore *ks, struct pando_slice name,
                               const uint8_t seed[32], struct pando_err *reterr)
{
    if (!is_name(name))
        return pando_err_set(
            reterr, PANDO_INVALID,
            "keystore: a key's name is 1 to %d of a-z, 0-9, '-' and '_', "
            "starting with a letter",
            KEYSTORE_NAME_MAX);
    if (find(ks, name) != NULL)
        return pando_err_set(reterr, PANDO_EXISTS,
                             "keystore: there is a key '%.*s' already", (int)name.len,
                             (const char *)name.ptr);
    if (ks->len == KEYSTORE_KEYS_MAX)
        return pando_err_set(reterr, PANDO_FULL, "keystore: it holds %d keys, its limit",
                             KEYSTORE_KEYS_MAX);
    struct keystore_entry *e = &ks->entries[ks->len++];
    memcpy(e->name, name.ptr, name.len);
    e->name[name.len] = '\0';
    crypto_secret_from_seed(seed, &e->secret);
    return PANDO_OK;
}

enum pando_status keystore_key(const struct keystore *ks, const char *name,
                               const struct crypto_secret **ret_secret)
{
    const struct keystore_entry *e = find(ks, slice_text(name));
    if (e == NULL)
        return PANDO_NOT_FOUND;
    *ret_secret = &e->secret;
    return PANDO_OK;
}

size_t keystore_names(const struct keystore *ks, const char **ret_names, size_t cap)
{
    for (size_t i = 0; i < ks->len && i < cap; i++)
        ret_names[i] = ks->entries[i].name;
    return ks->len;
}

/* Append `s` in hex and the character `end`. libsodium's codec is constant-time. */
static enum pando_status put_hex(struct pando_buf *b, struct pando_slice s,
                                 const char *end)
{
    const enum pando_status st = buf_reserve(b, 2 * s.len + 1);
    if (st != PANDO_OK)
        return st;
    (void)sodium_bin2hex((char *)b->ptr + b->len, 2 * s.len + 1, s.ptr, s.len);
    b->len += 2 * s.len;
    return buf_append(b, slice_text(end));
}

enum pando_status keystore_encode(const struct keystore *ks, struct pando_buf *b)
{
    const size_t start = b->len;
    /* all room at once: a growing buffer would leave unwiped copies behind */
    enum pando_status st = buf_reserve(b, KEYSTORE_SIZE_MAX);
    if (st == PANDO_OK)
        st = buf_printf(b, MAGIC "%d\n", KEYSTORE_VERSION);
    for (size_t i = 0; st == PANDO_OK && i < ks->len; i++) {
        const struct keystore_entry *e = &ks->entries[i];
        st = buf_printf(b, "key %s ed25519 ", e->name);
        if (st == PANDO_OK)
            st = put_hex(b, slice_of(e->secret.bytes, 32), " ");
        if (st == PANDO_OK)
            st = put_hex(b, slice_of(e->secret.bytes + 32, 32), "\n");
    }
    if (st != PANDO_OK)
        return st;
    const struct pando_id sum = crypto_sha256(slice_from(buf_view(b), start));
    st = buf_append(b, slice_text("sha256 "));
    return st == PANDO_OK ? put_hex(b, SLICE_OF(sum.bytes), "\n") : st;
}

/* Cut the bytes before `end` off the head of `s`; false when `end` is not there. */
static bool take_until(struct pando_slice *s, char end, struct pando_slice *ret_word)
{
    const uint8_t *at = s->len > 0 ? memchr(s->ptr, end, s->len) : NULL;
    if (at == NULL)
        return false;
    *ret_word = slice_of(s->ptr, (size_t)(at - s->ptr));
    *s = slice_from(*s, ret_word->len + 1);
    return true;
}

static bool take_word(struct pando_slice *s, const char *word)
{
    const size_t len = strlen(word);
    if (s->len < len || memcmp(s->ptr, word, len) != 0)
        return false;
    *s = slice_from(*s, len);
    return true;
}

static bool read_hex(struct pando_slice text, uint8_t ret[32])
{
    size_t len;
    return text.len == 64 && !multibase_decode(MULTIBASE_16, text, ret, 32, &len);
}

/* "key NAME ed25519 SEED PUBLIC" without its end. */
static bool read_key(struct keystore *ks, struct pando_slice line)
{
    struct pando_slice name, seed_text;
    uint8_t seed[32], public[32];
    if (!take_word(&line, "key ") || !take_until(&line, ' ', &name) ||
        !take_word(&line, "ed25519 ") || !take_until(&line, ' ', &seed_text))
        return false;
    bool good = read_hex(seed_text, seed) && read_hex(line, public) &&
                keystore_add(ks, name, seed, NULL) == PANDO_OK;
    if (good) /* a seed typed in with a mistake shows here */
        good = memcmp(ks->entries[ks->len - 1].secret.bytes + 32, public, 32) == 0;
    sodium_memzero(seed, sizeof seed);
    return good;
}

static bool is_number(struct pando_slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    return s.len > 0 && s.len < 10;
}

/* The version line; the reason is in reterr. */
static enum pando_status read_version(struct pando_slice *text, struct pando_err *reterr)
{
    struct pando_slice version;
    if (!take_word(text, MAGIC) || !take_until(text, '\n', &version) ||
        !is_number(version))
        return pando_err_set(reterr, PANDO_CORRUPT,
                             "keystore: the file does not begin with '" MAGIC
                             "': it is damaged "
                             "or no keystore; restore it from a backup");
    if (!slice_equal(version, slice_text("1")))
        return pando_err_set(
            reterr, PANDO_UNSUPPORTED,
            "keystore: its version is %.*s, this program knows version %d; use "
            "the program that wrote it or a newer one",
            (int)version.len, (const char *)version.ptr, KEYSTORE_VERSION);
    return PANDO_OK;
}

/* The lines below the version, up to and with the checksum. Returns what is wrong. */
static const char *read_body(struct keystore *ks, struct pando_slice whole,
                             struct pando_slice rest)
{
    struct pando_slice line;
    uint8_t sum[32];
    const struct crypto_secret *node;
    for (;;) {
        const size_t before = whole.len - rest.len;
        if (!take_until(&rest, '\n', &line))
            return "a line is cut off";
        if (!take_word(&line, "sha256 ")) {
            if (!read_key(ks, line))
                return "a key's line is not valid";
            continue;
        }
        const struct pando_id want = crypto_sha256(slice_of(whole.ptr, before));
        if (!read_hex(line, sum) || memcmp(sum, want.bytes, sizeof sum) != 0)
            return "its checksum does not match";
        if (rest.len != 0)
            return "something follows the checksum";
        return keystore_key(ks, "node", &node) == PANDO_OK ? NULL
                                                           : "there is no key 'node'";
    }
}

enum pando_status keystore_decode(struct pando_slice text, const char *dir,
                                  struct keystore **ret_keystore,
                                  struct pando_err *reterr)
{
    struct pando_slice rest = text;
    if (text.len > KEYSTORE_SIZE_MAX)
        return pando_err_set(reterr, PANDO_CORRUPT, "keystore: the file is over %d bytes",
                             KEYSTORE_SIZE_MAX);
    const enum pando_status st = read_version(&rest, reterr);
    if (st != PANDO_OK)
        return st;
    struct keystore *ks = keystore_empty(dir);
    if (ks == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "keystore: out of memory");
    const char *wrong = read_body(ks, text, rest);
    if (wrong != NULL) {
        keystore_close(ks);
        return pando_err_set(
            reterr, PANDO_CORRUPT,
            "keystore: the file is damaged: %s; restore it from a backup", wrong);
    }
    *ret_keystore = ks;
    return PANDO_OK;
}
