/* fuzz_http_args.c - from a request line and a body to arguments.
 *
 * The bytes are `path?query\0body`. Properties: nothing crashes; what is taken stays
 * within its caps; the JSON text that the backend gets parses back to an equal object; a
 * GET never means a writing verb.
 */
#include "api/args.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT);
    PANDO_ASSERT(text != NULL);
    json_t *again = json_loads(text, JSON_ALLOW_NUL, NULL);
    PANDO_ASSERT(again != NULL && json_equal(object, again));
    json_decref(again);
    free(text);
}

static void check_route(const char *path)
{
    static const char *const methods[] = { "GET", "POST", "DELETE" };
    for (size_t i = 0; i < 3; i++) {
        struct route_match m;
        json_t *object = json_object();
        route_find(methods[i], path, &m);
        PANDO_ASSERT(m.params_len <= ROUTE_PARAMS_MAX);
        if (m.result == ROUTE_FOUND) {
            PANDO_ASSERT(i != 0 || m.verb->rights != ROUTE_WRITE);
            if (args_add_params(object, &m) == PANDO_OK)
                check_text(object);
        }
        json_decref(object);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = memchr(data, 0, size);
    const size_t uri_len = end != NULL ? (size_t)(end - data) : size;
    char *uri = malloc(uri_len + 1);
    json_t *object = json_object();
    if (uri == NULL || object == NULL)
        abort();
    memcpy(uri, data, uri_len);
    uri[uri_len] = '\0';
    char *query = strchr(uri, '?');
    if (query != NULL)
        *query++ = '\0';
    check_route(uri);
    enum pando_status st = PANDO_OK;
    if (query != NULL)
        st = args_add_query(object, query);
    PANDO_ASSERT(json_object_size(object) <= ARGS_MAX);
    if (st == PANDO_OK && end != NULL)
        st = args_add_body(object, (struct pando_slice){ end + 1, size - uri_len - 1 },
                           NULL);
    PANDO_ASSERT(json_object_size(object) <= 2 * ARGS_MAX);
    if (st == PANDO_OK)
        check_text(object);
    json_decref(object);
    free(uri);
    return 0;
}
