#include "apps/pando/federate_args.h"

#include <stdlib.h>
#include <string.h>

static enum pando_status put_filter(const struct args *args, int option, const char *name,
                                    const char *key, json_t *question, struct pando_err *reterr)
{
    const char *text = args_value(args, option, NULL);
    json_t *filter = NULL;
    if (text == NULL)
        return PANDO_OK;
    const enum pando_status st = delta_json(name, text, &filter, reterr);
    if (st == PANDO_OK)
        (void)json_object_set_new(question, key, filter);
    return st;
}

/* --from alone means a sync from there. */
static enum pando_status put_sync(const struct args *args, json_t *question,
                                  struct pando_err *reterr)
{
    const char *initial = args_value(args, OPT_INITIAL, NULL);
    delta_put_text(args, OPT_MODE, "mode", question);
    if (initial == NULL && args_has(args, OPT_FROM))
        initial = "from_timestamp";
    if (initial != NULL)
        (void)json_object_set_new(question, "initialSync", json_string(initial));
    return delta_put_time(args, OPT_FROM, "--from", "syncFromTimestamp", question, reterr);
}

static void put_trust(const struct args *args, json_t *question)
{
    json_t *trust = json_object();
    delta_put_list(args, OPT_TRUST_AUTHOR, "trustedAuthors", trust);
    delta_put_list(args, OPT_TRUST_SYSTEM, "trustedSystems", trust);
    delta_put_text(args, OPT_TRUST_CAPSULE, "capsule", trust);
    if (json_object_size(trust) > 0)
        (void)json_object_set(question, "trustPolicy", trust);
    json_decref(trust);
}

static enum pando_status put_backoff(const struct args *args, json_t *reconnect,
                                     struct pando_err *reterr)
{
    const char *text = args_value(args, OPT_RECONNECT_BACKOFF, NULL);
    char *end = NULL;
    if (text == NULL)
        return PANDO_OK;
    const double times = strtod(text, &end);
    if (end == text || *end != '\0' || !(times >= 1 && times <= 1000))
        return pando_err_set(reterr, PANDO_INVALID,
                             "--reconnect-backoff takes a number from 1 to 1000, not '%.40s'",
                             text);
    return json_object_set_new(reconnect, "backoffMultiplier", json_real(times)) == 0
               ? PANDO_OK
               : PANDO_NOMEM;
}

static enum pando_status put_reconnect(const struct args *args, json_t *question,
                                       struct pando_err *reterr)
{
    static const struct {
        int option;
        const char *name, *key;
    } numbers[] = {
        { OPT_RECONNECT_MAX, "--reconnect-max-attempts", "maxAttempts" },
        { OPT_RECONNECT_INITIAL, "--reconnect-initial-delay", "initialDelay" },
        { OPT_RECONNECT_MAX_DELAY, "--reconnect-max-delay", "maxDelay" },
    };
    json_t *reconnect = json_object();
    enum pando_status st = PANDO_OK;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && st == PANDO_OK; i++)
        st = delta_put_number(args, numbers[i].option, numbers[i].name, 0, numbers[i].key,
                              reconnect, reterr);
    if (st == PANDO_OK)
        st = put_backoff(args, reconnect, reterr);
    if (args_has(args, OPT_NO_RECONNECT))
        (void)json_object_set_new(reconnect, "enabled", json_false());
    if (st == PANDO_OK && json_object_size(reconnect) > 0)
        (void)json_object_set(question, "reconnect", reconnect);
    json_decref(reconnect);
    return st;
}

enum pando_status federate_question(const struct args *args, json_t **ret,
                                    struct pando_err *reterr)
{
    json_t *question = delta_question(args);
    (void)json_object_set_new(question, "url", json_string(args->words[0]));
    enum pando_status st = put_sync(args, question, reterr);
    if (st == PANDO_OK)
        st = put_filter(args, OPT_PUSH_FILTER, "--push-filter", "pushFilter", question, reterr);
    if (st == PANDO_OK)
        st = put_filter(args, OPT_PULL_FILTER, "--pull-filter", "pullFilter", question, reterr);
    if (st == PANDO_OK)
        st = put_reconnect(args, question, reterr);
    put_trust(args, question);
    if (st == PANDO_OK)
        *ret = question;
    else
        json_decref(question);
    return st;
}
