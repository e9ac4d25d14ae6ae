/* The examples of docs/guide/delta-views.md do what the page says. */
#include "check.h"

#include "base/slice.h"
#include "codec/json.h"
#include "space/delta/views_hand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_page(void)
{
    FILE *f = fopen(PANDO_SOURCE_DIR "/docs/guide/delta-views.md", "rb");
    CHECK(f != NULL);
    char *text = calloc(1, 1u << 18);
    CHECK(text != NULL && fread(text, 1, (1u << 18) - 1, f) > 0);
    (void)fclose(f);
    return text;
}

/* One fenced block: what stands behind "json ", and its text; both end with NUL. */
static bool next_block(char **at, const char **ret_kind, const char **ret_text)
{
    char *fence = strstr(*at, "\n```json ");
    if (fence == NULL)
        return false;
    char *kind = fence + strlen("\n```json "), *line = strchr(kind, '\n');
    char *end = strstr(line, "\n```");
    CHECK(end != NULL);
    *line = *end = '\0';
    *ret_kind = kind;
    *ret_text = line + 1;
    *at = end + 1;
    return true;
}

/* The page shows no hash: it would change with every word of a schema. */
static void forget_hash(json_t *answer)
{
    (void)json_object_del(json_object_get(answer, "_metadata"), "schemaHash");
}

static void check_answer(json_t *got, const char *verb, const char *text)
{
    json_t *want = hand_json(text);
    forget_hash(got);
    if (json_object_get(want, "_metadata") == NULL)
        (void)json_object_del(got, "_metadata");
    if (!json_equal(got, want)) {
        char *shown = json_dumps(got, JSON_INDENT(1));
        fail_msg("%s answers %s, not %s", verb, shown, text);
    }
    json_decref(want);
}

static void every_example_does_what_the_page_says(void **state)
{
    (void)state;
    struct hand h;
    struct views *v;
    struct pando_err err = { 0 };
    json_t *got = NULL;
    char verb[64] = "";
    char *page = read_page(), *at = page;
    const char *kind, *text;
    int answers = 0, errors = 0;
    hand_init(&h);
    const struct views_config config = { .source = hand_source(&h) };
    CHECK_OK(views_new(&config, &v, NULL));
    h.views = v;
    while (next_block(&at, &kind, &text)) {
        if (strcmp(kind, "deltas") == 0) {
            hand_add(&h, text);
        } else if (strncmp(kind, "call ", 5) == 0) {
            json_decref(got);
            got = NULL;
            err.text[0] = '\0';
            (void)snprintf(verb, sizeof verb, "%s", kind + 5);
            (void)hand_call(v, verb, text, NULL, &got, &err);
        } else if (strcmp(kind, "answer") == 0) {
            if (got == NULL)
                fail_msg("%s: %s", verb, err.text);
            check_answer(got, verb, text);
            answers++;
        } else if (strcmp(kind, "error") == 0) {
            CHECK(got == NULL);
            CHECK_STR(err.text, text);
            errors++;
        } else {
            fail_msg("the page has a block of kind %s", kind);
        }
    }
    CHECK(answers >= 10 && errors >= 2);
    json_decref(got);
    views_free(v);
    hand_deinit(&h);
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_example_does_what_the_page_says),
    };
    return CHECK_RUN(tests);
}
