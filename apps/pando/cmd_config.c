/* cmd_config.c - the keys of config.yml, from the table that parses them. */
#include "apps/pando/commands.h"

#include "apps/pando/reach.h"

#include <stdio.h>
#include <stdlib.h>

enum pando_status run_config_explain(const struct args *args, struct pando_err *reterr)
{
    struct pando_buf text;
    const char *key = args->words_len > 0 ? args->words[0] : NULL;
    const char *data = reach_data(args);
    const enum config_style style = args->json ? CONFIG_EXPLAIN_JSON
                                    : args_has(args, OPT_MARKDOWN)
                                        ? CONFIG_EXPLAIN_MARKDOWN
                                        : CONFIG_EXPLAIN_TEXT;
    struct config *config = data != NULL ? malloc(sizeof *config) : NULL;
    enum pando_status st = PANDO_OK;
    if (data != NULL)
        st = config == NULL ? PANDO_NOMEM : reach_config(data, config, reterr);
    buf_init(&text, 1u << 20);
    if (st == PANDO_OK)
        st = config_explain(config, key, style, &text);
    if (st == PANDO_OK) {
        (void)printf("%.*s%s", (int)text.len, (const char *)text.ptr,
                     args->json ? "\n" : "");
    } else if (st == PANDO_NOT_FOUND && key != NULL) {
        const char *near = config_key_near(key);
        (void)pando_err_set(reterr, st, "there is no key '%.60s'%s%s%s", key,
                            near != NULL ? "; did you mean '" : "",
                            near != NULL ? near : "", near != NULL ? "'?" : "");
    }
    buf_deinit(&text);
    free(config);
    return st;
}
