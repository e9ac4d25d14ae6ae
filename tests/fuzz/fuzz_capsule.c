/* Property: whatever the bytes are, validation and a run with little fuel end, with a
 * reason when they fail, and the same run again uses the same fuel for the same output.
 *
 * The engine traps by explicit checks, not signals, so this works under ASan as it is. */
#include "base/assert.h"
#include "base/slice.h"
#include "crypto/sign.h"
#include "exec/exec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One engine for all inputs: making it costs more than most runs. */
static struct exec *runner(void)
{
    static struct exec *x;
    const struct exec_config config = { NULL, NULL };
    if (x == NULL) {
        PANDO_ASSERT(crypto_init() == PANDO_OK);
        PANDO_ASSERT(exec_new(&config, &x, NULL) == PANDO_OK);
    }
    return x;
}

static struct exec_request request(struct pando_slice capsule)
{
    struct exec_request q = { .capsule = capsule,
                              .input = slice_text("{\"name\":\"test\"}"),
                              .time = { 1 },
                              .limits = exec_limits_default() };
    q.limits.fuel = 20000;
    q.limits.memory_mb = 4;
    q.limits.capabilities = EXEC_CAP_ALL;
    return q;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct exec *x = runner();
    const struct exec_request q = request(slice_of(data, size));
    static struct exec_report report;
    const enum pando_status valid = exec_validate(x, q.capsule, &q.limits, &report);
    PANDO_ASSERT((valid == PANDO_OK) == report.is_valid);
    PANDO_ASSERT(report.is_valid || report.errors_len > 0);

    struct exec_result first, second;
    const enum pando_status st = exec_run(x, &q, &first);
    PANDO_ASSERT(st == exec_failure_status(first.failure));
    PANDO_ASSERT(st == PANDO_OK || first.text[0] != '\0');
    PANDO_ASSERT(report.is_valid || st != PANDO_OK);
    const enum pando_status again = exec_run(x, &q, &second);
    if (first.failure != EXEC_FAIL_TIME && second.failure != EXEC_FAIL_TIME) {
        PANDO_ASSERT(st == again);
        PANDO_ASSERT(first.metrics.fuel_used == second.metrics.fuel_used);
        PANDO_ASSERT(slice_equal(buf_view(&first.output), buf_view(&second.output)));
    }
    exec_result_deinit(&first);
    exec_result_deinit(&second);
    return 0;
}
