/* restore.c - an import whose bytes are a CAR archive: block by block, each proven by its CID.
 *
 * What was archived here is held again; what is held is known. A block that is damaged is told of
 * and left out, like a line of an import that is no delta.
 */
#include "space/delta/engine.h"

#include "base/slice.h"
#include "codec/cbor.h"
#include "codec/json.h"

#include <string.h>

#define REASONS_MAX 100 /* refused blocks that an answer tells of */

/* Lines begin with a brace or white space; an archive with the length of its header. */
bool deltas_is_car(struct pando_slice bytes)
{
    const uint8_t first = bytes.len > 1 ? bytes.ptr[0] : '{';
    return first == ':' || (first >= 0x80 && first != 0xef) ||
           (first < ' ' && strchr("\t\n\r", first) == NULL) ||
           (first == '\n' && bytes.ptr[1] == 0xa1);
}

enum pando_status deltas_restore_open(struct deltas_intake *i, struct pando_err *reterr)
{
    const enum pando_status st = car_open(buf_view(&i->bytes), crypto_sha256, &i->reader);
    if (st == PANDO_UNSUPPORTED)
        return pando_err_set(reterr, st, "the archive has a version of CAR that is not known: "
                                         "versions 1 and 2 are read");
    if (st != PANDO_OK)
        return pando_err_set(reterr, st, "this is neither JSON lines nor a CAR archive: its "
                                         "header does not read; take another copy of the file");
    return PANDO_OK;
}

/* The CID of the block at the head of what is left; "" when it has none that reads. */
static void name_block(struct pando_slice left, char ret[static CID_TEXT_MAX])
{
    struct wire_reader r = wire_read(left);
    struct cid cid;
    const struct pando_slice block = wire_get_block(&r, CAR_SECTION_MAX);
    if (r.failed || block.len < CID_SHA256_SIZE ||
        cid_decode(slice_of(block.ptr, CID_SHA256_SIZE), &cid) != PANDO_OK ||
        cid_print(&cid, ret, CID_TEXT_MAX) != PANDO_OK)
        ret[0] = '\0';
}

static void refuse(struct deltas *d, struct deltas_intake *i, struct pando_slice block,
                   const char *reason)
{
    const size_t before = i->refused.len;
    char cid[CID_TEXT_MAX];
    d->totals.refused++;
    if (i->refused_len++ >= REASONS_MAX)
        return;
    name_block(block, cid);
    enum pando_status st = buf_printf(&i->refused, "%s{\"block\":%llu,\"cid\":\"%s\",\"reason\":",
                                      before > 0 ? "," : "", (unsigned long long)i->line, cid);
    if (st == PANDO_OK)
        st = json_text_escape(&i->refused, slice_text(reason));
    if (st == PANDO_OK)
        st = buf_append(&i->refused, slice_text("}"));
    if (st != PANDO_OK)
        i->refused.len = before;
}

/* The block that names all the others. */
static bool is_root(struct pando_slice data)
{
    struct wire_reader r = wire_read(data);
    if (cbor_check(data) != PANDO_OK || cbor_get_map(&r, 8) != 3)
        return false;
    cbor_expect_key(&r, "pando");
    const struct pando_slice text = cbor_get_text(&r, 64);
    return !r.failed && slice_equal(text, slice_text(DELTA_ARCHIVE_TAG));
}

/* The reader stands at a block that it does not give; whether there are more. */
static bool pass_over(struct deltas *d, struct deltas_intake *i, struct pando_slice block)
{
    const enum pando_status st = i->reader.status;
    if (st == PANDO_OK)
        return false;
    i->line++;
    i->reader.status = PANDO_OK;
    if (st == PANDO_CORRUPT) {
        refuse(d, i, block, "its bytes do not match its CID: it is damaged; take another copy "
                            "of the file");
    } else if (st == PANDO_UNSUPPORTED) {
        refuse(d, i, block, "its CID has a hash function that is not verified: sha2-256 is");
    } else {
        i->reader.sections = wire_read(SLICE_EMPTY);
        refuse(d, i, block, "the file is cut off or damaged here and was read no further; take "
                            "another copy of it");
    }
    return true;
}

static enum pando_status stage(struct deltas *d, struct deltas_intake *i,
                               const struct delta *delta)
{
    const struct delta_brief brief = delta_brief_of(delta);
    enum delta_outcome outcome;
    uint64_t ticket;
    bool returned;
    enum pando_status st = delta_store_return(d->store, &brief, &returned);
    i->returned += st == PANDO_OK && returned;
    if (st == PANDO_OK)
        st = deltas_stage(d, delta, false, DELTAS_OWN, &outcome, &ticket);
    if (st == PANDO_OK)
        deltas_intake_count(i, outcome, ticket);
    return st;
}

enum pando_status deltas_restore_block(struct deltas *d, struct deltas_intake *i)
{
    const struct car_reader before = i->reader;
    const struct pando_slice left = before.sections.left;
    struct car_section section;
    struct delta delta;
    if (!car_next(&i->reader, &section))
        return pass_over(d, i, left) ? PANDO_OK : PANDO_NOT_FOUND;
    i->line++;
    if (section.cid.codec != CID_DAG_CBOR ||
        delta_decode(section.data, &d->room, &delta) != PANDO_OK) {
        if (!is_root(section.data))
            refuse(d, i, left, "it is no delta: is this an archive of 'pando delta archive'?");
        return PANDO_OK;
    }
    const enum pando_status st = stage(d, i, &delta);
    if (st != PANDO_OK) { /* not now */
        i->reader = before;
        i->line--;
    }
    return st;
}
