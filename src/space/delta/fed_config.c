#include "space/delta/fed_config.h"

#include "base/slice.h"
#include "space/delta/fed_trust.h"

#include <inttypes.h>
#include <string.h>

#define DELAY_MAX    INT64_C(86400000) /* a day */
#define ATTEMPTS_MAX INT64_C(1000000)

static const char *const modes[] = { "bidirectional", "push", "pull" };
static const char *const initials[] = { "full", "from_timestamp", "none" };

const char *fed_mode_name(enum fed_mode mode)
{
    return modes[mode];
}

void fed_config_init(struct fed_link_config *c)
{
    *c = (struct fed_link_config){ .reconnect = { .enabled = true,
                                                  .max_attempts = 5,
                                                  .initial = PANDO_SEC(1),
                                                  .max = PANDO_SEC(30),
                                                  .multiplier = 2 } };
    filter_init(&c->push);
    filter_init(&c->pull);
    fed_trust_init(&c->trust);
}

void fed_config_deinit(struct fed_link_config *c)
{
    filter_deinit(&c->push);
    filter_deinit(&c->pull);
    fed_trust_deinit(&c->trust);
    fed_config_init(c);
}

/* --- reading -------------------------------------------------------------------------- */

/* The index of the text among three names; left out: the first. */
static enum pando_status read_choice(const json_t *json, const char *member,
                                     const char *const names[static 3], unsigned *ret,
                                     struct pando_err *reterr)
{
    const json_t *v = json_object_get(json, member);
    if (v == NULL || json_is_null(v))
        return PANDO_OK;
    for (unsigned i = 0; json_is_string(v) && i < 3; i++) {
        if (slice_equal(slice_text(names[i]),
                        slice_of(json_string_value(v), json_string_length(v)))) {
            *ret = i;
            return PANDO_OK;
        }
    }
    return pando_err_set(reterr, PANDO_INVALID, "%s: must be \"%s\", \"%s\" or \"%s\"", member,
                         names[0], names[1], names[2]);
}

static enum pando_status read_whole(const json_t *json, const char *path, const char *member,
                                    int64_t max, int64_t *ret, struct pando_err *reterr)
{
    const json_t *v = json_object_get(json, member);
    if (v == NULL || json_is_null(v))
        return PANDO_OK;
    const double real = json_number_value(v);
    if (!json_is_number(v) || !(real >= 0 && real <= (double)max) ||
        real != (double)(int64_t)real)
        return pando_err_set(reterr, PANDO_INVALID,
                             "%s%s: must be a whole number from 0 to %" PRId64, path, member,
                             max);
    *ret = json_is_integer(v) ? json_integer_value(v) : (int64_t)real;
    return PANDO_OK;
}

static enum pando_status read_filter(const json_t *json, const char *member, struct filter *ret,
                                     struct pando_err *reterr)
{
    const json_t *v = json_object_get(json, member);
    struct pando_err why = { 0 };
    struct filter f;
    if (v == NULL || json_is_null(v))
        return PANDO_OK;
    const enum pando_status st = filter_from_json(v, &f, &why);
    if (st != PANDO_OK)
        return pando_err_set(reterr, st, "%s: %.200s", member, why.text);
    filter_deinit(ret);
    *ret = f;
    return PANDO_OK;
}

static enum pando_status read_reconnect(const json_t *json, struct fed_reconnect *ret,
                                        struct pando_err *reterr)
{
    const json_t *enabled = json_object_get(json, "enabled");
    const json_t *multiplier = json_object_get(json, "backoffMultiplier");
    int64_t attempts = ret->max_attempts, initial = 1000, max = 30000;
    if (json == NULL || json_is_null(json))
        return PANDO_OK;
    if (!json_is_object(json))
        return pando_err_set(reterr, PANDO_INVALID, "reconnect: must be an object");
    if (enabled != NULL && !json_is_boolean(enabled))
        return pando_err_set(reterr, PANDO_INVALID, "reconnect.enabled: must be true or false");
    enum pando_status st =
        read_whole(json, "reconnect.", "maxAttempts", ATTEMPTS_MAX, &attempts, reterr);
    if (st == PANDO_OK)
        st = read_whole(json, "reconnect.", "initialDelay", DELAY_MAX, &initial, reterr);
    if (st == PANDO_OK)
        st = read_whole(json, "reconnect.", "maxDelay", DELAY_MAX, &max, reterr);
    if (st != PANDO_OK)
        return st;
    const double times = multiplier != NULL ? json_number_value(multiplier) : 2;
    if (!(times >= 1 && times <= 1000))
        return pando_err_set(reterr, PANDO_INVALID,
                             "reconnect.backoffMultiplier: must be a number from 1 to 1000");
    ret->enabled = enabled == NULL || json_is_true(enabled);
    ret->max_attempts = (uint32_t)attempts;
    ret->initial = PANDO_MSEC(initial);
    ret->max = PANDO_MSEC(max);
    ret->multiplier = times;
    return PANDO_OK;
}

/* What both a person and a peer may say. */
static enum pando_status read_shared(const json_t *json, struct fed_link_config *c,
                                     struct pando_err *reterr)
{
    unsigned mode = FED_BIDIRECTIONAL, initial = FED_FULL;
    enum pando_status st = read_choice(json, "mode", modes, &mode, reterr);
    if (st == PANDO_OK)
        st = read_choice(json, "initialSync", initials, &initial, reterr);
    if (st == PANDO_OK)
        st = read_whole(json, "", "syncFromTimestamp", DELTA_TIME_MAX, &c->from, reterr);
    if (st == PANDO_OK)
        st = read_filter(json, "pushFilter", &c->push, reterr);
    if (st == PANDO_OK)
        st = read_filter(json, "pullFilter", &c->pull, reterr);
    c->mode = (enum fed_mode)mode;
    c->initial = (enum fed_initial)initial;
    return st;
}

static enum pando_status check_members(const json_t *json, struct pando_err *reterr)
{
    static const char *const known[] = { "mode", "initialSync", "syncFromTimestamp",
                                         "pushFilter", "pullFilter", "trustPolicy",
                                         "reconnect" };
    const char *key;
    json_t *v;
    json_object_foreach ((json_t *)json, key, v) {
        bool found = false;
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
            found |= strcmp(key, known[i]) == 0;
        if (!found)
            return pando_err_set(reterr, PANDO_INVALID,
                                 "%.60s: is not known; there are mode, initialSync, "
                                 "syncFromTimestamp, pushFilter, pullFilter, trustPolicy, "
                                 "reconnect", key);
    }
    return PANDO_OK;
}

static enum pando_status read_own(const json_t *json, struct fed_link_config *c,
                                  struct pando_err *reterr)
{
    struct fed_trust trust;
    enum pando_status st = check_members(json, reterr);
    if (st == PANDO_OK)
        st = read_shared(json, c, reterr);
    if (st == PANDO_OK && c->initial == FED_FROM_TIMESTAMP && c->from == 0)
        st = pando_err_set(reterr, PANDO_INVALID,
                           "syncFromTimestamp: is missing; initialSync \"from_timestamp\" needs "
                           "the first millisecond to be synchronised");
    if (st == PANDO_OK)
        st = read_reconnect(json_object_get(json, "reconnect"), &c->reconnect, reterr);
    if (st == PANDO_OK)
        st = fed_trust_from_json(json_object_get(json, "trustPolicy"), &trust, reterr);
    if (st == PANDO_OK) {
        fed_trust_deinit(&c->trust);
        c->trust = trust;
    }
    return st;
}

static enum pando_status from_json(const json_t *json, bool own, struct fed_link_config *ret,
                                   struct pando_err *reterr)
{
    struct fed_link_config c;
    enum pando_status st = PANDO_OK;
    fed_config_init(&c);
    if (json != NULL && !json_is_null(json) && !json_is_object(json))
        st = pando_err_set(reterr, PANDO_INVALID, "the configuration of a link must be an object");
    else if (json_is_object(json))
        st = own ? read_own(json, &c, reterr) : read_shared(json, &c, reterr);
    if (st != PANDO_OK)
        fed_config_deinit(&c);
    else
        *ret = c;
    return st;
}

enum pando_status fed_config_from_json(const json_t *json, struct fed_link_config *ret,
                                       struct pando_err *reterr)
{
    return from_json(json, true, ret, reterr);
}

enum pando_status fed_config_from_peer(const json_t *json, struct fed_link_config *ret,
                                       struct pando_err *reterr)
{
    return from_json(json, false, ret, reterr);
}

/* --- writing -------------------------------------------------------------------------- */

static enum pando_status put_shared(const struct fed_link_config *c, struct pando_buf *b)
{
    enum pando_status st = buf_printf(b, "{\"mode\":\"%s\",\"initialSync\":\"%s\"",
                                      modes[c->mode], initials[c->initial]);
    if (st == PANDO_OK && c->initial == FED_FROM_TIMESTAMP)
        st = buf_printf(b, ",\"syncFromTimestamp\":%" PRId64, c->from);
    if (st == PANDO_OK)
        st = buf_append(b, slice_text(",\"pushFilter\":"));
    if (st == PANDO_OK)
        st = filter_to_json(&c->push, b);
    if (st == PANDO_OK)
        st = buf_append(b, slice_text(",\"pullFilter\":"));
    return st == PANDO_OK ? filter_to_json(&c->pull, b) : st;
}

static enum pando_status put_reconnect(const struct fed_reconnect *r, struct pando_buf *b)
{
    return buf_printf(b,
                      ",\"reconnect\":{\"enabled\":%s,\"maxAttempts\":%" PRIu32
                      ",\"initialDelay\":%" PRIu64 ",\"maxDelay\":%" PRIu64
                      ",\"backoffMultiplier\":%.17g}",
                      r->enabled ? "true" : "false", r->max_attempts, r->initial.ns / 1000000,
                      r->max.ns / 1000000, r->multiplier);
}

static enum pando_status to_json(const struct fed_link_config *c, bool own, struct pando_buf *b)
{
    const size_t before = b->len;
    enum pando_status st = put_shared(c, b);
    if (st == PANDO_OK && own)
        st = buf_append(b, slice_text(",\"trustPolicy\":"));
    if (st == PANDO_OK && own)
        st = fed_trust_to_json(&c->trust, b);
    if (st == PANDO_OK && own)
        st = put_reconnect(&c->reconnect, b);
    if (st == PANDO_OK)
        st = buf_append(b, slice_text("}"));
    if (st != PANDO_OK)
        b->len = before;
    return st;
}

enum pando_status fed_config_to_json(const struct fed_link_config *c, struct pando_buf *text)
{
    return to_json(c, true, text);
}

enum pando_status fed_config_for_peer(const struct fed_link_config *c, struct pando_buf *text)
{
    return to_json(c, false, text);
}
