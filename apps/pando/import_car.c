/* import_car.c - an archive is read block by block and sent in batches that are archives, too.
 *
 * The node proves each block by its CID. The root stays here: it says how many there must be, and
 * so whether the file is whole.
 */
#include "apps/pando/delta_import.h"

#include "base/slice.h"
#include "codec/car.h"
#include "codec/cbor.h"
#include "crypto/sign.h"

#include <errno.h>
#include <string.h>

struct archive {
    struct import *m;
    struct pando_buf block; /* its length, then its bytes */
    struct pando_id root;
    bool has_root;          /* the header names one */
    uint64_t blocks, named; /* deltas in the file; that its root names */
};

/* A block with its length in front. PANDO_NOT_FOUND: the file has ended; PANDO_MALFORMED: it ends
 * within the block, or what stands there is none. */
static enum pando_status read_block(struct archive *a, size_t max)
{
    struct pando_buf *b = &a->block;
    uint8_t head[WIRE_UVARINT_MAX];
    uint64_t len = 0;
    size_t n = 0;
    int c;
    do {
        c = getc(a->m->file);
        if (c == EOF && n == 0)
            return ferror(a->m->file) ? PANDO_IO : PANDO_NOT_FOUND;
        if (c == EOF || n == sizeof head)
            return PANDO_MALFORMED;
        head[n++] = (uint8_t)c;
    } while (c >= 0x80);
    struct wire_reader r = wire_read(slice_of(head, n));
    len = wire_get_uvarint(&r);
    if (r.failed || len == 0 || len > max)
        return PANDO_MALFORMED;
    buf_reset(b);
    enum pando_status st = buf_append(b, slice_of(head, n));
    if (st == PANDO_OK)
        st = buf_reserve(b, (size_t)len);
    if (st != PANDO_OK)
        return st;
    const size_t got = fread(b->ptr + b->len, 1, (size_t)len, a->m->file);
    b->len += got;
    return got == len ? PANDO_OK : ferror(a->m->file) ? PANDO_IO : PANDO_MALFORMED;
}

static enum pando_status read_header(struct archive *a, struct pando_err *reterr)
{
    struct car_reader r;
    struct cid root;
    enum pando_status st = read_block(a, CAR_HEADER_MAX);
    if (st == PANDO_OK)
        st = car_open(buf_view(&a->block), crypto_sha256, &r);
    if (st == PANDO_IO)
        return pando_err_set(reterr, st, "cannot read %.160s: %s", a->m->args->words[0],
                             strerror(errno));
    if (st == PANDO_UNSUPPORTED)
        return pando_err_set(reterr, st, "%.160s is a CAR of another version than 1, which "
                                         "'pando delta archive' writes", a->m->args->words[0]);
    if (st != PANDO_OK)
        return pando_err_set(reterr, PANDO_MALFORMED,
                             "%.160s is neither JSON lines nor a CAR archive, or its header is "
                             "damaged: take another copy", a->m->args->words[0]);
    a->has_root = car_next_root(&r, &root) && cid_sha256(&root, &a->root) == PANDO_OK;
    return PANDO_OK;
}

/* Whether the block is the one that names the others; it is taken note of. */
static bool take_root(struct archive *a)
{
    uint8_t cid[CID_SHA256_SIZE];
    struct wire_reader r = wire_read(buf_view(&a->block));
    const struct pando_slice block = wire_get_block(&r, CAR_SECTION_MAX);
    cid_write_sha256(CID_DAG_CBOR, &a->root, cid);
    if (!a->has_root || block.len < sizeof cid || memcmp(block.ptr, cid, sizeof cid) != 0)
        return false;
    const struct pando_slice data = slice_from(block, sizeof cid);
    const struct pando_id got = crypto_sha256(data);
    r = wire_read(data);
    (void)cbor_get_map(&r, 8);
    cbor_expect_key(&r, "pando");
    (void)cbor_get_text(&r, 64);
    cbor_expect_key(&r, "before");
    (void)cbor_get_uint(&r);
    cbor_expect_key(&r, "deltas");
    a->named = cbor_get_array(&r, CAR_SECTION_MAX);
    if (!id_equal(&got, &a->root) || r.failed) {
        a->named = 0;
        import_refuse(a->m, a->m->line + 1,
                      "the root, which names all deltas, is damaged: whether they all are here "
                      "is not known");
    }
    return true;
}

/* Send what is there, and count one more block that is not. */
static enum pando_status send_on(struct import *m, struct pando_err *reterr)
{
    enum pando_status st = import_send(m, reterr);
    m->line++;
    return st == PANDO_OK ? import_begin(m) : st;
}

static enum pando_status take_block(struct archive *a, struct pando_err *reterr)
{
    struct import *m = a->m;
    enum pando_status st = PANDO_OK;
    if (m->batch.len + a->block.len > IMPORT_BATCH) {
        st = import_send(m, reterr);
        if (st == PANDO_OK)
            st = import_begin(m);
    }
    if (st != PANDO_OK)
        return st;
    a->blocks++;
    if (a->block.len > IMPORT_BATCH / 2) {
        import_refuse(m, m->line + m->lines + 1, "it is larger than any delta: is this an archive "
                                                 "of 'pando delta archive'?");
        return send_on(m, reterr);
    }
    m->lines++;
    return buf_append(&m->batch, buf_view(&a->block));
}

static enum pando_status take_all(struct archive *a, struct pando_err *reterr)
{
    struct import *m = a->m;
    enum pando_status st = import_begin(m);
    while (st == PANDO_OK && (st = read_block(a, CAR_SECTION_MAX)) == PANDO_OK) {
        if (m->line + m->lines > 0 || !take_root(a))
            st = take_block(a, reterr);
        else
            m->line = 1;
    }
    const unsigned long long next = m->line + m->lines + 1;
    if (st == PANDO_IO)
        return pando_err_set(reterr, st, "cannot read %.160s: %s", m->args->words[0],
                             strerror(errno));
    if (st != PANDO_NOT_FOUND && (st != PANDO_MALFORMED || reterr->text[0] != '\0'))
        return st;
    const bool cut = st == PANDO_MALFORMED;
    st = import_send(m, reterr);
    if (cut)
        import_refuse(m, next,
                      "the file is cut off or damaged here and was read no further; take another "
                      "copy of it");
    return st;
}

enum pando_status import_car(struct import *m, struct pando_err *reterr)
{
    struct archive a = { .m = m };
    char text[200];
    buf_init(&a.block, CAR_SECTION_MAX + WIRE_UVARINT_MAX);
    enum pando_status st = read_header(&a, reterr);
    if (st == PANDO_OK)
        st = take_all(&a, reterr);
    if (st == PANDO_OK && a.blocks < a.named) {
        (void)snprintf(text, sizeof text,
                       "the file names %llu deltas, %llu are in it: it is not whole; take another "
                       "copy of it",
                       (unsigned long long)a.named, (unsigned long long)a.blocks);
        import_refuse(m, m->line + 1, text);
    }
    buf_deinit(&a.block);
    return st;
}
