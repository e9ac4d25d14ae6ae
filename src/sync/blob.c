#include "sync/blob.h"

#include "base/slice.h"
#include "codec/cbor.h"
#include "codec/cid.h"
#include "crypto/sign.h"

#include <stdlib.h>

static uint64_t chunks_of(uint64_t size)
{
    return (size + BLOB_CHUNK_SIZE - 1) / BLOB_CHUNK_SIZE;
}

size_t blob_chunk_len(uint64_t size, uint32_t index)
{
    const uint64_t at = (uint64_t)index * BLOB_CHUNK_SIZE;
    if (at >= size)
        return 0;
    return size - at < BLOB_CHUNK_SIZE ? (size_t)(size - at) : BLOB_CHUNK_SIZE;
}

enum pando_status blob_list_decode(struct pando_slice bytes, struct blob_list *ret_list)
{
    struct wire_reader r = wire_read(bytes);

    if (bytes.len > BLOB_LIST_MAX || cbor_check(bytes) != PANDO_OK ||
        cbor_get_map(&r, 2) != 2)
        return PANDO_MALFORMED;
    cbor_expect_key(&r, "size");
    const uint64_t size = cbor_get_uint(&r);
    cbor_expect_key(&r, "chunks");
    const size_t len = cbor_get_array(&r, BLOB_CHUNKS_MAX);
    if (r.failed || size <= BLOB_CHUNK_SIZE || size > BLOB_SIZE_MAX ||
        len != chunks_of(size))
        return PANDO_MALFORMED;
    for (size_t i = 0; i < len; i++)
        ret_list->chunks[i] = cbor_get_link(&r, CID_RAW);
    if (!wire_read_done(&r))
        return PANDO_MALFORMED;
    ret_list->size = size;
    ret_list->chunks_len = (uint32_t)len;
    return PANDO_OK;
}

void blob_list_encode(const struct blob_list *list, struct wire_writer *w)
{
    cbor_put_map(w, 2);
    cbor_put_key(w, "size");
    cbor_put_uint(w, list->size);
    cbor_put_key(w, "chunks");
    cbor_put_array(w, list->chunks_len);
    for (uint32_t i = 0; i < list->chunks_len; i++)
        cbor_put_link(w, CID_RAW, &list->chunks[i]);
}

enum pando_status blob_ref_parse(const char *text, struct blob_ref *ret_ref)
{
    struct cid cid;
    struct blob_ref ref;
    enum pando_status st = cid_parse(text, &cid);
    if (st != PANDO_OK)
        return st;
    if (cid.codec != CID_RAW && cid.codec != CID_DAG_CBOR)
        return PANDO_UNSUPPORTED;
    st = cid_sha256(&cid, &ref.id);
    if (st != PANDO_OK)
        return st;
    ref.list = cid.codec == CID_DAG_CBOR;
    *ret_ref = ref;
    return PANDO_OK;
}

bool blob_ref_matches(const struct blob_ref *ref, struct pando_slice bytes)
{
    if (bytes.len > (ref->list ? BLOB_LIST_MAX : BLOB_CHUNK_SIZE))
        return false;
    const struct pando_id id = crypto_sha256(bytes);
    return id_equal(&id, &ref->id);
}

void blob_job_init(struct blob_job *job, const struct blob_ref *ref)
{
    *job = (struct blob_job){ .ref = *ref };
}

void blob_job_deinit(struct blob_job *job)
{
    free(job->list);
    free(job->pieces);
    job->list = NULL;
    job->pieces = NULL;
}

bool blob_job_next(struct blob_job *job, struct blob_ref *ret_piece)
{
    if (job->root == BLOB_ABSENT) {
        job->root = BLOB_WANTED;
        job->wanted++;
        *ret_piece = job->ref;
        return true;
    }
    if (job->list == NULL || job->wanted >= BLOB_WINDOW)
        return false;
    while (job->next < job->pieces_len && job->pieces[job->next] != BLOB_ABSENT)
        job->next++;
    if (job->next == job->pieces_len)
        return false;
    const struct pando_id id = job->list->chunks[job->next];
    /* Equal chunks of one body are one piece. */
    for (uint32_t i = job->next; i < job->pieces_len; i++)
        if (id_equal(&job->list->chunks[i], &id))
            job->pieces[i] = BLOB_WANTED;
    job->wanted++;
    *ret_piece = (struct blob_ref){ false, id };
    return true;
}

static enum pando_status hold_root(struct blob_job *job, struct pando_slice bytes)
{
    if (job->ref.list) {
        struct blob_list *list = malloc(sizeof *list);
        if (list == NULL)
            return PANDO_NOMEM;
        const enum pando_status st = blob_list_decode(bytes, list);
        uint8_t *pieces = st == PANDO_OK ? calloc(list->chunks_len, 1) : NULL;
        if (pieces == NULL) {
            free(list);
            return st == PANDO_OK ? PANDO_NOMEM : st;
        }
        job->list = list;
        job->pieces = pieces;
        job->pieces_len = list->chunks_len;
    }
    if (job->root == BLOB_WANTED)
        job->wanted--;
    job->root = BLOB_HELD;
    return PANDO_OK;
}

enum pando_status blob_job_hold(struct blob_job *job, const struct blob_ref *piece,
                                struct pando_slice bytes)
{
    if (piece->list == job->ref.list && id_equal(&piece->id, &job->ref.id))
        return job->root == BLOB_HELD ? PANDO_NOT_FOUND : hold_root(job, bytes);
    bool found = false, wanted = false;
    for (uint32_t i = 0; i < job->pieces_len && !piece->list; i++) {
        if (job->pieces[i] == BLOB_HELD || !id_equal(&job->list->chunks[i], &piece->id))
            continue;
        wanted = wanted || job->pieces[i] == BLOB_WANTED;
        job->pieces[i] = BLOB_HELD;
        job->held++;
        found = true;
    }
    if (wanted)
        job->wanted--;
    return found ? PANDO_OK : PANDO_NOT_FOUND;
}

void blob_job_lost(struct blob_job *job, const struct blob_ref *piece)
{
    if (piece->list == job->ref.list && id_equal(&piece->id, &job->ref.id)) {
        if (job->root != BLOB_WANTED)
            return;
        job->root = BLOB_ABSENT;
        job->wanted--;
        return;
    }
    bool wanted = false;
    for (uint32_t i = 0; i < job->pieces_len && !piece->list; i++) {
        if (job->pieces[i] != BLOB_WANTED || !id_equal(&job->list->chunks[i], &piece->id))
            continue;
        job->pieces[i] = BLOB_ABSENT;
        job->next = i < job->next ? i : job->next;
        wanted = true;
    }
    if (wanted)
        job->wanted--;
}

bool blob_job_is_done(const struct blob_job *job)
{
    return job->root == BLOB_HELD && job->held == job->pieces_len;
}

uint64_t blob_job_size(const struct blob_job *job)
{
    return job->list == NULL ? 0 : job->list->size;
}
