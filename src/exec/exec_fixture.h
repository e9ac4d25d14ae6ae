/* exec_fixture.h - what the tests of this folder share: built capsules and short runs. */
#ifndef EXEC_FIXTURE_H
#define EXEC_FIXTURE_H

#include <stdlib.h>

#include "base/slice.h"
#include "check.h"
#include "crypto/sign.h"
#include "exec/exec.h"

struct fixture_file {
    uint8_t bytes[16384];
    size_t len;
};

/* "hello" or "test/divide", from the build's folder of capsules. */
static inline struct pando_slice fixture_load(struct fixture_file *f, const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s.wasm", PANDO_CAPSULE_DIR, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        print_error("cannot open %s\n", path);
    assert_non_null(file);
    f->len = fread(f->bytes, 1, sizeof f->bytes, file);
    fclose(file);
    assert_true(f->len > 0 && f->len < sizeof f->bytes);
    return slice_of(f->bytes, f->len);
}

static inline struct exec *fixture_exec(void)
{
    struct exec *x = NULL;
    const struct exec_config config = { NULL, NULL };
    CHECK_OK(crypto_init());
    CHECK_OK(exec_new(&config, &x, NULL));
    return x;
}

/* A request under the development limits, at a fixed time, with nonce 1. */
static inline struct exec_request fixture_request(struct pando_slice capsule,
                                                  const char *input)
{
    struct exec_request q = { .capsule = capsule,
                              .input = slice_text(input),
                              .time = { INT64_C(1763668640123) },
                              .nonce = 1 };
    CHECK_OK(exec_limits_preset("development", &q.limits));
    return q;
}

/* Run a built capsule, expecting `failure`; the result is the caller's to free. */
static inline void fixture_run(struct exec *x, const char *name, const char *input,
                               enum exec_failure failure, struct exec_result *ret_result)
{
    struct fixture_file f;
    const struct exec_request q = fixture_request(fixture_load(&f, name), input);
    const enum pando_status st = exec_run(x, &q, ret_result);
    if (ret_result->failure != failure)
        print_error("%s: %s: %s\n", name, exec_failure_name(ret_result->failure),
                    ret_result->text);
    CHECK_EQ(ret_result->failure, failure);
    CHECK_EQ(st, exec_failure_status(failure));
}

/* The same, expecting a text as output. */
static inline void fixture_expect(struct exec *x, const char *name, const char *input,
                                  const char *output)
{
    struct exec_result r;
    fixture_run(x, name, input, EXEC_FAIL_NONE, &r);
    CHECK_EQ(r.output.len, strlen(output));
    CHECK_MEM(r.output.ptr, output, strlen(output));
    exec_result_deinit(&r);
}

/* The same, expecting a failure whose text holds `words`. */
static inline void fixture_refuse(struct exec *x, const char *name,
                                  enum exec_failure failure, const char *words)
{
    struct exec_result r;
    fixture_run(x, name, "input", failure, &r);
    if (strstr(r.text, words) == NULL)
        print_error("%s: \"%s\" lacks \"%s\"\n", name, r.text, words);
    CHECK(strstr(r.text, words) != NULL);
    exec_result_deinit(&r);
}

#endif
