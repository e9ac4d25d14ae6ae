#include "space/delta/views_private.h"

#include "base/slice.h"

#include <stdlib.h>
#include <string.h>

const struct views_verb VIEWS_TABLE[] = {
    { "hyperview", true, views_hyperview_begin, views_hyperview_step },
    { "view", true, views_view_begin, views_view_step },
    { "at", true, views_at_begin, views_at_step },
    { "timeline", false, views_timeline_begin, views_timeline_step },
    { "snapshot", false, views_count_begin, views_count_step },
    { "stats_at", false, views_count_begin, views_count_step },
    { "replay", true, views_replay_begin, views_replay_step },
    { "changes", true, views_changes_begin, views_changes_step },
    { "compare", true, views_compare_begin, views_compare_step },
    { "origin", false, views_origin_begin, views_origin_step },
    { "schema.register", false, views_register_begin, views_register_step },
    { "schema.ls", false, views_ls_begin, views_ls_step },
    { "schema.show", false, views_show_begin, views_show_step },
    { "schema.check", false, views_check_begin, views_check_step },
    { "schema.load", false, views_load_begin, views_load_step },
    { "schema.changed", false, views_changed_begin, views_changed_step },
    { "schema.deltas", false, views_deltas_begin, views_deltas_step },
    { "schema.rm", false, views_rm_begin, views_rm_step },
    { "cache.stats", false, views_cache_begin, views_cache_step },
};
const size_t VIEWS_TABLE_LEN = sizeof VIEWS_TABLE / sizeof VIEWS_TABLE[0];

const char *const VIEWS_VERBS[] = {
    "hyperview",   "view",         "at",           "timeline",       "snapshot",      "stats_at",
    "replay",      "changes",      "compare",      "origin",         "schema.register", "schema.ls",
    "schema.show", "schema.check", "schema.load",  "schema.changed", "schema.deltas", "schema.rm",
    "cache.stats", NULL,
};

/* The schema that is there without being registered. */
static enum pando_status add_plain(struct views *v)
{
    struct schema *plain;
    json_t *json = json_pack("{s:s, s:s}", "id", SCHEMA_PLAIN, "name", "Plain");
    enum pando_status st = json == NULL ? PANDO_NOMEM : schema_from_json(json, &plain, NULL);
    json_decref(json);
    if (st != PANDO_OK)
        return st;
    st = registry_put(&v->registry, plain, false, NULL);
    if (st != PANDO_OK)
        schema_unref(plain);
    return st;
}

enum pando_status views_new(const struct views_config *config, struct views **ret,
                            struct pando_err *reterr)
{
    struct views *v = calloc(1, sizeof *v);
    if (v == NULL)
        return pando_err_set(reterr, PANDO_NOMEM, "views: memory is out");
    v->config = *config;
    v->resolution = 1;
    registry_init(&v->registry, config->schemas_max != 0 ? config->schemas_max : 1024);
    map_init(&v->watched, sizeof(uint64_t), 1, VIEWS_WATCHED_MAX, config->seed ^ 2);
    enum pando_status st =
        view_cache_init(&v->cache, config->cache_entries != 0 ? config->cache_entries : 1000,
                   config->cache_bytes != 0 ? config->cache_bytes : 16u << 20, config->seed);
    if (st == PANDO_OK)
        st = add_plain(v);
    if (st != PANDO_OK) {
        views_free(v);
        return pando_err_set(reterr, st, "views: %s", pando_status_text(st));
    }
    *ret = v;
    return PANDO_OK;
}

void views_free(struct views *v)
{
    if (v == NULL)
        return;
    view_cache_deinit(&v->cache);
    registry_deinit(&v->registry);
    for (size_t i = 0; i < v->views_len; i++)
        view_unref(v->views[i]);
    map_deinit(&v->watched);
    free(v);
}

static void note_schema(struct views *v, uint64_t object)
{
    uint8_t *dirty = map_find(&v->watched, &object);
    if (dirty == NULL)
        return;
    *dirty = 1;
    v->resolution++;
}

static void note_all_schemas(struct views *v)
{
    size_t cursor = 0;
    const void *key;
    void *dirty;
    while (map_next(&v->watched, &cursor, &key, &dirty))
        *(uint8_t *)dirty = 1;
    v->resolution++;
}

/* Whether the source still shows this delta, of all those with its id. */
static bool is_shown(const struct delta_source *source, const struct delta *d)
{
    struct delta now;
    return source_get(source, d->id, &now) == PANDO_OK &&
           memcmp(&now.digest, &d->digest, sizeof d->digest) == 0;
}

static void concern(struct views *v, const struct delta *d)
{
    struct touch t;
    touch_find(&t, &v->config.source, d);
    for (size_t i = 0; i < t.direct_len; i++)
        note_schema(v, t.direct[i]);
    for (size_t i = 0; i < t.through_len; i++)
        note_schema(v, t.through[i]);
    if (t.all)
        note_all_schemas(v);
    else if (v->unwatched && (schema_of_delta(d, &(struct pando_slice){ 0 }) || t.through_len > 0))
        v->resolution++;
    view_cache_on_delta(&v->cache, &v->config.source, d, &t, is_shown(&v->config.source, d));
    touch_deinit(&t);
}

/* The caller's delta may come from the source, which is asked about others here: a copy. */
void views_on_delta(struct views *v, const struct delta *d)
{
    if (v->cache.len == 0 && v->calls == 0 && v->watched.len == 0)
        return;
    struct delta_room *room = malloc(sizeof *room);
    uint8_t *bytes = malloc(d->bytes.len + 1);
    struct delta copy;
    if (room != NULL && bytes != NULL)
        memcpy(bytes, d->bytes.ptr, d->bytes.len);
    if (room != NULL && bytes != NULL &&
        delta_decode(slice_of(bytes, d->bytes.len), room, &copy) == PANDO_OK)
        concern(v, &copy);
    else
        views_on_upheaval(v);
    free(room);
    free(bytes);
}

void views_on_upheaval(struct views *v)
{
    view_cache_clear(&v->cache);
    note_all_schemas(v);
}

void views_stats(const struct views *v, struct views_stats *ret)
{
    const struct view_cache *c = &v->cache;
    *ret = (struct views_stats){ .materialised = c->len,
                                 .cached_bytes = c->bytes,
                                 .hits = c->hits,
                                 .misses = c->misses,
                                 .evictions = c->evictions,
                                 .stale = c->stale,
                                 .kept = c->kept,
                                 .schemas = v->registry.len,
                                 .views = v->views_len,
                                 .calls = v->calls };
}
