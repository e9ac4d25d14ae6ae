/* store_private.h - an open data directory, shared by the files of store.h. */
#ifndef STORE_STORE_PRIVATE_H
#define STORE_STORE_PRIVATE_H

#include "store/store.h"
#include "store/tables_lmdb.h"

#define STORE_ID_TEXT 65 /* an id in hexadecimal */

struct store_flush {
    struct tables_flush *job;
};

struct store_space {
    struct store *store;
    struct store_space *next;
    struct pando_id id;
    struct store_fold fold;
    struct journal *journal;
    struct tables_lmdb *tables;
    struct store_flush flush;
    int64_t retry_at;         /* seconds, 0: no flush has failed */
    enum pando_status broken; /* a staged record could not be folded */
};

struct store {
    struct pando_files files;
    char dir[FILES_PATH_MAX];
    int lock;
    bool sync;
    uint64_t seed;
    struct tables_index *index;
    struct store_space *spaces;
    const struct tracer *tracer;
};

void store_id_text(const struct pando_id *id, char ret[static STORE_ID_TEXT]);
bool store_id_parse(const char *text, struct pando_id *ret);
/* DIR/spaces/ID/journal */
enum pando_status store_journal_dir(const char *dir, const struct pando_id *id,
                                    char ret[static FILES_PATH_MAX]) PANDO_MUST_USE;

/* store_note.c: write down of what kind the space of this journal's folder is. */
void store_kind_note(const struct pando_files *f, const char *folder, const char *kind);
/* The ids of all spaces that have a folder, sorted; free with free(). */
enum pando_status store_list_spaces(const struct pando_files *f, const char *dir,
                                    struct pando_id **ret_ids,
                                    size_t *ret_len) PANDO_MUST_USE;
/* Take DIR/lock. Errors are told with the holder's pid and a remedy. */
enum pando_status store_lock(const struct pando_files *f, const char *dir, int *ret_file,
                             struct pando_err *reterr) PANDO_MUST_USE;

#endif
