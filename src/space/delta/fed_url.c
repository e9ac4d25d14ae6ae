#include "space/delta/fed_url.h"

#include "base/slice.h"

#include <string.h>

static bool begins(struct pando_slice s, const char *with)
{
    return s.len >= strlen(with) && memcmp(s.ptr, with, strlen(with)) == 0;
}

static int shown(struct pando_slice s)
{
    return s.len < 100 ? (int)s.len : 100;
}

static bool is_clean(struct pando_slice url)
{
    for (size_t i = 0; i < url.len; i++)
        if (url.ptr[i] <= ' ' || url.ptr[i] >= 0x7f)
            return false;
    return true;
}

/* Another scheme, with what to write instead. */
static enum pando_status other_scheme(struct pando_slice url, size_t skip, const char *instead,
                                      struct pando_err *reterr)
{
    const struct pando_slice rest = slice_from(url, skip);
    return pando_err_set(reterr, PANDO_INVALID,
                         "%.*s: a federation URL begins with ws:// or wss://: try %s%.*s",
                         shown(url), (const char *)url.ptr, instead, shown(rest),
                         rest.len > 0 ? (const char *)rest.ptr : "");
}

enum pando_status fed_url_check(struct pando_slice url, struct pando_err *reterr)
{
    if (url.len == 0)
        return pando_err_set(reterr, PANDO_INVALID,
                             "the URL is empty: try ws://localhost:8080/federation");
    if (url.len > FED_URL_MAX || !is_clean(url))
        return pando_err_set(reterr, PANDO_INVALID,
                             "the URL must have at most %d printable ASCII characters and no "
                             "blanks", FED_URL_MAX);
    if (begins(url, "http://"))
        return other_scheme(url, 7, "ws://", reterr);
    if (begins(url, "https://"))
        return other_scheme(url, 8, "wss://", reterr);
    const size_t skip = begins(url, "ws://") ? 5 : begins(url, "wss://") ? 6 : 0;
    if (skip == 0)
        return other_scheme(url, 0, "ws://", reterr);
    if (url.len == skip || url.ptr[skip] == '/' || url.ptr[skip] == ':' || url.ptr[skip] == '?')
        return pando_err_set(reterr, PANDO_INVALID,
                             "%.*s: has no host: try ws://localhost:8080/federation", shown(url),
                             (const char *)url.ptr);
    return PANDO_OK;
}
