/* delta_kept_test.c - texts that the node keeps beside deltas: the newest counts, a forgotten one
 * stays away, and both survive a crash, a reindex and the end of old segments. */
#include "space/delta/archive.h"

#include "base/slice.h"
#include "check.h"
#include "space/delta/store_fixture.h"

#include <stdlib.h>
#include <string.h>

static void keep(struct fixture *f, enum delta_kept kind, const char *name, const char *text)
{
    uint64_t position;
    CHECK_OK(delta_store_keep(f->store, kind, slice_text(name), slice_text(text), &position));
    CHECK(delta_store_durable_position(f->store) <= position);
    fixture_commit(f);
    CHECK(delta_store_durable_position(f->store) > position);
}

/* All of a kind as NAME=TEXT; in the order of their hashes. */
static void list(struct fixture *f, enum delta_kept kind, char *ret, size_t cap)
{
    struct delta_hash place = { { 0 } };
    struct delta_kept_text kept;
    struct pando_buf room;
    enum pando_status st;
    size_t len = 0;
    buf_init(&room, 1u << 20);
    ret[0] = '\0';
    while ((st = delta_store_next_kept(f->store, kind, &place, &room, &kept)) == PANDO_OK)
        len += (size_t)snprintf(ret + len, cap - len, "%.*s=%.*s;", (int)kept.name.len,
                                (const char *)kept.name.ptr, (int)kept.text.len,
                                (const char *)kept.text.ptr);
    CHECK_EQ(st, PANDO_NOT_FOUND);
    buf_deinit(&room);
}

static void expect(struct fixture *f, enum delta_kept kind, const char *want)
{
    char got[512];
    list(f, kind, got, sizeof got);
    CHECK_STR(got, want);
}

static void the_newest_text_counts_after_a_crash(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    keep(&f, DELTA_KEPT_LINK, "ws://a", "{1}");
    keep(&f, DELTA_KEPT_SCHEMA, "ws://a", "{2}");
    keep(&f, DELTA_KEPT_LINK, "ws://a", "{3}");
    fixture_crash(&f);
    expect(&f, DELTA_KEPT_LINK, "ws://a={3};");
    expect(&f, DELTA_KEPT_SCHEMA, "ws://a={2};");
    expect(&f, DELTA_KEPT_VIEW, "");
    CHECK(delta_store_keeps(f.store, DELTA_KEPT_LINK, slice_text("ws://a")));
    keep(&f, DELTA_KEPT_LINK, "ws://a", "");
    fixture_crash(&f);
    expect(&f, DELTA_KEPT_LINK, "");
    CHECK(!delta_store_keeps(f.store, DELTA_KEPT_LINK, slice_text("ws://a")));
    expect(&f, DELTA_KEPT_SCHEMA, "ws://a={2};");
    fixture_deinit(&f);
}

static void what_is_not_synced_is_not_kept(void **state)
{
    (void)state;
    struct fixture f;
    uint64_t position;
    fixture_init(&f);
    keep(&f, DELTA_KEPT_VIEW, "v", "{1}");
    CHECK_OK(delta_store_keep(f.store, DELTA_KEPT_VIEW, slice_text("v"), slice_text("{2}"),
                              &position));
    fixture_crash(&f);
    expect(&f, DELTA_KEPT_VIEW, "v={1};");
    fixture_deinit(&f);
}

/* Between deltas: they are no deltas, and readers by order of arrival step over them. */
static void texts_are_no_deltas(void **state)
{
    (void)state;
    struct fixture f;
    struct delta d;
    uint64_t position = 0;
    size_t len = 0;
    enum pando_status st;
    fixture_init(&f);
    add_plain(&f, 1, 100, 1);
    keep(&f, DELTA_KEPT_LINK, "ws://a", "{1}");
    add_plain(&f, 2, 200, 1);
    CHECK_OK(delta_store_flush(f.store));
    fixture_commit(&f);
    const struct pando_id before = fixture_hash(&f);
    while ((st = delta_store_arrived(f.store, &position, &d)) == PANDO_OK)
        len++;
    CHECK_EQ(st, PANDO_NOT_FOUND);
    CHECK_EQ(len, 2);
    keep(&f, DELTA_KEPT_LINK, "ws://b", "{1}");
    const struct pando_id after = fixture_hash(&f);
    CHECK(memcmp(&before, &after, sizeof before) == 0);
    fixture_deinit(&f);
}

static void compact(struct fixture *f)
{
    struct delta_compact c = { .to = delta_store_durable_position(f->store) };
    enum pando_status st;
    while ((st = delta_compact_step(f->store, &c)) == PANDO_BUSY)
        fixture_commit(f);
    CHECK_OK(st);
    fixture_commit(f);
    fixture_drop_before(f, c.to);
}

static void what_counts_is_written_again_when_old_records_go(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    keep(&f, DELTA_KEPT_LINK, "ws://a", "{old}");
    keep(&f, DELTA_KEPT_LINK, "ws://a", "{new}");
    keep(&f, DELTA_KEPT_VIEW, "gone", "{1}");
    keep(&f, DELTA_KEPT_VIEW, "gone", "");
    for (unsigned i = 0; i < 400; i++)
        add_plain(&f, i, 100 + i, i);
    fixture_commit(&f);
    for (int i = 0; i < 3; i++) {
        compact(&f);
        fixture_crash(&f);
        expect(&f, DELTA_KEPT_LINK, "ws://a={new};");
        expect(&f, DELTA_KEPT_VIEW, "");
    }
    fixture_deinit(&f);
}

static void expect_full(struct fixture *f, enum delta_kept kind, const char *name, size_t len,
                        const char *text)
{
    struct pando_err err = { .text = "" };
    CHECK_EQ(delta_store_may_keep(f->store, kind, slice_text(name), len, &err), PANDO_FULL);
    CHECK_STR(err.text, text);
}

static void limits_are_named_with_their_remedy(void **state)
{
    (void)state;
    struct fixture f;
    struct pando_err err = { .text = "" };
    char name[32];
    fixture_init(&f);
    char *text = malloc(DELTA_KEPT_TEXT_MAX + 1);
    CHECK(text != NULL);
    memset(text, 'x', DELTA_KEPT_TEXT_MAX);
    text[DELTA_KEPT_TEXT_MAX] = '\0';
    expect_full(&f, DELTA_KEPT_LINK, "a", DELTA_KEPT_TEXT_MAX + 1,
                "its definition has 262145 bytes, 262144 can be kept: make it smaller");
    text[DELTA_KEPT_NAME_MAX + 1] = '\0';
    expect_full(&f, DELTA_KEPT_LINK, text, 1,
                "its name has 4097 bytes, 1 to 4096 can be kept: choose another");
    text[DELTA_KEPT_NAME_MAX + 1] = 'x';
    for (unsigned i = 0; i < DELTA_KEPT_LINKS_MAX; i++) {
        (void)snprintf(name, sizeof name, "l%u", i);
        keep(&f, DELTA_KEPT_LINK, name, "{}");
    }
    expect_full(&f, DELTA_KEPT_LINK, "one more", 1,
                "256 links are kept, which is the limit: remove one that is not needed");
    CHECK_OK(delta_store_may_keep(f.store, DELTA_KEPT_LINK, slice_text("l0"), 9, &err));
    for (unsigned i = 0; i < 63; i++) {
        (void)snprintf(name, sizeof name, "s%u", i);
        keep(&f, DELTA_KEPT_SCHEMA, name, text);
    }
    CHECK_EQ(delta_store_may_keep(f.store, DELTA_KEPT_SCHEMA, slice_text("more"),
                                  DELTA_KEPT_TEXT_MAX, &err), PANDO_FULL);
    CHECK(strstr(err.text, "remove what is not needed") != NULL);
    CHECK_OK(delta_store_may_keep(f.store, DELTA_KEPT_SCHEMA, slice_text("s0"),
                                  DELTA_KEPT_TEXT_MAX, &err));
    free(text);
    fixture_deinit(&f);
}

static void records_that_do_not_read_are_refused(void **state)
{
    (void)state;
    struct fixture f;
    static const struct {
        const char *bytes;
        size_t len;
        enum pando_status status;
    } cases[] = {
        { "", 0, PANDO_CORRUPT },
        { "\1\1\0", 3, PANDO_CORRUPT },
        { "\1\1\0\0", 4, PANDO_CORRUPT },       /* no name */
        { "\1\1\0\5abc", 7, PANDO_CORRUPT },    /* a name that ends early */
        { "\1\4\0\1ab", 6, PANDO_CORRUPT },     /* a kind that is none */
        { "\2\1\0\1ab", 6, PANDO_UNSUPPORTED }, /* another version */
        { "\1\1\0\1ab", 6, PANDO_OK },
    };
    fixture_init(&f);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        CHECK_EQ(delta_store_fold(rows_tables(f.rows), &f.host.space, DELTA_RECORD_KEPT, 4096,
                                  slice_of(cases[i].bytes, cases[i].len)),
                 cases[i].status);
    fixture_deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_newest_text_counts_after_a_crash),
        TEST(what_is_not_synced_is_not_kept),
        TEST(texts_are_no_deltas),
        TEST(what_counts_is_written_again_when_old_records_go),
        TEST(limits_are_named_with_their_remedy),
        TEST(records_that_do_not_read_are_refused),
    };
    return CHECK_RUN(tests);
}
