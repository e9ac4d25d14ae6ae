/* cmd_init.c - begin a capsule of one's own: source, header, Makefile, an input to try.
 *
 * The sources are the repository's own examples, which the tests build and run.
 */
#include "apps/pando/commands.h"

#include "apps/pando/templates.h"
#include "base/near.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const struct {
    const char *name, *source, *input;
} kinds[] = {
    { "hello-world", "hello.c", "{\"name\":\"test\"}\n" },
    { "json-transform", "json_transform.c",
      "{\"user\":{\"name\":\"Ada\"},\"items\":[{\"price\":3},{\"price\":4}]}\n" },
};

static const char makefile[] =
    "# Needs clang with the wasm32 target and lld (Debian: clang-14 lld-14).\n"
    "CLANG ?= $(shell command -v clang-14 || command -v clang)\n"
    "FLAGS = --target=wasm32 -std=c17 -O2 -nostdlib -fno-builtin -Wall -Wextra \\\n"
    "  -Wl,--no-entry -Wl,--export=__global_base -Wl,--global-base=32768 \\\n"
    "  -Wl,-z,stack-size=8192 -Wl,--strip-all\n"
    "\n"
    "NAME.wasm: capsule.c pando_capsule.h\n"
    "\t$(CLANG) $(FLAGS) -o $@ capsule.c\n"
    "\n"
    "check: NAME.wasm\n"
    "\tpando validate NAME.wasm\n"
    "\n"
    "run: NAME.wasm\n"
    "\tpando exec NAME.wasm --input-file input.json --metrics\n"
    "\n"
    "clean:\n"
    "\trm -f NAME.wasm\n"
    "\n"
    ".PHONY: check run clean\n";

static const struct template_file *find(const char *name)
{
    for (size_t i = 0; i < template_files_len; i++)
        if (strcmp(template_files[i].name, name) == 0)
            return &template_files[i];
    return NULL;
}

static enum pando_status put(const char *folder, const char *name, const void *bytes,
                             size_t len, struct pando_err *reterr)
{
    char path[600];
    (void)snprintf(path, sizeof path, "%.500s/%s", folder, name);
    FILE *file = fopen(path, "wxe"); /* never over something of the user's */
    const bool good = file != NULL && fwrite(bytes, 1, len, file) == len;
    const int why = errno;
    if (file == NULL || fclose(file) != 0 || !good)
        return pando_err_set(reterr, why == ENOSPC ? PANDO_NOSPACE : PANDO_IO,
                             "cannot write %.180s: %s", path, strerror(why));
    return PANDO_OK;
}

static enum pando_status put_makefile(const char *folder, const char *name,
                                      struct pando_err *reterr)
{
    char text[2048];
    size_t len = 0;
    for (const char *at = makefile; *at != '\0' && len + 80 < sizeof text;) {
        if (strncmp(at, "NAME", 4) == 0 && strncmp(at, "NAME)", 5) != 0) {
            len += (size_t)snprintf(text + len, sizeof text - len, "%s", name);
            at += 4;
        } else {
            text[len++] = *at++;
        }
    }
    return put(folder, "Makefile", text, len, reterr);
}

static enum pando_status put_all(size_t kind, const char *folder, const char *name,
                                 struct pando_err *reterr)
{
    const struct template_file *source = find(kinds[kind].source);
    const struct template_file *header = find("pando_capsule.h");
    if (source == NULL || header == NULL)
        return pando_err_set(reterr, PANDO_UNSUPPORTED, "this build holds no templates");
    if (mkdir(folder, 0755) != 0)
        return pando_err_set(reterr, errno == EEXIST ? PANDO_EXISTS : PANDO_IO,
                             "cannot make the folder %.150s: %s", folder,
                             strerror(errno));
    enum pando_status st = put(folder, "capsule.c", source->bytes, source->len, reterr);
    if (st == PANDO_OK)
        st = put(folder, "pando_capsule.h", header->bytes, header->len, reterr);
    if (st == PANDO_OK)
        st = put(folder, "input.json", kinds[kind].input, strlen(kinds[kind].input),
                 reterr);
    return st == PANDO_OK ? put_makefile(folder, name, reterr) : st;
}

enum pando_status run_init(const struct args *args, struct pando_err *reterr)
{
    const char *folder = args->words[0];
    const char *wanted = args_value(args, OPT_TEMPLATE, "hello-world");
    const char *slash = strrchr(folder, '/');
    const char *name = slash != NULL ? slash + 1 : folder;
    struct near_search near = { .word = wanted };
    const size_t good =
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                     "0123456789-_.");
    if (good == 0 || good > 60 || name[good] != '\0' || name[0] == '.' || name[0] == '-')
        return pando_err_set(reterr, PANDO_INVALID,
                             "a capsule's name has letters, digits, '-', '_' and '.'");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        near_offer(&near, kinds[i].name);
        if (strcmp(kinds[i].name, wanted) != 0)
            continue;
        const enum pando_status st = put_all(i, folder, name, reterr);
        if (st == PANDO_OK && args->json)
            (void)printf("{\"folder\":\"%s\",\"template\":\"%s\"}\n", folder, wanted);
        else if (st == PANDO_OK)
            (void)printf("Made %s. Next:\n  cd %s && make\n  pando validate %s.wasm\n"
                         "  pando exec %s.wasm --input-file input.json --metrics\n",
                         folder, folder, name, name);
        return st;
    }
    return pando_err_set(
        reterr, PANDO_NOT_FOUND, "there is no template '%.40s'%s%s%s", wanted,
        near.best != NULL ? "; did you mean '" : " (hello-world, json-transform)",
        near.best != NULL ? near.best : "", near.best != NULL ? "'?" : "");
}
