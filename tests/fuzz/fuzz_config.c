/* fuzz_config.c - config.yml from hostile hands. Properties: nothing crashes; a refusal
 * changes nothing and says why; every text in an accepted config is terminated. */
#include "node/config.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool ends(const char *text, size_t cap)
{
    return memchr(text, 0, cap) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *c = malloc(2 * sizeof *c);
    struct pando_err err = { 0 };
    if (c == NULL)
        abort();
    config_init(&c[0]);
    c[1] = c[0];
    const enum pando_status st =
        config_parse(&c[0], (struct pando_slice){ data, size }, "fuzz.yml", &err);
    if (st != PANDO_OK) {
        PANDO_ASSERT(memcmp(&c[0], &c[1], sizeof *c) == 0);
        PANDO_ASSERT(err.text[0] != '\0');
    } else {
        PANDO_ASSERT(ends(c[0].name, sizeof c[0].name) &&
                     ends(c[0].data, sizeof c[0].data));
        PANDO_ASSERT(c[0].peers.len <= CONFIG_LIST_MAX);
        for (size_t i = 0; i < c[0].peers.len; i++)
            PANDO_ASSERT(ends(c[0].peers.items[i], CONFIG_TEXT_MAX));
        (void)!config_finish(&c[0], &err);
    }
    free(c);
    return 0;
}
