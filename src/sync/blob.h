/* blob.h - bodies too large for a message: chunks by their hash, and a list that names
 * them.
 *
 * A body of at most 128 KiB is its own single chunk, named by a CID of codec raw. A
 * larger one is cut into chunks of 128 KiB (the last may be shorter) and named by the CID
 * (codec dag-cbor) of its list:
 *
 *   a2 64 "size" uint  66 "chunks" [ link(raw), ... ]
 *
 * One body has one list and so one name. Each piece is checked against its hash before it
 * is kept; a fetch that was cut resumes with the pieces that are missing. A job follows
 * one fetch: it says which pieces to want next, a bounded number at a time, and swallows
 * those that come. The bytes are kept by the owner; the job only counts.
 */
#ifndef SYNC_BLOB_H
#define SYNC_BLOB_H

#include "codec/wire.h"

#include <pando/status.h>
#include <pando/types.h>

#define BLOB_CHUNK_SIZE (128u << 10)
#define BLOB_SIZE_MAX   (64u << 20)
#define BLOB_CHUNKS_MAX (BLOB_SIZE_MAX / BLOB_CHUNK_SIZE)
#define BLOB_LIST_MAX   (BLOB_CHUNKS_MAX * 41u + 64u)
#define BLOB_WINDOW     16 /* pieces of one job that are wanted at a time */

/* The name of a body, or of a piece. */
struct blob_ref {
    bool list; /* codec dag-cbor: a list; else raw: a chunk */
    struct pando_id id;
};

struct blob_list {
    uint64_t size;
    uint32_t chunks_len;
    struct pando_id chunks[BLOB_CHUNKS_MAX];
};

/* Errors: PANDO_MALFORMED not canonical, or the number of chunks does not fit the size.
 */
enum pando_status blob_list_decode(struct pando_slice bytes,
                                   struct blob_list *ret_list) PANDO_MUST_USE;
void blob_list_encode(const struct blob_list *list, struct wire_writer *w);

/* Bytes that chunk `index` of a body of `size` bytes has. */
size_t blob_chunk_len(uint64_t size, uint32_t index);

/* "bafk..." or "bafy...". `text` as cid_text_sha256 gives it. */
enum pando_status blob_ref_parse(const char *text,
                                 struct blob_ref *ret_ref) PANDO_MUST_USE;
/* Whether `bytes` are what `ref` names; a chunk must not be too long. */
bool blob_ref_matches(const struct blob_ref *ref, struct pando_slice bytes);

enum blob_piece { BLOB_ABSENT, BLOB_WANTED, BLOB_HELD };

struct blob_job {
    struct blob_ref ref;
    struct blob_list *list; /* NULL until the list is held */
    uint8_t *pieces;        /* enum blob_piece by chunk; one entry for a single chunk */
    uint32_t pieces_len;
    uint32_t held;
    uint32_t wanted;
    uint32_t next;        /* all pieces in front of it are held or wanted */
    enum blob_piece root; /* of the list, or of the single chunk */
};

void blob_job_init(struct blob_job *job, const struct blob_ref *ref);
void blob_job_deinit(struct blob_job *job);
/* The next piece that the owner should look for, in its store and then among peers; false
 * when the window is full or all pieces are wanted. */
bool blob_job_next(struct blob_job *job, struct blob_ref *ret_piece);
/* A piece is in the store now. `bytes` are read when it is the list.
 * Errors: PANDO_NOT_FOUND not a piece of this job, or held already; PANDO_MALFORMED the
 * list is none (the name is a lie of its author: give up); PANDO_NOMEM. */
enum pando_status blob_job_hold(struct blob_job *job, const struct blob_ref *piece,
                                struct pando_slice bytes) PANDO_MUST_USE;
/* A piece could not be had now: it will be given out by blob_job_next again. */
void blob_job_lost(struct blob_job *job, const struct blob_ref *piece);
bool blob_job_is_done(const struct blob_job *job);
/* Bytes of the whole body; valid once the list is held. A single chunk counts as 0. */
uint64_t blob_job_size(const struct blob_job *job);

#endif
