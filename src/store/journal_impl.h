/* journal_impl.h - what the files of the journal share. */
#ifndef STORE_JOURNAL_IMPL_H
#define STORE_JOURNAL_IMPL_H

#include "store/journal.h"
#include "store/journal_layout.h"

#define JOURNAL_SEGMENTS_MAX 4096
#define JOURNAL_CHUNK_MAX    (4u << 20) /* bytes of one group */
#define JOURNAL_GROUP_LIMIT  (JOURNAL_CHUNK_MAX + JOURNAL_RECORD_MAX + 4096u)

struct segment {
    struct segment_head head;
    uint64_t used; /* position behind its last group */
    int file;      /* -1: not open */
    bool exists;   /* on disk; else its first commit makes it */
    char name[24]; /* of its file */
};

/* Staged records that will be one group on disk. */
struct chunk {
    struct chunk *next;
    size_t segment;
    uint64_t position; /* of the group's head */
    uint64_t previous;
    uint32_t count;
    struct pando_buf bytes; /* room for the head, then records */
};

/* A file that will be the next segment: zeros, written bit by bit ahead of need, so that no
 * commit waits for it and none changes metadata; or a dropped segment, whose groups belong
 * nowhere any more. One thread at a time owns it. */
struct spare {
    int file;        /* -1: none */
    uint64_t size;   /* wanted */
    uint64_t filled; /* written once: zeros, or what it held as a segment */
    uint64_t synced;
    bool failed; /* not tried again before the next segment is made */
};

struct journal {
    struct journal_config config;
    char dir[FILES_PATH_MAX];
    struct segment *segments;
    size_t segments_len, segments_cap;
    struct chunk *staged; /* oldest first; the last one is open */
    struct chunk *staged_last;
    struct journal_group *flying;
    struct journal_ahead *ahead; /* the step under way */
    struct spare spare; /* the step's, or the flying group's if that makes a segment */
    struct spare kept;  /* a dropped segment that will be the spare after this one */
    uint64_t ahead_at;  /* durable when the last step began */
    size_t staged_bytes;
    size_t chunk_hint; /* room for a new chunk: what the last ones took at most */
    uint64_t end; /* where the next record or group goes */
    uint64_t durable;
    uint64_t epoch, repairs;
    uint64_t
        synced; /* really on disk: what marks may say; durable, but in the weak mode */
    uint64_t marked; /* the newest durable mark on disk */
    bool opened;     /* else closing must not write */
    enum pando_status stopped;
    struct journal_stats stats;
};

/* One segment to write to, as the committing thread sees it. */
struct target {
    size_t segment;
    struct segment_head head;
    int file;
    bool exists;
};

struct journal_group {
    struct pando_files files;
    char dir[FILES_PATH_MAX];
    bool sync;
    int before; /* the file in front of the first target: the weak mode syncs it late */
    uint64_t synced; /* what a mark may say; run moves it */
    uint64_t marked; /* by the mark behind the group; 0: none was written */
    uint64_t end;
    struct chunk *chunks;
    struct chunk *chunks_last;
    struct target *targets;
    size_t targets_len;
    bool has_spare; /* `spare` is in its hands */
    struct spare spare;
    enum pando_status status;
};

/* Where a walk over groups stands. */
struct walk {
    uint64_t end; /* behind the last whole group */
    uint64_t
        content; /* the same without a mark at the end, which the next group may ignore */
    uint64_t durable; /* the newest mark */
    uint64_t records;
};

/* The head of the first group of a segment; `*ret_found` false: none that is whole. */
enum pando_status journal_first_group(const struct pando_files *files, int file,
                                      const struct segment_head *head,
                                      struct group_head *ret,
                                      bool *ret_found) PANDO_MUST_USE;
/* A group without records that says: all before `position` is on disk. No sync. */
enum pando_status journal_put_mark(const struct pando_files *files, int file,
                                   const struct segment_head *head,
                                   uint64_t position) PANDO_MUST_USE;

#define SPARE_NAME "spare.tmp" /* a backup leaves them out */
#define KEPT_NAME  "kept.tmp"

/* Where there is no spare file, the kept one becomes it. */
void spare_take_kept(struct journal *j);
/* Add `len` bytes of zeros to the spare file, making it when there is none. */
enum pando_status spare_grow(struct spare *s, const struct pando_files *files,
                             const char *dir, uint64_t size, uint64_t len) PANDO_MUST_USE;
/* How large the segment behind `last` will be. */
uint64_t journal_size_behind(const struct journal *j, const struct segment *last);
/* Remove it; `name` is SPARE_NAME or KEPT_NAME. */
void spare_discard(struct spare *s, const struct pando_files *files, const char *dir,
                   const char *name);
/* Make the segment of the spare file: all of it written once, then its head, then its
 * name. */
enum pando_status segment_make(struct spare *s, const struct pando_files *files,
                               const char *dir, const struct segment_head *head,
                               int *ret_file) PANDO_MUST_USE;
void segment_path(const char *dir, uint64_t base, char ret[static FILES_PATH_MAX]);
/* Follow the chain of groups of a segment from its first one, whose `previous` must be
 * `expected` (UINT64_MAX: any). Reads everything; stops at the first group that is not
 * whole. */
enum pando_status journal_walk(const struct pando_files *files, int file,
                               const struct segment_head *head, uint64_t expected,
                               struct walk *ret) PANDO_MUST_USE;
/* Whether any group behind `from` in the segment proves that `lost` was durable; and
 * whether there is a group's head that belongs there: it could be taken
 * for a group some day. What the file held as another segment cannot. */
enum pando_status journal_look_ahead(const struct pando_files *files, int file,
                                     const struct segment_head *head, uint64_t from,
                                     uint64_t lost, bool *ret_proof,
                                     bool *ret_dirty) PANDO_MUST_USE;
struct segment *journal_segment_at(const struct journal *j, uint64_t position);
enum pando_status journal_add_segment(struct journal *j, const struct segment_head *head,
                                      struct segment **ret) PANDO_MUST_USE;
/* A small file that holds one number: 0 where there is none. Raising it is durable. */
#define JOURNAL_EPOCH   "epoch"
#define JOURNAL_REPAIRS "repairs"
enum pando_status journal_count_read(const struct pando_files *files, const char *dir,
                                     const char *name, uint64_t *ret,
                                     struct pando_err *reterr) PANDO_MUST_USE;
enum pando_status journal_count_raise(const struct pando_files *files, const char *dir,
                                      const char *name, uint64_t *ret,
                                      struct pando_err *reterr) PANDO_MUST_USE;
/* The staged record at `position`: its head and bytes in memory, or NULL. */
const uint8_t *journal_staged_at(const struct journal *j, uint64_t position,
                                 size_t *ret_room);

#endif
