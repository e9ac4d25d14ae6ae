/* cmd_key.c - the keystore of a data folder. Secrets are never printed. */
#include "apps/pando/commands.h"

#include "apps/pando/reach.h"
#include "codec/multibase.h"
#include "crypto/keystore.h"
#include "crypto/peer_id.h"

#include "base/slice.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static enum pando_status open_keys(const struct args *args, bool create,
                                   struct keystore **ret_keys, struct pando_err *reterr)
{
    const char *data = reach_data(args);
    if (data == NULL)
        return pando_err_set(reterr, PANDO_INVALID, "name the data folder with --data");
    if (create && mkdir(data, 0700) != 0 && errno != EEXIST)
        return pando_err_set(reterr, errno == ENOSPC ? PANDO_NOSPACE : PANDO_IO,
                             "cannot make %.160s: %s", data, strerror(errno));
    const enum pando_status st = crypto_init();
    return st == PANDO_OK ? keystore_open(data, create, ret_keys, reterr) : st;
}

static void print_key(const struct args *args, const struct keystore *keys,
                      const char *name, bool first)
{
    const struct crypto_secret *secret = NULL;
    char hex[65], peer[PEER_ID_TEXT_MAX];
    if (keystore_key(keys, name, &secret) != PANDO_OK)
        return;
    const struct pando_key key = crypto_public(secret);
    const struct peer_id id = peer_id_from_key(&key);
    peer_id_print(&id, peer);
    if (multibase_encode(MULTIBASE_16, SLICE_OF(key.bytes), hex, sizeof hex) != PANDO_OK)
        return;
    if (args->json)
        (void)printf("%s{\"name\":\"%s\",\"peer_id\":\"%s\",\"public_key\":\"%s\"}",
                     first ? "" : ",", name, peer, hex);
    else
        (void)printf("%-12s %s\n             %s\n", name, peer, hex);
}

static void print_keys(const struct args *args, const struct keystore *keys,
                       const char *only)
{
    const char *names[KEYSTORE_KEYS_MAX];
    const size_t len = keystore_names(keys, names, KEYSTORE_KEYS_MAX);
    if (args->json)
        (void)printf("{\"keys\":[");
    bool first = true;
    for (size_t i = 0; i < len && i < KEYSTORE_KEYS_MAX; i++) {
        if (only != NULL && strcmp(only, names[i]) != 0)
            continue;
        print_key(args, keys, names[i], first);
        first = false;
    }
    if (args->json)
        (void)printf("]}\n");
}

enum pando_status run_key_show(const struct args *args, struct pando_err *reterr)
{
    struct keystore *keys = NULL;
    const struct crypto_secret *secret = NULL;
    const char *only = args->words_len > 0 ? args->words[0] : NULL;
    enum pando_status st = open_keys(args, false, &keys, reterr);
    if (st == PANDO_OK && only != NULL && keystore_key(keys, only, &secret) != PANDO_OK)
        st = pando_err_set(reterr, PANDO_NOT_FOUND,
                           "there is no key '%.40s' in the keystore", only);
    if (st == PANDO_OK)
        print_keys(args, keys, only);
    keystore_close(keys);
    return st;
}

enum pando_status run_key_new(const struct args *args, struct pando_err *reterr)
{
    struct keystore *keys = NULL;
    const char *name = args->words_len > 0 ? args->words[0] : "node";
    struct pando_err missing = { 0 };
    enum pando_status st = open_keys(args, false, &keys, &missing);
    const bool fresh = st == PANDO_NOT_FOUND || st == PANDO_IO;
    if (fresh)
        st = open_keys(args, true, &keys, reterr);
    else if (st != PANDO_OK && reterr != NULL)
        *reterr = missing;
    /* A fresh keystore has its node key already. */
    if (st == PANDO_OK && !(fresh && strcmp(name, "node") == 0))
        st = keystore_new_key(keys, name, reterr);
    if (st == PANDO_OK)
        print_keys(args, keys, name);
    keystore_close(keys);
    return st;
}
