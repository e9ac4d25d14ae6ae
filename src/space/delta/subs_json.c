/* subs_json.c - what people write to subscribe, and what they are told. */
#include "space/delta/subs.h"

#include <string.h>

static const char *const OVERFLOWS[] = { "drop_oldest", "drop_newest", "error", "block" };

static enum pando_status read_overflow(const json_t *json, struct subs_config *c,
                                       struct pando_err *reterr)
{
    const json_t *overflow = json_object_get(json, "overflow");
    if (overflow == NULL)
        return PANDO_OK;
    for (int i = 0; i < 4; i++)
        if (json_is_string(overflow) && strcmp(json_string_value(overflow), OVERFLOWS[i]) == 0) {
            c->overflow = (enum subs_overflow)i;
            return PANDO_OK;
        }
    return pando_err_set(reterr, PANDO_INVALID,
                         "overflow must be drop_oldest, drop_newest, error or block");
}

static enum pando_status read_number(const json_t *json, const char *key, int64_t least, int64_t most,
                                     int64_t *ret, struct pando_err *reterr)
{
    const json_t *value = json_object_get(json, key);
    if (value == NULL)
        return PANDO_OK;
    if (!json_is_integer(value) || json_integer_value(value) < least ||
        json_integer_value(value) > most)
        return pando_err_set(reterr, PANDO_INVALID,
                             "%s must be a whole number from %lld to %lld", key,
                             (long long)least, (long long)most);
    *ret = json_integer_value(value);
    return PANDO_OK;
}

static enum pando_status check_members(const json_t *json, struct pando_err *reterr)
{
    static const char *const known[] = { "filter", "buffered", "overflow", "bufferSize",
                                         "warningThreshold", "position" };
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)json, key, value)
    {
        size_t i = 0;
        while (i < 6 && strcmp(known[i], key) != 0)
            i++;
        if (i == 6)
            return pando_err_set(reterr, PANDO_INVALID,
                                 "%.64s is unknown: a subscription takes filter, buffered, overflow, "
                                 "bufferSize, warningThreshold, position", key);
    }
    return PANDO_OK;
}

enum pando_status subs_config_from_json(const json_t *json, struct subs_config *ret,
                                        struct pando_err *reterr)
{
    struct subs_config c = { .buffered = true };
    int64_t capacity = 0, percent = 0, position = 0;
    if (json != NULL && !json_is_object(json))
        return pando_err_set(reterr, PANDO_INVALID, "a subscription must be an object");
    const json_t *buffered = json_object_get(json, "buffered");
    enum pando_status st = check_members(json, reterr);
    if (st == PANDO_OK && buffered != NULL && !json_is_boolean(buffered))
        st = pando_err_set(reterr, PANDO_INVALID, "buffered must be true or false");
    if (buffered != NULL)
        c.buffered = json_is_true(buffered);
    if (st == PANDO_OK)
        st = read_overflow(json, &c, reterr);
    if (st == PANDO_OK)
        st = read_number(json, "bufferSize", 1, SUBS_CAPACITY_MAX, &capacity, reterr);
    if (st == PANDO_OK)
        st = read_number(json, "warningThreshold", 1, 100, &percent, reterr);
    if (st == PANDO_OK)
        st = read_number(json, "position", 0, INT64_MAX, &position, reterr);
    c.capacity = (uint32_t)capacity;
    c.warn_percent = (uint32_t)percent;
    c.position = (uint64_t)position;
    if (st == PANDO_OK)
        st = filter_from_json(json_object_get(json, "filter"), &c.filter, reterr);
    if (st == PANDO_OK)
        *ret = c;
    return st;
}

enum pando_status subs_stats_json(const struct subs *s, uint64_t id, struct pando_buf *text)
{
    struct subs_stats st;
    if (!subs_stats(s, id, &st))
        return PANDO_NOT_FOUND;
    return buf_printf(text,
                      "{\"size\":%llu,\"capacity\":%llu,\"percentFull\":%llu,\"received\":%llu,"
                      "\"processed\":%llu,\"dropped\":%llu,\"overflowCount\":%llu,"
                      "\"position\":%llu,\"paused\":%s,\"failed\":%s}",
                      (unsigned long long)st.size, (unsigned long long)st.capacity,
                      (unsigned long long)st.percent_full, (unsigned long long)st.received,
                      (unsigned long long)st.processed, (unsigned long long)st.dropped,
                      (unsigned long long)st.overflows, (unsigned long long)st.position,
                      st.paused ? "true" : "false", st.failed ? "true" : "false");
}
