#include "store/tables.h"

#include <string.h>

static uint8_t cut(struct pando_slice s, uint8_t to[static TABLES_KEY_MAX])
{
    const size_t len = s.len < TABLES_KEY_MAX ? s.len : TABLES_KEY_MAX;
    if (len != 0)
        memcpy(to, s.ptr, len);
    return (uint8_t)len;
}

void tables_seek(struct tables_cursor *c, uint8_t table, struct pando_slice prefix,
                 struct pando_slice from, bool descending)
{
    *c = (struct tables_cursor){ .table = table, .descending = descending };
    c->prefix_len = cut(prefix, c->prefix);
    c->key_len = cut(from, c->key);
}
