/* delta_text.h - a delta from JSON text in one pass, where the text is plain (plain.h).
 *
 * What is plain here: the members of a delta and of its pointers in any order, each at most once,
 * in either spelling, and no others. Texts borrow from the text. Verdicts are those of
 * delta_json.h: what these functions take it takes too, with the same canonical bytes; what they
 * leave is not wrong, and goes that way.
 *
 * Proof: fuzz_delta_text reads everything both ways.
 */
#ifndef SPACE_DELTA_DELTA_TEXT_H
#define SPACE_DELTA_DELTA_TEXT_H

#include "space/delta/delta.h"
#include "space/delta/plain.h"

/* Read one delta, all its members there, and move behind it: everything but bytes, name and
 * digest, which delta_seal makes, checking the rest. False: the cursor has failed. */
bool delta_text_next(struct plain *p, struct delta_room *room, struct delta *ret);
/* Read and seal a text that is one delta. False: it is for the other reader to say. */
bool delta_from_text(struct pando_slice text, struct delta_room *room, struct pando_buf *buf,
                     struct delta *ret);

#endif
