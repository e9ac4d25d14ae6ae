/* tables_absent.c - a filter of the keys that one table has in LMDB (tables_private.h).
 */
#include "store/tables_private.h"

#include "base/slice.h"

#define GROWTH 4 /* a new filter has room for as many times the keys that are there */

bool tables_absent_has_not(const struct tables_absent *a, struct pando_slice key)
{
    return a->keys != NULL && key.ptr[0] == a->table && !bloom_may_have(a->keys, key);
}

void tables_absent_in_vain(struct tables_absent *a, struct pando_slice key)
{
    if (a->vain[key.ptr[0]] < UINT32_MAX)
        a->vain[key.ptr[0]]++;
}

uint8_t tables_absent_wants(const struct tables_absent *a)
{
    uint8_t most = 0;
    if (a->given_up)
        return 0;
    if (a->keys != NULL) /* a larger one, when it is full */
        return bloom_count(a->keys) > bloom_room(a->keys) ? a->table : 0;
    for (unsigned i = 1; i < 256; i++)
        if (a->vain[i] >= TABLES_VAIN_MIN && (most == 0 || a->vain[i] > a->vain[most]))
            most = (uint8_t)i;
    return most;
}

void tables_absent_wrote(struct tables_absent *a, struct pando_slice key)
{
    if (a->keys != NULL && key.ptr[0] == a->table)
        bloom_add(a->keys, key);
}

/* Walk the keys of a table: count them, and add them to `to` if that is not NULL. */
static int list_keys(const struct tables_flush *f, MDB_txn *txn, struct bloom *to,
                     uint64_t *ret_count)
{
    MDB_cursor *c;
    uint8_t first[ROW_SPACE + 1];
    memcpy(first, f->space.bytes, ROW_SPACE);
    first[ROW_SPACE] = f->table;
    MDB_val key = { sizeof first, first }, value;
    int rc = mdb_cursor_open(txn, f->index->rows, &c);
    if (rc != MDB_SUCCESS)
        return rc;
    *ret_count = 0;
    rc = mdb_cursor_get(c, &key, &value, MDB_SET_RANGE);
    while (rc == MDB_SUCCESS && key.mv_size > sizeof first &&
           memcmp(key.mv_data, first, sizeof first) == 0) {
        ++*ret_count;
        if (to != NULL)
            bloom_add(to, slice_of((const uint8_t *)key.mv_data + ROW_SPACE,
                                   key.mv_size - ROW_SPACE));
        rc = mdb_cursor_get(c, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(c);
    return rc == MDB_NOTFOUND ? MDB_SUCCESS : rc;
}

int tables_absent_make(struct tables_flush *f, MDB_txn *txn)
{
    uint64_t count;
    if (f->table == 0)
        return MDB_SUCCESS;
    int rc = list_keys(f, txn, NULL, &count);
    if (rc != MDB_SUCCESS)
        return rc;
    uint64_t room = GROWTH * count + TABLES_VAIN_MIN;
    if (room > BLOOM_KEYS_MAX)
        room = BLOOM_KEYS_MAX;
    /* one without room to grow would be made anew with each flush */
    f->made = count <= BLOOM_KEYS_MAX / 2 ? bloom_new(room, f->index->seed ^ count) : NULL;
    return f->made != NULL ? list_keys(f, txn, f->made, &count) : MDB_SUCCESS;
}

void tables_absent_turn(struct tables_absent *a, struct tables_flush *f)
{
    if (f->table == 0)
        return;
    tables_absent_forget(a);
    a->keys = f->made;
    a->table = f->table;
    a->given_up = f->made == NULL; /* there are too many */
    f->made = NULL;
}

void tables_absent_forget(struct tables_absent *a)
{
    bloom_free(a->keys);
    *a = (struct tables_absent){ .table = 0 };
}
